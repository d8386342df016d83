//! The fused update: gradients of both phases summed from lists of active cases, added panel by panel.
//!
//! `v ← μ v + ε (⟨x p'⟩_data − ⟨x p'⟩_model − λ W)`, `W ← W + v` (Hinton 2012, sections 9 and 10), and the same without decay for the biases. A panel of
//! weights is changed while it is in the cache, and its transposed copy follows at once.
//!
//! **Overflow.** A gradient is a difference of means in `[0, 1]`, so one step moves a parameter by at most a known amount. The machine
//! and the velocity carry bounds on their magnitudes, which that amount is added to, and while the bounds are far inside single precision
//! (in practice, always) nothing needs to be looked at. Otherwise the step is made on probation: both are copied first, and put back if a
//! parameter did not stay finite.

use gibbsian_core::simd::{self, Vectorized, vectorized};
use gibbsian_core::{Error, Parametric, Result};
use gibbsian_linalg::kernels::tiles::{Digits, TilePanel, TileRows, for_each_pair};
use gibbsian_linalg::kernels::{ActiveLists, Line, PANEL, gather_range, panels};
use rayon::prelude::*;

use super::batch::{HiddenBatch, Operands, VisibleBatch, columns_into};
use super::tiled::{Tiled, new_stamp, pack_up};
use super::train::FusedOptions;
use super::velocity::{PanelVelocity, Velocity};
use super::{BinaryRbm, transpose_panel};

/// The two phases that a gradient is the difference of.
#[derive(Clone, Copy)]
pub(super) struct Phases<'a> {
    pub(super) data: &'a VisibleBatch,
    /// `p(h = 1 | v)` of the data.
    pub(super) positive: &'a HiddenBatch,
    pub(super) model: &'a VisibleBatch,
    /// Copies of the hidden layer, each of which adds its gradient.
    pub(super) n_hidden_copies: usize,
}

impl Phases<'_> {
    /// One step of gradient descent; `negative` is room for `p(h = 1 | v)` of the model's states.
    ///
    /// # Errors
    /// A parameter would not stay finite; machine and velocity are then as before.
    pub(super) fn update(
        self,
        machine: &mut BinaryRbm,
        tiled: &mut Tiled,
        negative: &mut HiddenBatch,
        velocity: &mut Velocity,
        settings: FusedOptions,
        learning_rate: f64,
    ) -> Result<()> {
        negative.resize(self.model.n, machine.n_hidden, self.model.form());
        let rates = Rates {
            positive: (learning_rate / self.data.n as f64) as f32,
            negative: (learning_rate / self.model.n as f64) as f32,
            decay: (learning_rate * settings.weight_decay) as f32,
            momentum: settings.momentum as f32,
        };
        // A gradient is a difference of means of products of units, of as many as there are copies; twice the largest leaves room for every rounding.
        let most = (self.data.n_copies() * self.n_hidden_copies) as f64;
        let gradient = learning_rate.abs() * (most + settings.weight_decay * machine.magnitude);
        let change = settings.momentum * velocity.magnitude + 2.0 * gradient;
        let magnitude = machine.magnitude + change;
        // Fields are sums of as many parameters as the larger layer has units, and a bias.
        let n_terms = machine.n_visible.max(machine.n_hidden) * most as usize + 1;
        if magnitude * (n_terms as f64) < f64::from(f32::MAX) / 2.0 {
            self.descend(machine, tiled, negative, velocity, rates);
            machine.magnitude = magnitude;
            velocity.magnitude = change;
            return Ok(());
        }
        let before = (machine.clone(), velocity.clone());
        self.descend(machine, tiled, negative, velocity, rates);
        let params = machine.params();
        if let Some(k) = params.iter().position(|p| !p.is_finite()) {
            (*machine, *velocity) = before;
            *tiled = Tiled::default();
            return Err(Error::non_finite(
                machine.layout().locate(k),
                params[k],
                "in a training step",
            ));
        }
        machine.magnitude = machine.largest();
        velocity.magnitude = velocity.largest();
        Ok(())
    }

    /// Changes all parameters.
    fn descend(
        self,
        machine: &mut BinaryRbm,
        tiled: &mut Tiled,
        negative: &mut HiddenBatch,
        velocity: &mut Velocity,
        rates: Rates,
    ) {
        let (n_visible, lines) = (machine.n_visible, machine.panel_lines());
        let copies = self.n_hidden_copies as f32;
        let hidden_rates = Rates {
            positive: rates.positive * copies,
            negative: rates.negative * copies,
            ..rates
        };
        let columns = Columns::of(self.data, self.model, &mut tiled.columns);
        let is_tiled = matches!(columns, Columns::Tiles(_));
        // Where there are lists, panels of tiles are neither read nor written, but there.
        let panels = &mut tiled.weights.up;
        panels.resize_with(velocity.panels.len(), TilePanel::default);
        tiled.stamp = 0;
        (machine.weights.par_chunks_mut(lines))
            .zip(machine.transposed.par_chunks_mut(lines))
            .zip(machine.hidden_bias.par_iter_mut())
            .zip(velocity.panels.par_iter_mut())
            .zip(negative.units.par_chunks_mut(self.model.n))
            .zip(panels.par_iter_mut())
            .enumerate()
            .for_each(
                |(p, (((((weights, transposed), bias), velocity), negative), tiles))| {
                    let tiled = self.model.tiles().map(|rows| (&*tiles, rows));
                    Operands::of(tiled, weights, self.model.rows()).product_into(bias, 1.0, negative);
                    simd::sigmoid_f32_in_place(Line::flatten_mut(negative));
                    let panel = Panel {
                        positive: self.positive.panel(p),
                        negative,
                        weights: &mut weights[..n_visible],
                        bias,
                        velocity,
                    };
                    panel.descend(columns, hidden_rates);
                    transpose_panel(weights, transposed);
                    if is_tiled {
                        pack_up(tiles, weights, Digits::Two);
                    }
                },
            );
        machine.stamp = new_stamp();
        if is_tiled {
            let shape = (machine.n_visible, machine.n_hidden);
            let down = |q, p| machine.transposed_block(q, p);
            tiled.weights.pack_down(shape, Digits::Two, down);
            tiled.stamp = machine.stamp;
        }
        let (data, model) = (self.data.totals(), self.model.totals());
        let bias = &mut Line::flatten_mut(&mut machine.visible_bias)[..n_visible];
        for (i, b) in bias.iter_mut().enumerate() {
            let gradient = rates.positive * data[i] - rates.negative * model[i];
            *b += match velocity.visible_bias.get_mut(i) {
                None => gradient,
                Some(v) => {
                    *v = rates.momentum * *v + gradient;
                    *v
                }
            };
        }
    }

    /// The mean absolute difference of the visible means of the two phases.
    pub(super) fn mean_difference(self) -> f64 {
        mean_difference(self.data, self.model)
    }
}

