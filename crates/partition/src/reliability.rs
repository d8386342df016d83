//! Whether an interval made from weights deserves its level.
//!
//! Two things invalidate an interval without a trace in its width. Weights with so heavy a tail that the sample has not seen
//! what dominates their mean: the fitted Pareto shape shows it, with the limit `min(1 − 1/log₁₀ n, 0.7)` of Vehtari et al.
//! (2024), equation 13. And too few effective chains, where the expansion in `c / √n` behind every interval stops short:
//! `n_eff = n / (1 + c²)` of at least [`MIN_EFFECTIVE`] keeps `c / √n` below 0.14 nat. Both are necessary and not sufficient: a mode
//! that no chain has visited leaves no sign in the weights. Reverse annealing from exact draws would see it
//! ([`Sandwich`](crate::Sandwich)), and annealing back from chains that ran from data often does ([`RoundTrip`](crate::RoundTrip)).
//!
//! Estimates from draws at several temperatures have three ways more to fail. Neighbours that hardly overlap: their ratio is then made of
//! the few draws that lie in both, and no error formula sees what lies in neither. Chains that have not arrived: the first and the second half of
//! their draws differ. And a sum over temperatures that stands for an integral: its steps may be too long.
//!
//! The level of an interval is a statement about all runs. Runs picked by their diagnosis are a biased pick, because a run that by
//! luck missed its largest weights looks better than it is: where half of the runs are refused for too few effective chains,
//! those that pass cover a few percent less often than all of them do. When a diagnosis is bad, lengthen the ladder; do not
//! repeat until it is good.

use std::fmt;

use crate::influence::Influence;
use crate::quantile::student_two_sided;
use crate::rungs::RungDraws;
use crate::weights::LogWeights;

/// The fewest effective chains on which an interval is trusted.
pub const MIN_EFFECTIVE: f64 = 50.0;

/// The largest Pareto shape at which importance weights are trusted, however many they are.
pub const MAX_PARETO_SHAPE: f64 = 0.7;

/// The probability that chains that have arrived are called drifting at one rung: five standard errors of many chains.
const FALSE_ALARM: f64 = 5.7e-7;

/// The diagnosis of a set of weights or draws.
///
/// ```
/// use gibbsian_partition::{LogWeights, Reliability};
///
/// assert!(Reliability::of(&LogWeights::new(vec![0.0; 100])?).is_trusted());
/// // One weight that outweighs all others.
/// let mut values = vec![0.0; 100];
/// values[0] = 30.0;
/// assert!(!Reliability::of(&LogWeights::new(values)?).is_trusted());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reliability {
    /// No sign against the interval.
    Trusted,
    /// The tail of the weights is too heavy for their number: more steps are needed rather than more chains.
    HeavyTailed {
        /// The fitted shape.
        shape: f64,
        /// The largest acceptable shape for this number of weights.
        limit: f64,
    },
    /// Too few weights matter.
    TooFewEffective {
        /// Of weights `(Σ w)² / Σ w²`; of chains the number of independent draws that would err as much.
        effective_sample_size: f64,
    },
    /// Two neighbouring temperatures share too few draws: a rung between them is missing.
    NoOverlap {
        /// The lower of the two.
        from: f64,
        /// The higher.
        to: f64,
        /// The number of effective draws that could come from either, at least [`MIN_EFFECTIVE`] for trust; see
        /// [`crate::bridge`].
        overlap: f64,
    },
    /// The first and the second half of the chains' draws disagree: a longer warm-up is needed.
    Drifting {
        /// The difference in standard errors.
        standard_errors: f64,
    },
    /// The rungs are too far apart for a sum to stand for an integral.
    CoarseLadder {
        /// The estimated error of the quadrature, in nats.
        discretisation: f64,
    },
}

impl Reliability {
    /// Diagnoses weights; a heavy tail is reported first, since more chains would not mend it.
    pub fn of(weights: &LogWeights) -> Self {
        let limit = (1.0 - 1.0 / (weights.n() as f64).log10()).min(MAX_PARETO_SHAPE);
        let effective_sample_size = weights.effective_sample_size();
        match weights.pareto_shape() {
            Some(shape) if shape > limit => Reliability::HeavyTailed { shape, limit },
            _ if effective_sample_size < MIN_EFFECTIVE => Reliability::TooFewEffective {
                effective_sample_size,
            },
            _ => Reliability::Trusted,
        }
    }

    /// Diagnoses the number of effective draws that could come from either of two neighbours.
    pub(crate) fn of_overlap(from: f64, to: f64, overlap: f64) -> Self {
        if overlap < MIN_EFFECTIVE {
            Reliability::NoOverlap { from, to, overlap }
        } else {
            Reliability::Trusted
        }
    }

    /// Diagnoses an estimate from draws at rungs: whether the chains have arrived, then what the method says of its own, then how many
    /// independent draws they are worth.
    pub(crate) fn of_draws(draws: &RungDraws, influence: &Influence, own: Reliability) -> Self {
        let effective_sample_size = influence.effective_sample_size();
        let limit = student_two_sided(1.0 - FALSE_ALARM, draws.n_chains() - 1);
        match draws.drift() {
            Some(standard_errors) if standard_errors > limit => Reliability::Drifting { standard_errors },
            _ if !own.is_trusted() => own,
            _ if effective_sample_size < MIN_EFFECTIVE => Reliability::TooFewEffective {
                effective_sample_size,
            },
            _ => Reliability::Trusted,
        }
    }

    /// Whether nothing speaks against the interval.
    pub fn is_trusted(self) -> bool {
        self == Reliability::Trusted
    }
}

impl fmt::Display for Reliability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reliability::Trusted => write!(f, "trusted"),
            Reliability::HeavyTailed { shape, limit } => {
                write!(
                    f,
                    "heavy-tailed weights: Pareto shape {shape:.2} above {limit:.2}"
                )
            }
            Reliability::TooFewEffective {
                effective_sample_size,
            } => {
                write!(
                    f,
                    "{effective_sample_size:.1} effective draws, fewer than {MIN_EFFECTIVE}"
                )
            }
            Reliability::NoOverlap { from, to, overlap } => write!(
                f,
                "no overlap between inverse temperatures {from} and {to}: {overlap:.1} effective draws could come from either, fewer than \
                 {MIN_EFFECTIVE}"
            ),
            Reliability::Drifting { standard_errors } => write!(
                f,
                "drifting chains: the halves of their draws differ by {standard_errors:.1} standard errors"
            ),
            Reliability::CoarseLadder { discretisation } => {
                write!(
                    f,
                    "coarse ladder: the quadrature errs by about {discretisation:.4}"
                )
            }
        }
    }
}
