//! An energy with the normaliser that quadrature found.

use gibbsian_core::error::Result;
use gibbsian_core::{Energy, Potential, Score, ScoreJvp, Space};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use super::{Domain, NumericLogZ, QuadratureOptions, numeric_log_z};

/// The density `p(x) = exp(−E(x)) / Z` on a [`Domain`] of one or two dimensions, with `Z` from [`numeric_log_z`].
///
/// It is no [`Density`](gibbsian_core::Density), because it has no exact draws. On a line the inverse of a numerical distribution function would come close, at the cost of an
/// integral a draw and with an error that no test of draws could see; kernels sample from the energy without knowing `Z`.
///
/// Points outside the domain have the energy +∞, the log-density −∞ and no score (NaN).
///
/// ```
/// use gibbsian_densities::positive::{Positive, Square};
/// use gibbsian_densities::quadrature::{Domain, Interval, Normalised, QuadratureOptions};
/// use gibbsian_densities::QuadraticEnergy;
/// use ndarray::array;
///
/// // f(x) = 1 − x² on [−1, 1]; its square has the integral 16/15.
/// let f = QuadraticEnergy::new(array![[2.0]], array![0.0], -1.0)?;
/// let domain = Domain::interval(Interval::closed(-1.0, 1.0)?);
/// let density = Normalised::new(Positive::new(f, Square), domain, QuadratureOptions::default())?;
/// assert!((density.log_z() - (16.0_f64 / 15.0).ln()).abs() <= density.normaliser().error);
/// let log_p = density.log_density(array![[0.0], [3.0]].view());
/// assert_eq!(log_p, array![-density.log_z(), f64::NEG_INFINITY]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Normalised<E> {
    model: E,
    domain: Domain,
    normaliser: NumericLogZ,
}

impl<E: Energy> Normalised<E> {
    /// The density with the energy of `model` on `domain`.
    ///
    /// # Errors
    /// Those of [`numeric_log_z`]: above all, that `exp(−E)` has no integral.
    pub fn new(model: E, domain: Domain, settings: QuadratureOptions) -> Result<Self> {
        let normaliser = numeric_log_z(&model, &domain, settings)?;
        Ok(Normalised {
            model,
            domain,
            normaliser,
        })
    }

    /// The model whose energy was integrated.
    pub fn model(&self) -> &E {
        &self.model
    }

    /// Where the density lives.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// `log Z`, a natural logarithm.
    pub fn log_z(&self) -> f64 {
        self.normaliser.log_z
    }

    /// `log Z` with its error and cost.
    pub fn normaliser(&self) -> NumericLogZ {
        self.normaliser
    }

    /// `log p(x_b) = −E(x_b) − log Z` of every row of `x` `(B, D)`.
    pub fn log_density(&self, x: ArrayView2<f64>) -> Array1<f64> {
        self.energy(x).mapv(|e| -e - self.log_z())
    }

    /// Whether the row lies outside the domain; one with NaN lies nowhere, and keeps what the model says.
    fn excludes(&self, row: ArrayView1<f64>) -> bool {
        !row.iter().any(|x| x.is_nan()) && !self.domain.contains(row)
    }

    /// Writes NaN into the rows of `out` that belong to points outside.
    fn blank(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for (x, mut out) in x.rows().into_iter().zip(out.rows_mut()) {
            if self.excludes(x) {
                out.fill(f64::NAN);
            }
        }
    }
}

impl<E: Energy> Space for Normalised<E> {
    fn dim(&self) -> usize {
        self.model.dim()
    }
}

impl<E: Energy> Energy for Normalised<E> {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.model.energy_into(x, out.view_mut());
        for (x, out) in x.rows().into_iter().zip(&mut out) {
            if self.excludes(x) {
                *out = f64::INFINITY;
            }
        }
    }
}

impl<E: Energy + Score> Score for Normalised<E> {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.model.score_into(x, out.view_mut());
        self.blank(x, out);
    }
}

impl<E: Energy + Score> Potential for Normalised<E> {}

impl<E: Energy + ScoreJvp> ScoreJvp for Normalised<E> {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.model.score_jvp_into(x, v, score.view_mut(), jvp.view_mut());
        self.blank(x, score);
        self.blank(x, jvp);
    }

    fn divergence_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.model.divergence_into(x, out.view_mut());
        self.blank(x, out.insert_axis(ndarray::Axis(1)));
    }
}
