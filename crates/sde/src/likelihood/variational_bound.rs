//! A lower bound of the log-density of a diffusion model with noise.
//!
//! The model draws `X_T ~ N(0, v I)`, follows the reverse process under its score down to `t₀`, and gives `x ~ N(D(X_{t₀}), (σ/α)² I)` around the denoised point
//! `D(z) = (z + σ² s(z))/α` of that time. Noising `x` gives a posterior of the whole path, and with it the bound
//!
//! `log p(x) ≥ E log N(x; D(X_{t₀}), (σ/α)² I) − KL(N(α_T x, σ_T² I) ‖ N(0, v I)) − ½ ∫_{t₀}^T g_t² E ‖s_t(X_t) − ∇ log p_{t|0}(X_t | x)‖² dt`
//!
//! (Song, Durkan, Murray and Ermon 2021, theorem 3 and appendix B; Kingma, Salimans, Poole and Ho 2021, equations 11 to 15). With `X_t = α_t x + σ_t z`, whose conditional score is `−z/σ_t`, and with the logarithm
//! `λ` of the signal-to-noise ratio for a clock, `dλ = −(g²/σ²) dt`, everything is one residual `r_t = z + σ_t s_t(X_t)`:
//!
//! `½ ∫ g² E ‖s + z/σ‖² dt = ½ ∫_{λ_T}^{λ_{t₀}} E ‖r‖² dλ`,  `log N(x; D(X_{t₀}), (σ/α)² I) = −½ D log 2π(σ/α)² − ½ ‖r_{t₀}‖²`.
//!
//! So times uniform in `λ` are the ones of density `∝ g²/σ²` that Song et al. draw by importance; uniform in `t` the integrand has `g²/σ²` in it, which is `1/t` near zero and has no variance that stays
//! bounded as `t₀ → 0`. They are drawn one from each of `n` equal intervals, which makes the estimate better and leaves it unbiased; the error that is told is that of independent times, and therefore not too
//! small in expectation.
//!
//! **What is lost.** For the exact score the posterior of the path is the one of the model but at its ends:
//!
//! `log p_data(x) − bound = E log[p_T(X_T)/N(X_T; 0, v I)] + E log[p(x | X_{t₀})/N(x; D(X_{t₀}), (σ/α)² I)]`.
//!
//! The first term is the mismatch of the prior. The second is of order `σ⁴` at `t₀`, because `D` is the mean of `x` given `X_{t₀}`, and its covariance `(σ/α)² (I + σ² ∇s)`.
//! Neither is an error of the steps: there are none. (The bound is one of the density of the model, whose end may give a point more than the data do: the second term may be negative.)
//!
//! **Less noise.** Where there is little noise `r` is nearly `z`, whose square has the known mean `D`, and where there is much it is nearly zero. So `‖r‖² − c (‖z‖² − D)` has the
//! same expectation for every `c` that is no more random than `t`, and `c = (α²/(α² + σ²))²`, the square of the coefficient of `z` in `r` for data of unit variance, takes most of the variance away.

use std::f64::consts::TAU;

use gibbsian_core::error::{Error, Result, check_points};
use gibbsian_core::parallel::{BLOCK_ROWS, block_rows, map_blocks};
use gibbsian_core::simd::{LaneRng, fill_standard_normal};
use gibbsian_core::{LinearGaussian, Streams, TimeScore};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Slice};
use rand::{Rng, RngExt};

use super::check_start;

/// The lower bound of the log-density of a diffusion model, estimated by noising data.
///
/// ```
/// use gibbsian_core::process::{LinearGaussian, VariancePreserving};
/// use gibbsian_core::{Density, Seed};
/// use gibbsian_sde::VariationalBound;
/// # use gibbsian_testkit::targets::{Mixture, Noised};
/// use ndarray::array;
///
/// // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
/// let process = VariancePreserving::new(0.1, 20.0)?;
/// let data = Mixture::new(array![0.3, 0.7], array![[-2.0], [2.0]], array![0.5, 0.5])?;
/// let bound = VariationalBound::new(process, Noised::new(data.clone(), process), 1e-4)?;
/// let x = array![[1.5], [-0.5]];
/// let found = bound.estimate(x.view(), 1000, &mut Seed::new(1).rng())?;
/// for (b, exact) in data.log_density(x.view()).iter().enumerate() {
///     assert!((found.bound[b] - exact).abs() < 5.0 * found.standard_error[b] + 0.01);
/// }
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct VariationalBound<P, M> {
    process: P,
    model: M,
    start: f64,
}

/// Estimates of the bound at given points, and how far off they may be.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct VariationalEstimate {
    /// The bound `(B)`.
    pub bound: Array1<f64>,
    /// The standard errors of these estimates `(B)`.
    pub standard_error: Array1<f64>,
}

impl VariationalEstimate {
    /// The mean over the rows and its standard error as an estimate of the mean of these rows' bounds.
    pub fn mean(&self) -> (f64, f64) {
        let n = self.bound.len() as f64;
        let squared: f64 = self.standard_error.iter().map(|e| e * e).sum();
        (self.bound.sum() / n, squared.sqrt() / n)
    }
}

impl<P: LinearGaussian, M: TimeScore> VariationalBound<P, M> {
    /// The bound of the model that ends its way back at `start`.
    ///
    /// # Errors
    /// A start that is not greater than zero and before the horizon.
    pub fn new(process: P, model: M, start: f64) -> Result<Self> {
        check_start(&process, start)?;
        Ok(VariationalBound {
            process,
            model,
            start,
        })
    }

