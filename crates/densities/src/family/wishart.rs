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
use gibbsian_core::error::{Error, check_finite};
use gibbsian_core::parallel::for_each_block;
use gibbsian_core::special::{digamma, stirling_error};
use gibbsian_core::{Density, Energy, ExponentialFamily, Result, Space, Streams};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Zip, s};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::gamma::{draw_unit, log_uniform};
use super::numeric::deviance_between;
use super::{SIZE, is_size};
use crate::gaussian::whitening::Whitening;

mod factor;
mod family;
mod score;

use factor::Factor;

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
    /// A scale that is not symmetric and positive definite, as for [`MultivariateNormal`](crate::MultivariateNormal); degrees of freedom that
    /// are not greater than `p − 1`, or for which a diagonal entry of the mean is not between 10⁻³⁰⁰ and 10³⁰⁰.
    pub fn new(degrees_of_freedom: f64, scale: Array2<f64>) -> Result<Self> {
        if scale.nrows() != scale.ncols() {
            return Err(Error::shape("scale", scale.shape(), "(p, p): a square matrix"));
        }
        check_finite("scale", &scale)?;
        let factors = Whitening::from_covariance("scale", scale.view())?;
        check_degrees("degrees_of_freedom", degrees_of_freedom, scale.nrows())?;
        for (i, variance) in scale.diag().indexed_iter() {
            let mean = degrees_of_freedom * variance;
            if !is_size(mean) {
                let name = format!("degrees_of_freedom * scale[{i}, {i}]");
                return Err(Error::parameter(name, mean, SIZE));
            }
        }
        let mut wishart = Wishart {
            degrees_of_freedom,
            precision: factors.precision(),
            lower: factors.lower(),
            whitening: factors.whitening(),
            log_det: factors.log_det(),
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

    fn log_density_at(&self, x: ArrayView1<f64>) -> f64 {
        let Some(lower) = Factor::new(self.order(), x) else {
            return f64::NEG_INFINITY;
        };
        let bartlett = self.whitening.dot(&lower.matrix());
        let mut log_p = self.constant - self.base_power() * lower.log_det();
        for (j, a) in self.shapes().enumerate() {
            let y = 0.5 * bartlett[[j, j]].powi(2);
            let below: f64 = bartlett.slice(s![j + 1.., j]).iter().map(|r| r * r).sum();
            log_p += 0.5 * j as f64 * y.ln() - deviance_between(a, y, y - a) - 0.5 * below;
        }
        // Where a square has overflowed infinite terms meet.
        if log_p.is_nan() && !x.iter().any(|x| x.is_nan()) {
            return f64::NEG_INFINITY;
        }
        log_p
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
            *e = match Factor::new(self.order(), x) {
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
