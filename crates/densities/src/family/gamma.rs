//! The gamma distribution.

use std::f64::consts::PI;

use gibbsian_core::error::{Error, check_positive};
use gibbsian_core::family::mean_statistics;
use gibbsian_core::special::{stirling_error, trigamma};
use gibbsian_core::{ContinuousFamily, ExponentialFamily, Result};
use ndarray::{
    Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3, Axis, array,
};
use rand::{Rng, RngExt};

use super::numeric::{deviance_at, deviance_between, log_ratio, two_product};
use super::shape::{residual, residual_curvature, residual_divergence, residual_slope};
use super::{check_member, check_size, entries, write_rows};
use crate::univariate::{Univariate, UnivariateScore, map_rows, univariate_density};

/// The gamma distribution of shape `a` and rate `b`: `p(x) = bᵃ xᵃ⁻¹ exp(−bx) / Γ(a)` on `x > 0`.
///
/// The energy is `(1 − a) log x + bx`; at `x = 0` density and energy are their limits. As a member of an exponential family it
/// has `T = (log x, x)`, `η = (a, −b)` and `h = 1/x`.
///
/// The log-density is `−δ(a) − D(a, bx) + ½ log(a/2π) − log x` (after Loader 2000) with the error `δ` of Stirling's formula and the deviance
/// `D`. Draws below the smallest normal double, which shapes under 0.01 give often, are that double.
///
/// ```
/// use gibbsian_core::{Density, ExponentialFamily};
/// use gibbsian_densities::Gamma;
/// use ndarray::array;
///
/// let gamma = Gamma::new(2.0, 3.0)?;
/// let log_p = gamma.log_density(array![[1.0], [-1.0]].view());
/// assert!((log_p[0] - (9.0_f64.ln() - 3.0)).abs() < 1e-15 && log_p[1] == f64::NEG_INFINITY);
///
/// // The maximum likelihood estimate has the mean of the data, and of their logarithms.
/// let fitted = gamma.fit(array![[1.0], [2.0], [6.0]].view())?;
/// assert!((fitted.mean() - 3.0).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gamma {
    shape: f64,
    rate: f64,
}

impl Gamma {
    /// The gamma distribution of this shape and rate.
    ///
    /// # Errors
    /// A shape or a rate that is not between 10⁻³⁰⁰ and 10³⁰⁰, or a mean above that.
    pub fn new(shape: f64, rate: f64) -> Result<Self> {
        check_size("shape", shape)?;
        check_size("rate", rate)?;
        if shape / rate > 1e300 {
            let requirement = format!("at least {:e}, for a mean of at most 1e300", shape / 1e300);
            return Err(Error::parameter("rate", rate, requirement));
        }
        Ok(Gamma { shape, rate })
    }

    /// The shape `a`.
    pub fn shape(&self) -> f64 {
        self.shape
    }

    /// The rate `b`, one over the scale.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The mean `a/b`.
    pub fn mean(&self) -> f64 {
        self.shape / self.rate
    }

    /// The variance `a/b²`.
    pub fn variance(&self) -> f64 {
        self.mean() / self.rate
    }

    /// `E log x = ψ(a) − log b`.
    pub fn mean_log(&self) -> f64 {
        residual_slope(self.shape) + self.log_mean()
    }

    /// `log E x = log a − log b`, also where the mean underflows.
    fn log_mean(&self) -> f64 {
        log_ratio(self.shape, self.rate)
    }

    /// The member of this mean and of `log E x − E log x = gap > 0`.
    fn from_gap(gap: f64, mean: f64) -> Result<Self> {
        let shape = shape_of_gap(gap);
        Gamma::new(shape, shape / mean)
    }
}

