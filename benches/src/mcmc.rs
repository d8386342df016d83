//! The targets of the MCMC comparison, each with energy and score in one pass, as its peers have them.

use std::error::Error;

use gibbsian_core::simd::{Vectorized, exp_lanes, vectorized};
use gibbsian_core::{Energy, Potential, Score, Space};
use gibbsian_densities::MultivariateNormal;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2};

/// The target of this name; `data` is the precision matrix `(50, 50)` of `corr50`, and the predictors `(25, 1000)` and the answers `(1000)` of `logreg25`.
///
/// # Errors
/// An unknown name, or data that do not fit.
pub fn target(name: &str, data: &[f64]) -> Result<Box<dyn Potential>, Box<dyn Error>> {
    Ok(match name {
        "normal100" => Box::new(Fused { dim: 100, at: normal }),
        "funnel10" => Box::new(Fused { dim: 10, at: funnel }),
        "twomode2" => Box::new(Fused {
            dim: 2,
            at: two_modes,
        }),
        "banana2" => Box::new(Fused { dim: 2, at: banana }),
        "corr50" => {
            let precision = Array2::from_shape_vec((50, 50), data.to_vec())?;
            Box::new(MultivariateNormal::from_precision(Array1::zeros(50), precision)?)
        }
        "logreg25" => Box::new(Logistic::new(data, 25)?),
        _ => return Err(format!("no target is called `{name}`").into()),
    })
}

/// A function of one point that writes its score and returns its energy.
struct Fused<F> {
    dim: usize,
    at: F,
}

impl<F: Fn(&[f64], &mut [f64]) -> f64 + Sync> Space for Fused<F> {
    fn dim(&self) -> usize {
        self.dim
    }
}

impl<F: Fn(&[f64], &mut [f64]) -> f64 + Sync> Energy for Fused<F> {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        let mut score = Array2::zeros(x.raw_dim());
        self.energy_and_score_into(x, out, score.view_mut());
    }
}

impl<F: Fn(&[f64], &mut [f64]) -> f64 + Sync> Score for Fused<F> {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        let mut energy = Array1::zeros(x.nrows());
        self.energy_and_score_into(x, energy.view_mut(), out);
    }
}

impl<F: Fn(&[f64], &mut [f64]) -> f64 + Sync> Potential for Fused<F> {
    fn energy_and_score_into(
        &self,
        x: ArrayView2<f64>,
        mut energy: ArrayViewMut1<f64>,
        mut score: ArrayViewMut2<f64>,
    ) {
        let (dim, at) = (self.dim, &self.at);
        let x = x.as_standard_layout();
        if let (Some(x), Some(energy), Some(score)) =
            (x.as_slice(), energy.as_slice_mut(), score.as_slice_mut())
        {
            vectorized(Rows {
                dim,
                at,
                x,
                energy,
                score,
            });
            return;
        }
        let mut row = vec![0.0; dim];
        for ((x, e), mut s) in x.rows().into_iter().zip(&mut energy).zip(score.rows_mut()) {
            *e = at(&x.to_vec(), &mut row);
            s.assign(&ArrayView2::from_shape((1, dim), &row).expect("one row").row(0));
        }
    }
}

struct Rows<'a, F> {
    dim: usize,
    at: &'a F,
    x: &'a [f64],
    energy: &'a mut [f64],
    score: &'a mut [f64],
}

impl<F: Fn(&[f64], &mut [f64]) -> f64> Vectorized for Rows<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let rows = self
            .x
            .chunks_exact(self.dim)
            .zip(self.score.chunks_exact_mut(self.dim));
        for ((x, score), energy) in rows.zip(self.energy) {
            *energy = (self.at)(x, score);
        }
    }
}

