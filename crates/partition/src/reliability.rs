//! Whether an interval made from weights deserves its level.
//!
//! Two things invalidate an interval without a trace in its width. Weights with so heavy a tail that the sample has not seen
//! what dominates their mean: the fitted Pareto shape shows it, with the limit `min(1 − 1/log₁₀ n, 0.7)` of Vehtari et al.
//! (2024), equation 13. And too few effective chains, where the expansion in `c / √n` behind every interval stops short:
//! `n_eff = n / (1 + c²)` of at least [`MIN_EFFECTIVE`] keeps `c / √n` below 0.14 nat. Both are necessary and not sufficient: a mode
//! that no chain has visited leaves no sign in the weights. Reverse annealing from exact draws would see it.
//!
//! The level of an interval is a statement about all runs. Runs picked by their diagnosis are a biased pick, because a run that by
//! luck missed its largest weights looks better than it is: where half of the runs are refused for too few effective chains,
//! those that pass cover a few percent less often than all of them do. When a diagnosis is bad, lengthen the ladder; do not
//! repeat until it is good.

use std::fmt;

use crate::weights::LogWeights;

/// The fewest effective chains on which an interval is trusted.
pub const MIN_EFFECTIVE: f64 = 50.0;

/// The largest Pareto shape at which importance weights are trusted, however many they are.
pub const MAX_PARETO_SHAPE: f64 = 0.7;

/// The diagnosis of a set of weights.
#[derive(Clone, Copy, Debug, PartialEq)]
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
        /// `(Σ w)² / Σ w²`.
        effective_sample_size: f64,
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
                    "{effective_sample_size:.1} effective chains, fewer than {MIN_EFFECTIVE}"
                )
            }
        }
    }
}
