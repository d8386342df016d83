//! Concentric circles with isotropic normal noise.
//!
//! A uniform point on a circle of radius `R` plus `N(0, σ² I)` has a density in closed form, because the integral over the angle is a Bessel function:
//!
//! `p(x) = 1/(2πσ²) · exp(−(r² + R²)/(2σ²)) · I₀(κ)`, `r = |x|`, `κ = rR/σ²`
//!
//! written here as `exp(−(r − R)²/(2σ²)) · e^{−κ} I₀(κ)`, neither factor of which overflows. With `A = I₁/I₀` the radial derivative of its logarithm is
//! `−(r − R)/σ² − (R/σ²)(1 − A(κ))`, and `1 − A` is computed without a difference.

use std::f64::consts::TAU;

use gibbsian_core::StreamRng;
use gibbsian_core::error::{Error, Result, check_each, check_positive};
use gibbsian_core::special::{
    bessel_ratio, bessel_ratio_complement, bessel_ratio_derivative, ln_bessel_i0_scaled,
};
use ndarray::{Array1, ArrayView1, array};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::law::{Jet, Law, Parts, smooth_density};

/// Uniform points on concentric circles, each as likely as the others, with isotropic normal noise.
///
/// `p(x) = 1/K Σ_k 1/(2πσ²) exp(−(r² + R_k²)/(2σ²)) I₀(r R_k/σ²)` where `r = |x|`. The default has four circles of radii 0.75, 1.5, 2.25 and 3 and noise
/// of standard deviation 0.08.
///
/// ```
/// use gibbsian_core::Density;
/// use gibbsian_densities::planar::Rings;
/// use ndarray::{Array2, array};
///
/// // A circle of radius zero is a normal density.
/// let point = Rings::new(array![0.0], 1.0)?;
/// let log_p = point.log_density(Array2::zeros((1, 2)).view());
/// assert!((log_p[0] + (2.0 * std::f64::consts::PI).ln()).abs() < 1e-15);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Rings {
    radii: Array1<f64>,
    deviation: f64,
    /// `−log(2π K σ²)`.
    log_scale: f64,
}

impl Rings {
    /// Circles of these radii, with noise of this standard deviation along each coordinate.
    ///
    /// # Errors
    /// No radius, a negative one or one that is not finite or more than 10¹⁵⁰ deviations; a deviation that is not between 10⁻¹⁵⁰ and 10¹⁵⁰, outside of which its square is no number.
    pub fn new(radii: Array1<f64>, deviation: f64) -> Result<Self> {
        if radii.is_empty() {
            return Err(Error::shape("radii", radii.shape(), "(at least 1)"));
        }
        check_each("radii", radii.view(), "finite and at least zero", |r| {
            r.is_finite() && r >= 0.0
        })?;
        check_positive("deviation", deviation)?;
        if !(1e-150..=1e150).contains(&deviation) {
            return Err(Error::parameter(
                "deviation",
                deviation,
                "between 1e-150 and 1e150",
            ));
        }
        check_each("radii", radii.view(), "at most 1e150 deviations", |r| {
            r / deviation <= 1e150
        })?;
        Ok(Self::build(radii, deviation))
    }

    fn build(radii: Array1<f64>, deviation: f64) -> Self {
        Rings {
            log_scale: -((TAU * radii.len() as f64).ln() + 2.0 * deviation.ln()),
            radii,
            deviation,
        }
    }

    /// The radii of the circles.
    pub fn radii(&self) -> ArrayView1<'_, f64> {
        self.radii.view()
    }

    /// The standard deviation of the noise.
    pub fn deviation(&self) -> f64 {
        self.deviation
    }

    /// `log p_k + log 1/K` at distance `r` from the centre.
    fn ring_value(&self, radius: f64, r: f64) -> f64 {
        let distance = (r - radius) / self.deviation;
        self.log_scale - 0.5 * distance * distance + ln_bessel_i0_scaled(self.kappa(radius, r))
    }

    fn kappa(&self, radius: f64, r: f64) -> f64 {
        // A distance of infinite deviations from a circle without a radius, too.
        if radius == 0.0 {
            return 0.0;
        }
        (r / self.deviation) * (radius / self.deviation)
    }

    fn ring(&self, radius: f64, x: [f64; 2]) -> Jet {
        let r = x[0].hypot(x[1]);
        let kappa = self.kappa(radius, r);
        let precision = 1.0 / (self.deviation * self.deviation);
        let steep = radius / self.deviation / self.deviation;
        // The score is `slope · x`, and `slope` has a limit at the centre.
        let slope = if kappa < 1.0 {
            let ratio = if kappa > 0.0 {
                bessel_ratio(kappa) / kappa
            } else {
                0.5
            };
            steep * steep * ratio - precision
        } else {
            -precision * ((r - radius) + radius * bessel_ratio_complement(kappa)) / r
        };
        let along = steep * steep * bessel_ratio_derivative(kappa) - precision;
        let [nx, ny] = if r > 0.0 { [x[0] / r, x[1] / r] } else { [0.0; 2] };
        let excess = along - slope;
        Jet {
            value: self.ring_value(radius, r),
            gradient: [slope * x[0], slope * x[1]],
            hessian: [
                slope + excess * nx * nx,
                excess * nx * ny,
                slope + excess * ny * ny,
            ],
        }
    }
}

impl Default for Rings {
    fn default() -> Self {
        Rings::build(array![0.75, 1.5, 2.25, 3.0], 0.08)
    }
}

impl Law for Rings {
    type Scratch = Parts;

    fn jet(&self, x: [f64; 2], rings: &mut Parts) -> Jet {
        rings.sum(self.radii.iter().map(|&radius| self.ring(radius, x)))
    }

    fn value(&self, x: [f64; 2], rings: &mut Parts) -> f64 {
        let r = x[0].hypot(x[1]);
        rings.log_sum(self.radii.iter().map(|&radius| self.ring_value(radius, r)))
    }

    fn draw(&self, rng: &mut StreamRng) -> [f64; 2] {
        let radius = self.radii[rng.random_range(0..self.radii.len())];
        let (sin, cos) = (TAU * rng.random::<f64>()).sin_cos();
        [cos, sin].map(|unit| radius * unit + self.deviation * rng.sample::<f64, _>(StandardNormal))
    }
}

smooth_density!(Rings);
