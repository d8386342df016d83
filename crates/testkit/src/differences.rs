//! Numerical derivatives with an error estimate: Richardson extrapolation of central differences.
//!
//! The central difference `D(h) = (g(h) − g(−h)) / 2h` has an error that is a power series in `h²`. Halving `h`
//! several times and eliminating one power after another gives a triangle of estimates (Richardson 1911; Ridders
//! 1982, "Accurate computation of F'(x) and F'(x) F''(x)"),
//!
//! `T[k][j] = T[k][j−1] + (T[k][j−1] − T[k−1][j−1]) / (4ʲ − 1)`.
//!
//! Each entry has two errors that pull in opposite directions. Truncation is estimated by how far the entry lies from
//! its two parents; rounding is `noise · |g| / h` at the smallest step that enters, times the growth of the weights
//! of the triangle, `Π (4ʲ + 1)/(4ʲ − 1) < 2`. The entry with the smallest sum is taken, for every component on its
//! own. With the steps used here smooth functions of order one are differentiated to 1e-11 – 1e-13.
//!
//! Complex steps would be exact to rounding, but the traits speak `f64`, so they cannot be taken through them. This
//! module is the only place where derivatives are approximated, and it never serves anything but tests.

use ndarray::Array1;

use crate::verdict::Failure;

/// In which precision a model computes, and how sharply its derivatives are therefore held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Precision {
    /// The relative rounding error to expect of one value of the model, a small multiple of the unit roundoff.
    pub noise: f64,
    /// The largest step of the differences, relative to the larger of one and the size of what is moved. The function
    /// must be smooth that far around each probe.
    pub step: f64,
    /// The relative error that is allowed in a derivative, on top of the error of the differences themselves.
    pub relative: f64,
}

impl Precision {
    /// Models that compute in double precision throughout.
    pub const DOUBLE: Precision = Precision {
        noise: 8.0 * f64::EPSILON,
        step: 0.125,
        relative: 1e-12,
    };

    /// Models that compute in single precision inside. Larger steps lose less to rounding.
    pub const SINGLE: Precision = Precision {
        noise: 8.0 * f32::EPSILON as f64,
        step: 0.5,
        relative: 1e-4,
    };

    /// The same precision with smaller or larger differences, for densities that change faster or slower than on a
    /// scale of one.
    pub const fn with_step(self, step: f64) -> Self {
        Precision { step, ..self }
    }

    /// How well two ways to compute the same numbers agree that differ only in the order of operations:
    /// `128 · noise`, relative to the largest number (1024 units of roundoff, the worst case of sums of a thousand
    /// terms).
    pub fn agreement(&self) -> f64 {
        128.0 * self.noise
    }
}

/// A numerical derivative and its two estimated errors.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// The derivative.
    pub value: f64,
    /// How far the extrapolation may still be from its limit.
    pub truncation: f64,
    /// What the rounding of the function may have contributed.
    pub rounding: f64,
}

impl Estimate {
    /// The sum of both errors.
    pub fn error(&self) -> f64 {
        self.truncation + self.rounding
    }

    /// The derivative of a sum of two functions, with the errors added.
    pub fn plus(self, other: Estimate) -> Self {
        Estimate {
            value: self.value + other.value,
            truncation: self.truncation + other.truncation,
            rounding: self.rounding + other.rounding,
        }
    }
}

/// How often the step is halved.
const LEVELS: usize = 8;

/// The derivatives at zero of all components of `g`, a vector-valued function on `[−step, step]`.
///
/// `magnitude` is the size of what `g` adds its argument to, because that sum is rounded too.
///
/// # Errors
/// Those of `g`.
pub fn derivative(
    g: &mut dyn FnMut(f64) -> Result<Array1<f64>, Failure>,
    magnitude: f64,
    precision: Precision,
) -> Result<Vec<Estimate>, Failure> {
    let mut step = precision.step * magnitude.max(1.0);
    let mut previous: Vec<Array1<f64>> = Vec::new();
    let mut best: Vec<Estimate> = Vec::new();
    for level in 0..LEVELS {
        let (above, below) = (g(step)?, g(-step)?);
        let mut row = vec![(&above - &below) / (2.0 * step)];
        // 2 bounds the growth of rounding errors by the weights of the triangle.
        let rounding = Array1::from_shape_fn(above.len(), |i| {
            let moved = magnitude * row[0][i].abs();
            2.0 * precision.noise * (above[i].abs().max(below[i].abs()) + moved) / step
        });
        if level == 0 {
            best = row[0]
                .iter()
                .map(|&value| Estimate {
                    value,
                    truncation: f64::INFINITY,
                    rounding: 0.0,
                })
                .collect();
        }
        for j in 1..=level {
            let factor = 4f64.powi(j as i32) - 1.0;
            let next = &row[j - 1] + &((&row[j - 1] - &previous[j - 1]) / factor);
            for (i, best) in best.iter_mut().enumerate() {
                let from_finer = (next[i] - row[j - 1][i]).abs();
                let from_coarser = (next[i] - previous[j - 1][i]).abs();
                let estimate = Estimate {
                    value: next[i],
                    truncation: from_finer.max(from_coarser),
                    rounding: rounding[i],
                };
                if estimate.error() < best.error() {
                    *best = estimate;
                }
            }
            row.push(next);
        }
        previous = row;
        step /= 2.0;
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn smooth_functions_are_differentiated_within_the_stated_error() {
        let at = 0.7f64;
        let mut g = |t: f64| {
            let x = at + t;
            Ok(array![
                x.exp(),
                (3.0 * x).sin(),
                1.0 / (1.0 + x * x),
                x.powi(5),
                2.0,
                (-20.0 * x * x).exp()
            ])
        };
        let exact = [
            at.exp(),
            3.0 * (3.0 * at).cos(),
            -2.0 * at / (1.0 + at * at).powi(2),
            5.0 * at.powi(4),
            0.0,
            -40.0 * at * (-20.0 * at * at).exp(),
        ];
        let estimates = derivative(&mut g, at, Precision::DOUBLE).unwrap();
        for (estimate, exact) in estimates.iter().zip(exact) {
            let error = (estimate.value - exact).abs();
            assert!(
                error <= estimate.error(),
                "{estimate:?} but exactly {exact}, error {error:e}"
            );
            assert!(
                estimate.error() <= 1e-10 * exact.abs().max(1.0),
                "{estimate:?} is not sharp"
            );
        }
    }

    #[test]
    fn a_kink_shows_in_the_error_estimate() {
        let mut g = |t: f64| Ok(array![(t + 0.01).abs()]);
        let estimate = derivative(
            &mut g,
            0.0,
            Precision {
                step: 0.125,
                ..Precision::DOUBLE
            },
        )
        .unwrap()[0];
        // The finest steps lie on one side of the kink, so that the slope is found; with coarser ones only it cannot be.
        assert!((estimate.value - 1.0).abs() <= estimate.error());
        let mut g = |t: f64| Ok(array![(t + 1e-5).abs()]);
        let estimate = derivative(&mut g, 0.0, Precision::DOUBLE).unwrap()[0];
        assert!(estimate.error() > 1e-5, "{estimate:?}");
    }
}
