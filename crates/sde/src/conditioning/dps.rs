//! Diffusion posterior sampling: the denoised point taken for the clean one.
//!
//! `p_t(y | x) ≈ N(y; A x̂, s² I)` (Chung, Kim, Mccann, Klasky and Ye 2023), also called reconstruction guidance (Ho, Salimans,
//! Gritsenko, Chan, Norouzi and Fleet 2022). The covariance of the clean point is taken for zero, so the guidance is too strong: for a
//! normal prior of posterior variance `C` and `A = 1` by the factor `(s² + C)/s²`, which at large times is one plus the signal-to-noise
//! ratio of the observation. With little noise the equation is stiff, and explicit solvers need short steps.
//!
//! In practice the guidance is therefore weakened. A weight `w` of it is nothing but noise of variance `s²/w` in the observation, and is
//! asked for so. The authors' algorithm takes steps of length `ζ/‖y − A x̂‖` along the gradient of `‖y − A x̂‖²`, whatever the step in
//! time: that is a rule of a sampler and no score.

use gibbsian_core::{LinearGaussian, Result, Space, TimeScoreJvp};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use super::observation::LinearObservation;
use super::tweedie::Tweedie;
use super::{Twist, conditional_score, guidance_of_twist};

/// The guidance of a clean point without covariance, `(∂x̂/∂x)ᵀ Aᵀ (y − A x̂)/s²`.
///
/// Source: Chung et al. (2023), "Diffusion posterior sampling for general noisy inverse problems".
#[derive(Clone, Debug)]
pub struct DiffusionPosteriorSampling<P, M> {
    process: P,
    prior: M,
    observation: LinearObservation,
}

impl<P: LinearGaussian, M: Space> DiffusionPosteriorSampling<P, M> {
    /// The conditional score of `prior`, a score along `process`, given `observation`.
    ///
    /// # Errors
    /// Different dimensions.
    pub fn new(process: P, prior: M, observation: LinearObservation) -> Result<Self> {
        observation.check_dim(&prior)?;
        Ok(DiffusionPosteriorSampling {
            process,
            prior,
            observation,
        })
    }
}

conditional_score!(DiffusionPosteriorSampling);
guidance_of_twist!(DiffusionPosteriorSampling);

impl<P: LinearGaussian, M: TimeScoreJvp> Twist for DiffusionPosteriorSampling<P, M> {
    fn twist_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        log_likelihood: ArrayViewMut1<f64>,
        mut prior: ArrayViewMut2<f64>,
        guidance: ArrayViewMut2<f64>,
    ) {
        let tweedie = Tweedie::new(&self.process, t);
        self.prior.score_at_into(x, t, prior.view_mut());
        let x_hat = tweedie.denoise(x, prior.view());
        self.observation.log_likelihood_into(x_hat.view(), log_likelihood);
        let pulled = self.observation.residual(x_hat.view()) / self.observation.noise_variance();
        let u = self.observation.adjoint(pulled.view());
        tweedie.pull_back_into(&self.prior, x, t, u.view(), guidance);
    }
}
