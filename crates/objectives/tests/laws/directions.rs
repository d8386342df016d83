//! Random directions: their moments, and the traces estimated along them.

use crate::two_bumps::TwoBumps;
use gibbsian_core::{
    At, Directions, ScoreJvp, Seed, Streams, TimeScoreJvp, divergence_along_into, hutchinson_divergence,
};
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use gibbsian_testkit::targets::{Gaussian, HeatedGaussian};
use gibbsian_testkit::threads;
use ndarray::{Array1, Array2, ArrayView1, Axis, array, s};

pub const ALL: [Directions; 3] = [Directions::Gaussian, Directions::Rademacher, Directions::Sphere];

/// All vectors of signs in `d` dimensions, one a row.
pub fn signs(d: usize) -> Array2<f64> {
    Array2::from_shape_fn((1 << d, d), |(k, i)| if k >> i & 1 == 0 { 1.0 } else { -1.0 })
}

/// A matrix that is not symmetric.
fn matrix() -> Array2<f64> {
    array![[1.3, -0.4, 0.9], [0.8, -0.7, 0.2], [-0.3, 0.5, 2.1]]
}

fn quadratic_form(a: &Array2<f64>, v: ArrayView1<f64>) -> f64 {
    v.dot(&a.dot(&v))
}

/// Tests the variance of independent draws by the scatter of their squared deviations.
pub fn variance(name: &str, sample: &[f64], expected: f64) -> gibbsian_testkit::stats::Test {
    let n = sample.len() as f64;
    let centre = sample.iter().sum::<f64>() / n;
    let squares: Vec<f64> = sample
        .iter()
        .map(|x| (x - centre).powi(2) * n / (n - 1.0))
        .collect();
    mean(name, &squares, expected)
}

#[test]
fn signs_are_signs_and_the_sphere_has_radius_root_d() {
    let v = Directions::Rademacher.draw((100, 37), &mut Seed::new(1).rng());
    assert!(v.iter().all(|v| v.abs() == 1.0));
    for d in [1, 2, 5, 300] {
        let v = Directions::Sphere.draw((50, d), &mut Seed::new(2).rng());
        for v in v.rows() {
            let square = v.dot(&v);
            assert!(
                (square / d as f64 - 1.0).abs() < 1e-14,
                "{square} in {d} dimensions"
            );
        }
    }
    let line = Directions::Sphere.draw((50, 1), &mut Seed::new(2).rng());
    assert!(line.iter().all(|v| v.abs() == 1.0));
}

#[test]
fn the_mean_is_zero_and_the_second_moment_the_identity() {
    for directions in ALL {
        let v = directions.draw((40_000, 3), &mut Seed::new(3).rng());
        let mut tests = Vec::new();
        for i in 0..3 {
            tests.push(mean(&format!("v_{i}"), &v.column(i).to_vec(), 0.0));
            for j in 0..i {
                let products = (&v.column(i) * &v.column(j)).to_vec();
                tests.push(mean(&format!("v_{i} v_{j}"), &products, 0.0));
            }
            let squares = v.column(i).mapv(|v| v * v).to_vec();
            // The square of a sign has no scatter to test against.
            if directions != Directions::Rademacher {
                tests.push(mean(&format!("v_{i}²"), &squares, 1.0));
            }
        }
        family(&tests, FALSE_ALARM).unwrap_or_else(|e| panic!("{directions:?}: {e:?}"));
    }
}

#[test]
fn neighbouring_rows_and_blocks_are_independent() {
    for directions in ALL {
        let v = directions.draw((40_000, 3), &mut Seed::new(4).rng());
        let tests: Vec<_> = [1, 31, 32, 33]
            .map(|lag| {
                let products = (&v.slice(s![lag.., ..]) * &v.slice(s![..-lag, ..])).sum_axis(Axis(1));
                mean(
                    &format!("{directions:?} {lag} rows apart"),
                    &products.to_vec(),
                    0.0,
                )
            })
            .to_vec();
        family(&tests, FALSE_ALARM).unwrap();
    }
}

#[test]
fn quadratic_forms_have_the_mean_and_variance_of_the_table() {
    let a = matrix();
    for directions in ALL {
        let v = directions.draw((100_000, 3), &mut Seed::new(5).rng());
        let forms: Vec<f64> = v.rows().into_iter().map(|v| quadratic_form(&a, v)).collect();
        let expected = directions.quadratic_form_variance(a.view()).unwrap();
        let tests = [
            mean("the trace", &forms, a.diag().sum()),
            variance("the variance", &forms, expected),
        ];
        family(&tests, FALSE_ALARM).unwrap_or_else(|e| panic!("{directions:?}: {e:?}"));
    }
}

/// Over all vectors of signs the variance is a finite sum.
#[test]
fn the_variance_along_signs_is_exact() {
    let a = matrix();
    let forms: Array1<f64> = signs(3)
        .rows()
        .into_iter()
        .map(|v| quadratic_form(&a, v))
        .collect();
    assert!((forms.mean().unwrap() - a.diag().sum()).abs() < 1e-14);
    let expected = Directions::Rademacher.quadratic_form_variance(a.view()).unwrap();
    assert!((forms.var(0.0) - expected).abs() < 1e-13);
}

