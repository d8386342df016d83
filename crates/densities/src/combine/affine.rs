//! An affine change of variables.
//!
//! If `z ~ p_z` and `x = A z + b`, then `log p(x) = log p_z(A⁻¹(x − b)) − log|det A|`, the score is `s(x) = A⁻ᵀ s_z(z)` and its Jacobian
//! `J(x) = A⁻ᵀ J_z(z) A⁻¹`.
//!
//! `z` is solved for, by an LU factorisation and one step of refinement: with it the error of `z` is at most some ε of
//! `|A⁻¹| |A| |z|`, entry by entry, however the rows and columns of `A` are scaled (Skeel 1980; Higham 2002, theorem 12.3). An inverse
//! matrix promises less.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Result, check_finite, check_shape};
use gibbsian_core::{Density, Energy, Potential, Score, ScoreJvp, Space};
use gibbsian_linalg::Lu;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};
use rand::Rng;

use super::rows::{map_rows, without_density};

/// The density of `x = A z + b` where `z` has the density `base`; the energy is that of `base` at `z`.
///
/// ```
/// use gibbsian_core::Density;
/// use gibbsian_densities::{Affine, LinearGaussianChain};
/// use ndarray::{array, Array1, Array2};
///
/// // Rotating a standard normal by 90° changes nothing; stretching it by 2 and 3 divides the density at its mode by 6.
/// let standard = LinearGaussianChain::new(Array2::zeros((2, 2)), Array1::zeros(2), Array1::ones(2))?;
/// let rotated = Affine::new(&standard, array![[0.0, -1.0], [1.0, 0.0]], array![0.0, 0.0])?;
/// let stretched = Affine::new(&standard, array![[2.0, 0.0], [0.0, 3.0]], array![5.0, 5.0])?;
/// assert_eq!(rotated.log_z(), standard.log_z());
/// assert_eq!(stretched.log_z(), 2.0_f64.ln() + 3.0_f64.ln());
/// assert_eq!(stretched.to_base(array![[7.0, 2.0]].view()), array![[1.0, -1.0]]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Affine<B> {
    base: B,
    matrix: Array2<f64>,
    offset: Array1<f64>,
    forward: Lu,
    transposed: Lu,
}

impl<B: Space> Affine<B> {
    /// The change of variables with `matrix` `A` `(D, D)` and `offset` `b` `(D)`.
    ///
    /// # Errors
    /// Shapes that do not fit the base, entries that are not finite, or a singular matrix.
    pub fn new(base: B, matrix: Array2<f64>, offset: Array1<f64>) -> Result<Self> {
        let dim = base.dim();
        check_shape("matrix", &matrix, &[dim, dim])?;
        check_shape("offset", &offset, &[dim])?;
        check_finite("offset", &offset)?;
        Ok(Affine {
            forward: Lu::new("matrix", matrix.view())?,
            transposed: Lu::new("matrix", matrix.t())?,
            base,
            matrix,
            offset,
        })
    }

    /// The density of `z`.
    pub fn base(&self) -> &B {
        &self.base
    }

    /// The matrix `A`.
    pub fn matrix(&self) -> ArrayView2<'_, f64> {
        self.matrix.view()
    }

    /// The offset `b`.
    pub fn offset(&self) -> ArrayView1<'_, f64> {
        self.offset.view()
    }

    /// `log|det A|`.
    pub fn log_abs_det(&self) -> f64 {
        self.forward.log_abs_det()
    }

    /// `z = A⁻¹(x − b)` of all rows of `x` `(B, D)`.
    ///
    /// # Panics
    /// When `x` has not `D` columns.
    pub fn to_base(&self, x: ArrayView2<f64>) -> Array2<f64> {
        self.solve(&x - &self.offset)
    }

    /// `x = A z + b` of all rows of `z` `(B, D)`.
    ///
    /// # Panics
    /// When `z` has not `D` columns.
    pub fn from_base(&self, z: ArrayView2<f64>) -> Array2<f64> {
        self.product(z) + &self.offset
    }

    /// `A⁻¹ y` for the rows of `y`.
    fn solve(&self, y: Array2<f64>) -> Array2<f64> {
        solve_rows(&self.forward, self.matrix.view(), y)
    }

    /// `A⁻ᵀ y` for the rows of `y`.
    fn solve_transposed(&self, y: Array2<f64>) -> Array2<f64> {
        solve_rows(&self.transposed, self.matrix.t(), y)
    }

    /// `A z` for the rows of `z`.
    fn product(&self, z: ArrayView2<f64>) -> Array2<f64> {
        product_rows(self.matrix.view(), z)
    }
}

