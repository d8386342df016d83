//! Fused training steps: contrastive divergence and its persistent form, without leaving single precision.
//!
//! Both are the generic objective plus stochastic gradient descent with momentum and weight decay (`v ← μ v − ε (∇L + λ W)`, `W ← W + v`,
//! Hinton 2012, eq. 15), arranged so that parameters, gradients and chain states never cross the `f64` boundary: the gradient of a panel of
//! weights is summed from the lists of active cases and added to the panel while it is in the cache, and the transposed copy follows at once.
//! Given the same generator, a fused step draws the same states as the generic one on the same machine; the tests tie the two.

use gibbsian_core::error::{check_batch, check_count, check_each, check_non_negative, check_within};
use gibbsian_core::simd::{self, Vectorized, vectorized};
use gibbsian_core::{Error, Parametric, Record, Result, Snapshot, Space, Streams, TrainStep, Values};
use gibbsian_linalg::kernels::{Line, PANEL, gather, gather_range};
use ndarray::{Array2, ArrayView2};
use rand::Rng;
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

use super::batch::{HiddenBatch, VisibleBatch};
use super::{BinaryRbm, transpose_panel};

/// Options of a fused step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FusedSettings {
    /// Gibbs sweeps a step, the `k` of CD-k.
    pub n_steps: usize,
    /// The momentum `μ` in `[0, 1)`.
    pub momentum: f64,
    /// The weight decay `λ`, on weights and not on biases.
    pub weight_decay: f64,
}

/// One sweep, no momentum, no decay.
impl Default for FusedSettings {
    fn default() -> Self {
        FusedSettings {
            n_steps: 1,
            momentum: 0.0,
            weight_decay: 0.0,
        }
    }
}

impl FusedSettings {
    fn check(self) -> Result<Self> {
        check_count("n_steps", self.n_steps)?;
        check_within("momentum", self.momentum, 0.0, 1.0 - f64::EPSILON)?;
        check_non_negative("weight_decay", self.weight_decay)?;
        Ok(self)
    }
}

/// CD-k on a [`BinaryRbm`] (Hinton 2002).
///
/// A step returns the mean number of visible units that the sample ends with in another state than the data, `Σ_i |v_i − v'_i|`: the reconstruction
/// error, a monitor and not a likelihood.
#[derive(Clone, Debug)]
pub struct FusedContrastiveDivergence {
    settings: FusedSettings,
    velocity: Velocity,
    data: VisibleBatch,
    positive: HiddenBatch,
    model: VisibleBatch,
    negative: HiddenBatch,
}

/// PCD-k on a [`BinaryRbm`] (Tieleman 2008).
///
/// A step returns `‖⟨v⟩_data − ⟨v⟩_chains‖₁ / V`, the mean absolute difference of visible means: a monitor and not a likelihood.
#[derive(Clone, Debug)]
pub struct FusedPersistent {
    settings: FusedSettings,
    velocity: Velocity,
    data: VisibleBatch,
    positive: HiddenBatch,
    chains: VisibleBatch,
    negative: HiddenBatch,
}

impl FusedContrastiveDivergence {
    /// CD-k with these settings.
    ///
    /// # Errors
    /// Zero steps, a momentum outside `[0, 1)`, or a negative decay.
    pub fn new(settings: FusedSettings) -> Result<Self> {
        Ok(FusedContrastiveDivergence {
            settings: settings.check()?,
            velocity: Velocity::default(),
            data: VisibleBatch::default(),
            positive: HiddenBatch::default(),
            model: VisibleBatch::default(),
            negative: HiddenBatch::default(),
        })
    }

    /// Changes the momentum from the next step on.
    ///
    /// # Errors
    /// A momentum outside `[0, 1)`.
    pub fn set_momentum(&mut self, momentum: f64) -> Result<()> {
        self.settings = FusedSettings {
            momentum,
            ..self.settings
        }
        .check()?;
        Ok(())
    }
}

impl FusedPersistent {
    /// PCD-k with chains that start at the rows of `start`, zeros and ones.
    ///
    /// # Errors
    /// Those of [`FusedContrastiveDivergence::new`], no chains, or a start that is not binary.
    pub fn new(settings: FusedSettings, start: ArrayView2<f64>) -> Result<Self> {
        check_batch("start", &start, start.ncols())?;
        check_each("start", start, "0 or 1", |x| x == 0.0 || x == 1.0)?;
        let mut chains = VisibleBatch::default();
        chains.read(start);
        Ok(FusedPersistent {
            settings: settings.check()?,
            velocity: Velocity::default(),
            data: VisibleBatch::default(),
            positive: HiddenBatch::default(),
            chains,
            negative: HiddenBatch::default(),
        })
    }

