//! The sums over the data that one maximisation step needs, of all components at once.
//!
//! For responsibilities `r_bk` and a shift `c_k` the sums are `N_k = Σ_b r_bk`, `m_k = Σ_b r_bk (x_b − c_k)` and
//! `S_k = Σ_b r_bk (x_b − c_k)(x_b − c_k)ᵀ`; the covariance about the new mean is `S_k/N_k − (m_k/N_k)(m_k/N_k)ᵀ`. Shifting by the
//! old mean keeps the last difference from cancelling: near convergence its second term vanishes. A single shift for all components would
//! lose as many digits as there are component widths between the means, squared.
//!
//! Lanes are points. A panel of `PANEL` rows is transposed once; for each component the centred coordinates and their products with the
//! responsibilities are two more panels, and `S_k` is a product of these, in tiles of 4 × 4 entries that stay in registers.

use gibbsian_core::simd::{Vectorized, vectorized};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, s};
use rayon::prelude::*;

/// Rows of a panel.
const PANEL: usize = 64;
/// Points that are added side by side.
const LANES: usize = 8;
/// Rows and columns of a tile of `S_k`.
const TILE: usize = 4;
/// Partial sums are kept for at most this many tasks, so that they take little memory beside the data.
const MAX_TASKS: usize = 64;
/// The least rows of a task.
const MIN_TASK_ROWS: usize = 1024;

/// How much of the second moments is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Second {
    /// The lower triangle of `S_k`.
    Full,
    /// Its diagonal.
    Diagonal,
}

impl Second {
    /// Numbers a component.
    fn len(self, dim: usize) -> usize {
        match self {
            Second::Full => dim * (dim + 1) / 2,
            Second::Diagonal => dim,
        }
    }
}

/// `N_k`, `m_k` and `S_k` of all components, and the log-likelihood of the data under the responsibilities' mixture.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    second: Second,
    /// `(K)`
    pub masses: Array1<f64>,
    /// `(K, D)`
    first: Array2<f64>,
    /// `(K, D (D + 1) / 2)` or `(K, D)`
    products: Array2<f64>,
    /// `Σ_b log p(x_b)`
    pub log_likelihood: f64,
}

impl Moments {
    fn zeros(n_components: usize, dim: usize, second: Second) -> Self {
        Moments {
            second,
            masses: Array1::zeros(n_components),
            first: Array2::zeros((n_components, dim)),
            products: Array2::zeros((n_components, second.len(dim))),
            log_likelihood: 0.0,
        }
    }

    /// The sums over the rows of `x` `(B, D)` about `shifts` `(K, D)`.
    ///
    /// `responsibilities` is given the number of a first row and the block of rows that starts there; it fills `(rows, K)` and returns the
    /// block's log-likelihood. Tasks are cut by the number of rows alone and added in
    /// order, so the result does not depend on the number of threads.
    pub fn gather(
        x: ArrayView2<f64>,
        shifts: ArrayView2<f64>,
        second: Second,
        responsibilities: impl Fn(usize, ArrayView2<f64>, ArrayViewMut2<f64>) -> f64 + Sync,
    ) -> Self {
        let (n, dim) = x.dim();
        let n_components = shifts.nrows();
        let task_rows = n.div_ceil(MAX_TASKS).next_multiple_of(PANEL).max(MIN_TASK_ROWS);
        let tasks: Vec<_> = x.axis_chunks_iter(Axis(0), task_rows).collect();
        let partial: Vec<Moments> = tasks
            .into_par_iter()
            .enumerate()
            .map(|(task, rows)| {
                let mut sums = Moments::zeros(n_components, dim, second);
                let mut panels = Panels::new(dim, n_components);
                for (panel, block) in rows.axis_chunks_iter(Axis(0), PANEL).enumerate() {
                    let start = task * task_rows + panel * PANEL;
                    let r = panels.responsibilities.slice_mut(s![..block.nrows(), ..]);
                    sums.log_likelihood += responsibilities(start, block, r);
                    vectorized(AddPanel {
                        x: block,
                        shifts,
                        panels: &mut panels,
                        sums: &mut sums,
                    });
                }
                sums
            })
            .collect();
        let mut total = Moments::zeros(n_components, dim, second);
        for part in partial {
            total.masses += &part.masses;
            total.first += &part.first;
            total.products += &part.products;
            total.log_likelihood += part.log_likelihood;
        }
        total
    }

