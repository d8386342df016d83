//! Monitors: what looks on while a model is trained, and may end it.
//!
//! The library prints nothing; progress bars, plots, evaluations and stopping rules are monitors. A monitor sees the
//! model but cannot change it, and is given no generator, so that watching a run never changes it. Two monitors run
//! together as a pair `(a, b)`, and `()` watches nothing.

use std::ops::ControlFlow;
use std::time::Duration;

use gibbsian_core::Result;

use crate::history::History;

/// Where a run stands.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The number of steps made, over the whole run.
    pub step: u64,
    /// The number of steps that the run will have made at its end.
    pub n_steps: u64,
    /// The epoch of the last step, counted from zero.
    pub epoch: u64,
    /// The number of epochs of the run.
    pub n_epochs: u64,
    /// The loss of the last step; at the end of an epoch, the mean loss of the epoch.
    pub loss: f64,
    /// The learning rate at which the last step was made: the schedule's times what the training step multiplies it by, as a [`crate::Guarded`] one does after a rollback.
    pub learning_rate: f64,
    /// Since this process began or resumed the run.
    pub elapsed: Duration,
    /// What the remaining steps will take at the mean speed so far.
    pub remaining: Duration,
}

/// Whether to go on: [`ControlFlow::Break`] ends the run after this step.
pub type GoOn = ControlFlow<()>;

/// The answer that lets a run go on.
pub const GO_ON: GoOn = ControlFlow::Continue(());

/// The answer that ends a run.
pub const STOP: GoOn = ControlFlow::Break(());

/// Something that watches the training of models `M`.
///
/// When a run is interrupted and resumed, steps after the last checkpoint are made again and seen again.
pub trait Monitor<M: ?Sized> {
    /// Called after every step.
    ///
    /// # Errors
    /// Whatever the monitor cannot do; it ends the run.
    fn on_step(&mut self, _model: &M, _progress: &Progress) -> Result<GoOn> {
        Ok(GO_ON)
    }

    /// Called after the last step of every epoch, after [`Monitor::on_step`]; `history` contains this epoch.
    ///
    /// # Errors
    /// Whatever the monitor cannot do; it ends the run.
    fn on_epoch(&mut self, _model: &M, _progress: &Progress, _history: &History) -> Result<GoOn> {
        Ok(GO_ON)
    }
}

/// The monitor that watches nothing.
impl<M: ?Sized> Monitor<M> for () {}

impl<M: ?Sized, T: Monitor<M> + ?Sized> Monitor<M> for &mut T {
    fn on_step(&mut self, model: &M, progress: &Progress) -> Result<GoOn> {
        (**self).on_step(model, progress)
    }

    fn on_epoch(&mut self, model: &M, progress: &Progress, history: &History) -> Result<GoOn> {
        (**self).on_epoch(model, progress, history)
    }
}

/// Both watch; the run ends when one of them wants it to.
impl<M: ?Sized, A: Monitor<M>, B: Monitor<M>> Monitor<M> for (A, B) {
    fn on_step(&mut self, model: &M, progress: &Progress) -> Result<GoOn> {
        let first = self.0.on_step(model, progress)?;
        let second = self.1.on_step(model, progress)?;
        Ok(either(first, second))
    }

    fn on_epoch(&mut self, model: &M, progress: &Progress, history: &History) -> Result<GoOn> {
        let first = self.0.on_epoch(model, progress, history)?;
        let second = self.1.on_epoch(model, progress, history)?;
        Ok(either(first, second))
    }
}

/// Calls a function after every epoch.
///
/// ```
/// use gibbsian_train::{EachEpoch, GO_ON, STOP};
/// let mut losses = Vec::new();
/// let watch = EachEpoch::new(|_model: &(), progress, _history| {
///     losses.push(progress.loss);
///     Ok(if progress.loss < 1e-3 { STOP } else { GO_ON })
/// });
/// # let _ = watch;
/// ```
pub struct EachEpoch<F>(F);

impl<F> std::fmt::Debug for EachEpoch<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EachEpoch").finish_non_exhaustive()
    }
}

impl<F> EachEpoch<F> {
    /// The monitor that calls `f`.
    pub fn new<M: ?Sized>(f: F) -> Self
    where
        F: FnMut(&M, &Progress, &History) -> Result<GoOn>,
    {
        EachEpoch(f)
    }
}

impl<M: ?Sized, F> Monitor<M> for EachEpoch<F>
where
    F: FnMut(&M, &Progress, &History) -> Result<GoOn>,
{
    fn on_epoch(&mut self, model: &M, progress: &Progress, history: &History) -> Result<GoOn> {
        (self.0)(model, progress, history)
    }
}

/// Calls a function after every step.
pub struct EachStep<F>(F);

impl<F> std::fmt::Debug for EachStep<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EachStep").finish_non_exhaustive()
    }
}

impl<F> EachStep<F> {
    /// The monitor that calls `f`.
    pub fn new<M: ?Sized>(f: F) -> Self
    where
        F: FnMut(&M, &Progress) -> Result<GoOn>,
    {
        EachStep(f)
    }
}

impl<M: ?Sized, F> Monitor<M> for EachStep<F>
where
    F: FnMut(&M, &Progress) -> Result<GoOn>,
{
    fn on_step(&mut self, model: &M, progress: &Progress) -> Result<GoOn> {
        (self.0)(model, progress)
    }
}

fn either(first: GoOn, second: GoOn) -> GoOn {
    if first.is_break() { first } else { second }
}
