//! A linear sampler against a normal energy, where both players' gradients are known.

use gibbsian_core::{Layout, Objective, Parametric, ParametricMut, Seed};
use gibbsian_objectives::{AdversarialLikelihood, Adversaries, GradientPenalised, LearntSampler};
use gibbsian_testkit::conformance;
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use gibbsian_testkit::targets::{Gaussian, LinearGenerator};
use ndarray::{Array1, Array2, array};

const SETTINGS: LearntSampler = LearntSampler {
    n_importance: 1024,
    generator_rate: 2.0,
    ..LearntSampler::new(32, 0.5, 0.85)
};

fn pair() -> Adversaries<Gaussian, LinearGenerator> {
    let energy = Gaussian::new(array![0.5, -1.0], array![[2.0, 0.5], [0.5, 1.0]]).unwrap();
    let generator = LinearGenerator::new(array![[0.6], [-0.3]], array![0.2, -0.4]).unwrap();
    Adversaries::new(energy, generator).unwrap()
}

fn data() -> Array2<f64> {
    array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7]]
}

#[test]
fn the_pair_is_a_model_and_the_objective_obeys_its_laws() {
    conformance::parametric(&mut pair()).unwrap();
    let settings = LearntSampler {
        n_samples: 40,
        n_importance: 5,
        ..SETTINGS
    };
    let make = || AdversarialLikelihood::new(settings).unwrap();
    conformance::objective(make, &pair(), data().view(), Seed::new(1)).unwrap();
    assert_eq!(
        pair().layout(),
        Layout::new()
            .with("energy.mean", &[2])
            .with("energy.precision_lower", &[3])
            .with("generator.weights", &[2, 1])
            .with("generator.bias", &[2])
    );
}

#[test]
fn refused_parameters_leave_both_players() {
    let mut model = pair();
    let before = model.params();
    let mut params = &before * 1.1;
    params[2] = -1.0;
    let refused = model.set_params(params.view()).unwrap_err().to_string();
    assert!(refused.starts_with("`energy.precision`"), "{refused}");
    params[2] = 1.0;
    params[8] = f64::NAN;
    assert!(model.set_params(params.view()).is_err());
    assert_eq!(model.params(), before);
    let line = Gaussian::new(array![0.0], array![[1.0]]).unwrap();
    let refused = Adversaries::new(line, pair().into_parts().1).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`generator.dim` is 2, but must be that of the energy, 1"
    );
}

/// With `q = N(b, S)`, `S = AAᵀ + σ²I`: the energy's gradient is that of the moments of data and of `q`, the sampler's is `γ (ΛA − S⁻¹A)` and `γ Λ(b − μ)`, and the loss is `⟨E⟩ − ½ [tr ΛS + (b − μ)ᵀΛ(b − μ)] + ½ log det 2πe S`.
/// Importance sampling around latent points, whose posterior has the variance 0.36, with `η² = 0.72` and 1024 draws has a bias of about 0.2 %, below the error.
#[test]
fn both_gradients_have_the_expectation_of_normal_laws() {
    let (mu, b) = (array![0.5, -1.0], array![0.2, -0.4]);
    let a = array![[0.6], [-0.3]];
    let precision = array![[2.0, 0.5], [0.5, 1.0]];
    let covariance = a.dot(&a.t()) + Array2::<f64>::eye(2) * 0.25;
    let det = covariance[[0, 0]] * covariance[[1, 1]] - covariance[[0, 1]].powi(2);
    let inverse = array![
        [covariance[[1, 1]], -covariance[[0, 1]]],
        [-covariance[[0, 1]], covariance[[0, 0]]]
    ] / det;
    // Means of (x − μ) and its square under data and q.
    let centred = &data() - &mu;
    let first = centred.mean_axis(ndarray::Axis(0)).unwrap() - (&b - &mu);
    let offset = (&b - &mu).insert_axis(ndarray::Axis(1));
    let of_sampler = &covariance + &offset.dot(&offset.t());
    let of_data = centred.t().dot(&centred) / 3.0;
    let second = &of_data - &of_sampler;
    let in_mean = -precision.dot(&first);
    let in_weights = (precision.dot(&a) - inverse.dot(&a)) * 2.0;
    let in_bias = precision.dot(&(&b - &mu)) * 2.0;
    let expected = array![
        in_mean[0],
        in_mean[1],
        0.5 * second[[0, 0]],
        second[[0, 1]],
        0.5 * second[[1, 1]],
        in_weights[[0, 0]],
        in_weights[[1, 0]],
        in_bias[0],
        in_bias[1]
    ];
    let entropy = (std::f64::consts::TAU * std::f64::consts::E).ln() + 0.5 * det.ln();
    let loss = 0.5 * (&precision * &second).sum() + entropy;

    let mut objective = AdversarialLikelihood::new(SETTINGS).unwrap();
    let mut values = vec![Vec::new(); 11];
    for r in 0..200 {
        let mut grad = Array1::zeros(9);
        let rng = &mut Seed::new(2).nth(r).rng();
        let value = objective
            .loss_and_grad_into(&pair(), data().view(), rng, grad.view_mut())
            .unwrap();
        (0..9).for_each(|k| values[k].push(grad[k]));
        values[9].push(value);
        let report = objective.report().unwrap();
        values[10].push(report.entropy);
        let mean = |e: &Array1<f64>| e.mean().unwrap();
        let parts = mean(&report.positive) - mean(&report.negative) + report.entropy;
        assert!((value - parts).abs() <= 1e-13);
        assert!(
            report.effective_sample_size > 100.0,
            "{}",
            report.effective_sample_size
        );
    }
    let tests: Vec<_> = (expected.iter().chain(&[loss, entropy]).zip(&values))
        .enumerate()
        .map(|(k, (expected, values))| mean(&format!("number {k}"), values, *expected))
        .collect();
    family(&tests, FALSE_ALARM).unwrap();
}

