//! The energies of persistent chains from one update to the next, which `R̂` is computed from while an energy learns.
//!
//! `R̂` asks whether several chains have seen the same law (Gelman and Rubin 1992; Vehtari, Gelman, Simpson, Carpenter and Bürkner 2021). Of the negative chains of a contrastive objective it asks whether they are
//! together one sample, or each stays in a mode of its own, so that the negative phase is a mean over where chains once started. An [`EnergyTraces`] holds the last updates of every chain and gives them as
//! `(chains, draws)`, the form in which `gibbsian_metrics::r_hat` and effective sample sizes take them.
//!
//! **While parameters move** the chains follow a law that changes, and a number that was made for one law means less:
//!
//! - Energies drift because the energy learns. All chains drift alike, but a chain's first half then differs from its second, and a split `R̂` counts that as disagreement. It is too large, the more so the longer
//!   the window and the larger the learning rate. Take a window in which the parameters hardly move.
//! - Learning itself moves chains: it raises the energy where they are until they leave (Tieleman and Hinton 2009). So `R̂` near 1 says that the chains mix *while* the model learns, which is what the gradient
//!   needs. That they would mix at fixed parameters, or that they have found all modes, it does not say.
//! - Far above 1 in a window in which the mean energy stands still, chains are stuck: more chains, more steps, tempering or restarts are what helps.
//!
//! Chains that start anew begin a new trace, since what was in their slot before is another chain. Those of contrastive divergence from the data and of short runs have no traces; whether they have arrived is
//! asked by [`run_length`](crate::run_length).

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gibbsian_core::error::check_count;
use gibbsian_core::{Error, Record, Result, Snapshot, Values};
use ndarray::Array2;

use crate::phase_report::PhaseReport;
use crate::watched::{PersistentNegatives, Watch, Watched};

/// The energies of every persistent chain in the last updates, as a handle that a monitor can hold while the run goes on. Clones share them.
#[derive(Clone, Debug)]
pub struct EnergyTraces(Arc<Mutex<Traces>>);

#[derive(Clone, Debug, PartialEq)]
struct Traces {
    /// How many updates are kept.
    window: u64,
    /// How many updates there were.
    n_updates: u64,
    /// The updates in which a chain was moved, and its energies there, in order.
    of_slot: BTreeMap<usize, VecDeque<(u64, f64)>>,
}

impl EnergyTraces {
    /// How many updates there were, of which the last are kept.
    pub fn n_updates(&self) -> u64 {
        self.lock().n_updates
    }

    /// The last `n_draws` energies of every chain that was moved as often within the window since it started, `(chains, n_draws)`, in the order of [`EnergyTraces::slots`]; no rows where there is no such chain.
    ///
    /// In a replay buffer the draws of a chain are those of its visits, and the updates between them differ from chain to chain.
    pub fn draws(&self, n_draws: usize) -> Array2<f64> {
        let traces = self.lock();
        let long: Vec<_> = traces.long(n_draws).collect();
        Array2::from_shape_fn((long.len(), n_draws), |(row, draw)| {
            let trace = long[row].1;
            trace[trace.len() - n_draws + draw].1
        })
    }

    /// Which chains [`EnergyTraces::draws`] are of: rows of the persistent chains, or slots of the buffer.
    pub fn slots(&self, n_draws: usize) -> Vec<usize> {
        self.lock().long(n_draws).map(|(slot, _)| slot).collect()
    }

    /// No holder leaves them half changed.
    fn lock(&self) -> MutexGuard<'_, Traces> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Traces {
    fn long(&self, n_draws: usize) -> impl Iterator<Item = (usize, &VecDeque<(u64, f64)>)> {
        let traces = self.of_slot.iter().map(|(&slot, trace)| (slot, trace));
        traces.filter(move |(_, trace)| trace.len() >= n_draws)
    }

    fn add(&mut self, report: &PhaseReport) {
        self.n_updates += 1;
        for (visit, &energy) in report.visits.iter().zip(&report.negative) {
            let trace = self.of_slot.entry(visit.slot).or_default();
            if visit.is_fresh {
                trace.clear();
            }
            trace.push_back((self.n_updates, energy));
        }
        let first = (self.n_updates + 1).saturating_sub(self.window);
        self.of_slot.retain(|_, trace| {
            while trace.front().is_some_and(|&(update, _)| update < first) {
                trace.pop_front();
            }
            !trace.is_empty()
        });
    }

