//! The sums over the data that one maximisation step needs, of all components at once.
//!
//! For responsibilities `r_bk` and a shift `c_k` the sums are `N_k = Σ_b r_bk`, `m_k = Σ_b r_bk (x_b − c_k)` and
//! `S_k = Σ_b r_bk (x_b − c_k)(x_b − c_k)ᵀ`; the covariance about the new mean is `S_k/N_k − (m_k/N_k)(m_k/N_k)ᵀ`. Shifting by the
//! old mean keeps the last difference from cancelling: near convergence its second term vanishes. A single shift for all components would
//! lose as many digits as there are component widths between the means, squared.
//!
//! A panel of rows goes through the expectation step and straight on into the sums, so that responsibilities stay in a core's first-level cache.
//! For each component the rows that it has a share in are centred and weighted, and `S_k` is cut into blocks of 8 × 8 coordinates,
//! which stay in registers while the products of these rows are added. With components apart from each other, most rows have a share in few
//! of them, and most of the work falls away.

use gibbsian_core::parallel::map_indices;
use gibbsian_core::simd::{Vectorized, vectorized};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};

use crate::lanes::{LANES, Line, add_products, add_scaled, eight};
use crate::mixture::panel::Panel;

/// Partial sums are kept for at most this many tasks, so that they take little memory beside the data.
const MAX_TASKS: usize = 64;
/// The least rows of a task.
const MIN_TASK_ROWS: usize = 1024;

/// The responsibility above which a row takes part in first and second moments.
///
/// A row below it, were it `10⁶` widths of the component away, would add less than `10⁻²⁸` squared widths to a second moment. A component that is not
/// empty owns more than `2⁻⁵²` rows for each row of the data, so that not all rows together would change a digit.
const SHARE: f64 = 1e-40;

/// How much of the second moments is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Second {
    /// The lower triangle of `S_k`.
    Full,
    /// Its diagonal.
    Diagonal,
}

impl Second {
    /// Lines a component: rows of blocks of the lower triangle one after the other, or the diagonal.
    fn len(self, dim: usize) -> usize {
        let blocks = dim.div_ceil(LANES);
        match self {
            Second::Full => blocks * (blocks + 1) / 2 * LANES,
            Second::Diagonal => blocks,
        }
    }
}

/// `N_k`, `m_k` and `S_k` of all components, and the log-likelihood of the data under the responsibilities' mixture.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    second: Second,
    dim: usize,
    /// `(K)`
    pub masses: Array1<f64>,
    /// `(K, D)`
    first: Array2<f64>,
    /// Of each component as many lines as [`Second::len`] says.
    products: Vec<Line>,
    /// `Σ_b log p(x_b)`
    pub log_likelihood: f64,
}

impl Moments {
    fn zeros(n_components: usize, dim: usize, second: Second) -> Self {
        Moments {
            second,
            dim,
            masses: Array1::zeros(n_components),
            first: Array2::zeros((n_components, dim)),
            products: vec![[0.0; LANES]; n_components * second.len(dim)],
            log_likelihood: 0.0,
        }
    }

    fn add(&mut self, other: &Moments) {
        self.masses += &other.masses;
        self.first += &other.first;
        self.log_likelihood += other.log_likelihood;
        let sums = self.products.as_flattened_mut().iter_mut();
        for (sum, other) in sums.zip(other.products.as_flattened()) {
            *sum += other;
        }
    }