/// The mean absolute difference of the visible means of two batches.
pub(crate) fn mean_difference(data: &VisibleBatch, model: &VisibleBatch) -> f64 {
    fn means(v: &VisibleBatch) -> impl Iterator<Item = f64> {
        v.totals().iter().map(|total| f64::from(*total) / v.n as f64)
    }
    let differences = means(data).zip(means(model)).map(|(a, b)| (a - b).abs());
    differences.sum::<f64>() / data.n_units() as f64
}

/// The cases in which each visible unit is on, in data and model.
#[derive(Clone, Copy)]
pub(crate) enum Columns<'a> {
    Lists(&'a ActiveLists, &'a ActiveLists),
    /// Cases of the data first, those of the model from a new block on.
    Tiles(&'a TileRows),
}

impl<'a> Columns<'a> {
    /// In the form that both batches have; `bytes` is room.
    pub(crate) fn of(data: &'a VisibleBatch, model: &'a VisibleBatch, bytes: &'a mut TileRows) -> Self {
        if let (Some(data), Some(model)) = (data.columns(), model.columns()) {
            return Columns::Lists(data, model);
        }
        columns_into(data, model, bytes);
        Columns::Tiles(bytes)
    }
}

/// Learning rate over the number of cases, and what multiplies weights and velocities.
#[derive(Clone, Copy)]
pub(crate) struct Rates {
    pub(crate) positive: f32,
    pub(crate) negative: f32,
    pub(crate) decay: f32,
    pub(crate) momentum: f32,
}

/// One hidden panel: its probabilities in the two phases, its parameters and their velocities.
pub(crate) struct Panel<'a> {
    pub(crate) positive: &'a [Line],
    pub(crate) negative: &'a [Line],
    pub(crate) weights: &'a mut [Line],
    pub(crate) bias: &'a mut Line,
    pub(crate) velocity: &'a mut PanelVelocity,
}

/// Visible units whose gradients are summed before their weights move; both stay in the first-level cache.
const UNITS_AT_ONCE: usize = 16;

