//! Exact coin tosses for grey pixels, eight to a random word.
//!
//! A uniform byte `r` on `{0, …, 254}` gives `P(r < g) = g / 255` exactly: 0 is never on and 255 always. Such a byte is a uniform byte on
//! `{0, …, 255}`, drawn again when it is 255. Comparing a byte on `{0, …, 255}` once would put white pixels off with
//! probability 1/256, and comparing a float would round. A toss costs an eighth of a 64-bit draw.
//!
//! The order is part of this crate's contract. A word gives its bytes from the lowest to the highest to eight pixels in turn; all eight that
//! are 255 are drawn again first, in the same order, each from the lowest byte of a word of its own, as often as needed; and the
//! last word of a row gives all its bytes, used or not.

use gibbsian_core::StreamRng;
use rand::Rng;

/// Writes 1 with probability `g / 255` and else 0 for every pixel `g`; `x` is as long as `pixels`.
pub(crate) fn toss(pixels: &[u8], x: &mut [f64], rng: &mut StreamRng) {
    let (pixel_words, last_pixels) = pixels.as_chunks::<8>();
    let (x_words, last_x) = x.as_chunks_mut::<8>();
    for (x, pixels) in x_words.iter_mut().zip(pixel_words) {
        let bytes = bytes_below_255(rng);
        for k in 0..8 {
            x[k] = COIN[usize::from(bytes[k] < pixels[k])];
        }
    }
    if !last_pixels.is_empty() {
        let bytes = bytes_below_255(rng);
        for ((x, pixel), byte) in last_x.iter_mut().zip(last_pixels).zip(bytes) {
            *x = COIN[usize::from(byte < *pixel)];
        }
    }
}

/// Off and on; a table, because converting the comparison to a number takes a third longer.
const COIN: [f64; 2] = [0.0, 1.0];

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
    use crate::{Images, StochasticBinarised};
    use gibbsian_core::Streams;
    use gibbsian_core::dataset::Dataset;
    use gibbsian_core::parallel::{BLOCK_ROWS, block_rows};
    use ndarray::{Axis, s};

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
        let images = Images::new(1, 4, 25, (0..100).map(|i| (i * 37 % 256) as u8).collect()).unwrap();
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
        let on = visits.sum_axis(Axis(0));
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
}
