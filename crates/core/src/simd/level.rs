//! Which instructions the kernels use: found once, the same results on each.

use std::sync::atomic::{AtomicU8, Ordering};

/// A width of vector instructions that the kernels are compiled for.
///
/// The results do not depend on it, only the time does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// What every processor of the target architecture has (SSE2 on x86-64, NEON on AArch64).
    Portable = 1,
    /// 256-bit integers and floats, with fused multiply-add: x86-64 processors since about 2013.
    Avx2 = 2,
    /// 512 bits, with the F, BW, DQ and VL sets: x86-64 servers since 2017, desktops with Zen 4 and later.
    Avx512 = 3,
}

impl Level {
    /// All levels, the narrowest first.
    pub const ALL: [Level; 3] = [Level::Portable, Level::Avx2, Level::Avx512];

    /// The widest level that this machine executes.
    pub fn detected() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            if has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl") {
                return Level::Avx512;
            }
            if has!("avx2") && has!("fma") {
                return Level::Avx2;
            }
        }
        Level::Portable
    }

    /// The level that the kernels of this process use now.
    pub fn current() -> Self {
        Executable::current().0
    }

    /// Caps the level of all kernels in this process, to measure or to compare; a cap above [`Level::detected`] has no
    /// effect. Results do not change.
    pub fn limit(cap: Level) {
        CURRENT.store(cap.min(Level::detected()) as u8, Ordering::Relaxed);
    }
}

/// A level that this machine was seen to execute; having one is what makes entering a compiled variant sound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Executable(Level);

/// The level in use, or 0 before the first question.
static CURRENT: AtomicU8 = AtomicU8::new(0);

impl Executable {
    /// The level in use.
    #[inline]
    pub(super) fn current() -> Self {
        // Every value stored is at most the detected level, and all threads detect the same.
        match CURRENT.load(Ordering::Relaxed) {
            0 => {
                let level = Level::detected();
                CURRENT.store(level as u8, Ordering::Relaxed);
                Executable(level)
            }
            1 => Executable(Level::Portable),
            2 => Executable(Level::Avx2),
            _ => Executable(Level::Avx512),
        }
    }

    /// Every level of this machine, for tests that compare them.
    #[cfg(test)]
    pub(super) fn all() -> impl Iterator<Item = Self> {
        Level::ALL
            .into_iter()
            .filter(|&level| level <= Level::detected())
            .map(Executable)
    }

    /// The level itself.
    pub(super) fn level(self) -> Level {
        self.0
    }
}

/// Declares a function that runs `$kernel`, an `#[inline(always)]` function, compiled once for each level.
///
/// The generated function takes the level to run at as its first argument. The kernel is ordinary code: the compiler
/// turns its loops over fixed-size blocks into vectors of the level's width. It never contracts a product and a sum into
/// a fused operation on its own, so all variants compute the same bits.
macro_rules! multiversion {
    ($(#[$attribute:meta])* fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? = $kernel:expr;) => {
        $(#[$attribute])*
        #[inline]
        fn $name(level: $crate::simd::level::Executable, $($argument: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn avx2($($argument: $type),*) $(-> $result)? {
                    $kernel($($argument),*)
                }
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
                fn avx512($($argument: $type),*) $(-> $result)? {
                    $kernel($($argument),*)
                }
                match level.level() {
                    $crate::simd::Level::Portable => {}
                    // SAFETY: an `Executable` exists only for levels whose features were detected on this machine.
                    $crate::simd::Level::Avx2 => return unsafe { avx2($($argument),*) },
                    // SAFETY: as above.
                    $crate::simd::Level::Avx512 => return unsafe { avx512($($argument),*) },
                }
            }
            let _ = level;
            $kernel($($argument),*)
        }
    };
}
pub(super) use multiversion;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_narrows_and_never_widens() {
        // Kernels of tests running beside this one give the same results at any level, so the global cap disturbs none.
        Level::limit(Level::Portable);
        assert_eq!(Level::current(), Level::Portable);
        Level::limit(Level::Avx512);
        assert_eq!(Level::current(), Level::detected());
    }
}
