//! Three ways to see grey pictures as numbers.
//!
//! | view | value of a pixel `g ∈ {0, …, 255}` | for |
//! |---|---|---|
//! | [`Threshold`] | 1 if `g` is above a level, else 0 | binary units; the same on every visit |
//! | [`StochasticBinarised`] | 1 with probability `g / 255`, else 0, afresh on every visit | binary units; the data distribution is the product of Bernoullis that the grey values define |
//! | [`Means`] | `g / 255` | units with means, or `g / 255` as the probability of a Bernoulli |
//!
//! They are types because they are different data sets: log-likelihoods under one cannot be compared with those under another.
//! The fresh tosses are those of Burda, Grosse and Salakhutdinov (2016, "Importance weighted autoencoders", section 5), after
//! Salakhutdinov and Murray (2008, "On the quantitative analysis of deep belief networks"), who tossed once and kept the result.
//!
//! **The toss.** A uniform byte `r` on `{0, …, 254}` gives `P(r < g) = g / 255` exactly: 0 is never on and 255 always. Such a byte is a
//! uniform byte on `{0, …, 255}`, drawn again when it is 255. Comparing a byte on `{0, …, 255}` once would put white pixels off
//! with probability 1/256, and a scaled float would round. Eight pixels share a 64-bit word, so a toss costs an eighth
//! of a draw. The words come from the stream of the row's block, row after row; the result is part of this crate's contract.

use gibbsian_core::dataset::{Dataset, assert_batch};
use gibbsian_core::parallel::{BLOCK_ROWS, block_rows};
use gibbsian_core::{Space, StreamRng, Streams};
use ndarray::{ArrayViewMut1, ArrayViewMut2};
use rand::Rng;

use crate::images::Images;

/// Pixels above a level are 1 and all others 0.
///
/// ```
/// use gibbsian_core::{Streams, dataset::Dataset};
/// use gibbsian_data::{Images, Threshold};
/// let data = Threshold::new(Images::new(1, 1, 3, vec![0, 127, 128])?, 127);
/// assert_eq!(data.rows(&[0], Streams::from_key(0)), ndarray::array![[0.0, 0.0, 1.0]]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Threshold {
    images: Images,
    level: u8,
}

impl Threshold {
    /// Pixels above `level` are on; 127 splits the greys into halves.
    pub fn new(images: Images, level: u8) -> Self {
        Threshold { images, level }
    }

    /// The pictures behind the view.
    pub fn images(&self) -> &Images {
        &self.images
    }

    /// The highest grey that is off.
    pub fn level(&self) -> u8 {
        self.level
    }
}

/// Pixels are 1 with probability `g / 255`, tossed afresh on every visit.
///
/// ```
/// use gibbsian_core::{Streams, dataset::Dataset};
/// use gibbsian_data::{Images, StochasticBinarised};
/// let data = StochasticBinarised::new(Images::new(1, 1, 3, vec![0, 128, 255])?);
/// let visits = data.rows(&[0; 100], Streams::from_key(1));
/// assert!(visits.column(0).iter().all(|&x| x == 0.0));
/// assert!(visits.column(2).iter().all(|&x| x == 1.0));
/// assert!((20.0..80.0).contains(&visits.column(1).sum()));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct StochasticBinarised {
    images: Images,
}

impl StochasticBinarised {
    /// Tosses for the pixels of these pictures.
    pub fn new(images: Images) -> Self {
        StochasticBinarised { images }
    }

    /// The pictures behind the view.
    pub fn images(&self) -> &Images {
        &self.images
    }
}

/// Pixels are `g / 255`, rounded to the nearest `f64`.
///
/// ```
/// use gibbsian_core::{Streams, dataset::Dataset};
/// use gibbsian_data::{Images, Means};
/// let data = Means::new(Images::new(1, 1, 3, vec![0, 51, 255])?);
/// assert_eq!(data.rows(&[0], Streams::from_key(0)), ndarray::array![[0.0, 0.2, 1.0]]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Means {
    images: Images,
}

impl Means {
    /// The grey values of these pictures as numbers in `[0, 1]`.
    pub fn new(images: Images) -> Self {
        Means { images }
    }

    /// The pictures behind the view.
    pub fn images(&self) -> &Images {
        &self.images
    }
}

macro_rules! space_of_images {
    ($($view:ident)*) => {$(
        impl Space for $view {
            fn dim(&self) -> usize {
                self.images.dim()
            }
        }
    )*};
}

space_of_images!(Threshold StochasticBinarised Means);

impl Dataset for Threshold {
    fn n_points(&self) -> usize {
        self.images.n()
    }

