//! The Wishart distribution of symmetric positive definite matrices.
//!
//! A point is the lower triangle of a matrix `X`, row by row, `x = (X₁₁, X₂₁, X₂₂, X₃₁, …)`, and the density is one on `ℝ^(p(p+1)/2)`. What is not
//! positive definite lies outside. Derivatives are in these coordinates: an entry off the diagonal stands twice in the matrix, so that
//! `∂ log |X| / ∂x_ij = 2 (X⁻¹)_ij` for `i ≠ j`.
//!
//! **Accuracy.** In the textbook form, `½(ν−p−1) log |X| − ½ tr Σ⁻¹X − ½νp log 2 − ½ν log |Σ| − log Γ_p(ν/2)`, terms grow like `ν log ν` and cancel. With
//! `Σ = L Lᵀ` the matrix `L⁻¹ X L⁻ᵀ = R Rᵀ` has Bartlett's factor `R` (Bartlett 1933), whose squared diagonal entries are chi-square with `ν − j`
//! degrees of freedom and whose entries below it are standard normal. Written in `R` the log-density is that of these, with the same deviances and
//! errors of Stirling's formula as the gamma.

use std::f64::consts::{LN_2, PI};

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Error, check_finite, check_shape};
use gibbsian_core::parallel::for_each_block;
use gibbsian_core::special::{digamma, ln_multivariate_gamma, stirling_error, trigamma};
use gibbsian_core::{ContinuousFamily, Density, Energy, ExponentialFamily, Result, Score, Space, Streams};
use gibbsian_linalg::{Cholesky, SymmetricEigen};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3, Zip, s};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::gamma::{draw_unit, log_uniform};
use super::numeric::{deviance_between, excess};
use super::shape::{residual, residual_curvature, residual_divergence, residual_slope};
use crate::MultivariateNormal;
use crate::gaussian::double_double::{Double, Triangular, power_of_two};

/// The Wishart distribution of `ν` degrees of freedom and scale `Σ` `(p, p)`:
/// `p(X) = |X|^((ν−p−1)/2) exp(−½ tr Σ⁻¹X) / (2^(νp/2) |Σ|^(ν/2) Γ_p(ν/2))` for positive definite `X`.
///
/// It is the law of `Σ_k z_k z_kᵀ` for `ν` independent normal `z_k` of covariance `Σ`, for any real `ν > p − 1`. The energy is
/// `½ tr Σ⁻¹X − ½(ν−p−1) log |X|`. As a member of an exponential family it has `T = (x, log |X|)`, `η = (−½ diagonal and −1 off-diagonal entries of Σ⁻¹, ν/2)`
/// and `h = |X|^(−(p+1)/2)`.
///
/// ```
/// use gibbsian_core::{Density, ExponentialFamily};
/// use gibbsian_densities::Wishart;
/// use ndarray::array;
///
/// let wishart = Wishart::new(4.0, array![[2.0, 1.0], [1.0, 3.0]])?;
/// assert_eq!(wishart.mean(), array![[8.0, 4.0], [4.0, 12.0]]);
/// // In one dimension it is chi-square: at ν = 2 an exponential of rate ½.
/// let chi_square = Wishart::new(2.0, array![[1.0]])?;
/// assert!((chi_square.log_density(array![[3.0]].view())[0] + 1.5 + 2f64.ln()).abs() < 1e-14);
/// // The matrix [[1, 2], [2, 1]] is not positive definite.
/// assert_eq!(wishart.log_density(array![[1.0, 2.0, 1.0]].view())[0], f64::NEG_INFINITY);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Wishart {
    degrees_of_freedom: f64,
    scale: Array2<f64>,
    /// `Σ⁻¹`, and the triangular factors `L` of `Σ` and `L⁻¹`.
    precision: Array2<f64>,
    lower: Array2<f64>,
    whitening: Array2<f64>,
    log_det: f64,
    /// The terms of the log-density without `x`.
    constant: f64,
}

impl Wishart {
    /// The Wishart distribution of these degrees of freedom `ν` and this scale `Σ` `(p, p)`.
    ///
    /// # Errors
    /// A scale that is not symmetric and positive definite, or degrees of freedom that are not finite and greater than `p − 1`.
    pub fn new(degrees_of_freedom: f64, scale: Array2<f64>) -> Result<Self> {
        Cholesky::new("scale", scale.view())?;
        check_degrees("degrees_of_freedom", degrees_of_freedom, scale.nrows())?;
        // The normal law of that covariance knows its factors to more digits than one factorisation.
        let normal = MultivariateNormal::from_covariance(Array1::zeros(scale.nrows()), scale.clone())?;
        let mut wishart = Wishart {
            degrees_of_freedom,
            precision: normal.precision(),
            lower: normal.cholesky(),
            whitening: normal.whitening(),
            log_det: normal.log_det_covariance(),
            scale,
            constant: 0.0,
        };
        let p = wishart.order() as f64;
        let part = |a: f64| 0.5 * (a / (2.0 * PI)).ln() - stirling_error(a);
        wishart.constant = wishart.shapes().map(part).sum::<f64>() - 0.25 * p * (p - 1.0) * PI.ln();
        Ok(wishart)
    }

