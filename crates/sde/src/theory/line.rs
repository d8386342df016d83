//! The sampler of the theorem on a line, by quadrature: any data with a density, any score.
//!
//! A step of the sampler has the normal kernel `N(y; eʰ x + 2 (eʰ − 1) ŝ(x, t_k), e²ʰ − 1)`, so that the law after it is one integral of the law before. On equal points
//! the trapezoidal rule is exact to rounding for smooth functions that vanish at the ends, once the points are closer than the kernel is wide (the error of a normal density of deviation `σ` at spacing
//! `σ` is `2 e^{−2π²} ≈ 5e-9`, at `0.7 σ` it is `1e-17`); so after all steps the output is known without a single draw.

use gibbsian_core::error::{Error, Result, check_each};
use gibbsian_core::simd::exp_f64_in_place;
use gibbsian_core::special::deviance;
use gibbsian_core::{At, Density, Score, TimeScore};
use ndarray::{Array1, ArrayView1, ArrayView2, Axis};

use super::{ErrorBudget, GirsanovSum, Initialisation, ScoreMoments, check_backwards, steps};
use crate::grid::TimeGrid;

/// Equal points of an interval that holds all the mass of the laws looked at.
///
/// ```
/// use gibbsian_core::process::OrnsteinUhlenbeck;
/// use gibbsian_sde::TimeGrid;
/// use gibbsian_sde::theory::Line;
/// # use gibbsian_testkit::targets::{Mixture, Noised};
/// use ndarray::array;
///
/// // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
/// let data = Mixture::new(array![0.3, 0.7], array![[-1.0], [1.5]], array![0.5, 0.4])?;
/// let noised = Noised::new(data, OrnsteinUhlenbeck::new(3.0)?);
/// let grid = TimeGrid::uniform(3.0, 0.0, 60)?;
/// let budget = Line::new(-10.0, 10.0, 500)?.budget(|t| Ok(noised.marginal(t)), &noised, &grid)?;
/// assert!(budget.steps().iter().all(|step| step.holds()));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    points: Array1<f64>,
    spacing: f64,
}

/// A density at the points of a [`Line`].
#[derive(Clone, Debug, PartialEq)]
pub struct LineLaw {
    density: Array1<f64>,
    lo: f64,
    spacing: f64,
}

/// How far the mass of a law may be from one.
const MASS: f64 = 1e-7;

/// How far the means of the kernel from two neighbouring points may lie apart, in its deviations: the rule is then exact to `1e-15`.
const WIDTH: f64 = 0.75;

/// Where the kernel is cut off, in its deviations: its density there is `e^{−72}` of the largest.
const REACH: f64 = 12.0;

impl Line {
    /// `n_points` points from `lower` to `upper`.
    ///
    /// # Errors
    /// Ends that are not finite and in order; fewer than two points.
    pub fn new(lower: f64, upper: f64, n_points: usize) -> Result<Self> {
        if n_points < 2 {
            return Err(Error::parameter("n_points", n_points, "at least 2"));
        }
        if !(lower.is_finite() && upper.is_finite() && lower < upper) {
            return Err(Error::parameter(
                "upper",
                upper,
                format!("finite and greater than lower = {lower}"),
            ));
        }
        Ok(Line {
            points: Array1::linspace(lower, upper, n_points),
            spacing: (upper - lower) / (n_points - 1) as f64,
        })
    }

