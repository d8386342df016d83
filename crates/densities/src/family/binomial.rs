//! The number of successes in n trials.

use std::f64::consts::{E, PI};
use std::sync::OnceLock;

use gibbsian_core::error::{Error, check_count};
use gibbsian_core::math::softplus;
use gibbsian_core::special::stirling_error;
use gibbsian_core::{Discrete, DiscreteEnergy, ExponentialFamily, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::{Rng, RngExt};

use super::bernoulli::Bernoulli;
use super::numeric::{deviance_at, lattice_entropy, two_product};
use super::{entries, is_count, write_rows};
use crate::univariate::{Univariate, map_rows, univariate_density};

/// The binomial distribution: the number `k` of successes in `n` trials of probability `p`, `P(k) = (n choose k) pᵏ (1−p)ⁿ⁻ᵏ`.
///
/// The energy is `−ηk − log (n choose k)` with `η = log p/(1−p)`. As a member of an exponential family it has `T = k`, this `η` and
/// `h = (n choose k)`; `n` belongs to the family.
///
/// The log-density is `δ(n) − δ(k) − δ(n−k) − D(k, np) − D(n−k, nq) + ½ log(n/(2πk(n−k)))`, and `n log q`, `n log p` at the ends (Loader 2000), with the
/// error `δ` of Stirling's formula and the deviance `D`.
///
/// ```
/// use gibbsian_core::{Density, Discrete, ExponentialFamily};
/// use gibbsian_densities::Binomial;
/// use ndarray::array;
///
/// let binomial = Binomial::new(2, 0.5)?;
/// let p = binomial.log_density(binomial.states()?.view()).exp();
/// assert!((p - array![0.25, 0.5, 0.25]).iter().all(|d| d.abs() < 1e-15));
/// assert_eq!(binomial.fit(array![[0.0], [1.0]].view())?.probability(), 0.25);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Binomial {
    trials: u64,
    trial: Bernoulli,
    // The values 0..=n, listed when somebody asks: n may be 10¹².
    values: OnceLock<Vec<f64>>,
}

impl PartialEq for Binomial {
    fn eq(&self, other: &Self) -> bool {
        (self.trials, self.trial) == (other.trials, other.trial)
    }
}

impl Binomial {
    /// The binomial distribution of this many trials with this probability of success.
    ///
    /// # Errors
    /// No trials or more than 2⁵³, or a probability that is not between 0 and 1, both excluded.
    pub fn new(trials: u64, probability: f64) -> Result<Self> {
        Self::of(trials, Bernoulli::new(probability)?)
    }

    /// The number of successes in this many repetitions of a trial.
    ///
    /// # Errors
    /// No trials or more than 2⁵³.
    pub fn of(trials: u64, trial: Bernoulli) -> Result<Self> {
        check_count("trials", trials as usize)?;
        if trials > 1 << 53 {
            return Err(Error::parameter("trials", trials, "at most 2^53"));
        }
        Ok(Binomial {
            trials,
            trial,
            values: OnceLock::new(),
        })
    }

    /// The number of trials `n`.
    pub fn trials(&self) -> u64 {
        self.trials
    }

    /// The probability of success `p`.
    pub fn probability(&self) -> f64 {
        self.trial.probability()
    }

    /// One trial.
    pub fn trial(&self) -> Bernoulli {
        self.trial
    }

    /// The mean `np`.
    pub fn mean(&self) -> f64 {
        self.n() * self.probability()
    }

    /// The variance `np (1−p)`.
    pub fn variance(&self) -> f64 {
        self.n() * self.trial.variance()
    }

    fn n(&self) -> f64 {
        self.trials as f64
    }

    fn contains(&self, k: f64) -> bool {
        is_count(k) && k <= self.n()
    }

    /// `log (n choose k)` for `k` in `0..=n`.
    fn log_choices(&self, k: f64) -> f64 {
        let (n, rest) = (self.n(), self.n() - k);
        if k == 0.0 || rest == 0.0 {
            return 0.0;
        }
        // The logarithm of the larger share, near zero, from the smaller.
        let (less, more) = (k.min(rest), k.max(rest));
        self.stirling_part(k) + less * (n / less).ln() - more * (-less / n).ln_1p()
    }

    /// `δ(n) − δ(k) − δ(n−k) + ½ log(n/(2πk(n−k)))` for `0 < k < n`.
    fn stirling_part(&self, k: f64) -> f64 {
        let (n, rest) = (self.n(), self.n() - k);
        stirling_error(n) - stirling_error(k) - stirling_error(rest) + 0.5 * (n / (2.0 * PI * k) / rest).ln()
    }

