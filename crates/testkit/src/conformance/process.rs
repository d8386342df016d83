//! Laws of linear-Gaussian forward processes.

use gibbsian_core::LinearGaussian;
use ndarray::array;

use crate::agreement::Agreement;
use crate::differences::{Precision, derivative};
use crate::verdict::{Verdict, require};

/// Checks [`LinearGaussian`] on a grid of times:
///
/// - data start as they are: `α_0 = 1`, `σ_0 = 0`;
/// - the moments solve the equation: `dα/dt = f α` and `dσ²/dt = 2 f σ² + g²`, against differences;
/// - transitions compose (Chapman and Kolmogorov), and those from `t = 0` are `(α_t, σ_t²)`, to 1e-13;
/// - `σ`, `g`, `λ` are those of `σ²`, `g²`, `α`; `λ` falls, and its inverse inverts it;
/// - times outside `[0, T]` are refused.
///
/// # Errors
/// The first law that does not hold.
pub fn linear_gaussian<P: LinearGaussian + ?Sized>(process: &P) -> Verdict {
    let horizon = process.horizon();
    let times: Vec<f64> = (1..32).map(|k| horizon * f64::from(k) / 32.0).collect();
    require(
        process.alpha(0.0) == 1.0 && process.variance(0.0) == 0.0,
        "data start as they are",
        format_args!("α_0 = {}, σ_0² = {}", process.alpha(0.0), process.variance(0.0)),
    )?;
    moments(process, &times)?;
    transitions(process, &times)?;
    ratios(process, &times)?;
    require(
        process.check_time(0.0).is_ok() && process.check_time(horizon).is_ok(),
        "both ends are times",
        format_args!("T = {horizon}"),
    )?;
    for t in [-f64::MIN_POSITIVE, horizon.next_up(), f64::NAN] {
        require(
            process.check_time(t).is_err() && process.check_times(array![0.0, t].view()).is_err(),
            "times outside [0, T] are refused",
            format_args!("{t} with T = {horizon}"),
        )?;
    }
    Ok(())
}

/// The equations of the moments, where differences of `α` and `σ²` resolve their derivatives.
fn moments<P: LinearGaussian + ?Sized>(process: &P, times: &[f64]) -> Verdict {
    let mut agreement = Agreement::new("the moments solve the equation");
    for &t in times {
        // Steps stay within half of the way to the nearer end.
        let reach = 0.5 * t.min(process.horizon() - t);
        let mut along = |h: f64| {
            let t = t + reach * h;
            Ok(array![process.alpha(t), process.variance(t)])
        };
        let slopes = derivative(&mut along, 0.0, Precision::DOUBLE)?;
        let (f, variance) = (process.drift_rate(t), process.variance(t));
        let fed = process.diffusion_squared(t);
        let alpha_slope = f * process.alpha(t);
        let variance_slope = 2.0 * f * variance + fed;
        // 2 f σ² and g² cancel where the process has forgotten its data.
        let sizes = [alpha_slope.abs(), (2.0 * f * variance).abs() + fed];
        // Times are rounded before α and σ² see them.
        let moved = 4.0 * f64::EPSILON * t / reach;
        for (k, (name, found)) in [("α", alpha_slope), ("σ²", variance_slope)]
            .into_iter()
            .enumerate()
        {
            let (slope, error) = (slopes[k].value / reach, slopes[k].error() / reach);
            let tolerance = (1e-12 + 64.0 * moved) * sizes[k] + 8.0 * error;
            agreement.entry(|| format!("d{name}/dt at {t}"), found, slope, tolerance);
        }
    }
    agreement.finish().map(|_| ())
}

fn transitions<P: LinearGaussian + ?Sized>(process: &P, times: &[f64]) -> Verdict {
    const COMPOSITION: f64 = 1e-13;
    let mut agreement = Agreement::new("transitions compose");
    let mut entry = |what: String, found: f64, expected: f64| {
        agreement.entry(|| what, found, expected, COMPOSITION * expected.abs());
    };
    for &t in times {
        let whole = process.transition(0.0, t);
        entry(format!("α from 0 to {t}"), whole.alpha, process.alpha(t));
        entry(format!("σ² from 0 to {t}"), whole.variance, process.variance(t));
    }
    for (i, &s) in times.iter().enumerate() {
        for (j, &u) in times.iter().enumerate().skip(i + 1) {
            for &t in &times[j + 1..] {
                let (first, second) = (process.transition(s, u), process.transition(u, t));
                let whole = process.transition(s, t);
                let place = format!("from {s} over {u} to {t}");
                entry(format!("α {place}"), second.alpha * first.alpha, whole.alpha);
                let variance = second.variance + second.alpha * second.alpha * first.variance;
                entry(format!("σ² {place}"), variance, whole.variance);
            }
        }
    }
    agreement.finish().map(|_| ())
}

fn ratios<P: LinearGaussian + ?Sized>(process: &P, times: &[f64]) -> Verdict {
    let mut agreement = Agreement::new("σ, g and λ belong to σ², g² and α");
    let mut previous = f64::INFINITY;
    for &t in times {
        let (alpha, variance) = (process.alpha(t), process.variance(t));
        let (sigma, g) = (process.sigma(t), process.diffusion(t));
        agreement.entry(|| format!("σ at {t}"), sigma * sigma, variance, 1e-15 * variance);
        let squared = process.diffusion_squared(t);
        agreement.entry(|| format!("g at {t}"), g * g, squared, 1e-15 * squared);
        let log_snr = process.log_snr(t);
        let expected = 2.0 * alpha.ln() - variance.ln();
        let rounding = 1e-14 * (1.0 + 2.0 * alpha.ln().abs() + variance.ln().abs());
        agreement.entry(|| format!("λ at {t}"), log_snr, expected, rounding);
        require(
            log_snr < previous,
            "λ falls",
            format_args!("{log_snr} at {t} after {previous}"),
        )?;
        previous = log_snr;
        let back = process
            .time_at_log_snr(log_snr)
            .map_err(|e| crate::verdict::Failure::refused("λ has an inverse", &e))?;
        // dλ/dt = −g²/σ².
        let tolerance = 1e-14 * t + rounding * variance / squared;
        agreement.entry(|| format!("the inverse of λ at {t}"), back, t, tolerance);
    }
    agreement.finish().map(|_| ())
}
