//! Short chains from noise (Nijkamp, Hill, Zhu and Wu 2019).
//!
//! Every negative chain starts at a fixed law of noise and makes the same small number of steps. These chains never arrive at the model, and are not meant to: training matches the law of their
//! *ends* to the data, so that `k` steps from noise become a generator, and a good one, while the energy that drives them is not that of the data: long chains leave for other places. So the gradient is
//! that of moment matching and not of the likelihood, unless `k` is long enough for the kernel to forget its start; [`run_length`](crate::run_length) tells the two regimes apart.

use gibbsian_core::error::{check_count, check_points};
use gibbsian_core::{EnergyPullback, Kernel, Objective, Result, Stateless};
use ndarray::{ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::chains::run;
use crate::phase_report::PhaseReport;
use crate::phases::{Contrast, Shares};
use crate::source::{Source, draw_for};

/// Contrastive divergence by chains that start at noise in every call.
///
/// The loss is `⟨E⟩_data − ⟨E⟩_chains`, a surrogate and not a likelihood.
#[derive(Clone, Debug)]
pub struct ShortRunContrastiveDivergence<K, S> {
    kernel: K,
    source: S,
    n_steps: usize,
    n_chains: usize,
    contrast: Contrast,
}

impl<K, S: Source> ShortRunContrastiveDivergence<K, S> {
    /// `n_chains` chains from draws of `source`, each of `n_steps` steps of `kernel`.
    ///
    /// # Errors
    /// Zero steps or no chains.
    pub fn new(kernel: K, source: S, n_steps: usize, n_chains: usize) -> Result<Self> {
        Ok(ShortRunContrastiveDivergence {
            kernel,
            source,
            n_steps: check_count("n_steps", n_steps)?,
            n_chains: check_count("n_chains", n_chains)?,
            contrast: Contrast::default(),
        })
    }

    /// The same with the penalty `α (⟨E²⟩_data + ⟨E²⟩_chains)` in the loss, `α = energy_penalty`, which keeps energies near zero (Du and Mordatch 2019).
    ///
    /// # Errors
    /// A penalty that is negative or not finite.
    pub fn with_energy_penalty(self, energy_penalty: f64) -> Result<Self> {
        let contrast = Contrast::with_penalty(energy_penalty)?;
        Ok(ShortRunContrastiveDivergence { contrast, ..self })
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
        let start = draw_for(model, &self.source, self.n_chains, rng)?;
        let mut state = self.kernel.init(model, start)?;
        let acceptance = run(&self.kernel, model, &mut state, self.n_steps, rng);
        let ends = self.kernel.positions(&state);
        let phases = [x, ends.view()];
        let (total, shares) = (shares.total(), [shares, Shares::Equal(self.n_chains)]);
        self.contrast
            .loss_and_grad_into(model, phases, shares, total, acceptance, grad)
    }
}

impl<M, K, S> Objective<M> for ShortRunContrastiveDivergence<K, S>
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

/// Every call starts its chains anew at noise.
impl<K, S> Stateless for ShortRunContrastiveDivergence<K, S> {}
