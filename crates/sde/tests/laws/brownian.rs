//! Brownian motions: the law of what they give, and that parts compose.

use gibbsian_core::Seed;
use gibbsian_sde::{BrownianMotion, StoredPath, TimeGrid};
use gibbsian_testkit::stats::{FALSE_ALARM, family, z_test};
use ndarray::{Array2, array};

use crate::brownian_tree::{SHAPE, law};

/// What a block says of an interval.
fn ask(path: &dyn BrownianMotion, shape: (usize, usize), from: f64, to: f64) -> (Array2<f64>, Array2<f64>) {
    let (mut w, mut h) = (Array2::zeros(shape), Array2::zeros(shape));
    path.block(0, 0)
        .increment_and_area_into(from, to, w.view_mut(), h.view_mut());
    (w, h)
}

#[test]
fn integrals_of_a_stored_path_compose_and_do_not_depend_on_the_direction() {
    let shape = (5, 3);
    let times = array![0.0, 0.1, 0.25, 0.7, 1.0];
    let path = StoredPath::draw(TimeGrid::new(times).unwrap(), shape, Seed::new(1)).unwrap();
    let integral = |from: f64, to: f64| {
        let (w, h) = ask(&path, shape, from, to);
        ((&w * 0.5 + h) * (to - from), w)
    };
    let (whole, w) = integral(0.0, 1.0);
    for middle in [0.1, 0.25, 0.7] {
        let ((first, w_first), (second, w_second)) = (integral(0.0, middle), integral(middle, 1.0));
        let sum = first + second + &w_first * (1.0 - middle);
        assert!((sum - &whole).iter().all(|e| e.abs() < 1e-14));
        assert!((w_first + w_second - &w).iter().all(|e| e.abs() < 1e-14));
    }
    let ((w, h), (back, same)) = (ask(&path, shape, 0.1, 0.7), ask(&path, shape, 0.7, 0.1));
    assert_eq!((w, h), (-back, same));
}

/// Times of a path that is asked for single intervals and for some together.
fn stored() -> StoredPath {
    let times = array![0.0, 0.05, 0.1, 0.25, 0.3, 0.7, 1.0];
    StoredPath::draw(TimeGrid::new(times).unwrap(), SHAPE, Seed::new(2)).unwrap()
}

#[test]
fn increments_and_areas_of_a_stored_path_have_the_law_of_brownian_motion() {
    let path = stored();
    for times in [
        &[0.0, 0.05, 0.1, 0.25, 0.3, 0.7, 1.0][..],
        &[0.0, 0.1, 0.3, 1.0],
        &[0.05, 0.7, 1.0],
        &[0.0, 1.0],
    ] {
        family(&law(&path, times), FALSE_ALARM).unwrap();
    }
}

#[test]
fn intervals_of_a_stored_path_that_overlap_have_the_joint_law_of_brownian_motion() {
    // Increments are ∫ 1 dW over their interval and integrals ∫_a^b (W_u − W_a) du = ∫ (b − u) dW_u = h (W/2 + H): their products have the integrals of the products of kernels for expectations.
    let path = stored();
    let n = (SHAPE.0 * SHAPE.1) as f64;
    let of = |(from, to): (f64, f64)| {
        let (w, area) = ask(&path, SHAPE, from, to);
        let integral = (&w * 0.5 + area) * (to - from);
        [w, integral]
    };
    // Kernels c_0 + c_1 u.
    let kernels = |(_, to): (f64, f64)| [(1.0, 0.0), (to, -1.0)];
    let product = |(a, b): (f64, f64), (c, d): (f64, f64), (from, to): (f64, f64)| {
        let power = |k: i32| (to.powi(k) - from.powi(k)) / f64::from(k);
        if from < to {
            a * c * power(1) + (a * d + b * c) * power(2) + b * d * power(3)
        } else {
            0.0
        }
    };
    let intervals = [(0.0, 1.0), (0.05, 0.7), (0.1, 0.3), (0.25, 1.0), (0.0, 0.1)];
    let mut tests = Vec::new();
    for (k, one) in intervals.into_iter().enumerate() {
        for other in intervals.into_iter().skip(k) {
            let common = (f64::max(one.0, other.0), f64::min(one.1, other.1));
            for (x, p) in of(one).iter().zip(kernels(one)) {
                for (y, q) in of(other).iter().zip(kernels(other)) {
                    let expected = product(p, q, common);
                    // Of normal numbers the product has the variance σ_x² σ_y² + (E xy)².
                    let variance = product(p, p, one) * product(q, q, other) + expected * expected;
                    let found = (x * y).sum() / n;
                    let name = format!("{p:?} over {one:?}, {q:?} over {other:?}");
                    tests.push(z_test(&name, found, expected, (variance / n).sqrt()));
                }
            }
        }
    }
    family(&tests, FALSE_ALARM).unwrap();
}
