//! Two interlocking half-circles with isotropic normal noise.
//!
//! The half-circles are those of scikit-learn's `make_moons`, moved so that a half-turn around the origin exchanges them. Their points are uniform in the angle,
//! and the law of a uniform point with normal noise is an incomplete Bessel integral, computed to rounding as `strands` says. The density that others use under
//! this name is a formula with two modes of that shape whose normaliser and draws are not known exactly.

use std::f64::consts::PI;

use gibbsian_core::error::{Result, check_positive};

use super::strands::{NoisyStrands, Strand, strands_law};

/// Uniform points on two half-circles of radius `R`, with isotropic normal noise.
///
/// `p(x) = ½ Σ_± 1/π ∫₀^π N(x; ±[(−R/2, −R/4) + R (cos t, sin t)], σ² I) dt`. The default has radius 2 and noise of standard deviation 0.2.
///
/// ```
/// use gibbsian_core::Density;
/// use gibbsian_densities::planar::TwoMoons;
/// use ndarray::array;
///
/// let log_p = TwoMoons::default().log_density(array![[-1.0, 1.5], [1.0, -1.5]].view());
/// assert!((log_p[0] - log_p[1]).abs() < 1e-14);
/// ```
#[derive(Clone, Debug)]
pub struct TwoMoons {
    strands: NoisyStrands,
}

impl TwoMoons {
    /// Half-circles of this radius, with noise of this standard deviation along each coordinate.
    ///
    /// # Errors
    /// A radius or a deviation that is not positive.
    pub fn new(radius: f64, deviation: f64) -> Result<Self> {
        check_positive("radius", radius)?;
        check_positive("deviation", deviation)?;
        Ok(Self::build(radius, deviation))
    }

    fn build(radius: f64, deviation: f64) -> Self {
        let moon = |sign: f64| Strand {
            centre: [-0.5 * sign * radius, -0.25 * sign * radius],
            signs: [sign; 2],
            radius,
            growth: 0.0,
            sweep: PI,
        };
        TwoMoons {
            strands: NoisyStrands {
                strands: vec![moon(1.0), moon(-1.0)],
                deviation,
            },
        }
    }

    /// The radius of the half-circles.
    pub fn radius(&self) -> f64 {
        self.strands.strands[0].radius
    }

    /// The standard deviation of the noise.
    pub fn deviation(&self) -> f64 {
        self.strands.deviation
    }
}

impl Default for TwoMoons {
    fn default() -> Self {
        TwoMoons::build(2.0, 0.2)
    }
}

strands_law!(TwoMoons);
