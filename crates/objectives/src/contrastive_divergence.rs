//! Contrastive divergence (Hinton 2002).
//!
//! CD-k replaces model samples by the ends of chains that start at the minibatch and run for `k` steps. The estimate is biased, because the
//! chains have not forgotten the data, and its expectation is **not** the gradient of `KL(p₀‖p) − KL(p_k‖p)`: that one has a further term, the
//! dependence of `p_k` on the parameters. As `k → ∞` the bias vanishes with the mixing of the chain.

use gibbsian_core::error::{check_count, check_points};
use gibbsian_core::{EnergyPullback, Kernel, Objective, Result, Stateless};
use ndarray::{ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::chains::run;
use crate::phase_report::PhaseReport;
use crate::phases::{Contrast, Shares};

/// CD-k with any kernel.
///
/// The loss is `⟨E⟩_data − ⟨E⟩_chains`, a surrogate and not a likelihood.
///
/// A model that is only a score has no energies to contrast, and the compiler says so:
///
/// ```compile_fail,E0277
/// use gibbsian_core::Objective;
/// use gibbsian_objectives::ContrastiveDivergence;
/// # use gibbsian_testkit::targets::Sweep;
///
/// struct OnlyAScore;
///
/// fn trains<M>(_: &impl Objective<M>) {}
/// trains::<OnlyAScore>(&ContrastiveDivergence::new(Sweep::Forward, 1).unwrap());
/// ```
#[derive(Clone, Debug)]
pub struct ContrastiveDivergence<K> {
    kernel: K,
    n_steps: usize,
    contrast: Contrast,
}

impl<K> ContrastiveDivergence<K> {
    /// CD with `n_steps` steps of `kernel`.
    ///
    /// # Errors
    /// Zero steps: chains that do not move give the gradient zero.
    pub fn new(kernel: K, n_steps: usize) -> Result<Self> {
        Ok(ContrastiveDivergence {
            kernel,
            n_steps: check_count("n_steps", n_steps)?,
            contrast: Contrast::default(),
        })
    }

    /// The same with the penalty `α (⟨E²⟩_data + ⟨E²⟩_chains)` in the loss, `α = energy_penalty`, which keeps energies near zero (Du and Mordatch 2019).
    ///
    /// # Errors
    /// A penalty that is negative or not finite.
    pub fn with_energy_penalty(self, energy_penalty: f64) -> Result<Self> {
        let contrast = Contrast::with_penalty(energy_penalty)?;
        Ok(ContrastiveDivergence { contrast, ..self })
    }

    /// The energies of the last minibatch and its chains.
    pub fn report(&self) -> Option<&PhaseReport> {
        self.contrast.report()
    }
}

impl<K> ContrastiveDivergence<K> {
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
        let mut state = self.kernel.init(model, x.to_owned())?;
        let acceptance = run(&self.kernel, model, &mut state, self.n_steps, rng);
        let ends = self.kernel.positions(&state);
        // A chain counts what the row counts that it started from.
        let (phases, shares) = ([x, ends.view()], [shares; 2]);
        self.contrast
            .loss_and_grad_into(model, phases, shares, 1.0, acceptance, grad)
    }
}

impl<M: EnergyPullback + ?Sized, K: Kernel<M>> Objective<M> for ContrastiveDivergence<K> {
    by_shares! { contrast }
}

/// Every call starts its chains anew at the minibatch.
impl<K> Stateless for ContrastiveDivergence<K> {}
