//! Parallel tempering on the target itself, for chains that follow a target while it is trained.
//!
//! [`ParallelTempering`] is a kernel on a path, and a path lends its target; a training objective knows only the model, and a new one after every update. Given the
//! start of a path ([`PathTo`]), this kernel makes the path at every step and is otherwise the same. As the kernel of persistent contrastive divergence it is the training of
//! Desjardins, Courville, Bengio, Vincent and Delalleau (2010) and of Cho, Raiko and Ilin (2010): the replicas of all rungs persist, and the gradient sees those of the last.

use gibbsian_core::{Kernel, PathTo, Result};
use ndarray::{Array2, CowArray, Ix2};
use rand::Rng;

use crate::parallel_tempering::{ParallelTempering, Replicas};
use crate::swaps::Swaps;

/// Parallel tempering from the starts `S` to the target, one replica set a chain.
///
/// A step moves every rung and offers swaps to every other pair, as [`ParallelTempering`] says; it leaves the product of the laws of all rungs invariant, and the positions
/// are those of the last rung.
#[derive(Clone, Debug, PartialEq)]
pub struct Tempering<S> {
    sampler: ParallelTempering,
    start: S,
}

impl<S> Tempering<S> {
    /// The ladder of `sampler` on the path from `start`.
    pub fn new(sampler: ParallelTempering, start: S) -> Self {
        Tempering { sampler, start }
    }

    /// The sampler on paths.
    pub fn sampler(&self) -> &ParallelTempering {
        &self.sampler
    }

    /// Where the paths start.
    pub fn start(&self) -> &S {
        &self.start
    }
}

const FITS: &str = "the start fitted the target when the chains were started";

impl<T: ?Sized, S: PathTo<T>> Kernel<T> for Tempering<S> {
    type State = Replicas<S::State>;
    type Info = Swaps;

    /// All rungs of a replica set start at its row.
    fn init(&self, target: &T, x: Array2<f64>) -> Result<Self::State> {
        self.sampler.place(&self.start.path_to(target)?, x)
    }

    fn refresh(&self, target: &T, state: &mut Self::State) {
        self.sampler
            .refresh(&self.start.path_to(target).expect(FITS), state);
    }

    fn positions<'s>(&self, state: &'s Self::State) -> CowArray<'s, f64, Ix2> {
        state.positions().into()
    }

    fn step(&self, target: &T, state: &mut Self::State, rng: &mut dyn Rng) -> Swaps {
        self.sampler
            .advance(&self.start.path_to(target).expect(FITS), state, rng)
    }
}
