//! Where there is no noise, schemes that draw beside the path are refused, and no scheme gets zeros for draws.

use gibbsian_core::Seed;
use gibbsian_core::process::VariancePreserving;
use gibbsian_sde::{
    BrownianBlock, Ddim, EdmHeun, FixedSteps, FreshNoise, KnownCoordinates, LangevinStep,
    MetropolisCorrected, NoNoise, PredictorCorrector, RePaint, Replacement, ReverseSde, Solver, Step,
    TimeGrid,
};
use gibbsian_testkit::targets::Noised;
use ndarray::{Array2, ArrayViewMut2, array};

use crate::common::two_modes;

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
