//! Noise-contrastive estimation (Gutmann and Hyvärinen 2010, 2012): the model as a classifier of data against noise.
//!
//! Mix data with `ν` times as many draws of a known density `p_n`, and ask of each point whether it was data. If the data have density `p_θ`, the log-odds are
//!
//! `G(x) = log p_θ(x) − log p_n(x) − log ν`,
//!
//! so a logistic regression on these log-odds estimates `θ`:
//!
//! `L = ⟨−log σ(G)⟩_data + ν ⟨−log(1 − σ(G))⟩_noise`.
//!
//! Nothing in `L` forces `p_θ` to be normalised, and among all positive functions the minimum is at the density of the data itself. So the normaliser may be a parameter: wrap the model in
//! [`SelfNormalised`](crate::SelfNormalised). A model without a constant of its own is taken for normalised, `log p_θ = −E`.
//!
//! **Precision.** With `P(x) = ν p_n/(p + ν p_n)`, `g = −∂E/∂θ` (the constant included) and `I = ∫ g gᵀ P p dx`, the estimate from `N` cases has the covariance
//!
//! `N⁻¹ [I⁻¹ − (1 + 1/ν) I⁻¹ m mᵀ I⁻¹]`,  `m = ∫ g P p dx`
//!
//! (Gutmann and Hyvärinen 2012, theorem 3), which goes to that of maximum likelihood as `ν → ∞`. Noise must be possible wherever data are, and should resemble them: where the classes are easily told
//! apart the gradient vanishes, which is the trouble of the method in many dimensions.

use gibbsian_core::error::check_loss;
use gibbsian_core::math::{sigmoid, softplus};
use gibbsian_core::{Density, EnergyPullback, Objective, Result, Stateless};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::contrast_with_noise::{Mixed, check_noise, pullback_on_support};
use crate::phases::Shares;

/// The logistic loss of telling data from fresh noise, and its gradient on the same noise.
///
/// ```
/// use gibbsian_core::{Objective, Parametric, Seed};
/// use gibbsian_objectives::{NoiseContrastiveEstimation, SelfNormalised};
/// # use gibbsian_testkit::targets::Gaussian;
/// use ndarray::{Array1, Array2, array};
///
/// // `Gaussian` is a normal density by its mean and precision.
/// let noise = Gaussian::new(array![0.0, 0.0], Array2::eye(2) * 0.25)?;
/// let model = SelfNormalised::new(Gaussian::new(array![1.0, 0.0], Array2::eye(2))?, 0.0)?;
/// let mut objective = NoiseContrastiveEstimation::new(noise, 10)?;
/// let mut grad = Array1::zeros(model.n_params());
/// let data = array![[0.5, 1.0], [1.5, -0.25]];
/// let loss = objective.loss_and_grad_into(&model, data.view(), &mut Seed::new(1).rng(), grad.view_mut())?;
/// assert!(loss > 0.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NoiseContrastiveEstimation<N> {
    noise: N,
    n_noise_per_case: usize,
}

impl<N: Density> NoiseContrastiveEstimation<N> {
    /// The objective with `ν = n_noise_per_case` draws of `noise` for every case of the minibatch.
    ///
    /// # Errors
    /// No noise.
    pub fn new(noise: N, n_noise_per_case: usize) -> Result<Self> {
        Ok(NoiseContrastiveEstimation {
            noise,
            n_noise_per_case: check_noise(n_noise_per_case)?,
        })
    }

    fn loss_of<M: EnergyPullback + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        shares: Shares<'_>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let mixed = Mixed::draw(model, &self.noise, self.n_noise_per_case, x, rng)?;
        let n_data = x.nrows();
        let log_ratio = (self.n_noise_per_case as f64).ln();
        // ν ⟨·⟩_noise is a sum over noise and a mean over data.
        let of_noise = shares.total() / n_data as f64;
        grad.fill(0.0);
        let mut loss = 0.0;
        let mut weigh = |energy: ArrayView1<f64>, mut w: ArrayViewMut1<f64>| {
            shares.fill(1.0, w.slice_mut(ndarray::s![..n_data]));
            for (b, w) in w.iter_mut().enumerate() {
                let log_odds = -energy[b] - mixed.log_noise[b] - log_ratio;
                if b < n_data {
                    loss += *w * softplus(-log_odds);
                    *w *= sigmoid(-log_odds);
                } else {
                    loss += of_noise * softplus(log_odds);
                    *w = -of_noise * sigmoid(log_odds);
                }
            }
        };
        pullback_on_support(model, mixed.x.view(), &mut weigh, grad);
        check_loss(loss, "in noise-contrastive estimation")
    }
}

impl<M: EnergyPullback + ?Sized, N: Density> Objective<M> for NoiseContrastiveEstimation<N> {
    by_shares! {
        /// The noise counts `⟨w⟩` times.
        loss_of
    }
}

/// Noise is drawn anew at every call.
impl<N> Stateless for NoiseContrastiveEstimation<N> {}
