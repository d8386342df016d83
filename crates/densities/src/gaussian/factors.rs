//! Everything that is computed once of a covariance or a precision: factor, whitening matrix, inverse, determinant.
//!
//! With `Σ = L Lᵀ`, the whitening matrix is `W = L⁻¹`, so that `WᵀW = Σ⁻¹` and `|W (x − μ)|²` is the squared Mahalanobis distance. From a
//! precision the same triangular pair comes by factoring in reversed order: with `J` the reversal and `J P J = C Cᵀ`, `W = J Cᵀ J` is lower
//! triangular and `WᵀW = P`. So both forms end in one pair, whose triangularity halves the work of every evaluation.

use gibbsian_core::error::{Error, Result, check_finite};
use gibbsian_linalg::{Cholesky, SymmetricEigen, matmul};
use ndarray::{Array2, ArrayView2, s};

use super::double_double::{Double, Triangular, log_of_product, power_of_two};

/// How the factors are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    /// In twice the precision of the result.
    Extended,
    /// In the precision of the result: errors grow with the condition number.
    Plain,
}

impl Arithmetic {
    /// Extended up to 256 dimensions, beyond which its cost is felt.
    pub fn for_dim(dim: usize) -> Self {
        if dim <= 256 {
            Arithmetic::Extended
        } else {
            Arithmetic::Plain
        }
    }
}

/// What is known of a symmetric positive definite `Σ`.
#[derive(Clone, Debug)]
pub(crate) struct Factors {
    /// `L`, lower triangular, `Σ = L Lᵀ`.
    pub lower: Array2<f64>,
    /// `W = L⁻¹`, lower triangular.
    pub whitening: Array2<f64>,
    /// `Σ`.
    pub covariance: Array2<f64>,
    /// `Σ⁻¹`.
    pub precision: Array2<f64>,
    /// `log |Σ|`.
    pub log_det: f64,
    /// `½ log |2πΣ|`.
    pub log_z: f64,
}

impl Factors {
    /// Of a covariance; `name` is what an error calls it.
    pub fn from_covariance(name: &str, covariance: ArrayView2<f64>, arithmetic: Arithmetic) -> Result<Self> {
        let of = Decomposition::new(name, covariance, arithmetic)?;
        Ok(Factors {
            lower: of.lower,
            whitening: of.inverse_lower,
            covariance: of.matrix,
            precision: of.inverse,
            log_det: 2.0 * of.log_root,
            log_z: of.log_root_times,
        })
    }

    /// Of a precision; `name` is what an error calls it.
    pub fn from_precision(name: &str, precision: ArrayView2<f64>, arithmetic: Arithmetic) -> Result<Self> {
        // The plain order comes first, so that an error names the pivot in the caller's order.
        positive_definite(name, precision)?;
        let of = Decomposition::new(name, precision.slice(s![..;-1, ..;-1]), arithmetic)?;
        Ok(Factors {
            lower: reversed(of.inverse_lower.t()),
            whitening: reversed(of.lower.t()),
            covariance: reversed(of.inverse.view()),
            precision: reversed(of.matrix.view()),
            log_det: -2.0 * of.log_root,
            log_z: -of.log_root_over,
        })
    }

