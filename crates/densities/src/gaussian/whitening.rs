//! The Mahalanobis energy and score of batches of points: the kernel below every normal density and every mixture.
//!
//! With the lower triangular whitening matrix `W`, `WᵀW = Σ⁻¹ = P`, the energy is a sum of squares,
//! `E(x) = ½ Σ_a y_a²`, `y = W (x − μ)`, and the score is `s(x) = −P (x − μ)`. The energy could also be had as `−½ (x − μ)ᵀ s`; on
//! ill-conditioned covariances that sum cancels and the sum of squares does not. The score could be had as `−Wᵀy` in
//! as many operations; each of its terms would pass through two sums instead of one, with a larger bound on the error, `|Wᵀ||W||r|` in place of
//! `|P||r|`. `W`, `P` and the determinant are computed in twice the precision ([`super::double_double`]), so what is left are the roundings of the
//! products and sums themselves.
//!
//! From two to four dimensions the loops are unrolled with a point in each lane of a vector; above that [`super::panels`] has the tiles. A
//! diagonal covariance, which that of one dimension always is, takes one pass of multiplications.

use gibbsian_core::error::{Error, Result, check_finite};
use gibbsian_core::simd::{Vectorized, vectorized};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use super::double_double::{Double, log_of_product};
use super::factors::{Arithmetic, Factors};
use super::panels::{LANES, Line, POINTS, Panels};

/// A covariance, ready to be applied to rows of deviations.
#[derive(Clone, Debug)]
pub(crate) struct Whitening {
    dim: usize,
    log_det: f64,
    log_z: f64,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Diagonal {
        variance: Array1<f64>,
        precision: Array1<f64>,
    },
    Dense(Box<Dense>),
}

#[derive(Clone, Debug)]
struct Dense {
    factors: Factors,
    whiten: Panels,
    pull: Panels,
}

impl Whitening {
    /// Of a covariance `(D, D)`; `name` is what an error calls it.
    pub fn from_covariance(name: &'static str, covariance: ArrayView2<f64>) -> Result<Self> {
        if let Some(variance) = diagonal_of(covariance) {
            return Whitening::diagonal(name, variance);
        }
        let arithmetic = Arithmetic::for_dim(covariance.nrows());
        Factors::from_covariance(name, covariance, arithmetic).map(Whitening::dense)
    }

    /// [`from_covariance`](Self::from_covariance) in plain arithmetic: for those who factor again and again, such as the steps of an
    /// estimation.
    pub fn from_covariance_plain(name: &'static str, covariance: ArrayView2<f64>) -> Result<Self> {
        Factors::from_covariance(name, covariance, Arithmetic::Plain).map(Whitening::dense)
    }

    /// Of a precision `(D, D)`; `name` is what an error calls it.
    pub fn from_precision(name: &'static str, precision: ArrayView2<f64>) -> Result<Self> {
        if let Some(diagonal) = diagonal_of(precision) {
            let inverse = Whitening::diagonal(name, diagonal)?;
            let Form::Diagonal { variance, precision } = inverse.form else {
                unreachable!("a diagonal stays one")
            };
            // log |2πP⁻¹| from log |2πP⁻¹|, not from the rounded inverse.
            let over = |p: f64| Double::new(p) / (Double::SQRT_TWO_PI * Double::SQRT_TWO_PI);
            return Ok(Whitening {
                log_det: -inverse.log_det,
                log_z: -0.5 * log_of_product(variance.iter().map(|&p| over(p)), 0),
                form: Form::Diagonal {
                    variance: precision,
                    precision: variance,
                },
                dim: inverse.dim,
            });
        }
        let arithmetic = Arithmetic::for_dim(precision.nrows());
        Factors::from_precision(name, precision, arithmetic).map(Whitening::dense)
    }

    /// Of the Cholesky factor `L` of a covariance, whose upper triangle is not read.
    pub fn from_lower(name: &'static str, lower: ArrayView2<f64>) -> Result<Self> {
        Factors::from_lower(name, lower).map(Whitening::dense)
    }

