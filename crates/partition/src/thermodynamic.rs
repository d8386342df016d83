//! Thermodynamic integration: `log Z` as an area.
//!
//! `d/dβ log Z_β = E_β[d/dβ log f_β]`, hence
//!
//! `log Z_1 − log Z_0 = ∫₀¹ m(β) dβ`,  `m(β) = E_β[d/dβ log f_β(x)]`
//!
//! (Kirkwood 1935; Gelman and Meng 1998, "Simulating normalizing constants"). The mean slope `m` is measured at the rungs and integrated by a
//! rule. There is no ratio of densities in it, so nothing has a heavy tail; the price is the error of the rule.
//!
//! **Rules.** The trapezoid has an error of order `h²` and Simpson's rule of order `h⁴`, in the form for unequal steps. Leaving out every other rung and
//! comparing (Richardson 1911) estimates the error of the finer rule, by a third and a fifteenth of the difference; the interval is widened by it,
//! and where it exceeds the standard error the verdict is [`Reliability::CoarseLadder`].
//!
//! **Bounds.** By Jensen's inequality (Gibbs, Bogoliubov and Feynman) every step of the ladder lies between its works,
//!
//! `E_k[log f_{k+1} − log f_k] ≤ log Z_{k+1} / Z_k ≤ E_{k+1}[log f_{k+1} − log f_k]`,
//!
//! for any path. On a path that is linear in `β` these are the lower and upper rectangles under `m`, which increases because
//! `m' = Var_β ≥ 0`. Their sums bracket `log Z` whatever the ladder, up to Monte Carlo error: the one bracket here that coarse rungs cannot
//! fool, as long as the draws are from the rungs they claim.

use gibbsian_core::{Error, Result};

use crate::estimate::Estimate;
use crate::influence::Influence;
use crate::interval::Interval;
use crate::quantile::student_two_sided;
use crate::reliability::Reliability;
use crate::rungs::RungDraws;
use crate::weights::check_level;

/// A rule to integrate the mean slope from its values at the rungs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quadrature {
    /// Straight lines between rungs; the number of steps must be even.
    Trapezoid,
    /// Parabolas through three rungs each; the number of steps must be a multiple of four.
    Simpson,
}

/// A thermodynamic integral and its bracket.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Thermodynamic {
    /// `log Z`; the interval allows for the error of the rule.
    pub estimate: Estimate,
    /// The estimated error of the rule, in nats.
    pub discretisation: f64,
    /// `log Z_0 + Σ_k E_k[log f_{k+1} − log f_k]`, in expectation at most `log Z` for any ladder.
    pub lower: f64,
    /// `log Z_0 + Σ_k E_{k+1}[log f_{k+1} − log f_k]`, in expectation at least `log Z`.
    pub upper: f64,
    /// The two, each moved outwards by its Monte Carlo error: contains `log Z` with about its level or more.
    pub bounds: Interval,
}

