//! Sequential Monte Carlo along a path: annealing whose chains are chosen again on the way.
//!
//! A population of `N` particles climbs the ladder together. At every rung each is weighed by its work, `log w += log f_{k+1} − log f_k`; when the
//! weights have become so uneven that their effective number `(Σ w)² / Σ w²` falls below a share of `N`, the population is resampled and
//! the weights start again from one; then all particles move by transitions at the rung reached (Del Moral, Doucet and Jasra 2006, "Sequential
//! Monte Carlo samplers", section 3.3.2.3). The estimate is
//!
//! `Ẑ = Z_0 · Π (mean weight since the last resampling)`
//!
//! over the times of resampling and the end. **On a fixed ladder `E Ẑ = Z` exactly**, whatever the number of particles, the ladder, the
//! mixing and the rule that decides when to resample. Without resampling this is annealed importance sampling; with it, particles that
//! went astray are replaced early, and the variance grows linearly instead of exponentially with the length of a path whose steps mix well.
//!
//! **Islands.** The particles of one population depend on each other, and its own spread tells little about the error of its estimate.
//! So several populations run independently: their `Ẑ` are independent unbiased weights, and everything that holds for the weights of annealing
//! holds for them, interval, rigorous lower bound and verdict included ([`SmcRun::unbiased`]). A verdict of trust takes more than
//! [`MIN_EFFECTIVE`](crate::reliability::MIN_EFFECTIVE) islands, since it asks for so many effective ones.
//!
//! **Adaptive ladder.** [`adaptive_ladder`] runs one population and chooses each next rung so that the *conditional* effective sample size
//! `N (Σ W w)² / Σ W w²` of the step is a given share of `N` (Zhou, Johansen and Aston 2016, "Toward automatic model comparison", section 3.4): unlike the
//! effective number of all weights it does not depend on when the population was last resampled. The estimate of the run that
//! chose the ladder is biased, so it is thrown away and only the ladder is kept.

use gibbsian_core::error::{check_count, check_within};
use gibbsian_core::math::{log_mean_exp, log_sum_exp};
use gibbsian_core::{Error, Path, Result};
use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rand::Rng;

use crate::Ladder;
use crate::ais::ForwardAis;
use crate::anneal::{check_start, check_weights, map_batches};
use crate::resampling::Resampling;
use crate::weights::LogWeights;

/// How a population climbs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Smc {
    /// The particles of one population.
    pub n_particles: usize,
    /// The scheme of resampling.
    pub resampling: Resampling,
    /// The population is resampled when fewer than this share of it is effective, in [0, 1]: 0 never, 1 at every rung.
    pub threshold: f64,
    /// The transitions at each rung.
    pub n_transitions: usize,
}

impl Smc {
    /// Populations of `n_particles`, resampled systematically below a half, one transition a rung.
    pub fn new(n_particles: usize) -> Self {
        Smc {
            n_particles,
            resampling: Resampling::Systematic,
            threshold: 0.5,
            n_transitions: 1,
        }
    }

    fn check(&self) -> Result<()> {
        check_count("n_particles", self.n_particles)?;
        check_count("n_transitions", self.n_transitions)?;
        check_within("threshold", self.threshold, 0.0, 1.0)?;
        Ok(())
    }
}

/// What independent populations found.
#[derive(Clone, Debug)]
pub struct SmcRun {
    unbiased: ForwardAis,
    particles: Array2<f64>,
    log_weights: Vec<f64>,
    n_resampled: Vec<usize>,
}

/// Sends `n_islands` independent populations up a fixed ladder.
///
/// One key is drawn from `rng`; the result does not depend on the number of threads.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_partition::{Ladder, Smc, exact_log_z, smc};
/// # use gibbsian_testkit::targets::{Pairwise, Tempered};
/// # use ndarray::{Array1, Array2};
/// // Four spins that pull each other along, and the path to them from independent ones.
/// let target = Pairwise::new(Array1::from_elem(4, 0.2), Array2::from_elem((4, 4), 0.3))?;
/// let path = Tempered::new(Array1::zeros(4), target.clone())?;
/// let exact = exact_log_z(&target)?;
/// let run = smc(&path, &Ladder::linear(10)?, &Smc::new(200), 20, &mut Seed::new(1).rng())?;
/// let error = (run.unbiased().log_z() - exact).abs();
/// assert!(error < 5.0 * run.unbiased().log_weights().standard_error());
/// // The populations themselves are weighted draws of the target: here for ⟨x₁x₂⟩.
/// assert!(run.expectation(|x| x[0] * x[1]) > 0.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// No particle, no transition, no island, a threshold outside [0, 1]; a weight that became NaN or `+∞`, named by particle (counted over
/// islands) and temperatures; populations that all died out.
pub fn smc<P: Path>(
    path: &P,
    ladder: &Ladder,
    settings: &Smc,
    n_islands: usize,
    rng: &mut dyn Rng,
) -> Result<SmcRun> {
    settings.check()?;
    check_count("n_islands", n_islands)?;
    check_start(path.log_z_start())?;
    let islands = map_batches(n_islands, 1, rng, |island, mut rng| {
        climb(
            path,
            ladder,
            settings,
            island.start * settings.n_particles,
            &mut rng,
        )
    })?;
    let magnitude = path.log_z_start().abs();
    let weights = LogWeights::new(islands.iter().map(|i| i.log_z).collect())?;
    let magnitude = magnitude.max(weights.log_mean().abs());
    let views: Vec<ArrayView2<f64>> = islands.iter().map(|i| i.particles.view()).collect();
    let mut n_resampled = vec![0; ladder.n_steps()];
    for island in &islands {
        for (count, resampled) in n_resampled.iter_mut().zip(&island.resampled) {
            *count += usize::from(*resampled);
        }
    }
    Ok(SmcRun {
        unbiased: ForwardAis::from_log_weights(weights.with_rounding_of(ladder.n_steps(), magnitude)),
        particles: concatenate(Axis(0), &views).expect("all populations have the same shape"),
        log_weights: islands.into_iter().flat_map(|i| i.log_weights).collect(),
        n_resampled,
    })
}

