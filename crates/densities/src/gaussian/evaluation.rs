//! Energies and scores of rows of points: the loops below every normal density.
//!
//! From two to four dimensions the loops are unrolled with a point in each lane of a vector; above that [`super::panels`] has the tiles. A
//! diagonal covariance, which that of one dimension always is, takes one pass of multiplications.

use gibbsian_core::simd::Vectorized;
use ndarray::{Array1, ArrayView2};

use super::panels::{POINTS, Panels};
use super::whitening::{Form, Whitening};
use crate::lanes::{LANES, Line, add_products, eight};

/// What becomes of an entry of the product `M r_b`.
pub(super) trait Combine: Copy {
    /// The new value of the entry.
    fn combine(self, product: f64, old: f64) -> f64;
}

/// The score is minus the product with the precision.
#[derive(Clone, Copy)]
pub(super) struct Negated;

impl Combine for Negated {
    #[inline(always)]
    fn combine(self, product: f64, _: f64) -> f64 {
        -product
    }
}

/// A draw is the mean plus the product of `L` with standard normal numbers.
#[derive(Clone, Copy)]
pub(super) struct Added;

impl Combine for Added {
    #[inline(always)]
    fn combine(self, product: f64, old: f64) -> f64 {
        old + product
    }
}

/// `½ |W (x_b − μ)|²` of all rows.
pub(super) struct Energies<'a> {
    pub of: &'a Whitening,
    pub mean: &'a [f64],
    pub rows: &'a [f64],
    pub out: &'a mut [f64],
}

impl Vectorized for Energies<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Energies { of, mean, rows, out } = self;
        match of.form() {
            Form::Diagonal { precision, .. } => diagonal_energies(slice(precision), mean, rows, out),
            Form::Dense(dense) => {
                let w = dense.factors.whitening.view();
                match of.dim() {
                    2 => small_energies::<2>(w, mean, rows, out),
                    3 => small_energies::<3>(w, mean, rows, out),
                    4 => small_energies::<4>(w, mean, rows, out),
                    _ => panel_energies(&dense.whiten, mean, rows, out),
                }
            }
        }
    }
}

/// `−P (x_b − μ)` of all rows.
pub(super) struct Scores<'a> {
    pub of: &'a Whitening,
    pub mean: &'a [f64],
    pub rows: &'a [f64],
    pub out: &'a mut [f64],
}

impl Vectorized for Scores<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Scores { of, mean, rows, out } = self;
        match of.form() {
            Form::Diagonal { precision, .. } => diagonal_scores(slice(precision), mean, rows, out),
            Form::Dense(dense) => {
                let p = dense.factors.precision.view();
                match of.dim() {
                    2 => small_scores::<2>(p, mean, rows, out),
                    3 => small_scores::<3>(p, mean, rows, out),
                    4 => small_scores::<4>(p, mean, rows, out),
                    _ => panel_products(&dense.pull, mean, rows, Negated, out),
                }
            }
        }
    }
}

fn slice(a: &Array1<f64>) -> &[f64] {
    a.as_slice().expect("owned arrays are contiguous")
}

#[inline(always)]
fn diagonal_energies(precision: &[f64], mean: &[f64], rows: &[f64], out: &mut [f64]) {
    let d = mean.len();
    for (row, out) in rows.chunks_exact(d).zip(out) {
        let mut sums = [0.0; LANES];
        let terms = |i: usize| {
            let r = row[i] - mean[i];
            r * (r * precision[i])
        };
        let whole = d - d % LANES;
        for first in (0..whole).step_by(LANES) {
            sums = eight(|lane| sums[lane] + terms(first + lane));
        }
        for i in whole..d {
            sums[i - whole] += terms(i);
        }
        *out = 0.5 * total(&sums);
    }
}

#[inline(always)]
fn diagonal_scores(precision: &[f64], mean: &[f64], rows: &[f64], out: &mut [f64]) {
    let d = mean.len();
    for (row, out) in rows.chunks_exact(d).zip(out.chunks_exact_mut(d)) {
        for i in 0..d {
            out[i] = -((row[i] - mean[i]) * precision[i]);
        }
    }
}

/// A point in each lane.
#[inline(always)]
fn small_energies<const D: usize>(w: ArrayView2<f64>, mean: &[f64], rows: &[f64], out: &mut [f64]) {
    let w: [[f64; D]; D] = std::array::from_fn(|a| std::array::from_fn(|c| w[(a, c)]));
    let mean: [f64; D] = std::array::from_fn(|c| mean[c]);
    for (row, out) in rows.as_chunks::<D>().0.iter().zip(out) {
        let mut square = 0.0;
        for a in 0..D {
            let mut y = 0.0;
            for c in 0..=a {
                y += w[a][c] * (row[c] - mean[c]);
            }
            square += y * y;
        }
        *out = 0.5 * square;
    }
}

