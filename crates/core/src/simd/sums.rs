//! Sums of softplus terms: free energies of binary units and their change along a tempered path.
//!
//! A free energy is a sum of some hundred terms log(1 + e^x), and an annealing weight a difference of two such sums at
//! neighbouring inverse temperatures, a thousand times in a row. Summing softplus values in `f32` would leave an error of
//! 2⁻²⁴ of each *term* in every one of the thousand differences. Here
//!
//! - the positive part max(x, 0) goes into the `f64` sum as it is, only log(1 + e^−|x|) ≤ log 2 is computed in `f32`;
//! - the difference is computed as such. With a = |x|, e₀ = e^−β₀a and e₁ = e^−β₁a,
//!   log(1 + e₁) − log(1 + e₀) = 2 artanh((e₁ − e₀) / (2 + e₁ + e₀)), and e₁ − e₀ = e₀ (e^−(β₁−β₀)a − 1) does not cancel.
//!
//! So the error of a difference shrinks with the step, and the errors along a path add up to 2⁻²⁴ of its *length*.
//!
//! Element i is added to accumulator i mod 16, and the sixteen are added in order: the same sum at every level.

use super::elementwise::{exp_minus_abs, expm1_minus_abs, softplus_minus_abs, twice_artanh};
use super::level::{Executable, multiversion};

/// Σᵢ log(1 + exp(xᵢ)).
///
/// The error is at most 4 × 2⁻²⁴ Σ log(1 + e^−|xᵢ|), and 10⁻¹⁵ of the sum for a thousand elements. −∞ adds 0, +∞ gives +∞, NaN
/// gives NaN; the empty sum is 0.
///
/// ```
/// use gibbsian_core::simd::softplus_sum;
/// let free_energy = softplus_sum(&[0.0, f32::NEG_INFINITY, 1000.0]);
/// assert!((free_energy - (1000.0 + 2.0_f64.ln())).abs() < 1e-7);
/// ```
pub fn softplus_sum(x: &[f32]) -> f64 {
    softplus_sum_at(Executable::current(), x)
}

/// Σᵢ log(1 + exp(β₁ xᵢ)) − log(1 + exp(β₀ xᵢ)), the log weight of a step of annealed importance sampling from β₀ to β₁.
///
/// The error is at most 8 × 2⁻²⁴ |β₁ − β₀| Σ |xᵢ|, and exchanging `beta0` and `beta1` changes the sign of the result and
/// nothing else. −∞ marks an absent unit and adds 0 even where β₀ or β₁ is 0; NaN gives NaN.
///
/// # Panics
/// If `beta0` or `beta1` is negative or not finite.
pub fn softplus_scaled_difference_sum(x: &[f32], beta0: f64, beta1: f64) -> f64 {
    for (name, beta) in [("beta0", beta0), ("beta1", beta1)] {
        assert!(
            beta >= 0.0 && beta.is_finite(),
            "`{name}` is {beta}, but must be finite and at least zero"
        );
    }
    if beta1 < beta0 {
        return -difference_sum_at(Executable::current(), x, beta1, beta0);
    }
    difference_sum_at(Executable::current(), x, beta0, beta1)
}

multiversion! {
    fn softplus_sum_at(x: &[f32]) -> f64 = |x| sum_terms(x, Softplus);
}

multiversion! {
    fn difference_sum_at(x: &[f32], beta0: f64, beta1: f64) -> f64 = |x, beta0, beta1| {
        sum_terms(x, Difference { beta0: beta0 as f32, step: beta1 - beta0 })
    };
}

/// A term scale · max(x, 0) + curved(x); −∞ has the term 0.
///
/// A trait rather than a closure because methods can be marked as always inlined; a closure that is not inlined is compiled
/// for the narrowest vectors only.
trait Term: Copy {
    /// The factor of max(x, 0).
    fn scale(self) -> f64;

    /// The rest.
    fn curved(self, x: f32) -> f32;
}

/// log(1 + e^x) = max(x, 0) + log(1 + e^−|x|).
#[derive(Clone, Copy)]
struct Softplus;

impl Term for Softplus {
    #[inline(always)]
    fn scale(self) -> f64 {
        1.0
    }

    #[inline(always)]
    fn curved(self, x: f32) -> f32 {
        softplus_minus_abs(x)
    }
}

/// The difference of two softplus terms, for a step that is not negative.
#[derive(Clone, Copy)]
struct Difference {
    beta0: f32,
    step: f64,
}

impl Term for Difference {
    #[inline(always)]
    fn scale(self) -> f64 {
        self.step
    }

    #[inline(always)]
    fn curved(self, x: f32) -> f32 {
        // The largest finite number stands for ∞ as well, so that 0 · ∞ does not arise; a NaN passes.
        let a = if x.abs() > f32::MAX { f32::MAX } else { x.abs() };
        let e0 = exp_minus_abs(self.beta0 * a);
        let change = e0 * expm1_minus_abs(self.step as f32 * a);
        let s = change / (2.0 + (e0 + (e0 + change)));
        if x == f32::NEG_INFINITY {
            0.0
        } else {
            twice_artanh(s)
        }
    }
}

/// Accumulators: two 512-bit vectors of `f64`.
const LANES: usize = 16;

/// Elements computed together.
const BLOCK: usize = 64;

/// The sum of the elements' terms in `f64`.
#[inline(always)]
fn sum_terms(x: &[f32], term: impl Term) -> f64 {
    let (blocks, tail) = x.as_chunks();
    let mut sums = [0.0; LANES];
    for x in blocks {
        add_block(&mut sums, x, term);
    }
    if !tail.is_empty() {
        let mut x = [f32::NEG_INFINITY; BLOCK];
        x[..tail.len()].copy_from_slice(tail);
        add_block(&mut sums, &x, term);
    }
    sums.iter().sum()
}

