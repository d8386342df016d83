//! Optimisers: how a gradient becomes a change of the parameters.
//!
//! An optimiser sees the parameters as one flat vector and is made for one [`gibbsian_core::Layout`], so that its
//! state has its final size from the beginning: a step allocates nothing, and a state that does not fit is refused
//! when it is restored. It does not count its own steps, the caller does: one counter, in one place, is one thing
//! less to get out of step after a restart.

use gibbsian_core::error::check_within;
use gibbsian_core::{Error, Record, Result, Snapshot, Values};
use ndarray::{Array1, ArrayView1, ArrayViewMut1};

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

const CURE_OF_SHARE: &str = "the share of the past that is kept, usually 0.9 to 0.999";

/// Requires a number in `[0, 1)`: the share of the past that a running mean keeps, which at one and above would not forget.
pub(crate) fn check_share(name: &'static str, value: f64) -> Result<f64> {
    if value == 1.0 {
        return Err(Error::parameter(name, value, "in [0, 1)").with_cure(CURE_OF_SHARE));
    }
    check_within(name, value, 0.0, 1.0).map_err(|e| e.with_cure(CURE_OF_SHARE))
}

/// The record of vectors that have one entry a parameter.
pub(crate) fn vectors_record(vectors: &[(&str, &Array1<f64>)]) -> Record {
    let mut record = Record::new();
    for (name, vector) in vectors {
        record.put(*name, &[vector.len()], Values::F64(vector.to_vec()));
    }
    record
}

/// Puts recorded vectors back, all or none.
pub(crate) fn restore_vectors(vectors: &mut [(&str, &mut Array1<f64>)], record: &Record) -> Result<()> {
    for (name, vector) in vectors.iter() {
        record.f64s(name, &[vector.len()])?;
    }
    for (name, vector) in vectors {
        let recorded = record.f64s(name, &[vector.len()])?;
        vector.assign(&ArrayView1::from(recorded));
    }
    Ok(())
}
