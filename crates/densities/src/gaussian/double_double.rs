//! Numbers of 106 bits, as unevaluated sums of two doubles, and the factorisation of a matrix in them.
//!
//! In ordinary arithmetic the factor of a covariance with condition number κ loses a κ-th part of its digits, and every density computed
//! with it inherits that error. The factorisation is done once and the density is evaluated often, so the former is done in twice the
//! precision (Dekker 1971, "A floating-point technique for extending the available precision"; Hida, Li and Bailey 2001) and rounded
//! at the end: each entry of the whitening matrix is then the nearest double or its neighbour, up to condition numbers of about 10¹⁴.
//!
//! Products are split by Dekker's method instead of a fused multiply-add, which is slow where the compiler may not assume the instruction;
//! the splitting needs numbers below 2⁹⁹⁶, which the scaling of [`super::factors`] provides. The loops run at vector width.

use std::ops::{Add, Div, Mul, Neg, Sub};

use gibbsian_core::simd::{Vectorized, vectorized};

/// The number `high + low`, with `|low|` at most half a unit in the last place of `high`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Double {
    high: f64,
    low: f64,
}

impl Double {
    pub const ZERO: Double = Double::new(0.0);
    pub const ONE: Double = Double::new(1.0);
    /// √(2π).
    pub const SQRT_TWO_PI: Double = Double {
        high: 2.506_628_274_631_000_7,
        low: -1.832_857_998_045_916_7e-16,
    };
    /// log 2.
    const LN_2: Double = Double {
        high: std::f64::consts::LN_2,
        low: 2.319_046_813_846_299_6e-17,
    };

    pub const fn new(value: f64) -> Self {
        Double {
            high: value,
            low: 0.0,
        }
    }

    /// The nearest double.
    pub fn rounded(self) -> f64 {
        self.high
    }

    /// The product with a power of two, which is exact unless it over- or underflows.
    #[inline(always)]
    pub fn scaled(self, power_of_two: f64) -> Self {
        Double {
            high: self.high * power_of_two,
            low: self.low * power_of_two,
        }
    }

    /// √a by one step of Newton's method from the square root of the leading part.
    pub fn sqrt(self) -> Self {
        let root = Double::new(self.high.sqrt());
        let rest = self - root * root;
        root + Double::new(rest.high / (2.0 * root.high))
    }
}

/// `a + b` and its rounding error; `|a| ≥ |b|`.
#[inline(always)]
fn quick_two_sum(a: f64, b: f64) -> Double {
    let high = a + b;
    Double {
        high,
        low: b - (high - a),
    }
}

/// `a + b` and its rounding error (Knuth).
#[inline(always)]
fn two_sum(a: f64, b: f64) -> Double {
    let high = a + b;
    let from_b = high - a;
    Double {
        high,
        low: (a - (high - from_b)) + (b - from_b),
    }
}

/// The upper 26 bits of `a` and the rest (Veltkamp).
#[inline(always)]
fn split(a: f64) -> (f64, f64) {
    let t = 134_217_729.0 * a; // 2²⁷ + 1
    let upper = t - (t - a);
    (upper, a - upper)
}

/// `a b` and its rounding error (Dekker).
#[inline(always)]
fn two_product(a: f64, b: f64) -> Double {
    let high = a * b;
    let ((a_upper, a_lower), (b_upper, b_lower)) = (split(a), split(b));
    Double {
        high,
        low: ((a_upper * b_upper - high) + a_upper * b_lower + a_lower * b_upper) + a_lower * b_lower,
    }
}

impl Add for Double {
    type Output = Double;
    #[inline(always)]
    fn add(self, other: Double) -> Double {
        let (high, low) = (two_sum(self.high, other.high), two_sum(self.low, other.low));
        let sum = quick_two_sum(high.high, high.low + low.high);
        quick_two_sum(sum.high, sum.low + low.low)
    }
}

impl Neg for Double {
    type Output = Double;
    #[inline(always)]
    fn neg(self) -> Double {
        Double {
            high: -self.high,
            low: -self.low,
        }
    }
}

impl Sub for Double {
    type Output = Double;
    #[inline(always)]
    fn sub(self, other: Double) -> Double {
        self + -other
    }
}

impl Mul for Double {
    type Output = Double;
    #[inline(always)]
    fn mul(self, other: Double) -> Double {
        let product = two_product(self.high, other.high);
        quick_two_sum(
            product.high,
            product.low + (self.high * other.low + self.low * other.high),
        )
    }
}

impl Div for Double {
    type Output = Double;
    /// Long division, one double of the quotient at a time.
    #[inline(always)]
    fn div(self, other: Double) -> Double {
        let first = self.high / other.high;
        let rest = self - other * Double::new(first);
        let second = rest.high / other.high;
        let rest = rest - other * Double::new(second);
        quick_two_sum(first, second) + Double::new(rest.high / other.high)
    }
}