impl SmcRun {
    /// The estimates of the islands, as independent weights with `E w = Z`: their mean, its interval, bound and verdict.
    pub fn unbiased(&self) -> &ForwardAis {
        &self.unbiased
    }

    /// The positions of all particles at the end, those of an island together, `(n_islands · n_particles, D)`.
    pub fn particles(&self) -> ArrayView2<'_, f64> {
        self.particles.view()
    }

    /// `log w` of every particle, properly weighted over all islands: `E Σ_i w_i φ(x_i) / n_islands = Z E_1[φ]` for every function `φ`.
    pub fn particle_log_weights(&self) -> &[f64] {
        &self.log_weights
    }

    /// How many islands were resampled after each step of the ladder.
    pub fn n_resampled(&self) -> &[usize] {
        &self.n_resampled
    }

    /// `Σ_i W_i φ(x_i)` with the weights normalised: the estimate of `E_1[φ]`, consistent in the number of particles.
    pub fn expectation(&self, statistic: impl Fn(ndarray::ArrayView1<f64>) -> f64) -> f64 {
        let total = log_sum_exp(&self.log_weights);
        self.log_weights
            .iter()
            .zip(self.particles.rows())
            .filter(|(l, _)| **l > f64::NEG_INFINITY)
            .map(|(l, x)| (l - total).exp() * statistic(x))
            .sum()
    }

    /// `n` unweighted draws by systematic resampling of the particles, `(n, D)`; approximately from the target, and repeated where weights are large.
    ///
    /// # Errors
    /// No draw.
    pub fn draws(&self, n: usize, rng: &mut dyn Rng) -> Result<Array2<f64>> {
        check_count("n", n)?;
        let weights = normalised(&self.log_weights);
        let kept = Resampling::Systematic.ancestors(&weights, n, rng)?;
        Ok(self.particles.select(Axis(0), &kept))
    }
}

/// One population at the top of the ladder.
struct Island {
    log_z: f64,
    particles: Array2<f64>,
    /// `log (Ẑ W_i)`, `Σ W_i = 1`.
    log_weights: Vec<f64>,
    resampled: Vec<bool>,
}

fn climb<P: Path>(
    path: &P,
    ladder: &Ladder,
    settings: &Smc,
    first: usize,
    rng: &mut dyn Rng,
) -> Result<Island> {
    let n = settings.n_particles;
    let mut state = path.start(n, rng);
    let mut log_weights = vec![0.0; n];
    let mut log_z = path.log_z_start();
    let mut resampled = vec![false; ladder.n_steps()];
    for (k, rungs) in ladder.betas().windows(2).enumerate() {
        path.work(&mut state, rungs[0], rungs[1], &mut log_weights);
        check_weights(&log_weights, first, rungs[0], rungs[1])?;
        let log_mean = log_mean_exp(&log_weights);
        if log_mean == f64::NEG_INFINITY {
            // Nobody is left in the support, and Ẑ = 0 is the unbiased answer.
            log_z = log_mean;
            break;
        }
        if k + 1 < ladder.n_steps() && effective(&log_weights, log_mean) < settings.threshold * n as f64 {
            let kept = settings.resampling.ancestors(&normalised(&log_weights), n, rng)?;
            state = path.select(&state, &kept);
            log_weights.fill(0.0);
            log_z += log_mean;
            resampled[k] = true;
        }
        for _ in 0..settings.n_transitions {
            path.transition(&mut state, rungs[1], rng);
        }
    }
    if log_z > f64::NEG_INFINITY {
        let shift = log_z - (n as f64).ln();
        log_z += log_mean_exp(&log_weights);
        log_weights.iter_mut().for_each(|l| *l += shift);
    } else {
        log_weights.fill(f64::NEG_INFINITY);
    }
    Ok(Island {
        log_z,
        particles: path.positions(&state).into_owned(),
        log_weights,
        resampled,
    })
}

