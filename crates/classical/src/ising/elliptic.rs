//! Complete elliptic integrals by the arithmetic–geometric mean.

use std::f64::consts::PI;

/// `K(k)` and `E(k)` of the first and the second kind, from the **complementary** modulus `k' = √(1 − k²)` in `[0, 1]`.
///
/// With `a₀ = 1`, `b₀ = k'`, `c_{i+1} = (a_i − b_i)/2`: `K = π / 2a_∞`, `E = K (1 − ½ Σ_i 2^i c_i²)`, `c₀² = k²` (Abramowitz and Stegun, 17.6). `K(1)` is infinite
/// and `E(1)` is 1.
pub(super) fn complete_elliptic(complementary: f64) -> (f64, f64) {
    if complementary == 0.0 {
        return (f64::INFINITY, 1.0);
    }
    let (mut a, mut b) = (1.0, complementary);
    let mut sum = 0.5 * (1.0 - complementary) * (1.0 + complementary);
    let mut power = 1.0;
    while (a - b).abs() > 1e-16 * a {
        let c: f64 = 0.5 * (a - b);
        (a, b) = (0.5 * (a + b), (a * b).sqrt());
        sum += power * c * c;
        power *= 2.0;
        // The mean converges quadratically; rounding may keep the last bit alive.
        if c.abs() <= 1e-16 * a {
            break;
        }
    }
    let first = 0.5 * PI / a;
    (first, first * (1.0 - sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integrals_have_their_known_values() {
        // k² = 0, ½, 0.99, from Abramowitz and Stegun, tables 17.1 and 17.2, to their digits.
        for (m, first, second) in [
            (0.0, 0.5 * PI, 0.5 * PI),
            (0.5, 1.854_074_677_301_372, 1.350_643_881_047_675),
            (0.99, 3.695_637_362_989_875, 1.015_993_545_025_224),
        ] {
            let (k, e) = complete_elliptic(f64::sqrt(1.0 - m));
            assert!((k - first).abs() < 1e-14 && (e - second).abs() < 1e-14, "{k} {e}");
        }
        assert_eq!(complete_elliptic(0.0), (f64::INFINITY, 1.0));
    }

    #[test]
    fn legendres_relation_holds() {
        // E K' + E' K − K K' = π/2.
        for k in [1e-6, 0.1, 0.5, 0.9, 0.999] {
            let ((k1, e1), (k2, e2)) = (complete_elliptic(k), complete_elliptic((1.0 - k * k).sqrt()));
            assert!((e1 * k2 + e2 * k1 - k1 * k2 - 0.5 * PI).abs() < 1e-13 * k1.max(k2));
        }
    }
}