/// The shape with `log a − ψ(a) = gap`.
///
/// Newton's method for `1/a`, in which the gap is nearly linear, of slope ½ for large shapes and 1 for small ones (Minka 2002,
/// "Estimating a Gamma distribution"): `1/a ← 1/a + (gap + g'(a)) / (a² g''(a))`, from the start of Thom (1958).
fn shape_of_gap(gap: f64) -> f64 {
    let mut a = (3.0 - gap + ((gap - 3.0) * (gap - 3.0) + 24.0 * gap).sqrt()) / (12.0 * gap);
    if gap > 1e3 {
        // The root has lost its digits, and a is 1/gap but for a logarithm.
        a = gap.recip();
    }
    // The start is within a few percent, so four steps suffice; the bound is for gaps that are NaN.
    for _ in 0..16 {
        let step = (gap + residual_slope(a)) / (a * residual_curvature(a));
        a /= 1.0 + step;
        if step.abs() <= 1e-15 {
            break;
        }
    }
    a
}

impl Univariate for Gamma {
    fn energy_at(&self, x: f64) -> f64 {
        match x {
            _ if x < 0.0 => f64::INFINITY,
            // The limit; (1 − a) log 0 is NaN for a = 1.
            0.0 if self.shape == 1.0 => 0.0,
            f64::INFINITY => f64::INFINITY,
            _ => (1.0 - self.shape) * x.ln() + self.rate * x,
        }
    }

    fn log_normaliser(&self) -> f64 {
        self.log_partition()
    }

    fn log_density_at(&self, x: f64) -> f64 {
        let a = self.shape;
        let (m, e) = two_product(self.rate, x);
        if !(m > 1e-290 && m < f64::INFINITY) {
            // Zero, infinity, what is outside the support, and products without all their digits: beside
            // log x ≈ −660 nothing cancels here.
            return -self.energy_at(x) - self.log_normaliser();
        }
        -stirling_error(a) - deviance_at(a, (m, e)) + 0.5 * (a / (2.0 * PI)).ln() - x.ln()
    }

    /// By Marsaglia and Tsang (2000); a shape below 1 from that shape plus 1 and a power of a uniform number.
    fn draw(&self, rng: &mut dyn Rng) -> f64 {
        if self.shape >= 1.0 {
            return (draw_unit(self.shape, rng) / self.rate).max(f64::MIN_POSITIVE);
        }
        let unit = draw_unit(self.shape + 1.0, rng);
        let log_power = log_uniform(rng) / self.shape;
        let of_rate_one = unit * log_power.exp();
        let x = if of_rate_one.is_normal() {
            of_rate_one / self.rate
        } else {
            // A rate below 1 may bring it back into the range of doubles.
            (unit.ln() + log_power - self.rate.ln()).exp()
        };
        x.max(f64::MIN_POSITIVE)
    }
}

/// The logarithm of a uniform number in (0, 1].
pub(crate) fn log_uniform(rng: &mut dyn Rng) -> f64 {
    -rng.sample::<f64, _>(rand_distr::Exp1)
}

/// A draw of rate 1 and a shape of at least 1.
pub(crate) fn draw_unit(shape: f64, rng: &mut dyn Rng) -> f64 {
    let gamma = rand_distr::Gamma::new(shape, 1.0).expect("shape is positive, and scale 1");
    rng.sample(gamma)
}

impl UnivariateScore for Gamma {
    fn score_at(&self, x: f64) -> f64 {
        if x > 0.0 {
            (self.shape - 1.0) / x - self.rate
        } else {
            f64::NAN
        }
    }

    fn score_derivative_at(&self, x: f64) -> f64 {
        if x > 0.0 {
            (1.0 - self.shape) / x / x
        } else {
            f64::NAN
        }
    }
}

univariate_density!(Gamma, score);

impl ExponentialFamily for Gamma {
    fn n_statistics(&self) -> usize {
        2
    }

