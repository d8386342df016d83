//! How parameters begin.

use std::f64::consts::SQRT_2;

use gibbsian_core::Result;
use gibbsian_linalg::Svd;
use ndarray::Array2;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// A distribution of the initial entries of a parameter, by the name that the field gives it.
///
/// The fan-in of a matrix is its number of rows, what each output sums over, and the fan-out its number of columns.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// Zeros: an output layer that begins silent, a bias.
    Zeros,
    /// One number everywhere.
    Constant(f64),
    /// `N(0, deviation²)`.
    Normal {
        /// The standard deviation.
        deviation: f64,
    },
    /// `U(−bound, bound)`.
    Uniform {
        /// The largest absolute value.
        bound: f64,
    },
    /// `N(0, 1/fan-in)`: keeps the variance of a linear layer forwards (LeCun, Bottou, Orr and Müller 1998).
    LeCun,
    /// `U(−b, b)` with `b² = 6/(fan-in + fan-out)`: a compromise of forwards and backwards (Glorot and Bengio 2010, equation 16).
    Glorot,
    /// `N(0, 2/fan-in)`: for activations that let through half of what comes (He, Zhang, Ren and Sun 2015, equation 10).
    He,
    /// A uniformly distributed matrix with orthonormal rows or columns, times a gain (Saxe, McClelland and Ganguli 2014).
    Orthogonal {
        /// The factor.
        gain: f64,
    },
}

impl Init {
    /// Draws a matrix, row by row.
    pub(crate) fn draw(self, (n, m): (usize, usize), rng: &mut dyn Rng) -> Result<Vec<f64>> {
        let normal = |deviation: f64, rng: &mut dyn Rng| -> Vec<f64> {
            (0..n * m)
                .map(|_| deviation * rng.sample::<f64, _>(StandardNormal))
                .collect()
        };
        let uniform = |bound: f64, rng: &mut dyn Rng| -> Vec<f64> {
            (0..n * m)
                .map(|_| bound * (2.0 * rng.random::<f64>() - 1.0))
                .collect()
        };
        let fan_in = n as f64;
        Ok(match self {
            Init::Zeros => vec![0.0; n * m],
            Init::Constant(value) => vec![value; n * m],
            Init::Normal { deviation } => normal(deviation, rng),
            Init::Uniform { bound } => uniform(bound, rng),
            Init::LeCun => normal(fan_in.sqrt().recip(), rng),
            Init::Glorot => uniform((6.0 / (n + m) as f64).sqrt(), rng),
            Init::He => normal(SQRT_2 / fan_in.sqrt(), rng),
            Init::Orthogonal { gain } => {
                // U Vᵀ of a Gaussian matrix: its law does not change under rotations from either side.
                let gaussian = Array2::from_shape_vec((n, m), normal(1.0, rng)).expect("n m numbers");
                let svd = Svd::new("initial weights", gaussian.view())?;
                let rotation = svd.left().dot(&svd.right_transposed());
                rotation.iter().map(|x| gain * x).collect()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::Seed;

    /// Moments of many draws against the law's, within five standard errors.
    #[test]
    fn the_named_laws_have_their_variances() {
        let (n, m) = (300, 200);
        let laws = [
            (Init::Normal { deviation: 0.3 }, 0.09, 3.0),
            (Init::Uniform { bound: 0.6 }, 0.12, 1.8),
            (Init::LeCun, 1.0 / 300.0, 3.0),
            (Init::Glorot, 2.0 / 500.0, 1.8),
            (Init::He, 2.0 / 300.0, 3.0),
        ];
        for (init, variance, kurtosis) in laws {
            let x = init.draw((n, m), &mut Seed::new(1).rng()).unwrap();
            let count = x.len() as f64;
            let mean = x.iter().sum::<f64>() / count;
            let second = x.iter().map(|x| x * x).sum::<f64>() / count;
            assert!(
                mean.abs() < 5.0 * (variance / count).sqrt(),
                "{init:?}: mean {mean}"
            );
            let error = variance * ((kurtosis - 1.0) / count).sqrt();
            assert!(
                (second - variance).abs() < 5.0 * error,
                "{init:?}: {second} for {variance}"
            );
        }
    }

    #[test]
    fn orthogonal_matrices_are_orthogonal_and_scaled() {
        for shape in [(5, 3), (3, 5), (4, 4)] {
            let init = Init::Orthogonal { gain: 2.0 };
            let x = init.draw(shape, &mut Seed::new(2).rng()).unwrap();
            let x = Array2::from_shape_vec(shape, x).unwrap();
            let gram = if shape.0 < shape.1 {
                x.dot(&x.t())
            } else {
                x.t().dot(&x)
            };
            let identity = Array2::<f64>::eye(gram.nrows()) * 4.0;
            assert!((&gram - &identity).iter().all(|e| e.abs() < 1e-13), "{gram}");
        }
    }
}
