//! Bernoulli variables drawn from their logits: sigmoid, random words and comparison in one pass.
//!
//! A unit with logit x is set when the top 30 bits of its random word, as an integer k, lie below T = ⌊2³⁰ p⌋, where
//! p = σ(x) in `f32` as [`sigmoid_f32`](super::sigmoid_f32) gives it. So the law is exact and public ([`bernoulli_law`]):
//! T of the 2³⁰ equally likely values of k set the unit.
//!
//! The comparison is between integers because that costs what the usual u < p between floats costs, which has 24 random
//! bits: every u < p with u on a grid of 2⁻²⁴ rounds p < ½ up to that grid. On 2⁻³⁰, all p ≥ 2⁻⁷ are met exactly. Rejected
//! too: comparing u (1 + e^−x) with 1, which saves the division. It would tie the law to the rounding of a product, and
//! the division is hidden behind the other arithmetic.
//!
//! Which outputs are asked for does not change what is drawn: all entry points give the same samples from the same stream.

use super::elementwise::sigmoid;
use super::lanes::LaneRng;
use super::level::{Executable, multiversion};

/// Units in a block: one bit each in a `u64`.
const BLOCK: usize = 64;

/// The probability with which a unit of computed probability `probability` is set: ⌊2³⁰ p⌋ / 2³⁰.
///
/// It equals p for p ≥ 2⁻⁷ and for p = 0, and otherwise lies below p by less than 2⁻³⁰. For NaN it is 0: a unit whose logit
/// is NaN is never set, and its probability tells. Values outside \[0, 1\] count as the nearer bound.
///
/// ```
/// use gibbsian_core::simd::bernoulli_law;
/// assert_eq!(bernoulli_law(0.3), 0.3_f32 as f64);
/// assert_eq!(bernoulli_law(1.0), 1.0);
/// assert_eq!(bernoulli_law(1e-10), 0.0);
/// ```
pub fn bernoulli_law(probability: f32) -> f64 {
    f64::from(threshold(probability.clamp(0.0, 1.0))) / f64::from(GRID)
}

/// Draws one bit for each logit: bit j of `masks[i]` is set with probability σ(`logits[64 i + j]`).
///
/// Takes one word of the stream per logit. Bits of the last mask beyond the last logit are zero. A matrix whose rows are
/// padded to a multiple of 64 can be passed whole; a padding logit of −∞ gives a zero bit.
///
/// # Panics
/// Unless there are ⌈n / 64⌉ masks for n logits.
///
/// ```
/// use gibbsian_core::{Streams, simd};
/// let mut rng = simd::LaneRng::new(Streams::from_key(1), 0);
/// let mut masks = [0];
/// simd::sample_masks(&mut rng, &[f32::INFINITY, f32::NEG_INFINITY, 200.0], &mut masks);
/// assert_eq!(masks, [0b101]);
/// ```
pub fn sample_masks(rng: &mut LaneRng, logits: &[f32], masks: &mut [u64]) {
    check_masks("logits", logits, masks);
    let level = Executable::current();
    let mut words = [0; CHUNK];
    for (logits, masks) in logits.chunks(CHUNK).zip(masks.chunks_mut(CHUNK / BLOCK)) {
        let words = &mut words[..logits.len()];
        rng.fill_at(level, words);
        draw(level, words, logits, masks);
    }
}

/// [`sample_masks`] that also replaces each logit by its probability σ(x), as
/// [`sigmoid_f32`](super::sigmoid_f32) gives it.
///
/// # Panics
/// Unless there are ⌈n / 64⌉ masks for n logits.
pub fn sample_masks_with_probabilities(rng: &mut LaneRng, logits: &mut [f32], masks: &mut [u64]) {
    check_masks("logits", logits, masks);
    let level = Executable::current();
    let mut words = [0; CHUNK];
    for (logits, masks) in logits.chunks_mut(CHUNK).zip(masks.chunks_mut(CHUNK / BLOCK)) {
        let words = &mut words[..logits.len()];
        rng.fill_at(level, words);
        draw_in_place(level, words, logits, masks);
    }
}

/// Draws `samples[i]` = 1 with probability σ(`logits[i]`) and 0 otherwise: the bits of [`sample_masks`], unpacked.
///
/// # Panics
/// If the slices differ in length.
pub fn sample_units(rng: &mut LaneRng, logits: &[f32], samples: &mut [f32]) {
    check_lengths(logits, samples);
    let mut masks = [0; CHUNK / BLOCK];
    for (logits, samples) in logits.chunks(CHUNK).zip(samples.chunks_mut(CHUNK)) {
        let masks = &mut masks[..logits.len().div_ceil(BLOCK)];
        sample_masks(rng, logits, masks);
        unpack_masks(masks, samples);
    }
}

