//! The entropy of a sample from the distances to nearest neighbours (Kozachenko and Leonenko 1987).
//!
//! With `ρ_b = min_{c ≠ b} ‖x_b − x_c‖`, `N` points and the volume `c_D = π^{D/2}/Γ(D/2 + 1)` of the unit ball,
//!
//! `Ĥ = ψ(N) − ψ(1) + log c_D + (D/N) Σ_b log ρ_b`
//!
//! in nats: if the density were constant in the ball around `x_b` that holds its neighbour, `ρ_b^D` times that density would have a law that does not depend on it, and `ψ(N) − ψ(1)` is what that law
//! contributes. What remains is a bias by the curvature of the density, which vanishes slowly in many dimensions; its *gradient* in the points is still the direction in which they spread.
//!
//! `Ĥ` moves with the points as the entropy does: not at all under translations and rotations, and by `D log a` when all are scaled by `a`.

use gibbsian_core::special::{digamma, ln_gamma};
use gibbsian_core::{Error, Result};
use ndarray::{ArrayView2, ArrayViewMut2};

/// The estimate `Ĥ` of the entropy of the density that the rows of `x` `(N, D)` are independent draws of, in nats.
///
/// Takes `N²` distances.
///
/// # Errors
/// Fewer than two points, no coordinates, points that coincide (draws of a density do not) or are not finite.
pub fn nearest_neighbour_entropy(x: ArrayView2<f64>) -> Result<f64> {
    check_points(x)?;
    let neighbours = nearest_neighbours(x).map_err(NoDistance::of_points)?;
    Ok(estimate(x, &neighbours))
}

/// The same, and its gradient `∂Ĥ/∂x`, written into `grad` `(N, D)`: every pair of a point and its neighbour is pushed apart, `∂ log ρ_b/∂x_b = (x_b − x_c)/ρ_b²`.
///
/// # Errors
/// Those of [`nearest_neighbour_entropy`].
///
/// # Panics
/// When the shapes differ.
pub fn nearest_neighbour_entropy_and_grad_into(x: ArrayView2<f64>, grad: ArrayViewMut2<f64>) -> Result<f64> {
    check_points(x)?;
    value_and_grad_into(x, grad).map_err(NoDistance::of_points)
}

/// The same of the ends of at least two chains: those that have run away from every number, or onto each other, are no mistake in an argument but an entropy that is not finite.
pub(crate) fn entropy_of_ends_and_grad_into(x: ArrayView2<f64>, grad: ArrayViewMut2<f64>) -> Result<f64> {
    value_and_grad_into(x, grad).map_err(|NoDistance { b, c, squared }| {
        let name = format!("log distance of the ends of chains {c} and {b}");
        Error::non_finite(name, 0.5 * squared.ln(), "in the entropy of the chains")
    })
}

fn value_and_grad_into(x: ArrayView2<f64>, mut grad: ArrayViewMut2<f64>) -> Result<f64, NoDistance> {
    assert_eq!(x.dim(), grad.dim(), "one gradient for every point");
    let neighbours = nearest_neighbours(x)?;
    grad.fill(0.0);
    let factor = x.ncols() as f64 / x.nrows() as f64;
    for (b, &(c, squared)) in neighbours.iter().enumerate() {
        for i in 0..x.ncols() {
            let push = factor * (x[[b, i]] - x[[c, i]]) / squared;
            grad[[b, i]] += push;
            grad[[c, i]] -= push;
        }
    }
    Ok(estimate(x, &neighbours))
}

fn estimate(x: ArrayView2<f64>, neighbours: &[(usize, f64)]) -> f64 {
    let (n, d) = (x.nrows() as f64, x.ncols() as f64);
    let log_ball = 0.5 * d * std::f64::consts::PI.ln() - ln_gamma(0.5 * d + 1.0);
    let log_distances: f64 = neighbours.iter().map(|(_, squared)| 0.5 * squared.ln()).sum();
    digamma(n) - digamma(1.0) + log_ball + d / n * log_distances
}

/// Two points whose squared distance has no logarithm.
struct NoDistance {
    b: usize,
    c: usize,
    squared: f64,
}

impl NoDistance {
    /// The refusal of points that somebody gave.
    fn of_points(self) -> Error {
        let NoDistance { b, c, squared } = self;
        let name = format!("squared distance of x[{c}, ..] and x[{b}, ..]");
        Error::parameter(name, squared, "finite and greater than zero")
    }
}

fn check_points(x: ArrayView2<f64>) -> Result<()> {
    if x.nrows() < 2 || x.ncols() == 0 {
        return Err(Error::shape("x", x.shape(), "(at least 2, at least 1)"));
    }
    Ok(())
}

/// The nearest other point of each, the first of several, and its squared distance.
fn nearest_neighbours(x: ArrayView2<f64>) -> Result<Vec<(usize, f64)>, NoDistance> {
    let squared = |b: usize, c: usize| -> f64 {
        let pairs = x.row(b).into_iter().zip(x.row(c));
        pairs.map(|(a, b)| (a - b) * (a - b)).sum()
    };
    let mut nearest = vec![(0, f64::INFINITY); x.nrows()];
    for b in 0..x.nrows() {
        for c in 0..b {
            let distance = squared(b, c);
            if !(distance > 0.0 && distance.is_finite()) {
                let squared = distance;
                return Err(NoDistance { b, c, squared });
            }
            if distance < nearest[b].1 {
                nearest[b] = (c, distance);
            }
            if distance < nearest[c].1 {
                nearest[c] = (b, distance);
            }
        }
    }
    Ok(nearest)
}
