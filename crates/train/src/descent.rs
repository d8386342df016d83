//! The generic training step: an objective gives a gradient, an optimiser moves along it.
//!
//! All parameters cross the `f64` boundary once in each direction, which costs `O(number of parameters)` and is the
//! price of serving every model; a model for which that is too much offers a fused [`TrainStep`] of its own.
//!
//! In steady state a step allocates what the objective, the optimiser and [`ParametricMut::update_params`] allocate themselves, and nothing else: the gradient's buffer is kept.

use gibbsian_core::{
    Error, Objective, ParametricMut, Record, Result, Snapshot, TrainStep, Values, first_non_finite,
};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::divergence::{CURE_OF_DIVERGENCE, largest_parameter};
use crate::optimiser::Optimiser;

/// Gradient descent of an [`Objective`] by an [`Optimiser`], for any model with visible parameters.
///
/// # Errors of its steps
/// A loss, a gradient or new parameters that are not finite stop the run with the name of the number, its value and the step, counted from zero. A gradient and new parameters are named with their index; a loss or a number that the objective met is told
/// with the parameter that is largest, by name, index and value. So does a chain that cannot start because the
/// model has no finite energy or score there, once there has been an update; before the first one, the model and the start are the caller's and refused by the words of the sampler.
/// The model is then as before the step. So is the optimiser when the loss or the gradient was at fault; when the
/// model refused the new parameters, the optimiser has already moved, and going on requires restoring it.
#[derive(Debug)]
pub struct Descent<O, P> {
    objective: O,
    optimiser: P,
    n_steps: u64,
    grad: Array1<f64>,
}

impl<O, P> Descent<O, P> {
    /// Descent of `objective` by `optimiser`, at step zero.
    pub fn new(objective: O, optimiser: P) -> Self {
        Descent {
            objective,
            optimiser,
            n_steps: 0,
            grad: Array1::zeros(0),
        }
    }

    /// The objective.
    pub fn objective(&self) -> &O {
        &self.objective
    }

    /// The optimiser.
    pub fn optimiser(&self) -> &P {
        &self.optimiser
    }

    /// The number of updates made so far.
    pub fn n_steps(&self) -> u64 {
        self.n_steps
    }
}

impl<M, O, P> TrainStep<M> for Descent<O, P>
where
    M: ParametricMut + ?Sized,
    O: Objective<M>,
    P: Optimiser,
{
    fn train_step(
        &mut self,
        model: &mut M,
        x: ArrayView2<f64>,
        learning_rate: f64,
        rng: &mut dyn Rng,
    ) -> Result<f64> {
        self.descend(model, learning_rate, |objective, model, grad| {
            objective.loss_and_grad_into(model, x, rng, grad)
        })
    }

    fn weighted_train_step(
        &mut self,
        model: &mut M,
        x: ArrayView2<f64>,
        w: ArrayView1<f64>,
        learning_rate: f64,
        rng: &mut dyn Rng,
    ) -> Result<f64> {
        self.descend(model, learning_rate, |objective, model, grad| {
            objective.weighted_loss_and_grad_into(model, x, w, rng, grad)
        })
    }
}

impl<O, P: Optimiser> Descent<O, P> {
    /// One step along the gradient that `differentiate` writes.
    fn descend<M: ParametricMut + ?Sized>(
        &mut self,
        model: &mut M,
        learning_rate: f64,
        differentiate: impl FnOnce(&mut O, &M, ArrayViewMut1<f64>) -> Result<f64>,
    ) -> Result<f64> {
        let n_params = model.n_params();
        if self.grad.len() != n_params {
            self.grad = Array1::zeros(n_params);
        }
        let loss = differentiate(&mut self.objective, model, self.grad.view_mut())
            .map_err(|error| self.with_step(error, model))?;
        if !loss.is_finite() {
            let context = self.at_step() + &largest_parameter(model);
            return Err(Error::non_finite("loss", loss, context).with_cure(CURE_OF_DIVERGENCE));
        }
        if let Some(i) = first_non_finite(self.grad.view()) {
            let name = format!("gradient of {}", model.layout().locate(i));
            return Err(Error::non_finite(name, self.grad[i], self.at_step()).with_cure(CURE_OF_DIVERGENCE));
        }
        let (optimiser, grad, step) = (&mut self.optimiser, &self.grad, self.n_steps);
        let update =
            model.update_params(&mut |params| optimiser.update(step, learning_rate, grad.view(), params));
        update.map_err(|refusal| self.of_parameter(refusal))?;
        self.n_steps += 1;
        Ok(loss)
    }
}

impl<O, P> Descent<O, P> {
    fn at_step(&self) -> String {
        format!("at step {}", self.n_steps)
    }

    /// Why the model refused its new parameters. It may have rules of its own; only what is not finite is reported with its step.
    fn of_parameter(&self, refusal: Error) -> Error {
        let Error::Parameter { name, value, .. } = &refusal else {
            return refusal;
        };
        match value.parse::<f64>() {
            Ok(number) if !number.is_finite() => {
                Error::non_finite(name.clone(), number, self.at_step()).with_cure(CURE_OF_DIVERGENCE)
            }
            _ => refusal,
        }
    }

    /// What the objective met, with the step and the largest parameter where it is a number that is not finite.
    fn with_step<M: ParametricMut + ?Sized>(&self, error: Error, model: &M) -> Error {
        let error = if self.n_steps == 0 {
            error
        } else {
            error.of_changed_model()
        };
        match error {
            Error::NonFinite {
                name, value, context, ..
            } => {
                let context = format!("{context} {}{}", self.at_step(), largest_parameter(model));
                Error::non_finite(name, value, context.trim_start()).with_cure(CURE_OF_DIVERGENCE)
            }
            other => other,
        }
    }
}

impl<O: Snapshot, P: Snapshot> Snapshot for Descent<O, P> {
    /// The number of steps, and the states of the objective (persistent chains) and the optimiser.
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        record.put("n_steps", &[], Values::U64(vec![self.n_steps]));
        record.put_part("objective", self.objective.snapshot());
        record.put_part("optimiser", self.optimiser.snapshot());
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let n_steps = record.u64s("n_steps", &[])?[0];
        let before = self.objective.snapshot();
        self.objective.restore(&record.part("objective"))?;
        if let Err(e) = self.optimiser.restore(&record.part("optimiser")) {
            // All or nothing: the objective accepts the state that it gave a moment ago.
            self.objective.restore(&before)?;
            return Err(e);
        }
        self.n_steps = n_steps;
        Ok(())
    }
}
