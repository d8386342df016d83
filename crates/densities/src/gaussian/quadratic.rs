//! Quadratic energies, and completing the square.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Error, Result, check_finite, check_shape};
use gibbsian_core::{Energy, Potential, Score, ScoreJvp, Space};
use gibbsian_linalg::{SYMMETRY_TOLERANCE, matmul_into};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};

use super::normal::MultivariateNormal;
use super::rows::for_rows;
use super::whitening::Whitening;

/// The energy `E(x) = ½ xᵀ A x − bᵀ x + c` with symmetric `A`, on `D` dimensions.
///
/// It need not have a normaliser: `exp(−E)` is integrable exactly when `A` is positive definite, and then
/// [`complete_the_square`](Self::complete_the_square) finds its integral. In one dimension that is
/// `∫ exp(−a x² + b x) dx = √(π/a) exp(b²/4a)`:
///
/// ```
/// use gibbsian_densities::QuadraticEnergy;
/// use ndarray::array;
///
/// let (a, b) = (3.0, 2.0);
/// let energy = QuadraticEnergy::new(array![[2.0 * a]], array![b], 0.0)?;
/// let (normal, log_integral) = energy.complete_the_square()?;
/// let expected = (std::f64::consts::PI / a).sqrt() * (b * b / (4.0 * a)).exp();
/// assert!((log_integral.exp() - expected).abs() < 1e-15 * expected.abs() * 4.0);
/// assert_eq!(normal.mean(), array![b / (2.0 * a)]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct QuadraticEnergy {
    matrix: Array2<f64>,
    linear: Array1<f64>,
    constant: f64,
}

impl QuadraticEnergy {
    /// The energy with the matrix `A` `(D, D)`, the linear term `b` `(D)` and the constant `c`.
    ///
    /// # Errors
    /// Shapes that do not fit, entries that are not finite, or a matrix that is not symmetric within [`SYMMETRY_TOLERANCE`] of its
    /// largest entry. It need not be definite.
    pub fn new(matrix: Array2<f64>, linear: Array1<f64>, constant: f64) -> Result<Self> {
        if linear.is_empty() {
            return Err(Error::shape("linear", linear.shape(), "(at least 1)"));
        }
        check_shape("matrix", &matrix, &[linear.len(), linear.len()])?;
        check_finite("matrix", &matrix)?;
        check_finite("linear", &linear)?;
        if !constant.is_finite() {
            return Err(Error::parameter("constant", constant, "finite"));
        }
        let allowed = SYMMETRY_TOLERANCE * matrix.fold(0.0, |largest: f64, a| largest.max(a.abs()));
        for ((i, j), &a) in matrix.indexed_iter() {
            if (0.5 * a - 0.5 * matrix[(j, i)]).abs() > 0.5 * allowed {
                let requirement = format!(
                    "within {allowed:e} of matrix[{j}, {i}], which is {}",
                    matrix[(j, i)]
                );
                return Err(Error::parameter(format!("matrix[{i}, {j}]"), a, requirement));
            }
        }
        let matrix = Array2::from_shape_fn(matrix.raw_dim(), |(i, j)| {
            let (a, b) = (matrix[(i, j)], matrix[(j, i)]);
            if a == b { a } else { 0.5 * a + 0.5 * b }
        });
        Ok(QuadraticEnergy {
            matrix,
            linear,
            constant,
        })
    }

