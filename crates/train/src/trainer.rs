//! The training loop.
//!
//! A run is a sequence of steps `t = 0, 1, …`; epoch `e` has the steps `e·S … (e+1)·S − 1`, where `S` is the order's
//! number of steps per epoch. Everything that a step uses is a function of the run's seed and of `t`: the minibatch
//! ([`BatchOrder`]), the learning rate ([`Schedule`]), the randomness of the view of the data, and the generator of
//! the training step. So no generator has a state that would have to be saved, and a run that continues from a
//! checkpoint of step `t` repeats the uninterrupted run bit for bit.

use std::time::{Duration, Instant};

use gibbsian_core::error::{check_positive, cure_of_rows};
use gibbsian_core::{BatchOrder, Dataset, Error, Result, Seed, Space, Streams, TrainStep};
use ndarray::{Array2, s};

use crate::divergence::CURE_OF_DIVERGENCE;
use crate::history::History;
use crate::monitor::{Monitor, Progress};
use crate::schedule::Schedule;

/// What a run is besides its model, its training step and its data.
#[derive(Debug)]
pub struct Trainer {
    /// The number of times that the data are looked at, at least one.
    pub n_epochs: u64,
    /// The learning rate of every step; positive at each step of the run.
    pub learning_rate: Box<dyn Schedule>,
    /// The seed of the run; step `t` draws from its child `"step"`, the view of the data from its child `"data"`.
    pub seed: Seed,
}

/// How a run came out.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// The losses, an epoch at a time.
    pub history: History,
    /// The number of steps made, over the whole run.
    pub n_steps: u64,
    /// Whether all epochs were made, or a monitor ended the run before.
    pub completed: bool,
}

/// What the loop itself carries from step to step.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Position {
    /// The number of steps made.
    pub(crate) step: u64,
    pub(crate) history: History,
}

/// The data and the order in which they are looked at.
pub(crate) struct Feed<'a> {
    pub(crate) data: &'a dyn Dataset,
    pub(crate) order: &'a mut dyn BatchOrder,
}

impl Trainer {
    /// A run over `n_epochs` epochs.
    ///
    /// # Errors
    /// Zero epochs.
    pub fn new(n_epochs: u64, learning_rate: impl Schedule + 'static, seed: Seed) -> Result<Self> {
        let trainer = Trainer {
            n_epochs,
            learning_rate: Box::new(learning_rate),
            seed,
        };
        trainer.check_epochs()?;
        Ok(trainer)
    }

    /// Trains `model` by `step` on minibatches of `data`; `monitor` watches.
    ///
    /// [`crate::Checkpointing::fit`] does the same and survives interruptions.
    ///
    /// # Errors
    /// Zero epochs, no data, data of another dimension than the model's, an order with empty minibatches or with
    /// points that the data do not have, a learning rate that is not positive and finite, and what the training step
    /// or the monitor refuses. The model is then as the last good step left it.
    pub fn fit<M, S>(
        &self,
        model: &mut M,
        step: &mut S,
        data: &dyn Dataset,
        order: &mut dyn BatchOrder,
        monitor: &mut dyn Monitor<M>,
    ) -> Result<Outcome>
    where
        M: Space + ?Sized,
        S: TrainStep<M> + ?Sized,
    {
        self.check(model, data, order)?;
        let feed = Feed { data, order };
        self.run(
            Position::default(),
            model,
            step,
            feed,
            monitor,
            &mut |_, _, _, _| Ok(()),
        )
    }

    /// The loop from `position` on; `keep` is called after every step, and told whether it is the last.
    pub(crate) fn run<M, S>(
        &self,
        mut position: Position,
        model: &mut M,
        step: &mut S,
        feed: Feed<'_>,
        monitor: &mut dyn Monitor<M>,
        keep: &mut dyn FnMut(&M, &S, &Position, bool) -> Result<()>,
    ) -> Result<Outcome>
    where
        M: Space + ?Sized,
        S: TrainStep<M> + ?Sized,
    {
        let Feed { data, order } = feed;
        let steps_per_epoch = order.steps_per_epoch();
        let n_steps = self.n_steps(order)?;
        let mut rows = Array2::zeros((order.max_batch_size(), data.dim()));
        let (start, first) = (Instant::now(), position.step);

        while position.step < n_steps {
            let t = position.step;
            let learning_rate = self.learning_rate_at(t)?;
            let indices = check_batch_indices(order.batch(t), data.n_points(), rows.nrows(), t)?;
            let mut x = rows.slice_mut(s![..indices.len(), ..]);
            data.rows_into(indices, self.streams(t), x.view_mut());
            let mut rng = self.seed.child("step").nth(t).rng();
            let loss = match data.weights(indices) {
                None => step.train_step(model, x.view(), learning_rate, &mut rng)?,
                Some(w) => step.weighted_train_step(model, x.view(), w.view(), learning_rate, &mut rng)?,
            };
            if !loss.is_finite() {
                let error = Error::non_finite("loss", loss, format!("at step {t}"));
                return Err(error.with_cure(CURE_OF_DIVERGENCE));
            }
            position.step += 1;
            position.history.add(loss);

            let elapsed = start.elapsed();
            let mut progress = Progress {
                step: position.step,
                n_steps,
                epoch: t / steps_per_epoch,
                n_epochs: self.n_epochs,
                loss,
                learning_rate: learning_rate * step.learning_rate_scale(),
                elapsed,
                remaining: remaining(elapsed, position.step - first, n_steps - position.step),
            };
            let mut go_on = monitor.on_step(model, &progress)?;
            if position.step.is_multiple_of(steps_per_epoch) {
                progress.loss = position.history.end_epoch();
                if monitor.on_epoch(model, &progress, &position.history)?.is_break() {
                    go_on = crate::monitor::STOP;
                }
            }
            let is_last = go_on.is_break() || position.step == n_steps;
            keep(model, step, &position, is_last)?;
            if is_last {
                break;
            }
        }
        Ok(Outcome {
            completed: position.step >= n_steps,
            n_steps: position.step,
            history: position.history,
        })
    }

