//! Kernel exponential families: a known density, bent by a sum of kernels that score matching finds by solving one linear system.
//!
//! `p(x) ∝ q(x) exp(f(x))` with `f(x) = Σ_m α_m k(x, z_m)` and the Gaussian kernel `k(x, z) = exp(−‖x − z‖²/(2ℓ²))`. With centres everywhere such functions `f` approximate any log-ratio that vanishes at infinity
//! (Sriperumbudur, Fukumizu, Gretton, Hyvärinen and Kumar 2017); with `M` centres it is the Nyström or "lite" form (Sutherland, Strathmann, Arbel and Gretton 2018). `f` is bounded, so the density has a normaliser, which nobody
//! knows, and the tails of `q`.
//!
//! The score is linear in `α`, hence the objective of score matching is quadratic,
//!
//! `J(α) = ½ αᵀGα + hᵀα + const`, `G_mn = ⟨∇k_m · ∇k_n⟩`, `h_m = ⟨Δk_m + ∇k_m · ∇log q⟩`,
//!
//! with means over the data. Unregularised it follows the noise of the data as closely as `M` kernels can, so [`KernelPenalty`] is added.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{
    Error, Result, check_batch, check_count, check_each, check_finite, check_positive, check_shape,
};
use gibbsian_core::parallel::{BLOCK_ROWS, block_rows, for_each_block, map_blocks};
use gibbsian_core::{
    Energy, EnergyPullback, JvpCotangent, Layout, Parametric, ParametricMut, Potential, Score, ScoreJvp,
    ScoreJvpPullback, ScorePullback, Space,
};
use gibbsian_linalg::{Cholesky, matmul};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, s};

/// What keeps `α` from following the noise of the data: `½ smoothness ‖f‖²_H + ½ ridge ‖α‖²`, where `‖f‖²_H = αᵀKα` is the norm in the kernel's own space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KernelPenalty {
    /// The weight `λ` of `αᵀKα`.
    pub smoothness: f64,
    /// The weight of `‖α‖²`, which decides between centres that say the same.
    pub ridge: f64,
}

/// The energy `E(x) = E_q(x) − Σ_m α_m exp(−‖x − z_m‖²/(2ℓ²))` over a base density `q`.
///
/// It has every derivative that an objective may ask for; [`fit`](Self::fit) minimises score matching in closed form.
///
/// ```
/// use gibbsian_core::{Density, Energy, Seed};
/// use gibbsian_densities::{Covariances, GaussianMixture, KernelEnergy, KernelPenalty, MultivariateNormal};
/// use ndarray::{array, s};
///
/// let truth = GaussianMixture::new(
///     array![0.5, 0.5],
///     array![[-1.0, 0.0], [1.0, 0.0]],
///     Covariances::Spherical(array![0.2, 0.2]),
/// )?;
/// let x = truth.sample(500, &mut Seed::new(1).rng());
/// let base = MultivariateNormal::isotropic(array![0.0, 0.0], 2.0)?;
/// let centres = x.slice(s![..50, ..]).to_owned();
/// let penalty = KernelPenalty { smoothness: 1e-4, ridge: 1e-6 };
/// let energy = KernelEnergy::new(base, centres, 0.8)?.fit(x.view(), penalty)?;
/// // Between the humps it is unlikelier than on them.
/// let e = energy.energy(array![[0.0, 0.0], [1.0, 0.0]].view());
/// assert!(e[0] > e[1]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct KernelEnergy<B> {
    base: B,
    centres: Array2<f64>,
    bandwidth: f64,
    weights: Array1<f64>,
}

/// One kernel seen from one point: its value, and `d = (z − x)/ℓ²`, so that `∇k = k d`.
struct Seen<'a> {
    m: usize,
    k: f64,
    d: &'a [f64],
}

impl Seen<'_> {
    fn along(&self, v: ArrayView1<f64>) -> f64 {
        self.d.iter().zip(v).map(|(d, v)| d * v).sum()
    }
}

impl<B: Space> KernelEnergy<B> {
    /// The base alone, `α = 0`, with kernels of deviation `ℓ = bandwidth` at the rows of `centres` `(M, D)`.
    ///
    /// # Errors
    /// No centres, centres that are not finite or of another dimension than the base, or a bandwidth that is not positive.
    pub fn new(base: B, centres: Array2<f64>, bandwidth: f64) -> Result<Self> {
        check_batch("centres", &centres.view(), base.dim())?;
        check_count("the number of centres", centres.nrows())?;
        check_finite("centres", &centres)?;
        check_positive("bandwidth", bandwidth)?;
        Ok(KernelEnergy {
            weights: Array1::zeros(centres.nrows()),
            base,
            centres: centres.as_standard_layout().into_owned(),
            bandwidth,
        })
    }

    /// The base density `q`.
    pub fn base(&self) -> &B {
        &self.base
    }