    /// Of variances `(D)` of independent coordinates.
    pub fn diagonal(name: &'static str, variance: Array1<f64>) -> Result<Self> {
        if variance.is_empty() {
            return Err(Error::shape(name, variance.shape(), "(at least 1)"));
        }
        // Powers of two of normal numbers and their inverses are what the logarithm of the determinant counts.
        const LARGEST: f64 = 0.25 / f64::MIN_POSITIVE;
        gibbsian_core::error::check_each(
            name,
            variance.view(),
            "finite and greater than zero, and its inverse too",
            |v| (f64::MIN_POSITIVE..=LARGEST).contains(&v),
        )?;
        let two_pi = Double::SQRT_TWO_PI * Double::SQRT_TWO_PI;
        let factors = || variance.iter().map(|&v| Double::new(v));
        let log_det = log_of_product(factors(), 0);
        let log_z = 0.5 * log_of_product(factors().flat_map(|v| [v, two_pi]), 0);
        Ok(Whitening {
            dim: variance.len(),
            log_det,
            log_z,
            form: Form::Diagonal {
                precision: variance.mapv(|v| 1.0 / v),
                variance,
            },
        })
    }

    /// Of `Σ/β`, each number rounded once: factoring `β P` anew would round `P` first.
    pub fn powered(&self, beta: f64) -> Result<Self> {
        let log_beta = self.dim as f64 * beta.ln();
        match &self.form {
            Form::Diagonal { variance, precision } => {
                let scaled = Whitening::diagonal("the variances of the power", variance.mapv(|v| v / beta))?;
                Ok(Whitening {
                    form: Form::Diagonal {
                        variance: variance.mapv(|v| v / beta),
                        precision: precision.mapv(|p| p * beta),
                    },
                    ..scaled
                })
            }
            Form::Dense(dense) => {
                let (root, factors) = (beta.sqrt(), &dense.factors);
                let scaled = Factors {
                    lower: &factors.lower / root,
                    whitening: &factors.whitening * root,
                    covariance: &factors.covariance / beta,
                    precision: &factors.precision * beta,
                    log_det: factors.log_det - log_beta,
                    log_z: factors.log_z - 0.5 * log_beta,
                };
                check_finite("the covariance of the power", &scaled.covariance)?;
                check_finite("the precision of the power", &scaled.precision)?;
                Ok(Whitening::dense(scaled))
            }
        }
    }

    fn dense(factors: Factors) -> Self {
        Whitening {
            dim: factors.lower.nrows(),
            log_det: factors.log_det,
            log_z: factors.log_z,
            form: Form::Dense(Box::new(Dense {
                whiten: Panels::lower_triangular(factors.whitening.view()),
                pull: Panels::full(factors.precision.view()),
                factors,
            })),
        }
    }

    /// `D`.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// `log |Σ|`.
    pub fn log_det(&self) -> f64 {
        self.log_det
    }

    /// `½ log |2πΣ|`, the normaliser of the density.
    pub fn log_z(&self) -> f64 {
        self.log_z
    }

