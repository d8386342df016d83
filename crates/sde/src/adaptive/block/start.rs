//! How the rows of a block begin: their first velocity, and the size of their first step.

use gibbsian_core::error::Result;

use super::super::Field;
use super::super::combine::advance;
use super::{Block, norm};

impl<F: Field> Block<'_, F> {
    /// The first stage of the first step, and how long that should be.
    pub(super) fn start(&mut self) -> Result<()> {
        let task = self.task;
        self.evaluate(0);
        self.count_evaluations(1);
        for b in 0..self.rows.len() {
            if let Some(value) = self
                .coordinates(&self.stages[0], b)
                .iter()
                .find(|v| !v.is_finite())
            {
                return Err(self.not_finite(b, *value));
            }
            for (i, event) in task.events.iter().enumerate() {
                let value = event.first_value(self.coordinates(&self.x, b), task.from);
                self.event_values[b * task.events.len() + i] = value;
            }
        }
        let direction = (task.to - task.from).signum();
        let span = (task.to - task.from).abs();
        if let Some(step) = task.settings.first_step {
            for row in &mut self.rows {
                row.step = direction * step.min(span).min(task.settings.max_step);
            }
            return Ok(());
        }
        let sizes = |block: &Self, b: usize, v: &dyn Fn(usize) -> f64| {
            let square = |i: usize| {
                let at = b * block.width + i;
                let scale = task.absolute(i) + task.settings.relative_tolerance * block.x[at].abs();
                (v(at) / scale).powi(2)
            };
            norm(block.field.n_together(), block.width, square).sqrt()
        };
        for b in 0..self.rows.len() {
            let point = sizes(self, b, &|i| self.x[i]);
            let velocity = sizes(self, b, &|i| self.stages[0][i]);
            let trial = trial_step(point, velocity, span);
            let row = &mut self.rows[b];
            row.step = direction * trial;
            self.times[b] = if trial == span {
                task.to
            } else {
                task.from + row.step
            };
            self.h[b * self.width..][..self.width].fill(row.step);
        }
        let n = self.padded();
        advance(&self.x, &self.h, &[1.0], &self.stages, n, &mut self.y);
        self.evaluate(1);
        self.count_evaluations(1);
        for b in 0..self.rows.len() {
            let velocity = sizes(self, b, &|i| self.stages[0][i]);
            let trial = self.rows[b].step.abs();
            let change = sizes(self, b, &|i| (self.stages[1][i] - self.stages[0][i]) / trial);
            let step = first_step(
                trial,
                velocity,
                change,
                task.settings.pair.error_order() + 1,
                span,
            );
            self.rows[b].step = direction * step.min(task.settings.max_step);
        }
        Ok(())
    }
}

/// Hairer's guess of a first step: from the sizes of the point and of its velocity, in tolerances, a step for a trial.
fn trial_step(point: f64, velocity: f64, span: f64) -> f64 {
    let guess = if point < 1e-5 || velocity < 1e-5 {
        1e-6
    } else {
        0.01 * point / velocity
    };
    guess.min(span)
}

/// The same after the trial, which shows how fast the velocity changes: such that `h^{p+1}` times the larger of the two is a hundredth.
///
/// Source: Hairer, Nørsett and Wanner (1993), section II.4, "starting step size".
fn first_step(trial: f64, velocity: f64, change: f64, order: u32, span: f64) -> f64 {
    let largest = velocity.max(change);
    let guess = if largest <= 1e-15 {
        (1e-3 * trial).max(1e-6)
    } else {
        (0.01 / largest).powf(1.0 / f64::from(order + 1))
    };
    // A change that is not finite leaves the trial.
    if guess > 0.0 {
        guess.min(100.0 * trial).min(span)
    } else {
        trial
    }
}
