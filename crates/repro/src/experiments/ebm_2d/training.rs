//! The network and its training.

use gibbsian_core::dataset::Matrix;
use gibbsian_core::{Objective, ParametricMut, Seed, Space};
use gibbsian_data::{LastBatch, Minibatches};
use gibbsian_nn::{Activation, NeuralEnergy};
use gibbsian_train::{
    Adam, AdamOptions, Clipped, Cosine, Decay, Descent, EachStep, GO_ON, Trainer, WarmedUp,
};
use ndarray::Array2;

use super::CONFINEMENT;
use crate::{Context, Result};

/// Adam's first coefficient, where there is no game.
pub(super) const MOMENTUM: f64 = 0.9;
/// The learning rate.
pub(super) const RATE: f64 = 4e-3;

/// How long a model is trained.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    pub(super) batch: usize,
    pub(super) n_steps: u64,
    /// The learning rate after warming up; it falls to zero, so that the last weights need no average.
    pub(super) rate: f64,
    /// Adam's first coefficient.
    pub(super) momentum: f64,
}

/// A perceptron with two layers of 64 units, in the well of a normal law.
pub(super) fn network(seed: Seed) -> Result<NeuralEnergy> {
    Ok(NeuralEnergy::new(
        2,
        |net, x| {
            let e = net.mlp("energy", x, &[64, 64], 1, Activation::Silu);
            net.confined(e, x, CONFINEMENT)
        },
        &mut seed.rng(),
    )?)
}

/// Trains the model by the objective, and returns it with what trained it.
pub(super) fn train<M: ParametricMut + Space, O: Objective<M>>(
    ctx: &Context,
    data: &Array2<f64>,
    course: Course,
    name: &str,
    mut model: M,
    objective: O,
) -> Result<(M, Descent<O, Clipped<Adam>>)> {
    let seed = ctx.seed().child("training").child(name);
    let mut order = Minibatches::new(data.nrows(), course.batch, LastBatch::Drop, seed.child("order"))?;
    let steps_per_epoch = (data.nrows() / course.batch) as u64;
    let n_epochs = course.n_steps.div_ceil(steps_per_epoch);
    let rate = WarmedUp::new(100, Cosine::new(course.rate, 0.0, n_epochs * steps_per_epoch)?)?;
    let trainer = Trainer::new(n_epochs, rate, seed.child("steps"))?;
    let options = AdamOptions {
        beta1: course.momentum,
        ..AdamOptions::default()
    };
    let adam = Adam::new(&model.layout(), options, Decay::NONE)?;
    let mut step = Descent::new(objective, Clipped::new(adam, 10.0)?);
    let stage = format!("training: {name}");
    let mut watch = EachStep::new(|_: &M, progress: &gibbsian_train::Progress| {
        ctx.progress(progress.step as usize, progress.n_steps as usize, &stage);
        Ok(GO_ON)
    });
    trainer.fit(
        &mut model,
        &mut step,
        &Matrix::new(data.view())?,
        &mut order,
        &mut watch,
    )?;
    Ok((model, step))
}
