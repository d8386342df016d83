//! The multivariate normal density.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Error, Result, check_finite, check_positive, check_shape};
use gibbsian_core::parallel::for_each_block;
use gibbsian_core::{Density, Energy, Potential, Score, ScoreJvp, Space, Streams};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::rows::for_rows;
use super::whitening::Whitening;

/// The normal density `N(μ, Σ)` on `D` dimensions.
///
/// `E(x) = ½ (x − μ)ᵀ Σ⁻¹ (x − μ)`, `log Z = ½ log |2πΣ|`, `s(x) = −Σ⁻¹ (x − μ)`, `J = −Σ⁻¹`.
///
/// **Accuracy.** Up to 256 dimensions the factor of the covariance is computed in twice the working precision, so that energies and
/// scores carry the rounding of their own products and sums only, `O(ε) Σ_a |y_a| Σ_c |W_ac (x − μ)_c|` for `y = W (x − μ)` and
/// `W = L⁻¹`, also where the covariance is ill-conditioned. Beyond 256 dimensions ordinary arithmetic is used throughout.
/// A matrix with nothing beside its diagonal costs `D` operations a point instead of `D²`.
///
/// ```
/// use gibbsian_core::{Density, Energy, Score, Seed};
/// use gibbsian_densities::MultivariateNormal;
/// use ndarray::array;
///
/// let normal = MultivariateNormal::from_covariance(array![1.0, 0.0], array![[4.0, 2.0], [2.0, 5.0]])?;
/// let x = array![[3.0, 1.0]];
/// assert_eq!(normal.energy(x.view()), array![0.5]);
/// assert_eq!(normal.score(x.view()), array![[-0.5, 0.0]]);
/// assert_eq!(normal.sample(3, &mut Seed::new(1).rng()).dim(), (3, 2));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MultivariateNormal {
    mean: Array1<f64>,
    whitening: Whitening,
}

impl MultivariateNormal {
    /// The density of this mean `(D)` and covariance `(D, D)`.
    ///
    /// # Errors
    /// Shapes that do not fit, entries that are not finite, a matrix that is not symmetric within
    /// [`SYMMETRY_TOLERANCE`](gibbsian_linalg::SYMMETRY_TOLERANCE) or not positive definite: then with the pivot at which that shows, its
    /// value and, up to 64 dimensions, the smallest eigenvalue. Also a covariance whose inverse overflows.
    pub fn from_covariance(mean: Array1<f64>, covariance: Array2<f64>) -> Result<Self> {
        check_parts("mean", &mean, "covariance", &covariance)?;
        let whitening = Whitening::from_covariance("covariance", covariance.view())?;
        Ok(MultivariateNormal { mean, whitening })
    }

    /// The density of this mean `(D)` and precision `Σ⁻¹` `(D, D)`.
    ///
    /// # Errors
    /// As [`from_covariance`](Self::from_covariance).
    pub fn from_precision(mean: Array1<f64>, precision: Array2<f64>) -> Result<Self> {
        check_parts("mean", &mean, "precision", &precision)?;
        let whitening = Whitening::from_precision("precision", precision.view())?;
        Ok(MultivariateNormal { mean, whitening })
    }

    /// The density of this mean `(D)` and the covariance `L Lᵀ`, from the lower triangle of `L` `(D, D)`.
    ///
    /// # Errors
    /// Shapes that do not fit, entries that are not finite, a diagonal entry that is not greater than zero, or a covariance or
    /// precision that overflows.
    pub fn from_cholesky(mean: Array1<f64>, lower: Array2<f64>) -> Result<Self> {
        check_parts("mean", &mean, "lower", &lower)?;
        let whitening = Whitening::from_lower("lower", lower.view())?;
        Ok(MultivariateNormal { mean, whitening })
    }

    /// The standard normal density on `D` dimensions.
    ///
    /// # Errors
    /// If `dim` is zero.
    pub fn standard(dim: usize) -> Result<Self> {
        MultivariateNormal::isotropic(Array1::zeros(dim), 1.0)
    }

