//! Implicit and denoising score matching of a Gaussian, where both have closed forms.

use gibbsian_core::{Objective, Parametric, Seed};
use gibbsian_objectives::{DenoisingScoreMatching, ImplicitScoreMatching};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, mean};
use gibbsian_testkit::targets::Gaussian;
use ndarray::{Array1, Array2, array};

const SIGMA: f64 = 0.7;

fn model() -> Gaussian {
    Gaussian::new(array![0.5, -1.0], array![[2.0, 0.5], [0.5, 1.0]]).unwrap()
}

fn precision() -> Array2<f64> {
    array![[2.0, 0.5], [0.5, 1.0]]
}

fn data() -> Array2<f64> {
    array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7], [0.4, -1.9]]
}

fn loss(objective: &mut impl Objective<Gaussian>, x: &Array2<f64>, seed: Seed) -> f64 {
    let mut grad = Array1::zeros(model().n_params());
    objective
        .loss_and_grad_into(&model(), x.view(), &mut seed.rng(), grad.view_mut())
        .unwrap()
}

/// `½ mean ‖P(x − μ)‖²`.
fn half_square(x: &Array2<f64>) -> f64 {
    let scores = (x - &array![0.5, -1.0]).dot(&precision());
    0.5 * scores.mapv(|s| s * s).sum() / x.nrows() as f64
}

#[test]
fn both_obey_the_laws_of_objectives() {
    let denoising = || DenoisingScoreMatching::new(SIGMA).unwrap();
    conformance::objective(|| ImplicitScoreMatching, &model(), data().view(), Seed::new(1)).unwrap();
    conformance::objective(denoising, &model(), data().view(), Seed::new(2)).unwrap();
    const DOUBLE: Precision = Precision::DOUBLE;
    conformance::objective_gradient(
        || ImplicitScoreMatching,
        &mut model(),
        data().view(),
        DOUBLE,
        Seed::new(3),
    )
    .unwrap();
    conformance::objective_gradient(denoising, &mut model(), data().view(), DOUBLE, Seed::new(4)).unwrap();
}

#[test]
fn the_implicit_loss_is_minus_the_trace_plus_half_the_square() {
    let found = loss(&mut ImplicitScoreMatching, &data(), Seed::new(1));
    let expected = -3.0 + half_square(&data());
    assert!((found - expected).abs() <= 1e-14, "{found} instead of {expected}");
}

/// Its minimum over precisions, at the mean of the data, is the inverse second moment (Hyvärinen 2005, section 3.1).
#[test]
fn the_implicit_gradient_vanishes_at_the_inverse_covariance() {
    let x = data();
    let centre = x.mean_axis(ndarray::Axis(0)).unwrap();
    let centred = &x - &centre;
    let moment = centred.t().dot(&centred) / x.nrows() as f64;
    let det = moment[[0, 0]] * moment[[1, 1]] - moment[[0, 1]].powi(2);
    let inverse = array![
        [moment[[1, 1]] / det, -moment[[0, 1]] / det],
        [-moment[[0, 1]] / det, moment[[0, 0]] / det]
    ];
    let fitted = Gaussian::new(centre, inverse).unwrap();
    let mut grad = Array1::zeros(fitted.n_params());
    ImplicitScoreMatching
        .loss_and_grad_into(&fitted, x.view(), &mut Seed::new(1).rng(), grad.view_mut())
        .unwrap();
    assert!(grad.iter().all(|g| g.abs() <= 1e-13), "{grad}");
}

/// `½ E_z ‖−P(x + σz − μ) + z/σ‖² = ½ ‖P(x − μ)‖² + ½ ‖I/σ − σP‖²_F`.
#[test]
fn the_denoising_loss_has_the_expectation_of_its_closed_form() {
    let excess: Array2<f64> = Array2::eye(2) / SIGMA - precision() * SIGMA;
    let expected = half_square(&data()) + 0.5 * excess.mapv(|e| e * e).sum();
    let mut objective = DenoisingScoreMatching::new(SIGMA).unwrap();
    let losses: Vec<f64> = (0..4096)
        .map(|k| loss(&mut objective, &data(), Seed::new(5).nth(k)))
        .collect();
    mean("denoising losses", &losses, expected).assert(FALSE_ALARM);
}

/// Every call has noise of its own.
#[test]
fn noise_is_fresh() {
    let mut objective = DenoisingScoreMatching::new(SIGMA).unwrap();
    let mut rng = Seed::new(6).rng();
    let mut call = || {
        let mut grad = Array1::zeros(model().n_params());
        objective
            .loss_and_grad_into(&model(), data().view(), &mut rng, grad.view_mut())
            .unwrap()
    };
    assert_ne!(call(), call());
}
