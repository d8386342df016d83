//! Markov random fields of labels: the true picture behind a noisy one.
//!
//! Every site `i` of a graph has a label `y_i` out of `q`, and the energy is a sum over sites and bonds, every bond counted once,
//!
//! `E(y) = Σ_i U_i(y_i) + Σ_⟨ij⟩ V_ij(y_i, y_j)`,  `p(y) = exp(−E(y)) / Z`.
//!
//! A lecture note writes the same field as `p ∝ exp(Σ ψ_i + Σ ψ_ij)` and calls the exponent its energy: `U = −ψ_i` and `V = −ψ_ij` here, where low is likely.
//! What the labels are called (`{0, 1}`, `{−1, +1}`, grey levels) is the user's choice and changes nothing but the rows that come in and go out.
//!
//! Smoothness is a *table* `V(a, b)`, and most fields have one for all bonds; so tables are stored once and bonds say which one is theirs. That is also how
//! parameters are tied: the derivative in the entry of a shared table is the sum over its bonds. Rejected: a table a bond always, which for grey
//! pictures takes gigabytes for numbers that are the same.
//!
//! Reading order: [`Denoiser`] makes fields of noisy pictures. [`ConditionalModes`] and annealing look for the lowest energy nearby,
//! [`lowest_by_cut`] finds it where the field is submodular and [`lowest_by_expansion`] comes near it for metrics on many labels; [`GibbsMarginals`], [`MeanField`] and
//! [`BeliefPropagation`] say how likely each label is at each site, and [`log_z_by_elimination`] is exact on narrow graphs. [`TiedField`] has few
//! parameters for all potentials, [`fit_likelihood`] and [`fit_pseudo_likelihood`] learn them from clean pictures and [`NoisyLearner`] from a noisy one.

mod belief_propagation;
mod blocks;
mod clock;
mod conditional_modes;
mod cut;
mod denoising;
mod elimination;
mod expansion;
mod fit;
mod gibbs_marginals;
mod ising;
mod likelihood;
mod marginals;
mod max_flow;
mod max_product;
mod mean_field;
mod messages;
mod noise;
mod noisy_learner;
mod parameters;
mod pseudo_likelihood;
mod structure;
mod sum;
mod tied;

use std::sync::Arc;

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{check_finite, check_shape};
use gibbsian_core::{Discrete, DiscreteEnergy, Energy, Error, Result, Space};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayView3, ArrayViewMut1, ArrayViewMut2};

pub use belief_propagation::{BeliefPropagation, Beliefs};
pub use conditional_modes::ConditionalModes;
pub use cut::{Cut, lowest_by_cut};
pub use denoising::Denoiser;
pub use elimination::{log_z_by_elimination, lowest_by_elimination};
pub use expansion::lowest_by_expansion;
pub use fit::Fit;
pub use gibbs_marginals::{GibbsMarginals, SampledMarginals};
pub use likelihood::fit_likelihood;
pub use marginals::{Convergence, Labelling, Marginals};
pub use max_product::MaxProduct;
pub use mean_field::{MeanField, MeanFieldSolution};
pub use noise::{FlipNoise, GaussianNoise, Noise};
pub use noisy_learner::{NoisyFit, NoisyLearner};
pub use pseudo_likelihood::{FieldPseudoLikelihood, fit_pseudo_likelihood};
pub use tied::{TiedField, flip_probability};

pub(crate) use blocks::{class_matrix, to_probabilities};
pub(crate) use elimination::{LogWeights, Sum, eliminate};
pub(crate) use mean_field::entropy_term;
pub(crate) use messages::{Largest, LogSum, Schedule, Summary};
pub(crate) use sum::Compensated;

use crate::graph::Graph;
use structure::Structure;

/// Labels on a graph with an energy for every label at every site and for every pair of labels on every bond.
///
/// ```
/// use gibbsian_classical::{Boundary, Graph, PairwiseField};
/// use gibbsian_core::Energy;
/// use ndarray::array;
///
/// // Two pixels that were seen as 0 and 1, and a half for neighbours that agree.
/// let graph = Graph::lattice(&[2], Boundary::Open)?;
/// let field = PairwiseField::potts(graph, vec![0.0, 1.0], array![[0.1, 2.3], [1.2, 0.4]], 0.5)?;
/// let energies = field.energy(array![[0.0, 0.0], [0.0, 1.0], [0.0, 2.0]].view());
/// assert!((energies[0] - 0.8).abs() < 1e-15);
/// assert!((energies[1] - 0.5).abs() < 1e-15);
/// // Two is no label.
/// assert_eq!(energies[2], f64::INFINITY);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PairwiseField {
    structure: Arc<Structure>,
    labels: Vec<f64>,
    unary: Array2<f64>,
    tables: Array3<f64>,
    /// `seen[(2t + own) q² + b q + a]`, what a neighbour with label `b` says to label `a`: `V_t(a, b)` where the site is the first of its bond
    /// (`own = 1`), and `V_t(b, a)` where it is the second.
    seen: Vec<f64>,
}

