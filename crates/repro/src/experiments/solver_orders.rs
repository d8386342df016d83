//! The order of every solver.
//!
//! A scheme of strong order `p` is within `C hᵖ` of the solution on the same Brownian path, on average; one of weak order `p` has the law of the solution up to `C hᵖ`. Orders are slopes of errors against
//! steps in logarithms, and a solver with a wrong factor anywhere has a wrong slope.
//!
//! - `strong` solves two equations on shared paths: one with multiplicative noise, whose solution is a function of the path, and one with additive noise.
//! - `matrix` has matrices of noise, which commute or do not.
//! - `diffusion` has the schemes for diffusion models on paths: those to two modes by sampling, and those to normal data by an integral over the path, without.
//! - `weak` needs no random number either: on normal data the law of a scheme follows from its steps.
//! - `flow` has the schemes without noise on the probability flow of two modes.

mod diffusion;
mod equations;
mod flow;
mod matrix;
mod normal_data;
mod strong;
mod weak;

use crate::{Context, Experiment, Result, Table};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "solver-orders",
    title: "The orders of the solvers",
    question: "Does every solver converge as fast as its theory says?",
    mathematics: r"A scheme with step $h$ for $\mathrm{d}X = f(X, t) \, \mathrm{d}t + g(X, t) \, \mathrm{d}B$ has strong order $p$ if it stays near the solution on the same Brownian path, and weak order $p$ if its law does:
        $$\mathbb{E} \left\lVert \hat{X}_T - X_T \right\rVert \le C h^{p} , \qquad \left| \mathbb{E} \, \varphi(\hat{X}_T) - \mathbb{E} \, \varphi(X_T) \right| \le C h^{p} .$$
        So $p$ is the slope of $\log \text{error}$ against $\log h$. Euler and Maruyama's scheme,
        $$\hat{X}_{t + h} = \hat{X}_t + f(\hat{X}_t, t) \, h + g(\hat{X}_t, t) \left( B_{t + h} - B_t \right) ,$$
        has strong order $\tfrac{1}{2}$, and $1$ where $g$ does not depend on $X$, as in every reverse diffusion.",
    shows: "Every solver converges as theory says: its error is a power of the step, with a known exponent.\n\nEuler and Maruyama's scheme has strong order 1/2 where noise depends on the point and 1 where it does \
            not, as in the reverse of every diffusion model; the schemes of Milstein and Rößler have 1 and 3/2; where several noises do not commute, order 1 needs the areas that they sweep. Weak orders are measured without sampling, from the law of the scheme itself; so are strong ones on the way back to normal data, where a scheme and the solution are integrals over the same path.",
    source: "Kloeden and Platen (1992); Rößler (2010); Lu et al. (2022); Karras et al. (2022)",
    budget_seconds: 10,
    claims: &[
        strong::MULTIPLICATIVE,
        strong::ADDITIVE,
        matrix::MATRIX,
        diffusion::TWO_MODES,
        diffusion::NORMAL,
        weak::REVERSE,
        weak::MULTIPLICATIVE,
        flow::DETERMINISTIC,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    let mut orders = Orders {
        table: Table::new(["kind", "equation", "scheme", "order", "slope"]),
    };
    ctx.progress(0, 3, "shared paths");
    strong::measure(ctx, &mut orders)?;
    matrix::measure(ctx, &mut orders)?;
    diffusion::measure(ctx, &mut orders)?;
    ctx.progress(1, 3, "exact laws");
    weak::measure(ctx, &mut orders)?;
    ctx.progress(2, 3, "the flow");
    flow::measure(ctx, &mut orders)?;
    ctx.table(
        "orders",
        "The slope of every scheme beside its order.",
        &orders.table,
    )
}

/// What was found, in one table.
struct Orders {
    table: Table,
}

impl Orders {
    /// Notes a slope and returns its distance from the order over the tolerance.
    fn add(
        &mut self,
        kind: &str,
        equation: &str,
        scheme: &str,
        order: f64,
        slope: f64,
        tolerance: f64,
    ) -> Result<f64> {
        self.table.row([
            kind.into(),
            equation.into(),
            scheme.into(),
            order.into(),
            slope.into(),
        ])?;
        Ok((slope - order).abs() / tolerance)
    }
}

/// The order to which errors at halved steps tend. Slopes between neighbours approach it by a series in powers of the step, and each further error takes away one power more (Richardson): with three errors what is left
/// is of second power, with four of third.
fn order_of_halving<const N: usize>(errors: [f64; N]) -> f64 {
    let mut slopes: Vec<f64> = errors.windows(2).map(|pair| (pair[0] / pair[1]).log2()).collect();
    let mut factor = 2.0;
    while slopes.len() > 1 {
        let next = slopes.windows(2);
        slopes = next
            .map(|pair| (factor * pair[1] - pair[0]) / (factor - 1.0))
            .collect();
        factor *= 2.0;
    }
    slopes.first().copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_terms_of_an_error_are_removed() {
        let error = |h: f64| 3.0 * h * h * (1.0 + 0.3 * h + 0.2 * h * h);
        let slope = |h: f64| (error(h) / error(h / 2.0)).log2();
        // The terms of log₂(1 + a h + b h²) of each power, less those at half the step: a h/2, and (b − a²/2)(3/4) h² and so on.
        let h = 0.1;
        let [one, two, three] = [
            slope(h),
            order_of_halving([h, h / 2.0, h / 4.0].map(error)),
            order_of_halving([h, h / 2.0, h / 4.0, h / 8.0].map(error)),
        ]
        .map(|order| (order - 2.0).abs());
        assert!(
            one > 0.02 && two < 0.1 * one && three < 0.1 * two,
            "{one} {two} {three}"
        );
    }
}
