//! The maximum mean discrepancy: the largest difference of means that a function of unit norm in a kernel's space can show.
//!
//! `MMD² = E k(x, x′) + E k(y, y′) − 2 E k(x, y)`. With a characteristic kernel (Gaussian, inverse multiquadric) it vanishes between equal laws only.
//! The **biased** estimate takes all pairs, is a squared norm and never negative; the **unbiased** one leaves out the pairs of a
//! point with itself and scatters around zero when the laws are equal.
//!
//! The law of either under the hypothesis is a weighted sum of chi-squares with weights that nobody knows; the test permutes labels
//! instead. It holds the kernel between all pairs, `8 (N + M)²` bytes, and needs no new kernel value for a permutation.
//!
//! Source: Gretton, Borgwardt, Rasch, Schölkopf and Smola (2012), "A kernel two-sample test", equations 3 and 5.

use gibbsian_core::error::check_count;
use gibbsian_core::parallel::map_blocks;
use gibbsian_core::{Result, Streams};
use ndarray::ArrayView2;
use rand::Rng;
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use super::kernels::PairKernel;
use super::{Points, permutation, permutation_p_value};

/// Both estimates of a squared maximum mean discrepancy.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Mmd {
    /// The unbiased estimate of `MMD²`, which may be negative.
    pub unbiased: f64,
    /// The biased estimate of `MMD²`, at least zero up to rounding.
    pub biased: f64,
}

impl Mmd {
    /// From sums of the kernel over pairs: of different points within, of each point with itself, and across.
    fn from_sums(within: [f64; 2], own: [f64; 2], across: f64, sizes: [usize; 2]) -> Self {
        let [n, m] = sizes.map(|n| n as f64);
        let across = 2.0 * across / (n * m);
        Mmd {
            unbiased: within[0] / (n * (n - 1.0)) + within[1] / (m * (m - 1.0)) - across,
            biased: (within[0] + own[0]) / (n * n) + (within[1] + own[1]) / (m * m) - across,
        }
    }
}

/// Estimates `MMD²` between the laws of `x` `(N, D)` and `y` `(M, D)`.
///
/// # Errors
/// Fewer than two points, other dimensions, or an entry that is not finite.
///
/// ```
/// use gibbsian_metrics::{GaussianKernel, mmd};
/// use ndarray::array;
/// let (x, y) = (array![[0.0], [1.0]], array![[1.0], [0.0]]);
/// // The same points: the biased estimate is zero, the unbiased one −(1 − k(0, 1)).
/// let found = mmd(x.view(), y.view(), &GaussianKernel::new(1.0)?)?;
/// assert!(found.biased.abs() < 1e-15);
/// assert!((found.unbiased + 1.0 - (-0.5_f64).exp()).abs() < 1e-15);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn mmd<K: PairKernel + ?Sized>(x: ArrayView2<f64>, y: ArrayView2<f64>, kernel: &K) -> Result<Mmd> {
    let (x, y) = Points::pair(x, y, 2)?;
    Ok(of_points(&x, &y, kernel))
}

pub(super) fn of_points<K: PairKernel + ?Sized>(x: &Points, y: &Points, kernel: &K) -> Mmd {
    let (within_x, own_x) = sums_within(x, kernel);
    let (within_y, own_y) = sums_within(y, kernel);
    let pairs = (x.n() * y.n()) as f64;
    let across = pairs * mean_across(x, y, |x, y| kernel.value(x, y));
    Mmd::from_sums([within_x, within_y], [own_x, own_y], across, [x.n(), y.n()])
}

/// The mean of a function over all pairs of a point of `x` and a point of `y`.
pub(super) fn mean_across(x: &Points, y: &Points, f: impl Fn(&[f64], &[f64]) -> f64 + Sync) -> f64 {
    sum_over_rows(x.n(), |i| y.rows().map(|y| f(x.row(i), y)).sum()) / (x.n() * y.n()) as f64
}

