//! The right operand: 64 columns in digits.

#[cfg(target_arch = "x86_64")]
use gibbsian_core::simd::Level;

use super::{Digits, Tile, rounded};
use crate::kernels::{Line, PANEL};

/// Columns of a tile.
const COLUMNS: usize = 16;
/// Tiles of 64 rows of a panel, one digit.
pub(super) const COLUMN_TILES: usize = PANEL / COLUMNS;
/// Added to `q`, it turns balanced digits into ordinary ones that are 128 larger; the byte above two digits is then never looked at.
pub(super) const BALANCE: u32 = 0x0080_8080;

/// A matrix of 64 columns as the matrix unit takes it: every column on a grid of its own, in two or three digits.
#[derive(Clone, Debug)]
pub struct TilePanel {
    n_blocks: usize,
    digits: Digits,
    /// `tiles[c][k][d]`: digit `d`, the most significant first, of rows `64 k …` and columns `16 c …`; byte `64 r + 4 n + i` is row `4 r + i`, column `n`.
    tiles: Vec<Tile>,
    /// The step of the grid, a column.
    step: Line,
}

impl Default for TilePanel {
    fn default() -> Self {
        TilePanel {
            n_blocks: 0,
            digits: Digits::Two,
            tiles: Vec::new(),
            step: Line::ZERO,
        }
    }
}

impl TilePanel {
    /// Takes `n_blocks` blocks of 64 rows: `block(k)` is at most 64 lines, behind which there are zeros, and a factor for them.
    ///
    /// Numbers must be finite and their products with the factor too.
    pub fn pack<'a>(&mut self, digits: Digits, n_blocks: usize, block: impl Fn(usize) -> (&'a [Line], f32)) {
        (self.n_blocks, self.digits) = (n_blocks, digits);
        self.tiles
            .resize(COLUMN_TILES * n_blocks * digits as usize, Tile::ZERO);
        let mut largest = Line::ZERO;
        for k in 0..n_blocks {
            let (lines, factor) = block(k);
            raise(lines, factor.abs(), &mut largest);
        }
        let mut scale = Line::ZERO;
        for (largest, (scale, step)) in largest.0.iter().zip(scale.0.iter_mut().zip(&mut self.step.0)) {
            // No grid is finer than the smallest normal number.
            let largest = largest.max(digits.limit() * f32::MIN_POSITIVE);
            (*scale, *step) = (digits.limit() / largest, largest / digits.limit());
        }
        for k in 0..n_blocks {
            let (lines, factor) = block(k);
            Pack {
                lines,
                factor,
                scale: &scale,
                k,
                n_blocks,
                n_digits: digits as usize,
                tiles: &mut self.tiles,
            }
            .run();
        }
    }

    /// Digits of the numbers.
    pub(super) fn n_digits(&self) -> usize {
        self.digits as usize
    }

    /// Blocks of 64 rows.
    pub fn n_blocks(&self) -> usize {
        self.n_blocks
    }

    /// The tiles of columns `16 c …`, a block of rows after the other.
    pub(super) fn tiles(&self, c: usize) -> &[Tile] {
        let n = self.n_blocks * self.n_digits();
        &self.tiles[c * n..(c + 1) * n]
    }

    /// The step of the grid, a column.
    pub(super) fn step(&self) -> &Line {
        &self.step
    }
}

/// Raises `largest` to the magnitudes of the columns.
fn raise(lines: &[Line], factor: f32, largest: &mut Line) {
    #[cfg(target_arch = "x86_64")]
    if Level::current() == Level::Avx512 {
        // SAFETY: this level is current only where the processor has AVX-512 F and DQ.
        unsafe { super::wide::raise(lines, factor, largest) };
        return;
    }
    for line in lines {
        for (largest, x) in largest.0.iter_mut().zip(&line.0) {
            *largest = largest.max(factor * x.abs());
        }
    }
}

/// Block `k` of a panel, to be written.
pub(super) struct Pack<'a> {
    pub(super) lines: &'a [Line],
    pub(super) factor: f32,
    pub(super) scale: &'a Line,
    pub(super) k: usize,
    pub(super) n_blocks: usize,
    pub(super) n_digits: usize,
    pub(super) tiles: &'a mut [Tile],
}

impl Pack<'_> {
    fn run(self) {
        #[cfg(target_arch = "x86_64")]
        if Level::current() == Level::Avx512 {
            // SAFETY: this level is current only where the processor has AVX-512 F.
            unsafe { super::wide::pack(self) };
            return;
        }
        self.plain();
    }

    fn plain(mut self) {
        for (i, line) in self.lines.iter().enumerate() {
            for (j, x) in line.0.iter().enumerate() {
                let word = rounded(x * (self.scale.0[j] * self.factor), BALANCE);
                self.set(i, j, word);
            }
        }
        for i in self.lines.len()..PANEL {
            (0..PANEL).for_each(|j| self.set(i, j, BALANCE));
        }
    }

    /// Sets the digits of the number in row `i` and column `j`; those of `word` are 128 larger.
    fn set(&mut self, i: usize, j: usize, word: u32) {
        for d in 0..self.n_digits {
            let tile = &mut self.tiles[(j / COLUMNS * self.n_blocks + self.k) * self.n_digits + d];
            let digit = (word >> (8 * (self.n_digits - 1 - d))) as u8;
            // Subtracting the 128 of the balance from a byte is flipping its top bit.
            tile.0[64 * (i / 4) + 4 * (j % COLUMNS) + i % 4] = digit ^ 0x80;
        }
    }
}
