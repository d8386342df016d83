//! Monitors: what looks on while chains are sampled, and may end the run.
//!
//! The library prints nothing; progress bars and stopping rules are monitors. A monitor is called at the end of every segment of a run, a number of draws
//! that does not depend on the clock, so a rule that looks at draws and reports decides alike in every repetition. A function of [`Progress`] is a
//! monitor, two of them are as a pair, and `()` watches nothing.

use std::ops::ControlFlow;
use std::time::Duration;

use gibbsian_core::Result;

use crate::report::Report;

/// Where a run stands.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// The number of steps of every chain so far, those of warming up among them.
    pub n_steps: u64,
    /// The number of steps that it will have made at the end.
    pub n_steps_in_all: u64,
    /// What has come out so far, over the whole run.
    pub report: &'a Report,
    /// Since this process began or resumed the run.
    pub elapsed: Duration,
    /// What the remaining steps will take at the mean speed so far.
    pub remaining: Duration,
}

/// Whether to go on: [`ControlFlow::Break`] ends the run after this segment.
pub type GoOn = ControlFlow<()>;

/// The answer that lets a run go on.
pub const GO_ON: GoOn = ControlFlow::Continue(());

/// The answer that ends a run.
pub const STOP: GoOn = ControlFlow::Break(());

/// Something that watches a run.
pub trait Monitor {
    /// Called after every segment, the last one too.
    ///
    /// # Errors
    /// Whatever the monitor cannot do; it ends the run.
    fn on_segment(&mut self, progress: &Progress<'_>) -> Result<GoOn>;
}

/// The monitor that watches nothing.
impl Monitor for () {
    fn on_segment(&mut self, _: &Progress<'_>) -> Result<GoOn> {
        Ok(GO_ON)
    }
}

impl<F: FnMut(&Progress<'_>) -> Result<GoOn>> Monitor for F {
    fn on_segment(&mut self, progress: &Progress<'_>) -> Result<GoOn> {
        self(progress)
    }
}

/// Both watch; the run ends when one of them wants it to.
impl<A: Monitor, B: Monitor> Monitor for (A, B) {
    fn on_segment(&mut self, progress: &Progress<'_>) -> Result<GoOn> {
        let first = self.0.on_segment(progress)?;
        let second = self.1.on_segment(progress)?;
        Ok(if first.is_break() { first } else { second })
    }
}
