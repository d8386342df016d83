//! Binary distributions with every probability known.
//!
//! Learning is judged without estimation when the data's own distribution can be written down: the entropy is the best
//! attainable cross-entropy, the Kullback–Leibler divergence to a small model is a finite sum, and a sampler's histogram has exact
//! expectations. Probabilities are ratios of integers, so drawing is exact too: a uniform integer below the
//! total weight falls into one pattern's share.

use gibbsian_core::error::check_within;
use gibbsian_core::parallel::{BLOCK_ROWS, block_rows};
use gibbsian_core::{Result, Streams};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2};
use rand::Rng;

use crate::uniform::uniform_below;

/// A distribution on finitely many distinct binary patterns with integer weights, `p(x_k) = w_k / Σ_j w_j`.
#[derive(Clone, Debug)]
pub struct Patterns {
    points: Array2<f64>,
    /// `w_1 + … + w_k` for each `k`; the last is the total.
    cumulative: Vec<u64>,
}

impl Patterns {
    /// The patterns `(K, D)`, all distinct, entries 0 and 1.
    pub fn points(&self) -> ArrayView2<'_, f64> {
        self.points.view()
    }

    /// The number of patterns `K`.
    pub fn n(&self) -> usize {
        self.points.nrows()
    }

    /// The number of coordinates `D` of a pattern.
    pub fn dim(&self) -> usize {
        self.points.ncols()
    }

    /// The probabilities of the patterns `(K)`, each correctly rounded.
    pub fn probabilities(&self) -> Array1<f64> {
        let total = self.total() as f64;
        (0..self.n()).map(|k| self.weight(k) as f64 / total).collect()
    }

    /// The probability of a point `(D)`; zero where it is not one of the patterns.
    ///
    /// # Panics
    /// When `x` does not have `D` coordinates.
    pub fn probability(&self, x: ArrayView1<f64>) -> f64 {
        assert_eq!(
            x.len(),
            self.dim(),
            "length of x (left) against dimension (right)"
        );
        let index = self.points.rows().into_iter().position(|row| row == x);
        index.map_or(0.0, |k| self.weight(k) as f64 / self.total() as f64)
    }

    /// The entropy `−Σ_k p_k log p_k` in nats: no model has a smaller expected `−log q(x)`.
    pub fn entropy(&self) -> f64 {
        -self.probabilities().iter().map(|p| p * p.ln()).sum::<f64>()
    }

    /// `n` independent draws `(n, D)`.
    pub fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let mut out = Array2::zeros((n, self.dim()));
        self.sample_into(out.view_mut(), rng);
        out
    }

    /// Fills `out` `(n, D)` with independent draws.
    ///
    /// # Panics
    /// When `out` does not have `D` columns.
    pub fn sample_into(&self, mut out: ArrayViewMut2<f64>, rng: &mut dyn Rng) {
        assert_eq!(
            out.ncols(),
            self.dim(),
            "columns of out (left) against dimension (right)"
        );
        let streams = Streams::draw(rng);
        let n = out.nrows();
        for block in 0..n.div_ceil(BLOCK_ROWS) {
            let mut stream = streams.block(block);
            for b in block_rows(block, n) {
                let share = uniform_below(&mut stream, self.total());
                let k = self.cumulative.partition_point(|&end| end <= share);
                out.row_mut(b).assign(&self.points.row(k));
            }
        }
    }

    fn new(points: Array2<f64>, weights: impl IntoIterator<Item = u64>) -> Self {
        let cumulative: Vec<u64> = weights
            .into_iter()
            .scan(0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        debug_assert_eq!(points.nrows(), cumulative.len());
        Patterns { points, cumulative }
    }

    fn weight(&self, k: usize) -> u64 {
        self.cumulative[k] - if k == 0 { 0 } else { self.cumulative[k - 1] }
    }

    fn total(&self) -> u64 {
        self.cumulative.last().copied().unwrap_or(0)
    }
}

