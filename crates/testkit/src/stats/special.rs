//! Incomplete gamma and beta functions and the tails built from them.
//!
//! P-values of families of tests are read off at 1e-6 and below, where a difference from one has no digits left, so
//! every tail is computed as itself: series and continued fractions (modified Lentz; Thompson and Barnett 1986) of
//! whichever of the two complementary functions is small. A crate with these functions would be a dependency for 200
//! lines; written here they are held to 40-digit references: a relative 1e-12 for gamma, also at p-values of 1e-200,
//! and a few `ε log Γ(a + b)` for beta.

use std::f64::consts::PI;

/// `log Γ(x)` for `x > 0`: Stirling's series above 16, the recurrence `Γ(x) = Γ(x + n) / (x ⋯ (x + n − 1))` below.
pub fn ln_gamma(x: f64) -> f64 {
    let mut product = 1.0;
    let mut x = x;
    while x < 16.0 {
        product *= x;
        x += 1.0;
    }
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln() + stirling_correction(x) - product.ln()
}

/// `log Γ(x) − [(x − ½) log x − x + ½ log 2π]`, the tail of Stirling's series, for `x ≥ 16`; the first omitted term
/// is below 1e-16.
fn stirling_correction(x: f64) -> f64 {
    // B_2k / (2k (2k − 1)).
    const COEFFICIENTS: [f64; 7] = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
    ];
    let y = 1.0 / (x * x);
    COEFFICIENTS.iter().rev().fold(0.0, |sum, c| sum * y + c) / x
}

/// `P(a, x)` and `Q(a, x) = 1 − P(a, x)`, the regularised incomplete gamma functions, for `a > 0`, `x ≥ 0`.
pub fn gamma_p_q(a: f64, x: f64) -> (f64, f64) {
    if x.is_nan() || a.is_nan() {
        return (f64::NAN, f64::NAN);
    }
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    if x.is_infinite() {
        return (1.0, 0.0);
    }
    let front = gamma_front(a, x);
    if x < a + 1.0 {
        // P = x^a e^-x / Γ(a) · Σ x^n / (a (a + 1) ⋯ (a + n)).
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        while term > sum * f64::EPSILON * 0.125 {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        let p = front * sum;
        (p, 1.0 - p)
    } else {
        // Q = x^a e^-x / Γ(a) · 1/(x + 1 − a − 1(1 − a)/(x + 3 − a − 2(2 − a)/(x + 5 − a − ⋯))).
        let fraction = lentz(x + 1.0 - a, |n| (-n * (n - a), x + 2.0 * n + 1.0 - a));
        let q = front / fraction;
        (1.0 - q, q)
    }
}

/// `x^a e^−x / Γ(a)`.
fn gamma_front(a: f64, x: f64) -> f64 {
    if a < 16.0 {
        return (a * x.ln() - x - ln_gamma(a)).exp();
    }
    // With Stirling's form of Γ(a) the large terms combine to a (m − log(1 + m)), m = x/a − 1, before they can cancel.
    let m = (x - a) / a;
    (a / (2.0 * PI)).sqrt() * (-a * (m - m.ln_1p()) - stirling_correction(a)).exp()
}

/// `I_x(a, b)` and `1 − I_x(a, b)`, the regularised incomplete beta function, for `a, b > 0`, `0 ≤ x ≤ 1`.
pub fn beta_i(a: f64, b: f64, x: f64) -> (f64, f64) {
    if x.is_nan() {
        return (f64::NAN, f64::NAN);
    }
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    if x >= 1.0 {
        return (1.0, 0.0);
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        let (i, complement) = beta_fraction(b, a, 1.0 - x, x);
        return (complement, i);
    }
    beta_fraction(a, b, x, 1.0 - x)
}

/// The continued fraction of `I_x(a, b)`, which converges fast for `x < (a + 1)/(a + b + 2)`; `y = 1 − x`.
fn beta_fraction(a: f64, b: f64, x: f64, y: f64) -> (f64, f64) {
    let log_front = a * x.ln() + b * y.ln() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b);
    // I = x^a y^b / (a B(a, b)) / (1 + d_1/(1 + d_2/(1 + ⋯))).
    let fraction = lentz(1.0, |n| {
        let m = (n / 2.0).floor();
        let numerator = if n % 2.0 == 1.0 {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        } else {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        };
        (numerator, 1.0)
    });
    let i = log_front.exp() / a / fraction;
    (i, 1.0 - i)
}

