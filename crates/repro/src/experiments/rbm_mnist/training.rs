//! Training one machine, resumably, with its monitors.

use gibbsian_classical::{
    Bernoulli, BinaryRbm, FusedContrastiveDivergence, FusedOptions, FusedPersistent, Rbm,
};
use gibbsian_core::{Dataset, Error, Record, Snapshot, Streams, TrainStep, Values};
use gibbsian_data::{LastBatch, Minibatches, StochasticBinarised};
use gibbsian_objectives::pseudo_log_likelihood;
use gibbsian_train::{
    CheckpointFiles, Checkpointing, GO_ON, History, Linear, Monitor, Progress, Trainer, energy_gap,
};
use ndarray::{Array2, ArrayView2};
use rand::Rng;

use crate::{Context, Result};

/// Everything that a trained machine depends on besides the data and the seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recipe {
    pub(super) name: &'static str,
    pub(super) n_hidden: usize,
    pub(super) sweeps: Sweeps,
    pub(super) n_epochs: u64,
    /// The learning rate falls linearly between these.
    pub(super) rates: (f64, f64),
    pub(super) momentum: f64,
    pub(super) weight_decay: f64,
}

/// Gibbs sweeps an update, and where they start.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sweeps {
    /// At the data.
    FromData(usize),
    /// At the data, from one to so many in the course of training; the learning rate is divided by their number.
    GrowingTo(usize),
    /// Where the last ones ended.
    Persistent(usize),
}

/// Cases in a minibatch, and persistent chains.
const BATCH: usize = 100;
/// The standard deviation of the first weights (Hinton 2012, section 8).
const WEIGHT_SCALE: f64 = 0.01;
/// Digits on either side of the free-energy gap.
const N_MONITORED: usize = 5_000;
/// Held-out digits of the pseudo-likelihood, which looks at every pixel of each.
const N_PSEUDO: usize = 200;

/// A trained machine and how it went.
pub(super) struct Trained {
    pub(super) machine: BinaryRbm,
    pub(super) curve: Curve,
    recipe: String,
    n_steps: u64,
}

impl Trained {
    /// Leaves the weights beside the report.
    pub(super) fn keep(&self, ctx: &mut Context, name: &str) -> Result<()> {
        let caption = format!("Weights after {} updates. Recipe: {}", self.n_steps, self.recipe);
        ctx.weights(
            name,
            &caption,
            &self.recipe,
            self.n_steps,
            self.machine.snapshot(),
        )
    }
}

/// The monitors of a run.
pub(super) struct Curve {
    pub(super) name: &'static str,
    pub(super) points: Vec<Point>,
}

/// The monitors at the end of one epoch.
pub(super) struct Point {
    pub(super) epoch: u64,
    pub(super) loss: f64,
    pub(super) gap: f64,
    pub(super) gap_error: f64,
    /// The mean pseudo-log-likelihood of some held-out digits, in nats.
    pub(super) pseudo: f64,
}

impl Recipe {
    /// Trains the machine, or goes on where an interrupted run stopped.
    pub(super) fn train(
        self,
        ctx: &Context,
        train: &StochasticBinarised,
        held_out: &StochasticBinarised,
        base: &Bernoulli,
    ) -> Result<Trained> {
        let seed = ctx.seed().child(self.name);
        // Visible biases start at the base rates, so that the weights need not learn them (Hinton 2012, section 8.1).
        let hidden = Bernoulli::unbiased(self.n_hidden);
        let machine = BinaryRbm::from(&Rbm::random(base.clone(), hidden, WEIGHT_SCALE, seed)?);
        let settings = |n_steps| FusedOptions {
            n_steps,
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            ..FusedOptions::default()
        };
        match self.sweeps {
            Sweeps::FromData(n) => {
                let step = FusedContrastiveDivergence::new(settings(n))?;
                self.run(ctx, machine, step, train, held_out)
            }
            Sweeps::GrowingTo(n) => {
                let step = Growing {
                    step: FusedContrastiveDivergence::new(settings(1))?,
                    to: n as u64,
                    n_steps: self.n_steps(train),
                    done: 0,
                };
                self.run(ctx, machine, step, train, held_out)
            }
            Sweeps::Persistent(n) => {
                let start: Array2<f64> = train.rows(
                    &(0..BATCH).collect::<Vec<_>>(),
                    Streams::from_key(seed.child("chains").value()),
                );
                let step = FusedPersistent::new(settings(n), start.view())?;
                self.run(ctx, machine, step, train, held_out)
            }
        }
    }

    /// Updates of the whole training.
    fn n_steps(self, train: &StochasticBinarised) -> u64 {
        self.n_epochs * (train.n_points() / BATCH) as u64
    }

