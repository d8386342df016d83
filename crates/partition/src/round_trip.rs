//! Annealing there and back where nobody has exact draws.
//!
//! A state that lies off the data and is wide at some temperature takes in every chain that comes from the base, and keeps it: a transition of the first order. All weights then agree
//! with each other, each of them wrong by the same amount, and [`Reliability`](crate::Reliability), which sees weights alone, has nothing to say. [`Sandwich`](crate::Sandwich) would, but asks
//! for exact draws. Chains that ran for long from data are the next best: what holds them up lies elsewhere, so that the two ways part where one of them is held up.
//!
//! **This is a test and no bound.** Such chains may be held up too, and by the same state. Where both ways meet, the larger value is the one to use where too small a `log Z` would
//! flatter the model, as it does in every log-probability.

use std::fmt;

use gibbsian_core::Result;
use gibbsian_core::error::check_positive;

use crate::ais::ForwardAis;
use crate::reverse_ais::ReverseAis;

/// `log Z` by annealing from the base to the target, and by annealing back from chains that ran from data.
///
/// ```
/// use gibbsian_partition::{ForwardAis, LogWeights, ReverseAis, RoundTrip};
///
/// let there = ForwardAis::from_log_weights(LogWeights::new(vec![10.0, 10.2])?);
/// let back = ReverseAis::from_log_weights(LogWeights::new(vec![-55.1, -55.0])?);
/// let trip = RoundTrip::new(&there, &back, 3.0)?;
/// assert!(trip.log_z().is_none(), "{trip}");
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RoundTrip {
    /// `log Ẑ` of the forward run.
    pub there: f64,
    /// `log Ẑ` of the run back.
    pub back: f64,
    /// By how many nats they may differ before neither is believed.
    pub tolerance: f64,
}

impl RoundTrip {
    /// Compares both ways; the tolerance is in nats.
    ///
    /// # Errors
    /// A tolerance that is not positive and finite.
    pub fn new(there: &ForwardAis, back: &ReverseAis, tolerance: f64) -> Result<Self> {
        Ok(RoundTrip {
            there: there.log_z(),
            back: back.log_z(),
            tolerance: check_positive("tolerance", tolerance)?,
        })
    }

    /// `|back − there|`, in nats.
    pub fn gap(&self) -> f64 {
        (self.back - self.there).abs()
    }

    /// The larger of both, or nothing where they are too far apart for either to be believed.
    pub fn log_z(&self) -> Option<f64> {
        (self.gap() <= self.tolerance).then(|| self.there.max(self.back))
    }
}

impl fmt::Display for RoundTrip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.log_z() {
            Some(_) => "within",
            None => "not within",
        };
        write!(
            f,
            "log Z {:.4} there and {:.4} back, {word} {} nats",
            self.there, self.back, self.tolerance
        )
    }
}
