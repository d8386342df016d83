//! The Potts model on any graph.
//!
//! Colours `x_i ∈ {0, …, q − 1}` with the energy
//!
//! `E(x) = −Σ_⟨ij⟩ J_ij δ(x_i, x_j) − Σ_i h_i(x_i)`,
//!
//! every bond of the graph counted once (Potts 1952). A field is a number for every colour of a site, and one added to all of them changes the constant of the
//! energy alone. Two colours are Ising spins: with couplings `J/2` and fields `(h_i(1) − h_i(0)) / 2` the Ising energy is the same but for
//! `½ Σ J_ij + ½ Σ [h_i(0) + h_i(1)]`.
//!
//! Given its neighbours a site has the colour `a` with probability `∝ exp(h_i(a) + Σ_j J_ij δ(x_j, a))`. Clusters are turned by
//! [`SwendsenWang`](crate::SwendsenWang) and [`Wolff`](crate::Wolff). Exact are [`Potts::log_z`] and [`Potts::moments`] where sites can be summed out, and without fields the
//! [duality](dual_coupling) of planar graphs, from which the [critical coupling](critical_coupling) of the square lattice follows.

mod conditional;
mod duality;
mod exact;
mod moments;
mod observables;

pub use duality::{critical_coupling, dual_coupling};
pub use moments::ColourMoments;
pub use observables::{ColourMeans, N_COLOUR_OBSERVABLES};

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{check_finite, check_shape};
use gibbsian_core::{
    Discrete, DiscreteEnergy, Energy, EnergyPullback, Error, Layout, Parametric, ParametricMut, Record,
    Result, Snapshot, Space,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, concatenate};

use crate::clusters::ClusterModel;
use crate::graph::Graph;

/// Colours on a graph, with a coupling on every bond and a field for every site and colour.
///
/// ```
/// use gibbsian_classical::{Boundary, Graph, Potts};
/// use gibbsian_core::Energy;
/// use ndarray::array;
///
/// let ring = Potts::uniform(Graph::lattice(&[4], Boundary::Periodic)?, 3, 0.5)?;
/// assert_eq!(ring.energy(array![[0.0, 0.0, 2.0, 0.0]].view()), array![-1.0]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Potts {
    graph: Graph,
    couplings: Array1<f64>,
    /// A row for each site, a column for each colour.
    fields: Array2<f64>,
    alphabet: Vec<f64>,
    /// Sites that are redrawn together.
    classes: Vec<Vec<usize>>,
}

impl Potts {
    /// The model with a coupling `J` for every bond, in the order of [`Graph::bonds`], and fields `(N, q)`.
    ///
    /// # Errors
    /// Another number of couplings than bonds or of rows of fields than sites, fewer than two colours or more than 256, or a number that is not finite.
    pub fn new(graph: Graph, couplings: Array1<f64>, fields: Array2<f64>) -> Result<Self> {
        let n_colours = fields.ncols();
        check_colours(n_colours)?;
        check_shape("couplings", &couplings, &[graph.n_bonds()])?;
        check_shape("fields", &fields, &[graph.n_sites(), n_colours])?;
        check_finite("couplings", &couplings)?;
        check_finite("fields", &fields)?;
        Ok(Potts {
            classes: graph.colouring(),
            graph,
            couplings,
            fields,
            alphabet: (0..n_colours).map(|colour| colour as f64).collect(),
        })
    }

    /// The model of `q` colours with the same coupling on every bond and no fields.
    ///
    /// # Errors
    /// Fewer than two colours or more than 256, or a coupling that is not finite.
    pub fn uniform(graph: Graph, n_colours: usize, coupling: f64) -> Result<Self> {
        let couplings = Array1::from_elem(graph.n_bonds(), coupling);
        let fields = Array2::zeros((graph.n_sites(), n_colours));
        Potts::new(graph, couplings, fields)
    }

    /// The model at inverse temperature `β`: couplings `βJ` and fields `βh`.
    ///
    /// # Errors
    /// A `β` that is not finite, or so large that a number overflows.
    pub fn at(&self, beta: f64) -> Result<Self> {
        Potts::new(self.graph.clone(), &self.couplings * beta, &self.fields * beta)
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The number of colours `q`.
    pub fn n_colours(&self) -> usize {
        self.alphabet.len()
    }

    /// The couplings `J`, one a bond.
    pub fn couplings(&self) -> ArrayView1<'_, f64> {
        self.couplings.view()
    }