#[inline(always)]
fn normal(x: &[f64], s: &mut [f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let ((x, x_tail), (s, s_tail)) = (x.as_chunks::<LANES>(), s.as_chunks_mut::<LANES>());
    for (x, s) in x.iter().zip(s) {
        *s = eight(|l| -x[l]);
        sums = eight(|l| x[l].mul_add(x[l], sums[l]));
    }
    let mut sum: f64 = sums.iter().sum();
    for (x, s) in x_tail.iter().zip(s_tail) {
        *s = -x;
        sum = x.mul_add(*x, sum);
    }
    0.5 * sum
}

#[inline(always)]
fn funnel(x: &[f64], s: &mut [f64]) -> f64 {
    let e = (-x[0]).exp();
    let mut squares = 0.0;
    for (x, s) in x.iter().zip(&mut *s).skip(1) {
        *s = -e * x;
        squares += x * x;
    }
    s[0] = -x[0] / 9.0 + 0.5 * e * squares - 4.5;
    x[0] * x[0] / 18.0 + 0.5 * e * squares + 4.5 * x[0]
}

#[inline(always)]
fn two_modes(x: &[f64], s: &mut [f64]) -> f64 {
    // log (e^a + e^b) = max + log (1 + e^{−|a − b|}), and a − b = 6 x₀/0.72.
    let difference = x[0] / 0.12;
    let e = (-difference.abs()).exp();
    let sign = difference.signum();
    s[0] = (1.5 * sign * (1.0 - e) / (1.0 + e) - x[0]) / 0.36;
    s[1] = -x[1] / 0.36;
    let nearer = x[0] - 1.5 * sign;
    (nearer * nearer + x[1] * x[1]) / 0.72 - e.ln_1p()
}

#[inline(always)]
fn banana(x: &[f64], s: &mut [f64]) -> f64 {
    let height = x[1] - x[0] * x[0];
    s[0] = (1.0 - x[0]) / 10.0 + 20.0 * height * x[0];
    s[1] = -10.0 * height;
    (1.0 - x[0]).powi(2) / 20.0 + 5.0 * height * height
}

/// One vector of 512 bits.
const LANES: usize = 8;

type Line = [f64; LANES];

#[inline(always)]
fn eight<T>(f: impl Fn(usize) -> T) -> [T; LANES] {
    [f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7)]
}

/// Logistic regression with standard normal coefficients, `E(b) = Σ_i log (1 + e^{z_i}) − y_i z_i + |b|²/2` with `z = X b`.
///
/// Points lie in the lanes of vectors and observations in tiles of eight, so that each predictor that is loaded serves eight points and each
/// coefficient eight observations. The sum of `log (1 + e^{−|z|})` over a chunk of tiles is the logarithm of one product.
struct Logistic {
    dim: usize,
    /// Tiles of observations: for each predictor the eight of them.
    tiles: Vec<Line>,
    /// The predictors of each observation, zeros up to a multiple of eight.
    rows: Vec<f64>,
    /// `Xᵀ y`.
    answers: Vec<f64>,
}

impl Logistic {
    fn new(data: &[f64], dim: usize) -> Result<Self, Box<dyn Error>> {
        let n = data.len() / (dim + 1);
        if n == 0 || dim > MOST || data.len() != n * (dim + 1) || !n.is_multiple_of(LANES) {
            return Err(
                "the data of a regression are predictors and answers of a multiple of eight observations"
                    .into(),
            );
        }
        let (x, y) = data.split_at(n * dim);
        let mut tiles = Vec::with_capacity(n / LANES * dim);
        for first in (0..n).step_by(LANES) {
            for j in 0..dim {
                tiles.push(eight(|l| x[j * n + first + l]));
            }
        }
        let padded = dim.next_multiple_of(LANES);
        let mut rows = vec![0.0; n * padded];
        for (i, row) in rows.chunks_exact_mut(padded).enumerate() {
            for (j, entry) in row[..dim].iter_mut().enumerate() {
                *entry = x[j * n + i];
            }
        }
        let answers = (0..dim)
            .map(|j| x[j * n..(j + 1) * n].iter().zip(y).map(|(x, y)| x * y).sum())
            .collect();
        Ok(Logistic {
            dim,
            tiles,
            rows,
            answers,
        })
    }
}

impl Space for Logistic {
    fn dim(&self) -> usize {
        self.dim
    }
}

impl Energy for Logistic {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        let mut score = Array2::zeros(x.raw_dim());
        self.energy_and_score_into(x, out, score.view_mut());
    }
}

impl Score for Logistic {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        let mut energy = Array1::zeros(x.nrows());
        self.energy_and_score_into(x, energy.view_mut(), out);
    }
}

impl Potential for Logistic {
    fn energy_and_score_into(
        &self,
        x: ArrayView2<f64>,
        energy: ArrayViewMut1<f64>,
        score: ArrayViewMut2<f64>,
    ) {
        vectorized(Regression {
            of: self,
            x,
            energy,
            score,
        });
    }
}

struct Regression<'a> {
    of: &'a Logistic,
    x: ArrayView2<'a, f64>,
    energy: ArrayViewMut1<'a, f64>,
    score: ArrayViewMut2<'a, f64>,
}

