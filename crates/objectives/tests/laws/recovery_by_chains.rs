//! Training with chains ends where it should: at the maximum of the likelihood on listed spins, and on a normal law where chains of unadjusted steps put it.
//!
//! Every gradient is one draw, independent of the others because chains forget where they were, and stochastic approximation with the best gain ends with the error of the mean of all draws. That error is
//! known: the variance of a draw from closed forms, or measured where there are none. (The chains of the replay buffer and the short ones on listed spins are in `replay` and `short_run`.)

use crate::common::{Langevin, approximate, draws, energy_derivatives, fisher, inverse, model};
use gibbsian_core::{Density, Objective, Parametric, ParametricMut, Seed};
use gibbsian_objectives::{
    ContrastiveDivergence, Draws, ImprovedContrastiveDivergence, LastStep, PersistentContrastiveDivergence,
    Replay, ReplayBuffer, ReplayContrastiveDivergence, UnbiasedContrastiveDivergence, Window,
};
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::stats::{FALSE_ALARM, family, z_test};
use gibbsian_testkit::targets::{Gaussian, Pairwise, Sweep};
use ndarray::{Array2, ArrayView2, Axis, array};
use rand::Rng;

const N_STEPS: usize = 300;
/// Sweeps that forget where a chain was (see the persistent chains).
const FORGETTING: usize = 20;

/// The maximum of the likelihood of `x`, where the model has the means of the data.
fn most_likely(x: ArrayView2<f64>) -> Pairwise {
    let mut fitted = model();
    for _ in 0..20 {
        let audit = Audit::new(&fitted).unwrap();
        let expected = audit.pi.dot(&energy_derivatives(&fitted, audit.states.view()));
        let seen = energy_derivatives(&fitted, x).mean_axis(Axis(0)).unwrap();
        let change = inverse(&fisher(&fitted)).dot(&(seen - expected));
        fitted.set_params((fitted.params() - change).view()).unwrap();
    }
    fitted
}

