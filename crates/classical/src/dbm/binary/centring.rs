//! The centred gradient of a fused step: [`crate::dbm::CentredVariational`] without a gradient that is written down.
//!
//! With offsets `μ_l` the centred gradient differs from the plain one by terms of rank one (Montavon and Müller 2012),
//!
//! `∇̃W_l = ∇W_l − μ_{l−1}(∇b_l)' − ∇b_{l−1} μ_l'`,  `∇̃b_l = ∇b_l − ∇̃W_l'μ_{l−1} − ∇̃W_{l+1}μ_{l+1}`.
//!
//! A fused step adds gradients to the weights without having them anywhere as a matrix, so the difference is added to each panel after the plain gradient. What it needs of `∇W_l` are its products with
//! offsets, and `∇W_l = Σ_b ± x_{l−1,b} x_{l,b}'` is a sum over cases: `(∇W_l)'μ_{l−1} = Σ_b ± (x_{l−1,b}·μ_{l−1}) x_{l,b}`, two passes over the units of a batch.

use gibbsian_core::error::{check_each, check_shape, check_within};
use gibbsian_core::math::sigmoid;
use gibbsian_core::{Error, Record, Result, Values};
use gibbsian_linalg::kernels::{Line, PANEL, panels};
use ndarray::{Array1, ArrayView1, ArrayView2};

use super::BinaryDbm;
use super::update::Phases;
use crate::rbm::binary::batch::VisibleBatch;
use crate::rbm::binary::update::Rates;
use crate::rbm::binary::velocity::PanelVelocity;

/// The offsets of all layers, and the way that they go towards the means of each positive phase.
#[derive(Clone, Debug)]
pub(super) struct Centring {
    pub(super) offsets: Vec<Array1<f64>>,
    rate: f64,
}

impl Centring {
    /// Offsets at the means of the data and at those of hidden layers that receive nothing.
    pub(super) fn new(machine: &BinaryDbm, data_means: ArrayView1<f64>, rate: f64) -> Result<Self> {
        check_shape("data_means", &data_means, &[machine.n_visible()])?;
        check_each("data_means", data_means, "in [0, 1]", |m| {
            (0.0..=1.0).contains(&m)
        })?;
        check_within("rate", rate, 0.0, 1.0)?;
        let alone = |l: usize| machine.bias(l).iter().map(|b| sigmoid(f64::from(*b))).collect();
        let hidden = (1..=machine.depth()).map(alone);
        Ok(Centring {
            offsets: std::iter::once(data_means.to_owned()).chain(hidden).collect(),
            rate,
        })
    }

    /// The offsets after a positive phase.
    pub(super) fn after(&self, phases: &Phases<'_>) -> Self {
        let mut moved = self.clone();
        let n = phases.data.n;
        for (l, offset) in moved.offsets.iter_mut().enumerate() {
            let total = phases
                .positive(l)
                .combined(&vec![1.0; n], panels(offset.len()) * PANEL);
            for (offset, total) in offset.iter_mut().zip(total) {
                *offset += self.rate * (f64::from(total) / n as f64 - *offset);
            }
        }
        moved
    }

    pub(super) fn put(&self, record: &mut Record) {
        for (l, offset) in self.offsets.iter().enumerate() {
            record.put(
                format!("offset.{l}"),
                offset.shape(),
                Values::F64(offset.to_vec()),
            );
        }
    }

    pub(super) fn taken(&self, record: &Record) -> Result<Self> {
        let mut taken = self.clone();
        for (l, offset) in taken.offsets.iter_mut().enumerate() {
            let name = format!("offset.{l}");
            let values = record.f64s(&name, offset.shape())?;
            if let Some(bad) = values.iter().find(|v| !(0.0..=1.0).contains(*v)) {
                return Err(Error::format(
                    format!("snapshot entry `{name}`"),
                    bad,
                    "means of bits",
                ));
            }
            offset.assign(&ArrayView1::from(values));
        }
        Ok(taken)
    }
}

/// The units of a layer for the cases of a batch.
#[derive(Clone, Copy)]
pub(super) enum Cases<'a> {
    Visible(&'a VisibleBatch),
    /// A case a row, with zeros beyond the last unit.
    Hidden(ArrayView2<'a, f32>),
}

impl Cases<'_> {
    /// `x_b·μ` of every case.
    fn projected(self, mu: &[f32]) -> Vec<f32> {
        match self {
            Cases::Visible(batch) => (0..batch.n)
                .map(|b| {
                    let mut sum = 0.0;
                    batch.for_each_active(b, |i, value| sum += value * f64::from(mu[i]));
                    sum as f32
                })
                .collect(),
            Cases::Hidden(rows) => rows.dot(&ArrayView1::from(mu)).to_vec(),
        }
    }

    /// `Σ_b a_b x_b`, with room for `width` units.
    fn combined(self, a: &[f32], width: usize) -> Vec<f32> {
        match self {
            Cases::Visible(batch) => {
                let mut sum = vec![0.0_f32; width];
                for (b, a) in a.iter().enumerate() {
                    batch.for_each_active(b, |i, value| sum[i] += a * value as f32);
                }
                sum
            }
            Cases::Hidden(rows) => {
                let mut sum = Array1::zeros(width);
                for (row, a) in rows.rows().into_iter().zip(a) {
                    sum.scaled_add(*a, &row);
                }
                sum.into_raw_vec_and_offset().0
            }
        }
    }
}

