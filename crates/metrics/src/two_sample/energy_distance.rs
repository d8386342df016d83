//! The energy distance: `𝓔 = 2 E|x − y| − E|x − x′| − E|y − y′|`.
//!
//! It is the maximum mean discrepancy of the kernel `−|x − y|`, needs no bandwidth and vanishes between equal laws only. The **coefficient**
//! `H = 𝓔 / (2 E|x − y|)` lies between 0 (equal) and 1 and has no unit. Both are taken over all pairs, those of a point
//! with itself included, which keeps them non-negative.
//!
//! Source: Székely and Rizzo (2013), "Energy statistics: a class of statistics based on distances".

use gibbsian_core::Result;
use ndarray::ArrayView2;

use super::kernels::PairKernel;
use super::{Points, at_least_zero, mmd, squared_distance};

/// An energy distance and its coefficient.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct EnergyDistance {
    /// `2 E|x − y| − E|x − x′| − E|y − y′|`, a squared metric.
    pub value: f64,
    /// The same over `2 E|x − y|`, in [0, 1]; 0 where all points coincide.
    pub coefficient: f64,
    /// The distance without the pairs of a point with itself, which is unbiased and may be negative.
    pub unbiased: f64,
}

/// `−|x − y|`, which is positive definite on differences of laws.
struct NegativeDistance;

impl PairKernel for NegativeDistance {
    fn value(&self, x: &[f64], y: &[f64]) -> f64 {
        -squared_distance(x, y).sqrt()
    }
}

/// The energy distance between the laws of `x` `(N, D)` and `y` `(M, D)`.
///
/// # Errors
/// Fewer than two points, other dimensions, or an entry that is not finite.
///
/// ```
/// use gibbsian_metrics::energy_distance;
/// use ndarray::array;
/// let far = energy_distance(array![[0.0], [0.1]].view(), array![[1e6], [1e6]].view())?;
/// assert!(far.coefficient > 0.999);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn energy_distance(x: ArrayView2<f64>, y: ArrayView2<f64>) -> Result<EnergyDistance> {
    let (x, y) = Points::pair(x, y, 2)?;
    let found = mmd::of_points(&x, &y, &NegativeDistance);
    let across = 2.0 * mmd::mean_across(&x, &y, |x, y| squared_distance(x, y).sqrt());
    let value = at_least_zero(found.biased);
    Ok(EnergyDistance {
        value,
        coefficient: if across > 0.0 { value / across } else { 0.0 },
        unbiased: found.unbiased,
    })
}
