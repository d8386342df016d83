//! The deep Boltzmann machine: layers of units, each coupled to the next.
//!
//! `E(v, h¹, …, hᴸ) = e_V(v) + Σ_l e_l(hˡ) − v'W₁h¹ − Σ_l hˡ'W_{l+1}hˡ⁺¹` (Salakhutdinov and Hinton 2009): for Bernoulli layers
//! `E = −v'W₁h¹ − h¹'W₂h² − b'v − c₁'h¹ − c₂'h²`. It is one undirected model, unlike the deep belief network ([`crate::dbn`]) that the
//! same stack of machines makes otherwise. Everything rests on one fact: **given the even layers the odd ones are independent, and the
//! reverse**, because no two odd layers are neighbours. So a DBM is a restricted machine of its two halves, with
//!
//! - block Gibbs sampling of all odd, then all even layers ([`Joint`]);
//! - `Z` by enumeration of one half with the other summed out, exponential in the smaller half only ([`Dbm::log_z`]);
//! - an annealing path on one half ([`DbmPath`]).
//!
//! What a restricted machine has and a deep one has not is a tractable `p(h | v)`: the hidden layers depend on each other. Mean field
//! ([`MeanField`]) bounds `log p(v)` from below, and learning climbs that bound ([`VariationalPersistent`], [`CentredVariational`]).
//!
//! This is the reference form, in double precision, for any kinds of units and any depth; one hidden layer is an RBM.

mod binary;
mod centred;
pub mod discriminative;
mod exact;
mod greedy;
mod half;
mod joint;
mod layer;
mod mean_field;
mod objective;
mod path;
mod pretraining;

pub use binary::{BinaryDbm, BinaryDbmPath, BinaryJoint, FusedVariational, FusedVariationalOptions};
pub use centred::CentredVariational;
pub use greedy::{GreedyStack, TossedFeatures};
pub use half::Half;
pub use joint::Joint;
pub use mean_field::MeanField;
pub use objective::{VariationalOptions, VariationalPersistent};
pub use path::DbmPath;
pub use pretraining::Replicated;

use gibbsian_core::error::{check_finite, check_positive, check_shape};
use gibbsian_core::{
    Error, Layout, Parametric, ParametricMut, Record, Result, Seed, Snapshot, Space, Streams, Units,
};
use gibbsian_linalg::matmul;
use ndarray::{Array1, Array2, ArrayBase, ArrayView1, ArrayView2, Axis, Data, Ix2, s};
use rand::RngExt;

use self::layer::Layer;
use crate::Rbm;
use crate::rbm::check_normalisable_chain;
use crate::units::Bernoulli;

/// A deep Boltzmann machine of visible units `V` and hidden units `H`.
///
/// ```
/// use gibbsian_classical::{Bernoulli, Dbm};
/// use ndarray::array;
///
/// let dbm = Dbm::new(
///     Bernoulli::new(array![0.1, -0.2, 0.3])?,
///     vec![Bernoulli::unbiased(2), Bernoulli::unbiased(2)],
///     vec![
///         array![[1.0, 0.0], [-1.0, 0.5], [0.0, 2.0]],
///         array![[1.0, -1.0], [0.5, 0.0]],
///     ],
/// )?;
/// let v = array![[1.0, 0.0, 1.0]];
/// // Mean field bounds the log-probability from below.
/// let mean_field = dbm.mean_field(v.view(), 1e-12, 100)?;
/// let exact = -dbm.free_energy(v.view())?;
/// let bound = -dbm.variational_free_energy(v.view(), &mean_field);
/// assert!(bound[0] <= exact[0]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dbm<V = Bernoulli, H = Bernoulli> {
    /// The visible layer (0), then the hidden ones from the bottom up; at least two layers.
    layers: Vec<Layer<V, H>>,
    /// `weights[l]` couples layer `l` (its rows) to layer `l + 1` (its columns).
    weights: Vec<Array2<f64>>,
}