    fn rows_into(&self, indices: &[usize], _: Streams, mut out: ArrayViewMut2<f64>) {
        assert_batch(self, indices, &out);
        for (&index, row) in indices.iter().zip(out.rows_mut()) {
            convert_row(self.images.pixels(index), row, |pixels, x| {
                for (x, &pixel) in x.iter_mut().zip(pixels) {
                    *x = f64::from(u8::from(pixel > self.level));
                }
            });
        }
    }
}

impl Dataset for StochasticBinarised {
    fn n_points(&self) -> usize {
        self.images.n()
    }

    fn rows_into(&self, indices: &[usize], streams: Streams, mut out: ArrayViewMut2<f64>) {
        assert_batch(self, indices, &out);
        for block in 0..indices.len().div_ceil(BLOCK_ROWS) {
            let mut rng = streams.block(block);
            for b in block_rows(block, indices.len()) {
                convert_row(self.images.pixels(indices[b]), out.row_mut(b), |pixels, x| {
                    toss(pixels, x, &mut rng);
                });
            }
        }
    }
}

impl Dataset for Means {
    fn n_points(&self) -> usize {
        self.images.n()
    }

    fn rows_into(&self, indices: &[usize], _: Streams, mut out: ArrayViewMut2<f64>) {
        assert_batch(self, indices, &out);
        for (&index, row) in indices.iter().zip(out.rows_mut()) {
            convert_row(self.images.pixels(index), row, |pixels, x| {
                for (x, &pixel) in x.iter_mut().zip(pixels) {
                    *x = FRACTIONS[usize::from(pixel)];
                }
            });
        }
    }
}

/// `g / 255` for every grey; looking it up is faster than dividing.
const FRACTIONS: [f64; 256] = {
    let mut fractions = [0.0; 256];
    let mut g = 0;
    while g < 256 {
        fractions[g] = g as f64 / 255.0;
        g += 1;
    }
    fractions
};

/// How many pixels are converted at once where a row is not contiguous; a multiple of the pixels of a random word, so that the memory
/// layout of the result does not change which pixel gets which byte.
const PIECE: usize = 64;

/// Applies `convert` to a row of pixels, in place where the memory layout permits and by pieces otherwise.
fn convert_row(pixels: &[u8], mut row: ArrayViewMut1<f64>, mut convert: impl FnMut(&[u8], &mut [f64])) {
    if let Some(x) = row.as_slice_mut() {
        return convert(pixels, x);
    }
    let mut piece = [0.0; PIECE];
    for (k, pixels) in pixels.chunks(PIECE).enumerate() {
        let piece = &mut piece[..pixels.len()];
        convert(pixels, piece);
        for (x, &value) in row.iter_mut().skip(k * PIECE).zip(piece.iter()) {
            *x = value;
        }
    }
}

/// Tosses a coin for every pixel, eight to a random word, the first pixel taking the lowest byte.
fn toss(pixels: &[u8], x: &mut [f64], rng: &mut StreamRng) {
    let (pixel_words, last_pixels) = pixels.as_chunks::<8>();
    let (x_words, last_x) = x.as_chunks_mut::<8>();
    for (x, pixels) in x_words.iter_mut().zip(pixel_words) {
        let bytes = bytes_below_255(rng);
        for k in 0..8 {
            x[k] = f64::from(u8::from(bytes[k] < pixels[k]));
        }
    }
    if !last_pixels.is_empty() {
        let bytes = bytes_below_255(rng);
        for ((x, pixel), byte) in last_x.iter_mut().zip(last_pixels).zip(bytes) {
            *x = f64::from(u8::from(byte < *pixel));
        }
    }
}

/// Eight independent bytes, each uniform on `{0, …, 254}`.
fn bytes_below_255(rng: &mut StreamRng) -> [u8; 8] {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let word = rng.next_u64();
    let mut bytes = word.to_le_bytes();
    // A byte is 255 where its complement is zero. Subtracting one from each byte of the complement borrows from the byte's top bit
    // exactly then, and the top bit of `word` is set exactly where that of the complement was not.
    if (!word).wrapping_sub(LOW) & word & (LOW << 7) != 0 {
        redraw(&mut bytes, rng);
    }
    bytes
}