/// [`sample_units`] that also replaces each logit by its probability σ(x), as
/// [`sigmoid_f32`](super::sigmoid_f32) gives it.
///
/// # Panics
/// If the slices differ in length.
pub fn sample_units_with_probabilities(rng: &mut LaneRng, logits: &mut [f32], samples: &mut [f32]) {
    check_lengths(logits, samples);
    let mut masks = [0; CHUNK / BLOCK];
    for (logits, samples) in logits.chunks_mut(CHUNK).zip(samples.chunks_mut(CHUNK)) {
        let masks = &mut masks[..logits.len().div_ceil(BLOCK)];
        sample_masks_with_probabilities(rng, logits, masks);
        unpack_masks(masks, samples);
    }
}

/// Writes bit j of `masks[i]` as 0 or 1 into `units[64 i + j]`; bits beyond the last unit are ignored.
///
/// # Panics
/// Unless there are ⌈n / 64⌉ masks for n units.
pub fn unpack_masks(masks: &[u64], units: &mut [f32]) {
    check_masks("units", units, masks);
    unpack(Executable::current(), masks, units);
}

/// Units whose words are drawn by one call of the generator, so that its entry costs nothing per unit; words and units of
/// a chunk stay in the first-level cache.
const CHUNK: usize = 8 * BLOCK;

multiversion! {
    fn draw(words: &[u32], logits: &[f32], masks: &mut [u64]) = draw_blocks;
}

multiversion! {
    fn draw_in_place(words: &[u32], x: &mut [f32], masks: &mut [u64]) = draw_blocks_in_place;
}

/// Draws each unit with its word.
#[inline(always)]
fn draw_blocks(words: &[u32], logits: &[f32], masks: &mut [u64]) {
    let (words, words_tail) = words.as_chunks();
    let (blocks, tail) = logits.as_chunks();
    for ((words, x), mask) in words.iter().zip(blocks).zip(masks.iter_mut()) {
        *mask = draw_block(words, &mut { *x });
    }
    if !tail.is_empty() {
        masks[blocks.len()] = draw_block(&padded(words_tail, 0), &mut padded(tail, f32::NEG_INFINITY));
    }
}

/// [`draw_blocks`] that leaves the probabilities in the place of the logits.
#[inline(always)]
fn draw_blocks_in_place(words: &[u32], x: &mut [f32], masks: &mut [u64]) {
    let (words, words_tail) = words.as_chunks();
    let (blocks, tail) = x.as_chunks_mut();
    let n_blocks = blocks.len();
    for ((words, x), mask) in words.iter().zip(blocks).zip(masks.iter_mut()) {
        *mask = draw_block(words, x);
    }
    if !tail.is_empty() {
        let mut x = padded(tail, f32::NEG_INFINITY);
        masks[n_blocks] = draw_block(&padded(words_tail, 0), &mut x);
        tail.copy_from_slice(&x[..tail.len()]);
    }
}

/// The tail of a slice as a block, with `filler` behind.
#[inline(always)]
fn padded<T: Copy>(tail: &[T], filler: T) -> [T; BLOCK] {
    let mut block = [filler; BLOCK];
    block[..tail.len()].copy_from_slice(tail);
    block
}

/// Turns a block of logits into probabilities and returns the units' bits.
#[inline(always)]
fn draw_block(words: &[u32; BLOCK], x: &mut [f32; BLOCK]) -> u64 {
    // Each unit's bit in its own word first, 32 units to a half, then the union of the words: the form that the compiler
    // keeps in vectors. Shifting single bits into a `u64` would be done one unit after the other.
    let mut bits = [0_u32; BLOCK];
    for i in 0..BLOCK {
        x[i] = sigmoid(x[i]);
        let set = ((words[i] >> 2) as i32) < threshold(x[i]);
        bits[i] = if set { 1 << (i % 32) } else { 0 };
    }
    union(&bits, 0) | union(&bits, 32) << 32
}

/// The union of 32 words from `start` on.
#[inline(always)]
fn union(bits: &[u32; BLOCK], start: usize) -> u64 {
    let mut union = [0; 16];
    for lane in 0..16 {
        union[lane] = bits[start + lane] | bits[start + 16 + lane];
    }
    u64::from(union.iter().fold(0, |union, bits| union | bits))
}

/// T = ⌊2³⁰ p⌋ for p in [0, 1], 0 for NaN.
#[inline(always)]
fn threshold(p: f32) -> i32 {
    let p = if p > 0.0 { p } else { 0.0 };
    // SAFETY: `p` is not NaN and at most 1, a sigmoid or clamped by the caller, so that the product fits an `i32`.
    unsafe { (p * GRID as f32).to_int_unchecked() }
}

