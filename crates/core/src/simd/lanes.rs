//! Eight xoshiro256++ generators that step together.
//!
//! A vector unit cannot shorten the serial chain inside one generator, but it can run eight chains side by side. The
//! output is one stream of 32-bit words in a fixed order, a property of the seed alone: neither the level nor how the
//! stream is cut into calls changes it. That is what lets a kernel say "element i uses word i".

use std::convert::Infallible;

use rand::TryRng;

use super::level::{Executable, Level};
use crate::Streams;

/// Generators side by side: one 512-bit vector of 64-bit states.
pub(super) const LANES: usize = 8;

/// Words that one step of all lanes yields.
const STEP: usize = 2 * LANES;

/// A stream of 32-bit words from eight interleaved xoshiro256++ generators (Blackman and Vigna, 2021).
///
/// Lane k starts at the state `streams.part(0x6C61_6E65_0000_0000 + k).state(block)`. Each step advances all lanes once
/// and appends sixteen words to the stream: the low and then the high half of lane 0's output, of lane 1's, up to lane 7's.
/// Every method takes the next words of this one stream, exactly as many as it documents, so that
/// `fill(a); fill(b)` gives the words of `fill(a ++ b)`.
///
/// ```
/// use gibbsian_core::{Streams, simd::LaneRng};
/// let streams = Streams::from_key(7);
/// let (mut together, mut apart) = ([0; 40], [0; 40]);
/// LaneRng::new(streams, 3).fill_u32(&mut together);
/// let mut rng = LaneRng::new(streams, 3);
/// rng.fill_u32(&mut apart[..5]);
/// rng.fill_u32(&mut apart[5..]);
/// assert_eq!(together, apart);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneRng {
    state: State,
    /// The words of the last step; those from `used` on are still to be handed out.
    pending: [u32; STEP],
    used: usize,
}

impl LaneRng {
    /// The lanes of one block of work.
    pub fn new(streams: Streams, block: usize) -> Self {
        let mut state = [[0; LANES]; 4];
        for lane in 0..LANES {
            // A family of parts of its own: no lane coincides with a generator that a caller takes from the same streams.
            let words = streams.part(0x6C61_6E65_0000_0000 + lane as u64).state(block);
            for (lanes, word) in state.iter_mut().zip(words) {
                lanes[lane] = word;
            }
        }
        LaneRng {
            state: State(state),
            pending: [0; STEP],
            used: STEP,
        }
    }

    /// Fills the slice with the next words of the stream, one for each element.
    pub fn fill_u32(&mut self, out: &mut [u32]) {
        self.fill_at(Executable::current(), out);
    }

    /// The next word of the stream.
    #[inline]
    pub fn word(&mut self) -> u32 {
        if self.used == STEP {
            self.pending = self.state.step();
            self.used = 0;
        }
        let word = self.pending[self.used];
        self.used += 1;
        word
    }

    /// The states of the generators, for a kernel that takes whole steps of the stream; what is left of a step that was begun is skipped.
    pub(super) fn whole_steps(&mut self) -> &mut [[u64; LANES]; 4] {
        self.used = STEP;
        &mut self.state.0
    }

    /// [`LaneRng::fill_u32`] at a given level.
    pub(super) fn fill_at(&mut self, level: Executable, out: &mut [u32]) {
        let head = (STEP - self.used).min(out.len());
        let (head, rest) = out.split_at_mut(head);
        head.copy_from_slice(&self.pending[self.used..self.used + head.len()]);
        self.used += head.len();
        let (steps, tail) = rest.as_chunks_mut::<STEP>();
        self.state.steps(level, steps);
        for word in tail {
            *word = self.word();
        }
    }
}

