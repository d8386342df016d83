//! Gibbs sweeps over the blocks of any model.
//!
//! Redrawing the blocks in order leaves the target invariant; going there and back (a palindrome, whose turning block
//! is redrawn once) is reversible too. The transition matrix is the product of the blocks' matrices in the same
//! order.

use gibbsian_core::{BlockLaw, Blocks, Energy, Error, Kernel, Result, Streams, TransitionLaw, error};
use ndarray::{Array2, ArrayView2, CowArray, Ix2};
use rand::Rng;

/// The order in which a sweep visits the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// `0, 1, …, n − 1`.
    Forward,
    /// `0, 1, …, n − 1, …, 1, 0`, which is reversible.
    Palindrome,
}

impl Sweep {
    /// The blocks in the order of one step.
    pub fn order(self, n_blocks: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n_blocks).collect();
        if self == Sweep::Palindrome {
            order.extend((0..n_blocks.saturating_sub(1)).rev());
        }
        order
    }
}

impl<T: Blocks + Energy> Kernel<T> for Sweep {
    type State = Array2<f64>;
    type Info = ();

    fn init(&self, target: &T, x: Array2<f64>) -> Result<Self::State> {
        error::check_batch("x", &x, target.dim())?;
        let energy = target.energy(x.view());
        match energy.iter().position(|e| !e.is_finite()) {
            None => Ok(x),
            Some(b) => Err(Error::start(
                format!("x[{b}, ..]"),
                x.row(b),
                "a point of finite energy",
                "energy",
                energy[b],
            )),
        }
    }

    fn refresh(&self, _target: &T, _state: &mut Self::State) {}

    fn positions<'s>(&self, state: &'s Self::State) -> CowArray<'s, f64, Ix2> {
        CowArray::from(state.view())
    }

    fn step(&self, target: &T, state: &mut Self::State, rng: &mut dyn Rng) {
        let streams = Streams::draw(rng);
        for (visit, block) in self.order(target.n_blocks()).into_iter().enumerate() {
            target.resample(state.view_mut(), block, None, &mut streams.block(visit));
        }
    }
}

impl<T: BlockLaw + Energy> TransitionLaw<T> for Sweep {
    fn transition_matrix(&self, target: &T, states: ArrayView2<f64>) -> Array2<f64> {
        let order = self.order(target.n_blocks());
        let visits = order.into_iter().map(|block| target.block_matrix(block, states));
        visits.fold(Array2::eye(states.nrows()), |p, block| p.dot(&block))
    }
}
