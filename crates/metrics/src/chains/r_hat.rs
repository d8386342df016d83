//! R-hat: the variance that chains would have if they agreed, over the variance that they have.
//!
//! With `m` sequences of `n` draws, `B = n Var(means)` and `W` the mean of the variances within,
//!
//! `R̂ = √( ((n − 1)/n W + B/n) / W )`.
//!
//! It is near 1 when every sequence sees the same law and grows with what separates them. Halving the chains first lets a drift within
//! a chain count; ranks make it meaningful without moments; folding lets a difference in scale count. [`r_hat`] is the larger of the two rank-normalised
//! forms and the one to look at; the paper's threshold is 1.01.
//!
//! A single chain has a split R-hat, from its two halves, as in `posterior`; ArviZ returns NaN there. It sees a drift and
//! cannot see another mode. A quantity that never moves has none (0/0, NaN); chains that are each stuck at a value of their own
//! have `+∞`. (`posterior` has no R-hat as soon as one chain is constant.)
//!
//! Source: Gelman and Rubin (1992); Vehtari et al. (2021), sections 3 and 4.

use gibbsian_core::Result;
use ndarray::ArrayView2;

use super::ranks::{NormalScores, Sorted};
use super::{Chains, mean, of_finite, variance};

/// The rank-normalised split R-hat, the larger of [`r_hat_rank`] and [`r_hat_folded`]; `draws` is `(chains, draws)`.
///
/// # Errors
/// No chain, or fewer than four draws.
///
/// ```
/// use gibbsian_metrics::r_hat;
/// use ndarray::Array2;
/// let agreeing = Array2::from_shape_fn((2, 100), |(c, t)| ((t * 37 + c * 11) % 101) as f64);
/// assert!(r_hat(agreeing.view())? < 1.01);
/// let apart = Array2::from_shape_fn((2, 100), |(c, t)| (t % 7 + 10 * c) as f64);
/// assert!(r_hat(apart.view())? > 1.8);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn r_hat(draws: ArrayView2<f64>) -> Result<f64> {
    of_finite(draws, |chains| {
        let sorted = Sorted::new(chains).of_halves(chains);
        larger_of_ranked(
            &chains.halves(),
            &sorted,
            &NormalScores::new(sorted.values().len()),
        )
    })
}

/// The split R-hat of the normal scores of the ranks: agreement in location.
///
/// # Errors
/// No chain, or fewer than four draws.
pub fn r_hat_rank(draws: ArrayView2<f64>) -> Result<f64> {
    of_finite(draws, |chains| {
        let halves = chains.halves();
        ranked(&halves, &Sorted::new(&halves), &NormalScores::new(halves.size()))
    })
}

/// The same of the distances from the median: agreement in scale.
///
/// # Errors
/// No chain, or fewer than four draws.
pub fn r_hat_folded(draws: ArrayView2<f64>) -> Result<f64> {
    of_finite(draws, |chains| {
        let halves = chains.halves();
        ranked(
            &halves,
            &Sorted::new(&halves).folded(),
            &NormalScores::new(halves.size()),
        )
    })
}

/// The split R-hat of the draws as they are; it means nothing for laws without a variance.
///
/// # Errors
/// No chain, or fewer than four draws.
pub fn r_hat_split(draws: ArrayView2<f64>) -> Result<f64> {
    of_finite(draws, |chains| of_sequences(&chains.halves()))
}

/// The larger of the rank-normalised and the folded form, given the halved chains and their order.
pub(super) fn larger_of_ranked(halves: &Chains, sorted: &Sorted, scores: &NormalScores) -> f64 {
    let location = ranked(halves, sorted, scores);
    let scale = ranked(halves, &sorted.folded(), scores);
    // Draws at two points alone lie equally far from a median between them: folding sees nothing then, and says NaN.
    if scale.is_nan() || location > scale {
        location
    } else {
        scale
    }
}

fn ranked(halves: &Chains, sorted: &Sorted, scores: &NormalScores) -> f64 {
    of_sequences(&sorted.normalised(halves, scores))
}

/// R-hat of sequences that are taken as they are.
fn of_sequences(chains: &Chains) -> f64 {
    let n = chains.n_draws as f64;
    let means: Vec<f64> = chains.rows().map(mean).collect();
    let variances: Vec<f64> = chains
        .rows()
        .zip(&means)
        .map(|(chain, &m)| variance(chain, m))
        .collect();
    let within = mean(&variances);
    let between = n * variance(&means, mean(&means));
    ((between / within + n - 1.0) / n).sqrt()
}