    /// Changes the momentum from the next step on.
    ///
    /// # Errors
    /// A momentum outside `[0, 1)`.
    pub fn set_momentum(&mut self, momentum: f64) -> Result<()> {
        self.settings = FusedSettings {
            momentum,
            ..self.settings
        }
        .check()?;
        Ok(())
    }

    /// The states of the chains, `(n_chains, V)`.
    pub fn chains(&self) -> Array2<f64> {
        let mut x = Array2::zeros((self.chains.n, self.chains.n_units()));
        self.chains.write(x.view_mut());
        x
    }
}

impl TrainStep<BinaryRbm> for FusedContrastiveDivergence {
    fn train_step(
        &mut self,
        machine: &mut BinaryRbm,
        x: ArrayView2<f64>,
        learning_rate: f64,
        rng: &mut dyn Rng,
    ) -> Result<f64> {
        read_data(machine, x, &mut self.data)?;
        let streams = Streams::draw(rng);
        machine.sample_hidden(&self.data, streams.part(0), &mut self.positive);
        machine.sample_visible(&self.positive, streams.part(1), &mut self.model);
        for _ in 1..self.settings.n_steps {
            machine.sweep(&mut self.model, &mut self.negative, Streams::draw(rng));
        }
        let phases = Phases {
            data: &self.data,
            positive: &self.positive,
            model: &self.model,
        };
        phases.update(
            machine,
            &mut self.negative,
            &mut self.velocity,
            self.settings,
            learning_rate,
        )?;
        Ok(self.data.distance(&self.model) / self.data.n as f64)
    }
}

impl TrainStep<BinaryRbm> for FusedPersistent {
    fn train_step(
        &mut self,
        machine: &mut BinaryRbm,
        x: ArrayView2<f64>,
        learning_rate: f64,
        rng: &mut dyn Rng,
    ) -> Result<f64> {
        if self.chains.n_units() != machine.dim() {
            let found = [self.chains.n, self.chains.n_units()];
            return Err(Error::shape("chains", &found, format!("[_, {}]", machine.dim())));
        }
        read_data(machine, x, &mut self.data)?;
        for _ in 0..self.settings.n_steps {
            machine.sweep(&mut self.chains, &mut self.negative, Streams::draw(rng));
        }
        machine.hidden_field(&self.data, &mut self.positive);
        let n = self.positive.n;
        self.positive
            .units
            .par_chunks_mut(n)
            .for_each(|units| simd::sigmoid_f32_in_place(Line::flatten_mut(units)));
        let phases = Phases {
            data: &self.data,
            positive: &self.positive,
            model: &self.chains,
        };
        phases.update(
            machine,
            &mut self.negative,
            &mut self.velocity,
            self.settings,
            learning_rate,
        )?;
        Ok(phases.mean_difference(machine.dim()))
    }
}

/// Reads a minibatch, refusing shapes and values that visible units cannot take.
fn read_data(machine: &BinaryRbm, x: ArrayView2<f64>, data: &mut VisibleBatch) -> Result<()> {
    check_batch("x", &x, machine.dim())?;
    if data.read(x) {
        return Ok(());
    }
    check_each("x", x, "in [0, 1]", |v| (0.0..=1.0).contains(&v))
}

/// The velocity of every parameter under momentum, in the machine's own layout; empty until momentum is used.
#[derive(Clone, Debug, Default, PartialEq)]
struct Velocity {
    weights: Vec<Line>,
    visible_bias: Vec<f32>,
    hidden_bias: Vec<Line>,
}

impl Velocity {
    fn resize(&mut self, machine: &BinaryRbm) {
        self.weights.resize(machine.weights.len(), Line::ZERO);
        self.visible_bias.resize(machine.n_visible, 0.0);
        self.hidden_bias.resize(machine.hidden_bias.len(), Line::ZERO);
    }
}

/// The two phases that a gradient is the difference of.
#[derive(Clone, Copy)]
struct Phases<'a> {
    data: &'a VisibleBatch,
    /// `p(h = 1 | v)` of the data.
    positive: &'a HiddenBatch,
    model: &'a VisibleBatch,
}

