//! Sums over taps in registers.

#[cfg(target_arch = "x86_64")]
use gibbsian_core::simd::Level;

use super::staging::CHANNELS;
use super::weights::Strip;
#[cfg(target_arch = "x86_64")]
use super::x86;
use super::{COLUMNS, Convolution, Phase};

/// Some neighbouring numbers in a register.
pub(super) trait Vector<T>: Copy {
    const LANES: usize;
    /// Pixels, of two vectors each, whose sums the registers have room for beside the operands.
    const PIXELS: usize;
    /// Input channels of weights, of two vectors each, likewise.
    const ROWS: usize;
    fn splat(x: T) -> Self;
    /// # Safety
    /// So many numbers are there to be read.
    unsafe fn load(x: *const T) -> Self;
    /// # Safety
    /// So many numbers are there to be written.
    unsafe fn store(self, x: *mut T);
    /// `self + a b`, rounded once.
    fn plus_product(self, a: Self, b: Self) -> Self;
}

/// Types that there are kernels for.
pub trait Element: Sized {
    #[doc(hidden)]
    fn pass(pass: Pass<'_, Self>);
    #[doc(hidden)]
    fn strip(strip: Strip<'_, Self>);
}

/// One picture through a convolution.
pub struct Pass<'a, T> {
    pub(super) convolution: &'a Convolution,
    pub(super) staged: &'a [T],
    pub(super) packed: &'a [T],
    pub(super) out: &'a mut [T],
}

/// Neighbouring pixels of a phase, and some of their channels.
struct Tile<'a, T> {
    phase: &'a Phase,
    /// Their weights, the first column first.
    weights: &'a [T],
    row: usize,
    column: usize,
    /// The channels that are written, of which the last may be missing from the vectors.
    first: usize,
    n: usize,
}

