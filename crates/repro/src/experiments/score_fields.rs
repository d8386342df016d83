//! Scores as vector fields: gradients, and what that implies.
//!
//! The score of a density `p = exp(−E)/Z` is `s = ∇ log p = −∇E`: the normaliser is gone, and the energy is a potential of the field, as the
//! voltage is of an electric field. Of a field that is a gradient two theorems of vector calculus say what can be checked without knowing it: around a
//! closed curve it does no work, and what flows out of a closed curve is the integral of its divergence over the inside.
//!
//! - `potential` holds scores to energies: by dual numbers sent through energies that are written here a second time, and by integrals of the
//!   score along paths, which must be differences of `log p`.
//! - `curves` measures circulation and flux, counts how often the field turns around a curve, and shows that a rotation that is added to the field is seen.
//! - `shown` draws the fields over the contours of their densities.
//!
//! The fields are those of a normal density, of a mixture of two, of the gamma density on the half-line, and of the benchmark targets of the plane.

mod curves;
mod fields;
mod potential;
mod shown;

use crate::{Context, Experiment, Result};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "score-fields",
    title: "Scores are fields with a potential",
    question: "What does it mean that a score has a potential, and how can one see it?",
    mathematics: r"The score is minus the gradient of the energy, and the normaliser is gone: $s = \nabla \log p = -\nabla E$. Therefore, for every path from $a$ to $b$, every closed curve, and every closed curve around an area $A$ of the plane,
        $$\int_a^b s \cdot \mathrm{d}\ell = \log \frac{p(b)}{p(a)} , \qquad \oint s \cdot \mathrm{d}\ell = 0 , \qquad \oint s \cdot n \, \mathrm{d}\ell = \int_A \nabla \cdot s \, \mathrm{d}A .$$
        The number of turns that $s$ makes on the way around the curve counts the critical points of $\log p$ inside:
        $$\text{turns} = \text{maxima} - \text{saddles} + \text{minima} .$$",
    shows: "The scores of densities in the plane as arrows over contours, and that of a gamma density as a curve.\n\nA score is minus the gradient \
            of the energy. So it is the same along all paths between two points, goes around no closed curve, and flows out of a closed curve as much as \
            its divergence says. The number of turns that it makes around a curve counts the modes inside, less the saddles.",
    source: "Hyvärinen (2005) for the score; Green (1828) for the theorems; Neal (2003), Haario, Saksman and Tamminen (1999) and Grathwohl et al. (2019) \
             for the benchmark targets",
    budget_seconds: 10,
    claims: &[
        potential::GRADIENT,
        potential::PATHS,
        potential::LINE,
        curves::SYMMETRIC,
        curves::CIRCULATION,
        curves::ROTATION,
        curves::FLUX,
        curves::TARGET_FLUX,
        curves::NORMAL_FLUX,
        curves::TURNS,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    potential::measure(ctx)?;
    curves::measure(ctx)?;
    shown::show(ctx)
}
