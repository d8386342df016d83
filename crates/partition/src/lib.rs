//! The logarithm of a normaliser, `log Z = log Σ_x f(x)`: exactly where possible, otherwise with an honest error.
//!
//! Everything here walks along a [`Path`](gibbsian_core::Path) of tempered densities `f_0 … f_1` or visits the states of a
//! [`Discrete`](gibbsian_core::Discrete) space; nothing knows what kind of model it is. Natural logarithms throughout.
//!
//! | method | what its number means |
//! |---|---|
//! | [`exact_log_z`], [`ExactDistribution`] | `log Z` up to rounding |
//! | [`ais`] | unbiased for `Z`; `log Ẑ` is in expectation a **lower** bound on `log Z` |
//! | [`reverse_ais`] | unbiased for `1/Z` **if started from exact draws**; then an **upper** bound in expectation |
//! | [`Sandwich`] | both, and whether they are in order |
//! | [`raise`] | unbiased for the probability of a test case under the annealing model; its logarithm is conservative |
//! | [`Certificate`] | an average test log-probability between an optimistic and a conservative end |
//!
//! Three kinds of uncertainty are kept apart: an [`Interval`] holds as often as it says up to `O(1/n)` and comes with a
//! [`Reliability`]; a [`LowerBound`] or [`UpperBound`] holds with at least its confidence for every `n`; a bound "in expectation" is
//! a single number with a sign to its bias.
//!
//! Reading order: [`enumerate`](mod@enumerate) and [`exact`] are the oracles, [`schedule`] and [`pilot`] say where the temperatures lie, [`weights`],
//! [`interval`], [`bound`] and [`reliability`] turn weights into statements, [`mod@ais`], [`mod@reverse_ais`], [`sandwich`],
//! [`mod@raise`] and [`certificate`] are the methods.

pub mod ais;
mod anneal;
pub mod bound;
pub mod certificate;
pub mod enumerate;
pub mod estimate;
pub mod exact;
pub mod interval;
mod log_sum;
mod pareto;
pub mod pilot;
mod quantile;
pub mod raise;
pub mod reliability;
pub mod reverse_ais;
pub mod sandwich;
pub mod schedule;
pub mod weights;

pub use ais::{ForwardAis, ais};
pub use bound::{LowerBound, UpperBound};
pub use certificate::{Certificate, CertificateVerdict, Inconclusive};
pub use enumerate::exact_log_z;
pub use estimate::Estimate;
pub use exact::ExactDistribution;
pub use interval::Interval;
pub use pilot::Pilot;
pub use raise::{Raise, raise};
pub use reliability::Reliability;
pub use reverse_ais::{ReverseAis, reverse_ais};
pub use sandwich::{Sandwich, SandwichVerdict};
pub use schedule::Ladder;
pub use weights::LogWeights;
