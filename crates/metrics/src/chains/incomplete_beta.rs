//! The regularised incomplete beta function and its inverse: the law of a quantile's rank, and of proportions.
//!
//! `I_x(a, b)` is the probability that a beta variable with the parameters `a` and `b` is below `x`. Its continued fraction converges
//! within `O(√max(a, b))` terms on the near side of the mean; the factor before it is taken in saddle-point form, in which nothing of the
//! order of `ln Γ(a + b)` cancels. The inverse is found by bisection, which asks for nothing but monotony.
//!
//! Source: DLMF 8.17.22; Loader (2000) for the factor.

use std::f64::consts::PI;

use gibbsian_core::special::{deviance, stirling_error};

/// `I_x(a, b)` for `a, b > 0`.
pub(super) fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        0.0
    } else if x >= 1.0 {
        1.0
    } else if x > (a + 1.0) / (a + b + 2.0) {
        1.0 - near_side(b, a, 1.0 - x, x)
    } else {
        near_side(a, b, x, 1.0 - x)
    }
}

/// The `x` with `I_x(a, b) = p`, to the last bit of what the function resolves.
pub(super) fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return middle;
        }
        if incomplete_beta(a, b, middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// `I_x(a, b)` for `x` up to about the mean, `y = 1 − x`: `x^a y^b / (a B(a, b))` over a continued fraction.
fn near_side(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let n = a + b;
    // x^a y^b / B(a, b) = √(ab / (2π n)) exp(δ(n) − δ(a) − δ(b) − D(a, nx) − D(b, ny)), δ Stirling's error and D the deviance.
    let exponent =
        stirling_error(n) - stirling_error(a) - stirling_error(b) - deviance(a, n * x) - deviance(b, n * y);
    let front = (a * b / (2.0 * PI * n)).sqrt() * exponent.exp();
    // 1 + d₁/(1 + d₂/(1 + …)) by the method of Lentz.
    const TINY: f64 = 1e-300;
    let away = |v: f64| if v.abs() < TINY { TINY } else { v };
    let (mut fraction, mut c, mut d) = (1.0, 1.0, 0.0);
    for term in 1..100_000 {
        let m = f64::from(term / 2);
        let numerator = if term % 2 == 1 {
            -(a + m) * (n + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        } else {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        };
        d = 1.0 / away(1.0 + numerator * d);
        c = away(1.0 + numerator / c);
        fraction *= c * d;
        if (c * d - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    front / a / fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_forms_and_symmetry() {
        for x in [0.01, 0.3, 0.5, 0.77, 0.999] {
            // I_x(a, 1) = x^a, I_x(1, b) = 1 − (1 − x)^b, and the arcsine law.
            assert!(
                (incomplete_beta(7.5, 1.0, x) / x.powf(7.5) - 1.0).abs() < 1e-13,
                "{x}"
            );
            assert!(
                (incomplete_beta(1.0, 3.0, x) - (1.0 - (1.0 - x).powi(3))).abs() < 1e-14,
                "{x}"
            );
            assert!(
                (incomplete_beta(0.5, 0.5, x) - 2.0 / PI * x.sqrt().asin()).abs() < 1e-14,
                "{x}"
            );
            for (a, b) in [(2.5, 40.0), (5000.0, 700.0), (1e6, 1e6)] {
                let total = incomplete_beta(a, b, x) + incomplete_beta(b, a, 1.0 - x);
                assert!((total - 1.0).abs() < 1e-9, "{a} {b} {x}: {total}");
            }
        }
        assert!((incomplete_beta(1e6, 1e6, 0.5) - 0.5).abs() < 1e-12);
        assert_eq!(
            (incomplete_beta(2.0, 3.0, 0.0), incomplete_beta(2.0, 3.0, 1.0)),
            (0.0, 1.0)
        );
    }

    #[test]
    fn quantiles_invert() {
        for (a, b) in [(0.7, 3.0), (20.0, 381.0), (3000.0, 3000.0)] {
            for p in [1e-6, 0.1586553, 0.5, 0.8413447, 0.999] {
                assert!(
                    (incomplete_beta(a, b, beta_quantile(p, a, b)) - p).abs() < 1e-12,
                    "{a} {b} {p}"
                );
            }
        }
    }
}
