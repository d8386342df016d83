//! The reverse process of a normal distribution is normal: its mean and its covariance are known, and so are those of every solver, because what it makes of normal data is affine.

use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_core::{LinearGaussian, Seed};
use gibbsian_sde::{
    Ancestral, Ddim, DpmSolver2M, DpmSolver2S, DpmSolverSde2M, EdmHeun, EulerMaruyama, ExponentialIntegrator,
    FixedSteps, FreshNoise, Milstein, ReverseDiffusion, ReverseSde, ReverseVariance, Solver, Sra1,
    StochasticHeun, StoredPath, StratonovichHeun, TimeGrid, UniPc,
};
use gibbsian_testkit::targets::{Mixture, Noised};
use gibbsian_testkit::threads::same_on_any_number;
use ndarray::{Array1, Array2, array};

use crate::common::law_over_grid::{Normal, law_over_grid};
use crate::common::linear_law::{Process, order_of_halving, processes};
use crate::common::normal::NoisedNormal;

type Reverse = ReverseSde<Process, NoisedNormal<Process>>;

/// The root of the sum of squares.
fn size<'a>(values: impl IntoIterator<Item = &'a f64>) -> f64 {
    values.into_iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// Requires the errors of mean and covariance of correlated data to be of this order in the step.
///
/// Along the axes of the covariance the coordinates do not know of each other, and what holds of one number holds of each: a mean that starts away from the right one stays away by
/// `(α_t/α_s)^{λ²} (c_s/c_t)^{(1 + λ²)/2}` times that, `c` the variance along the axis.
fn has_order<S: Solver<Reverse>>(name: &str, solver: &S, stochasticity: f64, expected: f64) {
    const SIZES: [usize; 3] = [128, 256, 512];
    const TOLERANCE: f64 = 0.02;
    const ROUNDING: f64 = 1e-12;
    for process in processes() {
        let model = NoisedNormal {
            process,
            mean: array![1.5, -0.7],
            angle: 0.6,
            eigenvalues: [0.9, 0.1],
        };
        let equation = ReverseSde::new(process, model.clone())
            .with_stochasticity(stochasticity)
            .unwrap();
        let (from, to) = (process.horizon(), 0.2 * process.horizon());
        let mean = |t: f64| &model.mean * process.alpha(t);
        let covariance = |t: f64| model.matrix(model.variances(t));
        let away = array![1.0, 0.5];
        let start = Normal {
            mean: mean(from) + &away,
            covariance: covariance(from),
        };
        let squared = stochasticity * stochasticity;
        let kept = (process.alpha(from) / process.alpha(to)).powf(squared);
        let (before, after) = (model.variances(from), model.variances(to));
        let factors = [0, 1].map(|i| kept * (after[i] / before[i]).powf(0.5 * (1.0 + squared)));
        let exact_mean: Array1<f64> = mean(to) + model.matrix(factors).dot(&away);
        let exact_covariance: Array2<f64> = covariance(to);
        let ends = SIZES.map(|n| {
            let grid = TimeGrid::uniform(from, to, n).unwrap();
            law_over_grid(solver, &equation, &grid, &start)
        });
        let check = |what: &str, errors: [f64; 3]| {
            let found = order_of_halving(errors);
            assert!(
                (found - expected).abs() <= TOLERANCE,
                "{name}, {what}, {process:?}: order {found} instead of {expected}, errors {errors:?}"
            );
        };
        let of_mean = ends.each_ref().map(|end| size(&(&end.mean - &exact_mean)));
        // Tweedie's formula has no error in the mean of normal data, and with it all schemes that are it.
        if of_mean.iter().any(|&e| e > ROUNDING) {
            check("mean", of_mean);
        }
        let of_covariance = ends
            .each_ref()
            .map(|end| size(&(&end.covariance - &exact_covariance)));
        check("covariance", of_covariance);
    }
}

#[test]
fn schemes_for_all_equations_have_their_orders_for_correlated_data() {
    has_order("Euler and Maruyama", &EulerMaruyama, 1.0, 1.0);
    has_order("Milstein", &Milstein, 1.0, 1.0);
    has_order("Heun", &StochasticHeun, 1.0, 2.0);
    // With additive noise they are the same.
    has_order("Heun in the sense of Stratonovich", &StratonovichHeun, 1.0, 2.0);
    has_order("SRA1", &Sra1, 1.0, 2.0);
    // SRI1W1 has products of increments, where the noise depends on time: it is not affine, and has its order by another rule (`ito/weak.rs`).
}

#[test]
fn schemes_for_reverse_processes_have_their_orders_for_correlated_data() {
    has_order("exponential integrator", &ExponentialIntegrator, 1.0, 1.0);
    has_order("exponential integrator, λ = ½", &ExponentialIntegrator, 0.5, 1.0);
    has_order("reverse diffusion", &ReverseDiffusion, 1.0, 1.0);
    has_order("ancestral", &Ancestral::default(), 1.0, 1.0);
    let variance = ReverseVariance::Transition;
    has_order("ancestral, transition", &Ancestral { variance }, 1.0, 1.0);
    has_order("DDIM", &Ddim::default(), 0.0, 1.0);
    has_order("DDIM, η = 0.6", &Ddim::new(0.6).unwrap(), 0.6, 1.0);
    has_order("2M", &DpmSolver2M, 0.0, 2.0);
    has_order("2S", &DpmSolver2S::default(), 0.0, 2.0);
    has_order("SDE-2M", &DpmSolverSde2M, 1.0, 2.0);
    has_order("UniPC-1", &UniPc::new(1).unwrap(), 0.0, 2.0);
    has_order("UniPC-2", &UniPc::default(), 0.0, 3.0);
    has_order("EDM's Heun", &EdmHeun::default(), 0.0, 2.0);
}

fn two_modes(process: OrnsteinUhlenbeck) -> Noised<OrnsteinUhlenbeck> {
    let mixture = Mixture::new(
        array![0.3, 0.7],
        array![[-2.0, 0.0], [2.0, 1.0]],
        array![0.5, 0.3],
    )
    .unwrap();
    Noised::new(mixture, process)
}

#[test]
fn both_conventions_of_time_give_the_same_points_for_the_same_noise() {
    // A power of two of times, so that T − t is exact.
    let process = OrnsteinUhlenbeck::new(4.0).unwrap();
    let reverse = ReverseSde::new(process, two_modes(process));
    let grid = TimeGrid::uniform(4.0, 0.0, 64).unwrap();
    let own = grid.in_own_clock(4.0).unwrap();
    let start = FreshNoise::new(Seed::new(3)).normal((70, 2));
    let path = |grid: &TimeGrid| StoredPath::draw(grid.clone(), (70, 2), Seed::new(4)).unwrap();
    let backwards = FixedSteps::new(grid.clone())
        .solve(&EulerMaruyama, &reverse, start.clone(), &path(&grid))
        .unwrap();
    let forwards = FixedSteps::new(own.clone())
        .solve(&EulerMaruyama, &reverse.in_own_clock(), start, &path(&own))
        .unwrap();
    assert_eq!(backwards, forwards);
}

#[test]
fn points_do_not_depend_on_the_number_of_threads() {
    let process = OrnsteinUhlenbeck::new(4.0).unwrap();
    let reverse = ReverseSde::new(process, two_modes(process));
    let noise = FreshNoise::new(Seed::new(3));
    let steps = FixedSteps::new(TimeGrid::uniform(4.0, 0.0, 10).unwrap());
    same_on_any_number("Euler and Maruyama's scheme", || {
        let x = steps
            .solve(&EulerMaruyama, &reverse, noise.normal((100, 2)), &noise)
            .unwrap();
        x.into_iter().collect()
    })
    .unwrap();
}