impl PairwiseField {
    /// The field with energies `U` `(N, q)` of labels, tables `V` `(T, q, q)` of pairs, and for every bond of the graph the number of its table.
    ///
    /// A row of a table belongs to the label of the first site of the bond, in the order of [`Graph::bonds`].
    ///
    /// # Errors
    /// Fewer than two labels, or labels that are not finite and distinct; energies or tables for another number of labels, of sites or of bonds; an energy that is not
    /// finite; a bond whose table does not exist.
    pub fn new(
        graph: Graph,
        labels: Vec<f64>,
        unary: Array2<f64>,
        tables: Array3<f64>,
        table_of_bond: Vec<usize>,
    ) -> Result<Self> {
        check_labels(&labels)?;
        let q = labels.len();
        if (tables.shape()[1], tables.shape()[2]) != (q, q) {
            let required = format!("(any, {q}, {q}), a row and a column for each label");
            return Err(Error::shape("tables", tables.shape(), required));
        }
        check_finite("tables", &tables)?;
        check_shape(
            "table_of_bond",
            &Array1::from_vec(table_of_bond.clone()),
            &[graph.n_bonds()],
        )?;
        if let Some(b) = table_of_bond.iter().position(|t| *t >= tables.shape()[0]) {
            let requirement = format!("below the number of tables, {}", tables.shape()[0]);
            return Err(Error::parameter(
                format!("table_of_bond[{b}]"),
                table_of_bond[b],
                requirement,
            ));
        }
        let structure = Structure::new(graph, table_of_bond);
        PairwiseField::assemble(Arc::new(structure), labels, unary, tables)
    }

    /// The field with one table `V` `(q, q)` for all bonds.
    ///
    /// # Errors
    /// Those of [`PairwiseField::new`].
    pub fn shared(graph: Graph, labels: Vec<f64>, unary: Array2<f64>, table: Array2<f64>) -> Result<Self> {
        let table_of_bond = vec![0; graph.n_bonds()];
        PairwiseField::new(
            graph,
            labels,
            unary,
            table.insert_axis(ndarray::Axis(0)),
            table_of_bond,
        )
    }

    /// The field whose neighbours gain `coupling` where they agree: `V(a, b) = −J [a = b]` (Potts 1952).
    ///
    /// # Errors
    /// Those of [`PairwiseField::new`].
    pub fn potts(graph: Graph, labels: Vec<f64>, unary: Array2<f64>, coupling: f64) -> Result<Self> {
        let table = Array2::from_diag_elem(labels.len(), -coupling);
        PairwiseField::shared(graph, labels, unary, table)
    }

    /// The field with other energies of labels `(N, q)`, on the same graph and with the same tables; nothing is copied that does not change.
    ///
    /// # Errors
    /// Another shape, or an energy that is not finite.
    pub fn with_unary(&self, unary: Array2<f64>) -> Result<Self> {
        PairwiseField::assemble(
            self.structure.clone(),
            self.labels.clone(),
            unary,
            self.tables.clone(),
        )
    }

    /// The field with other energies of labels `(N, q)` and other tables `(T, q, q)` on the same bonds.
    ///
    /// # Errors
    /// Another shape, or an energy that is not finite.
    pub fn with_potentials(&self, unary: Array2<f64>, tables: Array3<f64>) -> Result<Self> {
        check_shape("tables", &tables, self.tables.shape())?;
        check_finite("tables", &tables)?;
        PairwiseField::assemble(self.structure.clone(), self.labels.clone(), unary, tables)
    }

    fn assemble(
        structure: Arc<Structure>,
        labels: Vec<f64>,
        unary: Array2<f64>,
        tables: Array3<f64>,
    ) -> Result<Self> {
        check_shape("unary", &unary, &[structure.graph.n_sites(), labels.len()])?;
        check_finite("unary", &unary)?;
        let mut field = PairwiseField {
            structure,
            labels,
            // Rows must be slices.
            unary: unary.as_standard_layout().into_owned(),
            tables: tables.as_standard_layout().into_owned(),
            seen: Vec::new(),
        };
        field.see();
        Ok(field)
    }

    /// Lays the tables out as neighbours see them.
    fn see(&mut self) {
        self.seen.clear();
        for table in self.tables.outer_iter() {
            self.seen.extend(table.iter());
            self.seen.extend(table.t().iter());
        }
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.structure.graph
    }

    /// The values that the labels have in rows of states.
    pub fn labels(&self) -> &[f64] {
        &self.labels
    }

    /// The number of labels `q`.
    pub fn n_labels(&self) -> usize {
        self.labels.len()
    }

