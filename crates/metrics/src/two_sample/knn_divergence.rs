//! Divergences from distances to nearest neighbours.
//!
//! The density near a point is about `k / (N V_D ρ_k^D)` with `ρ_k` the distance to the `k`-th neighbour. In the logarithm of a ratio of two
//! such estimates the volume and the bias of the logarithm of `k` cancel:
//!
//! `KL(p ‖ q) ≈ (D/N) Σ log(ν_k(i) / ρ_k(i)) + log(M / (N − 1))`,
//!
//! `ρ_k(i)` the distance of `x_i` within `x`, `ν_k(i)` to `y`. The estimate is consistent; its bias falls as slowly as `N^{−1/D}` and is
//! towards zero where the laws differ in scale, so in tens of dimensions it is a ranking and not a number of nats. It may be negative.
//!
//! Source: Wang, Kulkarni and Verdú (2009), "Divergence estimation for multidimensional densities via k-nearest-neighbor distances".

use gibbsian_core::{Error, Result};
use ndarray::ArrayView2;

use super::Points;
use super::neighbours::kth_distances;

/// Estimates `KL(p ‖ q)` in nats from draws `x` `(N, D)` of `p` and `y` `(M, D)` of `q`, by the `k`-th neighbours.
///
/// # Errors
/// Points that do not fit or are not finite, `k` zero, above `N − 1` or above `M`, or a point of `x` whose `k`-th neighbour coincides with it:
/// draws with repetitions, such as those of a Metropolis chain, have no density to speak of. Thin them.
///
/// ```
/// use gibbsian_metrics::knn_kl_divergence;
/// use ndarray::Array2;
/// // Uniform on [0, 1] and on [0, 2]: ln 2.
/// let grid = |length: f64| Array2::from_shape_fn((1000, 1), |(i, _)| length * (i as f64 + 0.5) / 1000.0);
/// let found = knn_kl_divergence(grid(1.0).view(), (grid(2.0) + 1e-9).view(), 50)?;
/// assert!((found - 2f64.ln()).abs() < 0.05);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn knn_kl_divergence(x: ArrayView2<f64>, y: ArrayView2<f64>, k: usize) -> Result<f64> {
    let (x, y) = Points::pair(x, y, 1)?;
    check_neighbours(k, x.n() - 1, y.n())?;
    let within = distances_within("x", &x, k)?;
    let across = kth_distances(&x, &y, k, false);
    if let Some(i) = across.iter().position(|d| *d == 0.0) {
        return Err(coincides("y", i, k));
    }
    Ok(mean_log_ratio(&x, &across, &within) + (y.n() as f64 / (x.n() as f64 - 1.0)).ln())
}

/// Estimates the Jensen–Shannon divergence `π KL(p ‖ μ) + (1 − π) KL(q ‖ μ)`, `μ = π p + (1 − π) q`, `π = N/(N + M)`, in nats, from draws
/// `x` `(N, D)` of `p` and `y` `(M, D)` of `q`.
///
/// The pooled points are draws of `μ`. For samples of one size it lies between 0 and `ln 2` up to its error.
///
/// # Errors
/// As [`knn_kl_divergence`], for either order.
pub fn knn_jensen_shannon(x: ArrayView2<f64>, y: ArrayView2<f64>, k: usize) -> Result<f64> {
    let (x, y) = Points::pair(x, y, 1)?;
    check_neighbours(k, x.n() - 1, y.n() - 1)?;
    let total = (x.n() + y.n()) as f64;
    let mut divergence = 0.0;
    for (name, own, other) in [("x", &x, &y), ("y", &y, &x)] {
        let within = distances_within(name, own, k)?;
        // The point itself is in the pool and is left out of it.
        let pooled = kth_distances(own, &own.pooled(other), k, true);
        if let Some(i) = pooled.iter().position(|d| *d == 0.0) {
            return Err(coincides(name, i, k));
        }
        let n = own.n() as f64;
        divergence += n / total * (mean_log_ratio(own, &pooled, &within) + ((total - 1.0) / (n - 1.0)).ln());
    }
    Ok(divergence)
}

fn check_neighbours(k: usize, within: usize, across: usize) -> Result<()> {
    let most = within.min(across);
    if (1..=most).contains(&k) {
        Ok(())
    } else {
        Err(Error::parameter(
            "k",
            k,
            format!("in [1, {most}], the number of neighbours there are"),
        ))
    }
}

fn distances_within(name: &'static str, x: &Points, k: usize) -> Result<Vec<f64>> {
    let distances = kth_distances(x, x, k, true);
    match distances.iter().position(|d| *d == 0.0) {
        Some(i) => Err(coincides(name, i, k)),
        None => Ok(distances),
    }
}

fn coincides(name: &'static str, i: usize, k: usize) -> Error {
    Error::parameter(
        name,
        format!("repeated {k} times at point {i}"),
        "without so many repetitions (thin the draws, or take a larger k)",
    )
}

/// `(D/N) Σ log(numerator / denominator)`.
fn mean_log_ratio(x: &Points, numerator: &[f64], denominator: &[f64]) -> f64 {
    let sum: f64 = numerator.iter().zip(denominator).map(|(a, b)| (a / b).ln()).sum();
    x.dim as f64 * sum / x.n() as f64
}
