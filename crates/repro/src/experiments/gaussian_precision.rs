//! Score matching of a normal density inverts the second moment, and where score matching needs a weight.
//!
//! Hyvärinen (2005) fits a density known up to its normaliser by its score. For a centred normal, `s(x) = −K x`, the implicit objective
//! `E [tr J + ½ |s|²] = ½ tr(K C K) − tr K` with `C = X'X / N` has its minimum at `K = C⁻¹`: the estimate of greatest likelihood, without its
//! normaliser.
//!
//! - `tables` computes it from three tables of data by the closed form for exponential families, which knows nothing of normals, and by descending
//!   the objective along the model's own derivatives. What is inverted is the **second moment**: on data that were not centred a model
//!   of mean zero absorbs the mean into its precision, at a cost in nats that is known.
//! - `conditioning` inverts second moments whose inverses are known to the last bit, up to condition numbers of 10¹¹.
//! - `boundary` fits densities with an edge. Integration by parts leaves a term there; without a weight the exponential density has rate zero and
//!   no gamma or beta density has a shape of two or less, whatever the data, and with a weight the estimates are right.
//! - `efficiency` asks what is lost: nothing for the normal, and for the exponential density with weight `x^k` the factor `Γ(2k − 1) / Γ(k)²`.

mod boundary;
mod conditioning;
mod descent;
mod efficiency;
mod tables;

use gibbsian_linalg::SymmetricEigen;
use ndarray::{Array2, ArrayView2};

use crate::statistics::larger;
use crate::{Context, Experiment, Result};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "gaussian-precision",
    title: "Score matching of a normal density, and at boundaries",
    question: "What does score matching make of a normal density, and what does it need where a density has an edge?",
    mathematics: r"The score of $\mathcal{N}(0, K^{-1})$ is $s(x) = -K x$, and implicit score matching of it is a quadratic function of $K$ with $C = X^\top X / N$:
        $$\mathbb{E} \left[ \operatorname{tr} \nabla s + \tfrac{1}{2} \lVert s \rVert^2 \right] = \tfrac{1}{2} \operatorname{tr}(K C K) - \operatorname{tr} K , \qquad \text{least at } K = C^{-1} .$$
        It comes from an integration by parts, which leaves a term at an edge where $p \, s$ does not vanish. A weight $w$ that vanishes there repairs it; on the half-line
        $$\mathbb{E} \left[ \left( w \, s \right)' + \tfrac{1}{2} w \, s^2 \right] = \tfrac{1}{2} \mathbb{E} \left[ w \left( s - (\log p)' \right)^2 \right] + \text{constant} .$$
        With $w = x^k$ an exponential rate then has $\Gamma(2k - 1) / \Gamma(k)^2$ times the variance of maximum likelihood: $1$ for $k = 1$, $2$ for $k = 2$.",
    shows: "Score matching of a normal density in closed form is the inverse of the second moment X'X / N, on tables of wines, tumours and \
            digits.\n\nOn densities whose support has an edge the objective needs a weight that vanishes there: without one the minimum \
            is at rate zero for the exponential density, and at shapes above two for gamma and beta densities, whatever the data.",
    source: "Hyvärinen (2005); Hyvärinen (2007)",
    budget_seconds: 10,
    claims: &[
        tables::WINE,
        tables::BREAST_CANCER,
        tables::DIGITS,
        tables::LIKELIHOOD,
        tables::DESCENT,
        tables::STATIONARY,
        tables::SECOND_MOMENT,
        tables::COST,
        tables::WITH_MEAN,
        conditioning::ERROR,
        boundary::RATE_ZERO,
        boundary::RATE,
        boundary::GAMMA_FLOOR,
        boundary::GAMMA[0],
        boundary::GAMMA[1],
        boundary::GAMMA_INSIDE,
        boundary::BETA_FLOOR,
        boundary::BETA[0],
        boundary::BETA[1],
        efficiency::NORMAL,
        efficiency::LIKELIHOOD,
        efficiency::HALF,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    tables::measure(ctx)?;
    conditioning::measure(ctx)?;
    boundary::measure(ctx)?;
    efficiency::measure(ctx)
}

/// `max |found − expected| / max |expected|`.
fn relative_error(found: ArrayView2<f64>, expected: ArrayView2<f64>) -> f64 {
    let largest = |m: &Array2<f64>| m.iter().fold(0.0_f64, |l, v| larger(l, v.abs()));
    largest(&(&found - &expected)) / largest(&expected.to_owned())
}

/// The largest and the smallest eigenvalue of a second moment.
fn extremes(name: &str, moment: ArrayView2<f64>) -> Result<(f64, f64)> {
    let eigen = SymmetricEigen::new(name, moment)?;
    let values = eigen.values();
    Ok((values[values.len() - 1], values[0]))
}
