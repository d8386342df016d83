//! The gamma function on the logarithmic scale, and what densities are made of instead of it.
//!
//! A gamma log-density written as `(a−1) ln x − x − ln Γ(a)` adds numbers of the order `a ln a` to get one of the order `ln a`: with
//! `a = 10¹⁰` eleven digits are gone. Loader (2000, "Fast and accurate computation of binomial probabilities") splits off what
//! cancels: with Stirling's formula `ln Γ(x+1) = (x+½) ln x − x + ½ ln 2π + δ(x)`, a Poisson probability becomes
//!
//! `ln p(x; m) = −½ ln(2πx) − δ(x) − D(x, m)`,  `D(x, m) = x ln(x/m) + m − x`,
//!
//! three terms none of which is larger than the result deserves. The binomial, gamma, beta and t densities follow the same
//! pattern. So the two functions to be computed to full relative accuracy are [`stirling_error`] `δ` and [`deviance`] `D`.
//!
//! Both rest on one series of positive terms, `artanh(v)/v − 1 = v²/3 + v⁴/5 + …`, taken as a rational function of `v²/(1 − v²)`.
//! Loader's own series for the deviance loses digits where it hands over to the textbook formula (Welinder's `ebd0` in R 4.1
//! repairs that with a table of logarithms); the form used here has no such seam.

use std::f64::consts::PI;

use super::fits::{ARTANH, DIGAMMA, DIGAMMA_LOW, DIGAMMA_MIDDLE, DIGAMMA_ROOT, STIRLING, TRIGAMMA};

/// ½ ln 2π.
const HALF_LN_2PI: f64 = 0.918_938_533_204_672_8;

/// `ln Γ(x)` for `x ≥ 0`: +∞ at 0 and at +∞, NaN below 0.
///
/// ```
/// use gibbsian_core::special::ln_gamma;
/// assert_eq!(ln_gamma(5.0), 24.0_f64.ln());
/// assert_eq!(ln_gamma(2.0), 0.0);
/// ```
pub fn ln_gamma(x: f64) -> f64 {
    if x < 0.0 { f64::NAN } else { libm::lgamma(x) }
}

/// `ln n!`.
///
/// ```
/// assert_eq!(gibbsian_core::special::ln_factorial(4), 24.0_f64.ln());
/// ```
pub fn ln_factorial(n: u64) -> f64 {
    // Up to here factorials are doubles, and the logarithm rounds once.
    if n <= 22 {
        return (1..=n).map(|k| k as f64).product::<f64>().ln();
    }
    ln_gamma(n as f64 + 1.0)
}

/// `ln Γ_p(a) = ¼ p (p−1) ln π + Σ_{j<p} ln Γ(a − j/2)`, the multivariate gamma function of the Wishart density; NaN unless `a > (p−1)/2`.
///
/// The error is at most 4 ε times the sum of the absolute values of these terms.
pub fn ln_multivariate_gamma(p: usize, a: f64) -> f64 {
    let order = p as f64;
    if a <= 0.5 * (order - 1.0) {
        return f64::NAN;
    }
    let constant = 0.25 * order * (order - 1.0) * PI.ln();
    (0..p).fold(constant, |sum, j| sum + ln_gamma(a - 0.5 * j as f64))
}

/// `ψ(x) = d ln Γ(x)/dx` for `x ≥ 0`: −∞ at 0, +∞ at +∞, NaN below 0.
///
/// Full relative accuracy also near the zero at 1.4616….
///
/// ```
/// // Minus Euler's constant.
/// assert_eq!(gibbsian_core::special::digamma(1.0), -0.5772156649015329);
/// ```
pub fn digamma(x: f64) -> f64 {
    if x < 0.0 || x.is_nan() {
        return f64::NAN;
    }
    if x < 1.0 {
        // ψ(x) = ψ(x + 1) − 1/x. Where x + 1 is rounded, ψ does not feel it: 1/x is far larger.
        return digamma_low(x) - 1.0 / x;
    }
    if x <= 2.0 {
        return digamma_low(x - 1.0);
    }
    if x <= 4.0 {
        return DIGAMMA_MIDDLE.at(x - 2.0);
    }
    let w = (1.0 / x) * (1.0 / x);
    x.ln() - (0.5 / x + w * DIGAMMA.at(w) / 12.0)
}

/// `ψ(1 + t)` for `0 ≤ t ≤ 1`.
fn digamma_low(t: f64) -> f64 {
    // 1 + t − root, the first difference being exact near the root.
    let distance = (t - (DIGAMMA_ROOT.0 - 1.0)) - DIGAMMA_ROOT.1;
    distance * DIGAMMA_LOW.at(t)
}

