//! The Poisson distribution.

use std::f64::consts::{E, PI};

use gibbsian_core::error::Error;
use gibbsian_core::special::{ln_gamma, stirling_error};
use gibbsian_core::{ExponentialFamily, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::numeric::{deviance_between, lattice_entropy};
use super::{check_size, entries, is_count, write_rows};
use crate::univariate::{Univariate, map_rows, univariate_density};

/// The Poisson distribution of rate `λ`: `P(k) = λᵏ exp(−λ) / k!` for `k = 0, 1, 2, …`.
///
/// The energy is `log k! − k log λ`. As a member of an exponential family it has `T = k`, `η = log λ` and `h = 1/k!`.
///
/// The log-density is `−δ(k) − D(k, λ) − ½ log 2πk` and `−λ` at zero (Loader 2000), with the error `δ` of Stirling's formula and the deviance `D`.
///
/// ```
/// use gibbsian_core::{Density, ExponentialFamily};
/// use gibbsian_densities::Poisson;
/// use ndarray::array;
///
/// let poisson = Poisson::new(3.0)?;
/// let log_p = poisson.log_density(array![[0.0], [0.5], [-1.0]].view());
/// assert_eq!(log_p, array![-3.0, f64::NEG_INFINITY, f64::NEG_INFINITY]);
/// assert_eq!(poisson.fit(array![[1.0], [4.0]].view())?.rate(), 2.5);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Poisson {
    rate: f64,
}

impl Poisson {
    /// The Poisson distribution of this rate.
    ///
    /// # Errors
    /// A rate that is not between 10⁻³⁰⁰ and 10³⁰⁰.
    pub fn new(rate: f64) -> Result<Self> {
        check_size("rate", rate)?;
        Ok(Poisson { rate })
    }

    /// The rate `λ`.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The mean `λ`.
    pub fn mean(&self) -> f64 {
        self.rate
    }

    /// The variance `λ`.
    pub fn variance(&self) -> f64 {
        self.rate
    }
}

impl Univariate for Poisson {
    fn energy_at(&self, k: f64) -> f64 {
        match k {
            _ if k.is_nan() => k,
            _ if !is_count(k) => f64::INFINITY,
            _ if k < LARGE => ln_gamma(k + 1.0) - k * self.rate.ln(),
            _ => stirling_error(k) + 0.5 * ((2.0 * PI).ln() + k.ln()) + k * ((k / self.rate).ln() - 1.0),
        }
    }

    fn log_normaliser(&self) -> f64 {
        self.rate
    }

    fn log_density_at(&self, k: f64) -> f64 {
        match k {
            _ if k.is_nan() => k,
            0.0 => -self.rate,
            _ if !is_count(k) => f64::NEG_INFINITY,
            _ => {
                -stirling_error(k)
                    - deviance_between(k, self.rate, self.rate - k)
                    - 0.5 * ((2.0 * PI).ln() + k.ln())
            }
        }
    }

    /// By Knuth below 12 and by Ahrens and Dieter (1982) from there on; beyond 10¹⁹ a rounded normal, whose skewness of 10⁻¹⁰ is all that it
    /// lacks, since there no double is odd.
    fn draw(&self, rng: &mut dyn Rng) -> f64 {
        match rand_distr::Poisson::new(self.rate) {
            Ok(poisson) => rng.sample(poisson),
            Err(_) => (self.rate + self.rate.sqrt() * rng.sample::<f64, _>(StandardNormal)).floor(),
        }
    }
}

/// From here on the energy is written by Stirling's formula: `log k!` and `k log λ` cancel, and may overflow before their difference.
const LARGE: f64 = 16.0;

univariate_density!(Poisson);

impl ExponentialFamily for Poisson {
    fn n_statistics(&self) -> usize {
        1
    }

    fn statistics_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        write_rows(x, out, |k| [k]);
    }

    fn log_base_measure_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        map_rows(x, out, |k| match k {
            _ if k.is_nan() => k,
            _ if !is_count(k) => f64::NEG_INFINITY,
            _ => -ln_gamma(k + 1.0),
        });
    }

    fn natural_parameters(&self) -> Array1<f64> {
        array![self.rate.ln()]
    }

    fn mean_parameters(&self) -> Array1<f64> {
        array![self.rate]
    }

    fn log_partition(&self) -> f64 {
        self.rate
    }

    fn fisher_information(&self) -> Array2<f64> {
        array![[self.rate]]
    }

    fn with_natural(&self, natural: ArrayView1<f64>) -> Result<Self> {
        let [log_rate] = entries("natural", natural)?;
        Poisson::new(log_rate.exp()).map_err(|_| {
            let requirement = "the logarithm of a number between 1e-300 and 1e300";
            Error::parameter("natural[0]", log_rate, requirement)
        })
    }

    fn with_mean(&self, mean: ArrayView1<f64>) -> Result<Self> {
        let [rate] = entries("mean", mean)?;
        Poisson::new(rate).map_err(|_| Error::parameter("mean[0]", rate, super::SIZE))
    }

    /// By summation, and `½ log 2πeλ − 1/(12λ) − 1/(24λ²)` where the next term, `19/(360λ³)`, is below rounding.
    fn entropy(&self) -> f64 {
        let rate = self.rate;
        if rate > 1e5 {
            return 0.5 * (2.0 * PI * E * rate).ln() - (1.0 + 0.5 / rate) / (12.0 * rate);
        }
        lattice_entropy(
            |k| self.log_density_at(k),
            rate.floor(),
            rate.sqrt(),
            f64::INFINITY,
        )
    }

    /// `λ log(λ/λ') + λ' − λ = D(λ, λ')`, the deviance itself.
    fn kl_divergence(&self, other: &Self) -> f64 {
        deviance_between(self.rate, other.rate, other.rate - self.rate)
    }
}
