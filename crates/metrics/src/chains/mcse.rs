//! Monte Carlo standard errors: how far an estimate would move if the chains were run again.
//!
//! - of the mean, `sd / √ESS_mean`;
//! - of the standard deviation, by the delta method: `Var(s²) = (m₄ − m₂²) / ESS`, `Var(s) = Var(s²) / (4 m₂)` (Kenney and Keeping 1951,
//!   p. 141), with the ESS of squared deviations, as in `posterior`. ArviZ (arviz-stats 0.8) divides by the ESS of the mean instead, which is
//!   too small for persistent chains, whose squares forget faster, and too large for antithetic ones, whose squares do not alternate;
//! - of a quantile, half the width of the interval of draws whose ranks are the 16 % and 84 % points of the
//!   Beta(`p ESS + 1`, `(1 − p) ESS + 1`) law of the quantile's level.
//!
//! Source: Vehtari et al. (2021), section 4.4, for quantiles.

use gibbsian_core::Result;
use gibbsian_core::error::check_within;
use ndarray::ArrayView2;

use super::ess::{below_quantile, effective, spread};
use super::incomplete_beta::beta_quantile;
use super::ranks::Sorted;
use super::{Chains, of_finite, sum};

/// `Φ(−1)` and `Φ(1)` to the seven digits that both packages print; more would change which draw is the end.
const ONE_SIGMA: [f64; 2] = [0.158_655_3, 0.841_344_7];

/// The Monte Carlo standard error of the mean of the draws `(chains, draws)`; 0 for a constant quantity.
///
/// # Errors
/// No chain, or fewer than four draws.
///
/// ```
/// use gibbsian_metrics::{ess_mean, mcse_mean};
/// use ndarray::Array2;
/// let draws = Array2::from_shape_fn((2, 200), |(c, t)| ((t * 37 + c * 11) % 101) as f64);
/// let expected = draws.std(1.0) / ess_mean(draws.view())?.sqrt();
/// assert!((mcse_mean(draws.view())? / expected - 1.0).abs() < 1e-12);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn mcse_mean(draws: ArrayView2<f64>) -> Result<f64> {
    of_finite(draws, |chains| chains.unit * of_mean(chains))
}

/// The Monte Carlo standard error of the standard deviation; NaN for a constant quantity.
///
/// # Errors
/// No chain, or fewer than four draws.
pub fn mcse_sd(draws: ArrayView2<f64>) -> Result<f64> {
    of_finite(draws, |chains| chains.unit * of_sd(chains))
}

/// The Monte Carlo standard error of the quantile at `p`; 0 for a constant quantity.
///
/// # Errors
/// No chain, fewer than four draws, or `p` outside [0, 1].
pub fn mcse_quantile(draws: ArrayView2<f64>, p: f64) -> Result<f64> {
    check_within("p", p, 0.0, 1.0)?;
    of_finite(draws, |chains| {
        let sorted = Sorted::new(chains);
        let ess = below_quantile(chains, &sorted, p);
        let size = chains.size() as f64;
        let [low, high] =
            ONE_SIGMA.map(|level| beta_quantile(level, ess * p + 1.0, ess * (1.0 - p) + 1.0) * size - 1.0);
        let first = low.max(0.0).floor() as usize;
        let last = high.min(size - 1.0).ceil() as usize;
        chains.unit * 0.5 * (sorted.values()[last] - sorted.values()[first])
    })
}

/// The Monte Carlo standard error of the median; 0 for a constant quantity.
///
/// # Errors
/// No chain, or fewer than four draws.
pub fn mcse_median(draws: ArrayView2<f64>) -> Result<f64> {
    mcse_quantile(draws, 0.5)
}

pub(super) fn of_mean(chains: &Chains) -> f64 {
    chains.sd() / effective(&chains.halves()).sqrt()
}

pub(super) fn of_sd(chains: &Chains) -> f64 {
    let mean = chains.mean();
    let size = chains.size() as f64;
    let squares = || chains.values.iter().map(|v| (v - mean) * (v - mean));
    let second = sum(squares()) / size;
    // m₄ − m₂² as the variance that it is: the difference would lose all digits of a quantity of two values.
    let variance_of_squares = sum(squares().map(|s| (s - second).powi(2))) / size;
    let variance_of_variance = variance_of_squares / spread(chains);
    (variance_of_variance / (4.0 * second)).sqrt()
}
