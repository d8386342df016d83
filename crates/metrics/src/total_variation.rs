//! Total variation between a histogram and exact cell masses, and how large it is for perfect samples.
//!
//! `TV = ½ Σ_c |n_c/N − p_c|`. It is never zero for a finite sample: `N` perfect draws into cells of equal mass have about
//! `√(K / 2πN)`, and a sampler cannot be blamed for that. So a distance comes with its **floor**, the expectation for `N` independent draws, which is
//! exact: the mean absolute deviation of a binomial count is (De Moivre 1730)
//!
//! `E|n − N p| = 2 ν (1 − p) b(ν)`, `ν = ⌊N p⌋ + 1`, `b` the probability of the count `ν`.
//!
//! One draw changes the distance by at most `1/N`, so by McDiarmid's inequality it exceeds its floor by `ε` with probability at
//! most `exp(−2 N ε²)`: a p-value that holds for every `N` and every set of cells.
//!
//! Source: Diaconis and Zabell (1991), "Closed form summation for classical distributions", for De Moivre's formula; McDiarmid (1989).

use std::f64::consts::PI;

use gibbsian_core::error::{check_each, check_positive};
use gibbsian_core::special::{deviance, stirling_error};
use gibbsian_core::{Error, Result};
use ndarray::{ArrayView1, ArrayView2};

/// Counts of as many cells take 32 gibibytes.
const MOST_CELLS: u64 = 1 << 32;

/// A box of `D` dimensions cut into equal cells, and one more cell for all that lies outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    lower: Vec<f64>,
    upper: Vec<f64>,
    n_bins: Vec<usize>,
}

impl Grid {
    /// The box from `lower` to `upper` `(D)` with `n_bins` `(D)` cells along each axis.
    ///
    /// # Errors
    /// No dimension or different numbers of them, ends that are not finite or not in order, no cell along an axis, or more than 2³² cells, whose
    /// counts alone take 32 gibibytes.
    ///
    /// ```
    /// use gibbsian_metrics::Grid;
    /// use ndarray::array;
    /// let grid = Grid::new(&[0.0, 0.0], &[1.0, 1.0], &[2, 1])?;
    /// assert_eq!(grid.counts(array![[0.2, 0.9], [0.5, 0.5], [3.0, 0.0]].view())?, [1, 1, 1]);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn new(lower: &[f64], upper: &[f64], n_bins: &[usize]) -> Result<Self> {
        if lower.is_empty() || upper.len() != lower.len() || n_bins.len() != lower.len() {
            let found = [lower.len(), upper.len(), n_bins.len()];
            return Err(Error::shape(
                "the lengths of lower, upper, n_bins",
                &found,
                "equal, at least 1",
            ));
        }
        for d in 0..lower.len() {
            let width = upper[d] - lower[d];
            if !(width.is_finite() && width > 0.0) {
                return Err(Error::parameter(
                    format!("upper[{d}]"),
                    upper[d],
                    format!("finite and above {}", lower[d]),
                ));
            }
            if n_bins[d] == 0 {
                return Err(Error::parameter(format!("n_bins[{d}]"), 0, "at least 1"));
            }
        }
        let n_cells = n_bins
            .iter()
            .try_fold(1usize, |product, n| product.checked_mul(*n));
        if n_cells.is_none_or(|n| n as u64 > MOST_CELLS) {
            return Err(Error::parameter(
                "n_bins",
                format!("{n_bins:?}"),
                format!("at most {MOST_CELLS} cells altogether"),
            ));
        }
        Ok(Grid {
            lower: lower.to_vec(),
            upper: upper.to_vec(),
            n_bins: n_bins.to_vec(),
        })
    }

    /// The number of cells of the box; the cell outside comes after them.
    pub fn n_cells(&self) -> usize {
        self.n_bins.iter().product()
    }

    /// The lower and upper corner of a cell of the box, cells being numbered with the last axis fastest.
    ///
    /// # Panics
    /// A number that is no cell of the box.
    pub fn cell(&self, mut index: usize) -> (Vec<f64>, Vec<f64>) {
        assert!(index < self.n_cells(), "cell {index} of {}", self.n_cells());
        let mut corners = (self.lower.clone(), self.upper.clone());
        for d in (0..self.n_bins.len()).rev() {
            let k = index % self.n_bins[d];
            index /= self.n_bins[d];
            corners.0[d] = self.edge(d, k);
            corners.1[d] = self.edge(d, k + 1);
        }
        corners
    }

    /// How many rows of `x` `(N, D)` are in each cell, those outside last. A cell holds its lower ends, the last one along an axis both.
    ///
    /// # Errors
    /// Another dimension, or an entry that is NaN.
    pub fn counts(&self, x: ArrayView2<f64>) -> Result<Vec<u64>> {
        if x.ncols() != self.lower.len() {
            return Err(Error::shape(
                "x",
                x.shape(),
                format!("(any, {})", self.lower.len()),
            ));
        }
        check_each("x", x, "a number", |v| !v.is_nan())?;
        let mut counts = vec![0; self.n_cells() + 1];
        for row in x.rows() {
            counts[self.cell_of(row).unwrap_or(self.n_cells())] += 1;
        }
        Ok(counts)
    }

    fn cell_of(&self, x: ArrayView1<f64>) -> Option<usize> {
        let mut index = 0;
        for (d, &v) in x.iter().enumerate() {
            if !(self.lower[d]..=self.upper[d]).contains(&v) {
                return None;
            }
            let n = self.n_bins[d];
            let share = (v - self.lower[d]) / (self.upper[d] - self.lower[d]);
            let mut k = ((share * n as f64) as usize).min(n - 1);
            // The division rounds; the edges decide.
            if v < self.edge(d, k) {
                k -= 1;
            } else if k + 1 < n && v >= self.edge(d, k + 1) {
                k += 1;
            }
            index = index * n + k;
        }
        Some(index)
    }

    fn edge(&self, d: usize, k: usize) -> f64 {
        if k == self.n_bins[d] {
            return self.upper[d];
        }
        self.lower[d] + (self.upper[d] - self.lower[d]) * k as f64 / self.n_bins[d] as f64
    }
}

