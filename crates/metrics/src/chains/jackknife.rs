//! The jackknife: errors of functions of several means.
//!
//! A heat capacity `⟨E²⟩ − ⟨E⟩²` or a ratio of moments is a function `f` of means that are correlated with one another and along the chain. The draws are cut into
//! `B` blocks, each longer than the autocorrelation time, and `f` is evaluated without each block in turn. These values scatter `B − 1` times less than
//! values of single blocks would, so
//!
//! `σ² = (B − 1)/B Σ_b (f_b − f̄)²`,  bias `= (B − 1)(f̄ − f(all))`,
//!
//! and neither derivatives nor covariances are needed. The bias is of order one over the number of draws, that of a function of noisy means.
//!
//! Source: Quenouille (1956); Miller (1974); for chains Berg (2004), "Markov chain Monte Carlo simulations and their statistical analysis", section 2.7.

use gibbsian_core::{Error, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView3, Axis, s};

/// A function of means with its error.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Jackknife {
    /// The function of the means of all draws that fill blocks.
    pub value: f64,
    /// How much larger it is than the function of the expectations, in expectation and to first order.
    pub bias: f64,
    /// Its standard error.
    pub standard_error: f64,
}

impl Jackknife {
    /// The value without its bias, which scatters a little more.
    pub fn corrected(&self) -> f64 {
        self.value - self.bias
    }
}

/// `statistic` of the means of several quantities, from draws `(chains, draws, quantities)`, with the error that leaving out blocks of each chain gives.
///
/// Each chain is cut into `n_blocks` blocks of equal length; draws before the first full block are left out. Draws that are not finite, or a statistic that is not, make a NaN.
///
/// ```
/// use gibbsian_metrics::jackknife;
/// use ndarray::Array3;
/// let draws = Array3::from_shape_fn((1, 1000, 2), |(_, t, q)| {
///     let x = (t * 37 % 101) as f64;
///     if q == 0 { x } else { x * x }
/// });
/// let variance = jackknife(draws.view(), 50, |m| m[1] - m[0] * m[0])?;
/// assert!((variance.corrected() / 850.0 - 1.0).abs() < 0.01);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// No chain or quantity, fewer than two blocks in all, or fewer draws than blocks.
pub fn jackknife(
    draws: ArrayView3<f64>,
    n_blocks: usize,
    statistic: impl Fn(ArrayView1<f64>) -> f64,
) -> Result<Jackknife> {
    let (n_chains, n_draws, n_quantities) = draws.dim();
    if n_chains == 0 || n_quantities == 0 || n_draws == 0 {
        let required = "(at least 1 chain, at least 1 draw, at least 1 quantity)";
        return Err(Error::shape("draws", draws.shape(), required));
    }
    if n_blocks == 0 || n_chains * n_blocks < 2 || n_blocks > n_draws {
        let requirement =
            format!("at least 2 blocks in all and at most one for each of {n_draws} draws of a chain");
        return Err(Error::parameter("n_blocks", n_blocks, requirement));
    }
    let length = n_draws / n_blocks;
    let mut blocks = Array2::zeros((n_chains * n_blocks, n_quantities));
    for (b, mut block) in blocks.rows_mut().into_iter().enumerate() {
        let (chain, place) = (b / n_blocks, b % n_blocks);
        let first = n_draws - (n_blocks - place) * length;
        let draws = draws.slice(s![chain, first..first + length, ..]);
        block.assign(&(draws.sum_axis(Axis(0)) / length as f64));
    }
    Ok(of_blocks(&blocks, statistic))
}

/// The jackknife of means of blocks of equal length, one a row.
fn of_blocks(blocks: &Array2<f64>, statistic: impl Fn(ArrayView1<f64>) -> f64) -> Jackknife {
    let b = blocks.nrows() as f64;
    let all: Array1<f64> = blocks.sum_axis(Axis(0)) / b;
    let value = statistic(all.view());
    let without: Array1<f64> = blocks
        .rows()
        .into_iter()
        // The mean of the others, as a small step from the mean of all.
        .map(|block| statistic((&all - &((&block - &all) / (b - 1.0))).view()))
        .collect();
    // Relative to the value, so that a large value does not hide small differences.
    let differences = without - value;
    let mean = differences.sum() / b;
    Jackknife {
        value,
        bias: (b - 1.0) * mean,
        standard_error: ((b - 1.0) / b * differences.mapv(|d| (d - mean).powi(2)).sum()).sqrt(),
    }
}
