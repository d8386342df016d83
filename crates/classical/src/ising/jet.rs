//! Numbers that carry their first two derivatives in one variable.

use std::ops::{Add, Mul, Neg, Sub};

/// `f`, `f'` and `f''`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Jet {
    pub value: f64,
    pub first: f64,
    pub second: f64,
}

impl Jet {
    /// A number that does not depend on the variable.
    pub(super) fn constant(value: f64) -> Self {
        Jet {
            value,
            first: 0.0,
            second: 0.0,
        }
    }

    /// `slope · t` at `t = 1`.
    pub(super) fn linear(slope: f64) -> Self {
        Jet {
            value: slope,
            first: slope,
            second: 0.0,
        }
    }

    /// `f(self)` from `f` and its derivatives there.
    fn map(self, [value, first, second]: [f64; 3]) -> Self {
        Jet {
            value,
            first: first * self.first,
            second: second * self.first * self.first + first * self.second,
        }
    }

    pub(super) fn exp(self) -> Self {
        let e = self.value.exp();
        self.map([e, e, e])
    }

    pub(super) fn exp_m1(self) -> Self {
        let e = self.value.exp();
        self.map([self.value.exp_m1(), e, e])
    }

    pub(super) fn ln(self) -> Self {
        let r = self.value.recip();
        self.map([self.value.ln(), r, -r * r])
    }

    pub(super) fn ln_1p(self) -> Self {
        let r = (1.0 + self.value).recip();
        self.map([self.value.ln_1p(), r, -r * r])
    }

    pub(super) fn sqrt(self) -> Self {
        let s = self.value.sqrt();
        self.map([s, 0.5 / s, -0.25 / (s * self.value)])
    }

    pub(super) fn sinh(self) -> Self {
        let (s, c) = (self.value.sinh(), self.value.cosh());
        self.map([s, c, s])
    }

    pub(super) fn asinh(self) -> Self {
        let c = self.value.hypot(1.0);
        self.map([self.value.asinh(), 1.0 / c, -self.value / (c * c * c)])
    }

    /// `|f|`, away from zeros of `f`.
    pub(super) fn abs(self) -> Self {
        if self.value < 0.0 { -self } else { self }
    }
}

impl Add for Jet {
    type Output = Jet;

    fn add(self, other: Jet) -> Jet {
        Jet {
            value: self.value + other.value,
            first: self.first + other.first,
            second: self.second + other.second,
        }
    }
}

impl Neg for Jet {
    type Output = Jet;

    fn neg(self) -> Jet {
        self * -1.0
    }
}

impl Sub for Jet {
    type Output = Jet;

    fn sub(self, other: Jet) -> Jet {
        self + -other
    }
}

impl Mul for Jet {
    type Output = Jet;

    fn mul(self, other: Jet) -> Jet {
        Jet {
            value: self.value * other.value,
            first: self.first * other.value + self.value * other.first,
            second: self.second * other.value + 2.0 * self.first * other.first + self.value * other.second,
        }
    }
}

impl Mul<f64> for Jet {
    type Output = Jet;

    fn mul(self, scale: f64) -> Jet {
        Jet {
            value: scale * self.value,
            first: scale * self.first,
            second: scale * self.second,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_are_those_of_the_functions() {
        // Of f(t²) at t = 0.8, by the chain rule in closed form.
        let t = Jet::linear(0.8);
        let x = Jet {
            value: 0.8,
            first: 1.0,
            second: 0.0,
        };
        assert_eq!(t.first, 0.8);
        let square = x * x;
        let close = |found: Jet, [value, first, second]: [f64; 3]| {
            let expected = [value, first * 1.6, second * 2.56 + first * 2.0];
            for (found, expected) in [found.value, found.first, found.second].iter().zip(expected) {
                assert!((found - expected).abs() < 1e-14, "{found} {expected}");
            }
        };
        let u: f64 = 0.64;
        close(square.exp(), [u.exp(); 3]);
        close(square.exp_m1(), [u.exp_m1(), u.exp(), u.exp()]);
        close(square.ln(), [u.ln(), 1.0 / u, -1.0 / (u * u)]);
        close(square.ln_1p(), [u.ln_1p(), 1.0 / (1.0 + u), -(1.0 + u).powi(-2)]);
        close(square.sqrt(), [0.8, 0.625, -0.25 * u.powf(-1.5)]);
        close(square.sinh(), [u.sinh(), u.cosh(), u.sinh()]);
        close(
            square.asinh(),
            [u.asinh(), (1.0 + u * u).powf(-0.5), -u * (1.0 + u * u).powf(-1.5)],
        );
        close((-square).abs(), [u, 1.0, 0.0]);
        close(square - square * 2.0, [-u, -1.0, 0.0]);
    }
}
