//! Cluster moves of spins and colours.
//!
//! A pairwise model gives every bond one of two energies: that of an equal pair of symbols and that of a different one, `gap` apart. Fortuin and
//! Kasteleyn (1972) write the factor of a bond that is *satisfied*, in the lower of the two, as a sum over the bond being active or not. Given the symbols, a
//! satisfied bond is active with probability
//!
//! `p = 1 − exp(−|gap|)`
//!
//! and any other is not; given the active bonds, what they connect is free to change as a whole. [`SwendsenWang`] redraws all clusters, [`Wolff`] grows and
//! changes one; [`Hybrid`] puts sweeps of single sites between.
//!
//! Both change symbols in pairs: a cluster whose sites have the symbols `a` and `b` has them swapped. Two spins are such a pair. The colours of a Potts model are
//! paired anew in each step (Wang, Swendsen and Kotecký 1989), and a swap leaves every bond between pairs as it was. That keeps one law for couplings of either
//! sign and for fields, where drawing a new colour for each cluster out of all of them is exact for ferromagnets alone.
//!
//! Fields are not part of the bonds. Swendsen–Wang draws the orientation of each cluster with the weight that the fields give it, Wolff accepts or refuses the turn. A ghost
//! spin that is coupled to every site does the same with one more bond a site, and moves less: a cluster that is bound to it cannot turn at all.
//!
//! With frustrated couplings or strong random fields the moves stay exact, and the clusters stop being useful.

pub(crate) mod forest;
mod hybrid;
mod law;
mod report;
mod square;
mod state;
mod swendsen_wang;
mod wolff;

pub use hybrid::{Hybrid, LocalSweep};
pub use report::{Partition, Partitions, Turn, Turns};
pub use state::ClusterState;
pub use swendsen_wang::SwendsenWang;
pub use wolff::Wolff;

use gibbsian_core::Discrete;

use crate::graph::Graph;

/// A model of pairs whose clusters can be turned.
///
/// All sites have the same alphabet, and up to a constant the energy is
///
/// `E(x) = −Σ_⟨ij⟩ gap_ij [x_i = x_j] − Σ_i gain_i(x_i)`.
pub trait ClusterModel: Discrete {
    /// The bonds.
    fn graph(&self) -> &Graph;

    /// `gap`, the energy of a pair of different symbols at this bond minus that of an equal pair.
    fn bond_gap(&self, bond: usize) -> f64;

    /// `gain`, what the field at a site gives for the symbol with this place in the alphabet.
    fn site_gain(&self, site: usize, symbol: usize) -> f64;
}

/// `min(1, e^gain)`, the probability that a proposal is accepted; zero where the gain is no number, which [`f64::min`] would take for a certain one.
pub(crate) fn acceptance(gain: f64) -> f64 {
    let p = gain.exp();
    if p < 1.0 {
        p
    } else if gain.is_nan() {
        0.0
    } else {
        1.0
    }
}

/// The 64-bit integer below which a uniform one lies with probability `p`, to within 2⁻⁶⁴.
pub(crate) fn threshold(p: f64) -> u64 {
    // The cast saturates: certainty becomes 1 − 2⁻⁶⁴.
    (p * 2f64.powi(64)) as u64
}

#[cfg(test)]
mod tests {
    use super::acceptance;

    #[test]
    fn what_is_no_number_is_not_accepted() {
        assert_eq!(acceptance(0.0), 1.0);
        assert_eq!(acceptance(-2.0), (-2f64).exp());
        assert_eq!(acceptance(f64::INFINITY), 1.0);
        assert_eq!(acceptance(f64::NEG_INFINITY), 0.0);
        assert_eq!(acceptance(f64::NAN), 0.0);
    }
}