/// Adds the terms of one block.
#[inline(always)]
fn add_block(sums: &mut [f64; LANES], x: &[f32; BLOCK], term: impl Term) {
    let mut curved = [0.0; BLOCK];
    for i in 0..BLOCK {
        curved[i] = term.curved(x[i]);
    }
    for start in (0..BLOCK).step_by(LANES) {
        for lane in 0..LANES {
            let x = x[start + lane];
            // A NaN comes back through the curved part.
            let positive = if x > 0.0 { x } else { 0.0 };
            sums[lane] += term.scale() * f64::from(positive) + f64::from(curved[start + lane]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::softplus;

    fn fields(n: usize) -> Vec<f32> {
        (0..n)
            .map(|i| ((i as f32 * 0.618).fract() - 0.5) * 2.0_f32.powi(i as i32 % 13 - 6) * 4.0)
            .collect()
    }

    #[test]
    fn a_sum_is_as_accurate_as_promised_at_every_length() {
        for n in (0..=200).chain([10_000]) {
            let x = fields(n);
            let exact: f64 = x.iter().map(|&x| softplus(f64::from(x))).sum();
            let curved: f64 = x.iter().map(|&x| softplus(-f64::from(x).abs())).sum();
            let error = (softplus_sum(&x) - exact).abs();
            assert!(
                error <= 4.0 * 2.0_f64.powi(-24) * curved + 1e-14 * exact,
                "n = {n}: {error:e}"
            );
        }
    }

    #[test]
    fn each_difference_is_as_accurate_as_promised() {
        // Element by element, where errors of either sign cannot cancel.
        for (beta0, beta1) in [
            (0.0, 1e-3),
            (0.25, 0.251),
            (0.999, 1.0),
            (0.0, 1.0),
            (0.3, 0.9),
            (0.5, 0.5 + 1e-6),
        ] {
            for sign in [-1.0, 1.0] {
                for k in -40..=60 {
                    let x = sign * 1.21_f32.powi(k);
                    let x64 = f64::from(x);
                    let exact = exact_difference(x64, beta0, beta1);
                    let error = (softplus_scaled_difference_sum(&[x], beta0, beta1) - exact).abs();
                    let unit = 2.0_f64.powi(-24) * (beta1 - beta0) * x64.abs();
                    assert!(
                        error <= 8.0 * unit,
                        "x = {x}, {beta0} to {beta1}: {} units",
                        error / unit
                    );
                }
            }
        }
    }

    /// The difference in `f64` by the identity of the module, which the next test ties to the definition.
    fn exact_difference(x: f64, beta0: f64, beta1: f64) -> f64 {
        let (e0, e1) = ((-beta0 * x.abs()).exp(), (-beta1 * x.abs()).exp());
        let change = e0 * (-(beta1 - beta0) * x.abs()).exp_m1();
        (beta1 - beta0) * x.max(0.0) + 2.0 * (change / (2.0 + e0 + e1)).atanh()
    }

    #[test]
    fn differences_add_up_along_a_path() {
        let x = fields(500);
        let exact: f64 = x.iter().map(|&x| softplus(f64::from(x)) - 2.0_f64.ln()).sum();
        let length: f64 = x.iter().map(|x| f64::from(x.abs())).sum();
        let beta = |k: u32| f64::from(k) / 1000.0;
        let path: f64 = (0..1000)
            .map(|k| softplus_scaled_difference_sum(&x, beta(k), beta(k + 1)))
            .sum();
        assert!(
            (path - exact).abs() <= 8.0 * 2.0_f64.powi(-24) * length,
            "{path} against {exact}"
        );
        let back: f64 = (0..1000)
            .map(|k| softplus_scaled_difference_sum(&x, beta(k + 1), beta(k)))
            .sum();
        assert_eq!(back, -path);
    }

    #[test]
    fn all_levels_give_the_same_bits() {
        for n in (0..=200).chain([1000]) {
            let x = fields(n);
            let sums: Vec<_> = Executable::all()
                .map(|level| {
                    let difference = difference_sum_at(level, &x, 0.2, 0.3);
                    (softplus_sum_at(level, &x).to_bits(), difference.to_bits())
                })
                .collect();
            assert!(sums.windows(2).all(|pair| pair[0] == pair[1]), "n = {n}");
        }
    }

    #[test]
    fn special_values() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        assert_eq!(softplus_sum(&[]), 0.0);
        assert_eq!(softplus_sum(&[-inf; 70]), 0.0);
        assert_eq!(softplus_sum(&[inf, -inf, 1.0]), f64::INFINITY);
        assert!(softplus_sum(&[1.0, nan]).is_nan());
        for (beta0, beta1) in [(0.0, 0.5), (0.5, 1.0), (0.7, 0.7)] {
            assert_eq!(softplus_scaled_difference_sum(&[-inf; 70], beta0, beta1), 0.0);
            assert!(softplus_scaled_difference_sum(&[nan, 1.0], beta0, beta1).is_nan());
        }
        assert_eq!(softplus_scaled_difference_sum(&[inf], 0.0, 0.5), f64::INFINITY);
        assert_eq!(softplus_scaled_difference_sum(&[3.0; 5], 0.5, 0.5), 0.0);
        // The largest finite fields behave as their limits.
        let ln_2 = 2.0_f64.ln();
        assert!((softplus_scaled_difference_sum(&[f32::MIN], 0.0, 1.0) + ln_2).abs() < 1e-6);
    }

    #[test]
    #[should_panic(expected = "`beta1` is -0.5")]
    fn a_negative_inverse_temperature_is_refused() {
        softplus_scaled_difference_sum(&[1.0], 0.5, -0.5);
    }
}
