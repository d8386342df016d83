//! Recovery likelihood of a normal law, whose chains have a normal law after any number of steps.

use crate::common::approximate;
use crate::recovery_by_chains::covariance_of;
use gibbsian_core::process::VariancePreserving;
use gibbsian_core::{Density, LinearGaussian, Objective, Parametric, ParametricMut, Seed, Space};
use gibbsian_linalg::Lu;
use gibbsian_objectives::{DiffusionRecoveryLikelihood, Recovery};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::{Precision, derivative};
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean, z_test};
use gibbsian_testkit::targets::{Gaussian, HeatedGaussian};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, array};

const SETTINGS: Recovery = Recovery {
    n_steps: 4,
    ..Recovery::new(0.5)
};

fn model() -> HeatedGaussian {
    HeatedGaussian::new(array![0.5, -1.0], 0.25).unwrap()
}

fn process() -> VariancePreserving {
    VariancePreserving::new(0.1, 4.0).unwrap()
}

fn times() -> Array1<f64> {
    array![0.0, 0.3, 0.55, 1.0]
}

fn objective() -> DiffusionRecoveryLikelihood<VariancePreserving> {
    DiffusionRecoveryLikelihood::new(process(), times(), SETTINGS).unwrap()
}

fn data() -> Array2<f64> {
    array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7]]
}

#[test]
fn the_objective_obeys_the_laws_of_its_trait() {
    conformance::objective(objective, &model(), data().view(), Seed::new(1)).unwrap();
}

/// `1/(a² + t²)` of the model with this `log a`, the number in its score.
fn lambda(log_deviation: f64, t: f64) -> f64 {
    1.0 / ((2.0 * log_deviation).exp() + t * t)
}

/// Mean and variance of a coordinate after `K` steps from `x̃ = m + √v z`, at mean `μ` and `λ` of the model: a step contracts by `1 − c` towards `x* = (σ²λμ + x̃)/(σ²λ + 1)`, `c = ½ b² (σ²λ + 1)`, and adds `b²σ²`.
fn recovered(m: f64, v: f64, mu: f64, lambda: f64, sigma_squared: f64) -> (f64, f64) {
    let Recovery {
        n_steps,
        relative_step: b,
    } = SETTINGS;
    let ratio = sigma_squared * lambda;
    let c = 0.5 * b * b * (ratio + 1.0);
    let left = (1.0 - c).powi(n_steps as i32);
    // y_K = left x̃ + (1 − left) x*, which is affine in x̃.
    let slope = left + (1.0 - left) / (ratio + 1.0);
    let offset = (1.0 - left) * ratio * mu / (ratio + 1.0);
    let noise: f64 = (0..n_steps).map(|j| (1.0 - c).powi(2 * j as i32)).sum();
    (
        slope * m + offset,
        slope * slope * v + b * b * sigma_squared * noise,
    )
}

/// The expected gradient on `x` at parameters `μ` and `log a`: that of two normal laws at each level, `∂E/∂μ = −λ(y − μ)`, `∂E/∂ log a = −a²λ² ‖y − μ‖²`.
fn expected_gradient(
    process: &impl LinearGaussian,
    times: &Array1<f64>,
    params: ArrayView1<f64>,
    x: ArrayView2<f64>,
) -> Array1<f64> {
    let squared = (2.0 * params[2]).exp();
    let mut expected = Array1::zeros(3);
    let n_levels = times.len() - 1;
    for level in 0..n_levels {
        let t = times[level];
        let step = process.transition(t, times[level + 1]);
        let lambda = lambda(params[2], t);
        for x in x.rows() {
            for i in 0..2 {
                let mu = params[i];
                let m = step.alpha * process.alpha(t) * x[i];
                let v = step.alpha * step.alpha * process.variance(t);
                let (end, spread) = recovered(m, v + step.variance, mu, lambda, step.variance);
                expected[i] -= lambda * (m - end);
                let squares = (m - mu).powi(2) + v - (end - mu).powi(2) - spread;
                expected[2] -= squared * lambda.powi(2) * squares;
            }
        }
    }
    expected / (n_levels * x.nrows()) as f64
}

#[test]
fn the_expected_gradient_is_that_of_langevin_chains_on_normal_laws() {
    let expected = expected_gradient(&process(), &times(), model().params().view(), data().view());
    let mut objective = objective();
    let mut values = [Vec::new(), Vec::new(), Vec::new()];
    for r in 0..20_000 {
        let mut grad = Array1::zeros(model().n_params());
        objective
            .loss_and_grad_into(
                &model(),
                data().view(),
                &mut Seed::new(2).nth(r).rng(),
                grad.view_mut(),
            )
            .unwrap();
        (0..3).for_each(|k| values[k].push(grad[k]));
    }
    let tests: Vec<_> = (0..3)
        .map(|k| mean(&format!("parameter {k}"), &values[k], expected[k]))
        .collect();
    family(&tests, FALSE_ALARM).unwrap();
}

