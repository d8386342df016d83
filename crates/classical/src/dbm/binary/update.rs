//! The fused update of all layers: gradients of both phases, added panel by panel.
//!
//! `v ← μ v + ε (⟨x_{l−1} x_l'⟩_data − ⟨x_{l−1} x_l'⟩_chains − λ W_l)`, `W_l ← W_l + v`, and the same without decay for the biases. Into the first hidden layer the lower states are
//! sparse, and gradients are sums of lines; above, means meet means, and they are matrix products.
//!
//! Overflow is watched as in the update of a [`crate::BinaryRbm`]: bounds on the magnitudes of parameters and velocity are carried along, and while they are far inside single precision
//! nothing needs to be looked at; otherwise the step is made on probation.

use gibbsian_core::simd::vectorized;
use gibbsian_core::{Error, Parametric, Result};
use gibbsian_linalg::kernels::tiles::TileRows;
use gibbsian_linalg::kernels::{Line, panels};
use gibbsian_linalg::matmul_here_into;
use rayon::prelude::*;

use super::BinaryDbm;
use super::centring::{Cases, Centring, Correction};
use super::gibbs::Chains;
use super::mean_field::{Dense, DenseMeans, matrix, matrix_mut};
use super::tiled::columns_into;
use super::train::FusedVariationalOptions;
use crate::rbm::binary::batch::{Form, VisibleBatch};
use crate::rbm::binary::gibbs::with_lines;
use crate::rbm::binary::largest;
use crate::rbm::binary::tiled::new_stamp;
use crate::rbm::binary::update::{Columns, Descend, Panel, Rates};
use crate::rbm::binary::velocity::PanelVelocity;

/// The velocity of all parameters; without weights at rest.
#[derive(Clone, Debug, Default)]
pub(super) struct Velocity {
    /// One a panel of each hidden layer.
    pub(super) couplings: Vec<Vec<PanelVelocity>>,
    pub(super) visible_bias: Vec<f32>,
    /// No entry is larger than this in magnitude.
    pub(super) magnitude: f64,
}

impl Velocity {
    /// Zero velocity of layers of these sizes, with room for another only where there is momentum.
    pub(super) fn zeros(sizes: &[usize], has_momentum: bool) -> Self {
        let lines = |n| if has_momentum { n } else { 0 };
        let couplings = sizes
            .windows(2)
            .map(|n| vec![PanelVelocity::zeros(lines(n[0])); panels(n[1])]);
        Velocity {
            couplings: couplings.collect(),
            visible_bias: vec![0.0; lines(sizes[0])],
            magnitude: 0.0,
        }
    }

    pub(super) fn is_at_rest(&self) -> bool {
        self.visible_bias.is_empty()
    }

    pub(super) fn largest(&self) -> f64 {
        let panels = self.couplings.iter().flatten().map(PanelVelocity::largest);
        panels.fold(largest(&self.visible_bias), f64::max)
    }
}

/// The two phases that a gradient is the difference of.
pub(super) struct Phases<'a> {
    pub(super) data: &'a VisibleBatch,
    pub(super) means: &'a DenseMeans,
    pub(super) chains: &'a Chains,
    /// What stands for each hidden layer of the chains: probabilities or states.
    pub(super) negative: &'a [Dense],
}

/// What the gradient of a coupling is made from on its lower side.
#[derive(Clone, Copy)]
enum Lower<'a> {
    /// Sparse states, or bytes.
    States(Columns<'a>),
    /// Means, for products of matrices.
    Means,
}