/// `ψ′(x) = d² ln Γ(x)/dx²` for `x ≥ 0`: +∞ at 0, 0 at +∞, NaN below 0.
pub fn trigamma(x: f64) -> f64 {
    if x < 0.0 || x.is_nan() {
        return f64::NAN;
    }
    // ψ′(x) = ψ′(x + 1) + 1/x², added up from the small end.
    if x < 4.0 {
        return trigamma(x + 1.0) + 1.0 / (x * x);
    }
    let y = 1.0 / x;
    let w = y * y;
    y + w * (0.5 + y * TRIGAMMA.at(w) / 6.0)
}

/// `ln B(a, b) = ln Γ(a) + ln Γ(b) − ln Γ(a + b)` for positive `a` and `b`, which may be large: NaN for others.
///
/// With `s = a + b` the terms are `δ(a) + δ(b) − δ(s) + ½ ln 2π − ½ ln s + (a − ½) ln(a/s) + (b − ½) ln(b/s)`, Stirling's formula for
/// each of the three; nothing of the order of `ln Γ(s)` appears.
///
/// ```
/// use gibbsian_core::special::ln_beta;
/// assert!((ln_beta(1.0, 1e10) + 1e10_f64.ln()).abs() < 1e-14);
/// ```
pub fn ln_beta(a: f64, b: f64) -> f64 {
    // Infinities have no limit that does not depend on the way there, except −∞ as the value.
    if !(a > 0.0 && b > 0.0) {
        return f64::NAN;
    }
    let (a, b) = if a < b { (a, b) } else { (b, a) };
    if b.is_infinite() {
        return f64::NEG_INFINITY;
    }
    let s = a + b;
    // a/s ≤ ½, and b/s = 1 − a/s.
    let share = a / s;
    let errors = (stirling_error(b) - stirling_error(s)) + stirling_error(a);
    let spread = (a - 0.5) * share.ln() + (b - 0.5) * (-share).ln_1p();
    (errors + HALF_LN_2PI) + (spread - 0.5 * s.ln())
}

/// The error of Stirling's formula, `δ(x) = ln Γ(x+1) − (x+½) ln x + x − ½ ln 2π` for `x ≥ 0`: +∞ at 0, near `1/(12x)` for large `x`, 0 at +∞.
///
/// Since `δ(x) − δ(x+1) = artanh(v)/v − 1` with `v = 1/(2x+1)`, small arguments are moved up by adding positive terms.
///
/// ```
/// let delta = gibbsian_core::special::stirling_error(1e10);
/// assert_eq!(delta, 1.0 / 12e10);
/// ```
pub fn stirling_error(x: f64) -> f64 {
    if x < 0.0 || x.is_nan() {
        return f64::NAN;
    }
    if x < 0.18 {
        // Here no term of the definition is much larger than their sum.
        let logarithm = if x == 0.0 { 0.0 } else { x * x.ln() };
        return (x - logarithm) + (ln_gamma(1.0 + x) - 0.5 * (2.0 * PI * x).ln());
    }
    let mut x = x;
    let mut steps = 0.0;
    while x < 4.0 {
        let v = 1.0 / (2.0 * x + 1.0);
        steps += v * v * ARTANH.at(1.0 / (4.0 * x * (x + 1.0)));
        x += 1.0;
    }
    let y = 1.0 / x;
    steps + y * STIRLING.at(y * y) / 12.0
}

/// The Poisson deviance `D(x, m) = x ln(x/m) + m − x ≥ 0` for `x ≥ 0`, `m ≥ 0`: `m` at `x = 0`, +∞ at `m = 0 < x`, 0 at `x = m`; NaN elsewhere.
///
/// With `v = (x−m)/(x+m)` it is `v (x−m) + 2x (artanh(v) − v)`, whose terms cancel by an eighth at most however near `x` is to `m`.
///
/// ```
/// use gibbsian_core::special::deviance;
/// // ½ (x − m)²/m to leading order; the textbook formula would return noise.
/// assert!((deviance(1e10 + 1.0, 1e10) / 0.5e-10 - 1.0).abs() < 1e-9);
/// ```
pub fn deviance(x: f64, m: f64) -> f64 {
    if !(x >= 0.0 && m >= 0.0) {
        return f64::NAN;
    }
    if x == m {
        return 0.0;
    }
    if x == 0.0 || m == f64::INFINITY {
        return m;
    }
    if m == 0.0 || x == f64::INFINITY {
        return f64::INFINITY;
    }
    let difference = x - m;
    // v²/(1 − v²), which is (x − m)²/(4xm), as a product of two factors that neither overflow nor underflow together.
    let t = 0.25 * (difference / x) * (difference / m);
    if t <= 1.25 {
        // Halves, because the sum of two large numbers may overflow.
        let v = 0.5 * difference / (0.5 * x + 0.5 * m);
        return v * difference + 2.0 * x * (v * v * v * ARTANH.at(t));
    }
    let ratio = x / m;
    // Quotients beyond the normal numbers have lost digits that their logarithms have not.
    let logarithm = if ratio.is_normal() {
        ratio.ln()
    } else {
        x.ln() - m.ln()
    };
    x * (logarithm - 1.0) + m
}