    /// The degrees of freedom `ν`.
    pub fn degrees_of_freedom(&self) -> f64 {
        self.degrees_of_freedom
    }

    /// The scale `Σ` `(p, p)`.
    pub fn scale(&self) -> ArrayView2<'_, f64> {
        self.scale.view()
    }

    /// The number of rows `p` of the matrices.
    pub fn order(&self) -> usize {
        self.scale.nrows()
    }

    /// The mean `ν Σ` `(p, p)`.
    pub fn mean(&self) -> Array2<f64> {
        &self.scale * self.degrees_of_freedom
    }

    /// The symmetric matrix `(p, p)` whose lower triangle, row by row, is `x` `(p(p+1)/2)`.
    ///
    /// # Panics
    /// If `x` has another length.
    pub fn matrix(&self, x: ArrayView1<f64>) -> Array2<f64> {
        assert!(
            x.len() == self.dim(),
            "x has length {} instead of {}",
            x.len(),
            self.dim()
        );
        Array2::from_shape_fn((self.order(), self.order()), |(i, j)| {
            x[place(i.max(j), i.min(j))]
        })
    }

    /// The shapes `(ν − j)/2` of the squared diagonal of Bartlett's factor.
    fn shapes(&self) -> impl Iterator<Item = f64> + use<> {
        let degrees = self.degrees_of_freedom;
        (0..self.order()).map(move |j| 0.5 * (degrees - j as f64))
    }

    /// `½(p + 1)`, the power of `1/|X|` in the base measure.
    fn base_power(&self) -> f64 {
        0.5 * (self.order() + 1) as f64
    }

    /// `E log |X|`.
    fn mean_log_det(&self) -> f64 {
        self.shapes().map(digamma).sum::<f64>() + self.order() as f64 * LN_2 + self.log_det
    }

    /// The Cholesky factor of the matrix with the lower triangle `x`; nothing where that is not positive definite.
    ///
    /// Factored in twice the precision: draws with few degrees of freedom are nearly singular, and one rounding of each entry would already
    /// move their determinants.
    fn factor(&self, x: ArrayView1<f64>) -> Option<Factor> {
        if x.iter().any(|x| x.is_nan()) {
            return Some(Factor {
                lower: Triangular::from_fn(self.order(), |_, _| Double::new(f64::NAN)),
                scale: 1.0,
            });
        }
        let largest = (0..self.order()).map(|i| x[place(i, i)]).fold(0.0, f64::max);
        if !(largest.is_normal() && x.iter().all(|x| x.is_finite())) {
            return None;
        }
        // Numbers near one neither over- nor underflow when they are squared.
        let half_exponent = (((largest.to_bits() >> 52) as i32) - 1023) / 2;
        let down = power_of_two(-half_exponent);
        let mut lower = Triangular::from_fn(self.order(), |i, j| Double::new(x[place(i, j)] * down * down));
        lower.cholesky().ok()?;
        Some(Factor {
            lower,
            scale: power_of_two(half_exponent),
        })
    }

    fn log_density_at(&self, x: ArrayView1<f64>) -> f64 {
        let Some(lower) = self.factor(x) else {
            return f64::NEG_INFINITY;
        };
        let bartlett = self.whitening.dot(&lower.matrix());
        let mut log_p = self.constant - self.base_power() * lower.log_det();
        for (j, a) in self.shapes().enumerate() {
            let y = 0.5 * bartlett[[j, j]].powi(2);
            let below: f64 = bartlett.slice(s![j + 1.., j]).iter().map(|r| r * r).sum();
            log_p += 0.5 * j as f64 * y.ln() - deviance_between(a, y, y - a) - 0.5 * below;
        }
        log_p
    }

    /// `∂ log |X| / ∂x` `(p(p+1)/2)` and `X⁻¹` `(p, p)`; NaN where `X` is not positive definite.
    fn log_det_gradient(&self, x: ArrayView1<f64>) -> (Array1<f64>, Array2<f64>) {
        let p = self.order();
        let inverse = match self.factor(x) {
            Some(factor) => factor.inverse(),
            None => Array2::from_elem((p, p), f64::NAN),
        };
        let multiplicity = |i, j| if i == j { 1.0 } else { 2.0 };
        let gradient = triangle(p, |i, j| multiplicity(i, j) * inverse[[i, j]]);
        (gradient, inverse)
    }
}

