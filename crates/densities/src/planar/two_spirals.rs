//! Two arms of an Archimedean spiral with isotropic normal noise.
//!
//! The customary recipe (Grathwohl, Chen, Bettencourt, Sutskever and Duvenaud 2019) draws the angle as a square root of a uniform number, which is the law here, and adds
//! uniform noise of width 1/6 to both coordinates before the normal noise of standard deviation 0.1. The uniform noise, which breaks the symmetry of
//! the arms, is left out. What remains is an integral along the arms, computed to rounding as `strands` says.

use std::f64::consts::PI;

use gibbsian_core::error::{Result, check_positive};

use super::strands::{NoisyStrands, Strand, strands_law};

/// Points on two arms of a spiral that start at the origin in opposite directions, with isotropic normal noise.
///
/// `p(x) = ½ Σ_± ∫₀ᵀ (2t/T²) N(x; ±g t (−cos t, sin t), σ² I) dt`. The default has `g = 1/3`, one and a half turns, `T = 3π`, and noise of standard deviation 0.1.
///
/// ```
/// use gibbsian_core::{Density, Seed};
/// use gibbsian_densities::planar::TwoSpirals;
///
/// let x = TwoSpirals::default().sample(1000, &mut Seed::new(1).rng());
/// assert!(x.rows().into_iter().all(|x| x.dot(&x).sqrt() < std::f64::consts::PI + 0.6));
/// ```
#[derive(Clone, Debug)]
pub struct TwoSpirals {
    strands: NoisyStrands,
}

impl TwoSpirals {
    /// Arms whose distance from the origin grows by `growth` per radian, over `sweep` radians, with noise of this standard deviation along each coordinate.
    ///
    /// # Errors
    /// A number that is not positive.
    pub fn new(growth: f64, sweep: f64, deviation: f64) -> Result<Self> {
        check_positive("growth", growth)?;
        check_positive("sweep", sweep)?;
        check_positive("deviation", deviation)?;
        Ok(Self::build(growth, sweep, deviation))
    }

    fn build(growth: f64, sweep: f64, deviation: f64) -> Self {
        let arm = |sign: f64| Strand {
            centre: [0.0; 2],
            signs: [-sign, sign],
            radius: 0.0,
            growth,
            sweep,
        };
        TwoSpirals {
            strands: NoisyStrands {
                strands: vec![arm(1.0), arm(-1.0)],
                deviation,
            },
        }
    }

    /// The growth `g` of the distance from the origin per radian.
    pub fn growth(&self) -> f64 {
        self.strands.strands[0].growth
    }

    /// The angle `T` that an arm covers, in radians.
    pub fn sweep(&self) -> f64 {
        self.strands.strands[0].sweep
    }

    /// The standard deviation of the noise.
    pub fn deviation(&self) -> f64 {
        self.strands.deviation
    }
}

impl Default for TwoSpirals {
    fn default() -> Self {
        TwoSpirals::build(1.0 / 3.0, 3.0 * PI, 0.1)
    }
}

strands_law!(TwoSpirals);
