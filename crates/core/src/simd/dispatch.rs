//! Running ordinary loops at the machine's vector width, for kernels outside this crate.
//!
//! Compilers vectorise plain loops over fixed-size arrays well, but only for the instructions they may assume, and a portable binary
//! may assume little. [`vectorized`] compiles a loop once for each level and enters the widest that the machine has. It is safe to
//! call and needs no `unsafe` from whoever writes the loop, so crates with hot loops of their own can forbid `unsafe` code.

use super::level::{Executable, Level};

/// A computation that is worth compiling for each vector width.
///
/// Mark `run`, and every function that it calls in its hot loop, `#[inline(always)]`: only what is inlined is compiled at the
/// wider level. Nothing fuses a product and a sum behind the author's back, so the results are the same bits at every level. Where the
/// author writes [`f64::mul_add`], it is one instruction at the wider levels and a function of the C library at the portable one, unless the
/// architecture always has the instruction, as AArch64 has: rounded once in both cases, so still the same bits, but many times slower
/// on x86 processors from before 2013.
///
/// ```
/// use gibbsian_core::simd::{vectorized, Vectorized};
///
/// struct AddTo<'a>(&'a mut [f32], &'a [f32]);
///
/// impl Vectorized for AddTo<'_> {
///     type Output = ();
///
///     #[inline(always)]
///     fn run(self) {
///         for (sum, x) in self.0.iter_mut().zip(self.1) {
///             *sum += x;
///         }
///     }
/// }
///
/// let mut sum = [1.0; 3];
/// vectorized(AddTo(&mut sum, &[1.0, 2.0, 3.0]));
/// assert_eq!(sum, [2.0, 3.0, 4.0]);
/// ```
pub trait Vectorized {
    /// What the computation returns.
    type Output;

    /// The computation; write it `#[inline(always)]`.
    fn run(self) -> Self::Output;
}

/// Runs `computation`, compiled for the widest vectors that this machine executes.
#[inline]
pub fn vectorized<V: Vectorized>(computation: V) -> V::Output {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,fma")]
        fn avx2<V: Vectorized>(computation: V) -> V::Output {
            computation.run()
        }
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
        fn avx512<V: Vectorized>(computation: V) -> V::Output {
            computation.run()
        }
        match Executable::current().level() {
            Level::Portable => {}
            // SAFETY: an `Executable` exists only for levels whose features were detected on this machine.
            Level::Avx2 => return unsafe { avx2(computation) },
            // SAFETY: as above.
            Level::Avx512 => return unsafe { avx512(computation) },
        }
    }
    computation.run()
}