    /// The diagonal of `Σ`, where that is all there is to it.
    pub fn variances(&self) -> Option<ArrayView1<'_, f64>> {
        match &self.form {
            Form::Diagonal { variance, .. } => Some(variance.view()),
            Form::Dense(_) => None,
        }
    }

    /// `Σ`.
    pub fn covariance(&self) -> Array2<f64> {
        match &self.form {
            Form::Diagonal { variance, .. } => Array2::from_diag(variance),
            Form::Dense(dense) => dense.factors.covariance.clone(),
        }
    }

    /// `P = Σ⁻¹`.
    pub fn precision(&self) -> Array2<f64> {
        match &self.form {
            Form::Diagonal { precision, .. } => Array2::from_diag(precision),
            Form::Dense(dense) => dense.factors.precision.clone(),
        }
    }

    /// `L`, lower triangular, `Σ = L Lᵀ`.
    pub fn lower(&self) -> Array2<f64> {
        match &self.form {
            Form::Diagonal { variance, .. } => Array2::from_diag(&variance.mapv(f64::sqrt)),
            Form::Dense(dense) => dense.factors.lower.clone(),
        }
    }

    /// `W`, lower triangular, `WᵀW = Σ⁻¹`.
    pub fn whitening(&self) -> Array2<f64> {
        match &self.form {
            Form::Diagonal { precision, .. } => Array2::from_diag(&precision.mapv(f64::sqrt)),
            Form::Dense(dense) => dense.factors.whitening.clone(),
        }
    }

    /// `tr P`, minus the divergence of the score.
    pub fn precision_trace(&self) -> f64 {
        match &self.form {
            Form::Diagonal { precision, .. } => precision.sum(),
            Form::Dense(dense) => dense.factors.precision.diag().sum(),
        }
    }

    /// `½ |W (x_b − μ)|²` of the rows of `rows`, which lie one after the other, into `out`; on the calling thread.
    ///
    /// A point without NaN at which this overflows has +∞.
    pub fn energies(&self, mean: &[f64], rows: &[f64], out: &mut [f64]) {
        assert!(mean.len() == self.dim && rows.len() == self.dim * out.len());
        vectorized(Energies {
            of: self,
            mean,
            rows,
            out: &mut *out,
        });
        // Infinite terms of both signs sum to NaN on the way; the point is infinitely far all the same.
        for (row, out) in rows.chunks_exact(self.dim).zip(out) {
            if out.is_nan() && !row.iter().any(|x| x.is_nan()) {
                *out = f64::INFINITY;
            }
        }
    }

    /// The scores `−P (x_b − μ)` of the rows into the rows of `out`; on the calling thread.
    pub fn scores(&self, mean: &[f64], rows: &[f64], out: &mut [f64]) {
        self.combine_scores(mean, rows, Negated, out);
    }

    /// Adds `scale_b` times the score of each row to the rows of `out`; on the calling thread.
    pub fn add_scores(&self, mean: &[f64], rows: &[f64], scale: &[f64], out: &mut [f64]) {
        assert!(scale.len() * self.dim == rows.len());
        self.combine_scores(mean, rows, Subtracted(scale), out);
    }

    /// What draws are made with.
    pub fn colouring(&self) -> Colouring {
        match &self.form {
            Form::Diagonal { variance, .. } => Colouring::Diagonal(variance.mapv(f64::sqrt)),
            Form::Dense(dense) => Colouring::Dense(Panels::lower_triangular(dense.factors.lower.view())),
        }
    }

    fn combine_scores<C: Combine>(&self, mean: &[f64], rows: &[f64], combine: C, out: &mut [f64]) {
        assert!(mean.len() == self.dim && rows.len() == out.len() && rows.len().is_multiple_of(self.dim));
        vectorized(Scores {
            of: self,
            mean,
            rows,
            combine,
            out,
        });
    }
}

/// The factor `L`, ready to turn standard normal numbers into draws.
pub(crate) enum Colouring {
    Diagonal(Array1<f64>),
    Dense(Panels),
}

impl Colouring {
    /// Adds `L z_b` to the rows of `out`, for `z_b` the rows of `z`.
    pub fn add_to(&self, z: &[f64], out: &mut [f64]) {
        match self {
            Colouring::Diagonal(scale) => {
                for (z, out) in z.chunks_exact(scale.len()).zip(out.chunks_exact_mut(scale.len())) {
                    for ((out, z), scale) in out.iter_mut().zip(z).zip(scale) {
                        *out += scale * z;
                    }
                }
            }
            Colouring::Dense(panels) => vectorized(Coloured { panels, z, out }),
        }
    }
}

