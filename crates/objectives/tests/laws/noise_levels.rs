//! Denoising over ladders of noise levels and along forward processes.

use crate::noised::Noised;
use crate::two_bumps::TwoBumps;
use gibbsian_core::process::{
    OrnsteinUhlenbeck, SubVariancePreserving, VarianceExploding, VariancePreserving,
};
use gibbsian_core::{LinearGaussian, NoiseLadder, Objective, Parametric, Seed};
use gibbsian_objectives::{DenoisingInTime, MultiLevelDenoising, RowUniforms, TimeLaw, TimeWeight};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use gibbsian_testkit::targets::HeatedGaussian;
use ndarray::{Array1, Array2, array};

pub(crate) const ROWS: [RowUniforms; 3] = [
    RowUniforms::Independent,
    RowUniforms::Stratified,
    RowUniforms::Antithetic,
];

pub(crate) fn data() -> Array2<f64> {
    array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7], [0.4, -1.9]]
}

pub(crate) fn ladder() -> NoiseLadder {
    NoiseLadder::geometric(4.0, 0.25, 5).unwrap()
}

fn loss<M: Parametric>(objective: &mut impl Objective<M>, model: &M, x: &Array2<f64>, seed: Seed) -> f64 {
    let mut grad = Array1::zeros(model.n_params());
    objective
        .loss_and_grad_into(model, x.view(), &mut seed.rng(), grad.view_mut())
        .unwrap()
}

#[test]
fn ladders_obey_the_laws_of_objectives() {
    const DOUBLE: Precision = Precision::DOUBLE;
    let x = data();
    for rows in ROWS {
        let plain = || MultiLevelDenoising::new(ladder()).with_rows(rows);
        let weighted = || plain().weighted_by(|sigma| sigma.powi(3)).unwrap();
        let mut heated = HeatedGaussian::new(array![0.5, -1.0], 0.2).unwrap();
        conformance::objective(plain, &heated, x.view(), Seed::new(1)).unwrap();
        conformance::objective(weighted, &heated, x.view(), Seed::new(2)).unwrap();
        conformance::objective_gradient(plain, &mut heated, x.view(), DOUBLE, Seed::new(3)).unwrap();
        let mut bumps = TwoBumps::new(array![1.2, -0.7]);
        conformance::objective_gradient(weighted, &mut bumps, x.view(), DOUBLE, Seed::new(4)).unwrap();
    }
}

#[test]
fn processes_obey_the_laws_of_objectives() {
    fn check<P: LinearGaussian + Clone>(process: P) {
        let mut model = Noised {
            mean: array![0.5, -1.0],
            variance: 0.6,
            process: process.clone(),
        };
        let x = data();
        for law in [TimeLaw::Uniform, TimeLaw::UniformLogSnr] {
            for (k, rows) in ROWS.into_iter().enumerate() {
                let make = || {
                    let weight = match k {
                        0 => TimeWeight::Variance,
                        1 => TimeWeight::Likelihood,
                        _ => TimeWeight::Given(Box::new(|t| 1.0 + t)),
                    };
                    DenoisingInTime::new(process.clone(), 1e-3)
                        .unwrap()
                        .weighted(weight)
                        .with_times(law)
                        .with_rows(rows)
                };
                conformance::objective(make, &model, x.view(), Seed::new(5)).unwrap();
                const DOUBLE: Precision = Precision::DOUBLE;
                conformance::objective_gradient(make, &mut model, x.view(), DOUBLE, Seed::new(6)).unwrap();
            }
        }
    }
    check(VarianceExploding::new(0.1, 10.0).unwrap());
    check(VariancePreserving::new(0.1, 20.0).unwrap());
    check(SubVariancePreserving::new(0.1, 20.0).unwrap());
    check(OrnsteinUhlenbeck::new(3.0).unwrap());
}

/// `E ½ ‖σ s + z‖²` of the heated normal law: `½ (σ²‖x − μ‖² /τ² + D (1 − σ²/τ)²)`, `τ = a² + σ²`.
fn level_error(sigma: f64) -> f64 {
    let (tau, s2) = (0.4_f64.exp() + sigma * sigma, sigma * sigma);
    let squares = (data() - &array![0.5, -1.0]).mapv(|d| d * d).sum() / 4.0;
    0.5 * (s2 * squares / (tau * tau) + 2.0 * (1.0 - s2 / tau).powi(2))
}