    /// The bound at every row of `x` `(B, D)` by `n_draws` times and noises each, at two evaluations of the score; draws one key from the generator.
    ///
    /// # Errors
    /// Rows that do not fit or are not finite; fewer than two draws; a score that is not finite, with its row and time.
    pub fn estimate(
        &self,
        x: ArrayView2<f64>,
        n_draws: usize,
        rng: &mut dyn Rng,
    ) -> Result<VariationalEstimate> {
        check_points("x", &x, self.model.dim())?;
        if n_draws < 2 {
            return Err(Error::parameter(
                "n_draws",
                n_draws,
                "at least 2, to have an error",
            ));
        }
        let streams = Streams::draw(rng);
        let blocks = map_blocks(x.nrows(), |block, _| {
            let rows = block_rows(block, x.nrows());
            self.block(x.slice_axis(Axis(0), Slice::from(rows)), n_draws, streams, block)
        });
        let (mut bound, mut standard_error) = (Vec::new(), Vec::new());
        for block in blocks {
            for (mean, error) in block? {
                bound.push(mean);
                standard_error.push(error);
            }
        }
        Ok(VariationalEstimate {
            bound: Array1::from(bound),
            standard_error: Array1::from(standard_error),
        })
    }

    /// Means and standard errors of a block of rows.
    fn block(
        &self,
        x: ArrayView2<f64>,
        n_draws: usize,
        streams: Streams,
        block: usize,
    ) -> Result<Vec<(f64, f64)>> {
        let (n, dim) = x.dim();
        let (process, last) = (&self.process, self.process.horizon());
        let (most, least) = (process.log_snr(self.start), process.log_snr(last));
        let mut normals = LaneRng::new(streams.part(0), block);
        let mut uniform = streams.part(1).block(block);
        let mut residual = Residual {
            noise: Array2::zeros((n, dim)),
            noised: Array2::zeros((n, dim)),
            score: Array2::zeros((n, dim)),
        };
        let mut times = Array1::from_elem(n, self.start);
        let mut sums = vec![Moments::default(); n];
        for k in 0..n_draws {
            times.fill(self.start);
            let near = residual.squares(self, x, times.view(), &mut normals, block)?;
            for t in &mut times {
                let u: f64 = uniform.random();
                let share = (k as f64 + u) / n_draws as f64;
                *t = process
                    .time_at_log_snr(least + share * (most - least))?
                    .clamp(self.start, last);
            }
            let within = residual.squares(self, x, times.view(), &mut normals, block)?;
            for ((sums, near), within) in sums.iter_mut().zip(near).zip(within) {
                sums.add(-0.5 * near - 0.5 * (most - least) * within);
            }
        }
        // log 2π(σ/α)² at the start, and the divergence of two normal laws.
        let constant = 0.5 * dim as f64 * (TAU.ln() - most);
        let (alpha, variance, prior) = (
            process.alpha(last),
            process.variance(last),
            process.prior_variance(),
        );
        let ratio = variance / prior;
        let spread = 0.5 * dim as f64 * (ratio - 1.0 - ratio.ln());
        Ok(x.rows()
            .into_iter()
            .zip(sums)
            .map(|(x, sums)| {
                let divergence = spread + 0.5 * alpha * alpha * x.dot(&x) / prior;
                (sums.mean - constant - divergence, sums.standard_error())
            })
            .collect())
    }
}

/// The arrays of `r = z + σ s(α x + σ z)`.
struct Residual {
    noise: Array2<f64>,
    noised: Array2<f64>,
    score: Array2<f64>,
}

impl Residual {
    /// `‖r‖²` of every row at its time, with new noise, less what is known to be zero in expectation.
    fn squares<P: LinearGaussian, M: TimeScore>(
        &mut self,
        model: &VariationalBound<P, M>,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        normals: &mut LaneRng,
        block: usize,
    ) -> Result<Vec<f64>> {
        let numbers = self.noise.as_slice_mut().expect("standard layout");
        fill_standard_normal(normals, numbers);
        for (b, &t) in t.iter().enumerate() {
            let (alpha, sigma) = (model.process.alpha(t), model.process.sigma(t));
            for ((noised, x), z) in (self.noised.row_mut(b).iter_mut())
                .zip(x.row(b))
                .zip(self.noise.row(b))
            {
                *noised = alpha * x + sigma * z;
            }
        }
        model
            .model
            .score_at_into(self.noised.view(), t, self.score.view_mut());
        let mut squares = Vec::with_capacity(t.len());
        for (b, &t) in t.iter().enumerate() {
            let sigma = model.process.sigma(t);
            let (alpha, dim) = (model.process.alpha(t), x.ncols() as f64);
            // The logistic function of λ, squared.
            let control = (alpha * alpha / (alpha * alpha + sigma * sigma)).powi(2);
            let terms = self.noise.row(b).into_iter().zip(self.score.row(b));
            let square: f64 = terms
                .map(|(z, s)| (z + sigma * s).powi(2) - control * z * z)
                .sum::<f64>()
                + control * dim;
            if !square.is_finite() {
                let row = block * BLOCK_ROWS + b;
                return Err(Error::non_finite(
                    format!("the score of row {row}"),
                    square,
                    format!("at time {t}"),
                ));
            }
            squares.push(square);
        }
        Ok(squares)
    }
}

/// Mean and sum of squared deviations, updated one number at a time (Welford 1962).
#[derive(Clone, Copy, Default)]
struct Moments {
    n: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.n += 1.0;
        let deviation = value - self.mean;
        self.mean += deviation / self.n;
        self.squares += deviation * (value - self.mean);
    }

    fn standard_error(&self) -> f64 {
        (self.squares / (self.n - 1.0) / self.n).sqrt()
    }
}