/// The ladder on which every step keeps the share `conditional` of a population effective, chosen by one run whose estimate is discarded.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_partition::{Smc, adaptive_ladder};
/// # use gibbsian_testkit::targets::{Pairwise, Tempered};
/// # use ndarray::{Array1, Array2};
/// // Four spins that pull each other along, and the path to them from independent ones.
/// let target = Pairwise::new(Array1::from_elem(4, 0.2), Array2::from_elem((4, 4), 0.3))?;
/// let path = Tempered::new(Array1::zeros(4), target.clone())?;
/// let ladder = adaptive_ladder(&path, &Smc::new(500), 0.9, &mut Seed::new(1).rng())?;
/// assert_eq!((ladder.betas()[0], ladder.betas()[ladder.n_steps()]), (0.0, 1.0));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// Bad settings as for [`smc`], fewer than two particles, a share outside (0, 1); a weight that became NaN or `+∞`; no step, however
/// short, that keeps the share: the target vanishes where the path has come to.
pub fn adaptive_ladder<P: Path>(
    path: &P,
    settings: &Smc,
    conditional: f64,
    rng: &mut dyn Rng,
) -> Result<Ladder> {
    settings.check()?;
    crate::weights::check_level("conditional", conditional)?;
    let n = settings.n_particles;
    if n < 2 {
        return Err(Error::parameter("n_particles", n, "at least 2 to adapt a ladder"));
    }
    let mut state = path.start(n, rng);
    let mut log_weights = vec![0.0; n];
    let mut betas = vec![0.0];
    let mut beta = 0.0;
    while beta < 1.0 {
        let step = |state: &mut P::State, to: f64| -> Result<(f64, Vec<f64>)> {
            let mut work = vec![0.0; n];
            path.work(state, beta, to, &mut work);
            check_weights(&work, 0, beta, to)?;
            Ok((conditional_share(&log_weights, &work), work))
        };
        let (share, mut work) = step(&mut state, 1.0)?;
        let mut next = 1.0;
        if share.is_nan() || share < conditional {
            // The share is one where the step vanishes and too small at the end; fifty halvings place the rung.
            let (mut low, mut high) = (beta, 1.0);
            for _ in 0..50 {
                let middle = 0.5 * (low + high);
                // Not a number where all weights vanish, which is too far as well.
                if step(&mut state, middle)?.0 >= conditional {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            next = low;
            work = step(&mut state, next)?.1;
            if next - beta < SHORTEST_STEP {
                return Err(Error::parameter(
                    "path",
                    format!("a family that changes at once at inverse temperature {beta}"),
                    "continuous there, or no ladder leads on",
                ));
            }
        }
        for (l, w) in log_weights.iter_mut().zip(&work) {
            *l += w;
        }
        beta = next;
        betas.push(beta);
        let log_mean = log_mean_exp(&log_weights);
        if effective(&log_weights, log_mean) < settings.threshold * n as f64 {
            let kept = settings.resampling.ancestors(&normalised(&log_weights), n, rng)?;
            state = path.select(&state, &kept);
            log_weights.fill(0.0);
        }
        for _ in 0..settings.n_transitions {
            path.transition(&mut state, beta, rng);
        }
    }
    Ladder::new(betas)
}

/// The shortest step of an adaptive ladder; a million of them would be no ladder any more.
const SHORTEST_STEP: f64 = 1e-6;

/// `(Σ W w)² / Σ W w²` of a step, for weights `W` before it; nothing where all would die.
fn conditional_share(log_weights: &[f64], work: &[f64]) -> f64 {
    let log_total = log_sum_exp(log_weights);
    let sum = |power: f64| {
        let terms: Vec<f64> = log_weights
            .iter()
            .zip(work)
            .map(|(l, w)| l - log_total + power * w)
            .collect();
        log_sum_exp(&terms)
    };
    let first = sum(1.0);
    if first == f64::NEG_INFINITY {
        return 0.0;
    }
    (2.0 * first - sum(2.0)).exp()
}

/// `(Σ w)² / Σ w²`, given `log (1/n) Σ w`.
fn effective(log_weights: &[f64], log_mean: f64) -> f64 {
    let squares: f64 = log_weights.iter().map(|l| (2.0 * (l - log_mean)).exp()).sum();
    (log_weights.len() as f64).powi(2) / squares
}

/// The weights divided by their sum.
fn normalised(log_weights: &[f64]) -> Vec<f64> {
    let total = log_sum_exp(log_weights);
    log_weights.iter().map(|l| (l - total).exp()).collect()
}
