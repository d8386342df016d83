//! Eight numbers side by side, the unit of the kernels of this crate.
//!
//! In a nest of loops over tiles and lanes the compiler chooses which loop becomes vectors, and a tile too many makes it choose the wrong one and
//! gather numbers from memory one by one, at twenty times the cost. Sums of products are therefore written out, lane after lane, which
//! leaves one choice. Loops that change each number of a slice on its own need no such care, and are better left as they are.
//!
//! Products are added by [`f64::mul_add`], rounded once. That is an operation of IEEE 754 with one right answer, so the bits are the same at
//! every vector width and on every machine, as they are without it; it halves the instructions and the roundings.

/// One vector of 512 bits.
pub(crate) const LANES: usize = 8;

/// A number for each lane.
pub(crate) type Line = [f64; LANES];

/// `f` of each lane, or of each of eight lines.
#[inline(always)]
pub(crate) fn eight<T>(f: impl Fn(usize) -> T) -> [T; LANES] {
    [f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7)]
}

/// `sum + a x`.
#[inline(always)]
pub(crate) fn add_scaled(sum: Line, a: f64, x: Line) -> Line {
    eight(|l| a.mul_add(x[l], sum[l]))
}

/// `sum + x y` in each lane.
#[inline(always)]
pub(crate) fn add_products(sum: Line, x: Line, y: Line) -> Line {
    eight(|l| x[l].mul_add(y[l], sum[l]))
}
