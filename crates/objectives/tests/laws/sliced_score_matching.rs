//! Sliced score matching: implicit score matching in expectation, and the variances of its two forms.

use crate::directions::{ALL, signs};
use crate::two_bumps::TwoBumps;
use gibbsian_core::{Directions, Objective, Parametric, Result, ScoreJvpPullback, Seed, Streams};
use gibbsian_objectives::{ImplicitScoreMatching, SlicedScoreMatching, VarianceReducedSlicedScoreMatching};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use gibbsian_testkit::targets::Gaussian;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, array};

fn gaussian() -> Gaussian {
    let precision = array![[2.0, 0.0, 0.0], [0.5, 1.0, 0.0], [-0.3, 0.2, 1.5]];
    Gaussian::new(array![0.5, -1.0, 0.2], precision).unwrap()
}

fn bumps() -> TwoBumps {
    TwoBumps::new(array![1.2, -0.7, 0.4])
}

fn data() -> Array2<f64> {
    array![
        [0.3, 1.2, -0.1],
        [-2.0, 0.1, 0.6],
        [1.1, -0.7, 1.4],
        [0.4, -1.9, -0.8]
    ]
}

type Along<M> = fn(&M, ArrayView2<f64>, ArrayView2<f64>, ArrayViewMut1<f64>) -> Result<f64>;

/// Loss followed by gradient.
fn value<M: Parametric>(model: &M, call: impl FnOnce(ArrayViewMut1<f64>) -> Result<f64>) -> Array1<f64> {
    let mut all = Array1::zeros(model.n_params() + 1);
    all[0] = call(all.slice_mut(ndarray::s![1..])).unwrap();
    all
}

fn implicit<M: ScoreJvpPullback>(model: &M, x: ArrayView2<f64>) -> Array1<f64> {
    let rng = &mut Seed::new(1).rng();
    value(model, |grad| {
        ImplicitScoreMatching.loss_and_grad_into(model, x, rng, grad)
    })
}

#[test]
fn both_forms_obey_the_laws_of_objectives() {
    const DOUBLE: Precision = Precision::DOUBLE;
    let x = data();
    for directions in ALL {
        let plain = || SlicedScoreMatching::new(directions, 3).unwrap();
        let reduced = || VarianceReducedSlicedScoreMatching::new(directions, 3).unwrap();
        conformance::objective(plain, &gaussian(), x.view(), Seed::new(2)).unwrap();
        conformance::objective(reduced, &bumps(), x.view(), Seed::new(3)).unwrap();
        conformance::objective_gradient(plain, &mut bumps(), x.view(), DOUBLE, Seed::new(4)).unwrap();
        conformance::objective_gradient(reduced, &mut gaussian(), x.view(), DOUBLE, Seed::new(5)).unwrap();
    }
}

/// Both forms are quadratic in the direction, so any set of directions with the second moment of the identity gives the expectation: all signs, or the axes at `√D`.
#[test]
fn averaged_over_a_complete_set_of_directions_it_is_implicit_score_matching() {
    fn check<M: ScoreJvpPullback>(model: &M, forms: [Along<M>; 2]) {
        let x = data();
        let expected = implicit(model, x.view());
        let axes = Array2::<f64>::eye(3) * 3.0_f64.sqrt();
        for set in [signs(3), axes] {
            for along in forms {
                let mut sum = Array1::zeros(expected.len());
                for v in set.rows() {
                    let v = v.broadcast(x.raw_dim()).unwrap();
                    sum += &value(model, |grad| along(model, x.view(), v, grad));
                }
                let error = sum / set.nrows() as f64 - &expected;
                assert!(error.iter().all(|e| e.abs() < 1e-12), "{error}");
            }
        }
    }
    check(
        &gaussian(),
        [
            SlicedScoreMatching::along,
            VarianceReducedSlicedScoreMatching::along,
        ],
    );
    check(
        &bumps(),
        [
            SlicedScoreMatching::along,
            VarianceReducedSlicedScoreMatching::along,
        ],
    );
}

/// What is drawn is what `along` is given: the objective is the mean over its directions.
#[test]
fn the_objective_is_the_mean_along_the_directions_that_it_draws() {
    let (model, x) = (bumps(), data());
    for directions in ALL {
        let streams = Streams::draw(&mut Seed::new(6).rng());
        let mut v = Array2::zeros(x.raw_dim());
        let [mut plain, mut reduced] = [(); 2].map(|()| Array1::zeros(4));
        for k in 0..3 {
            directions.fill(streams.part(k), v.view_mut());
            plain += &value(&model, |g| {
                SlicedScoreMatching::along(&model, x.view(), v.view(), g)
            });
            reduced += &value(&model, |g| {
                VarianceReducedSlicedScoreMatching::along(&model, x.view(), v.view(), g)
            });
        }
        let rng = &mut Seed::new(6).rng();
        let found = value(&model, |g| {
            let mut objective = SlicedScoreMatching::new(directions, 3).unwrap();
            objective.loss_and_grad_into(&model, x.view(), rng, g)
        });
        assert!((found - plain / 3.0).iter().all(|e| e.abs() < 1e-14));
        let rng = &mut Seed::new(6).rng();
        let found = value(&model, |g| {
            let mut objective = VarianceReducedSlicedScoreMatching::new(directions, 3).unwrap();
            objective.loss_and_grad_into(&model, x.view(), rng, g)
        });
        assert!((found - reduced / 3.0).iter().all(|e| e.abs() < 1e-14));
    }
}

