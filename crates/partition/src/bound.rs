//! One-sided bounds that hold for every number of weights and every law, because they use nothing but `w ≥ 0`.
//!
//! Markov: `P(w̄ ≥ μ/α) ≤ α`, so `log w̄ − log(1/α) ≤ log μ` with probability at least `1 − α`, that is
//! `P(log Ẑ ≥ log Z + a) ≤ e^{−a}`. At 95 % this costs 3 nats however many chains there are.
//!
//! Betting against a mean: for `0 ≤ λ ≤ 1` the wealth `W_λ(m) = Π_i (1 + λ (w_i / m − 1))` is never negative and has expectation 1
//! when `m = μ`, and so has any average over fixed values of `λ`. Markov's inequality for the average wealth says that
//! `W(μ) ≥ 1/α` has probability at most `α`; `W` decreases in `m`, so the largest `m` with `W(m) ≥ 1/α` lies below `μ` with
//! probability at least `1 − α`. For weights of coefficient of variation `c` it lies about `c √(2 log(J/α) / n)` below, `J` the
//! number of values of `λ`: it tightens with `n` as an interval does, and is nevertheless rigorous. The values `λ = 2^{−j/2}` reach
//! down to `1 / (4√n)`, below which no bet pays; a fixed average needs no order of the weights and no tuning.
//!
//! Source: Waudby-Smith and Ramdas (2024), "Estimating means of bounded random variables by betting", section 4, with one-sided
//! bets, which need no upper limit of the weights.

use crate::log_sum::log_mean_exp;
use crate::weights::LogWeights;

/// A number that lies below the unknown one with probability at least `confidence`.
///
/// ```
/// use gibbsian_partition::{ForwardAis, LogWeights};
///
/// let run = ForwardAis::from_log_weights(LogWeights::new(vec![0.0; 100])?);
/// let bound = run.lower_bound(0.99)?;
/// assert!(bound.value < run.log_z() && bound.confidence == 0.99);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LowerBound {
    /// The bound.
    pub value: f64,
    /// The probability, over repetitions of the run, with which it holds at least.
    pub confidence: f64,
}

/// A number that lies above the unknown one with probability at least `confidence`.
///
/// ```
/// use gibbsian_partition::{LogWeights, ReverseAis};
///
/// let run = ReverseAis::from_log_weights(LogWeights::new(vec![0.0; 100])?);
/// let bound = run.upper_bound(0.99)?;
/// assert!(bound.value > run.log_z() && bound.confidence == 0.99);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UpperBound {
    /// The bound.
    pub value: f64,
    /// The probability, over repetitions of the run, with which it holds at least.
    pub confidence: f64,
}

/// `log w̄ + log α`.
pub(crate) fn markov_log_mean(weights: &LogWeights, confidence: f64) -> f64 {
    weights.log_mean() + (1.0 - confidence).ln()
}

/// The largest `log m` at which the average wealth is at least `1/α`.
pub(crate) fn betting_log_mean(weights: &LogWeights, confidence: f64) -> f64 {
    let n = weights.n();
    let needed = -(1.0 - confidence).ln();
    let n_bets = ((n as f64).log2().ceil() as i32 + 5).max(1);
    let bets: Vec<f64> = (0..n_bets).map(|j| 2f64.powf(-0.5 * f64::from(j))).collect();
    let centre = weights.log_mean();
    let relative: Vec<f64> = weights.values().iter().map(|l| (l - centre).exp()).collect();
    let log_wealth = |shift: f64| {
        let scale = (-shift).exp();
        let each: Vec<f64> = bets
            .iter()
            .map(|lambda| {
                relative
                    .iter()
                    .map(|r| (lambda * (r * scale - 1.0)).ln_1p())
                    .sum()
            })
            .collect();
        log_mean_exp(&each)
    };
    // At the sample mean no constant bet has won: log(1 + λ(r − 1)) ≤ λ(r − 1), which sums to zero. The search goes down
    // from there, and the wealth grows without limit on the way because some weight is positive.
    let (mut low, mut high) = (-1.0, 0.0);
    while log_wealth(low) < needed {
        high = low;
        low *= 2.0;
    }
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if log_wealth(middle) >= needed {
            low = middle;
        } else {
            high = middle;
        }
    }
    centre + low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_weight_is_bounded_like_markov_up_to_the_choice_of_bets() {
        let weights = LogWeights::new(vec![2.0]).unwrap();
        let markov = markov_log_mean(&weights, 0.95);
        let betting = betting_log_mean(&weights, 0.95);
        assert!((markov - (2.0 + 0.05f64.ln())).abs() < 1e-12);
        assert!(betting <= markov && betting > markov - 5f64.ln());
    }

    #[test]
    fn equal_weights_are_bounded_ever_closer() {
        let gap = |n: usize| -betting_log_mean(&LogWeights::new(vec![0.0; n]).unwrap(), 0.95);
        assert!(gap(10) > gap(100) && gap(100) > gap(1000));
        // All bets win: λ = 1 alone reaches log W = n·gap − log J.
        assert!(gap(1000) < (20f64.ln() + 15f64.ln()) / 1000.0 + 1e-9);
    }

    #[test]
    fn zero_weights_are_counted() {
        let with_zero = LogWeights::new(vec![0.0, f64::NEG_INFINITY, 0.0, 0.0]).unwrap();
        let bound = betting_log_mean(&with_zero, 0.95);
        assert!(bound.is_finite() && bound < with_zero.log_mean());
    }
}
