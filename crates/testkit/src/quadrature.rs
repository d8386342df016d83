//! Integrals over the support of one continuous unit.
//!
//! Double-exponential quadrature (Takahasi and Mori 1974): a half-line is mapped by `x = exp(½π sinh t)` and a finite
//! interval by `x = ½(a + b) + ½(b − a) tanh(½π sinh t)`, after which the trapezoidal rule converges exponentially,
//! whatever happens at the ends. The line is taken as two half-lines, because energies of rectified and
//! double-rectified units have a kink at zero.

use std::f64::consts::FRAC_PI_2;

/// Where a unit lives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Support {
    /// All real numbers.
    Line,
    /// The numbers from zero upwards.
    HalfLine,
    /// A finite interval.
    Interval(f64, f64),
}

impl Support {
    /// The support that `admits` describes: the line, the half-line, `[−1, 1]` or `[0, 1]`.
    pub fn of(admits: impl Fn(f64) -> bool) -> Self {
        if admits(-1e6) {
            Support::Line
        } else if admits(1e6) {
            Support::HalfLine
        } else if admits(-0.5) {
            Support::Interval(-1.0, 1.0)
        } else {
            Support::Interval(0.0, 1.0)
        }
    }

    /// Nodes in rising order and weights, with step `h` in the mapped variable.
    pub fn rule(self, h: f64) -> (Vec<f64>, Vec<f64>) {
        let n = (4.0 / h) as i32;
        let mapped = (-n..=n).map(|k| {
            let t = f64::from(k) * h;
            (FRAC_PI_2 * t.sinh(), h * FRAC_PI_2 * t.cosh())
        });
        let upper = mapped.clone().map(|(u, w)| (u.exp(), w * u.exp()));
        let pairs: Vec<(f64, f64)> = match self {
            Support::HalfLine => upper.collect(),
            Support::Line => upper.clone().rev().map(|(x, w)| (-x, w)).chain(upper).collect(),
            Support::Interval(a, b) => {
                let half = 0.5 * (b - a);
                mapped
                    .map(|(u, w)| (0.5 * (a + b) + half * u.tanh(), half * w / u.cosh().powi(2)))
                    .collect()
            }
        };
        pairs.into_iter().unzip()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    fn integrate(support: Support, f: impl Fn(f64) -> f64) -> f64 {
        let (x, w) = support.rule(1.0 / 64.0);
        x.into_iter().zip(w).map(|(x, w)| w * f(x)).sum()
    }

    #[test]
    fn integrals_with_closed_forms() {
        for (found, exact) in [
            (
                integrate(Support::Line, |x| (-0.5 * (x - 3.0) * (x - 3.0)).exp()),
                (2.0 * PI).sqrt(),
            ),
            (
                integrate(Support::Line, |x| (-x.abs() - 0.5 * x).exp()),
                1.0 / 1.5 + 1.0 / 0.5,
            ),
            (integrate(Support::HalfLine, |x| (-4.0 * x).exp()), 0.25),
            (
                integrate(Support::HalfLine, |x| (-0.5 * x * x).exp()),
                (0.5 * PI).sqrt(),
            ),
            (
                integrate(Support::Interval(0.0, 1.0), |x| (-4.0 * x).exp()),
                (1.0 - (-4f64).exp()) / 4.0,
            ),
            (integrate(Support::Interval(-1.0, 1.0), |x| x * x), 2.0 / 3.0),
        ] {
            assert!((found / exact - 1.0).abs() < 1e-11, "{found} instead of {exact}");
        }
    }

    #[test]
    fn nodes_rise() {
        for support in [Support::Line, Support::HalfLine, Support::Interval(0.0, 1.0)] {
            assert!(support.rule(0.25).0.is_sorted());
        }
    }
}
