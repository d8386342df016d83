//! The parameter gradient at all flipped states at once, which pseudo-likelihood and its relatives ask for.
//!
//! With `p_j`, `q_j` the law of hidden unit `j` of a case, the mean after visible unit `i` is switched on is `m_ij = p_j e^{W_ij} / (q_j + p_j e^{W_ij})`, and
//! `p_j / (p_j + q_j e^{W_ij})` after it is switched off: one division a unit with the table `e^W` that flip costs use, where a pullback a site would compute the field anew. With weights `w_i` of the flips
//! and changes `d_i`,
//!
//! `Σ_i w_i ∂F/∂W = −v (Σ_i w_i m_i)' − Σ_i e_i w_i d_i m_i'`,  `Σ_i w_i ∂F/∂c = −Σ_i w_i m_i`,  `Σ_i w_i ∂F/∂b = −v Σ_i w_i − w ∘ d`.

use gibbsian_core::math::sigmoid;
use gibbsian_core::parallel::map_blocks;
use gibbsian_core::simd::{Vectorized, vectorized};
use gibbsian_linalg::kernels::PANEL;
use ndarray::{ArrayView2, ArrayViewMut1, Axis};

use super::BinaryRbm;
use super::flips::{Exponentials, Law, Wide};

/// Sums over the rows of one block, with hidden units in panels.
struct Sums {
    /// `Σ_b [v_b (Σ_i w_bi m_bi)' + Σ_i e_i w_bi d_bi m_bi']`, visible unit by visible unit.
    weights: Vec<Wide>,
    /// `Σ_b Σ_i w_bi m_bi`.
    hidden: Vec<Wide>,
    /// `Σ_b [v_b Σ_i w_bi + w_b ∘ d_b]`.
    visible: Vec<f64>,
}

impl BinaryRbm {
    /// [`gibbsian_core::EnergyPullback::flips_pullback_into`].
    pub(super) fn add_flip_gradients(
        &self,
        x: ArrayView2<f64>,
        w: ArrayView2<f64>,
        grad: ArrayViewMut1<f64>,
    ) {
        assert_eq!(x.dim(), w.dim(), "one weight for every unit of every row");
        let field = self.hidden_field_of(x);
        let exponentials = Exponentials::of(self);
        let n_panels = self.hidden_bias.len();
        let partial = map_blocks(x.nrows(), |_, rows| {
            let mut sums = Sums {
                weights: vec![[0.0; PANEL]; self.n_visible * n_panels],
                hidden: vec![[0.0; PANEL]; n_panels],
                visible: vec![0.0; self.n_visible],
            };
            let mut of_row = vec![[0.0; PANEL]; n_panels];
            for b in rows {
                let law = Law::of(&field, b);
                of_row.fill([0.0; PANEL]);
                for i in (0..self.n_visible).filter(|i| w[[b, *i]] != 0.0) {
                    let (v, w) = (x[[b, i]], w[[b, i]]);
                    // The symbol that the unit does not have.
                    let d = if v == 0.0 { 1.0 } else { -v };
                    let of_unit = &mut sums.weights[i * n_panels..(i + 1) * n_panels];
                    if exponentials.is_safe[i] && (v == 0.0 || v == 1.0) {
                        vectorized(Means {
                            law: &law,
                            switched_on: v == 0.0,
                            exponentials: exponentials.of_unit(i),
                            w,
                            d,
                            of_row: &mut of_row,
                            of_unit,
                        });
                    } else {
                        for j in 0..self.n_hidden {
                            let (p, k) = (j / PANEL, j % PANEL);
                            let moved = f64::from(field.panel(p)[b].0[k]) + d * f64::from(self.weight(i, j));
                            of_row[p][k] += w * sigmoid(moved);
                            of_unit[p][k] += w * d * sigmoid(moved);
                        }
                    }
                    sums.visible[i] += w * d;
                }
                let total: f64 = w.row(b).sum();
                for i in (0..self.n_visible).filter(|i| x[[b, *i]] != 0.0) {
                    let v = x[[b, i]];
                    let of_unit = &mut sums.weights[i * n_panels..(i + 1) * n_panels];
                    add_scaled(v, &of_row, of_unit);
                    sums.visible[i] += v * total;
                }
                add_scaled(1.0, &of_row, &mut sums.hidden);
            }
            sums
        });
        let (mut weights, biases) = grad.split_at(Axis(0), self.n_visible * self.n_hidden);
        let (mut visible, mut hidden) = biases.split_at(Axis(0), self.n_visible);
        for sums in partial {
            for i in 0..self.n_visible {
                for j in 0..self.n_hidden {
                    weights[i * self.n_hidden + j] -= sums.weights[i * n_panels + j / PANEL][j % PANEL];
                }
                visible[i] -= sums.visible[i];
            }
            for j in 0..self.n_hidden {
                hidden[j] -= sums.hidden[j / PANEL][j % PANEL];
            }
        }
    }
}

fn add_scaled(scale: f64, from: &[Wide], to: &mut [Wide]) {
    for (from, to) in from.iter().zip(to) {
        for (from, to) in from.iter().zip(to) {
            *to += scale * from;
        }
    }
}

/// Adds `w m` to the sums of a row and `w d m` to those of a visible unit, for the hidden means `m` after its flip.
struct Means<'a> {
    law: &'a Law,
    switched_on: bool,
    exponentials: &'a [Wide],
    w: f64,
    d: f64,
    of_row: &'a mut [Wide],
    of_unit: &'a mut [Wide],
}

impl Vectorized for Means<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for p in 0..self.exponentials.len() {
            let (on, off, e) = (&self.law.on[p], &self.law.off[p], &self.exponentials[p]);
            let (of_row, of_unit) = (&mut self.of_row[p], &mut self.of_unit[p]);
            for j in 0..PANEL {
                let (numerator, other) = if self.switched_on {
                    (on[j] * e[j], off[j])
                } else {
                    (on[j], off[j] * e[j])
                };
                let m = numerator / (numerator + other);
                of_row[j] += self.w * m;
                of_unit[j] += self.w * self.d * m;
            }
        }
    }
}
