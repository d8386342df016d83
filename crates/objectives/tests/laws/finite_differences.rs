//! Sliced score matching by differences: exact for normal laws, and off by `ε²` as derived elsewhere.

use crate::directions::ALL;
use crate::two_bumps::TwoBumps;
use gibbsian_core::{Directions, Objective, Parametric, Score, Seed, Streams};
use gibbsian_objectives::{
    FiniteDifferenceSlicedScoreMatching as Energies,
    FiniteDifferenceVarianceReducedSlicedScoreMatching as Scores, SlicedScoreMatching,
    VarianceReducedSlicedScoreMatching,
};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::order;
use gibbsian_testkit::targets::Gaussian;
use ndarray::{Array1, Array2, array};

fn gaussian() -> Gaussian {
    Gaussian::new(array![0.5, -1.0], array![[2.0, 0.5], [0.5, 1.0]]).unwrap()
}

fn bumps() -> TwoBumps {
    TwoBumps::new(array![1.2, -0.7])
}

fn data() -> Array2<f64> {
    array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7], [0.4, -1.9]]
}

/// Loss followed by gradient, always along the same directions.
fn value<M: Parametric>(model: &M, mut objective: impl Objective<M>) -> Array1<f64> {
    let mut all = Array1::zeros(model.n_params() + 1);
    all[0] = objective
        .loss_and_grad_into(
            model,
            data().view(),
            &mut Seed::new(1).rng(),
            all.slice_mut(ndarray::s![1..]),
        )
        .unwrap();
    all
}

#[test]
fn both_obey_the_laws_of_objectives() {
    // The gradient of the differences is exact, whatever the step; small steps would only spoil the check by rounding.
    const DOUBLE: Precision = Precision::DOUBLE;
    let x = data();
    for directions in ALL {
        let energies = || Energies::new(directions, 2, 0.3).unwrap();
        let scores = || Scores::new(directions, 2, 0.3).unwrap();
        conformance::objective(energies, &gaussian(), x.view(), Seed::new(2)).unwrap();
        conformance::objective(scores, &bumps(), x.view(), Seed::new(3)).unwrap();
        conformance::objective_gradient(energies, &mut bumps(), x.view(), DOUBLE, Seed::new(4)).unwrap();
        conformance::objective_gradient(scores, &mut gaussian(), x.view(), DOUBLE, Seed::new(5)).unwrap();
    }
}

/// Energies are quadratic and scores linear, so central differences are exact at any step: rounding only, of order `ε_machine E/ε²`.
#[test]
fn of_a_normal_law_they_are_the_sliced_objectives_along_the_same_directions() {
    let model = gaussian();
    for directions in ALL {
        let energies = value(&model, Energies::new(directions, 3, 0.5).unwrap());
        let expected = value(&model, SlicedScoreMatching::new(directions, 3).unwrap());
        assert!(
            (energies - expected).iter().all(|e| e.abs() < 1e-12),
            "{directions:?}"
        );
        let scores = value(&model, Scores::new(directions, 3, 0.5).unwrap());
        let expected = value(
            &model,
            VarianceReducedSlicedScoreMatching::new(directions, 3).unwrap(),
        );
        assert!(
            (scores - expected).iter().all(|e| e.abs() < 1e-12),
            "{directions:?}"
        );
    }
}

#[test]
fn the_bias_of_losses_and_gradients_is_of_second_order() {
    let (model, directions) = (bumps(), Directions::Sphere);
    let exact = [
        value(&model, SlicedScoreMatching::new(directions, 2).unwrap()),
        value(
            &model,
            VarianceReducedSlicedScoreMatching::new(directions, 2).unwrap(),
        ),
    ];
    let steps = [0.1, 0.05, 0.025];
    let biases = |form: usize| {
        steps.map(|epsilon| {
            let found = match form {
                0 => value(&model, Energies::new(directions, 2, epsilon).unwrap()),
                _ => value(&model, Scores::new(directions, 2, epsilon).unwrap()),
            };
            (found - &exact[form]).mapv(f64::abs)
        })
    };
    for form in 0..2 {
        let biases = biases(form);
        for entry in 0..3 {
            let bias: Vec<f64> = biases.iter().map(|b| b[entry]).collect();
            // Terms of order ε⁴ bend the line by a few ε².
            order(&steps, &bias).within("order", 2.0, 0.05).unwrap();
        }
    }
}

/// `ε² mean[f''''/12 + f'f'''/6]` and `ε² mean[f''''/6 + ½ sᵀ∂_v²s]`, along each direction.
#[test]
fn the_leading_term_of_the_bias_is_the_derived_one() {
    let (model, x) = (bumps(), data());
    let directions = Directions::Gaussian;
    let mut v = Array2::zeros(x.raw_dim());
    directions.fill(Streams::draw(&mut Seed::new(1).rng()).part(0), v.view_mut());
    let score = model.score(x.view());
    let mut expected = [0.0; 2];
    for b in 0..x.nrows() {
        // f(t) = −½ ‖x + tv‖² + log cosh(m·x + t m·v); the derivatives of tanh are q, −2hq, −2q(1 − 3h²).
        let k = model.mean.dot(&v.row(b));
        let h = model.mean.dot(&x.row(b)).tanh();
        let q = 1.0 - h * h;
        let first = score.row(b).dot(&v.row(b));
        let third = -2.0 * h * q * k.powi(3);
        let fourth = -2.0 * q * (1.0 - 3.0 * h * h) * k.powi(4);
        let bent = &model.mean * (-2.0 * h * q * k * k);
        expected[0] += (fourth / 12.0 + first * third / 6.0) / 4.0;
        expected[1] += (fourth / 6.0 + 0.5 * score.row(b).dot(&bent)) / 4.0;
    }
    let exact = [
        value(&model, SlicedScoreMatching::new(directions, 1).unwrap())[0],
        value(
            &model,
            VarianceReducedSlicedScoreMatching::new(directions, 1).unwrap(),
        )[0],
    ];
    let per_square = |form: usize, epsilon: f64| {
        let found = match form {
            0 => value(&model, Energies::new(directions, 1, epsilon).unwrap())[0],
            _ => value(&model, Scores::new(directions, 1, epsilon).unwrap())[0],
        };
        (found - exact[form]) / (epsilon * epsilon)
    };
    for (form, expected) in expected.into_iter().enumerate() {
        // Extrapolation leaves terms of order ε⁴ = 4e-6 with the sixth derivatives before them.
        let found = (4.0 * per_square(form, 0.02) - per_square(form, 0.04)) / 3.0;
        assert!(
            (found - expected).abs() < 1e-4 * expected.abs().max(1.0),
            "form {form}: {found} instead of {expected}"
        );
    }
}

#[test]
fn bad_options_are_refused() {
    for bad in [0.0, -0.1, f64::NAN, f64::INFINITY] {
        let e = Energies::new(Directions::Sphere, 1, bad).unwrap_err().to_string();
        assert!(e.contains("`epsilon`"), "{e}");
        assert!(Scores::new(Directions::Sphere, 1, bad).is_err());
    }
    assert!(Energies::new(Directions::Sphere, 0, 0.1).is_err());
    assert_eq!(Scores::new(Directions::Sphere, 1, 0.1).unwrap().epsilon(), 0.1);
}
