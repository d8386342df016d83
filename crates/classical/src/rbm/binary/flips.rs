//! The cost of flipping each visible unit.
//!
//! With the hidden field `I = c + v'W` and the flip `d = 1 − 2 v_i`,
//!
//! `F(flipped) − F(v) = −d b_i − Σ_j log[(1 + e^{I_j + d W_ij}) / (1 + e^{I_j})] = −d b_i − log Π_j (q_j + p_j e^{d W_ij})`,
//!
//! with `p_j = σ(I_j)` and `q_j = 1 − p_j = σ(−I_j)`. So the field is computed once a case, `e^W` once a call, and a flip takes two multiplications and an addition a hidden
//! unit and **one** logarithm in all. Both directions share the table `e^W`, because `q + p e^{−w} = e^{−w} (p + q e^w)`. Every factor is a sum of
//! positive terms that are accurate to rounding, so that none is lost where `p` or `q` is tiny. Rejected: differences of two softplus sums, which take an exponential and a
//! logarithm a hidden unit and cancel where the weights are small.
//!
//! Everything after the field is in `f64`. A field with `n` active units is off by at most `δ_j = n ε Σ_i |W_ij|`, `ε = 2⁻²⁴`, and a flip then by at most
//! `Σ_j min(1, |W_ij| / 4) δ_j`.
//!
//! A unit whose weights sum to more than 600 in magnitude could overflow the product; its softplus terms are added one by one. The same serves where
//! `v_i` is a mean.

use gibbsian_core::math::{sigmoid, softplus};
use gibbsian_core::parallel::{BLOCK_ROWS, for_each_block};
use gibbsian_core::simd::{Vectorized, vectorized};
use gibbsian_core::{Discrete, DiscreteEnergy};
use gibbsian_linalg::kernels::PANEL;
use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;

use super::BinaryRbm;
use super::batch::{Form, HiddenBatch, VisibleBatch};

/// A product of factors between `e^{−600}` and `e^{600}` neither overflows nor leaves the normal numbers.
const LARGEST_EXPONENT: f64 = 600.0;

/// Numbers of 64 hidden units.
pub(super) type Wide = [f64; PANEL];

impl Discrete for BinaryRbm {
    fn alphabet(&self, _site: usize) -> &[f64] {
        &[0.0, 1.0]
    }
}

impl DiscreteEnergy for BinaryRbm {
    fn site_deltas_into(&self, x: ArrayView2<f64>, site: usize, mut out: ArrayViewMut2<f64>) {
        let field = self.hidden_field_of(x);
        for (b, mut out) in out.rows_mut().into_iter().enumerate() {
            for (symbol, out) in [0.0, 1.0].into_iter().zip(&mut out) {
                *out = self.change(&field, b, site, symbol - x[[b, site]]);
            }
        }
    }

    fn flip_deltas_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        assert_eq!(x.dim(), out.dim(), "a cost for every unit of every row");
        let field = self.hidden_field_of(x);
        let exponentials = Exponentials::of(self);
        for_each_block(out, |block, mut out| {
            let first = block * BLOCK_ROWS;
            let laws: Vec<Law> = (first..first + out.nrows())
                .map(|case| Law::of(&field, case))
                .collect();
            for (i, mut out) in out.columns_mut().into_iter().enumerate() {
                let bias = f64::from(self.visible_biases()[i]);
                for (k, out) in out.iter_mut().enumerate() {
                    let v = x[[first + k, i]];
                    let law = &laws[k];
                    let (linear, kept, scaled) = if v == 0.0 {
                        (-bias, &law.off, &law.on)
                    } else {
                        (bias + exponentials.exponent_sums[i], &law.on, &law.off)
                    };
                    *out = if exponentials.is_safe[i] && (v == 0.0 || v == 1.0) {
                        let exponentials = exponentials.of_unit(i);
                        linear
                            - vectorized(Product {
                                kept,
                                scaled,
                                exponentials,
                            })
                            .ln()
                    } else {
                        // The symbol that the unit does not have.
                        let symbol = if v == 0.0 { 1.0 } else { 0.0 };
                        self.change(&field, first + k, i, symbol - v)
                    };
                }
            }
        });
    }
}