impl Phases<'_> {
    /// One step of gradient descent.
    ///
    /// # Errors
    /// A parameter would not stay finite; machine and velocity are then as before.
    pub(super) fn update(
        &self,
        machine: &mut BinaryDbm,
        columns: &mut TileRows,
        velocity: &mut Velocity,
        settings: FusedVariationalOptions,
        centring: Option<&Centring>,
        learning_rate: f64,
    ) -> Result<()> {
        let rates = Rates {
            positive: (learning_rate / self.data.n as f64) as f32,
            negative: (learning_rate / self.chains.n as f64) as f32,
            decay: (learning_rate * settings.weight_decay) as f32,
            momentum: settings.momentum as f32,
        };
        let correction = centring.map(|centring| Correction::new(centring, self, rates));
        // A plain gradient is one at most, that of a centred weight three, and offsets bring those of all neighbours to a bias.
        let largest = match correction {
            None => 1.0,
            Some(_) => 1.0 + 3.0 * machine.iter_sizes().sum::<usize>() as f64,
        };
        // Twice the largest gradient leaves room for every rounding.
        let gradient = learning_rate.abs() * (largest + settings.weight_decay * machine.magnitude);
        let change = settings.momentum * velocity.magnitude + 2.0 * gradient;
        let magnitude = machine.magnitude + change;
        // A field sums the weights to at most all other units, doubled in the pass upwards, and a bias.
        let n_terms = 2 * machine.iter_sizes().sum::<usize>() + 1;
        if magnitude * (n_terms as f64) < f64::from(f32::MAX) / 2.0 {
            self.descend(machine, columns, velocity, correction.as_ref(), rates);
            machine.magnitude = magnitude;
            velocity.magnitude = change;
            return Ok(());
        }
        let before = (machine.clone(), velocity.clone());
        self.descend(machine, columns, velocity, correction.as_ref(), rates);
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

    fn descend(
        &self,
        machine: &mut BinaryDbm,
        columns: &mut TileRows,
        velocity: &mut Velocity,
        correction: Option<&Correction>,
        rates: Rates,
    ) {
        let n_visible = machine.n_visible();
        for (k, coupling) in machine.couplings.iter_mut().enumerate() {
            let (lines, n_lower) = (coupling.lower_lines(), coupling.n_lower);
            let lower = match k.checked_sub(1) {
                None => Lower::States(Columns::of(self.data, &self.chains.visible, columns)),
                Some(below) if self.data.form() == Form::Tiles => {
                    let data = (&self.means.layers[below], self.data.n);
                    let model = (&self.negative[below], self.chains.n);
                    columns_into(data, model, n_lower, columns);
                    Lower::States(Columns::Tiles(columns))
                }
                Some(_) => Lower::Means,
            };
            (coupling.weights.par_chunks_mut(lines))
                .zip(machine.biases[k + 1].par_iter_mut())
                .zip(velocity.couplings[k].par_iter_mut())
                .enumerate()
                .for_each(|(p, ((weights, bias), velocity))| {
                    let panel = Panel {
                        positive: self.means.layers[k].panel(p, self.data.n),
                        negative: self.negative[k].panel(p, self.chains.n),
                        weights: &mut weights[..n_lower],
                        bias: &mut *bias,
                        velocity: &mut *velocity,
                    };
                    match lower {
                        Lower::States(columns) => panel.descend(columns, rates),
                        Lower::Means => self.descend_dense(panel, k, lines, rates),
                    }
                    if let Some(correction) = correction {
                        correction.add_to_panel(k, p, &mut weights[..n_lower], bias, velocity);
                    }
                });
            coupling.transpose();
        }
        machine.stamp = new_stamp();
        let (data, model) = (self.data.totals(), self.chains.visible.totals());
        let bias = &mut Line::flatten_mut(&mut machine.biases[0])[..n_visible];
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
        if let Some(correction) = correction {
            correction.add_to_visible(bias, &mut velocity.visible_bias);
        }
    }

    /// A layer in the positive phase.
    pub(super) fn positive(&self, l: usize) -> Cases<'_> {
        match l.checked_sub(1) {
            None => Cases::Visible(self.data),
            Some(k) => Cases::Hidden(self.means.layers[k].rows(self.data.n)),
        }
    }

    /// A layer in the negative phase.
    pub(super) fn negative(&self, l: usize) -> Cases<'_> {
        match l.checked_sub(1) {
            None => Cases::Visible(&self.chains.visible),
            Some(k) => Cases::Hidden(self.negative[k].rows(self.chains.n)),
        }
    }

    /// One panel of the weights between two hidden layers, whose gradients are products of means.
    fn descend_dense(&self, panel: Panel<'_>, k: usize, lines: usize, rates: Rates) {
        with_lines(2 * lines, |scratch| {
            let (positive, negative) = scratch.split_at_mut(lines);
            let lower = self.means.layers[k - 1].rows(self.data.n);
            let upper = matrix(panel.positive);
            matmul_here_into(rates.positive, lower.t(), upper, 0.0, matrix_mut(positive));
            let lower = self.negative[k - 1].rows(self.chains.n);
            let upper = matrix(panel.negative);
            matmul_here_into(-rates.negative, lower.t(), upper, 0.0, matrix_mut(negative));
            let n_lower = panel.weights.len();
            vectorized(Descend {
                rates,
                positive: Line::flatten(&positive[..n_lower]),
                negative: Line::flatten(&negative[..n_lower]),
                weights: Line::flatten_mut(panel.weights),
                velocity: Line::flatten_mut(&mut panel.velocity.weights),
            });
        });
        Panel {
            weights: &mut [],
            ..panel
        }
        .descend_bias(rates);
    }
}
