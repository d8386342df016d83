//! Which points each step of training sees: a fresh permutation an epoch, cut into minibatches.
//!
//! The order of epoch `e` is a permutation of `0..n` drawn by Fisher and Yates' method (Durstenfeld, 1964, "Algorithm 235: random
//! permutation") from the stream `seed.nth(e)`, always starting at the identity. So an epoch's order does not depend on the epochs
//! before it, and a run is resumed from the number of its next step alone. Shuffling the previous order again would save nothing
//! and make the order a state. Drawing each minibatch with replacement was rejected, because every epoch then misses a
//! fraction `1/e` of the points.

use gibbsian_core::dataset::BatchOrder;
use gibbsian_core::error::check_count;
use gibbsian_core::{Error, Result, Seed};

use crate::uniform::uniform_below;

/// A random permutation of `0..n` for each epoch, every permutation being equally likely.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_data::Shuffle;
/// let shuffle = Shuffle::new(5, Seed::new(0))?;
/// assert_eq!(shuffle.order(7), Shuffle::new(5, Seed::new(0))?.order(7));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Shuffle {
    n: usize,
    seed: Seed,
}

impl Shuffle {
    /// Permutations of `0..n`.
    ///
    /// # Errors
    /// `n` is zero.
    pub fn new(n: usize, seed: Seed) -> Result<Self> {
        check_count("n", n)?;
        Ok(Shuffle { n, seed })
    }

    /// The permutation of this epoch.
    pub fn order(&self, epoch: u64) -> Vec<usize> {
        let mut order = vec![0; self.n];
        self.order_into(epoch, &mut order);
        order
    }

    /// Writes the permutation of this epoch into `order`.
    ///
    /// # Panics
    /// When `order` does not have `n` entries.
    pub fn order_into(&self, epoch: u64, order: &mut [usize]) {
        assert_eq!(
            order.len(),
            self.n,
            "length of the order (left) against n (right)"
        );
        for (i, entry) in order.iter_mut().enumerate() {
            *entry = i;
        }
        let mut rng = self.seed.nth(epoch).rng();
        for i in (1..self.n).rev() {
            // The draw is at most i, so it fits into a usize of any width.
            order.swap(i, uniform_below(&mut rng, i as u64 + 1) as usize);
        }
    }
}

/// What happens to the points that are left when the batch size does not divide their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastBatch {
    /// They are an epoch's last, shorter minibatch: every point is seen once an epoch.
    Keep,
    /// They are left out of this epoch, whichever they are in its order: every minibatch has the same size.
    Drop,
}

/// The minibatches of a run, epoch after epoch.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_core::dataset::BatchOrder;
/// use gibbsian_data::{LastBatch, Minibatches};
///
/// let mut order = Minibatches::new(10, 4, LastBatch::Keep, Seed::new(1))?;
/// assert_eq!(order.steps_per_epoch(), 3);
/// let sizes: Vec<usize> = order.epoch(0).map(<[usize]>::len).collect();
/// assert_eq!(sizes, [4, 4, 2]);
/// // Step 5 is the last of the second epoch, whether or not the steps before it were asked for.
/// let last = order.batch(5).to_vec();
/// assert_eq!(order.epoch(1).last(), Some(last.as_slice()));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Minibatches {
    shuffle: Shuffle,
    batch_size: usize,
    steps_per_epoch: u64,
    /// How many points of an epoch's order are used.
    n_used: usize,
    /// The order of the epoch that was asked for last.
    order: Vec<usize>,
    epoch: u64,
}

impl Minibatches {
    /// Minibatches of `batch_size` of `n` points.
    ///
    /// With [`LastBatch::Keep`], a `batch_size` above `n` gives one minibatch of all points an epoch.
    ///
    /// # Errors
    /// `n` or `batch_size` is zero, or `batch_size` is above `n` with [`LastBatch::Drop`], which would leave an epoch empty.
    pub fn new(n: usize, batch_size: usize, last_batch: LastBatch, seed: Seed) -> Result<Self> {
        let shuffle = Shuffle::new(n, seed)?;
        check_count("batch_size", batch_size).map_err(|e| e.with_cure("100 is a usual size"))?;
        let n_used = match last_batch {
            LastBatch::Keep => n,
            LastBatch::Drop => n - n % batch_size,
        };
        if n_used == 0 {
            return Err(Error::parameter(
                "batch_size",
                batch_size,
                format!(
                    "at most the number of points, {n}, when the last short minibatch is dropped; take smaller minibatches or LastBatch::Keep"
                ),
            ));
        }
        Ok(Minibatches {
            order: shuffle.order(0),
            epoch: 0,
            shuffle,
            batch_size,
            steps_per_epoch: n_used.div_ceil(batch_size) as u64,
            n_used,
        })
    }

