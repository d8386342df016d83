//! What has been observed: linear functions of a point, with noise.

use std::collections::BTreeSet;

use gibbsian_core::Space;
use gibbsian_core::error::{Error, Result, check_count, check_finite, check_positive, check_shape};
use gibbsian_linalg::{SymmetricEigen, matmul_into};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1};

use super::greyscale::Greyscale;

/// An observation `y = A x + s e` of a point `x` `(D)`, with `A` `(M, D)` and standard normal `e`.
///
/// ```
/// use gibbsian_sde::LinearObservation;
/// use ndarray::array;
///
/// // The sum of two coordinates was 3, give or take 0.5; or the second was seen alone.
/// let sum = LinearObservation::new(array![[1.0, 1.0]], array![3.0], 0.25)?;
/// let second = LinearObservation::of_coordinates(2, vec![1], array![3.0], 0.25)?;
/// assert_eq!(sum.residual(array![[1.0, 1.5]].view()), array![[0.5]]);
/// assert_eq!(second.residual(array![[1.0, 1.5]].view()), array![[1.5]]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LinearObservation {
    operator: Operator,
    values: Array1<f64>,
    noise_variance: f64,
}

#[derive(Clone, Debug)]
enum Operator {
    Matrix(Array2<f64>),
    /// Rows of the identity.
    Coordinates {
        indices: Vec<usize>,
        dim: usize,
    },
    /// The weights of the channels, in every pixel.
    Grey(Greyscale),
}

impl LinearObservation {
    /// The observation `y` `(M)` of `A x` with noise of variance `s²`.
    ///
    /// # Errors
    /// An empty matrix, values of another number, entries that are not finite, a variance that is not positive and finite.
    pub fn new(matrix: Array2<f64>, values: Array1<f64>, noise_variance: f64) -> Result<Self> {
        if matrix.is_empty() {
            return Err(Error::shape("matrix", matrix.shape(), "(at least 1, at least 1)"));
        }
        check_finite("matrix", &matrix)?;
        LinearObservation::checked(Operator::Matrix(matrix), values, noise_variance)
    }

    /// The observation of some coordinates of `D`, of which the others are to be filled in: a mask.
    ///
    /// # Errors
    /// No coordinates, one that there is not or that comes twice; and those of [`LinearObservation::new`].
    pub fn of_coordinates(
        dim: usize,
        indices: Vec<usize>,
        values: Array1<f64>,
        noise_variance: f64,
    ) -> Result<Self> {
        check_coordinates(&indices, dim)?;
        LinearObservation::checked(Operator::Coordinates { indices, dim }, values, noise_variance)
    }

    /// The observation of the grey form `(N)` of a picture in colours, which are to be filled in: colourisation.
    ///
    /// # Errors
    /// Those of [`LinearObservation::new`].
    ///
    /// Source: Song et al. (2021), "Score-based generative modeling through stochastic differential equations", appendix I, where the
    /// values are exact and `w` has length one.
    pub fn of_grey(greyscale: Greyscale, values: Array1<f64>, noise_variance: f64) -> Result<Self> {
        LinearObservation::checked(Operator::Grey(greyscale), values, noise_variance)
    }

    fn checked(operator: Operator, values: Array1<f64>, noise_variance: f64) -> Result<Self> {
        let n_values = match &operator {
            Operator::Matrix(matrix) => matrix.nrows(),
            Operator::Coordinates { indices, .. } => indices.len(),
            Operator::Grey(greyscale) => greyscale.n_pixels(),
        };
        check_shape("values", &values, &[n_values])?;
        check_finite("values", &values)?;
        check_positive("noise_variance", noise_variance).map_err(|e| {
            e.with_cure("exact values are observed with a small variance, 1e-6 of the data's")
        })?;
        Ok(LinearObservation {
            operator,
            values,
            noise_variance,
        })
    }

    /// The number `M` of values.
    pub fn n_values(&self) -> usize {
        self.values.len()
    }

