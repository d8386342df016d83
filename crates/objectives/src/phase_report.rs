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
//! - The energies of single chains, with the name of the chain where chains outlive a minibatch. [`EnergyTraces`](crate::EnergyTraces) collect them over updates as `(chains, draws)`, which is what
//!   `R̂` and effective sample sizes are computed from.
//!
//! Whether short chains have arrived is asked by [`run_length`](crate::run_length).

use gibbsian_core::Acceptance;
use ndarray::Array1;

/// Which of the chains that outlive a minibatch was moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Visit {
    /// The chain: its row among the persistent ones, or its slot in the buffer.
    pub slot: usize,
    /// Whether it started anew before it was moved, so that it has nothing to do with what was in the slot before.
    pub is_fresh: bool,
}

impl Visit {
    /// All of `n` chains that never start anew.
    pub(crate) fn all(n: usize) -> Vec<Visit> {
        (0..n)
            .map(|slot| Visit {
                slot,
                is_fresh: false,
            })
            .collect()
    }
}

/// Energies and acceptance of one minibatch, before the parameters were updated.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct PhaseReport {
    /// The energies of the data, `(B)`.
    pub positive: Array1<f64>,
    /// The energies at the ends of the chains, `(n_chains)`.
    pub negative: Array1<f64>,
    /// What happened to all proposals since the minibatch before; nothing was proposed by kernels that draw from exact conditional laws.
    pub acceptance: Acceptance,
    /// The chain that each of `negative` is of, where chains outlive a minibatch; empty where every minibatch starts its own.
    pub visits: Vec<Visit>,
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
    ///
    /// NaN where a phase has a single row, which says nothing of its spread. Where all energies of each phase are equal it is `±∞`, or NaN if they are the same in both.
    pub fn standardised_gap(&self) -> f64 {
        let variance = |e: &Array1<f64>| match e.len() {
            0 | 1 => f64::NAN,
            n => e.var(0.0) / n as f64,
        };
        self.energy_gap() / (variance(&self.positive) + variance(&self.negative)).sqrt()
    }
}

fn mean(energies: &Array1<f64>) -> f64 {
    energies.sum() / energies.len() as f64
}
