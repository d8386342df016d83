//! The kernel Stein discrepancy: a distance of samples from a model that is known by its score alone.
//!
//! Stein's identity `E_p[s(x) f(x) + ∇f(x)] = 0` holds for draws of `p` and every decaying `f`. The discrepancy is the largest violation by
//! functions of unit norm in a kernel's space, and has a closed form, `KSD² = E u(x, x′)` over independent draws of the law at hand, with
//!
//! `u(x, x′) = s(x)·s(x′) k + s(x)·∇_{x′} k + s(x′)·∇_x k + tr ∇_x ∇_{x′} k`.
//!
//! For `k = φ(r²)`, `δ = x − x′`, `r² = |δ|²`: `u = s·s′ φ − 2 φ′ (s − s′)·δ − 2 D φ′ − 4 r² φ″`. No normaliser is needed, and no draws of the model. It
//! sees wrong shapes, and hardly sees wrong weights of modes far apart: the score between them is that of any weights.
//!
//! The **V-statistic** averages over all pairs, the **U-statistic** leaves out those of a point with itself and is unbiased. Under the hypothesis both are
//! degenerate; their law is found by the wild bootstrap, which multiplies points with signs. Signs that flip with
//! probability ½ are for independent draws, seldom flipping ones for chains, whose dependence they then have.
//!
//! Sources: Liu, Lee and Jordan (2016), "A kernelized Stein discrepancy for goodness-of-fit tests", theorem 3.6; Chwialkowski, Strathmann and
//! Gretton (2016), "A kernel test of goodness of fit", section 4; Gorham and Mackey (2017), "Measuring sample quality with kernels".

use gibbsian_core::error::{check_batch, check_count, check_finite, check_shape};
use gibbsian_core::parallel::map_blocks;
use gibbsian_core::{Error, Result, Score, Streams};
use ndarray::ArrayView2;
use rand::{Rng, RngExt};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use crate::two_sample::{Points, RadialKernel, at_least_zero, permutation_p_value, squared_distance};

/// Both estimates of a squared kernel Stein discrepancy.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SteinDiscrepancy {
    /// The unbiased estimate of `KSD²`, which may be negative.
    pub u_statistic: f64,
    /// The estimate of `KSD²` over all pairs, at least zero up to rounding.
    pub v_statistic: f64,
}

impl SteinDiscrepancy {
    /// `KSD = √V`, NaN where `V` is.
    pub fn value(&self) -> f64 {
        at_least_zero(self.v_statistic).sqrt()
    }
}

/// A kernel Stein discrepancy and what the wild bootstrap says of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SteinTest {
    /// The estimates.
    pub discrepancy: SteinDiscrepancy,
    /// The probability of a V-statistic at least this large for draws of the model.
    pub p_value: f64,
    /// The bootstrapped V-statistics.
    pub null: Vec<f64>,
}

/// The kernel Stein discrepancy of points `x` `(N, D)` with scores of the model `(N, D)`.
///
/// # Errors
/// Fewer than two points, scores of another shape, or an entry of either that is not finite (a point outside the model's support has no score).
pub fn kernel_stein_discrepancy<K: RadialKernel + ?Sized>(
    x: ArrayView2<f64>,
    scores: ArrayView2<f64>,
    kernel: &K,
) -> Result<SteinDiscrepancy> {
    let (x, scores) = check(x, scores)?;
    let n = x.n();
    let below: f64 = map_blocks(n, |_, rows| {
        rows.map(|i| {
            (0..i)
                .map(|j| stein_kernel(&x, &scores, kernel, i, j))
                .sum::<f64>()
        })
        .sum::<f64>()
    })
    .into_iter()
    .sum();
    let own: f64 = (0..n).map(|i| stein_kernel(&x, &scores, kernel, i, i)).sum();
    Ok(from_sums(n, 2.0 * below, own))
}

/// The kernel Stein discrepancy of points `x` `(N, D)` from a model.
///
/// # Errors
/// As [`kernel_stein_discrepancy`]; another dimension than the model's.
///
/// ```
/// use gibbsian_core::{Score, Seed, Space};
/// use gibbsian_metrics::{InverseMultiquadric, kernel_stein_discrepancy_from};
/// use ndarray::{Array2, ArrayView2, ArrayViewMut2};
/// use rand::RngExt;
/// use rand_distr::StandardNormal;
///
/// struct Standard;
/// impl Space for Standard {
///     fn dim(&self) -> usize {
///         1
///     }
/// }
/// impl Score for Standard {
///     fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
///         out.assign(&-&x);
///     }
/// }
///
/// let mut rng = Seed::new(3).rng();
/// let x = Array2::from_shape_simple_fn((500, 1), || rng.sample::<f64, _>(StandardNormal));
/// let kernel = InverseMultiquadric::default();
/// let good = kernel_stein_discrepancy_from(&Standard, x.view(), &kernel)?;
/// let shifted = kernel_stein_discrepancy_from(&Standard, (&x + 0.5).view(), &kernel)?;
/// assert!(good.value() < 0.1 && shifted.value() > 0.3);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn kernel_stein_discrepancy_from<S: Score + ?Sized, K: RadialKernel + ?Sized>(
    model: &S,
    x: ArrayView2<f64>,
    kernel: &K,
) -> Result<SteinDiscrepancy> {
    check_batch("x", &x, model.dim())?;
    kernel_stein_discrepancy(x, model.score(x).view(), kernel)
}