    fn record(&self) -> Record {
        let all = || {
            let slots = self.of_slot.iter();
            slots.flat_map(|(&slot, trace)| trace.iter().map(move |&(update, energy)| (slot, update, energy)))
        };
        let shape = [all().count()];
        let mut record = Record::new();
        record.put("n_updates", &[], Values::U64(vec![self.n_updates]));
        let slots = all().map(|(slot, ..)| slot as u64).collect();
        record.put("slot", &shape, Values::U64(slots));
        let updates = all().map(|(_, update, _)| update).collect();
        record.put("update", &shape, Values::U64(updates));
        let energies = all().map(|(.., energy)| energy).collect();
        record.put("energy", &shape, Values::F64(energies));
        record
    }

    /// Recorded traces with this window.
    fn recorded(&self, record: &Record) -> Result<Self> {
        let length = record.shape("slot").map_or(0, |shape| shape.iter().product());
        let mut traces = Traces {
            window: self.window,
            n_updates: record.u64s("n_updates", &[])?[0],
            of_slot: BTreeMap::new(),
        };
        let updates = record.u64s("update", &[length])?;
        let energies = record.f64s("energy", &[length])?;
        for ((&slot, &update), &energy) in record.u64s("slot", &[length])?.iter().zip(updates).zip(energies) {
            let slot = usize::try_from(slot)
                .map_err(|_| Error::format("snapshot entry `slot`", slot, "the number of a chain"))?;
            traces
                .of_slot
                .entry(slot)
                .or_default()
                .push_back((update, energy));
        }
        Ok(traces)
    }
}

/// An objective with persistent chains, and the traces of their energies.
///
/// A run that goes back to an earlier state has the traces of that state, and a resumed one those of an uninterrupted one.
///
/// ```
/// use gibbsian_core::{Objective, Seed};
/// use gibbsian_objectives::{PersistentContrastiveDivergence, Traced};
/// # use gibbsian_testkit::targets::{Pairwise, Sweep};
/// use ndarray::{Array1, Array2};
///
/// // `Pairwise` is a small model of spins, `Sweep` stands for any kernel.
/// let model = Pairwise::new(Array1::zeros(3), Array2::zeros((3, 3)))?;
/// let chains = PersistentContrastiveDivergence::new(Sweep::Forward, 1, Array2::ones((4, 3)))?;
/// let mut objective = Traced::new(chains, 100)?;
/// let traces = objective.traces();
/// # let (x, mut grad, mut rng) = (Array2::ones((2, 3)), Array1::zeros(6), Seed::new(1).rng());
/// for _ in 0..150 {
///     // In earnest by a training step, while a monitor holds the traces.
///     objective.loss_and_grad_into(&model, x.view(), &mut rng, grad.view_mut())?;
/// }
/// // `gibbsian_metrics::r_hat` takes them as they are.
/// assert_eq!(traces.draws(100).dim(), (4, 100));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub type Traced<O> = Watched<O, EnergyTraces>;

impl<O: PersistentNegatives> Watched<O, EnergyTraces> {
    /// The objective with the traces of its last `n_updates` updates.
    ///
    /// # Errors
    /// No updates.
    pub fn new(objective: O, n_updates: usize) -> Result<Self> {
        check_count("n_updates", n_updates)?;
        let traces = Traces {
            window: n_updates as u64,
            n_updates: 0,
            of_slot: BTreeMap::new(),
        };
        Ok(Watched::by(objective, EnergyTraces(Arc::new(Mutex::new(traces)))))
    }

    /// The traces.
    pub fn traces(&self) -> EnergyTraces {
        self.watch().clone()
    }
}

impl Watch for EnergyTraces {
    const NAME: &'static str = "traces";

    fn see(&self, report: &PhaseReport) {
        self.lock().add(report);
    }
}

impl Snapshot for EnergyTraces {
    fn snapshot(&self) -> Record {
        self.lock().record()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let mut traces = self.lock();
        *traces = traces.recorded(record)?;
        Ok(())
    }
}
