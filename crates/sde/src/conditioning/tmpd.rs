//! Tweedie moment projection: the normal law with both moments of the clean point.
//!
//! `V = s² I + A C Aᵀ` with the whole covariance `C = (σ²/α²)(I + σ² J)` (Boys, Girolami, Pidstrigach, Reich, Mosca and Akyildiz 2023),
//! formed by one Jacobian product for each of the `M` values and factored. For few values this is the method of choice: its likelihood is
//! known with its normaliser, so it can twist a [`TwistedSmc`](super::TwistedSmc). For many there are
//! [`MomentMatching`](super::MomentMatching), which never forms `V`, and [`DiagonalTweedieProjection`](super::DiagonalTweedieProjection),
//! which forms its row sums.
//!
//! The covariance of an exact score is positive. That of a learned one need not be; where `V` is not, likelihood and guidance are NaN,
//! which drivers report.

use gibbsian_core::{LinearGaussian, Result, Space, TimeScoreJvp};
use gibbsian_linalg::Cholesky;
use ndarray::{Array2, Array3, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, s};

use super::observation::{LinearObservation, log_normaliser};
use super::tweedie::Tweedie;
use super::{Twist, conditional_score, guidance_of_twist};

/// The guidance of a clean point with its covariance by Tweedie's formula: exact for every normal prior.
///
/// Source: Boys et al. (2023), "Tweedie moment projected diffusions for inverse problems".
#[derive(Clone, Debug)]
pub struct TweedieProjection<P, M> {
    process: P,
    prior: M,
    observation: LinearObservation,
    /// `A`, whose rows are directions.
    directions: Array2<f64>,
}

impl<P: LinearGaussian, M: Space> TweedieProjection<P, M> {
    /// The conditional score of `prior`, a score along `process`, given `observation`.
    ///
    /// # Errors
    /// Different dimensions.
    pub fn new(process: P, prior: M, observation: LinearObservation) -> Result<Self> {
        observation.check_dim(&prior)?;
        Ok(TweedieProjection {
            process,
            prior,
            directions: observation.matrix(),
            observation,
        })
    }
}

conditional_score!(TweedieProjection);
guidance_of_twist!(TweedieProjection);

impl<P: LinearGaussian, M: TimeScoreJvp> TweedieProjection<P, M> {
    /// `(∂x̂/∂x) a_m` of every row `a_m` of `A`, `(M, B, D)`.
    fn pulled_back(&self, tweedie: &Tweedie, x: ArrayView2<f64>, t: ArrayView1<f64>) -> Array3<f64> {
        let (n, dim) = x.dim();
        let mut out = Array3::zeros((self.directions.nrows(), n, dim));
        for (a, out) in self.directions.rows().into_iter().zip(out.outer_iter_mut()) {
            let direction = a
                .broadcast((n, dim))
                .expect("a direction has a number for every coordinate");
            tweedie.pull_back_into(&self.prior, x, t, direction, out);
        }
        out
    }

    /// `V` of every row, `(B, M, M)`, with whatever asymmetry the Jacobian has: `C = (σ²/α) ∂x̂/∂x`.
    fn covariances(&self, tweedie: &Tweedie, pulled: &Array3<f64>) -> Array3<f64> {
        let (n_values, n, _) = pulled.dim();
        let mut out = Array3::zeros((n, n_values, n_values));
        for (m, pulled) in pulled.outer_iter().enumerate() {
            out.slice_mut(s![.., m, ..])
                .assign(&self.observation.apply(pulled));
        }
        for (mut v, (alpha, variance)) in out.outer_iter_mut().zip(tweedie.moments()) {
            v *= variance / alpha;
            v.diag_mut()
                .mapv_inplace(|v| v + self.observation.noise_variance());
        }
        out
    }
}

impl<P: LinearGaussian, M: TimeScoreJvp> Twist for TweedieProjection<P, M> {
    fn twist_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        mut log_likelihood: ArrayViewMut1<f64>,
        mut prior: ArrayViewMut2<f64>,
        mut guidance: ArrayViewMut2<f64>,
    ) {
        let tweedie = Tweedie::new(&self.process, t);
        self.prior.score_at_into(x, t, prior.view_mut());
        let x_hat = tweedie.denoise(x, prior.view());
        let residual = self.observation.residual(x_hat.view());
        let pulled = self.pulled_back(&tweedie, x, t);
        let covariances = self.covariances(&tweedie, &pulled);
        let constant = self.observation.n_values() as f64 * log_normaliser(1.0);
        guidance.fill(0.0);
        for (b, v) in covariances.outer_iter().enumerate() {
            let e = residual.row(b);
            let symmetric = 0.5 * &v + 0.5 * &v.t();
            let Ok(factor) = Cholesky::new("the covariance of the values", symmetric.view()) else {
                log_likelihood[b] = f64::NAN;
                guidance.row_mut(b).fill(f64::NAN);
                continue;
            };
            let weighted = factor.solve_vector(e);
            log_likelihood[b] = -0.5 * (e.dot(&weighted) + factor.log_det()) - constant;
            // (∂x̂/∂x) Aᵀ w = Σ_m w_m (∂x̂/∂x) a_m.
            for (&w, pulled) in weighted.iter().zip(pulled.outer_iter()) {
                guidance.row_mut(b).scaled_add(w, &pulled.row(b));
            }
        }
    }
}
