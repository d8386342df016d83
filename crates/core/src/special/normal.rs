//! The normal distribution far out: tails, intervals and quantiles that keep their digits.
//!
//! Everything rests on Mills' ratio `m(z) = Q(z)/φ(z)` of the upper tail `Q` to the density `φ`, which varies slowly where both underflow:
//! `m(z) ≈ 1/z`. It is the scaled complementary error function in the variable of the normal distribution,
//! `m(z) = √(π/2) erfcx(z/√2)`. Taking it, and not `erfc`, as the primitive avoids the factor `1/√2`, whose rounding the tail
//! magnifies by `z²`; and `exp(−z²/2)` is taken in two parts for the same reason.
//!
//! Quantiles are those of Wichura (1988, algorithm AS 241), whose rational functions have the accuracy of a double.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use super::fits::{MILLS, MILLS_LOW, MILLS_MIDDLE};
use super::rational::horner;

/// ½ ln 2π.
const HALF_LN_2PI: f64 = 0.918_938_533_204_672_8;
/// 1/√(2π).
const DENSITY_AT_ZERO: f64 = 0.398_942_280_401_432_7;
/// √(π/2).
const SQRT_HALF_PI: f64 = 1.253_314_137_315_500_3;
/// √(2/π).
const SQRT_2_OVER_PI: f64 = 0.797_884_560_802_865_4;

/// `exp(±z²/2)` without the rounding of `z²`, which the exponential would magnify.
fn exp_half_square(z: f64, sign: f64) -> f64 {
    if z.abs() > 40.0 {
        return if sign < 0.0 { 0.0 } else { f64::INFINITY };
    }
    // The upper 26 bits of z have an exact square.
    let high = f64::from_bits(z.to_bits() & !((1 << 27) - 1));
    (sign * 0.5 * high * high).exp() * (sign * 0.5 * (z - high) * (z + high)).exp()
}

/// Mills' ratio `m(z) = ∫_z^∞ exp((z² − t²)/2) dt = Q(z)/φ(z)`: +∞ at −∞, √(π/2) at 0, 0 at +∞.
///
/// Its reciprocal is the hazard rate `φ/Q`, the score of `log Q` but for the sign.
///
/// ```
/// use gibbsian_core::special::mills_ratio;
/// assert!((mills_ratio(1e8) - 1e-8).abs() < 1e-23);
/// ```
pub fn mills_ratio(z: f64) -> f64 {
    if z < 0.0 {
        return exp_half_square(z, 1.0) / DENSITY_AT_ZERO - mills_ratio(-z);
    }
    if z <= 1.0 {
        MILLS_LOW.at(z)
    } else if z <= 5.0 {
        MILLS_MIDDLE.at(z)
    } else {
        let y = 1.0 / z;
        y * MILLS.at(y * y)
    }
}

/// The scaled complementary error function `e^{x²} erfc(x)`: +∞ at −∞, 0 at +∞.
pub fn erfcx(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 * exp_square(x) - erfcx(-x);
    }
    SQRT_2_OVER_PI * mills_ratio(SQRT_2 * x)
}

/// `exp(x²)`, as [`exp_half_square`].
fn exp_square(x: f64) -> f64 {
    if x.abs() > 40.0 {
        return f64::INFINITY;
    }
    let high = f64::from_bits(x.to_bits() & !((1 << 27) - 1));
    (high * high).exp() * ((x - high) * (x + high)).exp()
}

/// `ln erfc(x)`: ln 2 at −∞, 0 at 0, −∞ at +∞.
pub fn log_erfc(x: f64) -> f64 {
    if x < 0.5 {
        (-libm::erf(x)).ln_1p()
    } else {
        erfcx(x).ln() - x * x
    }
}

/// The normal distribution function `Φ(z)`.
///
/// ```
/// use gibbsian_core::special::normal_cdf;
/// assert_eq!(normal_cdf(0.0), 0.5);
/// ```
pub fn normal_cdf(z: f64) -> f64 {
    if z.abs() < 0.5 {
        return 0.5 + 0.5 * libm::erf(FRAC_1_SQRT_2 * z);
    }
    let tail = DENSITY_AT_ZERO * exp_half_square(z, -1.0) * mills_ratio(z.abs());
    if z < 0.0 { tail } else { 1.0 - tail }
}

/// `ln Φ(z)`: −∞ at −∞, 0 at +∞.
///
/// ```
/// use gibbsian_core::special::normal_log_cdf;
/// // −z²/2 − ln(|z| √(2π)), to leading order.
/// assert!((normal_log_cdf(-1e5) + 0.5e10 + 12.4318).abs() < 1e-4);
/// ```
pub fn normal_log_cdf(z: f64) -> f64 {
    if z < 0.0 {
        mills_ratio(-z).ln() - HALF_LN_2PI - 0.5 * z * z
    } else {
        (-normal_cdf(-z)).ln_1p()
    }
}