impl<V: Units, H: Units> Dbm<V, H> {
    /// The machine with these layers, the hidden ones from the bottom up, and the weights between each layer and the next, lower × upper.
    ///
    /// # Errors
    /// No hidden layer, an empty layer, another number of weight matrices than of hidden layers, a matrix of another shape, a weight that
    /// is not finite, or couplings of unbounded units that are so strong that `exp(−E)` has no integral. The last is decided for the whole chain, as [`Rbm::new`] does for two layers: exactly
    /// where unbounded units are Gaussian, which is where the whole precision is positive definite, and otherwise as far as it can be.
    pub fn new(visible: V, hidden: Vec<H>, weights: Vec<Array2<f64>>) -> Result<Self> {
        if hidden.is_empty() || hidden.len() != weights.len() {
            return Err(Error::parameter(
                "hidden",
                format!(
                    "{} layers and {} matrices of weights",
                    hidden.len(),
                    weights.len()
                ),
                "at least one layer, each with the weights below it",
            ));
        }
        let layers: Vec<Layer<V, H>> = std::iter::once(Layer::Visible(visible))
            .chain(hidden.into_iter().map(Layer::Hidden))
            .collect();
        let sizes: Vec<usize> = layers.iter().map(Units::n_units).collect();
        if sizes.contains(&0) {
            return Err(Error::parameter(
                "layers",
                format!("{sizes:?}"),
                "of at least one unit each; leave an empty layer out",
            ));
        }
        for (l, w) in weights.iter().enumerate() {
            check_shape("weights", w, &sizes[l..l + 2]).map_err(|e| {
                let cure = "layers go from the data upwards, and rows of weights belong to the lower of two";
                e.within(&format!("layers[{}]", l + 1)).with_cure(cure)
            })?;
            check_finite(&format!("weights.{}", l + 1), w)?;
        }
        check_normalisable_chain(&layers, &weights)?;
        Ok(Dbm { layers, weights })
    }

    /// The machine with these layers and independent normal weights of the given standard deviation.
    ///
    /// # Errors
    /// Those of [`Dbm::new`], and a scale that is not positive.
    pub fn random(visible: V, hidden: Vec<H>, scale: f64, seed: Seed) -> Result<Self> {
        check_positive("scale", scale)?;
        let mut rng = seed.child("weights").rng();
        let mut lower = visible.n_units();
        let mut weights = Vec::with_capacity(hidden.len());
        for upper in hidden.iter().map(Units::n_units) {
            weights.push(Array2::from_shape_simple_fn((lower, upper), || {
                scale * rng.sample::<f64, _>(rand_distr::StandardNormal)
            }));
            lower = upper;
        }
        Dbm::new(visible, hidden, weights)
    }

    /// The number of hidden layers `L`.
    pub fn depth(&self) -> usize {
        self.weights.len()
    }

    /// The numbers of units of all layers, the visible one first.
    pub fn sizes(&self) -> Vec<usize> {
        self.layers.iter().map(Units::n_units).collect()
    }

    /// The visible layer.
    pub fn visible(&self) -> &V {
        match &self.layers[0] {
            Layer::Visible(units) => units,
            Layer::Hidden(_) => unreachable!("the first layer is the visible one"),
        }
    }

    /// Hidden layer `l`, from 1 (the lowest) to `L`.
    ///
    /// # Panics
    /// When there is no such layer.
    pub fn hidden(&self, l: usize) -> &H {
        match &self.layers[l] {
            Layer::Hidden(units) => units,
            Layer::Visible(_) => panic!("layer 0 is the visible one"),
        }
    }

