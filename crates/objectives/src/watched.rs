//! Objectives that are watched while a training loop holds them.
//!
//! A loop takes its objective for itself, so that nobody can ask it what an update looked like. A watched objective tells a handle, which a monitor or a column of a log holds meanwhile: [`Reported`] shares the
//! report of the last update, [`Traced`](crate::Traced) the energies of persistent chains over the last ones. Loss, gradient and chains are those of the objective inside.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gibbsian_core::{Kernel, Objective, Record, Result, Snapshot};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::contrastive_divergence::ContrastiveDivergence;
use crate::diffusion_recovery::DiffusionRecoveryLikelihood;
use crate::energy_matching::EnergyMatching;
use crate::fast_persistent::FastPersistentContrastiveDivergence;
use crate::improved_contrastive_divergence::ImprovedContrastiveDivergence;
use crate::persistent::PersistentContrastiveDivergence;
use crate::phase_report::PhaseReport;
use crate::replay::ReplayContrastiveDivergence;
use crate::short_run::ShortRunContrastiveDivergence;
use crate::source::Source;

/// An objective that contrasts data with chains, and says how both looked in the last minibatch.
pub trait TwoPhases {
    /// The energies of the last minibatch and of the chains; nothing before the first.
    fn phase_report(&self) -> Option<&PhaseReport>;
}

/// An objective whose negative chains outlive a minibatch; [`PhaseReport::visits`] names them.
pub trait PersistentNegatives: TwoPhases {}

macro_rules! two_phases {
    ($([$($generics:tt)*] $objective:ty),+ $(,)?) => {$(
        impl<$($generics)*> TwoPhases for $objective {
            fn phase_report(&self) -> Option<&PhaseReport> {
                self.report()
            }
        }
    )+};
}

two_phases!(
    [K] ContrastiveDivergence<K>,
    [K, S: Source] ShortRunContrastiveDivergence<K, S>,
    [K: Kernel<M>, M: ?Sized] PersistentContrastiveDivergence<K, M>,
    [K: Kernel<M>, M: ?Sized] FastPersistentContrastiveDivergence<K, M>,
    [K, S: Source] ReplayContrastiveDivergence<K, S>,
    [K, S: Source] ImprovedContrastiveDivergence<K, S>,
    [P: gibbsian_core::LinearGaussian] DiffusionRecoveryLikelihood<P>,
    [S: Source] EnergyMatching<S>,
);

impl<K: Kernel<M>, M: ?Sized> PersistentNegatives for PersistentContrastiveDivergence<K, M> {}
impl<K: Kernel<M>, M: ?Sized> PersistentNegatives for FastPersistentContrastiveDivergence<K, M> {}
impl<K, S: Source> PersistentNegatives for ReplayContrastiveDivergence<K, S> {}
impl<K, S: Source> PersistentNegatives for ImprovedContrastiveDivergence<K, S> {}

/// Watched by another.
impl<O: TwoPhases, W> TwoPhases for Watched<O, W> {
    fn phase_report(&self) -> Option<&PhaseReport> {
        self.objective.phase_report()
    }
}

impl<O: PersistentNegatives, W> PersistentNegatives for Watched<O, W> {}

/// What keeps something of every report, and shares it: clones are handles of one thing.
pub trait Watch: Snapshot {
    /// The name of its part in a snapshot.
    const NAME: &'static str;

    /// Takes note of an update.
    fn see(&self, report: &PhaseReport);
}

/// An objective and its watch, whose state belongs to that of the objective: a run that goes back to an earlier state has the watch of that state. An update that ends in an error is not seen.
#[derive(Debug)]
pub struct Watched<O, W> {
    objective: O,
    watch: W,
}

impl<O, W> Watched<O, W> {
    pub(crate) fn by(objective: O, watch: W) -> Self {
        Watched { objective, watch }
    }

    /// The objective inside.
    pub fn objective(&self) -> &O {
        &self.objective
    }

