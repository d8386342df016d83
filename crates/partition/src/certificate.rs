//! An average test log-probability between an optimistic and a conservative end.
//!
//! The number in question is `ℓ = (1/T) Σ_t log p(x_t)`, the average over `T` given test cases, `log p(x) = log f(x) − log Z`.
//!
//! *Optimistic end.* `(1/T) Σ_t log f(x_t) − log Ẑ` with `Ẑ` from forward annealing. Since `E log Ẑ ≤ log Z` it is in expectation too
//! high. Replacing `log Ẑ` by its lower bound at confidence `1 − α/2` gives an upper bound on `ℓ` that holds with that probability for
//! every number of chains and every ladder.
//!
//! *Conservative end.* `(1/T) Σ_t log p̂(x_t)` from RAISE, in expectation too low for `ℓ_ann = (1/T) Σ_t log p_ann(x_t)`; lowered by
//! `log(2/α) / T` it is a lower bound on `ℓ_ann` with probability at least `1 − α/2`.
//!
//! **What is guaranteed.** With probability at least `1 − α`, `ℓ` is at most the upper bound *and* `ℓ_ann` is at least the lower bound,
//! for these test cases. **What is not:** that `ℓ` itself exceeds the lower bound. The annealing model `p_ann` is a different
//! normalised model that tends to `p` as the ladder is refined; `E_p log p_ann ≤ E_p log p` holds for draws from `p`, and
//! elsewhere `p_ann` may score higher than `p`. The distance of the ends is then evidence, not proof: an annealing model within
//! a gap of 0.1 nat on average over many cases, and closer on a longer ladder, is hardly a different model. Forward chains
//! that miss a mode of `p` make the optimistic end too high and the gap large, which is how the certificate notices them.
//!
//! **Where the ends cross**, the annealing model fits these cases better than the target does, and a bound from it says nothing about
//! how low `ℓ` is. By less than a contradiction that can be chance; then the bounds reach as far below the optimistic end as above it.
//!
//! The error of the gap is **paired**: the spread of `log f(x_t)` between easy and difficult cases, tens of nats, enters both ends
//! alike and cancels in `D_t = log f(x_t) − log p̂(x_t)`, which scatters around `log Z`.
//!
//! None of this speaks about other data from the same source; for that the spread between test cases is reported apart.

use std::fmt;

use gibbsian_core::error::check_positive;
use gibbsian_core::{Error, Result};

use crate::ais::ForwardAis;
use crate::influence::mean_and_error;
use crate::interval::Interval;
use crate::raise::Raise;
use crate::sandwich::CONTRADICTION;
use crate::weights::{check_chains, check_level};

/// What forward annealing and RAISE together say about the average log-probability of test cases.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_core::Energy;
/// use gibbsian_partition::{Certificate, CertificateVerdict, ExactDistribution, Ladder, ais, exact_log_z, raise};
/// # use gibbsian_testkit::targets::{Pairwise, Tempered};
/// # use ndarray::{Array1, Array2};
/// // Four spins that pull each other along, and the path to them from independent ones.
/// let target = Pairwise::new(Array1::from_elem(4, 0.2), Array2::from_elem((4, 4), 0.3))?;
/// let path = Tempered::new(Array1::zeros(4), target.clone())?;
/// let exact = exact_log_z(&target)?;
/// let (mut rng, ladder) = (Seed::new(1).rng(), Ladder::linear(50)?);
/// let cases = ExactDistribution::new(&target)?.sample(50, &mut rng);
/// let forward = ais(&path, &ladder, 1_000, &mut rng)?;
/// let reverse = raise(&path, &ladder, cases.view(), 100, &mut rng)?;
/// let certificate = Certificate::new(&forward, &reverse, 0.95, 0.5)?;
/// let truth = -target.energy(cases.view()).mean().unwrap() - exact;
/// assert!(certificate.bounds.contains(truth), "{certificate}");
/// assert!(matches!(certificate.verdict, CertificateVerdict::Certified { .. }));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Certificate {
    /// `(1/T) Σ log f(x_t) − log Ẑ`: in expectation too high.
    pub optimistic: f64,
    /// `(1/T) Σ log p̂(x_t)`: in expectation too low, for the annealing model.
    pub conservative: f64,
    /// The standard error of [`Certificate::gap`], over chains and test cases, from paired differences.
    pub gap_standard_error: f64,
    /// The conservative and the optimistic end, each moved outwards to a bound that holds with half the error allowed; where the ends cross,
    /// the lower bound is at least as far below the optimistic end as the upper one is above it.
    pub bounds: Interval,
    /// `sd_t(log f(x_t)) / √T`: how far the average over other test cases of the same source would scatter.
    pub test_case_standard_error: f64,
    /// The number of test cases `T`.
    pub n_cases: usize,
    /// The conclusion.
    pub verdict: CertificateVerdict,
}

/// The conclusion of a [`Certificate`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CertificateVerdict {
    /// The bounds lie within the tolerance of each other.
    Certified {
        /// The width of [`Certificate::bounds`], in nats.
        gap: f64,
    },
    /// The bounds are too far apart.
    Inconclusive {
        /// What to change.
        why: Inconclusive,
    },
    /// The conservative end lies above the optimistic one beyond Monte Carlo error: the annealing model fits these cases better
    /// than the target does, so the ladder is too coarse for one to stand for the other; or an assumption fails
    /// (a transition that is not reversible, a wrong normaliser of the base, runs of different models).
    Contradiction {
        /// `(conservative − optimistic) / gap_standard_error`.
        standard_errors: f64,
    },
}

