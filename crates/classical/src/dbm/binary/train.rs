//! The fused training step of variational learning with persistent chains.
//!
//! [`crate::dbm::VariationalPersistent`] and stochastic gradient descent with momentum and weight decay, arranged so that means, chains, gradients and
//! parameters never cross the `f64` boundary. Given the same generator, the chains of steps by lists are those of Gibbs sampling on the same machine; the tests tie the step to the
//! generic gradient, and products in tiles to those by lists.
//!
//! A step that is refused leaves machine and velocity as they were; chains may have moved.

use gibbsian_core::error::{check_batch, check_each, check_non_negative, check_within};
use gibbsian_core::{Error, Record, Result, Snapshot, Space, TrainStep, Values};
use gibbsian_linalg::kernels::PANEL;
use gibbsian_linalg::kernels::tiles::{Arithmetic, Digits};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rand::Rng;

use super::BinaryDbm;
use super::centring::Centring;
use super::gibbs::Chains;
use super::mean_field::{Dense, DenseMeans};
use super::tiled::{Products, Tiled};
use super::update::{Phases, Velocity};
use crate::dbm::VariationalOptions;
use crate::rbm::binary::batch::{Form, VisibleBatch};
use crate::rbm::binary::update::mean_difference;

/// Options of a fused step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FusedVariationalOptions {
    /// Gibbs sweeps and mean field.
    pub phases: VariationalOptions,
    /// The momentum `μ` in `[0, 1)`; with zero no velocity is kept, and a later momentum starts from rest.
    pub momentum: f64,
    /// The weight decay `λ`, on weights and not on biases.
    pub weight_decay: f64,
    /// How products are computed.
    pub arithmetic: Arithmetic,
}

impl FusedVariationalOptions {
    fn check(self) -> Result<Self> {
        self.phases.check()?;
        check_within("momentum", self.momentum, 0.0, 1.0 - f64::EPSILON)?;
        check_non_negative("weight_decay", self.weight_decay)?;
        Ok(self)
    }
}

/// Variational learning of a [`BinaryDbm`] (Salakhutdinov and Hinton 2009, algorithm 1).
///
/// A step returns `‖⟨v⟩_data − ⟨v⟩_chains‖₁ / V`, the mean absolute difference of visible means: a monitor and not a likelihood.
#[derive(Clone, Debug)]
pub struct FusedVariational {
    settings: FusedVariationalOptions,
    velocity: Velocity,
    tiled: Tiled,
    data: VisibleBatch,
    means: DenseMeans,
    chains: Chains,
    negative: Vec<Dense>,
    sizes: Vec<usize>,
    centring: Option<Centring>,
}

impl FusedVariational {
    /// Learning of `machine` with chains that start at these joint rows of zeros and ones (see [`crate::Dbm::draw_upward`]).
    ///
    /// # Errors
    /// No Gibbs sweeps, a momentum outside `[0, 1)`, a negative decay or tolerance, no chains, or chains that are not joint states.
    pub fn new(
        settings: FusedVariationalOptions,
        machine: &BinaryDbm,
        start: ArrayView2<f64>,
    ) -> Result<Self> {
        let settings = settings.check()?;
        check_batch("start", &start, machine.joint().dim())?;
        check_each("start", start, "0 or 1", |x| x == 0.0 || x == 1.0)?;
        let mut chains = Chains::default();
        chains.read(&machine.sizes(), start, Form::Lists);
        Ok(FusedVariational {
            settings,
            velocity: Velocity::zeros(&machine.sizes(), false),
            tiled: Tiled::default(),
            data: VisibleBatch::default(),
            means: DenseMeans::default(),
            chains,
            negative: vec![Dense::default(); machine.depth()],
            sizes: machine.sizes(),
            centring: None,
        })
    }