    /// The density of this mean `(D)` and the covariance `variance · I`.
    ///
    /// # Errors
    /// A mean without entries or with one that is not finite; a variance that is not finite and greater than zero.
    pub fn isotropic(mean: Array1<f64>, variance: f64) -> Result<Self> {
        check_positive("variance", variance)?;
        let variances = Array1::from_elem(mean.len(), variance);
        MultivariateNormal::diagonal(mean, variances)
    }

    /// The density of independent coordinates with these means `(D)` and variances `(D)`.
    ///
    /// # Errors
    /// Lengths that differ or are zero, a mean that is not finite, a variance that is not finite and greater than zero or whose inverse is
    /// not.
    pub fn diagonal(mean: Array1<f64>, variances: Array1<f64>) -> Result<Self> {
        check_finite("mean", &mean)?;
        check_shape("variances", &variances, &[mean.len()])?;
        let whitening = Whitening::diagonal("variances", variances)?;
        Ok(MultivariateNormal { mean, whitening })
    }

    /// The mean `μ` `(D)`.
    pub fn mean(&self) -> ArrayView1<'_, f64> {
        self.mean.view()
    }

    /// The covariance `Σ` `(D, D)`.
    pub fn covariance(&self) -> Array2<f64> {
        self.whitening.covariance()
    }

    /// The precision `Σ⁻¹` `(D, D)`.
    pub fn precision(&self) -> Array2<f64> {
        self.whitening.precision()
    }

    /// The lower triangular `L` with `Σ = L Lᵀ`, `(D, D)`.
    pub fn cholesky(&self) -> Array2<f64> {
        self.whitening.lower()
    }

    /// The lower triangular `W = L⁻¹` `(D, D)`: `W (x − μ)` is standard normal, and `WᵀW = Σ⁻¹`.
    pub fn whitening(&self) -> Array2<f64> {
        self.whitening.whitening()
    }

    /// `log |Σ|`.
    pub fn log_det_covariance(&self) -> f64 {
        self.whitening.log_det()
    }

    /// The squared Mahalanobis distances `(x − μ)ᵀ Σ⁻¹ (x − μ)` of the rows of `x` `(B, D)`, `(B)`.
    pub fn squared_distance(&self, x: ArrayView2<f64>) -> Array1<f64> {
        2.0 * self.energy(x)
    }

    /// Writes `log p(x_b)` into `log_density` `(B)` and `s(x_b)` into `score` `(B, D)`, in one pass over `x`: the same bits as
    /// [`Density::log_density_into`] and [`Score::score_into`].
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn log_density_and_score_into(
        &self,
        x: ArrayView2<f64>,
        log_density: ArrayViewMut1<f64>,
        score: ArrayViewMut2<f64>,
    ) {
        assert_energy_shapes(self.dim(), x, &log_density);
        assert_score_shapes(x, &score);
        let (mean, log_z) = (self.mean_slice(), self.log_z());
        let outputs = [log_density.insert_axis(Axis(1)), score];
        for_rows(x, outputs, &|rows, [log_density, score]| {
            self.whitening.energies(mean, rows, log_density);
            log_density.iter_mut().for_each(|e| *e = -*e - log_z);
            self.whitening.scores(mean, rows, score);
        });
    }

    pub(crate) fn mean_slice(&self) -> &[f64] {
        self.mean.as_slice().expect("owned arrays are contiguous")
    }

    pub(crate) fn whitening_form(&self) -> &Whitening {
        &self.whitening
    }

    pub(crate) fn from_parts(mean: Array1<f64>, whitening: Whitening) -> Self {
        MultivariateNormal { mean, whitening }
    }
}

