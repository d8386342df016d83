//! Runs that survive interruptions: killed at any moment and started again, they end with the bits of an
//! uninterrupted run.
//!
//! A checkpoint holds the parameters of the model by name, the state of the training step (velocities, persistent
//! chains), and the number of steps with the losses so far. Generators and the order of the data have no state (see
//! [`crate::trainer`]). What is **not** in it must be the same when the run is started again: the program, the data
//! and all settings. The fingerprint of the recipe holds whoever resumes to it; it covers the caller's description,
//! the layout of the parameters, the schedule of learning rates, and the first minibatch with its numbers. The number
//! of epochs is left out on purpose: a finished run can be made longer.

use gibbsian_checkpoint::{Checkpoint, CheckpointFiles, Sha256, fingerprint};
use gibbsian_core::{BatchOrder, Dataset, Error, ParametricMut, Record, Result, Snapshot, Space, TrainStep};

use crate::divergence::check_every;
use crate::monitor::Monitor;
use crate::trainer::{Feed, Outcome, Position, Trainer};

/// Where and how often the state of a run is saved, and what the run is.
#[derive(Debug)]
pub struct Checkpointing {
    /// The files of this run and of no other.
    pub files: CheckpointFiles,
    /// The number of steps between two checkpoints, at least one. The end of a run is always saved.
    pub every_steps: u64,
    /// A text that says everything that the results depend on: the objective, the optimiser, their settings, the
    /// data. It is compared and never interpreted.
    pub recipe: String,
}

/// That a run was continued, and from where.
#[derive(Debug)]
#[non_exhaustive]
pub struct Resumed {
    /// The number of steps that had been made.
    pub step: u64,
    /// Why it was not continued from the newest checkpoint, if it was not.
    pub notice: Option<Error>,
}

impl Checkpointing {
    /// The run that `recipe` describes, saved in `files` every so many steps and at its end.
    ///
    /// # Errors
    /// `every_steps` is zero.
    pub fn new(files: CheckpointFiles, every_steps: u64, recipe: impl Into<String>) -> Result<Self> {
        Ok(Checkpointing {
            files,
            every_steps: check_every("every_steps", every_steps)?,
            recipe: recipe.into(),
        })
    }

    /// Trains as [`Trainer::fit`] does, from the last good checkpoint on where there is one, else from the beginning.
    ///
    /// Also says whether the run was resumed. A run that is complete already is restored and returns at once.
    ///
    /// # Errors
    /// Those of [`Trainer::fit`] and of [`CheckpointFiles`]; `every_steps` is zero; the checkpoint belongs to another
    /// recipe or seed, or is further than the run is long, or does not fit the model or the training step. When a
    /// checkpoint is refused, model and step are as they were.
    pub fn fit<M, S>(
        &mut self,
        trainer: &Trainer,
        model: &mut M,
        step: &mut S,
        data: &dyn Dataset,
        order: &mut dyn BatchOrder,
        monitor: &mut dyn Monitor<M>,
    ) -> Result<(Outcome, Option<Resumed>)>
    where
        M: Space + ParametricMut,
        S: TrainStep<M> + Snapshot,
    {
        trainer.check(model, data, order)?;
        check_every("every_steps", self.every_steps)?;
        let recipe = self.fingerprint(trainer, model, data, order);
        let seed = trainer.seed.value();

        let mut position = Position::default();
        let mut resumed = None;
        if let Some(loaded) = self.files.load()? {
            let checkpoint = loaded.checkpoint;
            checkpoint.check_run(&recipe, seed)?;
            let n_steps = trainer.n_steps(order)?;
            if checkpoint.step > n_steps {
                let requirement = format!("at most the {n_steps} steps of the run");
                return Err(Error::parameter("checkpoint.step", checkpoint.step, requirement));
            }
            position.step = checkpoint.step;
            position.history.restore(&checkpoint.record.part("history"))?;
            restore(model, step, &checkpoint.record)?;
            resumed = Some(Resumed {
                step: checkpoint.step,
                notice: loaded.notice,
            });
        }

        let (files, every_steps) = (&mut self.files, self.every_steps);
        let mut keep = |model: &M, step: &S, position: &Position, is_last: bool| {
            if !is_last && !position.step.is_multiple_of(every_steps) {
                return Ok(());
            }
            files.save(&Checkpoint {
                step: position.step,
                seed,
                recipe: recipe.clone(),
                record: record(model, step, position),
            })
        };
        let feed = Feed { data, order };
        let outcome = trainer.run(position, model, step, feed, monitor, &mut keep)?;
        Ok((outcome, resumed))
    }

    fn fingerprint<M: ParametricMut>(
        &self,
        trainer: &Trainer,
        model: &M,
        data: &dyn Dataset,
        order: &mut dyn BatchOrder,
    ) -> String {
        let steps_per_epoch = order.steps_per_epoch();
        let indices = order.batch(0);
        let rows = data.rows(indices, trainer.streams(0));
        let mut first = Sha256::new();
        for index in indices {
            first.update(&(*index as u64).to_le_bytes());
        }
        for value in &rows {
            first.update(&value.to_le_bytes());
        }
        fingerprint(&format!(
            "{}\nlearning rate: {:?}\nparameters: {:?}\ndata: {} x {}\nsteps per epoch: {steps_per_epoch}\nfirst minibatch: {:?}",
            self.recipe,
            trainer.learning_rate,
            model.layout(),
            data.n_points(),
            data.dim(),
            first.finish(),
        ))
    }
}

/// The state of a run as one record.
fn record<M: ParametricMut, S: Snapshot>(model: &M, step: &S, position: &Position) -> Record {
    let mut record = Record::new();
    record.put_part("model", Record::of_params(model));
    record.put_part("step", step.snapshot());
    record.put_part("history", position.history.snapshot());
    record
}

/// Puts the state of model and step back, both or neither.
fn restore<M: ParametricMut, S: Snapshot>(model: &mut M, step: &mut S, record: &Record) -> Result<()> {
    let params = record.part("model").params(&model.layout())?;
    let before = step.snapshot();
    step.restore(&record.part("step"))?;
    if let Err(refusal) = model.set_params(params.view()) {
        step.restore(&before)?;
        return Err(refusal);
    }
    Ok(())
}
