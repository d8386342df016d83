//! Where there is no noise, schemes that draw beside the path are refused, and no scheme gets zeros for draws; a transition may have none, or less by
//! rounding.

use gibbsian_core::process::{GaussianTransition, OrnsteinUhlenbeck, VariancePreserving};
use gibbsian_core::{Density, LinearGaussian, Seed};
use gibbsian_sde::theory::Girsanov;
use gibbsian_sde::{
    Ancestral, BrownianBlock, Ddim, DiffusionPosteriorSampling, EdmHeun, EulerMaruyama, FixedSteps,
    FreshNoise, KnownCoordinates, LangevinStep, LinearObservation, MetropolisCorrected, NoNoise,
    PredictorCorrector, RePaint, Replacement, ReverseSde, Solver, Step, TimeGrid, TwistedSmc,
};
use gibbsian_testkit::targets::Noised;
use ndarray::{Array2, ArrayViewMut2, array};

use crate::common::{mixture, two_modes};

type Equation = ReverseSde<VariancePreserving, Noised<VariancePreserving>>;

fn solve(solver: &impl Solver<Equation>, is_without: bool) -> Result<Array2<f64>, String> {
    let equation = two_modes(VariancePreserving::new(0.1, 10.0).unwrap());
    let steps = FixedSteps::new(TimeGrid::uniform(1.0, 0.1, 5).unwrap());
    let start = array![[0.3, -0.8], [1.1, 0.2]];
    let solved = match is_without {
        true => steps.solve(solver, &equation, start, &NoNoise),
        false => steps.solve(solver, &equation, start, &FreshNoise::new(Seed::new(1))),
    };
    solved.map_err(|error| error.to_string())
}

/// Without noise, and with it, so that nothing else is wrong.
fn refused(name: &str, solver: &impl Solver<Equation>) {
    let message = solve(solver, true).unwrap_err();
    assert_eq!(
        message,
        "`motion` is without noise, but must be one with numbers beside it, which the solver draws; give FreshNoise",
        "{name}"
    );
    assert!(solve(solver, false).is_ok(), "{name}");
}

fn flow() -> Ddim {
    Ddim::new(0.0).unwrap()
}

fn corrected<V>(predictor: V, n_corrections: usize) -> PredictorCorrector<V> {
    PredictorCorrector {
        predictor,
        n_corrections,
        step: LangevinStep::Fixed(1e-3),
    }
}

#[test]
fn schemes_that_draw_beside_the_path_are_refused() {
    let churning = EdmHeun {
        churn: 2.0,
        ..EdmHeun::default()
    };
    let known = || KnownCoordinates::new(vec![0], array![0.5]).unwrap();
    refused("churn", &churning);
    refused("corrections", &corrected(flow(), 1));
    refused("churn that is corrected", &corrected(churning, 0));
    refused(
        "adjusted corrections",
        &MetropolisCorrected::new(flow(), 1, 0.1, 1.0).unwrap(),
    );
    refused("known coordinates", &Replacement::new(flow(), known()));
    refused(
        "known coordinates, again and again",
        &RePaint::new(flow(), known(), 2).unwrap(),
    );
}

#[test]
fn schemes_that_do_not_draw_need_none() {
    assert!(solve(&flow(), true).is_ok());
    assert!(solve(&EdmHeun::default(), true).is_ok());
    assert!(solve(&corrected(flow(), 0), true).is_ok());
}

/// Draws, and does not say so.
struct Secretive;

impl Solver<Equation> for Secretive {
    type Memory = ();

    fn noise_dim(&self, _: &Equation) -> usize {
        0
    }

    fn step(
        &self,
        _: &Equation,
        _: &Step,
        mut x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        (): &mut (),
    ) {
        let mut z = Array2::zeros(x.raw_dim());
        noise.independent_into(z.view_mut());
        x += &z;
    }
}

#[test]
fn a_draw_where_there_is_none_is_an_error() {
    let message = solve(&Secretive, true).unwrap_err();
    assert!(
        message.contains("x[0, 0]") && message.contains("step 1 of 5"),
        "{message}"
    );
    assert!(solve(&Secretive, false).is_ok());
}

/// A process whose variances over short times are less than nothing, as a difference of variances may be rounded.
#[derive(Clone, Copy)]
struct Rounded(OrnsteinUhlenbeck);

impl LinearGaussian for Rounded {
    fn horizon(&self) -> f64 {
        self.0.horizon()
    }
    fn alpha(&self, t: f64) -> f64 {
        self.0.alpha(t)
    }
    fn variance(&self, t: f64) -> f64 {
        self.0.variance(t)
    }
    fn drift_rate(&self, t: f64) -> f64 {
        self.0.drift_rate(t)
    }
    fn diffusion_squared(&self, t: f64) -> f64 {
        self.0.diffusion_squared(t)
    }
    fn transition(&self, s: f64, t: f64) -> GaussianTransition {
        let law = self.0.transition(s, t);
        let variance = if t - s < 1e-3 { -f64::EPSILON } else { law.variance };
        GaussianTransition { variance, ..law }
    }
}

#[test]
fn a_variance_that_is_rounded_to_less_than_nothing_is_none() {
    let process = Rounded(OrnsteinUhlenbeck::new(2.0).unwrap());
    let grid = TimeGrid::new(array![2.0, 1.0, 0.9999, 0.5, 0.0]).unwrap();
    let noise = FreshNoise::new(Seed::new(2));
    let (equation, steps) = (two_modes(process), FixedSteps::new(grid.clone()));
    // A point that is not finite is an error of all of these.
    let known = KnownCoordinates::new(vec![0], array![0.5]).unwrap();
    let repaint = RePaint::new(EulerMaruyama, known, 2).unwrap();
    steps
        .solve(&repaint, &equation, noise.normal((4, 2)), &noise)
        .unwrap();
    let ancestral = Ancestral::default();
    steps
        .solve(&ancestral, &equation, noise.normal((4, 2)), &noise)
        .unwrap();

    let data = mixture(3, 2);
    let score = Noised::new(data.clone(), process);
    let observation = LinearObservation::new(array![[1.0, 0.0]], array![0.5], 0.3).unwrap();
    let twist = DiffusionPosteriorSampling::new(process, score.clone(), observation).unwrap();
    TwistedSmc::new(grid.clone(), 8)
        .run(&process, &twist, Seed::new(3))
        .unwrap();

    let girsanov = Girsanov {
        process: &process,
        exact: &score,
        model: &score,
    };
    let mut rng = Seed::new(4).rng();
    let x = data.sample(4, &mut rng);
    girsanov.estimate(&grid, x.view(), &mut rng).unwrap();
}
