//! Denoising with a Markov random field, by every method of the library.
//!
//! The example of the lecture notes: a true picture `y`, a corrupted one `x`, and `p(y, x) ∝ exp(Σ_i ψ_i(x_i, y_i) + Σ_⟨ij⟩ ψ_ij(y_i, y_j))`. "Maximise `p(y | x)`; the normaliser does
//! not matter": on 3 × 3 pixels all 512 observations are tried and the statement is checked pair by pair, against the joint model on 18 pixels and against a graph cut. Then the two pictures that the example is for, 77,056
//! pixels of handwriting and 131,200 of a horse, where the cut alone knows how low the energy can be (Greig, Porteous and Seheult 1989) and every other method can be held to it.
//!
//! The lowest energy is not the aim. The likeliest label of each pixel by itself has the fewest expected errors (Marroquin, Mitter and Poggio 1987), and the
//! parameters are not known: they are learnt from the noisy picture alone. On pictures drawn from the prior both are theorems and are
//! measured as such; on photographs the prior is wrong, and what is claimed is weaker.

mod drawn;
mod grey;
mod league;
mod pictures;
mod small;

use crate::{Context, Experiment, Result};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "ising-denoising",
    title: "Noisy pictures and a Markov random field",
    question: "Which picture is behind a noisy one?",
    mathematics: r"The prior of a picture $y \in \{-1, +1\}^n$ likes equal neighbours, and every pixel was flipped with probability $f$ on the way to the noisy picture $x$. The normaliser of $p(y \mid x) = e^{-E(y)} / Z(x)$ does not matter for the likeliest picture:
        $$E(y) = -J \sum_{\langle ij \rangle} y_i y_j - \eta \sum_i x_i y_i , \qquad \eta = \tfrac{1}{2} \log \frac{1 - f}{f} .$$
        A cut of least capacity in a graph with one node a pixel finds its minimum exactly. The least expected number of wrong pixels has another answer, pixel by pixel:
        $$\hat{y}_{\text{MAP}} = \arg\min_y E(y) , \qquad \hat{y}_i = \operatorname{sign} \, \langle y_i \rangle_{p(y \mid x)} .$$",
    shows: "The true picture behind a noisy one, as the likeliest state of a field of labels.\n\nOn nine pixels everything is enumerated. On pictures, iterated conditional modes, simulated \
            annealing, Gibbs sampling, mean field, belief propagation and the graph cut restore the same noisy picture with the same parameters, which were learnt from it; the cut proves that \
            its energy is the lowest.",
    source: "Geman and Geman (1984); Besag (1986); Greig, Porteous and Seheult (1989); Marroquin, Mitter and Poggio (1987); Boykov and Kolmogorov (2004)",
    budget_seconds: 30,
    claims: &[
        small::POSTERIOR,
        small::CUT,
        small::TIES,
        small::STUCK,
        drawn::PAIR_COUPLING,
        drawn::NOISY_COUPLING,
        drawn::NOISY_FLIP,
        drawn::FEWER_ERRORS,
        league::LOWEST,
        league::PROOF,
        league::HORSE_FLIP,
        league::TEXT_FLIP,
        league::HORSE_ERRORS,
        league::TEXT_ERRORS,
        league::EXPECTED_ERRORS,
        league::BOUNDS,
        grey::ENERGY,
        grey::ERROR,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    small::run(ctx)?;
    drawn::run(ctx)?;
    league::run(ctx)?;
    grey::run(ctx)
}