    /// The energies `U` of labels, `(N, q)`.
    pub fn unary(&self) -> ArrayView2<'_, f64> {
        self.unary.view()
    }

    /// The tables `V` of pairs of labels, `(T, q, q)`.
    pub fn tables(&self) -> ArrayView3<'_, f64> {
        self.tables.view()
    }

    /// The number of each bond's table.
    pub fn table_of_bond(&self) -> &[usize] {
        &self.structure.table_of_bond
    }

    /// The table of a bond, `(q, q)`.
    pub fn table(&self, bond: usize) -> ArrayView2<'_, f64> {
        self.tables
            .index_axis(ndarray::Axis(0), self.structure.table_of_bond[bond])
    }

    /// The numbers `0..q` of the labels of a state.
    ///
    /// # Errors
    /// Another number of sites, or a value that is no label; the first is named.
    pub fn label_numbers(&self, name: &str, y: ArrayView1<f64>) -> Result<Vec<usize>> {
        if y.len() != self.dim() {
            return Err(Error::shape(
                name.to_owned(),
                y.shape(),
                format!("[{}]", self.dim()),
            ));
        }
        y.iter()
            .enumerate()
            .map(|(i, &v)| {
                self.number(v).ok_or_else(|| {
                    Error::parameter(
                        format!("{name}[{i}]"),
                        v,
                        format!("one of the labels {:?}", self.labels),
                    )
                })
            })
            .collect()
    }

    /// The state whose labels have these numbers.
    pub(crate) fn state(&self, y: &[usize]) -> Array1<f64> {
        y.iter().map(|a| self.labels[*a]).collect()
    }

    fn number(&self, value: f64) -> Option<usize> {
        self.labels.iter().position(|label| *label == value)
    }

    /// `E(y)` of labels given by number.
    pub(crate) fn energy_of(&self, y: &[usize]) -> f64 {
        let sites = y.iter().enumerate().map(|(i, &a)| self.unary[[i, a]]);
        let bonds = self.graph().bonds().iter().zip(self.table_of_bond());
        let bonds = bonds.map(|(&[i, j], &t)| self.tables[[t, y[i], y[j]]]);
        sites.chain(bonds).sum::<Compensated>().value()
    }

    /// `E_i(a) = U_i(a) + Σ_j V_ij(a, y_j)` for every label of a site given its neighbours; `label_of(j)` is the label of site `j`.
    fn local_energies(&self, site: usize, label_of: impl Fn(usize) -> usize, out: &mut [f64]) {
        let q = self.n_labels();
        out.copy_from_slice(self.unary_of(site));
        for link in self.structure.links(site) {
            let row = (link.seen * q + label_of(link.site)) * q;
            for (e, v) in out.iter_mut().zip(&self.seen[row..row + q]) {
                *e += v;
            }
        }
    }

    /// The energies of the labels of one site, as a slice.
    fn unary_of(&self, site: usize) -> &[f64] {
        let q = self.n_labels();
        &self
            .unary
            .as_slice()
            .expect("unary energies are stored row after row")[site * q..(site + 1) * q]
    }
}

/// Requires at least two labels, finite and different.
fn check_labels(labels: &[f64]) -> Result<()> {
    if labels.len() < 2 {
        return Err(Error::parameter(
            "labels",
            format!("{labels:?}"),
            "at least 2 labels",
        ));
    }
    for (a, label) in labels.iter().enumerate() {
        if !label.is_finite() || labels[..a].contains(label) {
            return Err(Error::parameter(
                format!("labels[{a}]"),
                label,
                "finite and different from those before",
            ));
        }
    }
    Ok(())
}

impl Space for PairwiseField {
    fn dim(&self) -> usize {
        self.graph().n_sites()
    }
}

impl Energy for PairwiseField {
    /// `+∞` where a value is no label.
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        let mut y = vec![0; self.dim()];
        for (x, e) in x.rows().into_iter().zip(&mut out) {
            let mut outside = None;
            for (y, &value) in y.iter_mut().zip(x) {
                match self.number(value) {
                    Some(number) => *y = number,
                    None if value.is_nan() => outside = Some(f64::NAN),
                    None => outside = outside.or(Some(f64::INFINITY)),
                }
            }
            *e = outside.unwrap_or_else(|| self.energy_of(&y));
        }
    }
}

impl Discrete for PairwiseField {
    fn alphabet(&self, _site: usize) -> &[f64] {
        &self.labels
    }
}

impl DiscreteEnergy for PairwiseField {
    fn site_deltas_into(&self, x: ArrayView2<f64>, site: usize, mut out: ArrayViewMut2<f64>) {
        let mut energies = vec![0.0; self.n_labels()];
        for (x, mut out) in x.rows().into_iter().zip(out.rows_mut()) {
            self.local_of_row(x, site, &mut energies);
            let own = self.number(x[site]).map_or(f64::NAN, |a| energies[a]);
            for (out, e) in out.iter_mut().zip(&energies) {
                *out = e - own;
            }
        }
    }
}

impl PairwiseField {
    /// [`PairwiseField::local_energies`] where the neighbours are values in a row, NaN if one of them is no label.
    fn local_of_row(&self, x: ArrayView1<f64>, site: usize, out: &mut [f64]) {
        let known = self
            .structure
            .links(site)
            .iter()
            .all(|link| self.number(x[link.site]).is_some());
        if known {
            self.local_energies(site, |j| self.number(x[j]).unwrap_or(0), out);
        } else {
            out.fill(f64::NAN);
        }
    }
}