    /// The mean of component `k`, whose mass must be positive.
    pub fn mean(&self, k: usize, shift: ArrayView1<f64>) -> Array1<f64> {
        &shift + &(&self.first.row(k) / self.masses[k])
    }

    /// `Σ_b r_bk (x_b − μ_k)(x_b − μ_k)ᵀ` about the new mean, `(D, D)`; only with [`Second::Full`].
    pub fn scatter(&self, k: usize) -> Array2<f64> {
        debug_assert_eq!(self.second, Second::Full);
        let first = self.first.row(k);
        let mut entries = self.products.row(k).into_iter();
        let mut scatter = Array2::zeros((first.len(), first.len()));
        for i in 0..first.len() {
            for j in 0..=i {
                let product = entries.next().copied().unwrap_or_default();
                let value = product - first[i] * first[j] / self.masses[k];
                scatter[[i, j]] = value;
                scatter[[j, i]] = value;
            }
        }
        scatter
    }

    /// The diagonal of [`scatter`](Self::scatter).
    pub fn diagonal_scatter(&self, k: usize) -> Array1<f64> {
        let first = self.first.row(k);
        let products = self.products.row(k);
        Array1::from_shape_fn(first.len(), |i| {
            let entry = match self.second {
                Second::Full => i * (i + 3) / 2,
                Second::Diagonal => i,
            };
            // Rounding may leave a small negative number where all points of the component coincide.
            (products[entry] - first[i] * first[i] / self.masses[k]).max(0.0)
        })
    }
}

/// Buffers of one task; `(D, PANEL)` in rows of a coordinate each.
struct Panels {
    responsibilities: Array2<f64>,
    points: Vec<[f64; PANEL]>,
    centred: Vec<[f64; PANEL]>,
    weighted: Vec<[f64; PANEL]>,
}

impl Panels {
    fn new(dim: usize, n_components: usize) -> Self {
        // Rounded up to whole tiles; the rows past the last coordinate stay zero.
        let zeros = vec![[0.0; PANEL]; dim.next_multiple_of(TILE)];
        Panels {
            responsibilities: Array2::zeros((PANEL, n_components)),
            points: zeros.clone(),
            centred: zeros.clone(),
            weighted: zeros,
        }
    }
}

/// Adds the sums of one panel.
struct AddPanel<'a> {
    x: ArrayView2<'a, f64>,
    shifts: ArrayView2<'a, f64>,
    panels: &'a mut Panels,
    sums: &'a mut Moments,
}