/// The generator as a [`rand::Rng`], for scalar draws from the same stream: `next_u32` takes one word, `next_u64` two (the
/// low half first), `fill_bytes` one for every four bytes begun.
impl TryRng for LaneRng {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.word())
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let low = u64::from(self.word());
        Ok(low | u64::from(self.word()) << 32)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(4) {
            let word = self.word().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

/// The four state words of every lane, word by word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(64))]
struct State([[u64; LANES]; 4]);

impl State {
    /// Fills whole steps.
    fn steps(&mut self, level: Executable, out: &mut [[u32; STEP]]) {
        match level.level() {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an `Executable` exists only for levels whose features were detected on this machine.
            Level::Avx512 => unsafe { x86::steps_avx512(&mut self.0, out) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Level::Avx2 => unsafe { x86::steps_avx2(&mut self.0, out) },
            _ => {
                for words in out {
                    *words = self.step();
                }
            }
        }
    }

    /// Advances every lane once and returns the sixteen words of the step.
    fn step(&mut self) -> [u32; STEP] {
        let [s0, s1, s2, s3] = &mut self.0;
        let mut words = [0; STEP];
        for k in 0..LANES {
            let output = s0[k].wrapping_add(s3[k]).rotate_left(23).wrapping_add(s0[k]);
            words[2 * k] = output as u32;
            words[2 * k + 1] = (output >> 32) as u32;
            let t = s1[k] << 17;
            s2[k] ^= s0[k];
            s3[k] ^= s1[k];
            s1[k] ^= s2[k];
            s0[k] ^= s3[k];
            s2[k] ^= t;
            s3[k] = s3[k].rotate_left(45);
        }
        words
    }
}

/// The step in explicit vectors: the compiler would turn eight lanes into scalar code, at several times the cost.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;
    use std::mem::transmute;

    use super::{LANES, STEP};

    #[target_feature(enable = "avx512f")]
    pub(super) fn steps_avx512(state: &mut [[u64; LANES]; 4], out: &mut [[u32; STEP]]) {
        // SAFETY: arrays of 64 bytes and vectors of 64 bytes, all of which take any bits.
        let [mut s0, mut s1, mut s2, mut s3] =
            unsafe { transmute::<[[u64; LANES]; 4], [__m512i; 4]>(*state) };
        for words in out {
            let sum = _mm512_add_epi64(s0, s3);
            let output = _mm512_add_epi64(_mm512_rol_epi64::<23>(sum), s0);
            // SAFETY: 64 bytes each; the halves of a little-endian 64-bit element lie low before high.
            *words = unsafe { transmute::<__m512i, [u32; STEP]>(output) };
            let t = _mm512_slli_epi64::<17>(s1);
            s2 = _mm512_xor_si512(s2, s0);
            s3 = _mm512_xor_si512(s3, s1);
            s1 = _mm512_xor_si512(s1, s2);
            s0 = _mm512_xor_si512(s0, s3);
            s2 = _mm512_xor_si512(s2, t);
            s3 = _mm512_rol_epi64::<45>(s3);
        }
        // SAFETY: as above.
        *state = unsafe { transmute::<[__m512i; 4], [[u64; LANES]; 4]>([s0, s1, s2, s3]) };
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn steps_avx2(state: &mut [[u64; LANES]; 4], out: &mut [[u32; STEP]]) {
        // SAFETY: arrays of 64 bytes and pairs of vectors of 32 bytes, all of which take any bits.
        let mut s = unsafe { transmute::<[[u64; LANES]; 4], [[__m256i; 2]; 4]>(*state) };
        for words in out {
            let mut output = [_mm256_setzero_si256(); 2];
            for half in 0..2 {
                let [mut s0, mut s1, mut s2, mut s3] = [s[0][half], s[1][half], s[2][half], s[3][half]];
                output[half] = _mm256_add_epi64(rotate_left::<23, 41>(_mm256_add_epi64(s0, s3)), s0);
                let t = _mm256_slli_epi64::<17>(s1);
                s2 = _mm256_xor_si256(s2, s0);
                s3 = _mm256_xor_si256(s3, s1);
                s1 = _mm256_xor_si256(s1, s2);
                s0 = _mm256_xor_si256(s0, s3);
                s2 = _mm256_xor_si256(s2, t);
                s3 = rotate_left::<45, 19>(s3);
                [s[0][half], s[1][half], s[2][half], s[3][half]] = [s0, s1, s2, s3];
            }
            // SAFETY: 64 bytes each; the halves of a little-endian 64-bit element lie low before high.
            *words = unsafe { transmute::<[__m256i; 2], [u32; STEP]>(output) };
        }
        // SAFETY: as above.
        *state = unsafe { transmute::<[[__m256i; 2]; 4], [[u64; LANES]; 4]>(s) };
    }

    /// Rotates each 64-bit element left by `L`; `R` = 64 − `L`.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn rotate_left<const L: i32, const R: i32>(x: __m256i) -> __m256i {
        const { assert!(L + R == 64) };
        _mm256_or_si256(_mm256_slli_epi64::<L>(x), _mm256_srli_epi64::<R>(x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    fn words(level: Executable, rng: &mut LaneRng, n: usize) -> Vec<u32> {
        let mut words = vec![0; n];
        rng.fill_at(level, &mut words);
        words
    }

    #[test]
    fn each_lane_is_the_reference_generator_at_every_level() {
        let streams = Streams::from_key(0xDEAD_BEEF);
        for level in Executable::all() {
            let stream = words(level, &mut LaneRng::new(streams, 5), 100 * STEP);
            for lane in 0..LANES {
                let part = streams.part(0x6C61_6E65_0000_0000 + lane as u64);
                let mut reference = crate::StreamRng::from_seed(seed_bytes(part.state(5)));
                for step in stream.chunks(STEP) {
                    let output = u64::from(step[2 * lane]) | u64::from(step[2 * lane + 1]) << 32;
                    assert_eq!(output, reference.next_u64(), "lane {lane} at {level:?}");
                }
            }
        }
    }

    fn seed_bytes(state: [u64; 4]) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (bytes, word) in bytes.chunks_mut(8).zip(state) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn the_stream_does_not_depend_on_how_it_is_cut() {
        let streams = Streams::from_key(1);
        let portable = Executable::all().next().unwrap();
        let expected = words(portable, &mut LaneRng::new(streams, 0), 201 * 100 + 201 * 4);
        for level in Executable::all() {
            let mut rng = LaneRng::new(streams, 0);
            let mut stream = Vec::new();
            for n in 0..=200 {
                stream.extend(words(level, &mut rng, n));
                stream.push(rng.word());
                stream.push(rng.next_u32());
                let both = rng.next_u64();
                stream.extend([both as u32, (both >> 32) as u32]);
            }
            assert_eq!(stream, expected, "{level:?}");
        }
    }

    #[test]
    fn bytes_take_one_word_for_four() {
        let mut rng = LaneRng::new(Streams::from_key(2), 0);
        let mut bytes = [0; 6];
        rng.fill_bytes(&mut bytes);
        let mut again = LaneRng::new(Streams::from_key(2), 0);
        assert_eq!(bytes[..4], again.word().to_le_bytes());
        assert_eq!(bytes[4..], again.word().to_le_bytes()[..2]);
        assert_eq!(rng, again);
    }

    #[test]
    fn draws_are_pinned() {
        // Golden values: a change here changes every seeded result and belongs into the changelog.
        let mut rng = LaneRng::new(Streams::from_key(0), 0);
        assert_eq!([rng.word(), rng.word(), rng.word()], PINNED);
    }

    const PINNED: [u32; 3] = [3_658_206_961, 3_871_486_465, 3_701_958_290];
}