/// What makes the plain step `ε ∇` of all parameters the centred one.
pub(super) struct Correction {
    /// `μ_l`, with zeros up to whole panels.
    offsets: Vec<Vec<f32>>,
    /// `ε ∇b_l`.
    plain: Vec<Vec<f32>>,
    /// `ε (∇̃b_l − ∇b_l)`.
    biases: Vec<Vec<f32>>,
}

impl Correction {
    pub(super) fn new(centring: &Centring, phases: &Phases<'_>, rates: Rates) -> Self {
        let padded = |offset: &Array1<f64>| {
            let mut padded = vec![0.0; panels(offset.len()) * PANEL];
            padded.iter_mut().zip(offset).for_each(|(p, o)| *p = *o as f32);
            padded
        };
        let offsets: Vec<Vec<f32>> = centring.offsets.iter().map(padded).collect();
        // Both phases: the weight of a case, their number, and the layers.
        let n_layers = offsets.len();
        let both = [
            (
                rates.positive,
                phases.data.n,
                (0..n_layers).map(|l| phases.positive(l)).collect(),
            ),
            (
                -rates.negative,
                phases.chains.n,
                (0..n_layers).map(|l| phases.negative(l)).collect(),
            ),
        ];
        let sum = |of: &dyn Fn(&[Cases<'_>], usize) -> Vec<f32>, l: usize| {
            let mut sum = vec![0.0; offsets[l].len()];
            for (weight, n, layers) in &both {
                let layers: &Vec<Cases<'_>> = layers;
                add(
                    &mut sum,
                    *weight,
                    &layers[l].combined(&of(layers, *n), offsets[l].len()),
                );
            }
            sum
        };
        let plain: Vec<Vec<f32>> = (0..n_layers).map(|l| sum(&|_, n| vec![1.0; n], l)).collect();
        let mut biases: Vec<Vec<f32>> = offsets.iter().map(|mu| vec![0.0; mu.len()]).collect();
        for l in 1..n_layers {
            // The layer whose bias it is, and the other one, whose offsets multiply the gradient of the weights between them.
            for (own, other) in [(l, l - 1), (l - 1, l)] {
                let mu = &offsets[other];
                let product = sum(&|layers, _| layers[other].projected(mu), own);
                let bias = &mut biases[own];
                add(bias, -1.0, &product);
                add(bias, dot(mu, mu), &plain[own]);
                add(bias, dot(mu, &plain[other]), &offsets[own]);
            }
        }
        Correction {
            offsets,
            plain,
            biases,
        }
    }

    /// Adds what is missing to a panel of the weights from layer `k` to layer `k + 1`, and to the biases of that.
    pub(super) fn add_to_panel(
        &self,
        k: usize,
        p: usize,
        weights: &mut [Line],
        bias: &mut Line,
        velocity: &mut PanelVelocity,
    ) {
        let units = p * PANEL..(p + 1) * PANEL;
        let (mu, plain) = (
            &self.offsets[k + 1][units.clone()],
            &self.plain[k + 1][units.clone()],
        );
        for (i, line) in weights.iter_mut().enumerate() {
            let (mu_below, plain_below) = (self.offsets[k][i], self.plain[k][i]);
            let mut change = Line::ZERO;
            for ((change, mu), plain) in change.0.iter_mut().zip(mu).zip(plain) {
                *change = -(mu_below * plain + plain_below * mu);
            }
            add(&mut line.0, 1.0, &change.0);
            if let Some(line) = velocity.weights.get_mut(i) {
                add(&mut line.0, 1.0, &change.0);
            }
        }
        let change = &self.biases[k + 1][units];
        add(&mut bias.0, 1.0, change);
        if !velocity.weights.is_empty() {
            add(&mut velocity.bias.0, 1.0, change);
        }
    }

    /// The same of the visible biases.
    pub(super) fn add_to_visible(&self, bias: &mut [f32], velocity: &mut [f32]) {
        add(bias, 1.0, &self.biases[0]);
        add(velocity, 1.0, &self.biases[0]);
    }
}

/// `x ← x + a y`, as far as there are entries.
fn add(x: &mut [f32], a: f32, y: &[f32]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += a * y);
}

fn dot(x: &[f32], y: &[f32]) -> f32 {
    x.iter()
        .zip(y)
        .map(|(x, y)| f64::from(*x) * f64::from(*y))
        .sum::<f64>() as f32
}