/// `x = y/a` with the moments of the recursion.
#[test]
fn a_point_is_recovered_by_the_same_chains() {
    let (process, times) = (process(), times());
    let level = 1;
    let step = process.transition(times[level], times[level + 1]);
    let noisy = Array2::from_shape_fn((20_000, 2), |(_, i)| [0.7, -0.2][i]);
    let x = objective()
        .recover(&model(), level, noisy.view(), &mut Seed::new(3).rng())
        .unwrap();
    let mut tests = Vec::new();
    for (i, mu) in [0.5, -1.0].into_iter().enumerate() {
        let lambda = lambda(0.25, times[level]);
        let (end, spread) = recovered(noisy[[0, i]], 0.0, mu, lambda, step.variance);
        let y: Vec<f64> = x.column(i).iter().map(|x| x * step.alpha).collect();
        let squares: Vec<f64> = y.iter().map(|y| (y - end).powi(2)).collect();
        tests.push(mean("mean", &y, end));
        tests.push(mean("variance", &squares, spread));
    }
    family(&tests, FALSE_ALARM).unwrap();
}

/// `σ_t = t`, under which the families of [`HeatedGaussian`] and of the two bumps are the truth at all levels.
pub struct Heat;

impl LinearGaussian for Heat {
    fn horizon(&self) -> f64 {
        10.0
    }
    fn alpha(&self, _: f64) -> f64 {
        1.0
    }
    fn variance(&self, t: f64) -> f64 {
        t * t
    }
    fn drift_rate(&self, _: f64) -> f64 {
        0.0
    }
    fn diffusion_squared(&self, t: f64) -> f64 {
        2.0 * t
    }
}

/// Data from the model, long chains and small steps: the gradient vanishes up to its error. The chain's bias is known: its conditional variance is `1/(1 − c/2)` times too large, which is `b²(σ²λ + 1)/4 ≤ 0.3 %` here
/// and enters the gradient in `log a` as that part of `2λσ²/(σ²λ + 1) · a²λ/2 ≤ 1` a coordinate.
#[test]
fn at_the_truth_the_gradient_vanishes() {
    let truth = model();
    let settings = Recovery {
        n_steps: 500,
        ..Recovery::new(0.1)
    };
    let mut objective = DiffusionRecoveryLikelihood::new(Heat, array![0.0, 0.5, 1.0], settings).unwrap();
    let mut values = [Vec::new(), Vec::new(), Vec::new()];
    for r in 0..200 {
        let seed = Seed::new(4).nth(r);
        let law = Gaussian::new(array![0.5, -1.0], Array2::eye(2) * (-0.5_f64).exp()).unwrap();
        let x = law.sample(50, &mut seed.child("data").rng());
        let mut grad = Array1::zeros(3);
        let rng = &mut seed.child("chains").rng();
        objective
            .loss_and_grad_into(&truth, x.view(), rng, grad.view_mut())
            .unwrap();
        (0..3).for_each(|k| values[k].push(grad[k]));
    }
    let tests: Vec<_> = (0..2).map(|k| mean("mean", &values[k], 0.0)).collect();
    family(&tests, FALSE_ALARM).unwrap();
    let n = values[2].len() as f64;
    let average = values[2].iter().sum::<f64>() / n;
    let spread = values[2].iter().map(|v| (v - average).powi(2)).sum::<f64>() / (n - 1.0);
    assert!(
        average.abs() <= 4.9 * (spread / n).sqrt() + 0.003 * 2.0,
        "{average}"
    );
}

