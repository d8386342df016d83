//! The correlated normal distribution, through its precision matrix.
//!
//! `E(x) = ½ (x − μ)ᵀ Λ (x − μ)`, `s(x) = −Λ (x − μ)`, `J = −Λ`, `log Z = (D/2) log 2π − ½ log |Λ|`.
//!
//! The parameters are `μ` and the **lower** triangle of `Λ`, diagonal included: a full matrix would have a redundant
//! half whose gradient depends on a convention. An off-diagonal entry stands twice in `Λ`, whence the factor two in
//! its gradient.

use gibbsian_core::error::{check_finite, check_shape};
use gibbsian_core::score::JvpCotangent;
use gibbsian_core::{
    Density, Energy, EnergyPullback, Error, Layout, Parametric, ParametricMut, Potential, Record, Result,
    Score, ScoreJvp, ScoreJvpPullback, ScorePullback, Snapshot, Space, Values,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// The normal distribution `N(μ, Λ⁻¹)` on `D` dimensions.
#[derive(Clone, Debug)]
pub struct Gaussian {
    mean: Array1<f64>,
    precision: Array2<f64>,
    /// Lower triangular with `L Lᵀ = Λ`.
    cholesky: Array2<f64>,
}

impl Gaussian {
    /// The normal distribution of this mean `(D)` and precision matrix `(D, D)`, of which the lower triangle is read.
    ///
    /// # Errors
    /// Shapes that do not fit, entries that are not finite, or a matrix that is not positive definite.
    pub fn new(mean: Array1<f64>, precision: Array2<f64>) -> Result<Self> {
        check_finite("mean", &mean)?;
        check_shape("precision", &precision, &[mean.len(), mean.len()])?;
        check_finite("precision", &precision)?;
        let mut precision = precision;
        for i in 0..mean.len() {
            for j in 0..i {
                precision[[j, i]] = precision[[i, j]];
            }
        }
        let cholesky = cholesky(&precision)?;
        Ok(Gaussian {
            mean,
            precision,
            cholesky,
        })
    }

    /// The mean `μ`.
    pub fn mean(&self) -> ArrayView1<'_, f64> {
        self.mean.view()
    }

    /// The covariance matrix `Λ⁻¹`.
    pub fn covariance(&self) -> Array2<f64> {
        let mut covariance = Array2::eye(self.mean.len());
        for mut column in covariance.columns_mut() {
            forward(&self.cholesky, column.view_mut());
            backward(&self.cholesky, column);
        }
        covariance
    }

    /// `Λ (x − μ)`, minus the score.
    fn pull(&self, x: ArrayView2<f64>) -> Array2<f64> {
        (&x - &self.mean).dot(&self.precision)
    }

    /// Adds `scale Σ_b left_b rightᵀ_b`, as the gradient in a symmetric `Λ`, to the lower triangle after the mean.
    fn add_outer(
        &self,
        scale: f64,
        left: ArrayView1<f64>,
        right: ArrayView1<f64>,
        grad: &mut ArrayViewMut1<f64>,
    ) {
        let d = self.mean.len();
        let mut k = d;
        for i in 0..d {
            for j in 0..=i {
                let both = if i == j {
                    left[i] * right[i]
                } else {
                    left[i] * right[j] + left[j] * right[i]
                };
                grad[k] += scale * both;
                k += 1;
            }
        }
    }
}

impl Space for Gaussian {
    fn dim(&self) -> usize {
        self.mean.len()
    }
}

impl Energy for Gaussian {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        gibbsian_core::energy::assert_energy_shapes(self.dim(), x, &out);
        for (row, e) in x.rows().into_iter().zip(&mut out) {
            let centred = &row - &self.mean;
            *e = 0.5 * centred.dot(&self.precision.dot(&centred));
        }
    }
}

impl Density for Gaussian {
    fn log_z(&self) -> f64 {
        let log_det: f64 = self.cholesky.diag().iter().map(|l| 2.0 * l.ln()).sum();
        0.5 * (self.dim() as f64 * (2.0 * std::f64::consts::PI).ln() - log_det)
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        // x = μ + L⁻ᵀ z has covariance L⁻ᵀ L⁻¹ = Λ⁻¹.
        let mut x = Array2::from_shape_simple_fn((n, self.dim()), || rng.sample(StandardNormal));
        for row in x.rows_mut() {
            backward(&self.cholesky, row);
        }
        x + &self.mean
    }
}

impl Score for Gaussian {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&-self.pull(x));
    }
}

impl Potential for Gaussian {}

impl ScoreJvp for Gaussian {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.score_into(x, score);
        jvp.assign(&-v.dot(&self.precision));
    }

    fn divergence_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        // The trace does not depend on x, but NaN in gives NaN out.
        let trace = self.precision.diag().sum();
        for (out, row) in out.iter_mut().zip(x.rows()) {
            *out = if row.iter().any(|v| v.is_nan()) {
                f64::NAN
            } else {
                -trace
            };
        }
    }
}

