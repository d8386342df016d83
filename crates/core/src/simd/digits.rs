//! Independent bits with given probabilities, 2048 at a time, compared with their thresholds digit by digit.
//!
//! A bit is set when a uniform 64-bit integer lies below a threshold. Two integers are compared at their first binary digit that differs, after two
//! digits on average, so it would be a waste to draw all 64. The words of a step of the stream are one digit each of 512 integers, most significant first, and a
//! comparison is a handful of logical operations on all of them. Whoever is decided drops out.
//!
//! 512 comparisons together last until the slowest is decided, a little over ten digits. Here the bits of four vectors spend four digits each, which leaves one in sixteen
//! undecided, and then share their digits: a digit can serve any of the four, provided that it serves one only. Where two vectors are both undecided in the same place, the later one waits for
//! another round. Every integer keeps digits of its own, so that bits stay independent; a vector takes about seven steps of the stream.

use std::array;

use super::lanes::{LANES, LaneRng};
use super::level::{Executable, Level};

/// Vectors that share digits.
const GROUP: usize = 4;

/// Digits that each vector has for itself.
const OWN_DIGITS: usize = 4;

/// Words of a group.
const GROUP_WORDS: usize = GROUP * LANES;

impl LaneRng {
    /// Sets each bit of `out` with the probability of its class, `thresholds[c] / 2⁶⁴` where the bit is set in `classes[c]`, and no bit that is in no class.
    ///
    /// The bits are independent, and the probabilities exact. A bit must not be in more than one class.
    ///
    /// Whole steps of sixteen words are taken from the stream, as many as the comparisons need; words that are left of a step that was begun are skipped.
    ///
    /// # Panics
    /// Unless there are as many words in every class as in `out`.
    ///
    /// ```
    /// use gibbsian_core::{Streams, simd::LaneRng};
    /// let mut rng = LaneRng::new(Streams::from_key(5), 0);
    /// let (often, seldom) = ([u64::MAX; 1000], [0; 1000]);
    /// let mut bits = [0; 1000];
    /// rng.fill_below([&often, &seldom], [3 << 62, 1 << 62], &mut bits);
    /// let n_set: u32 = bits.iter().map(|word| word.count_ones()).sum();
    /// assert!(n_set.abs_diff(48_000) < 600);
    /// ```
    pub fn fill_below<const C: usize>(
        &mut self,
        classes: [&[u64]; C],
        thresholds: [u64; C],
        out: &mut [u64],
    ) {
        self.fill_below_at(Executable::current(), classes, thresholds, out);
    }

