//! Spins are turned in clusters: an equal pair gains `2J` over a different one.

use super::Ising;
use crate::clusters::ClusterModel;
use crate::graph::Graph;

impl ClusterModel for Ising {
    fn graph(&self) -> &Graph {
        &self.graph
    }

    fn bond_gap(&self, bond: usize) -> f64 {
        2.0 * self.couplings[bond]
    }

    fn site_gain(&self, site: usize, symbol: usize) -> f64 {
        if symbol == 1 {
            self.fields[site]
        } else {
            -self.fields[site]
        }
    }
}
