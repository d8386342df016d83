//! What a training step by Monte Carlo looked like.
//!
//! The loss of a contrastive objective says little: it is a difference of energies that hovers around zero while all goes well, and also while nothing is learnt. What tells how training goes are
//! the parts it is made of. A report holds them for the last minibatch and changes nothing: watching a run leaves its results as they are.
//!
//! - The **energy gap** `⟨E⟩₊ − ⟨E⟩₋`. Its expectation at the maximum of the likelihood is zero with chains at rest. It is also the derivative of the loss in the scale of the energy: where it is negative
//!   the chains are left behind at higher energies than the data and descent expands the energy; where it is positive they have found lower places than the data and descent contracts it (Nijkamp, Hill, Han, Zhu
//!   and Wu 2020). A gap that keeps one sign is an energy that grows without bound, or fades.
//! - The **spread** of the energies of each phase, whose growth is the first sign of an energy that explodes.
//! - The **acceptance** of the kernel's proposals, and how many of them were undefined.
//! - The energies of single chains. Those of persistent chains, collected over updates as `(chains, draws)`, are what `R̂` and effective sample sizes are computed from.
//!
//! Whether short chains have arrived is asked by [`run_length`](crate::run_length).

use gibbsian_core::Acceptance;
use ndarray::Array1;

/// Energies and acceptance of one minibatch, before the parameters were updated.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseReport {
    /// The energies of the data, `(B)`.
    pub positive: Array1<f64>,
    /// The energies at the ends of the chains, `(n_chains)`.
    pub negative: Array1<f64>,
    /// What happened to all proposals since the minibatch before; nothing was proposed by kernels that draw from exact conditional laws.
    pub acceptance: Acceptance,
}

impl PhaseReport {
    /// `⟨E⟩₊ − ⟨E⟩₋`, every row counting alike.
    pub fn energy_gap(&self) -> f64 {
        mean(&self.positive) - mean(&self.negative)
    }

    /// The standard deviations of the energies of the data and of the chains.
    pub fn energy_deviations(&self) -> [f64; 2] {
        [&self.positive, &self.negative].map(|e| e.std(0.0))
    }

    /// [`PhaseReport::energy_gap`] over its standard error if rows were independent, `√(Var₊/B + Var₋/n)`.
    pub fn standardised_gap(&self) -> f64 {
        let variance = |e: &Array1<f64>| e.var(0.0) / e.len() as f64;
        self.energy_gap() / (variance(&self.positive) + variance(&self.negative)).sqrt()
    }
}

fn mean(energies: &Array1<f64>) -> f64 {
    energies.sum() / energies.len() as f64
}
