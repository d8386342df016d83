//! Sampling is as easy as learning the score: the theorem with its constants, beside what is true.
//!
//! Chen, Chewi, Li, Li, Salim and Zhang (2023, theorem 2) bound the total variation between data and what a diffusion model draws. With all constants the bound is
//! `e^{−T} √(KL(q‖γ)/2) + √(G/2)`, where `G` is the divergence between the paths of the exact and of the discretised reverse process (Girsanov). On normal data in any dimension, and on any data on a
//! line, both sides are known without a draw, and so is every step of the proof.
//!
//! - `budgets` holds the bound and its steps to the truth, and says by how much they are loose.
//! - `rates` has the rates of the three errors beside those of their terms: the start, the steps, the score.
//! - `paths` estimates what is known, for the cases where it is not.

mod budgets;
mod paths;
mod rates;

use crate::statistics::weighted_slope;
use crate::{Context, Experiment, Result};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "sampling-theorem",
    title: "Sampling is as easy as learning the score",
    question: "How far can the draws of a diffusion model be from its data when its score is nearly right?",
    mathematics: r"Data of law $q$ are noised by $\mathrm{d}X = -X \, \mathrm{d}t + \sqrt{2} \, \mathrm{d}B$ up to the horizon $T$; the sampler starts from $\gamma = \mathcal{N}(0, I)$ and goes back in steps $h$ with a score $\hat{s}$ that is frozen in every step,
        $$Y' = e^{h} Y + 2 \left( e^{h} - 1 \right) \hat{s} + \sqrt{e^{2h} - 1} \, z .$$
        The law $p$ of its output is bounded by a term for the start and one for steps and score:
        $$\mathrm{TV}(p, q) \le e^{-T} \sqrt{\tfrac{1}{2} \operatorname{KL}(q \,\|\, \gamma)} + \sqrt{\tfrac{1}{2} G} , \qquad G = \sum_k \int_{t_{k+1}}^{t_k} \mathbb{E} \left\lVert \hat{s}(X_{t_k}, t_k) - s(X_t, t) \right\rVert^2 \mathrm{d}t ,$$
        where $G$ is the divergence between the laws of the two reverse paths (Girsanov).",
    shows: "The total variation between data and the output of the exponential integrator is bounded by a term for the start, one for the steps and one for the score. All constants are \
            explicit, both sides are exact, and every step of the proof is a pair of numbers.\n\nThe bound holds and is loose: the output forgets its start twice as fast as the term for it says, \
            the divergence at the end is of second order in the step where that of the paths is of first, and the effect of a score error saturates in time while its term grows.",
    source: "Chen, Chewi, Li, Li, Salim and Zhang (2023), theorem 2; Conforti, Durmus and Gentiloni Silveri (2023)",
    budget_seconds: 30,
    claims: &[
        budgets::NORMAL,
        budgets::STEPS,
        budgets::LINE,
        budgets::LOOSE,
        rates::SHIFT,
        rates::CENTRED,
        rates::SHIFT_FORGOTTEN,
        rates::CENTRED_FORGOTTEN,
        rates::SUM,
        rates::TRUTH,
        rates::SHARP,
        rates::SATURATION,
        rates::GROWTH,
        paths::NORMAL,
        paths::LINE,
        paths::DISTANCE,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    ctx.progress(0, 3, "budgets");
    budgets::measure(ctx)?;
    ctx.progress(1, 3, "rates");
    rates::measure(ctx)?;
    ctx.progress(2, 3, "paths");
    paths::measure(ctx)
}

/// The least-squares slope of `log y` against `log x`.
fn slope(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln(), 1.0)).collect();
    weighted_slope(&logs).0
}