    /// `y` `(M)`.
    pub fn values(&self) -> ArrayView1<'_, f64> {
        self.values.view()
    }

    /// `s²`.
    pub fn noise_variance(&self) -> f64 {
        self.noise_variance
    }

    /// `A` `(M, D)`, also where it is not kept as a matrix.
    pub fn matrix(&self) -> Array2<f64> {
        self.adjoint(Array2::eye(self.n_values()).view())
    }

    /// `A x_b` of every row of `x` `(B, D)`, in a new array `(B, M)`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn apply(&self, x: ArrayView2<f64>) -> Array2<f64> {
        assert_columns("x", x, self.dim());
        match &self.operator {
            Operator::Matrix(matrix) => {
                let mut out = Array2::zeros((x.nrows(), matrix.nrows()));
                matmul_into(1.0, x, matrix.t(), 0.0, out.view_mut());
                out
            }
            Operator::Coordinates { indices, .. } => {
                Array2::from_shape_fn((x.nrows(), indices.len()), |(b, m)| x[[b, indices[m]]])
            }
            Operator::Grey(greyscale) => greyscale.apply(x),
        }
    }

    /// `Aᵀ u_b` of every row of `u` `(B, M)`, in a new array `(B, D)`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn adjoint(&self, u: ArrayView2<f64>) -> Array2<f64> {
        assert_columns("u", u, self.n_values());
        let mut out = Array2::zeros((u.nrows(), self.dim()));
        match &self.operator {
            Operator::Matrix(matrix) => matmul_into(1.0, u, matrix.view(), 0.0, out.view_mut()),
            Operator::Coordinates { indices, .. } => {
                for (&i, u) in indices.iter().zip(u.columns()) {
                    out.column_mut(i).assign(&u);
                }
            }
            Operator::Grey(greyscale) => greyscale.add_adjoint(u, out.view_mut()),
        }
        out
    }

    /// `y − A x_b` of every row of `x` `(B, D)`, in a new array `(B, M)`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn residual(&self, x: ArrayView2<f64>) -> Array2<f64> {
        &self.values - &self.apply(x)
    }

    /// Writes `log N(y; A x_b, s² I)` of every row of `x` `(B, D)` into `out` `(B)`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn log_likelihood_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        let constant = self.n_values() as f64 * log_normaliser(self.noise_variance);
        for (out, e) in out.iter_mut().zip(self.residual(x).rows()) {
            *out = -0.5 * e.dot(&e) / self.noise_variance - constant;
        }
    }

    /// `‖A‖²`, the sum of the squares of all entries.
    pub(crate) fn squared_norm(&self) -> f64 {
        match &self.operator {
            Operator::Matrix(matrix) => matrix.iter().map(|a| a * a).sum(),
            Operator::Coordinates { indices, .. } => indices.len() as f64,
            Operator::Grey(greyscale) => greyscale.n_pixels() as f64 * greyscale.norm_squared(),
        }
    }

    /// The spectral decomposition of `A Aᵀ`.
    pub(crate) fn spectrum(&self) -> Result<Spectrum> {
        match &self.operator {
            Operator::Matrix(matrix) => {
                let gram = self.apply(matrix.view());
                let eigen = SymmetricEigen::new("the product of matrix and its transpose", gram.view())?;
                Ok(Spectrum {
                    // Rounding may leave a small negative one of a matrix that has not full rank.
                    values: eigen.values().mapv(|value| value.max(0.0)),
                    vectors: Some(eigen.vectors().to_owned()),
                })
            }
            Operator::Coordinates { indices, .. } => Ok(Spectrum {
                values: Array1::ones(indices.len()),
                vectors: None,
            }),
            // Pixels have nothing in common: A Aᵀ = ‖w‖² I.
            Operator::Grey(greyscale) => Ok(Spectrum {
                values: Array1::from_elem(greyscale.n_pixels(), greyscale.norm_squared()),
                vectors: None,
            }),
        }
    }

    /// Requires a prior on the same space.
    pub(crate) fn check_dim(&self, prior: &(impl Space + ?Sized)) -> Result<()> {
        if self.dim() == prior.dim() {
            Ok(())
        } else {
            Err(Error::parameter(
                "the dimension of the observation",
                self.dim(),
                format!(
                    "{}, that of the prior; a matrix has a row a measurement and a column a coordinate, transpose one of \
                     the other order",
                    prior.dim()
                ),
            ))
        }
    }
}

impl Space for LinearObservation {
    fn dim(&self) -> usize {
        match &self.operator {
            Operator::Matrix(matrix) => matrix.ncols(),
            Operator::Coordinates { dim, .. } => *dim,
            Operator::Grey(greyscale) => greyscale.dim(),
        }
    }
}

/// `A Aᵀ = U diag(λ) Uᵀ`.
#[derive(Clone, Debug)]
pub(crate) struct Spectrum {
    /// `λ` `(M)`.
    pub(crate) values: Array1<f64>,
    /// `U` `(M, M)`; none is the identity.
    vectors: Option<Array2<f64>>,
}

impl Spectrum {
    /// `Uᵀ e_b` of every row.
    pub(crate) fn rotate(&self, e: Array2<f64>) -> Array2<f64> {
        match &self.vectors {
            None => e,
            Some(vectors) => gibbsian_linalg::matmul(e.view(), vectors.view()),
        }
    }

    /// `U e_b` of every row.
    pub(crate) fn rotate_back(&self, e: Array2<f64>) -> Array2<f64> {
        match &self.vectors {
            None => e,
            Some(vectors) => gibbsian_linalg::matmul(e.view(), vectors.t()),
        }
    }
}

/// `½ log 2π v`: what a normal variable of variance `v` takes from its log-density.
pub(crate) fn log_normaliser(variance: f64) -> f64 {
    0.5 * (std::f64::consts::TAU * variance).ln()
}

/// Requires at least one coordinate, each of them there, and none twice.
pub(crate) fn check_coordinates(indices: &[usize], dim: usize) -> Result<()> {
    check_distinct(indices)?;
    match indices.iter().position(|&i| i >= dim) {
        None => Ok(()),
        Some(m) => Err(Error::parameter(
            format!("indices[{m}]"),
            indices[m],
            format!("less than {dim}, the number of coordinates"),
        )),
    }
}

/// Requires at least one coordinate, and none twice. How many there are in all is not known here, so room is for those that are given.
pub(crate) fn check_distinct(indices: &[usize]) -> Result<()> {
    check_count("the number of indices", indices.len())?;
    let mut seen = BTreeSet::new();
    match indices.iter().position(|&i| !seen.insert(i)) {
        None => Ok(()),
        Some(m) => Err(Error::parameter(
            format!("indices[{m}]"),
            indices[m],
            "different from those before it",
        )),
    }
}

#[track_caller]
fn assert_columns(name: &str, rows: ArrayView2<f64>, n_columns: usize) {
    assert!(
        rows.ncols() == n_columns,
        "{name} has shape {:?}, but the observation needs (B, {n_columns})",
        rows.shape()
    );
}
