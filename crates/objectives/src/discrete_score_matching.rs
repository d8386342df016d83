//! Generalised score matching on finite spaces (Lyu 2009): the reciprocals of single-site conditional laws, compared by squares.
//!
//! Score matching compares `∇p/p`. Any linear operator `𝓛` in the place of `∇` that determines the density gives an objective `½ E_data ‖𝓛p_θ/p_θ − 𝓛p/p‖²` without a normaliser (Lyu 2009). On a finite space the
//! operators that sum over one coordinate do, `(𝓜_i p)(x)/p(x) = 1/p(x_i | x_∖i)`. In the cross term `p(x)` cancels against `1/p(x_i | x_∖i)`, which leaves a sum over the symbols of the site. Up to a constant of the
//! data, with `T_i = 1/p_θ(x_i | x_∖i)`,
//!
//! `L = ⟨Σ_i [½ T_i² − Σ_a 1/p_θ(x_i = a | x_∖i)]⟩_data`.
//!
//! With the costs `δ_a` of the other symbols, `T = 1 + Σ_a exp(−δ_a)` and the sum is `T (1 + Σ_a exp δ_a)`. Where sites have two symbols this is
//! [`ConcreteScoreMatching`](crate::ConcreteScoreMatching) minus `3/2` a site; with more it compares each symbol to all and not only to the one that the site has.
//! [`RatioMatching`](crate::RatioMatching) is the bounded relative of both.

use gibbsian_core::{DiscreteEnergy, EnergyPullback, Objective, Result, Stateless};
use ndarray::{ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::sites::site_loss_and_grad_into;

/// Half the mean squared error of the reciprocal conditional probabilities of all sites, up to a constant of the data, and its exact gradient.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiscreteScoreMatching;

impl<M: DiscreteEnergy + EnergyPullback> Objective<M> for DiscreteScoreMatching {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        _rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        site_loss_and_grad_into(model, x, "in discrete score matching", ell, grad)
    }
}

/// `½ T² − T U` with `U = 1 + Σ_a exp δ_a`, and its slopes `−exp(−δ_a) (T − U) − T exp(δ_a)`.
fn ell(costs: &[f64], slopes: &mut [f64]) -> f64 {
    let t = 1.0 + costs.iter().map(|c| (-c).exp()).sum::<f64>();
    let u = 1.0 + costs.iter().map(|c| c.exp()).sum::<f64>();
    for (slope, cost) in slopes.iter_mut().zip(costs) {
        *slope = -(-cost).exp() * (t - u) - t * cost.exp();
    }
    0.5 * t * t - t * u
}

/// The loss is a function of the minibatch.
impl Stateless for DiscreteScoreMatching {}
