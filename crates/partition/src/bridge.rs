//! Bridge sampling: the ratio of two normalisers from draws of both densities.
//!
//! Let `x_i ~ f_0 / Z_0` and `y_j ~ f_1 / Z_1`. For any function `α` for which the integrals exist and do not vanish
//!
//! `Z_1 / Z_0 = E_0[α f_1] / E_1[α f_0]`
//!
//! (Meng and Wong 1996, "Simulating ratios of normalizing constants via a simple identity", equation 1.2). Only the *works* matter:
//! `w_i = log f_1(x_i) − log f_0(x_i)` forwards and `v_j = log f_0(y_j) − log f_1(y_j)` in reverse.
//!
//! **Optimal.** The relative variance is least for `α = 1 / (s_0 f_0 / Z_0 + s_1 f_1 / Z_1)`, `s` the sizes of the two sets, or their effective sizes
//! when draws are correlated (Meng and Schilling 2002). It contains the answer, `c = log Z_1 / Z_0`, and makes the identity an equation for it:
//! with `M = log s_1 / s_0` and `σ` the logistic function
//!
//! `s_0 · mean_i σ(w_i − c + M) = s_1 · mean_j σ(v_j + c − M)`,
//!
//! Bennett's (1976, "Efficient estimation of free energy differences from Monte Carlo data") acceptance ratio: both sides are the
//! expected number of draws on the wrong side of a logistic classifier between the two sets. The left side falls with `c` and the right one
//! rises, so there is one root. Meng and Wong arrive at the same number by iterating the identity; [`meng_wong`] does that for those who want to
//! see it, [`bennett`] uses Newton's method on the logarithm of both sides, which stays exact where all terms underflow.
//!
//! **Geometric.** `α = 1 / √(f_0 f_1)` needs no iteration: `c = log mean exp(w/2) − log mean exp(v/2)`. Dearer in variance, never by much
//! when the two overlap well.
//!
//! **Error.** With `g` the mean of `σ (1 − σ)` over each set, `D = s_0 g_0 + s_1 g_1`, a forward draw moves `c` by `s_0 (σ_i − mean) / (n_0 D)` and a reverse
//! one by `−s_1 (σ_j − mean) / (n_1 D)`; the variance is the sum of the two sample variances over the effective sizes. For independent draws
//! this is `1/I − 1/n_0 − 1/n_1` with `I = Σ σ (1 − σ)` over all draws, asymptotically.
//!
//! **Overlap.** A draw that could come from either set has `4 σ (1 − σ) = 1`, one that clearly belongs to its own has 0; the sum is the number of draws
//! that the ratio rests on. Where there are fewer than [`MIN_EFFECTIVE`](crate::reliability::MIN_EFFECTIVE) the verdict is [`Reliability::NoOverlap`], and the standard error is
//! the larger of the two formulas, because the sample variance of draws that all lie far from the other density is small and means
//! nothing.
//!
//! The works may also be those of annealing runs in both directions, whose weights obey the same identity (Crooks 2000): [`bennett`] of
//! the logarithmic weights of [`ais`](crate::ais()) and [`reverse_ais`](crate::reverse_ais()) estimates `log Z` itself, with less error than either.

use gibbsian_core::error::check_positive;
use gibbsian_core::math::{log_mean_exp, log_sigmoid};
use gibbsian_core::{Error, Result};

use crate::bennett_root::Bennett;
use crate::estimate::Estimate;
use crate::influence::{Influence, mean_and_error};
use crate::interval::Interval;
use crate::quantile::student_two_sided;
use crate::reliability::Reliability;
use crate::rungs::RungDraws;
use crate::weights::check_level;

/// The works of draws from two densities towards each other.
///
/// ```
/// use gibbsian_partition::{Works, bennett};
///
/// // Densities that differ by the factor e³ alone: every work is 3 one way and −3 the other.
/// let works = Works::independent(vec![3.0; 100], vec![-3.0; 200])?;
/// assert!((bennett(&works, 0.95)?.log_z - 3.0).abs() < 1e-12);
/// assert!(Works::independent(vec![f64::NAN], vec![0.0]).is_err());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Works {
    pub(crate) forward: Vec<f64>,
    pub(crate) reverse: Vec<f64>,
    pub(crate) effective: [f64; 2],
}

