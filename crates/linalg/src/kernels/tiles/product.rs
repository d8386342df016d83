//! Products of tiled rows with a tiled panel, put together in single precision.

#[cfg(target_arch = "x86_64")]
use gibbsian_core::simd::Level;

use super::panel::{COLUMN_TILES, TilePanel};
use super::rows::{PAIR, TileRows};
use super::unit::{Operands, PairSums, Unit};
use super::{ONE, TILE_ROWS};
use crate::kernels::{Line, PANEL};

/// Writes `start + scale · rows · panel` into `out`, a line a row.
///
/// ```
/// use gibbsian_linalg::kernels::tiles::{Digits, TilePanel, TileRows, product};
/// use gibbsian_linalg::kernels::{Line, PANEL};
/// use rayon::prelude::*;
///
/// // 64 rows of weights, row r the number r, and a state with rows 1 and 3 switched on.
/// let weights: Vec<Line> = (0..64).map(|r| Line([r as f32; PANEL])).collect();
/// let mut panel = TilePanel::default();
/// panel.pack(Digits::Three, 1, |_| (&weights, 1.0));
/// let mut rows = TileRows::default();
/// rows.reset_bits(1, 1);
/// rows.blocks_mut().for_each(|mut block| block.set_bits(0, &[0b1010]));
/// let mut out = [Line::ZERO];
/// product(&rows, &panel, &Line::ZERO, 1.0, &mut out);
/// // To half a step of the grid, 63 · 2⁻²², for each weight that is added.
/// assert!((out[0].0[0] - 4.0).abs() < 63.0 / 4_194_304.0);
/// ```
///
/// # Panics
/// When `out` has not one line a row, or the operands do not fit each other.
pub fn product(rows: &TileRows, panel: &TilePanel, start: &Line, scale: f32, out: &mut [Line]) {
    assert_eq!(out.len(), rows.n(), "one line of output a row");
    let unit = Unit::new(rows.tile_rows(), panel.n_digits());
    for (pair, out) in out.chunks_mut(2 * rows.tile_rows()).enumerate() {
        multiply(&unit, rows, pair, panel, Some(start), scale, out);
    }
}

/// Adds `scale · rows · panel` to `out`, a line a row.
///
/// # Panics
/// As [`product`].
pub fn add_product(rows: &TileRows, panel: &TilePanel, scale: f32, out: &mut [Line]) {
    assert_eq!(out.len(), rows.n(), "one line of output a row");
    let unit = Unit::new(rows.tile_rows(), panel.n_digits());
    for (pair, out) in out.chunks_mut(2 * rows.tile_rows()).enumerate() {
        multiply(&unit, rows, pair, panel, None, scale, out);
    }
}

/// Calls `take(first, lines)` with the lines of `rows · panel` from row `first` on, at most 32 at a time, while they are in the first-level cache.
///
/// # Panics
/// When the operands do not fit each other.
pub fn for_each_pair(rows: &TileRows, panel: &TilePanel, mut take: impl FnMut(usize, &[Line])) {
    let unit = Unit::new(rows.tile_rows(), panel.n_digits());
    let mut lines = [Line::ZERO; PAIR];
    let step = 2 * rows.tile_rows();
    for first in (0..rows.n()).step_by(step) {
        let lines = &mut lines[..step.min(rows.n() - first)];
        multiply(&unit, rows, first / step, panel, Some(&Line::ZERO), 1.0, lines);
        take(first, lines);
    }
}

/// The product of one pair of row tiles, added to `start`, or to what is there.
pub(super) fn multiply(
    unit: &Unit,
    rows: &TileRows,
    pair: usize,
    panel: &TilePanel,
    start: Option<&Line>,
    scale: f32,
    out: &mut [Line],
) {
    assert_eq!(
        rows.n_blocks(),
        panel.n_blocks(),
        "columns of the rows against rows of the panel"
    );
    let mut sums = PairSums::ZERO;
    // The lower sum of means counts products of a lower digit with a higher one.
    let grid = if rows.n_digits() == 1 { 1.0 } else { 256.0 / ONE };
    let mut step = panel.step().0;
    step.iter_mut().for_each(|s| *s *= grid * scale);
    for c in 0..COLUMN_TILES {
        unit.multiply(
            Operands {
                left: rows.pair(pair),
                stride: rows.stride(),
                left_digits: rows.n_digits(),
                right: panel.tiles(c),
                right_digits: panel.n_digits(),
            },
            &mut sums,
        );
        Combine {
            sums: &sums,
            n_digits: panel.n_digits(),
            tile_rows: rows.tile_rows(),
            c,
            start,
            step: &step,
            out,
        }
        .run();
    }
}

/// The sums of one column tile, to be put together.
pub(super) struct Combine<'a> {
    pub(super) sums: &'a PairSums,
    pub(super) n_digits: usize,
    pub(super) tile_rows: usize,
    pub(super) c: usize,
    pub(super) start: Option<&'a Line>,
    pub(super) step: &'a [f32; PANEL],
    pub(super) out: &'a mut [Line],
}

impl Combine<'_> {
    fn run(self) {
        #[cfg(target_arch = "x86_64")]
        if Level::current() == Level::Avx512 {
            // SAFETY: this level is current only where the processor has AVX-512 F.
            unsafe { super::wide::combine(self) };
            return;
        }
        for (tile, out) in self.sums.0.iter().zip(self.out.chunks_mut(self.tile_rows)) {
            let [high, middle, low] = tile;
            for (m, out) in out.iter_mut().enumerate() {
                for n in 0..TILE_ROWS {
                    let j = 16 * self.c + n;
                    let [high, middle, low] = [high, middle, low].map(|sums| sums[m][n] as f32);
                    let sum = match self.n_digits {
                        2 => high * 256.0 + middle,
                        _ => high * 65_536.0 + (middle * 256.0 + low),
                    };
                    let start = self.start.map_or(out.0[j], |start| start.0[j]);
                    out.0[j] = start + self.step[j] * sum;
                }
            }
        }
    }
}