/// Tests whether points `x` `(N, D)`, in the order of the chain if they are one, were drawn from the model with these scores `(N, D)`.
///
/// `flip_probability` is that of a change of sign from one point to the next: ½ for independent points, `1/τ` or less for a chain of
/// autocorrelation time `τ`. The kernel between all pairs is held, `4 N²` bytes. In the limit of many points the law of the bootstrap is that of the statistic; for few it is an approximation.
///
/// # Errors
/// As [`kernel_stein_discrepancy`]; no bootstrap sample, or a probability outside (0, 1]: without flips every bootstrap sample would be the statistic.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_metrics::{InverseMultiquadric, kernel_stein_test};
/// use ndarray::Array2;
/// // Evenly spaced points are no draws of N(0, 1), whose score is −x.
/// let x = Array2::from_shape_fn((100, 1), |(i, _)| 0.08 * i as f64 - 4.0);
/// let kernel = InverseMultiquadric::default();
/// let found = kernel_stein_test(x.view(), (-&x).view(), &kernel, 99, 0.5, &mut Seed::new(2).rng())?;
/// assert_eq!(found.p_value, 0.01);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn kernel_stein_test<K: RadialKernel + ?Sized>(
    x: ArrayView2<f64>,
    scores: ArrayView2<f64>,
    kernel: &K,
    n_bootstrap: usize,
    flip_probability: f64,
    rng: &mut dyn Rng,
) -> Result<SteinTest> {
    check_count("n_bootstrap", n_bootstrap)?;
    if !(flip_probability > 0.0 && flip_probability <= 1.0) {
        return Err(Error::parameter(
            "flip_probability",
            flip_probability,
            "in (0, 1]",
        ));
    }
    let (x, scores) = check(x, scores)?;
    let n = x.n();
    let streams = Streams::draw(rng);
    // Row i holds the pairs with the points before it.
    let below: Vec<Vec<f64>> = (0..n)
        .into_par_iter()
        .map(|i| (0..i).map(|j| stein_kernel(&x, &scores, kernel, i, j)).collect())
        .collect();
    let own: f64 = (0..n).map(|i| stein_kernel(&x, &scores, kernel, i, i)).sum();
    let signed = |signs: &[f64]| -> f64 {
        let row = |i: usize| signs[i] * below[i].iter().zip(signs).map(|(u, w)| u * w).sum::<f64>();
        2.0 * (0..n).map(row).sum::<f64>()
    };
    let discrepancy = from_sums(n, signed(&vec![1.0; n]), own);
    let null: Vec<f64> = (0..n_bootstrap)
        .into_par_iter()
        .map(|b| {
            let mut rng = streams.block(b);
            let mut sign = if rng.random::<bool>() { 1.0 } else { -1.0 };
            let signs: Vec<f64> = (0..n)
                .map(|_| {
                    if rng.random::<f64>() < flip_probability {
                        sign = -sign;
                    }
                    sign
                })
                .collect();
            from_sums(n, signed(&signs), own).v_statistic
        })
        .collect();
    Ok(SteinTest {
        discrepancy,
        p_value: permutation_p_value(discrepancy.v_statistic, &null),
        null,
    })
}

fn check(x: ArrayView2<f64>, scores: ArrayView2<f64>) -> Result<(Points, Points)> {
    let points = Points::new("x", x, 2)?;
    check_shape("scores", &scores, x.shape())?;
    check_finite("scores", &scores)?;
    Ok((points, Points::new("scores", scores, 2)?))
}

fn from_sums(n: usize, different: f64, own: f64) -> SteinDiscrepancy {
    let n = n as f64;
    SteinDiscrepancy {
        u_statistic: different / (n * (n - 1.0)),
        v_statistic: (different + own) / (n * n),
    }
}

/// `u(x_i, x_j)`.
fn stein_kernel<K: RadialKernel + ?Sized>(
    x: &Points,
    scores: &Points,
    kernel: &K,
    i: usize,
    j: usize,
) -> f64 {
    let (a, b, s, t) = (x.row(i), x.row(j), scores.row(i), scores.row(j));
    let squared = squared_distance(a, b);
    let profile = kernel.profile(squared);
    let (mut product, mut pull) = (0.0, 0.0);
    for d in 0..a.len() {
        product += s[d] * t[d];
        pull += (s[d] - t[d]) * (a[d] - b[d]);
    }
    product * profile.value - 2.0 * profile.first * (pull + a.len() as f64) - 4.0 * squared * profile.second
}
