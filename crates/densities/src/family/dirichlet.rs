//! The Dirichlet distribution.
//!
//! Points are `K` positive coordinates that sum to one, and the density is with respect to Lebesgue measure on the first `K − 1` of them. In
//! doubles a sum of one is a sum near one: a row belongs to the support if its exact sum is within `4 K ε` of one, four times what
//! rounding each coordinate of a normalised row can take from it. Where the sum is not one exactly, the density is its formula at the given numbers.
//!
//! **The score** is the gradient along the simplex. The energy has a partial derivative in each coordinate, but only differences of coordinates can
//! vary; the gradient is therefore projected on the directions that sum to zero, by taking away its mean. Steps along this score stay on the
//! simplex. For the same reason there is no [`ContinuousFamily`](gibbsian_core::ContinuousFamily) here: its derivatives are taken one
//! coordinate at a time, and score matching would count directions that data cannot move in.

use std::f64::consts::PI;

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Error, check_each};
use gibbsian_core::parallel::for_each_block;
use gibbsian_core::special::stirling_error;
use gibbsian_core::{Density, Energy, ExponentialFamily, Potential, Result, Score, Space, Streams};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Zip};
use rand::Rng;

use super::gamma::{draw_unit, log_uniform};
use super::numeric::{deviance_at, two_product, two_sum};
use super::{Beta, SIZE, is_size};

mod family;

/// The Dirichlet distribution of concentrations `α` `(K)`: `p(x) = Π xᵢ^(αᵢ−1) / B(α)` where `xᵢ > 0` and `Σ xᵢ = 1`.
///
/// The energy is `−Σ (αᵢ−1) log xᵢ` and `log Z = log B(α) = Σ log Γ(αᵢ) − log Γ(Σ αᵢ)`. As a member of an exponential family it has
/// `T = (log x₁, …, log x_K)`, `η = α` and `h = Π 1/xᵢ`, like [`Beta`], which is the first coordinate of two. The faces of the simplex
/// count as outside; a draw that would round to a face has the smallest normal double instead of 0.
///
/// The log-density is `Σ [½ log(αᵢ/2π) − δ(αᵢ) − D(αᵢ, s xᵢ) − log xᵢ] + δ(s) − ½ log(s/2π) − s (1 − Σ xᵢ)` with `s = Σ αᵢ` (after Loader 2000), the error
/// `δ` of Stirling's formula and the deviance `D`. The last term is zero but for rounding of `x`.
///
/// ```
/// use gibbsian_core::{Density, ExponentialFamily};
/// use gibbsian_densities::Dirichlet;
/// use ndarray::array;
///
/// // Uniform on the triangle, whose projection on two coordinates has area ½.
/// let flat = Dirichlet::new(array![1.0, 1.0, 1.0])?;
/// let p = flat.log_density(array![[0.2, 0.3, 0.5], [0.2, 0.3, 0.6]].view()).exp();
/// assert!((p[0] - 2.0).abs() < 1e-14 && p[1] == 0.0);
///
/// let fitted = flat.fit(array![[0.2, 0.3, 0.5], [0.4, 0.1, 0.5], [0.3, 0.3, 0.4]].view())?;
/// assert!(fitted.mean()[2] > fitted.mean()[1]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dirichlet {
    concentrations: Array1<f64>,
    /// `s` and what rounding took from it.
    sum: (f64, f64),
    /// The terms of the log-density without `x`.
    constant: f64,
}

impl Dirichlet {
    /// The Dirichlet distribution of these concentrations `(K)`.
    ///
    /// # Errors
    /// Fewer than two, or one that is not between 10⁻³⁰⁰ and 10³⁰⁰.
    pub fn new(concentrations: Array1<f64>) -> Result<Self> {
        if concentrations.len() < 2 {
            return Err(Error::shape(
                "concentrations",
                concentrations.shape(),
                "(at least 2)",
            ));
        }
        check_each("concentrations", concentrations.view(), SIZE, is_size)?;
        let sum = exact_sum(concentrations.iter());
        let part = |a: f64| 0.5 * (a / (2.0 * PI)).ln() - stirling_error(a);
        Ok(Dirichlet {
            constant: concentrations.iter().map(|&a| part(a)).sum::<f64>() - part(sum.0),
            concentrations,
            sum,
        })
    }

