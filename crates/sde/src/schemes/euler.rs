//! Euler's scheme for ordinary equations.
//!
//! `x' = x + h u(x, t)`: order 1, one evaluation a step (Euler 1768; Hairer, Nørsett and Wanner 1993, section II.1).

use gibbsian_core::error::Result;
use ndarray::{ArrayViewMut2, Zip};

use super::Working;
use crate::brownian::BrownianBlock;
use crate::equation::Ode;
use crate::grid::TimeGrid;
use crate::solver::{Solver, Step};

/// Euler's scheme, order 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Euler;

impl<E: Ode + ?Sized> Solver<E> for Euler {
    type Memory = Working;

    fn noise_dim(&self, _: &E) -> usize {
        0
    }

    fn check(&self, equation: &E, grid: &TimeGrid) -> Result<()> {
        equation.time_domain().check_grid(grid)
    }

    fn step(
        &self,
        equation: &E,
        step: &Step,
        mut x: ArrayViewMut2<f64>,
        _: &mut dyn BrownianBlock,
        memory: &mut Working,
    ) {
        let ([mut velocity], t) = memory.take([x.dim()], x.nrows(), step.from);
        equation.velocity_into(x.view(), t, velocity.view_mut());
        let h = step.size();
        Zip::from(&mut x).and(&velocity).for_each(|x, u| *x += h * u);
    }
}
