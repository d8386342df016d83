//! The exact normaliser of a finite model, by visiting every state.
//!
//! `log Z = log Σ_x exp(−E(x))` over all states of a [`Discrete`] space. The states are cut into fixed blocks that are listed,
//! evaluated and summed one at a time, so that the memory is that of one block a thread and the result has the same bits on
//! any number of threads. The cost is one energy a state: this is the oracle that every estimator is held against, and it is
//! exponential in the dimension by nature. Models with structure (layers, planar graphs, chains) offer cheaper exact routes of
//! their own, which are in turn held against this one.

use gibbsian_core::{Discrete, Energy, Error, Result};
use ndarray::{Array1, Array2, s};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use crate::log_sum::LogSum;

/// The largest space that [`exact_log_z`] visits, 2³² states.
pub const MAX_STATES: u64 = 1 << 32;

/// The number of states listed at a time. It is part of the last bits of every result.
const BLOCK_STATES: u64 = 1024;

/// `log Z = log Σ_x exp(−E(x))`, exact up to rounding.
///
/// States of infinite energy are outside the support and add nothing.
///
/// ```
/// use gibbsian_core::{Discrete, Energy, Space};
/// use gibbsian_partition::exact_log_z;
/// use ndarray::{ArrayView2, ArrayViewMut1};
///
/// /// Ten independent units with bias 1.
/// struct Units;
/// impl Space for Units {
///     fn dim(&self) -> usize {
///         10
///     }
/// }
/// impl Discrete for Units {
///     fn alphabet(&self, _site: usize) -> &[f64] {
///         &[0.0, 1.0]
///     }
/// }
/// impl Energy for Units {
///     fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
///         for (e, row) in out.iter_mut().zip(x.rows()) {
///             *e = -row.sum();
///         }
///     }
/// }
/// let log_z = exact_log_z(&Units)?;
/// assert!((log_z - 10.0 * 1f64.exp().ln_1p()).abs() < 1e-12);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// More than [`MAX_STATES`] states; an energy that is NaN or `−∞`, named by its state; a space without any support.
pub fn exact_log_z<M: Energy + Discrete + ?Sized>(model: &M) -> Result<f64> {
    let n_states = count_states(model, MAX_STATES)?;
    let blocks: Vec<Result<LogSum>> = (0..n_states.div_ceil(BLOCK_STATES) as usize)
        .into_par_iter()
        .map_init(
            || Scratch::new(model.dim()),
            |scratch, block| {
                let first = block as u64 * BLOCK_STATES;
                scratch.sum_block(model, first, BLOCK_STATES.min(n_states - first) as usize)
            },
        )
        .collect();
    // In block order, so that neither the sum nor the error reported depends on the schedule of the threads.
    let mut total = LogSum::EMPTY;
    for block in blocks {
        total.merge(block?);
    }
    supported(total.value())
}

/// The number of states of `model`, when it is at most `limit`.
pub(crate) fn count_states<M: Discrete + ?Sized>(model: &M, limit: u64) -> Result<u64> {
    match model.n_states() {
        Some(n) if n <= limit => Ok(n),
        n => Err(Error::parameter(
            "n_states",
            n.map_or("above 2^64".to_owned(), |n| n.to_string()),
            format!("at most {limit} to be enumerated; estimate log Z by annealing instead"),
        )),
    }
}

/// Refuses an energy that no probability can be given to.
pub(crate) fn check_energy(energy: f64, state: u64) -> Result<f64> {
    if energy.is_nan() || energy == f64::NEG_INFINITY {
        return Err(Error::non_finite(
            "energy",
            energy,
            format!("at state number {state} of the enumeration"),
        ));
    }
    Ok(energy)
}

/// Refuses the normaliser of a model whose every state has infinite energy.
pub(crate) fn supported(log_z: f64) -> Result<f64> {
    if log_z.is_finite() {
        Ok(log_z)
    } else {
        Err(Error::non_finite(
            "log_z",
            log_z,
            "because no state has a finite energy",
        ))
    }
}

/// The states and energies of one block.
struct Scratch {
    states: Array2<f64>,
    energies: Array1<f64>,
}

impl Scratch {
    fn new(dim: usize) -> Self {
        Scratch {
            states: Array2::zeros((BLOCK_STATES as usize, dim)),
            energies: Array1::zeros(BLOCK_STATES as usize),
        }
    }

    fn sum_block<M: Energy + Discrete + ?Sized>(
        &mut self,
        model: &M,
        first: u64,
        n: usize,
    ) -> Result<LogSum> {
        model.states_into(first, self.states.slice_mut(s![..n, ..]));
        model.energy_into(self.states.slice(s![..n, ..]), self.energies.slice_mut(s![..n]));
        let mut sum = LogSum::EMPTY;
        for (k, &energy) in self.energies.iter().take(n).enumerate() {
            sum.add(-check_energy(energy, first + k as u64)?);
        }
        Ok(sum)
    }
}
