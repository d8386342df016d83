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
    let unit = unit(x.iter().chain(&y));
    x.iter_mut().chain(&mut y).for_each(|v| *v /= unit);
    Ok(unit * to_the_power(&mut x, &mut y, order).powf(order.recip()))
}

/// A power of two of the size of the largest of the numbers. Division by it rounds nothing, and powers of what is left neither overflow nor vanish.
pub(super) fn unit<'a>(values: impl Iterator<Item = &'a f64>) -> f64 {
    let largest = values.fold(0.0, |m: f64, v| m.max(v.abs()));
    // The logarithm of zero is −∞, and ends at the least unit.
    2f64.powi(largest.log2().round().clamp(-1000.0, 1000.0) as i32)
}

/// Requires a finite order of at least 1.
pub(super) fn check_order(order: f64) -> Result<()> {
    if order.is_finite() && order >= 1.0 {
        Ok(())
    } else {
        Err(Error::parameter("order", order, "finite and at least 1"))
    }
}

/// `W_p^p`; sorts both samples.
pub(super) fn to_the_power(x: &mut [f64], y: &mut [f64], order: f64) -> f64 {
    x.sort_unstable_by(f64::total_cmp);
    y.sort_unstable_by(f64::total_cmp);
    let cost = |x: f64, y: f64| {
        let distance = (x - y).abs();
        if order == 1.0 {
            distance
        } else if order == 2.0 {
            distance * distance
        } else {
            distance.powf(order)
        }
    };
    let (n, m) = (x.len() as u64, y.len() as u64);
    let (mut i, mut j, mut level, mut total) = (0, 0, 0, 0.0);
    while i < n && j < m {
        // The level u N M at which the next of the two quantile functions jumps.
        let (x_jumps, y_jumps) = ((i + 1) * m, (j + 1) * n);
        let next = x_jumps.min(y_jumps);
        total += (next - level) as f64 * cost(x[i as usize], y[j as usize]);
        level = next;
        i += u64::from(x_jumps == next);
        j += u64::from(y_jumps == next);
    }
    total / (n * m) as f64
}
