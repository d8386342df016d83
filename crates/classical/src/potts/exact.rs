//! The partition function of small graphs.
//!
//! Sites are summed out one after the other, as they come. What remains is a function of the colours of those sites that were met and still have bonds to later ones: the
//! *frontier*. On a lattice whose last direction is the shortest the frontier is a line across it, twice as long if the lattice closes to a ring, and so the cost is
//! `q` to that length for each site instead of `q` to the number of sites. A transfer matrix is the same sum, a row of the lattice at a time.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Error, Result};

use super::Potts;

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
        let q = self.n_colours();
        // Sites of the frontier, and a log-weight for each of their colourings, the first site changing slowest.
        let mut frontier: Vec<usize> = Vec::new();
        let mut log_weights = vec![0.0];
        for site in 0..self.graph.n_sites() {
            if log_weights.len() * q > MOST_TERMS {
                return Err(Error::parameter(
                    "the graph",
                    format!("a frontier of {} sites with {q} colours", frontier.len() + 1),
                    "one with at most 2^24 combinations",
                ));
            }
            // The site enters: its field, and its bonds to those before it.
            let bonds: Vec<(usize, f64)> = self
                .graph
                .neighbours(site)
                .iter()
                .filter_map(|n| {
                    let place = frontier.iter().position(|other| *other == n.site)?;
                    Some((q.pow((frontier.len() - 1 - place) as u32), self.couplings[n.bond]))
                })
                .collect();
            let mut entered = Vec::with_capacity(log_weights.len() * q);
            for (colouring, log_weight) in log_weights.iter().enumerate() {
                for colour in 0..q {
                    let mut sum = log_weight + self.fields[[site, colour]];
                    for (stride, coupling) in &bonds {
                        if colouring / stride % q == colour {
                            sum += coupling;
                        }
                    }
                    entered.push(sum);
                }
            }
            log_weights = entered;
            frontier.push(site);
            // Sites whose neighbours are all in are summed out.
            while let Some(place) = frontier.iter().position(|&s| self.is_done(s, site)) {
                let stride = q.pow((frontier.len() - 1 - place) as u32);
                log_weights = sum_out(&log_weights, q, stride);
                frontier.remove(place);
            }
        }
        // Every site has been summed out.
        Ok(log_weights[0])
    }

    /// Whether a site has no bond to one behind `last`.
    fn is_done(&self, site: usize, last: usize) -> bool {
        self.graph.neighbours(site).iter().all(|n| n.site <= last)
    }
}

/// The log of the sum over the digit with this stride.
fn sum_out(log_weights: &[f64], q: usize, stride: usize) -> Vec<f64> {
    let mut summed = Vec::with_capacity(log_weights.len() / q);
    let mut terms = vec![0.0; q];
    for block in log_weights.chunks(q * stride) {
        for k in 0..stride {
            for (colour, term) in terms.iter_mut().enumerate() {
                *term = block[colour * stride + k];
            }
            summed.push(log_sum_exp(&terms));
        }
    }
    summed
}
