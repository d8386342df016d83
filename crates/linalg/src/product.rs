//! The matrix product, C ← α A B + β C, in f32 and f64.
//!
//! **Cut.** The output is halved across its longer side until a block holds at most 4 MFLOP or a sixteenth of the work, and
//! the blocks are handed to rayon. The cut depends on the shape alone, and every entry is summed by one thread in one order, so
//! the result is bitwise the same on any number of threads. Halving keeps blocks nearly square: strips of a fixed height
//! repack the whole of B for every strip, which cost more than a quarter of the speed of A Bᵀ at 512 × 512 × 512, where
//! halving costs a tenth on one thread and nothing on two. A block below 4 MFLOP takes less than 40 µs on a recent core
//! and is not worth the wake-up of another thread.
//!
//! **Kernel.** Blocks are multiplied by faer's sequential product, measured at the shapes of RBMs and networks on two cores
//! with AVX-512. On one thread it has 2 to 2.4 times the speed of ndarray's own `dot`, and that of the `gemm` crate up to
//! 17 % either way, without `unsafe` on this side. On two threads the cut is level with faer's own threads at the squares and up to
//! 15 % faster elsewhere. OpenBLAS (through `ndarray`'s feature `blas`) was rejected even where the feature `lapack` links
//! it: Cargo would turn `blas` on for every crate of a build, and the programs that do not depend on this one would then not
//! link. Distributions also ship versions that do not know new processors.

use faer::linalg::matmul::matmul as faer_matmul;
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

use crate::faer_view::{with_mut, with_ref};
use crate::kernels::clear_upper;

/// The element types that are multiplied, `f32` and `f64`. Sealed: kernels exist for these two.
pub trait Real: sealed::Element {}

impl Real for f32 {}
impl Real for f64 {}

/// C ← α A B + β C for A (m, k), B (k, n) and C (m, n), all with any strides.
///
/// As in BLAS, β = 0 overwrites C without reading it, so C may then hold anything, NaN included. Otherwise non-finite
/// numbers propagate as in ordinary arithmetic. k = 0 leaves β C.
///
/// For exact inputs each entry of the product differs from the exact one by at most (k + 2) ε Σₗ |α aᵢₗ bₗⱼ| (Higham 2002, Accuracy and
/// Stability of Numerical Algorithms, equation 3.13), plus the rounding of β C and of the last sum.
///
/// # Panics
/// If the shapes do not fit, with all three.
///
/// ```
/// use gibbsian_linalg::matmul_into;
/// use ndarray::array;
///
/// let (a, b) = (array![[1.0, 2.0], [3.0, 4.0]], array![[0.0, 1.0], [1.0, 0.0]]);
/// let mut c = array![[100.0, 100.0], [100.0, 100.0]];
/// matmul_into(10.0, a.t(), b.view(), 1.0, c.view_mut());
/// assert_eq!(c, array![[130.0, 110.0], [140.0, 120.0]]);
/// ```
pub fn matmul_into<T: Real>(
    alpha: T,
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    beta: T,
    c: ArrayViewMut2<'_, T>,
) {
    let limit = block_limit(a.nrows(), b.ncols(), a.ncols());
    matmul_within(alpha, a, b, beta, c, limit);
}

/// [`matmul_into`] without cutting: the whole product on the calling thread, for callers who have cut their work already.
///
/// # Panics
/// If the shapes do not fit, with all three.
///
/// ```
/// use gibbsian_linalg::matmul_here_into;
/// use ndarray::array;
///
/// let mut c = array![[1.0_f32, 1.0]];
/// matmul_here_into(2.0, array![[1.0]].view(), array![[3.0, 4.0]].view(), 1.0, c.view_mut());
/// assert_eq!(c, array![[7.0, 9.0]]);
/// ```
pub fn matmul_here_into<T: Real>(
    alpha: T,
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    beta: T,
    c: ArrayViewMut2<'_, T>,
) {
    matmul_within(alpha, a, b, beta, c, usize::MAX);
}

