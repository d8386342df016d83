//! The rollbacks of a [`crate::Guarded`] run, for whoever watches it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gibbsian_core::{Error, Record, Result, Snapshot, Values};

use crate::divergence::Divergence;
use crate::monitor::{GoOn, Monitor, Progress};

/// One return to a good state.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Rollback {
    /// The step that diverged, counted from one as in [`Progress::step`].
    pub step: u64,
    /// The number of steps after which the state was taken that the run went back to.
    pub back_to: u64,
    /// What was wrong.
    pub divergence: Divergence,
    /// What learning rates are multiplied by from then on.
    pub scale: f64,
}

/// A list of rollbacks that grows while a run goes on. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Rollbacks(Arc<Mutex<Vec<Rollback>>>);

impl Rollbacks {
    /// How many there were.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, in order.
    pub fn all(&self) -> Vec<Rollback> {
        self.lock().clone()
    }

    /// What learning rates are multiplied by now.
    pub(crate) fn scale(&self) -> f64 {
        self.lock().last().map_or(1.0, |last| last.scale)
    }

    pub(crate) fn push(&self, mut rollback: Rollback) {
        // A line each is how they are saved.
        for text in [
            &mut rollback.divergence.criterion,
            &mut rollback.divergence.requirement,
        ] {
            *text = text.replace('\n', " ");
        }
        self.lock().push(rollback);
    }

    /// The list is never half changed, so a panic of another holder does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Vec<Rollback>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Snapshot for Rollbacks {
    fn snapshot(&self) -> Record {
        let all = self.all();
        let shape = [all.len()];
        let mut record = Record::new();
        let steps = all.iter().map(|r| r.step).collect();
        record.put("step", &shape, Values::U64(steps));
        let back_to = all.iter().map(|r| r.back_to).collect();
        record.put("back_to", &shape, Values::U64(back_to));
        let scales = all.iter().map(|r| r.scale).collect();
        record.put("scale", &shape, Values::F64(scales));
        // As bits, because checkpoints refuse numbers that are not finite, as these often are.
        let values = all.iter().map(|r| r.divergence.value.to_bits()).collect();
        record.put("value_bits", &shape, Values::U64(values));
        let lines = all.iter().flat_map(|r| {
            let Divergence {
                criterion,
                requirement,
                ..
            } = &r.divergence;
            [criterion.as_str(), "\n", requirement.as_str(), "\n"]
        });
        let text = lines.collect::<String>().into_bytes();
        record.put("text", &[text.len()], Values::U8(text));
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let length = |name| record.shape(name).map_or(0, |shape| shape.iter().product());
        let shape = [length("step")];
        let steps = record.u64s("step", &shape)?;
        let back_to = record.u64s("back_to", &shape)?;
        let scales = record.f64s("scale", &shape)?;
        let values = record.u64s("value_bits", &shape)?;
        let text = record.bytes("text", &[length("text")])?;
        let misfit = || {
            let expected = format!("two lines of text for each of {} rollbacks", steps.len());
            Error::format("snapshot entry `text`", "something else", expected)
        };
        let text = std::str::from_utf8(text).map_err(|_| misfit())?;
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() != 2 * steps.len() {
            return Err(misfit());
        }
        let all = (0..steps.len()).map(|i| Rollback {
            step: steps[i],
            back_to: back_to[i],
            divergence: Divergence {
                criterion: lines[2 * i].into(),
                value: f64::from_bits(values[i]),
                requirement: lines[2 * i + 1].into(),
            },
            scale: scales[i],
        });
        *self.lock() = all.collect();
        Ok(())
    }
}

/// Calls a function for every rollback, after the step in which it happened.
///
/// A run that is resumed begins with the rollbacks that its checkpoint knows of.
///
/// ```
/// use gibbsian_train::{EachRollback, GO_ON, Rollbacks};
/// // In earnest, `step.rollbacks()` of a guarded step.
/// let rollbacks = Rollbacks::default();
/// let watch = EachRollback::new(rollbacks, |_model: &(), _progress, rollback| {
///     let _line = format!("step {}: {:?}", rollback.step, rollback.divergence);
///     Ok(GO_ON)
/// });
/// # let _ = watch;
/// ```
pub struct EachRollback<F> {
    rollbacks: Rollbacks,
    n_seen: usize,
    f: F,
}

impl<F> std::fmt::Debug for EachRollback<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EachRollback")
            .field("n_seen", &self.n_seen)
            .finish_non_exhaustive()
    }
}

impl<F> EachRollback<F> {
    /// The monitor that calls `f` with what is new in `rollbacks`.
    pub fn new<M: ?Sized>(rollbacks: Rollbacks, f: F) -> Self
    where
        F: FnMut(&M, &Progress, &Rollback) -> Result<GoOn>,
    {
        EachRollback {
            rollbacks,
            n_seen: 0,
            f,
        }
    }
}

impl<M: ?Sized, F> Monitor<M> for EachRollback<F>
where
    F: FnMut(&M, &Progress, &Rollback) -> Result<GoOn>,
{
    fn on_step(&mut self, model: &M, progress: &Progress) -> Result<GoOn> {
        if self.rollbacks.len() == self.n_seen {
            return Ok(crate::monitor::GO_ON);
        }
        let all = self.rollbacks.all();
        let mut go_on = crate::monitor::GO_ON;
        for rollback in &all[self.n_seen.min(all.len())..] {
            if (self.f)(model, progress, rollback)?.is_break() {
                go_on = crate::monitor::STOP;
            }
        }
        self.n_seen = all.len();
        Ok(go_on)
    }
}
