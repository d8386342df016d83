//! The normal distribution cut off at zero, however far its mean lies on the wrong side.
//!
//! The law `p(x) ∝ exp(z x − x²/2)` on `x ≥ 0` is that of a rectified unit in the field `z`. Its normaliser is Mills' ratio `m(−z)`, so its cumulants are
//! derivatives of `ln m(−z)`. With the hazard rate `λ = 1/m(−z)` they are
//!
//! `κ₁ = z + λ`, `κ₂ = 1 − λ κ₁`, `κ₃ = λ (κ₁² − κ₂)`,
//!
//! where everything cancels as `z → −∞`: there `κ₁ ≈ 1/y`, `y = −z`. Laplace's continued fraction has the small numbers themselves. Its tails
//!
//! `u = 1/(y + r)`, `r = 2/(y + c)`, `c = 3/(y + 4/(y + 5/(y + …)))`
//!
//! are ratios of moments, `E x = u`, `E x² = r u`, `E x³ = c r u`, since `E xⁿ⁺¹ = n E xⁿ⁻¹ − y E xⁿ`.

use super::normal::{mills_ratio, normal_log_cdf};

/// ½ ln 2π.
const HALF_LN_2PI: f64 = 0.918_938_533_204_672_8;

/// `ln m(z)`, the logarithm of [`mills_ratio`], also where that overflows: +∞ at −∞, −∞ at +∞.
///
/// ```
/// use gibbsian_core::special::log_mills_ratio;
/// // z²/2 + ln √(2π), the whole normal distribution.
/// assert!((log_mills_ratio(-1e5) - 5e9 - 0.9189385).abs() < 1e-5);
/// ```
pub fn log_mills_ratio(z: f64) -> f64 {
    if z < -1.0 {
        0.5 * z * z + HALF_LN_2PI + normal_log_cdf(-z)
    } else {
        mills_ratio(z).ln()
    }
}

/// Mean, variance and third cumulant of the law `p(x) ∝ exp(z x − x²/2)` on `x ≥ 0`.
///
/// `z`, 1, 0 for `z → ∞`, where nothing is cut off; `1/y`, `1/y²`, `2/y³` for `z = −y → −∞`, an exponential law.
///
/// ```
/// use gibbsian_core::special::half_line_cumulants;
/// let [mean, variance, third] = half_line_cumulants(-1e8);
/// assert!((mean * 1e8 - 1.0).abs() < 2e-15 && (variance * 1e16 - 1.0).abs() < 2e-15);
/// assert!((third * 1e24 - 2.0).abs() < 4e-15);
/// ```
pub fn half_line_cumulants(z: f64) -> [f64; 3] {
    if z <= -2.0 {
        let y = -z;
        // What lies below level k is forgotten as exp(−O(y √k)), so that levels in proportion to y⁻² reach the last digit, from the fixed point
        // of the last one.
        let last = 14 + (400.0 / (y * y)) as u32;
        let below = 2.0 * f64::from(last) / (y + (y * y + 4.0 * f64::from(last)).sqrt());
        let c = (4..last).rev().fold(below, |below, k| f64::from(k) / (y + below));
        let c = 3.0 / (y + c);
        let r = 2.0 / (y + c);
        let u = 1.0 / (y + r);
        [u, u * (r - u), u * (c * r - 3.0 * u * r + 2.0 * u * u)]
    } else {
        let hazard = 1.0 / mills_ratio(-z);
        let mean = z + hazard;
        let variance = 1.0 - hazard * mean;
        // At z = ∞ nothing is cut off, and 0·∞ has the limit zero.
        if z == f64::INFINITY {
            return [z, 1.0, 0.0];
        }
        [mean, variance, hazard * (mean * mean - variance)]
    }
}