    /// `A` `(D, D)`.
    pub fn matrix(&self) -> ArrayView2<'_, f64> {
        self.matrix.view()
    }

    /// `b` `(D)`.
    pub fn linear(&self) -> ArrayView1<'_, f64> {
        self.linear.view()
    }

    /// `c`.
    pub fn constant(&self) -> f64 {
        self.constant
    }

    /// The normal density `N(A⁻¹b, A⁻¹)` with this energy, and `log ∫ exp(−E(x)) dx = ½ bᵀA⁻¹b − c + ½ log |2πA⁻¹|`.
    ///
    /// The first term is computed as `½ |Lᵀb|²` with `A⁻¹ = L Lᵀ`.
    ///
    /// # Errors
    /// If `A` is not positive definite, so that `exp(−E)` is not integrable: with the pivot at which that shows. Also a mean, an inverse
    /// or an integral whose logarithm overflows.
    pub fn complete_the_square(&self) -> Result<(MultivariateNormal, f64)> {
        let name = "the matrix of an energy that is to be integrable";
        let whitening = Whitening::from_precision(name, self.matrix.view())?;
        let lower = whitening.lower();
        let half = lower.t().dot(&self.linear);
        let mean = lower.dot(&half);
        check_finite("mean", &mean)?;
        let log_integral = 0.5 * half.dot(&half) - self.constant + whitening.log_z();
        if !log_integral.is_finite() {
            return Err(Error::parameter(
                "the logarithm of the integral",
                log_integral,
                "finite",
            ));
        }
        Ok((MultivariateNormal::from_parts(mean, whitening), log_integral))
    }

    /// `sum` if it is finite, and otherwise the energy at `x` by sums that cannot overflow: `sum` may be a difference of infinities, and NaN also where
    /// `A` is positive definite.
    ///
    /// With the largest `|x_i|` in the place of `m`, or 1 where that is larger, the largest entry of `A` and `b` in that of `a`, and `u = x/m`, it is
    /// `E = a m² Σ_i u_i (½ (A/a u)_i − (b/a)_i/m) + c`. Both are rounded to powers of two, by which divisions are exact.
    fn finite_or_scaled(&self, sum: f64, x: ArrayView1<f64>) -> f64 {
        if sum.is_finite() || !x.iter().all(|x| x.is_finite()) {
            return sum;
        }
        let larger = |largest: f64, v: &f64| largest.max(v.abs());
        let m = power_of_two(x.iter().fold(1.0, larger));
        let entries = self.matrix.iter().chain(&self.linear);
        let a = power_of_two(entries.fold(f64::MIN_POSITIVE, larger));
        let u = x.mapv(|x| x / m);
        let mut scaled = 0.0;
        for i in 0..u.len() {
            let row = self.matrix.row(i).mapv(|v| v / a);
            scaled += u[i] * (0.5 * row.dot(&u) - self.linear[i] / a / m);
        }
        // In an order in which zero stays zero, and nothing overflows that the energy does not.
        a.min(1.0) * m * (m * scaled) * a.max(1.0) + self.constant
    }
}

/// The power of two at or below a normal positive number.
fn power_of_two(value: f64) -> f64 {
    f64::from_bits(value.to_bits() & f64::INFINITY.to_bits())
}

impl Space for QuadraticEnergy {
    fn dim(&self) -> usize {
        self.linear.len()
    }
}

impl Energy for QuadraticEnergy {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        let d = self.dim();
        for_rows(x, [out.insert_axis(Axis(1))], &|rows, [out]| {
            for (x, out) in rows.chunks_exact(d).zip(out) {
                // E = Σ_i x_i (½ (A x)_i − b_i) + c.
                let x = ArrayView1::from(x);
                let mut sum = 0.0;
                for i in 0..d {
                    sum += x[i] * (0.5 * self.matrix.row(i).dot(&x) - self.linear[i]);
                }
                *out = self.finite_or_scaled(sum + self.constant, x);
            }
        });
    }
}

impl Score for QuadraticEnergy {
    /// `b − A x`.
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        matmul_into(-1.0, x, self.matrix.view(), 0.0, out.view_mut());
        out += &self.linear;
    }
}

impl Potential for QuadraticEnergy {
    /// By one product of matrices: `E = c − ½ (x·s + x·b)` with the score `s = b − A x`.
    fn energy_and_score_into(
        &self,
        x: ArrayView2<f64>,
        mut energy: ArrayViewMut1<f64>,
        mut score: ArrayViewMut2<f64>,
    ) {
        assert_energy_shapes(self.dim(), x, &energy);
        self.score_into(x, score.view_mut());
        for ((e, x), s) in energy.iter_mut().zip(x.rows()).zip(score.rows()) {
            let sum = self.constant - 0.5 * (x.dot(&s) + x.dot(&self.linear));
            *e = self.finite_or_scaled(sum, x);
        }
    }
}

impl ScoreJvp for QuadraticEnergy {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    ) {
        self.score_into(x, score);
        matmul_into(-1.0, v, self.matrix.view(), 0.0, jvp);
    }

    /// `−tr A`, the same everywhere; NaN at points with NaN.
    fn divergence_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        let trace = self.matrix.diag().sum();
        for (out, row) in out.iter_mut().zip(x.rows()) {
            *out = if row.iter().any(|v| v.is_nan()) {
                f64::NAN
            } else {
                -trace
            };
        }
    }
}
