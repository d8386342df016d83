//! The network and its training.

use gibbsian_core::{Dataset, Directions, Objective, Parametric, Seed, Snapshot, Space, Streams};
use gibbsian_data::{LastBatch, Minibatches};
use gibbsian_nn::{Activation, Init, Net, NeuralEnergy, Picture, Var};
use gibbsian_objectives::{
    Draws, Replay, ReplayBuffer, ReplayContrastiveDivergence, ShortRunContrastiveDivergence, Source,
};
use gibbsian_samplers::UnadjustedLangevin;
use gibbsian_train::{
    Adam, AdamOptions, CheckpointFiles, Checkpointing, Decay, Descent, EachStep, GO_ON, GuardOptions,
    Guarded, Linear, LossWithin, Trainer, WarmedUp,
};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis as Along};
use rand::{Rng, RngExt};

use crate::pictures::Pictures;
use crate::{Context, Result, models};

/// Everything that a trained network depends on besides the data and the seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recipe {
    pub(super) name: &'static str,
    /// Channels of convolutions by 4 × 4 taps, each of which halves the picture; there may be none.
    pub(super) channels: &'static [usize],
    /// Units of the dense layers after them.
    pub(super) hidden: &'static [usize],
    /// The noise of the data, `σ`.
    pub(super) sigma: f64,
    /// Langevin steps an update.
    pub(super) n_langevin: usize,
    pub(super) n_updates: u64,
    pub(super) rate: f64,
    /// Chains in the replay buffer.
    pub(super) capacity: usize,
}

/// Data and chains of an update.
const BATCH: usize = 100;
/// The Langevin step in units of `σ²`; up to a half there is an energy whose chains have the law of the data.
const STEP: f64 = 0.25;
/// The probability that a chain of the buffer starts anew when it is taken.
const REINITIALISE: f64 = 0.01;
/// The factor `c` before the network, the order of `1/σ`: the energy's slope in every pixel is of that order, and a network's of order one.
const FACTOR: f64 = 10.0;

/// A trained energy.
pub(super) struct Trained {
    pub(super) model: NeuralEnergy,
    /// The mean energy gap of every epoch.
    pub(super) gaps: Vec<f64>,
    /// The chains of its buffer, where it has one.
    pub(super) buffer: Array2<f64>,
}

impl Recipe {
    pub(super) fn kernel(&self) -> Result<UnadjustedLangevin> {
        Ok(UnadjustedLangevin::new(STEP * self.sigma * self.sigma)?)
    }

    /// Where chains start: uniform pixels.
    pub(super) fn noise(&self, dim: usize) -> impl Source + Copy + use<> {
        Draws(move |n: usize, rng: &mut dyn Rng| Array2::from_shape_simple_fn((n, dim), || rng.random()))
    }

    /// The energy before training.
    pub(super) fn network(&self, pictures: &Pictures, seed: Seed) -> Result<NeuralEnergy> {
        let n = pictures.train.len() as f64;
        let mean = pictures.train.sum() / n;
        let spread = (pictures.train.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        let forward = |net: &mut Net<'_>, x: Var| {
            let mean = net.constant(pictures.dim(), mean);
            let centred = net.sub(x, mean);
            let scaled = net.scale(spread.recip(), centred);
            let mut h = Picture::new(scaled, pictures.side, pictures.side, 1);
            for (k, &channels) in self.channels.iter().enumerate() {
                h = net.strided_conv2d(&format!("conv{k}"), h, channels, 4, 2, Init::LeCun);
                h.node = net.silu(h.node);
            }
            let f = net.mlp("dense", h.node, self.hidden, 1, Activation::Silu);
            let f = net.scale(FACTOR, f);
            net.confined(f, centred, 1.0)
        };
        Ok(NeuralEnergy::new(pictures.dim(), forward, &mut seed.rng())?)
    }

    /// Trains with chains that stay where they are.
    pub(super) fn train_persistent(&self, ctx: &Context, pictures: &Pictures) -> Result<Trained> {
        let source = self.noise(pictures.dim());
        let start = source.draw(self.capacity, &mut ctx.seed().child("buffer").rng());
        let replay = Replay {
            reinitialise: REINITIALISE,
            ..Replay::new(self.n_langevin, BATCH)
        };
        let buffer = ReplayBuffer::new(start)?;
        let objective = ReplayContrastiveDivergence::new(self.kernel()?, source, buffer, replay)?;
        let (model, gaps, objective) = self.train(ctx, pictures, "persistent", objective)?;
        Ok(Trained {
            model,
            gaps,
            buffer: objective.buffer().positions().to_owned(),
        })
    }

    /// Trains with chains that start at noise.
    pub(super) fn train_short_run(&self, ctx: &Context, pictures: &Pictures) -> Result<Trained> {
        let source = self.noise(pictures.dim());
        let objective = ShortRunContrastiveDivergence::new(self.kernel()?, source, self.n_langevin, BATCH)?;
        let (model, gaps, _) = self.train(ctx, pictures, "short-run", objective)?;
        Ok(Trained {
            model,
            gaps,
            buffer: Array2::zeros((0, pictures.dim())),
        })
    }