impl Phases<'_> {
    /// One step of gradient descent; `negative` is room for `p(h = 1 | v)` of the model's states.
    fn update(
        self,
        machine: &mut BinaryRbm,
        negative: &mut HiddenBatch,
        velocity: &mut Velocity,
        settings: FusedSettings,
        learning_rate: f64,
    ) -> Result<()> {
        velocity.resize(machine);
        negative.resize(self.model.n, machine.n_hidden);
        let rates = Rates {
            positive: (learning_rate / self.data.n as f64) as f32,
            negative: (learning_rate / self.model.n as f64) as f32,
            decay: (learning_rate * settings.weight_decay) as f32,
            momentum: settings.momentum as f32,
        };
        let lines = machine.panel_lines();
        let finite = AtomicBool::new(true);
        (machine.weights.par_chunks_mut(lines))
            .zip(machine.transposed.par_chunks_mut(lines))
            .zip(machine.hidden_bias.par_iter_mut())
            .zip(velocity.weights.par_chunks_mut(lines))
            .zip(velocity.hidden_bias.par_iter_mut())
            .zip(negative.units.par_chunks_mut(self.model.n))
            .enumerate()
            .for_each(
                |(p, (((((weights, transposed), bias), velocity), bias_velocity), negative))| {
                    gather(weights, &self.model.rows, bias, negative);
                    simd::sigmoid_f32_in_place(Line::flatten_mut(negative));
                    let panel = Panel {
                        positive: self.positive.panel(p),
                        negative,
                        weights: &mut weights[..machine.n_visible],
                        velocity,
                        bias,
                        bias_velocity,
                    };
                    let all_finite = panel.descend(self, rates);
                    transpose_panel(weights, transposed);
                    if !all_finite {
                        finite.store(false, Ordering::Relaxed);
                    }
                },
            );
        self.update_visible_bias(machine, velocity, rates, &finite);
        if finite.into_inner() {
            Ok(())
        } else {
            Err(name_non_finite(machine))
        }
    }

    fn update_visible_bias(
        self,
        machine: &mut BinaryRbm,
        velocity: &mut Velocity,
        rates: Rates,
        finite: &AtomicBool,
    ) {
        let bias = &mut Line::flatten_mut(&mut machine.visible_bias)[..machine.n_visible];
        for (i, (b, v)) in bias.iter_mut().zip(&mut velocity.visible_bias).enumerate() {
            let gradient =
                rates.positive * self.data.columns.total(i) - rates.negative * self.model.columns.total(i);
            *v = rates.momentum * *v + gradient;
            *b += *v;
            if !b.is_finite() {
                finite.store(false, Ordering::Relaxed);
            }
        }
    }

    /// The mean absolute difference of the visible means of the two phases.
    fn mean_difference(self, n_units: usize) -> f64 {
        let mean = |v: &VisibleBatch, i| f64::from(v.columns.total(i)) / v.n as f64;
        let sum: f64 = (0..n_units)
            .map(|i| (mean(self.data, i) - mean(self.model, i)).abs())
            .sum();
        sum / n_units as f64
    }
}

/// Learning rate over the number of cases, and what multiplies weights and velocities.
#[derive(Clone, Copy)]
struct Rates {
    positive: f32,
    negative: f32,
    decay: f32,
    momentum: f32,
}

/// One hidden panel: its probabilities in the two phases, its parameters and their velocities.
struct Panel<'a> {
    positive: &'a [Line],
    negative: &'a [Line],
    weights: &'a mut [Line],
    velocity: &'a mut [Line],
    bias: &'a mut Line,
    bias_velocity: &'a mut Line,
}

/// Visible units whose gradients are summed before their weights move; both stay in the first-level cache.
const UNITS_AT_ONCE: usize = 16;

impl Panel<'_> {
    /// Adds the gradient to the panel's weights and biases; returns whether all stayed finite.
    fn descend(self, phases: Phases<'_>, rates: Rates) -> bool {
        let mut positive = [Line::ZERO; UNITS_AT_ONCE];
        let mut negative = [Line::ZERO; UNITS_AT_ONCE];
        let mut finite = true;
        let chunks = self
            .weights
            .chunks_mut(UNITS_AT_ONCE)
            .zip(self.velocity.chunks_mut(UNITS_AT_ONCE));
        for (chunk, (weights, velocity)) in chunks.enumerate() {
            let units = chunk * UNITS_AT_ONCE..chunk * UNITS_AT_ONCE + weights.len();
            let (positive, negative) = (&mut positive[..weights.len()], &mut negative[..weights.len()]);
            let columns = &phases.data.columns;
            gather_range(
                self.positive,
                columns,
                units.clone(),
                &Line::ZERO,
                rates.positive,
                positive,
            );
            let columns = &phases.model.columns;
            gather_range(
                self.negative,
                columns,
                units,
                &Line::ZERO,
                -rates.negative,
                negative,
            );
            finite &= vectorized(Descend {
                rates,
                positive: Line::flatten(positive),
                negative: Line::flatten(negative),
                weights: Line::flatten_mut(weights),
                velocity: Line::flatten_mut(velocity),
            });
        }
        let (positive, negative) = (
            total(self.positive, rates.positive),
            total(self.negative, -rates.negative),
        );
        // Biases do not decay. Units beyond the last have bias −∞ and probability zero, and stay there.
        let rates = Rates { decay: 0.0, ..rates };
        let (bias, velocity) = (&mut self.bias.0, &mut self.bias_velocity.0);
        let (positive, negative) = (&positive.0, &negative.0);
        vectorized(Descend {
            rates,
            positive,
            negative,
            weights: bias,
            velocity,
        });
        finite && bias.iter().all(|b| !b.is_nan() && *b != f32::INFINITY)
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

/// `v ← μ v + ε⟨+⟩ − ε⟨−⟩ − ελ w`, `w ← w + v`; the gradients come with their rates and signs. Returns whether all `w` are finite.
struct Descend<'a> {
    rates: Rates,
    positive: &'a [f32],
    negative: &'a [f32],
    weights: &'a mut [f32],
    velocity: &'a mut [f32],
}