    pub(crate) fn watch(&self) -> &W {
        &self.watch
    }
}

impl<O: TwoPhases, W: Watch> Watched<O, W> {
    fn see(&self) {
        if let Some(report) = self.objective.phase_report() {
            self.watch.see(report);
        }
    }
}

impl<M: ?Sized, O: Objective<M> + TwoPhases, W: Watch> Objective<M> for Watched<O, W> {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let loss = self.objective.loss_and_grad_into(model, x, rng, grad)?;
        self.see();
        Ok(loss)
    }

    fn weighted_loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        w: ArrayView1<f64>,
        rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let inside = &mut self.objective;
        let loss = inside.weighted_loss_and_grad_into(model, x, w, rng, grad)?;
        self.see();
        Ok(loss)
    }
}

/// The state of the objective, and that of the watch.
impl<O: Snapshot, W: Watch> Snapshot for Watched<O, W> {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        record.put_part("objective", self.objective.snapshot());
        record.put_part(W::NAME, self.watch.snapshot());
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let before = self.watch.snapshot();
        self.watch.restore(&record.part(W::NAME))?;
        let restored = self.objective.restore(&record.part("objective"));
        if restored.is_err() {
            // Its own state fits it.
            self.watch.restore(&before)?;
        }
        restored
    }
}

/// An objective that shares the report of its last update.
///
/// ```
/// use gibbsian_core::{Objective, Seed};
/// use gibbsian_objectives::{ContrastiveDivergence, Reported};
/// # use gibbsian_testkit::targets::{Pairwise, Sweep};
/// use ndarray::{Array1, Array2};
///
/// // `Pairwise` is a small model of spins, `Sweep` stands for any kernel.
/// let model = Pairwise::new(Array1::zeros(3), Array2::zeros((3, 3)))?;
/// let mut objective = Reported::new(ContrastiveDivergence::new(Sweep::Forward, 1)?);
/// let last = objective.last();
/// assert!(last.number(|report| report.energy_gap()).is_nan());
/// # let (x, mut grad, mut rng) = (Array2::ones((2, 3)), Array1::zeros(6), Seed::new(1).rng());
/// // In earnest by a training step, while a column of a log holds the handle.
/// objective.loss_and_grad_into(&model, x.view(), &mut rng, grad.view_mut())?;
/// assert_eq!(last.number(|report| report.energy_gap()), 0.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub type Reported<O> = Watched<O, LastReport>;

impl<O: TwoPhases> Watched<O, LastReport> {
    /// The objective, whose updates will be reported.
    pub fn new(objective: O) -> Self {
        Watched::by(objective, LastReport::default())
    }

    /// The handle of the report.
    pub fn last(&self) -> LastReport {
        self.watch.clone()
    }
}

/// The report of the last update, shared by clones. It is not part of a snapshot: a state that was restored has had no update.
#[derive(Clone, Debug, Default)]
pub struct LastReport(Arc<Mutex<Option<PhaseReport>>>);

impl LastReport {
    /// The report, if there was an update.
    pub fn get(&self) -> Option<PhaseReport> {
        self.lock().clone()
    }

    /// A number of it; NaN before the first update.
    pub fn number(&self, of: impl FnOnce(&PhaseReport) -> f64) -> f64 {
        self.lock().as_ref().map_or(f64::NAN, of)
    }

    /// No holder leaves it half changed.
    fn lock(&self) -> MutexGuard<'_, Option<PhaseReport>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for LastReport {
    const NAME: &'static str = "report";

    fn see(&self, report: &PhaseReport) {
        *self.lock() = Some(report.clone());
    }
}

impl Snapshot for LastReport {
    fn snapshot(&self) -> Record {
        Record::new()
    }

    fn restore(&mut self, _: &Record) -> Result<()> {
        *self.lock() = None;
        Ok(())
    }
}
