//! Energies whose normaliser is known.
//!
//! A [`Density`] knows `log Z` and can be drawn from. In between are energies with a `log Z` that was summed over a small space, integrated, or computed by
//! the model itself, as by a restricted Boltzmann machine with few hidden units; they have no draws. What they are good for is "or", [`MixtureOfEnergies`](super::MixtureOfEnergies).

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Error, Result};
use gibbsian_core::{Density, Discrete, Energy, Space, math};
use ndarray::{Array1, ArrayView2, ArrayViewMut1};

use super::tempered::energies;
use crate::quadrature::Normalised;

/// An energy together with its `log Z = log ∫ exp(−E(x)) dx`.
#[derive(Clone, Debug)]
pub struct KnownLogZ<E> {
    energy: E,
    log_z: f64,
}

impl<E: Energy> KnownLogZ<E> {
    /// The energy, and the `log_z` that the caller knows it to have; nothing is checked but that it is a number.
    ///
    /// # Errors
    /// A `log_z` that is not finite.
    pub fn new(energy: E, log_z: f64) -> Result<Self> {
        if log_z.is_finite() {
            Ok(KnownLogZ { energy, log_z })
        } else {
            Err(Error::parameter("log_z", log_z, "finite"))
        }
    }

    /// The energy.
    pub fn model(&self) -> &E {
        &self.energy
    }

    /// `log Z`, a natural logarithm.
    pub fn log_z(&self) -> f64 {
        self.log_z
    }

    /// Writes `log p(x_b) = −E(x_b) − log Z` of every row of `x` `(B, D)` into `out` `(B)`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn log_density_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        self.energy.energy_into(x, out.view_mut());
        out.mapv_inplace(|e| -e - self.log_z);
    }

    /// The log-densities of all rows, in a new array.
    pub fn log_density(&self, x: ArrayView2<f64>) -> Array1<f64> {
        let mut out = Array1::zeros(x.nrows());
        self.log_density_into(x, out.view_mut());
        out
    }
}

impl<E: Energy + Discrete> KnownLogZ<E> {
    /// The energy with the `log Z` that the sum over its states gives.
    ///
    /// # Errors
    /// More than 2²⁰ states, an energy that is NaN or −∞, or no state of finite energy.
    pub fn enumerated(energy: E) -> Result<Self> {
        let log_weights: Vec<f64> = energies(&energy)?.iter().map(|e| -e).collect();
        Self::new(energy, math::log_sum_exp(&log_weights))
    }
}

impl<E: Density> KnownLogZ<E> {
    /// A density, which knows its own.
    pub fn of_density(density: E) -> Self {
        KnownLogZ {
            log_z: density.log_z(),
            energy: density,
        }
    }
}

/// An energy that was integrated over its domain, outside of which it is +∞.
impl<E: Energy> From<Normalised<E>> for KnownLogZ<Normalised<E>> {
    fn from(normalised: Normalised<E>) -> Self {
        KnownLogZ {
            log_z: normalised.log_z(),
            energy: normalised,
        }
    }
}

impl<E: Space> Space for KnownLogZ<E> {
    fn dim(&self) -> usize {
        self.energy.dim()
    }
}