    /// Trains from the same initial weights, minibatches and noise of the data, whatever the objective, or goes on where an interrupted run stopped.
    fn train<O: Objective<NeuralEnergy> + Snapshot + Clone>(
        &self,
        ctx: &Context,
        pictures: &Pictures,
        kind: &str,
        objective: O,
    ) -> Result<(NeuralEnergy, Vec<f64>, O)> {
        let seed = ctx.seed().child("training");
        let mut model = self.network(pictures, seed.child("weights"))?;
        let data = Noised {
            pictures: pictures.train.view(),
            sigma: self.sigma,
        };
        let n = data.n_points();
        let mut order = Minibatches::new(n, BATCH, LastBatch::Drop, seed.child("order"))?;
        let steps_per_epoch = (n / BATCH) as u64;
        let n_epochs = self.n_updates.div_ceil(steps_per_epoch);
        let rate = WarmedUp::new(20, Linear::new(self.rate, 0.0, n_epochs * steps_per_epoch)?)?;
        let trainer = Trainer::new(n_epochs, rate, seed.child("steps"))?;
        let adam = Adam::new(&model.layout(), Self::adam(), Decay::NONE)?;
        let descent = Descent::new(objective, adam);
        // Some nats a pixel: the chains have left.
        let bound = 5.0 * pictures.dim() as f64;
        let within = LossWithin::new(-bound, bound)?;
        let mut step = Guarded::new(descent, &model, within, GuardOptions::default())?;
        let mut watch = EachStep::new(|_: &NeuralEnergy, progress: &gibbsian_train::Progress| {
            let stage = format!("training {kind}");
            ctx.progress(progress.step as usize, progress.n_steps as usize, &stage);
            Ok(GO_ON)
        });
        let mut checkpointing = Checkpointing::new(
            CheckpointFiles::new(ctx.checkpoint_dir()?.join(format!("{}-{kind}", self.name)))?,
            500,
            self.text(kind),
        )?;
        let (outcome, _) =
            checkpointing.fit(&trainer, &mut model, &mut step, &data, &mut order, &mut watch)?;
        let gaps = outcome.history.losses().to_vec();
        Ok((model, gaps, step.step().objective().clone()))
    }

    /// Without a memory of the gradient's direction, as Du and Mordatch have it.
    fn adam() -> AdamOptions {
        AdamOptions {
            beta1: 0.0,
            ..AdamOptions::default()
        }
    }

    fn text(&self, kind: &str) -> String {
        format!(
            "{kind}, {self:?}, minibatches and chains {BATCH}, step {STEP} σ², restarts {REINITIALISE}, factor {FACTOR}, {:?}",
            Self::adam()
        )
    }

    /// Leaves the weights beside the report.
    pub(super) fn keep(&self, ctx: &mut Context, name: &str, model: &NeuralEnergy) -> Result<()> {
        let caption = format!(
            "Weights after {} updates. Recipe: {}",
            self.n_updates,
            self.text(name)
        );
        ctx.weights(
            name,
            &caption,
            &self.text(name),
            self.n_updates,
            models::weights(model),
        )
    }
}

/// Pictures under fresh Gaussian noise on every visit.
struct Noised<'a> {
    pictures: ArrayView2<'a, f64>,
    sigma: f64,
}

impl Space for Noised<'_> {
    fn dim(&self) -> usize {
        self.pictures.ncols()
    }
}

impl Dataset for Noised<'_> {
    fn n_points(&self) -> usize {
        self.pictures.nrows()
    }

    fn rows_into(&self, indices: &[usize], streams: Streams, mut out: ArrayViewMut2<f64>) {
        out.assign(&noised(
            self.pictures.select(Along(0), indices).view(),
            self.sigma,
            streams,
        ));
    }
}

/// `x + σ z` of every row.
pub(super) fn noised(x: ArrayView2<f64>, sigma: f64, streams: Streams) -> Array2<f64> {
    let mut z = Array2::zeros(x.raw_dim());
    Directions::Gaussian.fill(streams, z.view_mut());
    z * sigma + x
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least variance of an unadjusted chain over all curvatures.
    #[test]
    fn the_step_is_one_that_some_energy_can_have() {
        let least = (1..10_000)
            .map(|k| 8.0 * f64::from(k) / 1e4)
            .filter(|curvature| STEP * curvature < 2.0)
            .map(|curvature| 1.0 / (curvature * (1.0 - STEP * curvature / 2.0)))
            .fold(f64::INFINITY, f64::min);
        assert!((least - 2.0 * STEP).abs() < 1e-6, "{least}");
        assert!(least < 1.0);
    }

    #[test]
    fn noise_is_fresh_and_has_its_deviation() {
        let pictures = Array2::from_elem((3, 64), 0.5);
        let data = Noised {
            pictures: pictures.view(),
            sigma: 0.1,
        };
        let rows = |key| data.rows(&[0; 1_000], Streams::from_key(key));
        let (x, other) = (rows(1), rows(2));
        assert_eq!(x, rows(1));
        assert_ne!(x, other);
        let n = x.len() as f64;
        let mean = x.sum() / n - 0.5;
        let square = x.iter().map(|x| (x - 0.5).powi(2)).sum::<f64>() / n;
        assert!(mean.abs() < 5.0 * 0.1 / n.sqrt(), "{mean}");
        assert!((square / 0.01 - 1.0).abs() < 5.0 * (2.0 / n).sqrt(), "{square}");
    }
}
