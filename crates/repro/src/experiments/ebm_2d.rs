//! One network in the plane, learned as an energy in eleven ways, and measured against the exact density.
//!
//! Data are draws of eight normal densities on a circle, whose density is known. A network of one output is trained on them by persistent chains in a replay buffer, by the same with the gradient through the last step of the chains, by
//! short chains from the data, by telling data from noise (binary and ranking), by matching scores (implicit, sliced and denoising), against a sampler that is learned beside it, and, with a level of noise as a third input, by
//! recovery likelihood and by telescoping ratios. In the plane the normaliser of any energy is an integral that can be computed, so that what was learned is a density, and its
//! Kullback-Leibler divergence and its total variation from the truth are numbers, not impressions.
//!
//! Neighbouring modes are 4.4 standard deviations apart, and the density between them falls to a fifth of its maximum: modes can be told apart, and what a score says of their relative weights is still in the data
//! (where it is not is a matter of the experiment on Langevin sampling of far modes).
//!
//! Two forms of contrast with noise differ in what they know of the normaliser. The binary one learns it as a parameter, `c → log Z`; to the ranking one, which is also called InfoNCE, a constant is nothing, and it
//! leaves the parameter where it was.

mod adversarial;
mod bench;
mod chains;
mod claims;
mod constant;
mod contrasts;
mod grid;
mod levels;
mod scores;
mod shown;
mod training;

use gibbsian_densities::{MultivariateNormal, planar};
use ndarray::Array1;

use self::bench::{Bench, Learnt};
use self::claims::{
    ASYMPTOTIC, CENTRED, CHAINS, CONSTANT, DOMAIN, FREE, MESH, MODES, Method, NEGATIVES, NORMALISED, NOTICED,
    SHIFT, TRUTH, UNHELD,
};
use crate::{Context, Experiment, Result, Task, side_by_side};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "ebm-2d",
    title: "Eleven ways to learn an energy in the plane",
    question: "Which ways of learning an energy find the density, and which find its normaliser too?",
    mathematics: r"One network $E_\theta$ stands for the density $p_\theta = e^{-E_\theta} / Z_\theta$, and the methods differ in how they get around $Z_\theta$. Likelihood by chains of the model, with draws that persist or start at the data:
        $$\nabla_\theta \, \mathbb{E}_{\text{data}} \left[ -\log p_\theta \right] = \left\langle \nabla_\theta E_\theta \right\rangle_{\text{data}} - \left\langle \nabla_\theta E_\theta \right\rangle_{\text{model}} .$$
        Contrast with $\nu$ draws of noise $p_n$ for each datum tells them apart by the probability of being a datum, with $c$ learned as a parameter that tends to $\log Z_\theta$,
        $$P(\text{datum} \mid x) = \frac{e^{-E_\theta(x) - c}}{e^{-E_\theta(x) - c} + \nu \, p_n(x)} ,$$
        while ranking compares $e^{-E_\theta(x)} / p_n(x)$ among candidates, where constants cancel. Score matching sees slopes only: $\mathbb{E} \left[ \tfrac{1}{2} \lVert \nabla E_\theta \rVert^2 - \Delta E_\theta \right]$.
        With levels of noise the likelihood is that of a point given a noisier one, $p(x \mid \tilde x) \propto e^{-E_\theta(x, t) - \lVert \tilde x - x \rVert^2 / 2 \sigma^2}$, or the density is a product of ratios of neighbouring levels.",
    shows: "The same network, trained on the same draws of eight normal densities: by persistent chains, also with the gradient through their last step, by short chains, by contrast with noise (binary and ranking), by implicit, by sliced and by denoising score matching, against a learned sampler, by recovery likelihood and by telescoping ratios.\
            \n\nEach energy is normalised by quadrature and compared with the exact density. Binary contrast with noise finds the normaliser, ranking leaves it free, and telescoping ratios come out normalised. Where negative chains outlive an update, their energies over the last updates say whether they are one sample.",
    source: "Hinton (2002), Tieleman (2008), Du and Mordatch (2019); Gutmann and Hyvärinen (2010); van den Oord, Li and Vinyals (2018); Hyvärinen (2005), Vincent (2011); Grathwohl et al. (2021); Song, Garg, Shi and Ermon (2020); Du, Li, Tenenbaum and Mordatch (2021); Gao, Song, Poole, Wu and Kingma (2021); Rhodes, Xu and Gutmann (2020)",
    budget_seconds: 60,
    claims: &[
        TRUTH,
        Method::REPLAY.divergence,
        Method::REPLAY.variation,
        Method::IMPROVED.divergence,
        Method::IMPROVED.variation,
        NEGATIVES,
        Method::SHORT.divergence,
        Method::SHORT.variation,
        Method::BINARY.divergence,
        Method::BINARY.variation,
        Method::RANKING.divergence,
        Method::RANKING.variation,
        Method::IMPLICIT.divergence,
        Method::IMPLICIT.variation,
        Method::SLICED.divergence,
        Method::SLICED.variation,
        Method::DENOISING.divergence,
        Method::DENOISING.variation,
        Method::RECOVERY.divergence,
        Method::RECOVERY.variation,
        Method::TELESCOPING.divergence,
        Method::TELESCOPING.variation,
        NORMALISED,
        Method::ADVERSARIAL.divergence,
        Method::ADVERSARIAL.variation,
        MODES,
        UNHELD,
        MESH,
        DOMAIN,
        CONSTANT,
        FREE,
        SHIFT,
        NOTICED,
        ASYMPTOTIC,
        CENTRED,
        CHAINS,
    ],
    run,
};