/// `∫_a^b exp((c² − t²)/2) dt`, where `c` is the point of `[a, b]` nearest to zero: the probability of the interval over `φ(c)`.
///
/// No relative accuracy is lost wherever the interval lies and however narrow it is; either end may be infinite. 0 at `a = b`, NaN for `a > b`.
/// The density of a normal truncated to `[a, b]` is `exp((c² − z²)/2)` over this.
pub fn normal_interval_ratio(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() || a > b {
        return f64::NAN;
    }
    if a == b {
        return 0.0;
    }
    if b <= 0.0 {
        return normal_interval_ratio(-b, -a);
    }
    if a < 0.0 {
        // Terms of one sign.
        return SQRT_HALF_PI * (libm::erf(FRAC_1_SQRT_2 * b) + libm::erf(-FRAC_1_SQRT_2 * a));
    }
    normal_interval_ratio_from(a, b - a)
}

/// `∫_0^w exp(−a t − t²/2) dt` for `a ≥ 0` and `w ≥ 0`: the [`normal_interval_ratio`] of `[a, a + w]`, for those who know the width of a narrow
/// interval to more digits than the difference of its ends has. NaN elsewhere.
///
/// ```
/// use gibbsian_core::special::normal_interval_ratio_from;
/// // w (1 − aw/2 + …); the double after 10⁶ is a thousand times further away than that.
/// assert!((normal_interval_ratio_from(1e6, 1e-13) / 1e-13 - (1.0 - 0.5e-7)).abs() < 1e-14);
/// ```
pub fn normal_interval_ratio_from(a: f64, width: f64) -> f64 {
    if !(a >= 0.0 && width >= 0.0) {
        return f64::NAN;
    }
    if width == f64::INFINITY {
        return mills_ratio(a);
    }
    let exponent = width * (a + 0.5 * width);
    if exponent > 1.0 || width > 0.7 {
        // The second term is at most half the first.
        mills_ratio(a) - (-exponent).exp() * mills_ratio(a + width)
    } else {
        width * gauss_legendre(|y| (-(width * y) * (a + 0.5 * width * y)).exp())
    }
}

/// `∫_0^1 f`, exact to the last digit for the pieces of a normal density that it is used for.
fn gauss_legendre(f: impl Fn(f64) -> f64) -> f64 {
    /// Nodes and weights of eight points on [−1, 1], those of the upper half.
    const RULE: [(f64, f64); 4] = [
        (0.183_434_642_495_649_8, 0.362_683_783_378_362),
        (0.525_532_409_916_329, 0.313_706_645_877_887_27),
        (0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
        (0.960_289_856_497_536_2, 0.101_228_536_290_376_26),
    ];
    let sum: f64 = RULE
        .iter()
        .map(|(y, w)| w * (f(0.5 - 0.5 * y) + f(0.5 + 0.5 * y)))
        .sum();
    0.5 * sum
}

/// `ln(Φ(b) − Φ(a))` in either tail and across the centre: −∞ at `a = b`, NaN for `a > b`.
///
/// ```
/// use gibbsian_core::special::log_normal_interval;
/// // Both distribution functions are 1 to the last digit.
/// assert!((log_normal_interval(10.0, 11.0) + 53.2313).abs() < 1e-4);
/// ```
pub fn log_normal_interval(a: f64, b: f64) -> f64 {
    if a < 0.0 && b > 0.0 {
        let outside = normal_cdf(a) + normal_cdf(-b);
        if outside < 0.5 {
            return (-outside).ln_1p();
        }
    }
    let nearest = nearest_to_zero(a, b);
    normal_interval_ratio(a, b).ln() - HALF_LN_2PI - 0.5 * nearest * nearest
}

/// The point of `[a, b]` nearest to zero.
fn nearest_to_zero(a: f64, b: f64) -> f64 {
    if a > 0.0 {
        a
    } else if b < 0.0 {
        b
    } else {
        0.0
    }
}

/// The inverse of [`normal_cdf`]: −∞ at 0, +∞ at 1, NaN outside \[0, 1\].
///
/// Source: Wichura (1988), "Algorithm AS 241: The percentage points of the normal distribution", PPND16.
///
/// ```
/// use gibbsian_core::special::normal_quantile;
/// assert_eq!(normal_quantile(0.5), 0.0);
/// assert!((normal_quantile(0.975) - 1.959963984540054).abs() < 1e-15);
/// ```
pub fn normal_quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        return q * horner(&CENTRE.0, r) / horner(&CENTRE.1, r);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    if tail == 0.0 {
        return f64::INFINITY.copysign(q);
    }
    let r = (-tail.ln()).sqrt();
    let z = if r <= 5.0 {
        horner(&TAIL.0, r - 1.6) / horner(&TAIL.1, r - 1.6)
    } else {
        horner(&FAR_TAIL.0, r - 5.0) / horner(&FAR_TAIL.1, r - 5.0)
    };
    z.copysign(q)
}

