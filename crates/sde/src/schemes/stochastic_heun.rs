//! Heun's predictor and corrector with noise.
//!
//! Averaging an increment over its two ends, `½ (g(x) + g(x̄)) ΔW`, gives an integral in the sense of Stratonovich. So there are two schemes here.
//!
//! [`StochasticHeun`] is for additive noise, where the senses of Itô and Stratonovich agree:
//!
//! `x̄ = x + f(x, t) h + G(t) ΔW`,  `x' = x + ½ h [f(x, t) + f(x̄, t + h)] + ½ [G(t) + G(t + h)] ΔW`.
//!
//! Strong order 1: it leaves out `f' G h H` with the area `H` of the step, as Euler and Maruyama do, but nothing else of this order. Weak order 2
//! (Kloeden and Platen 1992, section 15.1). It is the scheme that Jolicoeur-Martineau, Li, Piché-Taillefer, Kachman and Mitliagkas (2021) sample with: its predictor is the Euler–Maruyama step,
//! the distance between both costs nothing, and adaptive steps are made from it (`Embedded`).
//!
//! [`StratonovichHeun`] is for diagonal noise: Heun's scheme on the form that an Itô equation has in the sense of Stratonovich, `dX = f̃ dt + g ∘ dB`, whose drift is `f̃_i = f_i − ½ g_i ∂g_i/∂x_i`.
//! It converges to the solution of the Itô equation. Without the correction it would converge to another one. Strong order 1, weak order 1 (Rümelin 1982).
//!
//! Both look at the equation at the end of the step; a grid that ends where the drift has no value, as the score of data without noise at `t = 0`, is not for them.

use gibbsian_core::error::Result;
use ndarray::{ArrayViewMut2, Zip};

use super::Working;
use super::estimating::estimating;
use crate::brownian::BrownianBlock;
use crate::equation::{AdditiveSde, DiagonalSde};
use crate::grid::TimeGrid;
use crate::solver::{Solver, Step};

/// Heun's scheme for additive noise: strong order 1, weak order 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StochasticHeun;

impl StochasticHeun {
    fn advance<E: AdditiveSde + ?Sized>(
        equation: &E,
        step: &Step,
        mut x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        memory: &mut Working,
        difference: Option<ArrayViewMut2<f64>>,
    ) {
        let (n, dim) = x.dim();
        let (point, motion) = ((n, dim), (n, equation.noise_dim()));
        let shapes = [point, point, point, point, motion, (n, 1)];
        let ([mut f, mut f_end, mut noise_start, mut noise_end, mut w, mut end], t) =
            memory.take(shapes, n, step.from);
        end.fill(step.to);
        let (h, end) = (step.size(), end.column(0));

        noise.increment_into(step.from, step.to, w.view_mut());
        equation.drift_into(x.view(), t, f.view_mut());
        equation.diffuse_into(x.view(), t, w.view(), noise_start.view_mut());
        Zip::from(&mut x)
            .and(&f)
            .and(&noise_start)
            .for_each(|x, f, g| *x += h * f + g);
        equation.drift_into(x.view(), end, f_end.view_mut());
        equation.diffuse_into(x.view(), end, w.view(), noise_end.view_mut());

        // `x` is the predictor; the corrector lies this far from it.
        let mut correction = f_end;
        Zip::from(&mut correction)
            .and(&f)
            .and(&noise_start)
            .and(&noise_end)
            .for_each(|c, f, start, end| *c = 0.5 * (h * (*c - f) + (end - start)));
        x += &correction;
        if let Some(mut difference) = difference {
            difference.assign(&correction);
        }
    }
}

estimating! {
    /// The coarser scheme is that of Euler and Maruyama.
    StochasticHeun, AdditiveSde
}

/// Heun's scheme for diagonal noise, with the drift that makes it converge to the solution in the sense of Itô: strong order 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StratonovichHeun;

impl<E: DiagonalSde + ?Sized> Solver<E> for StratonovichHeun {
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
        let point = (n, dim);
        let shapes = [point, point, point, point, point, point, (n, 1)];
        let ([mut w, mut f, mut g, mut slope, mut moved, mut predicted, mut end], t) =
            memory.take(shapes, n, step.from);
        end.fill(step.to);
        let (h, end) = (step.size(), end.column(0));
        noise.increment_into(step.from, step.to, w.view_mut());

        // Writes `f̃ h + g ΔW` at a point: the drift has the sign of time, its correction that of the clock of the solution.
        let mut motion_at = |x: &ArrayViewMut2<f64>, t, out: &mut ArrayViewMut2<f64>| {
            equation.drift_into(x.view(), t, f.view_mut());
            equation.diffusion_into(x.view(), t, g.view_mut());
            equation.diffusion_slope_into(x.view(), t, slope.view_mut());
            Zip::from(out)
                .and(&f)
                .and(&g)
                .and(&slope)
                .and(&w)
                .for_each(|out, f, g, slope, w| *out = h * f + g * (w - 0.5 * h.abs() * slope));
        };
        motion_at(&x, t, &mut moved);
        Zip::from(&mut predicted)
            .and(&x)
            .and(&moved)
            .for_each(|predicted, x, moved| *predicted = x + moved);
        x.scaled_add(0.5, &moved);
        motion_at(&predicted, end, &mut moved);
        x.scaled_add(0.5, &moved);
    }
}
