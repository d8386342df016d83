//! The matrix unit: finding it, setting it up for one thread, and the loop of a pair of row tiles.

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

/// The unit, configured for this thread while the value lives; or what it does, in plain integers.
pub(super) struct Unit {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    amx: Option<amx::Configured>,
    tile_rows: usize,
}

impl Unit {
    /// The matrix unit where there is one, for left tiles of so many rows and numbers of so many digits on the right.
    pub(super) fn new(tile_rows: usize, right_digits: usize) -> Self {
        Unit {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            amx: is_present().then(|| amx::Configured::new(tile_rows, right_digits)),
            tile_rows,
        }
    }

    /// The same in plain integers.
    #[cfg(test)]
    pub(super) fn plain(tile_rows: usize) -> Self {
        Unit {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            amx: None,
            tile_rows,
        }
    }

    /// Computes the sums of one pair.
    #[inline]
    pub(super) fn multiply(&self, operands: Operands<'_>, sums: &mut PairSums) {
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        if let Some(amx) = &self.amx {
            return amx.multiply(operands, sums);
        }
        self.multiply_plainly(operands, sums);
    }

    fn multiply_plainly(&self, operands: Operands<'_>, sums: &mut PairSums) {
        *sums = PairSums::ZERO;
        for k in 0..operands.n_blocks() {
            for (t, sums) in sums.0.iter_mut().enumerate() {
                for a in 0..operands.left_digits {
                    // Products below the least significant sum are left out.
                    for b in 0..operands.right_digits - a {
                        let left = &operands.left[k * operands.stride + t * operands.left_digits + a];
                        let right = &operands.right[k * operands.right_digits + b];
                        add_product(left, right, self.tile_rows, &mut sums[a + b]);
                    }
                }
            }
        }
    }
}

/// Adds the product of two tiles.
fn add_product(left: &Tile, right: &Tile, n_rows: usize, sums: &mut Sums) {
    for (m, sums) in sums.iter_mut().enumerate().take(n_rows) {
        for (n, sum) in sums.iter_mut().enumerate() {
            for k in 0..64 {
                let (x, y) = (left.0[64 * m + k], right.0[64 * (k / 4) + 4 * n + k % 4]);
                *sum += i32::from(x) * i32::from(y as i8);
            }
        }
    }
}

/// Whether this process can use the unit.
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