#[inline(always)]
fn small_scores<const D: usize>(p: ArrayView2<f64>, mean: &[f64], rows: &[f64], out: &mut [f64]) {
    let p: [[f64; D]; D] = std::array::from_fn(|a| std::array::from_fn(|c| p[(a, c)]));
    let mean: [f64; D] = std::array::from_fn(|c| mean[c]);
    let rows = rows.as_chunks::<D>().0;
    for (row, out) in rows.iter().zip(out.as_chunks_mut::<D>().0) {
        let r: [f64; D] = std::array::from_fn(|c| row[c] - mean[c]);
        for a in 0..D {
            let mut product = 0.0;
            for c in 0..D {
                product += p[a][c] * r[c];
            }
            out[a] = -product;
        }
    }
}

/// Points that go through all panels before the next ones: a panel is loaded once for them, and they stay in the first-level cache.
const BLOCK: usize = 4 * POINTS;

#[inline(always)]
fn panel_energies(whiten: &Panels, mean: &[f64], rows: &[f64], out: &mut [f64]) {
    let d = mean.len();
    let means = mean.repeat(POINTS);
    let mut r = vec![0.0; BLOCK * d];
    for (rows, out) in rows.chunks(BLOCK * d).zip(out.chunks_mut(BLOCK)) {
        deviations(rows, &means, &mut r);
        let mut squares = [[0.0; LANES]; BLOCK];
        for panel in whiten.iter() {
            let tiles = squares.as_chunks_mut::<POINTS>().0.iter_mut();
            for (squares, r) in tiles
                .zip(r.chunks_exact(POINTS * d))
                .take(out.len().div_ceil(POINTS))
            {
                let y = whiten.tile(panel, r);
                *squares = eight(|k| add_products(squares[k], y[k], y[k]));
            }
        }
        half_totals(&squares, out);
    }
}

/// Combines the products `M (x_b − μ)` with the rows of `out`.
#[inline(always)]
pub(super) fn panel_products<C: Combine>(
    matrix: &Panels,
    mean: &[f64],
    rows: &[f64],
    combine: C,
    out: &mut [f64],
) {
    let d = mean.len();
    let means = mean.repeat(POINTS);
    let mut r = vec![0.0; BLOCK * d];
    for (rows, out) in rows.chunks(BLOCK * d).zip(out.chunks_mut(BLOCK * d)) {
        deviations(rows, &means, &mut r);
        for (p, panel) in matrix.iter().enumerate() {
            let tiles = out.chunks_mut(POINTS * d).zip(r.chunks_exact(POINTS * d));
            for (out, r) in tiles {
                let mut rows = out.chunks_exact_mut(d).map(|row| &mut row[p * LANES..]);
                let mut next = || rows.next().unwrap_or(&mut []);
                // Written out, so that the products need not pass through memory.
                let products = matrix.tile(panel, r);
                put(products[0], combine, next());
                put(products[1], combine, next());
                put(products[2], combine, next());
                put(products[3], combine, next());
                put(products[4], combine, next());
                put(products[5], combine, next());
                put(products[6], combine, next());
                put(products[7], combine, next());
            }
        }
    }
}

/// Combines the products of one panel with the beginning of `out`, which may be narrower.
#[inline(always)]
fn put<C: Combine>(product: Line, combine: C, out: &mut [f64]) {
    if let Some(out) = out.first_chunk_mut::<LANES>() {
        *out = eight(|l| combine.combine(product[l], out[l]));
    } else {
        for (out, product) in out.iter_mut().zip(product) {
            *out = combine.combine(product, *out);
        }
    }
}

/// `r = x − μ` of each row; `means` is the mean once for each point of a tile, which makes one long loop of many short ones.
#[inline(always)]
fn deviations(rows: &[f64], means: &[f64], r: &mut [f64]) {
    let n = means.len();
    for (rows, r) in rows.chunks(n).zip(r.chunks_exact_mut(n)) {
        for ((r, x), mean) in r.iter_mut().zip(rows).zip(means) {
            *r = x - mean;
        }
    }
}

/// The sum of the lanes, in pairs.
#[inline(always)]
fn total(lanes: &Line) -> f64 {
    let [a, b, c, d, e, f, g, h] = *lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// Half of the sum of the lanes of each line, as [`total`] adds them: halves of all lines first, so that additions are those of vectors.
#[inline(always)]
fn half_totals(lines: &[Line; BLOCK], out: &mut [f64]) {
    let mut fours = [[0.0; 4]; BLOCK];
    for (four, s) in fours.iter_mut().zip(lines) {
        *four = [s[0] + s[4], s[1] + s[5], s[2] + s[6], s[3] + s[7]];
    }
    let mut twos = [[0.0; 2]; BLOCK];
    for (two, s) in twos.iter_mut().zip(&fours) {
        *two = [s[0] + s[2], s[1] + s[3]];
    }
    for (out, s) in out.iter_mut().zip(&twos) {
        *out = 0.5 * (s[0] + s[1]);
    }
}
