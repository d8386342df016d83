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
