//! The size of OpenBLAS's own thread pool.

use std::ffi::c_int;
use std::num::NonZero;

// `openblas_set_num_threads` and its counterpart take and return plain integers and take OpenBLAS's own lock, so any argument
// and any moment is sound.
unsafe extern "C" {
    safe fn openblas_set_num_threads(n_threads: c_int);
    safe fn openblas_get_num_threads() -> c_int;
}

/// Sets the number of threads that OpenBLAS uses for one call, in the whole process.
///
/// Programs that run BLAS inside their own parallel regions want one: two pools on the same cores slow each other down, and
/// sums whose order depends on the number of threads cannot be reproduced. The call overrides
/// `OPENBLAS_NUM_THREADS`, and a later call overrides it; OpenBLAS clamps the number to what it was built for.
///
/// ```
/// gibbsian_openblas_link::set_threads(std::num::NonZero::<u16>::MIN);
/// assert_eq!(gibbsian_openblas_link::threads(), 1);
/// ```
pub fn set_threads(n_threads: NonZero<u16>) {
    openblas_set_num_threads(c_int::from(n_threads.get()));
}

/// The number of threads that OpenBLAS uses for one call.
pub fn threads() -> usize {
    usize::try_from(openblas_get_num_threads()).unwrap_or(1)
}
