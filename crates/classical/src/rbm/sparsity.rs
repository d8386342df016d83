//! A target for how often hidden units are on (Lee, Ekanadham and Ng 2008; Hinton 2012, section 11).
//!
//! The likelihood does not care whether a hidden unit is on for every case or for one in a hundred, and readers of features do. With the mean activity `q_j = ⟨E[h_j | v]⟩_data` over the minibatch
//! and the target `p`, a penalty is added to the loss,
//!
//! `λ Σ_j (q_j − p)²` or `λ Σ_j KL(p ‖ q_j)`,
//!
//! the first of Lee, Ekanadham and Ng, the second the cross-entropy of Hinton up to the constant `H(p)`. Its gradient is taken exactly, in biases and weights: with
//! `s_bj = m_bj (1 − m_bj)` the variance of unit `j` in case `b`,
//!
//! `∂q_j/∂c_j = ⟨s_j⟩`,  `∂q_j/∂W_ij = ⟨v_i s_j⟩`.
//!
//! Rejected: an average of `q` over past minibatches, as Hinton has it, and the derivative `q − p` passed to the biases alone, as many programs have it; both are the gradient of nothing.

use gibbsian_core::error::{check_loss, check_non_negative};
use gibbsian_core::{Error, Objective, Record, Result, Snapshot, Units};
use gibbsian_linalg::matmul;
use ndarray::{Array1, ArrayView2, ArrayViewMut1, Axis, Zip};
use rand::Rng;

use super::Rbm;
use crate::units::Bernoulli;

/// How the distance from the target is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Penalty {
    /// `(q − p)²`.
    Squares,
    /// `KL(p ‖ q) = p log(p/q) + (1 − p) log((1 − p)/(1 − q))`, which no unit can pay that is always off or always on.
    Divergence,
}

/// An objective with a sparsity penalty on the hidden units, which are Bernoulli.
///
/// The loss is the objective's plus the penalty.
#[derive(Clone, Debug)]
pub struct SparsityTarget<O> {
    objective: O,
    target: f64,
    strength: f64,
    penalty: Penalty,
}

impl<O> SparsityTarget<O> {
    /// Adds `strength` times the penalty for mean activities other than `target`.
    ///
    /// # Errors
    /// A target outside `(0, 1)`, or a strength that is negative or not finite.
    pub fn new(objective: O, target: f64, strength: f64, penalty: Penalty) -> Result<Self> {
        if !(target > 0.0 && target < 1.0) {
            return Err(Error::parameter("target", target, "in (0, 1)"));
        }
        check_non_negative("strength", strength)?;
        Ok(SparsityTarget {
            objective,
            target,
            strength,
            penalty,
        })
    }

    /// The penalty of one unit of activity `q`, and its derivative.
    fn of_unit(&self, q: f64) -> (f64, f64) {
        let p = self.target;
        let (value, slope) = match self.penalty {
            Penalty::Squares => ((q - p).powi(2), 2.0 * (q - p)),
            Penalty::Divergence => (
                p * (p / q).ln() + (1.0 - p) * ((1.0 - p) / (1.0 - q)).ln(),
                (q - p) / (q * (1.0 - q)),
            ),
        };
        (self.strength * value, self.strength * slope)
    }
}

impl<V: Units, O: Objective<Rbm<V, Bernoulli>>> Objective<Rbm<V, Bernoulli>> for SparsityTarget<O> {
    fn loss_and_grad_into(
        &mut self,
        model: &Rbm<V, Bernoulli>,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        model.check_visible(x)?;
        let mut loss = self
            .objective
            .loss_and_grad_into(model, x, rng, grad.view_mut())?;
        let n = x.nrows() as f64;
        let means = model.hidden_mean(x);
        let activity: Array1<f64> = means.sum_axis(Axis(0)) / n;
        let mut slopes = Array1::zeros(activity.len());
        for (slope, q) in slopes.iter_mut().zip(&activity) {
            let (value, derivative) = self.of_unit(*q);
            loss += value;
            *slope = derivative / n;
        }
        let pushed = means.mapv_into(|m| m * (1.0 - m)) * &slopes;
        let (weights, biases) = grad.split_at(Axis(0), model.weights().len());
        let (_, mut hidden) = biases.split_at(Axis(0), model.visible().n_params());
        Zip::from(weights)
            .and(&matmul(x.t(), pushed.view()).flatten())
            .for_each(|g, p| *g += p);
        hidden += &pushed.sum_axis(Axis(0));
        check_loss(loss, "with its sparsity penalty")
    }
}

impl<O: Snapshot> Snapshot for SparsityTarget<O> {
    /// The state of the objective.
    fn snapshot(&self) -> Record {
        self.objective.snapshot()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.objective.restore(record)
    }
}