#[test]
fn a_diagonal_is_exact_along_signs_and_the_identity_on_the_sphere() {
    let rng = &mut Seed::new(6).rng();
    let x = array![[0.3, 1.2, -0.4], [-2.0, 0.1, 0.7]];
    let diagonal = Gaussian::new(Array1::zeros(3), Array2::from_diag(&array![1.0, 2.0, 4.0])).unwrap();
    let found = hutchinson_divergence(&diagonal, x.view(), Directions::Rademacher, 2, rng).unwrap();
    assert_eq!(found, diagonal.divergence(x.view()));

    // J = −I/(a² + t²), at a time of its own for each row.
    let heated = HeatedGaussian::new(Array1::zeros(3), 0.2).unwrap();
    let t = array![0.5, 3.0];
    let found = hutchinson_divergence(&At::new(&heated, t.view()), x.view(), Directions::Sphere, 2, rng);
    let mut exact = Array1::zeros(2);
    heated.divergence_at_into(x.view(), t.view(), exact.view_mut());
    for (found, exact) in found.unwrap().iter().zip(&exact) {
        assert!((found / exact - 1.0).abs() < 1e-14);
    }
}

#[test]
fn the_estimate_has_the_exact_divergence_as_mean_and_shrinks_with_directions() {
    const N: usize = 5_000;
    let model = TwoBumps::new(array![1.2, -0.7, 0.4]);
    let x = array![[0.3, 0.2, -0.1]];
    let exact = model.divergence(x.view())[0];
    for directions in ALL {
        let estimates = |n: usize| -> Vec<f64> {
            let seed = Seed::new(7).nth(n as u64);
            (0..N as u64)
                .map(|k| {
                    hutchinson_divergence(&model, x.view(), directions, n, &mut seed.nth(k).rng()).unwrap()[0]
                })
                .collect()
        };
        // The Jacobian, column by column.
        let mut jacobian = Array2::zeros((3, 3));
        for i in 0..3 {
            let mut e = Array2::zeros((1, 3));
            e[[0, i]] = 1.0;
            let (mut score, mut jvp) = (Array2::zeros((1, 3)), Array2::zeros((1, 3)));
            model.score_jvp_into(x.view(), e.view(), score.view_mut(), jvp.view_mut());
            jacobian.column_mut(i).assign(&jvp.row(0));
        }
        let once = directions.quadratic_form_variance(jacobian.view()).unwrap();
        let (one, four) = (estimates(1), estimates(4));
        let tests = [
            mean("one direction", &one, exact),
            mean("four directions", &four, exact),
            variance("variance of one", &one, once),
            variance("variance of four", &four, once / 4.0),
        ];
        family(&tests, FALSE_ALARM).unwrap_or_else(|e| panic!("{directions:?}: {e:?}"));
    }
}

#[test]
fn along_given_directions_score_and_form_come_in_one_pass() {
    let model = TwoBumps::new(array![1.2, -0.7]);
    let x = array![[0.3, 0.2], [1.0, -2.0]];
    let v = array![[1.0, 0.5], [-0.3, 2.0]];
    let (mut score, mut form) = (Array2::zeros((2, 2)), Array1::zeros(2));
    divergence_along_into(&model, x.view(), v.view(), score.view_mut(), form.view_mut());
    let (mut expected, mut jvp) = (Array2::zeros((2, 2)), Array2::zeros((2, 2)));
    model.score_jvp_into(x.view(), v.view(), expected.view_mut(), jvp.view_mut());
    assert_eq!(score, expected);
    assert_eq!(form, (&v * &jvp).sum_axis(Axis(1)));
}

#[test]
fn draws_do_not_depend_on_threads_or_strides() {
    for directions in ALL {
        threads::same_on_any_number("directions", || {
            directions.draw((100, 5), &mut Seed::new(8).rng()).into_flat()
        })
        .unwrap();
        let streams = Streams::from_key(9);
        let (mut plain, mut host) = (Array2::zeros((70, 5)), Array2::zeros((70, 10)));
        directions.fill(streams, plain.view_mut());
        directions.fill(streams, host.slice_mut(s![.., ..;2]));
        assert_eq!(plain, host.slice(s![.., ..;2]));
    }
}

#[test]
fn bad_requests_are_refused() {
    let rng = &mut Seed::new(10).rng();
    let model = TwoBumps::new(array![1.0, 2.0]);
    let x = array![[0.0, 1.0]];
    let refused = |e: gibbsian_core::Error| e.to_string();
    let e = hutchinson_divergence(&model, x.view(), Directions::Sphere, 0, rng).map(|_| ());
    assert_eq!(refused(e.unwrap_err()), "`n` is 0, but must be at least 1");
    let wide = Array2::zeros((1, 3));
    let e = hutchinson_divergence(&model, wide.view(), Directions::Sphere, 1, rng).map(|_| ());
    assert!(refused(e.unwrap_err()).contains("`x` has shape [1, 3]"));
    let e = Directions::Sphere
        .quadratic_form_variance(wide.view())
        .map(|_| ());
    assert!(refused(e.unwrap_err()).contains("`a` has shape [1, 3]"));
}

/// A few draws, so that a change of the generator is seen.
#[test]
fn draws_are_pinned() {
    let signs = Directions::Rademacher.draw((2, 3), &mut Seed::new(11).rng());
    assert_eq!(signs, array![[-1.0, -1.0, 1.0], [-1.0, 1.0, 1.0]]);
    let normal = Directions::Gaussian.draw((1, 3), &mut Seed::new(11).rng());
    let expected = array![[2.600096963127477, 2.5612338531806667, -0.02885211933303669]];
    assert!((&normal - &expected).iter().all(|e| e.abs() < 1e-14), "{normal}");
}
