//! Denoising score matching at one noise level (Vincent 2011), for Gaussian noise of any covariance.
//!
//! Data `x` are spoilt by Gaussian noise, `x̃ = x + Lz` with `LLᵀ = C`. The score of the noise kernel, `C⁻¹(x − x̃)`, points back to `x`, and regressing on it,
//!
//! `J_C(θ) = ½ E ‖s(x̃) − C⁻¹(x − x̃)‖²`,  for `C = σ²I` also `½ E ‖s(x + σz) + z/σ‖²`,
//!
//! is the Fisher divergence from the *noisy* density `q_C = p_data * N(0, C)` and a constant,
//!
//! `J_C(θ) = ½ E_q ‖s − ∇log q_C‖² + ½ tr C⁻¹ − ½ E_q ‖∇log q_C‖²`:
//!
//! no second derivatives, and no integration by parts that could fail at an edge, at the price of a bias of order `σ²` and a variance that grows as `σ⁻²`.
//!
//! The same regression may be written for a denoiser, `d(x̃) = x̃ + C s(x̃)`, or for a predictor of the noise, `ẑ(x̃) = −Lᵀ s(x̃)`; errors are then measured in other units ([`DenoisingError`]):
//!
//! `½ E ‖d(x̃) − x‖² = ½ E ‖C (s − C⁻¹(x − x̃))‖²`,  `½ E ‖ẑ(x̃) − z‖² = ½ E ‖Lᵀ (s − C⁻¹(x − x̃))‖²`,
//!
//! with weights `σ⁴` and `σ²` where the noise is isotropic. All three have the same minimum over all functions, and different ones over those that a model can be.
//!
//! The factor ½ is kept; sums over cases in place of means are not here.

use gibbsian_core::error::{check_loss, check_points, check_shape};
use gibbsian_core::{Error, Objective, Result, ScorePullback, Stateless, Streams};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis};
use rand::Rng;

use crate::gaussian_noise::GaussianNoise;
use crate::phases::Shares;

/// `mean_b ½ ‖s(x̃_b) − C⁻¹(x_b − x̃_b)‖²` on fresh noise, with the gradient on the same noise.
///
/// ```
/// use gibbsian_objectives::DenoisingScoreMatching;
/// assert!(DenoisingScoreMatching::new(0.1).is_ok());
/// assert_eq!(
///     DenoisingScoreMatching::new(0.0).unwrap_err().to_string(),
///     "`sigma` is 0, but must be finite and greater than zero; without noise there is nothing to denoise: take a tenth of the data's deviation"
/// );
/// ```
#[derive(Clone, Debug)]
pub struct DenoisingScoreMatching {
    noise: GaussianNoise,
    error: DenoisingError,
}

/// In which quantity the error of a denoising model is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DenoisingError {
    /// The score: `½ ‖s − C⁻¹(x − x̃)‖²`.
    #[default]
    Score,
    /// The standardised noise, `ẑ = −Lᵀs`: `½ ‖ẑ − z‖²`.
    Noise,
    /// The data, `d = x̃ + Cs`: `½ ‖d − x‖²`, the loss of a denoising autoencoder.
    Data,
}

impl DenoisingScoreMatching {
    /// The objective at isotropic noise of standard deviation `sigma`.
    ///
    /// # Errors
    /// A standard deviation that is not positive: without noise there is nothing to point back to.
    pub fn new(sigma: f64) -> Result<Self> {
        GaussianNoise::isotropic(sigma).map(Self::in_noise)
    }

    /// The objective at this noise.
    pub fn in_noise(noise: GaussianNoise) -> Self {
        DenoisingScoreMatching {
            noise,
            error: DenoisingError::Score,
        }
    }

    /// The same with errors measured in another quantity.
    pub fn measured_in(mut self, error: DenoisingError) -> Self {
        self.error = error;
        self
    }

    /// The noise.
    pub fn noise(&self) -> &GaussianNoise {
        &self.noise
    }

    /// Overwrites `grad` with the gradient on given noise and returns the loss: noisy points are `x_b + L z_b`, with `L` the Cholesky factor of `C` and `z` `(B, D)`.
    ///
    /// # Errors
    /// Shapes that do not fit, or a loss that is not finite.
    pub fn at_noise<M: ScorePullback + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        z: ArrayView2<f64>,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_shape("z", &z, x.shape())?;
        self.loss_and_grad(model, x, Shares::Equal(x.nrows()), z.to_owned(), grad)
    }

    fn loss_and_grad<M: ScorePullback + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        shares: Shares<'_>,
        z: Array2<f64>,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_points("x", &x, model.dim())?;
        if let Some(dim) = self.noise.dim().filter(|&dim| dim != model.dim()) {
            return Err(Error::shape(
                "noise",
                &[dim],
                format!("[{}], the dimension of the model", model.dim()),
            ));
        }
        grad.fill(0.0);
        let added = self.noise.times_factor(z.view());
        let noisy = &x + &added;
        // The residual is A s + target, where A is the identity, Lᵀ or C.
        let target = match self.error {
            DenoisingError::Score => self.noise.solve(added.view()),
            DenoisingError::Noise => z,
            DenoisingError::Data => added,
        };
        let c = shares.scaled(1.0);
        let mut loss = 0.0;
        model.score_pullback_with(
            noisy.view(),
            &mut |score, mut u| {
                let residual = self.measured(score) + &target;
                for (residual, c) in residual.rows().into_iter().zip(&c) {
                    loss += 0.5 * c * residual.dot(&residual);
                }
                u.assign(&self.measured_back(residual));
                u *= &c.view().insert_axis(Axis(1));
            },
            grad,
        );
        check_loss(loss, "in denoising score matching")
    }

    /// `A s` of every row.
    fn measured(&self, score: ArrayView2<f64>) -> Array2<f64> {
        match self.error {
            DenoisingError::Score => score.to_owned(),
            DenoisingError::Noise => self.noise.times_factor_transposed(score),
            DenoisingError::Data => self.noise.times_covariance(score),
        }
    }

    /// `Aᵀ r` of every row.
    fn measured_back(&self, residual: Array2<f64>) -> Array2<f64> {
        match self.error {
            DenoisingError::Score => residual,
            DenoisingError::Noise => self.noise.times_factor(residual.view()),
            DenoisingError::Data => self.noise.times_covariance(residual.view()),
        }
    }
}

impl<M: ScorePullback + ?Sized> Objective<M> for DenoisingScoreMatching {
    /// # Errors
    /// Also noise of another dimension than the model's.
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let z = GaussianNoise::standard(x.dim(), Streams::draw(rng));
        self.loss_and_grad(model, x, Shares::Equal(x.nrows()), z, grad)
    }

    fn weighted_loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        w: ArrayView1<f64>,
        rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let z = GaussianNoise::standard(x.dim(), Streams::draw(rng));
        self.loss_and_grad(model, x, Shares::weighted(w, x)?, z, grad)
    }
}

/// Noise is drawn anew at every call.
impl Stateless for DenoisingScoreMatching {}
