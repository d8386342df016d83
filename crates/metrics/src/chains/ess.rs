//! Effective sample sizes: how many independent draws would know as much.
//!
//! `ESS = S / τ` for `S` draws of all chains with the autocorrelation time `τ` of [`autocorrelation_time`](crate::autocorrelation_time).
//! It depends on the question: a chain may know the mean of a quantity well and its tails not at all. So there is one for each estimate,
//! each computed on the quantity whose mean that estimate is:
//!
//! | function | of what | for |
//! |---|---|---|
//! | [`ess_bulk`] | normal scores of the ranks | whether the chain moves; exists for every law |
//! | [`ess_tail`] | indicators of the 5 % and the 95 % quantile, the smaller | intervals |
//! | [`ess_mean`] | the draws | the Monte Carlo error of the mean |
//! | [`ess_sd`] | squared deviations | that of the standard deviation |
//! | [`ess_quantile`], [`ess_median`] | indicators of being below | that of the quantile |
//!
//! Source: Vehtari et al. (2021), sections 3.2 and 4; Geyer (1992).

use gibbsian_core::Result;
use gibbsian_core::error::check_within;
use ndarray::ArrayView2;

use super::autocorrelation_time::geyer_time;
use super::ranks::{NormalScores, Sorted};
use super::{Chains, of_finite};

/// The lower of the two quantiles whose indicators make up the tail ESS.
pub(super) const TAIL: f64 = 0.05;

/// The effective sample size of the rank-normalised draws `(chains, draws)`.
///
/// # Errors
/// No chain, or fewer than four draws.
///
/// ```
/// use gibbsian_metrics::ess_bulk;
/// use ndarray::Array2;
/// let moving = Array2::from_shape_fn((4, 250), |(c, t)| ((t * 37 + c * 11) % 101) as f64);
/// let slow = Array2::from_shape_fn((4, 250), |(c, t)| ((t + 50 * c) as f64 * 0.02).sin());
/// assert!(ess_bulk(moving.view())? > 800.0 && ess_bulk(slow.view())? < 20.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn ess_bulk(draws: ArrayView2<f64>) -> Result<f64> {
    of_finite(draws, |chains| {
        let halves = chains.halves();
        bulk(&halves, &Sorted::new(&halves), &NormalScores::new(halves.size()))
    })
}

/// The smaller of the effective sample sizes of the 5 % and the 95 % quantile.
///
/// # Errors
/// No chain, or fewer than four draws.
pub fn ess_tail(draws: ArrayView2<f64>) -> Result<f64> {
    of_finite(draws, |chains| tail(chains, &Sorted::new(chains)))
}

/// The effective sample size for the mean.
///
/// # Errors
/// No chain, or fewer than four draws.
pub fn ess_mean(draws: ArrayView2<f64>) -> Result<f64> {
    of_finite(draws, |chains| effective(&chains.halves()))
}

/// The effective sample size for the standard deviation, that of `(x − x̄)²`.
///
/// # Errors
/// No chain, or fewer than four draws.
pub fn ess_sd(draws: ArrayView2<f64>) -> Result<f64> {
    of_finite(draws, spread)
}

/// The effective sample size for the quantile at `p`, that of the indicator `x ≤ q̂_p`.
///
/// # Errors
/// No chain, fewer than four draws, or `p` outside [0, 1].
pub fn ess_quantile(draws: ArrayView2<f64>, p: f64) -> Result<f64> {
    check_within("p", p, 0.0, 1.0)?;
    of_finite(draws, |chains| below_quantile(chains, &Sorted::new(chains), p))
}

/// The effective sample size for the median.
///
/// # Errors
/// No chain, or fewer than four draws.
pub fn ess_median(draws: ArrayView2<f64>) -> Result<f64> {
    ess_quantile(draws, 0.5)
}

/// `S / τ` of halved chains.
pub(super) fn effective(halves: &Chains) -> f64 {
    halves.size() as f64 / geyer_time(halves)
}

pub(super) fn bulk(halves: &Chains, sorted: &Sorted, scores: &NormalScores) -> f64 {
    effective(&sorted.normalised(halves, scores))
}

pub(super) fn tail(chains: &Chains, sorted: &Sorted) -> f64 {
    let (low, high) = (
        below_quantile(chains, sorted, TAIL),
        below_quantile(chains, sorted, 1.0 - TAIL),
    );
    low.min(high)
}

pub(super) fn spread(chains: &Chains) -> f64 {
    let mean = chains.mean();
    effective(&chains.map(|v| (v - mean) * (v - mean)).halves())
}

pub(super) fn below_quantile(chains: &Chains, sorted: &Sorted, p: f64) -> f64 {
    let quantile = sorted.quantile(p);
    effective(&chains.map(|v| f64::from(u8::from(v <= quantile))).halves())
}
