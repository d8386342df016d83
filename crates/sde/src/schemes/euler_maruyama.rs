//! The Euler–Maruyama scheme.
//!
//! `x' = x + f(x, t) h + G(x, t) ΔW`.
//!
//! Strong order 1/2, and 1 where the noise is additive, as in all reverse processes of linear-Gaussian ones; weak order 1 (Maruyama 1955; Kloeden and Platen 1992, sections 10.2 and 14.1).

use gibbsian_core::error::Result;
use ndarray::{ArrayViewMut2, Zip};

use super::Working;
use crate::brownian::BrownianBlock;
use crate::equation::Sde;
use crate::grid::TimeGrid;
use crate::solver::{Solver, Step};

/// The Euler–Maruyama scheme, for every equation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EulerMaruyama;

impl<E: Sde + ?Sized> Solver<E> for EulerMaruyama {
    type Memory = Working;

    fn noise_dim(&self, equation: &E) -> usize {
        equation.noise_dim()
    }

    fn check(&self, equation: &E, grid: &TimeGrid) -> Result<()> {
        equation.time_domain().check_grid(grid)
    }

    fn step(
        &self,
        equation: &E,
        step: &Step,
        mut x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        memory: &mut Working,
    ) {
        let (n, dim) = x.dim();
        let shapes = [(n, dim), (n, dim), (n, equation.noise_dim())];
        let ([mut drift, mut diffused, mut w], t) = memory.take(shapes, n, step.from);
        noise.increment_into(step.from, step.to, w.view_mut());
        equation.drift_into(x.view(), t, drift.view_mut());
        equation.diffuse_into(x.view(), t, w.view(), diffused.view_mut());
        let h = step.size();
        Zip::from(&mut x)
            .and(&drift)
            .and(&diffused)
            .for_each(|x, f, g| *x += h * f + g);
    }
}
