//! Persistent contrastive divergence on a replay buffer (Tieleman 2008; Du and Mordatch 2019).
//!
//! A buffer holds many more chains than one update moves. An update takes some of them, replaces each by a fresh draw from noise with a small probability, moves them by a few steps, and puts them
//! back. So chains are long, as persistent ones are; they are many, so that a minibatch of them is nearly independent; and the restarts keep the sampler able to start from noise, and bring chains back
//! into modes that all others have left.
//!
//! A restart forgets a chain: with probability `p` a visit ends it, and a chain has made a geometric number of visits with mean `1/p` when it is used. The law of the negatives is therefore a mixture
//! over chain lengths and biased towards the noise; where chains mix within a visit or two that is nothing, where they do not it is the price.
//!
//! Chains are drawn without replacement, since two copies of one slot could not both be put back. Only positions are kept in the buffer: what else a kernel remembers (a momentum, replicas) starts
//! anew at each visit, so kernels that need it to persist belong in [`PersistentContrastiveDivergence`](crate::PersistentContrastiveDivergence).

use gibbsian_core::error::{check_count, check_points, check_shape, check_within};
use gibbsian_core::{EnergyPullback, Error, Kernel, Objective, Record, Result, Snapshot, Streams};
use ndarray::{Array2, ArrayView2, ArrayViewMut1, Axis};
use rand::{Rng, RngExt};

use crate::chains::run;
use crate::phase_report::{PhaseReport, Visit};
use crate::phases::{Contrast, Shares};
use crate::source::{Source, draw_for};

/// The positions of many chains, of which a few are taken out, moved and put back at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayBuffer {
    positions: Array2<f64>,
}

impl ReplayBuffer {
    /// The buffer of chains at the rows of `start` `(capacity, D)`, for example draws of the noise.
    ///
    /// # Errors
    /// No chains.
    pub fn new(start: Array2<f64>) -> Result<Self> {
        check_count("capacity", start.nrows())?;
        Ok(ReplayBuffer { positions: start })
    }

    /// The number of chains.
    pub fn capacity(&self) -> usize {
        self.positions.nrows()
    }

    /// The positions of all chains, `(capacity, D)`.
    pub fn positions(&self) -> ArrayView2<'_, f64> {
        self.positions.view()
    }

    /// `n` different slots, each of all slots as likely as another, and in random order.
    ///
    /// # Panics
    /// When `n` is more than the buffer has.
    pub fn choose(&self, n: usize, rng: &mut dyn Rng) -> Vec<usize> {
        assert!(n <= self.capacity(), "{n} of {} chains", self.capacity());
        // The first n steps of a shuffle (Fisher and Yates; Durstenfeld 1964).
        let mut slots: Vec<usize> = (0..self.capacity()).collect();
        for k in 0..n {
            let other = rng.random_range(k..slots.len());
            slots.swap(k, other);
        }
        slots.truncate(n);
        slots
    }

    /// Puts chains back into their slots.
    ///
    /// # Errors
    /// Another shape than one row a slot.
    pub fn put_back(&mut self, slots: &[usize], x: ArrayView2<f64>) -> Result<()> {
        check_shape("x", &x, &[slots.len(), self.positions.ncols()])?;
        for (&slot, row) in slots.iter().zip(x.rows()) {
            self.positions.row_mut(slot).assign(&row);
        }
        Ok(())
    }
}

impl Snapshot for ReplayBuffer {
    fn snapshot(&self) -> Record {
        self.positions.snapshot()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.positions.restore(record)
    }
}

/// How a replay buffer is used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Replay {
    /// The number of steps of the kernel an update.
    pub n_steps: usize,
    /// The number of chains that an update moves, at most the capacity of the buffer.
    pub n_chains: usize,
    /// The probability that a chain starts anew when it is taken, in `[0, 1]`; Du and Mordatch (2019) use 0.05.
    pub reinitialise: f64,
}

impl Replay {
    /// Updates of `n_chains` chains by `n_steps` steps each, of which one in twenty starts anew.
    pub const fn new(n_steps: usize, n_chains: usize) -> Self {
        Replay {
            n_steps,
            n_chains,
            reinitialise: 0.05,
        }
    }
}

/// A buffer, the noise that refills it, and how it is used.
#[derive(Clone, Debug)]
pub(crate) struct Replayed<S> {
    pub(crate) buffer: ReplayBuffer,
    source: S,
    pub(crate) settings: Replay,
}

impl<S: Source> Replayed<S> {
    pub(crate) fn new(source: S, buffer: ReplayBuffer, settings: Replay) -> Result<Self> {
        check_count("n_chains", settings.n_chains)?;
        check_within("reinitialise", settings.reinitialise, 0.0, 1.0)?;
        if settings.n_chains > buffer.capacity() {
            let requirement = format!("at most the capacity of the buffer, {}", buffer.capacity());
            return Err(Error::parameter("n_chains", settings.n_chains, requirement));
        }
        Ok(Replayed {
            buffer,
            source,
            settings,
        })
    }

