//! Products on the matrix unit of a processor, in integers.
//!
//! Recent server processors multiply tiles of bytes: one instruction adds 16 × 64 times 64 × 16 products to 256 sums of 32 bits, some thirty times the rate of single-precision
//! vectors. Bytes are too coarse for weights, but a number is a few bytes:
//!
//! - a column of a panel is put on a grid of its own, `w ≈ q s` with `s = max|w| / L`, and `q` is written in two or three **balanced digits** `−128 … 127` ([`TilePanel`]):
//!   `L = 32639` with two, `L = 2²²` with three;
//! - rows are bits, or means in `[0, 1]` on the grid of 1/65535 in two digits `0 … 255` ([`TileRows`]);
//! - products of digits are added in 32-bit integers, exactly, and the sums are put together in single precision.
//!
//! So a product of `n` active bits is off by at most `n s / 2` from rounding to the grid, and by the rounding of the last additions. With three digits (`s / 2 = 2⁻²³ max|w|`) that is the precision of
//! a single-precision sum, by another road; with two, `2⁻¹⁶ max|w|` an active bit, it is that of weights split into a pair of bfloat16 numbers. A product of means leaves out the product of the two lower
//! digits. The sums are integers, so no result depends on the order of anything; but they are not the bits of [`gather`](super::gather), which rounds at every addition. [`Arithmetic`] is the choice.
//!
//! The instructions are Intel's AMX, entered by inline assembly and by permission of Linux. Elsewhere [`available`] is false, and vectors of bytes (AVX-512 VNNI) take the unit's place where the
//! processor has them; they are no faster than lists. What the unit does is written out in plain integers too, which tests compare both with and which any processor can run.

mod panel;
mod product;
mod rows;
mod unit;
#[cfg(target_arch = "x86_64")]
mod wide;

pub use panel::TilePanel;
pub use product::{add_product, for_each_pair, product};
pub use rows::{RowsBlock, TileRows};

use std::sync::atomic::{AtomicBool, Ordering};

/// Digits of the numbers of a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digits {
    /// 15 bits and a sign.
    Two = 2,
    /// 22 bits and a sign.
    Three = 3,
}

impl Digits {
    /// The largest magnitude of `q`.
    fn limit(self) -> f32 {
        match self {
            Digits::Two => 32_639.0,
            Digits::Three => 4_194_304.0,
        }
    }
}

/// Digits of a mean.
const MEAN_DIGITS: usize = 2;
/// A mean of one, on its grid.
const ONE: f32 = 65_535.0;
/// Adding this to a number of at most 2²² in magnitude rounds it to an integer, half to even, and leaves the integer in the low bits.
const ROUNDER: f32 = 12_582_912.0;
/// Rows that a tile has room for.
const TILE_ROWS: usize = 16;

/// 16 rows of 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Tile([u8; 1024]);

impl Tile {
    const ZERO: Tile = Tile([0; 1024]);
}

static ALLOWED: AtomicBool = AtomicBool::new(true);

/// Whether this process can use a matrix unit.
pub fn available() -> bool {
    unit::is_present()
}

/// Allows [`Arithmetic::Fastest`] to use the matrix unit from now on in this process, or forbids it; allowed at the start.
pub fn allow(yes: bool) {
    ALLOWED.store(yes, Ordering::Relaxed);
}

/// How products of binary states with weights are computed, where a caller has the choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arithmetic {
    /// In tiles where there is a matrix unit that is [allowed](allow) and large enough layers, by lists elsewhere. Results of different processors agree as far as rounding does.
    #[default]
    Fastest,
    /// By lists of active lines, in single precision: the same bits on every processor.
    Lists,
    /// In tiles: the same bits on every processor, namely those that a matrix unit gives. Without one long chains take the time of lists where there is AVX-512 VNNI,
    /// and single steps more, because changed weights are put into digits again; in plain integers, elsewhere, it is slow.
    Tiles,
}

impl Arithmetic {
    /// Whether to compute in tiles, for layers that fill them or not.
    pub fn uses_tiles(self, fills_them: bool) -> bool {
        match self {
            Arithmetic::Fastest => fills_them && ALLOWED.load(Ordering::Relaxed) && available(),
            Arithmetic::Lists => false,
            Arithmetic::Tiles => true,
        }
    }
}

/// The number whose low bits are `x` rounded to an integer plus `offset`, for `|x| ≤ 2²²`.
#[inline(always)]
fn rounded(x: f32, offset: u32) -> u32 {
    (x + ROUNDER)
        .to_bits()
        .wrapping_sub(ROUNDER.to_bits())
        .wrapping_add(offset)
}

#[cfg(test)]
mod tests;