/// `X = (scale L) (scale L)ᵀ`.
struct Factor {
    lower: Triangular,
    scale: f64,
}

impl Factor {
    /// `scale L`, rounded.
    fn matrix(&self) -> Array2<f64> {
        let p = self.lower.dim();
        Array2::from_shape_fn((p, p), |(i, j)| self.lower.entry(i, j).rounded() * self.scale)
    }

    /// `log |X|`.
    fn log_det(&self) -> f64 {
        let p = self.lower.dim();
        let pivots: f64 = (0..p).map(|i| self.lower.entry(i, i).rounded().ln()).sum();
        2.0 * (pivots + p as f64 * self.scale.ln())
    }

    /// `X⁻¹`, rounded.
    fn inverse(&self) -> Array2<f64> {
        let p = self.lower.dim();
        let inverse = self.lower.inverse().transposed_times_self();
        Array2::from_shape_fn((p, p), |(i, j)| {
            inverse.entry(i.max(j), i.min(j)).rounded() / self.scale / self.scale
        })
    }
}

/// The place of `X_ij`, `i ≥ j`, in the lower triangle row by row.
fn place(i: usize, j: usize) -> usize {
    i * (i + 1) / 2 + j
}

/// The lower triangle, row by row, of `f(i, j)`.
fn triangle(p: usize, f: impl Fn(usize, usize) -> f64) -> Array1<f64> {
    (0..p)
        .flat_map(|i| (0..=i).map(move |j| (i, j)))
        .map(|(i, j)| f(i, j))
        .collect()
}

fn check_degrees(name: &'static str, value: f64, p: usize) -> Result<()> {
    if value.is_finite() && value > p as f64 - 1.0 {
        Ok(())
    } else {
        let requirement = format!(
            "finite and greater than {}, the order of the scale less one",
            p - 1
        );
        Err(Error::parameter(name, value, requirement))
    }
}

impl Space for Wishart {
    fn dim(&self) -> usize {
        place(self.order(), 0)
    }
}

impl Energy for Wishart {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        Zip::from(&mut out).and(x.rows()).par_for_each(|e, x| {
            *e = match self.factor(x) {
                None => f64::INFINITY,
                Some(lower) => {
                    let trace: f64 = self.whitening.dot(&lower.matrix()).iter().map(|r| r * r).sum();
                    0.5 * trace - (0.5 * self.degrees_of_freedom - self.base_power()) * lower.log_det()
                }
            };
        });
    }
}

impl Density for Wishart {
    fn log_z(&self) -> f64 {
        self.log_partition()
    }

    fn log_density_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        Zip::from(&mut out)
            .and(x.rows())
            .par_for_each(|log_p, x| *log_p = self.log_density_at(x));
    }

    /// `L R Rᵀ Lᵀ` with Bartlett's factor `R`; where `ν` is so near `p − 1` that its last diagonal entry rounds away, the matrix is singular.
    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let streams = Streams::draw(rng);
        let p = self.order();
        let mut out = Array2::zeros((n, self.dim()));
        for_each_block(out.view_mut(), |block, mut rows| {
            let mut rng = streams.block(block);
            for mut row in rows.rows_mut() {
                let mut bartlett: Array2<f64> = Array2::zeros((p, p));
                for (j, a) in self.shapes().enumerate() {
                    let half = if a < 1.0 {
                        draw_unit(a + 1.0, &mut rng) * (log_uniform(&mut rng) / a).exp()
                    } else {
                        draw_unit(a, &mut rng)
                    };
                    bartlett[[j, j]] = (2.0 * half).sqrt();
                    for i in j + 1..p {
                        bartlett[[i, j]] = rng.sample(StandardNormal);
                    }
                }
                let factor = self.lower.dot(&bartlett);
                row.assign(&triangle(p, |i, j| factor.row(i).dot(&factor.row(j))));
            }
        });
        out
    }
}

impl Score for Wishart {
    /// `½(ν−p−1) ∂ log |X| − ∂ ½ tr Σ⁻¹X`; NaN outside.
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        assert!(
            x.ncols() == self.dim() && out.dim() == x.dim(),
            "x has shape {:?} and out has shape {:?}, but both must have {} columns and as many rows",
            x.shape(),
            out.shape(),
            self.dim(),
        );
        let natural = self.natural_parameters();
        let power = 0.5 * self.degrees_of_freedom - self.base_power();
        for (mut out, x) in out.rows_mut().into_iter().zip(x.rows()) {
            out.assign(&(self.log_det_gradient(x).0 * power + natural.slice(s![..-1])));
        }
    }
}

