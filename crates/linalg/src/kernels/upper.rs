//! Leaving wide registers as they were found.

/// Clears the upper parts of the vector registers, which a kernel written in assembly may leave in use.
///
/// While they are in use, every change between instructions of the two encodings, as at each call of an elementary function of the C library, costs a processor of Intel's
/// tens to hundreds of cycles, long after the product that caused it. Compilers clear them at the end of functions that use them; the
/// kernels of the dense product do not.
#[inline]
pub(crate) fn clear_upper() {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx") {
        // SAFETY: the processor has the instruction. It keeps the lower 128 bits of every register, and no caller has anything in the others across a call.
        unsafe { std::arch::x86_64::_mm256_zeroupper() }
    }
}