impl Works {
    /// Works of independent draws: `forward[i] = log f_1(x_i) − log f_0(x_i)` with `x_i ~ f_0`, `reverse[j] = log f_0(y_j) − log f_1(y_j)` with `y_j ~ f_1`.
    ///
    /// # Errors
    /// Fewer than two works on a side, a work that is NaN or `+∞` (named by its index), or a side without a finite work.
    pub fn independent(forward: Vec<f64>, reverse: Vec<f64>) -> Result<Self> {
        let effective = [forward.len() as f64, reverse.len() as f64];
        check_works("forward", &forward)?;
        check_works("reverse", &reverse)?;
        Ok(Works {
            forward,
            reverse,
            effective,
        })
    }

    /// Works of correlated draws, each set worth `n_effective` independent ones.
    ///
    /// # Errors
    /// As for independent ones, and effective sizes that are not positive or exceed the number of draws.
    pub fn correlated(forward: Vec<f64>, reverse: Vec<f64>, n_effective: [f64; 2]) -> Result<Self> {
        let independent = Self::independent(forward, reverse)?;
        for (n, largest) in n_effective.into_iter().zip(independent.effective) {
            check_positive("n_effective", n)?;
            if n > largest {
                return Err(Error::parameter(
                    "n_effective",
                    n,
                    format!("at most the number of draws, {largest}"),
                ));
            }
        }
        Ok(Works {
            effective: n_effective,
            ..independent
        })
    }
}

/// `log Z_1 / Z_0` by the optimal bridge, Bennett's acceptance ratio.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_partition::{Works, bennett};
/// use ndarray::Array1;
/// use rand::RngExt;
/// use rand_distr::StandardNormal;
///
/// // f_0 = exp(−x²/2), f_1 = exp(−(x − 1)²/2 + 3): the ratio of the normalisers is e³.
/// let mut rng = Seed::new(1).rng();
/// let mut draws = |mean: f64| -> Vec<f64> {
///     (0..2_000).map(|_| mean + rng.sample::<f64, _>(StandardNormal)).collect()
/// };
/// let forward = draws(0.0).iter().map(|x| x - 0.5 + 3.0).collect();
/// let reverse = draws(1.0).iter().map(|y| -y + 0.5 - 3.0).collect();
/// let estimate = bennett(&Works::independent(forward, reverse)?, 0.999)?;
/// assert!(estimate.interval.contains(3.0) && estimate.standard_error < 0.03);
/// assert!(estimate.reliability.is_trusted());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// A level outside (0, 1).
pub fn bennett(works: &Works, level: f64) -> Result<Estimate> {
    two_sided(works, Bennett::solve(works), level)
}

/// `log Z_1 / Z_0` by iterating the identity with the optimal `α` from `start` until it moves by less than a part in 10¹⁴; the fixed point is that of [`bennett`].
///
/// ```
/// use gibbsian_partition::{Works, bennett, meng_wong};
///
/// // f_0 = exp(−x²/2), f_1 = exp(−(x − 1)²/2 + 3): the ratio of the normalisers is e³. Quantiles stand for draws.
/// let quantiles = [-1.6, -1.0, -0.7, -0.4, -0.1, 0.1, 0.4, 0.7, 1.0, 1.6];
/// let forward = quantiles.iter().map(|x| x - 0.5 + 3.0).collect();
/// let reverse = quantiles.iter().map(|x| -(x + 1.0) + 0.5 - 3.0).collect();
/// let works = Works::independent(forward, reverse)?;
/// let iterated = meng_wong(&works, 0.0, 1_000, 0.95)?;
/// assert!((iterated.log_z - bennett(&works, 0.95)?.log_z).abs() < 1e-10);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// A level outside (0, 1), a start that is not finite, or no convergence within `max_iterations`: convergence is geometric with a rate
/// near one where the densities hardly overlap.
pub fn meng_wong(works: &Works, start: f64, max_iterations: usize, level: f64) -> Result<Estimate> {
    let [s_0, s_1] = works.effective;
    let m = (s_1 / s_0).ln();
    let mut c = start;
    for _ in 0..max_iterations {
        // r ← mean_i[l_i / (s_1 l_i + s_0 r)] / mean_j[1 / (s_1 l_j + s_0 r)] with l = f_1/f_0, in logarithms: both
        // denominators are logistic functions of the classifier's argument.
        let numerator: Vec<f64> = works.forward.iter().map(|w| log_sigmoid(w - c + m)).collect();
        let denominator: Vec<f64> = works.reverse.iter().map(|v| log_sigmoid(v + c - m)).collect();
        let next = c - m + log_mean_exp(&numerator) - log_mean_exp(&denominator);
        let moved = (next - c).abs();
        c = next;
        if !c.is_finite() {
            break;
        }
        if moved <= 1e-14 * c.abs().max(1.0) {
            return two_sided(works, Bennett::at(works, c), level);
        }
    }
    Err(Error::non_finite(
        "log_z",
        c,
        format!("after at most {max_iterations} iterations without convergence from {start}"),
    ))
}

