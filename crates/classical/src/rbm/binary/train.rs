//! Fused training steps: contrastive divergence and its persistent form, without leaving single precision.
//!
//! Both are the generic objective plus stochastic gradient descent with momentum and weight decay (`v ← μ v − ε (∇L + λ W)`, `W ← W + v`,
//! Hinton 2012, eq. 15), arranged so that parameters, gradients and chain states never cross the `f64` boundary: the gradient of a panel of
//! weights is summed from the lists of active cases and added to the panel while it is in the cache, and the transposed copy follows at once.
//! Given the same generator, a fused step by lists draws the same states as the generic one on the same machine; the tests tie the two, and products in tiles to those by lists.
//!
//! A step that is refused leaves the machine and the velocity as they were; persistent chains may have moved.

use gibbsian_core::error::{check_batch, check_count, check_each, check_non_negative, check_within};
use gibbsian_core::simd;
use gibbsian_core::{Error, Record, Result, Snapshot, Space, Streams, TrainStep, Values};
use gibbsian_linalg::kernels::Line;
use gibbsian_linalg::kernels::tiles::{Arithmetic, Digits};
use ndarray::{Array2, ArrayView2};
use rand::Rng;
use rayon::prelude::*;

use super::BinaryRbm;
use super::batch::{Form, HiddenBatch, VisibleBatch};
use super::tiled::{Products, Tiled};
use super::update::Phases;
use super::velocity::Velocity;

/// Options of a fused step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FusedOptions {
    /// Gibbs sweeps a step, the `k` of CD-k.
    pub n_steps: usize,
    /// The momentum `μ` in `[0, 1)`; with zero no velocity is kept, and a later momentum starts from rest.
    pub momentum: f64,
    /// The weight decay `λ`, on weights and not on biases.
    pub weight_decay: f64,
    /// How products are computed.
    pub arithmetic: Arithmetic,
}

/// One sweep, no momentum, no decay.
impl Default for FusedOptions {
    fn default() -> Self {
        FusedOptions {
            n_steps: 1,
            momentum: 0.0,
            weight_decay: 0.0,
            arithmetic: Arithmetic::Fastest,
        }
    }
}

impl FusedOptions {
    fn check(self) -> Result<Self> {
        check_count("n_steps", self.n_steps)?;
        check_within("momentum", self.momentum, 0.0, 1.0 - f64::EPSILON)?;
        check_non_negative("weight_decay", self.weight_decay)?;
        Ok(self)
    }

    fn with_n_steps(self, n_steps: usize) -> Result<Self> {
        FusedOptions { n_steps, ..self }.check()
    }

    fn with_momentum(self, momentum: f64) -> Result<Self> {
        FusedOptions { momentum, ..self }.check()
    }
}

/// Copies that a byte can count.
const MOST_COPIES: usize = 255;

/// CD-k on a [`BinaryRbm`] (Hinton 2002).
///
/// A step returns the mean number of visible units that the sample ends with in another state than the data, `Σ_i |v_i − v'_i|`: the reconstruction
/// error, a monitor and not a likelihood.
///
/// [`FusedContrastiveDivergence::with_copies`] trains a machine whose layers are there in several copies, as greedy pretraining does ([`crate::dbm::Replicated`]).
#[derive(Clone, Debug)]
pub struct FusedContrastiveDivergence {
    settings: FusedOptions,
    velocity: Velocity,
    n_hidden_copies: usize,
    tiled: Tiled,
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
    settings: FusedOptions,
    velocity: Velocity,
    tiled: Tiled,
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
    pub fn new(settings: FusedOptions) -> Result<Self> {
        FusedContrastiveDivergence::with_copies(settings, 1, 1)
    }

    /// CD-k of the machine with so many copies of its layers that share all parameters, [`crate::dbm::Replicated`]; every copy of the visible layer sees the same data, and
    /// after the first draw each has states of its own.
    ///
    /// # Errors
    /// Those of [`FusedContrastiveDivergence::new`], or no copies of a layer, or more than 255.
    pub fn with_copies(settings: FusedOptions, n_visible: usize, n_hidden: usize) -> Result<Self> {
        for (name, n) in [("n_visible", n_visible), ("n_hidden", n_hidden)] {
            check_count(name, n)?;
            if n > MOST_COPIES {
                return Err(Error::parameter(name, n, format!("at most {MOST_COPIES} copies")));
            }
        }
        Ok(FusedContrastiveDivergence {
            settings: settings.check()?,
            velocity: Velocity::default(),
            n_hidden_copies: n_hidden,
            tiled: Tiled::default(),
            data: VisibleBatch::of_copies(n_visible),
            positive: HiddenBatch::of_copies(n_hidden),
            model: VisibleBatch::of_copies(n_visible),
            negative: HiddenBatch::of_copies(n_hidden),
        })
    }

    /// Changes the number of Gibbs sweeps from the next step on.
    ///
    /// # Errors
    /// Zero sweeps.
    pub fn set_n_steps(&mut self, n_steps: usize) -> Result<()> {
        self.settings = self.settings.with_n_steps(n_steps)?;
        Ok(())
    }

    /// Changes the momentum from the next step on.
    ///
    /// # Errors
    /// A momentum outside `[0, 1)`.
    pub fn set_momentum(&mut self, momentum: f64) -> Result<()> {
        self.settings = self.settings.with_momentum(momentum)?;
        Ok(())
    }
}

