//! One line a coordinate, and whether to believe it.
//!
//! The verdict asks, in this order, whether every draw is finite, whether the quantity moved at all, whether the chains agree
//! (`R̂ ≤ 1.01`), whether there are enough effective draws in the bulk and in the tails for the diagnostics themselves to be trusted (100 a
//! chain; Vehtari et al. 2021 ask for 400 with four chains), and whether there was more than one chain. The first that fails is named. A
//! verdict is necessary and not sufficient: a mode that no chain has visited leaves no sign in any of these numbers.

use std::fmt;
use std::ops::Deref;

use gibbsian_core::error::{check_non_negative, check_within};
use gibbsian_core::{Error, Result};
use ndarray::{Array3, ArrayView3, Axis, s};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use super::ranks::{NormalScores, Sorted};
use super::{Chains, FEWEST_DRAWS, ess, mcse, r_hat};

/// The number of coordinates that are taken out of the draws together: a cache line of them.
const COORDINATES_AT_ONCE: usize = 8;

/// What a quantity must satisfy to be trusted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Requirements {
    /// The largest R-hat, 1.01.
    pub r_hat: f64,
    /// The fewest effective draws for each chain, in bulk and tails, 100.
    pub ess_per_chain: f64,
}

impl Default for Requirements {
    fn default() -> Self {
        Requirements {
            r_hat: 1.01,
            ess_per_chain: 100.0,
        }
    }
}

/// What speaks against the draws of a quantity.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ChainVerdict {
    /// Nothing that can be seen.
    Trusted,
    /// Some draw is NaN or infinite.
    NotFinite,
    /// All draws are equal.
    Constant,
    /// The chains, or their halves, disagree.
    NotMixed,
    /// The chains agree as far as can be seen, but too few effective draws see it.
    TooFewEffective,
    /// The halves of the only chain agree; nothing says that another chain would.
    SingleChain,
}

impl fmt::Display for ChainVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ChainVerdict::Trusted => "trusted",
            ChainVerdict::NotFinite => "not finite",
            ChainVerdict::Constant => "constant",
            ChainVerdict::NotMixed => "not mixed",
            ChainVerdict::TooFewEffective => "too few effective draws",
            ChainVerdict::SingleChain => "a single chain",
        })
    }
}

/// Estimates of one quantity, their errors and its diagnostics.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// The mean of all draws.
    pub mean: f64,
    /// The standard deviation, `S − 1` in the denominator.
    pub sd: f64,
    /// The 5 %, 50 % and 95 % quantile.
    pub quantiles: [f64; 3],
    /// The Monte Carlo standard error of the mean.
    pub mcse_mean: f64,
    /// That of the standard deviation.
    pub mcse_sd: f64,
    /// The effective sample size of the ranks.
    pub ess_bulk: f64,
    /// That of the outer quantiles.
    pub ess_tail: f64,
    /// The rank-normalised split R-hat.
    pub r_hat: f64,
    /// What the numbers say together.
    pub verdict: ChainVerdict,
}

impl Summary {
    fn new(chains: &Chains, scores: &NormalScores, requirements: Requirements) -> Self {
        if !chains.is_finite {
            let nan = f64::NAN;
            return Summary {
                mean: nan,
                sd: nan,
                quantiles: [nan; 3],
                mcse_mean: nan,
                mcse_sd: nan,
                ess_bulk: nan,
                ess_tail: nan,
                r_hat: nan,
                verdict: ChainVerdict::NotFinite,
            };
        }
        let sorted = Sorted::new(chains);
        let halves = chains.halves();
        let sorted_halves = sorted.of_halves(chains);
        let ess_bulk = ess::bulk(&halves, &sorted_halves, scores);
        let ess_tail = ess::tail(chains, &sorted);
        let r_hat = r_hat::larger_of_ranked(&halves, &sorted_halves, scores);
        // A NaN of R-hat is no agreement.
        let is_mixed = r_hat <= requirements.r_hat;
        let fewest = requirements.ess_per_chain * chains.n_chains as f64;
        let verdict = if chains.is_constant() {
            ChainVerdict::Constant
        } else if !is_mixed {
            ChainVerdict::NotMixed
        } else if ess_bulk.min(ess_tail) < fewest {
            ChainVerdict::TooFewEffective
        } else if chains.n_chains == 1 {
            ChainVerdict::SingleChain
        } else {
            ChainVerdict::Trusted
        };
        Summary {
            mean: chains.unit * chains.mean(),
            sd: chains.unit * chains.sd(),
            quantiles: [ess::TAIL, 0.5, 1.0 - ess::TAIL].map(|p| chains.unit * sorted.quantile(p)),
            mcse_mean: chains.unit * mcse::of_mean(chains),
            mcse_sd: chains.unit * mcse::of_sd(chains),
            ess_bulk,
            ess_tail,
            r_hat,
            verdict,
        }
    }
}

