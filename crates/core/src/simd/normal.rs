//! Standard normal variables from random words, by the map of Box and Muller.
//!
//! Two independent uniforms become two independent normals, r cos θ and r sin θ with r = √(−2 ln u) and θ uniform on the circle (Box and
//! Muller, 1958, "A note on the generation of random normal deviates"). The map is exact and has no branches, so that sixteen draws
//! cost one pass of vector arithmetic. Rejected: the ziggurat, which is the fastest on one lane but looks up tables and now and then draws
//! again, and the inverse distribution function, which needs a logarithm and a root for each draw instead of each pair.
//!
//! What the grids of the uniforms do to the law:
//!
//! - u = w / 2⁶⁴ for an odd w (rounded to 53 significant bits), never 0, and finely spaced where it is small: the largest radius is
//!   √(128 ln 2) ≈ 9.42, and at 8 deviations neighbouring values of u still differ by 10⁻⁵ of themselves.
//! - The circle is cut into the quarters around its axes: one bit is the sign of the cosine, one exchanges sine and cosine, and the place
//!   within a quarter is one of 2⁵¹, symmetric about the axis and never on it. No argument is reduced, so nothing is lost.
//!
//! The logarithm is the quotient series of 2 artanh on [√½, √2], as in the `f32` kernels; fits: `tests/reference/minimax.py`.

use super::lanes::LaneRng;
use super::level::{Executable, multiversion};

/// Draws made together: pairs of one 512-bit vector.
const BLOCK: usize = 16;

/// Pairs in a block.
const PAIRS: usize = BLOCK / 2;

/// Draws whose words are taken from the generator by one call; words and draws of a chunk stay in the first-level cache.
const CHUNK: usize = 16 * BLOCK;

/// Fills the slice with independent draws from N(0, 1).
///
/// Each value is the image of its random words within a relative error of 6 × 2⁻⁵³; all are finite, the largest possible is 9.42, and a
/// pair is zero with probability 2⁻⁵⁴. The bits are the same on every machine.
///
/// Takes 32 words of the stream for every 16 draws begun: the first eight pairs of words give the radii of draws i and i + 8 of a block,
/// the other eight their angles. What a last, shorter block does not use is dropped, so `fill(a); fill(b)` gives the draws of
/// `fill(a ++ b)` if the length of `a` is a multiple of 16. A kernel therefore fills the noise of a whole block of rows at once.
///
/// ```
/// use gibbsian_core::{Streams, simd};
/// let mut rng = simd::LaneRng::new(Streams::from_key(1), 0);
/// let mut z = vec![0.0; 10_000];
/// simd::fill_standard_normal(&mut rng, &mut z);
/// let second_moment = z.iter().map(|z| z * z).sum::<f64>() / 1e4;
/// assert!((second_moment - 1.0).abs() < 0.07);
/// ```
pub fn fill_standard_normal(rng: &mut LaneRng, out: &mut [f64]) {
    fill_at(Executable::current(), rng, out);
}

/// [`fill_standard_normal`] at a given level.
fn fill_at(level: Executable, rng: &mut LaneRng, out: &mut [f64]) {
    let mut words = [0; 2 * CHUNK];
    for out in out.chunks_mut(CHUNK) {
        let words = &mut words[..2 * out.len().next_multiple_of(BLOCK)];
        rng.fill_at(level, words);
        transform(level, words, out);
    }
}

multiversion! {
    fn transform(words: &[u32], out: &mut [f64]) = |words: &[u32], out: &mut [f64]| {
        let (words, _) = words.as_chunks();
        let (blocks, tail) = out.as_chunks_mut();
        for (words, out) in words.iter().zip(blocks.iter_mut()) {
            draw_block(words, out);
        }
        if !tail.is_empty() {
            let mut block = [0.0; BLOCK];
            draw_block(&words[blocks.len()], &mut block);
            tail.copy_from_slice(&block[..tail.len()]);
        }
    };
}

