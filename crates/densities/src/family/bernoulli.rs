//! One trial with two outcomes.

use gibbsian_core::error::Error;
use gibbsian_core::math::{bernoulli_entropy, logit, sigmoid, softplus};
use gibbsian_core::{Discrete, DiscreteEnergy, ExponentialFamily, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};
use rand::{Rng, RngExt};

use super::numeric::deviance_between;
use super::{check_real, entries, write_rows};
use crate::univariate::{Univariate, map_rows, univariate_density};

/// The Bernoulli distribution: 1 with probability `p`, 0 with probability `1 − p`.
///
/// The energy is `−ηx` with `η = log p/(1−p)`; as a member of an exponential family it has `T = x` and this `η`. A sure
/// outcome has no finite `η`, so `p` lies strictly between 0 and 1.
///
/// ```
/// use gibbsian_core::{Density, ExponentialFamily};
/// use gibbsian_densities::Bernoulli;
/// use ndarray::array;
///
/// let coin = Bernoulli::new(0.25)?;
/// assert_eq!(coin.log_density(array![[1.0], [0.5]].view()), array![0.25_f64.ln(), f64::NEG_INFINITY]);
/// assert_eq!(coin.fit(array![[1.0], [0.0]].view())?, Bernoulli::new(0.5)?);
///
/// // The smaller probability keeps all its digits, however close the other one is to 1.
/// let sure = Bernoulli::from_logit(100.0)?;
/// assert_eq!(sure.probability(), 1.0);
/// assert_eq!(sure.complement(), (-100.0_f64).exp());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bernoulli {
    // Of the two probabilities the smaller is exact and the larger is one minus it, rounded.
    probability: f64,
    complement: f64,
    logit: f64,
}

impl Bernoulli {
    /// A trial that gives 1 with this probability.
    ///
    /// # Errors
    /// A probability that is not between 0 and 1, both excluded.
    pub fn new(probability: f64) -> Result<Self> {
        if probability > 0.0 && probability < 1.0 {
            return Ok(Bernoulli {
                probability,
                complement: 1.0 - probability,
                logit: logit(probability),
            });
        }
        Err(Error::parameter(
            "probability",
            probability,
            "in (0, 1); give log-odds to from_logit",
        ))
    }

    /// A trial with log-odds `log p/(1−p) = logit`.
    ///
    /// # Errors
    /// A logit that is not finite, or so large that the rarer outcome has no positive probability among the doubles.
    pub fn from_logit(logit: f64) -> Result<Self> {
        check_real("logit", logit)?;
        let smaller = sigmoid(-logit.abs());
        if smaller == 0.0 {
            return Err(Error::parameter(
                "logit",
                logit,
                "within ±745, where e^-|logit| is not zero",
            ));
        }
        let (probability, complement) = match logit < 0.0 {
            true => (smaller, 1.0 - smaller),
            false => (1.0 - smaller, smaller),
        };
        Ok(Bernoulli {
            probability,
            complement,
            logit,
        })
    }

    /// The probability `p` of 1.
    pub fn probability(&self) -> f64 {
        self.probability
    }

    /// The probability `1 − p` of 0, accurate also where it is small.
    pub fn complement(&self) -> f64 {
        self.complement
    }

    /// The log-odds `log p/(1−p)`.
    pub fn logit(&self) -> f64 {
        self.logit
    }

    /// The mean `p`.
    pub fn mean(&self) -> f64 {
        self.probability
    }

    /// The variance `p (1 − p)`.
    pub fn variance(&self) -> f64 {
        self.probability * self.complement
    }

    /// The distribution function `P(X ≤ x)`.
    pub fn cdf(&self, x: f64) -> f64 {
        match x {
            _ if x.is_nan() => x,
            _ if x < 0.0 => 0.0,
            _ if x < 1.0 => self.complement,
            _ => 1.0,
        }
    }

    /// `p' − p` to the relative accuracy of the smaller probabilities.
    pub(super) fn difference(&self, other: &Self) -> f64 {
        if self.complement < 0.5 && other.complement < 0.5 {
            self.complement - other.complement
        } else {
            other.probability - self.probability
        }
    }
}

/// The log-probability of an outcome, given its probability and that of the other.
fn log_probability(this: f64, other: f64) -> f64 {
    if this < 0.5 { this.ln() } else { (-other).ln_1p() }
}

impl Univariate for Bernoulli {
    fn energy_at(&self, x: f64) -> f64 {
        match x {
            _ if x.is_nan() => x,
            1.0 => -self.logit,
            0.0 => 0.0,
            _ => f64::INFINITY,
        }
    }

    fn log_normaliser(&self) -> f64 {
        softplus(self.logit)
    }

    fn log_density_at(&self, x: f64) -> f64 {
        match x {
            _ if x.is_nan() => x,
            1.0 => log_probability(self.probability, self.complement),
            0.0 => log_probability(self.complement, self.probability),
            _ => f64::NEG_INFINITY,
        }
    }

    fn draw(&self, rng: &mut dyn Rng) -> f64 {
        f64::from(rng.random::<f64>() < self.probability)
    }
}

univariate_density!(Bernoulli);

impl Discrete for Bernoulli {
    fn alphabet(&self, _site: usize) -> &[f64] {
        &[0.0, 1.0]
    }
}

impl DiscreteEnergy for Bernoulli {}

impl ExponentialFamily for Bernoulli {
    fn n_statistics(&self) -> usize {
        1
    }

    fn statistics_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        write_rows(x, out, |x| [x]);
    }

    fn log_base_measure_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        map_rows(x, out, |x| match x {
            _ if x.is_nan() => x,
            0.0 | 1.0 => 0.0,
            _ => f64::NEG_INFINITY,
        });
    }

    fn natural_parameters(&self) -> Array1<f64> {
        array![self.logit]
    }

    fn mean_parameters(&self) -> Array1<f64> {
        array![self.probability]
    }

    fn log_partition(&self) -> f64 {
        -log_probability(self.complement, self.probability)
    }

    fn fisher_information(&self) -> Array2<f64> {
        array![[self.variance()]]
    }

    fn with_natural(&self, natural: ArrayView1<f64>) -> Result<Self> {
        let [logit] = entries("natural", natural)?;
        Bernoulli::from_logit(logit)
    }

    fn with_mean(&self, mean: ArrayView1<f64>) -> Result<Self> {
        let [mean] = entries("mean", mean)?;
        Bernoulli::new(mean).map_err(|_| Error::parameter("mean[0]", mean, "in (0, 1)"))
    }

    /// `−p log p − (1−p) log(1−p)`.
    fn entropy(&self) -> f64 {
        bernoulli_entropy(self.probability.min(self.complement))
    }

    /// `D(p, p') + D(1−p, 1−p')` with the deviance `D`, whose extra terms `p' − p` and `p − p'` cancel exactly.
    fn kl_divergence(&self, other: &Self) -> f64 {
        let difference = self.difference(other);
        deviance_between(self.probability, other.probability, difference)
            + deviance_between(self.complement, other.complement, -difference)
    }
}