impl Parametric for Gaussian {
    fn layout(&self) -> Layout {
        let d = self.mean.len();
        Layout::new()
            .with("mean", &[d])
            .with("precision_lower", &[d * (d + 1) / 2])
    }

    fn params(&self) -> Array1<f64> {
        let lower = (0..self.mean.len()).flat_map(|i| (0..=i).map(move |j| self.precision[[i, j]]));
        self.mean.iter().copied().chain(lower).collect()
    }
}

impl ParametricMut for Gaussian {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        let d = self.mean.len();
        let (mean, lower) = params.split_at(Axis(0), d);
        let mut precision = Array2::zeros((d, d));
        let mut k = 0;
        for i in 0..d {
            for j in 0..=i {
                precision[[i, j]] = lower[k];
                k += 1;
            }
        }
        *self = Gaussian::new(mean.to_owned(), precision)?;
        Ok(())
    }
}

impl EnergyPullback for Gaussian {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let mut w = Array1::zeros(x.nrows());
        weigh(self.energy(x).view(), w.view_mut());
        for (row, &w) in x.rows().into_iter().zip(&w) {
            // ∂E/∂μ = −Λ(x − μ), ∂E/∂Λ = ½ (x − μ)(x − μ)ᵀ.
            let centred = &row - &self.mean;
            let mut in_mean = grad.slice_mut(ndarray::s![..self.mean.len()]);
            in_mean.scaled_add(-w, &self.precision.dot(&centred));
            self.add_outer(0.5 * w, centred.view(), centred.view(), &mut grad);
        }
    }
}

impl ScorePullback for Gaussian {
    fn score_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let mut u = Array2::zeros(x.dim());
        cotangent(self.score(x).view(), u.view_mut());
        for (row, u) in x.rows().into_iter().zip(u.rows()) {
            // s = −Λ(x − μ): u·∂s/∂μ = Λu, u·∂s/∂Λ = −u (x − μ)ᵀ.
            let mut in_mean = grad.slice_mut(ndarray::s![..self.mean.len()]);
            in_mean += &self.precision.dot(&u);
            self.add_outer(-1.0, u, (&row - &self.mean).view(), &mut grad);
        }
    }
}

impl ScoreJvpPullback for Gaussian {
    fn score_jvp_pullback_with(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        cotangent: &mut JvpCotangent<'_>,
        mut grad: ArrayViewMut1<f64>,
    ) {
        let (mut score, mut jvp) = (Array2::zeros(x.dim()), Array2::zeros(x.dim()));
        self.score_jvp_into(x, v, score.view_mut(), jvp.view_mut());
        let (mut u, mut w) = (Array2::zeros(x.dim()), Array2::zeros(x.dim()));
        cotangent(score.view(), jvp.view(), u.view_mut(), w.view_mut());
        self.score_pullback_into(x, u.view(), grad.view_mut());
        for (v, w) in v.rows().into_iter().zip(w.rows()) {
            // J v = −Λv: w·∂(Jv)/∂Λ = −w vᵀ.
            self.add_outer(-1.0, w, v, &mut grad);
        }
    }
}

impl Snapshot for Gaussian {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        record.put("params", &[self.n_params()], Values::F64(self.params().to_vec()));
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let params = record.f64s("params", &[self.n_params()])?.to_vec();
        self.set_params(Array1::from_vec(params).view())
    }
}

/// The lower triangular `L` with `L Lᵀ = a`.
fn cholesky(a: &Array2<f64>) -> Result<Array2<f64>> {
    let mut l = Array2::zeros(a.raw_dim());
    for i in 0..a.nrows() {
        for j in 0..=i {
            let rest = a[[i, j]] - (0..j).map(|k| l[[i, k]] * l[[j, k]]).sum::<f64>();
            l[[i, j]] = if i > j {
                rest / l[[j, j]]
            } else if rest > 0.0 {
                rest.sqrt()
            } else {
                return Err(Error::parameter("precision", format!("{a}"), "positive definite"));
            };
        }
    }
    Ok(l)
}

/// Solves `L y = b` in place.
fn forward(l: &Array2<f64>, mut b: ArrayViewMut1<f64>) {
    for i in 0..b.len() {
        b[i] = (b[i] - (0..i).map(|k| l[[i, k]] * b[k]).sum::<f64>()) / l[[i, i]];
    }
}

/// Solves `Lᵀ y = b` in place.
fn backward(l: &Array2<f64>, mut b: ArrayViewMut1<f64>) {
    for i in (0..b.len()).rev() {
        b[i] = (b[i] - (i + 1..b.len()).map(|k| l[[k, i]] * b[k]).sum::<f64>()) / l[[i, i]];
    }
}
