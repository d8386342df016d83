//! Twisted sequential Monte Carlo: conditioning that is exact in the limit of many particles.
//!
//! A sampler of the prior is a Markov chain `p(x_n) Π p(x_k | x_{k+1})` from noise at `t_n` to data at `t_0 = 0`; its posterior weighs
//! paths by the likelihood `p(y | x_0)` of their end. Chosen at the end, nearly all paths would be in vain. So each step is drawn towards
//! `y`, and paths are weighed on the way by a **twisting function** `p̂_t(y | x)`, which foretells the likelihood (Wu, Trippe, Naesseth,
//! Blei and Cunningham 2023, algorithm 1, the twisted diffusion sampler):
//!
//! - at the start `w = p̂(y | x_n)`;
//! - each step draws `x_k` from `q(· | x_{k+1}, y)` and multiplies `w` by
//!   `p(x_k | x_{k+1}) p̂(y | x_k) / (q(x_k | x_{k+1}, y) p̂(y | x_{k+1}))`;
//! - when the effective number `(Σ w)²/Σ w²` is below a share of the particles, they are resampled.
//!
//! Everything that a [`Twist`] foretells wrongly cancels in the product, but for its value at `t = 0`, which must be the true likelihood.
//! So the weighted particles are exact for the sampler's own prior as their number grows, and the product of mean weights has the
//! evidence `∫ p(x_0) p(y | x_0)` as its expectation **for any number of particles** (Del Moral 2004, section 7.4). A poor twist costs
//! variance and nothing else.
//!
//! What is left is the error of the sampler as a sampler of the prior. It is the ancestral one,
//!
//! `x_k | x_{k+1} ~ N(c x̂ + d x, v I)`,  `c = α' σ²_{t|t'}/σ²`,  `d = α_{t|t'} σ'²/σ²`,  `v = σ'² σ²_{t|t'}/σ² + c² r²`
//!
//! from `t` to `t'`: what `x_k` is given a clean point `N(x̂, r² I)`. With `r² = ς² σ²/(α² ς² + σ²)` all is exact for data `N(μ, ς² I)`,
//! on any grid; for other data the error vanishes with the step size. `ς² = 0` is the smaller of the two variances of Ho, Jain and Abbeel
//! (2020), for which the last step has no noise; `ς² = 1` under a variance-preserving process the larger one. The proposal has
//! `x̂ + (σ²/α) · guidance` in the place of `x̂`, and the same variance.

use gibbsian_core::error::{Error, Result, check_count, check_non_negative, check_within};
use gibbsian_core::math::{log_mean_exp, log_sum_exp};
use gibbsian_core::parallel::{block_rows, for_each_block};
use gibbsian_core::{LinearGaussian, Seed};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Zip, s};
use rand::{Rng, RngExt};

use super::Twist;
use crate::brownian::FreshNoise;
use crate::grid::TimeGrid;
use crate::schemes::check_backwards;
use crate::solver::{Step, check_arrived};

/// A population of particles that goes from noise to data under a twist.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_core::process::OrnsteinUhlenbeck;
/// use gibbsian_sde::{LinearObservation, TimeGrid, TweedieProjection, TwistedSmc};
/// # use gibbsian_testkit::targets::{Mixture, Noised};
/// use ndarray::array;
///
/// // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
/// // A standard normal prior, and 2 observed with noise of variance 1: the posterior is N(1, ½), the evidence N(2; 0, 2).
/// let process = OrnsteinUhlenbeck::new(5.0)?;
/// let prior = Noised::new(Mixture::new(array![1.0], array![[0.0]], array![1.0])?, process);
/// let twist = TweedieProjection::new(process, prior, LinearObservation::new(array![[1.0]], array![2.0], 1.0)?)?;
/// let population = TwistedSmc::new(TimeGrid::uniform(5.0, 0.0, 30)?, 1000).run(&process, &twist, Seed::new(1))?;
/// assert!((population.mean()[0] - 1.0).abs() < 0.1);
/// let log_evidence = -1.0 - 0.5 * (4.0 * std::f64::consts::PI).ln();
/// assert!((population.log_evidence() - log_evidence).abs() < 0.1);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TwistedSmc {
    /// The times, falling to 0.
    pub grid: TimeGrid,
    /// The number `N` of particles.
    pub n_particles: usize,
    /// The population is resampled when fewer than this share of it is effective: 0 never, 1 before every step, also where all weights are equal.
    pub threshold: f64,
    /// `ς²`, about the variance of the data in each direction.
    pub data_variance: f64,
}

impl TwistedSmc {
    /// `n_particles` along `grid`, resampled below a half, for data of variance one.
    pub fn new(grid: TimeGrid, n_particles: usize) -> Self {
        TwistedSmc {
            grid,
            n_particles,
            threshold: 0.5,
            data_variance: 1.0,
        }
    }