impl Vectorized for AddPanel<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (n, dim) = self.x.dim();
        let Panels {
            responsibilities,
            points,
            centred,
            weighted,
        } = self.panels;
        for (b, row) in self.x.rows().into_iter().enumerate() {
            for (point, &x) in points.iter_mut().zip(row) {
                point[b] = x;
            }
        }
        let mut r = [0.0; PANEL];
        for k in 0..self.shifts.nrows() {
            // A panel that is not full has weight zero for the rows that are missing.
            r[n..].fill(0.0);
            for (r, row) in r[..n].iter_mut().zip(responsibilities.rows()) {
                *r = row[k];
            }
            self.sums.masses[k] += sum(&r);
            let mut first = self.sums.first.row_mut(k);
            for d in 0..dim {
                let shift = self.shifts[[k, d]];
                for p in 0..PANEL {
                    centred[d][p] = points[d][p] - shift;
                    weighted[d][p] = r[p] * centred[d][p];
                }
                first[d] += sum(&weighted[d]);
            }
            let mut products = self.sums.products.row_mut(k);
            match self.sums.second {
                Second::Diagonal => {
                    for d in 0..dim {
                        products[d] += sum_of_products(&weighted[d], &centred[d]);
                    }
                }
                Second::Full => {
                    for i in (0..dim).step_by(TILE) {
                        for j in (0..=i).step_by(TILE) {
                            let tile = tile(&weighted[i..i + TILE], &centred[j..j + TILE]);
                            for (a, row) in tile.iter().enumerate().take(dim - i) {
                                for (b, entry) in row.iter().enumerate() {
                                    let (row, column) = (i + a, j + b);
                                    if column <= row {
                                        products[row * (row + 1) / 2 + column] += entry;
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The products of four rows with four rows.
#[inline(always)]
fn tile(left: &[[f64; PANEL]], right: &[[f64; PANEL]]) -> [[f64; TILE]; TILE] {
    let mut lanes = [[[0.0; LANES]; TILE]; TILE];
    for start in (0..PANEL).step_by(LANES) {
        for a in 0..TILE {
            for b in 0..TILE {
                for lane in 0..LANES {
                    lanes[a][b][lane] += left[a][start + lane] * right[b][start + lane];
                }
            }
        }
    }
    lanes.map(|row| row.map(fold))
}

#[inline(always)]
fn sum_of_products(left: &[f64; PANEL], right: &[f64; PANEL]) -> f64 {
    let mut lanes = [0.0; LANES];
    for start in (0..PANEL).step_by(LANES) {
        for lane in 0..LANES {
            lanes[lane] += left[start + lane] * right[start + lane];
        }
    }
    fold(lanes)
}

#[inline(always)]
fn sum(values: &[f64; PANEL]) -> f64 {
    let mut lanes = [0.0; LANES];
    for start in (0..PANEL).step_by(LANES) {
        for lane in 0..LANES {
            lanes[lane] += values[start + lane];
        }
    }
    fold(lanes)
}

/// The sum of the lanes, in pairs.
#[inline(always)]
fn fold(l: [f64; LANES]) -> f64 {
    ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::Seed;
    use rand::RngExt;

    /// Uneven panels, more coordinates than a tile, and shifts that are not the means.
    #[test]
    fn the_sums_are_those_of_the_definition() {
        for (n, dim, n_components) in [(1, 1, 1), (130, 5, 3), (2100, 4, 2), (70, 9, 1)] {
            let mut rng = Seed::new(3).nth(n as u64).rng();
            let x = Array2::from_shape_simple_fn((n, dim), || rng.random_range(-1.0..3.0));
            let rows = x.clone();
            let r = |row: ArrayView1<f64>, k: usize| 0.1 + (row[0] * (k + 1) as f64).sin().abs();
            let shifts = Array2::from_shape_simple_fn((n_components, dim), || rng.random_range(0.0..1.0));
            let fill = |start: usize, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>| {
                for ((b, k), out) in out.indexed_iter_mut() {
                    assert_eq!(x.row(b), rows.row(start + b));
                    *out = r(x.row(b), k);
                }
                x.nrows() as f64
            };
            let full = Moments::gather(x.view(), shifts.view(), Second::Full, fill);
            let diagonal = Moments::gather(x.view(), shifts.view(), Second::Diagonal, fill);
            assert_eq!(full.log_likelihood, n as f64);
            for k in 0..n_components {
                let weights = x.map_axis(Axis(1), |row| r(row, k));
                let mass = weights.sum();
                let mean = x.t().dot(&weights) / mass;
                let centred = &x - &mean;
                let scatter = centred.t().dot(&(&centred * &weights.insert_axis(Axis(1))));
                let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * mass * 16.0;
                assert!(close(full.masses[k], mass));
                assert!(
                    full.mean(k, shifts.row(k))
                        .iter()
                        .zip(&mean)
                        .all(|(a, b)| close(*a, *b))
                );
                assert!(full.scatter(k).iter().zip(&scatter).all(|(a, b)| close(*a, *b)));
                for found in [&full, &diagonal] {
                    let variances = found.diagonal_scatter(k);
                    assert!(variances.iter().zip(scatter.diag()).all(|(a, b)| close(*a, *b)));
                }
            }
        }
    }
}
