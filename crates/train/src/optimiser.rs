//! Optimisers: how a gradient becomes a change of the parameters.
//!
//! An optimiser sees the parameters as one flat vector and is made for one [`gibbsian_core::Layout`], so that its
//! state has its final size from the beginning: a step allocates nothing, and a state that does not fit is refused
//! when it is restored. It does not count its own steps, the caller does: one counter, in one place, is one thing
//! less to get out of step after a restart.

use gibbsian_core::{Result, Snapshot};
use ndarray::{ArrayView1, ArrayViewMut1};

/// A rule that moves parameters against a gradient.
///
/// Its [`Snapshot`] is all the state that influences later updates (velocities, moments), not its settings.
pub trait Optimiser: Snapshot {
    /// Moves `params` one step, in place, with the gradient `grad` of the loss there.
    ///
    /// `step` is the number of updates made before, for schedules and bias corrections; `learning_rate` is `ε`. The
    /// gradient is finite; the new parameters need not be, and whoever takes them checks.
    ///
    /// # Errors
    /// A schedule of the optimiser leaves its domain at this step; `params` and the state are then unchanged.
    ///
    /// # Panics
    /// When the lengths differ from the layout's.
    fn update(
        &mut self,
        step: u64,
        learning_rate: f64,
        grad: ArrayView1<f64>,
        params: ArrayViewMut1<f64>,
    ) -> Result<()>;
}

/// Below this number of parameters (1 MiB of `f64`) one thread makes the pass alone: the parameters, the velocity and
/// the gradient then stay near one core, and sharing them costs about what it saves.
pub(crate) const PARALLEL_PARAMS: usize = 1 << 17;

/// Panics with both lengths unless they fit.
#[track_caller]
pub(crate) fn assert_lengths(n_params: usize, grad: &ArrayView1<f64>, params: &ArrayViewMut1<f64>) {
    assert!(
        grad.len() == n_params && params.len() == n_params,
        "grad has length {} and params has length {}, but the optimiser was made for {n_params} parameters",
        grad.len(),
        params.len(),
    );
}