    /// Runs a population. It starts from `N(0, (α² ς² + σ²) I)` at the grid's first time, which should be late enough for that to be the
    /// noised data's law.
    ///
    /// # Errors
    /// A grid that does not fall to 0 within the process; no particles, a threshold outside `[0, 1]`, a variance that is negative or not
    /// finite; a weight or a point that became NaN or infinite, with its particle, step and times.
    pub fn run<P, L>(&self, process: &P, twist: &L, seed: Seed) -> Result<Population>
    where
        P: LinearGaussian + ?Sized,
        L: Twist + ?Sized,
    {
        self.check(process)?;
        let n = self.n_particles;
        let times = self.grid.times();
        let start = process.alpha(times[0]).powi(2) * self.data_variance + process.variance(times[0]);
        let mut x = FreshNoise::new(seed).normal((n, twist.dim())) * start.sqrt();
        let mut told = Told::of(twist, x.view(), times[0]);
        let mut log_weights = told.log_likelihood().to_vec();
        let mut log_evidence = 0.0;
        let (mut effective, mut n_resampled) = (Vec::with_capacity(times.len()), 0);
        for k in 0..self.grid.n_steps() {
            self.check_weights(&log_weights, k)?;
            effective.push(effective_size(&log_weights));
            // Of equal weights all are effective but for rounding, which is not to decide.
            if self.threshold == 1.0 || effective[k] < self.threshold * n as f64 {
                let mut rng = seed.child("resampling").nth(k as u64).rng();
                let kept = systematic(&normalised(&log_weights), n, &mut rng);
                log_evidence += log_mean_exp(&log_weights);
                log_weights.fill(0.0);
                x = x.select(Axis(0), &kept);
                told = Told(told.0.select(Axis(0), &kept));
                n_resampled += 1;
            }
            let kernel = Ancestral::new(process, self.data_variance, times[k], times[k + 1]);
            let z = FreshNoise::new(seed.child("step").nth(k as u64)).normal(x.dim());
            kernel.propose(&mut x, &told, z.view(), &mut log_weights);
            let step = Step {
                index: k,
                n_steps: self.grid.n_steps(),
                from: times[k],
                to: times[k + 1],
            };
            check_arrived(x.view(), 0, &step)?;
            for (l, before) in log_weights.iter_mut().zip(told.log_likelihood()) {
                *l -= before;
            }
            told = Told::of(twist, x.view(), times[k + 1]);
            for (l, after) in log_weights.iter_mut().zip(told.log_likelihood()) {
                *l += after;
            }
        }
        self.check_weights(&log_weights, self.grid.n_steps())?;
        effective.push(effective_size(&log_weights));
        Ok(Population {
            log_evidence: log_evidence + log_mean_exp(&log_weights),
            weights: Array1::from_vec(normalised(&log_weights)),
            points: x,
            effective,
            n_resampled,
        })
    }

    fn check<P: LinearGaussian + ?Sized>(&self, process: &P) -> Result<()> {
        check_backwards(process, &self.grid)?;
        if self.grid.last() != 0.0 {
            return Err(Error::parameter(
                "the last of times",
                self.grid.last(),
                "0, where the likelihood is known",
            ));
        }
        check_count("n_particles", self.n_particles)?;
        check_within("threshold", self.threshold, 0.0, 1.0)?;
        check_non_negative("data_variance", self.data_variance)?;
        Ok(())
    }

    /// Requires finite weights at time number `k`.
    fn check_weights(&self, log_weights: &[f64], k: usize) -> Result<()> {
        match log_weights.iter().position(|l| !l.is_finite()) {
            None => Ok(()),
            Some(i) => {
                let times = self.grid.times();
                let context = match k {
                    0 => format!("at the start, at time {}", times[0]),
                    _ => format!(
                        "in step {k} of {}, from time {} to {}",
                        self.grid.n_steps(),
                        times[k - 1],
                        times[k]
                    ),
                };
                Err(Error::non_finite(
                    format!("log_weights[{i}]"),
                    log_weights[i],
                    context,
                ))
            }
        }
    }
}

/// Weighted particles from the posterior.
#[derive(Clone, Debug)]
pub struct Population {
    points: Array2<f64>,
    weights: Array1<f64>,
    log_evidence: f64,
    effective: Vec<f64>,
    n_resampled: usize,
}

impl Population {
    /// The particles at time 0, `(N, D)`.
    pub fn points(&self) -> ArrayView2<'_, f64> {
        self.points.view()
    }

    /// Their weights `(N)`, which sum to one.
    pub fn weights(&self) -> ArrayView1<'_, f64> {
        self.weights.view()
    }

    /// The logarithm of an unbiased estimate of the evidence `p(y)` under the sampler's prior.
    pub fn log_evidence(&self) -> f64 {
        self.log_evidence
    }

    /// The effective number of particles at each time of the grid, before resampling.
    pub fn effective_sample_sizes(&self) -> &[f64] {
        &self.effective
    }

    /// How often the population was resampled.
    pub fn n_resampled(&self) -> usize {
        self.n_resampled
    }

    /// `Σ w_i x_i` `(D)`.
    pub fn mean(&self) -> Array1<f64> {
        self.weights.dot(&self.points)
    }

    /// `Σ w_i φ(x_i)`.
    pub fn expectation(&self, statistic: impl Fn(ArrayView1<f64>) -> f64) -> f64 {
        let terms = self.weights.iter().zip(self.points.rows());
        terms.map(|(w, x)| w * statistic(x)).sum()
    }

    /// `n` unweighted points by systematic resampling, `(n, D)`, repeated where weights are large.
    ///
    /// # Errors
    /// No point.
    pub fn draws(&self, n: usize, rng: &mut dyn Rng) -> Result<Array2<f64>> {
        check_count("n", n)?;
        let kept = systematic(&self.weights.to_vec(), n, rng);
        Ok(self.points.select(Axis(0), &kept))
    }
}

