//! A generator that counts what is drawn from it.

use std::convert::Infallible;

use rand::TryRng;

/// Hands numbers through and counts them, to hold kernels to drawing one key a step.
pub struct CountingRng<R> {
    inner: R,
    /// How many 64-bit words were drawn.
    pub n_words: usize,
    /// Whether anything but 64-bit words was drawn.
    pub other_draws: bool,
}

impl<R> CountingRng<R> {
    /// Counts the draws from `inner`.
    pub fn new(inner: R) -> Self {
        CountingRng {
            inner,
            n_words: 0,
            other_draws: false,
        }
    }
}

impl<R: TryRng<Error = Infallible>> TryRng for CountingRng<R> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.other_draws = true;
        self.inner.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.n_words += 1;
        self.inner.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.other_draws = true;
        self.inner.try_fill_bytes(bytes)
    }
}
