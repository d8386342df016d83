//! The moments of the clean point given the noisy one, by Tweedie's formulas.

use gibbsian_core::{LinearGaussian, TimeScoreJvp};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Zip};

/// `α` and `σ²` of every row, and with them
///
/// `x̂ = E[x_0 | x] = (x + σ² s)/α`,  `∂x̂/∂x = (I + σ² J)/α`,  `C = Cov[x_0 | x] = (σ²/α) ∂x̂/∂x`.
///
/// The Jacobian of a gradient is symmetric, and so is that of an exact score: what is wanted is `(∂x̂/∂x)ᵀ u`, what is computed is
/// `(∂x̂/∂x) u`.
pub(super) struct Tweedie {
    alpha: Array1<f64>,
    variance: Array1<f64>,
}

impl Tweedie {
    pub(super) fn new(process: &impl LinearGaussian, t: ArrayView1<f64>) -> Self {
        // Batches mostly have one time.
        let mut last = (f64::NAN, f64::NAN, f64::NAN);
        let moments = t.mapv(|t| {
            if t != last.0 {
                last = (t, process.alpha(t), process.variance(t));
            }
            last
        });
        Tweedie {
            alpha: moments.mapv(|(_, alpha, _)| alpha),
            variance: moments.mapv(|(_, _, variance)| variance),
        }
    }

    /// `α` and `σ²` of every row.
    pub(super) fn moments(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.alpha.iter().copied().zip(self.variance.iter().copied())
    }

    /// `x̂`, from the scores `s` at `x`.
    pub(super) fn denoise(&self, x: ArrayView2<f64>, score: ArrayView2<f64>) -> Array2<f64> {
        self.plus(x, score)
    }

    /// Writes `(∂x̂/∂x) u` into `out`.
    pub(super) fn pull_back_into(
        &self,
        prior: &impl TimeScoreJvp,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        u: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
    ) {
        let (mut score, mut jvp) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
        prior.score_jvp_at_into(x, t, u, score.view_mut(), jvp.view_mut());
        out.assign(&self.plus(u, jvp.view()));
    }

    /// `C u`.
    pub(super) fn covariance_product(
        &self,
        prior: &impl TimeScoreJvp,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        u: ArrayView2<f64>,
    ) -> Array2<f64> {
        let mut out = Array2::zeros(u.raw_dim());
        self.pull_back_into(prior, x, t, u, out.view_mut());
        for (mut row, (alpha, variance)) in out.rows_mut().into_iter().zip(self.moments()) {
            row *= variance / alpha;
        }
        out
    }

    /// `(a + σ² b)/α`, and `a/α` where there is no noise: many a score is infinite or no number there, as that of data without a density.
    fn plus(&self, a: ArrayView2<f64>, b: ArrayView2<f64>) -> Array2<f64> {
        let mut out = Array2::zeros(a.raw_dim());
        for (i, (alpha, variance)) in self.moments().enumerate() {
            let row = Zip::from(out.row_mut(i)).and(a.row(i)).and(b.row(i));
            if variance == 0.0 {
                row.for_each(|out, a, _| *out = a / alpha);
            } else {
                row.for_each(|out, a, b| *out = (a + variance * b) / alpha);
            }
        }
        out
    }
}
