//! The free energy and its parameter gradient, from single-precision fields.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::parallel::{BLOCK_ROWS, for_each_block};
use gibbsian_core::{Energy, EnergyPullback, RelaxedEnergy, simd};
use gibbsian_linalg::kernels::{Line, PANEL};
use gibbsian_linalg::matmul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};

use super::BinaryRbm;
use super::batch::{Form, HiddenBatch, VisibleBatch};

impl BinaryRbm {
    /// `F(v) = −b'v − Σ_j softplus(c_j + (v'W)_j)` from the field `c + v'W`, summed in `f64` in the order of the units.
    pub(super) fn free_energies(&self, v: &VisibleBatch, field: &HiddenBatch, mut out: ArrayViewMut1<f64>) {
        let b = self.visible_biases();
        for (case, out) in out.iter_mut().enumerate() {
            let mut energy = 0.0;
            v.for_each_active(case, |i, value| energy -= value * f64::from(b[i]));
            // Units beyond the last have the field −∞ and add zero.
            for p in 0..self.hidden_bias.len() {
                energy -= simd::softplus_sum(&field.panel(p)[case].0);
            }
            *out = energy;
        }
    }
}

impl BinaryRbm {
    /// `E[h | v]`, one row a case.
    pub fn hidden_mean(&self, v: ArrayView2<f64>) -> Array2<f64> {
        self.means_from_field(self.hidden_field_of(v))
    }

    /// `σ` of the field, in `f64`.
    fn means_from_field(&self, mut h: HiddenBatch) -> Array2<f64> {
        simd::sigmoid_f32_in_place(Line::flatten_mut(&mut h.units));
        Array2::from_shape_fn((h.n, self.n_hidden), |(b, j)| {
            f64::from(h.panel(j / PANEL)[b].0[j % PANEL])
        })
    }
}

impl Energy for BinaryRbm {
    /// The free energy `F(v)`; NaN in a row gives NaN for that row.
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.n_visible, x, &out);
        let (mut v, mut field) = (VisibleBatch::default(), HiddenBatch::default());
        v.read(x, Form::Lists);
        self.by_lists().hidden_field(&v, &mut field);
        self.free_energies(&v, &field, out.view_mut());
    }
}

impl EnergyPullback for BinaryRbm {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let (mut v, mut h) = (VisibleBatch::default(), HiddenBatch::default());
        v.read(x, Form::Lists);
        self.by_lists().hidden_field(&v, &mut h);
        let mut energy = Array1::zeros(x.nrows());
        let mut w = Array1::zeros(x.nrows());
        self.free_energies(&v, &h, energy.view_mut());
        weigh(energy.view(), w.view_mut());

        let mean = self.means_from_field(h);
        let (grad_weights, rest) = grad.split_at(Axis(0), self.n_visible * self.n_hidden);
        let (mut grad_visible, mut grad_hidden) = rest.split_at(Axis(0), self.n_visible);
        // ∂F/∂W = −v E[h|v]', ∂F/∂b = −v, ∂F/∂c = −E[h|v].
        let weighted = &x * &w.view().insert_axis(Axis(1));
        for (g, p) in grad_weights.into_iter().zip(&matmul(weighted.t(), mean.view())) {
            *g -= p;
        }
        grad_visible -= &weighted.sum_axis(Axis(0));
        for (mean, w) in mean.rows().into_iter().zip(&w) {
            grad_hidden.scaled_add(-w, &mean);
        }
    }

    fn flips_pullback_into(&self, x: ArrayView2<f64>, w: ArrayView2<f64>, grad: ArrayViewMut1<f64>) {
        self.add_flip_gradients(x, w, grad);
    }
}

impl RelaxedEnergy for BinaryRbm {
    fn relaxed_score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        let (mut v, mut h) = (VisibleBatch::default(), HiddenBatch::default());
        v.read(x, Form::Lists);
        self.by_lists().hidden_field(&v, &mut h);
        self.relaxed_scores(h, out);
    }

    fn energy_and_relaxed_score_into(
        &self,
        x: ArrayView2<f64>,
        energy: ArrayViewMut1<f64>,
        score: ArrayViewMut2<f64>,
    ) {
        let (mut v, mut h) = (VisibleBatch::default(), HiddenBatch::default());
        v.read(x, Form::Lists);
        self.by_lists().hidden_field(&v, &mut h);
        self.free_energies(&v, &h, energy);
        self.relaxed_scores(h, score);
    }
}

impl BinaryRbm {
    /// `−∂F/∂v_i = b_i + Σ_j W_ij σ(c_j + (v'W)_j)` from the field, summed in `f64`.
    fn relaxed_scores(&self, mut h: HiddenBatch, out: ArrayViewMut2<f64>) {
        simd::sigmoid_f32_in_place(Line::flatten_mut(&mut h.units));
        let (lines, b) = (self.panel_lines(), self.visible_biases());
        for_each_block(out, |block, mut out| {
            for (k, mut out) in out.rows_mut().into_iter().enumerate() {
                for (i, out) in out.iter_mut().enumerate() {
                    // Units beyond the last have the mean zero.
                    let sum = (0..self.hidden_bias.len()).map(|p| {
                        let mean = &h.panel(p)[block * BLOCK_ROWS + k];
                        product(&self.weights[p * lines + i], mean)
                    });
                    *out = f64::from(b[i]) + sum.sum::<f64>();
                }
            }
        });
    }
}

/// `Σ_j w_j m_j` in eight partial sums, which processors of any width can take side by side.
fn product(w: &Line, mean: &Line) -> f64 {
    let mut sums = [0.0; 8];
    for (w, m) in w.0.chunks_exact(8).zip(mean.0.chunks_exact(8)) {
        for (sum, (w, m)) in sums.iter_mut().zip(w.iter().zip(m)) {
            *sum += f64::from(*w) * f64::from(*m);
        }
    }
    sums.iter().sum()
}
