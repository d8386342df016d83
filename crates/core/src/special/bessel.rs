//! The modified Bessel functions `I₀` and `I₁` as densities on the circle need them: logarithms, the ratio `A = I₁/I₀`, its derivative and inverse.
//!
//! For a von Mises variable, `A(κ) = E cos x` is the mean resultant length, `1 − A` the circular variance and `A′ = Var cos x`. Concentrated
//! distributions need `1 − A ≈ 1/(2κ)` and `A′ ≈ 1/(2κ²)` to full relative accuracy, which `A′ = 1 − A/κ − A²` loses twice. So three forms:
//!
//! - `κ < 1`: power series, all of whose terms are positive, also that of `I₀² A′ = ½ Σ_k (2k)! / (k! (k+1)!)² (κ/2)^{2k}`;
//! - `1 ≤ κ < 24`: moments of `1 − cos x` under `exp(−κ (1 − cos x))` by the trapezoidal rule, which converges geometrically on the circle:
//!   with 52 points the error is `2 I₅₂(κ)/I₀(κ) < 10⁻¹⁹`; all terms are positive;
//! - `κ ≥ 24`: asymptotic series, positive again; that of `1 − A` follows from the Riccati equation of `A`, and `A′` is its derivative.

use std::f64::consts::PI;
use std::sync::LazyLock;

const SERIES_BELOW: f64 = 1.0;
const ASYMPTOTIC_FROM: f64 = 24.0;

/// `ln I₀(κ)` for `κ ≥ 0`: 0 at 0, +∞ at +∞, NaN below 0.
///
/// ```
/// use gibbsian_core::special::ln_bessel_i0;
/// assert!((ln_bessel_i0(1.0) - 1.2660658777520084_f64.ln()).abs() < 1e-15);
/// ```
pub fn ln_bessel_i0(kappa: f64) -> f64 {
    if kappa < 4.0 {
        i0_minus_one(kappa).ln_1p()
    } else if kappa == f64::INFINITY {
        kappa
    } else {
        kappa + ln_bessel_i0_scaled(kappa)
    }
}

/// `ln(e^−κ I₀(κ))` for `κ ≥ 0`: 0 at 0, `−½ ln(2πκ)` to leading order for large `κ`, NaN below 0.
pub fn ln_bessel_i0_scaled(kappa: f64) -> f64 {
    if kappa < 0.5 {
        i0_minus_one(kappa).ln_1p() - kappa
    } else if kappa < ASYMPTOTIC_FROM {
        moments(kappa).0.ln()
    } else if kappa == f64::INFINITY {
        f64::NEG_INFINITY
    } else {
        // Σ_k ((2k−1)!!)² / (k! (8κ)^k), from k = 1.
        let (mut term, mut sum) = (1.0, 0.0);
        for k in 1..30 {
            let odd = f64::from(2 * k - 1);
            term *= odd * odd / (8.0 * kappa * f64::from(k));
            sum += term;
        }
        sum.ln_1p() - 0.5 * (2.0 * PI * kappa).ln()
    }
}

/// `ln I₁(κ)` for `κ ≥ 0`: −∞ at 0, +∞ at +∞, NaN below 0.
///
/// The terms are `ln I₀(κ)` and `ln A(κ)`, and below 4, where the zero lies, `ln(κ/2)` and the logarithm of a series.
pub fn ln_bessel_i1(kappa: f64) -> f64 {
    if kappa < 4.0 {
        // Σ_k (κ²/4)^k / (k! (k+1)!), from k = 1.
        let y = 0.25 * kappa * kappa;
        let series = positive_series(0.5 * y, |k| y / (k * (k + 1.0)));
        nan_below_zero(kappa) + ((0.5 * kappa).ln() + series.ln_1p())
    } else {
        ln_bessel_i0(kappa) + (-bessel_ratio_complement(kappa)).ln_1p()
    }
}

