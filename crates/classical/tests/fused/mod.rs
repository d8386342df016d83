//! How far the single-precision machine may be from the reference with the same parameters.
#![allow(dead_code, reason = "each test file uses some of it")]

use gibbsian_classical::{BinaryRbm, Rbm};
use gibbsian_core::Seed;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rand::RngExt;

use crate::common::machine;

/// Half the distance from 1 to the next single-precision number: the relative rounding error of one operation.
pub const UNIT: f64 = f32::EPSILON as f64 / 2.0;

/// Shapes inside a panel of 64, at its borders and across them, and the usual one.
pub const SHAPES: [(usize, usize); 8] = [
    (1, 1),
    (3, 2),
    (63, 65),
    (64, 64),
    (65, 129),
    (128, 1),
    (1, 200),
    (784, 500),
];

/// The fused machine and the reference with the very same parameters.
pub fn pair(n_visible: usize, n_hidden: usize, weight: f64, bias: f64, seed: u64) -> (BinaryRbm, Rbm) {
    let fast = BinaryRbm::from(&machine(n_visible, n_hidden, weight, bias, seed));
    let reference = Rbm::from(&fast);
    (fast, reference)
}

/// Rows of zeros and ones, of which a fraction `density` is one.
pub fn binary_rows(n_rows: usize, n_columns: usize, density: f64, seed: u64) -> Array2<f64> {
    let mut rng = Seed::new(seed).child("binary rows").rng();
    Array2::from_shape_simple_fn((n_rows, n_columns), || {
        f64::from(u8::from(rng.random::<f64>() < density))
    })
}

/// `δ_j`: how far the hidden fields `c + v'W` of a row may be off.
///
/// A sum of `n` terms in any order is off by `n u` of the sum of magnitudes at most (Higham 2002, section 4.2); a mean is rounded once, its product with a
/// weight once, and the bias adds one term. Terms of order `u²` are covered by one unit more.
pub fn field_bounds(rbm: &Rbm, v: ArrayView1<f64>) -> Array1<f64> {
    let magnitude = v.mapv(f64::abs).dot(&rbm.weights().mapv(f64::abs)) + rbm.hidden().bias().mapv(f64::abs);
    let n_active = v.iter().filter(|v| **v != 0.0).count();
    magnitude * ((n_active as f64 + 4.0) * UNIT)
}

/// How far the free energy of a row may be off: a softplus term moves at most as far as its field, is itself off by 4 units of at most log 2, and a mean is
/// rounded before it meets its bias.
pub fn energy_bound(rbm: &Rbm, v: ArrayView1<f64>) -> f64 {
    let linear = v.mapv(f64::abs).dot(&rbm.visible().bias().mapv(f64::abs));
    let terms = rbm.weights().ncols() as f64 * std::f64::consts::LN_2;
    field_bounds(rbm, v).sum() + UNIT * (4.0 * terms + linear)
}

/// Whether every number is within its own bound; panics with the first that is not.
#[track_caller]
pub fn assert_within(what: &str, found: ArrayView2<f64>, expected: ArrayView2<f64>, bound: ArrayView2<f64>) {
    assert_eq!(found.dim(), expected.dim(), "{what}");
    for ((at, found), (expected, bound)) in found.indexed_iter().zip(expected.iter().zip(bound)) {
        let error = (found - expected).abs();
        assert!(
            error <= *bound,
            "{what} {at:?}: {found} instead of {expected}, off by {error:e}, allowed {bound:e}"
        );
    }
}
