//! Numbers with exponents of their own, and the products of factors over the inner states.

use std::f64::consts::LN_2;

use gibbsian_core::math::log_sum_exp;

/// Hidden units of the inner part.
pub(super) const INNER: usize = 6;
/// Inner states, which are worked on side by side.
pub(super) const LANES: usize = 1 << INNER;
/// Visible units that are multiplied into a product in one pass over its lanes.
pub(super) const UNITS: usize = 8;

/// Numbers for each of a few visible units.
pub(super) type PerUnit = [f64; UNITS];

/// A number for each inner state, where no vector straddles two cache lines.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Row(pub(super) [f64; LANES]);

/// `mantissa · 2^exponent`; the exponent is an integer in a float, because it is computed with as one.
#[derive(Clone, Copy)]
pub(super) struct Scaled {
    mantissa: f64,
    exponent: f64,
}

impl Scaled {
    /// `e^x` for any finite `x`, with a mantissa from 1 to `e`.
    pub(super) fn exp(x: f64) -> Self {
        let exponent = (x / LN_2).floor();
        // For very large `x` the difference is a rounding error and need not lie between zero and log 2.
        let mantissa = (x - exponent * LN_2).clamp(0.0, 1.0).exp();
        Scaled { mantissa, exponent }
    }
}

/// A scaled number for each inner state.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Lanes {
    mantissa: [f64; LANES],
    exponent: [f64; LANES],
}

/// `2^52`: an integer below it, added, stands in the low bits.
const TWO_52: f64 = 4_503_599_627_370_496.0;
const EXPONENT_BIAS: f64 = 1023.0;
const MANTISSA_BITS: u64 = (1 << 52) - 1;

impl Lanes {
    pub(super) const ZERO: Lanes = Lanes {
        mantissa: [0.0; LANES],
        exponent: [f64::MIN; LANES],
    };

    /// `e^x` of finite `x`.
    pub(super) fn exp(x: &[f64]) -> Self {
        Lanes {
            mantissa: std::array::from_fn(|l| Scaled::exp(x[l]).mantissa),
            exponent: std::array::from_fn(|l| Scaled::exp(x[l]).exponent),
        }
    }

    /// Multiplies all lanes by one number.
    #[inline(always)]
    pub(super) fn scale(&mut self, by: &Scaled) {
        for l in 0..LANES {
            self.mantissa[l] *= by.mantissa;
            self.exponent[l] += by.exponent;
        }
    }

    /// Multiplies by the factors `A_i + B_i` of one pack, where `A = outer · middle` and `B = inner`. All the time goes here.
    #[inline(always)]
    pub(super) fn multiply(&mut self, outer: &PerUnit, middle: &PerUnit, inner: &[Row; UNITS]) {
        let a: PerUnit = std::array::from_fn(|k| outer[k] * middle[k]);
        let factor = |k: usize, l: usize| a[k] + inner[k].0[l];
        for l in 0..LANES {
            // A tree of products, so that none has to wait for seven others.
            let even = (factor(0, l) * factor(2, l)) * (factor(4, l) * factor(6, l));
            let odd = (factor(1, l) * factor(3, l)) * (factor(5, l) * factor(7, l));
            self.mantissa[l] *= even * odd;
        }
    }

    /// Moves the exponents of positive, normal mantissas into the counters and leaves mantissas in `[1, 2)`.
    #[inline(always)]
    pub(super) fn take_out_exponents(&mut self) {
        for l in 0..LANES {
            let bits = self.mantissa[l].to_bits();
            let biased = f64::from_bits((bits >> 52) | TWO_52.to_bits()) - TWO_52;
            self.exponent[l] += biased - EXPONENT_BIAS;
            self.mantissa[l] = f64::from_bits((bits & MANTISSA_BITS) | 1.0_f64.to_bits());
        }
    }

    /// Multiplies one lane by a number; mantissas grow until their exponents are taken out.
    pub(super) fn scale_lane(&mut self, lane: usize, by: &Scaled) {
        self.mantissa[lane] *= by.mantissa;
        self.exponent[lane] += by.exponent;
    }

    /// Adds lane by lane.
    #[inline(always)]
    pub(super) fn add(&mut self, term: &Lanes) {
        for l in 0..LANES {
            let (old, new) = (self.exponent[l], term.exponent[l]);
            let exponent = if old > new { old } else { new };
            self.mantissa[l] = self.mantissa[l] * power_of_two(old - exponent)
                + term.mantissa[l] * power_of_two(new - exponent);
            self.exponent[l] = exponent;
        }
    }

    /// The logarithm of the sum over the lanes.
    pub(super) fn log_sum(&self) -> f64 {
        let logs: [f64; LANES] = std::array::from_fn(|l| self.mantissa[l].ln() + self.exponent[l] * LN_2);
        log_sum_exp(&logs)
    }
}

/// `2^n` for an integer `n ≤ 0`; below the normal numbers the smallest of them, which is as good as zero beside a one.
#[inline(always)]
fn power_of_two(n: f64) -> f64 {
    let n = if n > -1022.0 { n } else { -1022.0 };
    f64::from_bits((n + (TWO_52 + EXPONENT_BIAS)).to_bits() << 52)
}
