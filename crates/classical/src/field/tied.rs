//! Few parameters for all potentials: a field that is a linear combination of fields.
//!
//! `E(y; θ) = E_0(y) + Σ_k θ_k E_k(y)`: every `E_k` is a field on the same graph, and its energy is the statistic that belongs to `θ_k`. With `E_1 = −Σ_⟨ij⟩ [y_i = y_j]` the coupling of
//! a whole picture is one number, and the derivative of the energy in it is the sum over all bonds. The family is exponential in `θ`, so log-likelihoods and
//! pseudo-log-likelihoods are concave and what Newton's method finds is their maximum.

use gibbsian_core::{
    BlockLaw, Blocks, Discrete, DiscreteEnergy, Energy, EnergyPullback, Error, Layout, Parametric,
    ParametricMut, Result, Space,
};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, s};
use rand::Rng;

use super::PairwiseField;
use super::denoising::seen_through_noise;
use crate::graph::Graph;

/// A field with tied potentials.
///
/// ```
/// use gibbsian_classical::field::TiedField;
/// use gibbsian_classical::{Boundary, Graph};
/// use gibbsian_core::{Energy, Parametric};
/// use ndarray::array;
///
/// // E(y) = −J Σ_⟨ij⟩ [y_i = y_j] − h Σ_i [y_i = 1].
/// let prior = TiedField::smooth(Graph::lattice(&[3], Boundary::Open)?, vec![0.0, 1.0], 0.7, array![0.2].view())?;
/// assert_eq!(prior.params(), array![0.7, 0.2]);
/// assert!((prior.energy(array![[1.0, 1.0, 0.0]].view())[0] + 1.1).abs() < 1e-15);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TiedField {
    base: PairwiseField,
    names: Vec<String>,
    features: Vec<PairwiseField>,
    theta: Array1<f64>,
    /// The field at `θ`.
    field: PairwiseField,
}

impl TiedField {
    /// The field `E_0 + Σ_k θ_k E_k` with a name for every `θ_k`, at `θ`.
    ///
    /// # Errors
    /// Another number of parameters than of features, one that is not finite, or a feature with another graph, other labels or other tables on its bonds than the base.
    pub fn new(
        base: PairwiseField,
        features: Vec<(String, PairwiseField)>,
        theta: ArrayView1<f64>,
    ) -> Result<Self> {
        let (names, features): (Vec<String>, Vec<PairwiseField>) = features.into_iter().unzip();
        for (name, feature) in names.iter().zip(&features) {
            if feature.structure != base.structure || feature.labels != base.labels {
                let requirement =
                    "on the graph of the base, with its labels and with tables on the same bonds";
                return Err(Error::parameter(
                    name.clone(),
                    "another kind of field",
                    requirement,
                ));
            }
        }
        let mut tied = TiedField {
            field: base.clone(),
            base,
            theta: Array1::zeros(features.len()),
            names,
            features,
        };
        tied.set_params(theta)?;
        Ok(tied)
    }

    /// The prior of smooth pictures: `E(y) = −J Σ_⟨ij⟩ [y_i = y_j] − Σ_i h(y_i)`, with parameters `coupling`, `J`, and `biases`, `h` of the second label and those after it, where `h` of
    /// the first is zero.
    ///
    /// # Errors
    /// Labels that are not at least two, finite and distinct; another number of biases than of labels beyond the first; a parameter that is not finite.
    pub fn smooth(graph: Graph, labels: Vec<f64>, coupling: f64, biases: ArrayView1<f64>) -> Result<Self> {
        let (n, q) = (graph.n_sites(), labels.len());
        let base = PairwiseField::potts(graph, labels, Array2::zeros((n, q)), 0.0)?;
        let agree = base.with_potentials(Array2::zeros((n, q)), agreement(q, 1, 0))?;
        let mut features = vec![("coupling".to_owned(), agree)];
        for a in 1..q {
            let mut unary = Array2::zeros((n, q));
            unary.column_mut(a).fill(-1.0);
            features.push((
                format!("bias {a}"),
                base.with_potentials(unary, Array3::zeros((1, q, q)))?,
            ));
        }
        let theta: Array1<f64> = [coupling].into_iter().chain(biases.iter().copied()).collect();
        TiedField::new(base, features, theta.view())
    }

