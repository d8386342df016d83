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
//! It crosses the real axis in `(0, 1)` only, and singularities lie outside of that interval on the axis, so that bending it changes nothing. On the vertical line `|M| ≤ 1`; where coordinates
//! that want opposite bends let `M` grow on the hyperbola, the line is taken.
//!
//! The alternatives: intersection points and the error function in one dimension, chi-square distribution functions for isotropic laws, Imhof's integral (1961) for others. The first two
//! are what the tests compare with; the last oscillates and cancels.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_8};

/// Some coordinates in which two normal laws differ alike.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coordinate {
    /// `r = v_p/v_q − 1`.
    pub ratio: f64,
    /// `log(1 + r) = log(v_p/v_q)`, whose digits `r` does not have near −1.
    pub log_ratio: f64,
    /// `d² = (μ_q − μ_p)²/v_q`.
    pub shift: f64,
    /// The number of them.
    pub count: f64,
}

/// The weight beyond it, `4 e^{−60}/π`, is a relative `1e-11` of a distance of `1e-15`.
const END: f64 = 60.0;

/// Halvings of the step at which the rule gives up. In 12,000 trials over logarithms of ratios from `1e-6` to 14, shifts up to 10 deviations and up to 3,000 coordinates, 4 sufficed.
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
        .map(|c| c.count * (c.log_ratio + c.shift / c.ratio))
        .sum();
    let phi = if exponent == 0.0 {
        0.0
    } else {
        FRAC_PI_8.copysign(exponent)
    };
    let value = along_curve(coordinates, phi);
    if value.is_finite() {
        return value.clamp(0.0, 1.0);
    }
    along_curve(coordinates, 0.0).clamp(0.0, 1.0)
}

/// The integral with this `φ`, by the trapezoidal rule; infinite where `M` grows on the way.
fn along_curve(coordinates: &[Coordinate], phi: f64) -> f64 {
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
        if converged || !value.is_finite() {
            break;
        }
    }
    value
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
        // s log(1 + r) − log(1 + sr). The linear parts of both are equal: for like variances nearly all of them, and for unlike ones what would cancel.
        let difference = if c.ratio.abs() <= 0.5 {
            let log = sr.ln_1p_beyond_linear();
            let linear = s.times(Complex(c.ratio, 0.0).ln_1p_beyond_linear());
            Complex(linear.0 - log.0, linear.1 - log.1)
        } else {
            let (x, y) = (1.0 + sr.0, sr.1);
            Complex(
                s.0 * c.log_ratio - x.hypot(y).ln(),
                s.1 * c.log_ratio - y.atan2(x),
            )
        };
        let shift = product.over(Complex(1.0 + sr.0, sr.1)).scaled(c.shift);
        log_m.0 += 0.5 * c.count * (difference.0 - shift.0);
        log_m.1 += 0.5 * c.count * (difference.1 - shift.1);
    }
    if log_m.0 > 1.0 {
        return f64::INFINITY;
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

    /// `log(1 + z) − z` on the principal branch, to the last digits near zero: with `v = z/(2 + z)` it is `2 (artanh v − v) − z v`.
    fn ln_1p_beyond_linear(self) -> Self {
        let Complex(x, y) = self;
        if x * x + y * y > 0.0625 {
            return Complex((1.0 + x).hypot(y).ln() - x, y.atan2(1.0 + x) - y);
        }
        let v = self.over(Complex(2.0 + x, y));
        let square = v.times(v);
        // v² is at most (1/7)², so that ten terms leave less than 1e-17 of the first.
        let mut series = Complex(0.0, 0.0);
        for k in (1..=10).rev() {
            series = series.times(square);
            series.0 += 1.0 / f64::from(2 * k + 1);
        }
        let (odd, product) = (series.times(square).times(v), self.times(v));
        Complex(2.0 * odd.0 - product.0, 2.0 * odd.1 - product.1)
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
