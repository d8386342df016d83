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