/// `a⁻¹ y_b` for the rows of `y`, with one step of refinement.
fn solve_rows(lu: &Lu, a: ArrayView2<f64>, y: Array2<f64>) -> Array2<f64> {
    // Right-hand sides are columns, and are laid out in rows here whatever the layout of the caller's array was.
    let solve = |y: ArrayView2<f64>| lu.solve(y.t().as_standard_layout().view()).reversed_axes();
    let mut z = solve(y.view());
    let correction = solve((y - product_rows(a, z.view())).view());
    // A solution that overflowed, or NaN, is what it is.
    z.zip_mut_with(&correction, |z, &c| {
        if c.is_finite() {
            *z += c;
        }
    });
    z
}

/// `a z_b` for the rows of `z`, summed in one order on every machine.
fn product_rows(a: ArrayView2<f64>, z: ArrayView2<f64>) -> Array2<f64> {
    let mut out = Array2::zeros((z.nrows(), a.nrows()));
    map_rows(a.ncols(), z, out.view_mut(), |z, out| {
        for (out, a) in out.iter_mut().zip(a.rows()) {
            *out = a.iter().zip(z).map(|(a, z)| a * z).sum();
        }
    });
    out
}

impl<B: Space> Space for Affine<B> {
    fn dim(&self) -> usize {
        self.base.dim()
    }
}

impl<B: Energy> Energy for Affine<B> {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        self.base.energy_into(self.to_base(x).view(), out.view_mut());
        without_density(x, out);
    }
}

impl<B: Density> Density for Affine<B> {
    fn log_z(&self) -> f64 {
        self.base.log_z() + self.log_abs_det()
    }

    fn log_density_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        self.base.log_density_into(self.to_base(x).view(), out.view_mut());
        // As an energy, so that what overflows becomes +∞.
        out.mapv_inplace(|log_p| self.log_abs_det() - log_p);
        without_density(x, out.view_mut());
        out.mapv_inplace(|e| -e);
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        self.from_base(self.base.sample(n, rng).view())
    }
}

impl<B: Score> Score for Affine<B> {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&self.solve_transposed(self.base.score(self.to_base(x).view())));
    }
}

impl<B: Potential> Potential for Affine<B> {}

impl<B: ScoreJvp> ScoreJvp for Affine<B> {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        let direction = self.solve(v.to_owned());
        let (mut base_score, mut base_jvp) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
        self.base.score_jvp_into(
            self.to_base(x).view(),
            direction.view(),
            base_score.view_mut(),
            base_jvp.view_mut(),
        );
        score.assign(&self.solve_transposed(base_score));
        jvp.assign(&self.solve_transposed(base_jvp));
    }

    /// `tr A⁻ᵀ J_z A⁻¹ = Σ_i c_i·J_z c_i` with the columns `c_i` of `A⁻¹`; NaN where `x` is.
    fn divergence_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        let z = self.to_base(x);
        let columns = self.solve(Array2::eye(self.dim()));
        let (mut score, mut jvp) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
        // A product with the Jacobian of a linear score does not see where it is.
        out.assign(&x.map_axis(Axis(1), |x| {
            if x.iter().any(|x| x.is_nan()) {
                f64::NAN
            } else {
                0.0
            }
        }));
        for column in columns.rows() {
            let direction = column.broadcast(x.raw_dim()).expect("rows of the batch's width");
            self.base
                .score_jvp_into(z.view(), direction, score.view_mut(), jvp.view_mut());
            out += &jvp.dot(&column);
        }
    }
}
