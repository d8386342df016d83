//! Parameter gradients of the estimator.
//!
//! With `δ_i = ∂E/∂logit_i = p(x_i = 1 | x_<i) − x_i`, and `g_i = Σ_{k≥i} δ_k V_k ∘ h_k ∘ (1 − h_k)` the gradient in the activations `a_i`,
//!
//! `∂E/∂b_i = δ_i`,  `∂E/∂V_i = δ_i h_i`,  `∂E/∂W_i = x_i g_{i+1}`,  `∂E/∂c = g_1`
//!
//! (Uria et al. 2016, algorithm 1, which walks the coordinates backwards). The hidden layers are not stored, which would take D times the
//! memory of one, but recomputed: on the way back `a_i = a_{i+1} − x_i W_i`. A subtraction rounds by at most ε of the activations,
//! like the additions on the way there.

use gibbsian_core::{Energy, EnergyPullback, Space, math};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1};

use super::{Hidden, Nade, kernels, symbol};
use crate::combine::rows::{add_gradients, add_scaled, contiguous};

impl EnergyPullback for Nade {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let (energy, mut weights) = (self.energy(x), Array1::zeros(x.nrows()));
        weigh(energy.view(), weights.view_mut());
        add_gradients(x.nrows(), grad, |rows, grad| {
            let x = contiguous(x, rows.clone());
            self.add_block_gradient(
                &x,
                &weights.as_slice().expect("a new array is contiguous")[rows],
                grad,
            );
        });
    }
}

impl Nade {
    /// Adds the gradient of a block of rows.
    fn add_block_gradient(&self, x: &Array2<f64>, weights: &[f64], grad: &mut [f64]) {
        let (n_visible, n_hidden) = (self.dim(), self.n_hidden());
        let (in_inputs, rest) = grad.split_at_mut(n_visible * n_hidden);
        let (in_outputs, rest) = rest.split_at_mut(n_visible * n_hidden);
        let (in_visible, in_hidden) = rest.split_at_mut(n_visible);

        let mut hidden = self.last_hidden(x);
        // g of each row.
        let mut in_activations = vec![0.0; x.nrows() * n_hidden];
        for i in (0..n_visible).rev() {
            let weights_of_i = i * n_hidden..(i + 1) * n_hidden;
            for (b, &weight) in weights.iter().enumerate() {
                let (x_i, g) = (
                    symbol(x[[b, i]]),
                    &mut in_activations[b * n_hidden..(b + 1) * n_hidden],
                );
                if x_i != 0.0 && i + 1 < n_visible {
                    add_scaled(x_i, g, &mut in_inputs[weights_of_i.clone()]);
                    hidden.add(b, -x_i, self.input_row(i));
                }
                let (h, outputs) = (hidden.units(b), self.output_row(i));
                let delta = weight * (math::sigmoid(self.logit(i, h)) - x_i);
                in_visible[i] += delta;
                kernels::back(delta, h, outputs, &mut in_outputs[weights_of_i.clone()], g);
            }
        }
        for g in in_activations.chunks_exact(n_hidden) {
            add_scaled(1.0, g, in_hidden);
        }
    }

    /// The hidden layer that the last coordinate sees.
    fn last_hidden(&self, x: &Array2<f64>) -> Hidden {
        let mut hidden = Hidden::new(x.nrows(), &self.hidden_bias);
        for i in 0..self.dim() - 1 {
            for b in 0..x.nrows() {
                if x[[b, i]] != 0.0 {
                    add_scaled(symbol(x[[b, i]]), self.input_row(i), hidden.activations(b));
                }
            }
        }
        (0..x.nrows()).for_each(|b| hidden.update(b));
        hidden
    }
}
