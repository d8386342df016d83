//! Ranking noise-contrastive estimation (Jozefowicz, Vinyals, Schuster, Shazeer and Wu 2016; Ma and Collins 2018), the loss that is also called InfoNCE (van den Oord, Li and Vinyals 2018).
//!
//! Put each case `x_0` among `K` draws `x_1, …, x_K` of the noise and ask which one was data. If data have density `p_θ`, the answer has the law of a softmax,
//!
//! `L = ⟨−log [exp s(x_0) / Σ_j exp s(x_j)]⟩`,  `s(x) = −E(x) − log p_n(x)`,
//!
//! and `L` is the negative log-likelihood of `θ` in that question. Adding a constant to the energy changes nothing, so no normaliser has to be learnt, and none comes out; other than in
//! [noise-contrastive estimation](crate::NoiseContrastiveEstimation) the estimate is consistent for *conditional* models too, where every context has a normaliser of its own (Ma and Collins
//! 2018). Being a likelihood, its estimate has the covariance `N⁻¹ J⁻¹` with `J` the expected covariance of `∂E/∂θ` over the softmax.
//!
//! The correction by `log p_n` is part of the method: without it the minimum is at `p/p_n` up to a factor, the density ratio, which is what representation learning wants.

use gibbsian_core::error::check_loss;
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Density, EnergyPullback, Objective, Result, Stateless};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::contrast_with_noise::{Mixed, check_noise, pullback_on_support};
use crate::phases::Shares;

/// The negative log-probability of picking the case among fresh noise, and its gradient on the same noise.
#[derive(Clone, Copy, Debug)]
pub struct RankingNoiseContrastiveEstimation<N> {
    noise: N,
    n_noise_per_case: usize,
}

impl<N: Density> RankingNoiseContrastiveEstimation<N> {
    /// The objective with `K = n_noise_per_case` draws of `noise` for every case.
    ///
    /// # Errors
    /// No noise: the only candidate is picked always.
    pub fn new(noise: N, n_noise_per_case: usize) -> Result<Self> {
        Ok(RankingNoiseContrastiveEstimation {
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
        let k = self.n_noise_per_case;
        let mixed = Mixed::draw(model, &self.noise, k, x, rng)?;
        let n_data = x.nrows();
        grad.fill(0.0);
        let mut loss = 0.0;
        let mut weigh = |energy: ArrayView1<f64>, mut w: ArrayViewMut1<f64>| {
            let (mut of_data, mut of_noise) = w.view_mut().split_at(ndarray::Axis(0), n_data);
            shares.fill(1.0, of_data.view_mut());
            let score = |row: usize| -energy[row] - mixed.log_noise[row];
            let mut scores = vec![0.0; k + 1];
            for b in 0..n_data {
                let first = n_data + b * k;
                scores[0] = score(b);
                for j in 0..k {
                    scores[j + 1] = score(first + j);
                }
                let (share, total) = (of_data[b], log_sum_exp(&scores));
                loss += share * (total - scores[0]);
                // 1 − π_0 is summed from the noise, so that nothing cancels where the case is picked for sure.
                of_data[b] = 0.0;
                for j in 0..k {
                    let pi = share * (scores[j + 1] - total).exp();
                    of_noise[b * k + j] = -pi;
                    of_data[b] += pi;
                }
            }
        };
        pullback_on_support(model, mixed.x.view(), &mut weigh, grad);
        check_loss(loss, "in ranking noise-contrastive estimation")
    }
}

impl<M: EnergyPullback + ?Sized, N: Density> Objective<M> for RankingNoiseContrastiveEstimation<N> {
    by_shares! {
        /// The questions count by the weights of their cases.
        loss_of
    }
}

/// Noise is drawn anew at every call.
impl<N> Stateless for RankingNoiseContrastiveEstimation<N> {}
