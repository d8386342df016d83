//! The thin singular value decomposition A = U diag(σ) Vᵀ of a rectangular matrix.
//!
//! For A (m, n) and p = min(m, n), U is (m, p), V is (n, p), both with orthonormal columns, and σ₁ ≥ … ≥ σₚ ≥ 0. The thin form
//! holds all of A; the rest of a full U would be an arbitrary basis of what A does not reach. It is the tool for rank and
//! conditioning: eigenvalues of AᵀA give the same numbers with half the digits.
//!
//! Singular vectors are fixed up to a common sign of each pair; here the entry of largest size of the left one is positive,
//! the first of them in a tie.

use gibbsian_core::error::{Error, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use crate::backend::{self, ThinSvd};
use crate::eigen::is_to_be_flipped;
use crate::validate::{balance, finite_matrix};

/// Singular values in descending order, and the singular vectors that belong to them.
///
/// ```
/// use gibbsian_linalg::Svd;
/// use ndarray::array;
///
/// // The second row is twice the first: rank one.
/// let svd = Svd::new("design", array![[1.0, 2.0], [2.0, 4.0]].view())?;
/// assert!((svd.values()[0] - 5.0).abs() < 1e-14 && svd.values()[1] < 1e-14);
/// assert!(svd.condition_number() > 1e14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Svd {
    left: Array2<f64>,
    values: Array1<f64>,
    right_transposed: Array2<f64>,
}

impl Svd {
    /// Decomposes the matrix `a`, (m, n); `name` is what an error calls it.
    ///
    /// Singular values are within 15 max(m, n) ε ‖A‖₁ of the exact ones.
    ///
    /// # Errors
    /// If `a` is empty or not finite, or if the iteration does not converge.
    ///
    /// ```
    /// use gibbsian_linalg::Svd;
    /// use ndarray::array;
    ///
    /// let svd = Svd::new("weights", array![[3.0, 0.0, 0.0], [0.0, -4.0, 0.0]].view())?;
    /// assert!((svd.values()[0] - 4.0).abs() < 1e-14);
    /// assert!((svd.values()[1] - 3.0).abs() < 1e-14);
    /// assert_eq!(svd.left().dim(), (2, 2));
    /// assert_eq!(svd.right_transposed().dim(), (2, 3));
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn new(name: &str, a: ArrayView2<'_, f64>) -> Result<Self> {
        let mut scaled = finite_matrix(name, a)?;
        let scale = balance(&mut scaled);
        let ThinSvd {
            mut left,
            mut values,
            mut right_transposed,
        } = backend::svd(scaled).map_err(|_| {
            Error::parameter(
                name.to_owned(),
                format!("a matrix of shape {:?}", a.shape()),
                "one whose singular-value iteration converges",
            )
        })?;
        values *= scale;
        for (mut u, mut v) in left
            .axis_iter_mut(Axis(1))
            .zip(right_transposed.axis_iter_mut(Axis(0)))
        {
            if is_to_be_flipped(u.view()) {
                u.mapv_inplace(|entry| -entry);
                v.mapv_inplace(|entry| -entry);
            }
        }
        Ok(Self {
            left,
            values,
            right_transposed,
        })
    }

    /// The left singular vectors U, (m, p), as columns.
    pub fn left(&self) -> ArrayView2<'_, f64> {
        self.left.view()
    }

    /// The singular values σ, (p), in descending order.
    pub fn values(&self) -> ArrayView1<'_, f64> {
        self.values.view()
    }

    /// The right singular vectors Vᵀ, (p, n), as rows.
    pub fn right_transposed(&self) -> ArrayView2<'_, f64> {
        self.right_transposed.view()
    }

    /// The condition number σ₁ / σₚ: how much a relative error of a right-hand side may grow in a solution. Infinite for a matrix
    /// that does not have full rank; values above 1/ε ≈ 4.5 × 10¹⁵ mean that rank cannot be told.
    pub fn condition_number(&self) -> f64 {
        let (largest, smallest) = (self.values[0], self.values[self.values.len() - 1]);
        if smallest == 0.0 {
            f64::INFINITY
        } else {
            largest / smallest
        }
    }
}
