//! Where grids begin and end: the last step to the data, and what is refused before the first.

use gibbsian_core::process::{LinearGaussian, OrnsteinUhlenbeck, VarianceExploding};
use gibbsian_core::{Seed, Space, TimeScore};
use gibbsian_sde::{
    Ancestral, Ddim, DpmSolver2M, DpmSolver2S, DpmSolverSde2M, EdmHeun, ExponentialIntegrator, FixedSteps,
    FreshNoise, LangevinStep, PredictorCorrector, ReverseDiffusion, ReverseSde, ReverseVariance, Solver,
    TimeGrid, UniPc,
};
use gibbsian_testkit::targets::Noised;
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, array};

use crate::common::linear_law::{Process, processes};
use crate::common::two_modes;

#[test]
fn a_step_to_time_zero_gives_the_expected_data() {
    fn check<S: Solver<ReverseSde<Process, Noised<Process>>>>(solver: &S) {
        for process in processes() {
            let equation = two_modes(process);
            let start = array![[0.3, -1.0], [1.5, 0.4]];
            let t = 0.3 * process.horizon();
            let expected = equation.denoise(start.view(), t).unwrap();
            let noise = FreshNoise::new(Seed::new(3));
            let x = FixedSteps::new(TimeGrid::new(array![t, 0.0]).unwrap())
                .solve(solver, &equation, start, &noise)
                .unwrap();
            assert!((x - expected).iter().all(|e| e.abs() < 1e-13));
        }
    }
    check(&Ancestral::default());
    check(&Ancestral {
        variance: ReverseVariance::Transition,
    });
    check(&Ddim::default());
    check(&Ddim::new(0.5).unwrap());
    check(&DpmSolver2M);
    check(&DpmSolver2S::default());
    check(&UniPc::default());
    check(&DpmSolverSde2M);
    check(&EdmHeun::default());
}

/// A score that is not a number at time 0, as that of a network that divides by σ.
struct Divided;

impl Space for Divided {
    fn dim(&self) -> usize {
        1
    }
}

impl TimeScore for Divided {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        let variance = -(-2.0 * t[0]).exp_m1();
        out.assign(&(0.0 * &x / variance));
    }
}

#[test]
fn no_scheme_asks_for_the_score_at_time_zero() {
    fn check<S: Solver<ReverseSde<OrnsteinUhlenbeck, Divided>>>(solver: &S) {
        let equation = ReverseSde::new(OrnsteinUhlenbeck::new(2.0).unwrap(), Divided);
        let noise = FreshNoise::new(Seed::new(3));
        let grid = TimeGrid::uniform(2.0, 0.0, 4).unwrap();
        let x = FixedSteps::new(grid).solve(solver, &equation, array![[1.0]], &noise);
        assert!(x.is_ok(), "{x:?}");
    }
    check(&ExponentialIntegrator);
    check(&ReverseDiffusion);
    check(&Ancestral::default());
    check(&Ddim::default());
    check(&DpmSolver2M);
    check(&DpmSolver2S::default());
    check(&UniPc::default());
    check(&DpmSolverSde2M);
    check(&EdmHeun::default());
    check(&PredictorCorrector::new(
        Ancestral::default(),
        LangevinStep::NoiseLevel(0.1),
    ));
    let equation = ReverseSde::new(OrnsteinUhlenbeck::new(2.0).unwrap(), Divided);
    assert_eq!(
        equation.denoise(array![[1.5]].view(), 0.0).unwrap(),
        array![[1.5]]
    );
}

/// A process that has nothing left of its data at the horizon: `α_t = 1 − t`.
#[derive(Clone, Copy)]
struct Forgetting;

impl LinearGaussian for Forgetting {
    fn horizon(&self) -> f64 {
        1.0
    }
    fn alpha(&self, t: f64) -> f64 {
        1.0 - t
    }
    fn variance(&self, t: f64) -> f64 {
        t * (2.0 - t)
    }
    fn drift_rate(&self, t: f64) -> f64 {
        -1.0 / (1.0 - t)
    }
    fn diffusion_squared(&self, t: f64) -> f64 {
        2.0 / (1.0 - t)
    }
}

/// What the solver says against this grid.
#[track_caller]
fn refusal<P, S>(solver: &S, process: P, stochasticity: f64, times: &[f64]) -> String
where
    P: LinearGaussian + Copy,
    S: Solver<ReverseSde<P, Noised<P>>>,
{
    let equation = two_modes(process).with_stochasticity(stochasticity).unwrap();
    let noise = FreshNoise::new(Seed::new(3));
    FixedSteps::new(TimeGrid::new(times.to_vec().into()).unwrap())
        .solve(solver, &equation, array![[0.0, 1.0]], &noise)
        .unwrap_err()
        .to_string()
}