impl ExponentialFamily for Wishart {
    fn n_statistics(&self) -> usize {
        self.dim() + 1
    }

    fn statistics_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.slice_mut(s![.., ..-1]).assign(&x);
        for (out, x) in out.column_mut(self.dim()).iter_mut().zip(x.rows()) {
            *out = self.factor(x).map_or(f64::NEG_INFINITY, |lower| lower.log_det());
        }
    }

    fn log_base_measure_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        for (out, x) in out.iter_mut().zip(x.rows()) {
            *out = self
                .factor(x)
                .map_or(f64::NEG_INFINITY, |lower| -self.base_power() * lower.log_det());
        }
    }

    fn natural_parameters(&self) -> Array1<f64> {
        let multiplicity = |i, j| if i == j { 0.5 } else { 1.0 };
        let matrix = triangle(self.order(), |i, j| -multiplicity(i, j) * self.precision[[i, j]]);
        matrix
            .into_iter()
            .chain([0.5 * self.degrees_of_freedom])
            .collect()
    }

    fn mean_parameters(&self) -> Array1<f64> {
        let mean = triangle(self.order(), |i, j| self.degrees_of_freedom * self.scale[[i, j]]);
        mean.into_iter().chain([self.mean_log_det()]).collect()
    }

    /// `½νp log 2 + ½ν log |Σ| + log Γ_p(ν/2)`.
    fn log_partition(&self) -> f64 {
        let half = 0.5 * self.degrees_of_freedom;
        half * (self.order() as f64 * LN_2 + self.log_det) + ln_multivariate_gamma(self.order(), half)
    }

    /// `Cov(X_ij, X_kl) = ν (Σ_ik Σ_jl + Σ_il Σ_jk)`, `Cov(X_ij, log |X|) = 2 Σ_ij`, `Var log |X| = Σ ψ'((ν−j)/2)`.
    fn fisher_information(&self) -> Array2<f64> {
        let (p, d, scale) = (self.order(), self.dim(), &self.scale);
        let mut information = Array2::zeros((d + 1, d + 1));
        for i in 0..p {
            for j in 0..=i {
                let covariances = triangle(p, |k, l| {
                    scale[[i, k]] * scale[[j, l]] + scale[[i, l]] * scale[[j, k]]
                });
                let row = place(i, j);
                information
                    .slice_mut(s![row, ..d])
                    .assign(&(covariances * self.degrees_of_freedom));
                information[[row, d]] = 2.0 * scale[[i, j]];
                information[[d, row]] = 2.0 * scale[[i, j]];
            }
        }
        information[[d, d]] = self.shapes().map(trigamma).sum();
        information
    }

    fn with_natural(&self, natural: ArrayView1<f64>) -> Result<Self> {
        check_shape("natural", &natural, &[self.n_statistics()])?;
        check_finite("natural", &natural)?;
        let matrix = self.matrix(natural.slice(s![..-1]));
        let multiplicity = |i, j| if i == j { 2.0 } else { 1.0 };
        let precision = Array2::from_shape_fn(matrix.dim(), |(i, j)| -multiplicity(i, j) * matrix[[i, j]]);
        let degrees = 2.0 * natural[self.dim()];
        check_degrees("twice the last of natural", degrees, self.order())?;
        Wishart::new(
            degrees,
            Cholesky::new("the precision in natural", precision.view())?.inverse(),
        )
    }

    /// The scale is the mean over `ν`; the mean of `log |X|` leaves one equation for `ν`,
    /// `f(ν) = Σ_j [ψ((ν−j)/2) − log(ν/2)] = E log |X| − log |E X|`, whose right-hand side is negative by Jensen's inequality.
    ///
    /// Newton's method solves `1/f(ν) = 1/c` instead, because `1/f` is near to linear: `−2ν/(p(p+1))` for large `ν` and `−½(ν−p+1)` for the least.
    ///
    /// # Errors
    /// A mean of `X` that is not positive definite, or a mean of `log |X|` that is not less than the `log |X|` of that mean.
    fn with_mean(&self, mean: ArrayView1<f64>) -> Result<Self> {
        check_shape("mean", &mean, &[self.n_statistics()])?;
        check_finite("mean", &mean)?;
        let matrix = self.matrix(mean.slice(s![..-1]));
        let of_mean = Cholesky::new("the mean of X", matrix.view())?.log_det();
        let jensen = mean[self.dim()] - of_mean;
        if jensen.is_nan() || jensen >= 0.0 {
            let requirement = format!("less than {of_mean}, the log-determinant of the mean of X");
            return Err(Error::parameter(
                "the mean of log |X|",
                mean[self.dim()],
                requirement,
            ));
        }
        let degrees = degrees_of_freedom(self.order(), jensen);
        check_degrees("the degrees of freedom of the mean", degrees, self.order())?;
        Wishart::new(degrees, matrix / degrees)
    }

    fn entropy(&self) -> f64 {
        // Each squared diagonal entry of Bartlett's factor has the entropy of a gamma without what grows like a log a.
        let (p, mut sum) = (self.order() as f64, 0.0);
        for (j, a) in self.shapes().enumerate() {
            sum += residual(a) - a * residual_slope(a) - 0.5 * j as f64 * digamma(a);
        }
        sum + self.base_power() * self.mean_log_det() + 0.25 * p * (p - 1.0) * (1.0 + PI.ln())
    }

    /// With the eigenvalues `1 + e` of `Σ'⁻¹Σ`: `½ν Σ [e − log(1+e)] + ½(ν−ν') Σ log(1+e)` and the divergence of the multivariate gamma function.
    fn kl_divergence(&self, other: &Self) -> f64 {
        let difference = &self.scale - &other.scale;
        let relative = other.whitening.dot(&difference).dot(&other.whitening.t());
        let symmetric = (&relative + &relative.t()) * 0.5;
        // It is finite and symmetric, so that its eigenvalues exist.
        let Ok(eigen) = SymmetricEigen::new("the relative scale", symmetric.view()) else {
            return f64::NAN;
        };
        let d = 0.5 * (other.degrees_of_freedom - self.degrees_of_freedom);
        let scales: f64 = eigen
            .values()
            .iter()
            .map(|&e| 0.5 * self.degrees_of_freedom * excess(e) - d * e.ln_1p())
            .sum();
        let degrees = |(a, b): (f64, f64)| deviance_between(b, a, -d) + residual_divergence(a, b, d);
        scales + self.shapes().zip(other.shapes()).map(degrees).sum::<f64>()
    }
}

