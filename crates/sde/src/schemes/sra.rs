//! A stochastic Runge–Kutta scheme of strong order 3/2 for additive noise: SRA1.
//!
//! Over a step the solution of `dX = f(X, t) dt + G(t) dB` moves by
//!
//! `h f + ½ h² (f_t + f' f) + G ΔW + f' G I_{(1,0)} + G_t I_{(0,1)} + …`,  `I_{(1,0)} = ∫ (W_s − W_t) ds = h (½ ΔW + H)`,  `I_{(0,1)} = h ΔW − I_{(1,0)}`,
//!
//! and strong order 3/2 needs just these terms, `½ h² f'' G²` on average, and no more. With `u = I_{(1,0)} / h`, two values of the drift give them:
//!
//! `x̄ = x + ¾ h f(x, t) + 3/2 G(t + h) u`,  `x' = x + h [⅓ f(x, t) + ⅔ f(x̄, t + ¾ h)] + G(t + h) (ΔW − u) + G(t) u`:
//!
//! `⅔ · ¾ = ½` is the factor of `h² f' f`, `⅔ · 3/2 = 1` that of `f' G I_{(1,0)}`, and `½ · ⅔ (3/2)² E u² h = ½ · ½ h²` that of `f'' G²`, because `E I_{(1,0)}² = h³/3`.
//! The last two terms are `G ΔW + (G(t + h) − G(t)) I_{(0,1)} / h`. That the intermediate point uses `G(t + h)` is the published scheme; `G(t)` there would have the same order.
//!
//! | | `c⁰` | `A⁰` | `B⁰` | `c¹` | `α` | `β¹` | `β²` |
//! |---|---|---|---|---|---|---|---|
//! | 1 | 0 | | | 1 | 1/3 | 1 | −1 |
//! | 2 | 3/4 | 3/4 | 3/2 | 0 | 2/3 | 0 | 1 |
//!
//! Strong order 3/2, weak order 2 (Rößler 2010, "Runge–Kutta methods for the strong approximation of solutions of stochastic differential equations", SIAM Journal on Numerical
//! Analysis 48, the scheme SRA1). It does not look at the drift at the end of the step.

use ndarray::{ArrayViewMut2, Zip};

use super::Working;
use super::estimating::estimating;
use crate::brownian::BrownianBlock;
use crate::equation::AdditiveSde;
use crate::solver::Step;

/// The scheme SRA1 of Rößler for additive noise: strong order 3/2, two drifts a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sra1;

impl Sra1 {
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
        let shapes = [
            point,
            point,
            point,
            point,
            point,
            motion,
            motion,
            motion,
            (n, 1),
            (n, 1),
        ];
        let (
            [
                mut f_1,
                mut f_2,
                mut inner,
                mut start,
                mut end,
                mut w,
                mut u,
                mut rest,
                mut at_stage,
                mut at_end,
            ],
            t,
        ) = memory.take(shapes, n, step.from);
        let h = step.size();
        at_stage.fill(step.from + 0.75 * h);
        at_end.fill(step.to);

        noise.increment_and_area_into(step.from, step.to, w.view_mut(), u.view_mut());
        Zip::from(&mut u).and(&mut rest).and(&w).for_each(|u, rest, w| {
            *u += 0.5 * w;
            *rest = w - *u;
        });
        equation.drift_into(x.view(), t, f_1.view_mut());
        equation.diffuse_into(x.view(), at_end.column(0), u.view(), inner.view_mut());
        Zip::from(&mut inner)
            .and(&x)
            .and(&f_1)
            .for_each(|inner, x, f| *inner = x + 0.75 * h * f + 1.5 * *inner);
        equation.drift_into(inner.view(), at_stage.column(0), f_2.view_mut());
        equation.diffuse_into(x.view(), t, u.view(), start.view_mut());
        equation.diffuse_into(x.view(), at_end.column(0), rest.view(), end.view_mut());

        if let Some(mut difference) = difference {
            // Euler's and Maruyama's noise is `G(t) ΔW`: `G(t + h) (ΔW − u) − G(t) (ΔW − u)` less.
            let mut early = inner;
            equation.diffuse_into(x.view(), t, rest.view(), early.view_mut());
            Zip::from(&mut difference)
                .and(&f_1)
                .and(&f_2)
                .and(&early)
                .and(&end)
                .for_each(|d, f_1, f_2, early, end| *d = 2.0 / 3.0 * h * (f_2 - f_1) + (end - early));
        }
        Zip::from(&mut x)
            .and(&f_1)
            .and(&f_2)
            .and(&start)
            .and(&end)
            .for_each(|x, f_1, f_2, start, end| *x += h * (f_1 + 2.0 * f_2) / 3.0 + (start + end));
    }
}

estimating! {
    /// The coarser scheme is that of Euler and Maruyama.
    Sra1, AdditiveSde
}
