//! Training with the library's loop: resumable, logged, with its progress shown.

use std::time::{Duration, Instant};

use gibbsian_core::{Dataset, ParametricMut, Record, Seed, Snapshot, Space, TrainStep};
use gibbsian_data::{LastBatch, Minibatches};
use gibbsian_train::{
    CheckpointFiles, Checkpointing, Cosine, CsvLog, GO_ON, GoOn, Monitor, Rollback, STOP, Schedule, Trainer,
    WarmedUp,
};

use crate::data::Prepared;
use crate::failure::Result;
use crate::folder::Folder;
use crate::progress::Progress;

/// What all kinds are given to train with.
pub(crate) struct Job<'a> {
    /// The data.
    pub data: &'a Prepared,
    /// The seed of the run.
    pub seed: Seed,
    /// Where the run is kept.
    pub folder: &'a Folder,
    /// Everything that the results depend on besides the seed.
    pub recipe: &'a str,
    /// Where progress is shown.
    pub progress: &'a Progress,
    /// When to stop, resumably.
    pub deadline: Option<Instant>,
}

/// What training came to.
pub(crate) struct Trained {
    /// The parameters.
    pub weights: Record,
    /// The number of steps, over all stages.
    pub steps: u64,
    /// Whether training came to its end.
    pub completed: bool,
    /// At which step an interrupted run was taken up, and where a run that diverged went back.
    pub notices: Vec<String>,
}

/// How long and in which portions a stage looks at the data.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    /// The name of the stage.
    pub stage: String,
    /// Passes over the data.
    pub epochs: u64,
    /// Rows in a minibatch.
    pub batch: usize,
    /// Steps between two checkpoints.
    pub checkpoint_every: u64,
}

/// How a stage came out.
pub(crate) struct Stage {
    /// The number of steps made.
    pub steps: u64,
    /// Whether it came to its end.
    pub completed: bool,
    /// What is to be said about its resumption.
    pub resumed: Option<String>,
}

impl Course {
    /// Rows of a minibatch of so many points.
    pub(crate) fn batch_of(&self, n_points: usize) -> usize {
        self.batch.min(n_points)
    }

    /// The number of steps on so many points.
    pub(crate) fn n_steps(&self, n_points: usize) -> u64 {
        self.epochs
            .saturating_mul(n_points.div_ceil(self.batch_of(n_points)) as u64)
    }
}

impl Job<'_> {
    /// Runs a stage, or goes on where an interrupted run stopped; the stage that is logged has the log of the run.
    pub(crate) fn fit<M, S>(
        &self,
        course: Course,
        rate: impl Schedule + 'static,
        data: &dyn Dataset,
        model: &mut M,
        step: &mut S,
        log: Option<CsvLog<M>>,
    ) -> Result<Stage>
    where
        M: Space + ParametricMut,
        S: TrainStep<M> + Snapshot,
    {
        let stage = &course.stage;
        let seed = self.seed.child(stage);
        let batch = course.batch_of(data.n_points());
        let mut order = Minibatches::new(data.n_points(), batch, LastBatch::Keep, seed.child("order"))?;
        let trainer = Trainer::new(course.epochs, rate, seed)?;
        let mut checkpointing = Checkpointing::new(
            CheckpointFiles::new(self.folder.checkpoints(stage))?,
            course.checkpoint_every,
            format!("{stage}\n{}", self.recipe),
        )?;
        let mut watch = Watch {
            progress: self.progress,
            stage: format!("training {stage}"),
            deadline: self.deadline,
            log,
        };
        let (outcome, resumed) = checkpointing.fit(&trainer, model, step, data, &mut order, &mut watch)?;
        Ok(Stage {
            steps: outcome.n_steps,
            completed: outcome.completed,
            resumed: resumed.filter(|r| r.step > 0).map(|r| match r.notice {
                None => format!("{stage}: taken up at step {}", r.step),
                Some(notice) => format!(
                    "{stage}: taken up at step {} from the checkpoint before the newest: {notice}",
                    r.step
                ),
            }),
        })
    }
}

