//! Elementary functions that stay accurate where the textbook formula cancels or overflows.
//!
//! The textbook log(1 + eˣ) overflows at x = 710 and returns 0 at x = −40; log cosh x loses all digits near 0. Each function
//! here is arranged so that no step cancels, using `exp_m1` and `ln_1p` of the standard library, and holds 4 units in the
//! last place against 50-digit references (`tests/reference/math.tsv`). Where two terms of opposite sign genuinely add up
//! to something smaller, as in log-sum-exp, the error is at most 4 ε times the sum of the terms' absolute values.
//!
//! NaN in gives NaN out, everywhere; infinities have their limits. The standard library takes `exp` and `ln` from the
//! platform, so the last bit may differ between platforms. The vector kernels of [`simd`](crate::simd) do not.

use std::f64::consts::LN_2;

/// The logistic sigmoid σ(x) = 1 / (1 + e^−x): 0 at −∞, 1 at +∞.
///
/// ```
/// assert_eq!(gibbsian_core::math::sigmoid(0.0), 0.5);
/// ```
pub fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}

/// log σ(x) = −log(1 + e^−x): −∞ at −∞, 0 at +∞.
pub fn log_sigmoid(x: f64) -> f64 {
    -softplus(-x)
}

/// log(1 + eˣ), the free energy of a binary unit: 0 at −∞, +∞ at +∞.
///
/// ```
/// use gibbsian_core::math::softplus;
/// assert_eq!(softplus(1000.0), 1000.0);
/// assert_eq!(softplus(-40.0), (-40.0_f64).exp());
/// ```
pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The inverse of the sigmoid, log(p / (1 − p)): −∞ at 0, +∞ at 1, NaN outside \[0, 1\].
pub fn logit(p: f64) -> f64 {
    if p < 0.25 {
        p.ln() - (-p).ln_1p()
    } else if p < 0.5 {
        // 1 − 2p is exact here, and so is 2p − 1 below: the zero at ½ keeps its relative accuracy.
        -((1.0 - 2.0 * p) / p).ln_1p()
    } else {
        ((2.0 * p - 1.0) / (1.0 - p)).ln_1p()
    }
}

/// The entropy −p log p − (1 − p) log(1 − p) of a binary unit in nats: 0 at 0 and at 1, NaN outside \[0, 1\].
pub fn bernoulli_entropy(p: f64) -> f64 {
    if p == 0.0 || p == 1.0 {
        return 0.0;
    }
    -p * p.ln() - (1.0 - p) * (-p).ln_1p()
}

/// log cosh x: +∞ at both infinities.
pub fn log_cosh(x: f64) -> f64 {
    if x.abs() < 2.0 {
        // cosh x = 1 + 2 sinh²(x/2)
        let s = (0.5 * x).sinh();
        (2.0 * s * s).ln_1p()
    } else {
        log_2cosh(x) - LN_2
    }
}

/// log(2 cosh x) = log(eˣ + e^−x), the free energy of a spin in the field x: +∞ at both infinities.
pub fn log_2cosh(x: f64) -> f64 {
    x.abs() + (-2.0 * x.abs()).exp().ln_1p()
}

/// log(1 − eˣ) for x ≤ 0: 0 at −∞, −∞ at 0, NaN for x > 0.
///
/// Source: Mächler (2012), "Accurately computing log(1 − exp(−|a|))", equation 7.
pub fn log1m_exp(x: f64) -> f64 {
    if x > -LN_2 {
        (-x.exp_m1()).ln()
    } else {
        (-x.exp()).ln_1p()
    }
}

/// log(eᵃ + eᵇ); −∞ stands for an absent term.
pub fn log_add_exp(a: f64, b: f64) -> f64 {
    if a == b {
        // Also two equal infinities, whose difference would be NaN.
        return a + LN_2;
    }
    let larger = if a > b { a } else { b };
    larger + (-(a - b).abs()).exp().ln_1p()
}

