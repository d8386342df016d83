//! The numbers that a transfer matrix adds and multiplies: Boltzmann factors themselves, or their logarithms where factors would leave the range of doubles.

use gibbsian_core::math::log_add_exp;

/// Something with the sum and the product of Boltzmann factors.
pub(super) trait Weight: Copy + Send + Sync {
    /// The factor one.
    const ONE: Self;

    /// The factor with this logarithm.
    fn from_log(log: f64) -> Self;

    /// The logarithm.
    fn log(self) -> f64;

    /// The factor as a number.
    fn value(self) -> f64;

    /// The product.
    fn times(self, other: Self) -> Self;

    /// The sum.
    fn plus(self, other: Self) -> Self;

    /// Divides all factors by the largest and returns its logarithm.
    fn rescale(weights: &mut [Self]) -> f64;
}

impl Weight for f64 {
    const ONE: f64 = 1.0;

    fn from_log(log: f64) -> f64 {
        log.exp()
    }

    fn log(self) -> f64 {
        self.ln()
    }

    fn value(self) -> f64 {
        self
    }

    #[inline(always)]
    fn times(self, other: f64) -> f64 {
        self * other
    }

    #[inline(always)]
    fn plus(self, other: f64) -> f64 {
        self + other
    }

    fn rescale(weights: &mut [f64]) -> f64 {
        let largest = weights.iter().copied().fold(0.0, f64::max);
        for w in weights {
            *w /= largest;
        }
        largest.ln()
    }
}

/// A factor as its logarithm.
#[derive(Clone, Copy, Debug)]
pub(super) struct Log(f64);

impl Weight for Log {
    const ONE: Log = Log(0.0);

    fn from_log(log: f64) -> Log {
        Log(log)
    }

    fn log(self) -> f64 {
        self.0
    }

    fn value(self) -> f64 {
        self.0.exp()
    }

    #[inline(always)]
    fn times(self, other: Log) -> Log {
        Log(self.0 + other.0)
    }

    #[inline(always)]
    fn plus(self, other: Log) -> Log {
        Log(log_add_exp(self.0, other.0))
    }

    fn rescale(weights: &mut [Log]) -> f64 {
        let largest = weights.iter().map(|w| w.0).fold(f64::NEG_INFINITY, f64::max);
        for w in weights {
            w.0 -= largest;
        }
        largest
    }
}
