//! The scale on which a kernel moves: a linear map `L` with `L Lᵀ = Σ`, a guess at the covariance of the target.
//!
//! Preconditioned Langevin sampling moves by `ε Σ s + √(2ε) L z`, and Hamiltonian dynamics with the mass matrix `Σ⁻¹` is, written in the
//! whitened momentum `w = Lᵀ p ~ N(0, I)`, `ẋ = L w`, `ẇ = Lᵀ s`. So all kernels need the two products `L w` and `Lᵀ s` and no others: the mass
//! matrix is never formed or inverted, the kinetic energy is `|w|²/2`, and `(Σ p)·p` is a plain scalar product of whitened momenta.

use gibbsian_core::error::{check_each, check_finite};
use gibbsian_core::simd::{Vectorized, vectorized};
use gibbsian_core::{Error, Record, Result, Snapshot, Values};
use gibbsian_linalg::Cholesky;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2};

use crate::rows::dot;

/// A map `L` of directions: none, a factor for each coordinate, or a lower triangle.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Metric {
    /// `L = I`.
    #[default]
    Identity,
    /// `L = diag(deviations)`.
    Diagonal {
        /// The factors, `(D)`.
        deviations: Array1<f64>,
    },
    /// `L` lower triangular.
    Dense {
        /// `L`, `(D, D)`; what is above the diagonal is not read.
        lower: Array2<f64>,
    },
}

impl Metric {
    /// `Σ = diag(variances)`.
    ///
    /// # Errors
    /// No variance, or one that is not positive and finite.
    pub fn diagonal(variances: Array1<f64>) -> Result<Self> {
        if variances.is_empty() {
            return Err(Error::shape("variances", variances.shape(), "[at least 1]"));
        }
        check_each(
            "variances",
            variances.view(),
            "finite and greater than zero",
            |v| v.is_finite() && v > 0.0,
        )?;
        Ok(Metric::Diagonal {
            deviations: variances.mapv_into(f64::sqrt),
        })
    }

    /// `Σ = covariance`, `(D, D)`.
    ///
    /// # Errors
    /// A matrix that is not square, finite, symmetric and positive definite.
    pub fn dense(covariance: ArrayView2<f64>) -> Result<Self> {
        check_finite("covariance", &covariance)?;
        Ok(Metric::Dense {
            lower: Cholesky::new("covariance", covariance)?
                .lower()
                .as_standard_layout()
                .into_owned(),
        })
    }

    /// Requires a map of `D`-dimensional directions.
    ///
    /// # Errors
    /// A map of another dimension.
    pub fn check_dim(&self, dim: usize) -> Result<()> {
        let found = match self {
            Metric::Identity => dim,
            Metric::Diagonal { deviations } => deviations.len(),
            Metric::Dense { lower } => lower.nrows(),
        };
        if found == dim {
            Ok(())
        } else {
            Err(Error::parameter(
                "metric",
                format!("of dimension {found}"),
                format!("of dimension {dim}, the target's"),
            ))
        }
    }

    /// Replaces every row `w` of an array `(B, D)` in standard layout by `L w`.
    pub fn apply(&self, mut rows: ArrayViewMut2<f64>) {
        match self {
            Metric::Identity => {}
            Metric::Diagonal { deviations } => rows *= deviations,
            Metric::Dense { lower } => product(lower, rows, false),
        }
    }

    /// Replaces every row `s` of an array `(B, D)` in standard layout by `Lᵀ s`.
    pub fn apply_transposed(&self, mut rows: ArrayViewMut2<f64>) {
        match self {
            Metric::Identity => {}
            Metric::Diagonal { deviations } => rows *= deviations,
            Metric::Dense { lower } => product(lower, rows, true),
        }
    }
}

/// Replaces every row `w` by `L w`, or by `Lᵀ w`.
fn product(lower: &Array2<f64>, mut rows: ArrayViewMut2<f64>, transposed: bool) {
    let dim = rows.ncols();
    let lower = lower.as_standard_layout();
    vectorized(Product {
        dim,
        lower: lower.as_slice().expect("standard layout"),
        rows: rows.as_slice_mut().expect("rows in standard layout"),
        transposed,
    });
}

