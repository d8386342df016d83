//! Block Gibbs sampling: all hidden units given the picture, then the whole picture given the hidden units, which is one exact and reversible move of the picture, as in
//! a dense machine.

use gibbsian_core::{BlockLaw, Blocks, FiniteUnits, Streams, Units};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};
use rand::Rng;

use super::ConvolutionalRbm;
use crate::bipartite::Bipartite;
use crate::units::assign_free;

impl<V: Units, H: Units> Blocks for ConvolutionalRbm<V, H> {
    /// One: the visible units are redrawn together, through hidden units that are drawn and forgotten.
    fn n_blocks(&self) -> usize {
        1
    }

    fn resample(
        &self,
        x: ArrayViewMut2<f64>,
        _block: usize,
        free: Option<ArrayView1<bool>>,
        rng: &mut dyn Rng,
    ) {
        let streams = Streams::draw(rng);
        let h = self.sample_hidden(x.view(), streams.part(0));
        let v = self.sample_visible(h.view(), streams.part(1));
        assign_free(&self.visible, x, &v, free);
    }
}

impl<V: FiniteUnits, H: FiniteUnits> BlockLaw for ConvolutionalRbm<V, H> {
    /// `P(v → v') = Σ_h p(h | v) p(v' | h)`, by enumerating the hidden layer.
    fn block_matrix(&self, _block: usize, states: ArrayView2<f64>) -> Array2<f64> {
        self.law_through_hidden(states)
    }
}
