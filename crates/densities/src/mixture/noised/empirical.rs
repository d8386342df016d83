//! Points of data under a linear-Gaussian forward process: the score that a network is trained towards, exactly.
//!
//! The empirical distribution of `x_1 … x_n` has no density, but noised it is a mixture with a component at every point,
//!
//! `p_t(x) = (1/n) Σ_i N(x; α x_i, σ² I)`
//!
//! (Parzen 1962), and the minimiser of denoising score matching over *all* functions on these data is its score (Vincent 2011). With the weights
//! `r_i(x) ∝ exp(−‖x − α x_i‖²/2σ²)`, which sum to one,
//!
//! | quantity | formula |
//! |---|---|
//! | denoiser | `E[x_0 | x] = Σ_i r_i x_i` (Karras, Aittala, Aila and Laine 2022, appendix B.3) |
//! | score | `s = (α E[x_0 | x] − x)/σ²` |
//! | covariance of the clean point | `C = Σ_i r_i (x_i − E[x_0 | x])(x_i − E[x_0 | x])ᵀ` |
//! | Hessian of `log p_t` | `J = (α²/σ⁴) C − I/σ²` |
//!
//! **It remembers.** As `σ → 0` the weights of all points but the nearest vanish like `exp(−(difference of squared distances)/2σ²)`, and the reverse process or the flow under this score
//! ends at the points of the data, each with probability `1/n`: nothing new is generated. What a network makes of data lies between this and the density that they are a sample of, and is measured from here.
//!
//! The sums are over all points for every row, `O(n D)`. They run in the loops of isotropic mixtures, with components of variance zero.

use std::f64::consts::TAU;

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Error, Result, check_finite, check_positive};
use gibbsian_core::simd::vectorized;
use gibbsian_core::{
    LinearGaussian, Space, Streams, TimeEnergy, TimePotential, TimeScore, TimeScoreJvp, parallel,
};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3};
use rand::{Rng, RngExt};

use super::density::noised_density;
use super::evaluation::{Outputs, assert_matrices, for_each_chunk};
use super::isotropic::{Isotropic, IsotropicChunk, PointsChunk, Wanted};
use super::levels;
use super::panel::Levels;
use super::sampling::add_noise;
use crate::mixture::evaluation::assert_rows;
use crate::mixture::{Covariances, GaussianMixture};

/// The empirical distribution of `n` points, noised by a forward process: `p_t`, its score, and everything about `x_0` given `x_t`, in closed form.
///
/// Every function takes rows `x` `(B, D)` and a time for each, `t` `(B)`. A row whose time is not in `[0, T]`, NaN included, gives NaN; and so does a row at a time without noise, `σ = 0`, where
/// points have no density. Solvers that evaluate the score where they arrive therefore stop at some `t > 0`.
///
/// ```
/// use gibbsian_core::process::{LinearGaussian, OrnsteinUhlenbeck};
/// use gibbsian_densities::NoisedEmpirical;
/// use ndarray::array;
///
/// let process = OrnsteinUhlenbeck::new(4.0)?;
/// let data = NoisedEmpirical::new(array![[-1.0, 0.0], [1.0, 0.0], [0.0, 2.0]], process)?;
///
/// // With little noise the nearest point is all that is left of a guess, with much the mean of all.
/// let (x, t) = (array![[0.8, 0.1], [0.8, 0.1]], array![0.01, 4.0]);
/// let clean = data.denoise(x.view(), t.view());
/// assert!((clean[(0, 0)] - 1.0).abs() < 1e-15 && clean[(0, 1)].abs() < 1e-15);
/// assert!((clean[(1, 1)] - 2.0 / 3.0).abs() < 0.02);
///
/// // The score points from x to the guess.
/// let score = data.score_at(x.view(), t.view());
/// let (alpha, variance) = (process.alpha(0.01), process.variance(0.01));
/// assert!((score[(0, 1)] / ((alpha * clean[(0, 1)] - 0.1) / variance) - 1.0).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// Source: Vincent (2011), "A connection between score matching and denoising autoencoders"; Karras et al. (2022), "Elucidating the design space of diffusion-based generative models", appendix B.3.
#[doc(alias = "EmpiricalScore")]
#[derive(Clone, Debug)]
pub struct NoisedEmpirical<P> {
    process: P,
    points: Array2<f64>,
    isotropic: Isotropic,
    /// `−log n − ½ D log 2π`, once a point.
    log_scales: Vec<f64>,
}

