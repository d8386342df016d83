//! Persistent contrastive divergence, or stochastic maximum likelihood (Younes 1989; Tieleman 2008).
//!
//! The negative chains are kept from one minibatch to the next. While the parameters move slowly against the mixing of the chains, the
//! chains stay close to the model, and the gradient is nearly unbiased although each update runs few steps.

use gibbsian_core::error::check_points;
use gibbsian_core::{EnergyPullback, Kernel, Objective, Record, Result, Snapshot};
use ndarray::{Array2, ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::chains::PersistentChains;
use crate::phase_report::{PhaseReport, Visit};
use crate::phases::{Contrast, Shares};

/// PCD-k with any kernel on models `M`.
///
/// The loss is `⟨E⟩_data − ⟨E⟩_chains`, a surrogate and not a likelihood. The number of chains is free: it need not be the size of
/// the minibatch. With parallel tempering as the kernel the replicas at other temperatures persist as well (Desjardins, Courville, Bengio, Vincent and Delalleau 2010; Cho, Raiko and
/// Ilin 2010).
pub struct PersistentContrastiveDivergence<K: Kernel<M>, M: ?Sized> {
    chains: PersistentChains<K, M>,
    contrast: Contrast,
}

impl<K: Kernel<M>, M: ?Sized> std::fmt::Debug for PersistentContrastiveDivergence<K, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersistentContrastiveDivergence")
            .finish_non_exhaustive()
    }
}

impl<K: Kernel<M>, M: ?Sized> PersistentContrastiveDivergence<K, M> {
    /// PCD with `n_steps` steps of `kernel` an update and chains that start at the rows of `start`.
    ///
    /// # Errors
    /// Zero steps or no chains.
    pub fn new(kernel: K, n_steps: usize, start: Array2<f64>) -> Result<Self> {
        let chains = PersistentChains::new(kernel, n_steps, start)?;
        let contrast = Contrast::default();
        Ok(PersistentContrastiveDivergence { chains, contrast })
    }

    /// The positions of the chains, `(n_chains, D)`.
    pub fn positions(&self) -> Array2<f64> {
        self.chains.positions()
    }

    /// The same with the penalty `α (⟨E²⟩_data + ⟨E²⟩_chains)` in the loss, `α = energy_penalty`, which keeps energies near zero (Du and Mordatch 2019).
    ///
    /// # Errors
    /// A penalty that is negative or not finite.
    pub fn with_energy_penalty(self, energy_penalty: f64) -> Result<Self> {
        let contrast = Contrast::with_penalty(energy_penalty)?;
        Ok(PersistentContrastiveDivergence { contrast, ..self })
    }

    /// The energies of the last minibatch and of the chains.
    pub fn report(&self) -> Option<&PhaseReport> {
        self.contrast.report()
    }

    fn contrast(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        shares: Shares<'_>,
        rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64>
    where
        M: EnergyPullback,
    {
        check_points("x", &x, model.dim())?;
        let (negative, acceptance) = self.chains.advance(model, rng)?;
        let phases = [x, negative.view()];
        // The chains are draws of the model and count alike; together they count as much as the data.
        let (total, shares) = (shares.total(), [shares, Shares::Equal(negative.nrows())]);
        let visits = Visit::all(negative.nrows());
        let loss = self
            .contrast
            .loss_and_grad_into(model, phases, shares, total, acceptance, grad);
        self.contrast.name_chains(&visits);
        loss
    }
}

impl<M: EnergyPullback + ?Sized, K: Kernel<M>> Objective<M> for PersistentContrastiveDivergence<K, M> {
    by_shares! {
        /// The chains count alike, and together as much as the data.
        contrast
    }
}

impl<K: Kernel<M>, M: ?Sized> Snapshot for PersistentContrastiveDivergence<K, M> {
    /// The positions of the chains, and the state of the kernel once they run.
    fn snapshot(&self) -> Record {
        self.chains.snapshot()
    }

    /// The state of the kernel waits for the model of the next minibatch where the chains do not run yet, and is refused then if it does not fit.
    fn restore(&mut self, record: &Record) -> Result<()> {
        self.chains.restore(record)
    }
}
