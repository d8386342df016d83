//! A uniform integer below a bound, the same on every platform and in every version.
//!
//! The multiply-and-reject method (Lemire, 2019, "Fast random integer generation in an interval", algorithm 5): the high half of
//! a 128-bit product is the draw, and the low half tells the `2⁶⁴ mod bound` products that would make it biased. The law is
//! exactly uniform. The crate `rand` offers the same law, but its algorithm may change between versions, and for `usize` it has
//! differed between 32-bit and 64-bit machines; orders of training data are results and must do neither.

use rand::Rng;

/// A draw from the uniform law on `0..bound`.
///
/// # Panics
/// When `bound` is zero.
pub(crate) fn uniform_below(rng: &mut impl Rng, bound: u64) -> u64 {
    assert!(bound > 0, "no integer is below zero");
    let mut product = u128::from(rng.next_u64()) * u128::from(bound);
    if (product as u64) < bound {
        let reject_below = bound.wrapping_neg() % bound;
        while (product as u64) < reject_below {
            product = u128::from(rng.next_u64()) * u128::from(bound);
        }
    }
    (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::Seed;
    use rand::rand_core::{Infallible, TryRng};

    /// A generator that returns prepared words.
    struct Prepared(Vec<u64>);

    impl TryRng for Prepared {
        type Error = Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            self.try_next_u64().map(|word| word as u32)
        }
        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            Ok(self.0.remove(0))
        }
        fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Infallible> {
            unreachable!("only words are drawn")
        }
    }

    #[test]
    fn the_biased_words_are_rejected_and_no_others() {
        // 2⁶⁴ mod 3 = 1, so exactly one word must be rejected: that with product zero in the low half.
        assert_eq!(uniform_below(&mut Prepared(vec![0, u64::MAX]), 3), 2);
        assert_eq!(uniform_below(&mut Prepared(vec![1]), 3), 0);
        // A power of two divides 2⁶⁴ and rejects nothing.
        assert_eq!(uniform_below(&mut Prepared(vec![0]), 1 << 63), 0);
        // 2⁶⁴ mod (2⁶³ + 1) = 2⁶³ − 1: almost half of all words are rejected.
        let bound = (1 << 63) + 1;
        assert_eq!(uniform_below(&mut Prepared(vec![2, 4, 1]), bound), 0);
        assert_eq!(
            uniform_below(&mut Prepared(vec![u64::MAX]), u64::MAX),
            u64::MAX - 1
        );
    }

    #[test]
    fn draws_cover_the_range_evenly() {
        let mut rng = Seed::new(3).rng();
        let mut counts = [0_i32; 7];
        for _ in 0..70_000 {
            counts[uniform_below(&mut rng, 7) as usize] += 1;
        }
        // Each count is binomial with mean 10,000 and standard deviation 93; 6 of them have a family error below 1e-7.
        assert!(counts.iter().all(|c| (c - 10_000).abs() < 6 * 93), "{counts:?}");
    }
}