    /// The joint model of a picture `y` from [`TiedField::smooth`] and what is seen of it, `x`, on `2N` sites: one more term `−η Σ_i [x_i = y_i]` and the parameter `fidelity`, `η`, after the others.
    ///
    /// The noise that it stands for flips a label with probability [`flip_probability`]; given `y`, the sites of `x` are independent, and summing them out leaves the prior.
    ///
    /// # Errors
    /// Those of [`TiedField::smooth`].
    pub fn noisy(
        graph: &Graph,
        labels: Vec<f64>,
        coupling: f64,
        biases: ArrayView1<f64>,
        fidelity: f64,
    ) -> Result<Self> {
        let (n, q) = (graph.n_sites(), labels.len());
        let pairs = seen_through_noise(graph)?;
        let table_of_bond = (0..pairs.n_bonds()).map(|bond| usize::from(bond >= graph.n_bonds()));
        let base = PairwiseField::new(
            pairs.clone(),
            labels,
            Array2::zeros((2 * n, q)),
            Array3::zeros((2, q, q)),
            table_of_bond.collect(),
        )?;
        let field = |unary, tables| base.with_potentials(unary, tables);
        let silent = || Array2::zeros((2 * n, q));
        let mut features = vec![("coupling".to_owned(), field(silent(), agreement(q, 2, 0))?)];
        for a in 1..q {
            let mut unary = silent();
            unary.slice_mut(s![..n, a]).fill(-1.0);
            features.push((format!("bias {a}"), field(unary, Array3::zeros((2, q, q)))?));
        }
        features.push(("fidelity".to_owned(), field(silent(), agreement(q, 2, 1))?));
        let theta = [coupling]
            .into_iter()
            .chain(biases.iter().copied())
            .chain([fidelity]);
        TiedField::new(base, features, theta.collect::<Array1<f64>>().view())
    }

    /// The field at the present parameters.
    pub fn field(&self) -> &PairwiseField {
        &self.field
    }

    /// The fields `E_k` that the parameters multiply.
    pub fn features(&self) -> &[PairwiseField] {
        &self.features
    }

    /// `E_k(y_b)` of every row and every parameter, `(B, K)`.
    pub fn statistics(&self, y: ArrayView2<f64>) -> Array2<f64> {
        let mut out = Array2::zeros((y.nrows(), self.features.len()));
        for (feature, column) in self.features.iter().zip(out.columns_mut()) {
            feature.energy_into(y, column);
        }
        out
    }
}

/// The probability that a label is seen as another one if `p(x | y) ∝ exp(η [x = y])` on `q` labels: `(q − 1)/(q − 1 + e^η)`.
pub fn flip_probability(fidelity: f64, n_labels: usize) -> f64 {
    let others = n_labels as f64 - 1.0;
    others / (others + fidelity.exp())
}

/// `n` tables of which number `which` is `−[a = b]`.
fn agreement(q: usize, n: usize, which: usize) -> Array3<f64> {
    Array3::from_shape_fn(
        (n, q, q),
        |(t, a, b)| if t == which && a == b { -1.0 } else { 0.0 },
    )
}

impl Parametric for TiedField {
    /// One number for each feature, under its name.
    fn layout(&self) -> Layout {
        self.names
            .iter()
            .fold(Layout::new(), |layout, name| layout.with(name.clone(), &[1]))
    }

    fn params(&self) -> Array1<f64> {
        self.theta.clone()
    }
}

impl ParametricMut for TiedField {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        let (mut unary, mut tables) = (self.base.unary.clone(), self.base.tables.clone());
        for (feature, theta) in self.features.iter().zip(params) {
            unary.scaled_add(*theta, &feature.unary);
            tables.scaled_add(*theta, &feature.tables);
        }
        self.field = self.base.with_potentials(unary, tables)?;
        self.theta.assign(&params);
        Ok(())
    }
}

impl Space for TiedField {
    fn dim(&self) -> usize {
        self.field.dim()
    }
}

impl Energy for TiedField {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.field.energy_into(x, out);
    }
}

impl Discrete for TiedField {
    fn alphabet(&self, site: usize) -> &[f64] {
        self.field.alphabet(site)
    }
}

impl DiscreteEnergy for TiedField {
    fn site_deltas_into(&self, x: ArrayView2<f64>, site: usize, out: ArrayViewMut2<f64>) {
        self.field.site_deltas_into(x, site, out);
    }
}

impl EnergyPullback for TiedField {
    /// `∂E/∂θ_k = E_k`. A row that is no state adds what is not finite wherever its weight is not zero.
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let mut w = Array1::zeros(x.nrows());
        weigh(self.energy(x).view(), w.view_mut());
        let mut statistics = self.statistics(x);
        for (mut row, w) in statistics.rows_mut().into_iter().zip(&w) {
            // Infinite where the row is no state, which is nothing without a weight.
            if *w == 0.0 {
                row.fill(0.0);
            }
        }
        grad += &statistics.t().dot(&w);
    }
}

impl Blocks for TiedField {
    fn n_blocks(&self) -> usize {
        self.field.n_blocks()
    }

    fn resample(
        &self,
        x: ArrayViewMut2<f64>,
        block: usize,
        free: Option<ArrayView1<bool>>,
        rng: &mut dyn Rng,
    ) {
        self.field.resample(x, block, free, rng);
    }
}

impl BlockLaw for TiedField {
    fn block_matrix(&self, block: usize, states: ArrayView2<f64>) -> Array2<f64> {
        self.field.block_matrix(block, states)
    }
}
