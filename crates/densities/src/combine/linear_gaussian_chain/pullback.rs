//! Parameter gradients of the chain.
//!
//! With `B = I − A`, `r = B x − b` and `q = D⁻¹ r`, and `u`, `w` cotangents of the score `s = −Bᵀ D⁻¹ r` and of `J v = −Bᵀ D⁻¹ B v`:
//!
//! | derivative of | in `a_ij`, `j < i` | in `b_i` | in `log σ_i` |
//! |---|---|---|---|
//! | `E` | `−q_i x_j` | `−q_i` | `1 − q_i r_i` |
//! | `u·s = −(Bu)ᵀ D⁻¹ r` | `u_j q_i + (Bu)_i x_j / σ_i²` | `(Bu)_i / σ_i²` | `2 (Bu)_i q_i` |
//! | `w·J v = −(Bw)ᵀ D⁻¹ B v` | `(w_j (Bv)_i + (Bw)_i v_j) / σ_i²` | 0 | `2 (Bw)_i (Bv)_i / σ_i²` |

use gibbsian_core::score::JvpCotangent;
use gibbsian_core::{Energy, EnergyPullback, Score, ScoreJvp, ScoreJvpPullback, ScorePullback, Space};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};

use super::LinearGaussianChain;
use crate::combine::rows::{add_gradients, add_scaled, contiguous};

/// The three parts of a flat gradient.
struct Gradient<'a> {
    coefficients: &'a mut [f64],
    offsets: &'a mut [f64],
    log_deviations: &'a mut [f64],
}

impl<'a> Gradient<'a> {
    fn new(dim: usize, flat: &'a mut [f64]) -> Self {
        let (coefficients, rest) = flat.split_at_mut(dim * (dim - 1) / 2);
        let (offsets, log_deviations) = rest.split_at_mut(dim);
        Gradient {
            coefficients,
            offsets,
            log_deviations,
        }
    }

    /// The gradient in `a_i`.
    fn regression(&mut self, i: usize) -> &mut [f64] {
        // Row i comes after 0 + 1 + … + (i − 1) coefficients.
        let start = i * i.saturating_sub(1) / 2;
        &mut self.coefficients[start..start + i]
    }
}

impl LinearGaussianChain {
    /// Adds the gradients of the rows given by `f(inputs, gradient)`, where `inputs` are a row of each of `arrays`.
    fn add_rows<const N: usize>(
        &self,
        arrays: [ArrayView2<f64>; N],
        grad: ArrayViewMut1<f64>,
        f: impl Fn([&[f64]; N], &mut Gradient) + Sync + Send,
    ) {
        add_gradients(arrays[0].nrows(), grad, |rows, buffer| {
            let blocks = arrays.map(|array| contiguous(array, rows.clone()));
            let mut gradient = Gradient::new(self.dim(), buffer);
            for b in 0..rows.len() {
                let inputs = blocks
                    .each_ref()
                    .map(|block| block.row(b).to_slice().expect("rows are contiguous"));
                f(inputs, &mut gradient);
            }
        });
    }

    /// `y_i / σ_i²`.
    fn weighed(&self, i: usize, y: f64) -> f64 {
        y / self.deviations[i] / self.deviations[i]
    }
}

impl EnergyPullback for LinearGaussianChain {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let (energy, mut weights) = (self.energy(x), Array1::zeros(x.nrows()));
        weigh(energy.view(), weights.view_mut());
        self.add_rows(
            [x, weights.view().insert_axis(Axis(1))],
            grad,
            |[x, weight], grad| {
                for (i, r) in self.residuals(x).into_iter().enumerate() {
                    let q = weight[0] * self.weighed(i, r);
                    add_scaled(-q, &x[..i], grad.regression(i));
                    grad.offsets[i] -= q;
                    let z = r / self.deviations[i];
                    grad.log_deviations[i] += weight[0] * (1.0 - z * z);
                }
            },
        );
    }
}

impl LinearGaussianChain {
    /// Adds `Σ_b u_b · ∂s(x_b)/∂θ`.
    fn add_score_gradient(&self, x: ArrayView2<f64>, u: ArrayView2<f64>, grad: ArrayViewMut1<f64>) {
        self.add_rows([x, u], grad, |[x, u], grad| {
            let differences = self.differences(u);
            for (i, r) in self.residuals(x).into_iter().enumerate() {
                let (q, d) = (self.weighed(i, r), self.weighed(i, differences[i]));
                add_scaled(q, &u[..i], grad.regression(i));
                add_scaled(d, &x[..i], grad.regression(i));
                grad.offsets[i] += d;
                grad.log_deviations[i] += 2.0 * differences[i] * q;
            }
        });
    }

    /// Adds `Σ_b w_b · ∂(J v_b)/∂θ`.
    fn add_jvp_gradient(&self, v: ArrayView2<f64>, w: ArrayView2<f64>, grad: ArrayViewMut1<f64>) {
        self.add_rows([v, w], grad, |[v, w], grad| {
            let (bv, bw) = (self.differences(v), self.differences(w));
            for i in 0..v.len() {
                add_scaled(self.weighed(i, bv[i]), &w[..i], grad.regression(i));
                add_scaled(self.weighed(i, bw[i]), &v[..i], grad.regression(i));
                grad.log_deviations[i] += 2.0 * bw[i] * self.weighed(i, bv[i]);
            }
        });
    }
}

impl ScorePullback for LinearGaussianChain {
    fn score_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let (score, mut u) = (self.score(x), Array2::zeros(x.raw_dim()));
        cotangent(score.view(), u.view_mut());
        self.add_score_gradient(x, u.view(), grad);
    }
}

impl ScoreJvpPullback for LinearGaussianChain {
    fn score_jvp_pullback_with(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        cotangent: &mut JvpCotangent<'_>,
        mut grad: ArrayViewMut1<f64>,
    ) {
        let (mut score, mut jvp) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
        self.score_jvp_into(x, v, score.view_mut(), jvp.view_mut());
        let (mut u, mut w) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
        cotangent(score.view(), jvp.view(), u.view_mut(), w.view_mut());
        self.add_score_gradient(x, u.view(), grad.view_mut());
        self.add_jvp_gradient(v, w.view(), grad);
    }
}
