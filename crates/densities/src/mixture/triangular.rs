//! Products of a triangular matrix with panels of points.
//!
//! Points lie in **lanes**: a panel holds [`LANES`] points as `D` arrays of their coordinates, so that every operation on a
//! coordinate is one on whole vectors and nothing is ever summed across a vector. The matrix is cut into tiles of [`TILE`] rows whose entries
//! lie in the order of use; a tile's sums stay in registers, and each entry is loaded once for all lanes. The tiles next to
//! the diagonal contain zeros, a price of about a tenth of the products at `D = 16` for loops without corners.

use gibbsian_linalg::Cholesky;
use ndarray::{Array2, ArrayView2};

/// The points of a panel: two vectors of 512 bits.
pub(super) const LANES: usize = 16;

/// One coordinate of the points of a panel.
pub(super) type Lane = [f64; LANES];

/// The rows of a tile: with two vectors a row, eight sums in registers.
const TILE: usize = 4;

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
    /// The whitening of the covariance that was factored.
    pub(super) fn of_cholesky(cholesky: &Cholesky) -> Self {
        let inverse = cholesky.half_solve(Array2::eye(cholesky.dim()).view());
        Self::from_factors(cholesky.lower().to_owned(), inverse)
    }

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

    /// `y = W δ` for a panel.
    #[inline(always)]
    pub(super) fn whiten(&self, delta: &[Lane], y: &mut [Lane]) {
        let mut tiles = self.forward.as_slice();
        let (whole, rest) = y.as_chunks_mut::<TILE>();
        let mut end = 0;
        for y in whole {
            end += TILE;
            *y = product::<TILE>(
                [[0.0; LANES]; TILE],
                split_off(&mut tiles, TILE * end),
                &delta[..end],
            );
        }
        match rest {
            [] => {}
            [a] => [*a] = product::<1>([[0.0; LANES]; 1], tiles, delta),
            [a, b] => [*a, *b] = product::<2>([[0.0; LANES]; 2], tiles, delta),
            [a, b, c] => [*a, *b, *c] = product::<3>([[0.0; LANES]; 3], tiles, delta),
            _ => unreachable!("a rest is shorter than a tile"),
        }
    }

    /// Adds `Wᵀ y` to `out` for a panel.
    #[inline(always)]
    pub(super) fn add_unwhitened(&self, y: &[Lane], out: &mut [Lane]) {
        let mut tiles = self.backward.as_slice();
        let (whole, rest) = out.as_chunks_mut::<TILE>();
        let mut y = y;
        for out in whole {
            *out = product::<TILE>(*out, split_off(&mut tiles, TILE * y.len()), y);
            y = &y[TILE..];
        }
        match rest {
            [] => {}
            [a] => [*a] = product::<1>([*a], tiles, y),
            [a, b] => [*a, *b] = product::<2>([*a, *b], tiles, y),
            [a, b, c] => [*a, *b, *c] = product::<3>([*a, *b, *c], tiles, y),
            _ => unreachable!("a rest is shorter than a tile"),
        }
    }
}

/// The first `n` numbers, leaving the others.
#[inline(always)]
fn split_off<'a>(tiles: &mut &'a [f64], n: usize) -> &'a [f64] {
    let (first, rest) = tiles.split_at(n);
    *tiles = rest;
    first
}

/// `sums_r + Σ_j w_jr x_j` for the `R` rows of one tile.
#[inline(always)]
fn product<const R: usize>(mut sums: [Lane; R], tile: &[f64], x: &[Lane]) -> [Lane; R] {
    for (w, x) in tile.as_chunks::<R>().0.iter().zip(x) {
        for r in 0..R {
            for l in 0..LANES {
                sums[r][l] += w[r] * x[l];
            }
        }
    }
    sums
}
