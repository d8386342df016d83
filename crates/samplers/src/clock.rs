//! A limit of time, looked at between batches of work. Which batches there are depends on the clock; what is done in them does not.

use std::ops::Range;
use std::time::{Duration, Instant};

/// A limit of time, and how much work to do between two looks at it.
pub(crate) struct Clock {
    start: Instant,
    limit: Option<Duration>,
    batch: usize,
}

impl Clock {
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Clock {
            start: Instant::now(),
            limit,
            batch: 1,
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) fn is_up(&self) -> bool {
        self.limit.is_some_and(|limit| self.elapsed() >= limit)
    }

    /// Calls `work` on batches of `0..n` until all is done or the time is up; returns how much was done, at least one.
    pub(crate) fn batches(&mut self, n: usize, mut work: impl FnMut(Range<usize>)) -> usize {
        if self.limit.is_none() {
            work(0..n);
            return n;
        }
        let mut done = 0;
        while done < n && (done == 0 || !self.is_up()) {
            let before = self.elapsed();
            let batch = self.batch.min(n - done);
            work(done..done + batch);
            done += batch;
            // Long enough that the blocks' meeting costs nothing, short enough that nobody waits for the end.
            match self.elapsed() - before {
                took if took < Duration::from_millis(10) => self.batch = (2 * batch).max(self.batch),
                took if took > Duration::from_millis(40) => self.batch = batch.div_ceil(2),
                _ => {}
            }
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_done_in_order_and_once() {
        for limit in [None, Some(Duration::from_secs(1000))] {
            let mut clock = Clock::new(limit);
            for n in [0, 1, 2, 1000] {
                let mut done = Vec::new();
                assert_eq!(clock.batches(n, |batch| done.extend(batch)), n);
                assert_eq!(done, (0..n).collect::<Vec<_>>());
            }
            assert!(!clock.is_up());
        }
    }

    #[test]
    fn when_the_time_is_up_one_batch_is_the_last() {
        let mut clock = Clock::new(Some(Duration::ZERO));
        assert!(clock.is_up());
        assert_eq!(clock.batches(1000, |batch| assert_eq!(batch, 0..1)), 1);
    }

    #[test]
    fn batches_grow_while_they_are_short_and_shrink_when_they_are_long() {
        let mut clock = Clock::new(Some(Duration::from_secs(1000)));
        clock.batches(1 << 12, |_| ());
        // On any machine some of these doublings happened.
        let grown = clock.batch;
        assert!(grown > 1, "{grown}");
        clock.batches(grown, |_| std::thread::sleep(Duration::from_millis(50)));
        assert_eq!(clock.batch, grown.div_ceil(2));
    }
}