impl<T: Copy + Default> Pass<'_, T> {
    #[inline(always)]
    pub(super) fn run<V: Vector<T>>(mut self) {
        let convolution = self.convolution;
        let written = convolution.channels.1;
        let blocks = self.packed.chunks_exact(convolution.packed_block());
        for (block, packed) in blocks.enumerate() {
            let mut rest = packed;
            for phase in &convolution.phases {
                let weights;
                (weights, rest) = rest.split_at(phase.taps.len() * convolution.channels.0 * COLUMNS);
                let left = COLUMNS.min(written - block * COLUMNS);
                let mut done = 0;
                while done < left {
                    let first = block * COLUMNS + done;
                    if left - done > V::LANES {
                        let n = (2 * V::LANES).min(left - done);
                        self.pixels::<V, 2>(phase, &weights[done.min(weights.len())..], first, n);
                        done += 2 * V::LANES;
                    } else {
                        let n = left - done;
                        self.pixels::<V, 1>(phase, &weights[done.min(weights.len())..], first, n);
                        done += V::LANES;
                    }
                }
            }
        }
    }

    /// All pixels of a phase, `N` vectors of channels.
    #[inline(always)]
    fn pixels<V: Vector<T>, const N: usize>(&mut self, phase: &Phase, weights: &[T], first: usize, n: usize) {
        let (n_rows, n_columns) = phase.n;
        // Tiles of nearly equal size; of two rows where one does not fill the registers.
        let n_tiles = n_columns.div_ceil(V::PIXELS).max(1);
        let high = if 2 * n_columns <= V::PIXELS { 2 } else { 1 };
        let mut row = 0;
        while row < n_rows {
            let n_high = high.min(n_rows - row);
            for tile in 0..n_tiles {
                let column = tile * n_columns / n_tiles;
                let wide = (tile + 1) * n_columns / n_tiles - column;
                let tile = Tile {
                    phase,
                    weights,
                    row,
                    column,
                    first,
                    n,
                };
                macro_rules! sized {
                    ($($two:literal)*; $($one:literal)*) => {
                        match (n_high, wide) {
                            $((2, $two) => self.tile::<V, N, 2, $two>(tile),)*
                            $((1, $one) => self.tile::<V, N, 1, $one>(tile),)*
                            _ => {}
                        }
                    };
                }
                sized!(1 2 3 4 5 6 7; 1 2 3 4 5 6 7 8 9 10 11 12 13 14);
            }
            row += n_high;
        }
    }

    /// `H` rows of `W` pixels.
    #[inline(always)]
    fn tile<V: Vector<T>, const N: usize, const H: usize, const W: usize>(&mut self, tile: Tile<'_, T>) {
        if H * W > V::PIXELS {
            return;
        }
        let Tile { phase, weights, .. } = tile;
        let staging = &self.convolution.staging;
        let base = phase.base + tile.row * phase.row_step + tile.column * CHANNELS;
        let channels = self.convolution.channels.0;
        let mut sums = [[[V::splat(T::default()); N]; W]; H];
        let mut w = weights.as_ptr();
        let n_lines = phase.taps.len() * channels;
        assert!(n_lines == 0 || (n_lines - 1) * COLUMNS + N * V::LANES <= weights.len());
        for &(_, offset) in &phase.taps {
            let mut at = base + offset;
            let mut left = channels;
            while left > 0 {
                let n = left.min(CHANNELS);
                assert!(at + (H - 1) * phase.row_step + (W - 1) * CHANNELS + n <= self.staged.len());
                // SAFETY: the farthest number that is read lies within the slice, by the assertion above.
                let x: [*const T; H] =
                    std::array::from_fn(|h| unsafe { self.staged.as_ptr().add(at + h * phase.row_step) });
                for c in 0..n {
                    // SAFETY: as many lines of weights as taps and channels were found to be there, and so were the pixels.
                    unsafe {
                        let line: [V; N] = std::array::from_fn(|i| V::load(w.add(i * V::LANES)));
                        for (x, sums) in x.iter().zip(&mut sums) {
                            for (k, sums) in sums.iter_mut().enumerate() {
                                let x = V::splat(*x.add(k * CHANNELS + c));
                                for (sum, line) in sums.iter_mut().zip(line) {
                                    *sum = sum.plus_product(x, line);
                                }
                            }
                        }
                        w = w.wrapping_add(COLUMNS);
                    }
                }
                at += staging.block;
                left -= n;
            }
        }
        let numbers = stored::<T, V, N, H, W>(sums);
        let (spread, written) = (self.convolution.spread, self.convolution.channels.1);
        for (k, numbers) in numbers.chunks_exact(N * V::LANES).take(H * W).enumerate() {
            let y = phase.first.0 + (tile.row + k / W) * spread;
            let x = phase.first.1 + (tile.column + k % W) * spread;
            let pixel = y * self.convolution.out.1 + x;
            let out = &mut self.out[pixel * written + tile.first..][..tile.n];
            if tile.n == N * V::LANES {
                out.copy_from_slice(&numbers[..N * V::LANES]);
            } else {
                out.copy_from_slice(&numbers[..tile.n]);
            }
        }
    }
}

/// Numbers of all sums of a tile.
const MOST: usize = 14 * COLUMNS;

/// The numbers of some sums, one vector after the other.
///
/// Only loops that are unrolled whole touch the sums: the compiler keeps an array in registers only if every place in it is known.
#[inline(always)]
fn stored<T: Copy + Default, V: Vector<T>, const N: usize, const H: usize, const W: usize>(
    sums: [[[V; N]; W]; H],
) -> [T; MOST] {
    let mut numbers = [T::default(); MOST];
    assert!(H * W * N * V::LANES <= MOST);
    let mut at = numbers.as_mut_ptr();
    for sums in sums {
        for sums in sums {
            for sum in sums {
                // SAFETY: there is room for the numbers of all vectors, by the assertion above.
                unsafe {
                    sum.store(at);
                    at = at.add(V::LANES);
                }
            }
        }
    }
    numbers
}