#[test]
fn the_loss_over_levels_is_the_mean_of_the_levels_however_they_are_shared_out() {
    const N: u64 = 4_000;
    let (model, x) = (HeatedGaussian::new(array![0.5, -1.0], 0.2).unwrap(), data());
    for rows in ROWS {
        let mut plain = MultiLevelDenoising::new(ladder()).with_rows(rows);
        let mut given = plain.clone().weighted_by(|sigma| sigma).unwrap();
        let levels = ladder().levels().to_owned();
        let expected = levels.mapv(level_error).mean().unwrap();
        let expected_given = levels.mapv(|s| level_error(s) / s).mean().unwrap();
        let calls = |objective: &mut MultiLevelDenoising, seed: Seed| -> Vec<f64> {
            (0..N).map(|k| loss(objective, &model, &x, seed.nth(k))).collect()
        };
        family(
            &[
                mean("λ = σ²", &calls(&mut plain, Seed::new(7)), expected),
                mean("λ = σ", &calls(&mut given, Seed::new(8)), expected_given),
            ],
            FALSE_ALARM,
        )
        .unwrap_or_else(|e| panic!("{rows:?}: {e:?}"));
    }
}

#[test]
fn losses_of_single_levels_can_be_read() {
    const N: u64 = 4_000;
    let (model, x) = (HeatedGaussian::new(array![0.5, -1.0], 0.2).unwrap(), data());
    let objective = MultiLevelDenoising::new(ladder())
        .weighted_by(|sigma| sigma)
        .unwrap();
    let mut calls = Array2::zeros((N as usize, 5));
    for (k, mut row) in calls.rows_mut().into_iter().enumerate() {
        let rng = &mut Seed::new(9).nth(k as u64).rng();
        row.assign(&objective.level_losses(&model, x.view(), rng).unwrap());
    }
    let tests: Vec<_> = (0..5)
        .map(|i| {
            let sigma = objective.ladder().levels()[i];
            mean(
                &format!("level {i}"),
                &calls.column(i).to_vec(),
                level_error(sigma) / sigma,
            )
        })
        .collect();
    family(&tests, FALSE_ALARM).unwrap();
}

/// `∫ f(t) dt` over `t_min ≤ t ≤ T` by the midpoint rule in the square root of time, where weights of order `1/t` are tame.
fn integral(process: &impl LinearGaussian, t_min: f64, f: impl Fn(f64) -> f64) -> f64 {
    const N: usize = 200_000;
    let (from, to) = (t_min.sqrt(), process.horizon().sqrt());
    let width = (to - from) / N as f64;
    (0..N)
        .map(|k| {
            let root = from + (k as f64 + 0.5) * width;
            f(root * root) * 2.0 * root * width
        })
        .sum()
}

#[test]
fn the_loss_is_the_integral_over_time_whatever_the_law_of_the_times() {
    fn check<P: LinearGaussian + Clone>(process: P, seed: Seed) {
        const N: u64 = 2_000;
        const T_MIN: f64 = 0.01;
        let model = Noised {
            mean: array![0.5, -1.0],
            variance: 0.6,
            process: process.clone(),
        };
        let x = data();
        let own = |t: f64| 1.0 + t;
        type Pair<'a> = (fn() -> TimeWeight, Box<dyn Fn(f64) -> f64 + 'a>);
        let weights: [Pair<'_>; 3] = [
            (|| TimeWeight::Variance, Box::new(|t| process.variance(t))),
            (
                || TimeWeight::Likelihood,
                Box::new(|t| process.diffusion_squared(t)),
            ),
            (|| TimeWeight::Given(Box::new(|t| 1.0 + t)), Box::new(own)),
        ];
        let mut tests = Vec::new();
        for (make, weight) in &weights {
            let expected = integral(&process, T_MIN, |t| {
                weight(t) / process.variance(t) * model.error(t, &x)
            });
            for law in [TimeLaw::Uniform, TimeLaw::UniformLogSnr] {
                for rows in ROWS {
                    let mut objective = DenoisingInTime::new(process.clone(), T_MIN)
                        .unwrap()
                        .weighted(make())
                        .with_times(law)
                        .with_rows(rows);
                    let name = format!("{objective:?}", objective = (make(), law, rows));
                    let calls: Vec<f64> = (0..N)
                        .map(|k| loss(&mut objective, &model, &x, seed.nth(k)))
                        .collect();
                    tests.push(mean(&name, &calls, expected));
                }
            }
        }
        family(&tests, FALSE_ALARM).unwrap();
    }
    check(VarianceExploding::new(0.1, 10.0).unwrap(), Seed::new(17));
    check(VariancePreserving::new(0.1, 20.0).unwrap(), Seed::new(18));
    check(SubVariancePreserving::new(0.1, 20.0).unwrap(), Seed::new(19));
    check(OrnsteinUhlenbeck::new(3.0).unwrap(), Seed::new(20));
}

/// `KL(N(μ, v) ‖ N(ν, w))` of isotropic normals in `D` dimensions.
fn kl(difference: f64, v: f64, w: f64, d: f64) -> f64 {
    0.5 * (d * (v / w - 1.0 - (v / w).ln()) + difference / w)
}

