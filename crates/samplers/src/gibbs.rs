//! Gibbs sampling: every block redrawn from its conditional law, in order (Geman and Geman 1984).
//!
//! A step is one sweep over all blocks. Each redraw leaves the target invariant, hence so does the sweep; it is reversible only when
//! there is a single block or the blocks are visited in a palindrome.

use gibbsian_core::error::{check_batch, check_finite};
use gibbsian_core::{BlockLaw, Blocks, Error, Kernel, Result, Streams, TransitionLaw};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, CowArray, Ix2};
use rand::Rng;

/// One sweep over the blocks of the target a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gibbs;

impl<T: Blocks + ?Sized> Kernel<T> for Gibbs {
    type State = Array2<f64>;
    type Info = ();

    fn init(&self, target: &T, x: Array2<f64>) -> Result<Self::State> {
        check_batch("x", &x, target.dim())?;
        check_finite("x", &x)?;
        Ok(x)
    }

    fn refresh(&self, _target: &T, _state: &mut Self::State) {}

    fn positions<'s>(&self, state: &'s Self::State) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn step(&self, target: &T, state: &mut Self::State, rng: &mut dyn Rng) {
        sweep(target, state, None, rng);
    }
}

impl<T: BlockLaw + ?Sized> TransitionLaw<T> for Gibbs {
    fn transition_matrix(&self, target: &T, states: ArrayView2<f64>) -> Array2<f64> {
        (0..target.n_blocks()).fold(Array2::eye(states.nrows()), |sweep, block| {
            sweep.dot(&target.block_matrix(block, states))
        })
    }
}

/// Gibbs sampling with some coordinates held at their values: conditional generation and inpainting.
///
/// A model with hidden units redraws them given all visible units, clamped ones included, so the chain on the free coordinates
/// leaves `p(x_free | x_clamped)` invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClampedGibbs {
    free: Array1<bool>,
}

impl ClampedGibbs {
    /// Gibbs sampling that moves only the coordinates with `free[i] == true`.
    ///
    /// # Errors
    /// No coordinate is free.
    pub fn new(free: Array1<bool>) -> Result<Self> {
        if free.iter().any(|f| *f) {
            Ok(ClampedGibbs { free })
        } else {
            Err(Error::parameter(
                "free",
                "false everywhere",
                "true for at least one coordinate",
            ))
        }
    }
}

impl<T: Blocks + ?Sized> Kernel<T> for ClampedGibbs {
    type State = Array2<f64>;
    type Info = ();

    fn init(&self, target: &T, x: Array2<f64>) -> Result<Self::State> {
        check_batch("x", &x, target.dim())?;
        check_finite("x", &x)?;
        if self.free.len() != target.dim() {
            return Err(Error::shape(
                "free",
                self.free.shape(),
                format!("[{}]", target.dim()),
            ));
        }
        Ok(x)
    }

    fn refresh(&self, _target: &T, _state: &mut Self::State) {}

    fn positions<'s>(&self, state: &'s Self::State) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn step(&self, target: &T, state: &mut Self::State, rng: &mut dyn Rng) {
        sweep(target, state, Some(self.free.view()), rng);
    }
}

/// Redraws every block from its own stream.
fn sweep<T: Blocks + ?Sized>(
    target: &T,
    state: &mut Array2<f64>,
    free: Option<ArrayView1<bool>>,
    rng: &mut dyn Rng,
) {
    let streams = Streams::draw(rng);
    for block in 0..target.n_blocks() {
        target.resample(state.view_mut(), block, free, &mut streams.block(block));
    }
}
