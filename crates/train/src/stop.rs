//! Stopping rules, as monitors.
//!
//! [`Patience`] decides from the history of losses alone and keeps nothing, so it decides alike in a run that was
//! interrupted. [`TimeLimit`] depends on the clock: it ends a run early, never differently, and the run can be
//! resumed where it stopped.

use std::time::Duration;

use gibbsian_core::Result;
use gibbsian_core::error::{check_count, check_non_negative};

use crate::history::History;
use crate::monitor::{GO_ON, GoOn, Monitor, Progress, STOP};

/// Ends a run after the first step at which it has taken this long, in this process.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeLimit(pub Duration);

impl<M: ?Sized> Monitor<M> for TimeLimit {
    fn on_step(&mut self, _: &M, progress: &Progress) -> Result<GoOn> {
        Ok(if progress.elapsed >= self.0 { STOP } else { GO_ON })
    }
}

/// Ends a run when the mean loss of an epoch has not fallen for a number of epochs.
///
/// Let `b` be the lowest loss of all epochs but the last `n_epochs`; the run ends when none of these last came below
/// `b − margin`. The loss must be one that falls as the model gets better: contrastive divergence's surrogate does
/// not.
#[derive(Clone, Debug, PartialEq)]
pub struct Patience {
    n_epochs: usize,
    margin: f64,
}

impl Patience {
    /// Waits `n_epochs` epochs for a loss that is lower by more than `margin`.
    ///
    /// # Errors
    /// `n_epochs` is zero, or `margin` is negative or not finite.
    pub fn new(n_epochs: usize, margin: f64) -> Result<Self> {
        Ok(Patience {
            n_epochs: check_count("n_epochs", n_epochs)?,
            margin: check_non_negative("margin", margin)?,
        })
    }

    fn is_exhausted(&self, losses: &[f64]) -> bool {
        let Some(n_before) = losses.len().checked_sub(self.n_epochs).filter(|&n| n > 0) else {
            return false;
        };
        let lowest = |losses: &[f64]| losses.iter().copied().fold(f64::INFINITY, f64::min);
        lowest(&losses[n_before..]) >= lowest(&losses[..n_before]) - self.margin
    }
}

impl<M: ?Sized> Monitor<M> for Patience {
    fn on_epoch(&mut self, _: &M, _: &Progress, history: &History) -> Result<GoOn> {
        Ok(if self.is_exhausted(history.losses()) {
            STOP
        } else {
            GO_ON
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_when_the_last_epochs_brought_nothing() {
        let patience = Patience::new(2, 0.1).unwrap();
        assert!(!patience.is_exhausted(&[]));
        assert!(!patience.is_exhausted(&[1.0, 1.0]));
        assert!(patience.is_exhausted(&[1.0, 1.0, 1.0]));
        assert!(patience.is_exhausted(&[1.0, 1.2, 0.95]));
        assert!(!patience.is_exhausted(&[1.0, 0.85, 0.95]));
        assert!(patience.is_exhausted(&[0.5, 1.0, 0.9, 0.8]));
        assert!(Patience::new(0, 0.1).is_err());
        assert!(Patience::new(1, f64::NAN).is_err());
    }
}