    /// The centres `z` `(M, D)`.
    pub fn centres(&self) -> ArrayView2<'_, f64> {
        self.centres.view()
    }

    /// The weights `α` `(M)`.
    pub fn weights(&self) -> ArrayView1<'_, f64> {
        self.weights.view()
    }

    /// `1/ℓ²`.
    fn precision(&self) -> f64 {
        self.bandwidth.powi(-2)
    }

    /// Shows every kernel as it is seen from `x`.
    fn look(&self, x: ArrayView1<f64>, d: &mut Vec<f64>, mut see: impl FnMut(Seen<'_>)) {
        let precision = self.precision();
        for (m, z) in self.centres.rows().into_iter().enumerate() {
            let mut distance = 0.0;
            d.clear();
            d.extend(z.iter().zip(x).map(|(z, x)| {
                distance += (z - x).powi(2);
                (z - x) * precision
            }));
            let k = (-0.5 * precision * distance).exp();
            see(Seen { m, k, d });
        }
    }

    /// Adds to every row of `out` what `add(b, row, kernel)` makes of each kernel.
    fn add_to_rows(
        &self,
        x: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
        add: impl Fn(usize, &mut ArrayViewMut1<f64>, &Seen<'_>) + Sync + Send,
    ) {
        for_each_block(out, |block, mut rows| {
            let mut d = Vec::with_capacity(x.ncols());
            for (i, mut row) in rows.outer_iter_mut().enumerate() {
                let b = block * BLOCK_ROWS + i;
                self.look(x.row(b), &mut d, |seen| add(b, &mut row, &seen));
            }
        });
    }

    /// **Adds** `∇f`.
    fn add_score(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.add_to_rows(x, out, |_, row, seen| {
            let weight = self.weights[seen.m] * seen.k;
            row.iter_mut().zip(seen.d).for_each(|(s, d)| *s += weight * d);
        });
    }

    /// **Adds** `Σ_b g(b, kernel m)` to `grad[m]`.
    fn add_gradient(
        &self,
        x: ArrayView2<f64>,
        mut grad: ArrayViewMut1<f64>,
        g: impl Fn(usize, &Seen<'_>) -> f64 + Sync + Send,
    ) {
        let parts = map_blocks(x.nrows(), |_, rows| {
            let mut d = Vec::with_capacity(x.ncols());
            let mut part = Array1::<f64>::zeros(self.weights.len());
            for b in rows {
                self.look(x.row(b), &mut d, |seen| part[seen.m] += g(b, &seen));
            }
            part
        });
        for part in parts {
            grad += &part;
        }
    }
}

impl<B: Score> KernelEnergy<B> {
    /// The same family with the weights that minimise score matching on the rows of `x` `(N, D)` plus a penalty.
    ///
    /// `N M² D` multiplications for the system and `M³/3` for its solution.
    ///
    /// # Errors
    /// No rows, rows that do not fit or are not finite, where the base has no finite score, a negative penalty, and a system that is singular to working precision, which a larger ridge mends.
    pub fn fit(&self, x: ArrayView2<f64>, penalty: KernelPenalty) -> Result<Self>
    where
        B: Clone,
    {
        self.fit_weighted(x, Array1::ones(x.nrows()).view(), penalty)
    }

    /// [`fit`](Self::fit) with means over the data weighted by `w` `(N)`, which are not negative and not all zero.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and weights that are not as said.
    pub fn fit_weighted(
        &self,
        x: ArrayView2<f64>,
        weights: ArrayView1<f64>,
        penalty: KernelPenalty,
    ) -> Result<Self>
    where
        B: Clone,
    {
        check_batch("x", &x, self.dim())?;
        check_count("the number of rows of x", x.nrows())?;
        check_finite("x", &x)?;
        check_shape("weights", &weights, &[x.nrows()])?;
        let is_weight = |w: f64| w.is_finite() && w >= 0.0;
        check_each("weights", weights, "finite and at least zero", is_weight)?;
        let total = weights.sum();
        check_positive("the sum of weights", total)?;
        let is_penalty = |p: f64| p.is_finite() && p >= 0.0;
        for (name, value) in [("smoothness", penalty.smoothness), ("ridge", penalty.ridge)] {
            if !is_penalty(value) {
                return Err(Error::parameter(name, value, "finite and at least zero"));
            }
        }
        let base_score = self.base.score(x);
        check_finite("the score of the base at x", &base_score)?;

        let n_kernels = self.weights.len();
        let mut system = self.gram() * penalty.smoothness;
        system.diag_mut().mapv_inplace(|g| g + penalty.ridge);
        let mut slope = Array1::<f64>::zeros(n_kernels);
        let laplacian = self.precision() * self.dim() as f64;
        // Blocks of rows in turn, so that the gradients of all kernels at all data are never in memory at once.
        for block in 0..x.nrows().div_ceil(BLOCK_ROWS) {
            let rows = block_rows(block, x.nrows());
            let mut gradients = Array2::<f64>::zeros((n_kernels, rows.len() * self.dim()));
            let mut d = Vec::with_capacity(self.dim());
            for (i, b) in rows.enumerate() {
                let share = weights[b] / total;
                let root = share.sqrt();
                let columns = s![i * self.dim()..(i + 1) * self.dim()];
                self.look(x.row(b), &mut d, |seen| {
                    let square: f64 = seen.d.iter().map(|d| d * d).sum();
                    let along = seen.along(base_score.row(b));
                    slope[seen.m] += share * seen.k * (square - laplacian + along);
                    let mut row = gradients.row_mut(seen.m);
                    let own = row.slice_mut(columns);
                    own.into_iter()
                        .zip(seen.d)
                        .for_each(|(g, d)| *g = root * seen.k * d);
                });
            }
            system += &matmul(gradients.view(), gradients.t());
        }
        let factors = Cholesky::new("the system of score matching", system.view())?;
        let weights = -factors.solve_vector(slope.view());
        check_finite("weights of the kernels", &weights)?;
        Ok(KernelEnergy {
            weights,
            ..self.clone()
        })
    }

    /// `K_mn = k(z_m, z_n)`.
    fn gram(&self) -> Array2<f64> {
        let n_kernels = self.weights.len();
        let mut gram = Array2::zeros((n_kernels, n_kernels));
        let centres = self.centres.view();
        self.add_to_rows(centres, gram.view_mut(), |_, row, seen| row[seen.m] = seen.k);
        gram
    }
}

impl<B: Space> Space for KernelEnergy<B> {
    fn dim(&self) -> usize {
        self.base.dim()
    }
}

impl<B: Energy> Energy for KernelEnergy<B> {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        self.base.energy_into(x, out.view_mut());
        let out = out.insert_axis(Axis(1));
        self.add_to_rows(x, out, |_, row, seen| row[0] -= self.weights[seen.m] * seen.k);
    }
}

impl<B: Score> Score for KernelEnergy<B> {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.base.score_into(x, out.view_mut());
        self.add_score(x, out);
    }
}

