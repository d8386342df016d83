//! The lowest energy of a field of two labels by a smallest cut (Greig, Porteous and Seheult 1989; Kolmogorov and Zabih 2004).
//!
//! A cut of a network puts every site on the side of the source (the first label) or of the sink (the second) and costs the capacities of the arcs from the first side to the second.
//! With `V = (A B; C D)` and `c = B + C − A − D`, a bond is
//!
//! `V(y, y') = A + (C − A − c/2) y + (B − A − c/2) y' + (c/2) |y − y'|`,  `y, y' ∈ {0, 1}`:
//!
//! two arcs of capacity `c/2`, and differences at the sites that become arcs from the source or to the sink. Capacities must not be negative, `A + D ≤ B + C`: the field is
//! *submodular*, neighbours like to agree. Otherwise the lowest energy is a hard problem (Barahona 1982), and a field that is not submodular is refused by the name
//! of its first such bond, though one that only has the labels of some sites exchanged could be solved.
//!
//! The flow is a lower bound on every energy, so each result proves itself: its energy is the bound, to rounding.

use gibbsian_core::{Error, Result};
use ndarray::{Array1, Array2};

use super::PairwiseField;
use super::max_flow::{MaxFlow, Side};
use super::sum::Compensated;
use crate::graph::Graph;

/// A state of lowest energy.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Cut {
    /// The labels `(N)`: of all lowest states the one with the fewest sites at the second label.
    pub labels: Array1<f64>,
    /// Their energy.
    pub energy: f64,
    /// The flow, with the constants of the construction: no state has less energy than this.
    pub lower_bound: f64,
    /// The number of sites that have both labels in lowest states; the lowest state is the only one if and only if it is zero. Ties that only
    /// exact arithmetic would show are decided by rounding.
    pub n_undecided: usize,
}

/// The state of lowest energy of a submodular field of two labels.
///
/// ```
/// use gibbsian_classical::field::{PairwiseField, lowest_by_cut};
/// use gibbsian_classical::{Boundary, Graph};
/// use ndarray::array;
///
/// let graph = Graph::lattice(&[3], Boundary::Open)?;
/// let unary = array![[1.0, 0.0], [0.0, 0.5], [1.0, 0.0]];
/// let cut = lowest_by_cut(&PairwiseField::potts(graph.clone(), vec![0.0, 1.0], unary.clone(), 0.5)?)?;
/// assert_eq!((cut.labels, cut.energy, cut.lower_bound), (array![1.0, 1.0, 1.0], -0.5, -0.5));
///
/// let frustrated = PairwiseField::potts(graph, vec![0.0, 1.0], unary, -0.5)?;
/// assert!(lowest_by_cut(&frustrated).unwrap_err().to_string().contains("bond 0 (0, 1)"));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// Another number of labels than two, or a bond that is not submodular.
pub fn lowest_by_cut(field: &PairwiseField) -> Result<Cut> {
    if field.n_labels() != 2 {
        let requirement = "two, as a cut has two sides";
        return Err(Error::parameter(
            "the number of labels",
            field.n_labels(),
            requirement,
        ));
    }
    let pair = |bond: usize| {
        let v = field.table(bond);
        [v[[0, 0]], v[[0, 1]], v[[1, 0]], v[[1, 1]]]
    };
    let found = smallest_cut(field.graph(), &field.unary, pair)?;
    Ok(Cut {
        labels: field.state(&found.y),
        energy: field.energy_of(&found.y),
        lower_bound: found.lower_bound,
        n_undecided: found.n_undecided,
    })
}

/// The labels 0 and 1 of lowest energy.
pub(super) struct Binary {
    pub(super) y: Vec<usize>,
    pub(super) lower_bound: f64,
    pub(super) n_undecided: usize,
}

/// The cut for energies `(N, 2)` of sites and `[V(0,0), V(0,1), V(1,0), V(1,1)]` of bonds.
pub(super) fn smallest_cut(
    graph: &Graph,
    unary: &Array2<f64>,
    pair: impl Fn(usize) -> [f64; 4],
) -> Result<Binary> {
    // Of site i: what label 1 costs more than label 0. The constant is the energy of label 0 everywhere.
    let mut differences: Vec<f64> = unary.rows().into_iter().map(|u| u[1] - u[0]).collect();
    let mut constant: Compensated = unary.column(0).iter().copied().sum();
    let mut edges = Vec::with_capacity(graph.n_bonds());
    for (bond, &[i, j]) in graph.bonds().iter().enumerate() {
        let [v00, v01, v10, v11] = pair(bond);
        let capacity = v01 + v10 - v00 - v11;
        if is_frustrated([v00, v01, v10, v11]) {
            return Err(Error::parameter(
                format!("V(0, 1) + V(1, 0) − V(0, 0) − V(1, 1) of bond {bond} ({i}, {j})"),
                capacity,
                "at least zero: a cut needs a submodular field, and this bond is frustrated",
            ));
        }
        let half = 0.5 * capacity.max(0.0);
        differences[i] += v10 - v00 - half;
        differences[j] += v01 - v00 - half;
        constant.add(v00);
        edges.push((i, j, half, half));
    }
    let network = MaxFlow::new(&differences, &edges);
    // Sites with a negative difference pay it at label 0 and not at label 1, so it is moved into the constant.
    differences.iter().for_each(|d| constant.add(d.min(0.0)));
    constant.add(network.flow());
    let sides = (0..differences.len()).map(|i| network.side(i));
    Ok(Binary {
        y: sides
            .clone()
            .map(|side| usize::from(side == Side::Sink))
            .collect(),
        lower_bound: constant.value(),
        n_undecided: sides.filter(|side| *side == Side::Free).count(),
    })
}

/// Whether `V(0, 0) + V(1, 1) > V(0, 1) + V(1, 0)` by more than rounding.
pub(super) fn is_frustrated([v00, v01, v10, v11]: [f64; 4]) -> bool {
    // The sum of four numbers is known to this.
    let rounding = 2.0 * f64::EPSILON * (v00.abs() + v01.abs() + v10.abs() + v11.abs());
    v01 + v10 - v00 - v11 < -rounding
}