impl Vectorized for Descend<'_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let Rates { momentum, decay, .. } = self.rates;
        let gradients = self.positive.iter().zip(self.negative);
        let parameters = self.weights.iter_mut().zip(self.velocity);
        if momentum == 0.0 && decay == 0.0 {
            for ((w, _), (p, n)) in parameters.zip(gradients) {
                *w += p + n;
            }
        } else if decay == 0.0 {
            for ((w, v), (p, n)) in parameters.zip(gradients) {
                *v = momentum * *v + (p + n);
                *w += *v;
            }
        } else {
            for ((w, v), (p, n)) in parameters.zip(gradients) {
                *v = momentum * *v + (p + n - decay * *w);
                *w += *v;
            }
        }
        self.weights.iter().fold(true, |finite, w| finite & w.is_finite())
    }
}

/// The error that names the first parameter that is not finite.
fn name_non_finite(machine: &BinaryRbm) -> Error {
    let params = machine.params();
    match params.iter().position(|p| !p.is_finite()) {
        Some(i) => Error::non_finite(machine.layout().locate(i), params[i], "in a training step"),
        None => Error::non_finite("hidden.bias beyond the last unit", f64::NAN, "in a training step"),
    }
}

impl Velocity {
    fn snapshot(&self, record: &mut Record) {
        let weights = Line::flatten(&self.weights);
        let hidden = Line::flatten(&self.hidden_bias);
        for (name, values) in [
            ("weights", weights),
            ("visible_bias", &self.visible_bias[..]),
            ("hidden_bias", hidden),
        ] {
            record.put(
                format!("velocity.{name}"),
                &[values.len()],
                Values::F32(values.to_vec()),
            );
        }
    }

    fn restored(record: &Record) -> Result<Self> {
        let read = |name: &str| -> Result<&[f32]> {
            let name = format!("velocity.{name}");
            let shape = record.shape(&name).unwrap_or(&[0]).to_vec();
            record.f32s(&name, &shape)
        };
        let lines = |values: &[f32]| -> Result<Vec<Line>> {
            let (lines, rest) = values.as_chunks::<PANEL>();
            if rest.is_empty() {
                Ok(lines.iter().map(|line| Line(*line)).collect())
            } else {
                Err(Error::format(
                    "snapshot entry `velocity`",
                    values.len(),
                    "a multiple of 64 numbers",
                ))
            }
        };
        Ok(Velocity {
            weights: lines(read("weights")?)?,
            visible_bias: read("visible_bias")?.to_vec(),
            hidden_bias: lines(read("hidden_bias")?)?,
        })
    }
}

impl Snapshot for FusedContrastiveDivergence {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        self.velocity.snapshot(&mut record);
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.velocity = Velocity::restored(record)?;
        Ok(())
    }
}

impl Snapshot for FusedPersistent {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        self.velocity.snapshot(&mut record);
        let chains = self.chains();
        let states = chains.iter().map(|x| *x as u8).collect();
        record.put("chains", &[chains.nrows(), chains.ncols()], Values::U8(states));
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let shape = (self.chains.n, self.chains.n_units());
        let states = record.bytes("chains", &[shape.0, shape.1])?;
        if let Some(state) = states.iter().find(|s| **s > 1) {
            return Err(Error::format("snapshot entry `chains`", state, "states 0 and 1"));
        }
        let velocity = Velocity::restored(record)?;
        let chains = Array2::from_shape_fn(shape, |(b, i)| f64::from(states[b * shape.1 + i]));
        self.chains.read(chains.view());
        self.velocity = velocity;
        Ok(())
    }
}
