//! Models written as closures of one point.
//!
//! What a model can do is said by traits, and a type of one's own that implements them is the general way: it sees whole batches and may share work between rows. Where a formula for one point is all
//! there is to say, these wrappers make a model of it:
//!
//! | type | the closure | implements |
//! |---|---|---|
//! | [`FnEnergy`] | `\|x\|` returns `E(x)` or `log p(x)` | [`Energy`](crate::Energy) |
//! | [`FnPotential`] | `\|x, gradient\|` returns the same and writes its gradient in `x` | [`Potential`](crate::Potential) |
//! | [`FnScore`] | `\|x, score\|` writes `s(x)` | [`Score`](crate::Score) |
//! | [`FnTimeScore`] | `\|x, t, score\|` writes `s(x, t)` | [`TimeScore`](crate::TimeScore) |
//! | [`FnParametricEnergy`] | `\|x, θ, gradient\|` returns `E(x; θ)` and writes its gradient in `θ` | [`EnergyPullback`](crate::EnergyPullback) |
//!
//! A gradient is always that of the number returned, whichever of energy and log-density this is, so that no sign has to be remembered. Derivatives are never replaced by differences: a closure that
//! gives values only is an energy only. The wrappers hold what closures may forget to the contract of the waist:
//!
//! - a row with NaN in it has the energy NaN and the score NaN, whatever comparisons say of it;
//! - what is handed to a closure to be written holds NaN before, so that an entry that was left out is caught by whatever catches numbers that are not finite, and is never that of another row.
//!
//! Rows are independent and go to the threads in fixed blocks: a closure must be [`Sync`], and results do not depend on the number of threads.

mod energy;
mod parametric_energy;
mod potential;
mod score;

pub use energy::FnEnergy;
pub use parametric_energy::FnParametricEnergy;
pub use potential::FnPotential;
pub use score::{FnScore, FnTimeScore};

use std::fmt;
use std::ops::Neg;

use ndarray::{ArrayView1, ArrayViewMut1};

/// What a closure returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Energy,
    LogDensity,
}

impl Meaning {
    /// The energy of a value `E` or `log p`.
    fn energy(self, value: f64) -> f64 {
        match self {
            Meaning::Energy => value,
            Meaning::LogDensity => -value,
        }
    }

    /// Turns the gradient of the value into the score.
    fn make_score(self, mut gradient: ArrayViewMut1<f64>) {
        if self == Meaning::Energy {
            gradient.mapv_inplace(f64::neg);
        }
    }
}

fn has_nan(x: ArrayView1<f64>) -> bool {
    x.iter().any(|x| x.is_nan())
}

/// `Name { dim: 2, .. }`: closures have nothing to show.
fn show(name: &str, dim: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.debug_struct(name).field("dim", &dim).finish_non_exhaustive()
}

#[cfg(test)]
mod tests;