    /// The points.
    pub fn points(&self) -> ArrayView1<'_, f64> {
        self.points.view()
    }

    /// This density on the line.
    ///
    /// # Errors
    /// A density that is not on one dimension, or whose mass on these points is not 1.
    pub fn law<D: Density + ?Sized>(&self, density: &D) -> Result<LineLaw> {
        check_one_dimension("density", density.dim())?;
        let log_density = density.log_density(self.rows());
        self.checked(log_density.mapv(f64::exp), "of the density")
    }

    /// The standard normal law `γ` on the line.
    ///
    /// # Errors
    /// A line that is too short or too coarse for it.
    pub fn standard_normal(&self) -> Result<LineLaw> {
        let scale = (2.0 * std::f64::consts::PI).sqrt().recip();
        let density = self.points.mapv(|x| scale * (-0.5 * x * x).exp());
        self.checked(density, "of the standard normal law")
    }

    /// The law of the sampler's output when it starts from `start` and goes along `grid` with the score `model`.
    ///
    /// # Errors
    /// A score that is not on one dimension or not finite, a grid that does not go down, a law of another line, and steps that the points are too coarse or the line too short for.
    pub fn output<M: TimeScore + ?Sized>(
        &self,
        start: &LineLaw,
        model: &M,
        grid: &TimeGrid,
    ) -> Result<LineLaw> {
        check_one_dimension("model", model.dim())?;
        check_backwards(grid)?;
        let told =
            |n: usize, lo: f64, spacing: f64| format!("on {n} points from {lo} at distances of {spacing}");
        if start.line() != (self.points.len(), self.points[0], self.spacing) {
            return Err(Error::parameter(
                "start",
                told(start.density.len(), start.lo, start.spacing),
                format!(
                    "{}, as this line is",
                    told(self.points.len(), self.points[0], self.spacing)
                ),
            ));
        }
        let mut law = start.clone();
        for (k, (late, early)) in steps(grid).enumerate() {
            let step = format!("after step {}, from time {late} to {early}", k + 1);
            let means = self.means(&law, model, late, early, &step)?;
            let deviation = (2.0 * (late - early)).exp_m1().sqrt();
            law = self.checked(self.spread(&law.density, &means, deviation), &step)?;
        }
        Ok(law)
    }

    /// The error of the sampler, the bound, and every step between; `law(t)` is the law of the data at time `t` of the process and `model` the score that is used.
    ///
    /// # Errors
    /// Those of `law`, of [`Line::law`] and of [`Line::output`].
    pub fn budget<D, M>(
        &self,
        law: impl Fn(f64) -> Result<D>,
        model: &M,
        grid: &TimeGrid,
    ) -> Result<ErrorBudget>
    where
        D: Density + Score,
        M: TimeScore + ?Sized,
    {
        let (q, noised, gamma) = (
            self.law(&law(grid.last())?)?,
            self.law(&law(grid.first())?)?,
            self.standard_normal()?,
        );
        let (p, from_noised) = (
            self.output(&gamma, model, grid)?,
            self.output(&noised, model, grid)?,
        );
        let mean_under = |density: &D, f: &dyn Fn(usize) -> f64| -> f64 {
            let log_density = density.log_density(self.rows());
            let terms = log_density.iter().enumerate().map(|(i, l)| {
                let p = l.exp();
                // A score may be infinite where there is no mass.
                if p > 0.0 { p * f(i) } else { 0.0 }
            });
            self.spacing * terms.sum::<f64>()
        };
        let fisher_information = |t| {
            let density = law(t)?;
            let score = density.score(self.rows());
            Ok(mean_under(&density, &|i| score[[i, 0]] * score[[i, 0]]))
        };
        let score_error = |t| {
            let density = law(t)?;
            let (exact, used) = (density.score(self.rows()), self.score(model, t));
            let error = used - exact.column(0);
            Ok(ScoreMoments {
                squared: mean_under(&density, &|i| error[i] * error[i]),
                along_score: mean_under(&density, &|i| error[i] * exact[[i, 0]]),
            })
        };
        Ok(ErrorBudget {
            initialisation: self.initialisation(&q, &noised, grid.first() - grid.last())?,
            girsanov: GirsanovSum::of_moments(grid, fisher_information, score_error)?,
            total_variation: q.total_variation(&p),
            total_variation_from_noised: q.total_variation(&from_noised),
            total_variation_of_starts: from_noised.total_variation(&p),
            kl: q.kl(&p),
            kl_from_noised: q.kl(&from_noised),
        })
    }

    /// What the start costs, from the law of the data and their law after this time of noising.
    ///
    /// # Errors
    /// A line that is too short or too coarse for the standard normal law.
    pub fn initialisation(&self, data: &LineLaw, noised: &LineLaw, duration: f64) -> Result<Initialisation> {
        let gamma = self.standard_normal()?;
        Ok(Initialisation {
            duration,
            kl_data: data.kl(&gamma),
            kl_noised: noised.kl(&gamma),
            total_variation: noised.total_variation(&gamma),
        })
    }

    fn rows(&self) -> ArrayView2<'_, f64> {
        self.points.view().insert_axis(Axis(1))
    }

    fn score<M: TimeScore + ?Sized>(&self, model: &M, t: f64) -> Array1<f64> {
        let times = Array1::from_elem(self.points.len(), t);
        At::new(model, times.view())
            .score(self.rows())
            .remove_axis(Axis(1))
    }

    /// The means of the step's kernel, which must be closer together than the kernel is wide wherever there is mass.
    fn means<M: TimeScore + ?Sized>(
        &self,
        law: &LineLaw,
        model: &M,
        late: f64,
        early: f64,
        step: &str,
    ) -> Result<Array1<f64>> {
        let growth = (late - early).exp_m1();
        let deviation = (2.0 * (late - early)).exp_m1().sqrt();
        let means = (1.0 + growth) * &self.points + 2.0 * growth * &self.score(model, late);
        let massive = |i: usize| law.density[i] * self.spacing > 1e-12;
        for i in 0..means.len() {
            if massive(i) && !means[i].is_finite() {
                return Err(Error::non_finite("the score", means[i], step));
            }
            let gap = if i > 0 && massive(i) && massive(i - 1) {
                (means[i] - means[i - 1]).abs()
            } else {
                self.spacing
            };
            if gap > WIDTH * deviation {
                return Err(Error::parameter(
                    "n_points",
                    means.len(),
                    format!(
                        "{} times as many, for the noise {step}",
                        (gap / (WIDTH * deviation)).ceil()
                    ),
                ));
            }
        }
        Ok(means)
    }

    /// The law after the kernel: `Σ_i p_i N(y; means_i, deviation²)`.
    fn spread(&self, density: &Array1<f64>, means: &Array1<f64>, deviation: f64) -> Array1<f64> {
        let (lo, n) = (self.points[0], self.points.len());
        let scale = self.spacing / (deviation * (2.0 * std::f64::consts::PI).sqrt());
        let mut out = Array1::zeros(n);
        let mut kernel = Vec::with_capacity(n);
        for (&p, &mean) in density.iter().zip(means) {
            if p < 1e-60 || !mean.is_finite() {
                continue;
            }
            // The conversion saturates at both ends.
            let first = ((mean - REACH * deviation - lo) / self.spacing).ceil() as usize;
            let last = ((mean + REACH * deviation - lo) / self.spacing).floor();
            if last < 0.0 || first >= n {
                continue;
            }
            let last = (last as usize).min(n - 1);
            kernel.clear();
            kernel.extend((first..=last).map(|j| {
                let z = (self.points[j] - mean) / deviation;
                -0.5 * z * z
            }));
            exp_f64_in_place(&mut kernel);
            let weight = p * scale;
            for (out, k) in out.iter_mut().skip(first).zip(&kernel) {
                *out += weight * k;
            }
        }
        out
    }

    fn checked(&self, density: Array1<f64>, when: &str) -> Result<LineLaw> {
        check_each("density", density.view(), "finite and at least zero", |p| {
            p.is_finite() && p >= 0.0
        })?;
        let mass = self.spacing * density.sum();
        if (mass - 1.0).abs() > MASS {
            let (lo, hi) = (self.points[0], self.points[self.points.len() - 1]);
            return Err(Error::parameter(
                "line",
                format!("{} points from {lo} to {hi}", self.points.len()),
                format!("wide and fine enough for the mass {when} to be 1, not {mass}"),
            ));
        }
        Ok(LineLaw {
            density,
            lo: self.points[0],
            spacing: self.spacing,
        })
    }
}

