//! The annealing path of a [`BinaryRbm`], in single precision.
//!
//! The same path as [`crate::RbmPath`], with a base of independent visible units and unbiased hidden ones: `β` scales the weights and the hidden biases, and the
//! visible biases go from the base's to the machine's,
//!
//! `log f_β(v) = (1−β) a'v + β b'v + Σ_j softplus(β (c_j + (v'W)_j))`.
//!
//! Products are computed by a matrix unit where the processor has one and the machine fills it, with weights in three digits, which is as precise as single precision
//! ([`BinaryRbmPath::with_arithmetic`] chooses).
//!
//! The hidden field of the current states is kept, since both the work and the next transition start from it.

use gibbsian_core::error::{check_batch, check_each, check_shape};
use gibbsian_core::math::{sigmoid, softplus};
use gibbsian_core::simd::{self, LaneRng};
use gibbsian_core::{Path, Result, Space, Streams};
use gibbsian_linalg::kernels::tiles::{Arithmetic, Digits};
use gibbsian_linalg::kernels::{Line, PANEL};
use ndarray::{Array2, ArrayView2, CowArray, Ix2};
use rand::Rng;
use rayon::prelude::*;

use super::batch::{Form, HiddenBatch, VisibleBatch};
use super::gibbs::with_lines;
use super::tiled::{Products, Tiled};
use super::{BinaryRbm, bias_lines};
use crate::units::Bernoulli;

/// The path from independent units to a [`BinaryRbm`].
#[derive(Clone, Debug)]
pub struct BinaryRbmPath<'a> {
    machine: &'a BinaryRbm,
    /// The base's visible biases `a`, −∞ beyond the last unit.
    base: Vec<Line>,
    /// The weights for a matrix unit, where there is one.
    tiled: Option<Tiled>,
}

/// The chains of a [`BinaryRbmPath`].
#[derive(Clone, Debug, Default)]
pub struct BinaryState {
    v: VisibleBatch,
    /// `c + v'W` of the current states.
    field: HiddenBatch,
    /// Room for the hidden states.
    h: HiddenBatch,
    /// Room for the work done in each panel by each chain.
    work: Vec<f64>,
}

impl<'a> BinaryRbmPath<'a> {
    /// The path that starts at these independent visible units and at unbiased hidden ones.
    ///
    /// # Errors
    /// A base of another number of units than the machine has, or with a bias that single precision cannot hold.
    pub fn new(machine: &'a BinaryRbm, base: &Bernoulli) -> Result<Self> {
        let bias = base.bias();
        check_shape("base", &bias, &[machine.n_visible])?;
        let requirement = "a number that single precision can hold";
        check_each("base", bias, requirement, |b| (b as f32).is_finite())?;
        Ok(BinaryRbmPath {
            machine,
            base: bias_lines(machine.n_visible, |i| bias[i] as f32),
            tiled: None,
        }
        .with_arithmetic(Arithmetic::Fastest))
    }

    /// The path with its products computed in this way; [`Arithmetic::Fastest`] at first.
    pub fn with_arithmetic(self, arithmetic: Arithmetic) -> Self {
        let in_tiles = self.machine.form(arithmetic) == Form::Tiles;
        let tiled = in_tiles.then(|| Tiled::of(self.machine, Digits::Three));
        BinaryRbmPath { tiled, ..self }
    }

    fn products(&self) -> Products<'_> {
        Products {
            machine: self.machine,
            tiled: self.tiled.as_ref(),
        }
    }

    fn base_biases(&self) -> &[f32] {
        &Line::flatten(&self.base)[..self.machine.n_visible]
    }

    /// **Adds** `Σ_i x_i weight(i)` of every chain to `out`, in `f64`.
    fn add_linear(&self, v: &VisibleBatch, weight: impl Fn(usize) -> f64, out: &mut [f64]) {
        for (b, out) in out.iter_mut().enumerate() {
            v.for_each_active(b, |i, value| *out += value * weight(i));
        }
    }
}

impl Space for BinaryRbmPath<'_> {
    fn dim(&self) -> usize {
        self.machine.n_visible
    }
}

