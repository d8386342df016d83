//! Iterated conditional modes (Besag 1986, "On the statistical analysis of dirty pictures", section 2.5): downhill, site by site.
//!
//! Every site in turn takes the label that is likeliest given its neighbours. The energy falls with every change, so it ends, in a state that
//! no change of one site improves. There are many of those, and which one it is depends on the start. A tie keeps the label that is there.

use gibbsian_core::Result;
use gibbsian_core::error::check_count;
use ndarray::ArrayView1;

use super::{Convergence, Labelling, PairwiseField};

/// Descent by single sites, in the order of the sites.
///
/// ```
/// use gibbsian_classical::field::{ConditionalModes, PairwiseField};
/// use gibbsian_classical::{Boundary, Graph};
/// use ndarray::{Array2, array};
///
/// let graph = Graph::lattice(&[3], Boundary::Open)?;
/// let field = PairwiseField::potts(graph, vec![0.0, 1.0], Array2::zeros((3, 2)), 1.0)?;
/// let found = ConditionalModes::default().run(&field, array![1.0, 0.0, 1.0].view())?;
/// assert_eq!(found.labels, array![0.0, 0.0, 0.0]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConditionalModes {
    max_sweeps: usize,
}

impl Default for ConditionalModes {
    /// At most a thousand sweeps; pictures need about ten.
    fn default() -> Self {
        ConditionalModes { max_sweeps: 1000 }
    }
}

impl ConditionalModes {
    /// At most so many sweeps over the sites.
    ///
    /// # Errors
    /// No sweeps.
    pub fn new(max_sweeps: usize) -> Result<Self> {
        check_count("max_sweeps", max_sweeps)?;
        Ok(ConditionalModes { max_sweeps })
    }

    /// Descends from `start` `(N)`; the residual is the number of labels that the last sweep changed.
    ///
    /// # Errors
    /// A start that is no state of the field.
    pub fn run(&self, field: &PairwiseField, start: ArrayView1<f64>) -> Result<Labelling> {
        let mut y = field.label_numbers("start", start)?;
        let mut energies = vec![0.0; field.n_labels()];
        let (mut n_rounds, mut n_changed) = (0, usize::MAX);
        while n_changed > 0 && n_rounds < self.max_sweeps {
            n_changed = 0;
            for site in 0..y.len() {
                field.local_energies(site, |j| y[j], &mut energies);
                let best =
                    (0..energies.len()).fold(
                        y[site],
                        |best, a| {
                            if energies[a] < energies[best] { a } else { best }
                        },
                    );
                n_changed += usize::from(best != y[site]);
                y[site] = best;
            }
            n_rounds += 1;
        }
        Ok(Labelling {
            labels: field.state(&y),
            energy: field.energy_of(&y),
            convergence: Convergence {
                converged: n_changed == 0,
                n_rounds,
                residual: n_changed as f64,
            },
        })
    }
}
