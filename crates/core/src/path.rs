//! Tempered families of densities between a tractable start and a target.
//!
//! Annealed importance sampling, its reverse, RAISE, thermodynamic integration, sequential Monte Carlo, simulated annealing and
//! parallel tempering all walk along unnormalised densities `f_β`, `0 ≤ β ≤ 1`, from an `f_0` with known normaliser and exact
//! draws to the target `f_1`. An RBM's natural path lives in its free energies' own form and is not an interpolation of two
//! energies, so the path is the model's to define, in whatever precision and memory layout suit it: `State` is opaque.

use ndarray::{ArrayView2, CowArray, Ix2};
use rand::Rng;

use crate::energy::Space;
use crate::error::Result;

/// Unnormalised densities `f_β` with `f_0` normalised by `log_z_start` and exactly sampled by `start`.
pub trait Path: Space {
    /// Many chains, one a row, in the path's own form.
    type State: Send;

    /// `n` independent exact draws from `f_0 / Z_0`.
    fn start(&self, n: usize, rng: &mut dyn Rng) -> Self::State;

    /// `log Z_0`.
    fn log_z_start(&self) -> f64;

    /// Chains placed at the rows of `x` `(B, D)`: test cases, or exact draws from the target.
    ///
    /// # Errors
    /// Rows of the wrong length or outside the space.
    fn place(&self, x: ArrayView2<f64>) -> Result<Self::State>;

    /// The positions of the chains, `(B, D)`.
    fn positions<'s>(&self, state: &'s Self::State) -> CowArray<'s, f64, Ix2>;

    /// **Adds** `log f_0(x_b)` to `out[b]`.
    fn log_start(&self, state: &Self::State, out: &mut [f64]);

    /// **Adds** `log f_to(x_b) − log f_from(x_b)` to `log_weights[b]`.
    ///
    /// The state is mutable only so that what both the work and the next transition need is computed once.
    fn work(&self, state: &mut Self::State, from: f64, to: f64, log_weights: &mut [f64]);

    /// Moves every chain by a transition that leaves `f_β` invariant **and is reversible with respect to it**.
    ///
    /// Invariance is what annealing needs, forwards or backwards; reversibility is what lets RAISE run the same transition as the
    /// time reversal of the forward chain.
    fn transition(&self, state: &mut Self::State, beta: f64, rng: &mut dyn Rng);
}