/// `b_0 + a_1/(b_1 + a_2/(b_2 + ⋯))` with `(a_n, b_n) = term(n)`.
fn lentz(b_0: f64, term: impl Fn(f64) -> (f64, f64)) -> f64 {
    const TINY: f64 = 1e-300;
    const MOST_TERMS: usize = 1_000_000;
    let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut fraction = away_from_zero(b_0);
    let (mut c, mut d) = (fraction, 0.0);
    for n in 1..MOST_TERMS {
        let (a, b) = term(n as f64);
        d = 1.0 / away_from_zero(b + a * d);
        c = away_from_zero(b + a / c);
        fraction *= c * d;
        if (c * d - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    fraction
}

/// The probability that a chi-square variable with `df` degrees of freedom exceeds `x`.
pub fn chi_square_tail(x: f64, df: f64) -> f64 {
    gamma_p_q(0.5 * df, 0.5 * x).1
}

/// The probability that a standard normal variable exceeds `|z|` in magnitude: `erfc(|z|/√2)`.
pub fn normal_two_sided(z: f64) -> f64 {
    gamma_p_q(0.5, 0.5 * z * z).1
}

/// The probability that Student's t with `df` degrees of freedom exceeds `|t|` in magnitude.
pub fn student_two_sided(t: f64, df: f64) -> f64 {
    beta_i(0.5 * df, 0.5, df / (df + t * t)).0
}

/// The two-sided point of the standard normal: `normal_two_sided(z) = alpha`, by bisection to rounding.
pub fn normal_quantile_two_sided(alpha: f64) -> f64 {
    bisect(0.0, 40.0, |z| normal_two_sided(z) > alpha)
}

/// The point of `[lo, hi]` at which `below` turns from true to false, to the last bit.
pub(crate) fn bisect(mut lo: f64, mut hi: f64, below: impl Fn(f64) -> bool) -> f64 {
    loop {
        let middle = 0.5 * (lo + hi);
        if middle <= lo || middle >= hi {
            return middle;
        }
        if below(middle) {
            lo = middle;
        } else {
            hi = middle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // References: mpmath at 40 digits.

    #[test]
    #[allow(clippy::excessive_precision)]
    fn log_gamma_meets_references() {
        for (x, exact) in [
            (0.125, 2.0194183575537963453),
            (0.5, 0.57236494292470008707),
            (1.5, -0.12078223763524522235),
            (3.75, 1.4868155785934170555),
            (15.5, 26.536914491115613624),
            (16.5, 29.277754515040814560),
            (100.25, 360.28455963776423497),
            (12345.5, 103958.24296512322913),
        ] {
            let error = (ln_gamma(x) - exact).abs();
            assert!(
                error <= 4.0 * f64::EPSILON * f64::max(exact.abs(), 32.0),
                "{x}: {error:e}"
            );
        }
    }

    #[test]
    #[allow(clippy::excessive_precision)]
    fn incomplete_gamma_meets_references() {
        for (a, x, p, q) in [
            (0.5, 0.001, 0.035670591729679885046, 0.96432940827032011495),
            (0.5, 18.5, 0.99999999881870753534, 1.1812924646610722811e-9),
            (0.5, 450.0, 1.0, 9.8134278542963741191e-198),
            (1.0, 2.5, 0.91791500137610120483, 0.082084998623898795170),
            (3.5, 0.25, 0.00055351860957503451063, 0.99944648139042496549),
            (3.5, 40.0, 0.99999999999998622498, 1.3775018297426150412e-14),
            (12.0, 11.0, 0.42073323707828796909, 0.57926676292171203091),
            (20.0, 5.0, 3.4521358209144602461e-7, 0.99999965478641790855),
            (20.0, 90.0, 1.0, 1.1492512409480210600e-19),
            (500.0, 480.0, 0.18628197319032460066, 0.81371802680967539934),
            (500.0, 900.0, 1.0, 1.8378378279706712244e-48),
            (
                50_000.0,
                50_500.0,
                0.98713115962276633014,
                0.012868840377233669864,
            ),
            (50_000.0, 53_000.0, 1.0, 7.5957191468718638255e-40),
        ] {
            let (found_p, found_q) = gamma_p_q(a, x);
            assert!(
                (found_p / p - 1.0).abs() <= 1e-12,
                "P({a}, {x}) = {found_p:e}, not {p:e}"
            );
            assert!(
                (found_q / q - 1.0).abs() <= 1e-12,
                "Q({a}, {x}) = {found_q:e}, not {q:e}"
            );
        }
    }

    #[test]
    #[allow(clippy::excessive_precision)]
    fn incomplete_beta_meets_references() {
        for (a, b, x, i, complement) in [
            (0.5, 0.5, 0.25, 1.0 / 3.0, 2.0 / 3.0),
            (2.0, 3.0, 0.125, 0.078857421875, 0.921142578125),
            (
                5.0,
                0.5,
                0.015625,
                2.3069996546639069023e-10,
                0.99999999976930003453,
            ),
            (50.0, 0.5, 0.25, 7.2263008542676098577e-32, 1.0),
            (10.0, 20.0, 0.75, 0.99999920523052096555, 7.9476947903445172017e-7),
            (
                300.0,
                700.0,
                0.25,
                0.00017989197772738935208,
                0.99982010802227261065,
            ),
            (300.0, 700.0, 0.4375, 1.0, 1.9600991146130506506e-19),
            (
                1.0,
                1000.0,
                0.0078125,
                0.99960757984218966789,
                0.00039242015781033210677,
            ),
        ] {
            let (found, found_complement) = beta_i(a, b, x);
            // The logarithm of the factor in front of the fraction is a difference of terms as large as log Γ(a + b).
            let tolerance = f64::EPSILON * (32.0 + 4.0 * ln_gamma(a + b));
            assert!(
                (found / i - 1.0).abs() <= tolerance,
                "I_{x}({a}, {b}) = {found:e}, not {i:e}"
            );
            assert!(
                (found_complement / complement - 1.0).abs() <= tolerance,
                "1 − I_{x}({a}, {b}) = {found_complement:e}, not {complement:e}"
            );
        }
    }

    #[test]
    fn quantiles_invert_tails() {
        for alpha in [0.5, 0.05, 1e-6, 1e-12] {
            let z = normal_quantile_two_sided(alpha);
            assert!((normal_two_sided(z) / alpha - 1.0).abs() < 1e-12);
        }
        // Student's t with one degree of freedom is Cauchy: 1 − (2/π) atan t.
        let t = 3.0f64;
        assert!((student_two_sided(t, 1.0) - (1.0 - 2.0 / PI * t.atan())).abs() < 1e-14);
    }
}
