//! The Ising model on any graph.
//!
//! Spins `x_i ∈ {−1, +1}` with the energy
//!
//! `E(x) = −Σ_⟨ij⟩ J_ij x_i x_j − Σ_i h_i x_i`,
//!
//! every bond of the graph counted once (Ising 1925). Energies are in units of the temperature, `p(x) = exp(−E(x)) / Z`; the model at inverse temperature `β` is
//! the one with couplings `βJ` and fields `βh`, [`Ising::at`]. What the physics literature calls `K = βJ` is a coupling here.
//!
//! Everything local follows from the local field `I_i = h_i + Σ_j J_ij x_j`: a flip of spin `i` costs `2 x_i I_i`, and given its neighbours the spin is up
//! with probability `σ(2 I_i)`.

mod clusters;
mod coupling_from_past;
mod derivatives;
mod elliptic;
mod enumeration;
mod gibbs;
mod houdayer;
mod inverse;
mod jet;
mod moment_matching;
mod multispin;
mod observables;
mod path;
mod planar;
mod replica_clusters;
mod reweighting;
mod self_consistent;
mod square;
mod transfer;

pub use coupling_from_past::{CouplingFromPast, PastDraws};
pub use enumeration::ExactMoments;
pub use houdayer::Houdayer;
pub use inverse::{Approximation, inverse_ising};
pub use moment_matching::{MatchedMoments, MomentMatching};
pub use multispin::{MultiSpinHeatBath, MultiSpinMetropolis, MultiSpinState};
pub use observables::{N_OBSERVABLES, SpinMeans};
pub use path::IsingPath;
pub use replica_clusters::ReplicaClusters;
pub use reweighting::{Reweighted, Reweighting};
pub use self_consistent::{ApproximateMoments, SelfConsistent};
pub use square::{CRITICAL_COUPLING, Thermodynamics, kaufman, onsager, spontaneous_magnetisation};
pub use transfer::{BondMoments, TransferMatrix};

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{check_finite, check_shape};
use gibbsian_core::{
    Discrete, DiscreteEnergy, Energy, Error, Layout, Parametric, ParametricMut, Record, Result, Snapshot,
    Space,
};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, concatenate};

use crate::graph::Graph;
use gibbs::Colours;

/// Spins `±1` on a graph, with a coupling on every bond and a field on every site.
///
/// ```
/// use gibbsian_classical::{Boundary, Graph, Ising};
/// use gibbsian_core::Energy;
/// use ndarray::array;
///
/// let chain = Ising::uniform(Graph::lattice(&[3], Boundary::Open)?, 1.0, 0.5)?;
/// assert_eq!(chain.energy(array![[1.0, 1.0, -1.0]].view()), array![-0.5]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Ising {
    graph: Graph,
    couplings: Array1<f64>,
    fields: Array1<f64>,
    colours: Colours,
}

impl Ising {
    /// The model with a coupling `J` for every bond, in the order of [`Graph::bonds`], and a field `h` for every site.
    ///
    /// # Errors
    /// Another number of couplings than bonds or of fields than sites, or one that is not finite.
    pub fn new(graph: Graph, couplings: Array1<f64>, fields: Array1<f64>) -> Result<Self> {
        check_shape("couplings", &couplings, &[graph.n_bonds()])?;
        check_shape("fields", &fields, &[graph.n_sites()])?;
        check_finite("couplings", &couplings)?;
        check_finite("fields", &fields)?;
        Ok(Ising {
            graph,
            couplings,
            fields,
            colours: Colours::default(),
        })
    }

    /// The model with the same coupling on every bond and the same field on every site.
    ///
    /// # Errors
    /// A coupling or a field that is not finite.
    pub fn uniform(graph: Graph, coupling: f64, field: f64) -> Result<Self> {
        let couplings = Array1::from_elem(graph.n_bonds(), coupling);
        let fields = Array1::from_elem(graph.n_sites(), field);
        Ising::new(graph, couplings, fields)
    }

