//! The maps, each by its logarithm and two derivatives.

use gibbsian_core::math::{sigmoid, softplus};

/// A map `φ` from the real numbers to the positive ones, `g = φ(f)`.
///
/// NaN gives NaN.
pub trait PositiveMap: Sync {
    /// `log φ(f)`; −∞ where `φ(f) = 0`.
    fn log_value(&self, f: f64) -> f64;

    /// `d log φ / df = φ'/φ`; infinite at a zero of `φ`, with the sign of the side that the sign of a zero names.
    fn log_slope(&self, f: f64) -> f64;

    /// `(log φ)'' / ((log φ)')² = φ φ''/φ'² − 1`: by how much `φ` bends less than an exponential.
    ///
    /// It lies in `[−1, 0]` for the maps here, where `(log φ)''` itself would overflow near a zero: a power `φ = |f|^k` has `−1/k` everywhere.
    fn relative_curvature(&self, f: f64) -> f64;
}

/// What holds of a map holds of a reference to it and of a box around it, trait objects included.
macro_rules! through_pointer {
    ($pointer:ty) => {
        impl<P: PositiveMap + ?Sized> PositiveMap for $pointer {
            fn log_value(&self, f: f64) -> f64 {
                (**self).log_value(f)
            }

            fn log_slope(&self, f: f64) -> f64 {
                (**self).log_slope(f)
            }

            fn relative_curvature(&self, f: f64) -> f64 {
                (**self).relative_curvature(f)
            }
        }
    };
}
through_pointer!(&P);
through_pointer!(Box<P>);

/// `φ(f) = exp f`: the Gibbs density of the energy `−f`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exp;

/// `φ(f) = f²`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Square;

/// `φ(f) = |f|`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Absolute;

/// `φ(f) = log(1 + exp f)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Softplus;

impl PositiveMap for Exp {
    fn log_value(&self, f: f64) -> f64 {
        f
    }

    fn log_slope(&self, f: f64) -> f64 {
        constant(1.0, f)
    }

    fn relative_curvature(&self, f: f64) -> f64 {
        constant(0.0, f)
    }
}

impl PositiveMap for Square {
    /// `2 log |f|`, which neither overflows nor underflows where `f²` does.
    fn log_value(&self, f: f64) -> f64 {
        2.0 * f.abs().ln()
    }

    fn log_slope(&self, f: f64) -> f64 {
        2.0 / f
    }

    fn relative_curvature(&self, f: f64) -> f64 {
        constant(-0.5, f)
    }
}

impl PositiveMap for Absolute {
    fn log_value(&self, f: f64) -> f64 {
        f.abs().ln()
    }

    fn log_slope(&self, f: f64) -> f64 {
        f.recip()
    }

    fn relative_curvature(&self, f: f64) -> f64 {
        constant(-1.0, f)
    }
}

/// Every formula has one form below zero, in `e = exp f ≤ 1`, and one above, in `e = exp(−f)`. Below, `log(1 + e) = e (1 − r)` with a remainder `r`
/// that vanishes with `e`: then nothing underflows before `f` itself is the answer.
impl PositiveMap for Softplus {
    /// `log log(1 + exp f)`, which is `f − ½ exp f` far below zero.
    fn log_value(&self, f: f64) -> f64 {
        if f < 0.0 {
            f + (-remainder(f.exp())).ln_1p()
        } else {
            softplus(f).ln()
        }
    }

    /// `σ(f) / log(1 + exp f)`: 1 at −∞, 0 at +∞.
    fn log_slope(&self, f: f64) -> f64 {
        if f < 0.0 {
            let e = f.exp();
            1.0 / ((1.0 + e) * (1.0 - remainder(e)))
        } else {
            sigmoid(f) / softplus(f)
        }
    }

    /// `exp(−f) log(1 + exp f) − 1`: 0 at −∞, −1 at +∞.
    fn relative_curvature(&self, f: f64) -> f64 {
        if f < 0.0 {
            -remainder(f.exp())
        } else {
            let e = (-f).exp();
            // At +∞ the product is 0 · ∞.
            if e == 0.0 { -1.0 } else { e * softplus(f) - 1.0 }
        }
    }
}

/// `1 − log(1 + e)/e` for `0 ≤ e ≤ 1`, to the last digits also where `e` is small.
///
/// With `s = e/(2 + e)`, `log(1 + e) = 2 artanh s = 2s + 2s³ (1/3 + s²/5 + s⁴/7 + …)` and `e = 2s/(1 − s)`, so that
/// `1 − log(1 + e)/e = s − s² (1 − s) (1/3 + s²/5 + …)`, whose second term is less than a tenth of the first.
fn remainder(e: f64) -> f64 {
    // s² ≤ 1/9, and the first term left out is below ε/10 of the sum.
    const N_TERMS: i32 = 17;
    let s = e / (2.0 + e);
    let s2 = s * s;
    let series = (0..N_TERMS)
        .rev()
        .fold(0.0, |sum, k| sum * s2 + 1.0 / f64::from(2 * k + 3));
    s - s2 * (1.0 - s) * series
}

/// The constant, or NaN for NaN.
fn constant(value: f64, f: f64) -> f64 {
    if f.is_nan() { f } else { value }
}
