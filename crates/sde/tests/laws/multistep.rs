//! What multistep methods remember, and who may not use them.

use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_core::{Seed, Space};
use gibbsian_sde::{
    Ancestral, BrownianBlock, Ddim, DpmSolver2M, DpmSolver2S, DpmSolverSde2M, EdmHeun, EmbeddedPair, Euler,
    EulerMaruyama, ExponentialIntegrator, FixedSteps, FreshNoise, Heun, KnownCoordinates, LangevinStep,
    MetropolisCorrected, Milstein, PredictorCorrector, ProbabilityFlow, RePaint, Replacement,
    ReverseDiffusion, ReverseSde, RungeKutta4, Solver, Sra1, Sri1W1, Step, StochasticHeun, StratonovichHeun,
    TimeGrid, UniPc,
};
use ndarray::{Array2, ArrayViewMut2, array};

use crate::common::normals::Normals;
use crate::common::two_modes;

/// The same numbers whenever it is asked.
struct Fixed;

impl Fixed {
    fn fill(mut out: ArrayViewMut2<f64>) {
        for ((b, i), out) in out.indexed_iter_mut() {
            *out = 0.3 * ((5 * b + 3 * i + 1) as f64).sin();
        }
    }
}

impl BrownianBlock for Fixed {
    fn increment_into(&mut self, _: f64, _: f64, increment: ArrayViewMut2<f64>) {
        Fixed::fill(increment);
    }

    fn increment_and_area_into(&mut self, _: f64, _: f64, w: ArrayViewMut2<f64>, area: ArrayViewMut2<f64>) {
        Fixed::fill(w);
        Fixed::fill(area);
    }

    fn independent_into(&mut self, z: ArrayViewMut2<f64>) {
        Fixed::fill(z);
    }
}

/// A scheme says that it is of several steps if, and only if, a step from given points depends on the step before.
fn says_what_it_remembers<E: Space, S: Solver<E>>(name: &str, solver: &S, equation: &E) {
    let step = |index: usize| Step {
        index,
        n_steps: 3,
        from: 2.0 - 0.5 * index as f64,
        to: 1.5 - 0.5 * index as f64,
    };
    let points = array![[0.7, -0.4], [-1.3, 2.0]];
    let mut memory = S::Memory::default();
    let mut x = array![[1.5, 0.2], [0.1, -0.6]];
    solver.step(equation, &step(0), x.view_mut(), &mut Fixed, &mut memory);
    let mut after = points.clone();
    solver.step(equation, &step(1), after.view_mut(), &mut Fixed, &mut memory);
    let mut alone = points;
    solver.step(
        equation,
        &step(1),
        alone.view_mut(),
        &mut Fixed,
        &mut S::Memory::default(),
    );
    assert_eq!(after != alone, solver.is_multistep(), "{name}");
}

#[test]
fn a_scheme_is_multistep_if_a_step_depends_on_the_one_before() {
    let equation = two_modes(OrnsteinUhlenbeck::new(2.0).unwrap());
    macro_rules! check {
        ($($solver:expr),* $(,)?) => {
            $(says_what_it_remembers(stringify!($solver), &$solver, &equation);)*
        };
    }
    check!(
        EulerMaruyama,
        Milstein,
        StratonovichHeun,
        StochasticHeun,
        Sra1,
        Sri1W1,
        ExponentialIntegrator,
        ReverseDiffusion,
        Ancestral::default(),
        Ddim::default(),
        Ddim::new(0.5).unwrap(),
        DpmSolver2M,
        DpmSolver2S::default(),
        DpmSolverSde2M,
        UniPc::new(1).unwrap(),
        UniPc::default(),
        UniPc::new(3).unwrap(),
        EdmHeun::default(),
        corrected(Ddim::default()),
        MetropolisCorrected::new(Ddim::default(), 1, 0.5, 1.0).unwrap(),
        Replacement::new(Ddim::default(), known()),
        RePaint::new(Ddim::default(), known(), 2).unwrap(),
    );
    let flow = ProbabilityFlow::new(*equation.process(), equation.model().clone());
    says_what_it_remembers("Euler", &Euler, &flow);
    says_what_it_remembers("Heun", &Heun, &flow);
    says_what_it_remembers("Runge and Kutta", &RungeKutta4, &flow);
    says_what_it_remembers("Dormand and Prince", &EmbeddedPair::DORMAND_PRINCE, &flow);
}

fn known() -> KnownCoordinates {
    KnownCoordinates::new(vec![1], array![0.5]).unwrap()
}

fn corrected<S>(predictor: S) -> PredictorCorrector<S> {
    PredictorCorrector::new(predictor, LangevinStep::Fixed(0.1))
}

type Reverse = ReverseSde<OrnsteinUhlenbeck, Normals<OrnsteinUhlenbeck>>;

#[test]
fn who_moves_points_between_steps_refuses_multistep_methods() {
    fn refused<S: Solver<Reverse>>(name: &str, solver: &S) {
        let process = OrnsteinUhlenbeck::new(2.0).unwrap();
        let model = Normals::isotropic(array![1.0], array![[0.5, -0.2]], &[0.6], process);
        let noise = FreshNoise::new(Seed::new(3));
        let message = FixedSteps::new(TimeGrid::uniform(2.0, 0.0, 4).unwrap())
            .solve(
                solver,
                &ReverseSde::new(process, model),
                Array2::zeros((1, 2)),
                &noise,
            )
            .unwrap_err()
            .to_string();
        assert_eq!(
            message,
            format!(
                "`{name}` is a multistep scheme, but must be one of one step, because points are moved between its steps or steps are made again, and what it remembers would be no longer true; take DpmSolver2S, EdmHeun or Ddim"
            )
        );
    }
    fn refused_by_all<S: Solver<Reverse> + Copy>(solver: S) {
        refused("predictor", &corrected(solver));
        refused("solver", &MetropolisCorrected::new(solver, 1, 0.5, 1.0).unwrap());
        refused("solver", &Replacement::new(solver, known()));
        refused("solver", &RePaint::new(solver, known(), 1).unwrap());
        refused("solver", &RePaint::new(solver, known(), 3).unwrap());
        // However deep within.
        let outer = MetropolisCorrected::new(Replacement::new(solver, known()), 1, 0.5, 1.0).unwrap();
        refused("solver", &outer);
        refused("predictor", &corrected(corrected(solver)));
    }
    refused_by_all(UniPc::default());
    refused_by_all(UniPc::new(1).unwrap());
    refused_by_all(DpmSolver2M);
    refused_by_all(DpmSolverSde2M);
}
