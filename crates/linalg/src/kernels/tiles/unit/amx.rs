//! Intel's AMX on Linux.

use std::arch::asm;
use std::arch::x86_64::{__cpuid_count, CpuidResult};
use std::marker::PhantomData;

use super::{Operands, PairSums};

/// Finds the unit and asks Linux for its registers, which it grants a process once and for all its threads.
pub(super) fn request() -> bool {
    const OSXSAVE: u32 = 1 << 27;
    const TILES: u32 = 1 << 24;
    const BYTES: u32 = 1 << 25;
    const TILE_STATE: u32 = 0b11 << 17;
    if identified(0).eax < 7 || identified(1).ecx & OSXSAVE == 0 {
        return false;
    }
    let features = identified(7).edx;
    if features & TILES == 0 || features & BYTES == 0 {
        return false;
    }
    let enabled: u32;
    // SAFETY: `OSXSAVE` says that the instruction exists; it reads a register.
    unsafe { asm!("xgetbv", in("ecx") 0, out("eax") enabled, out("edx") _, options(nomem, nostack)) };
    if enabled & TILE_STATE != TILE_STATE {
        return false;
    }
    const ARCH_PRCTL: i64 = 158;
    const REQUEST_PERMISSION: u64 = 0x1023;
    const TILE_DATA: u64 = 18;
    let result: i64;
    // SAFETY: a system call that takes two numbers and touches no memory of the process.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => result,
            in("rdi") REQUEST_PERMISSION,
            in("rsi") TILE_DATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    result == 0
}

/// A leaf of what the processor says of itself.
// Safe to call for newer compilers, unsafe for the oldest that is served.
#[allow(unused_unsafe)]
fn identified(leaf: u32) -> CpuidResult {
    // SAFETY: every 64-bit processor of this family has the instruction.
    unsafe { __cpuid_count(leaf, 0) }
}

/// The tile registers for this thread, while the value lives.
pub(super) struct Configured {
    /// Registers belong to a thread.
    _thread: PhantomData<*const ()>,
}

#[repr(C, align(64))]
struct Configuration([u8; 64]);

impl Configured {
    /// Only where [`request`] said yes.
    ///
    /// Register 7, and 6 where there are two digits, hold tiles of the right operand, whose 16 rows are four rows of the matrix each; the others have the rows of the left one.
    pub(super) fn new(tile_rows: usize, right_digits: usize) -> Self {
        assert!((1..=16).contains(&tile_rows), "a tile has room for 16 rows");
        let mut c = Configuration([0; 64]);
        c.0[0] = 1;
        for tile in 0..8 {
            c.0[16 + 2 * tile] = 64;
            let is_right = tile == 7 || (tile == 6 && right_digits == 2);
            c.0[48 + tile] = if is_right { 16 } else { tile_rows as u8 };
        }
        // SAFETY: the processor has the unit and the process the permission; the configuration is 64 bytes of the first palette.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &c, options(nostack, readonly)) };
        Configured { _thread: PhantomData }
    }

    #[inline]
    pub(super) fn multiply(&self, operands: Operands<'_>, sums: &mut PairSums) {
        let n = operands.n_blocks();
        if n == 0 {
            *sums = PairSums::ZERO;
            return;
        }
        assert!(operands.left.len() >= (n - 1) * operands.stride + 2 * operands.left_digits);
        match (operands.left_digits, operands.right_digits) {
            (1, 2) => self.bits_by_two(operands, sums),
            (1, 3) => self.bits_by_three(operands, sums),
            (2, 2) => self.means_by_two(operands, sums),
            (left, right) => unreachable!("a product of {left} digits and {right}"),
        }
    }
}

/// Runs a loop over blocks, whose body finds the left tiles from `{a}` and the right ones from `{b}` on, between clearing and storing four sums (and two more).
macro_rules! sum_blocks {
    ($operands:ident, $sums:ident, [$($clear:literal),*], [$($body:literal),* $(,)?], [$($store:literal),*]) => {
        // SAFETY: the registers are configured; the loop reads two tiles of every left digit at each stride and one of every right digit one after another, as often as
        // there are blocks, which was checked to be there; it writes at most six tiles of sums.
        unsafe {
            asm!(
                "tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3",
                $($clear,)*
                "2:",
                $($body,)*
                "add {a}, {stride}",
                "add {b}, {width}",
                "dec {n}",
                "jnz 2b",
                $($store,)*
                a = inout(reg) $operands.left.as_ptr() => _,
                b = inout(reg) $operands.right.as_ptr() => _,
                n = inout(reg) $operands.n_blocks() => _,
                stride = in(reg) $operands.stride * 1024,
                width = in(reg) $operands.right_digits * 1024,
                row = in(reg) 64_usize,
                out = in(reg) $sums.0.as_mut_ptr(),
                options(nostack),
            );
        }
    };
}

