//! Sums of very many terms.
//!
//! A picture has 10⁵ pixels and most of its terms are one of a few numbers. Adding the same number over and over rounds the same way every time, so that the error of a plain sum grows with the number of
//! terms and not with its root: some 10⁻⁶ nats where differences of energies are to be trusted to 10⁻⁸.

use std::iter::Sum;

/// A sum with what rounding took from it (Neumaier 1974).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Compensated {
    sum: f64,
    lost: f64,
}

impl Compensated {
    pub(crate) fn add(&mut self, term: f64) {
        let next = self.sum + term;
        self.lost += if self.sum.abs() >= term.abs() {
            (self.sum - next) + term
        } else {
            (term - next) + self.sum
        };
        self.sum = next;
    }

    pub(crate) fn value(self) -> f64 {
        self.sum + self.lost
    }
}

impl Sum<f64> for Compensated {
    fn sum<I: Iterator<Item = f64>>(terms: I) -> Self {
        let mut total = Compensated::default();
        terms.for_each(|term| total.add(term));
        total
    }
}