    /// The same along the centred gradient, with which a deep machine learns without pretraining, as [`CentredVariational`](crate::dbm::CentredVariational) makes it: offsets start at the means of
    /// the data and at the means of hidden layers that receive nothing, and go the way `rate` towards the means of each positive phase.
    ///
    /// ```
    /// use gibbsian_classical::Dbm;
    /// use gibbsian_classical::dbm::{BinaryDbm, FusedVariational, FusedVariationalOptions};
    /// use gibbsian_core::{Seed, TrainStep};
    /// use ndarray::{Axis, array};
    /// # use gibbsian_classical::Bernoulli;
    ///
    /// let x = array![[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]];
    /// let hidden = vec![Bernoulli::unbiased(3), Bernoulli::unbiased(2)];
    /// let start = Dbm::random(Bernoulli::unbiased(4), hidden, 0.1, Seed::new(1))?;
    /// let chains = start.draw_upward(x.view(), &mut Seed::new(2).rng())?;
    /// let mut machine = BinaryDbm::from(&start);
    /// let mut step = FusedVariational::new(FusedVariationalOptions::default(), &machine, chains.view())?
    ///     .centred(&machine, x.mean_axis(Axis(0)).unwrap().view(), 0.1)?;
    /// step.train_step(&mut machine, x.view(), 0.05, &mut Seed::new(3).rng())?;
    /// assert_eq!(step.offsets().len(), 3);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// A machine of other layers than those of the chains, another number of means than visible units, means outside `[0, 1]`, or a rate outside `[0, 1]`.
    pub fn centred(mut self, machine: &BinaryDbm, data_means: ArrayView1<f64>, rate: f64) -> Result<Self> {
        self.check_machine(machine)?;
        self.centring = Some(Centring::new(machine, data_means, rate)?);
        Ok(self)
    }

    /// The offsets of all layers, the visible one first; empty where the gradient is the plain one.
    pub fn offsets(&self) -> &[Array1<f64>] {
        self.centring.as_ref().map_or(&[], |centring| &centring.offsets)
    }

    fn check_machine(&self, machine: &BinaryDbm) -> Result<()> {
        if machine.iter_sizes().eq(self.sizes.iter().copied()) {
            return Ok(());
        }
        let required = format!("{:?}, the layers of the chains", self.sizes);
        Err(Error::shape("machine", &machine.sizes(), required))
    }

    /// Changes the momentum from the next step on.
    ///
    /// # Errors
    /// A momentum outside `[0, 1)`.
    pub fn set_momentum(&mut self, momentum: f64) -> Result<()> {
        self.settings = FusedVariationalOptions {
            momentum,
            ..self.settings
        }
        .check()?;
        Ok(())
    }

    /// The states of the chains, `(n_chains, Σ n_l)`.
    pub fn chains(&self) -> Array2<f64> {
        let mut x = Array2::zeros((self.chains.n, self.sizes.iter().sum()));
        self.chains.write(&self.sizes, x.view_mut());
        x
    }

    /// What stands for the hidden layers of the chains in the gradient: means of odd layers given the even ones, states of even layers.
    fn show_chains(&mut self, machine: &BinaryDbm, form: Form) {
        for l in 1..=machine.depth() {
            if l % 2 == 1 {
                let tiled = (form == Form::Tiles).then_some(&self.tiled);
                Products { machine, tiled }.hidden_probabilities(&mut self.chains, l);
            } else {
                self.chains.hidden[l - 1].show_states();
            }
            let (dense, layer) = (&mut self.negative[l - 1], &self.chains.hidden[l - 1]);
            dense.resize(self.chains.n, machine.n_units(l), Form::Lists);
            dense.fill(self.chains.n, |p, units| units.copy_from_slice(layer.panel(p)));
        }
    }
}