/// What the twist tells of all particles: log-likelihood, the prior's score and guidance, side by side `(N, 1 + 2D)`.
struct Told(Array2<f64>);

impl Told {
    fn of<L: Twist + ?Sized>(twist: &L, x: ArrayView2<f64>, t: f64) -> Self {
        let (n, dim) = x.dim();
        let mut told = Array2::zeros((n, 1 + 2 * dim));
        for_each_block(told.view_mut(), |block, told| {
            let rows = block_rows(block, n);
            let t = Array1::from_elem(rows.len(), t);
            let (mut log_likelihood, rest) = told.split_at(Axis(1), 1);
            let (prior, guidance) = rest.split_at(Axis(1), dim);
            let x = x.slice(s![rows, ..]);
            twist.twist_into(x, t.view(), log_likelihood.column_mut(0), prior, guidance);
        });
        Told(told)
    }

    fn log_likelihood(&self) -> ArrayView1<'_, f64> {
        self.0.column(0)
    }
}

/// The ancestral step of the prior.
struct Ancestral {
    alpha: f64,
    variance: f64,
    denoised: f64,
    kept: f64,
    spread: f64,
}

impl Ancestral {
    fn new<P: LinearGaussian + ?Sized>(process: &P, data_variance: f64, from: f64, to: f64) -> Self {
        let (alpha, variance) = (process.alpha(from), process.variance(from));
        let (alpha_next, variance_next) = (process.alpha(to), process.variance(to));
        let forth = process.transition(to, from).with_root();
        let denoised = alpha_next * forth.variance / variance;
        let clean = super::pigdm::posterior_variance(data_variance, alpha, variance);
        Ancestral {
            alpha,
            variance,
            denoised,
            kept: forth.alpha * variance_next / variance,
            spread: variance_next * forth.variance / variance + denoised * denoised * clean,
        }
    }

    /// Moves particles by the proposal and adds `log p − log q` to their weights.
    fn propose(&self, x: &mut Array2<f64>, told: &Told, z: ArrayView2<f64>, log_weights: &mut [f64]) {
        let dim = x.ncols();
        let deviation = self.spread.sqrt();
        // A step without noise cannot be drawn anywhere else.
        let drawn = if deviation > 0.0 {
            self.denoised * self.variance / self.alpha
        } else {
            0.0
        };
        for (b, log_weight) in log_weights.iter_mut().enumerate() {
            let told = told.0.row(b);
            let (score, guidance) = (told.slice(s![1..=dim]), told.slice(s![1 + dim..]));
            let mut log_ratio = 0.0;
            Zip::from(x.row_mut(b))
                .and(score)
                .and(guidance)
                .and(z.row(b))
                .for_each(|x, s, g, z| {
                    let x_hat = (*x + self.variance * s) / self.alpha;
                    *x = self.denoised * x_hat + self.kept * *x + drawn * g + deviation * z;
                    // log N(x'; m, v) − log N(x'; m + u, v) at x' = m + u + √v z.
                    if drawn > 0.0 {
                        let u = drawn * g / deviation;
                        log_ratio -= u * (z + 0.5 * u);
                    }
                });
            *log_weight += log_ratio;
        }
    }
}

/// `(Σ w)²/Σ w²`.
fn effective_size(log_weights: &[f64]) -> f64 {
    let twice: Vec<f64> = log_weights.iter().map(|l| 2.0 * l).collect();
    (2.0 * log_sum_exp(log_weights) - log_sum_exp(&twice)).exp()
}

/// The weights divided by their sum.
fn normalised(log_weights: &[f64]) -> Vec<f64> {
    let total = log_sum_exp(log_weights);
    log_weights.iter().map(|l| (l - total).exp()).collect()
}

/// The numbers of `n` particles, one in each of `n` equal strata of the cumulative weights, all at one random place in theirs: particle
/// `i` comes `n w_i` times on average, rounded up or down.
fn systematic(weights: &[f64], n: usize, rng: &mut dyn Rng) -> Vec<usize> {
    let total: f64 = weights.iter().sum();
    let shift: f64 = rng.random();
    // Rounding may leave the last point above the sum.
    let last = weights.iter().rposition(|&w| w > 0.0).unwrap_or(0);
    let (mut i, mut reached) = (0, weights[0]);
    (0..n)
        .map(|k| {
            let point = total * (k as f64 + shift) / n as f64;
            while point >= reached && i < last {
                i += 1;
                reached += weights[i];
            }
            i
        })
        .collect()
}