/// Requires finite means, as many rows and columns as means, and at least one.
pub(crate) fn check_parts(
    name_of_mean: &'static str,
    mean: &Array1<f64>,
    name: &'static str,
    matrix: &Array2<f64>,
) -> Result<()> {
    if mean.is_empty() {
        return Err(Error::shape(name_of_mean, mean.shape(), "(at least 1)"));
    }
    check_finite(name_of_mean, mean)?;
    check_shape(name, matrix, &[mean.len(), mean.len()])
}

/// Panics with both shapes unless a score fits the batch.
#[track_caller]
pub(crate) fn assert_score_shapes(x: ArrayView2<f64>, out: &ArrayViewMut2<f64>) {
    assert!(
        out.dim() == x.dim(),
        "x has shape {:?} and the score has shape {:?}, but they must be equal",
        x.shape(),
        out.shape(),
    );
}

impl Space for MultivariateNormal {
    fn dim(&self) -> usize {
        self.mean.len()
    }
}

impl Energy for MultivariateNormal {
    /// `½ (x − μ)ᵀ Σ⁻¹ (x − μ)`, which is `+∞` at infinity and where it overflows.
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        let mean = self.mean_slice();
        for_rows(x, [out.insert_axis(Axis(1))], &|rows, [out]| {
            self.whitening.energies(mean, rows, out);
        });
    }
}

impl Density for MultivariateNormal {
    /// `½ log |2πΣ|`.
    fn log_z(&self) -> f64 {
        self.whitening.log_z()
    }

    /// `x = μ + L z` with standard normal `z`.
    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let streams = Streams::draw(rng);
        let colouring = self.whitening.colouring();
        let mut x = Array2::zeros((n, self.dim()));
        for_each_block(x.view_mut(), |block, mut rows| {
            let mut rng = streams.block(block);
            let z: Vec<f64> = (0..rows.len()).map(|_| rng.sample(StandardNormal)).collect();
            rows.assign(&self.mean);
            colouring.add_to(&z, rows.as_slice_mut().expect("rows of an owned array"));
        });
        x
    }

    fn log_density_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        let (mean, log_z) = (self.mean_slice(), self.log_z());
        for_rows(x, [out.insert_axis(Axis(1))], &|rows, [out]| {
            self.whitening.energies(mean, rows, out);
            out.iter_mut().for_each(|e| *e = -*e - log_z);
        });
    }
}

impl Score for MultivariateNormal {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        assert_score_shapes(x, &out);
        assert_eq!(x.ncols(), self.dim(), "x has shape {:?}", x.shape());
        let mean = self.mean_slice();
        for_rows(x, [out], &|rows, [out]| self.whitening.scores(mean, rows, out));
    }
}

impl Potential for MultivariateNormal {
    /// In one pass over `x`, with the same bits as [`Energy::energy_into`] and [`Score::score_into`].
    fn energy_and_score_into(
        &self,
        x: ArrayView2<f64>,
        energy: ArrayViewMut1<f64>,
        score: ArrayViewMut2<f64>,
    ) {
        assert_energy_shapes(self.dim(), x, &energy);
        assert_score_shapes(x, &score);
        let mean = self.mean_slice();
        for_rows(
            x,
            [energy.insert_axis(Axis(1)), score],
            &|rows, [energy, score]| {
                self.whitening.energies(mean, rows, energy);
                self.whitening.scores(mean, rows, score);
            },
        );
    }
}

impl ScoreJvp for MultivariateNormal {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    ) {
        self.score_into(x, score);
        // J v = −Σ⁻¹ v is the score of the density centred at zero.
        assert_score_shapes(v, &jvp);
        let origin = vec![0.0; self.dim()];
        for_rows(v, [jvp], &|rows, [out]| self.whitening.scores(&origin, rows, out));
    }

    /// `−tr Σ⁻¹`, the same everywhere; NaN at points with NaN.
    fn divergence_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        let trace = self.whitening.precision_trace();
        for (out, row) in out.iter_mut().zip(x.rows()) {
            *out = if row.iter().any(|v| v.is_nan()) {
                f64::NAN
            } else {
                -trace
            };
        }
    }
}
