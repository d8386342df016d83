//! Positive definite kernels.
//!
//! A radial kernel is a function `φ` of the squared distance, `k(x, y) = φ(|x − y|²)`; with `φ′` and `φ″` it has every derivative that a
//! Stein kernel asks for. The inverse multiquadric decays slowly enough for kernel Stein discrepancies to control convergence in
//! any dimension, where the Gaussian fails from three dimensions on (Gorham and Mackey 2017, theorems 6 and 8).

use gibbsian_core::Result;
use gibbsian_core::error::{Error, check_count, check_non_negative, check_positive, check_within};
use ndarray::ArrayView2;

use super::{Points, squared_distance};

/// A positive definite function of two points.
pub trait PairKernel: Sync {
    /// `k(x, y)` of two points with as many coordinates.
    fn value(&self, x: &[f64], y: &[f64]) -> f64;
}

/// `φ`, `φ′` and `φ″` at a squared distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// `φ(r²)`.
    pub value: f64,
    /// `φ′(r²)`.
    pub first: f64,
    /// `φ″(r²)`.
    pub second: f64,
}

/// A kernel `k(x, y) = φ(|x − y|²)` that is twice differentiable.
pub trait RadialKernel: Sync {
    /// `φ` and its first two derivatives in the squared distance.
    fn profile(&self, squared_distance: f64) -> Profile;
}

impl<K: RadialKernel> PairKernel for K {
    fn value(&self, x: &[f64], y: &[f64]) -> f64 {
        self.profile(squared_distance(x, y)).value
    }
}

/// `k(x, y) = exp(−|x − y|² / 2h²)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaussianKernel {
    bandwidth: f64,
}

impl GaussianKernel {
    /// The Gaussian kernel of bandwidth `h`; [`median_distance`] is a usual choice.
    ///
    /// # Errors
    /// A bandwidth outside [10⁻⁷⁵, 10¹⁵⁰], for which `φ″ ∝ h⁻⁴` or `h²` overflows.
    pub fn new(bandwidth: f64) -> Result<Self> {
        if !(1e-75..=1e150).contains(&bandwidth) {
            return Err(Error::parameter("bandwidth", bandwidth, "in [1e-75, 1e150]"));
        }
        Ok(GaussianKernel { bandwidth })
    }

    /// The bandwidth `h`.
    pub fn bandwidth(&self) -> f64 {
        self.bandwidth
    }
}

impl RadialKernel for GaussianKernel {
    fn profile(&self, squared_distance: f64) -> Profile {
        let half_precision = 0.5 / (self.bandwidth * self.bandwidth);
        let value = (-half_precision * squared_distance).exp();
        Profile {
            value,
            first: -half_precision * value,
            second: half_precision * half_precision * value,
        }
    }
}

/// `k(x, y) = (c² + |x − y|²)^β` with `−1 < β < 0`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InverseMultiquadric {
    c_squared: f64,
    beta: f64,
}

impl InverseMultiquadric {
    /// The inverse multiquadric of offset `c²` and exponent `β`.
    ///
    /// # Errors
    /// `c²` outside [10⁻¹⁰⁰, 10³⁰⁰], below which `φ″ ∝ c^{2(β−2)}` overflows, or `β` outside (−1, 0).
    pub fn new(c_squared: f64, beta: f64) -> Result<Self> {
        if !(1e-100..=1e300).contains(&c_squared) {
            return Err(Error::parameter("c_squared", c_squared, "in [1e-100, 1e300]"));
        }
        if !(beta > -1.0 && beta < 0.0) {
            return Err(Error::parameter("beta", beta, "in (-1, 0)"));
        }
        Ok(InverseMultiquadric { c_squared, beta })
    }
}

impl Default for InverseMultiquadric {
    /// `c² = 1`, `β = −1/2`, the choice of Gorham and Mackey for points of unit scale.
    fn default() -> Self {
        InverseMultiquadric {
            c_squared: 1.0,
            beta: -0.5,
        }
    }
}

impl RadialKernel for InverseMultiquadric {
    fn profile(&self, squared_distance: f64) -> Profile {
        let base = self.c_squared + squared_distance;
        let value = if self.beta == -0.5 {
            1.0 / base.sqrt()
        } else {
            base.powf(self.beta)
        };
        let first = self.beta * value / base;
        Profile {
            value,
            first,
            second: (self.beta - 1.0) * first / base,
        }
    }
}

/// `k(x, y) = (γ x·y + c)^p`: it compares moments up to order `p` and nothing else. Powers that overflow are infinite, and a discrepancy NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PolynomialKernel {
    degree: i32,
    scale: f64,
    offset: f64,
}

impl PolynomialKernel {
    /// The polynomial kernel of degree `p`, scale `γ` and offset `c`.
    ///
    /// # Errors
    /// Degree zero or above 64, a scale that is not positive, or an offset that is negative; either not finite.
    pub fn new(degree: usize, scale: f64, offset: f64) -> Result<Self> {
        check_count("degree", degree)?;
        check_within("degree", degree as f64, 1.0, 64.0)?;
        check_positive("scale", scale)?;
        check_non_negative("offset", offset)?;
        Ok(PolynomialKernel {
            degree: degree as i32,
            scale,
            offset,
        })
    }

    /// `(x·y / D + 1)³`, the kernel of the kernel inception distance on `D` features (Bińkowski et al. 2018).
    ///
    /// # Errors
    /// `D` zero.
    pub fn cubic(dim: usize) -> Result<Self> {
        check_count("dim", dim)?;
        PolynomialKernel::new(3, 1.0 / dim as f64, 1.0)
    }
}

impl PairKernel for PolynomialKernel {
    fn value(&self, x: &[f64], y: &[f64]) -> f64 {
        let product: f64 = x.iter().zip(y).map(|(x, y)| x * y).sum();
        (self.scale * product + self.offset).powi(self.degree)
    }
}

/// The largest number of points whose distances are all taken by [`median_distance`].
const MOST_POINTS: usize = 1024;

/// The median distance between points of `x` `(N, D)` and `y` `(M, D)` pooled, a bandwidth that follows the unit of the data.
///
/// Of more than 1024 points, as many at equal spaces are taken: the median needs no more, and all pairs of them are compared.
///
/// # Errors
/// No points or other dimensions, an entry that is not finite, or a median of zero: more than half of the pairs coincide.
///
/// Source: Gretton, Borgwardt, Rasch, Schölkopf and Smola (2012), "A kernel two-sample test", section 8.
pub fn median_distance(x: ArrayView2<f64>, y: ArrayView2<f64>) -> Result<f64> {
    let (x, y) = Points::pair(x, y, 1)?;
    let pooled = x.pooled(&y);
    let n = pooled.n().min(MOST_POINTS);
    let row = |i: usize| pooled.row(i * pooled.n() / n);
    let mut squares: Vec<f64> = (0..n)
        .flat_map(|i| (0..i).map(move |j| (i, j)))
        .map(|(i, j)| squared_distance(row(i), row(j)))
        .collect();
    let middle = squares.len() / 2;
    let (_, median, _) = squares.select_nth_unstable_by(middle, f64::total_cmp);
    let median = median.sqrt();
    if median > 0.0 {
        Ok(median)
    } else {
        Err(Error::parameter(
            "the median distance",
            median,
            "greater than zero",
        ))
    }
}
