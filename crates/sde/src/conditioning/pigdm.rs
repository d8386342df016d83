//! Pseudoinverse-guided diffusion: one variance for all directions.
//!
//! `p(x_0 | x) ≈ N(x̂, r_t² I)` (Song, Vahdat, Mardani and Kautz 2023), hence `V = s² I + r_t² A Aᵀ`; without noise `Aᵀ V⁻¹` is the
//! pseudoinverse of `A` over `r_t²`, after which the method is named. Data `N(μ, ς² I)` have exactly `r_t² = ς² σ²/(α² ς² + σ²)`, and
//! with the right `ς²` the method is exact for them; the authors take `ς = 1`.
//!
//! `A Aᵀ` is decomposed once, so that the inverse at every time costs two products with an `(M, M)` matrix, and with a mask nothing.

use gibbsian_core::error::{Result, check_positive};
use gibbsian_core::{LinearGaussian, Space, TimeScoreJvp};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use super::observation::{LinearObservation, Spectrum, log_normaliser};
use super::tweedie::Tweedie;
use super::{Twist, conditional_score, guidance_of_twist};

/// The guidance of a clean point with covariance `r_t² I`.
///
/// Source: Song, Vahdat, Mardani and Kautz (2023), "Pseudoinverse-guided diffusion models for inverse problems".
#[derive(Clone, Debug)]
pub struct PseudoinverseGuidance<P, M> {
    process: P,
    prior: M,
    observation: LinearObservation,
    data_variance: f64,
    spectrum: Spectrum,
}

impl<P: LinearGaussian, M: Space> PseudoinverseGuidance<P, M> {
    /// The conditional score of `prior`, a score along `process`, given `observation`, for data whose variance in each direction is about
    /// `data_variance`.
    ///
    /// # Errors
    /// Different dimensions; a variance that is not positive and finite; a matrix whose entries are so large that the products of its
    /// rows overflow.
    pub fn new(process: P, prior: M, observation: LinearObservation, data_variance: f64) -> Result<Self> {
        observation.check_dim(&prior)?;
        check_positive("data_variance", data_variance)?;
        Ok(PseudoinverseGuidance {
            process,
            prior,
            data_variance,
            spectrum: observation.spectrum()?,
            observation,
        })
    }
}

conditional_score!(PseudoinverseGuidance);
guidance_of_twist!(PseudoinverseGuidance);

impl<P: LinearGaussian, M: TimeScoreJvp> Twist for PseudoinverseGuidance<P, M> {
    fn twist_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        mut log_likelihood: ArrayViewMut1<f64>,
        mut prior: ArrayViewMut2<f64>,
        guidance: ArrayViewMut2<f64>,
    ) {
        let tweedie = Tweedie::new(&self.process, t);
        self.prior.score_at_into(x, t, prior.view_mut());
        let x_hat = tweedie.denoise(x, prior.view());
        // In the basis where V is diagonal.
        let mut rotated = self.spectrum.rotate(self.observation.residual(x_hat.view()));
        let noise = self.observation.noise_variance();
        for (b, (alpha, variance)) in tweedie.moments().enumerate() {
            let spread = posterior_variance(self.data_variance, alpha, variance);
            let mut log_likelihood_b = 0.0;
            for (e, &lambda) in rotated.row_mut(b).iter_mut().zip(&self.spectrum.values) {
                let v = noise + spread * lambda;
                log_likelihood_b -= 0.5 * *e * *e / v + log_normaliser(v);
                *e /= v;
            }
            log_likelihood[b] = log_likelihood_b;
        }
        let weighted = self.spectrum.rotate_back(rotated);
        let u = self.observation.adjoint(weighted.view());
        tweedie.pull_back_into(&self.prior, x, t, u.view(), guidance);
    }
}

/// `ς² σ²/(α² ς² + σ²)`: the variance of a clean point of variance `ς²` when a noisy one is known.
pub(super) fn posterior_variance(data_variance: f64, alpha: f64, variance: f64) -> f64 {
    data_variance * variance / (alpha * alpha * data_variance + variance)
}