/// `log (2^exponent Π fᵢ)` of positive factors, with a relative error of a few units in the last place even where the result is small.
///
/// The product is kept within [√½, √2) and its powers of two are counted, so that one logarithm is taken of a number near 1.
pub(crate) fn log_of_product(factors: impl Iterator<Item = Double>, exponent: i64) -> f64 {
    let (mut product, mut exponent) = (Double::ONE, exponent);
    for factor in factors {
        product = product * factor;
        let n = nearest_exponent(product.high);
        product = product.scaled(power_of_two(-n));
        exponent += i64::from(n);
    }
    let log = Double::new(product.high.ln()) + Double::new(product.low / product.high);
    (Double::LN_2 * Double::new(exponent as f64) + log).rounded()
}

/// The `n` for which `a 2⁻ⁿ` lies in [√½, √2), for positive and normal `a`.
fn nearest_exponent(a: f64) -> i32 {
    let exponent = ((a.to_bits() >> 52) as i32) - 1023;
    if a * power_of_two(-exponent) < std::f64::consts::SQRT_2 {
        exponent
    } else {
        exponent + 1
    }
}

/// 2ⁿ for |n| ≤ 1022.
pub(crate) fn power_of_two(n: i32) -> f64 {
    f64::from_bits(((1023 + n) as u64) << 52)
}

/// A lower triangular matrix, row by row, with zeros above the diagonal.
pub(crate) struct Triangular {
    dim: usize,
    entries: Vec<Double>,
}

impl Triangular {
    /// The lower triangle of the matrix of these entries.
    pub fn from_fn(dim: usize, entry: impl Fn(usize, usize) -> Double) -> Self {
        let mut entries = vec![Double::ZERO; dim * dim];
        for i in 0..dim {
            for j in 0..=i {
                entries[i * dim + j] = entry(i, j);
            }
        }
        Triangular { dim, entries }
    }

    /// The number of rows.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The entry of row `i` and column `j ≤ i`.
    pub fn entry(&self, i: usize, j: usize) -> Double {
        self.entries[i * self.dim + j]
    }

    /// Replaces the lower triangle of a symmetric matrix by its Cholesky factor.
    ///
    /// # Errors
    /// The index and value of the first pivot that is not positive.
    pub fn cholesky(&mut self) -> Result<(), (usize, f64)> {
        vectorized(Cholesky(self))
    }

    /// The inverse of a triangular matrix with a positive diagonal.
    pub fn inverse(&self) -> Triangular {
        vectorized(Inverse(self))
    }

    /// The lower triangle of `MᵀM`.
    pub fn transposed_times_self(&self) -> Triangular {
        vectorized(Square(self))
    }
}

/// `y ← y + a x`.
#[inline(always)]
pub(crate) fn add_scaled(y: &mut [Double], a: Double, x: &[Double]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = *y + a * x;
    }
}

struct Cholesky<'a>(&'a mut Triangular);

impl Vectorized for Cholesky<'_> {
    type Output = Result<(), (usize, f64)>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Triangular {
            dim: n,
            ref mut entries,
        } = *self.0;
        let mut column = vec![Double::ZERO; n];
        for k in 0..n {
            let pivot = entries[k * n + k];
            if pivot.high.is_nan() || pivot.high <= 0.0 {
                return Err((k, pivot.high));
            }
            let root = pivot.sqrt();
            entries[k * n + k] = root;
            for i in k + 1..n {
                entries[i * n + k] = entries[i * n + k] / root;
                column[i] = entries[i * n + k];
            }
            // What is left is the Schur complement of the rows so far.
            for i in k + 1..n {
                add_scaled(
                    &mut entries[i * n + k + 1..=i * n + i],
                    -column[i],
                    &column[k + 1..=i],
                );
            }
        }
        Ok(())
    }
}

struct Inverse<'a>(&'a Triangular);

impl Vectorized for Inverse<'_> {
    type Output = Triangular;

    #[inline(always)]
    fn run(self) -> Triangular {
        // Row i of M M⁻¹ = I: the i-th row of the inverse is (eᵢ − Σ_{k<i} Mᵢₖ (row k)) / Mᵢᵢ.
        let (n, m) = (self.0.dim, &self.0.entries);
        let mut inverse = vec![Double::ZERO; n * n];
        for i in 0..n {
            let (done, rest) = inverse.split_at_mut(i * n);
            let row = &mut rest[..=i];
            row[i] = Double::ONE;
            for k in 0..i {
                add_scaled(&mut row[..=k], -m[i * n + k], &done[k * n..=k * n + k]);
            }
            for entry in row {
                *entry = *entry / m[i * n + i];
            }
        }
        Triangular {
            dim: n,
            entries: inverse,
        }
    }
}

struct Square<'a>(&'a Triangular);

impl Vectorized for Square<'_> {
    type Output = Triangular;

    #[inline(always)]
    fn run(self) -> Triangular {
        let (n, m) = (self.0.dim, &self.0.entries);
        let mut square = vec![Double::ZERO; n * n];
        for row in m.chunks_exact(n).enumerate().map(|(i, row)| &row[..=i]) {
            for (a, &entry) in row.iter().enumerate() {
                add_scaled(&mut square[a * n..=a * n + a], entry, &row[..=a]);
            }
        }
        Triangular {
            dim: n,
            entries: square,
        }
    }
}