/// Bars and stripes: pictures of `side × side` pixels whose rows are each all on or all off, or whose columns are.
///
/// An orientation is chosen by a fair coin and then each line is on by a fair coin (MacKay, 2003, "Information Theory, Inference, and
/// Learning Algorithms", chapter 43). There are `2^(side+1) − 2` distinct patterns; all off and all on arise in both
/// orientations and have probability `2^−side` each, every other pattern half of that. Where a paper draws the distinct patterns
/// uniformly instead, its entropy is `log(2^(side+1) − 2)` and its numbers differ.
///
/// Patterns are listed with rows first: pattern `k < 2^side` has row `i` on where bit `i` of `k` is set; then the columns follow, without
/// all off and all on. Pixels are in row-major order.
///
/// ```
/// let patterns = gibbsian_data::bars_and_stripes(2)?;
/// assert_eq!(patterns.n(), 6);
/// assert_eq!(patterns.points().row(1), ndarray::array![1.0, 1.0, 0.0, 0.0]);
/// assert_eq!(patterns.probabilities(), ndarray::array![0.25, 0.125, 0.125, 0.25, 0.125, 0.125]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// `side` is not in `2..=12`: with one pixel rows and columns are the same, and beyond 12 the list is no longer a toy.
pub fn bars_and_stripes(side: usize) -> Result<Patterns> {
    check_within("side", side as f64, 2.0, 12.0)?;
    let n_lines = 1_usize << side;
    let n = 2 * n_lines - 2;
    let points = Array2::from_shape_fn((n, side * side), |(k, pixel)| {
        // The columns skip all off, so pattern `n_lines` is column pattern 1.
        let (lines, line) = if k < n_lines {
            (k, pixel / side)
        } else {
            (k - n_lines + 1, pixel % side)
        };
        (lines >> line & 1) as f64
    });
    let weights = (0..n).map(|k| if k == 0 || k == n_lines - 1 { 2 } else { 1 });
    Ok(Patterns::new(points, weights))
}