impl<P: LinearGaussian> NoisedEmpirical<P> {
    /// These points `(n, D)`, each of weight `1/n`, under this process. A point may come several times.
    ///
    /// # Errors
    /// No point or no dimension; coordinates that are not finite.
    pub fn new(points: Array2<f64>, process: P) -> Result<Self> {
        let (n, dim) = points.dim();
        if n == 0 || dim == 0 {
            return Err(Error::shape("points", points.shape(), "(at least 1, at least 1)"));
        }
        check_finite("points", &points)?;
        Ok(NoisedEmpirical {
            process,
            isotropic: Isotropic::new(points.view(), vec![0.0; n]),
            log_scales: vec![-(n as f64).ln() - 0.5 * dim as f64 * TAU.ln(); n],
            points,
        })
    }

    /// The points, `(n, D)`.
    pub fn points(&self) -> ArrayView2<'_, f64> {
        self.points.view()
    }

    /// Their number `n`.
    pub fn n_points(&self) -> usize {
        self.points.nrows()
    }

    /// The forward process.
    pub fn process(&self) -> &P {
        &self.process
    }

    /// `p_t` as a mixture: `(1/n) Σ_i N(α x_i, σ² I)`, Parzen's estimate with that bandwidth.
    ///
    /// # Errors
    /// A time outside `[0, T]`, or at which there is no noise.
    pub fn marginal(&self, t: f64) -> Result<GaussianMixture> {
        self.process.check_time(t)?;
        let variance = check_positive("the variance of the noise at t", self.process.variance(t))?;
        let n = self.n_points();
        GaussianMixture::new(
            Array1::from_elem(n, 1.0 / n as f64),
            self.process.alpha(t) * &self.points,
            Covariances::Spherical(Array1::from_elem(n, variance)),
        )
    }

    /// The probabilities `r_i = p(x_0 = x_i | x_t)` of the points, `(B, n)`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn point_posterior(&self, x: ArrayView2<f64>, t: ArrayView1<f64>) -> Array2<f64> {
        let mut out = Array2::zeros((x.nrows(), self.n_points()));
        self.evaluate(
            x,
            t,
            Outputs {
                responsibilities: Some(out.view_mut()),
                ..Outputs::default()
            },
        );
        out
    }

    /// Writes the Hessian `J = (α²/σ⁴) C − I/σ²` of `log p_t` at every row into `out` `(B, D, D)`; each is symmetric to the last bit.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn hessian_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut3<f64>) {
        self.posterior_covariance_into(x, t, out.view_mut());
        for (mut matrix, &t) in out.outer_iter_mut().zip(t) {
            let precision = 1.0 / self.process.variance(t);
            let pull = self.process.alpha(t) * precision;
            matrix.mapv_inplace(|entry| pull * (pull * entry));
            matrix.diag_mut().mapv_inplace(|entry| entry - precision);
        }
    }

    /// Draws of `(x_0, x_t)`, both `(B, D)`, a pair for each of the times `t` `(B)`: `x_0` one of the points, `x_t` from the process.
    pub fn sample_joint(&self, t: ArrayView1<f64>, rng: &mut dyn Rng) -> (Array2<f64>, Array2<f64>) {
        let streams = Streams::draw(rng);
        let mut clean = Array2::zeros((t.len(), self.dim()));
        parallel::for_each_block(clean.view_mut(), |block, mut rows| {
            let mut rng = streams.block(block);
            for mut row in rows.rows_mut() {
                row.assign(&self.points.row(rng.random_range(0..self.n_points())));
            }
        });
        let noisy = add_noise(&self.process, self.dim(), clean.view(), t, rng).0;
        (clean, noisy)
    }

    /// Fills the outputs.
    #[track_caller]
    fn evaluate(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, outputs: Outputs) {
        for_each_chunk(self.dim(), x, t, outputs, |x, t, outputs| {
            let (mut alpha, variance) = levels(&self.process, t);
            for (alpha, variance) in alpha.iter_mut().zip(&variance) {
                // Points have no density, and the inverse of a subnormal number may be infinite.
                if !variance.is_normal() {
                    *alpha = f64::NAN;
                }
            }
            let levels = Levels {
                alpha: &alpha,
                variance: &variance,
            };
            let (log_scales, isotropic) = (self.log_scales.as_slice(), &self.isotropic);
            if outputs.are_simple() {
                vectorized(IsotropicChunk {
                    log_scales,
                    isotropic,
                    x,
                    levels,
                    wanted: Wanted {
                        log_density: outputs.log_density,
                        score: outputs.score,
                        divergence: outputs.divergence,
                    },
                });
            } else {
                vectorized(PointsChunk {
                    log_scales,
                    isotropic,
                    x,
                    levels,
                    outputs,
                });
            }
        });
    }
}

noised_density!(NoisedEmpirical);

impl<P: LinearGaussian> Space for NoisedEmpirical<P> {
    fn dim(&self) -> usize {
        self.points.ncols()
    }
}