/// A total variation distance beside what perfect draws would have.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct TotalVariation {
    /// `½ Σ |n_c/N − p_c|`.
    pub value: f64,
    /// Its expectation for independent draws of the exact law, as many as are effective.
    pub floor: f64,
    /// A bound, for every sample size, on the probability of a value at least this far above the floor.
    pub p_value_bound: f64,
}

/// The total variation distance of `counts` `(K)` from exact cell masses `(K)`, which add up to one.
///
/// `effective_sample_size` is the number of independent draws that the counts are worth: their sum for independent draws, less for a
/// chain. The floor of a number that is not whole is that of the next smaller one.
///
/// # Errors
/// Other lengths, no count at all, masses that are negative or do not add up to one within 10⁻⁹, or an effective sample size below 1 or above
/// the number of counts.
///
/// ```
/// use gibbsian_metrics::total_variation;
/// use ndarray::array;
/// let found = total_variation(&[6, 4], array![0.5, 0.5].view(), 10.0)?;
/// assert!((found.value - 0.1).abs() < 1e-15);
/// // E|n − 5| / 10 with n binomial of 10 coins: 2 · 6 · ½ · 210/1024 / 10.
/// assert!((found.floor - 0.123046875).abs() < 1e-15);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn total_variation(
    counts: &[u64],
    masses: ArrayView1<f64>,
    effective_sample_size: f64,
) -> Result<TotalVariation> {
    if masses.len() != counts.len() {
        return Err(Error::shape(
            "masses",
            masses.shape(),
            format!("({}), one for each count", counts.len()),
        ));
    }
    check_each("masses", masses, "at least 0", |p| p >= 0.0)?;
    let total_mass: f64 = masses.sum();
    if (total_mass - 1.0).abs() > 1e-9 {
        return Err(Error::parameter("the sum of masses", total_mass, "1"));
    }
    let n: u64 = counts.iter().sum();
    check_positive("the sum of counts", n as f64)?;
    if !(1.0..=n as f64).contains(&effective_sample_size) {
        return Err(Error::parameter(
            "effective_sample_size",
            effective_sample_size,
            format!("in [1, {n}]"),
        ));
    }
    let distances = counts
        .iter()
        .zip(masses)
        .map(|(&c, p)| (c as f64 / n as f64 - p).abs());
    let value = 0.5 * distances.sum::<f64>();
    let draws = effective_sample_size.floor();
    let floor = 0.5
        * masses
            .iter()
            .map(|&p| mean_absolute_deviation(draws, p))
            .sum::<f64>()
        / draws;
    let excess = (value - floor).max(0.0);
    Ok(TotalVariation {
        value,
        floor,
        p_value_bound: (-2.0 * draws * excess * excess).exp(),
    })
}

/// `E|X − np|` for a binomial count of `n` draws.
fn mean_absolute_deviation(n: f64, p: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return 0.0;
    }
    let nu = ((n * p).floor() + 1.0).min(n);
    2.0 * nu * (1.0 - p) * binomial_probability(nu, n, p)
}

/// `C(n, k) p^k (1 − p)^{n−k}` in saddle-point form (Loader 2000), for `1 ≤ k ≤ n`.
fn binomial_probability(k: f64, n: f64, p: f64) -> f64 {
    if k == n {
        return (n * p.ln()).exp();
    }
    let exponent = stirling_error(n)
        - stirling_error(k)
        - stirling_error(n - k)
        - deviance(k, n * p)
        - deviance(n - k, n * (1.0 - p));
    (n / (2.0 * PI * k * (n - k))).sqrt() * exponent.exp()
}
