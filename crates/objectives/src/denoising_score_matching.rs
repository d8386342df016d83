//! Denoising score matching at one noise level (Vincent 2011).
//!
//! Data `x` are spoilt by Gaussian noise, `x̃ = x + σz`. The score of the noise kernel, `(x − x̃)/σ² = −z/σ`, points back to `x`, and regressing on it,
//!
//! `J_σ(θ) = ½ E ‖s(x̃) − (x − x̃)/σ²‖² = ½ E ‖s(x + σz) + z/σ‖²`,
//!
//! is, up to a constant, the Fisher divergence from the *noisy* density `q_σ = p_data * N(0, σ²I)`: no second derivatives, and no integration by parts that could fail
//! at an edge, at the price of a bias of order `σ²` and a variance that grows as `σ⁻²`.
//!
//! The factor ½ is kept; sums over cases and the weight `σ⁴` or `σ²` of other presentations are not here.

use gibbsian_core::error::{check_batch, check_loss, check_positive};
use gibbsian_core::parallel::for_each_block;
use gibbsian_core::{Objective, Result, ScorePullback, Stateless, Streams};
use ndarray::{Array2, ArrayView2, ArrayViewMut1, Zip};
use rand::{Rng, RngExt};

/// `mean_b ½ ‖s(x_b + σ z_b) + z_b/σ‖²` on fresh noise, with the gradient on the same noise.
///
/// ```
/// use gibbsian_objectives::DenoisingScoreMatching;
/// assert!(DenoisingScoreMatching::new(0.1).is_ok());
/// assert_eq!(
///     DenoisingScoreMatching::new(0.0).unwrap_err().to_string(),
///     "`sigma` is 0, but must be finite and greater than zero"
/// );
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DenoisingScoreMatching {
    sigma: f64,
}

impl DenoisingScoreMatching {
    /// The objective at noise of standard deviation `sigma`.
    ///
    /// # Errors
    /// A standard deviation that is not positive: without noise there is nothing to point back to.
    pub fn new(sigma: f64) -> Result<Self> {
        Ok(DenoisingScoreMatching {
            sigma: check_positive("sigma", sigma)?,
        })
    }

    /// The standard deviation of the noise.
    pub fn sigma(&self) -> f64 {
        self.sigma
    }
}

impl<M: ScorePullback + ?Sized> Objective<M> for DenoisingScoreMatching {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_batch("x", &x, model.dim())?;
        grad.fill(0.0);
        let streams = Streams::draw(rng);
        let mut noise = Array2::zeros(x.raw_dim());
        for_each_block(noise.view_mut(), |block, mut rows| {
            let mut rng = streams.block(block);
            rows.mapv_inplace(|_| rng.sample(rand_distr::StandardNormal));
        });
        let noisy = &x + &(&noise * self.sigma);
        let share = 1.0 / x.nrows() as f64;
        let mut loss = 0.0;
        model.score_pullback_with(
            noisy.view(),
            &mut |score, mut u| {
                Zip::from(&mut u).and(&score).and(&noise).for_each(|u, s, z| {
                    let residual = s + z / self.sigma;
                    loss += 0.5 * share * residual * residual;
                    *u = share * residual;
                });
            },
            grad,
        );
        check_loss(loss, "in denoising score matching")
    }
}

/// Noise is drawn anew at every call.
impl Stateless for DenoisingScoreMatching {}
