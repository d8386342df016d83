//! What every factorisation asks of its matrix before it starts.

use gibbsian_core::error::{Error, Result, check_finite};
use ndarray::{Array2, ArrayView2, ShapeBuilder};

/// How far a matrix may be from symmetric: |aᵢⱼ − aⱼᵢ| ≤ `SYMMETRY_TOLERANCE` · maxₖₗ |aₖₗ|.
///
/// The two halves of a covariance accumulated over N rows in different orders differ by at most about N ε times its largest
/// entry: 10⁻¹⁰ leaves room for 10⁵ rows, while a mistake in a model is far larger. What is accepted is replaced by its
/// symmetric part (A + Aᵀ) / 2, so no triangle is preferred.
pub const SYMMETRY_TOLERANCE: f64 = 1e-10;

/// Requires at least one row and one column, and finite entries; returns a column-major copy.
pub(crate) fn finite_matrix(name: &str, a: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    if a.is_empty() {
        return Err(Error::shape(
            name.to_owned(),
            a.shape(),
            "(at least 1, at least 1)",
        ));
    }
    check_finite(name, &a)?;
    let mut copy = Array2::zeros(a.raw_dim().f());
    copy.assign(&a);
    Ok(copy)
}

/// Requires, further, as many columns as rows.
pub(crate) fn square_matrix(name: &str, a: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    if a.nrows() != a.ncols() {
        return Err(Error::shape(
            name.to_owned(),
            a.shape(),
            "(n, n): a square matrix",
        ));
    }
    finite_matrix(name, a)
}

/// Requires, further, symmetry up to [`SYMMETRY_TOLERANCE`]; returns the symmetric part.
pub(crate) fn symmetric_matrix(name: &str, a: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let mut copy = square_matrix(name, a)?;
    let allowed = SYMMETRY_TOLERANCE * largest(&copy);
    for ((i, j), &lower) in a.indexed_iter().filter(|&((i, j), _)| i > j) {
        let upper = a[(j, i)];
        // Halves are subtracted, because the difference of two finite numbers may overflow.
        if (0.5 * lower - 0.5 * upper).abs() > 0.5 * allowed {
            return Err(Error::parameter(
                format!("{name}[{i}, {j}]"),
                lower,
                format!(
                    "within {allowed:e} of {name}[{j}, {i}], which is {upper}: a symmetric matrix; fill both triangles, as (A + A')/2 does"
                ),
            ));
        }
        // Equal entries are kept as they are; halving would round subnormal ones.
        let mean = if lower == upper {
            lower
        } else {
            0.5 * lower + 0.5 * upper
        };
        copy[(i, j)] = mean;
        copy[(j, i)] = mean;
    }
    Ok(copy)
}

/// The largest absolute entry.
pub(crate) fn largest(a: &Array2<f64>) -> f64 {
    a.fold(0.0, |largest: f64, &entry| largest.max(entry.abs()))
}

/// Scales a finite matrix so that its largest entry is between 1/2 and 2, and returns the factor that undoes it.
///
/// Orthogonal iterations square the entries, which overflows above 10¹⁵⁴ and vanishes below 10⁻¹⁵⁴. The factor is a power of
/// two, so entries of ordinary size are not rounded.
pub(crate) fn balance(a: &mut Array2<f64>) -> f64 {
    let exponent = largest(a)
        .max(f64::MIN_POSITIVE)
        .log2()
        .round()
        .clamp(-1022.0, 1022.0) as i32;
    let (down, up) = (2_f64.powi(-exponent), 2_f64.powi(exponent));
    a.mapv_inplace(|entry| entry * down);
    up
}

/// Panics unless a right-hand side has as many rows as the factored matrix.
#[track_caller]
pub(crate) fn assert_right_hand_side(dim: usize, shape: &[usize]) {
    assert!(
        shape[0] == dim,
        "the right-hand side has shape {shape:?}, but the factored matrix is {dim} × {dim}"
    );
}