    /// The sums over the rows of `x` `(B, D)` about `shifts` `(K, D)`.
    ///
    /// `expect` is given the number of a first row and the rows that start there; it fills the responsibilities of a panel and returns the
    /// rows' log-likelihood. Tasks are cut by the shape alone and added in order, so the result does not depend on the number of threads.
    pub fn gather(
        x: ArrayView2<f64>,
        shifts: ArrayView2<f64>,
        second: Second,
        expect: impl Fn(usize, ArrayView2<f64>, &mut Panel) -> f64 + Sync,
    ) -> Self {
        let x = x.as_standard_layout();
        let (n, dim) = x.dim();
        let zeros = Moments::zeros(shifts.nrows(), dim, second);
        let task_rows = n.div_ceil(MAX_TASKS).max(MIN_TASK_ROWS);
        let partial = map_indices(n.div_ceil(task_rows), |task| {
            let end = n.min((task + 1) * task_rows);
            let mut sums = zeros.clone();
            let mut panel = Panel::of_shape(shifts.dim(), task_rows);
            let mut shares = Shares::new(dim, panel.width);
            for start in (task * task_rows..end).step_by(panel.width) {
                let rows = x.slice(s![start..end.min(start + panel.width), ..]);
                sums.log_likelihood += expect(start, rows, &mut panel);
                vectorized(AddPanel {
                    rows,
                    shifts,
                    panel: &panel,
                    shares: &mut shares,
                    sums: &mut sums,
                });
            }
            sums
        });
        partial.iter().fold(zeros, |mut total, part| {
            total.add(part);
            total
        })
    }

    /// The entry `(i, j)` of `S_k`, `j ≤ i`.
    fn product(&self, k: usize, i: usize, j: usize) -> f64 {
        let lines = self.second.len(self.dim);
        let lines = &self.products[k * lines..][..lines];
        match self.second {
            Second::Full => {
                let (row, column) = (i / LANES, j / LANES);
                lines[(row * (row + 1) / 2 + column) * LANES + i % LANES][j % LANES]
            }
            Second::Diagonal => lines[i / LANES][i % LANES],
        }
    }

    /// The mean of component `k`, whose mass must be positive.
    pub fn mean(&self, k: usize, shift: ArrayView1<f64>) -> Array1<f64> {
        let first = self.first.row(k);
        Array1::from_shape_fn(self.dim, |d| shift[d] + first[d] / self.masses[k])
    }

    /// `Σ_b r_bk (x_b − μ_k)(x_b − μ_k)ᵀ` about the new mean, `(D, D)`; only with [`Second::Full`].
    pub fn scatter(&self, k: usize) -> Array2<f64> {
        debug_assert_eq!(self.second, Second::Full);
        let first = self.first.row(k);
        Array2::from_shape_fn((self.dim, self.dim), |(i, j)| {
            let (i, j) = (i.max(j), i.min(j));
            self.product(k, i, j) - first[i] * first[j] / self.masses[k]
        })
    }

    /// The diagonal of [`scatter`](Self::scatter).
    pub fn diagonal_scatter(&self, k: usize) -> Array1<f64> {
        let first = self.first.row(k);
        Array1::from_shape_fn(self.dim, |i| {
            // Rounding may leave a small negative number where all points of the component coincide.
            (self.product(k, i, i) - first[i] * first[i] / self.masses[k]).max(0.0)
        })
    }
}

/// The rows of a panel that one component has a share in, each in whole lines that end with zeros.
struct Shares {
    /// `x_b − c_k`
    centred: Vec<Line>,
    /// `r_bk (x_b − c_k)`
    weighted: Vec<Line>,
}

impl Shares {
    fn new(dim: usize, width: usize) -> Self {
        let zeros = vec![[0.0; LANES]; width * dim.div_ceil(LANES)];
        Shares {
            centred: zeros.clone(),
            weighted: zeros,
        }
    }
}

/// Adds the sums of one panel.
struct AddPanel<'a> {
    rows: ArrayView2<'a, f64>,
    shifts: ArrayView2<'a, f64>,
    panel: &'a Panel,
    shares: &'a mut Shares,
    sums: &'a mut Moments,
}