    /// The minibatches of one epoch, in order.
    pub fn epoch(&mut self, epoch: u64) -> impl ExactSizeIterator<Item = &[usize]> {
        self.turn_to(epoch);
        self.order[..self.n_used].chunks(self.batch_size)
    }

    fn turn_to(&mut self, epoch: u64) {
        if self.epoch != epoch {
            self.shuffle.order_into(epoch, &mut self.order);
            self.epoch = epoch;
        }
    }
}

impl BatchOrder for Minibatches {
    fn steps_per_epoch(&self) -> u64 {
        self.steps_per_epoch
    }

    fn max_batch_size(&self) -> usize {
        self.batch_size.min(self.n_used)
    }

    fn batch(&mut self, step: u64) -> &[usize] {
        self.turn_to(step / self.steps_per_epoch);
        let start = (step % self.steps_per_epoch) as usize * self.batch_size;
        &self.order[start..self.n_used.min(start + self.batch_size)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    #[test]
    fn every_permutation_is_equally_likely() {
        // 24 permutations, 24,000 epochs: each count is binomial with mean 1,000 and standard deviation 31; a uniform law leaves
        // ±6 of them with a family error of 24 * 2e-9.
        let shuffle = Shuffle::new(4, Seed::new(5)).unwrap();
        let mut counts: HashMap<Vec<usize>, i32> = HashMap::new();
        for epoch in 0..24_000 {
            *counts.entry(shuffle.order(epoch)).or_default() += 1;
        }
        assert_eq!(counts.len(), 24);
        assert!(counts.values().all(|c| (c - 1000).abs() < 186), "{counts:?}");
    }

    proptest! {
        #[test]
        fn an_epoch_shows_each_point_at_most_once_and_keeps_its_promise(
            n in 1_usize..120, batch_size in 1_usize..130, keep: bool, epoch in 0_u64..4, seed: u64,
        ) {
            let last = if keep { LastBatch::Keep } else { LastBatch::Drop };
            let Ok(mut order) = Minibatches::new(n, batch_size, last, Seed::new(seed)) else {
                prop_assert!(!keep && batch_size > n);
                return Ok(());
            };
            let (steps, largest) = (order.steps_per_epoch(), order.max_batch_size());
            let batches: Vec<Vec<usize>> = order.epoch(epoch).map(<[usize]>::to_vec).collect();
            prop_assert_eq!(batches.len() as u64, steps);
            prop_assert!(batches.iter().all(|b| !b.is_empty() && b.len() <= largest));
            prop_assert_eq!(batches[0].len(), largest);
            if !keep {
                prop_assert!(batches.iter().all(|b| b.len() == batch_size));
            }
            let mut seen = batches.concat();
            seen.sort_unstable();
            seen.dedup();
            prop_assert_eq!(seen.len(), if keep { n } else { n / batch_size * batch_size });
            // Random access agrees with the epoch's order, from a fresh value and from one that has been elsewhere.
            let mut fresh = Minibatches::new(n, batch_size, last, Seed::new(seed)).unwrap();
            for (k, batch) in batches.iter().enumerate().rev() {
                let step = epoch * steps + k as u64;
                prop_assert_eq!(fresh.batch(step), batch.as_slice());
                order.batch(step + steps);
                prop_assert_eq!(order.batch(step), batch.as_slice());
            }
        }
    }

    #[test]
    fn batches_that_cannot_be_are_refused() {
        for (n, size, last) in [
            (0, 1, LastBatch::Keep),
            (1, 0, LastBatch::Keep),
            (3, 4, LastBatch::Drop),
        ] {
            assert!(Minibatches::new(n, size, last, Seed::new(0)).is_err());
        }
        let e = Minibatches::new(3, 4, LastBatch::Drop, Seed::new(0)).unwrap_err();
        assert!(e.to_string().contains("`batch_size` is 4"), "{e}");
    }
}