    /// [`LaneRng::fill_below`] at a given level.
    pub(super) fn fill_below_at<const C: usize>(
        &mut self,
        level: Executable,
        classes: [&[u64]; C],
        thresholds: [u64; C],
        out: &mut [u64],
    ) {
        for class in classes {
            assert_eq!(class.len(), out.len(), "words of a class and of `out`");
        }
        let state = self.whole_steps();
        match level.level() {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an `Executable` exists only for levels whose features were detected on this machine.
            Level::Avx512 => unsafe { x86::avx512(state, classes, thresholds, out) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Level::Avx2 => unsafe { x86::avx2(state, classes, thresholds, out) },
            _ => fill::<[u64; LANES], C>(state, classes, thresholds, out),
        }
    }
}

/// 512 bits in the registers of a level.
trait Vector: Copy {
    fn load(words: &[u64; LANES]) -> Self;
    fn store(self) -> [u64; LANES];
    fn splat(word: u64) -> Self;
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    /// `self` without the bits of `other`.
    fn without(self, other: Self) -> Self;
    fn add(self, other: Self) -> Self;
    fn shift_left_17(self) -> Self;
    fn rotate_left_23(self) -> Self;
    fn rotate_left_45(self) -> Self;
    fn is_zero(self) -> bool;
}

#[inline(always)]
fn fill<V: Vector, const C: usize>(
    state: &mut [[u64; LANES]; 4],
    classes: [&[u64]; C],
    thresholds: [u64; C],
    out: &mut [u64],
) {
    let mut digits = Digits(state.each_ref().map(V::load));
    // In memory, from where they are broadcast for nothing.
    let leading: [[u64; C]; 64] = array::from_fn(|d| thresholds.map(|t| ((t << d) as i64 >> 63) as u64));
    let whole = out.len() / GROUP_WORDS * GROUP_WORDS;
    let (groups, tail) = out.split_at_mut(whole);
    for (g, out) in groups.as_chunks_mut::<GROUP_WORDS>().0.iter_mut().enumerate() {
        let of_group = |class: &[u64]| load_group::<V>(&class[g * GROUP_WORDS..(g + 1) * GROUP_WORDS]);
        let below = compare(&mut digits, classes.map(of_group), &leading);
        for (out, below) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(below) {
            *out = below.store();
        }
    }
    if !tail.is_empty() {
        let of_tail = |class: &[u64]| {
            let mut words = [0; GROUP_WORDS];
            words[..class.len() - whole].copy_from_slice(&class[whole..]);
            load_group::<V>(&words)
        };
        let below = compare(&mut digits, classes.map(of_tail), &leading);
        let words = below.map(V::store);
        tail.copy_from_slice(&words.as_flattened()[..tail.len()]);
    }
    *state = digits.0.map(V::store);
}

#[inline(always)]
fn load_group<V: Vector>(words: &[u64]) -> [V; GROUP] {
    let lines = words.as_chunks::<LANES>().0;
    array::from_fn(|i| V::load(&lines[i]))
}

/// The bits of a group; `leading` has the digits of each threshold, most significant first, a digit in all bits of a word.
#[inline(always)]
fn compare<V: Vector, const C: usize>(
    digits: &mut Digits<V>,
    classes: [[V; GROUP]; C],
    leading: &[[u64; C]; 64],
) -> [V; GROUP] {
    let zero = V::splat(0);
    let mut below = [zero; GROUP];
    let mut open: [V; GROUP] =
        array::from_fn(|i| classes.iter().fold(zero, |union, class| union.or(class[i])));
    for leading in &leading[..OWN_DIGITS] {
        for i in 0..GROUP {
            let of_line = array::from_fn(|c| classes[c][i]);
            decide(digits.next(), of_line, leading, &mut open[i], &mut below[i]);
        }
    }
    loop {
        // Who takes part in this round, in which place, and of which class.
        let mut shared = zero;
        let mut taken = [zero; GROUP];
        let mut shared_classes = [zero; C];
        for i in 0..GROUP {
            taken[i] = open[i].without(shared);
            shared = shared.or(open[i]);
            open[i] = open[i].without(taken[i]);
            for c in 0..C {
                shared_classes[c] = shared_classes[c].or(classes[c][i].and(taken[i]));
            }
        }
        if shared.is_zero() {
            return below;
        }
        let mut shared_below = zero;
        // Whoever is still undecided when all digits are compared has met the threshold itself, which is not below.
        for leading in &leading[OWN_DIGITS..] {
            decide(
                digits.next(),
                shared_classes,
                leading,
                &mut shared,
                &mut shared_below,
            );
            if shared.is_zero() {
                break;
            }
        }
        for i in 0..GROUP {
            below[i] = below[i].or(shared_below.and(taken[i]));
        }
    }
}

/// Compares one more digit: who is open and has another digit than its threshold is decided, and below it if the threshold has the one.
#[inline(always)]
fn decide<V: Vector, const C: usize>(
    digit: V,
    classes: [V; C],
    leading: &[u64; C],
    open: &mut V,
    below: &mut V,
) {
    if *leading == [0; C] {
        // Seldom turns have small thresholds, whose first digits are zeros: whoever has another is above, and nothing need be known of classes.
        *open = open.without(digit);
        return;
    }
    let mut of_threshold = V::splat(0);
    for c in 0..C {
        of_threshold = of_threshold.or(classes[c].and(V::splat(leading[c])));
    }
    let decided = open.and(digit.xor(of_threshold));
    *below = below.or(decided.and(of_threshold));
    *open = open.xor(decided);
}

/// The four state words of every lane, in registers.
struct Digits<V>([V; 4]);

impl<V: Vector> Digits<V> {
    /// The output of one step of all lanes, as the stream has it.
    #[inline(always)]
    fn next(&mut self) -> V {
        let [s0, s1, s2, s3] = self.0;
        let output = s0.add(s3).rotate_left_23().add(s0);
        let t = s1.shift_left_17();
        let s2 = s2.xor(s0);
        let s3 = s3.xor(s1);
        let s1 = s1.xor(s2);
        let s0 = s0.xor(s3);
        self.0 = [s0, s1, s2.xor(t), s3.rotate_left_45()];
        output
    }
}

impl Vector for [u64; LANES] {
    #[inline(always)]
    fn load(words: &[u64; LANES]) -> Self {
        *words
    }

    #[inline(always)]
    fn store(self) -> [u64; LANES] {
        self
    }

    #[inline(always)]
    fn splat(word: u64) -> Self {
        [word; LANES]
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        array::from_fn(|k| self[k] & other[k])
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        array::from_fn(|k| self[k] | other[k])
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        array::from_fn(|k| self[k] ^ other[k])
    }

    #[inline(always)]
    fn without(self, other: Self) -> Self {
        array::from_fn(|k| self[k] & !other[k])
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        array::from_fn(|k| self[k].wrapping_add(other[k]))
    }

    #[inline(always)]
    fn shift_left_17(self) -> Self {
        self.map(|word| word << 17)
    }

    #[inline(always)]
    fn rotate_left_23(self) -> Self {
        self.map(|word| word.rotate_left(23))
    }

    #[inline(always)]
    fn rotate_left_45(self) -> Self {
        self.map(|word| word.rotate_left(45))
    }

    #[inline(always)]
    fn is_zero(self) -> bool {
        self.iter().fold(0, |union, word| union | word) == 0
    }
}

/// The same in explicit vectors: the compiler would take the arrays apart.
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(test)]
mod tests;
