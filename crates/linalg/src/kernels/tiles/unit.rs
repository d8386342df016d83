//! What multiplies tiles: a matrix unit, found and set up for one thread, vectors of bytes, or plain integers; and the loop of a pair of row tiles.

use gibbsian_core::simd::{Vectorized, vectorized};

use super::Tile;

/// 16 × 16 sums.
pub(super) type Sums = [[i32; 16]; 16];

/// The sums of one pair of row tiles with one column tile: of row tile `t` and the `s`-th significance, the highest first; as many as the panel has digits.
#[repr(C, align(64))]
pub(super) struct PairSums(pub(super) [[Sums; 3]; 2]);

impl PairSums {
    pub(super) const ZERO: PairSums = PairSums([[[[0; 16]; 16]; 3]; 2]);
}

/// The left tiles of a pair: `left[k · stride + t · left_digits + d]`; and the right ones: `right[k · right_digits + d]`.
#[derive(Clone, Copy)]
pub(super) struct Operands<'a> {
    pub(super) left: &'a [Tile],
    pub(super) stride: usize,
    pub(super) left_digits: usize,
    pub(super) right: &'a [Tile],
    pub(super) right_digits: usize,
}

impl Operands<'_> {
    fn n_blocks(&self) -> usize {
        self.right.len() / self.right_digits
    }
}

/// What multiplies tiles: the unit, configured for this thread while the value lives, or vectors of bytes, or plain integers.
pub(super) struct Unit {
    means: Means,
    tile_rows: usize,
}

enum Means {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Matrix(amx::Configured),
    #[cfg(target_arch = "x86_64")]
    Bytes(bytes::Instructions),
    Plain,
}

impl Unit {
    /// The fastest there is, for left tiles of so many rows and numbers of so many digits on the right.
    pub(super) fn new(tile_rows: usize, right_digits: usize) -> Self {
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        if is_present() {
            let means = Means::Matrix(amx::Configured::new(tile_rows, right_digits));
            return Unit { means, tile_rows };
        }
        let _ = right_digits;
        Unit::of_bytes(tile_rows).unwrap_or_else(|| Unit::plain(tile_rows))
    }

    /// By vectors of bytes, where the processor has the instructions.
    pub(super) fn of_bytes(tile_rows: usize) -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        return bytes::Instructions::find().map(|found| Unit {
            means: Means::Bytes(found),
            tile_rows,
        });
        #[cfg(not(target_arch = "x86_64"))]
        None
    }

    /// In plain integers.
    pub(super) fn plain(tile_rows: usize) -> Self {
        Unit {
            means: Means::Plain,
            tile_rows,
        }
    }

    /// Computes the sums of one pair.
    #[inline]
    pub(super) fn multiply(&self, operands: Operands<'_>, sums: &mut PairSums) {
        match &self.means {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Means::Matrix(unit) => unit.multiply(operands, sums),
            #[cfg(target_arch = "x86_64")]
            Means::Bytes(instructions) => instructions.multiply(operands, self.tile_rows, sums),
            Means::Plain => self.multiply_plainly(operands, sums),
        }
    }

    fn multiply_plainly(&self, operands: Operands<'_>, sums: &mut PairSums) {
        *sums = PairSums::ZERO;
        let tile_rows = self.tile_rows;
        vectorized(PlainProduct {
            operands,
            tile_rows,
            sums,
        });
    }
}

/// What the unit does for a pair, in plain integers; sums wrap, as there.
struct PlainProduct<'a> {
    operands: Operands<'a>,
    tile_rows: usize,
    sums: &'a mut PairSums,
}

impl Vectorized for PlainProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let operands = self.operands;
        for k in 0..operands.n_blocks() {
            for b in 0..operands.right_digits {
                let right = lines(&operands.right[k * operands.right_digits + b]);
                for (t, sums) in self.sums.0.iter_mut().enumerate() {
                    // Products below the least significant sum are left out.
                    for a in 0..operands.left_digits.min(operands.right_digits - b) {
                        let left = &operands.left[k * operands.stride + t * operands.left_digits + a];
                        add_product(left, &right, self.tile_rows, &mut sums[a + b]);
                    }
                }
            }
        }
    }
}

/// The 64 lines of a tile on the right, of which it has four by four side by side.
#[inline(always)]
fn lines(tile: &Tile) -> [[i32; 16]; 64] {
    let mut lines = [[0; 16]; 64];
    for (k, line) in lines.iter_mut().enumerate() {
        for (n, y) in line.iter_mut().enumerate() {
            *y = i32::from(tile.0[64 * (k / 4) + 4 * n + k % 4] as i8);
        }
    }
    lines
}

/// Adds the product of two tiles.
#[inline(always)]
fn add_product(left: &Tile, right: &[[i32; 16]; 64], n_rows: usize, sums: &mut Sums) {
    for (m, sums) in sums.iter_mut().enumerate().take(n_rows) {
        let mut line = *sums;
        for (&x, right) in left.0[64 * m..64 * (m + 1)].iter().zip(right) {
            // Most states are off.
            if x != 0 {
                for (sum, &y) in line.iter_mut().zip(right) {
                    *sum = sum.wrapping_add(i32::from(x).wrapping_mul(y));
                }
            }
        }
        *sums = line;
    }
}

/// Whether this process can use a matrix unit.
pub(super) fn is_present() -> bool {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    {
        use std::sync::OnceLock;
        static PRESENT: OnceLock<bool> = OnceLock::new();
        *PRESENT.get_or_init(amx::request)
    }
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    false
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod amx;
#[cfg(target_arch = "x86_64")]
mod bytes;
