//! Contrastive divergence with the gradient through the chain (Du, Li, Tenenbaum and Mordatch 2021).
//!
//! Contrastive divergence descends `KL(p_0 ‖ p_θ) − KL(q_θ ‖ p_θ)`, in which `q_θ` is the law of the chains' ends, and leaves out that `q_θ` depends on the parameters. What is left out is the gradient of
//!
//! `KL(q_θ ‖ p) = E_{q_θ} E(x) − H(q_θ) + log Z`  with `p` held fixed,
//!
//! and it is added here as a term of its own. The chain is differentiated through its last step only, a step of Langevin,
//!
//! `x_k = x_{k−1} + ε s_θ(x_{k−1}) + √(2ε) z`,  `∂x_k/∂θ = ε ∂s_θ(x_{k−1})/∂θ`,
//!
//! so a force `f_b` on the end of a chain contributes `ε f_b · ∂s_θ(x_{k−1})/∂θ`: one pullback of the score. The first part of the term pulls ends downhill, `f = ∇E(x_k)`, and teaches the energy to have
//! gradients that lead its sampler to low energies; the second pushes ends apart, by the gradient of an estimate of their entropy from nearest neighbours
//! ([`nearest_neighbour_entropy`](crate::nearest_neighbour_entropy())).
//!
//! **Choices.** All steps before the last are by any kernel; gradients through them are truncated, as the paper does for images. The neighbours are looked for among the ends themselves, where the paper takes
//! old samples of the buffer, because the estimate is then that of Kozachenko and Leonenko and its gradient exact. Its factor `D` is kept, which the paper's entropy term does not have. A Langevin step without a
//! metric is the only one whose derivative the score's pullback gives, which is why the last step is written here and is no kernel.
//!
//! **In few dimensions** the entropy's gradient is wild. A push is the inverse of the distance `ρ` to a neighbour, and the points from which two chains came do not draw near as their ends do, so that a gradient holds terms of size `1/ρ`. The density of
//! `ρ` near zero goes as `ρ^{D−1}`: there is a mean from two dimensions on and a variance from three on. On the line and in the plane clip the gradient, or leave the entropy out.

use gibbsian_core::error::{check_non_negative, check_points, check_positive};
use gibbsian_core::{
    EnergyPullback, Error, Kernel, Objective, Record, Result, ScorePullback, Snapshot, Streams,
};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::Rng;

use crate::chains::run;
use crate::gaussian_noise::GaussianNoise;
use crate::nearest_neighbour_entropy::entropy_of_ends_and_grad_into;
use crate::phase_report::PhaseReport;
use crate::phases::{Contrast, Shares};
use crate::replay::{Replay, ReplayBuffer, Replayed};
use crate::source::Source;

/// The last step of each chain, and what its gradient counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LastStep {
    /// `ε`, the length of the Langevin step.
    pub step_size: f64,
    /// `λ`, what `KL(q ‖ p)` counts beside the contrast; 0 is contrastive divergence.
    pub kl_weight: f64,
    /// `w`, what the entropy counts in it; 1 for the divergence itself, 0 leaves it out.
    pub entropy_weight: f64,
}

impl LastStep {
    /// A step of length `ε = step_size`, and `KL(q ‖ p)` itself: both weights are 1.
    pub const fn new(step_size: f64) -> Self {
        LastStep {
            step_size,
            kl_weight: 1.0,
            entropy_weight: 1.0,
        }
    }
}

/// Contrastive divergence on a replay buffer plus `λ [⟨E⟩_chains − w Ĥ_chains]` differentiated through the last step of the chains.
///
/// The loss is `⟨E⟩_data − ⟨E⟩_chains + λ [⟨E⟩_chains − w Ĥ_chains]`, a surrogate: in the contrast the chains are held fixed, in the bracket the energy is.
#[derive(Clone, Debug)]
pub struct ImprovedContrastiveDivergence<K, S> {
    kernel: K,
    chains: Replayed<S>,
    last: LastStep,
    contrast: Contrast,
}

