//! What networks predict: conversions, preconditioning, and the objectives seen from either side.

use gibbsian_core::prediction::Parametrisation;
use gibbsian_core::process::{OrnsteinUhlenbeck, SubVariancePreserving, VariancePreserving};
use gibbsian_core::{
    Directions, Elucidated, LinearGaussian, NoiseLadder, Objective, Parametric, Prediction, Predicts,
    ScoreFrom, Seed, Streams, TimeScore, TimeScoreJvp,
};
use gibbsian_objectives::MultiLevelDenoising;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::HeatedGaussian;
use ndarray::{Array1, Array2, array};

const ALL: [Prediction; 4] = [
    Prediction::Score,
    Prediction::Noise,
    Prediction::Data,
    Prediction::Velocity,
];

fn network() -> HeatedGaussian {
    HeatedGaussian::new(array![0.5, -1.0], 0.2).unwrap()
}

fn data() -> Array2<f64> {
    array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7], [0.4, -1.9]]
}

fn noise() -> Array2<f64> {
    array![[1.0, -0.2], [0.4, 2.1], [-1.3, 0.8], [0.1, 0.6]]
}

/// Noise scales on and off the circle `α² + σ² = 1`.
const SCALES: [(f64, f64); 5] = [(0.8, 0.6), (1.0, 3.0), (0.05, 0.9), (0.999, 0.01), (1.0, 0.2)];

fn target(prediction: Prediction, alpha: f64, sigma: f64) -> Array2<f64> {
    match prediction {
        Prediction::Score => noise() / -sigma,
        Prediction::Noise => noise(),
        Prediction::Data => data(),
        Prediction::Velocity => noise() * alpha - data() * sigma,
    }
}

#[test]
fn every_prediction_gives_every_other() {
    for (alpha, sigma) in SCALES {
        let x = data() * alpha + noise() * sigma;
        for from in ALL {
            for to in ALL {
                let given = target(from, alpha, sigma);
                let found = from.convert(to, x.view(), given.view(), alpha, sigma);
                let expected = target(to, alpha, sigma);
                // Errors of x and of the prediction are carried over by the coefficients.
                let (a, b) = from.coefficients_of(to, alpha, sigma);
                let scale =
                    (x.mapv(f64::abs) * a.abs() + given.mapv(f64::abs) * b.abs()) + expected.mapv(f64::abs);
                for ((f, e), s) in found.iter().zip(&expected).zip(&scale) {
                    assert!(
                        (f - e).abs() <= 8.0 * f64::EPSILON * s,
                        "{from:?} to {to:?}: {f} and {e}"
                    );
                }
            }
        }
    }
}

/// `(a, b)` after `(c, d)` is `(a + b c, b d)`: conversions compose, and there and back is where one was.
#[test]
fn conversions_are_a_groupoid() {
    for (alpha, sigma) in SCALES {
        for from in ALL {
            assert_eq!(from.coefficients_of(from, alpha, sigma), (0.0, 1.0));
            for through in ALL {
                for to in ALL {
                    let (c, d) = from.coefficients_of(through, alpha, sigma);
                    let (a, b) = through.coefficients_of(to, alpha, sigma);
                    let (e, f) = from.coefficients_of(to, alpha, sigma);
                    let scale = a.abs() + (b * c).abs();
                    assert!(
                        (a + b * c - e).abs() <= 8.0 * f64::EPSILON * scale,
                        "{from:?} {through:?} {to:?}"
                    );
                    assert!((b * d / f - 1.0).abs() <= 8.0 * f64::EPSILON);
                }
            }
        }
    }
}

/// The identities of Karras et al. (2022), appendix B.6, which define the coefficients.
#[test]
fn preconditioning_has_unit_variances_and_the_smallest_output_scale() {
    for sigma_data in [0.5, 1.0, 30.0] {
        for sigma in [1e-3, 0.1, 0.5, 7.0, 80.0] {
            let c = Elucidated::new(sigma_data).unwrap().coefficients(sigma);
            let one = |value: f64| assert!((value - 1.0).abs() < 8.0 * f64::EPSILON, "{value}");
            one(c.input.powi(2) * (sigma.powi(2) + sigma_data.powi(2)));
            // The target of F is ((1 − c_skip) d − c_skip σ e)/c_out.
            let of_target = |skip: f64| ((1.0 - skip) * sigma_data).powi(2) + (skip * sigma).powi(2);
            one(of_target(c.skip) / c.out.powi(2));
            // A quadratic in c_skip, whose slope vanishes at the minimum.
            let slope = c.skip * sigma.powi(2) - (1.0 - c.skip) * sigma_data.powi(2);
            assert!(slope.abs() <= 8.0 * f64::EPSILON * sigma_data.powi(2));
            one(c.weight * c.out.powi(2));
            one(c.weight * (sigma * sigma_data).powi(2) / (sigma.powi(2) + sigma_data.powi(2)));
            assert_eq!(c.noise, sigma.ln() / 4.0);
            // The score is that of the denoiser D = c_skip x + c_out F.
            let reading = Elucidated::new(sigma_data).unwrap().reading(sigma);
            let (a, b) = Prediction::Data.coefficients_of(Prediction::Score, 1.0, sigma);
            assert!((reading.skip - (a + b * c.skip)).abs() <= 8.0 * f64::EPSILON * b);
            one(reading.out / (b * c.out));
            assert_eq!(reading.input, c.input);
            assert_eq!(reading.condition, c.noise);
        }
    }
    assert!(
        Elucidated::new(0.0)
            .unwrap_err()
            .to_string()
            .contains("`sigma_data`")
    );
}