#[test]
fn drawn_directions_give_implicit_score_matching_on_average() {
    const N: u64 = 3_000;
    fn check(mut objective: impl Objective<TwoBumps>, name: &str) {
        let (model, x) = (bumps(), data());
        let expected = implicit(&model, x.view());
        let mut calls = Array2::zeros((N as usize, expected.len()));
        for (k, mut row) in calls.rows_mut().into_iter().enumerate() {
            let rng = &mut Seed::new(7).nth(k as u64).rng();
            row.assign(&value(&model, |g| {
                objective.loss_and_grad_into(&model, x.view(), rng, g)
            }));
        }
        let tests: Vec<_> = (0..expected.len())
            .map(|k| {
                mean(
                    &format!("{name}, entry {k}"),
                    &calls.column(k).to_vec(),
                    expected[k],
                )
            })
            .collect();
        family(&tests, FALSE_ALARM).unwrap();
    }
    for directions in ALL {
        check(SlicedScoreMatching::new(directions, 1).unwrap(), "plain");
        check(
            VarianceReducedSlicedScoreMatching::new(directions, 1).unwrap(),
            "reduced",
        );
    }
}

/// `E_x (Var_v plain − Var_v reduced)` at the true score of a normal law, by the table of the module.
fn difference(directions: Directions, precision: &Array2<f64>) -> f64 {
    let d = precision.nrows() as f64;
    let diagonal: f64 = precision.diag().iter().map(|l| l * l).sum();
    let squares: f64 = precision.iter().map(|l| l * l).sum();
    let trace_squared = precision.diag().sum().powi(2);
    match directions {
        Directions::Gaussian => 0.5 * trace_squared - squares,
        Directions::Rademacher => 0.5 * (trace_squared - diagonal) - (squares - diagonal),
        Directions::Sphere => (0.5 * (d + 3.0) * trace_squared - (d + 1.0) * squares) / (d + 2.0),
    }
}

fn cases() -> Vec<Array2<f64>> {
    vec![
        array![[1.0]],
        Array2::eye(2),
        array![[3.0, 1.2], [1.2, 0.8]],
        Array2::eye(5),
        array![[9.0, 0.0, 0.5], [0.0, 0.4, 0.1], [0.5, 0.1, 0.3]],
    ]
}

/// The closed forms at given `x` and over `x` agree: the mean of `Var_v` by [`Directions::quadratic_form_variance`] over a set of points that has the moments of a normal law up to the fourth.
#[test]
fn the_table_is_the_mean_of_the_variances_at_given_points() {
    // Gauss-Hermite nodes 0, ±√3 with weights 2/3, 1/6 integrate polynomials up to degree 5 exactly.
    let nodes = [
        (-3.0_f64.sqrt(), 1.0 / 6.0),
        (0.0, 2.0 / 3.0),
        (3.0_f64.sqrt(), 1.0 / 6.0),
    ];
    for precision in cases() {
        let d = precision.nrows();
        let factor = gibbsian_linalg::Cholesky::new("precision", precision.view()).unwrap();
        for directions in ALL {
            let mut found = 0.0;
            for point in 0..3_usize.pow(d as u32) {
                let node = |i: usize| nodes[point / 3_usize.pow(i as u32) % 3];
                let weight: f64 = (0..d).map(|i| node(i).1).product();
                // The score of N(0, Λ⁻¹) has covariance Λ.
                let s = factor.lower().dot(&Array1::from_shape_fn(d, |i| node(i).0));
                let outer = Array2::from_shape_fn((d, d), |(i, j)| 0.5 * s[i] * s[j]);
                let variance = |a: Array2<f64>| directions.quadratic_form_variance(a.view()).unwrap();
                found += weight * (variance(&outer - &precision) - variance(-&precision));
            }
            let expected = difference(directions, &precision);
            let scale: f64 = precision.iter().map(|l| l * l).sum::<f64>() * d as f64;
            assert!(
                (found - expected).abs() < 1e-13 * scale,
                "{directions:?}, {precision}: {found} instead of {expected}"
            );
        }
    }
}

