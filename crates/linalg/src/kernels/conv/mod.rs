//! Convolutions of pictures with channels, their transposes, and the gradients of their weights.
//!
//! A picture is a row of numbers with the channels of a pixel side by side: number `c` of pixel `(y, x)` is at `(y · width + x) · channels + c`. So a layer that acts on every pixel alone is
//! a product of a matrix of pixels, and the vector of a pixel's channels is what the kernels below compute at once. Weights are a matrix of `kernel² · in_channels` rows, in the order `(k_y, k_x, c_in)`, and
//! `out_channels` columns:
//!
//! ```text
//! out[y, x, o] = Σ_{i, j, c} in[s y + i − p, s x + j − p, c] · w[(i, j, c), o]          stride s, padding p with zeros
//! ```
//!
//! **Forward and transposed.** The transpose, the gradient in the picture, is again a sum over taps: pixels of one remainder modulo the stride have the same ones. Both are one loop, with another list of taps.
//! It reads a copy of the picture with its border, in blocks of 16 channels, in which the neighbours that a tap of fourteen pixels touches are a constant distance apart. Fourteen pixels times 32
//! channels are 28 of the 32 registers of 512 bits; a channel of the fourteen is broadcast, multiplied by two vectors of weights, and added. The copy costs 3 % of the time at 32 channels; the matrix that
//! would make it a product (`kernel²` copies) would cost more than half as much as that product.
//!
//! **Weight gradient.** The sums of eight input times 32 output channels stay in registers over a strip of about a hundred pixels.
//!
//! **Rounding.** Every output is one chain of fused multiply-adds, in the order of the weights' rows of each pixel's own taps, whatever the vector width and the place of the pixel; a weight's gradient is
//! such a chain over a strip, and the sum of strips. So the bits are the same on all processors; those without the fused instruction call a function for it and take long.

mod kernel;
mod staging;
mod weights;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use kernel::Element;
pub use weights::add_weight_gradient;

use kernel::Pass;
use staging::Staging;

use crate::product::Real;

/// Sizes of a convolution with square kernels.
///
/// ```
/// use gibbsian_linalg::kernels::conv::Geometry;
///
/// let kept = Geometry::same(3, 8, 28, 28, 5);
/// assert_eq!((kept.out_height(), kept.out_width()), (28, 28));
/// let halved = Geometry { stride: 2, ..kept };
/// assert_eq!((halved.out_height(), halved.out_len()), (14, 8 * 14 * 14));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// Channels of the picture.
    pub in_channels: usize,
    /// Channels of the result.
    pub out_channels: usize,
    /// Pixels of the picture from top to bottom.
    pub height: usize,
    /// Pixels of the picture from left to right.
    pub width: usize,
    /// Taps of the kernel in either direction.
    pub kernel: usize,
    /// Pixels of the picture between neighbouring pixels of the result.
    pub stride: usize,
    /// Zeros around the picture on every side; fewer than taps.
    pub padding: usize,
}

impl Geometry {
    /// A kernel of odd size that keeps the size of the picture.
    pub fn same(in_channels: usize, out_channels: usize, height: usize, width: usize, kernel: usize) -> Self {
        Geometry {
            in_channels,
            out_channels,
            height,
            width,
            kernel,
            stride: 1,
            padding: kernel / 2,
        }
    }

