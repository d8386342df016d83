//! The noise level of denoising score matching: bias against variance.
//!
//! Denoising score matching (Vincent 2011) regresses on `−z/σ` at the noisy points `x̃ = x + σz` and so finds the score of the noisy density `q_σ`, not that of the data. A large `σ` is a
//! bias, of order `σ²` in the score; a small one makes the target large, and it is noise: the loss of one datum has variance `d/(2σ⁴)`, its gradient one of order `σ⁻²`.
//!
//! - `bias` holds the objective to the Fisher divergence of `q_σ` plus its constant, and the distance of the two scores to its leading term.
//! - `variance` measures the losses and gradients of single data.
//! - `trade_off` puts both together: the error to the *clean* score of what `N` data teach a linear score, in closed form.
//! - `trained` measures the same for networks.

mod bias;
mod trade_off;
mod trained;
mod variance;

use crate::{Context, Experiment, Result};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "dsm-noise",
    title: "The noise level of denoising score matching",
    question: "How much noise should denoising score matching add?",
    mathematics: r"Denoising score matching at noise $\sigma$ regresses on $-z/\sigma$ at the noisy points $\tilde{x} = x + \sigma z$ and finds the score of the noisy density $q_\sigma$:
        $$\tfrac{1}{2} \mathbb{E} \left\lVert s(\tilde{x}) + \frac{z}{\sigma} \right\rVert^2 = \tfrac{1}{2} \mathbb{E} \left\lVert s(\tilde{x}) - \nabla \log q_\sigma(\tilde{x}) \right\rVert^2 + \text{constant} , \qquad \nabla \log q_\sigma = \nabla \log p + \frac{\sigma^2}{2} \nabla \frac{\Delta p}{p} + O(\sigma^4) .$$
        The bias grows as $\sigma^2$, and the variance of the loss of one datum as $d / (2 \sigma^4)$ when $\sigma$ falls. A linear score of $N$ data from $\mathcal{N}(0, v)$ shows both: with $a = \sigma^2 / v$ and the fitted slope $\hat{\lambda}$,
        $$v^2 \, \mathbb{E} \left( \hat{\lambda} - \frac{1}{v} \right)^2 = \frac{1}{(1 + a)^2} \left[ a^2 + \frac{1}{a (N - 2)} \right] , \qquad \text{least where } 2 (N - 2) \, a^3 = 1 + 3a .$$",
    shows: "Denoising score matching at noise σ learns the score of noisy data. The bias of that score is of order σ², the variance of the gradient of order σ⁻², so the error to the \
            score of clean data is least at a noise level in between, which falls as data grow in number.\n\nFor a linear score and Gaussian data the trade-off has a closed form: with \
            a = σ²/v the mean squared error of N data is [a² + 1/(a(N − 2))]/(1 + a)² over v², and the best a solves 2(N − 2)a³ = 1 + 3a.",
    source: "Vincent (2011); Hyvärinen (2005)",
    budget_seconds: 10,
    claims: &[
        bias::IDENTITY,
        bias::OBJECTIVE,
        bias::OPTIMUM,
        bias::LEADING_TERM,
        variance::LOSS_LAW,
        variance::GRADIENT_LAW,
        variance::LOSS_LIMIT,
        variance::GRADIENT_LIMIT,
        trade_off::LAW,
        trade_off::MINIMUM,
        trained::MINIMUM,
        trained::MOVES,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    ctx.progress(0, 4, "bias");
    bias::measure(ctx)?;
    ctx.progress(1, 4, "variance");
    variance::measure(ctx)?;
    ctx.progress(2, 4, "a linear score");
    trade_off::measure(ctx)?;
    ctx.progress(3, 4, "networks");
    trained::measure(ctx)
}