struct Coloured<'a> {
    panels: &'a Panels,
    z: &'a [f64],
    out: &'a mut [f64],
}

impl Vectorized for Coloured<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        panel_products(
            self.panels,
            &vec![0.0; self.panels.dim()],
            self.z,
            Added,
            self.out,
        );
    }
}

/// The diagonal of a square matrix with nothing beside it.
fn diagonal_of(a: ArrayView2<f64>) -> Option<Array1<f64>> {
    (a.is_square() && a.indexed_iter().all(|((i, j), &v)| i == j || v == 0.0)).then(|| a.diag().to_owned())
}

/// What becomes of an entry of the product `M r_b`.
trait Combine: Copy {
    /// The new value of the entry of row `b` of the output.
    fn combine(self, b: usize, product: f64, old: f64) -> f64;
}

/// The score is minus the product with the precision.
#[derive(Clone, Copy)]
struct Negated;

impl Combine for Negated {
    #[inline(always)]
    fn combine(self, _: usize, product: f64, _: f64) -> f64 {
        -product
    }
}

/// The score times a number for each row, added.
#[derive(Clone, Copy)]
struct Subtracted<'a>(&'a [f64]);

impl Combine for Subtracted<'_> {
    #[inline(always)]
    fn combine(self, b: usize, product: f64, old: f64) -> f64 {
        old - self.0[b] * product
    }
}

/// A draw is the mean plus the product of `L` with standard normal numbers.
#[derive(Clone, Copy)]
struct Added;

impl Combine for Added {
    #[inline(always)]
    fn combine(self, _: usize, product: f64, old: f64) -> f64 {
        old + product
    }
}

struct Energies<'a> {
    of: &'a Whitening,
    mean: &'a [f64],
    rows: &'a [f64],
    out: &'a mut [f64],
}

impl Vectorized for Energies<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Energies { of, mean, rows, out } = self;
        match &of.form {
            Form::Diagonal { precision, .. } => diagonal_energies(slice(precision), mean, rows, out),
            Form::Dense(dense) => {
                let w = dense.factors.whitening.view();
                match of.dim {
                    2 => small_energies::<2>(w, mean, rows, out),
                    3 => small_energies::<3>(w, mean, rows, out),
                    4 => small_energies::<4>(w, mean, rows, out),
                    _ => panel_energies(&dense.whiten, mean, rows, out),
                }
            }
        }
    }
}

struct Scores<'a, C> {
    of: &'a Whitening,
    mean: &'a [f64],
    rows: &'a [f64],
    combine: C,
    out: &'a mut [f64],
}

impl<C: Combine> Vectorized for Scores<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Scores {
            of,
            mean,
            rows,
            combine,
            out,
        } = self;
        match &of.form {
            Form::Diagonal { precision, .. } => diagonal_scores(slice(precision), mean, rows, combine, out),
            Form::Dense(dense) => {
                let p = dense.factors.precision.view();
                match of.dim {
                    2 => small_scores::<2, C>(p, mean, rows, combine, out),
                    3 => small_scores::<3, C>(p, mean, rows, combine, out),
                    4 => small_scores::<4, C>(p, mean, rows, combine, out),
                    _ => panel_products(&dense.pull, mean, rows, combine, out),
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
            for lane in 0..LANES {
                sums[lane] += terms(first + lane);
            }
        }
        for i in whole..d {
            sums[i - whole] += terms(i);
        }
        *out = 0.5 * total(&sums);
    }
}

