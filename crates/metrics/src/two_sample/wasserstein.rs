//! Wasserstein distances between samples of numbers, exactly.
//!
//! On the line the optimal transport is monotone: the smallest goes to the smallest. Hence
//!
//! `W_p^p = ∫₀¹ |F⁻¹(u) − G⁻¹(u)|^p du`,
//!
//! and for samples the integrand is constant between the levels `i/N` and `j/M`. They are walked through in order, as integers over
//! `N M`, so that samples of different sizes need no resampling.
//!
//! Source: Villani (2003), "Topics in optimal transportation", theorem 2.18 and the remarks after it.

use gibbsian_core::Result;
use gibbsian_core::error::Error;
use ndarray::ArrayView1;

use super::numbers;

/// `W_p` between the empirical laws of `x` `(N)` and `y` `(M)`, for an `order` `p ≥ 1`.
///
/// # Errors
/// An empty sample, an entry that is not finite, or an order below 1 or not finite.
///
/// ```
/// use gibbsian_metrics::wasserstein;
/// use ndarray::array;
/// let (x, y) = (array![0.0, 1.0], array![3.0]);
/// assert_eq!(wasserstein(x.view(), y.view(), 1.0)?, 2.5);
/// assert_eq!(wasserstein(x.view(), y.view(), 2.0)?, 6.5_f64.sqrt());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn wasserstein(x: ArrayView1<f64>, y: ArrayView1<f64>, order: f64) -> Result<f64> {
    check_order(order)?;
    let (mut x, mut y) = (numbers("x", x)?, numbers("y", y)?);
    Ok(distance(&mut x, &mut y, order))
}

/// A number of the size of the largest of some distances, and not zero: powers of distances divided by it do not overflow, and those that count do not vanish.
pub(super) fn unit(largest: f64, order: f64) -> f64 {
    if order <= 2.0 {
        // Division by a power of two rounds nothing. The logarithm of zero is −∞, and ends at the least unit.
        2f64.powi(largest.log2().round().clamp(-1000.0, 1000.0) as i32)
    } else if largest > 0.0 {
        // High powers of what is left by a power of two may overflow or vanish.
        largest
    } else {
        1.0
    }
}

/// Requires a finite order of at least 1.
pub(super) fn check_order(order: f64) -> Result<()> {
    if order.is_finite() && order >= 1.0 {
        Ok(())
    } else {
        Err(Error::parameter("order", order, "finite and at least 1"))
    }
}

/// `d^p`.
pub(super) fn power(distance: f64, order: f64) -> f64 {
    if order == 1.0 {
        distance
    } else if order == 2.0 {
        distance * distance
    } else {
        distance.powf(order)
    }
}

/// `W_p`; sorts both samples.
pub(super) fn distance(x: &mut [f64], y: &mut [f64], order: f64) -> f64 {
    x.sort_unstable_by(f64::total_cmp);
    y.sort_unstable_by(f64::total_cmp);
    let (n, m) = (x.len() as u64, y.len() as u64);
    // Half of each distance between matched numbers, since that of two large ones may overflow, and how much of N M is moved by it.
    let mut moves = Vec::with_capacity(x.len() + y.len());
    let (mut i, mut j, mut level) = (0, 0, 0);
    while i < n && j < m {
        // The level u N M at which the next of the two quantile functions jumps.
        let (x_jumps, y_jumps) = ((i + 1) * m, (j + 1) * n);
        let next = x_jumps.min(y_jumps);
        let half = (0.5 * x[i as usize] - 0.5 * y[j as usize]).abs();
        moves.push(((next - level) as f64, half));
        level = next;
        i += u64::from(x_jumps == next);
        j += u64::from(y_jumps == next);
    }
    let largest = moves.iter().fold(0.0, |most: f64, (_, half)| most.max(*half));
    let unit = unit(largest, order);
    let total: f64 = moves
        .iter()
        .map(|(mass, half)| mass * power(half / unit, order))
        .sum();
    2.0 * (unit * (total / (n * m) as f64).powf(order.recip()))
}
