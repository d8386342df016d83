//! Rational functions of one number, by Horner's rule.

/// `p(t) / q(t)`; coefficients ascend.
pub(super) struct Rational<const P: usize, const Q: usize> {
    pub(super) p: [f64; P],
    pub(super) q: [f64; Q],
}

impl<const P: usize, const Q: usize> Rational<P, Q> {
    /// The value at `t`.
    pub(super) fn at(&self, t: f64) -> f64 {
        horner(&self.p, t) / horner(&self.q, t)
    }
}

/// `Σ_k c_k t^k`.
pub(super) fn horner(coefficients: &[f64], t: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * t + c)
}
