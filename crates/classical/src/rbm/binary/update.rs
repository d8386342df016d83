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
use gibbsian_linalg::kernels::{ActiveLists, Line, gather, gather_range};
use rayon::prelude::*;

use super::batch::{HiddenBatch, VisibleBatch};
use super::train::FusedSettings;
use super::velocity::{PanelVelocity, Velocity};
use super::{BinaryRbm, transpose_panel};

/// The two phases that a gradient is the difference of.
#[derive(Clone, Copy)]
pub(super) struct Phases<'a> {
    pub(super) data: &'a VisibleBatch,
    /// `p(h = 1 | v)` of the data.
    pub(super) positive: &'a HiddenBatch,
    pub(super) model: &'a VisibleBatch,
}

impl Phases<'_> {
    /// One step of gradient descent; `negative` is room for `p(h = 1 | v)` of the model's states.
    ///
    /// # Errors
    /// A parameter would not stay finite; machine and velocity are then as before.
    pub(super) fn update(
        self,
        machine: &mut BinaryRbm,
        negative: &mut HiddenBatch,
        velocity: &mut Velocity,
        settings: FusedSettings,
        learning_rate: f64,
    ) -> Result<()> {
        negative.resize(self.model.n, machine.n_hidden);
        let rates = Rates {
            positive: (learning_rate / self.data.n as f64) as f32,
            negative: (learning_rate / self.model.n as f64) as f32,
            decay: (learning_rate * settings.weight_decay) as f32,
            momentum: settings.momentum as f32,
        };
        // Twice the largest gradient leaves room for every rounding.
        let gradient = learning_rate.abs() * (1.0 + settings.weight_decay * machine.magnitude);
        let change = settings.momentum * velocity.magnitude + 2.0 * gradient;
        let magnitude = machine.magnitude + change;
        // Fields are sums of as many parameters as the larger layer has units, and a bias.
        let n_terms = machine.n_visible.max(machine.n_hidden) + 1;
        if magnitude * (n_terms as f64) < f64::from(f32::MAX) / 2.0 {
            self.descend(machine, negative, velocity, rates);
            machine.magnitude = magnitude;
            velocity.magnitude = change;
            return Ok(());
        }
        let before = (machine.clone(), velocity.clone());
        self.descend(machine, negative, velocity, rates);
        let params = machine.params();
        if let Some(k) = params.iter().position(|p| !p.is_finite()) {
            (*machine, *velocity) = before;
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
        negative: &mut HiddenBatch,
        velocity: &mut Velocity,
        rates: Rates,
    ) {
        let lines = machine.panel_lines();
        (machine.weights.par_chunks_mut(lines))
            .zip(machine.transposed.par_chunks_mut(lines))
            .zip(machine.hidden_bias.par_iter_mut())
            .zip(velocity.panels.par_iter_mut())
            .zip(negative.units.par_chunks_mut(self.model.n))
            .enumerate()
            .for_each(|(p, ((((weights, transposed), bias), velocity), negative))| {
                gather(weights, &self.model.rows, bias, negative);
                simd::sigmoid_f32_in_place(Line::flatten_mut(negative));
                let panel = Panel {
                    positive: self.positive.panel(p),
                    negative,
                    weights: &mut weights[..machine.n_visible],
                    bias,
                    velocity,
                };
                panel.descend(&self.data.columns, &self.model.columns, rates);
                transpose_panel(weights, transposed);
            });
        let bias = &mut Line::flatten_mut(&mut machine.visible_bias)[..machine.n_visible];
        for (i, b) in bias.iter_mut().enumerate() {
            let (data, model) = (self.data.columns.total(i), self.model.columns.total(i));
            let gradient = rates.positive * data - rates.negative * model;
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
    pub(super) fn mean_difference(self, n_units: usize) -> f64 {
        let mean = |v: &VisibleBatch, i| f64::from(v.columns.total(i)) / v.n as f64;
        let sum: f64 = (0..n_units)
            .map(|i| (mean(self.data, i) - mean(self.model, i)).abs())
            .sum();
        sum / n_units as f64
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
    /// Adds the gradient to the panel's weights and biases; the lists are the cases in which each visible unit is on.
    pub(crate) fn descend(self, data: &ActiveLists, model: &ActiveLists, rates: Rates) {
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
                velocity: self
                    .velocity
                    .weights
                    .get_mut(units)
                    .map_or(&mut [], |lines| Line::flatten_mut(lines)),
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
