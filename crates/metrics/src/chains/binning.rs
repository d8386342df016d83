//! Binning: the error of a mean, from means of ever longer bins.
//!
//! Means of bins of length `ℓ` are independent once `ℓ` is much longer than the autocorrelation time, and then their spread says how wrong the mean is:
//! `σ²(ℓ) = Var(bin means) / n_bins`. For short bins it is too small, and it rises with `ℓ` to a plateau `σ² = τ s²/S`. Bins double from level to level, so
//! a level costs half of the one before; the plateau is where no later level is larger by more than its own uncertainty `σ/√(2(n_bins − 1))` explains.
//!
//! A sum of autocorrelations says the same with less noise. Binning needs no window, shows at a glance whether a run was long enough, and its bins
//! are what [`jackknife`](crate::jackknife) leaves out.
//!
//! Source: Flyvbjerg and Petersen (1989), "Error estimates on averages of correlated data".

use gibbsian_core::Result;
use ndarray::ArrayView2;

use super::{Chains, mean, variance};

/// Levels with fewer bins say nothing.
const FEWEST_BINS: usize = 32;

/// A level is on the plateau if those after it exceed it by no more than this many of their uncertainties.
const ALLOWED: f64 = 2.0;

/// How many levels must follow the first of a plateau: one point is none.
const SUPPORT: usize = 2;

/// The error of a mean by bins of one length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BinLevel {
    /// The number of draws in a bin.
    pub length: usize,
    /// The number of bins of all chains.
    pub n_bins: usize,
    /// `√(Var(bin means) / n_bins)`.
    pub standard_error: f64,
    /// The uncertainty of the standard error, as if bins were independent and normal.
    pub uncertainty: f64,
}

/// A binning analysis.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Binning {
    /// The mean of all draws.
    pub mean: f64,
    /// The levels, bins of 1, 2, 4, … draws, as long as there are 32 of them.
    pub levels: Vec<BinLevel>,
    /// The level at which the plateau begins, if there is one.
    pub plateau: Option<usize>,
}

impl Binning {
    /// The standard error of the mean: that at the start of the plateau, or the largest of all where the run is too short for one, which is then too small.
    ///
    /// NaN if there are fewer than 32 draws.
    pub fn standard_error(&self) -> f64 {
        let errors = self.levels.iter().map(|level| level.standard_error);
        match self.plateau {
            Some(level) => self.levels[level].standard_error,
            None => errors.fold(f64::NAN, f64::max),
        }
    }

    /// `τ = (σ/σ₁)²`, the number of draws that are worth one; NaN for a constant quantity.
    pub fn autocorrelation_time(&self) -> f64 {
        let single = self.levels.first().map_or(f64::NAN, |level| level.standard_error);
        (self.standard_error() / single).powi(2)
    }
}

/// The error of the mean of draws `(chains, draws)`, by bins that double; they do not cross from chain to chain.
///
/// Draws that do not fill a bin are left out at the level concerned. Draws that are not finite make everything NaN.
///
/// ```
/// use gibbsian_metrics::binning;
/// use ndarray::Array2;
/// // Every value four times: bins of four know that.
/// let draws = Array2::from_shape_fn((1, 4096), |(_, t)| (t / 4 * 37 % 101) as f64);
/// let bins = binning(draws.view())?;
/// assert_eq!(bins.plateau, Some(2));
/// assert!((bins.autocorrelation_time() - 4.0).abs() < 0.1);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// No chain, or fewer than four draws.
pub fn binning(draws: ArrayView2<f64>) -> Result<Binning> {
    let chains = Chains::new(draws)?;
    // Also at levels that leave out the draw that is not finite.
    let unit = if chains.is_finite { chains.unit } else { f64::NAN };
    let mut bins: Vec<Vec<f64>> = chains.rows().map(<[f64]>::to_vec).collect();
    let mut levels: Vec<BinLevel> = Vec::new();
    let mut length = 1;
    loop {
        let all = bins.concat();
        if all.len() < FEWEST_BINS {
            break;
        }
        let n_bins = all.len();
        let standard_error = unit * (variance(&all, mean(&all)) / n_bins as f64).sqrt();
        levels.push(BinLevel {
            length,
            n_bins,
            standard_error,
            uncertainty: standard_error / (2.0 * (n_bins as f64 - 1.0)).sqrt(),
        });
        for bins in &mut bins {
            *bins = bins
                .chunks_exact(2)
                .map(|pair| 0.5 * (pair[0] + pair[1]))
                .collect();
        }
        length *= 2;
    }
    let on_plateau = |&level: &usize| {
        let mut later = levels[level + 1..].iter();
        later.all(|l| l.standard_error - levels[level].standard_error <= ALLOWED * l.uncertainty)
    };
    Ok(Binning {
        mean: unit * chains.mean(),
        plateau: (0..levels.len().saturating_sub(SUPPORT)).find(on_plateau),
        levels,
    })
}
