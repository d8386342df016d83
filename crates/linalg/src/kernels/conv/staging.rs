//! A copy of a picture with its border, laid out for the kernels.

use gibbsian_core::simd;

use super::Geometry;
use crate::product::Real;

/// Channels in a block.
pub(super) const CHANNELS: usize = 16;

/// Where the numbers of a staged picture lie: by row, block of channels, remainder of the column modulo the stride, column, channel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Staging {
    /// Rows, columns and channels of the picture.
    height: usize,
    width: usize,
    channels: usize,
    /// Zeros above and to the left.
    pub(super) before: usize,
    rows: usize,
    phases: usize,
    /// Columns of a phase.
    columns: usize,
    /// Distances of neighbouring blocks and rows.
    pub(super) block: usize,
    pub(super) row: usize,
}

impl Staging {
    /// Of what a convolution reads.
    pub(super) fn forward(g: Geometry) -> Self {
        let columns = (g.width + 2 * g.padding).div_ceil(g.stride);
        let sizes = (g.height, g.width, g.in_channels);
        Self::of(sizes, g.padding, g.height + 2 * g.padding, g.stride, columns)
    }

    /// Of what its transpose reads.
    pub(super) fn transposed(g: Geometry) -> Self {
        // Pixel y of the picture reads those of the result from (y + p) / s down to that many before it.
        let before = (g.kernel - 1) / g.stride - g.padding / g.stride;
        let size = |n: usize| (n - 1 + g.padding) / g.stride + 1 + before;
        let sizes = (g.out_height(), g.out_width(), g.out_channels);
        Self::of(sizes, before, size(g.height), 1, size(g.width))
    }

    fn of(sizes: (usize, usize, usize), before: usize, rows: usize, phases: usize, columns: usize) -> Self {
        let (height, width, channels) = sizes;
        let block = phases * columns * CHANNELS;
        Staging {
            height,
            width,
            channels,
            before,
            rows,
            phases,
            columns,
            block,
            row: channels.div_ceil(CHANNELS) * block,
        }
    }

    /// The distance of a pixel of the first block from the beginning.
    pub(super) fn place(&self, row: usize, phase: usize, column: usize) -> usize {
        row * self.row + (phase * self.columns + column) * CHANNELS
    }

    /// Numbers in all.
    pub(super) fn len(&self) -> usize {
        self.rows * self.row
    }

    /// Writes the copy. The numbers between the last channel and the end of its block are left as they are, and nobody's sum has them.
    pub(super) fn fill<T: Real>(&self, x: &[T], staged: &mut [T]) {
        simd::vectorized(Fill {
            staging: self,
            x: &x[..self.height * self.width * self.channels],
            staged: &mut staged[..self.len()],
        });
    }
}

/// So many numbers at the beginning of a buffer.
pub(super) fn room<T: Real>(buffer: &mut Vec<T>, n: usize) -> &mut [T] {
    if buffer.len() < n {
        buffer.resize(n, T::ZERO);
    }
    &mut buffer[..n]
}

struct Fill<'a, T> {
    staging: &'a Staging,
    x: &'a [T],
    staged: &'a mut [T],
}

impl<T: Real> simd::Vectorized for Fill<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Staging {
            height,
            width,
            channels,
            before,
            phases,
            columns,
            block,
            ..
        } = *self.staging;
        let rows = self.staged.chunks_exact_mut(self.staging.row);
        for (row, staged) in rows.enumerate() {
            if row < before || row >= before + height {
                staged.fill(T::ZERO);
                continue;
            }
            let x = &self.x[(row - before) * width * channels..][..width * channels];
            for (b, staged) in staged.chunks_exact_mut(block).enumerate() {
                let first = b * CHANNELS;
                let n = CHANNELS.min(channels - first);
                let (pixels, _) = staged.as_chunks_mut::<CHANNELS>();
                for (phase, pixels) in pixels.chunks_exact_mut(columns).enumerate() {
                    for (k, pixel) in pixels.iter_mut().enumerate() {
                        let column = k * phases + phase;
                        if column < before || column >= before + width {
                            *pixel = [T::ZERO; CHANNELS];
                            continue;
                        }
                        let x = &x[(column - before) * channels + first..][..n];
                        match x.first_chunk::<CHANNELS>() {
                            Some(x) => *pixel = *x,
                            None => pixel[..n].copy_from_slice(x),
                        }
                    }
                }
            }
        }
    }
}
