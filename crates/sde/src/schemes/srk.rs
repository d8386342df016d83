//! A stochastic Runge–Kutta scheme of strong order 3/2 for diagonal noise: SRI1W1.
//!
//! Without derivatives, from four values of `g` and two of `f`. Per coordinate,
//!
//! `x' = x + h Σ_i α_i f(H⁰_i, t + c⁰_i h) + Σ_i [β¹_i I_{(1)} + β²_i I_{(1,1)} / √h + β³_i I_{(1,0)} / h + β⁴_i I_{(1,1,1)} / h] g(H¹_i, t + c¹_i h)`,
//!
//! `H⁰_i = x + h Σ_j A⁰_ij f(H⁰_j) + (I_{(1,0)} / h) Σ_j B⁰_ij g(H¹_j)`,  `H¹_i = x + h Σ_j A¹_ij f(H⁰_j) + √h Σ_j B¹_ij g(H¹_j)`,
//!
//! with the integrals of Itô that the increment and the area `H` of the step give exactly,
//!
//! `I_{(1)} = ΔW`,  `I_{(1,1)} = ½ (ΔW² − h)`,  `I_{(1,1,1)} = (ΔW³ − 3 h ΔW) / 6`,  `I_{(1,0)} = h (½ ΔW + H)`.
//!
//! | | `c⁰` | `c¹` | `A⁰` | `B⁰` | `A¹` | `B¹` | `α` | `β¹` | `β²` | `β³` | `β⁴` |
//! |---|---|---|---|---|---|---|---|---|---|---|---|
//! | 1 | 0 | 0 | | | | | 1/3 | −1 | −1 | 2 | −2 |
//! | 2 | 3/4 | 1/4 | 3/4 | 3/2 | 1/4 | 1/2 | 2/3 | 4/3 | 4/3 | −4/3 | 5/3 |
//! | 3 | 0 | 1 | 0 0 | 0 0 | 1 0 | −1 0 | 0 | 2/3 | −1/3 | −2/3 | −2/3 |
//! | 4 | 0 | 1/4 | 0 0 0 | 0 0 0 | 0 0 1/4 | −5 3 1/2 | 0 | 0 | 0 | 0 | 1 |
//!
//! `H⁰_3 = x`, so that its drift is the first one. With a noise of its own for each coordinate all intermediate points are taken for all coordinates at once. Backwards in time
//! integrals and roots are those of the clock of the solution, in which a step is `|h|` long; only the drift knows the sign of `h`.
//!
//! `β¹` and `β²` with the drift of the first point alone are a scheme of strong order 1 from the same values. The distance to it, of order `h^{3/2}`, serves adaptive steps
//! (Rackauckas and Nie 2017, "Adaptive methods for stochastic differential equations via natural embeddings and rejection sampling with memory").
//!
//! Strong order 3/2, weak order 2 (Rößler 2010, "Runge–Kutta methods for the strong approximation of solutions of stochastic differential equations", SIAM Journal on Numerical
//! Analysis 48, the scheme SRI1W1; elsewhere SRIW1).

use ndarray::{ArrayView2, ArrayViewMut2, Zip};

use super::Working;
use super::estimating::estimating;
use crate::brownian::BrownianBlock;
use crate::equation::DiagonalSde;
use crate::solver::Step;

/// `β¹_i, β²_i, β³_i, β⁴_i` for every `i`.
const BETA: [[f64; 4]; 4] = [
    [-1.0, -1.0, 2.0, -2.0],
    [4.0 / 3.0, 4.0 / 3.0, -4.0 / 3.0, 5.0 / 3.0],
    [2.0 / 3.0, -1.0 / 3.0, -2.0 / 3.0, -2.0 / 3.0],
    [0.0, 0.0, 0.0, 1.0],
];

/// The scheme SRI1W1 of Rößler for diagonal noise: strong order 3/2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sri1W1;

/// `I_{(1)}`, `I_{(1,1)} / √h`, `I_{(1,0)} / h` and `I_{(1,1,1)} / h` of a step of length `h > 0`.
fn integrals(w: f64, area: f64, h: f64) -> [f64; 4] {
    [
        w,
        0.5 * (w * w - h) / h.sqrt(),
        0.5 * w + area,
        w * (w * w - 3.0 * h) / (6.0 * h),
    ]
}

