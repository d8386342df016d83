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
mod tests;