/// Trains from half of the parameters on, and tests where it ends if a gradient has this covariance.
fn ends_at<M: ParametricMut + Clone>(
    name: &str,
    mut objective: impl Objective<M>,
    target: &M,
    x: ArrayView2<f64>,
    gain: &Array2<f64>,
    covariance: &Array2<f64>,
) {
    let mut fitted = target.clone();
    let start = target.params() * 0.5;
    fitted.set_params(start.view()).unwrap();
    let rng = &mut Seed::new(3).rng();
    approximate(&mut objective, &mut fitted, x, gain, N_STEPS, rng);
    let spread = gain.dot(covariance).dot(&gain.t()) / N_STEPS as f64;
    let truth = target.params();
    let tests: Vec<_> = (0..truth.len())
        .map(|i| {
            let error = spread[[i, i]].sqrt();
            // Where it began is far away.
            assert!(
                (start[i] - truth[i]).abs() > 3.0 * error,
                "{name}, parameter {i}: {error}"
            );
            z_test(
                &format!("{name}, parameter {i}"),
                fitted.params()[i],
                truth[i],
                error,
            )
        })
        .collect();
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn spins_end_at_the_maximum_of_the_likelihood() {
    const N: usize = 400;
    let law = Audit::new(&model()).unwrap();
    let x = draws(&law, N, &mut Seed::new(1).rng());
    let x = x.view();
    let target = most_likely(x);
    let information = fisher(&target);
    let gain = inverse(&information);
    // One chain for every row, at rest when it is looked at.
    let covariance = &information / N as f64;
    let divergence = ContrastiveDivergence::new(Sweep::Forward, FORGETTING).unwrap();
    ends_at("CD", divergence, &target, x, &gain, &covariance);
    let chains = Array2::ones((N, 3));
    let persistent = PersistentContrastiveDivergence::new(Sweep::Forward, FORGETTING, chains).unwrap();
    ends_at("PCD", persistent, &target, x, &gain, &covariance);
    // What coupled chains give in few sweeps has a variance of its own, which is measured at the target.
    let coupled = || {
        let window = Window::new(2, 5);
        UnbiasedContrastiveDivergence::new(Sweep::Forward, window).unwrap()
    };
    let covariance = covariance_of(coupled(), &target, x);
    ends_at("coupled chains", coupled(), &target, x, &gain, &covariance);
}

/// The covariance of the gradients of many calls.
pub fn covariance_of<M: Parametric>(
    mut objective: impl Objective<M>,
    model: &M,
    x: ArrayView2<f64>,
) -> Array2<f64> {
    const N_CALLS: usize = 400;
    let mut gradients = Array2::zeros((N_CALLS, model.n_params()));
    for (k, grad) in gradients.rows_mut().into_iter().enumerate() {
        let rng = &mut Seed::new(2).nth(k as u64).rng();
        objective.loss_and_grad_into(model, x, rng, grad).unwrap();
    }
    gradients -= &gradients.mean_axis(Axis(0)).unwrap();
    gradients.t().dot(&gradients) / (N_CALLS - 1) as f64
}

const STEP: f64 = 0.3;

/// The variance of chains of unadjusted steps at precision `λ`, `1/(λ(1 − ελ/2))`.
fn at_rest(lambda: f64) -> f64 {
    1.0 / (lambda * (1.0 - 0.5 * STEP * lambda))
}

/// The precision with which chains, and what the last step adds at weight `kl`, have the variance of the data; that of a gradient and its slope in mean and precision.
///
/// The gradient in `λ` is `½ (S − Σ) − kl ελ(1 − ελ)Σ` in expectation, with `Σ` the chains' variance: the force `λ(x_k − μ)` meets the slope `−ε (x_{k−1} − μ)` of the end, and neighbours in a chain
/// have the covariance `(1 − ελ)Σ`.
fn root(data_variance: f64, kl: f64, n_chains: f64) -> (f64, Array2<f64>, Array2<f64>) {
    let expected = |lambda: f64| {
        let sigma = at_rest(lambda);
        0.5 * (data_variance - sigma) - kl * STEP * lambda * (1.0 - STEP * lambda) * sigma
    };
    // It grows with the precision on this interval.
    let (mut low, mut high) = (0.1, 2.0);
    assert!(expected(low) < 0.0 && expected(high) > 0.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if expected(middle) < 0.0 {
            low = middle
        } else {
            high = middle
        }
    }
    let lambda = 0.5 * (low + high);
    let slope = (expected(lambda + 1e-5) - expected(lambda - 1e-5)) / 2e-5;
    let gain = array![[1.0 / lambda, 0.0], [0.0, 1.0 / slope]];
    // Of −½ a² − kl ελ a b with a = x_k − μ, b = x_{k−1} − μ, and of λ (1 + kl ελ) a.
    let (sigma, rho, share) = (at_rest(lambda), 1.0 - STEP * lambda, kl * STEP * lambda);
    let of_precision = sigma * sigma * (0.5 + share * share * (1.0 + rho * rho) + 2.0 * share * rho);
    let of_mean = (lambda * (1.0 + share)).powi(2) * sigma;
    let covariance = array![[of_mean, 0.0], [0.0, of_precision]] / n_chains;
    (lambda, gain, covariance)
}

#[test]
fn a_normal_law_ends_where_unadjusted_chains_put_it() {
    const N_CHAINS: usize = 200;
    let rng = &mut Seed::new(6).rng();
    let x = Gaussian::new(array![1.5], array![[0.8]])
        .unwrap()
        .sample(500, rng);
    let (mean, variance) = (x.mean().unwrap(), x.var(0.0));
    let replay = Replay::new(40, N_CHAINS);
    let buffer = || ReplayBuffer::new(Array2::zeros((1000, 1))).unwrap();
    let source = || Draws(|n: usize, _: &mut dyn Rng| Array2::zeros((n, 1)));
    let law = |lambda: f64| Gaussian::new(array![mean], array![[lambda]]).unwrap();

    let (lambda, gain, covariance) = root(variance, 0.0, N_CHAINS as f64);
    let replayed = ReplayContrastiveDivergence::new(Langevin(STEP), source(), buffer(), replay).unwrap();
    ends_at("replay", replayed, &law(lambda), x.view(), &gain, &covariance);
    for kl_weight in [0.0, 0.7] {
        let (lambda, gain, covariance) = root(variance, kl_weight, N_CHAINS as f64);
        let last = LastStep {
            kl_weight,
            entropy_weight: 0.0,
            ..LastStep::new(STEP)
        };
        let improved =
            ImprovedContrastiveDivergence::new(Langevin(STEP), source(), buffer(), replay, last).unwrap();
        let name = format!("last step at weight {kl_weight}");
        ends_at(&name, improved, &law(lambda), x.view(), &gain, &covariance);
    }
}