impl Configured {
    /// Both row tiles with both digits.
    #[inline]
    fn bits_by_two(&self, operands: Operands<'_>, sums: &mut PairSums) {
        sum_blocks!(
            operands,
            sums,
            [],
            [
                "tileloadd tmm4, [{a} + {row}]",
                "tileloadd tmm6, [{b} + {row}]",
                "tdpbusd tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{b} + {row} + 1024]",
                "tdpbusd tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{a} + {row} + 1024]",
                "tdpbusd tmm2, tmm5, tmm6",
                "tdpbusd tmm3, tmm5, tmm7",
            ],
            [
                "tilestored [{out} + {row}], tmm0",
                "tilestored [{out} + {row} + 1024], tmm1",
                "tilestored [{out} + {row} + 3072], tmm2",
                "tilestored [{out} + {row} + 4096], tmm3"
            ]
        );
    }

    /// Six sums, of two row tiles and three digits, stay in registers 0 to 5.
    #[inline]
    fn bits_by_three(&self, operands: Operands<'_>, sums: &mut PairSums) {
        sum_blocks!(
            operands,
            sums,
            ["tilezero tmm4", "tilezero tmm5"],
            [
                "tileloadd tmm7, [{b} + {row}]",
                "tileloadd tmm6, [{a} + {row}]",
                "tdpbusd tmm0, tmm6, tmm7",
                "tileloadd tmm7, [{b} + {row} + 1024]",
                "tdpbusd tmm1, tmm6, tmm7",
                "tileloadd tmm7, [{b} + {row} + 2048]",
                "tdpbusd tmm2, tmm6, tmm7",
                "tileloadd tmm6, [{a} + {row} + 1024]",
                "tdpbusd tmm5, tmm6, tmm7",
                "tileloadd tmm7, [{b} + {row} + 1024]",
                "tdpbusd tmm4, tmm6, tmm7",
                "tileloadd tmm7, [{b} + {row}]",
                "tdpbusd tmm3, tmm6, tmm7",
            ],
            [
                "tilestored [{out} + {row}], tmm0",
                "tilestored [{out} + {row} + 1024], tmm1",
                "tilestored [{out} + {row} + 2048], tmm2",
                "tilestored [{out} + {row} + 3072], tmm3",
                "tilestored [{out} + {row} + 4096], tmm4",
                "tilestored [{out} + {row} + 5120], tmm5"
            ]
        );
    }

    /// The upper digit of both row tiles with both digits, the lower with the upper; sums that wait for each other lie far apart.
    #[inline]
    fn means_by_two(&self, operands: Operands<'_>, sums: &mut PairSums) {
        sum_blocks!(
            operands,
            sums,
            [],
            [
                "tileloadd tmm4, [{a} + {row}]",
                "tileloadd tmm7, [{b} + {row} + 1024]",
                "tdpbusd tmm1, tmm4, tmm7",
                "tileloadd tmm6, [{b} + {row}]",
                "tdpbusd tmm0, tmm4, tmm6",
                "tileloadd tmm5, [{a} + {row} + 2048]",
                "tdpbusd tmm3, tmm5, tmm7",
                "tdpbusd tmm2, tmm5, tmm6",
                "tileloadd tmm4, [{a} + {row} + 1024]",
                "tdpbusd tmm1, tmm4, tmm6",
                "tileloadd tmm5, [{a} + {row} + 3072]",
                "tdpbusd tmm3, tmm5, tmm6",
            ],
            [
                "tilestored [{out} + {row}], tmm0",
                "tilestored [{out} + {row} + 1024], tmm1",
                "tilestored [{out} + {row} + 3072], tmm2",
                "tilestored [{out} + {row} + 4096], tmm3"
            ]
        );
    }
}

impl Drop for Configured {
    fn drop(&mut self) {
        // SAFETY: the registers were configured by this thread. Releasing them spares the system saving them when it changes threads.
        unsafe { asm!("tilerelease", options(nomem, nostack)) };
    }
}
