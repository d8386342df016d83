//! The annealing path of a [`BinaryDbm`], in single precision.
//!
//! The path of [`crate::DbmPath`] from a base of independent units, with the half of fewer units kept. `β` scales weights, and biases go from the base's to the machine's. Fields on the
//! summed-out layers are kept with the states, since both the work and the next transition start from them.
//!
//! **The base of the hidden units matters.** Unbiased ones are half on, whatever the machine is. Where the hidden units of the machine are rarely on, as they are after training on pictures, such a path leads
//! through a transition of the first order: chains that come from the base stay in a state with too many units on, all of them and with equal weights, while the machine has its mass elsewhere. A base that has
//! the means of the machine in *every* layer ([`BinaryDbmPath::matching`]) made both ways of annealing a machine of digits meet within 1.1 nats where they had been 76 nats apart.
//!
//! The work of a summed-out hidden layer with an unbiased base, `Σ_j softplus(β₁ I_j) − softplus(β₀ I_j)`, is computed as a difference
//! ([`gibbsian_core::simd::softplus_scaled_difference_sum`]). With another base the two sums are taken apart
//! in double precision of terms that carry the rounding of single precision; for 784 units that is an error of the order of 10⁻⁵ nats a step.

use gibbsian_core::error::{check_batch, check_each};
use gibbsian_core::math::{sigmoid, softplus};
use gibbsian_core::simd::{self, LaneRng};
use gibbsian_core::{Path, Result, Space, Streams};
use gibbsian_linalg::kernels::tiles::{Arithmetic, Digits};
use gibbsian_linalg::kernels::{Line, PANEL, panels};
use ndarray::{Array2, ArrayView2, CowArray, Ix2, s};
use rand::Rng;
use rayon::prelude::*;

use super::BinaryDbm;
use super::base::base_lines;
use super::gibbs::Chains;
use super::tiled::{Products, Tiled};
use crate::dbm::Half;
use crate::rbm::binary::batch::Form;
use crate::rbm::binary::gibbs::with_lines;
use crate::units::Bernoulli;

/// The path from independent units to a [`BinaryDbm`].
#[derive(Clone, Debug)]
pub struct BinaryDbmPath<'a> {
    pub(super) machine: &'a BinaryDbm,
    /// The base's biases of each layer, −∞ beyond the last unit; empty for a hidden layer that is unbiased.
    pub(super) base: Vec<Vec<Line>>,
    half: Half,
    /// The weights for a matrix unit, where there is one.
    tiled: Option<Tiled>,
}

/// The chains of a [`BinaryDbmPath`].
#[derive(Clone, Debug, Default)]
pub struct BinaryDbmState {
    chains: Chains,
    /// `b + field` of every layer that is summed out, by panels; empty for a layer that is kept.
    fields: Vec<Vec<Line>>,
    /// Room for the work done in each panel by each chain.
    work: Vec<f64>,
}

impl<'a> BinaryDbmPath<'a> {
    /// The path that starts at these independent visible units and at unbiased hidden ones.
    ///
    /// # Errors
    /// A base of another number of units than the machine has, or with a bias that single precision cannot hold.
    pub fn new(machine: &'a BinaryDbm, base: &Bernoulli) -> Result<Self> {
        let mut lines = vec![Vec::new(); machine.depth() + 1];
        lines[0] = base_lines("base", base, machine.n_visible())?;
        let mut units = [0, 0];
        for (l, n) in machine.sizes().into_iter().enumerate() {
            units[l % 2] += n;
        }
        Ok(BinaryDbmPath {
            machine,
            base: lines,
            half: if units[0] < units[1] {
                Half::Even
            } else {
                Half::Odd
            },
            tiled: None,
        }
        .with_arithmetic(Arithmetic::Fastest))
    }

    /// The path with its products computed in this way; [`Arithmetic::Fastest`] at first.
    pub fn with_arithmetic(self, arithmetic: Arithmetic) -> Self {
        let in_tiles = self.machine.form(arithmetic) == Form::Tiles;
        let tiled = in_tiles.then(|| Tiled::of(self.machine, Digits::Three));
        BinaryDbmPath { tiled, ..self }
    }