    /// Pixels of the result from top to bottom.
    pub fn out_height(&self) -> usize {
        (self.height + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Pixels of the result from left to right.
    pub fn out_width(&self) -> usize {
        (self.width + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Numbers of a picture.
    pub fn in_len(&self) -> usize {
        self.height * self.width * self.in_channels
    }

    /// Numbers of a result.
    pub fn out_len(&self) -> usize {
        self.out_height() * self.out_width() * self.out_channels
    }

    /// Rows and columns of the weights.
    pub fn weights(&self) -> (usize, usize) {
        (self.kernel * self.kernel * self.in_channels, self.out_channels)
    }

    /// # Panics
    /// When there is nothing to convolve, the kernel is larger than the picture with its border, or the border as wide as the kernel.
    pub fn check(&self) {
        let sizes = [self.in_channels, self.out_channels, self.height, self.width];
        assert!(
            sizes.iter().all(|n| *n > 0) && self.kernel > 0 && self.stride > 0,
            "sizes of a convolution are positive: {self:?}"
        );
        assert!(self.padding < self.kernel, "fewer zeros than taps: {self:?}");
        assert!(
            self.kernel <= self.height.min(self.width) + 2 * self.padding,
            "a kernel no larger than the picture with its border: {self:?}"
        );
    }
}

/// Columns of weights that lie side by side when they are packed.
const COLUMNS: usize = 32;

/// Pixels that have the same taps.
#[derive(Clone, Debug)]
struct Phase {
    /// Which tap of the kernel each is, `k_y · kernel + k_x`, and how far from the first pixel's place its numbers are staged.
    taps: Vec<(usize, usize)>,
    /// The first pixel's row and column in the result, and the rows and columns that there are, a stride apart.
    first: (usize, usize),
    n: (usize, usize),
    /// Where the first pixel's numbers are staged.
    base: usize,
    /// How far apart the numbers of neighbouring rows are staged.
    row_step: usize,
}

/// A convolution or its transpose, with everything that depends on the sizes alone.
///
/// ```
/// use gibbsian_linalg::kernels::conv::{Convolution, Geometry};
///
/// // The sum of each pixel and its right neighbour.
/// let geometry = Geometry { in_channels: 1, out_channels: 1, height: 1, width: 3, kernel: 3, stride: 1, padding: 1 };
/// let w = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0];
/// let (mut room, mut out) = (Vec::new(), [0.0; 3]);
/// for (pass, expected) in [
///     (Convolution::new(geometry), [3.0, 6.0, 4.0]),
///     (Convolution::transposed(geometry), [1.0, 3.0, 6.0]),
/// ] {
///     let mut packed = vec![0.0; pass.packed_len()];
///     pass.pack_into(&w, &mut packed);
///     pass.run_into(&packed, &[1.0, 2.0, 4.0], &mut out, &mut room);
///     assert_eq!(out, expected);
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Convolution {
    geometry: Geometry,
    is_transposed: bool,
    staging: Staging,
    phases: Vec<Phase>,
    /// Channels that are read and written.
    channels: (usize, usize),
    /// Rows and columns of pixels that are written.
    out: (usize, usize),
    /// Pixels of the result between those of a phase.
    spread: usize,
}

impl Convolution {
    /// From the picture to the result.
    ///
    /// # Panics
    /// When the sizes do not fit ([`Geometry::check`]).
    pub fn new(geometry: Geometry) -> Self {
        geometry.check();
        let Geometry { kernel, stride, .. } = geometry;
        let staging = Staging::forward(geometry);
        let taps = (0..kernel * kernel).map(|tap| {
            let (i, j) = (tap / kernel, tap % kernel);
            (tap, staging.place(i, j % stride, j / stride))
        });
        let out = (geometry.out_height(), geometry.out_width());
        let phase = Phase {
            taps: taps.collect(),
            first: (0, 0),
            n: out,
            base: 0,
            row_step: stride * staging.row,
        };
        Convolution {
            geometry,
            is_transposed: false,
            staging,
            phases: vec![phase],
            channels: (geometry.in_channels, geometry.out_channels),
            out,
            spread: 1,
        }
    }

    /// From the result to the picture: `in[y, x, c] = Σ out[v, u, o] w[(i, j, c), o]` over all `s v + i − p = y` and `s u + j − p = x`.
    ///
    /// # Panics
    /// When the sizes do not fit ([`Geometry::check`]).
    pub fn transposed(geometry: Geometry) -> Self {
        geometry.check();
        let Geometry {
            kernel,
            stride,
            padding,
            ..
        } = geometry;
        let staging = Staging::transposed(geometry);
        let out = (geometry.height, geometry.width);
        // Along either axis, pixel `y` with `y + p = s q + r` has the taps `r + s t`, of the pixels `q − t`; the last tap comes first in memory.
        let axis = |r: usize, size: usize, before: usize| {
            let n_taps = kernel.saturating_sub(r).div_ceil(stride);
            let first = (r + stride - padding % stride) % stride;
            let n = size.saturating_sub(first).div_ceil(stride);
            let base = (first + padding) / stride + before + 1 - n_taps.max(1);
            (n_taps, first, n, base)
        };
        let mut phases = Vec::new();
        for (r, c) in (0..stride * stride).map(|k| (k / stride, k % stride)) {
            let (v_taps, first_row, n_rows, base_row) = axis(r, out.0, staging.before);
            let (h_taps, first_column, n_columns, base_column) = axis(c, out.1, staging.before);
            let tap = |t: usize, u: usize| {
                let which = (r + stride * t) * kernel + c + stride * u;
                (which, staging.place(v_taps - 1 - t, 0, h_taps - 1 - u))
            };
            phases.push(Phase {
                taps: (0..v_taps)
                    .flat_map(|t| (0..h_taps).map(move |u| (t, u)))
                    .map(|(t, u)| tap(t, u))
                    .collect(),
                first: (first_row, first_column),
                n: (n_rows, n_columns),
                base: staging.place(base_row, 0, base_column),
                row_step: staging.row,
            });
        }
        Convolution {
            geometry,
            is_transposed: true,
            staging,
            phases,
            channels: (geometry.out_channels, geometry.in_channels),
            out,
            spread: stride,
        }
    }

    /// The sizes.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// Numbers of the packed weights.
    pub fn packed_len(&self) -> usize {
        self.channels.1.div_ceil(COLUMNS) * self.packed_block()
    }

    /// Numbers of the packed weights of 32 channels.
    fn packed_block(&self) -> usize {
        let n_taps: usize = self.phases.iter().map(|phase| phase.taps.len()).sum();
        n_taps * self.channels.0 * COLUMNS
    }

    /// Puts weights into the order in which [`Convolution::run_into`] reads them.
    ///
    /// # Panics
    /// When `w` or `packed` has another length than the sizes say.
    pub fn pack_into<T: Real>(&self, w: &[T], packed: &mut [T]) {
        let (n_in, n_out) = (self.geometry.in_channels, self.geometry.out_channels);
        let (n_rows, n_columns) = self.geometry.weights();
        assert_eq!(w.len(), n_rows * n_columns, "numbers of the weights");
        assert_eq!(packed.len(), self.packed_len(), "numbers of the packed weights");
        let (read, written) = self.channels;
        for (block, packed) in packed.chunks_exact_mut(self.packed_block()).enumerate() {
            let first = block * COLUMNS;
            let n = COLUMNS.min(written - first);
            let taps = self.phases.iter().flat_map(|phase| &phase.taps);
            for (&(tap, _), packed) in taps.zip(packed.chunks_exact_mut(read * COLUMNS)) {
                let w = &w[tap * n_in * n_out..][..n_in * n_out];
                if self.is_transposed {
                    for k in 0..COLUMNS {
                        for (c, line) in packed.chunks_exact_mut(COLUMNS).enumerate() {
                            line[k] = if k < n {
                                w[(first + k) * n_out + c]
                            } else {
                                T::ZERO
                            };
                        }
                    }
                } else {
                    for (line, w) in packed.chunks_exact_mut(COLUMNS).zip(w.chunks_exact(n_out)) {
                        line[..n].copy_from_slice(&w[first..first + n]);
                        line[n..].fill(T::ZERO);
                    }
                }
            }
        }
    }

    /// Convolves pictures, one after the other in `x` and `out`; `room` is memory that calls use again.
    ///
    /// # Panics
    /// When `x`, `out` or `packed` has another length than the sizes say.
    pub fn run_into<T: Real>(&self, packed: &[T], x: &[T], out: &mut [T], room: &mut Vec<T>) {
        let (mut from, mut to) = (self.geometry.in_len(), self.geometry.out_len());
        if self.is_transposed {
            (from, to) = (to, from);
        }
        assert!(
            x.len().is_multiple_of(from) && out.len() == x.len() / from * to,
            "{} and {} numbers of pictures of {from} and {to}",
            x.len(),
            out.len(),
        );
        assert_eq!(packed.len(), self.packed_len(), "numbers of the packed weights");
        let staged = staging::room(room, self.staging.len());
        for (x, out) in x.chunks_exact(from).zip(out.chunks_exact_mut(to)) {
            self.staging.fill(x, staged);
            T::pass(Pass {
                convolution: self,
                staged,
                packed,
                out,
            });
        }
    }
}

#[cfg(test)]
mod tests;