impl<T: Copy + Default + std::ops::AddAssign> Strip<'_, T> {
    #[inline(always)]
    pub(super) fn run<V: Vector<T>>(mut self) {
        let n_out = self.convolution.channels.1;
        let mut first = 0;
        while first < n_out {
            if n_out - first > V::LANES {
                self.columns::<V, 2>(first);
                first += 2 * V::LANES;
            } else {
                self.columns::<V, 1>(first);
                first += V::LANES;
            }
        }
    }

    /// All weights of some output channels.
    #[inline(always)]
    fn columns<V: Vector<T>, const N: usize>(&mut self, first: usize) {
        let (n_in, n_out) = self.convolution.channels;
        let n = (N * V::LANES).min(n_out - first);
        for &(tap, offset) in &self.convolution.phases[0].taps {
            for c in (0..n_in).step_by(V::ROWS) {
                let place = offset + c / CHANNELS * self.convolution.staging.block + c % CHANNELS;
                let rows = V::ROWS.min(n_in - c);
                let at = (tap * n_in + c) * n_out + first;
                match V::ROWS {
                    8 => self.sums::<V, N, 8>(place, first, rows, at, n),
                    _ => self.sums::<V, N, 4>(place, first, rows, at, n),
                }
            }
        }
    }

    /// `R` input channels times `N` vectors of output channels.
    #[inline(always)]
    fn sums<V: Vector<T>, const N: usize, const R: usize>(
        &mut self,
        place: usize,
        first: usize,
        rows: usize,
        at: usize,
        n: usize,
    ) {
        if R > V::ROWS {
            return;
        }
        let (width, pitch) = (self.width, self.pitch);
        let mut sums = [[V::splat(T::default()); N]; R];
        for &(x, u) in self.rows {
            let x = &self.staged[place + x..][..(width - 1) * CHANNELS + R];
            let u = &u[first..][..(width - 1) * pitch + N * V::LANES];
            for k in 0..width {
                // SAFETY: the slices end after the last pixel's numbers.
                unsafe {
                    let u: [V; N] =
                        std::array::from_fn(|i| V::load(u.as_ptr().add(k * pitch + i * V::LANES)));
                    for (r, sums) in sums.iter_mut().enumerate() {
                        let x = V::splat(*x.get_unchecked(k * CHANNELS + r));
                        for (sum, u) in sums.iter_mut().zip(u) {
                            *sum = sum.plus_product(x, u);
                        }
                    }
                }
            }
        }
        let numbers = stored::<T, V, N, 1, R>([sums]);
        let n_out = self.convolution.channels.1;
        for (r, numbers) in numbers.chunks_exact(N * V::LANES).take(rows).enumerate() {
            let out = &mut self.out[at + r * n_out..][..n];
            for (out, x) in out.iter_mut().zip(numbers) {
                *out += *x;
            }
        }
    }
}

macro_rules! kernels {
    ($type:ty, $name:ident) => {
        impl Vector<$type> for [$type; 4] {
            const LANES: usize = 4;
            const PIXELS: usize = 4;
            const ROWS: usize = 4;

            #[inline(always)]
            fn splat(x: $type) -> Self {
                [x; 4]
            }

            #[inline(always)]
            unsafe fn load(x: *const $type) -> Self {
                // SAFETY: the caller's.
                unsafe { x.cast::<Self>().read_unaligned() }
            }

            #[inline(always)]
            unsafe fn store(self, x: *mut $type) {
                // SAFETY: the caller's.
                unsafe { x.cast::<Self>().write_unaligned(self) }
            }

            #[inline(always)]
            fn plus_product(self, a: Self, b: Self) -> Self {
                std::array::from_fn(|l| a[l].mul_add(b[l], self[l]))
            }
        }

        impl Element for $type {
            fn pass(pass: Pass<'_, Self>) {
                #[cfg(target_arch = "x86_64")]
                match Level::current() {
                    // SAFETY: a level is current only where the processor has its instructions.
                    Level::Avx512 => return unsafe { x86::$name::pass_avx512(pass) },
                    // SAFETY: as above; the level has fused products, too.
                    Level::Avx2 => return unsafe { x86::$name::pass_avx2(pass) },
                    Level::Portable => {}
                }
                pass.run::<[$type; 4]>();
            }

            fn strip(strip: Strip<'_, Self>) {
                #[cfg(target_arch = "x86_64")]
                match Level::current() {
                    // SAFETY: as above.
                    Level::Avx512 => return unsafe { x86::$name::strip_avx512(strip) },
                    // SAFETY: as above.
                    Level::Avx2 => return unsafe { x86::$name::strip_avx2(strip) },
                    Level::Portable => {}
                }
                strip.run::<[$type; 4]>();
            }
        }
    };
}
kernels!(f32, single);
kernels!(f64, double);
