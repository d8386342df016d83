//! Diagnostics of Markov chains, from the draws of one quantity: `(chains, draws)`, one chain a row.
//!
//! Conventions are those of the R package `posterior` and of ArviZ, which agree with each other almost everywhere: chains are cut in
//! halves, ranks are averaged over ties and mapped by `Φ⁻¹((r − 3/8)/(S + 1/4))`, quantiles interpolate linearly (type 7),
//! autocorrelations are summed by Geyer's rule. The few places where they differ are named where they are met.
//!
//! **What is refused and what is not.** Fewer than four draws a chain, or no chain, is an [`Error`]: there is nothing to halve. NaN and
//! infinities are data: every number computed from them is NaN. A quantity that never moves has `S` effective draws, as in ArviZ, and
//! no R-hat.
//!
//! Source: Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), "Rank-normalization, folding, and localization: an improved R-hat for
//! assessing convergence of MCMC", Bayesian Analysis 16.

mod autocorrelation_time;
mod autocovariance;
mod binning;
mod energy;
mod equilibration;
mod ess;
mod fourier;
mod incomplete_beta;
mod jackknife;
mod mcse;
mod modes;
mod r_hat;
mod ranks;
mod summary;

pub use autocorrelation_time::{
    AutocorrelationTime, SOKAL_WINDOW, autocorrelation_time, autocorrelation_time_windowed,
};
pub use autocovariance::{autocorrelation, autocovariance};
pub use binning::{BinLevel, Binning, binning};
pub use energy::{HeatCapacity, energy_bfmi, heat_capacity};
pub use equilibration::{Equilibration, equilibration};
pub use ess::{ess_bulk, ess_mean, ess_median, ess_quantile, ess_sd, ess_tail};
pub use jackknife::{Jackknife, jackknife};
pub use mcse::{mcse_mean, mcse_median, mcse_quantile, mcse_sd};
pub use modes::{ModeMass, ModeMasses, mode_masses, mode_masses_of_labels, nearest_centre};
pub use r_hat::{r_hat, r_hat_folded, r_hat_rank, r_hat_split};
pub use summary::{ChainVerdict, Requirements, Summaries, Summary, summarise};

use gibbsian_core::{Error, Result};
use ndarray::ArrayView2;

/// The fewest draws of a chain whose halves have a variance each.
const FEWEST_DRAWS: usize = 4;

/// Beyond this binary exponent, fourth powers of draws would leave the range of doubles.
const SAFE_EXPONENT: i32 = 200;

/// The draws of one quantity, chain after chain.
pub(crate) struct Chains {
    values: Vec<f64>,
    n_chains: usize,
    n_draws: usize,
    /// The power of two that was divided out of the values, 1 unless they are enormous or minute.
    unit: f64,
    is_finite: bool,
}

impl Chains {
    /// Takes the draws `(chains, draws)`.
    fn new(draws: ArrayView2<f64>) -> Result<Self> {
        let (n_chains, n_draws) = draws.dim();
        if n_chains == 0 || n_draws < FEWEST_DRAWS {
            return Err(Error::shape(
                "draws",
                draws.shape(),
                format!("(at least 1 chain, at least {FEWEST_DRAWS} draws)"),
            )
            .with_cure("rows are chains and columns their draws: sample longer, or transpose the array"));
        }
        let mut chains = Chains {
            values: draws.iter().copied().collect(),
            n_chains,
            n_draws,
            unit: 1.0,
            is_finite: draws.iter().all(|v| v.is_finite()),
        };
        chains.scale();
        Ok(chains)
    }

    /// Divides an enormous or minute unit out of the values, if there is one.
    fn scale(&mut self) {
        let largest = self.values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        if !(largest > 0.0 && largest.is_finite()) {
            return;
        }
        // The largest numbers are nearer to 2¹⁰²⁴, which is none.
        let exponent = (largest.log2().round() as i32).min(1023);
        if exponent.abs() > SAFE_EXPONENT {
            // Two factors, because the reciprocal of the smallest numbers is infinite.
            let half = 2f64.powi(exponent / 2);
            self.values.iter_mut().for_each(|v| *v = *v / half / half);
            self.unit = half * half;
        }
    }

    /// The number of draws of all chains together.
    fn size(&self) -> usize {
        self.values.len()
    }

    /// The same chains with each draw replaced by a function of it.
    fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Chains {
            values: self.values.iter().map(|&v| f(v)).collect(),
            unit: 1.0,
            ..*self
        }
    }

    /// Each chain cut into its first and its last `⌊n/2⌋` draws; the middle draw of an odd number is dropped.
    fn halves(&self) -> Self {
        let half = self.n_draws / 2;
        let values = if self.n_draws.is_multiple_of(2) {
            self.values.clone()
        } else {
            let kept = self.values.chunks_exact(self.n_draws);
            kept.flat_map(|chain| chain[..half].iter().chain(&chain[half + 1..]))
                .copied()
                .collect()
        };
        Chains {
            values,
            n_chains: 2 * self.n_chains,
            n_draws: half,
            ..*self
        }
    }

    /// One chain after the other.
    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.n_draws)
    }

    /// Whether all draws are equal.
    fn is_constant(&self) -> bool {
        self.values.iter().all(|v| *v == self.values[0])
    }

    /// The mean of all draws.
    fn mean(&self) -> f64 {
        mean(&self.values)
    }

    /// The standard deviation of all draws, with `S − 1` in the denominator.
    fn sd(&self) -> f64 {
        variance(&self.values, self.mean()).sqrt()
    }
}

/// What `f` says of the draws of a quantity, NaN if some are not finite.
fn of_finite(draws: ArrayView2<f64>, f: impl FnOnce(&Chains) -> f64) -> Result<f64> {
    let chains = Chains::new(draws)?;
    Ok(if chains.is_finite { f(&chains) } else { f64::NAN })
}

/// The mean, of equal values exactly their value.
fn mean(values: &[f64]) -> f64 {
    let origin = values[0];
    origin + sum(values.iter().map(|v| v - origin)) / values.len() as f64
}

/// The sum of squared deviations from a mean over `n − 1`.
fn variance(values: &[f64], mean: f64) -> f64 {
    sum(values.iter().map(|v| (v - mean) * (v - mean))) / (values.len() as f64 - 1.0)
}

/// A sum in partial sums of 128 terms, so that its error hardly grows with the number of terms.
fn sum(mut terms: impl Iterator<Item = f64>) -> f64 {
    let mut total = 0.0;
    loop {
        let mut partial = 0.0;
        let mut taken = 0;
        for term in terms.by_ref().take(128) {
            partial += term;
            taken += 1;
        }
        total += partial;
        if taken < 128 {
            return total;
        }
    }
}
