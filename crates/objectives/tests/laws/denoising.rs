//! Denoising score matching in noise of any covariance: the identity with the Fisher divergence, and its three units.

use crate::directions::signs;
use gibbsian_core::{Directions, Objective, Parametric, Score, Seed, Streams};
use gibbsian_linalg::Cholesky;
use gibbsian_objectives::{DenoisingError, DenoisingScoreMatching, GaussianNoise};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::Gaussian;
use ndarray::{Array1, Array2, ArrayView2, Axis, array};

const ERRORS: [DenoisingError; 3] = [DenoisingError::Score, DenoisingError::Noise, DenoisingError::Data];

fn model() -> Gaussian {
    Gaussian::new(array![0.5, -1.0], array![[2.0, 0.5], [0.5, 1.0]]).unwrap()
}

fn data() -> Array2<f64> {
    array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7], [0.4, -1.9]]
}

fn covariance() -> Array2<f64> {
    array![[0.5, 0.2], [0.2, 0.3]]
}

fn noises() -> [(GaussianNoise, Array2<f64>); 3] {
    [
        (GaussianNoise::isotropic(0.7).unwrap(), Array2::eye(2) * 0.49),
        (
            GaussianNoise::independent(array![0.7, 0.2]).unwrap(),
            array![[0.49, 0.0], [0.0, 0.04]],
        ),
        (GaussianNoise::correlated(covariance()).unwrap(), covariance()),
    ]
}

/// Loss followed by gradient.
fn value(objective: &mut DenoisingScoreMatching, seed: Seed) -> Array1<f64> {
    let mut all = Array1::zeros(model().n_params() + 1);
    all[0] = objective
        .loss_and_grad_into(
            &model(),
            data().view(),
            &mut seed.rng(),
            all.slice_mut(ndarray::s![1..]),
        )
        .unwrap();
    all
}

#[test]
fn every_noise_and_every_unit_obeys_the_laws_of_objectives() {
    for (noise, _) in noises() {
        for error in ERRORS {
            let make = || DenoisingScoreMatching::in_noise(noise.clone()).measured_in(error);
            conformance::objective(make, &model(), data().view(), Seed::new(1)).unwrap();
            conformance::objective_gradient(
                make,
                &mut model(),
                data().view(),
                Precision::DOUBLE,
                Seed::new(2),
            )
            .unwrap();
        }
    }
}

/// `J = Fisher divergence from q_C + ½ tr C⁻¹ − ½ E ‖∇log q_C‖²`, with data from a normal law: all is quadratic, so signs in place of normal variables give the expectations.
#[test]
fn it_is_the_fisher_divergence_from_the_noisy_density_and_a_constant() {
    let centre = array![-0.3, 0.8];
    let of_data = array![[1.5, -0.6], [-0.6, 0.9]];
    let factor = Cholesky::new("of_data", of_data.view()).unwrap();
    // Each data point with each noise: 16 rows.
    let (points, z) = (signs(2).dot(&factor.lower().t()) + &centre, signs(2));
    let rows = |k: usize| (k / 4, k % 4);
    let x = Array2::from_shape_fn((16, 2), |(k, i)| points[[rows(k).0, i]]);
    let z = Array2::from_shape_fn((16, 2), |(k, i)| z[[rows(k).1, i]]);
    for (noise, covariance) in noises() {
        let mut grad = Array1::zeros(model().n_params());
        let found = DenoisingScoreMatching::in_noise(noise)
            .at_noise(&model(), x.view(), z.view(), grad.view_mut())
            .unwrap();

        let noisy = &of_data + &covariance;
        let factor = Cholesky::new("noisy", noisy.view()).unwrap();
        let y = signs(2).dot(&factor.lower().t()) + &centre;
        let truth = Gaussian::new(centre.clone(), factor.inverse()).unwrap();
        let half_square = |s: Array2<f64>| 0.5 * s.mapv(|s| s * s).sum() / 4.0;
        let fisher = half_square(model().score(y.view()) - truth.score(y.view()));
        let inverse = Cholesky::new("covariance", covariance.view()).unwrap().inverse();
        let constant = 0.5 * inverse.diag().sum() - half_square(truth.score(y.view()));
        assert!(
            (found - fisher - constant).abs() < 1e-12 * constant,
            "{found}, {fisher}, {constant}"
        );
    }
}

/// In isotropic noise the three losses are one, times 1, `σ²` and `σ⁴`, on the same noise.
#[test]
fn units_are_weights_where_the_noise_is_isotropic() {
    let sigma: f64 = 0.7;
    let at = |error| {
        value(
            &mut DenoisingScoreMatching::new(sigma).unwrap().measured_in(error),
            Seed::new(3),
        )
    };
    let score = at(DenoisingError::Score);
    for (error, weight) in [
        (DenoisingError::Noise, sigma.powi(2)),
        (DenoisingError::Data, sigma.powi(4)),
    ] {
        let difference = at(error) - &score * weight;
        assert!(difference.iter().all(|d| d.abs() < 1e-13), "{difference}");
    }
}