impl TrainStep<BinaryDbm> for FusedVariational {
    fn train_step(
        &mut self,
        machine: &mut BinaryDbm,
        x: ArrayView2<f64>,
        learning_rate: f64,
        rng: &mut dyn Rng,
    ) -> Result<f64> {
        if !learning_rate.is_finite() {
            return Err(Error::parameter("learning_rate", learning_rate, "finite"));
        }
        self.check_machine(machine)?;
        check_batch("x", &x, machine.n_visible())?;
        if !self.data.read(x, machine.form(self.settings.arithmetic)) {
            check_each("x", x, "in [0, 1]", |v| (0.0..=1.0).contains(&v))?;
        }
        let VariationalOptions {
            n_steps,
            tolerance,
            max_sweeps,
        } = self.settings.phases;
        let has_momentum = self.settings.momentum > 0.0;
        if has_momentum == self.velocity.is_at_rest() {
            self.velocity = Velocity::zeros(&self.sizes, has_momentum);
        }
        // Means of visible units have no bytes; then everything is done by lists.
        let form = self.data.form();
        self.chains.set_form(form);
        if form == Form::Tiles {
            self.tiled.follow(machine, Digits::Two);
        }
        let products = Products {
            machine,
            tiled: (form == Form::Tiles).then_some(&self.tiled),
        };
        products.sweep_means(&self.data, tolerance, max_sweeps, &mut self.means);
        for _ in 0..n_steps {
            products.sweep(&mut self.chains, rng);
        }
        self.show_chains(machine, form);
        self.data.count();
        self.chains.visible.count();
        let phases = Phases {
            data: &self.data,
            means: &self.means,
            chains: &self.chains,
            negative: &self.negative,
        };
        // Offsets move before the gradient is centred on them, and stay where a step is refused.
        let centring = self.centring.as_ref().map(|centring| centring.after(&phases));
        phases.update(
            machine,
            &mut self.tiled.columns,
            &mut self.velocity,
            self.settings,
            centring.as_ref(),
            learning_rate,
        )?;
        self.centring = centring;
        Ok(mean_difference(&self.data, &self.chains.visible))
    }
}

/// The chains, the velocity in the order of the parameters, without entries at rest, and the offsets of a centred step.
impl Snapshot for FusedVariational {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        let chains = self.chains();
        let states = chains.iter().map(|x| *x as u8).collect();
        record.put("chains", &[chains.nrows(), chains.ncols()], Values::U8(states));
        let velocity = &self.velocity;
        let mut flat = Vec::new();
        if !velocity.is_at_rest() {
            for (k, panels) in velocity.couplings.iter().enumerate() {
                for i in 0..self.sizes[k] {
                    flat.extend((0..self.sizes[k + 1]).map(|j| panels[j / PANEL].weights[i].0[j % PANEL]));
                }
            }
            flat.extend(&velocity.visible_bias);
            for (k, panels) in velocity.couplings.iter().enumerate() {
                flat.extend((0..self.sizes[k + 1]).map(|j| panels[j / PANEL].bias.0[j % PANEL]));
            }
        }
        record.put("velocity", &[flat.len()], Values::F32(flat));
        if let Some(centring) = &self.centring {
            centring.put(&mut record);
        }
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let n_units: usize = self.sizes.iter().sum();
        let shape = (self.chains.n, n_units);
        let states = record.bytes("chains", &[shape.0, shape.1])?;
        if let Some(state) = states.iter().find(|s| **s > 1) {
            return Err(Error::format("snapshot entry `chains`", state, "states 0 and 1"));
        }
        let n_params = n_units + self.sizes.windows(2).map(|n| n[0] * n[1]).sum::<usize>();
        let moves = record.shape("velocity").is_none_or(|shape| shape != [0]);
        let flat = record.f32s("velocity", &[if moves { n_params } else { 0 }])?;
        if let Some(bad) = flat.iter().find(|x| !x.is_finite()) {
            return Err(Error::format("snapshot entry `velocity`", bad, "finite numbers"));
        }
        let mut velocity = Velocity::zeros(&self.sizes, moves);
        let mut flat = flat.iter().copied();
        if moves {
            let mut next = || flat.next().expect("an entry a parameter");
            for (k, panels) in velocity.couplings.iter_mut().enumerate() {
                for i in 0..self.sizes[k] {
                    for j in 0..self.sizes[k + 1] {
                        panels[j / PANEL].weights[i].0[j % PANEL] = next();
                    }
                }
            }
            velocity.visible_bias.iter_mut().for_each(|v| *v = next());
            for (k, panels) in velocity.couplings.iter_mut().enumerate() {
                for j in 0..self.sizes[k + 1] {
                    panels[j / PANEL].bias.0[j % PANEL] = next();
                }
            }
        }
        velocity.magnitude = velocity.largest();
        let centring = self.centring.as_ref().map(|c| c.taken(record)).transpose()?;
        let chains = Array2::from_shape_fn(shape, |(b, i)| f64::from(states[b * shape.1 + i]));
        self.chains.read(&self.sizes, chains.view(), Form::Lists);
        self.velocity = velocity;
        self.centring = centring;
        Ok(())
    }
}