    fn products(&self) -> Products<'_> {
        Products {
            machine: self.machine,
            tiled: self.tiled.as_ref(),
        }
    }

    /// The path with this half kept and the other summed out.
    pub fn keeping(self, half: Half) -> Self {
        BinaryDbmPath { half, ..self }
    }

    /// The half whose states the chains are.
    pub fn half(&self) -> Half {
        self.half
    }

    fn is_kept(&self, l: usize) -> bool {
        self.half.has(l)
    }

    fn kept(&self) -> impl Iterator<Item = usize> + '_ {
        (0..=self.machine.depth()).filter(|l| self.is_kept(*l))
    }

    fn summed_out(&self) -> impl Iterator<Item = usize> + '_ {
        (0..=self.machine.depth()).filter(|l| !self.is_kept(*l))
    }

    /// The base's bias and the machine's of unit `i` of layer `l`.
    fn biases(&self, l: usize, i: usize) -> (f64, f64) {
        let base = self.base[l].get(i / PANEL).map_or(0.0, |line| line.0[i % PANEL]);
        (f64::from(base), f64::from(self.machine.bias(l)[i]))
    }

    /// The logits at `β` of a panel of layer `l` whose unscaled logits, `b + field`, are `lines`.
    fn interpolate(&self, l: usize, p: usize, beta: f32, lines: &[Line], out: &mut [Line]) {
        let base = self.base[l].get(p).unwrap_or(&Line::ZERO);
        for (out, line) in out.iter_mut().zip(lines) {
            for k in 0..PANEL {
                // Units beyond the last have −∞ on both sides, where 0 · ∞ must not arise.
                out.0[k] = if line.0[k] == f32::NEG_INFINITY {
                    f32::NEG_INFINITY
                } else {
                    (1.0 - beta) * base.0[k] + beta * line.0[k]
                };
            }
        }
    }

    /// Brings the fields in step with the states of the kept layers.
    fn update_fields(&self, state: &mut BinaryDbmState) {
        let n = state.chains.n;
        state.fields.resize(self.machine.depth() + 1, Vec::new());
        for l in self.summed_out() {
            let fields = &mut state.fields[l];
            fields.resize(panels(self.machine.n_units(l)) * n, Line::ZERO);
            (fields.par_chunks_mut(n.max(1)))
                .enumerate()
                .for_each(|(p, out)| {
                    let bias = &self.machine.biases[l][p];
                    self.products().panel_field(&state.chains, l, p, bias, out);
                });
        }
    }

    /// Draws layer `l` from unscaled logits `b + field` that `logits(p, out)` writes, at `β`.
    fn draw(
        &self,
        chains: &mut Chains,
        l: usize,
        beta: f64,
        streams: Streams,
        logits: impl Fn(&Chains, usize, &mut [Line]) + Sync,
    ) {
        let (n, n_units, streams) = (chains.n, self.machine.n_units(l), streams.part(l as u64));
        if l == 0 {
            // The visible layer hears one neighbour only, so that its logits need no scratch lines of their own.
            let mut layer = std::mem::take(&mut chains.visible);
            layer.resize(n, n_units, self.products().form());
            layer.fill(|p, masks| {
                with_lines(2 * n, |lines| {
                    let (plain, scaled) = lines.split_at_mut(n);
                    logits(chains, p, plain);
                    self.interpolate(l, p, beta as f32, plain, scaled);
                    simd::sample_masks(&mut LaneRng::new(streams, p), Line::flatten(scaled), masks);
                });
            });
            chains.visible = layer;
        } else {
            let mut layer = std::mem::take(&mut chains.hidden[l - 1]);
            layer.resize(n, n_units, self.products().form());
            layer.fill(PANEL, |p, plain, masks| {
                logits(chains, p, plain);
                with_lines(n, |scaled| {
                    self.interpolate(l, p, beta as f32, plain, scaled);
                    simd::sample_masks(&mut LaneRng::new(streams, p), Line::flatten(scaled), masks);
                });
            });
            chains.hidden[l - 1] = layer;
        }
    }

    /// **Adds** `Σ_i x_i weight(l, i)` over the kept layers of every chain to `out`.
    fn add_linear(&self, state: &BinaryDbmState, weight: impl Fn(usize, usize) -> f64, out: &mut [f64]) {
        for l in self.kept() {
            for (b, out) in out.iter_mut().enumerate() {
                state
                    .chains
                    .for_each_active(l, b, |i, value| *out += value * weight(l, i));
            }
        }
    }

    /// `Σ softplus` over one layer of the base.
    fn log_partition_start(&self, l: usize) -> f64 {
        (0..self.machine.n_units(l))
            .map(|i| softplus(self.biases(l, i).0))
            .sum()
    }
}

impl Space for BinaryDbmPath<'_> {
    fn dim(&self) -> usize {
        self.kept().map(|l| self.machine.n_units(l)).sum()
    }
}

