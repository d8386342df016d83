//! Sum–product belief propagation (Pearl 1988), which is exact on trees and popular on graphs with loops.
//!
//! Beliefs of sites and of bonds follow from the [messages](super::messages),
//!
//! `b_i(a) ∝ exp h_i(a)`,  `b_ij(a, b) ∝ exp(h_i(a) − m_{j→i}(a) − V_ij(a, b) + h_j(b) − m_{i→j}(b))`.
//!
//! On a tree they are the marginals. With loops, fixed points are the stationary points of the Bethe free energy under the condition that the beliefs fit together (Yedidia, Freeman and
//! Weiss 2005),
//!
//! `−log Z ≈ F = Σ_i ⟨U_i⟩ + Σ_⟨ij⟩ ⟨V_ij⟩ − Σ_⟨ij⟩ S_ij + Σ_i (d_i − 1) S_i`,
//!
//! with the entropies `S` of beliefs and the numbers `d_i` of neighbours. `F` is no bound. Messages need not converge on graphs with loops; the result says whether they did, and
//! what stands in it otherwise is where they were.

use gibbsian_core::error::{check_count, check_positive};
use gibbsian_core::{Error, Result, Space};
use ndarray::Array2;

use super::blocks::to_probabilities;
use super::mean_field::entropy_term;
use super::messages::{LogSum, Messages, Schedule};
use super::sum::Compensated;
use super::{Convergence, Marginals, PairwiseField};

/// Loopy belief propagation for marginals, damped, with the sites in order and in reverse.
///
/// ```
/// use gibbsian_classical::field::{BeliefPropagation, PairwiseField};
/// use gibbsian_classical::{Boundary, Graph};
/// use ndarray::array;
///
/// let graph = Graph::lattice(&[2], Boundary::Open)?;
/// let field = PairwiseField::potts(graph, vec![0.0, 1.0], array![[0.0, 0.0], [0.0, 1.0]], 1.0)?;
/// let beliefs = BeliefPropagation::default().run(&field);
/// assert!(beliefs.convergence.converged);
/// // A tree: Z = e + 2 + 1/e.
/// assert!((beliefs.log_z() - (1_f64.exp() + 2.0 + (-1_f64).exp()).ln()).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BeliefPropagation {
    schedule: Schedule,
}

/// What the messages say at the end.
#[derive(Clone, Debug, PartialEq)]
pub struct Beliefs {
    /// The beliefs of sites.
    pub marginals: Marginals,
    /// The Bethe free energy `F`.
    pub free_energy: f64,
    /// How the passing of messages ended; the residual is the largest change of a message, in nats, before damping.
    pub convergence: Convergence,
    messages: Messages,
}

impl Beliefs {
    /// `−F`, Bethe's estimate of `log Z`.
    pub fn log_z(&self) -> f64 {
        -self.free_energy
    }

    /// The belief of a bond of the field that was passed to [`BeliefPropagation::run`], `(q, q)`.
    pub fn pair(&self, field: &PairwiseField, bond: usize) -> Array2<f64> {
        pair_belief(field, &self.messages, bond)
    }
}

impl Default for BeliefPropagation {
    /// Undamped, until no message changes by more than `10⁻⁹`, for at most a thousand rounds.
    fn default() -> Self {
        BeliefPropagation {
            schedule: Schedule {
                damping: 0.0,
                tolerance: 1e-9,
                max_rounds: 1000,
            },
        }
    }
}

impl Schedule {
    pub(crate) fn new(damping: f64, tolerance: f64, max_rounds: usize) -> Result<Self> {
        if !(0.0..1.0).contains(&damping) {
            return Err(Error::parameter("damping", damping, "in [0, 1)"));
        }
        check_positive("tolerance", tolerance)?;
        check_count("max_rounds", max_rounds)?;
        Ok(Schedule {
            damping,
            tolerance,
            max_rounds,
        })
    }
}

impl BeliefPropagation {
    /// With a share `damping` of the old message in the new one, until no message changes by more than `tolerance`, for at most `max_rounds`.
    ///
    /// # Errors
    /// A damping outside `[0, 1)`, a tolerance that is not positive and finite, or no rounds.
    pub fn new(damping: f64, tolerance: f64, max_rounds: usize) -> Result<Self> {
        Ok(BeliefPropagation {
            schedule: Schedule::new(damping, tolerance, max_rounds)?,
        })
    }

    /// Passes messages, starting from silence.
    pub fn run(&self, field: &PairwiseField) -> Beliefs {
        let (messages, convergence) = Messages::pass::<LogSum>(field, self.schedule);
        let mut probabilities = Array2::zeros(field.unary.raw_dim());
        for (site, mut row) in probabilities.rows_mut().into_iter().enumerate() {
            let b = row.as_slice_mut().expect("rows are slices");
            messages.inside(field, site, b);
            b.iter_mut().for_each(|h| *h = -*h);
            to_probabilities(b);
        }
        Beliefs {
            free_energy: free_energy(field, &messages, &probabilities),
            marginals: Marginals {
                probabilities,
                labels: field.labels().to_vec(),
            },
            convergence,
            messages,
        }
    }
}

fn free_energy(field: &PairwiseField, messages: &Messages, b: &Array2<f64>) -> f64 {
    let mut f = Compensated::default();
    for site in 0..field.dim() {
        let degree = field.structure.links(site).len() as f64;
        for (b, u) in b.row(site).iter().zip(field.unary_of(site)) {
            f.add(b * u + (degree - 1.0) * entropy_term(*b));
        }
    }
    for bond in 0..field.graph().n_bonds() {
        for (b, v) in pair_belief(field, messages, bond).iter().zip(field.table(bond)) {
            f.add(b * v - entropy_term(*b));
        }
    }
    f.value()
}

fn pair_belief(field: &PairwiseField, messages: &Messages, bond: usize) -> Array2<f64> {
    let q = field.n_labels();
    let [i, j] = field.graph().bonds()[bond];
    let (to_j, to_i) = field.structure.ends(bond);
    let (mut h_i, mut h_j) = (vec![0.0; q], vec![0.0; q]);
    messages.inside(field, i, &mut h_i);
    messages.inside(field, j, &mut h_j);
    let (from_i, from_j) = (messages.along(to_j, q), messages.along(to_i, q));
    let table = field.table(bond);
    let mut b = Array2::from_shape_fn((q, q), |(a, c)| {
        table[[a, c]] - (h_i[a] - from_j[a]) - (h_j[c] - from_i[c])
    });
    to_probabilities(b.as_slice_mut().expect("a new array is a slice"));
    b
}