impl Vectorized for AddPanel<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (n, dim) = self.rows.dim();
        let rows = self.rows.as_slice().expect("rows of a contiguous array");
        let blocks = dim.div_ceil(LANES);
        let n_lines = self.sums.second.len(dim);
        let Shares { centred, weighted } = self.shares;
        let shifts = self.shifts.as_standard_layout();
        let mut first = vec![0.0; dim];
        for k in 0..shifts.nrows() {
            let responsibilities = &self.panel.responsibility(k)[..n];
            let mut n_shares = 0;
            let shift = shifts.row(k).to_slice().expect("rows of a contiguous array");
            first.fill(0.0);
            for (row, &r) in rows.chunks_exact(dim).zip(responsibilities) {
                if r < SHARE {
                    continue;
                }
                let centred = &mut centred[n_shares * blocks..][..blocks];
                let weighted = &mut weighted[n_shares * blocks..][..blocks];
                let (centred, weighted) = (centred.as_flattened_mut(), weighted.as_flattened_mut());
                for ((centred, x), shift) in centred.iter_mut().zip(row).zip(shift) {
                    *centred = x - shift;
                }
                for (weighted, centred) in weighted.iter_mut().zip(centred.iter()) {
                    *weighted = r * centred;
                }
                for (first, weighted) in first.iter_mut().zip(weighted.iter()) {
                    *first += weighted;
                }
                n_shares += 1;
            }
            self.sums.masses[k] += sum(responsibilities);
            if n_shares == 0 {
                continue;
            }
            for (sum, first) in self.sums.first.row_mut(k).iter_mut().zip(&first) {
                *sum += first;
            }
            let (centred, weighted) = (&centred[..n_shares * blocks], &weighted[..n_shares * blocks]);
            let mut sums = self.sums.products[k * n_lines..][..n_lines].iter_mut();
            match self.sums.second {
                Second::Diagonal => {
                    for (b, sum) in sums.enumerate() {
                        let rows = centred.chunks_exact(blocks).zip(weighted.chunks_exact(blocks));
                        let square = rows.fold([0.0; LANES], |sum, (c, w)| add_products(sum, c[b], w[b]));
                        *sum = eight(|l| sum[l] + square[l]);
                    }
                }
                Second::Full => {
                    for i in 0..blocks {
                        let height = LANES.min(dim - i * LANES);
                        for j in 0..=i {
                            let products = products(centred, weighted, blocks, (i, j), height);
                            for product in &products {
                                let sum = sums.next().expect("a line for each row of a block");
                                *sum = eight(|l| sum[l] + product[l]);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The sum of all, a lane for each eighth.
#[inline(always)]
fn sum(values: &[f64]) -> f64 {
    let (lines, rest) = values.as_chunks::<LANES>();
    let lanes = lines.iter().fold([0.0; LANES], |sum, x| eight(|l| sum[l] + x[l]));
    lanes.iter().chain(rest).sum()
}

/// The sums of the products of the coordinates of two blocks, the first `height` of the one with all of the other.
#[inline(always)]
fn products(
    centred: &[Line],
    weighted: &[Line],
    blocks: usize,
    (i, j): (usize, usize),
    height: usize,
) -> [Line; LANES] {
    let mut sums = [[0.0; LANES]; LANES];
    let rows = centred.chunks_exact(blocks).zip(weighted.chunks_exact(blocks));
    if height <= 2 {
        for (centred, weighted) in rows {
            for a in 0..2 {
                sums[a] = add_scaled(sums[a], weighted[i][a], centred[j]);
            }
        }
    } else {
        for (centred, weighted) in rows {
            sums = eight(|a| add_scaled(sums[a], weighted[i][a], centred[j]));
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::Seed;
    use ndarray::Axis;
    use rand::RngExt;

    /// Uneven panels, more coordinates than one block and than two, and shifts that are not the means.
    #[test]
    fn the_sums_are_those_of_the_definition() {
        for (n, dim, n_components) in [(1, 1, 1), (130, 5, 3), (2100, 4, 2), (70, 9, 1), (90, 20, 2)] {
            let mut rng = Seed::new(3).nth(n as u64).rng();
            let x = Array2::from_shape_simple_fn((n, dim), || rng.random_range(-1.0..3.0));
            let rows = x.clone();
            let r = |row: ArrayView1<f64>, k: usize| 0.1 + (row[0] * (k + 1) as f64).sin().abs();
            let shifts = Array2::from_shape_simple_fn((n_components, dim), || rng.random_range(0.0..1.0));
            let fill = |start: usize, x: ArrayView2<f64>, panel: &mut Panel| {
                for (b, row) in x.rows().into_iter().enumerate() {
                    assert_eq!(row, rows.row(start + b));
                    for k in 0..n_components {
                        panel.responsibilities[k * panel.width + b] = r(row, k);
                    }
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