/// The root of `f(ν) = c < 0`.
fn degrees_of_freedom(p: usize, c: f64) -> f64 {
    let least = p as f64 - 1.0;
    let mut degrees = least - (p * (p + 1)) as f64 / (2.0 * c);
    let mut previous = f64::INFINITY;
    for _ in 0..100 {
        // All terms have one sign.
        let (mut value, mut slope) = (0.0, 0.0);
        for j in 0..p {
            let j = j as f64;
            let a = 0.5 * (degrees - j);
            value += residual_slope(a) + (-j / degrees).ln_1p();
            slope += 0.5 * residual_curvature(a) + j / degrees / (degrees - j);
        }
        let step = value * (1.0 - value / c) / slope;
        let next = (degrees + step).max(least + 0.25 * (degrees - least));
        let length = ((next - degrees) / (degrees - least)).abs();
        degrees = next;
        // The next length would be the square of this one; where rounding comes first, lengths stop shrinking.
        if length < 1e-9 || (length < 1e-3 && length > 0.5 * previous) {
            break;
        }
        previous = length;
    }
    degrees
}

impl ContinuousFamily for Wishart {
    fn statistics_jacobian_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut3<f64>) {
        out.fill(0.0);
        for (mut out, x) in out.outer_iter_mut().zip(x.rows()) {
            let d = self.dim();
            out.slice_mut(s![..d, ..]).diag_mut().fill(1.0);
            out.row_mut(d).assign(&self.log_det_gradient(x).0);
        }
    }

    /// `∂² log |X| / ∂x_ij² = −(X⁻¹)²_ii` on the diagonal and `−2 [(X⁻¹)_ii (X⁻¹)_jj + (X⁻¹)²_ij]` off it.
    fn statistics_second_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut3<f64>) {
        out.fill(0.0);
        for (mut out, x) in out.outer_iter_mut().zip(x.rows()) {
            let (_, inverse) = self.log_det_gradient(x);
            out.row_mut(self.dim()).assign(&triangle(self.order(), |i, j| {
                if i == j {
                    -inverse[[i, i]].powi(2)
                } else {
                    -2.0 * (inverse[[i, i]] * inverse[[j, j]] + inverse[[i, j]].powi(2))
                }
            }));
        }
    }

    fn log_base_gradient_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for (mut out, x) in out.rows_mut().into_iter().zip(x.rows()) {
            out.assign(&(self.log_det_gradient(x).0 * -self.base_power()));
        }
    }
}
