//! The inner loops in double precision, a vector at a time.

use gibbsian_core::simd::{Vectorized, exp_lanes, vectorized};

use crate::combine::rows::dot;

/// `out_j ← σ(a_j)`, within 4 units in the last place; the standard library's `exp` would take several times as long.
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
        let (a_blocks, a_tail) = self.0.as_chunks();
        let (out_blocks, out_tail) = self.1.as_chunks_mut();
        for (a, out) in a_blocks.iter().zip(out_blocks) {
            *out = sigmoid_block(a);
        }
        let mut a = [0.0; BLOCK];
        a[..a_tail.len()].copy_from_slice(a_tail);
        out_tail.copy_from_slice(&sigmoid_block(&a)[..a_tail.len()]);
    }
}

/// Elements computed together: enough to hide the latency of the exponential.
const BLOCK: usize = 32;

/// `1 / (1 + e^−a)` for positive `a` and `e^a / (1 + e^a)` for negative, so that nothing overflows.
#[inline(always)]
fn sigmoid_block(a: &[f64; BLOCK]) -> [f64; BLOCK] {
    let mut e = a.map(|a| -a.abs());
    exp_lanes(&mut e);
    for (e, &a) in e.iter_mut().zip(a) {
        let numerator = if a < 0.0 { *e } else { 1.0 };
        *e = numerator / (1.0 + *e);
    }
    e
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
