//! How much probability each mode has, and how well the chains know it.
//!
//! Every draw is assigned to a basin, by the nearest of some given centres or by labels of the caller's. The mass of a mode is the mean of an indicator,
//! and its Monte Carlo error is binomial in the *effective* number of draws: chains that stay in a basin for long know its mass far worse
//! than the number of draws suggests, and this is where samplers of multimodal laws fail first.
//!
//! The interval is Wilson's (1927) with the effective number for the number, which stays in [0, 1] and does not collapse where a mode was
//! never seen. The indicator of a mode that was never seen, or never left, is constant and says nothing about its own correlation. There the fewest effective
//! draws of the other modes count, and if there are none, the number of chains: each has made one choice.
//!
//! Source: Wilson (1927), "Probable inference, the law of succession, and statistical inference".

use std::fmt;

use gibbsian_core::error::check_shape;
use gibbsian_core::special::normal_quantile;
use gibbsian_core::{Error, Result};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayView3, Axis};

use super::Chains;
use super::ess::effective;
use crate::two_sample::check_coordinates;

/// The mass of one mode.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModeMass {
    /// The fraction of draws in the mode.
    pub mass: f64,
    /// `√(p (1 − p) / ESS)`.
    pub standard_error: f64,
    /// The effective number of draws that the errors are based on.
    pub effective_sample_size: f64,
    /// Wilson's interval at the level asked for.
    pub interval: (f64, f64),
    /// How many chains ever visited the mode.
    pub n_chains_visiting: usize,
}

/// The masses of all modes, in the order of their centres or labels.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModeMasses {
    /// One a mode.
    pub modes: Vec<ModeMass>,
    /// The level of the intervals.
    pub level: f64,
}

impl ModeMasses {
    /// The total variation distance `½ Σ |p̂_k − p_k|` of the masses from exact ones.
    ///
    /// # Errors
    /// Another number of masses.
    pub fn total_variation(&self, exact: ArrayView1<f64>) -> Result<f64> {
        check_shape("exact", &exact, &[self.modes.len()])?;
        let distances = self
            .modes
            .iter()
            .zip(exact)
            .map(|(mode, p)| (mode.mass - p).abs());
        Ok(0.5 * distances.sum::<f64>())
    }
}

impl fmt::Display for ModeMasses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:>6}{:>10}{:>10}{:>22}{:>10}{:>8}",
            "mode",
            "mass",
            "error",
            format!("{} % interval", 100.0 * self.level),
            "ess",
            "chains"
        )?;
        for (k, m) in self.modes.iter().enumerate() {
            let interval = format!("[{:.4}, {:.4}]", m.interval.0, m.interval.1);
            writeln!(
                f,
                "{k:>6}{:>10.4}{:>10.4}{interval:>22}{:>10.0}{:>8}",
                m.mass, m.standard_error, m.effective_sample_size, m.n_chains_visiting
            )?;
        }
        Ok(())
    }
}

/// The masses of the basins of `centres` `(K, D)`, from `draws` `(chains, draws, D)`; each draw belongs to the nearest centre.
///
/// # Errors
/// Fewer than four draws, no centre, dimensions that do not fit, an entry that is not finite, or a `level` outside (0, 1).
///
/// ```
/// use gibbsian_metrics::mode_masses;
/// use ndarray::{Array3, array};
/// let draws = Array3::from_shape_fn((2, 100, 1), |(_, t, _)| if (t * 7) % 10 < 3 { 5.0 } else { -5.0 });
/// let masses = mode_masses(draws.view(), array![[-5.0], [5.0], [100.0]].view(), 0.95)?;
/// assert_eq!(masses.modes[1].mass, 0.3);
/// // Never seen: nothing below, but an upper limit.
/// assert!(masses.modes[2].interval.0 == 0.0 && masses.modes[2].interval.1 > 0.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn mode_masses(draws: ArrayView3<f64>, centres: ArrayView2<f64>, level: f64) -> Result<ModeMasses> {
    let (n_chains, n_draws, dim) = draws.dim();
    if centres.nrows() == 0 || centres.ncols() != dim {
        return Err(Error::shape(
            "centres",
            centres.shape(),
            format!("(at least 1, {dim})"),
        ));
    }
    check_coordinates("draws", &draws)?;
    check_coordinates("centres", &centres)?;
    let mut labels = Array2::zeros((n_chains, n_draws));
    for (mut labels, chain) in labels.rows_mut().into_iter().zip(draws.outer_iter()) {
        for (label, x) in labels.iter_mut().zip(chain.outer_iter()) {
            *label = nearest_centre(x, centres);
        }
    }
    mode_masses_of_labels(labels.view(), centres.nrows(), level)
}