    /// Everything that can be refused before the first step.
    pub(crate) fn check<M: Space + ?Sized>(
        &self,
        model: &M,
        data: &dyn Dataset,
        order: &mut dyn BatchOrder,
    ) -> Result<()> {
        self.check_epochs()?;
        let n_points = data.n_points();
        if n_points == 0 {
            return Err(Error::parameter("data.n_points", 0, "at least 1"));
        }
        if data.dim() != model.dim() {
            let (found, required) = ([n_points, data.dim()], format!("(N, {})", model.dim()));
            return Err(Error::shape("data", &found, required).with_cure(cure_of_rows(found, model.dim())));
        }
        let batch_size = order.max_batch_size();
        if batch_size == 0 || batch_size > n_points {
            let requirement =
                format!("at least 1 and at most the number of points, {n_points}; take smaller minibatches");
            return Err(Error::parameter("order.max_batch_size", batch_size, requirement));
        }
        if order.steps_per_epoch() == 0 {
            return Err(Error::parameter("order.steps_per_epoch", 0, "at least 1"));
        }
        // The first and the last learning rate now, so that a long run does not end in an error that could have been
        // foreseen.
        self.learning_rate_at(0)?;
        self.learning_rate_at(self.n_steps(order)? - 1)?;
        Ok(())
    }

    /// The streams of the view of the data at step `t`.
    pub(crate) fn streams(&self, t: u64) -> Streams {
        Streams::from_key(self.seed.child("data").nth(t).value())
    }

    fn check_epochs(&self) -> Result<()> {
        if self.n_epochs == 0 {
            let requirement = "at least 1; an epoch sees every point once, and 10 to 100 are usual";
            return Err(Error::parameter("n_epochs", 0, requirement));
        }
        Ok(())
    }

    pub(crate) fn n_steps(&self, order: &dyn BatchOrder) -> Result<u64> {
        self.n_epochs
            .checked_mul(order.steps_per_epoch())
            .ok_or_else(|| Error::parameter("n_epochs", self.n_epochs, "so small that steps can be counted"))
    }

    fn learning_rate_at(&self, t: u64) -> Result<f64> {
        let value = self.learning_rate.value(t);
        check_positive("learning_rate", value).map_err(|_| {
            let requirement =
                format!("finite and greater than zero at step {t}; descent takes a positive rate, begin with 0.01 or 0.001");
            Error::parameter("learning_rate", value, requirement)
        })
    }
}

/// Requires a minibatch that is not empty, fits the buffer and has only points that exist.
fn check_batch_indices(indices: &[usize], n_points: usize, n_rows: usize, t: u64) -> Result<&[usize]> {
    if indices.is_empty() || indices.len() > n_rows {
        let name = format!("size of the minibatch of step {t}");
        let requirement = format!("at least 1 and at most {n_rows}");
        return Err(Error::parameter(name, indices.len(), requirement));
    }
    match indices.iter().find(|&&i| i >= n_points) {
        None => Ok(indices),
        Some(i) => {
            let name = format!("index in the minibatch of step {t}");
            let requirement = format!("below the number of points, {n_points}");
            Err(Error::parameter(name, i, requirement))
        }
    }
}

/// The time that steps still take if they go on as they did; as long as time can be where it cannot be said.
fn remaining(elapsed: Duration, n_made: u64, n_left: u64) -> Duration {
    let seconds = elapsed.as_secs_f64() / n_made as f64 * n_left as f64;
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_no_panic_however_long() {
        let second = Duration::from_secs(1);
        assert_eq!(remaining(second, 4, 8), 2 * second);
        // "Until the time is up", by steps of two seconds.
        assert_eq!(remaining(2 * second, 1, u64::MAX - 1), Duration::MAX);
    }
}
