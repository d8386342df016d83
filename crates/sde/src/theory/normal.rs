//! Normal laws with independent coordinates.

use gibbsian_core::error::{Error, Result, check_each, check_finite, check_shape};
use gibbsian_core::special::deviance;
use ndarray::{Array1, ArrayView1, Zip};

use super::total_variation::{Coordinate, total_variation};

/// The normal law `N(μ, diag(v))` on `D` dimensions.
///
/// ```
/// use gibbsian_sde::theory::DiagonalNormal;
///
/// // How far 1,000 coordinates, each wrong by a hundredth, are from the truth.
/// let (truth, found) = (DiagonalNormal::isotropic(1000, 0.0, 1.0)?, DiagonalNormal::isotropic(1000, 0.01, 1.0)?);
/// assert!((truth.kl(&found) - 0.05).abs() < 1e-14);
/// assert!((truth.total_variation(&found) - 0.125_633).abs() < 1e-6);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DiagonalNormal {
    mean: Array1<f64>,
    variance: Array1<f64>,
}

impl DiagonalNormal {
    /// The law of this mean `(D)` and these variances `(D)`.
    ///
    /// # Errors
    /// No dimensions, shapes that differ, means that are not finite, variances that are not finite and positive.
    pub fn new(mean: Array1<f64>, variance: Array1<f64>) -> Result<Self> {
        if mean.is_empty() {
            return Err(Error::shape("mean", mean.shape(), "(at least 1)"));
        }
        check_finite("mean", &mean)?;
        check_shape("variance", &variance, mean.shape())?;
        check_each("variance", variance.view(), "finite and greater than zero", |v| {
            v.is_finite() && v > 0.0
        })?;
        Ok(DiagonalNormal { mean, variance })
    }

    /// The law whose coordinates all have this mean and this variance.
    ///
    /// # Errors
    /// Those of [`DiagonalNormal::new`].
    pub fn isotropic(dim: usize, mean: f64, variance: f64) -> Result<Self> {
        DiagonalNormal::new(Array1::from_elem(dim, mean), Array1::from_elem(dim, variance))
    }

    /// The standard normal law `γ` of as many dimensions.
    pub fn standard(&self) -> Self {
        DiagonalNormal {
            mean: Array1::zeros(self.dim()),
            variance: Array1::ones(self.dim()),
        }
    }

    /// The number of dimensions `D`.
    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    /// The mean `μ` `(D)`.
    pub fn mean(&self) -> ArrayView1<'_, f64> {
        self.mean.view()
    }

    /// The variances `v` `(D)`.
    pub fn variance(&self) -> ArrayView1<'_, f64> {
        self.variance.view()
    }

    /// The law after a time `t ≥ 0` of the Ornstein–Uhlenbeck process: `N(e^{−t} μ, e^{−2t} v + 1 − e^{−2t})`.
    pub fn noised(&self, t: f64) -> Self {
        let (decay, variance) = ((-t).exp(), -(-2.0 * t).exp_m1());
        DiagonalNormal {
            mean: decay * &self.mean,
            variance: self.variance.mapv(|v| decay * decay * v + variance),
        }
    }

    /// The Fisher information in location, `J = E‖∇ log q‖² = Σ_i 1/v_i`.
    pub fn fisher_information(&self) -> f64 {
        self.variance.iter().map(|v| 1.0 / v).sum()
    }

    /// The Kullback–Leibler divergence `KL(self‖other) = ½ Σ_i [v/v' − 1 − log(v/v') + (μ − μ')²/v']`.
    ///
    /// # Panics
    /// Laws of different dimensions.
    pub fn kl(&self, other: &Self) -> f64 {
        let mut kl = 0.0;
        Zip::from(&self.mean)
            .and(&self.variance)
            .and(&other.mean)
            .and(&other.variance)
            .for_each(|m, &v, m_other, &v_other| {
                // The terms in the variances cancel to second order; their deviance does not lose the digits.
                kl += 0.5 * (deviance(v_other, v) + (m - m_other) * (m - m_other)) / v_other;
            });
        kl
    }

    /// The total variation `½ ∫ |q − p|`, by an integral along a curve, within a relative `1e-11` down to `1e-15`.
    ///
    /// # Panics
    /// Laws of different dimensions.
    pub fn total_variation(&self, other: &Self) -> f64 {
        let mut coordinates: Vec<Coordinate> = Vec::new();
        Zip::from(&self.mean)
            .and(&self.variance)
            .and(&other.mean)
            .and(&other.variance)
            .for_each(|m, v, m_other, v_other| {
                let ratio = (v_other - v) / v;
                let shift = (m - m_other) * (m - m_other) / v;
                let log_ratio = if ratio.abs() <= 0.5 {
                    ratio.ln_1p()
                } else {
                    v_other.ln() - v.ln()
                };
                // Near −1 one ratio stands for many.
                let is_like = |c: &Coordinate| (c.ratio, c.log_ratio, c.shift) == (ratio, log_ratio, shift);
                match coordinates.last_mut() {
                    Some(last) if is_like(last) => last.count += 1.0,
                    _ => coordinates.push(Coordinate {
                        ratio,
                        log_ratio,
                        shift,
                        count: 1.0,
                    }),
                }
            });
        total_variation(&coordinates)
    }
}