/// Equally likely values of a word's top 30 bits.
const GRID: i32 = 1 << 30;

multiversion! {
    fn unpack(masks: &[u64], units: &mut [f32]) = unpack_blocks;
}

/// 0 or 1 for each bit.
#[inline(always)]
fn unpack_blocks(masks: &[u64], units: &mut [f32]) {
    let (blocks, tail) = units.as_chunks_mut::<BLOCK>();
    let n_blocks = blocks.len();
    for (mask, units) in masks.iter().zip(blocks) {
        unpack_block(*mask, units);
    }
    if !tail.is_empty() {
        let mut units = [0.0; BLOCK];
        unpack_block(masks[n_blocks], &mut units);
        tail.copy_from_slice(&units[..tail.len()]);
    }
}

/// 0 or 1 for each bit of one mask.
#[inline(always)]
fn unpack_block(mask: u64, units: &mut [f32; BLOCK]) {
    let halves = [mask as u32, (mask >> 32) as u32];
    for i in 0..BLOCK {
        units[i] = if halves[i / 32] & (1 << (i % 32)) != 0 {
            1.0
        } else {
            0.0
        };
    }
}

fn check_masks(name: &str, units: &[f32], masks: &[u64]) {
    let (n, found) = (units.len(), masks.len());
    assert_eq!(
        found,
        n.div_ceil(BLOCK),
        "`masks` has {found} words for {n} `{name}`, 64 to a word"
    );
}

