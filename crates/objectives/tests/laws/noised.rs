//! Normal data under the noise of a process.

use gibbsian_core::{Layout, LinearGaussian, Parametric, Space, TimeScore, TimeScorePullback};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

/// `N(α μ, (α² a² + σ²) I)` along a process: normal data under noise. The parameter is `μ`.
#[derive(Clone)]
pub(crate) struct Noised<P> {
    pub(crate) mean: Array1<f64>,
    pub(crate) variance: f64,
    pub(crate) process: P,
}

impl<P: LinearGaussian> Noised<P> {
    /// `α_t` and the variance at time `t`.
    pub(crate) fn at(&self, t: f64) -> (f64, f64) {
        let alpha = self.process.alpha(t);
        (alpha, alpha * alpha * self.variance + self.process.variance(t))
    }

    /// `E_z ½ ‖σ s(αx + σz) + z‖²` at time `t` on the rows of `x`, on average.
    pub(crate) fn error(&self, t: f64, x: &Array2<f64>) -> f64 {
        let (alpha, variance) = self.at(t);
        let sigma2 = self.process.variance(t);
        let squares = (x - &self.mean).mapv(|d| d * d).sum() / x.nrows() as f64;
        let of_noise = x.ncols() as f64 * (1.0 - sigma2 / variance).powi(2);
        0.5 * (sigma2 * alpha * alpha * squares / (variance * variance) + of_noise)
    }
}

impl<P: Sync> Space for Noised<P> {
    fn dim(&self) -> usize {
        self.mean.len()
    }
}

impl<P> Parametric for Noised<P> {
    fn layout(&self) -> Layout {
        Layout::new().with("mean", &[self.mean.len()])
    }

    fn params(&self) -> Array1<f64> {
        self.mean.clone()
    }
}

impl<P: LinearGaussian> gibbsian_core::ParametricMut for Noised<P> {
    fn set_params(&mut self, params: ArrayView1<f64>) -> gibbsian_core::Result<()> {
        self.layout().check(params)?;
        self.mean.assign(&params);
        Ok(())
    }
}

impl<P: LinearGaussian> TimeScore for Noised<P> {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        for ((x, &t), mut out) in x.rows().into_iter().zip(&t).zip(out.rows_mut()) {
            let (alpha, variance) = self.at(t);
            out.assign(&((&self.mean * alpha - x) / variance));
        }
    }
}

impl<P: LinearGaussian> TimeScorePullback for Noised<P> {
    fn score_pullback_at_with(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let [mut s, mut u] = [(); 2].map(|()| Array2::zeros(x.dim()));
        self.score_at_into(x, t, s.view_mut());
        cotangent(s.view(), u.view_mut());
        for (u, &t) in u.rows().into_iter().zip(&t) {
            let (alpha, variance) = self.at(t);
            grad.scaled_add(alpha / variance, &u);
        }
    }
}
