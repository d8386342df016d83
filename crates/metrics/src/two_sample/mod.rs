//! Two sets of points, and whether they come from one law.
//!
//! Every function takes `x` `(N, D)` and `y` `(M, D)`, one point a row. None of these numbers sees everything: each has a notion of
//! distance in it, a kernel, a direction, a neighbourhood, a classifier, and what that notion cannot see it does not report.
//!
//! Work over all pairs of points is cut into blocks of rows and added in block order, so that results have the same bits on any number of
//! threads. Points that are not finite are refused: the position of a NaN among other points has no meaning. So are coordinates beyond
//! 10¹⁵⁰, whose squares overflow; differences below 10⁻¹⁵⁴ have squares that are zero, and count as none.
//!
//! Permutation tests are exact: under the hypothesis that `x` and `y` are independent draws of one law, every relabelling of the
//! pooled points is equally likely, so that `(1 + #{permuted ≥ observed}) / (1 + B)` is at most `α` with probability at most `α`. The draws must be
//! independent: thin chains first.

mod adversarial;
mod classifier;
mod energy_distance;
mod frechet;
mod kernels;
mod kid;
mod knn_divergence;
mod logistic;
mod mmd;
mod neighbours;
mod sliced;
mod wasserstein;

pub use adversarial::{AdversarialAccuracy, adversarial_accuracy};
pub use classifier::{Classifier, ClassifierTest, NearestNeighbours, classifier_test};
pub use energy_distance::{EnergyDistance, energy_distance};
pub use frechet::{frechet_distance, frechet_distance_of_samples};
pub use kernels::{
    GaussianKernel, InverseMultiquadric, PairKernel, PolynomialKernel, Profile, RadialKernel, median_distance,
};
pub use kid::{KernelInceptionDistance, kernel_inception_distance};
pub use knn_divergence::{knn_jensen_shannon, knn_kl_divergence};
pub use logistic::QuadraticLogistic;
pub use mmd::{Mmd, MmdTest, mmd, mmd_test};
pub use sliced::{SlicedWasserstein, sliced_wasserstein};
pub use wasserstein::wasserstein;

use gibbsian_core::error::{check_each, check_finite};
use gibbsian_core::{Error, Result};
use ndarray::{ArrayBase, ArrayView1, ArrayView2, Data, Dimension};
use rand::{Rng, RngExt};

/// The largest coordinate whose square is far from overflowing.
const LARGEST: f64 = 1e150;

/// Points, one after the other in memory.
#[derive(Clone, Debug)]
pub(crate) struct Points {
    values: Vec<f64>,
    dim: usize,
}

impl Points {
    /// Takes at least `fewest` finite points with at least one coordinate.
    pub(crate) fn new(name: &'static str, x: ArrayView2<f64>, fewest: usize) -> Result<Self> {
        if x.nrows() < fewest || x.ncols() == 0 {
            return Err(Error::shape(
                name,
                x.shape(),
                format!("(at least {fewest}, at least 1)"),
            ));
        }
        check_coordinates(name, &x)?;
        Ok(Points {
            values: x.iter().copied().collect(),
            dim: x.ncols(),
        })
    }

    /// Takes `x` and `y`, which must have as many coordinates.
    fn pair(x: ArrayView2<f64>, y: ArrayView2<f64>, fewest: usize) -> Result<(Self, Self)> {
        let x = Points::new("x", x, fewest)?;
        if y.ncols() != x.dim {
            return Err(Error::shape(
                "y",
                y.shape(),
                format!("(at least {fewest}, {}), as `x`", x.dim),
            ));
        }
        Ok((x, Points::new("y", y, fewest)?))
    }

    /// All points of both, those of `self` first.
    fn pooled(&self, other: &Points) -> Points {
        Points {
            values: [self.values.as_slice(), &other.values].concat(),
            dim: self.dim,
        }
    }

    pub(crate) fn n(&self) -> usize {
        self.values.len() / self.dim
    }

    pub(crate) fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.dim..(i + 1) * self.dim]
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.dim)
    }

    fn view(&self) -> ArrayView2<'_, f64> {
        ArrayView2::from_shape((self.n(), self.dim), &self.values).expect("the values are whole rows")
    }
}

/// Requires every entry to be finite, with a square that is.
pub(crate) fn check_coordinates<S: Data<Elem = f64>, D: Dimension>(
    name: &str,
    x: &ArrayBase<S, D>,
) -> Result<()> {
    check_each(name, x.view(), "finite and at most 1e150 in size", |v| {
        v.abs() <= LARGEST
    })
}

/// Takes at least one finite number.
fn numbers(name: &'static str, x: ArrayView1<f64>) -> Result<Vec<f64>> {
    if x.is_empty() {
        return Err(Error::shape(name, x.shape(), "(at least 1)"));
    }
    check_finite(name, &x)?;
    Ok(x.to_vec())
}

/// What is zero or more but for rounding. A NaN stays one, which `f64::max` would make a zero.
pub(crate) fn at_least_zero(value: f64) -> f64 {
    if value < 0.0 { 0.0 } else { value }
}

/// `|x − y|²`.
pub(crate) fn squared_distance(x: &[f64], y: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (x_blocks, x_rest) = x.as_chunks::<4>();
    let (y_blocks, y_rest) = y.as_chunks::<4>();
    for (x, y) in x_blocks.iter().zip(y_blocks) {
        for k in 0..4 {
            sums[k] += (x[k] - y[k]) * (x[k] - y[k]);
        }
    }
    let mut total = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    for (x, y) in x_rest.iter().zip(y_rest) {
        total += (x - y) * (x - y);
    }
    total
}

/// The numbers `0 … n − 1` in a random order (Fisher and Yates).
fn permutation(n: usize, rng: &mut dyn Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, rng.random_range(0..=i));
    }
    order
}

/// `(1 + #{null ≥ observed}) / (1 + B)`. Relabellings that are the same partition may round to a little less than what was observed, and
/// count.
pub(crate) fn permutation_p_value(observed: f64, null: &[f64]) -> f64 {
    let threshold = observed - 1e-12 * observed.abs();
    let n_at_least = null.iter().filter(|v| **v >= threshold).count();
    (1 + n_at_least) as f64 / (1 + null.len()) as f64
}

/// The mean of numbers and its standard error, NaN for one number.
pub(crate) fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0) / n).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::Seed;
    use gibbsian_testkit::stats::{FALSE_ALARM, chi_square};

    #[test]
    fn every_order_is_equally_likely() {
        let mut rng = Seed::new(6).rng();
        let mut counts = [0; 256];
        for _ in 0..24_000 {
            let order = permutation(4, &mut rng);
            counts[order.iter().fold(0, |code, i| 4 * code + i)] += 1;
        }
        let seen: Vec<u64> = counts.into_iter().filter(|n| *n > 0).collect();
        assert_eq!(seen.len(), 24);
        chi_square("orders", &seen, &[1.0 / 24.0; 24]).assert(FALSE_ALARM);
    }
}