/// Why bounds are too far apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Inconclusive {
    /// The ends themselves differ by more than the tolerance: more temperatures, or more RAISE chains a test case.
    EndsApart {
        /// `optimistic − conservative`.
        gap: f64,
    },
    /// The ends agree, but the allowance for Monte Carlo error is too large: more forward chains or more test cases.
    MonteCarloError {
        /// The width of the bounds.
        width: f64,
    },
}

impl Certificate {
    /// Compares a forward run and a RAISE run of the same path; `level` is that of the bounds and `tolerance` the widest that still
    /// certifies, in nats.
    ///
    /// # Errors
    /// A level outside (0, 1), a tolerance that is not positive, fewer than two test cases, or fewer than two chains.
    pub fn new(forward: &ForwardAis, raise: &Raise, level: f64, tolerance: f64) -> Result<Self> {
        check_level("level", level)?;
        check_positive("tolerance", tolerance)?;
        let n_cases = raise.log_targets().len();
        if n_cases < 2 {
            return Err(Error::parameter(
                "test_cases",
                n_cases,
                "at least 2 for a standard error",
            ));
        }
        check_chains(forward.log_weights())?;
        let each = 0.5 + 0.5 * level;
        let (mean_target, target_error) = mean_and_error(raise.log_targets().iter().copied());
        let optimistic = mean_target - forward.log_z();
        let conservative = raise.mean();
        let upper = mean_target - forward.lower_bound(each)?.value;
        let lower = raise.lower_bound(each)?.value;
        let bounds = Interval {
            lower: lower_end(lower, conservative, optimistic, upper),
            upper,
            level,
        };
        let implied_log_z = raise
            .log_targets()
            .iter()
            .zip(raise.log_probabilities())
            .map(|(f, p)| f - p);
        let (_, difference_error) = mean_and_error(implied_log_z);
        let gap_standard_error = difference_error.hypot(forward.log_weights().standard_error());
        Ok(Certificate {
            optimistic,
            conservative,
            gap_standard_error,
            bounds,
            test_case_standard_error: target_error,
            n_cases,
            verdict: if lower > upper {
                contradiction(optimistic - conservative, gap_standard_error)
            } else {
                conclude(optimistic - conservative, gap_standard_error, bounds, tolerance)
            },
        })
    }

    /// `optimistic − conservative`, in nats.
    pub fn gap(&self) -> f64 {
        self.optimistic - self.conservative
    }
}

/// The lower bound: RAISE's, or where the ends cross also the mirror image of the upper one.
fn lower_end(lower: f64, conservative: f64, optimistic: f64, upper: f64) -> f64 {
    if conservative > optimistic {
        lower.min(optimistic - (upper - optimistic))
    } else {
        lower
    }
}

fn contradiction(gap: f64, gap_standard_error: f64) -> CertificateVerdict {
    CertificateVerdict::Contradiction {
        standard_errors: -gap / gap_standard_error,
    }
}

fn conclude(gap: f64, gap_standard_error: f64, bounds: Interval, tolerance: f64) -> CertificateVerdict {
    if -gap > CONTRADICTION * gap_standard_error.max(1e-12) {
        contradiction(gap, gap_standard_error)
    } else if bounds.width() <= tolerance {
        CertificateVerdict::Certified { gap: bounds.width() }
    } else if gap <= tolerance {
        CertificateVerdict::Inconclusive {
            why: Inconclusive::MonteCarloError {
                width: bounds.width(),
            },
        }
    } else {
        // Also reached when a test case has probability zero under every reverse chain and the gap is infinite.
        CertificateVerdict::Inconclusive {
            why: Inconclusive::EndsApart { gap },
        }
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "average log-probability of {} test cases: conservative {:.4}, optimistic {:.4}, gap {:.4} ± {:.4}, bounds [{:.4}, {:.4}] \
             at {:.1} %: ",
            self.n_cases,
            self.conservative,
            self.optimistic,
            self.gap(),
            self.gap_standard_error,
            self.bounds.lower,
            self.bounds.upper,
            100.0 * self.bounds.level
        )?;
        match self.verdict {
            CertificateVerdict::Certified { gap } => write!(f, "certified within {gap:.4} nat"),
            CertificateVerdict::Inconclusive {
                why: Inconclusive::EndsApart { gap },
            } => write!(f, "inconclusive, the ends are {gap:.4} nat apart"),
            CertificateVerdict::Inconclusive {
                why: Inconclusive::MonteCarloError { width },
            } => write!(
                f,
                "inconclusive, Monte Carlo error widens the bounds to {width:.4} nat"
            ),
            CertificateVerdict::Contradiction { standard_errors } => {
                write!(f, "contradiction by {standard_errors:.1} standard errors")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_both_ends_also_where_they_cross() {
        assert_eq!(lower_end(-3.5, -3.25, -3.0, -2.75), -3.5);
        // Conservative above optimistic: RAISE's bound alone would leave the optimistic end outside.
        assert_eq!(lower_end(-2.9, -2.75, -3.0, -2.5), -3.5);
        assert_eq!(lower_end(-4.0, -2.75, -3.0, -2.5), -4.0);
    }
}
