//! The partition function of small graphs.
//!
//! Sites are summed out one after the other, as they come. What remains is a function of the colours of those sites that were met and still have bonds to later ones: the
//! *frontier*. On a lattice whose last direction is the shortest the frontier is a line across it, twice as long if the lattice closes to a ring, and so the cost is
//! `q` to that length for each site instead of `q` to the number of sites. A transfer matrix is the same sum, a row of the lattice at a time. The loop is that of
//! [`log_z_by_elimination`](crate::field::log_z_by_elimination).

use gibbsian_core::{Error, Result};

use super::Potts;
use crate::field::{LogWeights, Sum, eliminate};

/// The most terms that a frontier may have.
const MOST_TERMS: usize = 1 << 24;

impl Potts {
    /// `log Z`, by summing out the sites in order.
    ///
    /// # Errors
    /// A frontier of more than 2²⁴ combinations of colours.
    ///
    /// ```
    /// use gibbsian_classical::{Boundary, Graph, Potts};
    ///
    /// // A ring: Z = (e^J + q − 1)^N + (q − 1) (e^J − 1)^N.
    /// let ring = Potts::uniform(Graph::lattice(&[30], Boundary::Periodic)?, 4, 1.0)?;
    /// let e = 1f64.exp();
    /// let z = (e + 3.0).powi(30) + 3.0 * (e - 1.0).powi(30);
    /// assert!((ring.log_z()? - z.ln()).abs() < 1e-12 * z.ln());
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn log_z(&self) -> Result<f64> {
        eliminate(self, MOST_TERMS, &mut Sum).map_err(|wide| {
            let (n, q) = (wide.n_sites, self.n_colours());
            Error::parameter(
                "the graph",
                format!("a frontier of {n} sites with {q} colours"),
                "one with at most 2^24 combinations",
            )
        })
    }
}

impl LogWeights for Potts {
    /// The number of a bond.
    type Link = usize;

    fn shape(&self) -> (usize, usize) {
        (self.graph.n_sites(), self.n_colours())
    }

    fn links(&self, site: usize) -> impl Iterator<Item = (usize, usize)> {
        let neighbours = self.graph.neighbours(site).iter();
        neighbours.map(|neighbour| (neighbour.site, neighbour.bond))
    }

    fn of_site(&self, site: usize, colour: usize) -> f64 {
        self.fields[[site, colour]]
    }

    fn of_pair(&self, bond: usize, other: usize, colour: usize) -> f64 {
        if other == colour {
            self.couplings[bond]
        } else {
            0.0
        }
    }
}
