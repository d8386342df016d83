//! The spectral decomposition A = V diag(λ) Vᵀ of a symmetric matrix.
//!
//! Used for functions of a covariance that are not rational, above all its square root, for spectra and condition numbers, and
//! for matrices that are symmetric without being definite. Reduction to tridiagonal form and divide and conquer cost
//! about 9 n³ multiply-adds, so [`Cholesky`](crate::Cholesky) is preferred wherever it will do. General (non-symmetric) eigenvalues are
//! left out: nothing in the field of this workspace needs them.
//!
//! Eigenvectors are fixed up to a sign, and the two backends choose differently. Here the entry of largest size is positive, the
//! first of them in a tie, so that results can be compared; in the eigenspace of a repeated eigenvalue no such rule helps.

use gibbsian_core::error::{Error, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use crate::backend;
use crate::validate::{balance, symmetric_matrix};

/// Eigenvalues in ascending order, and orthonormal eigenvectors.
///
/// ```
/// use gibbsian_linalg::SymmetricEigen;
/// use ndarray::{Array2, array};
///
/// let a = array![[2.0, 1.0], [1.0, 2.0]];
/// let eigen = SymmetricEigen::new("covariance", a.view())?;
/// // A = V diag(λ) Vᵀ with λ = 1, 3.
/// let back = eigen.vectors().dot(&Array2::from_diag(&eigen.values())).dot(&eigen.vectors().t());
/// assert!((&back - &a).iter().all(|error| error.abs() < 1e-14));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SymmetricEigen {
    values: Array1<f64>,
    vectors: Array2<f64>,
}

impl SymmetricEigen {
    /// Decomposes the matrix `a`, (n, n) and symmetric; `name` is what an error calls it.
    ///
    /// Eigenvalues are within 15 n ε ‖A‖₁ of the exact ones, which for the small ones of an ill-conditioned matrix may be
    /// more than their own size.
    ///
    /// # Errors
    /// If `a` is empty, not square, not finite or not symmetric within
    /// [`SYMMETRY_TOLERANCE`](crate::SYMMETRY_TOLERANCE), or if the iteration does not converge.
    ///
    /// ```
    /// use gibbsian_linalg::SymmetricEigen;
    /// use ndarray::array;
    ///
    /// let eigen = SymmetricEigen::new("coupling", array![[0.0, 3.0], [3.0, 8.0]].view())?;
    /// assert!((eigen.values()[0] + 1.0).abs() < 1e-14);
    /// assert!((eigen.values()[1] - 9.0).abs() < 1e-14);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn new(name: &str, a: ArrayView2<'_, f64>) -> Result<Self> {
        let mut symmetric = symmetric_matrix(name, a)?;
        let scale = balance(&mut symmetric);
        let (mut values, mut vectors) = backend::symmetric_eigen(symmetric).map_err(|_| {
            Error::parameter(
                name.to_owned(),
                format!("a matrix of shape {:?}", a.shape()),
                "one whose eigenvalue iteration converges",
            )
        })?;
        values *= scale;
        for mut vector in vectors.axis_iter_mut(Axis(1)) {
            if is_to_be_flipped(vector.view()) {
                vector.mapv_inplace(|entry| -entry);
            }
        }
        Ok(Self { values, vectors })
    }

    /// The eigenvalues λ, (n), in ascending order.
    pub fn values(&self) -> ArrayView1<'_, f64> {
        self.values.view()
    }

    /// The eigenvectors V, (n, n): column j belongs to eigenvalue j.
    pub fn vectors(&self) -> ArrayView2<'_, f64> {
        self.vectors.view()
    }

    /// The function f of the matrix, V diag(f(λ)) Vᵀ, symmetric to the last bit.
    ///
    /// `f` sees eigenvalues with their rounding: those of a positive semi-definite matrix may be slightly negative, so a square
    /// root is `|value| value.max(0.0).sqrt()`.
    ///
    /// ```
    /// use gibbsian_linalg::SymmetricEigen;
    /// use ndarray::array;
    ///
    /// let eigen = SymmetricEigen::new("covariance", array![[5.0, 4.0], [4.0, 5.0]].view())?;
    /// let root = eigen.function(|value| value.max(0.0).sqrt());
    /// assert!((&root - &array![[2.0, 1.0], [1.0, 2.0]]).iter().all(|error| error.abs() < 1e-14));
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn function(&self, f: impl Fn(f64) -> f64) -> Array2<f64> {
        let scaled = &self.vectors * &self.values.mapv(f);
        let product = crate::matmul(scaled.view(), self.vectors.t());
        0.5 * &product + 0.5 * &product.t()
    }
}

/// Whether the first of the entries of largest size is negative.
pub(crate) fn is_to_be_flipped(vector: ArrayView1<'_, f64>) -> bool {
    let largest = vector.iter().fold(
        0.0,
        |best: f64, &entry| if entry.abs() > best.abs() { entry } else { best },
    );
    largest < 0.0
}
