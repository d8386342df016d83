//! Maximum likelihood without the normaliser, and with it.
//!
//! The likelihood of `p_θ = exp(f_θ)/Z_θ` is `f_θ − log Z_θ`. Who forgets the second term maximises something else: all of `f_θ` can be raised
//! at once, and nothing makes the rest of the space less likely. For a normal density with `f = −x²/(2σ²)` the gradient in `σ²` is positive at every value, and ascent
//! ends wherever a bound is put. With `log Z` it ends at the mean square. Score matching never sees `Z` and ends there too.
//!
//! The term that was forgotten is an expectation under the model, `−∂ log Z/∂θ = ⟨∂E/∂θ⟩`, so that the gradient of the log-likelihood is the mean of `−∂E/∂θ` over
//! data minus that over the model. Both sides are computed here, in closed form and by quadrature or enumeration.
//!
//! Data: the 1,797 handwritten digits of 8 × 8 pixels with values 0 to 16 (Alpaydin and Kaynak 1998): the total ink of each, and counts of single pixels.

mod divergence;
mod gradients;
mod runaway;
mod steps;

use std::path::Path;

use gibbsian_data::{Header, read_table};
use ndarray::{Array2, ArrayView2, Axis, s};

use crate::{Context, Experiment, Result};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "unnormalised-mle",
    title: "Maximum likelihood needs the normaliser",
    question: "What becomes of maximum likelihood when the normaliser is left out?",
    mathematics: r"The log-likelihood of $p_\theta = e^{f_\theta} / Z_\theta$ has two terms, and so has its gradient:
        $$\log p_\theta(x) = f_\theta(x) - \log Z_\theta , \qquad \nabla_\theta \log p_\theta(x) = \nabla_\theta f_\theta(x) - \mathbb{E}_{p_\theta} \nabla_\theta f_\theta .$$
        The first alone has no maximum. For $f = -x^2 / (2\sigma^2)$,
        $$\frac{\partial f}{\partial \sigma^2} = \frac{x^2}{2 \sigma^4} \ge 0 \quad \text{always, but} \qquad \frac{\partial}{\partial \sigma^2} \left( f - \tfrac{1}{2} \log 2 \pi \sigma^2 \right) = \frac{x^2 - \sigma^2}{2 \sigma^4} ,$$
        which vanishes on average at $\sigma^2 = \frac{1}{N} \sum_n x_n^2$. Raising the data lowers the rest, and the maximum has the least $\operatorname{KL}(p_{\text{data}} \,\|\, p_\theta)$.",
    shows: "What becomes of maximum likelihood when log Z is left out: the model makes everything likelier, without end. With it, raising the \
            data lowers the rest.\n\nThe gradient of log Z is an expectation under the model. Maximum likelihood minimises the \
            divergence from the data to the model.",
    source: "Hyvärinen (2005); Csiszár (1975); data of Alpaydin and Kaynak (1998)",
    budget_seconds: 10,
    claims: &[
        runaway::RUNS_AWAY,
        runaway::STAYS,
        runaway::SCORE_MATCHING,
        steps::STEP_RAISES_F,
        steps::STEP_LOWERS_LIKELIHOOD,
        steps::FULL_STEP_RAISES,
        gradients::NORMAL_GRADIENT,
        gradients::FAMILY_GRADIENT,
        divergence::PYTHAGORAS,
        divergence::SAME_MINIMUM,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    let path = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../data/tables/digits8x8.csv.gz"
    ));
    let digits = read_table(path, Header::Absent)?.into_values();
    let pixels = digits.slice(s![.., ..64]);
    let ink = pixels.sum_axis(Axis(1)).insert_axis(Axis(1));
    runaway::run(ctx, &ink)?;
    steps::run(ctx, &ink, pixels)?;
    gradients::run(ctx, &ink, pixels)?;
    divergence::run(ctx, pixels)
}

/// The values of a pixel in the middle, as counts `(N, 1)` of 16.
fn counts(pixels: ArrayView2<f64>) -> Array2<f64> {
    pixels.column(27).to_owned().insert_axis(Axis(1))
}
