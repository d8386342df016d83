//! The parameters of a normal density, and what depends on them: pullbacks and snapshots.
//!
//! The parameters are the mean and the **lower** triangle of the precision `P`, diagonal included, row by row: energy and score are linear
//! in `P`, and a full matrix would have a redundant half whose gradient depends on a convention. An entry beside the diagonal stands twice
//! in `P`, whence the factor two in its gradient.

use gibbsian_core::error::Result;
use gibbsian_core::score::JvpCotangent;
use gibbsian_core::{
    Energy, EnergyPullback, Layout, Parametric, ParametricMut, Record, Score, ScoreJvp, ScoreJvpPullback,
    ScorePullback, Snapshot, Space, Values,
};
use gibbsian_linalg::matmul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, s};

use super::normal::MultivariateNormal;

/// The places `(i, j)`, `j ≤ i`, of the entries of a lower triangle, row by row.
pub(super) fn lower_entries(dim: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..dim).flat_map(|i| (0..=i).map(move |j| (i, j)))
}

/// The symmetric matrix with these entries in its lower triangle, row by row.
pub(super) fn from_lower_entries(dim: usize, lower: ArrayView1<f64>) -> Array2<f64> {
    let mut matrix = Array2::zeros((dim, dim));
    for ((i, j), &entry) in lower_entries(dim).zip(lower) {
        matrix[(i, j)] = entry;
        matrix[(j, i)] = entry;
    }
    matrix
}

impl MultivariateNormal {
    /// The deviations `x_b − μ`.
    pub(super) fn deviations(&self, x: ArrayView2<f64>) -> Array2<f64> {
        &x - &self.mean()
    }
}

/// Adds `scale Σ_b left_b right_bᵀ`, a gradient in a symmetric matrix, to the gradient in its lower triangle.
fn add_outer(scale: f64, left: ArrayView2<f64>, right: ArrayView2<f64>, mut lower: ArrayViewMut1<f64>) {
    let outer = matmul(left.t(), right);
    for ((i, j), entry) in lower_entries(outer.nrows()).zip(&mut lower) {
        *entry += scale
            * if i == j {
                outer[(i, i)]
            } else {
                outer[(i, j)] + outer[(j, i)]
            };
    }
}

impl Parametric for MultivariateNormal {
    /// `mean` `(D)` and `precision_lower` `(D (D + 1) / 2)`.
    fn layout(&self) -> Layout {
        let d = self.dim();
        Layout::new()
            .with("mean", &[d])
            .with("precision_lower", &[d * (d + 1) / 2])
    }

    fn params(&self) -> Array1<f64> {
        let precision = self.precision();
        let lower = lower_entries(self.dim()).map(|place| precision[place]);
        self.mean().iter().copied().chain(lower).collect()
    }
}

impl ParametricMut for MultivariateNormal {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        let (mean, lower) = params.split_at(Axis(0), self.dim());
        let precision = from_lower_entries(self.dim(), lower);
        *self = MultivariateNormal::from_precision(mean.to_owned(), precision)?;
        Ok(())
    }
}

impl EnergyPullback for MultivariateNormal {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let mut w = Array1::zeros(x.nrows());
        weigh(self.energy(x).view(), w.view_mut());
        // ∂E/∂μ = −P (x − μ), which is the score, and ∂E/∂P = ½ (x − μ)(x − μ)ᵀ.
        let (mut in_mean, in_lower) = grad.split_at(Axis(0), self.dim());
        in_mean += &self.score(x).t().dot(&w);
        let r = self.deviations(x);
        let weighted = &r * &w.insert_axis(Axis(1));
        add_outer(0.5, weighted.view(), r.view(), in_lower);
    }
}

impl ScorePullback for MultivariateNormal {
    fn score_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let mut u = Array2::zeros(x.raw_dim());
        cotangent(self.score(x).view(), u.view_mut());
        // s = −P (x − μ): u · ∂s/∂μ = P u and u · ∂s/∂P = −u (x − μ)ᵀ.
        let (mut in_mean, in_lower) = grad.split_at(Axis(0), self.dim());
        in_mean += &self.precision().dot(&u.sum_axis(Axis(0)));
        add_outer(-1.0, u.view(), self.deviations(x).view(), in_lower);
    }
}

impl ScoreJvpPullback for MultivariateNormal {
    fn score_jvp_pullback_with(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        cotangent: &mut JvpCotangent<'_>,
        mut grad: ArrayViewMut1<f64>,
    ) {
        let (mut score, mut jvp) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
        self.score_jvp_into(x, v, score.view_mut(), jvp.view_mut());
        let (mut u, mut w) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
        cotangent(score.view(), jvp.view(), u.view_mut(), w.view_mut());
        self.score_pullback_into(x, u.view(), grad.view_mut());
        // J v = −P v: w · ∂(J v)/∂P = −w vᵀ.
        add_outer(-1.0, w.view(), v, grad.slice_mut(s![self.dim()..]));
    }
}

impl Snapshot for MultivariateNormal {
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