    /// The fields `h_i(a)` `(N, q)`.
    pub fn fields(&self) -> ArrayView2<'_, f64> {
        self.fields.view()
    }

    /// Writes `h_i(a) + Σ_j J_ij δ(x_j, a)` for every colour `a`, what the neighbours of site `i` and the field there say for it.
    fn local_gains(&self, x: ArrayView1<f64>, site: usize, gains: &mut [f64]) {
        for (gain, field) in gains.iter_mut().zip(self.fields.row(site)) {
            *gain = *field;
        }
        for neighbour in self.graph.neighbours(site) {
            // A value that is no colour meets none, and one that is no number tells nothing.
            if x[neighbour.site].is_nan() {
                gains.fill(f64::NAN);
            } else if let Some(gain) =
                colour(x[neighbour.site], self.n_colours()).and_then(|c| gains.get_mut(c))
            {
                *gain += self.couplings[neighbour.bond];
            }
        }
    }
}

/// Requires a number of colours that a byte can tell apart.
fn check_colours(n_colours: usize) -> Result<()> {
    if (2..=256).contains(&n_colours) {
        Ok(())
    } else {
        Err(Error::parameter(
            "the number of colours",
            n_colours,
            "from 2 to 256",
        ))
    }
}

/// The colour that a value is, if it is one.
fn colour(value: f64, n_colours: usize) -> Option<usize> {
    let colour = value as usize;
    (colour as f64 == value && colour < n_colours).then_some(colour)
}

impl Space for Potts {
    fn dim(&self) -> usize {
        self.graph.n_sites()
    }
}

impl Energy for Potts {
    /// Rows with values that are no colours have the energy +∞, and rows with NaN have NaN.
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        for (x, e) in x.rows().into_iter().zip(&mut out) {
            let mut sum = 0.0;
            let mut outside = 0.0;
            for (site, &value) in x.iter().enumerate() {
                match colour(value, self.n_colours()) {
                    Some(colour) => sum += self.fields[[site, colour]],
                    None if value.is_nan() => outside = f64::NAN,
                    None => outside += f64::INFINITY,
                }
            }
            for (&[i, j], coupling) in self.graph.bonds().iter().zip(&self.couplings) {
                if x[i] == x[j] {
                    sum += coupling;
                }
            }
            *e = outside - sum;
        }
    }
}

impl Discrete for Potts {
    fn alphabet(&self, _site: usize) -> &[f64] {
        &self.alphabet
    }
}

impl DiscreteEnergy for Potts {
    fn site_deltas_into(&self, x: ArrayView2<f64>, site: usize, mut out: ArrayViewMut2<f64>) {
        let mut gains = vec![0.0; self.n_colours()];
        for (x, mut out) in x.rows().into_iter().zip(out.rows_mut()) {
            self.local_gains(x, site, &mut gains);
            let own = colour(x[site], self.n_colours()).map_or(f64::NAN, |colour| gains[colour]);
            for (out, gain) in out.iter_mut().zip(&gains) {
                *out = own - gain;
            }
        }
    }
}

impl Parametric for Potts {
    /// `couplings`, one a bond, then `fields`, a row for each site.
    fn layout(&self) -> Layout {
        Layout::new()
            .with("couplings", &[self.graph.n_bonds()])
            .with("fields", self.fields.shape())
    }

    fn params(&self) -> Array1<f64> {
        concatenate![Axis(0), self.couplings, self.fields.flatten()]
    }
}

impl ParametricMut for Potts {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        let (couplings, fields) = params.split_at(Axis(0), self.couplings.len());
        self.couplings.assign(&couplings);
        for (field, value) in self.fields.iter_mut().zip(fields) {
            *field = *value;
        }
        Ok(())
    }
}

impl Snapshot for Potts {
    /// `couplings` and `fields`; the graph is not part of it.
    fn snapshot(&self) -> Record {
        Record::of_params(self)
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let params = record.params(&self.layout())?;
        self.set_params(params.view())
    }
}

impl EnergyPullback for Potts {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let mut w = Array1::zeros(x.nrows());
        weigh(self.energy(x).view(), w.view_mut());
        let (mut couplings, mut fields) = grad.split_at(Axis(0), self.couplings.len());
        for (x, w) in x.rows().into_iter().zip(&w) {
            for (&[i, j], grad) in self.graph.bonds().iter().zip(&mut couplings) {
                if x[i] == x[j] {
                    *grad -= w;
                }
            }
            for (site, &value) in x.iter().enumerate() {
                if let Some(colour) = colour(value, self.n_colours()) {
                    fields[site * self.n_colours() + colour] -= w;
                }
            }
        }
    }
}

impl ClusterModel for Potts {
    fn graph(&self) -> &Graph {
        &self.graph
    }

    fn bond_gap(&self, bond: usize) -> f64 {
        self.couplings[bond]
    }

    fn site_gain(&self, site: usize, symbol: usize) -> f64 {
        self.fields[[site, symbol]]
    }
}
