//! The left operand: many rows of bits or of means.

#[cfg(target_arch = "x86_64")]
use gibbsian_core::simd::Level;
use rayon::prelude::*;

use super::{MEAN_DIGITS, ONE, TILE_ROWS, Tile, rounded};
use crate::kernels::{Line, PANEL};

/// The most rows that are multiplied at once.
pub(super) const PAIR: usize = 2 * TILE_ROWS;

/// Rows of bits, or of numbers in `[0, 1]`, as the matrix unit takes them.
///
/// They are stored by blocks of 64 columns, so that different tasks can write different blocks.
#[derive(Clone, Debug, Default)]
pub struct TileRows {
    n: usize,
    n_blocks: usize,
    n_digits: usize,
    /// Rows of a tile: as few as the number of tiles allows, since time goes by rows.
    tile_rows: usize,
    /// `tiles[k][t][d]`: digit `d`, the most significant first, of rows `tile_rows · t …` and columns `64 k …`; tiles come in pairs.
    tiles: Vec<Tile>,
}

impl TileRows {
    /// Makes room for `n` rows of bits in `n_blocks` blocks of 64.
    pub fn reset_bits(&mut self, n: usize, n_blocks: usize) {
        self.reset(n, n_blocks, 1);
    }

    /// Makes room for `n` rows of means in `n_blocks` blocks of 64.
    pub fn reset_means(&mut self, n: usize, n_blocks: usize) {
        self.reset(n, n_blocks, MEAN_DIGITS);
    }

    fn reset(&mut self, n: usize, n_blocks: usize, n_digits: usize) {
        if (self.n, self.n_blocks, self.n_digits) == (n, n_blocks, n_digits) {
            return;
        }
        (self.n, self.n_blocks, self.n_digits) = (n, n_blocks, n_digits);
        self.tile_rows = n.div_ceil(2 * n.div_ceil(PAIR).max(1)).max(1);
        // Rows beyond the last are multiplied too, as zeros.
        self.tiles.clear();
        self.tiles.resize(n_blocks * self.block_tiles(), Tile::ZERO);
    }

    fn block_tiles(&self) -> usize {
        2 * self.n.div_ceil(PAIR) * self.n_digits
    }

    /// The number of rows.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Blocks of 64 columns.
    pub fn n_blocks(&self) -> usize {
        self.n_blocks
    }

    /// The blocks of 64 columns, to be written in any order.
    pub fn blocks_mut(&mut self) -> impl IndexedParallelIterator<Item = RowsBlock<'_>> {
        let (n_digits, tile_rows, size) = (self.n_digits, self.tile_rows, self.block_tiles().max(1));
        self.tiles.par_chunks_mut(size).map(move |tiles| RowsBlock {
            n_digits,
            tile_rows,
            tiles,
        })
    }

    pub(super) fn n_digits(&self) -> usize {
        self.n_digits
    }

    pub(super) fn tile_rows(&self) -> usize {
        self.tile_rows
    }

    /// The tiles of pair `pair` from the first block on; those of the next block lie [`TileRows::stride`] further.
    pub(super) fn pair(&self, pair: usize) -> &[Tile] {
        &self.tiles[2 * pair * self.n_digits..]
    }

    /// Tiles from a block to the next.
    pub(super) fn stride(&self) -> usize {
        self.block_tiles()
    }
}

/// 64 columns of a [`TileRows`].
pub struct RowsBlock<'a> {
    n_digits: usize,
    tile_rows: usize,
    tiles: &'a mut [Tile],
}

impl RowsBlock<'_> {
    /// Sets rows from `first` on: bit `i` of a mask is column `i`.
    ///
    /// # Panics
    /// When the block is one of means, or there are more masks than rows.
    pub fn set_bits(&mut self, first: usize, masks: &[u64]) {
        self.each_row(first, masks, |bytes, bits| *bytes = bits.to_le_bytes());
    }

    /// Adds one to the columns of rows from `first` on whose bits are set, to count in how many of up to 255 copies they are.
    ///
    /// # Panics
    /// As [`RowsBlock::set_bits`].
    pub fn add_bits(&mut self, first: usize, masks: &[u64]) {
        self.each_row(first, masks, |bytes, bits| {
            *bytes = u64::from_le_bytes(*bytes).wrapping_add(bits).to_le_bytes();
        });
    }

    /// Calls `f` with eight bytes of a row and a byte for each of eight bits of its mask, one after another.
    #[inline(always)]
    fn each_row(&mut self, first: usize, masks: &[u64], f: impl Fn(&mut [u8; 8], u64)) {
        assert_eq!(self.n_digits, 1, "a block of bits");
        for (k, mask) in masks.iter().enumerate() {
            let row = first + k;
            let at = 64 * (row % self.tile_rows);
            let bytes = &mut self.tiles[row / self.tile_rows].0[at..at + PANEL];
            for (bytes, eight) in bytes.as_chunks_mut().0.iter_mut().zip(mask.to_le_bytes()) {
                f(bytes, SPREAD[eight as usize]);
            }
        }
    }

    /// Sets rows from `first` on to numbers in `[0, 1]`, a line a row.
    ///
    /// # Panics
    /// When the block is one of bits, or there are more lines than rows.
    pub fn set_means(&mut self, first: usize, lines: &[Line]) {
        assert_eq!(self.n_digits, MEAN_DIGITS, "a block of means");
        SetMeans {
            first,
            lines,
            tile_rows: self.tile_rows,
            tiles: self.tiles,
        }
        .run();
    }
}

/// A byte for each bit of a byte.
const SPREAD: [u64; 256] = {
    let mut spread = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut i = 0;
        while i < 8 {
            spread[byte] |= (byte as u64 >> i & 1) << (8 * i);
            i += 1;
        }
        byte += 1;
    }
    spread
};

/// Rows of means, to be written.
pub(super) struct SetMeans<'a> {
    pub(super) first: usize,
    pub(super) lines: &'a [Line],
    pub(super) tile_rows: usize,
    pub(super) tiles: &'a mut [Tile],
}

impl SetMeans<'_> {
    fn run(self) {
        #[cfg(target_arch = "x86_64")]
        if Level::current() == Level::Avx512 {
            // SAFETY: this level is current only where the processor has AVX-512 F and BW.
            unsafe { super::wide::set_means(self) };
            return;
        }
        for (k, line) in self.lines.iter().enumerate() {
            let row = self.first + k;
            let tiles = &mut self.tiles[row / self.tile_rows * MEAN_DIGITS..][..MEAN_DIGITS];
            for (i, x) in line.0.iter().enumerate() {
                let word = rounded(x * ONE, 0);
                for (d, tile) in tiles.iter_mut().enumerate() {
                    tile.0[64 * (row % self.tile_rows) + i] = (word >> (8 * (MEAN_DIGITS - 1 - d))) as u8;
                }
            }
        }
    }
}