/// Descent of both gradients of a game on the line, from far away: the paths of mean, precision, weight and bias after the first third.
///
/// Two points are the data: they have the mean 0.3 and the variance 1 of the law, and the energy sees no more.
fn paths(mut objective: impl Objective<Adversaries<Gaussian, LinearGenerator>>) -> Vec<Vec<f64>> {
    let energy = Gaussian::new(array![-0.5], array![[0.5]]).unwrap();
    let generator = LinearGenerator::new(array![[0.4]], array![-0.2]).unwrap();
    let mut model = Adversaries::new(energy, generator).unwrap();
    let x = array![[1.3], [-0.7]];
    let mut rng = Seed::new(3).rng();
    let mut path = vec![Vec::new(); 4];
    for step in 0..3000 {
        let mut grad = Array1::zeros(4);
        objective
            .loss_and_grad_into(&model, x.view(), &mut rng, grad.view_mut())
            .unwrap();
        let params = model.params() - grad * 0.02;
        model.set_params(params.view()).unwrap();
        if step >= 1000 {
            let params = model.params();
            (0..4).for_each(|k| path[k].push(params[k]));
        }
    }
    path
}

/// Tests that the paths are those of a game that ends at the precision `k` and a sampler of its law. With a step `η` the parameters fluctuate around the end, with a variance of order `η/n` whose curvature terms move the
/// mean by less than a tenth of its error; the mean of the last two thirds is tested by batches. The precision is where the energy's pull balances the entropy's, which importance sampling with `K` draws makes weaker by the
/// fraction `2/K` where `η² = 2V`. Twice that is granted.
fn end_at(path: &[Vec<f64>], k: f64) {
    use gibbsian_testkit::stats::mean_of_chain;
    let weight = (1.0 / k - SIGMA * SIGMA).sqrt();
    let tests = [("mean", 0, 0.3), ("weight", 2, weight), ("bias", 3, 0.3)]
        .map(|(name, number, truth)| mean_of_chain(name, &path[number], truth, 20));
    family(&tests, FALSE_ALARM).unwrap();
    let [low, high] =
        [-4.0, 4.0].map(|granted| mean_of_chain("precision", &path[1], k * (1.0 + granted / K as f64), 20));
    let within = low.statistic > 0.0 && high.statistic < 0.0;
    assert!(
        within || low.p_value.max(high.p_value) > FALSE_ALARM,
        "{}",
        low.detail
    );
}

const K: usize = 128;
const SIGMA: f64 = 0.5;

/// A game on the line in which `z` given `x` has the variance `V = σ²k` at the end.
fn game(k: f64) -> AdversarialLikelihood {
    AdversarialLikelihood::new(LearntSampler {
        n_importance: K,
        generator_rate: 2.0,
        ..LearntSampler::new(32, SIGMA, (2.0 * SIGMA * SIGMA * k).sqrt())
    })
    .unwrap()
}

/// A game whose data are a normal law that the sampler can make ends there.
#[test]
fn the_game_ends_at_the_law_of_the_data() {
    end_at(&paths(game(1.0)), 1.0);
}

/// With the penalty `½ λ ‖∇E‖²` at data of variance `v = 1` it ends at `k + 2λk² = 1`, with a sampler of the flatter law.
#[test]
fn a_penalised_game_ends_at_the_flatter_law_that_is_known() {
    let lambda = 0.2_f64;
    let k = ((1.0 + 8.0 * lambda).sqrt() - 1.0) / (4.0 * lambda);
    let objective = GradientPenalised::new(game(k), lambda).unwrap();
    end_at(&paths(objective), k);
}

#[test]
fn bad_settings_are_refused_by_name() {
    let new = |settings| AdversarialLikelihood::new(settings).unwrap_err().to_string();
    for (settings, name) in [
        (
            LearntSampler {
                n_samples: 0,
                ..SETTINGS
            },
            "n_samples",
        ),
        (
            LearntSampler {
                noise: 0.0,
                ..SETTINGS
            },
            "noise",
        ),
        (
            LearntSampler {
                n_importance: 0,
                ..SETTINGS
            },
            "n_importance",
        ),
        (
            LearntSampler {
                proposal: f64::NAN,
                ..SETTINGS
            },
            "proposal",
        ),
        (
            LearntSampler {
                generator_rate: -1.0,
                ..SETTINGS
            },
            "generator_rate",
        ),
    ] {
        assert!(new(settings).starts_with(&format!("`{name}` is")));
    }
}
