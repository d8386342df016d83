//! A normal distribution under heat flow: the score of data with Gaussian noise of a level that differs from row to row.
//!
//! `N(μ, a² I)` convolved with noise of variance `t²` is `N(μ, (a² + t²) I)`, so `E(x, t) = ‖x − μ‖²/2(a² + t²)`, without the constant, and `s(x, t) = (μ − x)/(a² + t²)`. The
//! parameters are `μ` and `log a`, with `∂(a² + t²)/∂ log a = 2a²`.

use gibbsian_core::score::JvpCotangent;
use gibbsian_core::{
    Layout, Parametric, ParametricMut, Result, Space, TimeEnergy, TimeEnergyPullback, TimePotential,
    TimeScore, TimeScoreJvp, TimeScoreJvpPullback, TimeScorePullback, error,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

/// `N(μ, (a² + t²) I)` for every noise level `t`.
#[derive(Clone, Debug)]
pub struct HeatedGaussian {
    mean: Array1<f64>,
    log_deviation: f64,
}

impl HeatedGaussian {
    /// The family with mean `μ` `(D)` and `log a`.
    ///
    /// # Errors
    /// Entries that are not finite.
    pub fn new(mean: Array1<f64>, log_deviation: f64) -> Result<Self> {
        error::check_finite("mean", &mean)?;
        error::check_finite("log_deviation", &ndarray::arr0(log_deviation))?;
        Ok(HeatedGaussian { mean, log_deviation })
    }

    /// `a² + t²` for every row.
    fn variances(&self, t: ArrayView1<f64>) -> Array1<f64> {
        t.mapv(|t| (2.0 * self.log_deviation).exp() + t * t)
    }

    /// Adds the gradients of `u·s` for one row's score `s` and cotangent `u` through the variance:
    /// `∂s/∂ log a = −s · 2a²/(a² + t²)`.
    fn add_in_deviation(
        &self,
        u: ArrayView2<f64>,
        s: ArrayView2<f64>,
        t: ArrayView1<f64>,
        grad: &mut ArrayViewMut1<f64>,
    ) {
        let squared = (2.0 * self.log_deviation).exp();
        for ((u, s), variance) in u.rows().into_iter().zip(s.rows()).zip(self.variances(t)) {
            grad[self.mean.len()] -= u.dot(&s) * 2.0 * squared / variance;
        }
    }
}

impl Space for HeatedGaussian {
    fn dim(&self) -> usize {
        self.mean.len()
    }
}

impl TimeEnergy for HeatedGaussian {
    fn energy_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut1<f64>) {
        for ((row, out), variance) in x.rows().into_iter().zip(&mut out).zip(self.variances(t)) {
            let centred = &row - &self.mean;
            *out = centred.dot(&centred) / (2.0 * variance);
        }
    }
}

impl TimeEnergyPullback for HeatedGaussian {
    fn energy_pullback_at_with(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let (mut energy, mut w) = (Array1::zeros(x.nrows()), Array1::zeros(x.nrows()));
        self.energy_at_into(x, t, energy.view_mut());
        weigh(energy.view(), w.view_mut());
        let squared = (2.0 * self.log_deviation).exp();
        for (b, variance) in self.variances(t).into_iter().enumerate() {
            // ∂E/∂μ = −(x − μ)/(a² + t²), ∂E/∂ log a = −E · 2a²/(a² + t²).
            let mut in_mean = grad.slice_mut(ndarray::s![..self.mean.len()]);
            in_mean.scaled_add(-w[b] / variance, &(&x.row(b) - &self.mean));
            grad[self.mean.len()] -= w[b] * energy[b] * 2.0 * squared / variance;
        }
    }
}

impl TimePotential for HeatedGaussian {}

impl TimeScore for HeatedGaussian {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        for ((row, mut out), variance) in x.rows().into_iter().zip(out.rows_mut()).zip(self.variances(t)) {
            out.assign(&((&self.mean - &row) / variance));
        }
    }
}

impl TimeScoreJvp for HeatedGaussian {
    fn score_jvp_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.score_at_into(x, t, score);
        for ((v, mut jvp), variance) in v.rows().into_iter().zip(jvp.rows_mut()).zip(self.variances(t)) {
            jvp.assign(&(&v / -variance));
        }
    }
}

impl Parametric for HeatedGaussian {
    fn layout(&self) -> Layout {
        Layout::new()
            .with("mean", &[self.mean.len()])
            .with("log_deviation", &[])
    }

    fn params(&self) -> Array1<f64> {
        self.mean.iter().copied().chain([self.log_deviation]).collect()
    }
}

impl ParametricMut for HeatedGaussian {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        let d = self.mean.len();
        self.mean.assign(&params.slice(ndarray::s![..d]));
        self.log_deviation = params[d];
        Ok(())
    }
}

impl TimeScorePullback for HeatedGaussian {
    fn score_pullback_at_with(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let (mut s, mut u) = (Array2::zeros(x.dim()), Array2::zeros(x.dim()));
        self.score_at_into(x, t, s.view_mut());
        cotangent(s.view(), u.view_mut());
        for (u, variance) in u.rows().into_iter().zip(self.variances(t)) {
            let mut in_mean = grad.slice_mut(ndarray::s![..self.mean.len()]);
            in_mean.scaled_add(1.0 / variance, &u);
        }
        self.add_in_deviation(u.view(), s.view(), t, &mut grad);
    }
}

impl TimeScoreJvpPullback for HeatedGaussian {
    fn score_jvp_pullback_at_with(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        v: ArrayView2<f64>,
        cotangent: &mut JvpCotangent<'_>,
        mut grad: ArrayViewMut1<f64>,
    ) {
        let [mut s, mut jvp, mut u, mut w] = [(); 4].map(|()| Array2::zeros(x.dim()));
        self.score_jvp_at_into(x, t, v, s.view_mut(), jvp.view_mut());
        cotangent(s.view(), jvp.view(), u.view_mut(), w.view_mut());
        self.score_pullback_at_with(x, t, &mut |_, mut out| out.assign(&u), grad.view_mut());
        // J v = −v/(a² + t²) depends on the variance as the score does.
        self.add_in_deviation(w.view(), jvp.view(), t, &mut grad);
    }
}
