//! The inner loops in double precision, a vector at a time.

use gibbsian_core::simd::{Vectorized, vectorized};

use crate::combine::rows::dot;

/// `out_j ← σ(a_j)`, within 4 units in the last place.
///
/// Branch-free, so that it fills vectors; the sigmoid of the standard library's `exp` takes several times as long.
pub(super) fn sigmoids(a: &[f64], out: &mut [f64]) {
    vectorized(Sigmoids(a, out));
}

/// `a · b`.
pub(super) fn product(a: &[f64], b: &[f64]) -> f64 {
    vectorized(Product(a, b))
}

/// Adds `δ h` to `in_outputs`, the gradient in `V_i`, and `δ V_i ∘ h ∘ (1 − h)` to `in_activations`.
pub(super) fn back(
    delta: f64,
    h: &[f64],
    outputs: &[f64],
    in_outputs: &mut [f64],
    in_activations: &mut [f64],
) {
    vectorized(Back {
        delta,
        h,
        outputs,
        in_outputs,
        in_activations,
    });
}

struct Sigmoids<'a>(&'a [f64], &'a mut [f64]);

impl Vectorized for Sigmoids<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (out, &a) in self.1.iter_mut().zip(self.0) {
            // 1 / (1 + e^−a) for positive a, and e^a / (1 + e^a) for negative, so that nothing overflows.
            let e = exp_minus_abs(a);
            let numerator = if a < 0.0 { e } else { 1.0 };
            *out = numerator / (1.0 + e);
        }
    }
}

struct Product<'a>(&'a [f64], &'a [f64]);

impl Vectorized for Product<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        dot(self.0, self.1)
    }
}

struct Back<'a> {
    delta: f64,
    h: &'a [f64],
    outputs: &'a [f64],
    in_outputs: &'a mut [f64],
    in_activations: &'a mut [f64],
}

impl Vectorized for Back<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let inputs = self.h.iter().zip(self.outputs);
        let sums = self.in_outputs.iter_mut().zip(self.in_activations);
        for ((&h, &v), (in_output, in_activation)) in inputs.zip(sums) {
            *in_output += self.delta * h;
            *in_activation += self.delta * v * (h * (1.0 - h));
        }
    }
}

/// `e^−|x|`; what lies below `e^−708`, near the smallest normal number, is taken as that.
#[inline(always)]
fn exp_minus_abs(x: f64) -> f64 {
    // Adding 1.5 · 2⁵² leaves the nearest integer in the low bits of the significand.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    // ln 2 in two parts; the first has 32 significant bits, so that its product with n is exact (Cody and Waite 1980).
    const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let x = -x.abs();
    let x = if x < -708.0 { -708.0 } else { x };
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    // The Taylor series to r¹³: |r| ≤ ½ ln 2, and r¹⁴ / 14! < 2⁻⁵⁷.
    let mut tail = INVERSE_FACTORIALS[0];
    for &coefficient in &INVERSE_FACTORIALS[1..] {
        tail = tail * r + coefficient;
    }
    let exp_r = 1.0 + (r + r * r * tail);
    // 2ⁿ, n ≥ −1022.
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(1023);
    exp_r * f64::from_bits(exponent << 52)
}

/// 1/13!, 1/12!, …, 1/2!.
const INVERSE_FACTORIALS: [f64; 12] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    1.0 / 2.0,
];

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::math::sigmoid;

    #[test]
    fn sigmoids_are_those_of_the_library() {
        // All scales, both signs, and lengths that do not fill a vector.
        let mut a: Vec<f64> = (-400..400)
            .map(|k| f64::from(k).abs() * 0.0173 * 1.01_f64.powi(k) * f64::from(k.signum()))
            .collect();
        a.extend((-7000..7000).map(|k| f64::from(k) * 0.1));
        a.extend([0.0, -0.0, 1e-300, -1e-300, 1e-17, f64::MIN_POSITIVE]);
        for length in [a.len(), 13, 1, 0] {
            let mut out = vec![f64::NAN; length];
            sigmoids(&a[..length], &mut out);
            for (&a, &found) in a.iter().zip(&out) {
                let exact = sigmoid(a);
                assert!(
                    (found - exact).abs() <= 4.0 * f64::EPSILON * exact,
                    "σ({a}) = {found:e}, not {exact:e}"
                );
            }
        }
    }

    #[test]
    fn limits_and_nan() {
        let mut out = [0.0; 5];
        sigmoids(
            &[f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e308, -1e308],
            &mut out,
        );
        assert_eq!([out[0], out[3]], [1.0, 1.0]);
        assert!(out[2].is_nan());
        assert!(out[1] < 1e-307 && out[4] < 1e-307);
    }
}