    fn statistics_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        write_rows(x, out, |x| [x.ln(), x]);
    }

    fn log_base_measure_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        map_rows(x, out, |x| if x <= 0.0 { f64::NEG_INFINITY } else { -x.ln() });
    }

    fn natural_parameters(&self) -> Array1<f64> {
        array![self.shape, -self.rate]
    }

    fn mean_parameters(&self) -> Array1<f64> {
        array![self.mean_log(), self.mean()]
    }

    /// `log Γ(a) − a log b = g(a) + a (log(a/b) − 1)`.
    fn log_partition(&self) -> f64 {
        residual(self.shape) + self.shape * (self.log_mean() - 1.0)
    }

    fn fisher_information(&self) -> Array2<f64> {
        let cross = self.rate.recip();
        array![[trigamma(self.shape), cross], [cross, self.variance()]]
    }

    fn with_natural(&self, natural: ArrayView1<f64>) -> Result<Self> {
        let [shape, rate] = entries("natural", natural)?;
        if shape <= 0.0 {
            return Err(Error::parameter("natural[0]", shape, "greater than zero"));
        }
        if rate >= 0.0 {
            return Err(Error::parameter("natural[1]", rate, "less than zero"));
        }
        check_member("natural", natural, Gamma::new(shape, -rate)?)
    }

    fn with_mean(&self, mean: ArrayView1<f64>) -> Result<Self> {
        let [mean_log, mean] = entries("mean", mean)?;
        if mean <= 0.0 {
            return Err(Error::parameter("mean[1]", mean, "greater than zero"));
        }
        let gap = mean.ln() - mean_log;
        if gap <= 0.0 {
            let requirement = format!("less than {}, the logarithm of mean[1]", mean.ln());
            return Err(Error::parameter("mean[0]", mean_log, requirement));
        }
        Gamma::from_gap(gap, mean)
    }

    /// `a − log b + log Γ(a) + (1−a) ψ(a)`, computed as `log(a/b) + g(a) + (1−a) g'(a)` with the `g` of what `log Γ` has beyond `a log a − a`.
    fn entropy(&self) -> f64 {
        self.log_mean() + residual(self.shape) + (1.0 - self.shape) * residual_slope(self.shape)
    }

    /// The divergence of the shapes at equal means, `g(a') − g(a) − (a'−a) g'(a)`, plus that of the means at shape `a'`,
    /// `a' (τ − 1 − log τ)` with `τ = ab'/(a'b)`, the ratio of means: neither is negative.
    fn kl_divergence(&self, other: &Self) -> f64 {
        let (shape, rate) = (other.shape - self.shape, other.rate - self.rate);
        let ratio = self.shape / other.shape * (other.rate / self.rate);
        // τ − 1 from the differences of the parameters.
        let excess_ratio = rate / self.rate - shape / other.shape * (other.rate / self.rate);
        let means = other.shape * deviance_between(1.0, ratio, excess_ratio);
        residual_divergence(self.shape, other.shape, shape) + means
    }

    /// The gap `log E x − E log x` of the data is the mean of `u − log(1+u)` for `u = x/E x − 1`, which keeps the digits that the two
    /// logarithms of concentrated data have in common.
    fn fit_weighted(&self, x: ArrayView2<f64>, weights: ArrayView1<f64>) -> Result<Self> {
        let mean = mean_statistics(self, x, weights)?[1];
        let total = weights.sum();
        let gap: f64 = (x.column(0).iter().zip(weights))
            .map(|(x, w)| w / total * (deviance_between(mean, *x, x - mean) / mean))
            .sum();
        check_positive("log E x - E log x", gap)?;
        Gamma::from_gap(gap, mean)
    }
}

impl ContinuousFamily for Gamma {
    fn statistics_jacobian_into(&self, x: ArrayView2<f64>, out: ArrayViewMut3<f64>) {
        write_rows(x, out.index_axis_move(Axis(2), 0), |x| [x.recip(), 1.0]);
    }

    fn statistics_second_into(&self, x: ArrayView2<f64>, out: ArrayViewMut3<f64>) {
        write_rows(x, out.index_axis_move(Axis(2), 0), |x| [-(x * x).recip(), 0.0]);
    }

    fn log_base_gradient_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        write_rows(x, out, |x| [-x.recip()]);
    }
}