/// The point `z` of `[a, b]` below which the fraction `p` of the interval's probability lies; either end may be infinite.
///
/// It is the quantile of a truncated standard normal. Far in a tail neither the probabilities nor their logarithms help; there the logarithm of the
/// surviving fraction, concave and nearly linear, is inverted by Newton's method from a bound that it decreases from.
/// NaN for `p` outside \[0, 1\] or `a > b`.
///
/// ```
/// use gibbsian_core::special::normal_quantile_between;
/// // An exponential of rate 10⁶, nearly.
/// let z = normal_quantile_between(0.5, 1e6, f64::INFINITY);
/// assert!(((z - 1e6) / (2.0_f64.ln() * 1e-6) - 1.0).abs() < 1e-3);
/// ```
pub fn normal_quantile_between(p: f64, a: f64, b: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) || a.is_nan() || b.is_nan() || a > b {
        return f64::NAN;
    }
    if p == 0.0 || a == b {
        return a;
    }
    if p == 1.0 {
        return b;
    }
    if a >= 0.0 {
        return (a + normal_quantile_from(p, 1.0 - p, a, b - a)).clamp(a, b);
    }
    if b <= 0.0 {
        return (b - normal_quantile_from(1.0 - p, p, -b, b - a)).clamp(a, b);
    }
    let mass = DENSITY_AT_ZERO * normal_interval_ratio(a, b);
    let below = normal_cdf(a) + p * mass;
    let above = normal_cdf(-b) + (1.0 - p) * mass;
    // The smaller of the two has the digits.
    let z = if below < above {
        normal_quantile(below)
    } else {
        -normal_quantile(above)
    };
    z.clamp(a, b)
}

/// How far beyond `a ≥ 0` the point of `[a, a + width]` lies below which there is the fraction `p` of the interval's probability, and above which
/// there is `q = 1 − p`; the smaller of the two has the digits.
///
/// It is the distance `t` that [`normal_quantile_between`] adds to `a`, and has digits of its own. The logarithm of the surviving fraction adds up
/// `t (a + t/2)` and that of `m(a + t)/m(a)`, so that the terms of `t` are itself and the latter over `a + t/2`.
pub fn normal_quantile_from(p: f64, q: f64, a: f64, width: f64) -> f64 {
    if !((0.0..=1.0).contains(&p) && (0.0..=1.0).contains(&q) && a >= 0.0 && width >= 0.0) {
        return f64::NAN;
    }
    if p == 0.0 || width == 0.0 {
        return 0.0;
    }
    if q == 0.0 {
        return width;
    }
    let mills_a = mills_ratio(a);
    // Of the tail beyond a, this fraction lies in the interval, and this one survives the point sought.
    let inside = normal_interval_ratio_from(a, width) / mills_a;
    let p = if p <= q { p } else { 1.0 - q };
    let log_survival = if p * inside <= 0.5 {
        (-p * inside).ln_1p()
    } else {
        let beyond = (-width * (a + 0.5 * width)).exp() * mills_ratio(a + width) / mills_a;
        let beyond = if width == f64::INFINITY { 0.0 } else { beyond };
        (beyond + q * inside).ln()
    };
    // The survival of a + t is at most exp(−a t − t²/2), and at most that of an exponential with the hazard rate at a.
    let bound = -2.0 * log_survival / (a + (a * a - 2.0 * log_survival).sqrt());
    let mut t = bound.min(-log_survival * mills_a);
    for _ in 0..64 {
        let exponent = t * (a + 0.5 * t);
        let mills = mills_ratio(a + t);
        let reached = if exponent < 0.5 {
            (-normal_interval_ratio_from(a, t) / mills_a).ln_1p()
        } else {
            (mills / mills_a).ln() - exponent
        };
        let step = (reached - log_survival) * mills;
        t += step;
        if step.abs() <= f64::EPSILON * t {
            break;
        }
    }
    t.clamp(0.0, width)
}

type Ratio = ([f64; 8], [f64; 8]);

/// `|p − ½| ≤ 0.425`, in `0.425² − (p − ½)²`.
const CENTRE: Ratio = (
    [
        3.387_132_872_796_366_6,
        133.141_667_891_784_38,
        1_971.590_950_306_551_4,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ],
);

/// `√(−ln p) ≤ 5`, in `√(−ln p) − 1.6`.
const TAIL: Ratio = (
    [
        1.423_437_110_749_683_6,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
);

/// Beyond, in `√(−ln p) − 5`.
const FAR_TAIL: Ratio = (
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        0.599_832_206_555_887_9,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
);
