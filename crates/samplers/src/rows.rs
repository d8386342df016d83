//! Sums over a row in vector loops, for use within a [`Vectorized`](gibbsian_core::simd::Vectorized) computation.
//!
//! Products are added by [`f64::mul_add`], rounded once on every machine, in eight lanes of fixed order: the bits are the same at every
//! vector width.

/// One vector of 512 bits.
const LANES: usize = 8;

/// A number for each lane.
type Line = [f64; LANES];

/// `f` of each lane, written out: a loop in a loop would leave the compiler a choice of which to make vectors of.
#[inline(always)]
fn eight<T>(f: impl Fn(usize) -> T) -> [T; LANES] {
    [f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7)]
}

/// `sum + x y` in each lane.
#[inline(always)]
fn add_products(sum: Line, x: Line, y: Line) -> Line {
    eight(|l| x[l].mul_add(y[l], sum[l]))
}

/// The sum of the lanes, in pairs.
#[inline(always)]
fn total(sum: Line) -> f64 {
    ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]))
}

/// `Σ x_i y_i`.
#[inline(always)]
pub(crate) fn dot(x: &[f64], y: &[f64]) -> f64 {
    let (x, x_tail) = x.as_chunks::<LANES>();
    let (y, y_tail) = y.as_chunks::<LANES>();
    let mut sum = [0.0; LANES];
    for (x, y) in x.iter().zip(y) {
        sum = add_products(sum, *x, *y);
    }
    let mut tail = total(sum);
    for (x, y) in x_tail.iter().zip(y_tail) {
        tail = x.mul_add(*y, tail);
    }
    tail
}

/// Adds `x` to `sum`.
#[inline(always)]
pub(crate) fn add_to(sum: &mut [f64], x: &[f64]) {
    for (sum, x) in sum.iter_mut().zip(x) {
        *sum += x;
    }
}

/// `out = x − y`.
#[inline(always)]
pub(crate) fn subtract(x: &[f64], y: &[f64], out: &mut [f64]) {
    for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
        *out = x - y;
    }
}
