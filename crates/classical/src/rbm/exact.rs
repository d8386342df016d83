//! The exact partition function, by enumerating the smaller layer.
//!
//! `Z = Σ_h exp(−e_H(h) + Γ_V(hW'))` sums `2^H` terms instead of `2^(V+H)`; with the roles of the layers exchanged it sums `2^V`. The smaller layer decides,
//! so the cost is exponential in `min(V, H)` only.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::parallel::map_blocks;
use gibbsian_core::{Discrete, Energy, Error, FiniteUnits, Result, Units};
use ndarray::Array2;

use super::Rbm;

/// The largest number of states that is enumerated: 2³².
const MAX_STATES: u64 = 1 << 32;

/// How many states one call of the energy handles.
pub(super) const STATES_AT_ONCE: u64 = 256;

impl<V: Units, H: FiniteUnits> Rbm<V, H> {
    /// `log Z`, exact up to rounding, by enumeration of the hidden layer; the visible units may be of any kind.
    ///
    /// # Errors
    /// The hidden layer has more than 2³² states.
    pub fn log_z_over_hidden(&self) -> Result<f64> {
        let transposed = self.transposed();
        match transposed.n_states() {
            Some(n) if n <= MAX_STATES => Ok(log_sum_of_boltzmann_factors(&transposed, n)),
            n => Err(Error::parameter(
                "hidden",
                format!("a layer of {} states", describe(n)),
                "a layer of at most 2^32 states to be enumerated; estimate log Z by annealing instead",
            )),
        }
    }
}

impl<V: FiniteUnits, H: FiniteUnits> Rbm<V, H> {
    /// `log Z`, exact up to rounding, by enumeration of the layer with fewer states.
    ///
    /// # Errors
    /// Both layers have more than 2³² states.
    pub fn log_z(&self) -> Result<f64> {
        let transposed = self.transposed();
        let (over_visible, over_hidden) = (self.n_states(), transposed.n_states());
        match (over_visible, over_hidden) {
            (Some(v), h) if v <= MAX_STATES && h.is_none_or(|h| v < h) => {
                Ok(log_sum_of_boltzmann_factors(self, v))
            }
            (_, Some(h)) if h <= MAX_STATES => Ok(log_sum_of_boltzmann_factors(&transposed, h)),
            (v, h) => Err(Error::parameter(
                "layers",
                format!("of {} and {} states", describe(v), describe(h)),
                "such that one has at most 2^32 states to be enumerated; estimate log Z by annealing instead",
            )),
        }
    }
}

fn describe(n_states: Option<u64>) -> String {
    n_states.map_or("more than 2^64".to_owned(), |n| n.to_string())
}

/// `log Σ_x exp(−E(x))` over all `n_states` states, block by block, in block order.
fn log_sum_of_boltzmann_factors<M: Energy + Discrete>(model: &M, n_states: u64) -> f64 {
    let n_batches = n_states.div_ceil(STATES_AT_ONCE) as usize;
    let partial = map_blocks(n_batches, |_, batches| {
        let sums: Vec<f64> = batches
            .map(|batch| {
                let first = batch as u64 * STATES_AT_ONCE;
                let n = STATES_AT_ONCE.min(n_states - first) as usize;
                let mut states = Array2::zeros((n, model.dim()));
                model.states_into(first, states.view_mut());
                log_sum_exp(&model.energy(states.view()).mapv_into(|e| -e).to_vec())
            })
            .collect();
        log_sum_exp(&sums)
    });
    log_sum_exp(&partial)
}