/// Integrates the mean slope over the ladder.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_partition::{Ladder, Quadrature, RungSampling, exact_log_z, sample_rungs, thermodynamic};
/// # use gibbsian_testkit::targets::{Pairwise, Tempered};
/// # use ndarray::{Array1, Array2};
/// // Four spins that pull each other along, and the path to them from independent ones.
/// let target = Pairwise::new(Array1::from_elem(4, 0.2), Array2::from_elem((4, 4), 0.3))?;
/// let path = Tempered::new(Array1::zeros(4), target.clone())?;
/// let exact = exact_log_z(&target)?;
/// let draws = sample_rungs(&path, &Ladder::linear(8)?, &RungSampling::new(), &mut Seed::new(1).rng())?;
/// let integral = thermodynamic(&draws, Quadrature::Simpson, 0.999)?;
/// assert!(integral.estimate.interval.contains(exact));
/// assert!(integral.bounds.contains(exact) && integral.lower < integral.upper);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// A level outside (0, 1), a number of steps that does not suit the rule, or a slope of `−∞`, named by its rung.
pub fn thermodynamic(draws: &RungDraws, rule: Quadrature, level: f64) -> Result<Thermodynamic> {
    check_level("level", level)?;
    let betas = draws.ladder().betas();
    let n_steps = draws.ladder().n_steps();
    let multiple = match rule {
        Quadrature::Trapezoid => 2,
        Quadrature::Simpson => 4,
    };
    if !n_steps.is_multiple_of(multiple) {
        return Err(Error::parameter(
            "n_steps",
            n_steps,
            format!("a multiple of {multiple}, to tell the error of the rule"),
        ));
    }
    let weights = rule.weights(betas);
    let mut influence = Influence::new(draws.n_chains(), draws.n_draws());
    let mut means = Vec::with_capacity(betas.len());
    let mut log_z = draws.log_z_start();
    for (k, weight) in weights.iter().enumerate() {
        let slopes = draws.slopes(k);
        let mean = slopes.iter().sum::<f64>() / slopes.len() as f64;
        if !mean.is_finite() {
            return Err(Error::non_finite(
                format!("slopes({k})"),
                mean,
                format!("at inverse temperature {}", betas[k]),
            ));
        }
        means.push(mean);
        log_z += weight * mean;
        influence.add(&slopes.iter().map(|s| weight * s).collect::<Vec<f64>>());
    }

    let every_other = |values: &[f64]| -> Vec<f64> { values.iter().copied().step_by(2).collect() };
    let integral = |betas: &[f64], means: &[f64]| -> f64 {
        rule.weights(betas).iter().zip(means).map(|(w, m)| w * m).sum()
    };
    let coarse = integral(&every_other(betas), &every_other(&means));
    let richardson = match rule {
        Quadrature::Trapezoid => 3.0,
        Quadrature::Simpson => 15.0,
    };
    let discretisation = (integral(betas, &means) - coarse).abs() / richardson;

    let own = if discretisation > influence.standard_error() {
        Reliability::CoarseLadder { discretisation }
    } else {
        Reliability::Trusted
    };
    let reliability = Reliability::of_draws(draws, &influence, own);
    let estimate = Estimate::of_influence(log_z, &influence, level, reliability)?;
    let estimate = Estimate {
        interval: Interval {
            lower: estimate.interval.lower - discretisation,
            upper: estimate.interval.upper + discretisation,
            level,
        },
        ..estimate
    };
    let (lower, lower_error) = rectangles(draws, 1.0, |k| (k, k + 1));
    let (upper, upper_error) = rectangles(draws, -1.0, |k| (k + 1, k));
    let t = student_two_sided(level, draws.n_chains() - 1);
    Ok(Thermodynamic {
        estimate,
        discretisation,
        lower,
        upper,
        bounds: Interval {
            lower: lower - t * lower_error,
            upper: upper + t * upper_error,
            level,
        },
    })
}

/// `log Z_0 + sign Σ_k E[work of step k]` and its standard error; infinite where a draw has density zero at the other end of its step.
fn rectangles(draws: &RungDraws, sign: f64, step: impl Fn(usize) -> (usize, usize)) -> (f64, f64) {
    let mut influence = Influence::new(draws.n_chains(), draws.n_draws());
    let mut sum = draws.log_z_start();
    for k in 0..draws.ladder().n_steps() {
        let (from, to) = step(k);
        let works = draws.neighbour_works(from, to);
        sum += sign * works.iter().sum::<f64>() / works.len() as f64;
        influence.add(works);
    }
    if sum.is_finite() {
        (sum, influence.standard_error())
    } else {
        (sum, 0.0)
    }
}

impl Quadrature {
    /// The weights of the values at `betas`.
    fn weights(self, betas: &[f64]) -> Vec<f64> {
        let mut weights = vec![0.0; betas.len()];
        match self {
            Quadrature::Trapezoid => {
                for (k, rungs) in betas.windows(2).enumerate() {
                    let half = 0.5 * (rungs[1] - rungs[0]);
                    weights[k] += half;
                    weights[k + 1] += half;
                }
            }
            // The parabola through f_0, f_1, f_2 at distances h_0 and h_1 has the integral
            // (h_0 + h_1)/6 · [(2 − h_1/h_0) f_0 + (h_0 + h_1)²/(h_0 h_1) f_1 + (2 − h_0/h_1) f_2].
            Quadrature::Simpson => {
                for k in (0..betas.len() - 1).step_by(2) {
                    let (h_0, h_1) = (betas[k + 1] - betas[k], betas[k + 2] - betas[k + 1]);
                    let sixth = (h_0 + h_1) / 6.0;
                    weights[k] += sixth * (2.0 - h_1 / h_0);
                    weights[k + 1] += sixth * (h_0 + h_1).powi(2) / (h_0 * h_1);
                    weights[k + 2] += sixth * (2.0 - h_0 / h_1);
                }
            }
        }
        weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_exact_for_the_polynomials_they_interpolate() {
        let betas = [0.0, 0.1, 0.35, 0.5, 1.0];
        let integral = |rule: Quadrature, f: fn(f64) -> f64| -> f64 {
            rule.weights(&betas)
                .iter()
                .zip(betas)
                .map(|(w, b)| w * f(b))
                .sum()
        };
        assert!((integral(Quadrature::Trapezoid, |b| 3.0 * b - 1.0) - 0.5).abs() < 1e-15);
        assert!((integral(Quadrature::Simpson, |b| 3.0 * b * b - b) - 0.5).abs() < 1e-15);
        assert!((integral(Quadrature::Trapezoid, |b| b * b) - 1.0 / 3.0).abs() > 1e-2);
    }
}
