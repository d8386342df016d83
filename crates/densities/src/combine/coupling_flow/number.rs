//! Numbers that the layers of a flow are computed with: plain ones, those with a derivative, and those with two and their mixed one.
//!
//! A pass over `x + ε v` with `ε² = 0` carries the derivative along `v` beside every value. Of the backward pass, which gives the score, it is the
//! Jacobian-vector product of the score; of the parameter gradient of `log p` along `u` it is that of `u·s`. One program thus
//! gives all three, and they cannot disagree. Over `x + ε₁ v + ε₂ w + ε₁ε₂ u`, whose two infinitesimals have squares of zero, the mixed part of `log p` is `w·J v + u·s` (hyper-dual numbers, Fike and Alonso 2011), and that of its
//! parameter gradient what exact score matching asks for.

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

/// `value + ε₁ first + ε₂ second + ε₁ε₂ both` with `ε₁² = ε₂² = 0`.
#[derive(Clone, Copy)]
pub(super) struct HyperDual {
    pub(super) value: f64,
    pub(super) first: f64,
    pub(super) second: f64,
    pub(super) both: f64,
}

impl HyperDual {
    pub(super) const fn new(value: f64, first: f64, second: f64, both: f64) -> Self {
        HyperDual {
            value,
            first,
            second,
            both,
        }
    }

    /// A function of it, by its value and first two derivatives.
    #[inline(always)]
    fn through(self, f: f64, slope: f64, curvature: f64) -> Self {
        let both = slope * self.both + curvature * (self.first * self.second);
        HyperDual::new(f, slope * self.first, slope * self.second, both)
    }
}

impl Add for HyperDual {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        HyperDual::new(
            self.value + other.value,
            self.first + other.first,
            self.second + other.second,
            self.both + other.both,
        )
    }
}

impl Sub for HyperDual {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self + other.times(-1.0)
    }
}

impl Mul for HyperDual {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        HyperDual::new(
            self.value * other.value,
            self.value * other.first + self.first * other.value,
            self.value * other.second + self.second * other.value,
            self.value * other.both
                + self.first * other.second
                + self.second * other.first
                + self.both * other.value,
        )
    }
}

impl Number for HyperDual {
    #[inline(always)]
    fn constant(value: f64) -> Self {
        HyperDual::new(value, 0.0, 0.0, 0.0)
    }

    #[inline(always)]
    fn times(self, factor: f64) -> Self {
        HyperDual::new(
            self.value * factor,
            self.first * factor,
            self.second * factor,
            self.both * factor,
        )
    }

    #[inline(always)]
    fn exp(self) -> Self {
        let e = self.value.exp();
        self.through(e, e, e)
    }

    #[inline(always)]
    fn tanh(self) -> Self {
        let t = self.value.tanh();
        let slope = (1.0 - t) * (1.0 + t);
        self.through(t, slope, -2.0 * t * slope)
    }
}
