//! The stages of training, each resumable: greedy machines, the deep machine, the classifier.

use gibbsian_classical::dbm::discriminative::{CrossEntropy, FeedForward};
use gibbsian_classical::dbm::{
    BinaryDbm, FusedVariational, FusedVariationalOptions, GreedyStack, TossedFeatures, VariationalOptions,
};
use gibbsian_classical::{Bernoulli, BinaryRbm, Dbm, Dbn, FusedContrastiveDivergence, FusedOptions, Rbm};
use gibbsian_core::dataset::Matrix;
use gibbsian_core::{Dataset, ParametricMut, Snapshot, Space, Streams, TrainStep};
use gibbsian_data::{LastBatch, Minibatches, StochasticBinarised};
use gibbsian_train::{
    CheckpointFiles, Checkpointing, Decay, Descent, EachStep, GO_ON, Linear, Momentum, Trainer,
};
use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::{Context, Result};

/// Cases in a minibatch, and persistent chains.
pub(super) const BATCH: usize = 100;
/// The standard deviation of the first weights (Hinton 2012, section 8).
const WEIGHT_SCALE: f64 = 0.01;

/// How long and how fast a stage learns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) n_epochs: u64,
    pub(super) first: f64,
    pub(super) last: f64,
    pub(super) momentum: f64,
    pub(super) weight_decay: f64,
}

impl Rates {
    /// Contrastive divergence with one sweep.
    fn contrastive_divergence(self) -> FusedOptions {
        FusedOptions {
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            ..FusedOptions::default()
        }
    }

    /// Everything that a stage depends on besides what it starts from, the data and the seed.
    fn recipe(self, name: &str) -> String {
        format!("{name}: {self:?}, minibatches of {BATCH}, weights of {WEIGHT_SCALE}")
    }

    /// Leaves the weights of a stage with these rates beside the report.
    pub(super) fn keep(self, ctx: &mut Context, file: &str, name: &str, machine: &BinaryDbm) -> Result<()> {
        let recipe = self.recipe(name);
        let caption = format!("Weights after {} passes. Recipe: {recipe}", self.n_epochs);
        ctx.weights(file, &caption, &recipe, self.n_epochs, machine.snapshot())
    }
}

/// Runs a stage, or goes on where an interrupted run stopped.
fn fit<M: Space + ParametricMut, S: TrainStep<M> + Snapshot>(
    ctx: &Context,
    name: &str,
    rates: Rates,
    data: &dyn Dataset,
    model: &mut M,
    step: &mut S,
) -> Result<()> {
    let seed = ctx.seed().child(name);
    let mut order = Minibatches::new(data.n_points(), BATCH, LastBatch::Keep, seed.child("order"))?;
    let n_steps = rates.n_epochs * (data.n_points() / BATCH) as u64;
    let trainer = Trainer::new(
        rates.n_epochs,
        Linear::new(rates.first, rates.last, n_steps)?,
        seed,
    )?;
    let mut checkpointing = Checkpointing::new(
        CheckpointFiles::new(ctx.checkpoint_dir()?.join(name))?,
        600,
        rates.recipe(name),
    )?;
    let stage = format!("training {name}");
    let mut watch = EachStep::new(|_: &M, progress: &gibbsian_train::Progress| {
        ctx.progress(progress.step as usize, progress.n_steps as usize, &stage);
        Ok(GO_ON)
    });
    checkpointing.fit(&trainer, model, step, data, &mut order, &mut watch)?;
    Ok(())
}

/// The deep machine that greedy pretraining makes, by CD-1 of machines with copies in place of the missing neighbours.
pub(super) fn pretrained(
    ctx: &Context,
    name: &str,
    sizes: &[usize],
    rates: Rates,
    digits: &StochasticBinarised,
    base: &Bernoulli,
) -> Result<Dbm> {
    let mut stack = GreedyStack::new(base.clone(), &sizes[1..])?;
    while let Some(layer) = stack.next_layer() {
        let name = format!("{name}-layer-{layer}");
        let mut machine = stack.start(WEIGHT_SCALE, ctx.seed().child(&name))?;
        let mut step = stack.contrastive_divergence(rates.contrastive_divergence())?;
        let data = stack.features(digits)?;
        fit(ctx, &name, rates, &data, &mut machine, &mut step)?;
        stack.push(&machine)?;
    }
    Ok(stack.compose()?)
}