/// The summaries of all coordinates, a slice that prints as a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Summaries(Vec<Summary>);

impl Summaries {
    /// Whether every coordinate is trusted.
    pub fn are_trusted(&self) -> bool {
        self.iter().all(|s| s.verdict == ChainVerdict::Trusted)
    }

    /// The coordinate with the largest R-hat, NaN being the largest; for a first look at many.
    pub fn worst(&self) -> usize {
        let r_hat = |i: usize| {
            if self[i].r_hat.is_nan() {
                f64::INFINITY
            } else {
                self[i].r_hat
            }
        };
        (1..self.len()).fold(0, |worst, i| if r_hat(i) > r_hat(worst) { i } else { worst })
    }
}

impl Deref for Summaries {
    type Target = [Summary];

    fn deref(&self) -> &[Summary] {
        &self.0
    }
}

impl fmt::Display for Summaries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = [
            "", "mean", "sd", "mcse", "5 %", "50 %", "95 %", "ess_bulk", "ess_tail", "r_hat",
        ];
        for (i, name) in columns.iter().enumerate() {
            write!(f, "{name:>width$}", width = if i == 0 { 6 } else { 11 })?;
        }
        writeln!(f, "  verdict")?;
        for (i, s) in self.iter().enumerate() {
            write!(f, "{:>6}", format!("[{i}]"))?;
            for value in [s.mean, s.sd, s.mcse_mean].iter().chain(&s.quantiles) {
                write!(f, "{:>11}", significant(*value))?;
            }
            writeln!(
                f,
                "{:>11.0}{:>11.0}{:>11.4}  {}",
                s.ess_bulk, s.ess_tail, s.r_hat, s.verdict
            )?;
        }
        Ok(())
    }
}

/// Four significant digits in at most ten characters.
fn significant(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() {
        format!("{value}")
    } else if (1e-3..1e5).contains(&size) {
        format!("{value:.*}", (3 - size.log10().floor() as i32).max(0) as usize)
    } else {
        format!("{value:.3e}")
    }
}

/// Summarises each of the `D` coordinates of `draws` `(chains, draws, D)`, in parallel over coordinates, and judges them by the `requirements`.
///
/// # Errors
/// No chain, fewer than four draws, no coordinate, or requirements that cannot be met: an R-hat below 1, a negative number of draws.
///
/// ```
/// use gibbsian_metrics::{Requirements, ChainVerdict, summarise};
/// use ndarray::Array3;
/// // Coordinate 0 mixes; in coordinate 1 each chain stays where it began.
/// let draws = Array3::from_shape_fn((4, 500, 2), |(c, t, d)| ((t * 37 + c * 11) % 101) as f64 + (1000 * c * d) as f64);
/// let table = summarise(draws.view(), Requirements::default())?;
/// assert_eq!(table[0].verdict, ChainVerdict::Trusted, "{table}");
/// assert_eq!(table[1].verdict, ChainVerdict::NotMixed, "{table}");
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn summarise(draws: ArrayView3<f64>, requirements: Requirements) -> Result<Summaries> {
    let (n_chains, n_draws, dim) = draws.dim();
    if dim == 0 || n_chains == 0 || n_draws < FEWEST_DRAWS {
        return Err(Error::shape(
            "draws",
            draws.shape(),
            format!("(at least 1 chain, at least {FEWEST_DRAWS} draws, at least 1 coordinate)"),
        ));
    }
    check_within("requirements.r_hat", requirements.r_hat, 1.0, f64::INFINITY)?;
    check_non_negative("requirements.ess_per_chain", requirements.ess_per_chain)?;
    let scores = NormalScores::new(n_chains * 2 * (n_draws / 2));
    let rows: Result<Vec<Vec<Summary>>> = (0..dim.div_ceil(COORDINATES_AT_ONCE))
        .into_par_iter()
        .map(|block| {
            let last = ((block + 1) * COORDINATES_AT_ONCE).min(dim);
            let block = draws.slice(s![.., .., block * COORDINATES_AT_ONCE..last]);
            // Copied with one quantity after the other, reading each cache line once.
            let mut quantities = Array3::zeros((block.len_of(Axis(2)), n_chains, n_draws));
            for ((c, t), x) in ndarray::indices((n_chains, n_draws))
                .into_iter()
                .zip(block.lanes(Axis(2)))
            {
                for (d, &x) in x.iter().enumerate() {
                    quantities[[d, c, t]] = x;
                }
            }
            quantities
                .outer_iter()
                .map(|q| Ok(Summary::new(&Chains::new(q)?, &scores, requirements)))
                .collect()
        })
        .collect();
    Ok(Summaries(rows?.concat()))
}