/// `A(κ) = I₁(κ)/I₀(κ)` for `κ ≥ 0`, the mean resultant length of a von Mises variable: 0 at 0, 1 at +∞, NaN below 0.
///
/// ```
/// use gibbsian_core::special::bessel_ratio;
/// assert!((bessel_ratio(1.0) - 0.4463899658965345).abs() < 1e-15);
/// ```
pub fn bessel_ratio(kappa: f64) -> f64 {
    if kappa < SERIES_BELOW {
        // The continued fraction of I_k/I_{k−1} = κ / (2k + κ I_{k+1}/I_k).
        let fraction = (1..=12)
            .rev()
            .fold(0.0, |ratio, k| kappa / (2.0 * f64::from(k) + kappa * ratio));
        return nan_below_zero(kappa) + fraction;
    }
    1.0 - bessel_ratio_complement(kappa)
}

/// `1 − A(κ)`, the circular variance: 1 at 0, `1/(2κ)` to leading order for large `κ`, NaN below 0.
pub fn bessel_ratio_complement(kappa: f64) -> f64 {
    if kappa < SERIES_BELOW {
        1.0 - bessel_ratio(kappa)
    } else if kappa < ASYMPTOTIC_FROM {
        moments(kappa).1
    } else {
        let y = 1.0 / kappa;
        COMPLEMENT.iter().rev().fold(0.0, |sum, c| (sum + c) * y)
    }
}

/// `A′(κ) = 1 − A/κ − A²`, the variance of the cosine: ½ at 0, `1/(2κ²)` to leading order for large `κ`, NaN below 0.
pub fn bessel_ratio_derivative(kappa: f64) -> f64 {
    if kappa < SERIES_BELOW {
        let y = 0.25 * kappa * kappa;
        // (2k)! / (k! (k+1)!)² y^k, each from the one before.
        let series = 1.0
            + positive_series(0.5 * y, |k| {
                2.0 * (2.0 * k - 1.0) / (k + 1.0) / (k * (k + 1.0)) * y
            });
        let i0 = 1.0 + i0_minus_one(kappa);
        nan_below_zero(kappa) + 0.5 * series / (i0 * i0)
    } else if kappa < ASYMPTOTIC_FROM {
        moments(kappa).2
    } else {
        let y = 1.0 / kappa;
        let terms = COMPLEMENT.iter().enumerate().rev();
        terms.fold(0.0, |sum, (i, c)| (sum + (i + 1) as f64 * c) * y) * y
    }
}

/// The `κ ≥ 0` with `A(κ) = r`: 0 at 0, +∞ at 1, NaN outside \[0, 1\].
///
/// Newton's method from the approximation of Best and Fisher (1981). Near 1 the root is that of `1 − A(κ) = 1 − r`, whose right side is exact.
///
/// ```
/// use gibbsian_core::special::{bessel_ratio, inverse_bessel_ratio};
/// assert!((inverse_bessel_ratio(bessel_ratio(2.5)) - 2.5).abs() < 1e-14);
/// ```
pub fn inverse_bessel_ratio(r: f64) -> f64 {
    if !(0.0..=1.0).contains(&r) {
        return f64::NAN;
    }
    if r == 0.0 {
        return 0.0;
    }
    if r == 1.0 {
        return f64::INFINITY;
    }
    if r >= 0.5 {
        return inverse_bessel_ratio_complement(1.0 - r);
    }
    newton_of_ratio(best_fisher_start(r, 1.0 - r), |kappa| bessel_ratio(kappa) - r)
}

/// The `κ ≥ 0` with `1 − A(κ) = u`, the concentration of this circular variance: +∞ at 0, 0 at 1, NaN outside \[0, 1\].
///
/// As [`inverse_bessel_ratio`] of `1 − u`, which has no digits left once `u` is small.
///
/// ```
/// use gibbsian_core::special::{bessel_ratio_complement, inverse_bessel_ratio_complement};
/// assert!((inverse_bessel_ratio_complement(bessel_ratio_complement(1e12)) / 1e12 - 1.0).abs() < 1e-15);
/// ```
pub fn inverse_bessel_ratio_complement(u: f64) -> f64 {
    if !(0.0..=1.0).contains(&u) {
        return f64::NAN;
    }
    if u > 0.5 {
        return inverse_bessel_ratio(1.0 - u);
    }
    if u < 1e-17 {
        // 1/(2u) + ¼ + …
        return 0.5 / u;
    }
    newton_of_ratio(best_fisher_start(1.0 - u, u), |kappa| {
        u - bessel_ratio_complement(kappa)
    })
}