/// log Σᵢ exp(xᵢ).
///
/// −∞ for no terms and for terms that are all −∞; +∞ if any term is +∞ and none NaN; NaN if any term is NaN. The sum is
/// compensated and taken in order, so the error does not grow with the number of terms.
///
/// ```
/// use gibbsian_core::math::log_sum_exp;
/// assert_eq!(log_sum_exp(&[-1000.0, -1000.0]), -1000.0 + 2.0_f64.ln());
/// assert_eq!(log_sum_exp(&[]), f64::NEG_INFINITY);
/// ```
pub fn log_sum_exp(x: &[f64]) -> f64 {
    match largest(x) {
        Some((i, m)) if m.is_finite() => {
            // The largest term is exactly 1 and enters through `ln_1p`: a second term of e^−40 is not lost beside it.
            let others = x[..i].iter().chain(&x[i + 1..]);
            m + sum(others.map(|x| (x - m).exp())).ln_1p()
        }
        Some((_, m)) => m,
        None => f64::NEG_INFINITY,
    }
}

/// log of the mean of exp(xᵢ), as for importance weights; special values as in [`log_sum_exp`], and NaN for no terms.
pub fn log_mean_exp(x: &[f64]) -> f64 {
    let n = x.len() as f64;
    match largest(x) {
        Some((_, m)) if m.is_finite() => {
            let mean = sum(x.iter().map(|x| (x - m).exp())) / n;
            if mean > 0.5 {
                // Near equal terms: the mean is near 1, and only its difference from 1 matters.
                m + (sum(x.iter().map(|x| (x - m).exp_m1())) / n).ln_1p()
            } else {
                m + mean.ln()
            }
        }
        Some((_, m)) => m,
        None => f64::NAN,
    }
}

/// The position and value of the first largest element; if there is a NaN, that one.
fn largest(x: &[f64]) -> Option<(usize, f64)> {
    let mut best: Option<(usize, f64)> = None;
    for (i, &x) in x.iter().enumerate() {
        if x.is_nan() {
            return Some((i, x));
        }
        if best.is_none_or(|(_, m)| x > m) {
            best = Some((i, x));
        }
    }
    best
}

