//! The Laplace distribution.

use std::f64::consts::LN_2;

use gibbsian_core::Result;
use gibbsian_core::error::check_positive;
use rand::{Rng, RngExt};
use rand_distr::Exp1;

use super::{Univariate, UnivariateScore, univariate_density};
use crate::family::check_real;

/// The Laplace distribution of location `μ` and scale `b`: `p(x) = exp(−|x − μ|/b) / (2b)`.
///
/// The energy is `|x − μ|/b`. At the kink `x = μ` the score is 0, the middle of the subgradients `[−1/b, 1/b]`, and the derivative of the
/// score is 0 there as everywhere: what it has as a distribution, `−(2/b)` times a unit mass at `μ`, no sum over points can see. Score matching
/// therefore is not to be used on this density.
///
/// ```
/// use gibbsian_core::{Density, Score};
/// use gibbsian_densities::Laplace;
/// use ndarray::array;
///
/// let laplace = Laplace::new(1.0, 0.5)?;
/// let x = array![[0.0], [1.0], [4.0]];
/// assert_eq!(laplace.log_density(x.view()), array![-2.0, 0.0, -6.0]);
/// assert_eq!(laplace.score(x.view()), array![[2.0], [0.0], [-2.0]]);
/// assert_eq!(laplace.quantile(0.5), 1.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Laplace {
    location: f64,
    scale: f64,
}

impl Laplace {
    /// The Laplace distribution of this location and scale.
    ///
    /// # Errors
    /// A location that is not finite, or a scale that is not finite and greater than zero.
    pub fn new(location: f64, scale: f64) -> Result<Self> {
        check_real("location", location)?;
        check_positive("scale", scale)?;
        Ok(Laplace { location, scale })
    }

    /// The location `μ`, which is the median.
    pub fn location(&self) -> f64 {
        self.location
    }

    /// The scale `b`, which is the mean absolute deviation.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// The mean `μ`.
    pub fn mean(&self) -> f64 {
        self.location
    }

    /// The variance `2b²`.
    pub fn variance(&self) -> f64 {
        2.0 * self.scale * self.scale
    }

    /// The distribution function `P(X ≤ x)`.
    pub fn cdf(&self, x: f64) -> f64 {
        let tail = 0.5 * (-self.energy_at(x)).exp();
        if x < self.location { tail } else { 1.0 - tail }
    }

    /// The `x` with `P(X ≤ x) = p`; ∓∞ at 0 and 1, NaN outside \[0, 1\].
    pub fn quantile(&self, p: f64) -> f64 {
        if p < 0.5 {
            self.location + self.scale * (2.0 * p).ln()
        } else {
            self.location - self.scale * (2.0 * (1.0 - p)).ln()
        }
    }
}

impl Univariate for Laplace {
    fn energy_at(&self, x: f64) -> f64 {
        (x - self.location).abs() / self.scale
    }

    fn log_normaliser(&self) -> f64 {
        let twice = 2.0 * self.scale;
        if twice.is_finite() {
            twice.ln()
        } else {
            LN_2 + self.scale.ln()
        }
    }

    fn log_density_at(&self, x: f64) -> f64 {
        -self.energy_at(x) - self.log_normaliser()
    }

    fn draw(&self, rng: &mut dyn Rng) -> f64 {
        let distance: f64 = rng.sample(Exp1);
        let side = if rng.random::<bool>() { 1.0 } else { -1.0 };
        self.location + self.scale * (side * distance)
    }
}

impl UnivariateScore for Laplace {
    fn score_at(&self, x: f64) -> f64 {
        match x - self.location {
            0.0 => 0.0,
            d if d.is_nan() => d,
            d => -d.signum() / self.scale,
        }
    }

    fn score_derivative_at(&self, x: f64) -> f64 {
        if x.is_nan() { x } else { 0.0 }
    }
}

univariate_density!(Laplace, score);