/// Small random weights: what learning starts from without pretraining.
pub(super) fn random(ctx: &Context, sizes: &[usize], base: &Bernoulli) -> Result<Dbm> {
    let hidden = sizes[1..].iter().map(|n| Bernoulli::unbiased(*n)).collect();
    Ok(Dbm::random(
        base.clone(),
        hidden,
        WEIGHT_SCALE,
        ctx.seed().child("random"),
    )?)
}

/// Which gradient is followed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Gradient<'a> {
    Plain,
    /// With offsets that begin at the mean pixels and follow the means of each positive phase at a rate.
    Centred {
        pixels: ArrayView1<'a, f64>,
        rate: f64,
    },
}

/// Variational learning with persistent chains, from a start.
pub(super) fn learn(
    ctx: &Context,
    name: &str,
    start: &Dbm,
    gradient: Gradient<'_>,
    rates: Rates,
    digits: &StochasticBinarised,
) -> Result<BinaryDbm> {
    let seed = ctx.seed().child(name);
    let rows: Vec<usize> = (0..BATCH).collect();
    let v = digits.rows(&rows, Streams::from_key(seed.child("chains").value()));
    let chains = start.draw_upward(v.view(), &mut seed.child("chains").rng())?;
    let settings = FusedVariationalOptions {
        phases: VariationalOptions {
            n_steps: 5,
            tolerance: 0.0,
            max_sweeps: 10,
        },
        momentum: rates.momentum,
        weight_decay: rates.weight_decay,
        ..FusedVariationalOptions::default()
    };
    let mut machine = BinaryDbm::from(start);
    let mut step = FusedVariational::new(settings, &machine, chains.view())?;
    if let Gradient::Centred { pixels, rate } = gradient {
        step = step.centred(&machine, pixels, rate)?;
    }
    fit(ctx, name, rates, digits, &mut machine, &mut step)?;
    Ok(machine)
}

/// A deep belief network of two machines by CD-1, the upper one on features of the lower.
pub(super) fn network(
    ctx: &Context,
    sizes: &[usize; 3],
    digits: &StochasticBinarised,
    base: &Bernoulli,
) -> Result<Dbn> {
    let rates = Rates {
        n_epochs: ctx.pick(12, 150),
        first: 0.05,
        last: 0.0005,
        momentum: 0.9,
        weight_decay: 0.001,
    };
    let bottom = restricted(ctx, "rbm", sizes[1], rates, digits, base, &[])?;
    let below = std::slice::from_ref(&bottom);
    let unbiased = Bernoulli::unbiased(sizes[1]);
    let top = restricted(ctx, "dbn-top", sizes[2], rates, digits, &unbiased, below)?;
    Ok(Dbn::new(Rbm::from(&bottom), vec![Rbm::from(&top)])?)
}

/// A restricted machine by CD-1, on digits or on tossed features of machines below.
fn restricted(
    ctx: &Context,
    name: &str,
    n_hidden: usize,
    rates: Rates,
    digits: &StochasticBinarised,
    base: &Bernoulli,
    below: &[BinaryRbm],
) -> Result<BinaryRbm> {
    let data = TossedFeatures::new(digits, below)?;
    let hidden = Bernoulli::unbiased(n_hidden);
    let start = Rbm::random(base.clone(), hidden, WEIGHT_SCALE, ctx.seed().child(name))?;
    let mut machine = BinaryRbm::from(&start);
    let mut step = FusedContrastiveDivergence::new(rates.contrastive_divergence())?;
    fit(ctx, name, rates, &data, &mut machine, &mut step)?;
    Ok(machine)
}

/// The inputs of a classifier: pictures, and for the net that a deep machine starts also the means of its second hidden layer.
pub(super) fn inputs(machine: Option<&BinaryDbm>, v: ArrayView2<f64>) -> Result<Array2<f64>> {
    Ok(match machine {
        Some(machine) => FeedForward::with_means(v, &machine.mean_field(v, 1e-3, 30)?),
        None => v.to_owned(),
    })
}

/// The net fine-tuned on labelled input rows.
pub(super) fn classifier(
    ctx: &Context,
    name: &str,
    mut net: FeedForward,
    rates: Rates,
    x: ArrayView2<f64>,
    labels: &[u8],
) -> Result<FeedForward> {
    let data = Matrix::new(CrossEntropy::rows(x, labels, 10)?)?;
    let layout = gibbsian_core::Parametric::layout(&net);
    let momentum = Momentum::new(
        &layout,
        gibbsian_train::Constant::new(rates.momentum)?,
        Decay::NONE,
    )?;
    let mut step = Descent::new(CrossEntropy, momentum);
    fit(ctx, name, rates, &data, &mut net, &mut step)?;
    Ok(net)
}
