//! Summaries that several experiments report.

use gibbsian_classical::Bernoulli;
use gibbsian_data::Images;

use crate::Result;

/// Independent units with the means of the pixels, the base-rate model of Salakhutdinov and Murray (2008): where annealing starts.
pub fn base_rate(images: &Images) -> Result<Bernoulli> {
    Ok(Bernoulli::matching_means(images.means().view(), images.n(), 1.0)?)
}

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

/// The mean of some numbers less four standard errors: what it is at least, unless chance played a rare trick.
///
/// ```
/// use gibbsian_repro::statistics::cautious_mean;
/// assert_eq!(cautious_mean([1.0, 3.0].into_iter()), -2.0);
/// ```
pub fn cautious_mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let (mean, error) = mean_and_error(values);
    mean - 4.0 * error
}

/// How many of some independent answers are right, with Wilson's (1927) 95 % interval, which holds for small numbers and near 0 and 1 as well.
///
/// ```
/// use gibbsian_repro::statistics::Share;
/// let share = Share::of([true, true, true, false].into_iter());
/// assert_eq!(share.share, 0.75);
/// assert!((share.lower - 0.3006).abs() < 1e-4 && (share.upper - 0.9544).abs() < 1e-4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// The share that is right.
    pub share: f64,
    /// The lower end of the interval.
    pub lower: f64,
    /// The upper end of the interval.
    pub upper: f64,
}

impl Share {
    /// The share of `true`.
    pub fn of(right: impl Iterator<Item = bool> + Clone) -> Self {
        let n = right.clone().count() as f64;
        let share = right.filter(|right| *right).count() as f64 / n;
        let z = gibbsian_core::special::normal_quantile(0.975);
        let centre = (share + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
        Share {
            share,
            lower: centre - half,
            upper: centre + half,
        }
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [share, lower, upper] = [self.share, self.lower, self.upper].map(|s| 100.0 * s);
        write!(f, "{share:.1} % [{lower:.1}, {upper:.1}]")
    }
}

/// The larger of two numbers, or NaN if one of them is.
///
/// Made for the worst of several errors, where `f64::max` would forget a NaN and the claim would hold.
///
/// ```
/// use gibbsian_repro::statistics::larger;
/// assert_eq!([1.0, 3.0, 2.0].into_iter().fold(0.0, larger), 3.0);
/// assert!([1.0, f64::NAN, 2.0].into_iter().fold(0.0, larger).is_nan());
/// ```
pub fn larger(a: f64, b: f64) -> f64 {
    if b.is_nan() || b > a { b } else { a }
}

/// The smaller of two numbers, or NaN if one of them is.
pub fn smaller(a: f64, b: f64) -> f64 {
    if b.is_nan() || b < a { b } else { a }
}

/// The slope of a straight line through points `(x, y, standard error of y)`, weighted by the inverse squares of the errors, and its standard error.
///
/// ```
/// use gibbsian_repro::statistics::weighted_slope;
/// let (slope, error) = weighted_slope(&[(0.0, 1.0, 0.1), (1.0, 3.0, 0.1)]);
/// assert!((slope - 2.0).abs() < 1e-15 && (error - 0.02f64.sqrt()).abs() < 1e-15);
/// ```
pub fn weighted_slope(points: &[(f64, f64, f64)]) -> (f64, f64) {
    let weigh = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        let terms = points.iter().map(|&(x, y, error)| f(x, y) / (error * error));
        terms.sum()
    };
    let centre = weigh(&|x, _| x) / weigh(&|_, _| 1.0);
    let spread = weigh(&|x, _| (x - centre).powi(2));
    let slope = weigh(&|x, y| (x - centre) * y) / spread;
    (slope, spread.sqrt().recip())
}