/// The product, cut into blocks of at most `limit` multiply-adds.
fn matmul_within<T: Real>(
    alpha: T,
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    beta: T,
    mut c: ArrayViewMut2<'_, T>,
    limit: usize,
) {
    assert!(
        a.ncols() == b.nrows() && c.nrows() == a.nrows() && c.ncols() == b.ncols(),
        "the product of shapes {:?} and {:?} does not fit into shape {:?}",
        a.shape(),
        b.shape(),
        c.shape(),
    );
    if c.is_empty() {
        return;
    }
    let accumulate = if beta == T::ZERO {
        Accum::Replace
    } else {
        if beta != T::ONE {
            c.mapv_inplace(|entry| beta * entry);
        }
        Accum::Add
    };
    with_ref(a, |a| {
        with_ref(b, |b| {
            with_mut(c, |c| multiply(alpha, a, b, accumulate, c, limit))
        });
    });
}

/// A B for A (m, k) and B (k, n), in a new array (m, n); see [`matmul_into`].
///
/// ```
/// use gibbsian_linalg::matmul;
/// use ndarray::array;
///
/// let c = matmul(array![[1.0, 2.0], [3.0, 4.0]].view(), array![[5.0], [6.0]].view());
/// assert_eq!(c, array![[17.0], [39.0]]);
/// ```
///
/// # Panics
/// If A has another number of columns than B has rows, with both shapes.
pub fn matmul<T: Real>(a: ArrayView2<'_, T>, b: ArrayView2<'_, T>) -> Array2<T> {
    let mut c = Array2::from_elem((a.nrows(), b.ncols()), T::ZERO);
    matmul_into(T::ONE, a, b, T::ZERO, c.view_mut());
    c
}

/// The work in one block, in multiply-adds, at which halving is no longer worth it.
const SMALLEST_BLOCK: usize = 1 << 21;

/// The number of blocks that large products are cut into: enough for as many threads, few enough not to pack operands often.
const MOST_BLOCKS: usize = 16;

/// Blocks end on multiples of this many rows or columns, the width of the vector kernels' tiles.
const TILE: usize = 16;

/// The number of multiply-adds up to which a block of this product stays whole.
fn block_limit(m: usize, n: usize, k: usize) -> usize {
    SMALLEST_BLOCK.max(m.saturating_mul(n).saturating_mul(k) / MOST_BLOCKS)
}

/// Halves the output across its longer side until a block's work is within `limit`, and multiplies the blocks.
fn multiply<T: Real>(
    alpha: T,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    accumulate: Accum,
    c: MatMut<'_, T>,
    limit: usize,
) {
    let (m, n, k) = (c.nrows(), c.ncols(), a.ncols());
    if n > m {
        // Cᵀ = Bᵀ Aᵀ, so that only rows need to be cut.
        return multiply(
            alpha,
            b.transpose(),
            a.transpose(),
            accumulate,
            c.transpose_mut(),
            limit,
        );
    }
    let half = (m / 2).next_multiple_of(TILE);
    if m.saturating_mul(n).saturating_mul(k) <= limit || half >= m {
        faer_matmul(c, accumulate, a, b, alpha, Par::Seq);
        clear_upper();
        return;
    }
    let (a_above, a_below) = a.split_at_row(half);
    let (c_above, c_below) = c.split_at_row_mut(half);
    let above = || multiply(alpha, a_above, b, accumulate, c_above, limit);
    let below = || multiply(alpha, a_below, b, accumulate, c_below, limit);
    // With one thread, a join from outside the pool would only move the work to it and wait.
    if rayon::current_num_threads() == 1 {
        above();
        below();
    } else {
        rayon::join(above, below);
    }
}

mod sealed {
    /// What the product needs of an element.
    pub trait Element:
        faer::traits::ComplexField
        + crate::kernels::conv::Element
        + Copy
        + Default
        + PartialEq
        + Send
        + Sync
        + std::ops::Mul<Output = Self>
    {
        const ZERO: Self;
        const ONE: Self;
    }

    impl Element for f32 {
        const ZERO: Self = 0.0;
        const ONE: Self = 1.0;
    }

    impl Element for f64 {
        const ZERO: Self = 0.0;
        const ONE: Self = 1.0;
    }
}
