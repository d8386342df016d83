//! Summaries that several experiments report.

/// The mean of some numbers and its standard error; the error of a single number is NaN, because nothing tells it.
///
/// ```
/// use gibbsian_repro::statistics::mean_and_error;
/// assert_eq!(mean_and_error([1.0, 3.0].into_iter()), (2.0, 1.0));
/// assert!(mean_and_error([1.0].into_iter()).1.is_nan());
/// ```
pub fn mean_and_error(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    let variance = values.map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}
