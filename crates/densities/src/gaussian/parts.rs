//! Marginals, conditionals and images of normal densities, which are normal.
//!
//! A marginal keeps entries of the covariance and a conditional keeps entries of the precision, so each is read off in the form where it is
//! exact (Bishop 2006, Pattern Recognition and Machine Learning, section 2.3).

use gibbsian_core::error::{Error, Result, check_finite, check_shape};
use gibbsian_core::parallel::for_each_block;
use gibbsian_core::{Blocks, Space, Streams};
use gibbsian_linalg::matmul;
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut2, Axis};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::normal::MultivariateNormal;
use super::whitening::Whitening;

impl MultivariateNormal {
    /// The density of these coordinates, in this order.
    ///
    /// # Errors
    /// No coordinate, one out of range, or one given twice.
    pub fn marginal(&self, coordinates: &[usize]) -> Result<MultivariateNormal> {
        self.check_coordinates("coordinates", coordinates)?;
        let covariance = self
            .covariance()
            .select(Axis(0), coordinates)
            .select(Axis(1), coordinates);
        MultivariateNormal::from_covariance(self.mean().select(Axis(0), coordinates), covariance)
    }

    /// The density of the other coordinates, in ascending order, given that these have these values:
    /// `N(μ_A − P_AA⁻¹ P_AB (x_B − μ_B), P_AA⁻¹)`.
    ///
    /// # Errors
    /// As [`marginal`](Self::marginal); all coordinates, so that none is left; values that are not as many, or not finite.
    ///
    /// ```
    /// use gibbsian_densities::MultivariateNormal;
    /// use ndarray::array;
    ///
    /// let normal = MultivariateNormal::from_covariance(array![0.0, 1.0], array![[1.0, 0.5], [0.5, 1.0]])?;
    /// let given = normal.conditional(&[1], array![3.0].view())?;
    /// assert!((given.mean()[0] - 1.0).abs() < 1e-15);
    /// assert!((given.covariance()[(0, 0)] - 0.75).abs() < 1e-15);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn conditional(&self, given: &[usize], values: ArrayView1<f64>) -> Result<MultivariateNormal> {
        self.check_coordinates("given", given)?;
        check_shape("values", &values, &[given.len()])?;
        check_finite("values", &values)?;
        let rest: Vec<usize> = (0..self.dim()).filter(|i| !given.contains(i)).collect();
        if rest.is_empty() {
            return Err(Error::parameter(
                "given",
                format!("{given:?}"),
                "fewer than all coordinates",
            ));
        }
        let rows = self.precision().select(Axis(0), &rest);
        let whitening = Whitening::from_precision("precision", rows.select(Axis(1), &rest).view())?;
        let pull = rows
            .select(Axis(1), given)
            .dot(&(&values - &self.mean().select(Axis(0), given)));
        let mean = self.mean().select(Axis(0), &rest) - whitening.covariance().dot(&pull);
        check_finite("mean", &mean)?;
        Ok(MultivariateNormal::from_parts(mean, whitening))
    }

    /// The density of `A x + b`, `N(A μ + b, A Σ Aᵀ)`, for `A` `(M, D)` of full row rank and `b` `(M)`.
    ///
    /// # Errors
    /// Shapes that do not fit, entries that are not finite, or an `A` without full row rank: then the covariance of the image is singular.
    pub fn affine_image(
        &self,
        matrix: ArrayView2<f64>,
        shift: ArrayView1<f64>,
    ) -> Result<MultivariateNormal> {
        check_shape("matrix", &matrix, &[shift.len(), self.dim()])?;
        check_finite("matrix", &matrix)?;
        check_finite("shift", &shift)?;
        let root = matmul(matrix, self.cholesky().view());
        let covariance = matmul(root.view(), root.t());
        MultivariateNormal::from_covariance(matrix.dot(&self.mean()) + shift, covariance)
    }

    /// Requires at least one coordinate, each in range and only once.
    fn check_coordinates(&self, name: &'static str, coordinates: &[usize]) -> Result<()> {
        let allowed = |(k, i): (usize, &usize)| *i < self.dim() && !coordinates[..k].contains(i);
        if !coordinates.is_empty() && coordinates.iter().enumerate().all(allowed) {
            return Ok(());
        }
        Err(Error::parameter(
            name,
            format!("{coordinates:?}"),
            format!("at least one, distinct and below {}", self.dim()),
        ))
    }
}

/// One coordinate a block: `x_i` given the rest is `N(x_i − (P (x − μ))_i / P_ii, 1 / P_ii)`, whatever the present `x_i`.
impl Blocks for MultivariateNormal {
    fn n_blocks(&self) -> usize {
        self.dim()
    }

    fn resample(
        &self,
        x: ArrayViewMut2<f64>,
        block: usize,
        free: Option<ArrayView1<bool>>,
        rng: &mut dyn Rng,
    ) {
        assert!(
            x.ncols() == self.dim() && block < self.dim(),
            "x has shape {:?} and the block is {block}, but there are {} coordinates",
            x.shape(),
            self.dim(),
        );
        let streams = Streams::draw(rng);
        if free.is_some_and(|free| !free[block]) {
            return;
        }
        let (mean, row): (_, Array1<f64>) = (self.mean(), self.precision().row(block).to_owned());
        let deviation = row[block].recip().sqrt();
        for_each_block(x, |rows_block, mut rows| {
            let mut rng = streams.block(rows_block);
            for mut x in rows.rows_mut() {
                let mut pull = 0.0;
                for j in (0..mean.len()).filter(|j| *j != block) {
                    pull += row[j] * (x[j] - mean[j]);
                }
                let z: f64 = rng.sample(StandardNormal);
                x[block] = mean[block] - pull / row[block] + deviation * z;
            }
        });
    }
}