    /// Of the factor `L` itself, whose upper triangle is not read.
    pub fn from_lower(name: &str, lower: ArrayView2<f64>) -> Result<Self> {
        let n = lower.nrows();
        if n == 0 || lower.ncols() != n {
            return Err(Error::shape(
                name.to_owned(),
                lower.shape(),
                "(n, n): a square matrix",
            ));
        }
        check_finite(name, &lower)?;
        if let Some(i) = (0..n).find(|&i| lower[(i, i)] <= 0.0) {
            return Err(Error::parameter(
                format!("{name}[{i}, {i}]"),
                lower[(i, i)],
                "greater than zero, as on the diagonal of a Cholesky factor",
            ));
        }
        // Rows are scaled by powers of two, which is exact, to a diagonal between 1 and 2.
        let scale: Vec<f64> = (0..n).map(|i| power_of_two(-exponent(lower[(i, i)]))).collect();
        let scaled = Triangular::from_fn(n, |i, j| Double::new(lower[(i, j)] * scale[i]));
        let of = Decomposition::from_scaled(&scaled, &scale);
        // Σ = L Lᵀ is the product MᵀM of the reversed factor M = J Lᵀ J, in reversed order.
        let factor = Triangular::from_fn(n, |i, j| scaled.entry(n - 1 - j, n - 1 - i));
        let square = factor.transposed_times_self();
        let covariance = symmetric(n, |i, j| {
            square.entry(n - 1 - j, n - 1 - i).rounded() / scale[i] / scale[j]
        });
        finite(name, &of.inverse)?;
        finite(name, &covariance)?;
        Ok(Factors {
            lower: of.lower,
            whitening: of.inverse_lower,
            covariance,
            precision: of.inverse,
            log_det: 2.0 * of.log_root,
            log_z: of.log_root_times,
        })
    }
}

/// `A = C Cᵀ` of a symmetric matrix, with `C⁻¹`, `A⁻¹` and the determinant.
struct Decomposition {
    matrix: Array2<f64>,
    lower: Array2<f64>,
    inverse_lower: Array2<f64>,
    inverse: Array2<f64>,
    /// `½ log |A|`.
    log_root: f64,
    /// `½ log |2πA|`, summed before rounding: it may be small where its two terms are not.
    log_root_times: f64,
    /// `½ log |A/2π|`, likewise.
    log_root_over: f64,
}

impl Decomposition {
    fn new(name: &str, a: ArrayView2<f64>, arithmetic: Arithmetic) -> Result<Self> {
        let cholesky = positive_definite(name, a)?;
        let n = a.nrows();
        // What rounding left unequal, within the tolerance that was just checked, is replaced by its mean.
        let a = symmetric(n, |i, j| {
            if a[(i, j)] == a[(j, i)] {
                a[(i, j)]
            } else {
                0.5 * a[(i, j)] + 0.5 * a[(j, i)]
            }
        });
        let of = match arithmetic {
            Arithmetic::Plain => Decomposition::plain(a, &cholesky),
            Arithmetic::Extended => Decomposition::extended(name, a)?,
        };
        finite(name, &of.inverse)?;
        Ok(of)
    }

    fn plain(matrix: Array2<f64>, cholesky: &Cholesky) -> Self {
        let n = matrix.nrows();
        let inverse_lower = cholesky.half_solve(Array2::eye(n).view());
        let square = matmul(inverse_lower.t(), inverse_lower.view());
        let log_root = 0.5 * cholesky.log_det();
        let half_log_two_pi = 0.5 * n as f64 * (2.0 * std::f64::consts::PI).ln();
        Decomposition {
            inverse: symmetric(n, |i, j| square[(i, j)]),
            lower: cholesky.lower().to_owned(),
            log_root,
            log_root_times: log_root + half_log_two_pi,
            log_root_over: log_root - half_log_two_pi,
            inverse_lower,
            matrix,
        }
    }

    fn extended(name: &str, matrix: Array2<f64>) -> Result<Self> {
        // Scaled by powers of two, the diagonal lies between 1 and 4 and no entry is larger: nothing over- or underflows on the way,
        // whatever the units of the coordinates.
        let n = matrix.nrows();
        let scale: Vec<f64> = matrix
            .diag()
            .iter()
            .map(|&a| power_of_two(-exponent(a).div_euclid(2)))
            .collect();
        let mut lower = Triangular::from_fn(n, |i, j| Double::new(matrix[(i, j)] * scale[i] * scale[j]));
        lower.cholesky().map_err(|(index, value)| {
            not_positive(name, index, n, value / scale[index] / scale[index], &matrix)
        })?;
        Ok(Decomposition {
            matrix,
            ..Decomposition::from_scaled(&lower, &scale)
        })
    }

