//! Block conditionals: what Gibbs sampling, clamping and inpainting ask of a model.

use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};
use rand::Rng;

use crate::energy::Space;

/// A model whose coordinates fall into blocks that can be redrawn exactly given all the rest.
///
/// A model with hidden units may draw them inside `resample` and forget them; the step on what remains is then still exact.
pub trait Blocks: Space {
    /// The number of blocks; redrawing blocks `0..n_blocks` once is a sweep.
    fn n_blocks(&self) -> usize;

    /// Redraws the coordinates of `block` in every row of `x`.
    ///
    /// Where `free` `(D)` is given, coordinates with `free[i] == false` are clamped: they keep their value and condition the
    /// others.
    fn resample(
        &self,
        x: ArrayViewMut2<f64>,
        block: usize,
        free: Option<ArrayView1<bool>>,
        rng: &mut dyn Rng,
    );
}

/// Blocks whose conditional law can be written down on a finite space, from the same probabilities that `resample` draws with.
pub trait BlockLaw: Blocks {
    /// `P[i, j]`, the probability that redrawing `block` at row `i` of `states` gives row `j`; `states` lists the whole space.
    fn block_matrix(&self, block: usize, states: ArrayView2<f64>) -> Array2<f64>;
}
