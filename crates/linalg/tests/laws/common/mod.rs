//! Matrices with known answers, and the yardstick that both backends are held to.

use gibbsian_linalg::matmul;
use ndarray::{Array2, ArrayView2, Axis};

/// Errors are accepted up to this multiple of n ε ‖A‖₁: 30 unit roundoffs, the threshold of LAPACK's own test programs
/// (Anderson et al. 1994, LAPACK Working Note 41), is 15 ε.
pub const THRESHOLD: f64 = 15.0;

/// The largest column sum of absolute values.
pub fn norm(a: ArrayView2<'_, f64>) -> f64 {
    a.axis_iter(Axis(1))
        .map(|column| column.mapv(f64::abs).sum())
        .fold(0.0, f64::max)
}

/// Asserts ‖found − expected‖₁ ≤ THRESHOLD · n ε · scale.
#[track_caller]
pub fn assert_within(found: ArrayView2<'_, f64>, expected: ArrayView2<'_, f64>, n: usize, scale: f64) {
    assert_eq!(found.dim(), expected.dim());
    let error = norm((&found - &expected).view());
    let allowed = THRESHOLD * n as f64 * f64::EPSILON * scale;
    assert!(
        error <= allowed,
        "the error is {error:e}, above {allowed:e}\nfound\n{found}\nexpected\n{expected}"
    );
}

/// Asserts |found − expected| ≤ allowed.
#[track_caller]
pub fn assert_close(found: f64, expected: f64, allowed: f64) {
    assert!(
        (found - expected).abs() <= allowed,
        "{found} differs from {expected} by more than {allowed:e}"
    );
}

/// Hᵢⱼ = 1 / (i + j + 1), positive definite and badly conditioned (κ ≈ e^{3.5 n}).
pub fn hilbert(n: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, n), |(i, j)| 1.0 / (i + j + 1) as f64)
}

/// det H = c(n)⁴ / c(2n), c(n) = Π_{i<n} i! (Hilbert 1894), as a logarithm.
pub fn hilbert_log_det(n: usize) -> f64 {
    let log_c = |n: usize| -> f64 {
        (1..n)
            .map(|i| (1..=i).map(|k| (k as f64).ln()).sum::<f64>())
            .sum()
    };
    4.0 * log_c(n) - log_c(2 * n)
}

/// Entries in [−1, 1] from a multiplicative congruence: nothing here needs a good generator.
pub fn scattered(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    Array2::from_shape_simple_fn((rows, columns), || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    })
}

/// B Bᵀ + I for a scattered B: symmetric, with eigenvalues of at least one.
pub fn positive_definite(n: usize, seed: u64) -> Array2<f64> {
    let b = scattered(n, n, seed);
    let product = matmul(b.view(), b.t());
    0.5 * (&product + &product.t()) + Array2::<f64>::eye(n)
}

/// L D Lᵀ for the unit lower bidiagonal L of ones, in integers: elimination is exact and its pivots are D.
pub fn with_pivots(pivots: &[f64]) -> Array2<f64> {
    let n = pivots.len();
    let lower = Array2::from_shape_fn((n, n), |(i, j)| if i == j || i == j + 1 { 1.0 } else { 0.0 });
    let scaled = Array2::from_shape_fn((n, n), |(i, j)| lower[(i, j)] * pivots[j]);
    scaled.dot(&lower.t())
}

/// The same matrix through a view that is contiguous in neither order.
pub fn spread(a: &Array2<f64>) -> Array2<f64> {
    let mut wide = Array2::from_elem((2 * a.nrows(), 3 * a.ncols()), f64::NAN);
    wide.slice_mut(ndarray::s![..;2, ..;3]).assign(a);
    wide
}
