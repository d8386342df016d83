//! The law of a Gibbs sweep on a machine small enough to enumerate, from the probabilities that the draws use.
//!
//! Probabilities are those of single precision on the grid of the random words ([`gibbsian_core::simd::bernoulli_law`]), not those of the reference
//! machine, so that draws can be tested against the matrix without any tolerance, and the matrix against the reference with a bound that rounding explains.

use gibbsian_core::simd::{self, bernoulli_law};
use gibbsian_core::{BlockLaw, Discrete};
use gibbsian_linalg::kernels::{Line, PANEL};
use ndarray::{Array2, ArrayView2};

use super::BinaryRbm;
use super::batch::{Form, HiddenBatch, VisibleBatch};
use crate::Rbm;

impl BlockLaw for BinaryRbm {
    /// `P(v → v') = Σ_h p(h | v) p(v' | h)`, by enumerating the hidden layer.
    fn block_matrix(&self, _block: usize, states: ArrayView2<f64>) -> Array2<f64> {
        let transposed = BinaryRbm::from(&Rbm::from(self).transposed());
        let hidden = transposed
            .states()
            .expect("a transition matrix needs a hidden layer that can be enumerated");
        // The transposed machine adds the same numbers in the same order as a draw of the visible units does.
        self.layer_law(states, hidden.view())
            .dot(&transposed.layer_law(hidden.view(), states))
    }
}

impl BinaryRbm {
    /// The probability of drawing each row of `to` as hidden units given each row of `from` as visible ones.
    fn layer_law(&self, from: ArrayView2<f64>, to: ArrayView2<f64>) -> Array2<f64> {
        let (mut v, mut h) = (VisibleBatch::default(), HiddenBatch::default());
        v.read(from, Form::Lists);
        self.by_lists().hidden_field(&v, &mut h);
        simd::sigmoid_f32_in_place(Line::flatten_mut(&mut h.units));
        let on = Array2::from_shape_fn((from.nrows(), self.n_hidden), |(b, j)| {
            bernoulli_law(h.panel(j / PANEL)[b].0[j % PANEL])
        });
        Array2::from_shape_fn((from.nrows(), to.nrows()), |(b, k)| {
            let units = on.row(b).into_iter().zip(to.row(k));
            units
                .map(|(p, state)| if *state == 1.0 { *p } else { 1.0 - p })
                .product()
        })
    }
}
