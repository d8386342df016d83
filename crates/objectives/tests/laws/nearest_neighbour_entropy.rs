//! The entropy from nearest neighbours: exact expectations for pairs of points, the laws of its gradient, and consistency.

use gibbsian_core::{Density, Seed};
use gibbsian_objectives::{nearest_neighbour_entropy, nearest_neighbour_entropy_and_grad_into};
use gibbsian_testkit::derivatives::row_gradient;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, mean, z_test};
use gibbsian_testkit::targets::Gaussian;
use ndarray::{Array1, Array2, array};
use rand::RngExt;

const EULER: f64 = 0.577_215_664_901_532_9;

fn sample(n: usize, d: usize, seed: u64) -> Array2<f64> {
    let law = Gaussian::new(Array1::zeros(d), Array2::eye(d)).unwrap();
    law.sample(n, &mut Seed::new(seed).rng())
}

/// Two points are each other's neighbours at distance `√2 |z|`: `E log |z| = −(γ + log 2)/2` on the line and `(log 2 − γ)/2` in the plane.
#[test]
fn of_two_normal_points_its_expectation_is_known() {
    for (d, log_ball, log_distance) in [
        (1, 2.0_f64.ln(), 0.5 * 2.0_f64.ln() - 0.5 * (EULER + 2.0_f64.ln())),
        (
            2,
            std::f64::consts::PI.ln(),
            0.5 * 2.0_f64.ln() + 0.5 * (2.0_f64.ln() - EULER),
        ),
    ] {
        let values: Vec<f64> = (0..20_000)
            .map(|r| nearest_neighbour_entropy(sample(2, d, 1000 + r).view()).unwrap())
            .collect();
        // ψ(2) − ψ(1) = 1.
        let expected = 1.0 + log_ball + d as f64 * log_distance;
        mean(&format!("dimension {d}"), &values, expected).assert(FALSE_ALARM);
    }
}

/// The uniform law on the unit interval has entropy 0. Edges change what a fraction `O(1/N)` of the points sees, which is far below the error.
#[test]
fn of_many_uniform_points_it_is_their_entropy() {
    let values: Vec<f64> = (0..20)
        .map(|r| {
            let mut rng = Seed::new(1).nth(r).rng();
            let x = Array2::from_shape_simple_fn((1000, 1), || rng.random::<f64>());
            nearest_neighbour_entropy(x.view()).unwrap()
        })
        .collect();
    // Neighbouring distances are shared by pairs, hence the spread over samples and not over points.
    mean("uniform", &values, 0.0).assert(FALSE_ALARM);
}

#[test]
fn the_gradient_is_that_of_the_estimate() {
    let x = sample(7, 3, 2);
    let mut grad = Array2::zeros((7, 3));
    let value = nearest_neighbour_entropy_and_grad_into(x.view(), grad.view_mut()).unwrap();
    assert_eq!(value, nearest_neighbour_entropy(x.view()).unwrap());
    // All points as one row, whose neighbours must not change within a step.
    let flat = x.to_shape((1, 21)).unwrap().into_owned();
    let f = |rows: ndarray::ArrayView2<f64>| -> Array1<f64> {
        let points = |row: ndarray::ArrayView1<f64>| row.to_shape((7, 3)).unwrap().into_owned();
        let entropy = |row| nearest_neighbour_entropy(points(row).view()).unwrap();
        rows.rows().into_iter().map(entropy).collect()
    };
    let found = grad.to_shape((1, 21)).unwrap().into_owned();
    let precision = Precision::DOUBLE.with_step(1e-3);
    row_gradient("the gradient of the entropy", flat.view(), &found, &f, precision).unwrap();
}

/// Under translations nothing changes, under scaling by `a` the estimate grows by `D log a`.
#[test]
fn it_moves_as_entropy_does() {
    let x = sample(50, 3, 3);
    let mut grad = Array2::zeros((50, 3));
    let value = nearest_neighbour_entropy_and_grad_into(x.view(), grad.view_mut()).unwrap();
    let scaled = nearest_neighbour_entropy((&x * 2.5 + 1.0).view()).unwrap();
    z_test("scaled", scaled, value + 3.0 * 2.5_f64.ln(), 1e-13).assert(FALSE_ALARM);
    assert!(grad.sum_axis(ndarray::Axis(0)).iter().all(|g| g.abs() <= 1e-13));
    assert!(((&grad * &x).sum() - 3.0).abs() <= 1e-12);
}

#[test]
fn what_has_no_entropy_is_refused() {
    let refusal = |x: Array2<f64>| nearest_neighbour_entropy(x.view()).unwrap_err().to_string();
    assert!(refusal(array![[1.0]]).contains("at least 2"));
    assert_eq!(
        refusal(array![[1.0], [2.0], [1.0]]),
        "`squared distance of x[0, ..] and x[2, ..]` is 0, but must be finite and greater than zero"
    );
    assert!(refusal(array![[1.0], [f64::NAN]]).contains("NaN"));
}
