//! Student's t distribution.

use std::f64::consts::{LN_2, PI};

use gibbsian_core::Result;
use gibbsian_core::error::check_positive;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::{Univariate, UnivariateScore, univariate_density};
use crate::family::check_real;
use crate::student_tail::{
    check_degrees_of_freedom, draw_spread, far_energy, log_normaliser_beyond_normal, tail_energy,
    variance_factor,
};

/// Student's t distribution of location `μ`, scale `σ` and `ν` degrees of freedom:
/// `p(x) = (1 + z²/ν)^(−(ν+1)/2) / (σ √ν B(½, ν/2))` with `z = (x − μ)/σ`.
///
/// The energy is `½ (ν + 1) log(1 + z²/ν)`, which approaches `½ z²` as `ν` grows; the score is `−(ν + 1) z / (σ (ν + z²))`, bounded, and not
/// monotone: points further out than `√ν` scales pull less. `ν = 1` is the Cauchy distribution. For a limit to the normal distribution take
/// [`Normal`](crate::Normal); any finite `ν` is allowed here.
///
/// A draw is `μ + σ z √(ν/V)` with a standard normal `z` and a chi-squared `V` of `ν` degrees of freedom (Student 1908). Draws beyond the
/// largest double, which `ν` under 0.05 give now and then, are that double.
///
/// ```
/// use gibbsian_core::{Density, Score};
/// use gibbsian_densities::StudentT;
/// use ndarray::array;
///
/// let cauchy = StudentT::new(0.0, 1.0, 1.0)?;
/// let x = array![[0.0], [1.0], [1e8]];
/// let log_p = cauchy.log_density(x.view());
/// assert!((log_p[1] + (2.0 * std::f64::consts::PI).ln()).abs() < 1e-15);
/// assert_eq!(cauchy.score(x.view())[[1, 0]], -1.0);
/// assert!(cauchy.mean().is_nan());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StudentT {
    location: f64,
    scale: f64,
    degrees_of_freedom: f64,
}

impl StudentT {
    /// Student's t distribution of this location, scale and degrees of freedom, which need not be whole.
    ///
    /// # Errors
    /// A location that is not finite, or a scale or degrees of freedom that are not finite and greater than zero (by 10⁻³⁰⁷).
    pub fn new(location: f64, scale: f64, degrees_of_freedom: f64) -> Result<Self> {
        check_real("location", location)?;
        check_positive("scale", scale)?;
        check_degrees_of_freedom(degrees_of_freedom)?;
        Ok(StudentT {
            location,
            scale,
            degrees_of_freedom,
        })
    }

    /// The location `μ`, which is mode and median.
    pub fn location(&self) -> f64 {
        self.location
    }

    /// The scale `σ`.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// The degrees of freedom `ν`.
    pub fn degrees_of_freedom(&self) -> f64 {
        self.degrees_of_freedom
    }

    /// The mean `μ`; NaN for `ν ≤ 1`, which have none.
    pub fn mean(&self) -> f64 {
        if self.degrees_of_freedom > 1.0 {
            self.location
        } else {
            f64::NAN
        }
    }

    /// The variance `σ² ν/(ν − 2)`; +∞ for `1 < ν ≤ 2`, NaN for `ν ≤ 1`.
    pub fn variance(&self) -> f64 {
        self.scale * self.scale * variance_factor(self.degrees_of_freedom)
    }

    fn standardised(&self, x: f64) -> f64 {
        (x - self.location) / self.scale
    }
}

impl Univariate for StudentT {
    fn energy_at(&self, x: f64) -> f64 {
        let (z, nu) = (self.standardised(x), self.degrees_of_freedom);
        if (z * z).is_infinite() && x.is_finite() {
            // Half the distance, which cannot overflow.
            let half = 0.5 * x - 0.5 * self.location;
            return far_energy(2.0 * (half.abs().ln() + LN_2 - self.scale.ln()), nu, nu + 1.0);
        }
        tail_energy(z * z, nu, nu + 1.0)
    }

    fn log_normaliser(&self) -> f64 {
        let beyond = log_normaliser_beyond_normal(self.degrees_of_freedom, 1);
        self.scale.ln() + (0.5 * (2.0 * PI).ln() + beyond)
    }

    fn log_density_at(&self, x: f64) -> f64 {
        -self.energy_at(x) - self.log_normaliser()
    }

    fn draw(&self, rng: &mut dyn Rng) -> f64 {
        let z: f64 = rng.sample(StandardNormal);
        let t = z * draw_spread(self.degrees_of_freedom, rng);
        (self.location + self.scale * t).clamp(-f64::MAX, f64::MAX)
    }
}

impl UnivariateScore for StudentT {
    fn score_at(&self, x: f64) -> f64 {
        let (z, nu) = (self.standardised(x), self.degrees_of_freedom);
        if z.is_infinite() {
            // ν is nothing beside z², and z is what overflowed.
            return -(nu + 1.0) / (x - self.location);
        }
        if z.abs() > 1.0 {
            -(nu + 1.0) / (z + nu / z) / self.scale
        } else {
            -z * ((nu + 1.0) / (nu + z * z)) / self.scale
        }
    }

    /// `−(ν + 1) (ν − z²) / (σ² (ν + z²)²)`, positive beyond `√ν` scales.
    fn score_derivative_at(&self, x: f64) -> f64 {
        let (z, nu) = (self.standardised(x), self.degrees_of_freedom);
        if z.is_infinite() {
            return -self.score_at(x) / (x - self.location);
        }
        if z.abs() > 1.0 {
            let balance = (z - nu / z) / (z + nu / z);
            (nu + 1.0) / (z + nu / z) / z * balance / self.scale / self.scale
        } else {
            let balance = (z * z - nu) / (nu + z * z);
            (nu + 1.0) / (nu + z * z) * balance / self.scale / self.scale
        }
    }
}

univariate_density!(StudentT, score);