    /// The model whose symmetric matrix of couplings is `J` `(N, N)`, with a bond wherever it is not zero.
    ///
    /// # Errors
    /// A matrix that is not square, not symmetric, or not zero on its diagonal, each naming the entry; and those of [`Ising::new`].
    pub fn from_matrix(couplings: ArrayView2<f64>, fields: Array1<f64>) -> Result<Self> {
        let n = fields.len();
        check_shape("couplings", &couplings, &[n, n])?;
        check_finite("couplings", &couplings)?;
        let (mut bonds, mut values) = (Vec::new(), Vec::new());
        for i in 0..n {
            if couplings[[i, i]] != 0.0 {
                let name = format!("couplings[{i}, {i}]");
                return Err(Error::parameter(
                    name,
                    couplings[[i, i]],
                    "zero: a spin is not coupled to itself",
                ));
            }
            for j in i + 1..n {
                let (above, below) = (couplings[[i, j]], couplings[[j, i]]);
                if above != below {
                    let name = format!("couplings[{j}, {i}]");
                    return Err(Error::parameter(
                        name,
                        below,
                        format!("{above}, as couplings[{i}, {j}]"),
                    ));
                }
                if above != 0.0 {
                    bonds.push([i, j]);
                    values.push(above);
                }
            }
        }
        Ising::new(Graph::new(n, bonds)?, Array1::from_vec(values), fields)
    }

    /// The model at inverse temperature `β`: couplings `βJ` and fields `βh`.
    ///
    /// # Errors
    /// A `β` that is not finite, or so large that a coupling overflows.
    pub fn at(&self, beta: f64) -> Result<Self> {
        let scaled = Ising::new(self.graph.clone(), &self.couplings * beta, &self.fields * beta)?;
        Ok(Ising {
            colours: self.colours.clone(),
            ..scaled
        })
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The couplings `J`, one a bond.
    pub fn couplings(&self) -> ArrayView1<'_, f64> {
        self.couplings.view()
    }

    /// The fields `h`, one a site.
    pub fn fields(&self) -> ArrayView1<'_, f64> {
        self.fields.view()
    }

    /// `I_i = h_i + Σ_j J_ij x_j`, what the neighbours of site `i` and the field there say to it.
    pub fn local_field(&self, x: ArrayView1<f64>, site: usize) -> f64 {
        self.fields[site] + self.coupling_field(x, site)
    }

    /// `Σ_j J_ij x_j`.
    fn coupling_field(&self, x: ArrayView1<f64>, site: usize) -> f64 {
        let neighbours = self.graph.neighbours(site).iter();
        neighbours.map(|n| self.couplings[n.bond] * x[n.site]).sum()
    }
}

impl Space for Ising {
    fn dim(&self) -> usize {
        self.graph.n_sites()
    }
}

impl Energy for Ising {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        for (x, e) in x.rows().into_iter().zip(&mut out) {
            *e = -self.interaction(x) - x.dot(&self.fields);
        }
    }
}

impl Discrete for Ising {
    fn alphabet(&self, _site: usize) -> &[f64] {
        &[-1.0, 1.0]
    }
}

impl DiscreteEnergy for Ising {
    fn site_deltas_into(&self, x: ArrayView2<f64>, site: usize, mut out: ArrayViewMut2<f64>) {
        for (x, mut out) in x.rows().into_iter().zip(out.rows_mut()) {
            let field = self.local_field(x, site);
            out[0] = field * (x[site] + 1.0);
            out[1] = field * (x[site] - 1.0);
        }
    }

    fn flip_deltas_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for (x, mut out) in x.rows().into_iter().zip(out.rows_mut()) {
            for (site, out) in out.iter_mut().enumerate() {
                *out = 2.0 * x[site] * self.local_field(x, site);
            }
        }
    }
}

impl Parametric for Ising {
    /// `couplings`, one a bond, then `fields`, one a site.
    fn layout(&self) -> Layout {
        Layout::new()
            .with("couplings", &[self.graph.n_bonds()])
            .with("fields", &[self.graph.n_sites()])
    }

    fn params(&self) -> Array1<f64> {
        concatenate![Axis(0), self.couplings, self.fields]
    }
}

impl ParametricMut for Ising {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        let (couplings, fields) = params.split_at(Axis(0), self.couplings.len());
        self.couplings.assign(&couplings);
        self.fields.assign(&fields);
        Ok(())
    }
}

impl Snapshot for Ising {
    /// `couplings` and `fields`; the graph is not part of it.
    fn snapshot(&self) -> Record {
        Record::of_params(self)
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let params = record.params(&self.layout())?;
        self.set_params(params.view())
    }
}
