//! Products of a triangular matrix with panels of points.
//!
//! A panel holds the coordinates of some points, `(D, width)`: neighbours in memory are the same coordinate of different points, so that
//! every operation is one on whole vectors and nothing is ever summed across a vector. The matrix is cut into tiles of [`TILE`] rows whose
//! entries lie in the order of use; the sums of a tile for [`LANES`] points stay in registers, and each entry of the matrix is loaded
//! once for them. The tiles next to the diagonal contain zeros, one product
//! in seventeen at `D = 16`.

use ndarray::{Array2, ArrayView2};

use crate::lanes::{LANES as LINE, add_products, add_scaled, eight};

/// The points that a tile takes at once, four vectors of 512 bits; the width of a panel is a multiple of it.
pub(super) const LANES: usize = 32;

/// The vectors of a tile in each of its rows.
const LINES: usize = LANES / LINE;

/// The rows of a tile: with four vectors a row, eight independent sums, which hide the latency of additions.
pub(super) const TILE: usize = 2;

/// `W = L⁻¹` of a covariance `Σ = L Lᵀ`, both lower triangular with a positive diagonal.
#[derive(Clone, Debug)]
pub(super) struct Whitening {
    lower: Array2<f64>,
    inverse: Array2<f64>,
    /// The tiles of `W` and those of `Wᵀ`.
    forward: Vec<f64>,
    backward: Vec<f64>,
}

impl Whitening {
    /// From `L` and `W = L⁻¹`.
    pub(super) fn from_factors(lower: Array2<f64>, inverse: Array2<f64>) -> Self {
        let dim = inverse.nrows();
        let (mut forward, mut backward) = (Vec::new(), Vec::new());
        for start in (0..dim).step_by(TILE) {
            let end = dim.min(start + TILE);
            for j in 0..end {
                forward.extend((start..end).map(|i| inverse[(i, j)]));
            }
            for i in start..dim {
                backward.extend((start..end).map(|j| inverse[(i, j)]));
            }
        }
        Whitening {
            lower,
            inverse,
            forward,
            backward,
        }
    }

    /// `L` `(D, D)`.
    pub(super) fn lower(&self) -> ArrayView2<'_, f64> {
        self.lower.view()
    }

    /// `W` `(D, D)`.
    pub(super) fn inverse(&self) -> ArrayView2<'_, f64> {
        self.inverse.view()
    }

    /// `y = W δ` and `‖y‖²` for a panel of this width.
    #[inline(always)]
    pub(super) fn whiten(&self, delta: &[f64], y: &mut [f64], squares: &mut [f64]) {
        let width = squares.len();
        for column in (0..width).step_by(LANES) {
            let mut tiles = self.forward.as_slice();
            let mut square = [0.0; LANES];
            let mut end = 0;
            for y in y.chunks_mut(TILE * width) {
                let rows = y.len() / width;
                end += rows;
                let tile = split_off(&mut tiles, rows * end);
                if rows == TILE {
                    let products = product([[0.0; LANES]; TILE], tile, delta, width, column);
                    for (r, product) in products.iter().enumerate() {
                        add_squares(&mut square, product);
                        y[r * width + column..][..LANES].copy_from_slice(product);
                    }
                } else {
                    let [product] = product([[0.0; LANES]], tile, delta, width, column);
                    add_squares(&mut square, &product);
                    y[column..][..LANES].copy_from_slice(&product);
                }
            }
            squares[column..][..LANES].copy_from_slice(&square);
        }
    }

    /// Adds `Wᵀ y` to `out` for a panel of this width.
    #[inline(always)]
    pub(super) fn add_unwhitened(&self, y: &[f64], out: &mut [f64], width: usize) {
        for column in (0..width).step_by(LANES) {
            let (mut tiles, mut y) = (self.backward.as_slice(), y);
            for out in out.chunks_mut(TILE * width) {
                let rows = out.len() / width;
                let tile = split_off(&mut tiles, rows * (y.len() / width));
                if rows == TILE {
                    let mut sums = [[0.0; LANES]; TILE];
                    for r in 0..TILE {
                        sums[r] = *lanes(&out[r * width..], column);
                    }
                    for (r, sum) in product(sums, tile, y, width, column).iter().enumerate() {
                        out[r * width + column..][..LANES].copy_from_slice(sum);
                    }
                } else {
                    let [sum] = product([*lanes(out, column)], tile, y, width, column);
                    out[column..][..LANES].copy_from_slice(&sum);
                }
                y = &y[rows * width..];
            }
        }
    }
}

/// The first `n` numbers, leaving the others.
#[inline(always)]
pub(super) fn split_off<'a>(tiles: &mut &'a [f64], n: usize) -> &'a [f64] {
    let (first, rest) = tiles.split_at(n);
    *tiles = rest;
    first
}

/// Adds the `R` rows `Σ_j w_jr x_j` of one tile for the points from `column` on.
#[inline(always)]
pub(super) fn product<const R: usize>(
    sums: [[f64; LANES]; R],
    tile: &[f64],
    x: &[f64],
    width: usize,
    column: usize,
) -> [[f64; LANES]; R] {
    // In vectors, by loops over constants: conversions of whole arrays would go through memory.
    let mut vectors = [[[0.0; LINE]; LINES]; R];
    for r in 0..R {
        for v in 0..LINES {
            vectors[r][v] = eight(|l| sums[r][v * LINE + l]);
        }
    }
    for (w, x) in tile.as_chunks::<R>().0.iter().zip(x.chunks_exact(width)) {
        let x = lanes(x, column).as_chunks::<LINE>().0;
        for v in 0..LINES {
            for r in 0..R {
                vectors[r][v] = add_scaled(vectors[r][v], w[r], x[v]);
            }
        }
    }
    let mut sums = sums;
    for r in 0..R {
        for v in 0..LINES {
            for l in 0..LINE {
                sums[r][v * LINE + l] = vectors[r][v][l];
            }
        }
    }
    sums
}

#[inline(always)]
fn add_squares(sums: &mut [f64; LANES], y: &[f64; LANES]) {
    let sums = sums.as_chunks_mut::<LINE>().0.iter_mut();
    for (sum, y) in sums.zip(y.as_chunks().0) {
        *sum = add_products(*sum, *y, *y);
    }
}

/// The numbers of a row from `column` on.
#[inline(always)]
pub(super) fn lanes(row: &[f64], column: usize) -> &[f64; LANES] {
    row[column..]
        .first_chunk()
        .expect("the width is a multiple of LANES")
}
