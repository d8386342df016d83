//! The regression that every denoising objective over many noise levels ends in.

use gibbsian_core::error::{check_loss, check_points};
use gibbsian_core::{Result, Streams, TimeScore, TimeScorePullback};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis};

use crate::gaussian_noise::GaussianNoise;

/// What every row needs of its level: noisy points are `α x + σ z`, and a row counts `scale · ½ ‖σ s + z‖²`.
pub(crate) struct NoisedRows {
    pub(crate) alpha: Array1<f64>,
    pub(crate) sigma: Array1<f64>,
    pub(crate) scale: Array1<f64>,
    /// What the model is told.
    pub(crate) time: Array1<f64>,
}

impl NoisedRows {
    /// The noisy points and the standard noise in them.
    fn noisy(&self, x: ArrayView2<f64>, streams: Streams) -> (Array2<f64>, Array2<f64>) {
        let z = GaussianNoise::standard(x.dim(), streams);
        let column = |values: &Array1<f64>| values.clone().insert_axis(Axis(1));
        (&x * &column(&self.alpha) + &z * &column(&self.sigma), z)
    }

    /// **Overwrites** `grad` with the gradient of `Σ_b c_b scale_b ½ ‖σ_b s_b + z_b‖²` and returns the sum.
    pub(crate) fn loss_and_grad<M: TimeScorePullback + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        c: ArrayView1<f64>,
        streams: Streams,
        mut grad: ArrayViewMut1<f64>,
        what: &'static str,
    ) -> Result<f64> {
        check_points("x", &x, model.dim())?;
        grad.fill(0.0);
        let (noisy, z) = self.noisy(x, streams);
        let mut loss = 0.0;
        model.score_pullback_at_with(
            noisy.view(),
            self.time.view(),
            &mut |score, mut u| {
                for (b, mut u) in u.rows_mut().into_iter().enumerate() {
                    let weight = c[b] * self.scale[b];
                    u.assign(&z.row(b));
                    u.scaled_add(self.sigma[b], &score.row(b));
                    loss += 0.5 * weight * u.dot(&u);
                    u *= weight * self.sigma[b];
                }
            },
            grad,
        );
        check_loss(loss, what)
    }

    /// `½ ‖σ_b s_b + z_b‖²` of every row, without the scale.
    pub(crate) fn errors<M: TimeScore + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        streams: Streams,
    ) -> Result<Array1<f64>> {
        check_points("x", &x, model.dim())?;
        let (noisy, z) = self.noisy(x, streams);
        let mut score = Array2::zeros(x.raw_dim());
        model.score_at_into(noisy.view(), self.time.view(), score.view_mut());
        let residual = score * self.sigma.view().insert_axis(Axis(1)) + z;
        Ok(residual.map_axis(Axis(1), |r| 0.5 * r.dot(&r)))
    }
}