/// `log Z_1 / Z_0` by the geometric bridge `α = 1 / √(f_0 f_1)`, without iteration.
///
/// ```
/// use gibbsian_partition::{Works, geometric_bridge};
///
/// // f_0 = exp(−x²/2), f_1 = exp(−(x − 1)²/2 + 3): the ratio of the normalisers is e³. Quantiles stand for draws.
/// let quantiles = [-1.6, -1.0, -0.7, -0.4, -0.1, 0.1, 0.4, 0.7, 1.0, 1.6];
/// let forward = quantiles.iter().map(|x| x - 0.5 + 3.0).collect();
/// let reverse = quantiles.iter().map(|x| -(x + 1.0) + 0.5 - 3.0).collect();
/// let works = Works::independent(forward, reverse)?;
/// assert!((geometric_bridge(&works, 0.95)?.log_z - 3.0).abs() < 1e-10); // by symmetry
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// A level outside (0, 1).
pub fn geometric_bridge(works: &Works, level: f64) -> Result<Estimate> {
    let half = |w: &[f64]| w.iter().map(|w| 0.5 * w).collect::<Vec<f64>>();
    let (forward, reverse) = (half(&works.forward), half(&works.reverse));
    let (log_a, log_b) = (log_mean_exp(&forward), log_mean_exp(&reverse));
    let relative = |w: &[f64], mean: f64| w.iter().map(|w| (w - mean).exp()).collect::<Vec<f64>>();
    let optimal = Bennett::at(works, log_a - log_b);
    let solved = Bennett {
        forward: relative(&forward, log_a),
        reverse: relative(&reverse, log_b).iter().map(|r| -r).collect(),
        ..optimal
    };
    two_sided(works, solved, level)
}

/// `log Z` along a ladder: the sum of the optimal bridges between neighbours, from draws at every rung.
///
/// The draws of a rung serve the bridge below and the one above; the error is taken between chains and contains that.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_partition::{Ladder, RungSampling, exact_log_z, ladder_bridge, sample_rungs};
/// # use gibbsian_testkit::targets::{Pairwise, Tempered};
/// # use ndarray::{Array1, Array2};
/// // Four spins that pull each other along, and the path to them from independent ones.
/// let target = Pairwise::new(Array1::from_elem(4, 0.2), Array2::from_elem((4, 4), 0.3))?;
/// let path = Tempered::new(Array1::zeros(4), target.clone())?;
/// let exact = exact_log_z(&target)?;
/// let draws = sample_rungs(&path, &Ladder::linear(8)?, &RungSampling::new(), &mut Seed::new(1).rng())?;
/// let estimate = ladder_bridge(&draws, 0.999)?;
/// assert!((estimate.log_z - exact).abs() < 5.0 * estimate.standard_error);
/// assert!(estimate.reliability.is_trusted());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// A level outside (0, 1); neighbours none of whose draws has a finite work.
pub fn ladder_bridge(draws: &RungDraws, level: f64) -> Result<Estimate> {
    let betas = draws.ladder().betas();
    let mut contributions = vec![vec![0.0; draws.n_chains() * draws.n_draws()]; betas.len()];
    let mut log_z = draws.log_z_start();
    let mut least = (f64::INFINITY, 0);
    for k in 0..draws.ladder().n_steps() {
        let solved = between(draws, k)?;
        log_z += solved.log_ratio;
        for (rung, values) in [(k, &solved.forward), (k + 1, &solved.reverse)] {
            for (sum, value) in contributions[rung].iter_mut().zip(values) {
                *sum += value;
            }
        }
        if solved.overlap < least.0 {
            least = (solved.overlap, k);
        }
    }
    let mut influence = Influence::new(draws.n_chains(), draws.n_draws());
    for values in &contributions {
        influence.add(values);
    }
    let (overlap, k) = (least.0 * influence.efficiency(), least.1);
    let own = Reliability::of_overlap(betas[k], betas[k + 1], overlap);
    let reliability = Reliability::of_draws(draws, &influence, own);
    let estimate = Estimate::of_influence(log_z, &influence, level, reliability)?;
    Ok(estimate.widened_to(no_overlap_error(own, influence.effective_sample_size())))
}