/// The kernel's sums over ordered pairs of different points, and over pairs of a point with itself.
fn sums_within<K: PairKernel + ?Sized>(x: &Points, kernel: &K) -> (f64, f64) {
    let below = sum_over_rows(x.n(), |i| (0..i).map(|j| kernel.value(x.row(i), x.row(j))).sum());
    let own = x.rows().map(|x| kernel.value(x, x)).sum();
    (2.0 * below, own)
}

/// The sum of `f(i)` over rows, in parallel over blocks and added in block order.
fn sum_over_rows(n: usize, f: impl Fn(usize) -> f64 + Sync + Send) -> f64 {
    map_blocks(n, |_, rows| rows.map(&f).sum::<f64>())
        .into_iter()
        .sum()
}

/// A maximum mean discrepancy and what permutations of the labels say of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MmdTest {
    /// The estimates.
    pub mmd: Mmd,
    /// The probability of an unbiased estimate at least this large between samples of one law.
    pub p_value: f64,
    /// The unbiased estimates of the permuted samples.
    pub null: Vec<f64>,
}

/// Tests whether `x` `(N, D)` and `y` `(M, D)` come from one law, by `n_permutations` relabellings.
///
/// # Errors
/// As [`mmd`], and no permutation.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_metrics::{GaussianKernel, median_distance, mmd_test};
/// use ndarray::Array2;
/// let x = Array2::from_shape_fn((30, 1), |(i, _)| i as f64);
/// let y = &x + 15.0;
/// let kernel = GaussianKernel::new(median_distance(x.view(), y.view())?)?;
/// let found = mmd_test(x.view(), y.view(), &kernel, 99, &mut Seed::new(2).rng())?;
/// assert_eq!(found.p_value, 0.01);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn mmd_test<K: PairKernel + ?Sized>(
    x: ArrayView2<f64>,
    y: ArrayView2<f64>,
    kernel: &K,
    n_permutations: usize,
    rng: &mut dyn Rng,
) -> Result<MmdTest> {
    check_count("n_permutations", n_permutations)?;
    let (x, y) = Points::pair(x, y, 2)?;
    let streams = Streams::draw(rng);
    let pooled = x.pooled(&y);
    let total = pooled.n();
    let matrix: Vec<f64> = (0..total)
        .into_par_iter()
        .flat_map_iter(|i| {
            let pooled = &pooled;
            // Symmetric to the last bit: the earlier point is the first argument.
            (0..total).map(move |j| kernel.value(pooled.row(i.min(j)), pooled.row(i.max(j))))
        })
        .collect();
    let row = |i: usize| &matrix[i * total..(i + 1) * total];
    let off_diagonal: Vec<f64> = (0..total)
        .map(|i| row(i).iter().sum::<f64>() - row(i)[i])
        .collect();
    let everything: f64 = off_diagonal.iter().sum();
    // The sums within the other group and across follow from those within one: take the smaller.
    let is_x_smaller = x.n() <= y.n();
    let of_labels = |group: &[usize]| {
        let within: f64 = 2.0
            * group
                .iter()
                .enumerate()
                .map(|(k, &i)| group[..k].iter().map(|&j| row(i)[j]).sum::<f64>())
                .sum::<f64>();
        let touching: f64 = group.iter().map(|&i| off_diagonal[i]).sum();
        let own: f64 = group.iter().map(|&i| row(i)[i]).sum();
        let across = touching - within;
        let rest = everything - within - 2.0 * across;
        let own_rest = (0..total).map(|i| row(i)[i]).sum::<f64>() - own;
        Mmd::from_sums(
            [within, rest],
            [own, own_rest],
            across,
            [group.len(), total - group.len()],
        )
    };
    let smaller: Vec<usize> = if is_x_smaller {
        (0..x.n()).collect()
    } else {
        (x.n()..total).collect()
    };
    let observed = of_labels(&smaller);
    let null: Vec<f64> = (0..n_permutations)
        .into_par_iter()
        .map(|b| {
            let mut group = permutation(total, &mut streams.block(b));
            group.truncate(smaller.len());
            of_labels(&group).unbiased
        })
        .collect();
    Ok(MmdTest {
        mmd: observed,
        p_value: permutation_p_value(observed.unbiased, &null),
        null,
    })
}