impl<B: Potential> Potential for KernelEnergy<B> {}

impl<B: ScoreJvp> ScoreJvp for KernelEnergy<B> {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.base.score_jvp_into(x, v, score.view_mut(), jvp.view_mut());
        self.add_score(x, score);
        self.add_to_rows(x, jvp, |b, row, seen| {
            let weight = self.weights[seen.m] * seen.k;
            let along = seen.along(v.row(b));
            for ((j, d), v) in row.iter_mut().zip(seen.d).zip(v.row(b)) {
                *j += weight * (along * d - self.precision() * v);
            }
        });
    }

    fn divergence_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.base.divergence_into(x, out.view_mut());
        let laplacian = self.precision() * self.dim() as f64;
        self.add_to_rows(x, out.insert_axis(Axis(1)), |_, row, seen| {
            let square: f64 = seen.d.iter().map(|d| d * d).sum();
            row[0] += self.weights[seen.m] * seen.k * (square - laplacian);
        });
    }
}

impl<B: Space> Parametric for KernelEnergy<B> {
    fn layout(&self) -> Layout {
        Layout::new().with("weights", &[self.weights.len()])
    }

    fn params(&self) -> Array1<f64> {
        self.weights.clone()
    }
}

impl<B: Space> ParametricMut for KernelEnergy<B> {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        self.weights.assign(&params);
        Ok(())
    }
}

impl<B: Energy> EnergyPullback for KernelEnergy<B> {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let energy = self.energy(x);
        let mut w = Array1::zeros(x.nrows());
        weigh(energy.view(), w.view_mut());
        self.add_gradient(x, grad, |b, seen| -w[b] * seen.k);
    }
}

impl<B: Score> ScorePullback for KernelEnergy<B> {
    fn score_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let score = self.score(x);
        let mut u = Array2::zeros(x.raw_dim());
        cotangent(score.view(), u.view_mut());
        self.add_gradient(x, grad, |b, seen| seen.k * seen.along(u.row(b)));
    }
}

impl<B: ScoreJvp> ScoreJvpPullback for KernelEnergy<B> {
    fn score_jvp_pullback_with(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        cotangent: &mut JvpCotangent<'_>,
        grad: ArrayViewMut1<f64>,
    ) {
        let (mut score, mut jvp) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
        self.score_jvp_into(x, v, score.view_mut(), jvp.view_mut());
        let (mut u, mut w) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
        cotangent(score.view(), jvp.view(), u.view_mut(), w.view_mut());
        self.add_gradient(x, grad, |b, seen| {
            let curved = seen.along(w.row(b)) * seen.along(v.row(b));
            let flat = self.precision() * w.row(b).dot(&v.row(b));
            seen.k * (seen.along(u.row(b)) + curved - flat)
        });
    }
}