    /// The chains of one update, some of them fresh, and their positions.
    pub(crate) fn take<M: EnergyPullback + ?Sized>(
        &self,
        model: &M,
        rng: &mut dyn Rng,
    ) -> Result<(Vec<Visit>, Array2<f64>)> {
        let streams = Streams::draw(rng);
        let slots = self.buffer.choose(self.settings.n_chains, &mut streams.block(0));
        let mut x = self.buffer.positions.select(Axis(0), &slots);
        let mut coin = streams.part(1).block(0);
        let fresh: Vec<usize> = (0..slots.len())
            .filter(|_| coin.random::<f64>() < self.settings.reinitialise)
            .collect();
        let draws = draw_for(model, &self.source, fresh.len(), &mut streams.part(2).block(0))?;
        let visit = |slot| Visit {
            slot,
            is_fresh: false,
        };
        let mut visits: Vec<Visit> = slots.into_iter().map(visit).collect();
        for (&k, draw) in fresh.iter().zip(draws.rows()) {
            x.row_mut(k).assign(&draw);
            visits[k].is_fresh = true;
        }
        Ok((visits, x))
    }

    /// Puts the chains of an update back.
    pub(crate) fn put_back(&mut self, visits: &[Visit], x: ArrayView2<f64>) -> Result<()> {
        let slots: Vec<usize> = visits.iter().map(|visit| visit.slot).collect();
        self.buffer.put_back(&slots, x)
    }
}

/// Persistent contrastive divergence on a replay buffer, with any kernel, on continuous and on finite spaces.
///
/// The loss is `⟨E⟩_data − ⟨E⟩_chains`, a surrogate and not a likelihood.
#[derive(Clone, Debug)]
pub struct ReplayContrastiveDivergence<K, S> {
    kernel: K,
    chains: Replayed<S>,
    contrast: Contrast,
}

impl<K, S: Source> ReplayContrastiveDivergence<K, S> {
    /// Chains of `kernel` in `buffer`, which start anew at draws of `source`.
    ///
    /// ```
    /// use gibbsian_core::Seed;
    /// use gibbsian_objectives::{Replay, ReplayBuffer, ReplayContrastiveDivergence, Source};
    /// # use gibbsian_testkit::targets::{Gaussian, Sweep};
    /// use ndarray::{Array2, array};
    ///
    /// // `Gaussian` is a normal density by its mean and precision, `Sweep` stands for any kernel.
    /// let noise = Gaussian::new(array![0.0, 0.0], Array2::eye(2))?;
    /// let buffer = ReplayBuffer::new(noise.draw(1000, &mut Seed::new(1).rng()))?;
    /// let settings = Replay::new(20, 100);
    /// let objective = ReplayContrastiveDivergence::new(Sweep::Forward, noise, buffer, settings)?;
    /// assert_eq!(objective.buffer().capacity(), 1000);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Zero steps, no chains or more than the buffer has, or a probability outside `[0, 1]`.
    pub fn new(kernel: K, source: S, buffer: ReplayBuffer, settings: Replay) -> Result<Self> {
        check_count("n_steps", settings.n_steps)?;
        Ok(ReplayContrastiveDivergence {
            kernel,
            chains: Replayed::new(source, buffer, settings)?,
            contrast: Contrast::default(),
        })
    }

    /// The chains.
    pub fn buffer(&self) -> &ReplayBuffer {
        &self.chains.buffer
    }

    /// The same with the penalty `α (⟨E²⟩_data + ⟨E²⟩_chains)` in the loss, `α = energy_penalty`, which keeps energies near zero (Du and Mordatch 2019).
    ///
    /// # Errors
    /// A penalty that is negative or not finite.
    pub fn with_energy_penalty(self, energy_penalty: f64) -> Result<Self> {
        let contrast = Contrast::with_penalty(energy_penalty)?;
        Ok(ReplayContrastiveDivergence { contrast, ..self })
    }

    /// The energies of the last minibatch and of the chains.
    pub fn report(&self) -> Option<&PhaseReport> {
        self.contrast.report()
    }

    fn contrast<M: EnergyPullback + ?Sized>(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        shares: Shares<'_>,
        rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64>
    where
        K: Kernel<M>,
    {
        check_points("x", &x, model.dim())?;
        let (visits, start) = self.chains.take(model, rng)?;
        let mut state = self.kernel.init(model, start)?;
        let n_steps = self.chains.settings.n_steps;
        let acceptance = run(&self.kernel, model, &mut state, n_steps, rng);
        let ends = self.kernel.positions(&state);
        let phases = [x, ends.view()];
        let (total, shares) = (shares.total(), [shares, Shares::Equal(visits.len())]);
        let loss = self
            .contrast
            .loss_and_grad_into(model, phases, shares, total, acceptance, grad);
        self.contrast.name_chains(&visits);
        let loss = loss?;
        // Chains that ended nowhere are not kept.
        self.chains.put_back(&visits, ends.view())?;
        Ok(loss)
    }
}

impl<M, K, S> Objective<M> for ReplayContrastiveDivergence<K, S>
where
    M: EnergyPullback + ?Sized,
    K: Kernel<M>,
    S: Source,
{
    by_shares! {
        /// The chains count alike, and together as much as the data.
        contrast
    }
}

/// The positions of all chains of the buffer.
impl<K, S> Snapshot for ReplayContrastiveDivergence<K, S> {
    fn snapshot(&self) -> Record {
        self.chains.buffer.snapshot()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.chains.buffer.restore(record)
    }
}