/// The losses of a denoiser and of a predictor of noise, written as such from the same draws.
#[test]
fn the_units_are_the_losses_of_a_denoiser_and_of_a_predictor_of_noise() {
    let x = data();
    for (noise, covariance) in noises() {
        let mut z = Array2::zeros(x.raw_dim());
        Directions::Gaussian.fill(Streams::draw(&mut Seed::new(4).rng()), z.view_mut());
        let factor = Cholesky::new("covariance", covariance.view()).unwrap();
        let noisy = &x + &z.dot(&factor.lower().t());
        let score = model().score(noisy.view());
        let half_square = |s: Array2<f64>| 0.5 * s.mapv(|s| s * s).sum() / 4.0;
        let denoised = noise.denoised(noisy.view(), score.view());
        let predicted = noise.noise_of_score(score.view());
        for (error, expected) in [
            (DenoisingError::Data, half_square(denoised - &x)),
            (DenoisingError::Noise, half_square(predicted - &z)),
        ] {
            let mut objective = DenoisingScoreMatching::in_noise(noise.clone()).measured_in(error);
            let found = value(&mut objective, Seed::new(4))[0];
            assert!((found - expected).abs() < 1e-13, "{found} instead of {expected}");
        }
    }
}

#[test]
fn scores_denoisers_and_noise_predictors_convert_into_each_other() {
    let (x, score) = (data(), model().score(data().view()));
    let close = |a: Array2<f64>, b: ArrayView2<f64>| (a - b).iter().all(|d| d.abs() < 1e-13);
    for (noise, covariance) in noises() {
        let denoised = noise.denoised(x.view(), score.view());
        assert!(close(denoised.clone(), (&x + &score.dot(&covariance)).view()));
        assert!(close(
            noise.score_of_denoised(x.view(), denoised.view()),
            score.view()
        ));
        let predicted = noise.noise_of_score(score.view());
        assert!(close(noise.score_of_noise(predicted.view()), score.view()));
        // The noise is what the denoiser takes away: x̃ − d = L ẑ.
        let factor = Cholesky::new("covariance", covariance.view()).unwrap();
        assert!(close(&x - &denoised, predicted.dot(&factor.lower().t()).view()));
    }
}

/// The mean of the noiseless points: for data `N(0, Σ)` it is `Σ(Σ + C)⁻¹ x̃`.
#[test]
fn denoising_by_the_true_score_gives_the_posterior_mean() {
    let of_data = array![[1.5, -0.6], [-0.6, 0.9]];
    for (noise, covariance) in noises() {
        let noisy = Cholesky::new("noisy", (&of_data + &covariance).view()).unwrap();
        let truth = Gaussian::new(array![0.0, 0.0], noisy.inverse()).unwrap();
        let x = data();
        let found = noise.denoised(x.view(), truth.score(x.view()).view());
        let expected = x.dot(&noisy.inverse()).dot(&of_data);
        assert!((found - expected).iter().all(|d| d.abs() < 1e-13));
    }
}

#[test]
fn bad_noise_is_refused() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(
            GaussianNoise::isotropic(bad)
                .unwrap_err()
                .to_string()
                .contains("`sigma`")
        );
        let e = GaussianNoise::independent(array![1.0, bad])
            .unwrap_err()
            .to_string();
        assert!(e.contains("`deviations[1]`"), "{e}");
    }
    assert!(GaussianNoise::independent(array![]).is_err());
    assert!(GaussianNoise::correlated(array![[1.0, 2.0], [2.0, 1.0]]).is_err());
    let mut objective =
        DenoisingScoreMatching::in_noise(GaussianNoise::independent(array![1.0, 2.0, 3.0]).unwrap());
    let mut grad = Array1::zeros(model().n_params());
    let e = objective
        .loss_and_grad_into(&model(), data().view(), &mut Seed::new(1).rng(), grad.view_mut())
        .unwrap_err();
    assert_eq!(
        e.to_string(),
        "`noise` has shape [3], but must have shape [2], the dimension of the model"
    );
    assert_eq!(objective.noise().dim(), Some(3));
    let short = data().select(Axis(0), &[0]);
    let e = DenoisingScoreMatching::new(1.0)
        .unwrap()
        .at_noise(&model(), data().view(), short.view(), grad.view_mut())
        .unwrap_err();
    assert!(e.to_string().contains("`z` has shape [1, 2]"));
}
