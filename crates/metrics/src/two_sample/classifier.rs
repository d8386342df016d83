//! The classifier two-sample test: train something to tell `x` from `y`, and see whether it can.
//!
//! Cross-validated accuracy is ½ for equal laws and means the same in every dimension; what the classifier found can be looked at. Accuracy
//! is **balanced**, the mean of the fraction of `x` and of the fraction of `y` that is recognised, so that unequal sizes do not move it.
//!
//! **The null law is not binomial.** Folds share training points, and a chance difference between two folds is learnt from each and found
//! in the other: right and wrong answers come in groups. `¼ √(1/N + 1/M)`, the error of as many independent answers, is reported for comparison
//! and is too small by up to a half and more; the test permutes labels and cross-validates anew each time, which is exact.
//!
//! Source: Lopez-Paz and Oquab (2017), "Revisiting classifier two-sample tests", section 3; Good (2005) for permutation tests.

use gibbsian_core::error::{check_count, check_each};
use gibbsian_core::parallel::map_blocks;
use gibbsian_core::{Error, Result, Streams};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rand::Rng;
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use super::neighbours::nearest;
use super::{Points, permutation, permutation_p_value, squared_distance};

/// Something that learns to tell points of two laws.
pub trait Classifier: Sync {
    /// The probability, for each row of `test` `(K, D)`, that it is a draw of `y`, learnt from the rows of `train` `(N, D)`.
    ///
    /// Both labels occur in training. ½ is no decision. Other numbers than `K` probabilities are an error of the test.
    ///
    /// # Errors
    /// What the classifier cannot learn from.
    fn probabilities(&self, train: ArrayView2<f64>, is_y: &[bool], test: ArrayView2<f64>)
    -> Result<Vec<f64>>;
}

/// The vote of the `k` nearest points, in the unit of the data.
///
/// Points as far as the `k`-th share the votes that the nearer ones leave: among repeated points an order would decide, and there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NearestNeighbours {
    k: usize,
}

impl NearestNeighbours {
    /// The vote of the `k` nearest training points.
    ///
    /// # Errors
    /// `k` zero.
    pub fn new(k: usize) -> Result<Self> {
        Ok(NearestNeighbours {
            k: check_count("k", k)?,
        })
    }
}

impl Classifier for NearestNeighbours {
    fn probabilities(
        &self,
        train: ArrayView2<f64>,
        is_y: &[bool],
        test: ArrayView2<f64>,
    ) -> Result<Vec<f64>> {
        let (train, test) = (Points::new("train", train, 1)?, Points::new("test", test, 1)?);
        if self.k > train.n() {
            return Err(Error::parameter(
                "k",
                self.k,
                format!("at most {}, the points to learn from", train.n()),
            ));
        }
        let kth = nearest(&test, &train, self.k, false);
        Ok(map_blocks(test.n(), |_, rows| {
            rows.map(|i| self.vote(test.row(i), &train, is_y, kth[i][self.k - 1].0))
                .collect::<Vec<_>>()
        })
        .concat())
    }
}

impl NearestNeighbours {
    /// The share of `y` in the vote at a point whose `k`-th nearest neighbour is at this squared distance.
    fn vote(&self, point: &[f64], train: &Points, is_y: &[bool], kth: f64) -> f64 {
        // Each the number of points and of those of `y` among them.
        let (mut nearer, mut as_far) = ([0, 0], [0, 0]);
        for (row, &is_y) in train.rows().zip(is_y) {
            let distance = squared_distance(point, row);
            if distance < kth {
                nearer = [nearer[0] + 1, nearer[1] + usize::from(is_y)];
            } else if distance == kth {
                as_far = [as_far[0] + 1, as_far[1] + usize::from(is_y)];
            }
        }
        // One division, so that a draw is exactly one half.
        let votes = nearer[1] * as_far[0] + (self.k - nearer[0]) * as_far[1];
        votes as f64 / (self.k * as_far[0]) as f64
    }
}

/// What a classifier could tell.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClassifierTest {
    /// The balanced cross-validated accuracy; a point without a decision counts half.
    pub accuracy: f64,
    /// The probability of an accuracy at least this high between samples of one law.
    pub p_value: f64,
    /// The standard deviation of the accuracy over permuted labels.
    pub null_standard_error: f64,
    /// `¼ √(1/N + 1/M)`, what it would be if answers were independent.
    pub binomial_standard_error: f64,
}

