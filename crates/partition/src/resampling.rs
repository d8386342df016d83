//! Resampling: weighted particles become equally many unweighted ones.
//!
//! Particle `i` of normalised weight `W_i` is kept `n_i` times, `Σ n_i = N` and `E n_i = N W_i`; every scheme with the second property leaves the
//! estimates of sequential Monte Carlo unbiased. They differ in the noise that they add:
//!
//! | scheme | how | variance |
//! |---|---|---|
//! | multinomial | `N` independent draws | the largest |
//! | residual | `⌊N W_i⌋` copies, the rest by independent draws | never above multinomial |
//! | stratified | one draw in each of `N` equal strata of the cumulative weights | never above multinomial; above or below residual, as the order of the particles has it |
//! | systematic | one uniform number shifts all strata | mostly the least, without a guarantee: it depends on the order of the particles |
//!
//! Source: Douc, Cappé and Moulines (2005), "Comparison of resampling schemes for particle filtering".

use gibbsian_core::{Error, Result};
use rand::{Rng, RngExt};

/// How particles are chosen.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_partition::Resampling;
///
/// // All keep a particle as often as its weight says on average; stratified forms scatter less than independent draws.
/// let mut rng = Seed::new(1).rng();
/// for scheme in [Resampling::Multinomial, Resampling::Residual, Resampling::Stratified] {
///     let kept = scheme.ancestors(&[0.5, 0.0, 0.5], 8, &mut rng)?;
///     assert!(kept.len() == 8 && kept.iter().all(|k| *k != 1));
/// }
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resampling {
    /// Independent draws.
    Multinomial,
    /// Whole copies first, then independent draws of the remainders.
    Residual,
    /// One draw in each stratum.
    Stratified,
    /// One shift of all strata.
    Systematic,
}

impl Resampling {
    /// The numbers of the particles kept, `n` of them in rising order, with the weights `weights`, which need not sum to one.
    ///
    /// ```
    /// use gibbsian_core::Seed;
    /// use gibbsian_partition::Resampling;
    /// let kept = Resampling::Systematic.ancestors(&[0.25, 0.0, 0.75], 4, &mut Seed::new(1).rng())?;
    /// assert_eq!(kept, [0, 2, 2, 2]);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// A weight that is negative or not finite, or weights that are all zero.
    pub fn ancestors(self, weights: &[f64], n: usize, rng: &mut dyn Rng) -> Result<Vec<usize>> {
        if let Some(i) = weights.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
            return Err(Error::parameter(
                format!("weights[{i}]"),
                weights[i],
                "finite and at least zero",
            ));
        }
        let total: f64 = weights.iter().sum();
        if !(total.is_finite() && total > 0.0) {
            return Err(Error::parameter("weights", total, "positive and finite in sum"));
        }
        Ok(match self {
            Resampling::Multinomial => multinomial(weights, total, n, rng),
            Resampling::Residual => residual(weights, total, n, rng),
            Resampling::Stratified => strata(weights, total, n, || rng.random()),
            Resampling::Systematic => {
                let shift = rng.random();
                strata(weights, total, n, || shift)
            }
        })
    }
}

fn multinomial(weights: &[f64], total: f64, n: usize, rng: &mut dyn Rng) -> Vec<usize> {
    let mut points: Vec<f64> = (0..n).map(|_| total * rng.random::<f64>()).collect();
    points.sort_by(f64::total_cmp);
    invert(weights, points.into_iter())
}

fn residual(weights: &[f64], total: f64, n: usize, rng: &mut dyn Rng) -> Vec<usize> {
    let expected = weights.iter().map(|w| n as f64 * (w / total));
    let mut kept = Vec::with_capacity(n);
    let mut remainders = Vec::with_capacity(weights.len());
    // A weight that is a multiple of 1/n must not miss a whole copy by a rounding of the sum.
    let slack = 1.0 + 4.0 * f64::EPSILON * weights.len() as f64;
    for (i, copies) in expected.enumerate() {
        let whole = (copies * slack).floor();
        kept.extend(std::iter::repeat_n(i, whole as usize));
        remainders.push((copies - whole).max(0.0));
    }
    // Rounding may make one copy too many where the weights are multiples of 1/n.
    kept.truncate(n);
    let rest: f64 = remainders.iter().sum();
    if kept.len() < n {
        kept.extend(if rest > 0.0 {
            multinomial(&remainders, rest, n - kept.len(), rng)
        } else {
            multinomial(weights, total, n - kept.len(), rng)
        });
    }
    kept.sort_unstable();
    kept
}

/// One point in each of `n` equal strata, at the place in it that `place` says.
fn strata(weights: &[f64], total: f64, n: usize, mut place: impl FnMut() -> f64) -> Vec<usize> {
    invert(weights, (0..n).map(|i| total * ((i as f64 + place()) / n as f64)))
}

/// The particles in whose share of the cumulative weights the rising `points` fall.
fn invert(weights: &[f64], points: impl Iterator<Item = f64>) -> Vec<usize> {
    // The last particle that has weight; rounding may leave a point above the sum.
    let last = weights.iter().rposition(|w| *w > 0.0).unwrap_or(0);
    let (mut i, mut reached) = (0, weights[0]);
    points
        .map(|point| {
            while point >= reached && i < last {
                i += 1;
                reached += weights[i];
            }
            i
        })
        .collect()
}
