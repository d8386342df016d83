//! What contrastive divergence computes instead of the likelihood gradient, by enumeration.
//!
//! Maximum likelihood descends `g = ⟨∂F⟩_data − ⟨∂F⟩_model`, where `F` is the free energy and `∂` the derivative in the parameters.
//! CD-k (Hinton 2002) replaces the model's law `π` by `p_k = p₀ Tᵏ`, the law of block Gibbs chains that start at the data and run for
//! `k` steps, which is biased. On machines whose states can be listed the bias can be computed:
//!
//! - `spectrum` follows the bias `⟨∂F⟩_π − ⟨∂F⟩_{p_k}` in `k`. The chain is reversible, so the bias is a sum over its modes of `λᵏ` times
//!   the overlap of the mode with the data times its overlap with the statistic, and what counts is the largest
//!   eigenvalue for which *neither* vanishes. A machine without a preferred sign makes the difference visible.
//! - `bound` holds it to what it can be at most: by the spectrum, by contraction in total variation, by the parameters alone.
//! - `fields` compares three vector fields: the likelihood gradient, the expected CD-k update, and the gradient of
//!   `KL(p₀‖π) − KL(p_k‖π)`, for which the update is often taken. They differ by a term with `∂p_k`, and the update is the gradient
//!   of no function at all.
//! - `sampled` holds the library's objective, which draws, to the expectation, which is enumerated.
//! - `learning` trains with the same number of Gibbs steps by CD-1, CD-10 and persistent chains, judged by the exact
//!   likelihood.
//!
//! The data are bars and stripes throughout.

mod bound;
mod chain;
mod fields;
mod fields_shown;
mod learning;
mod sampled;
mod spectrum;

use crate::{Context, Experiment, Result};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "cd-bias",
    title: "The bias of contrastive divergence",
    question: "What does contrastive divergence compute in place of the gradient of the likelihood?",
    mathematics: r"With the free energy $F(v) = -\log \sum_h e^{-E(v, h)}$ and the model's law $\pi = e^{-F} / Z$, the negative log-likelihood has the gradient $g = \langle \partial F \rangle_{\text{data}} - \langle \partial F \rangle_{\pi}$. CD-$k$ puts $p_k = p_0 T^k$, the law of $k$ Gibbs steps from the data $p_0$, in place of $\pi$. The chain is reversible, so its modes $\varphi_i$, orthonormal under $\pi$, with their eigenvalues $\lambda_i$ give the bias:
        $$\langle \partial F \rangle_{p_k} - \langle \partial F \rangle_{\pi} = \sum_{i \ge 2} \lambda_i^k \, \langle \varphi_i \rangle_{p_0} \, \langle \varphi_i \, \partial F \rangle_{\pi} .$$
        Nor is CD the gradient of the difference of divergences that motivates it:
        $$\begin{aligned} \partial \left[ \operatorname{KL}(p_0 \,\|\, \pi) - \operatorname{KL}(p_k \,\|\, \pi) \right] &= \langle \partial F \rangle_{p_0} - \langle \partial F \rangle_{p_k} \\ &\quad - \sum_v \partial p_k(v) \log \frac{p_k(v)}{\pi(v)} . \end{aligned}$$",
    shows: "Contrastive divergence against the exact gradient on restricted Boltzmann machines small enough to enumerate.\n\nIts \
            bias decays geometrically, at the largest eigenvalue of the Gibbs chain that overlaps both the data and the statistic. \
            Its expectation is neither the likelihood gradient nor the gradient of a difference of two divergences, nor of anything \
            else. With a fixed number of Gibbs steps, chains that restart at the data and chains that persist learn different machines.",
    source: "Hinton (2002); Carreira-Perpiñán and Hinton (2005); Tieleman (2008); Bengio and Delalleau (2009); Sutskever and \
             Tieleman (2010); Fischer and Igel (2011)",
    budget_seconds: 10,
    claims: &[
        spectrum::STATIONARY,
        spectrum::NO_OVERLAP,
        spectrum::DATA_RATE,
        spectrum::FULL_RATE,
        spectrum::STATISTIC_RATE,
        spectrum::SEPARATION,
        bound::SPECTRAL,
        bound::CONTRACTION,
        bound::FROM_PARAMETERS,
        fields::IDENTITY,
        fields::NEGLECTED,
        fields::SELDOM_OPPOSES,
        fields::NO_POTENTIAL,
        fields::POTENTIAL_IN_THE_LIMIT,
        sampled::AGREEMENT,
        learning::STOPS_SHORT,
        learning::LEAD_OVER_CD_1,
        learning::LEAD_OVER_CD_10,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    spectrum::measure(ctx)?;
    fields::measure(ctx)?;
    sampled::measure(ctx)?;
    learning::measure(ctx)
}
