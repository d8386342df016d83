//! The four shapes that the covariances of a mixture may have.

use gibbsian_core::error::{Error, Result, check_each};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, s};

/// The covariances of the `K` components of a mixture in `D` dimensions.
///
/// Fewer free numbers need fewer data, and cost less time at each point.
#[derive(Clone, Debug, PartialEq)]
pub enum Covariances {
    /// A matrix a component, `(K, D, D)`: `Σ_k`.
    Full(Array3<f64>),
    /// The variances of each component, `(K, D)`: `Σ_k = diag(v_k)`.
    Diagonal(Array2<f64>),
    /// One matrix for all components, `(D, D)`: `Σ_k = Σ`.
    Tied(Array2<f64>),
    /// One variance a component, `(K)`: `Σ_k = v_k I`.
    Spherical(Array1<f64>),
}

impl Covariances {
    /// `Σ_k` as a matrix `(D, D)`, whatever the shape.
    pub(super) fn matrix(&self, component: usize, dim: usize) -> Array2<f64> {
        match self {
            Covariances::Full(matrices) => matrices.index_axis(Axis(0), component).to_owned(),
            Covariances::Tied(matrix) => matrix.clone(),
            Covariances::Diagonal(variances) => Array2::from_diag(&variances.row(component)),
            Covariances::Spherical(variances) => variances[component] * Array2::eye(dim),
        }
    }

    /// The distinct matrices, with the name that an error calls each; none if the shape has no matrices.
    pub(super) fn matrices(&self) -> Vec<(String, ArrayView2<'_, f64>)> {
        match self {
            Covariances::Full(matrices) => (0..matrices.len_of(Axis(0)))
                .map(|k| (format!("covariances[{k}]"), matrices.slice(s![k, .., ..])))
                .collect(),
            Covariances::Tied(matrix) => vec![("covariances".into(), matrix.view())],
            Covariances::Diagonal(_) | Covariances::Spherical(_) => Vec::new(),
        }
    }

    /// Requires the array to fit `K` components in `D` dimensions, and variances to be finite and positive. Whether matrices are
    /// positive definite shows when they are factored.
    pub(super) fn check(&self, n_components: usize, dim: usize) -> Result<()> {
        let (found, required) = match self {
            Covariances::Full(matrices) => (matrices.shape(), vec![n_components, dim, dim]),
            Covariances::Diagonal(variances) => (variances.shape(), vec![n_components, dim]),
            Covariances::Tied(matrix) => (matrix.shape(), vec![dim, dim]),
            Covariances::Spherical(variances) => (variances.shape(), vec![n_components]),
        };
        if found != required {
            return Err(Error::shape("covariances", found, format!("{required:?}")));
        }
        let positive = |v: f64| v.is_finite() && v > 0.0;
        match self {
            Covariances::Diagonal(v) => {
                check_each("covariances", v.view(), "finite and greater than zero", positive)
            }
            Covariances::Spherical(v) => {
                check_each("covariances", v.view(), "finite and greater than zero", positive)
            }
            Covariances::Full(_) | Covariances::Tied(_) => Ok(()),
        }
    }
}
