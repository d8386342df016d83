//! Training objectives and training steps.
//!
//! An [`Objective`] turns a model and a minibatch into a loss and a gradient; it knows the model only by the rung of the ladder that it
//! needs. A [`TrainStep`] changes the model. The generic step is an objective plus an optimiser; a model's own crate may offer a
//! fused step, where crossing the `f64` boundary with all parameters would cost more than the step itself, and a test then ties
//! the fused step to the generic one.

use ndarray::{ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::error::Result;

/// A loss with a gradient estimate.
pub trait Objective<M: ?Sized> {
    /// **Overwrites** `grad` with an estimate of the gradient of the loss in the parameters, on the minibatch `x` `(B, D)`, and
    /// returns the loss or the surrogate that the documentation names.
    ///
    /// # Errors
    /// A batch that does not fit the model, or a non-finite loss.
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64>;
}

/// One change of a model's parameters from one minibatch.
pub trait TrainStep<M: ?Sized> {
    /// Updates `model` from the minibatch `x` `(B, D)` at the given learning rate and returns the objective's loss.
    ///
    /// # Errors
    /// A batch that does not fit the model, or parameters that would become non-finite, by name.
    fn train_step(
        &mut self,
        model: &mut M,
        x: ArrayView2<f64>,
        learning_rate: f64,
        rng: &mut dyn Rng,
    ) -> Result<f64>;
}
