//! A bound on the norm of every hidden unit's weights (Srebro and Shraibman 2005; Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov 2014, section 5.1).
//!
//! After every step the weights of a hidden unit whose norm `‖W_·j‖₂` exceeds the limit `c` are scaled back to it, which is the projection on the ball of that radius: with it the step is one of projected gradient
//! descent on the machines of `‖W_·j‖₂ ≤ c`. Large learning rates cannot blow weights up then, which is what makes it the companion of dropout. Unlike weight decay it
//! leaves small weights alone. Biases are free.

use gibbsian_core::error::check_positive;
use gibbsian_core::{Record, Result, Snapshot, TrainStep, Units};
use ndarray::{ArrayView1, ArrayView2, Axis};
use rand::Rng;

use super::Rbm;

impl<V: Units, H: Units> Rbm<V, H> {
    /// Scales the weights of every hidden unit whose norm exceeds `limit` back to it, and returns of how many units it did.
    ///
    /// A machine that is normalisable stays so: a unit with smaller weights is the same unit with a larger precision and its values on another scale.
    ///
    /// # Errors
    /// A limit that is not positive and finite.
    ///
    /// ```
    /// use gibbsian_classical::{Bernoulli, Rbm};
    /// use ndarray::array;
    ///
    /// let weights = array![[3.0, 0.3], [4.0, 0.4]];
    /// let mut rbm = Rbm::new(Bernoulli::unbiased(2), Bernoulli::unbiased(2), weights)?;
    /// assert_eq!(rbm.limit_norms(2.5)?, 1);
    /// assert_eq!(rbm.weights(), array![[1.5, 0.3], [2.0, 0.4]]);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn limit_norms(&mut self, limit: f64) -> Result<usize> {
        check_positive("limit", limit)?;
        let mut n_limited = 0;
        for mut column in self.weights.axis_iter_mut(Axis(1)) {
            let norm = norm(column.view());
            if norm > limit {
                column *= limit / norm;
                n_limited += 1;
            }
        }
        Ok(n_limited)
    }
}

/// The Euclidean norm, also where squares would overflow.
fn norm(w: ArrayView1<f64>) -> f64 {
    let largest = w.iter().fold(0.0f64, |largest, w| largest.max(w.abs()));
    if largest == 0.0 {
        return 0.0;
    }
    largest * w.iter().map(|w| (w / largest).powi(2)).sum::<f64>().sqrt()
}

/// A training step after which no hidden unit's weights have a norm above a limit.
///
/// Around a step of [`gibbsian_core::Objective`] and optimiser, or any other [`TrainStep`] of an [`Rbm`].
#[derive(Clone, Debug, PartialEq)]
pub struct MaxNorm<S> {
    step: S,
    limit: f64,
}

impl<S> MaxNorm<S> {
    /// The step with this limit; 3 to 4 are usual for zeros and ones.
    ///
    /// # Errors
    /// A limit that is not positive and finite.
    pub fn new(step: S, limit: f64) -> Result<Self> {
        check_positive("limit", limit)?;
        Ok(MaxNorm { step, limit })
    }

    /// The step without the limit.
    pub fn step(&self) -> &S {
        &self.step
    }

    /// The limit.
    pub fn limit(&self) -> f64 {
        self.limit
    }
}

impl<V: Units, H: Units, S: TrainStep<Rbm<V, H>>> TrainStep<Rbm<V, H>> for MaxNorm<S> {
    fn train_step(
        &mut self,
        model: &mut Rbm<V, H>,
        x: ArrayView2<f64>,
        learning_rate: f64,
        rng: &mut dyn Rng,
    ) -> Result<f64> {
        let loss = self.step.train_step(model, x, learning_rate, rng)?;
        model.limit_norms(self.limit)?;
        Ok(loss)
    }

    fn weighted_train_step(
        &mut self,
        model: &mut Rbm<V, H>,
        x: ArrayView2<f64>,
        w: ArrayView1<f64>,
        learning_rate: f64,
        rng: &mut dyn Rng,
    ) -> Result<f64> {
        let loss = self.step.weighted_train_step(model, x, w, learning_rate, rng)?;
        model.limit_norms(self.limit)?;
        Ok(loss)
    }

    fn learning_rate_scale(&self) -> f64 {
        self.step.learning_rate_scale()
    }
}

impl<S: Snapshot> Snapshot for MaxNorm<S> {
    /// The state of the step.
    fn snapshot(&self) -> Record {
        self.step.snapshot()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.step.restore(record)
    }
}
