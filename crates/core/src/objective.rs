//! Training objectives and training steps.
//!
//! An [`Objective`] turns a model and a minibatch into a loss and a gradient; it knows the model only by the rung of the ladder that it
//! needs. A [`TrainStep`] changes the model. The generic step is an objective plus an optimiser; a model's own crate may offer a
//! fused step, where crossing the `f64` boundary with all parameters would cost more than the step itself, and a test then ties
//! the fused step to the generic one.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::error::{Error, Result};

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

    /// The same where the rows count by weights `w` `(B)`: every mean over the minibatch becomes `Σ_b w_b (…)_b / B`, and what does not depend on a row counts `Σ_b w_b / B` times.
    ///
    /// The weights of a data set have mean one, so that the gradients of its minibatches are unbiased for the weighted mean over all of it. Provided: a refusal, since an objective that took
    /// weights and forgot them would be silently wrong.
    ///
    /// # Errors
    /// Those of [`Objective::loss_and_grad_into`], and an objective that takes all rows alike.
    fn weighted_loss_and_grad_into(
        &mut self,
        _model: &M,
        _x: ArrayView2<f64>,
        _w: ArrayView1<f64>,
        _rng: &mut dyn Rng,
        _grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        Err(Error::parameter(
            "weights",
            "given",
            "absent: this objective takes all rows alike",
        ))
    }
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

    /// The same from rows that count by weights `w` `(B)`, as in [`Objective::weighted_loss_and_grad_into`].
    ///
    /// # Errors
    /// Those of [`TrainStep::train_step`], and a step that takes all rows alike, as the provided one does.
    fn weighted_train_step(
        &mut self,
        _model: &mut M,
        _x: ArrayView2<f64>,
        _w: ArrayView1<f64>,
        _learning_rate: f64,
        _rng: &mut dyn Rng,
    ) -> Result<f64> {
        Err(Error::parameter(
            "weights",
            "given",
            "absent: this training step takes all rows alike",
        ))
    }

    /// What the step multiplies the learning rate by that it is given, so that whoever looks on can tell at which rate the last step was made. Provided: 1.
    ///
    /// A step around another passes on what that one says, times a factor of its own.
    fn learning_rate_scale(&self) -> f64 {
        1.0
    }
}
