//! Integrals that have a closed form, and what becomes of a function that is to be a density without one.
//!
//! A density is a positive function divided by its integral. The integral is known for a Gaussian, by completing the square, and for exponential families, which are what
//! generalises it: `∫ h(x) exp⟨η, T(x)⟩ dx = exp A(η)`. Here every closed form of the workspace in one and two dimensions meets an adaptive quadrature or a sum that knows nothing of it, and in many
//! dimensions an identity. With an inverse temperature in front of the energy, `log Z` is the cumulant function of the energy.
//!
//! The last part takes functions of bounded slope and asks which way of making them positive comes nearest to a density with two scales.

mod best_function;
mod closed_forms;
mod families;
mod lipschitz;
mod temperature;

use crate::{Context, Experiment, Result};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "gaussian-integral",
    title: "Known integrals, and positive functions of bounded slope",
    question: "Which integrals of positive functions are known in closed form, and which way of making a function positive comes nearest to a density?",
    mathematics: r"A density is a positive function over its integral: $p(x) = e^{-E(x)} / Z$ with $Z = \int e^{-E(x)} \, \mathrm{d}x$. For a positive definite matrix $\Lambda$ in $d$ dimensions, completing the square gives
        $$\int e^{-\frac{1}{2} x^\top \Lambda x + b^\top x} \, \mathrm{d}x = \frac{(2\pi)^{d/2}}{|\Lambda|^{1/2}} \, e^{\frac{1}{2} b^\top \Lambda^{-1} b} ,$$
        and an exponential family has $\int h(x) \, e^{\langle \eta, T(x) \rangle} \, \mathrm{d}x = e^{A(\eta)}$ with $\nabla A(\eta) = \mathbb{E} \, T(x)$. At inverse temperature $\beta$, where $p_\beta = e^{-\beta E} / Z_\beta$,
        $$\frac{\mathrm{d} \log Z_\beta}{\mathrm{d} \beta} = -\langle E \rangle_\beta , \qquad \frac{\mathrm{d}^2 \log Z_\beta}{\mathrm{d} \beta^2} = \operatorname{Var}_\beta E .$$
        A positive function $g$ that is not normalised misses a density $p$ by
        $$D(p \,\|\, g) = \int \left( p \log \frac{p}{g} - p + g \right) \mathrm{d}x .$$",
    shows: "Completing the square, products and powers of normal densities, the log-partition of every exponential family, and the \
            derivatives and limits of log Z in the inverse temperature, against quadrature, sums and transfer matrices.\n\nThen \
            f², exp f, |f| and softplus f on one target with two scales, at an equal bound on the slope of f. With a free scale the \
            bound says nothing about f² and |f|; with g itself as the density the order of the maps depends on the unit of length.",
    source: "Barndorff-Nielsen (1978); Csiszár (1991) for the divergence of densities that are not normalised",
    budget_seconds: 10,
    claims: &[
        closed_forms::SQUARE,
        closed_forms::PRODUCT,
        closed_forms::POWER,
        closed_forms::MANY_DIMENSIONS,
        families::CONTINUOUS,
        families::DISCRETE,
        families::MEANS,
        temperature::TRANSFER_MATRIX,
        temperature::FIRST,
        temperature::SECOND,
        temperature::GAMMA,
        temperature::POWERS,
        temperature::HOT,
        temperature::COLD,
        lipschitz::SOLVER,
        lipschitz::UNITS,
        lipschitz::SCALE_FREE,
        lipschitz::SHIFTED,
        lipschitz::SOFTPLUS_LAST,
        lipschitz::LARGE_SQUARE,
        lipschitz::LARGE_ABSOLUTE,
        lipschitz::SMALL_EXP,
        lipschitz::SMALL_SQUARE,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    closed_forms::run(ctx)?;
    families::run(ctx)?;
    temperature::run(ctx)?;
    lipschitz::run(ctx)
}