/// The draws of one block.
#[inline(always)]
fn draw_block(words: &[u32; 2 * BLOCK], out: &mut [f64; BLOCK]) {
    let word = |i: usize| u64::from(words[2 * i]) | u64::from(words[2 * i + 1]) << 32;
    for i in 0..PAIRS {
        [out[i], out[PAIRS + i]] = draw_pair(word(i), word(PAIRS + i));
    }
}

/// The two draws of a pair of words.
#[inline(always)]
fn draw_pair(radius: u64, angle: u64) -> [f64; 2] {
    let r = minus_two_log(radius | 1).sqrt();
    direction(angle).map(|unit| r * unit)
}

/// −2 ln(w / 2⁶⁴) for w > 0.
#[inline(always)]
fn minus_two_log(w: u64) -> f64 {
    // w = 2ᵏ m with √½ ≤ m < √2: taking the bits of √½ away leaves k above the significand. k ≥ 0 because w ≥ 1, and put below the bits of
    // 2⁵² it is a float.
    const SQRT_HALF: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();
    const TWO_52: f64 = 4_503_599_627_370_496.0;
    let bits = (w as f64).to_bits();
    let k = (bits - SQRT_HALF) >> 52;
    let m = f64::from_bits(bits - (k << 52));
    let halvings = (TWO_52 + 64.0) - f64::from_bits(TWO_52.to_bits() | k);
    // ln m = 2 artanh(s).
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    halvings * (2.0 * std::f64::consts::LN_2) - s * (4.0 + z * polynomial(&FOUR_ARTANH_TAIL, z))
}

/// A point of the unit circle.
#[inline(always)]
fn direction(w: u64) -> [f64; 2] {
    // The top 51 bits of w, and a one behind them, are the significand of 1.5 + t with |t| < ½, and θ = ½ π t.
    let t = f64::from_bits((w >> 12) | 1.0_f64.to_bits() | 1) - 1.5;
    let z = t * t;
    let sin = t * polynomial(&SINE, z);
    let cos = 1.0 + z * polynomial(&COSINE, z);
    let cos = f64::from_bits(cos.to_bits() ^ (w << 63));
    if w & 2 == 0 { [cos, sin] } else { [sin, cos] }
}

/// Σₖ c[k] zᵏ, the even and the odd terms apart: two short chains of operations instead of a long one.
#[inline(always)]
fn polynomial<const N: usize>(c: &[f64; N], z: f64) -> f64 {
    let z2 = z * z;
    let (mut last, mut before) = (c[N - 1], c[N - 2]);
    for k in (0..N - 2).rev() {
        (before, last) = (last * z2 + c[k], before);
    }
    before + last * z
}

/// 4 (artanh(s) / s − 1) / s² in powers of s² on |s| ≤ (√2 − 1) / (√2 + 1).
const FOUR_ARTANH_TAIL: [f64; 7] = [
    1.333_333_333_333_344_6,
    0.799_999_999_989_562_3,
    0.571_428_574_605_823_2,
    0.444_443_993_511_170_4,
    0.363_670_245_947_294_25,
    0.306_305_562_992_626_46,
    0.295_689_891_882_257_2,
];

/// sin(½ π t) / t in powers of t² on |t| ≤ ½.
const SINE: [f64; 7] = [
    std::f64::consts::FRAC_PI_2,
    -0.645_964_097_506_244_3,
    0.079_692_626_246_043_08,
    -0.004_681_754_132_342_264,
    1.604_411_507_521_281_4e-4,
    -3.598_643_388_328_671e-6,
    5.633_938_495_781_114e-8,
];

