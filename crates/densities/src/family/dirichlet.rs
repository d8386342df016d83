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
use gibbsian_core::error::{Error, check_each, check_finite, check_shape};
use gibbsian_core::parallel::for_each_block;
use gibbsian_core::special::{stirling_error, trigamma};
use gibbsian_core::{Density, Energy, ExponentialFamily, Result, Score, Space, Streams};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Zip};
use rand::Rng;

use super::gamma::{draw_unit, log_uniform};
use super::numeric::{deviance_at, deviance_between, two_product, two_sum};
use super::shape::{
    digamma_difference, residual, residual_curvature, residual_divergence, residual_slope,
    trigamma_difference,
};
use super::{Beta, SIZE, is_size};

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

impl ExponentialFamily for Dirichlet {
    fn n_statistics(&self) -> usize {
        self.dim()
    }

    fn statistics_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&x.mapv(f64::ln));
    }

    fn log_base_measure_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        for (out, x) in out.iter_mut().zip(x.rows()) {
            *out = match self.shortfall(x) {
                None => f64::NEG_INFINITY,
                Some(_) => -x.iter().map(|x| x.ln()).sum::<f64>(),
            };
        }
    }

    fn natural_parameters(&self) -> Array1<f64> {
        self.concentrations.clone()
    }

    /// `E log xᵢ = ψ(αᵢ) − ψ(s)`.
    fn mean_parameters(&self) -> Array1<f64> {
        Zip::from(&self.concentrations)
            .and(&self.others())
            .map_collect(|&a, &rest| -digamma_difference(a, rest))
    }

    /// `log B(α) = Σ [g(αᵢ) + αᵢ log(αᵢ/s)] − g(s)`, with the `g` of what `log Γ` has beyond `a log a − a`.
    fn log_partition(&self) -> f64 {
        let s = self.sum.0;
        let part = |(&a, &rest): (&f64, &f64)| {
            let log_share = if a < rest {
                (a / s).ln()
            } else {
                (-rest / s).ln_1p()
            };
            residual(a) + a * log_share
        };
        self.concentrations
            .iter()
            .zip(&self.others())
            .map(part)
            .sum::<f64>()
            - residual(s)
    }

    fn fisher_information(&self) -> Array2<f64> {
        let mut information = Array2::from_elem((self.dim(), self.dim()), -trigamma(self.sum.0));
        Zip::from(information.diag_mut())
            .and(&self.concentrations)
            .and(&self.others())
            .for_each(|entry, &a, &rest| *entry = trigamma_difference(a, rest));
        information
    }

    fn with_natural(&self, natural: ArrayView1<f64>) -> Result<Self> {
        check_shape("natural", &natural, &[self.dim()])?;
        check_each("natural", natural, SIZE, is_size)?;
        Dirichlet::new(natural.to_owned())
    }

    /// Newton's method (Minka 2000, "Estimating a Dirichlet distribution", equations 15 to 18) on the convex loss `A(η) − ⟨η, μ⟩`.
    ///
    /// The Hessian is a diagonal minus a constant, so that a step costs `O(K)`. Full steps may leave the domain; divided by `1 + r`, with `r` the
    /// largest of their relative lengths, they cannot: a concentration that is to shrink is divided by `1 + r` at most, which is Newton's
    /// method for its reciprocal, in which `ψ ≈ −1/α` is linear.
    ///
    /// # Errors
    /// Means with `Σ exp μᵢ ≥ 1`, which by Jensen's inequality are those of no member, or so near to that that rounding has taken the
    /// difference.
    fn with_mean(&self, mean: ArrayView1<f64>) -> Result<Self> {
        check_shape("mean", &mean, &[self.dim()])?;
        check_finite("mean", &mean)?;
        // 1 − Σ exp μ, in which the largest may be near zero, and what the rounding of μ makes of it.
        let largest = (0..mean.len()).fold(0, |best, i| if mean[i] > mean[best] { i } else { best });
        let (mut gap, mut rounding) = (-mean[largest].exp_m1(), mean[largest].abs());
        for (_, &m) in mean.indexed_iter().filter(|(i, _)| *i != largest) {
            gap -= m.exp();
            rounding += (1.0 + m.abs()) * m.exp();
        }
        if gap.is_nan() || gap <= 4.0 * f64::EPSILON * rounding {
            let requirement = "such that the sum of exp(mean) is less than one by more than rounding";
            return Err(Error::parameter("mean", mean, requirement));
        }
        // ψ(a) ≈ log(a − ½) for what is not small.
        let sum = (self.dim() - 1) as f64 / (2.0 * gap);
        let mut member = Dirichlet::new(mean.mapv(|m| 0.5 + sum * m.exp()))?;
        let mut previous = f64::INFINITY;
        // The bound is for means beyond what doubles resolve.
        for _ in 0..500 {
            let (step, length) = member.newton_step(mean);
            let damping = if length < 0.1 { 1.0 } else { 1.0 + length };
            member = Dirichlet::new(&member.concentrations + &(step / damping))?;
            // After a length of 10⁻⁹ the next one is below rounding; where rounding comes first, lengths stop shrinking.
            if length < 1e-9 || (length < 1e-3 && length > 0.5 * previous) {
                break;
            }
            previous = length;
        }
        Ok(member)
    }

    fn entropy(&self) -> f64 {
        // A − ⟨η, μ⟩ is made of g(a) − a g'(a), in which all that grows like a log a is gone; E log h = −Σ μᵢ.
        let part = |a: f64| residual(a) - a * residual_slope(a);
        let parts: f64 = self.concentrations.iter().map(|&a| part(a)).sum();
        parts - part(self.sum.0) + self.mean_parameters().sum()
    }

    /// `Σ D(βᵢ, αᵢ s'/s)`, the divergence of the shares, and the divergences of what `log Γ` has beyond `a log a − a`.
    ///
    /// # Panics
    /// When the other has another number of coordinates.
    fn kl_divergence(&self, other: &Self) -> f64 {
        assert_eq!(
            self.dim(),
            other.dim(),
            "divergence of two numbers of coordinates"
        );
        let (s, ratio) = (self.sum.0, other.sum.0 / self.sum.0);
        let moved = &other.concentrations - &self.concentrations;
        let moved_sum = exact_sum(moved.iter()).0;
        let part = |((&a, &b), &d): ((&f64, &f64), &f64)| {
            deviance_between(b, a * ratio, a * (moved_sum / s) - d) + residual_divergence(a, b, d)
        };
        let parts = self
            .concentrations
            .iter()
            .zip(&other.concentrations)
            .zip(&moved)
            .map(part);
        parts.sum::<f64>() - residual_divergence(s, other.sum.0, moved_sum)
    }
}

impl Dirichlet {
    /// `I(α)⁻¹ (μ − ∇A(α))` and the largest of its entries relative to `α`.
    fn newton_step(&self, mean: ArrayView1<f64>) -> (Array1<f64>, f64) {
        // With q = ψ'(αᵢ), z = ψ'(s): (diag q − z 11ᵀ)⁻¹ gap = (gap + b)/q, b = Σ gap/q / (1/z − Σ 1/q). As 1/ψ'(a) = a − ρ(a), what
        // is large cancels exactly in the last denominator.
        let rho = |a: f64| {
            let growth = a * residual_curvature(a);
            a * growth / (1.0 + growth)
        };
        let gap = &mean - &self.mean_parameters();
        let variances = self.concentrations.mapv(trigamma);
        let denominator = self.concentrations.iter().map(|&a| rho(a)).sum::<f64>() - rho(self.sum.0);
        let b = (&gap / &variances).sum() / denominator;
        let step = (gap + b) / variances;
        let relative = |(step, a): (&f64, &f64)| (step / a).abs();
        let length = step
            .iter()
            .zip(&self.concentrations)
            .map(relative)
            .fold(0.0, f64::max);
        (step, length)
    }
}