/// Eight observations at eight points.
const TILE: usize = LANES * LANES;

/// Tiles that are gone through twice, for predictions and for slopes.
const CHUNK: usize = 8;

/// The most coefficients that the sums below have room for.
const MOST: usize = 32;

impl Vectorized for Regression<'_> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let dim = self.of.dim;
        for first in (0..self.x.nrows()).step_by(LANES) {
            let n = (self.x.nrows() - first).min(LANES);
            let mut b = [[0.0; LANES]; MOST];
            for (lane, row) in self.x.rows().into_iter().skip(first).take(n).enumerate() {
                for (b, x) in b.iter_mut().zip(row) {
                    b[lane] = *x;
                }
            }
            let b = &b[..dim];
            let padded = dim.next_multiple_of(LANES);
            let mut slopes = [[0.0; LANES]; MOST];
            let mut logs = [0.0; LANES];
            let chunks = self.of.tiles.chunks(CHUNK * dim);
            for (tiles, rows) in chunks.zip(self.of.rows.chunks(CHUNK * LANES * padded)) {
                let mut product = [1.0; LANES];
                let mut p = [[0.0; LANES]; CHUNK * LANES];
                for (tile, p) in tiles.chunks_exact(dim).zip(p.as_chunks_mut::<LANES>().0) {
                    let mut z = [[0.0; LANES]; LANES];
                    for (x, b) in tile.iter().zip(b) {
                        z = eight(|k| eight(|l| x[k].mul_add(b[l], z[k][l])));
                    }
                    // One long loop for each operation, which the compiler cannot but make vectors of.
                    let z = z.as_flattened().first_chunk::<TILE>().expect("eight lines");
                    let mut e = z.map(|z| -z.abs());
                    exp_lanes(&mut e);
                    let p = p.as_flattened_mut();
                    for ((p, z), e) in p.iter_mut().zip(z).zip(&e) {
                        let odds = 1.0 / (1.0 + e);
                        *p = if *z >= 0.0 { odds } else { e * odds };
                    }
                    for (z, e) in z.as_chunks::<LANES>().0.iter().zip(e.as_chunks::<LANES>().0) {
                        logs = eight(|l| logs[l] + z[l].max(0.0));
                        product = eight(|l| product[l] * (1.0 + e[l]));
                    }
                }
                // At most 2^(8 CHUNK).
                logs = eight(|l| logs[l] + product[l].ln());
                for (first, slopes) in slopes.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
                    if first * LANES >= dim {
                        break;
                    }
                    let mut sums = *slopes;
                    for (row, p) in rows.chunks_exact(padded).zip(&p) {
                        let x: &Line = row[first * LANES..].first_chunk().expect("padded rows");
                        sums = eight(|a| eight(|l| x[a].mul_add(p[l], sums[a][l])));
                    }
                    *slopes = sums;
                }
            }
            for lane in 0..n {
                let mut energy = logs[lane];
                for j in 0..dim {
                    let b = b[j][lane];
                    energy += b * (0.5 * b - self.of.answers[j]);
                    self.score[[first + lane, j]] = self.of.answers[j] - slopes[j][lane] - b;
                }
                self.energy[first + lane] = energy;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_testkit::conformance;
    use gibbsian_testkit::differences::Precision;

    #[test]
    fn energies_and_scores_belong_together() {
        let data = |n: usize| {
            (0..n)
                .map(|i| ((i * 37) % 101) as f64 / 50.0 - 1.0)
                .collect::<Vec<_>>()
        };
        let mut regression = data(25 * 1000);
        regression.extend((0..1000).map(|i| f64::from(i % 3 == 0)));
        let mut precision = Array2::<f64>::eye(50);
        precision[[3, 4]] = 0.5;
        precision[[4, 3]] = 0.5;
        for (name, data) in [
            ("normal100", Vec::new()),
            ("funnel10", Vec::new()),
            ("twomode2", Vec::new()),
            ("banana2", Vec::new()),
            ("corr50", precision.into_flat().to_vec()),
            ("logreg25", regression),
        ] {
            let target = target(name, &data).unwrap();
            let x = Array2::from_shape_fn((11, target.dim()), |(b, i)| {
                ((b * 7 + i * 5) % 13) as f64 / 7.0 - 0.9
            });
            conformance::potential(&target, x.view(), Precision::DOUBLE)
                .unwrap_or_else(|e| panic!("{name}: {e}"));
        }
        assert!(target("other", &[]).is_err() && target("logreg25", &[1.0]).is_err());
    }
}
