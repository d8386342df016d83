//! The gamma function without its growth: what of `log Γ` the shapes of gammas and betas are about.
//!
//! `g(a) = log Γ(a) − a log a + a` and its derivatives are what is left of entropies, divergences and estimates when everything that
//! large shapes have in common is taken out by hand; `g'(a) = ψ(a) − log a ~ −1/(2a)` and `g''(a) = ψ'(a) − 1/a ~ 1/(2a²)`, computed
//! as these differences, would have no digits left at `a = 10⁸`. Each is summed from terms of one sign: recurrences up to 16, and
//! there the asymptotic series in Bernoulli numbers (Abramowitz and Stegun 6.1.41, 6.3.18, 6.4.12). Differences over a
//! short interval are integrals of the derivative.

use std::f64::consts::PI;

use gibbsian_core::special::{stirling_error, trigamma};

use super::numeric::excess;

/// From here on eight terms of the asymptotic series have all digits.
const LARGE: f64 = 16.0;

/// `g(a) = log Γ(a) − a log a + a = δ(a) + ½ log(2π/a)`, a decreasing convex function.
pub(super) fn residual(a: f64) -> f64 {
    stirling_error(a) - 0.5 * (a / (2.0 * PI)).ln()
}

/// `g'(a) = ψ(a) − log a < 0`.
pub(super) fn residual_slope(a: f64) -> f64 {
    // ψ(a) = ψ(a+1) − 1/a makes g'(a) = g'(a+1) − (1/a − log(1 + 1/a)).
    let (mut a, mut sum) = (a, 0.0);
    while a < LARGE {
        sum += excess(a.recip());
        a += 1.0;
    }
    const SERIES: [f64; 7] = [
        1.0 / 12.0,
        -1.0 / 120.0,
        1.0 / 252.0,
        -1.0 / 240.0,
        1.0 / 132.0,
        -691.0 / 32760.0,
        1.0 / 12.0,
    ];
    let inverse_square = (a * a).recip();
    -(sum + 0.5 / a + inverse_square * polynomial(&SERIES, inverse_square))
}

/// `g''(a) = ψ'(a) − 1/a > 0`.
pub(super) fn residual_curvature(a: f64) -> f64 {
    // ψ'(a) = ψ'(a+1) + 1/a² makes g''(a) = g''(a+1) + 1/(a² (a+1)).
    let (mut a, mut sum) = (a, 0.0);
    while a < LARGE {
        sum += (a * (a + 1.0)).recip() / a;
        a += 1.0;
    }
    const SERIES: [f64; 7] = [
        1.0 / 6.0,
        -1.0 / 30.0,
        1.0 / 42.0,
        -1.0 / 30.0,
        5.0 / 66.0,
        -691.0 / 2730.0,
        7.0 / 6.0,
    ];
    let inverse = a.recip();
    let inverse_square = inverse * inverse;
    sum + inverse_square * (0.5 + inverse * polynomial(&SERIES, inverse_square))
}

/// The Bregman divergence `g(b) − g(a) − d g'(a) ≥ 0` with `d = b − a`, which may be known to more digits than `b`.
pub(super) fn residual_divergence(a: f64, b: f64, d: f64) -> f64 {
    if !(0.5..=2.0).contains(&(b / a)) {
        return residual(b) - residual(a) - d * residual_slope(a);
    }
    // Its integral form has nothing that cancels.
    d * d * integrate(|t| (1.0 - t) * residual_curvature(a + t * d))
}

/// `ψ(a + d) − ψ(a)` for `d > 0`.
pub(super) fn digamma_difference(a: f64, d: f64) -> f64 {
    if d < a {
        return d * integrate(|t| trigamma(a + t * d));
    }
    let ratio = d / a;
    let log_growth = if ratio.is_finite() {
        ratio.ln_1p()
    } else {
        d.ln() - a.ln()
    };
    (residual_slope(a + d) - residual_slope(a)) + log_growth
}

/// `ψ'(a) − ψ'(a + d)` for `d > 0`.
pub(super) fn trigamma_difference(a: f64, d: f64) -> f64 {
    if d < a {
        return d * integrate(|t| negative_tetragamma(a + t * d));
    }
    // The last term is 1/a − 1/(a+d).
    (residual_curvature(a) - residual_curvature(a + d)) + d / (a + d) / a
}

/// `−ψ''(a) > 0`.
fn negative_tetragamma(a: f64) -> f64 {
    let (mut a, mut sum) = (a, 0.0);
    while a < LARGE {
        sum += 2.0 / (a * a) / a;
        a += 1.0;
    }
    const SERIES: [f64; 7] = [
        1.0 / 2.0,
        -1.0 / 6.0,
        1.0 / 6.0,
        -3.0 / 10.0,
        5.0 / 6.0,
        -691.0 / 210.0,
        35.0 / 2.0,
    ];
    let inverse = a.recip();
    let inverse_square = inverse * inverse;
    sum + inverse_square * (1.0 + inverse + inverse_square * polynomial(&SERIES, inverse_square))
}

/// `∫₀¹ f(t) dt` by twelve Gauss–Legendre nodes: all digits for a function `f(t)` of `a + td` that is analytic away from zero, if zero is at least as
/// far from the interval as the interval is long.
pub(crate) fn integrate(f: impl Fn(f64) -> f64) -> f64 {
    let both = |&(node, weight): &(f64, f64)| 0.5 * weight * (f(0.5 - 0.5 * node) + f(0.5 + 0.5 * node));
    NODES.iter().map(both).sum()
}

fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

/// The positive half of the nodes and weights of the twelve-point Gauss–Legendre rule on [−1, 1].
const NODES: [(f64, f64); 6] = [
    (0.1252334085114689, 0.24914704581340277),
    (0.3678314989981802, 0.2334925365383548),
    (0.5873179542866175, 0.20316742672306592),
    (0.7699026741943047, 0.16007832854334622),
    (0.9041172563704749, 0.10693932599531843),
    (0.9815606342467192, 0.04717533638651183),
];
