//! Must a score be a gradient?
//!
//! The score of a density is the gradient of its logarithm. A network with as many outputs as inputs need not be the gradient of anything; one that is the gradient
//! of a scalar network is, at the price of another pass of differentiation. Both are trained here alike, by denoising score matching on the same data.
//!
//! - `linear` has the closed forms: of the error of a free linear score a quarter is antisymmetric, and without it three quarters are left.
//! - `jacobians` measures the antisymmetric part of `∂s/∂x`, which is zero for a gradient, and the errors to the true score (Salimans and Ho 2021).
//! - `paths` asks for the ratio `log p(x')/p(x)` of a Metropolis step as a line integral of the score: only a gradient gives the same along every path, and by Kolmogorov's
//!   criterion a chain whose ratios go around a triangle with a product other than one has no law for which it is reversible.
//! - `rotation` shows that a field may be no gradient and Langevin chains still have the right law: a rotation that is added to the score of a round normal
//!   lets probability flow in circles and leaves the density.

mod jacobians;
mod linear;
mod paths;
mod rotation;

use gibbsian_core::Density;
use gibbsian_densities::{GaussianMixture, planar};
use gibbsian_nn::{NeuralEnergy, NeuralScore, Precision};
use gibbsian_objectives::DenoisingScoreMatching;
use ndarray::Array2;
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use crate::networks::{energy_network, score_network, train};
use crate::{Context, Experiment, Result};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "conservative-score",
    title: "Must a score be a gradient?",
    question: "Must a score be a gradient, and what goes wrong when it is not?",
    mathematics: r"A field $s$ on $\mathbb{R}^d$ is $-\nabla E$ for some $E$ if and only if its Jacobian is symmetric. Only then does its line integral not depend on the path, and only then does a Metropolis step have a ratio:
        $$\frac{\partial s_i}{\partial x_j} = \frac{\partial s_j}{\partial x_i} \iff \log \frac{p(x')}{p(x)} = \int_x^{x'} s \cdot \mathrm{d}\ell \quad \text{along every path.}$$
        Langevin sampling asks for less. With the quarter turn $R$ the field $s(x) = -x + \omega R x$ is no gradient, but $\nabla \cdot (p \, R x) = 0$ for $p = \mathcal{N}(0, I)$, so the diffusion keeps $p$. A chain of step $\varepsilon$ in the plane has the variance
        $$\frac{1}{1 - \tfrac{1}{2} \varepsilon \left( 1 + \omega^2 \right)} .$$
        Of the squared error of a free linear score a quarter is antisymmetric in the plane.",
    shows: "A network trained as a score and one trained as an energy, on the same data by the same loss. The Jacobian of the first has an antisymmetric part, and what it says of \
            log p(x')/p(x) depends on the path from x to x'; the second cannot but be consistent.\n\nFor unadjusted Langevin chains and for reverse diffusions a circulation of the field \
            is one error among others, and may even leave the law as it is. A Metropolis step needs a ratio, and only a gradient has one.",
    source: "Salimans and Ho (2021); Song and Ermon (2019)",
    budget_seconds: 10,
    claims: &[
        linear::QUARTER,
        linear::THREE_QUARTERS,
        linear::PATHS,
        jacobians::SYMMETRIC,
        jacobians::ANTISYMMETRIC,
        jacobians::PROJECTION,
        jacobians::ERRORS,
        paths::ENERGY,
        paths::FREE,
        paths::STOKES,
        rotation::VARIANCE,
        rotation::CURRENT,
    ],
    run,
};

const RADIUS: f64 = 2.0;
const DEVIATION: f64 = 0.4;
const SIGMA: f64 = 0.3;

/// A free score and an energy, trained on the same data.
struct Twins {
    free: NeuralScore,
    energy: NeuralEnergy,
}

fn run(ctx: &mut Context) -> Result<()> {
    ctx.progress(0, 5, "linear scores");
    linear::measure(ctx)?;
    ctx.progress(1, 5, "training");
    let clean = planar::eight_gaussians(RADIUS, DEVIATION)?;
    let noisy = clean.convolved((SIGMA * SIGMA * Array2::<f64>::eye(2)).view())?;
    let twins = trained(ctx, &clean)?;
    ctx.progress(2, 5, "Jacobians");
    jacobians::measure(ctx, &twins, &noisy)?;
    ctx.progress(3, 5, "paths");
    paths::measure(ctx, &twins, &noisy)?;
    ctx.progress(4, 5, "a rotation");
    rotation::measure(ctx)
}

/// Pairs of networks; what is measured of them is computed in double precision.
fn trained(ctx: &Context, clean: &GaussianMixture) -> Result<Vec<Twins>> {
    let n_steps = ctx.pick(1_000, 20_000);
    let spread = (0.5 * RADIUS * RADIUS + DEVIATION * DEVIATION)
        .sqrt()
        .hypot(SIGMA);
    (0..ctx.pick(8, 16))
        .into_par_iter()
        .map(|run| {
            let seed = ctx.seed().child("twins").nth(run);
            let data = clean.sample(10_000, &mut seed.child("data").rng());
            let objective = DenoisingScoreMatching::new(SIGMA)?;
            let mut free = score_network(spread, SIGMA, seed.child("free"))?;
            train(
                &mut free,
                objective.clone(),
                data.view(),
                n_steps,
                seed.child("train"),
            )?;
            let mut energy = energy_network(spread, SIGMA, seed.child("energy"))?;
            train(&mut energy, objective, data.view(), n_steps, seed.child("train"))?;
            Ok(Twins {
                free: free.with_precision(Precision::Double),
                energy: energy.with_precision(Precision::Double),
            })
        })
        .collect()
}
