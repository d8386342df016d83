//! Numbers that the layers of a flow are computed with: plain ones, and those with a derivative.
//!
//! A pass over `x + ε v` with `ε² = 0` carries the derivative along `v` beside every value. Of the backward pass, which gives the score, it is the
//! Jacobian-vector product of the score; of the parameter gradient of `log p` along `u` it is that of `u·s`. One program thus
//! gives all three, and they cannot disagree.

use std::ops::{Add, Mul, Sub};

/// What a layer needs of its numbers.
pub(super) trait Number: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    /// A number that does not depend on `x`.
    fn constant(value: f64) -> Self;
    /// The product with a number that does not depend on `x`.
    fn times(self, factor: f64) -> Self;
    fn exp(self) -> Self;
    fn tanh(self) -> Self;
}

impl Number for f64 {
    #[inline(always)]
    fn constant(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn times(self, factor: f64) -> Self {
        self * factor
    }

    #[inline(always)]
    fn exp(self) -> Self {
        f64::exp(self)
    }

    #[inline(always)]
    fn tanh(self) -> Self {
        f64::tanh(self)
    }
}

/// `value + ε tangent` with `ε² = 0`.
#[derive(Clone, Copy)]
pub(super) struct Dual {
    pub(super) value: f64,
    pub(super) tangent: f64,
}

impl Dual {
    pub(super) const fn new(value: f64, tangent: f64) -> Self {
        Dual { value, tangent }
    }
}

impl Add for Dual {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Dual::new(self.value + other.value, self.tangent + other.tangent)
    }
}

impl Sub for Dual {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Dual::new(self.value - other.value, self.tangent - other.tangent)
    }
}

impl Mul for Dual {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Dual::new(
            self.value * other.value,
            self.value * other.tangent + self.tangent * other.value,
        )
    }
}

impl Number for Dual {
    #[inline(always)]
    fn constant(value: f64) -> Self {
        Dual::new(value, 0.0)
    }

    #[inline(always)]
    fn times(self, factor: f64) -> Self {
        Dual::new(self.value * factor, self.tangent * factor)
    }

    #[inline(always)]
    fn exp(self) -> Self {
        let e = self.value.exp();
        Dual::new(e, self.tangent * e)
    }

    #[inline(always)]
    fn tanh(self) -> Self {
        let t = self.value.tanh();
        Dual::new(t, self.tangent * ((1.0 - t) * (1.0 + t)))
    }
}