fn check_lengths(logits: &[f32], samples: &[f32]) {
    let (n, found) = (logits.len(), samples.len());
    assert_eq!(found, n, "`samples` has {found} elements for {n} `logits`");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Streams;
    use crate::simd::sigmoid_f32_in_place;

    fn rng(key: u64) -> LaneRng {
        LaneRng::new(Streams::from_key(key), 0)
    }

    /// Logits over all magnitudes of both signs, with ±∞ and NaN among them.
    fn logits(n: usize) -> Vec<f32> {
        (0..n)
            .map(|i| match i % 29 {
                7 => f32::INFINITY,
                11 => f32::NEG_INFINITY,
                13 => f32::NAN,
                _ => (i as f32 * 0.618).fract() * 40.0 - 20.0,
            })
            .collect()
    }

    fn bits(masks: &[u64], n: usize) -> Vec<bool> {
        (0..n).map(|i| masks[i / 64] >> (i % 64) & 1 == 1).collect()
    }

    #[test]
    fn exactly_the_words_below_the_law_set_the_unit() {
        // With T = law · 2³⁰, the words whose top 30 bits are T − 1 and T are the last to set the unit and the first not to.
        for level in Executable::all() {
            for x in logits(2000) {
                let mut p = [x];
                sigmoid_f32_in_place(&mut p);
                let t = (bernoulli_law(p[0]) * f64::from(GRID)) as u64;
                let candidates = [0, 4 * t.saturating_sub(1) + 3, 4 * t, u64::from(u32::MAX)];
                let words = candidates.map(|word| word.min(u64::from(u32::MAX)) as u32);
                let mut masks = [0];
                draw(level, &words, &[x; 4], &mut masks);
                let expected = words.map(|word| u64::from(word >> 2) < t);
                assert_eq!(bits(&masks, 4), expected, "x = {x}, T = {t}");
            }
        }
    }

    #[test]
    fn the_law_is_the_probability_on_its_grid() {
        assert_eq!(bernoulli_law(0.0), 0.0);
        assert_eq!(bernoulli_law(1.0), 1.0);
        assert_eq!(bernoulli_law(f32::NAN), 0.0);
        assert_eq!(bernoulli_law(-1.0), 0.0);
        assert_eq!(bernoulli_law(f32::INFINITY), 1.0);
        assert_eq!(bernoulli_law(2.0_f32.powi(-30)), 2.0_f64.powi(-30));
        let mut p = 1.0_f32;
        while p > f32::MIN_POSITIVE {
            let defect = f64::from(p) - bernoulli_law(p);
            if p >= 2.0_f32.powi(-7) {
                assert_eq!(defect, 0.0, "p = {p}");
            } else {
                assert!((0.0..2.0_f64.powi(-30)).contains(&defect), "p = {p}");
            }
            p *= 0.997;
        }
    }

    #[test]
    fn all_entry_points_draw_the_same_units_from_one_word_each_at_every_length() {
        for n in (0..=200).chain([511, 512, 513, 1300]) {
            let x = logits(n);
            let mut p = x.clone();
            sigmoid_f32_in_place(&mut p);
            let mut words = vec![0; n];
            let mut after = rng(3);
            after.fill_u32(&mut words);
            let expected: Vec<bool> = words
                .iter()
                .zip(&p)
                .map(|(&word, &p)| f64::from(word >> 2) < bernoulli_law(p) * f64::from(GRID))
                .collect();
            let same = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());

            let mut masks = vec![u64::MAX; n.div_ceil(64)];
            let mut used = rng(3);
            sample_masks(&mut used, &x, &mut masks);
            assert_eq!(bits(&masks, n), expected);
            assert_eq!(used, after);
            if n % 64 != 0 {
                assert_eq!(masks[n / 64] >> (n % 64), 0);
            }

            let (mut again, mut y) = (vec![0; masks.len()], x.clone());
            let mut used = rng(3);
            sample_masks_with_probabilities(&mut used, &mut y, &mut again);
            assert!(again == masks && same(&y, &p));
            assert_eq!(used, after);

            let as_numbers: Vec<f32> = expected.iter().map(|&set| f32::from(u8::from(set))).collect();
            let mut samples = vec![-1.0; n];
            let mut used = rng(3);
            sample_units(&mut used, &x, &mut samples);
            assert_eq!(samples, as_numbers);
            assert_eq!(used, after);

            let (mut samples, mut y) = (vec![-1.0; n], x.clone());
            sample_units_with_probabilities(&mut rng(3), &mut y, &mut samples);
            assert!(samples == as_numbers && same(&y, &p));
        }
    }

    #[test]
    fn all_levels_give_the_same_bits() {
        let x = logits(1000);
        let mut words = vec![0; x.len()];
        rng(5).fill_u32(&mut words);
        let n_masks = x.len().div_ceil(64);
        let results: Vec<_> = Executable::all()
            .map(|level| {
                let (mut masks, mut again, mut p) = (vec![0; n_masks], vec![0; n_masks], x.clone());
                draw(level, &words, &x, &mut masks);
                draw_in_place(level, &words, &mut p, &mut again);
                let mut units = vec![0.0; x.len()];
                unpack(level, &masks, &mut units);
                let p: Vec<u32> = p.iter().map(|p| p.to_bits()).collect();
                let units: Vec<u32> = units.iter().map(|u| u.to_bits()).collect();
                assert_eq!(masks, again);
                (masks, p, units)
            })
            .collect();
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn certain_units_are_always_and_impossible_ones_never_set() {
        let x: Vec<f32> = (0..64_000)
            .map(|i| if i % 2 == 0 { 20.0 } else { -30.0 })
            .collect();
        let mut masks = vec![0; 1000];
        sample_masks(&mut rng(8), &x, &mut masks);
        assert!(masks.iter().all(|&mask| mask == 0x5555_5555_5555_5555));
    }

    #[test]
    fn frequencies_follow_the_law() {
        // Pearson's statistic of 64 independent units over many draws is chi-square with 64 degrees of freedom.
        const DRAWS: usize = 100_000;
        /// Quantile of chi-square with 64 degrees of freedom at 1 − α, α = 10⁻⁶.
        const CHI_SQUARE_64_AT_1E_6: f64 = 132.787;
        let x: [f32; 64] = std::array::from_fn(|i| (i as f32 - 31.5) * 0.2);
        let mut p = x;
        sigmoid_f32_in_place(&mut p);
        let mut rng = rng(11);
        let mut counts = [0_u32; 64];
        let mut mask = [0];
        for _ in 0..DRAWS {
            sample_masks(&mut rng, &x, &mut mask);
            for (i, count) in counts.iter_mut().enumerate() {
                *count += (mask[0] >> i & 1) as u32;
            }
        }
        let n = DRAWS as f64;
        let statistic: f64 = (counts.iter().zip(p))
            .map(|(&count, p)| {
                let p = bernoulli_law(p);
                (f64::from(count) - n * p).powi(2) / (n * p * (1.0 - p))
            })
            .sum();
        assert!(statistic < CHI_SQUARE_64_AT_1E_6, "chi-square {statistic}");
    }

    #[test]
    #[should_panic(expected = "`masks` has 2 words for 64 `logits`")]
    fn a_wrong_number_of_masks_is_refused() {
        sample_masks(&mut rng(0), &[0.0; 64], &mut [0; 2]);
    }

    #[test]
    #[should_panic(expected = "`samples` has 3 elements for 2 `logits`")]
    fn a_wrong_number_of_samples_is_refused() {
        sample_units(&mut rng(0), &[0.0; 2], &mut [0.0; 3]);
    }
}
