//! What all kernels with a step ask of its size.

use gibbsian_core::Result;
use gibbsian_core::error::check_positive;

/// Requires a step size that is finite and greater than zero.
pub(crate) fn check_step_size(step_size: f64) -> Result<f64> {
    check_positive("step_size", step_size).map_err(|e| {
        e.with_cure("begin with a tenth of the narrowest deviation of the target and let a warm-up tune it")
    })
}
