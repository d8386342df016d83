//! The truth is recovered by every objective without chains, within the error that the objective itself predicts: a normal law and a mixture from scores, a gamma and a beta law from scores with boundaries, spins from
//! their conditionals and their neighbours, a law from its ratios to noise. Objectives with chains are in `recovery_by_chains`.
//!
//! On `N` data and fixed draws an objective is a function of the parameters, whose minimum `θ̂` has the covariance `H⁻¹ V H⁻¹ / n` over minibatches with gradients of covariance `V` and mean Hessian `H` (Godambe 1960).
//! `θ̂` is found by quasi-Newton steps and is as exact as the gradients are; `H` is their derivative by the differences of the test kit.

use crate::common::{draws, model};
use crate::families::{Kind, Line};
use crate::two_bumps::TwoBumps;
use gibbsian_core::process::ElucidatedNoise;
use gibbsian_core::{Density, Directions, NoiseLadder, Objective, Parametric, ParametricMut, Seed};
use gibbsian_linalg::Lu;
use gibbsian_objectives::{
    BoundaryWeight, ConcreteScoreMatching, DenoisingInTime, DenoisingScoreMatching, DiscreteScoreMatching,
    FiniteDifferenceSlicedScoreMatching, FiniteDifferenceVarianceReducedSlicedScoreMatching, GaussianNoise,
    GeneralisedScoreMatching, HalfLine, ImplicitScoreMatching, MinimumProbabilityFlow, MultiLevelDenoising,
    PseudoLikelihood, RatioMatching, SlicedScoreMatching, UnitInterval, VarianceReducedSlicedScoreMatching,
};
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::differences::{Precision, derivative};
use gibbsian_testkit::stats::{FALSE_ALARM, family, z_test};
use gibbsian_testkit::targets::{Gaussian, Pairwise};
use ndarray::{Array1, Array2, ArrayView2, Axis, array, s};
use rand_distr::{Beta, Distribution, Gamma};

pub const N: usize = 20_000;
const N_BATCHES: usize = 100;

/// Gradients of all minibatches of these rows, `(N_BATCHES, P)` of all of them.
fn gradients<M: Parametric>(objective: &mut impl Objective<M>, model: &M, x: ArrayView2<f64>) -> Array2<f64> {
    let batches = x.axis_chunks_iter(Axis(0), N / N_BATCHES);
    let mut out = Array2::zeros((batches.len(), model.n_params()));
    for (k, (rows, grad)) in batches.zip(out.rows_mut()).enumerate() {
        let rng = &mut Seed::new(1).nth(k as u64).rng();
        objective.loss_and_grad_into(model, rows, rng, grad).unwrap();
    }
    out
}

/// The derivative of the mean gradient, by the test kit's differences.
fn hessian_of<M: ParametricMut>(
    objective: &mut impl Objective<M>,
    model: &mut M,
    x: ArrayView2<f64>,
) -> Array2<f64> {
    let at = model.params();
    let mut hessian = Array2::zeros((at.len(), at.len()));
    for (i, column) in hessian.columns_mut().into_iter().enumerate() {
        let mut moved = |h: f64| {
            let mut params = at.clone();
            params[i] += h;
            model.set_params(params.view()).unwrap();
            Ok(gradients(objective, model, x).mean_axis(Axis(0)).unwrap())
        };
        let precision = Precision::DOUBLE.with_step(0.02);
        let estimates = derivative(&mut moved, at[i].abs(), precision).unwrap();
        for (entry, estimate) in column.into_iter().zip(estimates) {
            // Far better than the statistical error asks for.
            assert!(estimate.error() < 1e-4, "{estimate:?}");
            *entry = estimate.value;
        }
    }
    model.set_params(at.view()).unwrap();
    hessian
}