#[inline(always)]
fn diagonal_scores<C: Combine>(precision: &[f64], mean: &[f64], rows: &[f64], combine: C, out: &mut [f64]) {
    let d = mean.len();
    for (b, (row, out)) in rows.chunks_exact(d).zip(out.chunks_exact_mut(d)).enumerate() {
        for i in 0..d {
            out[i] = combine.combine(b, (row[i] - mean[i]) * precision[i], out[i]);
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
fn small_scores<const D: usize, C: Combine>(
    p: ArrayView2<f64>,
    mean: &[f64],
    rows: &[f64],
    combine: C,
    out: &mut [f64],
) {
    let p: [[f64; D]; D] = std::array::from_fn(|a| std::array::from_fn(|c| p[(a, c)]));
    let mean: [f64; D] = std::array::from_fn(|c| mean[c]);
    let rows = rows.as_chunks::<D>().0;
    for (b, (row, out)) in rows.iter().zip(out.as_chunks_mut::<D>().0).enumerate() {
        let r: [f64; D] = std::array::from_fn(|c| row[c] - mean[c]);
        for a in 0..D {
            let mut product = 0.0;
            for c in 0..D {
                product += p[a][c] * r[c];
            }
            out[a] = combine.combine(b, product, out[a]);
        }
    }
}

/// Points that go through all panels before the next ones: a panel is loaded once for them, and they stay in the first-level cache.
const BLOCK: usize = 4 * POINTS;

#[inline(always)]
fn panel_energies(whiten: &Panels, mean: &[f64], rows: &[f64], out: &mut [f64]) {
    let d = mean.len();
    let mut r = vec![0.0; BLOCK * d];
    for (rows, out) in rows.chunks(BLOCK * d).zip(out.chunks_mut(BLOCK)) {
        subtract(rows, mean, &mut r);
        let mut squares = [[0.0; LANES]; BLOCK];
        for panel in whiten.iter() {
            for tile in 0..out.len().div_ceil(POINTS) {
                let y = whiten.tile(panel, &r[tile * POINTS * d..]);
                let squares = &mut squares[tile * POINTS..][..POINTS];
                for k in 0..POINTS {
                    for lane in 0..LANES {
                        squares[k][lane] += y[k][lane] * y[k][lane];
                    }
                }
            }
        }
        for (out, squares) in out.iter_mut().zip(&squares) {
            *out = 0.5 * total(squares);
        }
    }
}

#[inline(always)]
fn panel_products<C: Combine>(matrix: &Panels, mean: &[f64], rows: &[f64], combine: C, out: &mut [f64]) {
    let d = mean.len();
    let mut r = vec![0.0; BLOCK * d];
    for (block, (rows, out)) in rows.chunks(BLOCK * d).zip(out.chunks_mut(BLOCK * d)).enumerate() {
        subtract(rows, mean, &mut r);
        for (p, panel) in matrix.iter().enumerate() {
            let (first, n_lanes) = (p * LANES, LANES.min(d - p * LANES));
            for tile in 0..out.len().div_ceil(POINTS * d) {
                let products = matrix.tile(panel, &r[tile * POINTS * d..]);
                for (k, product) in products.iter().enumerate() {
                    let b = tile * POINTS + k;
                    if (b + 1) * d > out.len() {
                        break;
                    }
                    let out = &mut out[b * d + first..][..n_lanes];
                    // Whole vectors are stored at once; the last panel may be narrower.
                    if let Ok(out) = <&mut Line>::try_from(&mut *out) {
                        for lane in 0..LANES {
                            out[lane] = combine.combine(block * BLOCK + b, product[lane], out[lane]);
                        }
                    } else {
                        for (out, product) in out.iter_mut().zip(product) {
                            *out = combine.combine(block * BLOCK + b, *product, *out);
                        }
                    }
                }
            }
        }
    }
}

/// `r = x − μ` of each row.
#[inline(always)]
fn subtract(rows: &[f64], mean: &[f64], r: &mut [f64]) {
    let d = mean.len();
    for (row, r) in rows.chunks_exact(d).zip(r.chunks_exact_mut(d)) {
        for c in 0..d {
            r[c] = row[c] - mean[c];
        }
    }
}

/// The sum of the lanes, in pairs.
#[inline(always)]
fn total(lanes: &Line) -> f64 {
    let [a, b, c, d, e, f, g, h] = *lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}