#[test]
fn grids_that_lead_nowhere_are_refused_by_all() {
    fn check<S>(solver: &S, own: f64)
    where
        S: Solver<ReverseSde<OrnsteinUhlenbeck, Noised<OrnsteinUhlenbeck>>>
            + Solver<ReverseSde<Forgetting, Noised<Forgetting>>>,
    {
        let ou = OrnsteinUhlenbeck::new(2.0).unwrap();
        assert_eq!(
            refusal(solver, ou, own, &[0.0, 0.5, 1.0]),
            "`times[2]` is 1, but must be less than the first time, 0: the equation is solved backwards in time; reverse the grid"
        );
        assert_eq!(
            refusal(solver, ou, own, &[2.5, 0.0]),
            "`times[0]` is 2.5, but must be in [0, 2]; begin at the horizon and end at a small time such as 1e-3"
        );
        assert_eq!(
            refusal(solver, ou, own, &[2.0, 1.0, -0.5]),
            "`times[2]` is -0.5, but must be in [0, 2]; begin at the horizon and end at a small time such as 1e-3"
        );
        assert_eq!(
            refusal(solver, Forgetting, own, &[1.0, 0.0]),
            "`alpha` is 0, but must be finite and greater than zero at the first time, 1"
        );
    }
    check(&ExponentialIntegrator, 1.0);
    check(&ReverseDiffusion, 1.0);
    check(&Ancestral::default(), 1.0);
    check(&Ddim::new(0.5).unwrap(), 0.5);
    check(&DpmSolver2M, 0.0);
    check(&DpmSolver2S::default(), 0.0);
    check(&DpmSolverSde2M, 1.0);
    check(&UniPc::default(), 0.0);
    check(&EdmHeun::default(), 0.0);
    check(
        &PredictorCorrector::new(ReverseDiffusion, LangevinStep::Fixed(0.1)),
        1.0,
    );
}

#[test]
fn another_member_of_the_family_than_the_schemes_is_refused() {
    let ve = VarianceExploding::new(0.1, 10.0).unwrap();
    let times = [1.0, 0.0];
    assert_eq!(
        refusal(&Ancestral::default(), ve, 0.0, &times),
        "`stochasticity` is 0, but must be 1, which this scheme follows"
    );
    assert_eq!(
        refusal(&DpmSolver2M, ve, 0.5, &times),
        "`stochasticity` is 0.5, but must be 0, which this scheme follows, or 1, the default"
    );
    for message in [
        refusal(&DpmSolverSde2M, ve, 0.0, &times),
        refusal(&DpmSolver2S::default(), ve, 2.0, &times),
        refusal(&Ddim::new(0.3).unwrap(), ve, 0.4, &times),
        refusal(&EdmHeun::default(), ve, 0.1, &times),
        refusal(&UniPc::default(), ve, 0.1, &times),
    ] {
        assert!(message.starts_with("`stochasticity` is"), "{message}");
    }
}

#[test]
fn wrong_options_are_refused_by_name() {
    let ve = VarianceExploding::new(0.1, 10.0).unwrap();
    let times = [1.0, 0.0];
    for (found, name) in [
        (Ddim::new(1.5).unwrap_err().to_string(), "`eta`"),
        (Ddim::new(f64::NAN).unwrap_err().to_string(), "`eta`"),
        (DpmSolver2S::new(0.0).unwrap_err().to_string(), "`ratio`"),
        (DpmSolver2S::new(f64::NAN).unwrap_err().to_string(), "`ratio`"),
        (UniPc::new(0).unwrap_err().to_string(), "`order` is 0"),
        (UniPc::new(4).unwrap_err().to_string(), "`order` is 4"),
    ] {
        assert!(found.starts_with(name), "{found}");
    }
    let heun = EdmHeun::default();
    for (solver, name) in [
        (EdmHeun { churn: -1.0, ..heun }, "`churn`"),
        (
            EdmHeun {
                churn_above: f64::NAN,
                ..heun
            },
            "`churn_above`",
        ),
        (
            EdmHeun {
                churn_above: 2.0,
                churn_below: 1.0,
                ..heun
            },
            "`churn_below`",
        ),
        (
            EdmHeun {
                churn_below: f64::NAN,
                ..heun
            },
            "`churn_below`",
        ),
        (
            EdmHeun {
                noise_scale: f64::INFINITY,
                ..heun
            },
            "`noise_scale`",
        ),
    ] {
        let found = refusal(&solver, ve, 1.0, &times);
        assert!(found.starts_with(name), "{found}");
    }
    for (step, name) in [
        (LangevinStep::Fixed(0.0), "`step_size`"),
        (LangevinStep::NoiseLevel(f64::NAN), "`ratio`"),
        (LangevinStep::SignalToNoise(-0.1), "`ratio`"),
        (
            LangevinStep::SignalToNoise(0.1),
            "`dim` is 2, but must be at least 3",
        ),
    ] {
        let solver = PredictorCorrector::new(ReverseDiffusion, step);
        let found = refusal(&solver, ve, 1.0, &times);
        assert!(found.starts_with(name), "{found}");
    }
    // What a predictor refuses, its wrapper refuses.
    let solver = PredictorCorrector::new(Ancestral::default(), LangevinStep::Fixed(0.1));
    assert!(refusal(&solver, ve, 0.5, &times).starts_with("`stochasticity`"));
}

#[test]
fn denoising_refuses_what_is_not_of_the_process() {
    let equation = two_modes(VarianceExploding::new(0.1, 10.0).unwrap());
    let refused = |x: ArrayView2<f64>, t: f64| equation.denoise(x, t).unwrap_err().to_string();
    assert!(refused(array![[0.0, 1.0]].view(), 1.5).starts_with("`t` is 1.5"));
    assert!(refused(array![[0.0]].view(), 0.5).starts_with("`x` has shape [1, 1]"));
}