impl BinaryRbm {
    /// `c + v'W` of the rows of `x`.
    pub(super) fn hidden_field_of(&self, x: ArrayView2<f64>) -> HiddenBatch {
        assert_eq!(x.ncols(), self.n_visible, "columns of x against visible units");
        let (mut v, mut field) = (VisibleBatch::default(), HiddenBatch::default());
        v.read(x, Form::Lists);
        self.by_lists().hidden_field(&v, &mut field);
        field
    }

    /// `F` after a change `d` of visible unit `i` minus `F` before, term by term.
    fn change(&self, field: &HiddenBatch, case: usize, i: usize, d: f64) -> f64 {
        let mut change = -d * f64::from(self.visible_biases()[i]);
        for j in 0..self.n_hidden {
            let before = f64::from(field.panel(j / PANEL)[case].0[j % PANEL]);
            change -= softplus(before + d * f64::from(self.weight(i, j))) - softplus(before);
        }
        change
    }
}

/// `e^W`, a row of panels for each visible unit.
pub(super) struct Exponentials {
    n_panels: usize,
    exponentials: Vec<Wide>,
    /// `Σ_j W_ij`.
    exponent_sums: Vec<f64>,
    /// Whether no product of this unit's factors leaves the range of numbers.
    pub(super) is_safe: Vec<bool>,
}

impl Exponentials {
    pub(super) fn of(machine: &BinaryRbm) -> Self {
        let (n_visible, n_panels) = (machine.n_visible, machine.hidden_bias.len());
        let mut exponentials = vec![[1.0; PANEL]; n_visible * n_panels];
        // Rows beyond the last hidden unit have weight zero.
        let sum = |i: usize, of: fn(f64) -> f64| -> f64 {
            let panels = (0..n_panels).map(|p| &machine.panel(p)[i].0);
            panels.flatten().map(|w| of(f64::from(*w))).sum()
        };
        let is_safe: Vec<bool> = (0..n_visible)
            .map(|i| sum(i, f64::abs) <= LARGEST_EXPONENT)
            .collect();
        exponentials
            .par_chunks_mut(n_panels)
            .enumerate()
            .filter(|(i, _)| is_safe[*i])
            .for_each(|(i, row)| {
                for (p, row) in row.iter_mut().enumerate() {
                    for (e, w) in row.iter_mut().zip(&machine.panel(p)[i].0) {
                        *e = f64::from(*w).exp();
                    }
                }
            });
        Exponentials {
            n_panels,
            exponentials,
            exponent_sums: (0..n_visible).map(|i| sum(i, |w| w)).collect(),
            is_safe,
        }
    }

    pub(super) fn of_unit(&self, i: usize) -> &[Wide] {
        &self.exponentials[i * self.n_panels..(i + 1) * self.n_panels]
    }
}

/// The law of the hidden units of one case: `p(h_j = 1 | v)` and `p(h_j = 0 | v)`, each accurate to rounding.
pub(super) struct Law {
    pub(super) on: Vec<Wide>,
    pub(super) off: Vec<Wide>,
}

impl Law {
    pub(super) fn of(field: &HiddenBatch, case: usize) -> Self {
        let law = |sign: f64| -> Vec<Wide> {
            let panels = 0..field.n_panels();
            panels
                .map(|p| field.panel(p)[case].0.map(|x| sigmoid(sign * f64::from(x))))
                .collect()
        };
        Law {
            on: law(1.0),
            off: law(-1.0),
        }
    }
}

/// `Π_j (kept_j + scaled_j exponential_j)`.
struct Product<'a> {
    kept: &'a [Wide],
    scaled: &'a [Wide],
    exponentials: &'a [Wide],
}

impl Vectorized for Product<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let mut product = [1.0; PANEL];
        for ((kept, scaled), exponentials) in self.kept.iter().zip(self.scaled).zip(self.exponentials) {
            for j in 0..PANEL {
                product[j] *= kept[j] + scaled[j] * exponentials[j];
            }
        }
        // Halves of halves: the same order for every vector width.
        let mut n = PANEL / 2;
        while n > 0 {
            for j in 0..n {
                product[j] *= product[j + n];
            }
            n /= 2;
        }
        product[0]
    }
}
