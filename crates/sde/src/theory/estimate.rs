//! Numbers with an error bar.

use gibbsian_core::Density;
use gibbsian_core::error::{Error, Result};
use ndarray::ArrayView1;
use rand::Rng;

/// The mean of independent draws and its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// The standard deviation of the mean, from the scatter of the draws.
    pub standard_error: f64,
}

impl Estimate {
    /// The mean of `draws`.
    ///
    /// # Errors
    /// Fewer than two draws.
    pub fn of(draws: ArrayView1<f64>) -> Result<Self> {
        if draws.len() < 2 {
            return Err(Error::shape("draws", draws.shape(), "(at least 2)"));
        }
        let n = draws.len() as f64;
        let value = draws.sum() / n;
        let squares: f64 = draws.iter().map(|x| (x - value) * (x - value)).sum();
        Ok(Estimate {
            value,
            standard_error: (squares / (n - 1.0) / n).sqrt(),
        })
    }
}

/// Estimates the total variation `TV(q, p) = E_q[(1 − p/q)₊]` from `n_draws` of `q`.
///
/// Every term is in `[0, 1]`, so that the standard error is at most `1/(2√n)` whatever the dimension.
///
/// # Errors
/// Densities of different dimensions; fewer than two draws.
pub fn total_variation_by_draws<Q, P>(q: &Q, p: &P, n_draws: usize, rng: &mut dyn Rng) -> Result<Estimate>
where
    Q: Density + ?Sized,
    P: Density + ?Sized,
{
    if q.dim() != p.dim() {
        return Err(Error::parameter(
            "p",
            p.dim(),
            format!("on {} dimensions", q.dim()),
        ));
    }
    let x = q.sample(n_draws, rng);
    let log_ratio = p.log_density(x.view()) - q.log_density(x.view());
    // `min` would make zero of NaN, which is no distance.
    let distance = |l: f64| if l.is_nan() { l } else { -l.min(0.0).exp_m1() };
    Estimate::of(log_ratio.mapv(distance).view())
}
