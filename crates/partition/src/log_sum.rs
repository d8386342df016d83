//! Sums of numbers that are only known by their logarithms.
//!
//! `log Σ exp(l_i)` is kept as the largest term seen and the sum relative to it, so that it neither overflows nor needs a
//! second pass. Merging two partial sums in a fixed order gives the same bits on any number of threads. The relative error of
//! the sum of `n` terms is at most about `n ε` and typically `√n ε`; sums over many states are therefore taken in blocks.

/// A running `log Σ exp(l_i)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogSum {
    largest: f64,
    /// `Σ exp(l_i − largest)`; zero while nothing but `−∞` was added.
    relative: f64,
}

impl LogSum {
    /// The empty sum, `log 0 = −∞`.
    pub(crate) const EMPTY: LogSum = LogSum {
        largest: f64::NEG_INFINITY,
        relative: 0.0,
    };

    /// Adds `exp(log_term)`; `−∞` adds nothing, and NaN or `+∞` must have been refused before.
    pub(crate) fn add(&mut self, log_term: f64) {
        self.merge(LogSum {
            largest: log_term,
            relative: if log_term == f64::NEG_INFINITY { 0.0 } else { 1.0 },
        });
    }

    /// Adds another partial sum.
    pub(crate) fn merge(&mut self, other: LogSum) {
        if other.relative == 0.0 {
            return;
        }
        if other.largest <= self.largest {
            self.relative += other.relative * (other.largest - self.largest).exp();
        } else {
            self.relative = other.relative + self.relative * (self.largest - other.largest).exp();
            self.largest = other.largest;
        }
    }

    /// `log Σ exp(l_i)`.
    pub(crate) fn value(self) -> f64 {
        self.largest + self.relative.ln()
    }
}

/// `log (1/n) Σ exp(l_i)`.
pub(crate) fn log_mean_exp(values: &[f64]) -> f64 {
    let mut sum = LogSum::EMPTY;
    for &value in values {
        sum.add(value);
    }
    sum.value() - (values.len() as f64).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_far_outside_the_range_of_exp_are_summed() {
        let mut sum = LogSum::EMPTY;
        assert_eq!(sum.value(), f64::NEG_INFINITY);
        for l in [
            f64::NEG_INFINITY,
            -2000.0,
            -1000.0,
            1000.0,
            f64::NEG_INFINITY,
            1000.0,
        ] {
            sum.add(l);
        }
        assert!((sum.value() - (1000.0 + 2f64.ln())).abs() < 1e-12);
        assert!((log_mean_exp(&[-5000.0, -5000.0]) + 5000.0).abs() < 1e-12);
    }

    #[test]
    fn merging_parts_equals_adding_terms() {
        let terms: Vec<f64> = (0..1000).map(|i| (f64::from(i) * 0.7).sin() * 30.0).collect();
        let direct = terms.iter().map(|l| l.exp()).sum::<f64>().ln();
        let mut merged = LogSum::EMPTY;
        for part in terms.chunks(37) {
            let mut sum = LogSum::EMPTY;
            part.iter().for_each(|&l| sum.add(l));
            merged.merge(sum);
        }
        assert!((merged.value() - direct).abs() < 1e-12);
    }
}