/// The labelled shifter: a random row of `width` pixels, the same row shifted cyclically, and a one-of-three label of the shift.
///
/// The first `width` units are fair coins; the next `width` are the same row moved by one pixel to the left, not at all, or by one pixel to
/// the right, each with probability 1/3 and with wrap-around; the last three units say which, in that order. No pair of
/// units tells the shift, only triples do, which is what hidden units are for (Hinton and Sejnowski, 1986,
/// "Learning and relearning in Boltzmann machines"; MacKay, 2003, chapter 43, names the labelled form). All `3 · 2^width` patterns are equally likely.
///
/// Pattern `3 · row + shift` has unit `i` on where bit `i` of `row` is set; left is towards smaller `i`.
///
/// ```
/// let patterns = gibbsian_data::labelled_shifter(3)?;
/// // Row 0b011, moved to the right: 110 becomes 011.
/// let x = patterns.points().row(3 * 0b011 + 2).to_vec();
/// assert_eq!(x, [1., 1., 0., /* shifted */ 0., 1., 1., /* label */ 0., 0., 1.]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// `width` is not in `3..=12`: with two pixels left and right are the same.
pub fn labelled_shifter(width: usize) -> Result<Patterns> {
    check_within("width", width as f64, 3.0, 12.0)?;
    let n = 3 << width;
    let points = Array2::from_shape_fn((n, 2 * width + 3), |(k, unit)| {
        let (row, shift) = (k / 3, k % 3);
        let on = if unit < width {
            row >> unit & 1 == 1
        } else if unit < 2 * width {
            // Unit i of the shifted row is unit i + 1, i or i − 1 of the row.
            let from = (unit - width + width + 1 - shift) % width;
            row >> from & 1 == 1
        } else {
            unit - 2 * width == shift
        };
        f64::from(u8::from(on))
    });
    Ok(Patterns::new(points, std::iter::repeat_n(1, n)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::Seed;
    use std::collections::HashMap;

    /// The law of bars and stripes by its definition: all orientations and all lines.
    fn enumerate_bars_and_stripes(side: usize) -> HashMap<Vec<u8>, f64> {
        let mut law = HashMap::new();
        for transposed in [false, true] {
            for lines in 0..1_usize << side {
                let pixel = |i: usize, j: usize| (lines >> if transposed { j } else { i } & 1) as u8;
                let x = (0..side * side).map(|p| pixel(p / side, p % side)).collect();
                *law.entry(x).or_insert(0.0) += 0.5 / (1_usize << side) as f64;
            }
        }
        law
    }

    #[test]
    fn bars_and_stripes_have_the_probabilities_of_their_definition() {
        for side in 2..=6 {
            let law = enumerate_bars_and_stripes(side);
            let patterns = bars_and_stripes(side).unwrap();
            assert_eq!(patterns.n(), law.len());
            for (x, p) in patterns.points().rows().into_iter().zip(patterns.probabilities()) {
                let key: Vec<u8> = x.iter().map(|&v| v as u8).collect();
                assert_eq!(law[&key], p, "{key:?}");
                assert_eq!(patterns.probability(x), p);
            }
            assert_eq!(patterns.probabilities().sum(), 1.0);
            // Two patterns of 2^-side and 2^(side+1) - 4 of half of that: the entropy is (side + 1 - 2^(1-side)) log 2.
            let entropy = (side as f64 + 1.0 - 2.0 / (1_usize << side) as f64) * std::f64::consts::LN_2;
            assert!((patterns.entropy() - entropy).abs() < 1e-13, "side {side}");
        }
        let x = ndarray::array![1.0, 0.0, 0.0, 0.0];
        assert_eq!(bars_and_stripes(2).unwrap().probability(x.view()), 0.0);
    }

    #[test]
    fn the_label_tells_the_shift() {
        for width in 3..=8 {
            let patterns = labelled_shifter(width).unwrap();
            assert_eq!(patterns.n(), 3 << width);
            let mut seen = HashMap::new();
            for x in patterns.points().rows() {
                let label = (0..3).find(|&s| x[2 * width + s] == 1.0).unwrap();
                assert_eq!(x.iter().skip(2 * width).sum::<f64>(), 1.0);
                for i in 0..width {
                    // Moving by label - 1 to the right puts pixel i at i + label - 1.
                    let to = (i + width + label - 1) % width;
                    assert_eq!(x[i], x[width + to], "width {width}, label {label}");
                }
                let key: Vec<u8> = x.iter().map(|&v| v as u8).collect();
                assert!(seen.insert(key, ()).is_none());
            }
            let entropy = (3.0_f64).ln() + width as f64 * std::f64::consts::LN_2;
            assert!((patterns.entropy() - entropy).abs() < 1e-12);
        }
    }

    #[test]
    fn draws_follow_the_probabilities() {
        let patterns = bars_and_stripes(3).unwrap();
        let n = 56_000;
        let x = patterns.sample(n, &mut Seed::new(9).rng());
        let mut counts = vec![0.0; patterns.n()];
        for row in x.rows() {
            counts[patterns
                .points()
                .rows()
                .into_iter()
                .position(|p| p == row)
                .unwrap()] += 1.0;
        }
        let chi_square: f64 = counts
            .iter()
            .zip(patterns.probabilities())
            .map(|(c, p)| (c - n as f64 * p).powi(2) / (n as f64 * p))
            .sum();
        // The quantiles 1e-6 and 1 - 1e-6 of the chi-square law with 13 degrees of freedom.
        assert!((0.80..52.7).contains(&chi_square), "{chi_square}");
    }

    #[test]
    fn sizes_that_are_no_toys_are_refused() {
        for side in [0, 1, 13, usize::MAX] {
            assert!(bars_and_stripes(side).unwrap_err().to_string().contains("`side`"));
        }
        for width in [0, 2, 13] {
            assert!(
                labelled_shifter(width)
                    .unwrap_err()
                    .to_string()
                    .contains("`width`")
            );
        }
    }
}