impl Path for BinaryRbmPath<'_> {
    type State = BinaryState;

    fn start(&self, n: usize, rng: &mut dyn Rng) -> BinaryState {
        let streams = Streams::draw(rng);
        let mut state = BinaryState::default();
        state.v.resize(n, self.dim(), self.products().form());
        state.v.fill(|q, masks| {
            with_lines(n, |logits| {
                logits.fill(self.base[q]);
                simd::sample_masks(&mut LaneRng::new(streams, q), Line::flatten(logits), masks);
            });
        });
        self.products().hidden_field(&state.v, &mut state.field);
        state
    }

    fn log_z_start(&self) -> f64 {
        let visible: f64 = self.base_biases().iter().map(|a| softplus(f64::from(*a))).sum();
        visible + self.machine.n_hidden as f64 * std::f64::consts::LN_2
    }

    fn place(&self, x: ArrayView2<f64>) -> Result<BinaryState> {
        check_batch("x", &x, self.dim())?;
        check_each("x", x, "in [0, 1]", |v| (0.0..=1.0).contains(&v))?;
        let mut state = BinaryState::default();
        state.v.read(x, self.products().form());
        self.products().hidden_field(&state.v, &mut state.field);
        Ok(state)
    }

    fn positions<'s>(&self, state: &'s BinaryState) -> CowArray<'s, f64, Ix2> {
        let mut x = Array2::zeros((state.v.n, self.dim()));
        state.v.write(x.view_mut());
        x.into()
    }

    fn log_start(&self, state: &BinaryState, out: &mut [f64]) {
        let base = self.base_biases();
        self.add_linear(&state.v, |i| f64::from(base[i]), out);
        for out in out {
            *out += self.machine.n_hidden as f64 * std::f64::consts::LN_2;
        }
    }

    fn work(&self, state: &mut BinaryState, from: f64, to: f64, log_weights: &mut [f64]) {
        let n = state.v.n;
        state.work.resize(n * self.machine.hidden_bias.len(), 0.0);
        let field = &state.field;
        state
            .work
            .par_chunks_mut(n.max(1))
            .enumerate()
            .for_each(|(p, work)| {
                for (work, line) in work.iter_mut().zip(field.panel(p)) {
                    // Units beyond the last have the field −∞ and do no work.
                    *work = simd::softplus_scaled_difference_sum(&line.0, from, to);
                }
            });
        for panel in state.work.chunks(n.max(1)) {
            for (log_weight, work) in log_weights.iter_mut().zip(panel) {
                *log_weight += work;
            }
        }
        let (a, b) = (self.base_biases(), self.machine.visible_biases());
        let step = to - from;
        self.add_linear(
            &state.v,
            |i| step * (f64::from(b[i]) - f64::from(a[i])),
            log_weights,
        );
    }

    // `Σ_i v_i (b_i − a_i) + Σ_j I_j σ(β I_j)` with the fields `I = c + v'W`, the sums in double precision.
    fn slope(&self, state: &BinaryState, beta: f64, out: &mut [f64]) {
        let n_hidden = self.machine.n_hidden;
        for p in 0..n_hidden.div_ceil(PANEL) {
            let n_units = PANEL.min(n_hidden - p * PANEL);
            for (out, line) in out.iter_mut().zip(state.field.panel(p)) {
                let units = line.0[..n_units].iter().map(|field| f64::from(*field));
                *out += units.map(|field| field * sigmoid(beta * field)).sum::<f64>();
            }
        }
        let (a, b) = (self.base_biases(), self.machine.visible_biases());
        self.add_linear(&state.v, |i| f64::from(b[i]) - f64::from(a[i]), out);
    }

    fn transition(&self, state: &mut BinaryState, beta: f64, rng: &mut dyn Rng) {
        let streams = Streams::draw(rng);
        let (n, machine, products, beta) = (state.v.n, self.machine, self.products(), beta as f32);
        let field = &state.field;
        state.h.resize(n, machine.n_hidden, products.form());
        state.h.fill(machine.panel_lines(), |p, units, masks| {
            for (units, field) in units.iter_mut().zip(field.panel(p)) {
                for k in 0..PANEL {
                    units.0[k] = beta * field.0[k];
                }
            }
            simd::sample_masks(&mut LaneRng::new(streams.part(0), p), Line::flatten(units), masks);
        });
        let h = &state.h;
        state.v.resize(n, self.dim(), products.form());
        state.v.fill(|q, masks| {
            let mut bias = self.base[q];
            for (bias, b) in bias.0.iter_mut().zip(&machine.visible_bias[q].0) {
                // Units beyond the last have bias −∞ on both sides, where 0 · ∞ must not arise.
                if bias.is_finite() {
                    *bias = (1.0 - beta) * *bias + beta * b;
                }
            }
            with_lines(n, |logits| {
                products.down(h, q).product_into(&bias, beta, logits);
                simd::sample_masks(
                    &mut LaneRng::new(streams.part(1), q),
                    Line::flatten(logits),
                    masks,
                );
            });
        });
        products.hidden_field(&state.v, &mut state.field);
    }
}