impl FusedPersistent {
    /// PCD-k with chains that start at the rows of `start`, zeros and ones.
    ///
    /// # Errors
    /// Those of [`FusedContrastiveDivergence::new`], no chains, or a start that is not binary.
    pub fn new(settings: FusedOptions, start: ArrayView2<f64>) -> Result<Self> {
        check_batch("start", &start, start.ncols())?;
        check_each("start", start, "0 or 1", |x| x == 0.0 || x == 1.0)?;
        let mut chains = VisibleBatch::default();
        chains.read(start, Form::Lists);
        Ok(FusedPersistent {
            settings: settings.check()?,
            velocity: Velocity::default(),
            tiled: Tiled::default(),
            data: VisibleBatch::default(),
            positive: HiddenBatch::default(),
            chains,
            negative: HiddenBatch::default(),
        })
    }

    /// Changes the number of Gibbs sweeps from the next step on.
    ///
    /// # Errors
    /// Zero sweeps.
    pub fn set_n_steps(&mut self, n_steps: usize) -> Result<()> {
        self.settings = self.settings.with_n_steps(n_steps)?;
        Ok(())
    }

    /// Changes the momentum from the next step on.
    ///
    /// # Errors
    /// A momentum outside `[0, 1)`.
    pub fn set_momentum(&mut self, momentum: f64) -> Result<()> {
        self.settings = self.settings.with_momentum(momentum)?;
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
        check_step(machine, x, learning_rate)?;
        self.velocity.prepare(machine, self.settings.momentum > 0.0)?;
        let form = read_data(machine, x, self.settings, &mut self.data)?;
        let products = products(machine, form, &mut self.tiled);
        let streams = sweep_streams(rng);
        products.sample_hidden(&self.data, streams.part(0), &mut self.positive);
        products.sample_visible(&self.positive, streams.part(1), &mut self.model);
        for _ in 1..self.settings.n_steps {
            products.sweep(&mut self.model, &mut self.negative, sweep_streams(rng));
        }
        self.data.count();
        self.model.count();
        let phases = Phases {
            data: &self.data,
            positive: &self.positive,
            model: &self.model,
            n_hidden_copies: self.n_hidden_copies,
        };
        phases.update(
            machine,
            &mut self.tiled,
            &mut self.negative,
            &mut self.velocity,
            self.settings,
            learning_rate,
        )?;
        Ok(self.data.mean_distance(&self.model))
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
        check_step(machine, x, learning_rate)?;
        self.velocity.prepare(machine, self.settings.momentum > 0.0)?;
        let form = read_data(machine, x, self.settings, &mut self.data)?;
        self.chains.set_form(form);
        let products = products(machine, form, &mut self.tiled);
        for _ in 0..self.settings.n_steps {
            products.sweep(&mut self.chains, &mut self.negative, sweep_streams(rng));
        }
        products.hidden_field(&self.data, &mut self.positive);
        let n = self.positive.n;
        self.positive
            .units
            .par_chunks_mut(n)
            .for_each(|units| simd::sigmoid_f32_in_place(Line::flatten_mut(units)));
        self.data.count();
        self.chains.count();
        let phases = Phases {
            data: &self.data,
            positive: &self.positive,
            model: &self.chains,
            n_hidden_copies: 1,
        };
        phases.update(
            machine,
            &mut self.tiled,
            &mut self.negative,
            &mut self.velocity,
            self.settings,
            learning_rate,
        )?;
        Ok(phases.mean_difference())
    }
}

/// The streams of one sweep, as Gibbs sampling of a model with one block has them: the kernel draws one key a step and gives each block a generator
/// of its own, of which the block draws the key of its redraw.
fn sweep_streams(rng: &mut dyn Rng) -> Streams {
    Streams::draw(&mut Streams::draw(rng).block(0))
}

/// Refuses a learning rate that is not finite and a minibatch of another shape.
fn check_step(machine: &BinaryRbm, x: ArrayView2<f64>, learning_rate: f64) -> Result<()> {
    if !learning_rate.is_finite() {
        return Err(Error::parameter("learning_rate", learning_rate, "finite"));
    }
    check_batch("x", &x, machine.dim())
}

/// Reads a minibatch, refusing values that visible units cannot take, and says which form the states of this step have: means have no bytes.
fn read_data(
    machine: &BinaryRbm,
    x: ArrayView2<f64>,
    settings: FusedOptions,
    data: &mut VisibleBatch,
) -> Result<Form> {
    if !data.read(x, machine.form(settings.arithmetic)) {
        check_each("x", x, "in [0, 1]", |v| (0.0..=1.0).contains(&v))?;
    }
    Ok(data.form())
}

/// The products of a step with states in this form.
fn products<'a>(machine: &'a BinaryRbm, form: Form, tiled: &'a mut Tiled) -> Products<'a> {
    if form == Form::Tiles {
        tiled.follow(machine, Digits::Two);
    }
    Products {
        machine,
        tiled: (form == Form::Tiles).then_some(&*tiled),
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
        if let Some(n) = velocity.n_visible().filter(|n| *n != shape.1) {
            let origin = "snapshot entry `velocity.weights`";
            return Err(Error::format(
                origin,
                format!("{n} rows"),
                format!("{} rows", shape.1),
            ));
        }
        let chains = Array2::from_shape_fn(shape, |(b, i)| f64::from(states[b * shape.1 + i]));
        self.chains.read(chains.view(), Form::Lists);
        self.velocity = velocity;
        Ok(())
    }
}
