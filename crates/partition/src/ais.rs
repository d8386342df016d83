//! Annealed importance sampling, from the base to the target.
//!
//! A chain starts with an exact draw `x_0 ~ f_0 / Z_0`, and alternates work and motion: for `k = 1 … K`
//!
//! `log w += log f_k(x_{k−1}) − log f_{k−1}(x_{k−1})`, then `x_k ~ T_k(x_{k−1} → ·)`, which leaves `f_k` invariant.
//!
//! Starting from `log w = log Z_0`, `E w = Z_1` exactly, for any ladder and however badly the chains mix: seen backwards, the run
//! is importance sampling on whole trajectories. Hence the mean of the weights is unbiased for `Z`, its logarithm is in
//! expectation a **lower bound** on `log Z`, and no run of practical luck exceeds `log Z` by much
//! (`P(log Ẑ ≥ log Z + a) ≤ e^{−a}`).
//!
//! The last transition, at `β = 1`, changes no weight and is not made.
//!
//! Sources: Neal (2001), "Annealed importance sampling"; Salakhutdinov and Murray (2008), "On the quantitative analysis of deep
//! belief networks".

use gibbsian_core::error::check_count;
use gibbsian_core::{Path, Result};
use rand::Rng;

use crate::Ladder;
use crate::anneal::{BATCH_CHAINS, anneal, check_start, collect_weights, map_batches};
use crate::bound::LowerBound;
use crate::estimate::Estimate;
use crate::weights::LogWeights;

/// The weights of chains annealed from the base to the target: `E w = Z`.
#[derive(Clone, Debug)]
pub struct ForwardAis {
    weights: LogWeights,
}

/// Runs `n_chains` independent chains along `ladder`.
///
/// One key is drawn from `rng`; the result depends on it, on the ladder and on `n_chains`, and not on the number of threads.
/// The memory is that of a batch of 128 chains a thread, and one number a chain.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_partition::{Ladder, ais, exact_log_z};
/// # use gibbsian_testkit::targets::{Pairwise, Tempered};
/// # use ndarray::{Array1, Array2};
/// // Four spins that pull each other along, and the path to them from independent ones.
/// let target = Pairwise::new(Array1::from_elem(4, 0.2), Array2::from_elem((4, 4), 0.3))?;
/// let path = Tempered::new(Array1::zeros(4), target.clone())?;
/// let exact = exact_log_z(&target)?;
/// let run = ais(&path, &Ladder::linear(20)?, 1_000, &mut Seed::new(1).rng())?;
/// assert!(run.estimate(0.999)?.interval.contains(exact));
/// assert!(run.lower_bound(0.999)?.value < exact);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// No chain; a weight that became NaN or `+∞`, named by chain and temperatures; weights that all vanish.
pub fn ais<P: Path>(path: &P, ladder: &Ladder, n_chains: usize, rng: &mut dyn Rng) -> Result<ForwardAis> {
    check_count("n_chains", n_chains)?;
    check_start(path.log_z_start())?;
    let batches = map_batches(n_chains, BATCH_CHAINS, rng, |chains, mut rng| {
        let mut log_weights = vec![path.log_z_start(); chains.len()];
        let mut state = path.start(chains.len(), &mut rng);
        anneal(
            path,
            &mut state,
            ladder.betas(),
            chains.start,
            &mut log_weights,
            &mut rng,
        )?;
        Ok(log_weights)
    })?;
    Ok(ForwardAis {
        weights: collect_weights(batches, ladder, path.log_z_start())?,
    })
}

impl ForwardAis {
    /// Wraps weights with `E w = Z` that were made elsewhere, for example by a run resumed in parts.
    pub fn from_log_weights(weights: LogWeights) -> Self {
        ForwardAis { weights }
    }

    /// The weights, `E w = Z`.
    pub fn log_weights(&self) -> &LogWeights {
        &self.weights
    }

    /// `log Ẑ`, the logarithm of the mean weight: in expectation at most `log Z`.
    pub fn log_z(&self) -> f64 {
        self.weights.log_mean()
    }

    /// `log Ẑ` with error, interval and diagnosis.
    ///
    /// # Errors
    /// A level outside (0, 1), or a single chain.
    pub fn estimate(&self, level: f64) -> Result<Estimate> {
        Estimate::of_log_mean(&self.weights, level)
    }

    /// A bound that lies below `log Z` with probability at least `confidence`, whatever the path and the number of chains; see
    /// [`crate::bound`].
    ///
    /// # Errors
    /// A confidence outside (0, 1).
    pub fn lower_bound(&self, confidence: f64) -> Result<LowerBound> {
        Ok(LowerBound {
            value: self.weights.betting_bound(confidence)?,
            confidence,
        })
    }
}
