//! Recovery likelihood of a mixture: two modes, and conditional laws that the chains sample although they never cross between the modes of the marginal one.
//!
//! On the line everything that training does on average is a matrix product. From every noisy point `x̃` of a grid the law of the chain after `K` steps is `K` times the transition matrix of a Langevin step, a normal density on the
//! grid; sums over a grid that is finer than a step's noise are integrals to eight digits, because everything is smooth and decays.

use gibbsian_core::{LinearGaussian, Objective, Parametric, Result, Score, Seed};
use gibbsian_objectives::{DiffusionRecoveryLikelihood, Recovery};
use gibbsian_testkit::stats::{FALSE_ALARM, z_test};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, Axis, array};
use rand::Rng;

use crate::common::approximate;
use crate::diffusion_recovery::Heat;
use crate::two_bumps::TwoBumps;

const TIMES: [f64; 3] = [0.0, 0.5, 1.0];
const MEAN: f64 = 1.5;
const SETTINGS: Recovery = Recovery {
    n_steps: 60,
    ..Recovery::new(0.35)
};

/// The same objective on a fresh minibatch in every call.
struct Fresh(DiffusionRecoveryLikelihood<Heat>);

impl Objective<TwoBumps> for Fresh {
    fn loss_and_grad_into(
        &mut self,
        model: &TwoBumps,
        x: ArrayView2<f64>,
        mut rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let x = TwoBumps::new(array![MEAN]).draw(x.nrows(), &mut rng);
        self.0.loss_and_grad_into(model, x.view(), rng, grad)
    }
}

/// What is expected of a row at the truth: the gradient by chains of `K` steps, its slope in the mean by chains at rest, and how far from one sums over the grid are that should be one.
///
/// The gradient of the conditional likelihood has the slope `E Var(∂E/∂m | x̃)`, its information, at the truth.
fn expected() -> (f64, f64, f64) {
    let Recovery {
        n_steps,
        relative_step: b,
    } = SETTINGS;
    let (mut gradient, mut information, mut deviation) = (0.0, 0.0, 0.0_f64);
    for level in 0..TIMES.len() - 1 {
        let t = TIMES[level];
        let sigma_squared = Heat.variance(TIMES[level + 1]) - Heat.variance(t);
        let noise = b * b * sigma_squared;
        // Finer than the noise of a step, and as far as seven deviations beyond a mode.
        let spacing = 0.9 * noise.sqrt();
        let n = (2.0 * (MEAN + 7.0 * 2.0_f64.sqrt()) / spacing).ceil() as usize;
        let y = Array1::from_shape_fn(n, |i| (i as f64 - 0.5 * (n - 1) as f64) * spacing);
        let column = y.view().insert_axis(Axis(1));
        let normal = |x: f64, variance: f64| {
            (-0.5 * x * x / variance).exp() / (std::f64::consts::TAU * variance).sqrt() * spacing
        };
        let bumps = |y: f64, tau: f64| 0.5 * (normal(y - MEAN, tau) + normal(y + MEAN, tau));
        let tau = 1.0 + t * t;
        let slopes = y.mapv(|y| -y * (MEAN * y / tau).tanh() / tau);
        let model = TwoBumps {
            mean: array![MEAN],
            level: t,
        };
        let score = model.score(column).remove_axis(Axis(1));
        let law = y.mapv(|y| bumps(y, tau));
        let of_noisy = y.mapv(|y| bumps(y, tau + sigma_squared));
        gradient += law.dot(&slopes);
        deviation = deviation.max((law.sum() - 1.0).abs());
        for (&x_tilde, &weight) in y.iter().zip(&of_noisy) {
            let drifted = Array1::from_shape_fn(n, |i| {
                y[i] + 0.5 * b * b * (sigma_squared * score[i] + x_tilde - y[i])
            });
            let step = Array2::from_shape_fn((n, n), |(i, j)| normal(y[j] - drifted[i], noise));
            let mut end = y.mapv(|y| if y == x_tilde { 1.0 } else { 0.0 });
            for _ in 0..n_steps {
                end = end.dot(&step);
            }
            gradient -= weight * end.dot(&slopes);
            deviation = deviation.max(weight * (end.sum() - 1.0).abs());
            let posterior = Array1::from_shape_fn(n, |i| law[i] * normal(x_tilde - y[i], sigma_squared));
            let posterior = &posterior / posterior.sum();
            let mean = posterior.dot(&slopes);
            information += weight * posterior.dot(&slopes.mapv(|s| (s - mean).powi(2)));
        }
    }
    let n_levels = (TIMES.len() - 1) as f64;
    (gradient / n_levels, information / n_levels, deviation)
}

/// Training ends where the expected gradient of these chains vanishes, which is within 2 % of the truth. A row's gradient is the difference of two draws of the conditional law, so its variance is twice the information, and
/// the mean is found with the variance `2/(H B T)` in `T` steps on `B` rows.
#[test]
fn a_mixture_is_recovered_within_the_bias_of_the_steps() {
    const N_ROWS: usize = 200;
    const N_STEPS: usize = 600;
    let (gradient, information, deviation) = expected();
    assert!(deviation < 1e-7, "{deviation}");
    let bias = -gradient / information;
    assert!(bias.abs() < 0.02 * MEAN, "{bias}");
    let objective = DiffusionRecoveryLikelihood::new(Heat, Array1::from(TIMES.to_vec()), SETTINGS).unwrap();
    let mut fitted = TwoBumps::new(array![0.8 * MEAN]);
    approximate(
        &mut Fresh(objective),
        &mut fitted,
        Array2::zeros((N_ROWS, 1)).view(),
        &array![[1.0 / information]],
        N_STEPS,
        &mut Seed::new(1).rng(),
    );
    let error = (2.0 / (information * (N_ROWS * N_STEPS) as f64)).sqrt();
    assert!(error < 0.01 * MEAN, "{error}");
    let found = fitted.params()[0];
    z_test("the mean of a bump", found, MEAN + bias, error).assert(FALSE_ALARM);
    // The stated error.
    assert!((found - MEAN).abs() < 0.02 * MEAN + 5.0 * error);
}
