//! How long a run of many experiments will still take.
//!
//! What an experiment is expected to take is what it took in the run before, or else its budget. Machines differ and budgets are generous, so expectations are scaled by the
//! pace of this run: what its experiments have taken over what was expected of them. It is shown to people only and enters nothing that is written.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The expectations of a run, and how far it has come.
pub struct Schedule {
    /// Seconds; `None` if nothing is known.
    expected: Vec<Option<f64>>,
    state: Mutex<State>,
}

struct State {
    current: usize,
    began: Instant,
    /// What the experiments so far were expected to take, and what they took.
    expected_so_far: f64,
    taken_so_far: f64,
}

/// Until an experiment of about this many seconds is over, the pace of a run says little; it counts as so many seconds at the expected pace.
const PRIOR_SECONDS: f64 = 10.0;

impl Schedule {
    /// A run of experiments of which so many seconds are expected, none if nothing is known.
    pub fn new(expected: Vec<Option<f64>>) -> Self {
        Schedule {
            expected,
            state: Mutex::new(State {
                current: 0,
                began: Instant::now(),
                expected_so_far: 0.0,
                taken_so_far: 0.0,
            }),
        }
    }

    /// The number of experiments.
    pub fn n_experiments(&self) -> usize {
        self.expected.len()
    }

    /// Says that the experiment of this place begins, counted from 0.
    pub fn begin(&self, current: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.current = current;
        state.began = Instant::now();
    }

    /// Says that the current experiment is over; one that was taken from the disk says nothing of the pace.
    pub fn end(&self, was_run: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if was_run && let Some(Some(expected)) = self.expected.get(state.current) {
            state.expected_so_far += expected;
            state.taken_so_far += state.began.elapsed().as_secs_f64();
        }
        state.current += 1;
        state.began = Instant::now();
    }

    /// The current experiment, counted from 1.
    pub fn place(&self) -> usize {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.current + 1).min(self.expected.len())
    }

    /// How long the run will still take; `None` if nothing is known of an experiment to come.
    pub fn left(&self) -> Option<Duration> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let to_come = self.expected.get(state.current..)?;
        let pace = (state.taken_so_far + PRIOR_SECONDS) / (state.expected_so_far + PRIOR_SECONDS);
        let mut seconds = 0.0;
        for (i, expected) in to_come.iter().enumerate() {
            let expected = pace * (*expected)?;
            // The current experiment has used up a part, and when it has used up all, nothing is known but that it is not over.
            let used = if i == 0 {
                state.began.elapsed().as_secs_f64()
            } else {
                0.0
            };
            seconds += (expected - used).max(0.0);
        }
        Duration::try_from_secs_f64(seconds).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds_left(schedule: &Schedule) -> f64 {
        schedule.left().unwrap().as_secs_f64()
    }

    #[test]
    fn what_is_left_is_the_sum_of_what_is_to_come() {
        let schedule = Schedule::new(vec![Some(100.0), Some(20.0), Some(30.0)]);
        schedule.begin(0);
        assert!((seconds_left(&schedule) - 150.0).abs() < 1.0);
        schedule.begin(1);
        assert!((seconds_left(&schedule) - 50.0).abs() < 1.0);
        assert_eq!((schedule.place(), schedule.n_experiments()), (2, 3));
    }

    #[test]
    fn the_pace_of_the_run_scales_what_was_expected() {
        let schedule = Schedule::new(vec![Some(90.0), Some(20.0), Some(30.0)]);
        schedule.begin(0);
        // Over at once: from here on 90 + 10 seconds are known to take 10.
        schedule.end(true);
        assert!((seconds_left(&schedule) - 5.0).abs() < 0.2);
        // An experiment that was taken from the disk changes nothing.
        schedule.begin(1);
        schedule.end(false);
        assert!((seconds_left(&schedule) - 3.0).abs() < 0.2);
        schedule.begin(2);
        schedule.end(true);
        assert_eq!(seconds_left(&schedule), 0.0);
        assert_eq!(schedule.place(), 3);
    }

    #[test]
    fn nothing_is_said_where_nothing_is_known() {
        let schedule = Schedule::new(vec![Some(1.0), None]);
        assert_eq!(schedule.left(), None);
        let schedule = Schedule::new(vec![None, Some(0.0)]);
        schedule.begin(1);
        assert_eq!(seconds_left(&schedule), 0.0);
    }
}
