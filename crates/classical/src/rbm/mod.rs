//! The restricted Boltzmann machine: two layers of units, coupled across and not within.
//!
//! `E(v, h) = e_V(v) + e_H(h) − v'Wh` with `W` visible × hidden (Smolensky 1986; Hinton 2002). Given one layer, the units of the other
//! are independent in the field that the first one sends, so with `Γ` the layer's log-partition function
//!
//! - `p(h | v)` is the hidden layer's law in the field `v'W`, `p(v | h)` the visible layer's in `Wh`;
//! - the free energy is `F(v) = −log Σ_h exp(−E(v, h)) = e_V(v) − Γ_H(v'W)`;
//! - its gradient is `∂F/∂W = −v E[h|v]'`.
//!
//! For Bernoulli layers this is the familiar `E = −b'v − c'h − v'Wh`, `F = −b'v − Σ_j log(1 + exp(c_j + (v'W)_j))`. Nothing here knows what
//! the units are: any pair of layers makes an RBM.
//!
//! This is the reference form, in double precision throughout. The hidden units are summed out wherever the model is seen as an
//! [`gibbsian_core::Energy`]; [`Joint`] shows both layers.

pub(crate) mod binary;
mod centred;
mod dropout;
mod enumerated;
mod exact;
mod flip;
mod free_energy;
mod gibbs;
mod joint;
mod max_norm;
mod mean_field;
mod normalisable;
mod path;
mod product;
mod reparametrise;
mod sparsity;
mod trajectory;

pub use binary::{
    BinaryRbm, BinaryRbmPath, BinaryState, FusedContrastiveDivergence, FusedOptions, FusedPersistent,
};
pub use centred::{Centrable, Centred, CentredRbm, Centring, Offset, Offsets, Standardisation, Standardised};
pub use dropout::{DropoutContrastiveDivergence, EnumeratedDropout};
pub use enumerated::EnumeratedLikelihood;
pub(crate) use gibbs::law_matrix;
pub use joint::Joint;
pub use max_norm::MaxNorm;
pub use mean_field::{Magnetisations, MeanField, MeanFieldLikelihood, MeanFieldOrder};
pub(crate) use normalisable::{check_normalisable, check_normalisable_chain};
pub use path::{RbmPath, RbmStart};
pub(crate) use path::{check_kind, free_log_partition, interpolate};
pub use reparametrise::Scalable;
pub use sparsity::{Penalty, SparsityTarget};
pub use trajectory::RbmTrajectory;

use gibbsian_core::error::{check_finite, check_positive, check_shape};
use gibbsian_core::{
    Error, Layout, Parametric, ParametricMut, Record, Result, Seed, Snapshot, Streams, Units,
};
use gibbsian_linalg::{matmul, matmul_into};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate};
use rand::RngExt;

use crate::bipartite::Bipartite;
use crate::units::Bernoulli;

/// A restricted Boltzmann machine of any two kinds of units.
#[derive(Clone, Debug, PartialEq)]
pub struct Rbm<V = Bernoulli, H = Bernoulli> {
    visible: V,
    hidden: H,
    weights: Array2<f64>,
}

impl<V: Units, H: Units> Rbm<V, H> {
    /// The machine with these layers and weights `(visible, hidden)`.
    ///
    /// # Errors
    /// Empty layers, a weight matrix of another shape, a weight that is not finite, or a coupling of unbounded units that is so strong that `exp(−E)` has no
    /// integral. The last is decided exactly for Gaussian units, and otherwise as far as it can be: a machine of one-sided units that is not normalisable may be taken,
    /// one that is normalisable is never refused.
    pub fn new(visible: V, hidden: H, weights: Array2<f64>) -> Result<Self> {
        let shape = [visible.n_units(), hidden.n_units()];
        if shape.contains(&0) {
            return Err(Error::parameter(
                "layers",
                format!("{shape:?}"),
                "of at least one unit each; begin with as many hidden units as visible ones",
            ));
        }
        check_shape("weights", &weights, &shape)
            .map_err(|e| e.with_cure("rows belong to visible units and columns to hidden ones; transpose a matrix of the other order"))?;
        check_finite("weights", &weights)?;
        check_normalisable(&visible, &hidden, weights.view())?;
        Ok(Rbm {
            visible,
            hidden,
            weights,
        })
    }

    /// The machine with these layers and independent normal weights of the given standard deviation.
    ///
    /// # Errors
    /// Those of [`Rbm::new`], and a scale that is not positive.
    pub fn random(visible: V, hidden: H, scale: f64, seed: Seed) -> Result<Self> {
        check_positive("scale", scale)?;
        let mut rng = seed.child("weights").rng();
        let shape = (visible.n_units(), hidden.n_units());
        let weights =
            Array2::from_shape_simple_fn(shape, || scale * rng.sample::<f64, _>(rand_distr::StandardNormal));
        Rbm::new(visible, hidden, weights)
    }

    /// The visible layer.
    pub fn visible(&self) -> &V {
        &self.visible
    }

    /// The hidden layer.
    pub fn hidden(&self) -> &H {
        &self.hidden
    }

