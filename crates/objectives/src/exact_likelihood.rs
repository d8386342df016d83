//! Exact maximum likelihood on spaces small enough to enumerate.
//!
//! `−⟨log p⟩ = ⟨E⟩_data + log Z`, with the gradient `⟨∂E/∂θ⟩_data − Σ_x p(x) ∂E(x)/∂θ`. It is the oracle that every stochastic objective is
//! held against.

use gibbsian_core::error::{check_loss, check_points};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, EnergyPullback, Objective, Result, Stateless};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::contrast_with_noise::pullback_on_support;
use crate::phases::Shares;

/// The negative mean log-likelihood in nats, and its exact gradient, by enumeration of all states.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExactLikelihood;

impl<M: EnergyPullback + Discrete + ?Sized> Objective<M> for ExactLikelihood {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        _rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        likelihood(model, x, Shares::Equal(x.nrows()), grad)
    }

    /// `⟨w E⟩_data + ⟨w⟩ log Z`.
    fn weighted_loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        w: ArrayView1<f64>,
        _rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        likelihood(model, x, Shares::weighted(w, x)?, grad)
    }
}

fn likelihood<M: EnergyPullback + Discrete + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    shares: Shares<'_>,
    mut grad: ArrayViewMut1<f64>,
) -> Result<f64> {
    check_points("x", &x, model.dim())?;
    let states = model.states()?;
    grad.fill(0.0);
    let mut data_energy = 0.0;
    model.energy_pullback_with(
        x,
        &mut |energy, w| {
            data_energy = shares.mean(energy);
            shares.fill(1.0, w);
        },
        grad.view_mut(),
    );
    let total = shares.total();
    let mut log_z = 0.0;
    // An impossible state may lie where the energy has no derivative.
    pullback_on_support(
        model,
        states.view(),
        &mut |energy, mut w| {
            w.assign(&energy.mapv(|e| -e));
            log_z = log_sum_exp(&w.to_vec());
            w.mapv_inplace(|minus_e| -total * (minus_e - log_z).exp());
        },
        grad,
    );
    check_loss(
        data_energy + total * log_z,
        "in the exact negative log-likelihood",
    )
}

/// An enumeration has no memory.
impl Stateless for ExactLikelihood {}