    /// The concentrations `α` `(K)`.
    pub fn concentrations(&self) -> ArrayView1<'_, f64> {
        self.concentrations.view()
    }

    /// The mean `α / Σ α` `(K)`.
    pub fn mean(&self) -> Array1<f64> {
        &self.concentrations / self.sum.0
    }

    /// The covariance `[s αᵢ 1[i=j] − αᵢ αⱼ] / (s² (s + 1))` `(K, K)`, singular because coordinates sum to one.
    pub fn covariance(&self) -> Array2<f64> {
        let (mean, rest) = (self.mean(), self.others() / self.sum.0);
        let scale = 1.0 + self.sum.0;
        Array2::from_shape_fn((self.dim(), self.dim()), |(i, j)| {
            let other = if i == j { rest[i] } else { -mean[j] };
            mean[i] * other / scale
        })
    }

    /// The law of one coordinate `i`, a beta of shapes `αᵢ` and `Σ α − αᵢ`.
    ///
    /// # Errors
    /// A coordinate out of range, or other concentrations whose sum is.
    pub fn marginal(&self, coordinate: usize) -> Result<Beta> {
        if coordinate >= self.dim() {
            return Err(Error::parameter(
                "coordinate",
                coordinate,
                format!("below {}", self.dim()),
            ));
        }
        Beta::new(self.concentrations[coordinate], self.others()[coordinate])
    }

    /// The sums of all concentrations but one, for each one.
    fn others(&self) -> Array1<f64> {
        let mut others = Array1::zeros(self.concentrations.len());
        let (mut before, mut after) = (0.0, 0.0);
        for (other, a) in others.iter_mut().zip(&self.concentrations) {
            *other = before;
            before += a;
        }
        for (other, a) in others.iter_mut().zip(&self.concentrations).rev() {
            *other += after;
            after += a;
        }
        others
    }

    /// What `Σ xᵢ` lacks of one if the row is in the support; NaN stays NaN.
    fn shortfall(&self, x: ArrayView1<f64>) -> Option<f64> {
        if x.iter().any(|x| x.is_nan()) {
            return Some(f64::NAN);
        }
        // The sum of larger ones might overflow, and what is taken from it would be no number.
        if x.iter().any(|x| *x <= 0.0 || *x > 2.0) {
            return None;
        }
        let (sum, error) = exact_sum(x.iter());
        let shortfall = (1.0 - sum) - error;
        let tolerance = 4.0 * f64::EPSILON * x.len() as f64;
        (shortfall.abs() <= tolerance).then_some(shortfall)
    }

    fn log_density_at(&self, x: ArrayView1<f64>) -> f64 {
        let Some(shortfall) = self.shortfall(x) else {
            return f64::NEG_INFINITY;
        };
        let (s, s_error) = self.sum;
        let mut log_p = self.constant - s * shortfall;
        for (&a, &x) in self.concentrations.iter().zip(x) {
            let (m, e) = two_product(s, x);
            if m < 1e-290 {
                // Products without all their digits; beside log x ≈ −660 nothing cancels.
                return f64::NAN;
            }
            log_p -= deviance_at(a, (m, e + s_error * x)) + x.ln();
        }
        log_p
    }
}

/// The sum and what rounding took from it (Ogita, Rump and Oishi 2005, algorithm 4.1).
fn exact_sum<'a>(values: impl Iterator<Item = &'a f64>) -> (f64, f64) {
    values.fold((0.0, 0.0), |(sum, error), &v| {
        let (sum, e) = two_sum(sum, v);
        (sum, error + e)
    })
}

impl Space for Dirichlet {
    fn dim(&self) -> usize {
        self.concentrations.len()
    }
}

impl Energy for Dirichlet {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        Zip::from(&mut out).and(x.rows()).par_for_each(|e, x| {
            *e = match self.shortfall(x) {
                None => f64::INFINITY,
                Some(_) => self
                    .concentrations
                    .iter()
                    .zip(x)
                    .map(|(a, x)| (1.0 - a) * x.ln())
                    .sum(),
            };
        });
    }
}

impl Density for Dirichlet {
    fn log_z(&self) -> f64 {
        self.log_partition()
    }

    fn log_density_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        Zip::from(&mut out)
            .and(x.rows())
            .par_for_each(|log_p, x| *log_p = self.log_density_at(x));
        if out.iter().any(|l| l.is_nan()) {
            // Rows too near a face for the form above; NaN itself stays.
            let energies = self.energy(x);
            for (log_p, e) in out.iter_mut().zip(energies).filter(|(l, _)| l.is_nan()) {
                *log_p = -e - self.log_partition();
            }
        }
    }

    /// Gamma draws of these shapes over their sum, by their logarithms: draws of shapes under 0.01 underflow.
    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let streams = Streams::draw(rng);
        let mut out = Array2::zeros((n, self.dim()));
        for_each_block(out.view_mut(), |block, mut rows| {
            let mut rng = streams.block(block);
            for mut row in rows.rows_mut() {
                for (x, &a) in row.iter_mut().zip(&self.concentrations) {
                    *x = if a < 1.0 {
                        draw_unit(a + 1.0, &mut rng).ln() + log_uniform(&mut rng) / a
                    } else {
                        draw_unit(a, &mut rng).ln()
                    };
                }
                let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                row.mapv_inplace(|log| (log - most).exp());
                let sum = row.sum();
                row.mapv_inplace(|x| (x / sum).max(f64::MIN_POSITIVE));
            }
        });
        out
    }
}

impl Score for Dirichlet {
    /// `sᵢ = (αᵢ−1)/xᵢ − mean of these`, the gradient along the simplex; NaN outside.
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        assert!(
            x.ncols() == self.dim() && out.dim() == x.dim(),
            "x has shape {:?} and out has shape {:?}, but both must have {} columns and as many rows",
            x.shape(),
            out.shape(),
            self.dim(),
        );
        for (mut out, x) in out.rows_mut().into_iter().zip(x.rows()) {
            if self.shortfall(x).is_none() {
                out.fill(f64::NAN);
                continue;
            }
            out.assign(&((&self.concentrations - 1.0) / x));
            let mean = out.sum() / self.dim() as f64;
            out -= mean;
        }
    }
}

impl Potential for Dirichlet {}
