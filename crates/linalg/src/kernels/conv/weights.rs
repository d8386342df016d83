//! Gradients of weights.

use super::Convolution;
use super::staging::{CHANNELS, room};
use crate::product::Real;

/// Pixels whose products are summed before they meet the rest, about.
const STRIP: usize = 112;
/// The most pictures in a strip.
const PICTURES: usize = 8;

/// Some rows of pixels, and the weights whose gradient they add to.
pub struct Strip<'a, T> {
    pub(super) convolution: &'a Convolution,
    pub(super) staged: &'a [T],
    /// For every row of the result, where the first pixel of its first tap is staged, and its numbers.
    pub(super) rows: &'a [(usize, &'a [T])],
    /// Pixels of a row of the result, and the numbers from one to the next.
    pub(super) width: usize,
    pub(super) pitch: usize,
    pub(super) out: &'a mut [T],
}

/// **Adds** `Σ Σ_{y, x} in[s y + i − p, s x + j − p, c] · u[y, x, o]` to the row `(i, j, c)` and column `o` of `sum`, over pairs of a picture and the cotangent `u` of its result; `room` is memory that
/// calls use again.
///
/// # Panics
/// When the convolution is a transposed one, or a length is another than its sizes say.
///
/// ```
/// use gibbsian_linalg::kernels::conv::{Convolution, Geometry, add_weight_gradient};
///
/// let geometry = Geometry { in_channels: 1, out_channels: 1, height: 1, width: 3, kernel: 1, stride: 1, padding: 0 };
/// let (x, u) = ([1.0, 2.0, 4.0], [1.0, 10.0, 100.0]);
/// let mut sum = [0.5];
/// add_weight_gradient(&Convolution::new(geometry), [(&x[..], &u[..])], &mut sum, &mut Vec::new());
/// assert_eq!(sum, [421.5]);
/// ```
pub fn add_weight_gradient<'a, T: Real + 'a>(
    convolution: &Convolution,
    pictures: impl IntoIterator<Item = (&'a [T], &'a [T])>,
    sum: &mut [T],
    memory: &mut Vec<T>,
) {
    assert!(
        !convolution.is_transposed,
        "of the convolution, not its transpose"
    );
    let (g, staging) = (convolution.geometry, &convolution.staging);
    assert_eq!(sum.len(), g.weights().0 * g.weights().1, "numbers of the weights");
    let (height, width) = convolution.out;
    // Vectors are read whole: where they would go on behind a pixel, its numbers are copied apart.
    let n_out = g.out_channels;
    let pitch = n_out.next_multiple_of(CHANNELS);
    let padded = if pitch == n_out { 0 } else { height * width * pitch };
    let n_pictures = STRIP.div_ceil(height * width).min(PICTURES);
    let n_rows = STRIP.div_ceil(width);

    let memory = room(memory, n_pictures * (staging.len() + padded));
    let (staged, copies) = memory.split_at_mut(n_pictures * staging.len());
    let mut pictures = pictures.into_iter();
    loop {
        let mut cotangents: [&[T]; PICTURES] = [&[]; PICTURES];
        let mut n = 0;
        while n < n_pictures
            && let Some((x, u)) = pictures.next()
        {
            assert_eq!(
                (x.len(), u.len()),
                (g.in_len(), g.out_len()),
                "numbers of the pictures"
            );
            staging.fill(x, &mut staged[n * staging.len()..]);
            if padded > 0 {
                let copy = &mut copies[n * padded..][..padded];
                for (copy, u) in copy.chunks_exact_mut(pitch).zip(u.chunks_exact(n_out)) {
                    copy[..n_out].copy_from_slice(u);
                }
            }
            cotangents[n] = u;
            n += 1;
        }
        if n == 0 {
            return;
        }
        let row = |k: usize| {
            let (picture, y) = (k / height, k % height);
            let u = match padded {
                0 => cotangents[picture],
                _ => &copies[picture * padded..][..padded],
            };
            let x = picture * staging.len() + y * g.stride * staging.row;
            (x, &u[y * width * pitch..][..width * pitch])
        };
        let mut first = 0;
        while first < n * height {
            let mut rows: [(usize, &[T]); STRIP] = [(0, &[]); STRIP];
            let n_rows = n_rows.min(n * height - first);
            for (k, slot) in rows[..n_rows].iter_mut().enumerate() {
                *slot = row(first + k);
            }
            T::strip(Strip {
                convolution,
                staged,
                rows: &rows[..n_rows],
                width,
                pitch,
                out: sum,
            });
            first += n_rows;
        }
    }
}
