//! Tiles of means, and their sums over a panel of points.

use ndarray::ArrayView2;

use crate::lanes::{LANES as LINE, Line, add_products, add_scaled};
use crate::mixture::triangular::LANES;

/// A number for each point of a panel.
pub(super) type Lanes = [f64; LANES];

/// The vectors of a panel.
const LINES: usize = LANES / LINE;

/// The rows of a tile.
pub(super) const TILE: usize = 4;

/// The entries of a matrix in tiles of [`TILE`] rows, the last of which may be lower, by columns.
pub(super) fn tiles(rows: ArrayView2<f64>) -> Vec<f64> {
    let (n_rows, n_columns) = rows.dim();
    let mut entries = Vec::with_capacity(rows.len());
    for start in (0..n_rows).step_by(TILE) {
        for j in 0..n_columns {
            entries.extend((start..n_rows.min(start + TILE)).map(|i| rows[(i, j)]));
        }
    }
    entries
}

/// Sums of a tile, in vectors.
type Sums<const R: usize> = [[Line; LINES]; R];

/// `‖x − α μ‖²` of the components of a tile.
#[inline(always)]
pub(super) fn squares<const R: usize>(tile: &[f64], alpha: &Lanes, x: &[Lanes]) -> [Lanes; R] {
    let mut sums: Sums<R> = [[[0.0; LINE]; LINES]; R];
    let alpha = alpha.as_chunks::<LINE>().0;
    for (means, x) in tile.as_chunks::<R>().0.iter().zip(x) {
        let x = x.as_chunks::<LINE>().0;
        for v in 0..LINES {
            for r in 0..R {
                let deviation = add_scaled(x[v], -means[r], alpha[v]);
                sums[r][v] = add_products(sums[r][v], deviation, deviation);
            }
        }
    }
    joined(&sums)
}

/// The sums over the active components of a pull times the coordinates of a tile.
#[inline(always)]
pub(super) fn weighted_sums<const R: usize>(active: &[usize], tile: &[f64], pulls: &[Lanes]) -> [Lanes; R] {
    let mut sums: Sums<R> = [[[0.0; LINE]; LINES]; R];
    let tile = tile.as_chunks::<R>().0;
    for (&k, pull) in active.iter().zip(pulls) {
        let (means, pull) = (&tile[k], pull.as_chunks::<LINE>().0);
        for v in 0..LINES {
            for r in 0..R {
                sums[r][v] = add_scaled(sums[r][v], means[r], pull[v]);
            }
        }
    }
    joined(&sums)
}

/// By loops over constants: a conversion of whole arrays, or a loop that does more, would keep the sums in memory.
#[inline(always)]
fn joined<const R: usize>(sums: &Sums<R>) -> [Lanes; R] {
    let mut lanes = [[0.0; LANES]; R];
    for r in 0..R {
        for v in 0..LINES {
            for l in 0..LINE {
                lanes[r][v * LINE + l] = sums[r][v][l];
            }
        }
    }
    lanes
}

/// Columns from `D` numbers a row: in few dimensions by shuffles of vectors, where loops of unknown length take number after number.
#[inline(always)]
pub(super) fn columns<const D: usize>(rows: &[f64], x: &mut [Lanes]) {
    let rows = rows.as_chunks::<D>().0;
    for (i, lanes) in x.iter_mut().enumerate().take(D) {
        for (lane, row) in lanes.iter_mut().zip(rows) {
            *lane = row[i];
        }
    }
}

/// The same the other way.
#[inline(always)]
pub(super) fn store_rows<const D: usize>(columns: &[Lanes], rows: &mut [f64]) {
    let Some(columns) = columns.first_chunk::<D>() else {
        return;
    };
    for (l, row) in rows.as_chunks_mut::<D>().0.iter_mut().enumerate().take(LANES) {
        for i in 0..D {
            row[i] = columns[i][l];
        }
    }
}
