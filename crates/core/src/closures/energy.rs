//! An energy as a closure that gives values.

use std::fmt;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, Axis};

use super::{Meaning, has_nan, show};
use crate::energy::{Energy, Space, assert_energy_shapes};
use crate::error::{Result, check_count};
use crate::parallel::{BLOCK_ROWS, for_each_block};

/// The energy `E(x)` that a closure of one point `x` `(D)` gives.
///
/// It has no score, so gradient-free kernels, annealing, quadrature and whatever else asks for an [`Energy`] take it. With a gradient it is a [`FnPotential`](crate::FnPotential).
///
/// ```
/// use gibbsian_core::{Energy, FnEnergy};
/// use ndarray::array;
///
/// // The double well (x² − 1)², and an exponential density, which gives points outside its support the energy +∞.
/// let well = FnEnergy::new(1, |x| (x[0] * x[0] - 1.0).powi(2))?;
/// assert_eq!(well.energy(array![[0.0], [1.0]].view()), array![1.0, 0.0]);
/// let waiting = FnEnergy::from_log_density(1, |x| if x[0] < 0.0 { f64::NEG_INFINITY } else { -x[0] })?;
/// assert_eq!(waiting.energy(array![[2.0], [-1.0]].view()), array![2.0, f64::INFINITY]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct FnEnergy<F> {
    dim: usize,
    meaning: Meaning,
    f: F,
}

impl<F: Fn(ArrayView1<f64>) -> f64 + Sync> FnEnergy<F> {
    /// The energy `E(x) = f(x)` on points of `dim` coordinates.
    ///
    /// # Errors
    /// No coordinates.
    pub fn new(dim: usize, f: F) -> Result<Self> {
        FnEnergy::of(dim, Meaning::Energy, f)
    }

    /// The energy `E(x) = −f(x)` of a log-density `f`, normalised or not.
    ///
    /// # Errors
    /// No coordinates.
    pub fn from_log_density(dim: usize, f: F) -> Result<Self> {
        FnEnergy::of(dim, Meaning::LogDensity, f)
    }

    fn of(dim: usize, meaning: Meaning, f: F) -> Result<Self> {
        Ok(FnEnergy {
            dim: check_count("dim", dim)?,
            meaning,
            f,
        })
    }
}

impl<F: Sync> Space for FnEnergy<F> {
    fn dim(&self) -> usize {
        self.dim
    }
}

impl<F: Fn(ArrayView1<f64>) -> f64 + Sync> Energy for FnEnergy<F> {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim, x, &out);
        for_each_block(out.insert_axis(Axis(1)), |block, mut out| {
            for (b, e) in out.iter_mut().enumerate() {
                let x = x.row(block * BLOCK_ROWS + b);
                *e = if has_nan(x) {
                    f64::NAN
                } else {
                    self.meaning.energy((self.f)(x))
                };
            }
        });
    }
}

impl<F> fmt::Debug for FnEnergy<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show("FnEnergy", self.dim, f)
    }
}
