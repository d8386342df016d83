//! Score matching in three forms, and what each gives up: what they estimate, with what error, at what cost.
//!
//! The Fisher divergence `½ E ‖∇log p − s‖²` asks for the score of the data. Hyvärinen (2005) integrates by parts, Song et al. (2020) look along random directions, Vincent (2011) adds noise:
//!
//! - `identities`: each of the three is a Fisher divergence and a constant that does not depend on the model; for denoising it is the divergence from the *noisy* density, and the constant is known;
//! - `precision`: parameters are estimated with errors of order `N^−½`, whose size is the sandwich `G⁻¹ V G⁻¹ / N` (Godambe 1960). In a family of one parameter every form has its own, in closed form;
//! - `circle`: the same for the von Mises density, whose normaliser is a Bessel function for maximum likelihood and nothing to score matching;
//! - `cost`: products with the Jacobian, counted: the exact trace takes one a dimension, directions and noise as many as are asked for;
//! - `chain`: an autoregressive normal density has a normaliser, and can be trained either way: the same estimate where every normal density is allowed, and a worse one where not;
//! - `flow`: a flow trained either way on draws of a flow.

mod chain;
mod circle;
mod cost;
mod flow;
mod identities;
mod precision;

use crate::{Context, Experiment, Result};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "score-matching",
    title: "Score matching: explicit, sliced, denoising",
    question: "What do explicit, sliced and denoising score matching have in common, how well do they estimate, and what does each cost?",
    mathematics: r"All three are the Fisher divergence $D(p, s) = \tfrac{1}{2} \mathbb{E}_p \lVert \nabla \log p - s \rVert^2$ up to a constant without the model, the third for the noisy density $q_\sigma$:
        $$\begin{aligned} \mathbb{E}_p \left[ \operatorname{tr} J_s + \tfrac{1}{2} \lVert s \rVert^2 \right] &= D(p, s) - \tfrac{1}{2} \mathbb{E}_p \lVert \nabla \log p \rVert^2 , \\ \mathbb{E}_p \mathbb{E}_v \left[ v^\top J_s v + \tfrac{1}{2} (v^\top s)^2 \right] &= \text{the same, where } \mathbb{E} \, v v^\top = I , \\ \tfrac{1}{2} \mathbb{E} \left\lVert s(x + \sigma z) + z / \sigma \right\rVert^2 &= D(q_\sigma, s) + \text{constant} . \end{aligned}$$
        An estimate $\hat{\theta}$ that minimises the mean of a loss $\ell$ over $N$ data has the sandwich covariance
        $$\operatorname{Cov} \hat{\theta} \approx \frac{1}{N} \, G^{-1} V G^{-1} , \qquad G = \mathbb{E} \, \nabla_\theta^2 \ell , \quad V = \operatorname{Cov} \nabla_\theta \ell .$$
        The trace of $J_s$ takes one product with the Jacobian for each of $D$ dimensions, a direction $v$ takes one.",
    shows: "What the three forms of score matching have in common, to the last digits: they are Fisher divergences up to constants that are known.\
            \n\nWhat they do not: the error of their estimates, which is the sandwich formula's, and their cost in products with the Jacobian. Models that have a normaliser, an autoregressive normal density \
            and a flow of coupling layers, are trained both ways and compared.",
    source: "Hyvärinen (2005); Vincent (2011); Song, Garg, Shi and Ermon (2020); Pang et al. (2020); Godambe (1960); Dinh, Sohl-Dickstein and Bengio (2017)",
    budget_seconds: 10,
    claims: &[
        identities::IMPLICIT,
        identities::SLICED,
        identities::NORMAL,
        identities::MIXTURE,
        identities::PARZEN,
        identities::GRADIENT,
        precision::SANDWICH,
        precision::PRICE,
        circle::VARIANCE,
        circle::RATE,
        circle::LIBRARY,
        circle::LIKELIHOOD,
        cost::IMPLICIT,
        cost::FLAT,
        cost::DENOISING,
        chain::SATURATED,
        chain::LIKELIHOOD,
        chain::SCORE,
        chain::ABOVE,
        flow::LIKELIHOOD,
        flow::SCORES,
        flow::NOISE,
        flow::ORDER,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    ctx.progress(0, 6, "identities");
    identities::measure(ctx)?;
    ctx.progress(1, 6, "precision");
    precision::measure(ctx)?;
    ctx.progress(2, 6, "the circle");
    circle::measure(ctx)?;
    ctx.progress(3, 6, "cost");
    cost::measure(ctx)?;
    ctx.progress(4, 6, "a chain");
    chain::measure(ctx)?;
    ctx.progress(5, 6, "a flow");
    flow::measure(ctx)
}
