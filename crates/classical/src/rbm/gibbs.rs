//! Block Gibbs sampling: all hidden units given the visible ones, then all visible units given the hidden ones.
//!
//! Seen from the visible layer, one such sweep is a single exact move `v → h → v'`. It leaves `p(v)` invariant and is reversible with
//! respect to it, because `p(v) Σ_h p(h|v) p(v'|h) = Σ_h p(h) p(v|h) p(v'|h)` is symmetric in `v` and `v'`.

use gibbsian_core::{BlockLaw, Blocks, FiniteUnits, Streams, Units};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};
use rand::Rng;

use super::Rbm;
use crate::bipartite::Bipartite;
use crate::units::assign_free;

impl<V: Units, H: Units> Blocks for Rbm<V, H> {
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

impl<V: FiniteUnits, H: FiniteUnits> BlockLaw for Rbm<V, H> {
    /// `P(v → v') = Σ_h p(h | v) p(v' | h)`, by enumerating the hidden layer.
    fn block_matrix(&self, _block: usize, states: ArrayView2<f64>) -> Array2<f64> {
        self.law_through_hidden(states)
    }
}

/// `p(x_j | I_i)` for every field `i` and every state `j`.
pub(crate) fn law_matrix<U: Units, S>(
    units: &U,
    fields: Array2<f64>,
    states: &ndarray::ArrayBase<S, ndarray::Ix2>,
) -> Array2<f64>
where
    S: ndarray::Data<Elem = f64>,
{
    let mut p = Array2::zeros((fields.nrows(), states.nrows()));
    for (field, mut row) in fields.rows().into_iter().zip(p.rows_mut()) {
        let field = field.broadcast(states.raw_dim()).expect("a row fits the batch");
        row.assign(&units.log_law(field, states.view()).mapv(f64::exp));
    }
    p
}
