//! Gibbs sampling: blocks redrawn from their conditional laws (Geman and Geman 1984), in three orders.
//!
//! Each redraw is reversible, and the target stays invariant under any sequence of them that does not look at the state. [`Gibbs`] visits the blocks in
//! order, which is reversible only when there is a single one. [`PalindromicGibbs`] goes there and back, and is reversible; so is
//! [`RandomScanGibbs`], which draws the block to visit. Which of them mixes fastest depends on the target (Roberts and Sahu 1997, "Updating schemes, correlation
//! structure, blocking and parameterization for the Gibbs sampler"); reversibility is for theorems and for proposals that need a way back.

use gibbsian_core::error::check_points;
use gibbsian_core::{BlockLaw, Blocks, Error, Kernel, Result, Streams, TransitionLaw};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, CowArray, Ix2};
use rand::{Rng, RngExt};

/// One sweep over the blocks of the target a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gibbs;

impl<T: Blocks + ?Sized> Kernel<T> for Gibbs {
    type State = Array2<f64>;
    type Info = ();

    fn init(&self, target: &T, x: Array2<f64>) -> Result<Self::State> {
        check_points("x", &x, target.dim())?;
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

/// One sweep over the blocks and back a step, `0, 1, …, n − 1, …, 1, 0`: the last block is redrawn once and every other twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PalindromicGibbs;

impl PalindromicGibbs {
    fn order(n_blocks: usize) -> impl Iterator<Item = usize> {
        (0..n_blocks).chain((0..n_blocks.saturating_sub(1)).rev())
    }
}

impl<T: Blocks + ?Sized> Kernel<T> for PalindromicGibbs {
    type State = Array2<f64>;
    type Info = ();

    fn init(&self, target: &T, x: Array2<f64>) -> Result<Self::State> {
        Gibbs.init(target, x)
    }

    fn refresh(&self, _target: &T, _state: &mut Self::State) {}

    fn positions<'s>(&self, state: &'s Self::State) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn step(&self, target: &T, state: &mut Self::State, rng: &mut dyn Rng) {
        let streams = Streams::draw(rng);
        // A stream for each visit: on the way back a block is drawn anew.
        for (visit, block) in Self::order(target.n_blocks()).enumerate() {
            target.resample(state.view_mut(), block, None, &mut streams.block(visit));
        }
    }
}

impl<T: BlockLaw + ?Sized> TransitionLaw<T> for PalindromicGibbs {
    fn transition_matrix(&self, target: &T, states: ArrayView2<f64>) -> Array2<f64> {
        Self::order(target.n_blocks()).fold(Array2::eye(states.nrows()), |sweep, block| {
            sweep.dot(&target.block_matrix(block, states))
        })
    }
}

/// As many redraws a step as there are blocks, each of a block that is drawn uniformly, for every chain by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RandomScanGibbs;

impl<T: Blocks + ?Sized> Kernel<T> for RandomScanGibbs {
    type State = Array2<f64>;
    type Info = ();

    fn init(&self, target: &T, x: Array2<f64>) -> Result<Self::State> {
        Gibbs.init(target, x)
    }

    fn refresh(&self, _target: &T, _state: &mut Self::State) {}

    fn positions<'s>(&self, state: &'s Self::State) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn step(&self, target: &T, state: &mut Self::State, rng: &mut dyn Rng) {
        let (streams, n_blocks) = (Streams::draw(rng), target.n_blocks());
        let mut choices = streams.part(1).block(0);
        let mut chains = vec![Vec::new(); n_blocks];
        for visit in 0..n_blocks {
            chains.iter_mut().for_each(Vec::clear);
            for chain in 0..state.nrows() {
                chains[choices.random_range(0..n_blocks)].push(chain);
            }
            // Targets redraw one block of all rows they are given, so chains are gathered by their block.
            for (block, chains) in chains.iter().enumerate().filter(|(_, chains)| !chains.is_empty()) {
                let mut x = state.select(Axis(0), chains);
                let mut rng = streams.block(visit * n_blocks + block);
                target.resample(x.view_mut(), block, None, &mut rng);
                for (&chain, x) in chains.iter().zip(x.rows()) {
                    state.row_mut(chain).assign(&x);
                }
            }
        }
    }
}

impl<T: BlockLaw + ?Sized> TransitionLaw<T> for RandomScanGibbs {
    fn transition_matrix(&self, target: &T, states: ArrayView2<f64>) -> Array2<f64> {
        let (n_blocks, n_states) = (target.n_blocks(), states.nrows());
        let mut redraw = Array2::zeros((n_states, n_states));
        for block in 0..n_blocks {
            redraw += &(target.block_matrix(block, states) / n_blocks as f64);
        }
        (0..n_blocks).fold(Array2::eye(n_states), |step, _| step.dot(&redraw))
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
        check_points("x", &x, target.dim())?;
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
