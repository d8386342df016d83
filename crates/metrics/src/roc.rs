//! How well a score tells two kinds of cases apart: the area under the receiver operating characteristic.
//!
//! The area is the probability that a case of the second kind has a larger score than one of the first, a tie counting one half (Mann and Whitney 1947; Bamber 1975). It
//! depends on the order of the scores alone, so that an energy serves whose normaliser nobody knows. ½ is chance.
//!
//! Cases are independent, pairs are not. With the placements `V_i`, the share of the other kind that case `i` beats, the variance is
//!
//! `Var A = S₁/m + S₀/n`,
//!
//! `S` the sample variances of the placements of either kind (DeLong, DeLong and Clarke-Pearson 1988). Placements are differences of mid-ranks, so that all of it takes
//! one sort (Sun and Xu 2014). The interval is symmetric on the scale of `log A/(1−A)`, and stays within `[0, 1]`. Perfect order has no placements that vary; there
//! `k = min(m, n)` disjoint pairs, all in order, bound the area from below by `((1 − level)/2)^(1/k)`. Where all scores are equal
//! nothing is known of the order, and the interval is `[0, 1]`.

use gibbsian_core::error::check_each;
use gibbsian_core::math::{logit, sigmoid};
use gibbsian_core::special::normal_quantile;
use gibbsian_core::{Error, Result};
use ndarray::ArrayView1;

/// The area under the receiver operating characteristic, with a confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Auroc {
    /// The estimate.
    pub area: f64,
    /// Its standard error; zero for perfect order and where all scores are equal, where it says nothing.
    pub standard_error: f64,
    /// The lower end of the interval.
    pub lower: f64,
    /// The upper end of the interval.
    pub upper: f64,
}

/// The area for scores of ordinary cases and of those that should have larger ones, with an interval of the given level.
///
/// # Errors
/// Fewer than two cases of a kind, a score that is NaN, or a level outside `(0, 1)`.
///
/// ```
/// use gibbsian_metrics::auroc;
/// use ndarray::array;
///
/// let found = auroc(array![0.1, 0.4, 0.35, 0.8].view(), array![0.7, 0.9, 0.5].view(), 0.95)?;
/// assert!((found.area - 10.0 / 12.0).abs() < 1e-15);
/// assert!(found.lower < 0.6 && found.upper > 0.9);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn auroc(ordinary: ArrayView1<f64>, anomalous: ArrayView1<f64>, level: f64) -> Result<Auroc> {
    for (name, scores) in [("ordinary", ordinary), ("anomalous", anomalous)] {
        if scores.len() < 2 {
            return Err(Error::shape(name, scores.shape(), "(at least 2)"));
        }
        check_each(name, scores, "a number", |s| !s.is_nan())?;
    }
    if !(level > 0.0 && level < 1.0) {
        return Err(Error::parameter("level", level, "between 0 and 1, both excluded"));
    }
    let (n, m) = (ordinary.len(), anomalous.len());
    let all: Vec<f64> = ordinary.iter().chain(anomalous).copied().collect();
    let among_all = mid_ranks(&all);
    // Of the rank among all, what is not due to its own kind counts the other kind below.
    let beaten = |own: Vec<f64>, first: usize| {
        let ranks = own.into_iter().enumerate();
        ranks
            .map(|(i, own)| among_all[first + i] - own)
            .collect::<Vec<f64>>()
    };
    let by_anomalous = beaten(mid_ranks(&all[n..]), n);
    let by_ordinary = beaten(mid_ranks(&all[..n]), 0);
    let area = by_anomalous.iter().sum::<f64>() / (n as f64 * m as f64);
    let variance = variance_of_mean(&by_anomalous) / (n as f64).powi(2)
        + variance_of_mean(&by_ordinary) / (m as f64).powi(2);
    let standard_error = variance.sqrt();
    let tail = 0.5 * (1.0 - level);
    let (lower, upper) = if area == 0.5 && standard_error == 0.0 {
        (0.0, 1.0)
    } else if area == 0.0 || area == 1.0 {
        let bound = tail.powf(1.0 / n.min(m) as f64);
        if area == 1.0 {
            (bound, 1.0)
        } else {
            (0.0, 1.0 - bound)
        }
    } else {
        let half = normal_quantile(1.0 - tail) * standard_error / (area * (1.0 - area));
        (sigmoid(logit(area) - half), sigmoid(logit(area) + half))
    };
    Ok(Auroc {
        area,
        standard_error,
        lower,
        upper,
    })
}

/// The ranks from 1 upwards, equal numbers having the mean of their ranks.
fn mid_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut n_before = 0;
    // Ties not by `total_cmp`: the two zeros are one number.
    for tied in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let rank = n_before as f64 + 0.5 * (tied.len() + 1) as f64;
        tied.iter().for_each(|i| ranks[*i] = rank);
        n_before += tied.len();
    }
    ranks
}

/// The variance of the mean of independent numbers.
fn variance_of_mean(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n * (n - 1.0))
}
