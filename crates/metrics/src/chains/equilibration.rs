//! Where a chain has forgotten its start.
//!
//! Of a chain that began somewhere else, the first `t₀` draws are in the way: kept, they bias the mean; dropped, they are missing from it. The effective
//! sample size of what remains, `(T − t₀)/τ(t₀)`, settles the question: as long as the drift from the start is in sight it looks like correlation and makes `τ`
//! long, so the size is largest where the drift has just ended. Nothing is assumed of its form. A chain that has not equilibrated at all has its maximum
//! near the end, and a small one.
//!
//! A chain that is stuck has no variance left in which a drift could be seen, and would pass for independent draws. So no place counts for more than the runs of
//! equal draws after it: a chain that rejects every proposal is one draw.
//!
//! Source: Chodera (2016), "A simple method for automated equilibration detection in molecular simulations".

use gibbsian_core::Result;
use ndarray::{ArrayView1, ArrayView2, s};

use super::ess::ess_mean;
use super::{Chains, FEWEST_DRAWS};

/// How many places are tried; they are equally far apart.
const N_PLACES: usize = 100;

/// How much of chains to leave out.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Equilibration {
    /// The number of draws of each chain that are left out.
    pub discard: usize,
    /// The effective sample size of the mean of what remains.
    pub effective_sample_size: f64,
}

/// The number of first draws of `(chains, draws)` whose omission makes the effective sample size largest, to within a hundredth of the length.
///
/// Draws that are not finite are never left out, and their effective sample size is NaN.
///
/// ```
/// use gibbsian_metrics::equilibration;
/// use ndarray::Array2;
/// let draws = Array2::from_shape_fn((1, 2000), |(_, t)| {
///     (t * 37 % 101) as f64 + 1e4 * (-(t as f64) / 20.0).exp()
/// });
/// let found = equilibration(draws.view())?;
/// assert!((80..400).contains(&found.discard), "{found:?}");
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// No chain, or fewer than four draws.
pub fn equilibration(draws: ArrayView2<f64>) -> Result<Equilibration> {
    let chains = Chains::new(draws)?;
    let n_draws = chains.n_draws;
    let mut best = Equilibration {
        discard: 0,
        effective_sample_size: ess_mean(draws)?,
    };
    let mut largest = best.effective_sample_size.min(n_runs(draws));
    let step = n_draws.div_ceil(N_PLACES);
    for discard in (step..=n_draws - FEWEST_DRAWS).step_by(step) {
        let kept = draws.slice(s![.., discard..]);
        let ess = ess_mean(kept)?;
        let rank = ess.min(n_runs(kept));
        if rank > largest {
            largest = rank;
            best = Equilibration {
                discard,
                effective_sample_size: ess,
            };
        }
    }
    Ok(best)
}

/// The number of runs of equal draws, of all chains together.
fn n_runs(draws: ArrayView2<f64>) -> f64 {
    let changes = |chain: ArrayView1<f64>| {
        let pairs = chain.iter().zip(chain.iter().skip(1));
        pairs.filter(|(a, b)| a != b).count()
    };
    (draws.nrows() + draws.rows().into_iter().map(changes).sum::<usize>()) as f64
}