/// Short chains have a bias, and training ends where the expected gradient vanishes with it: stochastic approximation is there within the error of the mean of its gradients.
#[test]
fn training_ends_where_short_chains_put_it() {
    const N_STEPS: usize = 300;
    let times = array![0.0, 0.5, 1.0];
    let objective = || DiffusionRecoveryLikelihood::new(Heat, times.clone(), SETTINGS).unwrap();
    let law = Gaussian::new(array![0.5, -1.0], Array2::eye(2) * (-0.5_f64).exp()).unwrap();
    let x = law.sample(400, &mut Seed::new(5).rng());
    let expected = |params: ArrayView1<f64>| expected_gradient(&Heat, &times, params, x.view());
    let mut root = model().params();
    let mut slopes = Array2::zeros((3, 3));
    for _ in 0..10 {
        for k in 0..3 {
            let mut side = |h: f64| {
                let mut moved = root.clone();
                moved[k] += h;
                Ok(expected(moved.view()))
            };
            let estimates = derivative(&mut side, root[k].abs(), Precision::DOUBLE).unwrap();
            let column = estimates.iter().map(|estimate| estimate.value);
            slopes.column_mut(k).assign(&column.collect::<Array1<f64>>());
        }
        let change = Lu::new("slopes", slopes.view())
            .unwrap()
            .solve_vector(expected(root.view()).view());
        root -= &change;
    }
    assert!(expected(root.view()).iter().all(|g| g.abs() <= 1e-12));
    let mut fitted = model();
    fitted.set_params(root.view()).unwrap();
    let covariance = covariance_of(objective(), &fitted, x.view());
    let gain = Lu::new("slopes", slopes.view()).unwrap().inverse();
    fitted
        .set_params((&root + &array![0.3, -0.3, 0.2]).view())
        .unwrap();
    let rng = &mut Seed::new(6).rng();
    approximate(&mut objective(), &mut fitted, x.view(), &gain, N_STEPS, rng);
    let spread = gain.dot(&covariance).dot(&gain.t()) / N_STEPS as f64;
    let tests: Vec<_> = (0..3)
        .map(|k| {
            let error = spread[[k, k]].sqrt();
            assert!(error < 0.03, "parameter {k} is only known to {error}");
            z_test(&format!("parameter {k}"), fitted.params()[k], root[k], error)
        })
        .collect();
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn bad_input_is_refused_by_name() {
    let new = |times: Array1<f64>, settings| {
        DiffusionRecoveryLikelihood::new(process(), times, settings)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        new(array![0.0], SETTINGS),
        "`times` has shape [1], but must have shape [at least 2]"
    );
    assert_eq!(
        new(array![0.0, 0.5, 0.5], SETTINGS),
        "`times[2]` is 0.5, but must be later than the one before, 0.5"
    );
    assert_eq!(
        new(array![0.0, 2.0], SETTINGS),
        "`t[1]` is 2, but must be in [0, 1]; times are those of the process, divide numbers of steps by their count"
    );
    assert_eq!(
        new(
            times(),
            Recovery {
                n_steps: 0,
                ..SETTINGS
            }
        ),
        "`n_steps` is 0, but must be at least 1"
    );
    assert_eq!(
        new(
            times(),
            Recovery {
                relative_step: 0.0,
                ..SETTINGS
            }
        ),
        "`relative_step` is 0, but must be finite and greater than zero"
    );
    let noisy = Array2::zeros((2, model().dim()));
    let error = objective()
        .recover(&model(), 3, noisy.view(), &mut Seed::new(1).rng())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`level` is 3, but must be below the number of levels, 3"
    );
}

/// `α = 1/(1 + t)`, `σ = t/(1 + t)`, with the form of the transition that every process has by itself, a difference of variances.
struct Subtracted;

impl LinearGaussian for Subtracted {
    fn horizon(&self) -> f64 {
        3.0
    }
    fn alpha(&self, t: f64) -> f64 {
        1.0 / (1.0 + t)
    }
    fn variance(&self, t: f64) -> f64 {
        (t / (1.0 + t)).powi(2)
    }
    fn drift_rate(&self, t: f64) -> f64 {
        -1.0 / (1.0 + t)
    }
    fn diffusion_squared(&self, t: f64) -> f64 {
        2.0 * t / (1.0 + t).powi(2)
    }
}

#[test]
fn a_variance_that_is_rounded_to_less_than_nothing_is_none() {
    let early = (1..100_000)
        .map(|k| 1e-5 * f64::from(k))
        .find(|&t| Subtracted.transition(t, t.next_up()).variance < 0.0)
        .expect("differences are rounded to either side");
    let times = array![early, early.next_up(), 3.0];
    let mut objective = DiffusionRecoveryLikelihood::new(Subtracted, times, SETTINGS).unwrap();
    // Without noise there is nowhere to go, and the point itself is recovered.
    let noisy = data();
    let x = objective
        .recover(&model(), 0, noisy.view(), &mut Seed::new(6).rng())
        .unwrap();
    let alpha = Subtracted.transition(early, early.next_up()).alpha;
    assert_eq!(x, &noisy / alpha);
    let mut grad = Array1::zeros(3);
    for r in 0..10 {
        let mut rng = Seed::new(7).nth(r).rng();
        let loss = objective.loss_and_grad_into(&model(), noisy.view(), &mut rng, grad.view_mut());
        assert!(loss.unwrap().is_finite() && grad.iter().all(|g| g.is_finite()));
    }
}