    fn run<S: TrainStep<BinaryRbm> + Snapshot>(
        self,
        ctx: &Context,
        mut machine: BinaryRbm,
        mut step: S,
        train: &StochasticBinarised,
        held_out: &StochasticBinarised,
    ) -> Result<Trained> {
        let seed = ctx.seed().child(self.name);
        let n_steps = self.n_steps(train);
        let mut order = Minibatches::new(train.n_points(), BATCH, LastBatch::Keep, seed.child("order"))?;
        let trainer = Trainer::new(
            self.n_epochs,
            Linear::new(self.rates.0, self.rates.1, n_steps)?,
            seed,
        )?;
        let folder = super::checkpoints(ctx, self.name)?;
        let recipe = format!("{self:?}, minibatches of {BATCH}, weights of {WEIGHT_SCALE}");
        let mut checkpointing = Checkpointing::new(CheckpointFiles::new(&folder)?, 600, recipe.clone())?;
        let mut watch = Watch {
            ctx,
            recipe: self,
            train: StochasticBinarised::new(train.images().select(&(0..N_MONITORED).collect::<Vec<_>>())?),
            held_out: StochasticBinarised::new(
                held_out.images().select(&(0..N_MONITORED).collect::<Vec<_>>())?,
            ),
            folder: folder.clone(),
        };
        checkpointing.fit(&trainer, &mut machine, &mut step, train, &mut order, &mut watch)?;
        let points = (0..self.n_epochs)
            .map(|epoch| watch.read(epoch))
            .collect::<Result<_>>()?;
        Ok(Trained {
            machine,
            curve: Curve {
                name: self.name,
                points,
            },
            recipe,
            n_steps,
        })
    }
}

/// Contrastive divergence whose number of sweeps grows.
struct Growing {
    step: FusedContrastiveDivergence,
    to: u64,
    n_steps: u64,
    done: u64,
}

impl TrainStep<BinaryRbm> for Growing {
    fn train_step(
        &mut self,
        machine: &mut BinaryRbm,
        x: ArrayView2<f64>,
        learning_rate: f64,
        rng: &mut dyn Rng,
    ) -> gibbsian_core::Result<f64> {
        let n_sweeps = 1 + (self.done * self.to / self.n_steps).min(self.to - 1);
        self.step.set_n_steps(n_sweeps as usize)?;
        let said = self
            .step
            .train_step(machine, x, learning_rate / n_sweeps as f64, rng)?;
        self.done += 1;
        Ok(said)
    }
}

impl Snapshot for Growing {
    fn snapshot(&self) -> Record {
        let mut record = self.step.snapshot();
        record.put("done", &[1], Values::U64(vec![self.done]));
        record
    }

    fn restore(&mut self, record: &Record) -> gibbsian_core::Result<()> {
        self.step.restore(record)?;
        self.done = record.u64s("done", &[1])?[0];
        Ok(())
    }
}

/// Shows progress, and keeps the monitors of each epoch in a file beside the checkpoints, so that they survive an interruption.
struct Watch<'a> {
    ctx: &'a Context,
    recipe: Recipe,
    train: StochasticBinarised,
    held_out: StochasticBinarised,
    folder: std::path::PathBuf,
}

impl Watch<'_> {
    fn path(&self, epoch: u64) -> std::path::PathBuf {
        self.folder.join(format!("epoch-{epoch}.txt"))
    }

    fn read(&self, epoch: u64) -> Result<Point> {
        let path = self.path(epoch);
        let text = std::fs::read_to_string(&path).map_err(|e| Error::file(&path, "read", e))?;
        let numbers: Vec<f64> = text
            .split_whitespace()
            .map(str::parse)
            .collect::<std::result::Result<_, _>>()?;
        match numbers[..] {
            [loss, gap, gap_error, pseudo] => Ok(Point {
                epoch: epoch + 1,
                loss,
                gap,
                gap_error,
                pseudo,
            }),
            _ => Err(Error::format(path.display().to_string(), &text, "four numbers").into()),
        }
    }
}

impl Monitor<BinaryRbm> for Watch<'_> {
    fn on_step(
        &mut self,
        _machine: &BinaryRbm,
        progress: &Progress,
    ) -> gibbsian_core::Result<std::ops::ControlFlow<()>> {
        let stage = format!("training {}", self.recipe.name);
        self.ctx
            .progress(progress.step as usize, progress.n_steps as usize, &stage);
        Ok(GO_ON)
    }

    fn on_epoch(
        &mut self,
        machine: &BinaryRbm,
        progress: &Progress,
        _history: &History,
    ) -> gibbsian_core::Result<std::ops::ControlFlow<()>> {
        let toss = Streams::from_key(self.ctx.seed().child("monitor toss").value());
        let gap = energy_gap(machine, &self.train, &self.held_out, toss)?;
        let path = self.path(progress.epoch);
        let some = self
            .held_out
            .rows(&(0..N_PSEUDO).collect::<Vec<_>>(), toss.part(2));
        let pseudo = pseudo_log_likelihood(machine, some.view())?;
        let text = format!(
            "{:?} {:?} {:?} {pseudo:?}\n",
            progress.loss, gap.gap, gap.standard_error
        );
        crate::files::write_atomic(&path, text.as_bytes())?;
        Ok(GO_ON)
    }
}
