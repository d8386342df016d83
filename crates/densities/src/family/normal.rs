//! The normal distribution.

use std::f64::consts::PI;

use gibbsian_core::error::{Error, check_positive};
use gibbsian_core::family::mean_statistics;
use gibbsian_core::special::normal_cdf;
use gibbsian_core::{ContinuousFamily, ExponentialFamily, Result};
use ndarray::{
    Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3, Axis, array,
};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::numeric::deviance_between;
use super::{check_member, check_real, check_size, entries, write_rows};
use crate::univariate::{Univariate, UnivariateScore, map_rows, univariate_density};

/// The normal distribution of mean `m` and standard deviation `σ`: `p(x) = exp(−(x − m)²/(2σ²)) / √(2πσ²)`.
///
/// The energy is `(x − m)²/(2σ²)`. As a member of an exponential family it has `T = (x, x²)`, `η = (m/σ², −1/(2σ²))`.
///
/// ```
/// use gibbsian_core::{Density, ExponentialFamily, Score};
/// use gibbsian_densities::Normal;
/// use ndarray::array;
///
/// let normal = Normal::new(1.0, 2.0)?;
/// let x = array![[1.0], [5.0]];
/// assert_eq!(normal.score(x.view()), array![[0.0], [-1.0]]);
/// assert!((normal.log_density(x.view())[1] - normal.log_density(x.view())[0] + 2.0).abs() < 1e-15);
///
/// // The maximum likelihood estimate, which divides by n.
/// let fitted = Normal::standard().fit(array![[1.0], [3.0]].view())?;
/// assert_eq!((fitted.mean(), fitted.deviation()), (2.0, 1.0));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normal {
    mean: f64,
    deviation: f64,
}

impl Normal {
    /// The normal distribution of this mean and standard deviation.
    ///
    /// # Errors
    /// A mean that is not finite, or a deviation that is not between 10⁻³⁰⁰ and 10³⁰⁰.
    pub fn new(mean: f64, deviation: f64) -> Result<Self> {
        check_real("mean", mean)?;
        check_size("deviation", deviation)?;
        Ok(Normal { mean, deviation })
    }

    /// Mean 0 and deviation 1.
    pub const fn standard() -> Self {
        Normal {
            mean: 0.0,
            deviation: 1.0,
        }
    }

    /// The mean `m`.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The standard deviation `σ`.
    pub fn deviation(&self) -> f64 {
        self.deviation
    }

    /// The variance `σ²`.
    pub fn variance(&self) -> f64 {
        self.deviation * self.deviation
    }

    /// The distribution function `P(X ≤ x)`.
    pub fn cdf(&self, x: f64) -> f64 {
        normal_cdf(self.standardised(x))
    }

    fn standardised(&self, x: f64) -> f64 {
        (x - self.mean) / self.deviation
    }
}

impl Univariate for Normal {
    fn energy_at(&self, x: f64) -> f64 {
        0.5 * self.standardised(x).powi(2)
    }

    fn log_normaliser(&self) -> f64 {
        self.deviation.ln() + 0.5 * (2.0 * PI).ln()
    }

    fn log_density_at(&self, x: f64) -> f64 {
        -self.energy_at(x) - self.log_normaliser()
    }

    fn draw(&self, rng: &mut dyn Rng) -> f64 {
        let z: f64 = rng.sample(StandardNormal);
        self.mean + self.deviation * z
    }
}

impl UnivariateScore for Normal {
    fn score_at(&self, x: f64) -> f64 {
        -self.standardised(x) / self.deviation
    }

    fn score_derivative_at(&self, x: f64) -> f64 {
        if x.is_nan() { x } else { -self.variance().recip() }
    }
}

univariate_density!(Normal, score);

impl ExponentialFamily for Normal {
    fn n_statistics(&self) -> usize {
        2
    }

    fn statistics_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        write_rows(x, out, |x| [x, x * x]);
    }

    fn log_base_measure_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        map_rows(x, out, |x| if x.is_nan() { x } else { 0.0 });
    }

    fn natural_parameters(&self) -> Array1<f64> {
        array![self.mean / self.variance(), -0.5 / self.variance()]
    }

    fn mean_parameters(&self) -> Array1<f64> {
        array![self.mean, self.mean * self.mean + self.variance()]
    }

    fn log_partition(&self) -> f64 {
        0.5 * (self.mean / self.deviation).powi(2) + self.log_normaliser()
    }

    fn fisher_information(&self) -> Array2<f64> {
        let (m, v) = (self.mean, self.variance());
        array![[v, 2.0 * m * v], [2.0 * m * v, (4.0 * m * m + 2.0 * v) * v]]
    }

    fn with_natural(&self, natural: ArrayView1<f64>) -> Result<Self> {
        let [linear, quadratic] = entries("natural", natural)?;
        if quadratic >= 0.0 {
            return Err(Error::parameter("natural[1]", quadratic, "less than zero"));
        }
        let variance = -0.5 / quadratic;
        check_member(
            "natural",
            natural,
            Normal::new(linear * variance, variance.sqrt())?,
        )
    }

    fn with_mean(&self, mean: ArrayView1<f64>) -> Result<Self> {
        let [first, second] = entries("mean", mean)?;
        let variance = second - first * first;
        if variance > 0.0 {
            return check_member("mean", mean, Normal::new(first, variance.sqrt())?);
        }
        Err(Error::parameter(
            "mean[1]",
            second,
            format!("greater than {}, the square of mean[0]", first * first),
        ))
    }

    /// `½ log 2πe + log σ`.
    fn entropy(&self) -> f64 {
        0.5 + self.log_normaliser()
    }

    /// `D(σ', σ)/σ' + ½ ((σ − σ')/σ')² + ½ ((m − m')/σ')²` with the deviance `D`: a sum of what is never negative.
    fn kl_divergence(&self, other: &Self) -> f64 {
        // With t = σ/σ' the textbook has ½ (t² − 1) − log t, which is (t − 1 − log t) + ½ (t − 1)².
        let difference = self.deviation - other.deviation;
        let ratio = deviance_between(other.deviation, self.deviation, difference) / other.deviation;
        ratio
            + 0.5 * (difference / other.deviation).powi(2)
            + 0.5 * ((self.mean - other.mean) / other.deviation).powi(2)
    }

    /// The weighted mean and deviation, in two passes: `E x² − (E x)²` has no digits left when the mean is 10⁸ deviations.
    fn fit_weighted(&self, x: ArrayView2<f64>, weights: ArrayView1<f64>) -> Result<Self> {
        let centre = mean_statistics(self, x, weights)?[0];
        let statistics = mean_statistics(self, (&x - centre).view(), weights)?;
        let variance = statistics[1] - statistics[0] * statistics[0];
        check_positive("the variance of x", variance)?;
        Normal::new(centre + statistics[0], variance.sqrt())
    }
}

impl ContinuousFamily for Normal {
    fn statistics_jacobian_into(&self, x: ArrayView2<f64>, out: ArrayViewMut3<f64>) {
        write_rows(x, out.index_axis_move(Axis(2), 0), |x| [1.0, 2.0 * x]);
    }

    fn statistics_second_into(&self, x: ArrayView2<f64>, out: ArrayViewMut3<f64>) {
        write_rows(x, out.index_axis_move(Axis(2), 0), |_| [0.0, 2.0]);
    }

    fn log_base_gradient_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        write_rows(x, out, |_| [0.0]);
    }
}