/// Shows progress, writes the log and looks at the clock.
struct Watch<'a, M> {
    progress: &'a Progress,
    stage: String,
    deadline: Option<Instant>,
    log: Option<CsvLog<M>>,
}

impl<M> Monitor<M> for Watch<'_, M> {
    fn on_step(&mut self, model: &M, progress: &gibbsian_train::Progress) -> gibbsian_core::Result<GoOn> {
        let remark = format!(
            ", epoch {} of {}, loss {:.4}",
            progress.epoch + 1,
            progress.n_epochs,
            progress.loss
        );
        self.progress
            .report(progress.step, progress.n_steps, &self.stage, &remark);
        let go_on = match &mut self.log {
            Some(log) => log.on_step(model, progress)?,
            None => GO_ON,
        };
        let is_up = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        Ok(if is_up { STOP } else { go_on })
    }

    fn on_epoch(
        &mut self,
        model: &M,
        progress: &gibbsian_train::Progress,
        history: &gibbsian_train::History,
    ) -> gibbsian_core::Result<GoOn> {
        match &mut self.log {
            Some(log) => log.on_epoch(model, progress, history),
            None => Ok(GO_ON),
        }
    }
}

/// What is to be said of a run that diverged and went back: nothing where it never did.
pub(crate) fn told(rollbacks: &[Rollback]) -> Option<String> {
    let last = rollbacks.last()?;
    let wrong = &last.divergence;
    Some(format!(
        "training diverged and went back {}, the last time from step {} to {}, where {} was {} and had to be {}; since then the learning rate is {} of what training.learning_rate says, which should be lower",
        match rollbacks.len() {
            1 => "once".into(),
            n => format!("{n} times"),
        },
        last.step,
        last.back_to,
        wrong.criterion,
        wrong.value,
        wrong.requirement,
        last.scale,
    ))
}

/// Steps over which the learning rate of networks rises.
const WARM_UP: u64 = 100;

/// The learning rate of networks: it rises to `rate` over a hundred steps, or half of a run that is shorter than two hundred, and falls from there along half a cosine that ends at zero with the run.
pub(crate) fn rise_and_fall(rate: f64, n_steps: u64) -> gibbsian_core::Result<WarmedUp<Cosine>> {
    let warm_up = WARM_UP.min(n_steps / 2).max(1);
    // The cosine begins where the rise ends.
    let fall = n_steps.saturating_sub(warm_up).max(1);
    WarmedUp::new(warm_up, Cosine::new(rate, 0.0, fall)?)
}

/// When a limit given in seconds is up.
pub(crate) fn deadline(seconds: Option<f64>) -> Option<Instant> {
    let limit = Duration::try_from_secs_f64(seconds?).ok()?;
    Instant::now().checked_add(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learning_rates_rise_and_end_at_zero_with_the_run() {
        for (n_steps, warm_up) in [(2, 1), (3, 1), (60, 30), (199, 99), (200, 100), (5_000, 100)] {
            let rate = rise_and_fall(0.25, n_steps).unwrap();
            let values: Vec<f64> = (0..=n_steps).map(|step| rate.value(step)).collect();
            let (rise, fall) = values.split_at(warm_up + 1);
            assert!(
                rise.windows(2).all(|pair| 0.0 < pair[0] && pair[0] < pair[1]),
                "{rise:?}"
            );
            assert_eq!(rise[warm_up], 0.25, "{n_steps}");
            assert!(fall.windows(2).all(|pair| pair[0] > pair[1]), "{fall:?}");
            assert_eq!(fall[fall.len() - 1], 0.0, "{n_steps}");
        }
        // The only step there is.
        assert_eq!(rise_and_fall(0.25, 1).unwrap().value(0), 0.125);
    }
}
