//! The inception score, from class probabilities.
//!
//! `IS = exp( E_x KL(p(y|x) ‖ p(y)) )` with `p(y) = E_x p(y|x)`: between 1, when the classifier says the same of every image, and the number of
//! classes, when it is sure of each and all classes are equally frequent. It never looks at data, so that a model that has memorised one
//! sharp picture of each class has the best score; Fréchet and kernel distances are to be preferred. It is biased upwards for
//! few images.
//!
//! Source: Salimans, Goodfellow, Zaremba, Cheung, Radford and Chen (2016), "Improved techniques for training GANs", section 4; Barratt and Sharma (2018)
//! for what is wrong with it.

use gibbsian_core::error::{check_count, check_probabilities};
use gibbsian_core::{Error, Result};
use ndarray::{ArrayView2, Axis, s};

use crate::two_sample::mean_and_error;

/// An inception score.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct InceptionScore {
    /// The mean over splits.
    pub value: f64,
    /// Its standard error over splits; NaN for a single split.
    pub standard_error: f64,
}

/// The inception score of class probabilities `(N, K)`, whose rows add up to one, averaged over `n_splits` consecutive splits.
///
/// The last split takes no rows beyond `⌊N / n_splits⌋` either: the score depends on the number of rows.
///
/// # Errors
/// Rows that are no probabilities, no split, or fewer rows than splits.
///
/// ```
/// use gibbsian_metrics::inception_score;
/// use ndarray::Array2;
/// let sure = Array2::<f64>::eye(4);
/// assert!((inception_score(sure.view(), 1)?.value - 4.0).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn inception_score(probabilities: ArrayView2<f64>, n_splits: usize) -> Result<InceptionScore> {
    check_count("n_splits", n_splits)?;
    if probabilities.nrows() < n_splits || probabilities.ncols() == 0 {
        return Err(Error::shape(
            "probabilities",
            probabilities.shape(),
            format!("(at least {n_splits}, at least 1)"),
        ));
    }
    check_probabilities("probabilities", &probabilities)?;
    if let Some((i, row)) = probabilities
        .outer_iter()
        .enumerate()
        .find(|(_, row)| (row.sum() - 1.0).abs() > 1e-6)
    {
        return Err(Error::parameter(
            format!("the sum of probabilities[{i}]"),
            row.sum(),
            "1",
        ));
    }
    let size = probabilities.nrows() / n_splits;
    let scores: Vec<f64> = (0..n_splits)
        .map(|k| {
            let part = probabilities.slice(s![k * size..(k + 1) * size, ..]);
            let marginal = part.sum_axis(Axis(0)) / size as f64;
            let of_row = |row: ndarray::ArrayView1<f64>| -> f64 {
                // 0 log 0 = 0.
                row.iter()
                    .zip(&marginal)
                    .map(|(&p, q)| if p > 0.0 { p * (p / q).ln() } else { 0.0 })
                    .sum()
            };
            (part.outer_iter().map(of_row).sum::<f64>() / size as f64).exp()
        })
        .collect();
    let (value, standard_error) = mean_and_error(&scores);
    Ok(InceptionScore {
        value,
        standard_error,
    })
}
