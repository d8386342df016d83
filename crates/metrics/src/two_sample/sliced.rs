//! The sliced Wasserstein distance: transport on the line, along random directions.
//!
//! `SW_p^p = E_θ W_p^p(θ·x, θ·y)` with `θ` uniform on the unit sphere. It is a metric on laws in any dimension and costs a sort a
//! direction, where exact transport costs `O(N³)`. The expectation is a Monte Carlo average over directions, with an error of its own; the error from
//! the samples being finite is not in it, and in high dimension a distance of one coordinate in `D` is diluted by `1/D`.
//!
//! Source: Rabin, Peyré, Delon and Bernot (2012), "Wasserstein barycenter and its application to texture mixing"; Bonneel et al. (2015).

use gibbsian_core::error::check_count;
use gibbsian_core::parallel::map_blocks;
use gibbsian_core::{Result, Streams};
use ndarray::ArrayView2;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::wasserstein::{check_order, distance, power, unit};
use super::{Points, mean_and_error};

/// A sliced Wasserstein distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlicedWasserstein {
    /// `(mean over directions of W_p^p)^{1/p}`.
    pub value: f64,
    /// The standard error over directions, by the delta method; zero for a distance of zero, NaN for a single direction otherwise.
    pub standard_error: f64,
    /// The largest `W_p` of the directions tried, a lower bound of `W_p` itself, as the value is.
    pub largest: f64,
}

/// The sliced `W_p` between `x` `(N, D)` and `y` `(M, D)` along `n_directions` random directions, for an `order` `p ≥ 1`.
///
/// # Errors
/// No points, other dimensions, an entry that is not finite, no direction, or an order below 1.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_metrics::sliced_wasserstein;
/// use ndarray::array;
/// // All directions of one dimension are the same.
/// let found = sliced_wasserstein(array![[0.0]].view(), array![[3.0]].view(), 2.0, 10, &mut Seed::new(1).rng())?;
/// assert!((found.value - 3.0).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn sliced_wasserstein(
    x: ArrayView2<f64>,
    y: ArrayView2<f64>,
    order: f64,
    n_directions: usize,
    rng: &mut dyn Rng,
) -> Result<SlicedWasserstein> {
    check_order(order)?;
    check_count("n_directions", n_directions)?;
    let (x, y) = Points::pair(x, y, 1)?;
    let streams = Streams::draw(rng);
    let distances: Vec<f64> = map_blocks(n_directions, |block, directions| {
        let mut rng = streams.block(block);
        let along = |_| {
            let direction = unit_vector(x.dim, &mut rng);
            distance(&mut project(&x, &direction), &mut project(&y, &direction), order)
        };
        directions.map(along).collect::<Vec<f64>>()
    })
    .concat();
    let largest = distances.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 {
        return Ok(SlicedWasserstein {
            value: 0.0,
            standard_error: 0.0,
            largest,
        });
    }
    let unit = unit(largest, order);
    let powers: Vec<f64> = distances.iter().map(|d| power(d / unit, order)).collect();
    let (mean, error) = mean_and_error(&powers);
    let value = unit * mean.powf(order.recip());
    Ok(SlicedWasserstein {
        value,
        // d(m^{1/p}) = m^{1/p} dm / (p m)
        standard_error: value * error / (order * mean),
        largest,
    })
}

/// A uniform point of the unit sphere.
fn unit_vector(dim: usize, rng: &mut dyn Rng) -> Vec<f64> {
    loop {
        let z: Vec<f64> = (0..dim).map(|_| rng.sample(StandardNormal)).collect();
        let norm = z.iter().map(|z| z * z).sum::<f64>().sqrt();
        if norm > 0.0 {
            return z.into_iter().map(|z| z / norm).collect();
        }
    }
}

fn project(points: &Points, direction: &[f64]) -> Vec<f64> {
    points
        .rows()
        .map(|x| x.iter().zip(direction).map(|(x, u)| x * u).sum())
        .collect()
}
