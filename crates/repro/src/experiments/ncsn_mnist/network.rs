//! The network and its training.

use gibbsian_core::dataset::Matrix;
use gibbsian_core::{NoiseLadder, Parametric, Seed};
use gibbsian_data::{LastBatch, Minibatches};
use gibbsian_nn::{Net, NeuralScore, NeuralTimeScore, Picture, UNet, Var};
use gibbsian_objectives::{MultiLevelDenoising, RowUniforms};
use gibbsian_train::{
    Adam, AdamOptions, AveragingWarmUp, CheckpointFiles, Checkpointing, Clipped, Cosine, Decay, Descent,
    EachStep, Ema, GO_ON, Trainer, WarmedUp,
};

use crate::pictures::Pictures;
use crate::{Context, Result, models};

/// Everything that a trained network depends on besides the data and the seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recipe {
    pub(super) name: &'static str,
    pub(super) channels: &'static [usize],
    pub(super) largest: f64,
    pub(super) smallest: f64,
    pub(super) n_levels: usize,
    pub(super) n_steps: u64,
    pub(super) weighting: Weighting,
}

/// The weights of the levels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Weighting {
    /// `λ = σ²`.
    Variance,
    /// `λ = 1`.
    One,
}

const BATCH: usize = 64;
const RATE: f64 = 2e-3;
/// Columns of the embedding of a level.
const EMBEDDING: usize = 32;

impl Recipe {
    pub(super) fn ladder(&self) -> Result<NoiseLadder> {
        Ok(NoiseLadder::geometric(
            self.largest,
            self.smallest,
            self.n_levels,
        )?)
    }

    /// The network before training.
    pub(super) fn network(&self, pictures: &Pictures, seed: Seed) -> Result<NeuralTimeScore> {
        let second_moment = pictures.train.iter().map(|x| x * x).sum::<f64>() / pictures.train.len() as f64;
        let forward = |net: &mut Net<'_>, x, sigma| {
            let level = net.log(sigma);
            let waves = net.fourier_embedding(level, EMBEDDING, 0.25, Seed::new(17));
            let embedding = net.dense("embedding", waves, EMBEDDING);
            let embedding = net.silu(embedding);
            self.score(net, pictures, x, Some(embedding), sigma, second_moment)
        };
        Ok(NeuralTimeScore::new(pictures.dim(), forward, &mut seed.rng())?)
    }

    /// The network of one level.
    pub(super) fn unconditional(&self, pictures: &Pictures, seed: Seed) -> Result<NeuralScore> {
        let forward = |net: &mut Net<'_>, x| {
            let sigma = net.constant(1, self.smallest);
            self.score(net, pictures, x, None, sigma, 1.0)
        };
        Ok(NeuralScore::new(pictures.dim(), forward, &mut seed.rng())?)
    }

    /// `−x/(σ² + c²) + (c/σ) f(x/√(σ² + c²), σ)/√(σ² + c²)`.
    fn score(
        &self,
        net: &mut Net<'_>,
        pictures: &Pictures,
        x: Var,
        embedding: Option<Var>,
        sigma: Var,
        second_moment: f64,
    ) -> Var {
        let variance = net.square(sigma);
        let moment = net.constant(1, second_moment);
        let total = net.add(variance, moment);
        let root = net.sqrt(total);
        let inverse_root = net.recip(root);
        let scaled = net.times(x, inverse_root);
        let sizes = UNet::new(self.channels.to_vec());
        let picture = Picture::new(scaled, pictures.side, pictures.side, 1);
        let f = net.unet("net", picture, embedding, &sizes).node;
        let inverse_sigma = net.recip(sigma);
        let inverse_sigma = net.scale(second_moment.sqrt(), inverse_sigma);
        let f = net.times(f, inverse_sigma);
        let difference = net.sub(f, scaled);
        net.times(difference, inverse_root)
    }

    /// Trains the network, or goes on where an interrupted run stopped, and gives it the average of its last weights.
    pub(super) fn train(&self, ctx: &Context, pictures: &Pictures) -> Result<NeuralTimeScore> {
        // Both weightings begin alike and see the same minibatches and noise.
        let seed = ctx.seed().child("training");
        let mut model = self.network(pictures, seed.child("weights"))?;
        let objective = MultiLevelDenoising::new(self.ladder()?).with_rows(RowUniforms::Stratified);
        let objective = match self.weighting {
            Weighting::Variance => objective,
            Weighting::One => objective.weighted_by(|_| 1.0)?,
        };
        let data = Matrix::new(pictures.train.view())?;
        let mut order = Minibatches::new(
            pictures.train.nrows(),
            BATCH,
            LastBatch::Drop,
            seed.child("order"),
        )?;
        let steps_per_epoch = (pictures.train.nrows() / BATCH) as u64;
        let n_epochs = self.n_steps.div_ceil(steps_per_epoch);
        let rate = WarmedUp::new(100, Cosine::new(RATE, 0.0, n_epochs * steps_per_epoch)?)?;
        let trainer = Trainer::new(n_epochs, rate, seed.child("steps"))?;
        let adam = Adam::new(&model.layout(), AdamOptions::default(), Decay::NONE)?;
        let descent = Descent::new(objective, Clipped::new(adam, 10.0)?);
        let mut step = Ema::new(descent, &model, AveragingWarmUp::new(0.999)?)?;
        let mut watch = EachStep::new(|_: &NeuralTimeScore, progress: &gibbsian_train::Progress| {
            let stage = format!("training {}", self.name);
            ctx.progress(progress.step as usize, progress.n_steps as usize, &stage);
            Ok(GO_ON)
        });
        let folder = ctx.checkpoint_dir()?.join(self.name);
        let mut checkpointing = Checkpointing::new(CheckpointFiles::new(&folder)?, 500, self.text())?;
        checkpointing.fit(&trainer, &mut model, &mut step, &data, &mut order, &mut watch)?;
        step.apply_to(&mut model)?;
        Ok(model)
    }

    fn text(&self) -> String {
        format!("{self:?}, minibatches of {BATCH}, Adam at {RATE}, embedding of {EMBEDDING}")
    }

    /// Leaves the weights beside the report.
    pub(super) fn keep(&self, ctx: &mut Context, name: &str, model: &NeuralTimeScore) -> Result<()> {
        let caption = format!(
            "Averaged weights after {} updates, made up to whole passes. Recipe: {}",
            self.n_steps,
            self.text()
        );
        ctx.weights(name, &caption, &self.text(), self.n_steps, models::weights(model))
    }
}
