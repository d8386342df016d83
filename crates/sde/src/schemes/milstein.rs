//! The Milstein scheme.
//!
//! `x_i' = x_i + f_i h + g_i ΔW_i + ½ g_i g_i' (ΔW_i² − |h|)`,  `g_i' = ∂g_i/∂x_i`.
//!
//! The last term is what Euler and Maruyama leave out: within the step the noise changes by `g_i' g_i (W_s − W_t)`, and `∫ (W_s − W_t) dW_s = ½ (ΔW² − h)` in the sense of
//! Itô. With general noise this needs `∫ W_j dW_k` for `j ≠ k`, which increments do not tell; with a noise of its own for every coordinate these have the factor zero.
//! Other noises are for [`CommutativeMilstein`](super::CommutativeMilstein) and [`LevyMilstein`](super::LevyMilstein).
//! Backwards in time the same holds in the clock of the solution, in which a step is `|h|` long; only the drift knows the sign of `h`.
//!
//! Strong order 1, weak order 1 (Milstein 1974; Kloeden and Platen 1992, section 10.3). With additive noise it is the Euler–Maruyama scheme.

use gibbsian_core::error::Result;
use ndarray::{ArrayViewMut2, Zip};

use super::Working;
use crate::brownian::BrownianBlock;
use crate::equation::DiagonalSde;
use crate::grid::TimeGrid;
use crate::solver::{Solver, Step};

/// The Milstein scheme, for diagonal noise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Milstein;

impl<E: DiagonalSde + ?Sized> Solver<E> for Milstein {
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
        let ([mut f, mut g, mut slope, mut w], t) = memory.take([(n, dim); 4], n, step.from);
        noise.increment_into(step.from, step.to, w.view_mut());
        equation.drift_into(x.view(), t, f.view_mut());
        equation.diffusion_into(x.view(), t, g.view_mut());
        equation.diffusion_slope_into(x.view(), t, slope.view_mut());
        let h = step.size();
        Zip::from(&mut x)
            .and(&f)
            .and(&g)
            .and(&slope)
            .and(&w)
            .for_each(|x, f, g, slope, w| *x += h * f + g * (w + 0.5 * slope * (w * w - h.abs())));
    }
}
