//! No noise, for ordinary equations.

use gibbsian_core::error::{Error, Result};
use ndarray::ArrayViewMut2;

use super::{BrownianBlock, BrownianMotion};
use crate::grid::TimeGrid;

/// The motion of schemes that have none: of ordinary equations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoNoise;

impl BrownianMotion for NoNoise {
    fn check(&self, _: &TimeGrid, _: usize, noise_dim: usize) -> Result<()> {
        match noise_dim {
            0 => Ok(()),
            n => Err(Error::parameter("noise_dim", n, "0 where there is no noise")),
        }
    }

    fn draws_beside(&self) -> bool {
        false
    }

    fn block(&self, _: usize, _: usize) -> Box<dyn BrownianBlock + '_> {
        Box::new(NoNoise)
    }
}

/// Zeros, of which a scheme for ordinary equations asks for none.
impl BrownianBlock for NoNoise {
    fn increment_into(&mut self, _: f64, _: f64, mut increment: ArrayViewMut2<f64>) {
        increment.fill(0.0);
    }

    fn increment_and_area_into(
        &mut self,
        _: f64,
        _: f64,
        mut increment: ArrayViewMut2<f64>,
        mut area: ArrayViewMut2<f64>,
    ) {
        increment.fill(0.0);
        area.fill(0.0);
    }

    /// NaN, which drivers report: a scheme that draws and does not say so ([`Solver::draws_beside`](crate::Solver::draws_beside)) must not go on as if it had drawn zeros.
    fn independent_into(&mut self, mut z: ArrayViewMut2<f64>) {
        z.fill(f64::NAN);
    }
}