/// Kahan's compensated sum: for terms of one sign the relative error is 2 ε, whatever their number.
fn sum(terms: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0, 0.0);
    for term in terms {
        let term = term - lost;
        let next = sum + term;
        lost = (next - sum) - term;
        sum = next;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;
    type Function = fn(f64) -> f64;

    const SCALAR: [(&str, Function); 8] = [
        ("sigmoid", sigmoid),
        ("log_sigmoid", log_sigmoid),
        ("softplus", softplus),
        ("logit", logit),
        ("bernoulli_entropy", bernoulli_entropy),
        ("log_cosh", log_cosh),
        ("log_2cosh", log_2cosh),
        ("log1m_exp", log1m_exp),
    ];

    /// Function, arguments and value of each row of the 50-digit table.
    fn references() -> impl Iterator<Item = (&'static str, Vec<f64>, f64)> {
        include_str!("../tests/reference/math.tsv").lines().map(|line| {
            let [name, arguments, value] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
            let arguments = arguments.split(',').map(|x| x.parse().unwrap()).collect();
            (name, arguments, value.parse().unwrap())
        })
    }

    #[test]
    fn functions_agree_with_fifty_digit_values() {
        let mut n_checked = 0;
        for (name, x, exact) in references() {
            let (value, scale) = if let Some((_, f)) = SCALAR.iter().find(|(n, _)| *n == name) {
                (f(x[0]), exact.abs())
            } else {
                let value = match name {
                    "log_sum_exp" => log_sum_exp(&x),
                    "log_mean_exp" => log_mean_exp(&x),
                    "log_add_exp" => log_add_exp(x[0], x[1]),
                    _ => panic!("no function {name}"),
                };
                // The largest argument and the logarithm that is added to it may cancel.
                let m = x.iter().copied().fold(-INF, f64::max);
                (value, m.abs() + (exact - m).abs())
            };
            let error = (value - exact).abs() / (scale * f64::EPSILON).max(f64::from_bits(1));
            assert!(
                error <= 4.0,
                "{name}({x:?}) = {value:e}, not {exact:e}: {error} ulp"
            );
            n_checked += 1;
        }
        assert!(n_checked > 400, "only {n_checked} references were read");
    }

    #[test]
    fn limits_and_nan() {
        let limits: [(Function, f64, f64); 18] = [
            (sigmoid, -INF, 0.0),
            (sigmoid, INF, 1.0),
            (log_sigmoid, -INF, -INF),
            (log_sigmoid, INF, 0.0),
            (softplus, -INF, 0.0),
            (softplus, INF, INF),
            (logit, 0.0, -INF),
            (logit, 0.5, 0.0),
            (logit, 1.0, INF),
            (bernoulli_entropy, 0.0, 0.0),
            (bernoulli_entropy, 1.0, 0.0),
            (log_cosh, 0.0, 0.0),
            (log_cosh, INF, INF),
            (log_cosh, -INF, INF),
            (log_2cosh, INF, INF),
            (log_2cosh, -INF, INF),
            (log1m_exp, -INF, 0.0),
            (log1m_exp, 0.0, -INF),
        ];
        for (k, (f, x, limit)) in limits.into_iter().enumerate() {
            assert_eq!(f(x), limit, "limit {k} at {x}");
        }
        for (name, f) in SCALAR {
            assert!(f(f64::NAN).is_nan(), "{name}");
        }
        for p in [-0.1, 1.1, INF, -INF] {
            assert!(logit(p).is_nan() && bernoulli_entropy(p).is_nan(), "p = {p}");
        }
        assert!(log1m_exp(1e-300).is_nan());
    }

    #[test]
    fn sums_of_special_terms() {
        for x in [&[][..], &[-INF], &[-INF, -INF]] {
            assert_eq!(log_sum_exp(x), -INF);
        }
        assert_eq!(log_sum_exp(&[-INF, 2.0, -INF]), 2.0);
        assert_eq!(log_sum_exp(&[INF, 2.0, INF]), INF);
        assert!(log_sum_exp(&[INF, f64::NAN]).is_nan());
        assert!(log_sum_exp(&[f64::NAN, 1.0]).is_nan());
        assert!(log_mean_exp(&[]).is_nan());
        assert_eq!(log_mean_exp(&[-INF, -INF]), -INF);
        assert_eq!(log_mean_exp(&[INF, 0.0]), INF);
        assert_eq!(log_mean_exp(&[0.7; 1000]), 0.7);
        assert!(log_mean_exp(&[0.0, f64::NAN]).is_nan());
        assert_eq!(log_add_exp(-INF, -INF), -INF);
        assert_eq!(log_add_exp(-INF, 3.0), 3.0);
        assert_eq!(log_add_exp(INF, 3.0), INF);
        assert_eq!(log_add_exp(INF, -INF), INF);
        assert!(log_add_exp(f64::NAN, INF).is_nan() && log_add_exp(1.0, f64::NAN).is_nan());
    }

    #[test]
    fn the_error_of_a_sum_does_not_grow_with_its_length() {
        // Adding 0.1 a million times, one after the other, drifts by some 10⁵ ε.
        let n = 1 << 20;
        let mut x = vec![0.1_f64.ln(); n + 1];
        x[n / 2] = 0.0;
        // The product with a power of two is exact.
        let exact = (n as f64 * x[0].exp()).ln_1p();
        let error = (log_sum_exp(&x) - exact).abs();
        assert!(
            error <= 4.0 * f64::EPSILON * exact,
            "{} eps",
            error / f64::EPSILON
        );
    }
}