/// Tests whether `classifier` tells `x` `(N, D)` from `y` `(M, D)`, by cross-validation in `n_folds` folds and `n_permutations` relabellings.
///
/// # Errors
/// Points that do not fit or are not finite, fewer of either than folds, fewer than two folds, no permutation, what the classifier refuses, or answers of it that are no probabilities.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_metrics::{NearestNeighbours, classifier_test};
/// use ndarray::Array2;
/// let x = Array2::from_shape_fn((40, 1), |(i, _)| i as f64);
/// let found = classifier_test(x.view(), (&x + 100.0).view(), &NearestNeighbours::new(3)?, 5, 99, &mut Seed::new(1).rng())?;
/// assert_eq!((found.accuracy, found.p_value), (1.0, 0.01));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn classifier_test<C: Classifier + ?Sized>(
    x: ArrayView2<f64>,
    y: ArrayView2<f64>,
    classifier: &C,
    n_folds: usize,
    n_permutations: usize,
    rng: &mut dyn Rng,
) -> Result<ClassifierTest> {
    check_count("n_permutations", n_permutations)?;
    if n_folds < 2 {
        return Err(Error::parameter("n_folds", n_folds, "at least 2"));
    }
    let (x, y) = Points::pair(x, y, n_folds)?;
    let (n, m) = (x.n(), y.n());
    let pooled = x.pooled(&y);
    let streams = Streams::draw(rng);
    let is_y: Vec<bool> = (0..n + m).map(|i| i >= n).collect();
    let accuracy = cross_validate(pooled.view(), &is_y, classifier, n_folds, &mut streams.block(0))?;
    let null: Result<Vec<f64>> = (1..=n_permutations)
        .into_par_iter()
        .map(|b| {
            let mut rng = streams.block(b);
            let mut permuted = vec![false; n + m];
            permutation(n + m, &mut rng)[n..]
                .iter()
                .for_each(|&i| permuted[i] = true);
            cross_validate(pooled.view(), &permuted, classifier, n_folds, &mut rng)
        })
        .collect();
    let null = null?;
    let mean = null.iter().sum::<f64>() / null.len() as f64;
    let squares: f64 = null.iter().map(|a| (a - mean).powi(2)).sum();
    Ok(ClassifierTest {
        accuracy,
        p_value: permutation_p_value(accuracy, &null),
        null_standard_error: (squares / (null.len() as f64 - 1.0)).sqrt(),
        binomial_standard_error: 0.25 * (1.0 / n as f64 + 1.0 / m as f64).sqrt(),
    })
}

/// The balanced accuracy over folds that each hold their share of either label.
fn cross_validate<C: Classifier + ?Sized>(
    points: ArrayView2<f64>,
    is_y: &[bool],
    classifier: &C,
    n_folds: usize,
    rng: &mut dyn Rng,
) -> Result<f64> {
    let order = permutation(is_y.len(), rng);
    let mut fold_of = vec![0; is_y.len()];
    for label in [false, true] {
        let members = order.iter().filter(|&&i| is_y[i] == label);
        members.enumerate().for_each(|(k, &i)| fold_of[i] = k % n_folds);
    }
    let mut right = [0.0; 2];
    for fold in 0..n_folds {
        let (test, train): (Vec<usize>, Vec<usize>) = (0..is_y.len()).partition(|&i| fold_of[i] == fold);
        let labels: Vec<bool> = train.iter().map(|&i| is_y[i]).collect();
        let rows = |indices: &[usize]| -> Array2<f64> { points.select(Axis(0), indices) };
        let probabilities = classifier.probabilities(rows(&train).view(), &labels, rows(&test).view())?;
        if probabilities.len() != test.len() {
            return Err(Error::shape(
                "the classifier's probabilities",
                &[probabilities.len()],
                format!("({}), one a row of `test`", test.len()),
            ));
        }
        let of_test = ArrayView1::from(&probabilities);
        check_each("the classifier's probabilities", of_test, "in [0, 1]", |p| {
            (0.0..=1.0).contains(&p)
        })?;
        for (&i, p) in test.iter().zip(probabilities) {
            right[usize::from(is_y[i])] += if p == 0.5 {
                0.5
            } else {
                f64::from(u8::from((p > 0.5) == is_y[i]))
            };
        }
    }
    let n_y = is_y.iter().filter(|&&label| label).count() as f64;
    Ok(0.5 * (right[0] / (is_y.len() as f64 - n_y) + right[1] / n_y))
}
