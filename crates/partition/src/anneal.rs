//! The walk that all annealing estimators share.
//!
//! Chains are cut into fixed batches, each with its own random stream, so that the memory is bounded by the batch, small
//! models use all threads, and the result does not depend on their number. Within a batch the path may parallelise over its
//! own blocks of rows, which is where the threads of a large model go.

use std::ops::Range;

use gibbsian_core::parallel::map_indices;
use gibbsian_core::{Error, Path, Result, StreamRng, Streams};
use rand::Rng;

use crate::Ladder;
use crate::weights::LogWeights;

/// The number of chains advanced together. It is part of the value of every seeded result.
pub(crate) const BATCH_CHAINS: usize = 128;

/// Calls `run(items, rng)` for each batch of `items_per_batch` of `n` items, in parallel, and returns the results in order.
///
/// The first error in batch order is returned, so that it too is independent of the threads.
pub(crate) fn map_batches<T: Send>(
    n: usize,
    items_per_batch: usize,
    rng: &mut dyn Rng,
    run: impl Fn(Range<usize>, StreamRng) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let streams = Streams::draw(rng);
    let results = map_indices(n.div_ceil(items_per_batch), |batch| {
        let first = batch * items_per_batch;
        run(first..(first + items_per_batch).min(n), streams.block(batch))
    });
    results.into_iter().collect()
}

/// Walks `state` along `betas`, in either direction, and adds `Σ_k [log f_{β_{k+1}}(x_k) − log f_{β_k}(x_k)]` to `log_weights`.
///
/// After the work of each step the chains move at the temperature just reached, except after the last: a final transition
/// changes no weight. `first` is the number of the first chain, for error messages.
pub(crate) fn anneal<P: Path>(
    path: &P,
    state: &mut P::State,
    betas: &[f64],
    first: usize,
    log_weights: &mut [f64],
    rng: &mut dyn Rng,
) -> Result<()> {
    let last = betas.len() - 2;
    for (k, rungs) in betas.windows(2).enumerate() {
        path.work(state, rungs[0], rungs[1], log_weights);
        check_weights(log_weights, first, rungs[0], rungs[1])?;
        if k < last {
            path.transition(state, rungs[1], rng);
        }
    }
    Ok(())
}

/// Refuses NaN and `+∞`; a weight of zero (`−∞`) means that a chain stands outside the next support, which is allowed.
pub(crate) fn check_weights(log_weights: &[f64], first: usize, from: f64, to: f64) -> Result<()> {
    match log_weights.iter().position(|l| l.is_nan() || *l == f64::INFINITY) {
        None => Ok(()),
        Some(chain) => Err(Error::non_finite(
            format!("log_weights[{}]", first + chain),
            log_weights[chain],
            format!("on the step from inverse temperature {from} to {to}"),
        )),
    }
}

/// The weights of all batches, with the rounding error that a sum along the ladder carries.
///
/// Each of the `K` additions rounds by at most half a unit in the last place of the running sum, whose size is of the order of
/// the larger of its ends. What the path itself loses, in single precision say, is the path's to state.
pub(crate) fn collect_weights(
    batches: Vec<Vec<f64>>,
    ladder: &Ladder,
    log_z_start: f64,
) -> Result<LogWeights> {
    let weights = LogWeights::new(batches.concat())?;
    let magnitude = log_z_start.abs().max(weights.log_mean().abs());
    Ok(weights.with_rounding_of(ladder.n_steps(), magnitude))
}

/// Refuses a path whose base has no finite normaliser.
pub(crate) fn check_start(log_z_start: f64) -> Result<()> {
    if log_z_start.is_finite() {
        Ok(())
    } else {
        Err(Error::non_finite(
            "log_z_start",
            log_z_start,
            "in the base of the path",
        ))
    }
}
