//! The total variation between normal laws of any dimension, as one integral.
//!
//! `1 − TV(q, p) = ∫ min(q, p)`, and with `L = log(q/p)` the smaller density is `√(qp) e^{−|L|/2}`. Since `e^{−|L|/2} = (1/2π) ∫ e^{iuL} / (u² + ¼) du`,
//!
//! `1 − TV = (1/2πi) ∫ M(s) / (s (1 − s)) ds`,  `M(s) = ∫ qˢ p^{1−s} dx`,
//!
//! along the line `s = ½ + iu`. `M` is a product over coordinates and has a closed form for normal laws: with `r = v_p/v_q − 1` and `d² = (μ_q − μ_p)²/v_q`
//!
//! `log M = ½ [s log(1 + r) − log(1 + s r)] − ½ s (1 − s) d² / (1 + s r)`.
//!
//! On the curve `s = ½ + (i/2) sinh(w + iφ)` the product `4 s (1 − s)` is `cosh²(w + iφ)`, and because `∫ dw / cosh(w + iφ) = π` the integral becomes one
//! for the distance itself, in which nothing cancels however small it is:
//!
//! `TV = (1/π) ∫ (1 − M) / cosh(w + iφ) dw`.
//!
//! The trapezoidal rule converges exponentially in a strip around the real line in which the integrand is analytic and falls, and `φ` chooses its middle. The shifts want `|φ| < π/4`. Unequal variances
//! leave a factor `e^{As}` that only oscillates along a vertical line: with `φ` of the sign of `A` the curve is a hyperbola that bends to where the factor falls.
//! It crosses the real axis in `(0, 1)` only, and singularities lie outside of that interval on the axis, so that bending it changes nothing.
//!
//! The alternatives: intersection points and the error function in one dimension, chi-square distribution functions for isotropic laws, Imhof's integral (1961) for others. The first two
//! are what the tests compare with; the last oscillates and cancels.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_8};

/// Some coordinates in which two normal laws differ alike.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coordinate {
    /// `r = v_p/v_q − 1`.
    pub ratio: f64,
    /// `d² = (μ_q − μ_p)²/v_q`.
    pub shift: f64,
    /// The number of them.
    pub count: f64,
}

/// Beyond it the weight `1/cosh w` is below `1e-19`.
const END: f64 = 45.0;

/// Halvings of the step at which the rule gives up; in trials over ratios from `1e-6` to `1e6`, 6 sufficed.
const LEVELS: u32 = 12;

/// `TV = (1/π) ∫ (1 − M) / cosh(w + iφ) dw`.
pub(super) fn total_variation(coordinates: &[Coordinate]) -> f64 {
    if coordinates.iter().all(|c| c.ratio == 0.0 && c.shift == 0.0) {
        return 0.0;
    }
    // A of e^{As} at infinity: there log(1 + sr) is of lower order, and s (1 − s) d²/(1 + sr) is −s d²/r.
    let exponent: f64 = coordinates
        .iter()
        .filter(|c| c.ratio != 0.0)
        .map(|c| c.count * (c.ratio.ln_1p() + c.shift / c.ratio))
        .sum();
    let phi = if exponent == 0.0 {
        0.0
    } else {
        FRAC_PI_8.copysign(exponent)
    };
    // Points w and −w are conjugate: half of the line suffices.
    let mut step = 0.25;
    let mut sum = 0.5 * integrand(coordinates, 0.0, phi) + row(coordinates, phi, step, step);
    let mut value = FRAC_2_PI * step * sum;
    for _ in 0..LEVELS {
        sum += row(coordinates, phi, 0.5 * step, step);
        step *= 0.5;
        let finer = FRAC_2_PI * step * sum;
        // Each halving squares the error.
        let converged = (finer - value).abs() <= 1e-11 * finer.abs();
        value = finer;
        if converged {
            break;
        }
    }
    value.clamp(0.0, 1.0)
}

/// The sum of the integrand over `w = first, first + step, …`.
fn row(coordinates: &[Coordinate], phi: f64, first: f64, step: f64) -> f64 {
    let n = ((END - first) / step) as usize;
    (0..=n)
        .map(|i| integrand(coordinates, first + i as f64 * step, phi))
        .sum()
}

/// The real part of `(1 − M) / cosh(w + iφ)`.
fn integrand(coordinates: &[Coordinate], w: f64, phi: f64) -> f64 {
    let (sin, cos) = phi.sin_cos();
    let sinh = Complex(w.sinh() * cos, w.cosh() * sin);
    let cosh = Complex(w.cosh() * cos, w.sinh() * sin);
    // s = ½ + (i/2) sinh, s (1 − s) = ¼ cosh².
    let s = Complex(0.5 - 0.5 * sinh.1, 0.5 * sinh.0);
    let product = cosh.times(cosh).scaled(0.25);
    let mut log_m = Complex(0.0, 0.0);
    for c in coordinates {
        let sr = s.scaled(c.ratio);
        let (log, linear) = (sr.ln_1p(), s.scaled(c.ratio.ln_1p()));
        let shift = product.over(Complex(1.0 + sr.0, sr.1)).scaled(c.shift);
        log_m.0 += 0.5 * c.count * (linear.0 - log.0 - shift.0);
        log_m.1 += 0.5 * c.count * (linear.1 - log.1 - shift.1);
    }
    -log_m.exp_m1().over(cosh).0
}

/// A complex number: real and imaginary part.
#[derive(Clone, Copy)]
struct Complex(f64, f64);

impl Complex {
    fn scaled(self, by: f64) -> Self {
        Complex(by * self.0, by * self.1)
    }

    fn times(self, other: Self) -> Self {
        Complex(
            self.0 * other.0 - self.1 * other.1,
            self.0 * other.1 + self.1 * other.0,
        )
    }

    fn over(self, other: Self) -> Self {
        let norm = other.0 * other.0 + other.1 * other.1;
        self.times(Complex(other.0 / norm, -other.1 / norm))
    }

    /// `log(1 + z)` on the principal branch, to the last digits near zero.
    fn ln_1p(self) -> Self {
        let Complex(x, y) = self;
        Complex(0.5 * (x * (2.0 + x) + y * y).ln_1p(), y.atan2(1.0 + x))
    }

    /// `e^z − 1`: `expm1(x) cos y − 2 sin²(y/2)` and `e^x sin y`.
    fn exp_m1(self) -> Self {
        let Complex(x, y) = self;
        if x < -745.0 {
            // Here the exponential is zero, whatever the angle, which may have overflown.
            return Complex(-1.0, 0.0);
        }
        let half = (0.5 * y).sin();
        Complex(x.exp_m1() * y.cos() - 2.0 * half * half, x.exp() * y.sin())
    }
}