/// `log Z_{k+1} / Z_k` of every step, by the optimal bridges.
pub(crate) fn ladder_log_ratios(draws: &RungDraws) -> Result<Vec<f64>> {
    (0..draws.ladder().n_steps())
        .map(|k| Ok(between(draws, k)?.log_ratio))
        .collect()
}

/// The bridge from rung `k` to the next.
fn between(draws: &RungDraws, k: usize) -> Result<Bennett> {
    let works = Works::independent(
        draws.neighbour_works(k, k + 1).to_vec(),
        draws.neighbour_works(k + 1, k).to_vec(),
    )?;
    Ok(Bennett::solve(&works))
}

/// The estimate from two independent sets of draws.
fn two_sided(works: &Works, solved: Bennett, level: f64) -> Result<Estimate> {
    check_level("level", level)?;
    let [s_0, s_1] = works.effective;
    let variance = |values: &[f64], effective: f64| {
        mean_and_error(values.iter().copied()).1.powi(2) * values.len() as f64 / effective
    };
    let (v_0, v_1) = (variance(&solved.forward, s_0), variance(&solved.reverse, s_1));
    let standard_error = (v_0 + v_1).sqrt();
    // Welch (1947): the degrees of freedom of a sum of two variances.
    let degrees = (v_0 + v_1).powi(2) / (v_0 * v_0 / (s_0 - 1.0).max(1.0) + v_1 * v_1 / (s_1 - 1.0).max(1.0));
    let degrees = if degrees.is_finite() { degrees as usize } else { 1 };
    let half = student_two_sided(level, degrees) * standard_error;
    let n = works.forward.len() + works.reverse.len();
    let overlap = solved.overlap * (s_0 + s_1) / n as f64;
    // Densities without a path between them are its ends.
    let reliability = Reliability::of_overlap(0.0, 1.0, overlap);
    let rounding = f64::EPSILON * n as f64 * solved.log_ratio.abs().max(1.0);
    let estimate = Estimate {
        log_z: solved.log_ratio,
        corrected: solved.log_ratio,
        standard_error,
        interval: Interval {
            lower: solved.log_ratio - half - rounding,
            upper: solved.log_ratio + half + rounding,
            level,
        },
        effective_sample_size: overlap,
        n_chains: n,
        pareto_shape: None,
        reliability,
    };
    Ok(estimate.widened_to(no_overlap_error(reliability, s_0.min(s_1))))
}

/// `1/I − 2/n` with `4 I` the overlap: at least this much error where the overlap is too small for a sample to know its own; else none.
pub(crate) fn no_overlap_error(reliability: Reliability, n: f64) -> f64 {
    match reliability {
        Reliability::NoOverlap { overlap, .. } => (4.0 / overlap - 2.0 / n).max(0.0).sqrt(),
        _ => 0.0,
    }
}

/// Refuses works that nothing can be concluded from.
fn check_works(name: &'static str, works: &[f64]) -> Result<()> {
    if works.len() < 2 {
        return Err(Error::parameter(
            name,
            format!("{} works", works.len()),
            "at least 2 for a standard error",
        ));
    }
    if let Some(i) = works.iter().position(|w| w.is_nan() || *w == f64::INFINITY) {
        return Err(Error::non_finite(
            format!("{name}[{i}]"),
            works[i],
            "in the works given",
        ));
    }
    if works.iter().all(|w| *w == f64::NEG_INFINITY) {
        return Err(Error::parameter(
            name,
            "-inf throughout",
            "finite for at least one draw: the densities do not overlap",
        ));
    }
    Ok(())
}