impl<K, S: Source> ImprovedContrastiveDivergence<K, S> {
    /// Chains in `buffer` that start anew at draws of `source`; an update moves them by `replay.n_steps` steps of `kernel`, which may be none, and by the last step.
    ///
    /// # Errors
    /// No chains or more than the buffer has, a single one where the entropy counts, a probability outside `[0, 1]`, a step size that is not positive, or a negative weight.
    pub fn new(kernel: K, source: S, buffer: ReplayBuffer, replay: Replay, last: LastStep) -> Result<Self> {
        check_positive("step_size", last.step_size)?;
        check_non_negative("kl_weight", last.kl_weight)?;
        check_non_negative("entropy_weight", last.entropy_weight)?;
        if last.kl_weight > 0.0 && last.entropy_weight > 0.0 && replay.n_chains == 1 {
            let requirement =
                "at least 2 where the entropy counts: it is estimated from the distances between chains";
            return Err(Error::parameter("n_chains", 1, requirement));
        }
        Ok(ImprovedContrastiveDivergence {
            kernel,
            chains: Replayed::new(source, buffer, replay)?,
            last,
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
        Ok(ImprovedContrastiveDivergence { contrast, ..self })
    }

    /// The energies of the last minibatch and of the chains.
    pub fn report(&self) -> Option<&PhaseReport> {
        self.contrast.report()
    }

    /// Makes the last step from `x` and returns where it ends. Adds the gradient of `λ [⟨E⟩ − w Ĥ]` through it to `grad` and writes that value into `value`.
    fn last_step<M: ScorePullback + EnergyPullback + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        value: &mut Result<f64>,
        grad: ArrayViewMut1<f64>,
    ) -> Array2<f64> {
        let LastStep {
            step_size: epsilon,
            kl_weight: lambda,
            entropy_weight: w,
        } = self.last;
        let mut ends = GaussianNoise::standard(x.dim(), Streams::draw(rng)) * (2.0 * epsilon).sqrt();
        ends += &x;
        let share = 1.0 / x.nrows() as f64;
        let mut through = |score: ArrayView2<f64>, mut u: ArrayViewMut2<f64>| {
            ends.scaled_add(epsilon, &score);
            if lambda == 0.0 {
                *value = Ok(0.0);
                u.fill(0.0);
                return;
            }
            // ∇E at the ends, then minus the entropy's.
            let mut force = model.score(ends.view()) * -share;
            let energy = model.energy(ends.view()).sum() * share;
            *value = Ok(lambda * energy);
            if w > 0.0 {
                let mut spread = Array2::zeros(ends.raw_dim());
                *value = entropy_of_ends_and_grad_into(ends.view(), spread.view_mut())
                    .map(|entropy| lambda * (energy - w * entropy));
                force.scaled_add(-w, &spread);
            }
            u.assign(&(force * (lambda * epsilon)));
        };
        model.score_pullback_with(x, &mut through, grad);
        ends
    }
}

impl<M, K, S> Objective<M> for ImprovedContrastiveDivergence<K, S>
where
    M: EnergyPullback + ScorePullback + ?Sized,
    K: Kernel<M>,
    S: Source,
{
    /// # Errors
    /// Also chains that end at the same point, where the entropy counts: it is not finite then.
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_points("x", &x, model.dim())?;
        let (visits, start) = self.chains.take(model, rng)?;
        let mut state = self.kernel.init(model, start)?;
        let n_steps = self.chains.settings.n_steps;
        let acceptance = run(&self.kernel, model, &mut state, n_steps, rng);
        let before = self.kernel.positions(&state);
        let mut through_chain = Array1::zeros(grad.len());
        let mut divergence = Ok(0.0);
        let ends = self.last_step(
            model,
            before.view(),
            rng,
            &mut divergence,
            through_chain.view_mut(),
        );
        let divergence = divergence?;
        let phases = [x, ends.view()];
        let shares = [Shares::Equal(x.nrows()), Shares::Equal(visits.len())];
        let contrast =
            (self.contrast).loss_and_grad_into(model, phases, shares, 1.0, acceptance, grad.view_mut());
        self.contrast.name_chains(&visits);
        let contrast = contrast?;
        self.chains.put_back(&visits, ends.view())?;
        grad += &through_chain;
        Ok(contrast + divergence)
    }
}

/// The positions of all chains of the buffer.
impl<K, S> Snapshot for ImprovedContrastiveDivergence<K, S> {
    fn snapshot(&self) -> Record {
        self.chains.buffer.snapshot()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.chains.buffer.restore(record)
    }
}
