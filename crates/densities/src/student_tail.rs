//! What Student's t has in one dimension and in several: normaliser, energy and draws that keep their digits for all degrees of freedom.
//!
//! The textbook has a difference of two logarithms of Γ in the normaliser and a power of `1 + q/ν`; with `ν = 10⁸` the former has lost eight
//! digits of what sets the distribution apart from a normal. Stirling's formula, taken out of both, leaves what is small where `ν` is large.

use gibbsian_core::error::{Error, Result, check_positive};
use gibbsian_core::special::stirling_error;
use rand::Rng;

use crate::family::numeric::excess;
use crate::family::{draw_unit, log_uniform};

/// Requires degrees of freedom that are finite and greater than zero, and whose half has all its digits.
pub(crate) fn check_degrees_of_freedom(nu: f64) -> Result<f64> {
    check_positive("degrees_of_freedom", nu)
        .map_err(|e| e.with_cure("1 is the Cauchy distribution, and for ever larger ones take the normal"))?;
    if nu >= 2.0 * f64::MIN_POSITIVE {
        Ok(nu)
    } else {
        Err(Error::parameter("degrees_of_freedom", nu, "at least 4.5e-308"))
    }
}

/// `ν/(ν − 2)`, by which the variance exceeds the square of the scale.
pub(crate) fn variance_factor(degrees_of_freedom: f64) -> f64 {
    match degrees_of_freedom {
        nu if nu <= 1.0 => f64::NAN,
        nu if nu <= 2.0 => f64::INFINITY,
        nu => nu / (nu - 2.0),
    }
}

/// `log Γ(a) − log Γ(a + h) + h log a`, where `a = ν/2` and `h = D/2`: what `log Z` of `D` dimensions has beyond that of the normal density.
///
/// With the error `δ` of Stirling's formula it is `δ(a) − δ(a + h) + a (u − log(1 + u)) − (h − ½) log(1 + u)`, `u = h/a`: all terms vanish as
/// `h (1 − h)/(2a)` does. For `a < h` the third is taken as `h − a log(1 + u)`.
pub(crate) fn log_normaliser_beyond_normal(degrees_of_freedom: f64, dim: usize) -> f64 {
    let (a, h) = (0.5 * degrees_of_freedom, 0.5 * dim as f64);
    let (log_growth, excess) = if a < h {
        // log(1 + h/a), where the quotient may overflow.
        let log_growth = (a + h).ln() - a.ln();
        (log_growth, h - a * log_growth)
    } else {
        ((h / a).ln_1p(), a * excess(h / a))
    };
    (stirling_error(a) - stirling_error(a + h)) + excess - (h - 0.5) * log_growth
}

/// `√(ν/V)` for a chi-squared `V` of `ν` degrees of freedom: what turns normal draws into those of Student's t. At most the largest double.
pub(crate) fn draw_spread(degrees_of_freedom: f64, rng: &mut dyn Rng) -> f64 {
    // V/2 has a gamma law of shape ν/2. Shapes below 1 take that shape plus 1 and a power of a uniform number, which would underflow for small
    // ν long before its root does.
    let half = 0.5 * degrees_of_freedom;
    if half < 1.0 {
        let unit = draw_unit(half + 1.0, rng);
        let power = (-log_uniform(rng) / degrees_of_freedom).exp();
        ((half / unit).sqrt() * power).min(f64::MAX)
    } else {
        (half / draw_unit(half, rng)).sqrt()
    }
}

/// `½ n log(1 + q/ν)` of a squared distance `q`, with `n = ν + D`.
pub(crate) fn tail_energy(squared: f64, nu: f64, n: f64) -> f64 {
    let ratio = squared / nu;
    if ratio < 0.25 * f64::EPSILON {
        // The quotient may be too small to have its digits.
        0.5 * squared * (n / nu)
    } else if ratio == f64::INFINITY {
        far_energy(squared.ln(), nu, n)
    } else {
        0.5 * n * ratio.ln_1p()
    }
}

/// The same of a squared distance that is given by its logarithm, at least `ν`.
pub(crate) fn far_energy(log_squared: f64, nu: f64, n: f64) -> f64 {
    let log_ratio = log_squared - nu.ln();
    0.5 * n * (log_ratio + (-log_ratio).exp().ln_1p())
}
