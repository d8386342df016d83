//! The Mahalanobis energy and score of batches of points: the kernel below every normal density and every mixture.
//!
//! With the lower triangular whitening matrix `W`, `WᵀW = Σ⁻¹ = P`, the energy is a sum of squares,
//! `E(x) = ½ Σ_a y_a²`, `y = W (x − μ)`, and the score is `s(x) = −P (x − μ)`. The energy could also be had as `−½ (x − μ)ᵀ s`; on
//! ill-conditioned covariances that sum cancels and the sum of squares does not. The score could be had as `−Wᵀy` in
//! as many operations; each of its terms would pass through two sums instead of one, with a larger bound on the error, `|Wᵀ||W||r|` in place of
//! `|P||r|`. `W`, `P` and the determinant are computed in twice the precision ([`super::double_double`]), so what is left are the roundings of the
//! products and sums themselves. [`super::evaluation`] has the loops.

use gibbsian_core::error::{Error, Result, check_finite};
use gibbsian_core::simd::vectorized;
use ndarray::{Array1, Array2, ArrayView2};

use super::colouring::Colouring;
use super::double_double::{Double, log_of_product};
use super::evaluation::{Energies, Scores};
use super::factors::{Arithmetic, Factors};
use super::panels::Panels;

/// A covariance, ready to be applied to rows of deviations.
#[derive(Clone, Debug)]
pub(crate) struct Whitening {
    dim: usize,
    log_det: f64,
    log_z: f64,
    form: Form,
}

/// What is stored of it.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Diagonal {
        variance: Array1<f64>,
        precision: Array1<f64>,
    },
    Dense(Box<Dense>),
}

/// A covariance with something beside its diagonal.
#[derive(Clone, Debug)]
pub(super) struct Dense {
    pub factors: Factors,
    /// `W`, for energies.
    pub whiten: Panels,
    /// `P`, for scores.
    pub pull: Panels,
}

impl Whitening {
    /// Of a covariance `(D, D)`; `name` is what an error calls it.
    pub fn from_covariance(name: &'static str, covariance: ArrayView2<f64>) -> Result<Self> {
        if let Some(variance) = diagonal_of(covariance) {
            return Whitening::diagonal(name, variance);
        }
        let arithmetic = Arithmetic::for_dim(covariance.nrows());
        Factors::from_covariance(name, covariance, arithmetic).map(Whitening::dense)
    }

    /// Of a precision `(D, D)`; `name` is what an error calls it.
    pub fn from_precision(name: &'static str, precision: ArrayView2<f64>) -> Result<Self> {
        if let Some(diagonal) = diagonal_of(precision) {
            let inverse = Whitening::diagonal(name, diagonal)?;
            let Form::Diagonal { variance, precision } = inverse.form else {
                unreachable!("a diagonal stays one")
            };
            // log |2πP⁻¹| from log |2πP⁻¹|, not from the rounded inverse.
            let over = |p: f64| Double::new(p) / (Double::SQRT_TWO_PI * Double::SQRT_TWO_PI);
            return Ok(Whitening {
                log_det: -inverse.log_det,
                log_z: -0.5 * log_of_product(variance.iter().map(|&p| over(p)), 0),
                form: Form::Diagonal {
                    variance: precision,
                    precision: variance,
                },
                dim: inverse.dim,
            });
        }
        let arithmetic = Arithmetic::for_dim(precision.nrows());
        Factors::from_precision(name, precision, arithmetic).map(Whitening::dense)
    }

    /// Of the Cholesky factor `L` of a covariance, whose upper triangle is not read.
    pub fn from_lower(name: &'static str, lower: ArrayView2<f64>) -> Result<Self> {
        Factors::from_lower(name, lower).map(Whitening::dense)
    }

    /// Of variances `(D)` of independent coordinates.
    pub fn diagonal(name: &'static str, variance: Array1<f64>) -> Result<Self> {
        if variance.is_empty() {
            return Err(Error::shape(name, variance.shape(), "(at least 1)"));
        }
        // Powers of two of normal numbers and their inverses are what the logarithm of the determinant counts.
        const LARGEST: f64 = 0.25 / f64::MIN_POSITIVE;
        gibbsian_core::error::check_each(
            name,
            variance.view(),
            "finite and greater than zero, and its inverse too",
            |v| (f64::MIN_POSITIVE..=LARGEST).contains(&v),
        )
        .map_err(|e| {
            e.with_cure("give variances, not their logarithms, and drop coordinates that are constant")
        })?;
        let two_pi = Double::SQRT_TWO_PI * Double::SQRT_TWO_PI;
        let factors = || variance.iter().map(|&v| Double::new(v));
        let log_det = log_of_product(factors(), 0);
        let log_z = 0.5 * log_of_product(factors().flat_map(|v| [v, two_pi]), 0);
        Ok(Whitening {
            dim: variance.len(),
            log_det,
            log_z,
            form: Form::Diagonal {
                precision: variance.mapv(|v| 1.0 / v),
                variance,
            },
        })
    }

