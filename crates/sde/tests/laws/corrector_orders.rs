//! What correctors do to the order of their predictor, on normal data by the exact recursion of mean and variance.
//!
//! A correction of size `ε` at a time with the variance `V` of the marginal makes of `V + w` the variance `(1 − ε/V)² (V + w) + 2ε = V + (1 − ε/V)² w + ε²/V`: it takes away from
//! what is wrong, and adds `ε²/V` of its own. After `n` steps those add up to `O(n ε²)`, and beside the error `O(hᵖ)` of the predictor there is nothing to be seen of it if `ε = O(h^{(p+1)/2})` or less.
//! Held at one size, corrections win: in small steps the law follows their fixed point `V/(1 − ε/(2V))`, whatever the predictor, and lags behind by `O(h)`.

use gibbsian_core::LinearGaussian;
use gibbsian_sde::{
    Ancestral, Ddim, DpmSolver2S, EdmHeun, LangevinStep, PredictorCorrector, ReverseDiffusion, Solver,
    TimeGrid,
};

use crate::common::linear_law::{Process, Reverse, law, marginal, order_of_halving, processes, reverse};

const SIZES: [usize; 3] = [512, 1024, 2048];
const TOLERANCE: f64 = 0.01;

/// The error of the variance in the middle of the way, with corrections of `size` of the variance there.
fn errors<S: Solver<Reverse> + Copy>(
    predictor: S,
    process: Process,
    size: impl Fn(f64) -> f64,
    limit: impl Fn(f64) -> f64,
) -> [f64; 3] {
    let (horizon, end) = (process.horizon(), 0.2 * process.horizon());
    let variance = marginal(&process, end).1;
    SIZES.map(|n| {
        let grid = TimeGrid::uniform(horizon, end, n).unwrap();
        let solver = PredictorCorrector::new(predictor, LangevinStep::Fixed(size(1.0 / n as f64) * variance));
        let found = law(&solver, &reverse(process), &grid, marginal(&process, horizon));
        (found.1 - limit(variance)).abs()
    })
}

fn check(name: &str, process: Process, errors: [f64; 3], expected: f64) {
    let found = order_of_halving(errors);
    assert!(
        (found - expected).abs() <= TOLERANCE,
        "{name}, {process:?}: order {found} instead of {expected}, errors {errors:?}"
    );
}

#[test]
fn corrections_that_shrink_with_the_step_leave_the_order_of_the_predictor() {
    for process in processes() {
        let none = |variance: f64| variance;
        // In proportion to the step, both errors are of first order.
        let first = |h: f64| 2.0 * h;
        check(
            "DDIM",
            process,
            errors(Ddim::default(), process, first, none),
            1.0,
        );
        check(
            "ancestral",
            process,
            errors(Ancestral::default(), process, first, none),
            1.0,
        );
        check(
            "reverse diffusion",
            process,
            errors(ReverseDiffusion, process, first, none),
            1.0,
        );
        // And to its square, that of the corrections is of third order.
        let second = |h: f64| 4.0 * h * h;
        check(
            "2S",
            process,
            errors(DpmSolver2S::default(), process, second, none),
            2.0,
        );
        check(
            "Heun",
            process,
            errors(EdmHeun::default(), process, second, none),
            2.0,
        );
        // In proportion to the step corrections are the larger error of a predictor of second order.
        check(
            "Heun, large corrections",
            process,
            errors(EdmHeun::default(), process, first, none),
            1.0,
        );
    }
}

#[test]
fn corrections_of_one_size_lead_to_their_own_fixed_point() {
    for process in processes() {
        let size = 0.1;
        let fixed_point = |variance: f64| variance / (1.0 - 0.5 * size);
        let held = |_: f64| size;
        check(
            "DDIM",
            process,
            errors(Ddim::default(), process, held, fixed_point),
            1.0,
        );
        check(
            "Heun",
            process,
            errors(EdmHeun::default(), process, held, fixed_point),
            1.0,
        );
    }
}
