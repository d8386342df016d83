//! Quantiles of Student's t, for intervals.

use std::f64::consts::{FRAC_PI_2, PI};

/// The `t` with `P(|T_ν| ≤ t) = level` for `ν` degrees of freedom.
///
/// The distribution function of an integer number of degrees of freedom is a finite sum (Abramowitz and Stegun 1964, 26.7.3
/// and 26.7.4) in the angle `θ = arctan(t / √ν)`, which is bisected. Above 10,000 degrees the law is normal to four digits
/// and 10,000 stands for all of them, on the wide side.
pub(crate) fn student_two_sided(level: f64, degrees: usize) -> f64 {
    let nu = degrees.clamp(1, 10_000);
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if central_probability(middle, nu) < level {
            low = middle;
        } else {
            high = middle;
        }
    }
    (nu as f64).sqrt() * (0.5 * (low + high)).tan()
}

/// `P(|T_ν| ≤ √ν tan θ)`.
fn central_probability(theta: f64, nu: usize) -> f64 {
    let (sin, cos) = theta.sin_cos();
    // Even ν: sin θ (1 + ½ cos² θ + (1·3)/(2·4) cos⁴ θ + …), ν/2 terms. Odd ν: the sum starts at cos θ with the factors
    // 2/3, (2·4)/(3·5), … and (ν − 1)/2 terms, and θ itself is added.
    let odd = nu % 2;
    let mut term = if odd == 1 { cos } else { 1.0 };
    let mut sum = 0.0;
    for j in 1..=nu / 2 {
        sum += term;
        let even = (2 * j) as f64;
        term *= cos
            * cos
            * if odd == 1 {
                even / (even + 1.0)
            } else {
                (even - 1.0) / even
            };
    }
    if odd == 1 {
        (theta + sin * sum) * 2.0 / PI
    } else {
        sin * sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_match_closed_forms_and_tables() {
        // One degree of freedom is Cauchy; two have t = level √(2 / (1 − level²)).
        assert!((student_two_sided(0.5, 1) - 1.0).abs() < 1e-12);
        assert!((student_two_sided(0.9, 2) - 0.9 * (2.0f64 / 0.19).sqrt()).abs() < 1e-10);
        // Tabulated 97.5 % points, to the three decimals that tables print.
        for (nu, t) in [
            (3, 3.182),
            (4, 2.776),
            (9, 2.262),
            (30, 2.042),
            (120, 1.980),
            (1_000_000, 1.960),
        ] {
            assert!((student_two_sided(0.95, nu) - t).abs() < 5.5e-4, "{nu}");
        }
    }
}