/// The likelihood weight: two laws noised alike lose `KL(p_{t_min} ‖ q_{t_min}) − KL(p_T ‖ q_T)` of divergence, which is the difference of the losses of their scores on data from `p`.
#[test]
fn the_likelihood_weighted_loss_is_a_divergence() {
    const N: u64 = 4_000;
    const T_MIN: f64 = 0.02;
    let process = VariancePreserving::new(0.1, 20.0).unwrap();
    let (p, q) = (
        Noised {
            mean: array![0.0, 0.0],
            variance: 1.5,
            process,
        },
        Noised {
            mean: array![0.5, -1.0],
            variance: 0.6,
            process,
        },
    );
    let at = |t: f64| {
        let ((alpha, v), (_, w)) = (p.at(t), q.at(t));
        kl(alpha * alpha * 1.25, v, w, 2.0)
    };
    let expected = at(T_MIN) - at(1.0);
    let mut objective = DenoisingInTime::new(process, T_MIN)
        .unwrap()
        .weighted(TimeWeight::Likelihood)
        .with_times(TimeLaw::UniformLogSnr)
        .with_rows(RowUniforms::Stratified);
    let differences: Vec<f64> = (0..N)
        .map(|k| {
            let seed = Seed::new(21).nth(k);
            let z = gibbsian_core::Directions::Gaussian.draw((32, 2), &mut seed.child("data").rng());
            let x = z * 1.5_f64.sqrt();
            let seed = seed.child("objective");
            loss(&mut objective, &q, &x, seed) - loss(&mut objective, &p, &x, seed)
        })
        .collect();
    mean("difference of losses", &differences, expected).assert(FALSE_ALARM);
}

/// Times uniform in the log signal-to-noise ratio take the weight's part of the variance away: with uniform times it is at least `T ∫ (g²/σ²)² dt / (∫ g²/σ² dt)² − 1` times the squared mean where errors are
/// equal at all times.
#[test]
fn importance_sampled_times_have_less_variance_under_the_likelihood_weight() {
    const T_MIN: f64 = 1e-3;
    let process = VariancePreserving::new(0.1, 20.0).unwrap();
    let model = Noised {
        mean: array![0.0, 0.0],
        variance: 1.5,
        process,
    };
    let x = data();
    let variance = |law| {
        let mut objective = DenoisingInTime::new(process, T_MIN)
            .unwrap()
            .weighted(TimeWeight::Likelihood)
            .with_times(law);
        let calls: Array1<f64> = (0..2_000)
            .map(|k| loss(&mut objective, &model, &x, Seed::new(22).nth(k)))
            .collect();
        calls.var(1.0)
    };
    let (uniform, importance) = (variance(TimeLaw::Uniform), variance(TimeLaw::UniformLogSnr));
    assert!(importance < uniform, "{importance} and {uniform}");
}

#[test]
fn times_and_errors_of_rows_can_be_read() {
    let process = OrnsteinUhlenbeck::new(3.0).unwrap();
    let model = Noised {
        mean: array![0.5, -1.0],
        variance: 0.6,
        process,
    };
    let objective = DenoisingInTime::new(process, 0.01)
        .unwrap()
        .weighted(TimeWeight::Given(Box::new(|t| 1.0 + t)));
    let x = data().select(ndarray::Axis(0), &[0; 20_000]);
    let timed = objective
        .timed_losses(&model, x.view(), &mut Seed::new(23).rng())
        .unwrap();
    let residuals: Vec<f64> = timed
        .iter()
        .map(|row| {
            assert!((0.01..=3.0).contains(&row.time));
            let weight = (1.0 + row.time) / process.variance(row.time);
            assert!((row.loss - weight * row.noise_error).abs() <= 1e-14 * row.loss);
            let one = data().select(ndarray::Axis(0), &[0]);
            row.noise_error - model.error(row.time, &one)
        })
        .collect();
    mean("errors at their times", &residuals, 0.0).assert(FALSE_ALARM);
}

#[test]
fn bad_options_are_refused() {
    let process = VariancePreserving::new(0.1, 20.0).unwrap();
    for bad in [-0.1, 0.0, 1.0, 1.5, f64::NAN] {
        let e = DenoisingInTime::new(process, bad).unwrap_err().to_string();
        assert!(e.contains("`t_min`"), "{e}");
    }
    let e = MultiLevelDenoising::new(ladder()).with_weights(array![1.0, 2.0].view());
    assert!(e.unwrap_err().to_string().contains("`weights` has shape [2]"));
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let e = MultiLevelDenoising::new(ladder()).weighted_by(|_| bad);
        assert!(e.unwrap_err().to_string().contains("`weights[0]`"));
        let mut objective = DenoisingInTime::new(process, 0.1)
            .unwrap()
            .weighted(TimeWeight::Given(Box::new(move |_| bad)));
        let model = Noised {
            mean: array![0.5, -1.0],
            variance: 0.6,
            process,
        };
        let e = objective.loss_and_grad_into(
            &model,
            data().view(),
            &mut Seed::new(1).rng(),
            Array1::zeros(2).view_mut(),
        );
        assert!(e.unwrap_err().to_string().contains("`weight[0]`"));
    }
}
