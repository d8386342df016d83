//! The classical Runge–Kutta scheme for ordinary equations.
//!
//! `k_1 = u(x, t)`, `k_2 = u(x + ½ h k_1, t + ½ h)`, `k_3 = u(x + ½ h k_2, t + ½ h)`, `k_4 = u(x + h k_3, t + h)`,
//!
//! `x' = x + h (k_1 + 2 k_2 + 2 k_3 + k_4)/6`.
//!
//! Order 4, four evaluations a step (Kutta 1901; Hairer, Nørsett and Wanner 1993, section II.1, table 1.2).

use gibbsian_core::error::Result;
use ndarray::{ArrayViewMut2, Zip};

use super::Working;
use crate::brownian::BrownianBlock;
use crate::equation::Ode;
use crate::grid::TimeGrid;
use crate::solver::{Solver, Step};

/// The classical Runge–Kutta scheme, order 4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RungeKutta4;

impl<E: Ode + ?Sized> Solver<E> for RungeKutta4 {
    /// The arrays, and the times in the middle and at the end.
    type Memory = [Working; 3];

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
        memory: &mut [Working; 3],
    ) {
        let (shape, n, h) = (x.dim(), x.nrows(), step.size());
        let [arrays, middle, end] = memory;
        let ([mut k, mut at, mut sum], start) = arrays.take([shape; 3], n, step.from);
        let (_, middle) = middle.take([], n, step.from + 0.5 * h);
        let (_, end) = end.take([], n, step.to);
        sum.fill(0.0);
        at.assign(&x);
        // Each stage's weight, and how far along it the next one lies.
        for (t, weight, ahead) in [
            (start, 1.0, 0.5),
            (middle, 2.0, 0.5),
            (middle, 2.0, 1.0),
            (end, 1.0, 0.0),
        ] {
            equation.velocity_into(at.view(), t, k.view_mut());
            Zip::from(&mut sum)
                .and(&mut at)
                .and(&x)
                .and(&k)
                .for_each(|sum, at, x, k| {
                    *sum += weight * k;
                    *at = x + ahead * h * k;
                });
        }
        Zip::from(&mut x).and(&sum).for_each(|x, sum| *x += h / 6.0 * sum);
    }
}
