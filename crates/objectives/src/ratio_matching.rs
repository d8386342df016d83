//! Ratio matching (Hyvärinen 2007): the ratios `p(x) / p(x with one site changed)` of model and data, compared on a bounded scale.
//!
//! For sites of two symbols with the costs `δ_i = E(x with i flipped) − E(x)`, and `g(u) = 1/(1 + u)` applied to the ratios `exp(δ_i)`,
//!
//! `L = ⟨Σ_i g(exp δ_i)²⟩_data = ⟨Σ_i (1 − p(x_i | x_∖i))²⟩_data`
//!
//! (Hyvärinen 2007, up to a constant of the data). That is half the Brier score of the site's conditional law,
//!
//! `ℓ = ½ Σ_a (p_i(a) − [a = x_i])²`,  `p_i(a) = p(x_i = a | x_∖i)`,
//!
//! and in this form it serves any alphabet. The score is strictly proper, so the loss is consistent as pseudo-likelihood is; other than that one, it is bounded: a
//! case that the model all but excludes costs at most one a site, and pulls with a force that vanishes.

use gibbsian_core::{DiscreteEnergy, EnergyPullback, Objective, Result, Stateless};
use ndarray::{ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::sites::{log_total, site_loss_and_grad_into};

/// The mean over the data of half the Brier scores of all sites, and its exact gradient.
#[derive(Clone, Copy, Debug, Default)]
pub struct RatioMatching;

impl<M: DiscreteEnergy + EnergyPullback> Objective<M> for RatioMatching {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        _rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        site_loss_and_grad_into(model, x, "in ratio matching", ell, grad)
    }
}

/// Half the Brier score, and its slopes in the costs of the other symbols.
///
/// With `S = Σ_a p_a` and `Q = Σ_a p_a²` over the other symbols, `p_o` the probability of the site's own, and `∂p_a/∂δ_b = p_a (p_b − [a = b])`,
/// `ℓ = ½ (S² + Q)` and `∂ℓ/∂δ_b = −p_b [S p_o + p_b − Q]`, where `p_b − Q = p_b p_o + Σ_a p_a (p_b − p_a)` does not cancel when the model is sure.
fn ell(costs: &[f64], slopes: &mut [f64]) -> f64 {
    let log_total = log_total(costs);
    let own = (-log_total).exp();
    // The slopes hold the probabilities first.
    for (p, cost) in slopes.iter_mut().zip(costs) {
        *p = (-cost - log_total).exp();
    }
    let s: f64 = slopes.iter().sum();
    let q: f64 = slopes.iter().map(|p| p * p).sum();
    if let [p] = slopes {
        *p *= -2.0 * *p * own;
    } else {
        let p = slopes.to_vec();
        for (slope, p_b) in slopes.iter_mut().zip(&p) {
            let spread: f64 = p.iter().map(|p_a| p_a * (p_b - p_a)).sum();
            *slope = -p_b * (s * own + p_b * own + spread);
        }
    }
    0.5 * (s * s + q)
}

/// The loss is a function of the minibatch.
impl Stateless for RatioMatching {}