#[test]
fn scores_read_from_networks_obey_the_laws_of_scores() {
    fn check(parametrisation: impl Parametrisation + Copy) {
        let mut model = ScoreFrom::new(network(), parametrisation);
        let (x, t) = (data(), array![0.2, 0.5, 1.3, 2.5]);
        const DOUBLE: Precision = Precision::DOUBLE;
        conformance::time_score(&model, x.view(), t.view(), DOUBLE).unwrap();
        conformance::time_score_jvp(&model, x.view(), t.view(), DOUBLE).unwrap();
        conformance::time_score_pullback(&mut model, x.view(), t.view(), DOUBLE).unwrap();
        conformance::time_score_jvp_pullback(&mut model, x.view(), t.view(), DOUBLE).unwrap();
    }
    let process = OrnsteinUhlenbeck::new(3.0).unwrap();
    for prediction in ALL {
        check(Predicts { prediction, process });
    }
    check(Elucidated::new(0.8).unwrap());
}

/// The score at each row's own time, from the network's answer.
#[test]
fn the_score_is_the_conversion_of_the_answer() {
    let process = SubVariancePreserving::new(0.1, 20.0).unwrap();
    let (x, t) = (data(), array![0.2, 0.5, 0.7, 1.0]);
    let mut answer = Array2::zeros(x.raw_dim());
    network().score_at_into(x.view(), t.view(), answer.view_mut());
    for prediction in ALL {
        let model = ScoreFrom::new(network(), Predicts { prediction, process });
        let mut score = Array2::zeros(x.raw_dim());
        model.score_at_into(x.view(), t.view(), score.view_mut());
        for b in 0..4 {
            let row = ndarray::s![b..=b, ..];
            let (alpha, sigma) = (process.alpha(t[b]), process.sigma(t[b]));
            let expected =
                prediction.convert(Prediction::Score, x.slice(row), answer.slice(row), alpha, sigma);
            let error = &score.slice(row) - &expected;
            assert!(error.iter().all(|e| e.abs() < 1e-13), "{prediction:?}");
        }
    }
    let edm = Elucidated::new(0.8).unwrap();
    let model = ScoreFrom::new(network(), edm);
    let mut score = Array2::zeros(x.raw_dim());
    model.score_at_into(x.view(), t.view(), score.view_mut());
    for b in 0..4 {
        let row = ndarray::s![b..=b, ..];
        let c = edm.coefficients(t[b]);
        let mut f = Array2::zeros((1, 2));
        network().score_at_into(
            (&x.slice(row) * c.input).view(),
            array![c.noise].view(),
            f.view_mut(),
        );
        let denoised = &x.slice(row) * c.skip + f * c.out;
        let expected = (denoised - x.slice(row)) / (t[b] * t[b]);
        assert!((&score.slice(row) - &expected).iter().all(|e| e.abs() < 1e-12));
    }
}

#[test]
fn the_exact_divergence_is_that_of_the_reading() {
    let process = VariancePreserving::new(0.1, 20.0).unwrap();
    let model = ScoreFrom::new(
        network(),
        Predicts {
            prediction: Prediction::Velocity,
            process,
        },
    );
    let (x, t) = (data(), array![0.2, 0.5, 0.7, 1.0]);
    let mut found = Array1::zeros(4);
    model.divergence_at_into(x.view(), t.view(), found.view_mut());
    for i in 0..2 {
        let mut e = Array2::zeros((4, 2));
        e.column_mut(i).fill(1.0);
        let (mut score, mut jvp) = (Array2::zeros((4, 2)), Array2::zeros((4, 2)));
        model.score_jvp_at_into(x.view(), t.view(), e.view(), score.view_mut(), jvp.view_mut());
        found -= &jvp.column(i);
    }
    assert!(found.iter().all(|e| e.abs() < 1e-13), "{found}");
}

/// With `λ = σ²` what a predictor of noise is trained by is `½ ‖F − z‖²`, as Ho, Jain and Abbeel (2020) have it.
#[test]
fn a_predictor_of_noise_sees_its_own_squared_error() {
    /// The variance-exploding noise of a ladder: the time is the level.
    struct Levels;
    impl Parametrisation for Levels {
        fn reading(&self, t: f64) -> gibbsian_core::Reading {
            let (skip, out) = Prediction::Noise.coefficients_of(Prediction::Score, 1.0, t);
            gibbsian_core::Reading {
                skip,
                out,
                input: 1.0,
                condition: t,
            }
        }
    }
    let sigma = 0.7;
    let model = ScoreFrom::new(network(), Levels);
    let mut objective = MultiLevelDenoising::new(NoiseLadder::new(array![sigma]).unwrap());
    let mut grad = Array1::zeros(model.n_params());
    let x = data();
    let found = objective
        .loss_and_grad_into(&model, x.view(), &mut Seed::new(1).rng(), grad.view_mut())
        .unwrap();
    let mut z = Array2::zeros(x.raw_dim());
    Directions::Gaussian.fill(Streams::draw(&mut Seed::new(1).rng()).part(1), z.view_mut());
    let mut answer = Array2::zeros(x.raw_dim());
    let level = Array1::from_elem(4, sigma);
    network().score_at_into((&x + &(&z * sigma)).view(), level.view(), answer.view_mut());
    let expected = 0.5 * (answer - z).mapv(|r| r * r).sum() / 4.0;
    assert!((found - expected).abs() < 1e-14, "{found} instead of {expected}");
}