/// The circle of the modes, and their deviation.
const RADIUS: f64 = 2.0;
const DEVIATION: f64 = 0.35;
/// The standard deviation of the normal law that confines the energies; it is also the noise of the contrasts and the start of chains.
const CONFINEMENT: f64 = 2.0;
/// A step of the chains, near the square of the modes' deviation.
const STEP: f64 = 0.1;

fn run(ctx: &mut Context) -> Result<()> {
    let target = planar::eight_gaussians(RADIUS, DEVIATION)?;
    let noise = MultivariateNormal::isotropic(Array1::zeros(2), CONFINEMENT * CONFINEMENT)?;
    let mut bench = Bench::new(ctx, target)?;
    energies(ctx, &mut bench, &noise)?;
    contrasts::learn(ctx, &mut bench, &noise)?;
    constant::measure(ctx, &noise)?;
    levels::learn(ctx, &mut bench, &noise)?;
    adversarial::learn(ctx, &mut bench)?;
    bench.finish(ctx)
}

/// By Markov chains, and by scores alone.
fn energies(ctx: &mut Context, bench: &mut Bench, noise: &MultivariateNormal) -> Result<()> {
    let methods = [
        &Method::REPLAY,
        &Method::IMPROVED,
        &Method::SHORT,
        &Method::IMPLICIT,
        &Method::SLICED,
        &Method::DENOISING,
    ];
    let (shared, here) = (&*bench, &*ctx);
    let tasks: Vec<Task<'_, Learnt>> = vec![
        Box::new(|| chains::replay(here, shared, noise)),
        Box::new(|| chains::improved(here, shared, noise)),
        Box::new(|| chains::short(here, shared)),
        Box::new(|| scores::implicit(here, shared)),
        Box::new(|| scores::sliced(here, shared)),
        Box::new(|| scores::denoising(here, shared)),
    ];
    for (method, learnt) in methods.into_iter().zip(side_by_side(tasks)?) {
        if method.name == Method::DENOISING.name {
            scores::note_the_noise(ctx, bench, &learnt.model)?;
        }
        bench.judge(ctx, method, &learnt.model, learnt.look, learnt.chains)?;
    }
    Ok(())
}
