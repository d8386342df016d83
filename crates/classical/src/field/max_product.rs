//! Max–product belief propagation: messages about the likeliest state.
//!
//! On a tree the messages lead to the lowest energy. With loops a fixed point is lowest among all states that differ from it on trees and single loops (Weiss and Freeman
//! 2001), and there may be none. The state is read off in the order of the sites: each takes the label that is best given the labels of the sites before it and the messages of those after it,
//! so that ties are broken alike everywhere.

use gibbsian_core::{Result, Space};

use super::messages::{Largest, Messages, Schedule};
use super::{Labelling, PairwiseField};

/// Loopy belief propagation for the likeliest state, damped, with the sites in order and in reverse.
///
/// ```
/// use gibbsian_classical::field::{MaxProduct, PairwiseField};
/// use gibbsian_classical::{Boundary, Graph};
/// use ndarray::array;
///
/// let graph = Graph::lattice(&[3], Boundary::Open)?;
/// let unary = array![[0.0, 0.8], [0.5, 0.0], [0.0, 0.3]];
/// let field = PairwiseField::potts(graph, vec![0.0, 1.0], unary, 1.0)?;
/// let found = MaxProduct::new(0.0, 1e-9, 100)?.run(&field);
/// assert_eq!((found.labels, found.energy), (array![0.0, 0.0, 0.0], -1.5));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaxProduct {
    schedule: Schedule,
}

impl MaxProduct {
    /// With a share `damping` of the old message in the new one, until no message changes by more than `tolerance`, for at most `max_rounds`.
    ///
    /// # Errors
    /// A damping outside `[0, 1)`, a tolerance that is not positive and finite, or no rounds.
    pub fn new(damping: f64, tolerance: f64, max_rounds: usize) -> Result<Self> {
        Ok(MaxProduct {
            schedule: Schedule::new(damping, tolerance, max_rounds)?,
        })
    }

    /// Passes messages, starting from silence, and reads the state off; the residual is the largest change of a message before damping.
    pub fn run(&self, field: &PairwiseField) -> Labelling {
        let (messages, convergence) = Messages::pass::<Largest>(field, self.schedule);
        let q = field.n_labels();
        let mut y: Vec<usize> = vec![0; field.dim()];
        let mut e = vec![0.0; q];
        for site in 0..y.len() {
            e.copy_from_slice(field.unary_of(site));
            for link in field.structure.links(site) {
                let row = (link.seen * q + y[link.site]) * q;
                for (a, e) in e.iter_mut().enumerate() {
                    *e += if link.site < site {
                        field.seen[row + a]
                    } else {
                        -messages.along(link.back, q)[a]
                    };
                }
            }
            y[site] = (1..q).fold(0, |best, a| if e[a] < e[best] { a } else { best });
        }
        Labelling {
            labels: field.state(&y),
            energy: field.energy_of(&y),
            convergence,
        }
    }
}
