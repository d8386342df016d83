//! exp, sigmoid, softplus and tanh of `f32` slices.
//!
//! All four rest on one reduction: x = n ln 2 + r with |r| ≤ ½ ln 2, e^r − 1 from a polynomial, 2ⁿ put into the exponent
//! bits (Cody and Waite, 1980, "Software Manual for the Elementary Functions", chapter 6). The others avoid cancellation
//! by asking only for e^−|x|:
//!
//! - σ(x) = 1 / (1 + e^−x) for x ≥ 0 and e^x / (1 + e^x) for x < 0,
//! - log(1 + e^x) = max(x, 0) + log(1 + e^−|x|), the logarithm as 2 artanh(e / (2 + e)),
//! - tanh x = sign(x) · (1 − e^−2|x|) / (1 + e^−2|x|), the numerator as an expm1.
//!
//! The polynomials are minimax fits (`tests/reference/minimax.py`) in Horner form with **separate** product and sum: a
//! fused multiply-add rounds once instead of twice, so fused code would give other bits on machines that lack it.
//! Reciprocal estimates are avoided for the same reason. Rejected: tables (gathers are slow), and rational
//! approximations of tanh over its whole range (no faster than the exponential, and no simpler to bound).

use super::level::{Executable, multiversion};

/// Elements handled together: a whole number of vectors at every level, and small enough to stay in registers.
const BLOCK: usize = 64;

/// eˣ of each element, relative error at most 1.5 × 2⁻²⁴ where the result is a normal number.
///
/// Overflow gives +∞, underflow goes through the subnormal numbers to 0; −∞ gives 0, +∞ gives +∞, NaN gives NaN.
///
/// # Panics
/// If the slices differ in length.
///
/// ```
/// use gibbsian_core::simd;
/// let mut y = [0.0; 3];
/// simd::exp_f32(&[0.0, 1.0, f32::NEG_INFINITY], &mut y);
/// assert_eq!(y, [1.0, std::f32::consts::E, 0.0]);
/// ```
pub fn exp_f32(x: &[f32], out: &mut [f32]) {
    check_lengths(x, out);
    exp_into(Executable::current(), x, out);
}

/// [`exp_f32`] in place.
pub fn exp_f32_in_place(x: &mut [f32]) {
    exp_in_place(Executable::current(), x);
}

/// The logistic sigmoid σ(x) = 1 / (1 + e^−x) of each element, relative error at most 3.5 × 2⁻²⁴ where the result is a
/// normal number.
///
/// The result lies in [0, 1]; −∞ gives 0, +∞ gives 1, NaN gives NaN.
///
/// # Panics
/// If the slices differ in length.
pub fn sigmoid_f32(x: &[f32], out: &mut [f32]) {
    check_lengths(x, out);
    sigmoid_into(Executable::current(), x, out);
}

/// [`sigmoid_f32`] in place.
pub fn sigmoid_f32_in_place(x: &mut [f32]) {
    sigmoid_in_place(Executable::current(), x);
}

/// log(1 + eˣ) of each element, relative error at most 4 × 2⁻²⁴ where the result is a normal number.
///
/// −∞ gives 0, +∞ gives +∞, NaN gives NaN.
///
/// # Panics
/// If the slices differ in length.
pub fn softplus_f32(x: &[f32], out: &mut [f32]) {
    check_lengths(x, out);
    softplus_into(Executable::current(), x, out);
}

/// [`softplus_f32`] in place.
pub fn softplus_f32_in_place(x: &mut [f32]) {
    softplus_in_place(Executable::current(), x);
}

/// tanh x of each element, relative error at most 3.5 × 2⁻²⁴ where the result is a normal number.
///
/// The result lies in [−1, 1] and is odd in x, bit for bit; −∞ gives −1, +∞ gives 1, NaN gives NaN.
///
/// # Panics
/// If the slices differ in length.
pub fn tanh_f32(x: &[f32], out: &mut [f32]) {
    check_lengths(x, out);
    tanh_into(Executable::current(), x, out);
}

/// [`tanh_f32`] in place.
pub fn tanh_f32_in_place(x: &mut [f32]) {
    tanh_in_place(Executable::current(), x);
}

multiversion! { fn exp_into(x: &[f32], out: &mut [f32]) = |x, out| map_into(x, out, exp); }
multiversion! { fn exp_in_place(x: &mut [f32]) = |x| map_in_place(x, exp); }
multiversion! { fn sigmoid_into(x: &[f32], out: &mut [f32]) = |x, out| map_into(x, out, sigmoid); }
multiversion! { fn sigmoid_in_place(x: &mut [f32]) = |x| map_in_place(x, sigmoid); }
multiversion! { fn softplus_into(x: &[f32], out: &mut [f32]) = |x, out| map_into(x, out, softplus); }
multiversion! { fn softplus_in_place(x: &mut [f32]) = |x| map_in_place(x, softplus); }
multiversion! { fn tanh_into(x: &[f32], out: &mut [f32]) = |x, out| map_into(x, out, tanh); }
multiversion! { fn tanh_in_place(x: &mut [f32]) = |x| map_in_place(x, tanh); }

