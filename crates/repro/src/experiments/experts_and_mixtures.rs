//! And, or, not: models made of models, their normalisers, and what it takes to sample them.
//!
//! A product of densities is likely where each of them is (Hinton 2002), a mixture where one of them is, and a quotient `p_A p_B^{−α}` where the first is and the second
//! is not. The energies are sums and cost nothing; normalisers and samples are the price. In the plane all three are known exactly, so that each statement has a number
//! to meet:
//!
//! - the normaliser of a product of mixtures, term by term;
//! - a mixture of energies needs their normalisers, or its weights are what constants make of them;
//! - a quotient has a normaliser under a condition, and the library refuses it elsewhere;
//! - the sum of the scores of two noised densities is not the score of the noised product: a reverse diffusion that adds them ends in another law (Du et al. 2023), and
//!   a Metropolis-adjusted kernel on the sum of the energies puts it right.
//!
//! Then attributes of digits (a loop, a slant, a thick stroke) are composed one after the other, each an expert that has learnt nothing else.

mod attributes;
mod digits;
mod planar;
mod reverse;

use crate::{Context, Experiment, Result};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "experts-and-mixtures",
    title: "And, or, not",
    question: "How are models joined by and, or and not, and what does it take to sample the result?",
    mathematics: r"Energies add for a product, densities for a mixture, and a quotient subtracts:
        $$p_{\text{and}} \propto \prod_k p_k , \qquad p_{\text{or}} = \sum_k w_k \frac{e^{-E_k}}{Z_k} , \qquad p_{\text{and not}} \propto p_A \, p_B^{-\alpha} .$$
        A mixture needs the normalisers, and a quotient has one only where $p_A$ falls faster than $p_B^{\alpha}$. Noise does not respect products: with $(\cdot)_t$ for noising up to time $t > 0$,
        $$\sum_k \nabla \log \, (p_k)_t \ne \nabla \log \left( \prod_k p_k \right)_t ,$$
        so a reverse diffusion along the sum of the scores ends in another law. Metropolis steps on $\sum_k E_k$ put it right.",
    shows: "Products, mixtures and quotients of models in the plane, with every normaliser known, and attributes of digits composed by adding energies.\n\nAdding \
            the scores of noised models inside a reverse diffusion is biased, and a corrected kernel on the sum of the energies is not. Digits: restricted machines that have each learnt one \
            attribute, on top of a common one, are composed by putting their hidden units side by side.",
    source: "Hinton (2002), Training products of experts by minimizing contrastive divergence; Du, Li and Mordatch (2020), Compositional visual generation with energy based models; Du et al. (2023), Reduce, reuse, recycle",
    budget_seconds: 10,
    claims: &[
        planar::PRODUCT,
        planar::MIXTURE,
        planar::CONSTANTS,
        planar::REFUSALS,
        planar::QUOTIENT,
        reverse::BIASED,
        reverse::SOLVER,
        reverse::CORRECTED,
        reverse::ANNEALED,
        digits::OWN,
        digits::RISES,
        digits::ALL,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    ctx.progress(0, 3, "normalisers in the plane");
    planar::measure(ctx)?;
    ctx.progress(1, 3, "reverse diffusion");
    reverse::measure(ctx)?;
    ctx.progress(2, 3, "digits");
    digits::measure(ctx)
}