/// The approximation of Best and Fisher (1981) to the `κ` of `A(κ) = r`, given `u = 1 − r` too.
fn best_fisher_start(r: f64, u: f64) -> f64 {
    if r < 0.53 {
        r * (2.0 + r * r * (1.0 + 5.0 / 6.0 * r * r))
    } else if r < 0.85 {
        -0.4 + 1.39 * r + 0.43 / u
    } else {
        1.0 / (r * u * (3.0 - r))
    }
}

/// The zero of `excess`, which has the derivative of `A`.
fn newton_of_ratio(start: f64, excess: impl Fn(f64) -> f64) -> f64 {
    let mut kappa = start;
    for _ in 0..20 {
        let step = excess(kappa) / bessel_ratio_derivative(kappa);
        kappa -= step;
        if step.abs() <= f64::EPSILON * kappa {
            break;
        }
    }
    kappa
}

/// `I₀(κ) − 1 = Σ_{k≥1} (κ²/4)^k / (k!)²` for `κ < 4`; NaN below 0.
fn i0_minus_one(kappa: f64) -> f64 {
    let y = 0.25 * kappa * kappa;
    nan_below_zero(kappa) + positive_series(y, |k| y / (k * k))
}

/// The sum of positive terms, the first of which belongs to `k = 1` and each next of which is its predecessor times `factor(k)`.
fn positive_series(first: f64, factor: impl Fn(f64) -> f64) -> f64 {
    let (mut term, mut sum, mut k) = (first, first, 1.0);
    while term > 1e-18 * sum {
        k += 1.0;
        term *= factor(k);
        sum += term;
    }
    sum
}

/// What to add to a result so that it is NaN for a negative argument.
fn nan_below_zero(kappa: f64) -> f64 {
    if kappa < 0.0 { f64::NAN } else { 0.0 }
}

/// Points of the trapezoidal rule on the whole circle.
const N_POINTS: usize = 52;

/// `1 − cos θ = 2 sin²(θ/2)` at the points of the upper half circle, both ends included.
static ONE_MINUS_COSINE: LazyLock<[f64; N_POINTS / 2 + 1]> = LazyLock::new(|| {
    std::array::from_fn(|j| {
        let half_sine = libm::sin(PI * j as f64 / N_POINTS as f64);
        2.0 * half_sine * half_sine
    })
});

/// `e^−κ I₀(κ)`, and mean and variance of `c = 1 − cos θ` under `exp(−κ c)`.
fn moments(kappa: f64) -> (f64, f64, f64) {
    let points = &*ONE_MINUS_COSINE;
    let weight = |j: usize| {
        let both_halves = if j == 0 || j == N_POINTS / 2 { 1.0 } else { 2.0 };
        both_halves * (-kappa * points[j]).exp()
    };
    let weights: [f64; N_POINTS / 2 + 1] = std::array::from_fn(weight);
    let total: f64 = weights.iter().rev().sum();
    let expectation = |f: &dyn Fn(f64) -> f64| {
        let terms = weights.iter().zip(points).rev();
        terms.map(|(w, &c)| w * f(c)).sum::<f64>() / total
    };
    let mean = expectation(&|c| c);
    let variance = expectation(&|c| (c - mean) * (c - mean));
    (total / N_POINTS as f64, mean, variance)
}

/// The coefficients of `κ^−k`, from `k = 1`, of `1 − A(κ)`: `½, ⅛, ⅛, 25/128, …`.
///
/// With `u = 1 − A` the equation `A′ = 1 − A/κ − A²` is `u′ = (1 − u)/κ − 2u + u²`, hence
/// `2 c_k = (k − 2) c_{k−1} + Σ_{i<k} c_i c_{k−i}` for `k > 1`.
const COMPLEMENT: [f64; 32] = {
    let mut c = [0.0; 33];
    c[1] = 0.5;
    let mut k = 2;
    while k <= 32 {
        let mut sum = (k - 2) as f64 * c[k - 1];
        let mut i = 1;
        while i < k {
            sum += c[i] * c[k - i];
            i += 1;
        }
        c[k] = 0.5 * sum;
        k += 1;
    }
    let mut from_one = [0.0; 32];
    let mut k = 0;
    while k < 32 {
        from_one[k] = c[k + 1];
        k += 1;
    }
    from_one
};
