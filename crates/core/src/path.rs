//! Tempered families of densities between a tractable start and a target.
//!
//! Annealed importance sampling, its reverse, RAISE, thermodynamic integration, sequential Monte Carlo, simulated annealing and
//! parallel tempering all walk along unnormalised densities `f_β`, `0 ≤ β ≤ 1`, from an `f_0` with known normaliser and exact
//! draws to the target `f_1`. An RBM's natural path lives in its free energies' own form and is not an interpolation of two
//! energies, so the path is the model's to define, in whatever precision and memory layout suit it: `State` is opaque.

use ndarray::{Array2, ArrayView2, Axis, CowArray, Ix2, Zip};
use rand::Rng;

use crate::energy::Space;
use crate::error::Result;
use crate::snapshot::Snapshot;

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

    /// **Adds** `d/dβ log f_β(x_b)` to `out[b]`: the work of an infinitesimal step, whose mean under `f_β` is the derivative of
    /// `log Z_β`.
    fn slope(&self, state: &Self::State, beta: f64, out: &mut [f64]);

    /// Moves every chain by a transition that leaves `f_β` invariant **and is reversible with respect to it**.
    ///
    /// Invariance is what annealing needs, forwards or backwards; reversibility is what lets RAISE run the same transition as the
    /// time reversal of the forward chain.
    fn transition(&self, state: &mut Self::State, beta: f64, rng: &mut dyn Rng);

    /// New chains at the positions of the chains numbered `rows`, in this order and as often as named: what resampling keeps.
    ///
    /// Override it where a state can be copied without computing again what it caches.
    ///
    /// # Panics
    /// When a number is not that of a chain.
    fn select(&self, state: &Self::State, rows: &[usize]) -> Self::State {
        let x = self.positions(state).select(Axis(0), rows);
        self.place(x.view()).expect(PLACED_BEFORE)
    }

    /// Computes again what chains have cached, at their positions: of a path whose models have changed.
    fn refresh(&self, state: &mut Self::State) {
        let x = self.positions(state).into_owned();
        *state = self.place(x.view()).expect(PLACED_BEFORE);
    }

    /// Exchanges the positions of chain `b` of the one and chain `b` of the other state where `swap[b]`: what parallel tempering
    /// does between two rungs.
    ///
    /// Override it where a state can be exchanged without computing again what it caches.
    ///
    /// # Panics
    /// When the states and `swap` do not have the same number of chains.
    fn exchange(&self, a: &mut Self::State, b: &mut Self::State, swap: &[bool]) {
        let mut x_a = self.positions(a).into_owned();
        let mut x_b = self.positions(b).into_owned();
        exchange_rows(&mut x_a, &mut x_b, swap);
        *a = self.place(x_a.view()).expect(PLACED_BEFORE);
        *b = self.place(x_b.view()).expect(PLACED_BEFORE);
    }
}

/// The start of paths, waiting for a target: what makes a path to any target `T` of its kind.
///
/// A path lends its target, and a target that is being trained changes between two steps; what stays is the start and the form of the states. Kernels that walk along
/// paths ask for this where they are to serve the target itself.
pub trait PathTo<T: ?Sized>: Sync {
    /// The chains of all paths of this kind.
    type State: Snapshot + Send;
    /// The path to one target.
    type Path<'a>: Path<State = Self::State>
    where
        Self: 'a,
        T: 'a;

    /// The path to `target`.
    ///
    /// # Errors
    /// A target that the start does not fit.
    fn path_to<'a>(&'a self, target: &'a T) -> Result<Self::Path<'a>>;
}

const PLACED_BEFORE: &str = "the positions of chains are points of the space";

/// Exchanges the rows of two arrays where `swap` says so: [`Path::exchange`] of states that are arrays.
///
/// # Panics
/// When the arrays have different shapes, or `swap` is not one entry a row.
#[track_caller]
pub fn exchange_rows(a: &mut Array2<f64>, b: &mut Array2<f64>, swap: &[bool]) {
    assert!(
        a.dim() == b.dim() && a.nrows() == swap.len(),
        "states of shape {:?} and {:?} cannot be exchanged by {} decisions",
        a.dim(),
        b.dim(),
        swap.len()
    );
    for (row, _) in swap.iter().enumerate().filter(|(_, swap)| **swap) {
        Zip::from(a.row_mut(row))
            .and(b.row_mut(row))
            .for_each(std::mem::swap);
    }
}