/// The masses of `n_modes` modes from the label `0 … n_modes − 1` of every draw, `(chains, draws)`.
///
/// # Errors
/// Fewer than four draws, no chain, no mode, a label out of range, or a `level` outside (0, 1).
pub fn mode_masses_of_labels(labels: ArrayView2<usize>, n_modes: usize, level: f64) -> Result<ModeMasses> {
    if !(level > 0.0 && level < 1.0) {
        return Err(Error::parameter("level", level, "in (0, 1)"));
    }
    if let Some(label) = labels.iter().find(|label| **label >= n_modes) {
        return Err(Error::parameter("labels", label, format!("below {n_modes}")));
    }
    let z = normal_quantile(0.5 + 0.5 * level);
    let mut chains_of_modes = Vec::with_capacity(n_modes);
    for mode in 0..n_modes {
        chains_of_modes.push(Chains::new(
            labels.mapv(|label| f64::from(u8::from(label == mode))).view(),
        )?);
    }
    if chains_of_modes.is_empty() {
        return Err(Error::parameter("n_modes", n_modes, "at least 1"));
    }
    let effective_of: Vec<Option<f64>> = chains_of_modes
        .iter()
        .map(|chains| (!chains.is_constant()).then(|| effective(&chains.halves())))
        .collect();
    let fewest = effective_of
        .iter()
        .flatten()
        .copied()
        .fold(f64::INFINITY, f64::min);
    let fallback = if fewest.is_finite() {
        fewest
    } else {
        labels.len_of(Axis(0)) as f64
    };
    let modes = chains_of_modes
        .iter()
        .zip(effective_of)
        .map(|(chains, ess)| {
            // A count is exact.
            let mass = chains.values.iter().sum::<f64>() / chains.size() as f64;
            let ess = ess.unwrap_or(fallback);
            ModeMass {
                mass,
                standard_error: (mass * (1.0 - mass) / ess).sqrt(),
                effective_sample_size: ess,
                interval: wilson(mass, ess, z),
                n_chains_visiting: chains.rows().filter(|chain| chain.contains(&1.0)).count(),
            }
        })
        .collect();
    Ok(ModeMasses { modes, level })
}

/// The index of the centre nearest to `x` `(D)` among the rows of `centres` `(K, D)`; the first of equally near ones.
pub fn nearest_centre(x: ArrayView1<f64>, centres: ArrayView2<f64>) -> usize {
    let distance =
        |centre: ArrayView1<f64>| centre.iter().zip(x).map(|(c, x)| (c - x) * (c - x)).sum::<f64>();
    let mut best = (0, f64::INFINITY);
    for (k, centre) in centres.outer_iter().enumerate() {
        let d = distance(centre);
        if d < best.1 {
            best = (k, d);
        }
    }
    best.0
}

/// The proportions `q` with `|p − q| ≤ z √(q (1 − q) / n)`.
fn wilson(p: f64, n: f64, z: f64) -> (f64, f64) {
    let z2 = z * z / n;
    let centre = (p + 0.5 * z2) / (1.0 + z2);
    let half = z / n.sqrt() * (p * (1.0 - p) + 0.25 * z2).sqrt() / (1.0 + z2);
    // At the ends the formula is exact and its rounding is not.
    let low = if p == 0.0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if p == 1.0 { 1.0 } else { (centre + half).min(1.0) };
    (low, high)
}