impl Path for BinaryDbmPath<'_> {
    type State = BinaryDbmState;

    fn start(&self, n: usize, rng: &mut dyn Rng) -> BinaryDbmState {
        let streams = Streams::draw(rng);
        let mut state = BinaryDbmState::default();
        let joint = Array2::zeros((n, self.machine.joint().dim()));
        let form = self.products().form();
        state.chains.read(&self.machine.sizes(), joint.view(), form);
        for l in self.kept() {
            // At β = 0 only the base counts, whatever the logits are.
            self.draw(&mut state.chains, l, 0.0, streams, |_, p, out| {
                out.fill(self.machine.biases[l][p]);
            });
        }
        self.update_fields(&mut state);
        state
    }

    fn log_z_start(&self) -> f64 {
        (0..=self.machine.depth())
            .map(|l| self.log_partition_start(l))
            .sum()
    }

    fn place(&self, x: ArrayView2<f64>) -> Result<BinaryDbmState> {
        check_batch("x", &x, self.dim())?;
        if self.half == Half::Even {
            let visible = x.slice(s![.., ..self.machine.n_visible()]);
            check_each("x", visible, "in [0, 1]", |v| (0.0..=1.0).contains(&v))?;
            let hidden = x.slice(s![.., self.machine.n_visible()..]);
            check_each("x", hidden, "0 or 1", |h| h == 0.0 || h == 1.0)?;
        } else {
            check_each("x", x, "0 or 1", |h| h == 0.0 || h == 1.0)?;
        }
        let mut joint = Array2::zeros((x.nrows(), self.machine.joint().dim()));
        let (mut first, mut taken) = (0, 0);
        for (l, n) in self.machine.sizes().into_iter().enumerate() {
            if self.is_kept(l) {
                let part = x.slice(s![.., taken..taken + n]);
                joint.slice_mut(s![.., first..first + n]).assign(&part);
                taken += n;
            }
            first += n;
        }
        let mut state = BinaryDbmState::default();
        let form = self.products().form();
        state.chains.read(&self.machine.sizes(), joint.view(), form);
        self.update_fields(&mut state);
        Ok(state)
    }

    fn positions<'s>(&self, state: &'s BinaryDbmState) -> CowArray<'s, f64, Ix2> {
        let mut x = Array2::zeros((state.chains.n, self.dim()));
        let mut first = 0;
        for l in self.kept() {
            let n = self.machine.n_units(l);
            let part = x.slice_mut(s![.., first..first + n]);
            match l.checked_sub(1) {
                None => state.chains.visible.write(part),
                Some(k) => state.chains.hidden[k].write(part),
            }
            first += n;
        }
        x.into()
    }

    fn log_start(&self, state: &BinaryDbmState, out: &mut [f64]) {
        self.add_linear(state, |l, i| self.biases(l, i).0, out);
        let constant: f64 = self.summed_out().map(|l| self.log_partition_start(l)).sum();
        out.iter_mut().for_each(|out| *out += constant);
    }

    fn work(&self, state: &mut BinaryDbmState, from: f64, to: f64, log_weights: &mut [f64]) {
        let n = state.chains.n;
        for l in self.summed_out() {
            let fields = &state.fields[l];
            state.work.resize(fields.len(), 0.0);
            (state.work.par_chunks_mut(n.max(1)))
                .zip(fields.par_chunks(n.max(1)))
                .enumerate()
                .for_each(|(p, (work, fields))| {
                    for (work, line) in work.iter_mut().zip(fields) {
                        *work = if self.base[l].is_empty() {
                            // Units beyond the last have the field −∞ and do no work.
                            simd::softplus_scaled_difference_sum(&line.0, from, to)
                        } else {
                            let mut ends = [Line::ZERO; 2];
                            let (a, b) = ends.split_at_mut(1);
                            self.interpolate(l, p, from as f32, std::slice::from_ref(line), a);
                            self.interpolate(l, p, to as f32, std::slice::from_ref(line), b);
                            simd::softplus_sum(&b[0].0) - simd::softplus_sum(&a[0].0)
                        };
                    }
                });
            for panel in state.work.chunks(n.max(1)) {
                for (log_weight, work) in log_weights.iter_mut().zip(panel) {
                    *log_weight += work;
                }
            }
        }
        let step = to - from;
        self.add_linear(
            state,
            |l, i| {
                let (base, bias) = self.biases(l, i);
                step * (bias - base)
            },
            log_weights,
        );
    }

    // `Σ x (b − a)` over kept units and `Σ (I − a) σ((1−β) a + β I)` with the logits `I = b + field` over the others, in double precision.
    fn slope(&self, state: &BinaryDbmState, beta: f64, out: &mut [f64]) {
        let n = state.chains.n;
        for l in self.summed_out() {
            for i in 0..self.machine.n_units(l) {
                let base = self.biases(l, i).0;
                let lines = &state.fields[l][i / PANEL * n..(i / PANEL + 1) * n];
                for (out, line) in out.iter_mut().zip(lines) {
                    let logit = f64::from(line.0[i % PANEL]);
                    *out += (logit - base) * sigmoid((1.0 - beta) * base + beta * logit);
                }
            }
        }
        self.add_linear(
            state,
            |l, i| {
                let (base, bias) = self.biases(l, i);
                bias - base
            },
            out,
        );
    }

    fn transition(&self, state: &mut BinaryDbmState, beta: f64, rng: &mut dyn Rng) {
        let streams = Streams::draw(rng);
        let n = state.chains.n;
        for l in self.summed_out() {
            let fields = &state.fields[l];
            self.draw(&mut state.chains, l, beta, streams, |_, p, out| {
                out.copy_from_slice(&fields[p * n..(p + 1) * n]);
            });
        }
        for l in self.kept() {
            let products = self.products();
            self.draw(&mut state.chains, l, beta, streams, |chains, p, out| {
                products.panel_field(chains, l, p, &products.machine.biases[l][p], out);
            });
        }
        self.update_fields(state);
    }
}
