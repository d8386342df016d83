//! Heun's scheme for ordinary equations.
//!
//! `x* = x + h u(x, t)`, `x' = x + ½ h [u(x, t) + u(x*, t + h)]`: the trapezoidal rule with a predictor. Order 2, two evaluations a step (Heun 1900; Hairer, Nørsett and
//! Wanner 1993, section II.1). Karras et al. (2022, algorithm 1) sample diffusion models by it.

use gibbsian_core::error::Result;
use ndarray::{ArrayViewMut2, Zip};

use super::Working;
use crate::brownian::BrownianBlock;
use crate::equation::Ode;
use crate::grid::TimeGrid;
use crate::solver::{Solver, Step};

/// Heun's scheme, order 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heun;

impl<E: Ode + ?Sized> Solver<E> for Heun {
    type Memory = [Working; 2];

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
        memory: &mut [Working; 2],
    ) {
        let (shape, n, h) = (x.dim(), x.nrows(), step.size());
        let [first, second] = memory;
        let ([mut velocity, mut predicted], t) = first.take([shape; 2], n, step.from);
        equation.velocity_into(x.view(), t, velocity.view_mut());
        Zip::from(&mut predicted)
            .and(&x)
            .and(&velocity)
            .for_each(|predicted, x, u| *predicted = x + h * u);
        let ([mut there], t) = second.take([shape], n, step.to);
        equation.velocity_into(predicted.view(), t, there.view_mut());
        Zip::from(&mut x)
            .and(&velocity)
            .and(&there)
            .for_each(|x, u, v| *x += 0.5 * h * (u + v));
    }
}
