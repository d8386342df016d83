//! Block Gibbs sampling: all hidden units given the picture, then the whole picture given the hidden units, which is one exact and reversible move of the picture, as in
//! a dense machine.

use gibbsian_core::{BlockLaw, Blocks, FiniteUnits, Streams, Units};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, Zip};
use rand::Rng;

use super::ConvolutionalRbm;
use crate::rbm::law_matrix;

impl<V: Units, H: Units> Blocks for ConvolutionalRbm<V, H> {
    /// One: the visible units are redrawn together, through hidden units that are drawn and forgotten.
    fn n_blocks(&self) -> usize {
        1
    }

    fn resample(
        &self,
        mut x: ArrayViewMut2<f64>,
        _block: usize,
        free: Option<ArrayView1<bool>>,
        rng: &mut dyn Rng,
    ) {
        let streams = Streams::draw(rng);
        let h = self.sample_hidden(x.view(), streams.part(0));
        let v = self.sample_visible(h.view(), streams.part(1));
        match free {
            None => x.assign(&v),
            Some(free) => Zip::from(&mut x)
                .and(&v)
                .and_broadcast(&self.visible.free_units(free))
                .for_each(|x, v, free| {
                    if *free {
                        *x = *v;
                    }
                }),
        }
    }
}

impl<V: FiniteUnits, H: FiniteUnits> BlockLaw for ConvolutionalRbm<V, H> {
    /// `P(v → v') = Σ_h p(h | v) p(v' | h)`, by enumerating the hidden layer.
    fn block_matrix(&self, _block: usize, states: ArrayView2<f64>) -> Array2<f64> {
        let n_hidden_states = self.hidden.n_states().filter(|n| *n <= 1 << 24);
        let n_hidden_states =
            n_hidden_states.expect("a transition matrix needs a hidden layer that can be enumerated");
        let mut hidden = Array2::zeros((n_hidden_states as usize, self.hidden.n_units()));
        self.hidden.states_into(0, hidden.view_mut());
        law_matrix(&self.hidden, self.hidden_field(states), &hidden).dot(&law_matrix(
            &self.visible,
            self.visible_field(hidden.view()),
            &states,
        ))
    }
}
