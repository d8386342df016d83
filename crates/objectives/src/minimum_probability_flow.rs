//! Minimum probability flow (Sohl-Dickstein, Battaglino and DeWeese 2011).
//!
//! Let probability flow from the data towards the model by the dynamics with the rates `Γ(y ← x) = exp(½ (E(x) − E(y)))` between states that differ in one site; they are in detailed
//! balance with the model. The flow out of the data in the first instant,
//!
//! `L = ⟨Σ_i Σ_{a ≠ x_i} exp(−δ_ia / 2)⟩_data`,  `δ_ia = E(x with x_i = a) − E(x)`,
//!
//! is to first order in time the divergence `KL(data ‖ data after t)`, over `t`. Its expected gradient `½ Σ_xy √(p(x) p(y)) (∂E(x) − ∂E(y))` is antisymmetric, hence zero, where
//! the model is the law of the data.
//!
//! The sum runs over all neighbours. The paper leaves out those that are cases of the data themselves, of whose mutual flows it argues that they are rare; with them left out the expected gradient
//! no longer vanishes at the true law of a small space, where every state is a case. Weights grow exponentially with how wrong the model is about a case, so start near
//! independent sites. Rejected: rates between states that differ in several sites; what they add costs a power of `D`. Between one-hot rows of categorical indicators there are no others: no probability flows, and a
//! model all of whose sites are such is refused.

use gibbsian_core::{DiscreteEnergy, EnergyPullback, Objective, Result, Stateless};
use ndarray::{ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::sites::site_loss_and_grad_into;

/// The initial flow of probability out of the data along changes of single sites, and its exact gradient.
#[derive(Clone, Copy, Debug, Default)]
pub struct MinimumProbabilityFlow;

impl<M: DiscreteEnergy + EnergyPullback> Objective<M> for MinimumProbabilityFlow {
    /// # Errors
    /// Also rows at which no change of one site is possible, as those of categorical indicators.
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        _rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        site_loss_and_grad_into(model, x, "in minimum probability flow", ell, grad)
    }
}

/// `Σ_a exp(−δ_a/2)` and its slopes.
fn ell(costs: &[f64], slopes: &mut [f64]) -> f64 {
    let mut flow = 0.0;
    for (slope, cost) in slopes.iter_mut().zip(costs) {
        let rate = (-0.5 * cost).exp();
        flow += rate;
        *slope = -0.5 * rate;
    }
    flow
}

/// The loss is a function of the minibatch.
impl Stateless for MinimumProbabilityFlow {}
