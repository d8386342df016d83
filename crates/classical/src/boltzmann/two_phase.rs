//! The learning rule of 1985: two phases, each annealed to equilibrium and watched for a while.
//!
//! With the visible units clamped to a case, and again with all units free, the units start at random, are cooled along a schedule of temperatures by
//! Gibbs sweeps, and then show their co-occurrences at temperature one. The difference of the two is the gradient of the likelihood if both phases
//! reach equilibrium (Ackley, Hinton and Sejnowski 1985, section 3.2). Chains that are kept from one update to the next save the cooling: that is
//! `PersistentContrastiveDivergence` with any kernel on a [`VisibleMarginal`].

use gibbsian_core::error::{check_count, check_loss, check_positive};
use gibbsian_core::{Blocks, Discrete, EnergyPullback, Objective, Result, Stateless, Streams};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1};
use rand::{Rng, RngExt};

use super::{BoltzmannMachine, VisibleMarginal};

/// A step of a cooling schedule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Temperature {
    /// The temperature `T > 0`, at which the energy is `E/T`.
    pub temperature: f64,
    /// How many sweeps over all free units are made at it.
    pub n_sweeps: usize,
}

/// What the two phases do.
#[derive(Clone, Debug, PartialEq)]
pub struct TwoPhaseOptions {
    /// The cooling, from high temperatures to one.
    pub schedule: Vec<Temperature>,
    /// After how many sweeps at temperature one, one by one, co-occurrences are collected.
    pub n_collected: usize,
    /// The number of free chains.
    pub n_free: usize,
}

impl Default for TwoPhaseOptions {
    /// 2, 2, 2 and 4 sweeps at the temperatures 4, 3, 2 and 1, then 10 collected sweeps, of 100 free chains.
    fn default() -> Self {
        let at = |temperature, n_sweeps| Temperature {
            temperature,
            n_sweeps,
        };
        TwoPhaseOptions {
            schedule: vec![at(4.0, 2), at(3.0, 2), at(2.0, 2), at(1.0, 4)],
            n_collected: 10,
            n_free: 100,
        }
    }
}

/// Learning from a clamped and a free phase, both annealed.
///
/// The loss is `⟨E⟩_clamped − ⟨E⟩_free`, a surrogate: at the states that were sampled its gradient is the one returned.
#[derive(Clone, Debug, PartialEq)]
pub struct TwoPhase {
    options: TwoPhaseOptions,
}

impl TwoPhase {
    /// Learning with these options.
    ///
    /// # Errors
    /// A temperature that is not positive, or no collected sweeps or free chains.
    pub fn new(options: TwoPhaseOptions) -> Result<Self> {
        for step in &options.schedule {
            check_positive("temperature", step.temperature)?;
        }
        check_count("n_collected", options.n_collected)?;
        check_count("n_free", options.n_free)?;
        Ok(TwoPhase { options })
    }

    /// Cools the free units of the states `s` and adds `sign` times the gradient of the mean energy of what follows to `grad`; returns that mean.
    fn phase(
        &self,
        machine: &BoltzmannMachine,
        mut s: Array2<f64>,
        free: ArrayView1<bool>,
        sign: f64,
        streams: Streams,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let mut rng = streams.block(0);
        randomise(&mut s, free, &mut rng);
        for step in &self.options.schedule {
            let heated = machine.scaled(1.0 / step.temperature)?;
            for _ in 0..step.n_sweeps {
                sweep(&heated, &mut s, free, &mut rng);
            }
        }
        let n = (self.options.n_collected * s.nrows()) as f64;
        let mut mean = 0.0;
        for _ in 0..self.options.n_collected {
            sweep(machine, &mut s, free, &mut rng);
            let mut weigh = |energy: ArrayView1<f64>, mut w: ArrayViewMut1<f64>| {
                mean += energy.sum() / n;
                w.fill(sign / n);
            };
            machine.energy_pullback_with(s.view(), &mut weigh, grad.view_mut());
        }
        Ok(mean)
    }
}

impl Objective<VisibleMarginal> for TwoPhase {
    fn loss_and_grad_into(
        &mut self,
        model: &VisibleMarginal,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        model.check_states("x", x)?;
        let machine = model.machine();
        let streams = Streams::draw(rng);
        grad.fill(0.0);
        let (clamped, hidden) = model.clamped(x, 0.0);
        let all = Array1::from_elem(machine.n_units(), true);
        let running = Array2::zeros((self.options.n_free, machine.n_units()));
        let loss = self.phase(
            machine,
            clamped,
            hidden.view(),
            1.0,
            streams.part(0),
            grad.view_mut(),
        )? - self.phase(machine, running, all.view(), -1.0, streams.part(1), grad)?;
        check_loss(loss, "in the difference of the two phases")
    }
}

/// Both phases start anew.
impl Stateless for TwoPhase {}

/// Tosses a coin for every free unit.
fn randomise(s: &mut Array2<f64>, free: ArrayView1<bool>, rng: &mut dyn Rng) {
    for (mut column, _) in s.columns_mut().into_iter().zip(free).filter(|(_, free)| **free) {
        column.mapv_inplace(|_| f64::from(rng.random::<bool>()));
    }
}

fn sweep(machine: &BoltzmannMachine, s: &mut Array2<f64>, free: ArrayView1<bool>, rng: &mut dyn Rng) {
    for unit in (0..machine.n_units()).filter(|unit| free[*unit]) {
        machine.resample(s.view_mut(), unit, None, rng);
    }
}