    /// The weights `W_l` between layer `l − 1` (rows) and layer `l` (columns), for `l` from 1 to `L`.
    ///
    /// # Panics
    /// When there is no such layer.
    pub fn weights(&self, l: usize) -> ArrayView2<'_, f64> {
        self.weights[l - 1].view()
    }

    /// All layers as one model.
    pub fn joint(&self) -> Joint<V, H> {
        Joint::new(self.clone())
    }

    /// Requires rows that the visible layer can take, and names the first value that it cannot.
    ///
    /// # Errors
    /// An empty batch, a wrong number of columns, or a value that the visible units do not admit, such as NaN.
    pub fn check_visible(&self, x: ArrayView2<f64>) -> Result<()> {
        self.layers[0].check_rows("x", x)
    }

    /// The field that the neighbours of layer `l` send to it when layer `k` has the rows `x[k]`.
    fn field<S: Data<Elem = f64>>(&self, l: usize, x: &[ArrayBase<S, Ix2>]) -> Array2<f64> {
        let below = l
            .checked_sub(1)
            .map(|k| matmul(x[k].view(), self.weights[k].view()));
        let above = self.weights.get(l).map(|w| matmul(x[l + 1].view(), w.t()));
        match (below, above) {
            (Some(below), Some(above)) => below + above,
            (below, above) => below.or(above).expect("a layer has a neighbour"),
        }
    }

    /// Rows `(B, Σ n_l)` cut into those of each layer.
    fn split<'x>(&self, x: ArrayView2<'x, f64>) -> Vec<ArrayView2<'x, f64>> {
        let mut rest = x;
        let mut parts = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let (part, after) = rest.split_at(Axis(1), layer.n_units());
            parts.push(part);
            rest = after;
        }
        parts
    }

    /// A draw of layer `l` given its neighbours.
    fn sample_layer<S: Data<Elem = f64>>(
        &self,
        l: usize,
        x: &[ArrayBase<S, Ix2>],
        streams: Streams,
    ) -> Array2<f64> {
        self.layers[l].sample(self.field(l, x).view(), streams)
    }
}

/// The machine with one hidden layer; the joint density is the same.
impl<V: Units, H: Units> From<&Rbm<V, H>> for Dbm<V, H> {
    fn from(rbm: &Rbm<V, H>) -> Self {
        Dbm {
            layers: vec![
                Layer::Visible(rbm.visible().clone()),
                Layer::Hidden(rbm.hidden().clone()),
            ],
            weights: vec![rbm.weights().to_owned()],
        }
    }
}

/// The space of the visible layer, on which the machine is a density without a tractable energy.
impl<V: Units, H: Units> Space for Dbm<V, H> {
    fn dim(&self) -> usize {
        self.layers[0].n_units()
    }
}

impl<V: Units, H: Units> Parametric for Dbm<V, H> {
    /// `weights.1`, …, then the tensors of the visible layer and of `hidden.1`, ….
    fn layout(&self) -> Layout {
        let mut layout = Layout::new();
        for (l, w) in self.weights.iter().enumerate() {
            layout = layout.with(format!("weights.{}", l + 1), w.shape());
        }
        for (l, layer) in self.layers.iter().enumerate() {
            let name = if l == 0 {
                "visible".to_owned()
            } else {
                format!("hidden.{l}")
            };
            layout = layout.with_part(&name, &layer.layout());
        }
        layout
    }

    fn params(&self) -> Array1<f64> {
        let weights = self.weights.iter().flat_map(|w| w.iter().copied());
        let layers = self.layers.iter().flat_map(|layer| layer.params());
        weights.chain(layers).collect()
    }
}

impl<V: Units, H: Units> ParametricMut for Dbm<V, H> {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        // The layers may refuse more than non-finite numbers, so all are asked before anything is changed.
        let mut layers = self.layers.clone();
        let mut first: usize = self.weights.iter().map(Array2::len).sum();
        for layer in &mut layers {
            let n = layer.n_params();
            layer.set_params(params.slice(s![first..first + n]))?;
            first += n;
        }
        let mut weights = self.weights.clone();
        for (w, new) in weights.iter_mut().flatten().zip(params) {
            *w = *new;
        }
        check_normalisable_chain(&layers, &weights)?;
        (self.layers, self.weights) = (layers, weights);
        Ok(())
    }
}

impl<V: Units, H: Units> Snapshot for Dbm<V, H> {
    fn snapshot(&self) -> Record {
        Record::of_params(self)
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let params = record.params(&self.layout())?;
        self.set_params(params.view())
    }
}
