//! Annealed importance sampling backwards, from exact draws of the target down to the base.
//!
//! The forward run's trajectories seen in reverse: a chain starts with an exact draw `x ~ f_K / Z`, and for `k = K … 1`
//!
//! `log w += log f_{k−1}(x) − log f_k(x)`, then `x` moves by `T_{k−1}`,
//!
//! starting from `log w = −log Z_0`. It is annealed importance sampling with its ends exchanged, so `E w = 1/Z` exactly, and
//! like the forward run it asks of the transitions only that they leave their densities invariant.
//! Then `−log w̄` is in expectation an **upper bound** on `log Z`: `−E log w̄ ≥ −log E w̄ = log Z`.
//!
//! **All of this rests on exact, independent draws from the target.** Started from the end of a Markov chain, from data, or from
//! the positions of a forward run, the result bounds nothing. Exact draws exist for small models
//! ([`ExactDistribution::sample`](crate::ExactDistribution::sample)), for Gaussians and mixtures, and where perfect sampling works.
//!
//! Source: Grosse, Ghahramani and Adams (2015), "Sandwiching the marginal likelihood using bidirectional Monte Carlo".

use gibbsian_core::error::check_batch;
use gibbsian_core::{Path, Result};
use ndarray::{ArrayView2, s};
use rand::Rng;

use crate::Ladder;
use crate::anneal::{BATCH_CHAINS, anneal, check_start, collect_weights, map_batches};
use crate::bound::UpperBound;
use crate::estimate::Estimate;
use crate::weights::LogWeights;

/// The weights of chains annealed from exact draws of the target to the base: `E w = 1/Z`.
#[derive(Clone, Debug)]
pub struct ReverseAis {
    weights: LogWeights,
}

/// Anneals one chain from each row of `exact_draws` `(N, D)` down the ladder.
///
/// The rows must be independent exact draws from the target `f_1 / Z`, or the result is no bound; nothing here can check that.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_partition::{ExactDistribution, Ladder, exact_log_z, reverse_ais};
/// # use gibbsian_testkit::targets::{Pairwise, Tempered};
/// # use ndarray::{Array1, Array2};
/// // Four spins that pull each other along, and the path to them from independent ones.
/// let target = Pairwise::new(Array1::from_elem(4, 0.2), Array2::from_elem((4, 4), 0.3))?;
/// let path = Tempered::new(Array1::zeros(4), target.clone())?;
/// let exact = exact_log_z(&target)?;
/// let mut rng = Seed::new(1).rng();
/// let draws = ExactDistribution::new(&target)?.sample(1_000, &mut rng);
/// let run = reverse_ais(&path, &Ladder::linear(20)?, draws.view(), &mut rng)?;
/// assert!(run.estimate(0.999)?.interval.contains(exact));
/// assert!(run.upper_bound(0.999)?.value > exact);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// No draw or rows of the wrong length; rows outside the space; a weight that became NaN or `+∞`, named by chain and
/// temperatures; weights that all vanish.
pub fn reverse_ais<P: Path>(
    path: &P,
    ladder: &Ladder,
    exact_draws: ArrayView2<f64>,
    rng: &mut dyn Rng,
) -> Result<ReverseAis> {
    check_batch("exact_draws", &exact_draws, path.dim())?;
    let betas = ladder.descending();
    check_start(path.log_z_start())?;
    let batches = map_batches(exact_draws.nrows(), BATCH_CHAINS, rng, |chains, mut rng| {
        let mut log_weights = vec![-path.log_z_start(); chains.len()];
        let mut state = path.place(exact_draws.slice(s![chains.clone(), ..]))?;
        anneal(path, &mut state, &betas, chains.start, &mut log_weights, &mut rng)?;
        Ok(log_weights)
    })?;
    Ok(ReverseAis {
        weights: collect_weights(batches, ladder, path.log_z_start())?,
    })
}

impl ReverseAis {
    /// Wraps weights with `E w = 1/Z` that were made elsewhere.
    pub fn from_log_weights(weights: LogWeights) -> Self {
        ReverseAis { weights }
    }

    /// The weights, `E w = 1/Z`.
    pub fn log_weights(&self) -> &LogWeights {
        &self.weights
    }

    /// `−log w̄`: in expectation at least `log Z`.
    pub fn log_z(&self) -> f64 {
        -self.weights.log_mean()
    }

    /// The estimate of `log Z` with error, interval and diagnosis.
    ///
    /// # Errors
    /// A level outside (0, 1), or a single chain.
    pub fn estimate(&self, level: f64) -> Result<Estimate> {
        Estimate::of_negated_log_mean(&self.weights, level)
    }

    /// A bound that lies above `log Z` with probability at least `confidence`, given that the draws were exact.
    ///
    /// # Errors
    /// A confidence outside (0, 1).
    pub fn upper_bound(&self, confidence: f64) -> Result<UpperBound> {
        Ok(UpperBound {
            value: -self.weights.betting_bound(confidence)?,
            confidence,
        })
    }
}