    /// From `S C`, the factor whose rows are scaled by the powers of two `scale`; leaves `matrix` empty.
    fn from_scaled(lower: &Triangular, scale: &[f64]) -> Self {
        let n = scale.len();
        let inverse = lower.inverse();
        let square = inverse.transposed_times_self();
        let exponent: i64 = scale.iter().map(|&s| -i64::from(exponent(s))).sum();
        let diagonal = || (0..n).map(|i| lower.entry(i, i));
        Decomposition {
            matrix: Array2::zeros((0, 0)),
            lower: triangular(n, |i, j| lower.entry(i, j).rounded() / scale[i]),
            inverse_lower: triangular(n, |i, j| inverse.entry(i, j).rounded() * scale[j]),
            inverse: symmetric(n, |i, j| square.entry(i, j).rounded() * scale[i] * scale[j]),
            log_root: log_of_product(diagonal(), exponent),
            log_root_times: log_of_product(diagonal().map(|c| c * Double::SQRT_TWO_PI), exponent),
            log_root_over: log_of_product(diagonal().map(|c| c / Double::SQRT_TWO_PI), exponent),
        }
    }
}

/// The Cholesky factor in ordinary arithmetic, which validates the matrix; a matrix that is not positive definite is refused with the
/// pivot at which that shows and, where it is cheap, with the smallest eigenvalue.
fn positive_definite(name: &str, a: ArrayView2<f64>) -> Result<Cholesky> {
    Cholesky::new(name, a).map_err(|error| match error {
        Error::Parameter {
            name: pivot, value, ..
        } if pivot.starts_with("pivot") => Error::Parameter {
            name: pivot,
            value,
            requirement: positive(a).into(),
        },
        other => other,
    })
}

/// The same error where only the extended arithmetic sees that a pivot is not positive.
fn not_positive(name: &str, index: usize, n: usize, value: f64, a: &Array2<f64>) -> Error {
    Error::parameter(
        format!("pivot {index} of {n} of the Cholesky factorisation of {name}"),
        value,
        positive(a.view()),
    )
}

/// What is required of every pivot, and what helps.
fn positive(a: ArrayView2<f64>) -> String {
    format!(
        "greater than zero, as in a positive definite matrix{}; add a small multiple of the identity, or use more \
         samples than coordinates",
        smallest_eigenvalue(a)
    )
}

/// The end of a sentence about a matrix that is not positive definite.
fn smallest_eigenvalue(a: ArrayView2<f64>) -> String {
    const CHEAP: usize = 64;
    if a.nrows() > CHEAP {
        return String::new();
    }
    match SymmetricEigen::new("matrix", a) {
        Ok(eigen) => format!("; its smallest eigenvalue is {:e}", eigen.values()[0]),
        Err(_) => String::new(),
    }
}

/// Requires that an inverse has not overflowed.
fn finite(name: &str, inverse: &Array2<f64>) -> Result<()> {
    match inverse.indexed_iter().find(|(_, v)| !v.is_finite()) {
        None => Ok(()),
        Some(((i, j), v)) => Err(Error::parameter(
            format!("entry [{i}, {j}] of the inverse or square of {name}"),
            v,
            "finite: the scales of the coordinates are too small or too large",
        )),
    }
}

/// The exponent of a positive number, 2ⁿ ≤ a < 2ⁿ⁺¹, kept to those of normal numbers.
fn exponent(a: f64) -> i32 {
    (((a.to_bits() >> 52) as i32) - 1023).clamp(-1022, 1022)
}

/// The symmetric matrix with this lower triangle.
fn symmetric(n: usize, entry: impl Fn(usize, usize) -> f64) -> Array2<f64> {
    let mut a = triangular(n, entry);
    for i in 0..n {
        for j in 0..i {
            a[(j, i)] = a[(i, j)];
        }
    }
    a
}

/// The lower triangular matrix with these entries.
fn triangular(n: usize, entry: impl Fn(usize, usize) -> f64) -> Array2<f64> {
    let mut a = Array2::zeros((n, n));
    for i in 0..n {
        for j in 0..=i {
            a[(i, j)] = entry(i, j);
        }
    }
    a
}

/// `J A J`: rows and columns in reversed order.
fn reversed(a: ArrayView2<f64>) -> Array2<f64> {
    a.slice(s![..;-1, ..;-1]).as_standard_layout().into_owned()
}