/// The claim that gives the second form its name fails for Gaussian directions below two effective dimensions.
#[test]
fn the_variances_of_the_two_forms_differ_as_derived() {
    const N: usize = 20_000;
    let mut tests = Vec::new();
    for (case, precision) in cases().into_iter().enumerate() {
        let d = precision.nrows();
        let model = Gaussian::new(Array1::zeros(d), precision.clone()).unwrap();
        let x = gibbsian_core::Density::sample(&model, N, &mut Seed::new(8).nth(case as u64).rng());
        for directions in ALL {
            let v = directions.draw((N, d), &mut Seed::new(9).nth(case as u64).rng());
            let mut grad = Array1::zeros(model.n_params());
            let mut losses = |along: Along<Gaussian>| -> Array1<f64> {
                (0..N)
                    .map(|b| {
                        let row = ndarray::s![b..=b, ..];
                        along(&model, x.slice(row), v.slice(row), grad.view_mut()).unwrap()
                    })
                    .collect()
            };
            let (plain, reduced) = (
                losses(SlicedScoreMatching::along),
                losses(VarianceReducedSlicedScoreMatching::along),
            );
            // Var a − Var b is the mean of the differences of squared deviations; both have the same mean −½ tr Λ.
            let centre = -0.5 * precision.diag().sum();
            let differences: Vec<f64> = plain
                .iter()
                .zip(&reduced)
                .map(|(a, b)| (a - centre).powi(2) - (b - centre).powi(2))
                .collect();
            let name = format!("{directions:?}, case {case}");
            let expected = difference(directions, &precision);
            if differences.iter().all(|d| d.abs() < 1e-12) {
                assert!(expected.abs() < 1e-12, "{name}");
            } else {
                tests.push(mean(&name, &differences, expected));
            }
        }
    }
    family(&tests, FALSE_ALARM).unwrap();
    assert_eq!(difference(Directions::Gaussian, &array![[1.0]]), -0.5);
    assert_eq!(difference(Directions::Gaussian, &Array2::eye(2)), 0.0);
    assert!(difference(Directions::Gaussian, &cases()[2]) < 0.0);
    assert!(difference(Directions::Gaussian, &cases()[4]) < 0.0);
    assert_eq!(difference(Directions::Gaussian, &Array2::eye(5)), 7.5);
}

/// With `E vvᵀ = c I` the first form is scaled and keeps its minimum; that of the second moves to `c ∇log p`. Unit vectors have `c = 1/D`, which is why the sphere here has radius `√D`.
#[test]
fn directions_of_another_length_move_the_minimum_of_the_second_form() {
    let precision = array![[2.0, 0.5, -0.3], [0.5, 1.0, 0.2], [-0.3, 0.2, 1.5]];
    let covariance = gibbsian_linalg::Cholesky::new("precision", precision.view())
        .unwrap()
        .inverse();
    let factor = gibbsian_linalg::Cholesky::new("covariance", covariance.view()).unwrap();
    // Eight points whose second moment is the covariance of the law with this precision.
    let x = signs(3).dot(&factor.lower().t());
    // Along each of the axes: E vvᵀ = (length²/3) I. Over the scores θ ∇log p the mean loss is a parabola in θ.
    let vertex = |along: Along<Gaussian>, length: f64| {
        let loss = |theta: f64| {
            let model = Gaussian::new(Array1::zeros(3), theta * &precision).unwrap();
            let mut grad = Array1::zeros(model.n_params());
            let axes = Array2::<f64>::eye(3) * length;
            axes.rows()
                .into_iter()
                .map(|v| {
                    along(
                        &model,
                        x.view(),
                        v.broadcast(x.raw_dim()).unwrap(),
                        grad.view_mut(),
                    )
                    .unwrap()
                })
                .sum::<f64>()
        };
        let [a, b, c] = [0.5, 1.0, 1.5].map(loss);
        1.0 + 0.25 * (a - c) / (a - 2.0 * b + c)
    };
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found}");
    for (length, c) in [(3.0_f64.sqrt(), 1.0), (1.0, 1.0 / 3.0), (2.0, 4.0 / 3.0)] {
        near(vertex(SlicedScoreMatching::along, length), 1.0);
        near(vertex(VarianceReducedSlicedScoreMatching::along, length), c);
    }
}

#[test]
fn no_directions_are_refused() {
    let e = SlicedScoreMatching::new(Directions::Sphere, 0).unwrap_err();
    assert_eq!(e.to_string(), "`n_directions` is 0, but must be at least 1");
    assert!(VarianceReducedSlicedScoreMatching::new(Directions::Sphere, 0).is_err());
    let (model, x) = (bumps(), data());
    let short = x.slice(ndarray::s![..2, ..]);
    let mut grad = Array1::zeros(3);
    let e = SlicedScoreMatching::along(&model, x.view(), short, grad.view_mut()).unwrap_err();
    assert_eq!(e.to_string(), "`v` has shape [2, 3], but must have shape [4, 3]");
}