    /// `n` times a probability, with the rounding error of the product and that of the probability, given its complement.
    fn expected(&self, probability: f64, complement: f64) -> (f64, f64) {
        let (m, e) = two_product(self.n(), probability);
        // The larger probability is one minus the smaller, rounded; the smaller is exact.
        let rounding = if probability < 0.5 {
            0.0
        } else {
            (1.0 - probability) - complement
        };
        (m, e + self.n() * rounding)
    }
}

impl Univariate for Binomial {
    fn energy_at(&self, k: f64) -> f64 {
        match k {
            _ if k.is_nan() => k,
            _ if !self.contains(k) => f64::INFINITY,
            _ => -self.trial.logit() * k - self.log_choices(k),
        }
    }

    fn log_normaliser(&self) -> f64 {
        self.n() * softplus(self.trial.logit())
    }

    fn log_density_at(&self, k: f64) -> f64 {
        if k.is_nan() {
            return k;
        }
        if !self.contains(k) {
            return f64::NEG_INFINITY;
        }
        let (n, rest) = (self.n(), self.n() - k);
        if k == 0.0 || rest == 0.0 {
            return n * self.trial.log_density_at(f64::from(rest == 0.0));
        }
        let (p, q) = (self.trial.probability(), self.trial.complement());
        self.stirling_part(k) - deviance_at(k, self.expected(p, q)) - deviance_at(rest, self.expected(q, p))
    }

    /// By inversion for small means and by the algorithm BTPE (Kachitvichyanukul and Schmeiser 1988) for others.
    fn draw(&self, rng: &mut dyn Rng) -> f64 {
        // Of the rarer outcome, whose probability is exact.
        let (p, q) = (self.trial.probability(), self.trial.complement());
        let rarer = rand_distr::Binomial::new(self.trials, p.min(q)).expect("a probability");
        let count = rng.sample(rarer);
        (if p <= q { count } else { self.trials - count }) as f64
    }
}

univariate_density!(Binomial);

impl Discrete for Binomial {
    /// The `n + 1` values, listed on the first call: 8 bytes each.
    fn alphabet(&self, _site: usize) -> &[f64] {
        self.values
            .get_or_init(|| (0..=self.trials).map(|k| k as f64).collect())
    }
}

impl DiscreteEnergy for Binomial {}

impl ExponentialFamily for Binomial {
    fn n_statistics(&self) -> usize {
        1
    }

    fn statistics_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        write_rows(x, out, |k| [k]);
    }

    fn log_base_measure_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        map_rows(x, out, |k| match k {
            _ if k.is_nan() => k,
            _ if !self.contains(k) => f64::NEG_INFINITY,
            _ => self.log_choices(k),
        });
    }

    fn natural_parameters(&self) -> Array1<f64> {
        self.trial.natural_parameters()
    }

    fn mean_parameters(&self) -> Array1<f64> {
        self.n() * self.trial.mean_parameters()
    }

    fn log_partition(&self) -> f64 {
        self.n() * self.trial.log_partition()
    }

    fn fisher_information(&self) -> Array2<f64> {
        self.n() * self.trial.fisher_information()
    }

    fn with_natural(&self, natural: ArrayView1<f64>) -> Result<Self> {
        Self::of(self.trials, self.trial.with_natural(natural)?)
    }

    fn with_mean(&self, mean: ArrayView1<f64>) -> Result<Self> {
        let [mean] = entries("mean", mean)?;
        Self::new(self.trials, mean / self.n())
            .map_err(|_| Error::parameter("mean[0]", mean, format!("in (0, {})", self.trials)))
    }

    /// By summation, and `½ log 2πev − (1−2p)²/(12v)` where the variance `v` is so large that `1/v²` is below rounding.
    fn entropy(&self) -> f64 {
        let variance = self.variance();
        if variance > 1e8 {
            let skew = self.trial.complement() - self.trial.probability();
            return 0.5 * (2.0 * PI * E * variance).ln() - skew * skew / (12.0 * variance);
        }
        let mode = ((self.n() + 1.0) * self.probability()).floor().min(self.n());
        lattice_entropy(|k| self.log_density_at(k), mode, variance.sqrt(), self.n())
    }

    /// `n` times the divergence of one trial.
    ///
    /// # Panics
    /// When the other has another number of trials: that is another family.
    fn kl_divergence(&self, other: &Self) -> f64 {
        assert_eq!(self.trials, other.trials, "divergence of two numbers of trials");
        self.n() * self.trial.kl_divergence(&other.trial)
    }
}