impl Panel<'_> {
    /// Adds the gradient to the panel's weights and biases.
    pub(crate) fn descend(self, columns: Columns<'_>, rates: Rates) {
        match columns {
            Columns::Lists(data, model) => self.descend_lists(data, model, rates),
            Columns::Tiles(rows) => self.descend_tiles(rows, rates),
        }
    }

    /// The gradients of both phases are one product, `(v_data, v_model)' (ε₊ p_data, −ε₋ p_model)`.
    pub(crate) fn descend_tiles(self, rows: &TileRows, rates: Rates) {
        let n_blocks = panels(self.positive.len());
        with_panel(|panel| {
            panel.pack(Digits::Two, rows.n_blocks(), |k| {
                let (lines, k, rate) = if k < n_blocks {
                    (self.positive, k, rates.positive)
                } else {
                    (self.negative, k - n_blocks, -rates.negative)
                };
                (&lines[k * PANEL..lines.len().min((k + 1) * PANEL)], rate)
            });
            for_each_pair(rows, panel, |first, gradient| {
                let units = first..first + gradient.len();
                let none = [Line::ZERO; MOST_ROWS];
                vectorized(Descend {
                    rates,
                    positive: Line::flatten(gradient),
                    negative: Line::flatten(&none[..gradient.len()]),
                    weights: Line::flatten_mut(&mut self.weights[units.clone()]),
                    velocity: self.velocity.of_units(units),
                });
            });
        });
        self.descend_bias(rates);
    }

    fn descend_lists(self, data: &ActiveLists, model: &ActiveLists, rates: Rates) {
        let mut positive = [Line::ZERO; UNITS_AT_ONCE];
        let mut negative = [Line::ZERO; UNITS_AT_ONCE];
        for (chunk, weights) in self.weights.chunks_mut(UNITS_AT_ONCE).enumerate() {
            let units = chunk * UNITS_AT_ONCE..chunk * UNITS_AT_ONCE + weights.len();
            let (positive, negative) = (&mut positive[..weights.len()], &mut negative[..weights.len()]);
            gather_range(
                self.positive,
                data,
                units.clone(),
                &Line::ZERO,
                rates.positive,
                positive,
            );
            gather_range(
                self.negative,
                model,
                units.clone(),
                &Line::ZERO,
                -rates.negative,
                negative,
            );
            vectorized(Descend {
                rates,
                positive: Line::flatten(positive),
                negative: Line::flatten(negative),
                weights: Line::flatten_mut(weights),
                velocity: self.velocity.of_units(units),
            });
        }
        self.descend_bias(rates);
    }

    /// Adds the gradient to the panel's biases.
    pub(crate) fn descend_bias(self, rates: Rates) {
        // Biases do not decay. Units beyond the last have bias −∞ and probability zero, and stay there.
        let has_velocity = !self.velocity.weights.is_empty();
        vectorized(Descend {
            rates: Rates { decay: 0.0, ..rates },
            positive: &total(self.positive, rates.positive).0,
            negative: &total(self.negative, -rates.negative).0,
            weights: &mut self.bias.0,
            velocity: if has_velocity {
                &mut self.velocity.bias.0
            } else {
                &mut []
            },
        });
    }
}

/// The most rows that a product of tiles hands out at once.
const MOST_ROWS: usize = 32;

/// Lends a panel that the thread keeps.
fn with_panel<R>(f: impl FnOnce(&mut TilePanel) -> R) -> R {
    use std::cell::RefCell;
    thread_local! {
        static SCRATCH: RefCell<TilePanel> = RefCell::new(TilePanel::default());
    }
    SCRATCH.with_borrow_mut(f)
}

/// `scale · Σ_b lines[b]`.
fn total(lines: &[Line], scale: f32) -> Line {
    let mut total = Line::ZERO;
    for line in lines {
        for (total, x) in total.0.iter_mut().zip(&line.0) {
            *total += x;
        }
    }
    total.0.iter_mut().for_each(|t| *t *= scale);
    total
}

/// `v ← μ v + ε⟨+⟩ − ε⟨−⟩ − ελ w`, `w ← w + v`; the gradients come with their rates and signs, and no velocity is zero velocity.
pub(crate) struct Descend<'a> {
    pub(crate) rates: Rates,
    pub(crate) positive: &'a [f32],
    pub(crate) negative: &'a [f32],
    pub(crate) weights: &'a mut [f32],
    pub(crate) velocity: &'a mut [f32],
}

impl Vectorized for Descend<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Rates { momentum, decay, .. } = self.rates;
        let gradients = self.positive.iter().zip(self.negative);
        if decay == 0.0 && self.velocity.is_empty() {
            // The bias of a unit beyond the last is −∞, which even a decay of zero would turn into NaN.
            for (w, (p, n)) in self.weights.iter_mut().zip(gradients) {
                *w += p + n;
            }
        } else if self.velocity.is_empty() {
            for (w, (p, n)) in self.weights.iter_mut().zip(gradients) {
                *w += p + n - decay * *w;
            }
        } else if decay == 0.0 {
            for ((w, v), (p, n)) in self.weights.iter_mut().zip(self.velocity).zip(gradients) {
                *v = momentum * *v + (p + n);
                *w += *v;
            }
        } else {
            for ((w, v), (p, n)) in self.weights.iter_mut().zip(self.velocity).zip(gradients) {
                *v = momentum * *v + (p + n - decay * *w);
                *w += *v;
            }
        }
    }
}