/// Minimises from `model` on and tests what is found against `truth`.
pub fn recovers<M: ParametricMut>(
    name: &str,
    mut objective: impl Objective<M>,
    model: &mut M,
    x: ArrayView2<f64>,
    truth: &Array1<f64>,
) {
    let n_params = truth.len();
    // To start with, that of some of the data.
    let mut hessian = hessian_of(&mut objective, model, x.slice(s![..N / 10, ..]));
    let mut gradient = gradients(&mut objective, model, x).mean_axis(Axis(0)).unwrap();
    for step in 0..30 {
        let change = -Lu::new("hessian", hessian.view())
            .unwrap()
            .solve_vector(gradient.view());
        model.set_params((model.params() + &change).view()).unwrap();
        // Far below the statistical error.
        if change.iter().all(|c| c.abs() < 1e-6) {
            break;
        }
        assert!(step < 29, "{name}: no convergence");
        // Broyden (1965): the smallest change of the matrix with which it agrees with the step. As Newton's step removes the gradient, what is left of it is the error of the matrix.
        gradient = gradients(&mut objective, model, x).mean_axis(Axis(0)).unwrap();
        let (error, along) = (
            gradient.view().insert_axis(Axis(1)),
            change.view().insert_axis(Axis(0)),
        );
        hessian += &(&error * &along / change.dot(&change));
    }
    let hessian = hessian_of(&mut objective, model, x);
    let per_batch = gradients(&mut objective, model, x);
    let inverse = Lu::new("hessian", hessian.view()).unwrap().inverse();
    let influence = per_batch.dot(&inverse.t());
    let tests: Vec<_> = (0..n_params)
        .map(|k| {
            let error = influence.column(k).std(1.0) / (N_BATCHES as f64).sqrt();
            // The stated error: with 20,000 cases every parameter is known to a few percent of itself or of one.
            let small = 0.06 * truth[k].abs().max(1.0);
            assert!(error < small, "{name}: parameter {k} is only known to {error}");
            z_test(
                &format!("{name}, parameter {k}"),
                model.params()[k],
                truth[k],
                error,
            )
        })
        .collect();
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn a_mixture_is_recovered() {
    let truth = array![1.5, -0.8];
    let x = TwoBumps::new(truth.clone()).draw(N, &mut Seed::new(2).rng());
    let start = |level| TwoBumps {
        mean: array![1.3, -0.6],
        level,
    };
    let x = x.view();
    recovers("implicit", ImplicitScoreMatching, &mut start(0.0), x, &truth);
    for directions in crate::directions::ALL {
        let plain = SlicedScoreMatching::new(directions, 1).unwrap();
        recovers("sliced", plain, &mut start(0.0), x, &truth);
        let reduced = VarianceReducedSlicedScoreMatching::new(directions, 1).unwrap();
        recovers("reduced", reduced, &mut start(0.0), x, &truth);
    }
    // The bias at ε = 0.01 is of order 1e-4.
    let sphere = Directions::Sphere;
    let energies = FiniteDifferenceSlicedScoreMatching::new(sphere, 1, 0.01).unwrap();
    recovers("differences of energies", energies, &mut start(0.0), x, &truth);
    let scores = FiniteDifferenceVarianceReducedSlicedScoreMatching::new(sphere, 1, 0.01).unwrap();
    recovers("differences of scores", scores, &mut start(0.0), x, &truth);
    let levels = MultiLevelDenoising::new(NoiseLadder::geometric(2.0, 0.2, 6).unwrap());
    recovers("levels", levels, &mut start(0.0), x, &truth);
    // The time of this process is the level of noise.
    let in_time = DenoisingInTime::new(ElucidatedNoise::new(2.0).unwrap(), 0.2).unwrap();
    recovers("time", in_time, &mut start(0.0), x, &truth);
    // A model of the noisy density has the same parameters.
    let denoising = DenoisingScoreMatching::new(0.5).unwrap();
    recovers("denoising", denoising, &mut start(0.5), x, &truth);
}

#[test]
fn a_normal_law_is_recovered() {
    let precision = array![[1.6, 0.5], [0.5, 1.0]];
    let law = Gaussian::new(array![0.5, -1.0], precision).unwrap();
    let x = law.sample(N, &mut Seed::new(3).rng());
    let start = || Gaussian::new(array![0.3, -0.8], array![[1.4, 0.3], [0.3, 1.2]]).unwrap();
    let truth = law.params();
    for directions in crate::directions::ALL {
        let plain = SlicedScoreMatching::new(directions, 1).unwrap();
        recovers("sliced", plain, &mut start(), x.view(), &truth);
        let reduced = VarianceReducedSlicedScoreMatching::new(directions, 1).unwrap();
        recovers("reduced", reduced, &mut start(), x.view(), &truth);
    }
    // Differences are exact here, at any step.
    let differences = FiniteDifferenceSlicedScoreMatching::new(Directions::Sphere, 1, 0.5).unwrap();
    recovers("differences", differences, &mut start(), x.view(), &truth);
    // Under noise of covariance C it is the law of covariance Λ⁻¹ + C that is found.
    let covariance = array![[0.5, 0.2], [0.2, 0.3]];
    let noisy = gibbsian_linalg::Cholesky::new("noisy", (law.covariance() + &covariance).view()).unwrap();
    let truth = Gaussian::new(array![0.5, -1.0], noisy.inverse())
        .unwrap()
        .params();
    let denoising = DenoisingScoreMatching::in_noise(GaussianNoise::correlated(covariance).unwrap());
    recovers("denoising", denoising, &mut start(), x.view(), &truth);
}

/// The boundary terms vanish with these weights, and so much of the laws is away from the ends that the gradients have variances.
#[test]
fn laws_with_boundaries_are_recovered() {
    fn check(kind: Kind, weight: impl BoundaryWeight, law: impl Distribution<f64>, truth: Array1<f64>) {
        let rng = &mut Seed::new(4).rng();
        let x = Array2::from_shape_simple_fn((N, 1), || law.sample(rng));
        let objective = GeneralisedScoreMatching::new(weight);
        recovers(
            &format!("{kind:?}"),
            objective,
            &mut Line::new(kind),
            x.view(),
            &truth,
        );
    }
    // Natural parameters are exponents less one.
    let gamma = Gamma::new(3.0, 0.5).unwrap();
    check(Kind::Gamma, HalfLine, gamma, array![2.0, -2.0]);
    let beta = Beta::new(3.0, 2.5).unwrap();
    check(Kind::Beta, UnitInterval, beta, array![2.0, 1.5]);
}

/// Weak couplings, because the variances of ratio objectives grow with the squares of ratios.
#[test]
fn spins_are_recovered() {
    let with = |factor: f64| -> Pairwise {
        let mut weak = model();
        weak.set_params((weak.params() * factor).view()).unwrap();
        weak
    };
    let truth = with(1.0 / 3.0);
    let x = draws(&Audit::new(&truth).unwrap(), N, &mut Seed::new(5).rng());
    let (x, start, truth) = (x.view(), || with(0.25), truth.params());
    recovers("pseudo-likelihood", PseudoLikelihood, &mut start(), x, &truth);
    recovers("ratio matching", RatioMatching, &mut start(), x, &truth);
    recovers(
        "probability flow",
        MinimumProbabilityFlow,
        &mut start(),
        x,
        &truth,
    );
    recovers("concrete scores", ConcreteScoreMatching, &mut start(), x, &truth);
    recovers("discrete scores", DiscreteScoreMatching, &mut start(), x, &truth);
}
