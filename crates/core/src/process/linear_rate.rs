//! The linear noise rate that the variance-preserving processes share.

use crate::error::{Error, Result, check_non_negative, check_positive};

/// `β_t = β_min + (β_max − β_min) t` on `0 ≤ t ≤ 1`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LinearRate {
    pub(super) minimum: f64,
    pub(super) maximum: f64,
}

impl LinearRate {
    pub(super) fn new(beta_min: f64, beta_max: f64) -> Result<Self> {
        check_non_negative("beta_min", beta_min)?;
        check_positive("beta_max", beta_max)?;
        if beta_max < beta_min {
            return Err(Error::parameter(
                "beta_max",
                beta_max,
                format!("at least beta_min, {beta_min}"),
            ));
        }
        Ok(LinearRate {
            minimum: beta_min,
            maximum: beta_max,
        })
    }

    /// `β_t`.
    pub(super) fn rate(&self, t: f64) -> f64 {
        self.minimum + (self.maximum - self.minimum) * t
    }

    /// `∫ₛᵗ β = (t − s) (β_min + (β_max − β_min) (s + t)/2)`.
    pub(super) fn integral(&self, s: f64, t: f64) -> f64 {
        self.integral_in_two(s, t).high
    }

    /// `exp(−½ ∫ₛᵗ β)`. An error of one rounding in the integral would be one of half its value in the exponential, so it is carried in two numbers.
    pub(super) fn decay(&self, s: f64, t: f64) -> f64 {
        let integral = self.integral_in_two(s, t);
        let leading = (-0.5 * integral.high).exp();
        leading - leading * (0.5 * integral.low)
    }

    /// The `t` with `∫₀ᵗ β = integral`: the root of a quadratic, in the form that does not cancel.
    pub(super) fn time_at_integral(&self, integral: f64) -> f64 {
        let slope = self.maximum - self.minimum;
        let root = (self.minimum * self.minimum + 2.0 * slope * integral).sqrt();
        if integral == 0.0 {
            0.0
        } else {
            2.0 * integral / (self.minimum + root)
        }
    }

    fn integral_in_two(&self, s: f64, t: f64) -> Two {
        let half_slope = Two::sum(0.5 * self.maximum, -0.5 * self.minimum);
        let mean_rate = half_slope.times(Two::sum(t, s)).plus(self.minimum);
        Two::sum(t, -s).times(mean_rate)
    }
}

/// The unevaluated sum of two numbers, the second less than a unit in the last place of the first (Dekker 1971).
#[derive(Clone, Copy)]
struct Two {
    high: f64,
    low: f64,
}

impl Two {
    /// `a + b` without an error (Knuth's TwoSum).
    fn sum(a: f64, b: f64) -> Self {
        let high = a + b;
        let of_b = high - a;
        let low = (a - (high - of_b)) + (b - of_b);
        Two { high, low }
    }

    fn plus(self, b: f64) -> Self {
        let sum = Two::sum(self.high, b);
        Two::sum(sum.high, sum.low + self.low)
    }

    fn times(self, other: Two) -> Self {
        let product = self.high * other.high;
        // The fused operation gives the rounding error of the product exactly.
        let error = self.high.mul_add(other.high, -product);
        Two::sum(product, error + (self.high * other.low + self.low * other.high))
    }
}