struct Product<'a> {
    dim: usize,
    lower: &'a [f64],
    rows: &'a mut [f64],
    transposed: bool,
}

impl Vectorized for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let dim = self.dim;
        for w in self.rows.chunks_exact_mut(dim.max(1)) {
            if self.transposed {
                // Row after row of the triangle; each adds to the coordinates before its own.
                for (j, row) in self.lower.chunks_exact(dim).enumerate() {
                    let factor = std::mem::take(&mut w[j]);
                    for (sum, l) in w[..=j].iter_mut().zip(row) {
                        *sum = l.mul_add(factor, *sum);
                    }
                }
            } else {
                // From the last coordinate on, so that those still needed are intact.
                for (i, row) in self.lower.chunks_exact(dim).enumerate().rev() {
                    w[i] = dot(&row[..=i], &w[..=i]);
                }
            }
        }
    }
}

/// Which map it is, and its numbers.
impl Snapshot for Metric {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        match self {
            Metric::Identity => {}
            Metric::Diagonal { deviations } => {
                record.put("deviations", deviations.shape(), Values::F64(deviations.to_vec()));
            }
            Metric::Dense { lower } => {
                record.put(
                    "lower",
                    lower.shape(),
                    Values::F64(lower.iter().copied().collect()),
                );
            }
        }
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        *self = if let Some(&[dim]) = record.shape("deviations") {
            Metric::Diagonal {
                deviations: Array1::from(record.f64s("deviations", &[dim])?.to_vec()),
            }
        } else if let Some(&[rows, columns]) = record.shape("lower") {
            let values = record.f64s("lower", &[rows, columns])?;
            Metric::Dense {
                lower: Array2::from_shape_fn((rows, columns), |(i, j)| values[i * columns + j]),
            }
        } else {
            Metric::Identity
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_products_are_those_of_the_factor() {
        let covariance = array![[4.0, 2.0, 0.4], [2.0, 3.0, 0.5], [0.4, 0.5, 2.0]];
        let metric = Metric::dense(covariance.view()).unwrap();
        // L and its transpose, applied to the unit vectors one after the other, give the columns of Σ.
        let mut columns = Array2::eye(3);
        metric.apply_transposed(columns.view_mut());
        metric.apply(columns.view_mut());
        assert!((columns - covariance).iter().all(|d| d.abs() < 1e-14));

        let metric = Metric::diagonal(array![4.0, 9.0]).unwrap();
        let mut rows = array![[1.0, 1.0], [2.0, -1.0]];
        metric.apply(rows.view_mut());
        assert_eq!(rows, array![[2.0, 3.0], [4.0, -3.0]]);
        metric.apply_transposed(rows.view_mut());
        assert_eq!(rows, array![[4.0, 9.0], [8.0, -9.0]]);
    }

    #[test]
    fn what_is_no_covariance_is_refused() {
        assert!(Metric::diagonal(array![]).is_err());
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let refusal = Metric::diagonal(array![1.0, bad]).unwrap_err().to_string();
            assert!(refusal.contains("variances[1]"), "{refusal}");
        }
        assert!(Metric::dense(array![[1.0, 2.0], [2.0, 1.0]].view()).is_err());
        assert!(Metric::diagonal(array![1.0]).unwrap().check_dim(2).is_err());
    }

    #[test]
    fn a_metric_comes_back_from_its_snapshot() {
        for metric in [
            Metric::Identity,
            Metric::diagonal(array![1.0, 2.0]).unwrap(),
            Metric::dense(array![[2.0, 1.0], [1.0, 3.0]].view()).unwrap(),
        ] {
            let mut other = Metric::diagonal(array![5.0]).unwrap();
            other.restore(&metric.snapshot()).unwrap();
            assert_eq!(other, metric);
        }
    }
}
