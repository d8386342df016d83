//! The exponential distribution.

use gibbsian_core::error::Error;
use gibbsian_core::{ContinuousFamily, ExponentialFamily, Result};
use ndarray::{
    Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3, Axis, array,
};
use rand::{Rng, RngExt};
use rand_distr::Exp1;

use super::numeric::deviance_between;
use super::{check_size, entries, write_rows};
use crate::univariate::{Univariate, UnivariateScore, map_rows, univariate_density};

/// The exponential distribution of rate `λ`: `p(x) = λ exp(−λx)` on `x ≥ 0`.
///
/// The energy is `λx`. As a member of an exponential family it has `T = x`, `η = −λ`.
///
/// ```
/// use gibbsian_core::{Density, ExponentialFamily};
/// use gibbsian_densities::Exponential;
/// use ndarray::array;
///
/// let waiting = Exponential::new(2.0)?;
/// let log_p = waiting.log_density(array![[0.0], [3.0], [-1.0]].view());
/// assert_eq!(log_p, array![2.0_f64.ln(), 2.0_f64.ln() - 6.0, f64::NEG_INFINITY]);
/// assert_eq!(waiting.fit(array![[1.0], [3.0]].view())?.rate(), 0.5);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential {
    rate: f64,
}

impl Exponential {
    /// The exponential distribution of this rate.
    ///
    /// # Errors
    /// A rate that is not between 10⁻³⁰⁰ and 10³⁰⁰.
    pub fn new(rate: f64) -> Result<Self> {
        check_size("rate", rate)?;
        Ok(Exponential { rate })
    }

    /// The rate `λ`.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The mean `1/λ`.
    pub fn mean(&self) -> f64 {
        self.rate.recip()
    }

    /// The variance `1/λ²`.
    pub fn variance(&self) -> f64 {
        self.mean() * self.mean()
    }

    /// The distribution function `P(X ≤ x) = 1 − exp(−λx)`.
    pub fn cdf(&self, x: f64) -> f64 {
        if x < 0.0 { 0.0 } else { -(-self.rate * x).exp_m1() }
    }
}

impl Univariate for Exponential {
    fn energy_at(&self, x: f64) -> f64 {
        if x < 0.0 { f64::INFINITY } else { self.rate * x }
    }

    fn log_normaliser(&self) -> f64 {
        -self.rate.ln()
    }

    fn log_density_at(&self, x: f64) -> f64 {
        -self.energy_at(x) - self.log_normaliser()
    }

    fn draw(&self, rng: &mut dyn Rng) -> f64 {
        let unit: f64 = rng.sample(Exp1);
        unit / self.rate
    }
}

impl UnivariateScore for Exponential {
    fn score_at(&self, x: f64) -> f64 {
        if x >= 0.0 { -self.rate } else { f64::NAN }
    }

    fn score_derivative_at(&self, x: f64) -> f64 {
        if x >= 0.0 { 0.0 } else { f64::NAN }
    }
}

univariate_density!(Exponential, score);

impl ExponentialFamily for Exponential {
    fn n_statistics(&self) -> usize {
        1
    }

    fn statistics_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        write_rows(x, out, |x| [x]);
    }

    fn log_base_measure_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        map_rows(x, out, |x| match x {
            _ if x.is_nan() => x,
            _ if x < 0.0 => f64::NEG_INFINITY,
            _ => 0.0,
        });
    }

    fn natural_parameters(&self) -> Array1<f64> {
        array![-self.rate]
    }

    fn mean_parameters(&self) -> Array1<f64> {
        array![self.mean()]
    }

    fn log_partition(&self) -> f64 {
        self.log_normaliser()
    }

    fn fisher_information(&self) -> Array2<f64> {
        array![[self.variance()]]
    }

    fn with_natural(&self, natural: ArrayView1<f64>) -> Result<Self> {
        let [natural] = entries("natural", natural)?;
        if natural >= 0.0 {
            return Err(Error::parameter("natural[0]", natural, "less than zero"));
        }
        Exponential::new(-natural)
    }

    fn with_mean(&self, mean: ArrayView1<f64>) -> Result<Self> {
        let [mean] = entries("mean", mean)?;
        if mean <= 0.0 {
            return Err(Error::parameter("mean[0]", mean, "greater than zero"));
        }
        Exponential::new(mean.recip())
    }

    /// `1 − log λ`.
    fn entropy(&self) -> f64 {
        1.0 - self.rate.ln()
    }

    /// `log(λ/λ') + λ'/λ − 1 = D(λ, λ')/λ` with the deviance `D`.
    fn kl_divergence(&self, other: &Self) -> f64 {
        deviance_between(self.rate, other.rate, other.rate - self.rate) / self.rate
    }
}

impl ContinuousFamily for Exponential {
    fn statistics_jacobian_into(&self, x: ArrayView2<f64>, out: ArrayViewMut3<f64>) {
        write_rows(x, out.index_axis_move(Axis(2), 0), |_| [1.0]);
    }

    fn statistics_second_into(&self, x: ArrayView2<f64>, out: ArrayViewMut3<f64>) {
        write_rows(x, out.index_axis_move(Axis(2), 0), |_| [0.0]);
    }

    fn log_base_gradient_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        write_rows(x, out, |_| [0.0]);
    }
}