/// (cos(½ π t) − 1) / t² in powers of t² on |t| ≤ ½.
const COSINE: [f64; 6] = [
    -1.233_700_550_136_158_6,
    0.253_669_507_900_130_4,
    -0.020_863_480_738_827_846,
    9.192_599_769_522_905e-4,
    -2.520_022_371_552_448e-5,
    4.656_406_221_513_439_4e-7,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Streams;

    fn bits(z: &[f64]) -> Vec<u64> {
        z.iter().map(|z| z.to_bits()).collect()
    }

    fn rng(key: u64) -> LaneRng {
        LaneRng::new(Streams::from_key(key), 0)
    }

    #[test]
    fn fifty_digit_values_are_met_as_promised() {
        let mut n_checked = 0;
        for line in include_str!("../../tests/reference/normal.tsv").lines() {
            let columns: Vec<&str> = line.split('\t').collect();
            let word = |i: usize| columns[i].parse::<u64>().unwrap();
            let number = |i: usize| columns[i].parse::<f64>().unwrap();
            let pair = draw_pair(word(0), word(1));
            for (z, i) in pair.into_iter().zip([2, 4]) {
                let (high, low) = (number(i), number(i + 1));
                let error = ((z - high) - low).abs();
                assert!(
                    error <= 6.0 * 2.0_f64.powi(-53) * high.abs(),
                    "{line}: {z:e} is off by {} × 2⁻⁵³",
                    error / high.abs() * 2.0_f64.powi(53)
                );
                n_checked += 1;
            }
        }
        assert!(n_checked > 1400);
    }

    #[test]
    fn every_draw_uses_the_words_that_are_documented() {
        for level in Executable::all() {
            for n in (0..=100).chain([CHUNK - 1, CHUNK, CHUNK + 1, 1000]) {
                let mut z = vec![-7.0; n + 5];
                let mut after = rng(3);
                fill_at(level, &mut after, &mut z[..n]);
                let mut words = rng(3);
                let mut expected = Vec::new();
                for _ in 0..n.div_ceil(BLOCK) {
                    let mut word = || u64::from(words.word()) | u64::from(words.word()) << 32;
                    let block: [u64; BLOCK] = std::array::from_fn(|_| word());
                    let pairs: [_; PAIRS] = std::array::from_fn(|i| draw_pair(block[i], block[PAIRS + i]));
                    expected.extend(pairs.map(|pair| pair[0]));
                    expected.extend(pairs.map(|pair| pair[1]));
                }
                assert_eq!(bits(&z[..n]), bits(&expected[..n]), "{n} draws at {level:?}");
                assert!(z[n..].iter().all(|&z| z == -7.0));
                assert_eq!(
                    after.word(),
                    words.word(),
                    "the stream after {n} draws at {level:?}"
                );
            }
        }
    }

    #[test]
    fn the_stream_can_be_cut_at_multiples_of_sixteen_and_start_anywhere() {
        let mut whole = vec![0.0; 3 * CHUNK + 7];
        let mut cut = whole.clone();
        let mut start = rng(4);
        start.word();
        fill_standard_normal(&mut start.clone(), &mut whole);
        let (head, rest) = cut.split_at_mut(5 * BLOCK);
        let (middle, tail) = rest.split_at_mut(CHUNK + 3 * BLOCK);
        for part in [head, middle, tail] {
            fill_standard_normal(&mut start, part);
        }
        assert_eq!(bits(&cut), bits(&whole));
    }

    #[test]
    fn the_ends_of_the_grids_are_finite() {
        let largest = (128.0 * std::f64::consts::LN_2).sqrt();
        for radius in [0, 1, 2, 3, u64::MAX / 2, u64::MAX - 2048, u64::MAX - 1, u64::MAX] {
            for angle in [0, 1, 2, 3, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX - 1, u64::MAX] {
                let [x, y] = draw_pair(radius, angle);
                assert!(
                    x.hypot(y) <= largest * (1.0 + 1e-15),
                    "{radius} and {angle}: {x}, {y}"
                );
                assert_eq!(x.hypot(y) == 0.0, radius > u64::MAX - 1024);
            }
        }
        assert!(draw_pair(0, 1 << 63)[0] > 9.419);
    }

    #[test]
    fn draws_are_pinned() {
        // Golden values: a change here changes every seeded result and belongs into the changelog.
        let mut z = [0.0; 17];
        fill_standard_normal(&mut rng(0), &mut z);
        assert_eq!([z[0], z[8], z[16]], PINNED);
    }

    const PINNED: [f64; 3] = [-0.14681184675715803, -0.43134336392284833, -0.41950697030997364];
}
