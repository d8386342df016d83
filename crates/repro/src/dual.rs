//! Dual numbers `a + b ε` with `ε² = 0`: a value that carries its derivative along one direction (Clifford 1871).
//!
//! They differentiate a formula without a second formula and without differences, so they can check a derivation to rounding error.

use std::ops::{Add, Div, Mul, Sub};

/// A value and its derivative.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Dual {
    pub(crate) value: f64,
    pub(crate) slope: f64,
}

impl Dual {
    /// A number that does not move.
    pub(crate) fn constant(value: f64) -> Self {
        Dual { value, slope: 0.0 }
    }

    pub(crate) fn exp(self) -> Self {
        let value = self.value.exp();
        Dual {
            value,
            slope: value * self.slope,
        }
    }

    pub(crate) fn ln(self) -> Self {
        Dual {
            value: self.value.ln(),
            slope: self.slope / self.value,
        }
    }

    /// The sum of many.
    pub(crate) fn sum(terms: impl Iterator<Item = Dual>) -> Self {
        terms.fold(Dual::default(), Add::add)
    }
}

impl Add for Dual {
    type Output = Dual;

    fn add(self, other: Dual) -> Dual {
        Dual {
            value: self.value + other.value,
            slope: self.slope + other.slope,
        }
    }
}

impl Sub for Dual {
    type Output = Dual;

    fn sub(self, other: Dual) -> Dual {
        Dual {
            value: self.value - other.value,
            slope: self.slope - other.slope,
        }
    }
}

impl Mul for Dual {
    type Output = Dual;

    fn mul(self, other: Dual) -> Dual {
        Dual {
            value: self.value * other.value,
            slope: self.slope * other.value + self.value * other.slope,
        }
    }
}

impl Div for Dual {
    type Output = Dual;

    fn div(self, other: Dual) -> Dual {
        let value = self.value / other.value;
        Dual {
            value,
            slope: (self.slope - value * other.slope) / other.value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_is_the_derivative() {
        // f(x) = ln(x e^x + 3) / x − x at x = 0.7, differentiated by hand.
        let x = Dual {
            value: 0.7,
            slope: 1.0,
        };
        let f = (x * x.exp() + Dual::constant(3.0)).ln() / x - x;
        let (x, e) = (0.7_f64, 0.7_f64.exp());
        let inner = x * e + 3.0;
        assert!((f.value - (inner.ln() / x - x)).abs() < 1e-15);
        let slope = (1.0 + x) * e / inner / x - inner.ln() / (x * x) - 1.0;
        assert!((f.slope - slope).abs() < 1e-14, "{} instead of {slope}", f.slope);
    }
}
