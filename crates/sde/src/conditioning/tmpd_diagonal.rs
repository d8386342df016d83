//! Tweedie moment projection with a diagonal in place of the covariance.
//!
//! `V ≈ diag(s² + A C Aᵀ 1)`, the row sums of `A C Aᵀ`, which take one Jacobian product whatever the number of values (Boys, Girolami,
//! Pidstrigach, Reich, Mosca and Akyildiz 2023). Where `A C Aᵀ` is diagonal nothing is lost; where values of the clean point hang
//! together, row sums count their covariances with their signs, and a sum may come out too large, too small or below zero. Where `V` is
//! not positive, likelihood and guidance are NaN, which drivers report.

use gibbsian_core::{LinearGaussian, Result, Space, TimeScoreJvp};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use super::observation::{LinearObservation, log_normaliser};
use super::tweedie::Tweedie;
use super::{Twist, conditional_score, guidance_of_twist};

/// The guidance of a clean point whose values have the row sums of their covariance as variances.
///
/// Source: Boys et al. (2023), "Tweedie moment projected diffusions for inverse problems".
#[derive(Clone, Debug)]
pub struct DiagonalTweedieProjection<P, M> {
    process: P,
    prior: M,
    observation: LinearObservation,
}

impl<P: LinearGaussian, M: Space> DiagonalTweedieProjection<P, M> {
    /// The conditional score of `prior`, a score along `process`, given `observation`.
    ///
    /// # Errors
    /// Different dimensions.
    pub fn new(process: P, prior: M, observation: LinearObservation) -> Result<Self> {
        observation.check_dim(&prior)?;
        Ok(DiagonalTweedieProjection {
            process,
            prior,
            observation,
        })
    }
}

conditional_score!(DiagonalTweedieProjection);
guidance_of_twist!(DiagonalTweedieProjection);

impl<P: LinearGaussian, M: TimeScoreJvp> Twist for DiagonalTweedieProjection<P, M> {
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
        let mut residual = self.observation.residual(x_hat.view());
        let ones = self.observation.adjoint(Array2::ones(residual.raw_dim()).view());
        let product = tweedie.covariance_product(&self.prior, x, t, ones.view());
        let variances = self.observation.apply(product.view()) + self.observation.noise_variance();
        for (b, v) in variances.rows().into_iter().enumerate() {
            let positive = v.iter().all(|&v| v > 0.0);
            let mut log_likelihood_b = 0.0;
            for (e, &v) in residual.row_mut(b).iter_mut().zip(v) {
                let v = if positive { v } else { f64::NAN };
                log_likelihood_b -= 0.5 * *e * *e / v + log_normaliser(v);
                *e /= v;
            }
            log_likelihood[b] = log_likelihood_b;
        }
        let u = self.observation.adjoint(residual.view());
        tweedie.pull_back_into(&self.prior, x, t, u.view(), guidance);
    }
}
