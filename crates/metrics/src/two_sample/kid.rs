//! The kernel inception distance: the unbiased MMD² of features with the cubic kernel, averaged over subsets.
//!
//! Like the Fréchet distance it compares moments of features; unlike it, it has no bias for any number of images, and comes with an
//! error. The subsets are drawn without replacement within each, and overlap: their spread over `√n_subsets` is the error of the
//! average given the images, not of the images.
//!
//! Source: Bińkowski, Sutherland, Arbel and Gretton (2018), "Demystifying MMD GANs".

use gibbsian_core::error::check_count;
use gibbsian_core::{Error, Result, Streams};
use ndarray::ArrayView2;
use rand::Rng;
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use super::kernels::PolynomialKernel;
use super::{Points, mean_and_error, mmd, permutation};

/// A kernel inception distance.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct KernelInceptionDistance {
    /// The mean over subsets of the unbiased MMD².
    pub value: f64,
    /// The standard deviation over subsets divided by the root of their number; NaN for a single subset.
    pub standard_error: f64,
}

/// The kernel inception distance between features `x` `(N, D)` and `y` `(M, D)`, over random subsets of `subset_size` of each.
///
/// # Errors
/// Features that do not fit or are not finite, no subset, or a subset size below 2 or above the number of rows.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_metrics::kernel_inception_distance;
/// use ndarray::Array2;
/// let features = Array2::from_shape_fn((60, 3), |(i, d)| ((i * 7 + d * 5) % 13) as f64 / 13.0);
/// let shifted = &features + 1.0;
/// let found = kernel_inception_distance(features.view(), shifted.view(), 10, 20, &mut Seed::new(2).rng())?;
/// assert!(found.value > 10.0 * found.standard_error);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn kernel_inception_distance(
    x: ArrayView2<f64>,
    y: ArrayView2<f64>,
    n_subsets: usize,
    subset_size: usize,
    rng: &mut dyn Rng,
) -> Result<KernelInceptionDistance> {
    check_count("n_subsets", n_subsets)?;
    let (x, y) = Points::pair(x, y, 2)?;
    let most = x.n().min(y.n());
    if !(2..=most).contains(&subset_size) {
        return Err(Error::parameter(
            "subset_size",
            subset_size,
            format!("in [2, {most}]"),
        ));
    }
    let kernel = PolynomialKernel::cubic(x.dim)?;
    let streams = Streams::draw(rng);
    let distances: Vec<f64> = (0..n_subsets)
        .into_par_iter()
        .map(|subset| {
            let mut rng = streams.block(subset);
            let mut choose = |points: &Points| {
                let order = permutation(points.n(), &mut rng);
                Points {
                    values: order[..subset_size]
                        .iter()
                        .flat_map(|&i| points.row(i))
                        .copied()
                        .collect(),
                    dim: points.dim,
                }
            };
            let (x, y) = (choose(&x), choose(&y));
            mmd::of_points(&x, &y, &kernel).unbiased
        })
        .collect();
    let (value, standard_error) = mean_and_error(&distances);
    Ok(KernelInceptionDistance {
        value,
        standard_error,
    })
}
