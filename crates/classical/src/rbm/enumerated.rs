//! The exact likelihood of a machine one of whose layers is small.
//!
//! `−⟨log p⟩ = ⟨F⟩_data + log Z`, where both `log Z` and its gradient are sums over the states of the layer that has fewer of them: seen from the hidden layer the machine has the free energy `G(h)`, and
//!
//! `log Z = log Σ_h exp(−G(h))`,  `∂ log Z = −Σ_h p(h) ∂G(h)`.
//!
//! So 784 visible and 16 hidden units have an exact gradient in 2¹⁶ terms, where an enumeration of what is visible would take 2⁷⁸⁴.

use gibbsian_core::error::check_loss;
use gibbsian_core::parallel::map_blocks;
use gibbsian_core::{Discrete, EnergyPullback, Error, FiniteUnits, Objective, Result, Stateless};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, Axis, s};
use rand::Rng;

use super::Rbm;
use super::exact::STATES_AT_ONCE;

/// The largest number of states that is enumerated: 2²⁴, which also bounds the memory for the gradients of all blocks of states.
const MAX_STATES: u64 = 1 << 24;

/// The negative mean log-likelihood in nats, and its exact gradient, by enumeration of the smaller layer of an [`Rbm`].
///
/// A call costs as much as `2^min(V, H)` gradients of a free energy, twice for the energies.
#[derive(Clone, Copy, Debug, Default)]
pub struct EnumeratedLikelihood;

impl<V: FiniteUnits, H: FiniteUnits> Objective<Rbm<V, H>> for EnumeratedLikelihood {
    /// # Errors
    /// Also two layers of more than 2²⁴ states.
    fn loss_and_grad_into(
        &mut self,
        model: &Rbm<V, H>,
        x: ArrayView2<f64>,
        _rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        model.check_visible(x)?;
        let transposed = model.transposed();
        let count = |n_states: Option<u64>| n_states.unwrap_or(u64::MAX);
        let (over_visible, over_hidden) = (count(model.n_states()), count(transposed.n_states()));
        if over_visible.min(over_hidden) > MAX_STATES {
            return Err(Error::parameter(
                "layers",
                format!(
                    "of 2^{:.0} states or more each",
                    (over_visible.min(over_hidden) as f64).log2()
                ),
                "such that one has at most 2^24 states to be enumerated",
            ));
        }
        let log_z = model.log_z()?;
        if over_visible < over_hidden {
            grad.assign(&log_z_gradient(model, log_z, over_visible));
        } else {
            let of_transposed = log_z_gradient(&transposed, log_z, over_hidden);
            grad.assign(&exchange_layers(model, of_transposed));
        }
        let (n, mut energy) = (x.nrows() as f64, 0.0);
        model.energy_pullback_with(
            x,
            &mut |energies, mut w| {
                energy = energies.sum() / n;
                w.fill(1.0 / n);
            },
            grad,
        );
        let loss = energy + log_z;
        check_loss(loss, "in the enumerated likelihood")
    }
}

/// `−Σ_x p(x) ∂E(x)/∂θ` over all states, block by block, in block order.
fn log_z_gradient<M: EnergyPullback + Discrete>(model: &M, log_z: f64, n_states: u64) -> Array1<f64> {
    let n_batches = n_states.div_ceil(STATES_AT_ONCE) as usize;
    let partial = map_blocks(n_batches, |_, batches| {
        let mut grad = Array1::zeros(model.n_params());
        for batch in batches {
            let first = batch as u64 * STATES_AT_ONCE;
            let n = STATES_AT_ONCE.min(n_states - first) as usize;
            let mut states = Array2::zeros((n, model.dim()));
            model.states_into(first, states.view_mut());
            model.energy_pullback_with(
                states.view(),
                &mut |energy, mut w| w.assign(&energy.mapv(|e| -(-e - log_z).exp())),
                grad.view_mut(),
            );
        }
        grad
    });
    partial
        .into_iter()
        .fold(Array1::zeros(model.n_params()), |sum, part| sum + part)
}

/// The gradient in a machine's parameters from that in its transpose's.
fn exchange_layers<V: FiniteUnits, H: FiniteUnits>(
    model: &Rbm<V, H>,
    of_transposed: Array1<f64>,
) -> Array1<f64> {
    let (n_visible, n_hidden) = model.weights().dim();
    let (weights, layers) = of_transposed.view().split_at(Axis(0), n_visible * n_hidden);
    let (hidden, visible) = layers.split_at(Axis(0), model.hidden().n_params());
    let mut grad = Array1::zeros(of_transposed.len());
    for i in 0..n_visible {
        let column = weights.slice(s![i..;n_visible]);
        grad.slice_mut(s![i * n_hidden..(i + 1) * n_hidden])
            .assign(&column);
    }
    let (_, layers) = grad.view_mut().split_at(Axis(0), n_visible * n_hidden);
    let (mut to_visible, mut to_hidden) = layers.split_at(Axis(0), model.visible().n_params());
    to_visible.assign(&visible);
    to_hidden.assign(&hidden);
    grad
}

/// An enumeration has no memory.
impl Stateless for EnumeratedLikelihood {}