    /// The weights `W`, visible × hidden.
    pub fn weights(&self) -> ArrayView2<'_, f64> {
        self.weights.view()
    }

    /// The field `v'W` that visible rows `(B, V)` send to the hidden layer.
    pub fn hidden_field(&self, v: ArrayView2<f64>) -> Array2<f64> {
        matmul(v, self.weights.view())
    }

    /// The field `Wh` that hidden rows `(B, H)` send to the visible layer.
    pub fn visible_field(&self, h: ArrayView2<f64>) -> Array2<f64> {
        matmul(h, self.weights.t())
    }

    /// `E[h | v]`, one row a case.
    pub fn hidden_mean(&self, v: ArrayView2<f64>) -> Array2<f64> {
        self.hidden.mean(self.hidden_field(v).view())
    }

    /// `E[v | h]`, one row a case.
    pub fn visible_mean(&self, h: ArrayView2<f64>) -> Array2<f64> {
        self.visible.mean(self.visible_field(h).view())
    }

    /// A draw from `p(h | v)` for every row.
    pub fn sample_hidden(&self, v: ArrayView2<f64>, streams: Streams) -> Array2<f64> {
        self.hidden.sample(self.hidden_field(v).view(), streams)
    }

    /// A draw from `p(v | h)` for every row.
    pub fn sample_visible(&self, h: ArrayView2<f64>, streams: Streams) -> Array2<f64> {
        self.visible.sample(self.visible_field(h).view(), streams)
    }

    /// `E(v, h)` of pairs of rows.
    pub fn joint_energy(&self, v: ArrayView2<f64>, h: ArrayView2<f64>) -> Array1<f64> {
        let mut visible = Array1::zeros(v.nrows());
        let mut hidden = Array1::zeros(v.nrows());
        self.visible.energy_into(v, visible.view_mut());
        self.hidden.energy_into(h, hidden.view_mut());
        visible + hidden - (self.hidden_field(v) * h).sum_axis(Axis(1))
    }

    /// Both layers as one model.
    pub fn joint(&self) -> Joint<'_, V, H> {
        Joint::new(self)
    }

    /// The machine with the roles of the layers exchanged; the joint density is the same.
    pub fn transposed(&self) -> Rbm<H, V> {
        Rbm {
            visible: self.hidden.clone(),
            hidden: self.visible.clone(),
            weights: self.weights.t().to_owned(),
        }
    }

    /// Requires rows that the visible layer can take, and names the first value that it cannot.
    ///
    /// # Errors
    /// An empty batch, a wrong number of columns, or a value that the visible units do not admit, such as NaN.
    pub fn check_visible(&self, x: ArrayView2<f64>) -> Result<()> {
        self.visible.check_rows("x", x)
    }
}

impl<V: Units, H: Units> Bipartite for Rbm<V, H> {
    type Visible = V;
    type Hidden = H;

    fn layers(&self) -> (&V, &H) {
        (&self.visible, &self.hidden)
    }

    fn up(&self, v: ArrayView2<f64>) -> Array2<f64> {
        self.hidden_field(v)
    }

    fn down(&self, h: ArrayView2<f64>) -> Array2<f64> {
        self.visible_field(h)
    }

    fn products(&self, v: ArrayView2<f64>, h: ArrayView2<f64>) -> Array2<f64> {
        matmul(v.t(), h)
    }

    fn add_products(&self, v: ArrayView2<f64>, h: ArrayView2<f64>, sum: &mut Array2<f64>) {
        matmul_into(1.0, v.t(), h, 1.0, sum.view_mut());
    }

    fn add_change(&self, unit: usize, steps: ArrayView1<f64>, field: &mut Array2<f64>) {
        *field += &(&steps.insert_axis(Axis(1)) * &self.weights.row(unit));
    }
}

impl<V: Units, H: Units> Parametric for Rbm<V, H> {
    /// `weights`, then the tensors of the visible and of the hidden layer.
    fn layout(&self) -> Layout {
        Layout::new()
            .with("weights", self.weights.shape())
            .with_part("visible", &self.visible.layout())
            .with_part("hidden", &self.hidden.layout())
    }

    fn params(&self) -> Array1<f64> {
        let weights = Array1::from_iter(self.weights.iter().copied());
        concatenate![Axis(0), weights, self.visible.params(), self.hidden.params()]
    }
}

impl<V: Units, H: Units> ParametricMut for Rbm<V, H> {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        let (weights, rest) = params.split_at(Axis(0), self.weights.len());
        let (visible, hidden) = rest.split_at(Axis(0), self.visible.n_params());
        // The layers may refuse more than non-finite numbers, so both are asked before anything is changed.
        let (mut new_visible, mut new_hidden) = (self.visible.clone(), self.hidden.clone());
        new_visible.set_params(visible).map_err(|e| e.within("visible"))?;
        new_hidden.set_params(hidden).map_err(|e| e.within("hidden"))?;
        let new_weights = Array2::from_shape_fn(self.weights.raw_dim(), |(i, j)| {
            weights[i * self.weights.ncols() + j]
        });
        check_normalisable(&new_visible, &new_hidden, new_weights.view())?;
        (self.visible, self.hidden) = (new_visible, new_hidden);
        self.weights.assign(&new_weights);
        Ok(())
    }
}

impl<V: Units, H: Units> Snapshot for Rbm<V, H> {
    fn snapshot(&self) -> Record {
        Record::of_params(self)
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let params = record.params(&self.layout())?;
        self.set_params(params.view())
    }
}