/// Draws every byte that is 255 again; one word in 32 has such a byte.
#[cold]
fn redraw(bytes: &mut [u8; 8], rng: &mut StreamRng) {
    for byte in bytes {
        while *byte == 255 {
            *byte = rng.next_u64() as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::Seed;
    use ndarray::{Array2, ShapeBuilder, s};

    fn ramp(n: usize, height: usize, width: usize) -> Images {
        let pixels = (0..n * height * width).map(|i| (i * 37 % 256) as u8).collect();
        Images::new(n, height, width, pixels).unwrap()
    }

    /// The toss as the module documentation states it: a byte at a time.
    fn toss_by_definition(pixels: &[u8], rng: &mut StreamRng) -> Vec<f64> {
        let mut x = Vec::new();
        for pixels in pixels.chunks(8) {
            let mut bytes = rng.next_u64().to_le_bytes();
            for byte in &mut bytes {
                while *byte == 255 {
                    *byte = rng.next_u64().to_le_bytes()[0];
                }
            }
            x.extend(
                pixels
                    .iter()
                    .zip(bytes)
                    .map(|(&g, r)| if r < g { 1.0 } else { 0.0 }),
            );
        }
        x
    }

    #[test]
    fn the_fast_toss_is_the_one_that_is_documented() {
        // 3,400 visits of 100 pixels hold about 1,300 redrawn bytes.
        let images = ramp(1, 4, 25);
        let view = StochasticBinarised::new(images.clone());
        for key in 0..100 {
            let streams = Streams::from_key(key);
            let x = view.rows(&[0; BLOCK_ROWS + 2], streams);
            for block in 0..2 {
                let mut rng = streams.block(block);
                for b in block_rows(block, x.nrows()) {
                    let expected = toss_by_definition(images.pixels(0), &mut rng);
                    assert_eq!(x.row(b).to_vec(), expected, "key {key}, row {b}");
                }
            }
        }
    }

    #[test]
    fn a_pixel_is_on_with_probability_its_grey_over_255() {
        // Over all 255 bytes that can be drawn, a pixel g is on for exactly g of them.
        for g in 0..=255_u8 {
            assert_eq!((0..255_u8).filter(|r| *r < g).count(), usize::from(g));
        }
        // And the bytes are uniform: the sum of squared standardised counts over the greys 1 to 254, each from n visits of its own,
        // is chi-square with 254 degrees of freedom. Its 1 - 1e-6 quantile is 375.9, and its 1e-6
        // quantile 160.9.
        let n = 4000;
        let images = Images::new(1, 16, 16, (0..=255).collect()).unwrap();
        let visits = StochasticBinarised::new(images).rows(&vec![0; n], Streams::from_key(11));
        let on = visits.sum_axis(ndarray::Axis(0));
        assert_eq!((on[0], on[255]), (0.0, n as f64));
        let chi_square: f64 = (1..255)
            .map(|g| {
                let p = g as f64 / 255.0;
                (on[g] - n as f64 * p).powi(2) / (n as f64 * p * (1.0 - p))
            })
            .sum();
        assert!((160.9..375.9).contains(&chi_square), "{chi_square}");
    }

    #[test]
    fn neighbouring_pixels_and_visits_are_uncorrelated() {
        let n = 20_000;
        let images = Images::new(1, 2, 8, vec![128; 16]).unwrap();
        let x = StochasticBinarised::new(images).rows(&vec![0; n], Streams::from_key(2)) - 128.0 / 255.0;
        let standard_error = 0.25 / (n as f64).sqrt();
        for i in 0..16 {
            for j in 0..i {
                let covariance = x.column(i).dot(&x.column(j)) / n as f64;
                assert!(covariance.abs() < 6.0 * standard_error, "{i} {j} {covariance}");
            }
            let lagged = x.slice(s![1.., i]).dot(&x.slice(s![..-1, i])) / n as f64;
            assert!(lagged.abs() < 6.0 * standard_error, "{i} {lagged}");
        }
    }

    #[test]
    fn the_memory_layout_of_the_result_does_not_change_it() {
        let images = ramp(7, 9, 17);
        let indices: Vec<usize> = (0..40).map(|b| b * 5 % 7).collect();
        let views: [&dyn Dataset; 3] = [
            &Threshold::new(images.clone(), 100),
            &StochasticBinarised::new(images.clone()),
            &Means::new(images),
        ];
        for view in views {
            let streams = Streams::draw(&mut Seed::new(4).rng());
            let rows = view.rows(&indices, streams);
            let mut columns = Array2::from_elem((40, 153).f(), f64::NAN);
            view.rows_into(&indices, streams, columns.view_mut());
            assert_eq!(rows, columns);
            let mut wide = Array2::from_elem((80, 306), f64::NAN);
            view.rows_into(&indices, streams, wide.slice_mut(s![..;-2, ..;2]));
            assert_eq!(rows, wide.slice(s![..;-2, ..;2]));
        }
    }

    #[test]
    fn thresholds_and_means_hold_for_every_grey() {
        let images = Images::new(1, 16, 16, (0..=255).collect()).unwrap();
        for level in [0, 1, 127, 254, 255] {
            let x = Threshold::new(images.clone(), level).rows(&[0], Streams::from_key(0));
            for (g, &x) in x.iter().enumerate() {
                assert_eq!(x, if g > usize::from(level) { 1.0 } else { 0.0 });
            }
        }
        let x = Means::new(images).rows(&[0], Streams::from_key(0));
        for (g, &x) in x.iter().enumerate() {
            assert_eq!(x, g as f64 / 255.0);
        }
    }
}