impl LineLaw {
    /// The density at the points of the line.
    pub fn density(&self) -> ArrayView1<'_, f64> {
        self.density.view()
    }

    /// The mass, one up to the error of the quadrature.
    pub fn mass(&self) -> f64 {
        self.spacing * self.density.sum()
    }

    /// `KL(self‖other)`, by the trapezoidal rule.
    ///
    /// Where the other density is zero because it underflowed, the smallest normal number stands for it.
    ///
    /// # Panics
    /// Laws on different lines.
    pub fn kl(&self, other: &LineLaw) -> f64 {
        // Deviances are not negative and lose no digits; what they add to q log(q/p) has the integral zero.
        self.integral(other, |q, p| deviance(q, p.max(f64::MIN_POSITIVE)))
    }

    /// `½ ∫ |q − p|`, by the trapezoidal rule, whose error is of the second order in the spacing because of the kinks.
    ///
    /// # Panics
    /// Laws on different lines.
    pub fn total_variation(&self, other: &LineLaw) -> f64 {
        0.5 * self.integral(other, |q, p| (q - p).abs())
    }

    /// The number of points, the first one and the distance of neighbours.
    fn line(&self) -> (usize, f64, f64) {
        (self.density.len(), self.lo, self.spacing)
    }

    fn integral(&self, other: &LineLaw, f: impl Fn(f64, f64) -> f64) -> f64 {
        assert_eq!(self.line(), other.line(), "laws on different lines");
        let terms = self.density.iter().zip(&other.density).map(|(&q, &p)| f(q, p));
        self.spacing * terms.sum::<f64>()
    }
}

fn check_one_dimension(name: &'static str, dim: usize) -> Result<()> {
    if dim == 1 {
        Ok(())
    } else {
        Err(Error::parameter(name, format!("on {dim} dimensions"), "on one"))
    }
}
