//! Forward and reverse annealing of one target held against each other.
//!
//! In expectation `E log Ẑ_forward ≤ log Z ≤ E log Ẑ_reverse`, the second given exact draws. A small gap certifies both runs, and is the
//! only sign of a missed mode: forward chains that never find it stay low, reverse chains that start in it do not. A forward
//! estimate significantly *above* the reverse one contradicts the theory and means that an assumption fails: draws that are not
//! exact, a transition that does not leave its temperature invariant, or a normaliser of the base that is wrong.

use std::fmt;

use gibbsian_core::Result;

use crate::ais::ForwardAis;
use crate::interval::Interval;
use crate::reverse_ais::ReverseAis;
use crate::weights::{check_chains, check_level};

/// The number of standard errors beyond which a crossing is a contradiction; one run in three million crosses so far by luck.
pub const CONTRADICTION: f64 = 5.0;

/// The two ends and what they say about each other.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_partition::{ExactDistribution, Ladder, Sandwich, SandwichVerdict, ais, exact_log_z, reverse_ais};
/// # use gibbsian_testkit::targets::{Pairwise, Tempered};
/// # use ndarray::{Array1, Array2};
/// // Four spins that pull each other along, and the path to them from independent ones.
/// let target = Pairwise::new(Array1::from_elem(4, 0.2), Array2::from_elem((4, 4), 0.3))?;
/// let path = Tempered::new(Array1::zeros(4), target.clone())?;
/// let exact = exact_log_z(&target)?;
/// let (mut rng, ladder) = (Seed::new(1).rng(), Ladder::linear(20)?);
/// let draws = ExactDistribution::new(&target)?.sample(500, &mut rng);
/// let up = ais(&path, &ladder, 500, &mut rng)?;
/// let down = reverse_ais(&path, &ladder, draws.view(), &mut rng)?;
/// let sandwich = Sandwich::new(&up, &down, 0.99)?;
/// assert!(sandwich.bounds.contains(exact), "{sandwich}");
/// assert_eq!(sandwich.verdict, SandwichVerdict::Ordered);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Sandwich {
    /// `log Ẑ` of the forward run: in expectation a lower bound.
    pub lower: f64,
    /// `log Ẑ` of the reverse run: in expectation an upper bound.
    pub upper: f64,
    /// The standard error of `upper − lower`.
    pub gap_standard_error: f64,
    /// Contains `log Z` with probability at least its level at any number of chains, given exact draws: from the one-sided bounds
    /// of both runs, each at half the error.
    pub bounds: Interval,
    /// Whether the ends are in order.
    pub verdict: SandwichVerdict,
}

/// Whether the lower end lies below the upper one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SandwichVerdict {
    /// `lower ≤ upper` up to Monte Carlo error.
    Ordered,
    /// `lower` exceeds `upper` by so many standard errors, more than [`CONTRADICTION`], or the rigorous bounds have crossed.
    Contradiction {
        /// `(lower − upper) / gap_standard_error`.
        standard_errors: f64,
    },
}

impl Sandwich {
    /// Compares two runs; `level` is that of [`Sandwich::bounds`].
    ///
    /// # Errors
    /// A level outside (0, 1), or fewer than two chains on a side.
    pub fn new(forward: &ForwardAis, reverse: &ReverseAis, level: f64) -> Result<Self> {
        check_level("level", level)?;
        check_chains(forward.log_weights())?;
        check_chains(reverse.log_weights())?;
        let each = 0.5 + 0.5 * level;
        let bounds = Interval {
            lower: forward.lower_bound(each)?.value,
            upper: reverse.upper_bound(each)?.value,
            level,
        };
        let (lower, upper) = (forward.log_z(), reverse.log_z());
        let gap_standard_error = forward
            .log_weights()
            .standard_error()
            .hypot(reverse.log_weights().standard_error());
        // Equal weights have no standard error, and rounding alone must not contradict.
        let rounding = forward.log_weights().resolution() + reverse.log_weights().resolution();
        let standard_errors = (lower - upper - rounding) / gap_standard_error.max(f64::MIN_POSITIVE);
        let verdict = if standard_errors > CONTRADICTION || bounds.lower > bounds.upper {
            SandwichVerdict::Contradiction { standard_errors }
        } else {
            SandwichVerdict::Ordered
        };
        Ok(Sandwich {
            lower,
            upper,
            gap_standard_error,
            bounds,
            verdict,
        })
    }

    /// `upper − lower`, in nats; in expectation it bounds the error of either end.
    pub fn gap(&self) -> f64 {
        self.upper - self.lower
    }
}

impl fmt::Display for Sandwich {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "log Z between {:.4} and {:.4}, gap {:.4} ± {:.4}, bounds [{:.4}, {:.4}] at {:.1} %: ",
            self.lower,
            self.upper,
            self.gap(),
            self.gap_standard_error,
            self.bounds.lower,
            self.bounds.upper,
            100.0 * self.bounds.level
        )?;
        match self.verdict {
            SandwichVerdict::Ordered => write!(f, "in order"),
            SandwichVerdict::Contradiction { standard_errors } => {
                write!(f, "contradiction by {standard_errors:.1} standard errors")
            }
        }
    }
}