impl Sri1W1 {
    fn advance<E: DiagonalSde + ?Sized>(
        equation: &E,
        step: &Step,
        mut x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        memory: &mut Working,
        mut difference: Option<ArrayViewMut2<f64>>,
    ) {
        let (n, dim) = x.dim();
        let point = (n, dim);
        let shapes = [
            point,
            point,
            point,
            point,
            point,
            point,
            point,
            point,
            point,
            (n, 1),
            (n, 1),
            (n, 1),
        ];
        let (arrays, t) = memory.take(shapes, n, step.from);
        let [
            mut w,
            mut area,
            mut f_1,
            mut f_2,
            mut g_1,
            mut g_2,
            mut g_3,
            mut inner,
            mut moved,
            mut quarter,
            mut three_quarters,
            mut end,
        ] = arrays;
        let h = step.size();
        let (length, root) = (h.abs(), h.abs().sqrt());
        quarter.fill(step.from + 0.25 * h);
        three_quarters.fill(step.from + 0.75 * h);
        end.fill(step.to);
        let (quarter, three_quarters, end) = (quarter.column(0), three_quarters.column(0), end.column(0));

        noise.increment_and_area_into(step.from, step.to, w.view_mut(), area.view_mut());
        equation.drift_into(x.view(), t, f_1.view_mut());
        equation.diffusion_into(x.view(), t, g_1.view_mut());

        // H⁰_2.
        Zip::from(&mut inner)
            .and(&x)
            .and(&f_1)
            .and(&g_1)
            .and(&w)
            .and(&area)
            .for_each(|inner, x, f, g, w, area| {
                *inner = x + 0.75 * h * f + 1.5 * g * (0.5 * w + area);
            });
        equation.drift_into(inner.view(), three_quarters, f_2.view_mut());
        // H¹_2.
        Zip::from(&mut inner)
            .and(&x)
            .and(&f_1)
            .and(&g_1)
            .for_each(|inner, x, f, g| *inner = x + 0.25 * h * f + 0.5 * root * g);
        equation.diffusion_into(inner.view(), quarter, g_2.view_mut());
        // H¹_3.
        Zip::from(&mut inner)
            .and(&x)
            .and(&f_1)
            .and(&g_1)
            .for_each(|inner, x, f, g| *inner = x + h * f - root * g);
        equation.diffusion_into(inner.view(), end, g_3.view_mut());
        // H¹_4.
        Zip::from(&mut inner)
            .and(&x)
            .and(&f_1)
            .and(&g_1)
            .and(&g_2)
            .and(&g_3)
            .for_each(|inner, x, f, g_1, g_2, g_3| {
                *inner = x + 0.25 * h * f + root * (-5.0 * g_1 + 3.0 * g_2 + 0.5 * g_3);
            });
        equation.diffusion_into(inner.view(), quarter, moved.view_mut());
        let g_4 = moved;

        Zip::from(&mut x)
            .and(&f_1)
            .and(&f_2)
            .for_each(|x, f_1, f_2| *x += h * (f_1 + 2.0 * f_2) / 3.0);
        if let Some(difference) = &mut difference {
            Zip::from(difference)
                .and(&f_1)
                .and(&f_2)
                .for_each(|d, f_1, f_2| *d = 2.0 / 3.0 * h * (f_2 - f_1));
        }
        for (g, beta) in [g_1.view(), g_2.view(), g_3.view(), g_4.view()]
            .into_iter()
            .zip(BETA)
        {
            let add = |out: &mut ArrayViewMut2<f64>, g: ArrayView2<f64>, beta: [f64; 4]| {
                Zip::from(out)
                    .and(&g)
                    .and(&w)
                    .and(&area)
                    .for_each(|out, g, &w, &area| {
                        let i = integrals(w, area, length);
                        *out += (beta[0] * i[0] + beta[1] * i[1] + beta[2] * i[2] + beta[3] * i[3]) * g;
                    });
            };
            add(&mut x, g, beta);
            if let Some(difference) = &mut difference {
                add(difference, g, [0.0, 0.0, beta[2], beta[3]]);
            }
        }
    }
}

estimating! {
    /// The coarser scheme, of strong order 1, has `β³ = β⁴ = 0` and one drift.
    Sri1W1, DiagonalSde
}