/// Applies `f` to each element, in blocks of fixed size.
#[inline(always)]
fn map_into(x: &[f32], out: &mut [f32], f: impl Fn(f32) -> f32) {
    let (x_blocks, x_tail) = x.as_chunks::<BLOCK>();
    let (out_blocks, out_tail) = out.as_chunks_mut::<BLOCK>();
    for (x, out) in x_blocks.iter().zip(out_blocks) {
        for i in 0..BLOCK {
            out[i] = f(x[i]);
        }
    }
    for (&x, out) in x_tail.iter().zip(out_tail) {
        *out = f(x);
    }
}

/// Replaces each element by its image under `f`, in blocks of fixed size.
#[inline(always)]
fn map_in_place(x: &mut [f32], f: impl Fn(f32) -> f32) {
    let (blocks, tail) = x.as_chunks_mut::<BLOCK>();
    for block in blocks {
        for x in block.iter_mut() {
            *x = f(*x);
        }
    }
    for x in tail {
        *x = f(*x);
    }
}

/// eˣ.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Beyond these bounds the result is +∞ or 0 anyway; comparisons with NaN are false and let it through.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    let (n, y) = reduce(x);
    // 2ⁿ with −150 ≤ n ≤ 128 is not always a normal number, but the powers of its two halves are.
    let half = n >> 1;
    (1.0 + y) * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// e^−|x|.
#[inline(always)]
pub(super) fn exp_minus_abs(x: f32) -> f32 {
    let x = -x.abs();
    let x = if x < -104.0 { -104.0 } else { x };
    let (n, y) = reduce(x);
    // −150 ≤ n ≤ 0: the second factor takes the result down to the subnormal numbers.
    (1.0 + y) * power_of_two(n.wrapping_add(64)) * power_of_two(-64)
}

/// σ(x) = 1 / (1 + e^−x).
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    let e = exp_minus_abs(x);
    let numerator = if x < 0.0 { e } else { 1.0 };
    numerator / (1.0 + e)
}

/// log(1 + eˣ).
#[inline(always)]
fn softplus(x: f32) -> f32 {
    // A NaN comes back through the other term.
    let positive = if x > 0.0 { x } else { 0.0 };
    positive + softplus_minus_abs(x)
}

/// log(1 + e^−|x|), what softplus adds to its positive part.
#[inline(always)]
pub(super) fn softplus_minus_abs(x: f32) -> f32 {
    let e = exp_minus_abs(x);
    twice_artanh(e / (2.0 + e))
}

/// 2 artanh(s) = log((1 + s) / (1 − s)) for |s| ≤ 1/3.
#[inline(always)]
pub(super) fn twice_artanh(s: f32) -> f32 {
    let z = s * s;
    let a = ((LOG_TAIL[3] * z + LOG_TAIL[2]) * z + LOG_TAIL[1]) * z + LOG_TAIL[0];
    let s = s + s;
    s + s * (z * a)
}

/// tanh x.
#[inline(always)]
fn tanh(x: f32) -> f32 {
    let expm1 = expm1_minus_abs(2.0 * x);
    (-expm1 / (2.0 + expm1)).copysign(x)
}

/// e^−|x| − 1.
#[inline(always)]
pub(super) fn expm1_minus_abs(x: f32) -> f32 {
    let x = -x.abs();
    // e⁻⁴⁰ is far below half an ulp of 1.
    let x = if x < -40.0 { -40.0 } else { x };
    let (n, y) = reduce(x);
    let scale = power_of_two(n);
    scale * y + (scale - 1.0)
}

/// n and y = e^r − 1 with x = n ln 2 + r, |r| ≤ ½ ln 2, for |x| ≤ 104.
#[inline(always)]
fn reduce(x: f32) -> (i32, f32) {
    // Adding 1.5 · 2²³ leaves the nearest integer in the low bits of the significand.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts; the first has 9 significant bits, so that its product with n is exact.
    const LN_2_HIGH: f32 = 355.0 / 512.0;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let q = (((EXP_TAIL[4] * r + EXP_TAIL[3]) * r + EXP_TAIL[2]) * r + EXP_TAIL[1]) * r + EXP_TAIL[0];
    let n = shifted.to_bits().wrapping_sub(ROUND.to_bits()) as i32;
    (n, r + (r * r) * q)
}

/// 2ⁿ for −126 ≤ n ≤ 127; other n, which only a NaN produces, give some number.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) << 23) as u32)
}

/// (e^r − 1 − r) / r² on |r| ≤ ½ ln 2; the error of e^r − 1 is 0.24 × 2⁻²⁴ of it.
const EXP_TAIL: [f32; 5] = [
    0.499_999_97,
    0.166_665_39,
    0.041_667_756,
    0.008_367_118,
    0.001_383_553,
];

/// (artanh(s) / s − 1) / s² in powers of s² on 0 ≤ s ≤ 1/3; the error of log(1 + e) is 0.08 × 2⁻²⁴ of it.
const LOG_TAIL: [f32; 4] = [0.333_332_1, 0.200_107_19, 0.140_015_13, 0.140_033_9];

fn check_lengths(x: &[f32], out: &[f32]) {
    let (n, found) = (x.len(), out.len());
    assert_eq!(found, n, "`out` has {found} elements for {n} of `x`");
}

#[cfg(test)]
mod tests;