    /// Of `Σ/β`, each number rounded once: factoring `β P` anew would round `P` first.
    pub fn powered(&self, beta: f64) -> Result<Self> {
        let log_beta = self.dim as f64 * beta.ln();
        match &self.form {
            Form::Diagonal { variance, precision } => {
                let scaled = Whitening::diagonal("the variances of the power", variance.mapv(|v| v / beta))?;
                Ok(Whitening {
                    form: Form::Diagonal {
                        variance: variance.mapv(|v| v / beta),
                        precision: precision.mapv(|p| p * beta),
                    },
                    ..scaled
                })
            }
            Form::Dense(dense) => {
                let (root, factors) = (beta.sqrt(), &dense.factors);
                let scaled = Factors {
                    lower: &factors.lower / root,
                    whitening: &factors.whitening * root,
                    covariance: &factors.covariance / beta,
                    precision: &factors.precision * beta,
                    log_det: factors.log_det - log_beta,
                    log_z: factors.log_z - 0.5 * log_beta,
                };
                check_finite("the covariance of the power", &scaled.covariance)?;
                check_finite("the precision of the power", &scaled.precision)?;
                Ok(Whitening::dense(scaled))
            }
        }
    }

    fn dense(factors: Factors) -> Self {
        Whitening {
            dim: factors.lower.nrows(),
            log_det: factors.log_det,
            log_z: factors.log_z,
            form: Form::Dense(Box::new(Dense {
                whiten: Panels::lower_triangular(factors.whitening.view()),
                pull: Panels::full(factors.precision.view()),
                factors,
            })),
        }
    }

    pub(super) fn form(&self) -> &Form {
        &self.form
    }

    /// `D`.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// `log |Σ|`.
    pub fn log_det(&self) -> f64 {
        self.log_det
    }

    /// `½ log |2πΣ|`, the normaliser of the density.
    pub fn log_z(&self) -> f64 {
        self.log_z
    }

    /// `Σ`.
    pub fn covariance(&self) -> Array2<f64> {
        match &self.form {
            Form::Diagonal { variance, .. } => Array2::from_diag(variance),
            Form::Dense(dense) => dense.factors.covariance.clone(),
        }
    }

    /// `P = Σ⁻¹`.
    pub fn precision(&self) -> Array2<f64> {
        match &self.form {
            Form::Diagonal { precision, .. } => Array2::from_diag(precision),
            Form::Dense(dense) => dense.factors.precision.clone(),
        }
    }

    /// `L`, lower triangular, `Σ = L Lᵀ`.
    pub fn lower(&self) -> Array2<f64> {
        match &self.form {
            Form::Diagonal { variance, .. } => Array2::from_diag(&variance.mapv(f64::sqrt)),
            Form::Dense(dense) => dense.factors.lower.clone(),
        }
    }

    /// `W`, lower triangular, `WᵀW = Σ⁻¹`.
    pub fn whitening(&self) -> Array2<f64> {
        match &self.form {
            Form::Diagonal { precision, .. } => Array2::from_diag(&precision.mapv(f64::sqrt)),
            Form::Dense(dense) => dense.factors.whitening.clone(),
        }
    }

    /// `tr P`, minus the divergence of the score.
    pub fn precision_trace(&self) -> f64 {
        match &self.form {
            Form::Diagonal { precision, .. } => precision.sum(),
            Form::Dense(dense) => dense.factors.precision.diag().sum(),
        }
    }

    /// `½ |W (x_b − μ)|²` of the rows of `rows`, which lie one after the other, into `out`; on the calling thread.
    ///
    /// A point without NaN at which this overflows has +∞.
    pub fn energies(&self, mean: &[f64], rows: &[f64], out: &mut [f64]) {
        assert!(mean.len() == self.dim && rows.len() == self.dim * out.len());
        vectorized(Energies {
            of: self,
            mean,
            rows,
            out: &mut *out,
        });
        // Infinite terms of both signs sum to NaN on the way; the point is infinitely far all the same.
        for (row, out) in rows.chunks_exact(self.dim).zip(out) {
            if out.is_nan() && !row.iter().any(|x| x.is_nan()) {
                *out = f64::INFINITY;
            }
        }
    }

    /// The scores `−P (x_b − μ)` of the rows into the rows of `out`; on the calling thread.
    pub fn scores(&self, mean: &[f64], rows: &[f64], out: &mut [f64]) {
        assert!(mean.len() == self.dim && rows.len() == out.len() && rows.len().is_multiple_of(self.dim));
        vectorized(Scores {
            of: self,
            mean,
            rows,
            out,
        });
    }

    /// What draws are made with.
    pub fn colouring(&self) -> Colouring {
        match &self.form {
            Form::Diagonal { variance, .. } => Colouring::Diagonal(variance.mapv(f64::sqrt)),
            Form::Dense(dense) => Colouring::Dense(Panels::lower_triangular(dense.factors.lower.view())),
        }
    }
}

/// The diagonal of a square matrix with nothing beside it.
fn diagonal_of(a: ArrayView2<f64>) -> Option<Array1<f64>> {
    (a.is_square() && a.indexed_iter().all(|((i, j), &v)| i == j || v == 0.0)).then(|| a.diag().to_owned())
}
