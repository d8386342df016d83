//! Many estimates of one `log Z` held against each other.
//!
//! Methods fail in different ways: annealing from the base misses modes and stays low, chains that have not arrived drift, coarse rungs bias an
//! integral, weights grow tails. A number that several of them agree on is worth more than the verdict of any one. Estimates that carry a
//! verdict against themselves are shown and not counted. Where two of the others differ by more than [`CONTRADICTION`] joint standard errors, or one
//! lies that far outside a rigorous bracket, or two brackets exclude each other, something that a method relies on does not hold.
//!
//! Estimates made from the same draws (a bridge and a thermodynamic integral, say) err together, so their difference is smaller than
//! the joint error says: agreement between them is then cheap, and a contradiction all the more serious.

use std::fmt;

use crate::estimate::Estimate;
use crate::interval::Interval;
use crate::sandwich::CONTRADICTION;

/// Estimates and brackets of one number, by name.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_partition::{Comparison, ComparisonVerdict, Ladder, ais, importance};
/// # use gibbsian_testkit::targets::{Pairwise, Tempered};
/// # use ndarray::{Array1, Array2};
/// // Four spins that pull each other along, and the path to them from independent ones.
/// let target = Pairwise::new(Array1::from_elem(4, 0.2), Array2::from_elem((4, 4), 0.3))?;
/// let path = Tempered::new(Array1::zeros(4), target.clone())?;
/// let mut rng = Seed::new(1).rng();
/// let annealed = ais(&path, &Ladder::linear(20)?, 1_000, &mut rng)?.estimate(0.999)?;
/// let weighed = importance(&path, 10_000, &mut rng)?.estimate(0.999)?;
/// let comparison = Comparison::new().with("annealing", annealed).with("importance", weighed);
/// assert_eq!(comparison.verdict(), ComparisonVerdict::Agree { n_trusted: 2 }, "{comparison}");
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    estimates: Vec<(String, Estimate)>,
    brackets: Vec<(String, Interval)>,
}

/// Whether the methods agree.
#[derive(Clone, Debug, PartialEq)]
pub enum ComparisonVerdict {
    /// All trusted estimates and brackets are compatible.
    Agree {
        /// How many estimates were trusted, at least two.
        n_trusted: usize,
    },
    /// Two of them are not.
    Disagree {
        /// The one.
        first: String,
        /// The other.
        second: String,
        /// Their distance in joint standard errors; infinite between brackets that exclude each other.
        standard_errors: f64,
    },
    /// Fewer than two estimates can be trusted.
    Inconclusive {
        /// How many.
        n_trusted: usize,
    },
}

impl Comparison {
    /// Nothing to compare yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an estimate.
    #[must_use]
    pub fn with(mut self, method: impl Into<String>, estimate: Estimate) -> Self {
        self.estimates.push((method.into(), estimate));
        self
    }

    /// Adds a bracket that holds with at least its level; an end that is not known is infinite.
    #[must_use]
    pub fn with_bracket(mut self, method: impl Into<String>, bracket: Interval) -> Self {
        self.brackets.push((method.into(), bracket));
        self
    }

    /// The estimates, in the order in which they were added.
    pub fn estimates(&self) -> &[(String, Estimate)] {
        &self.estimates
    }

    /// Whether the trusted estimates and the brackets are compatible; the worst pair if not.
    pub fn verdict(&self) -> ComparisonVerdict {
        let trusted: Vec<&(String, Estimate)> = self
            .estimates
            .iter()
            .filter(|(_, e)| e.reliability.is_trusted())
            .collect();
        let mut pairs: Vec<(&str, &str, f64)> = Vec::new();
        for (i, (name, estimate)) in trusted.iter().enumerate() {
            for (other_name, other) in &trusted[..i] {
                let joint = error(estimate).hypot(error(other));
                pairs.push((other_name, name, (estimate.log_z - other.log_z).abs() / joint));
            }
            for (bracket_name, bracket) in &self.brackets {
                let outside = (bracket.lower - estimate.log_z).max(estimate.log_z - bracket.upper);
                pairs.push((name, bracket_name, outside / error(estimate)));
            }
        }
        for (i, (name, bracket)) in self.brackets.iter().enumerate() {
            for (other_name, other) in &self.brackets[..i] {
                if bracket.lower > other.upper || other.lower > bracket.upper {
                    pairs.push((other_name, name, f64::INFINITY));
                }
            }
        }
        match pairs.into_iter().max_by(|a, b| a.2.total_cmp(&b.2)) {
            Some((first, second, standard_errors)) if standard_errors > CONTRADICTION => {
                ComparisonVerdict::Disagree {
                    first: first.to_owned(),
                    second: second.to_owned(),
                    standard_errors,
                }
            }
            _ if trusted.len() < 2 => ComparisonVerdict::Inconclusive {
                n_trusted: trusted.len(),
            },
            _ => ComparisonVerdict::Agree {
                n_trusted: trusted.len(),
            },
        }
    }
}

/// The standard error, or what rounding leaves of it where all weights are equal.
fn error(estimate: &Estimate) -> f64 {
    estimate.standard_error.max(1e-10 * estimate.log_z.abs().max(1.0))
}

impl fmt::Display for ComparisonVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ComparisonVerdict::Agree { n_trusted } => write!(f, "{n_trusted} trusted estimates agree"),
            ComparisonVerdict::Disagree {
                first,
                second,
                standard_errors,
            } => write!(
                f,
                "{first} and {second} contradict by {standard_errors:.1} standard errors"
            ),
            ComparisonVerdict::Inconclusive { n_trusted } => {
                write!(
                    f,
                    "inconclusive, {n_trusted} trusted estimates are too few to compare"
                )
            }
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self
            .estimates
            .iter()
            .map(|(n, _)| n)
            .chain(self.brackets.iter().map(|(n, _)| n));
        let width = names.map(|n| n.chars().count()).max().unwrap_or(0);
        for (name, e) in &self.estimates {
            writeln!(
                f,
                "{name:width$}  {:12.4} ± {:8.4}  [{:12.4}, {:12.4}]  {}",
                e.log_z, e.standard_error, e.interval.lower, e.interval.upper, e.reliability
            )?;
        }
        for (name, bracket) in &self.brackets {
            writeln!(
                f,
                "{name:width$}  {:23}  [{:12.4}, {:12.4}]  bracket at {:.1} %",
                "",
                bracket.lower,
                bracket.upper,
                100.0 * bracket.level
            )?;
        }
        write!(f, "{}", self.verdict())
    }
}
