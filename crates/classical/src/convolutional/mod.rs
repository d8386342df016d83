//! The convolutional restricted Boltzmann machine: filters that look at every place of a picture.
//!
//! Visible units are the pixels of a picture of `h × w` pixels with `C` channels, hidden units stand at `h' × w'` places with one unit a filter, and the weights are the same at all
//! places (Lee, Grosse, Ranganath and Ng 2009, "Convolutional deep belief networks for scalable unsupervised learning of hierarchical representations"; Desjardins and Bengio 2008),
//!
//! `E(v, h) = e_V(v) + e_H(h) − Σ_{y,x,k} h_{yxk} Σ_{i,j,c} W_{ijck} v_{y+i, x+j, c}`.
//!
//! With an open boundary filters stand where they fit, `h' = h − k_h + 1`, which is called a valid convolution; with a periodic one pictures close to a torus and `h' = h`. Filters are not
//! turned around: this is a cross-correlation, as in networks. What is sent downwards is the transposed map.
//!
//! The layers are those of any machine ([`units`](crate::units)), so free energies, conditionals and gradients are those of an [`Rbm`] with another coupling. One bias a channel and one a
//! filter, as in the paper, is a layer that is [`Repeated`] at all places; hidden units of which at most one is on in every block are [`MaxPooled`](crate::MaxPooled); real pixels are
//! repeated [`Gaussian`](crate::Gaussian) units. Channels lie side by side in a row: column `(y w + x) C + c` is channel `c` of pixel `(y, x)`.
//!
//! Every convolutional machine is a dense one whose weights are tied ([`ConvolutionalRbm::to_rbm`]). That is where enumeration and annealing of small ones come from, and what this one is
//! held against.

mod filters;
mod free_energy;
mod gibbs;

use gibbsian_core::error::check_finite;
use gibbsian_core::{
    Error, FiniteUnits, Layout, Parametric, ParametricMut, Record, Result, Seed, Snapshot, Streams, Units,
};
use ndarray::{Array1, Array2, Array4, ArrayView1, ArrayView2, ArrayView4, Axis, concatenate};
use rand::RngExt;

use self::filters::{Filters, hidden_shape};
use crate::bipartite::Bipartite;
use crate::graph::Boundary;
use crate::rbm::{Rbm, check_normalisable};
use crate::units::{Bernoulli, Repeated};

/// A restricted Boltzmann machine whose weights are filters, of any two kinds of units.
///
/// ```
/// use gibbsian_classical::{Boundary, ConvolutionalRbm};
/// use gibbsian_core::{Energy, Parametric};
/// use ndarray::{Array4, array};
///
/// // A picture of 3 × 4 pixels of one channel, two filters of 2 × 2 pixels: hidden units at 2 × 3 places.
/// let filters = Array4::from_shape_fn((2, 2, 1, 2), |(i, j, _, k)| if k == 0 { 1.0 } else { i as f64 - j as f64 });
/// let machine = ConvolutionalRbm::binary([3, 4], array![-0.5], array![0.0, 0.2], filters, Boundary::Open)?;
/// assert_eq!((machine.hidden_shape(), machine.n_params()), ([2, 3], 8 + 1 + 2));
///
/// // It is a dense machine whose weights are tied.
/// let v = array![[1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]];
/// let dense = machine.to_rbm();
/// assert!((machine.energy(v.view())[0] - dense.energy(v.view())[0]).abs() < 1e-13);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ConvolutionalRbm<V = Repeated<Bernoulli>, H = Repeated<Bernoulli>> {
    visible: V,
    hidden: H,
    filters: Filters,
}

impl ConvolutionalRbm {
    /// The machine of zeros and ones on pictures of this `shape` `[h, w]`, with a bias a channel `(C)` and a bias a filter `(K)`, and filters `(k_h, k_w, C, K)`.
    ///
    /// # Errors
    /// Those of [`ConvolutionalRbm::new`], and a bias that is not finite.
    pub fn binary(
        shape: [usize; 2],
        visible_bias: Array1<f64>,
        hidden_bias: Array1<f64>,
        filters: Array4<f64>,
        boundary: Boundary,
    ) -> Result<Self> {
        let places = places_of(shape, &filters, boundary)?;
        let visible = Bernoulli::new(visible_bias).map_err(|e| e.within("visible"))?;
        let hidden = Bernoulli::new(hidden_bias).map_err(|e| e.within("hidden"))?;
        ConvolutionalRbm::new(
            shape,
            Repeated::new(visible, shape.iter().product())?,
            Repeated::new(hidden, places.iter().product())?,
            filters,
            boundary,
        )
    }
}

impl<V: Units, H: Units> ConvolutionalRbm<V, H> {
    /// The machine on pictures of this `shape` `[h, w]` with these layers of all `h w C` visible and all `h' w' K` hidden units, and filters `(k_h, k_w, C, K)`.
    ///
    /// # Errors
    /// A filter without pixels, channels or units or larger than the picture, layers of other numbers of units, a weight that is not finite, or a coupling of unbounded units that
    /// is so strong that `exp(−E)` has no integral, as far as that is decided by [`Rbm::new`].
    pub fn new(
        shape: [usize; 2],
        visible: V,
        hidden: H,
        filters: Array4<f64>,
        boundary: Boundary,
    ) -> Result<Self> {
        let places = places_of(shape, &filters, boundary)?;
        check_finite("filters", &filters)?;
        let (_, _, n_channels, n_filters) = filters.dim();
        check_units("visible", visible.n_units(), shape, n_channels, "channels")?;
        check_units("hidden", hidden.n_units(), places, n_filters, "filters")?;
        let machine = ConvolutionalRbm {
            visible,
            hidden,
            filters: Filters::new(filters, shape, boundary),
        };
        machine.check_normalisable()?;
        Ok(machine)
    }

    /// The machine with these layers and independent normal weights of the given standard deviation, in filters of this shape `[k_h, k_w, C, K]`.
    ///
    /// # Errors
    /// Those of [`ConvolutionalRbm::new`], and a scale that is not positive.
    pub fn random(
        shape: [usize; 2],
        visible: V,
        hidden: H,
        filters: [usize; 4],
        boundary: Boundary,
        scale: f64,
        seed: Seed,
    ) -> Result<Self> {
        gibbsian_core::error::check_positive("scale", scale)?;
        let mut rng = seed.child("filters").rng();
        let normal = || scale * rng.sample::<f64, _>(rand_distr::StandardNormal);
        let filters = Array4::from_shape_simple_fn(filters, normal);
        ConvolutionalRbm::new(shape, visible, hidden, filters, boundary)
    }

    /// The layer of all visible units.
    pub fn visible(&self) -> &V {
        &self.visible
    }

    /// The layer of all hidden units.
    pub fn hidden(&self) -> &H {
        &self.hidden
    }

    /// The filters `W`, `(k_h, k_w, C, K)`.
    pub fn filters(&self) -> ArrayView4<'_, f64> {
        self.filters.weights().view()
    }

    /// The height and the width of pictures.
    pub fn shape(&self) -> [usize; 2] {
        self.filters.shape()
    }

    /// The numbers of places of hidden units in each direction.
    pub fn hidden_shape(&self) -> [usize; 2] {
        self.filters.hidden_shape()
    }

    /// What happens where a picture ends.
    pub fn boundary(&self) -> Boundary {
        self.filters.boundary()
    }

    /// The field that pictures `(B, V)` send to the hidden layer, `(B, H)`.
    ///
    /// # Panics
    /// When the rows do not have a column a visible unit.
    pub fn hidden_field(&self, v: ArrayView2<f64>) -> Array2<f64> {
        self.filters.up(v)
    }

    /// The field that hidden rows `(B, H)` send to the picture, `(B, V)`.
    ///
    /// # Panics
    /// When the rows do not have a column a hidden unit.
    pub fn visible_field(&self, h: ArrayView2<f64>) -> Array2<f64> {
        self.filters.down(h)
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

    /// The same machine with a weight for every pair of units, `(h w C, h' w' K)` numbers most of which are zero: for enumeration, annealing paths and all else that an [`Rbm`] has.
    pub fn to_rbm(&self) -> Rbm<V, H> {
        Rbm::new(self.visible.clone(), self.hidden.clone(), self.filters.dense())
            .expect("what a dense machine requires was required of this one")
    }

    /// Requires rows that the visible layer can take, and names the first value that it cannot.
    ///
    /// # Errors
    /// An empty batch, a wrong number of columns, or a value that the visible units do not admit, such as NaN.
    pub fn check_visible(&self, x: ArrayView2<f64>) -> Result<()> {
        self.visible.check_rows("x", x)
    }

    /// Where units of both layers are unbounded, asks the dense machine.
    fn check_normalisable(&self) -> Result<()> {
        if has_tails(&self.visible) && has_tails(&self.hidden) {
            check_normalisable(&self.visible, &self.hidden, self.filters.dense().view())?;
        }
        Ok(())
    }
}

impl<V: FiniteUnits, H: FiniteUnits> ConvolutionalRbm<V, H> {
    /// `log Z`, exact up to rounding, by enumeration of the layer with fewer states of [`ConvolutionalRbm::to_rbm`].
    ///
    /// # Errors
    /// Both layers have more than 2³² states.
    pub fn log_z(&self) -> Result<f64> {
        self.to_rbm().log_z()
    }
}

/// Where filters of this shape can stand.
fn places_of(shape: [usize; 2], filters: &Array4<f64>, boundary: Boundary) -> Result<[usize; 2]> {
    let (height, width, channels, n_filters) = filters.dim();
    let fit = height <= shape[0] && width <= shape[1];
    if !fit || height * width * channels * n_filters == 0 {
        let required = format!(
            "(1..={}, 1..={}, at least 1, at least 1): height and width of a filter within the picture, channels, filters",
            shape[0], shape[1]
        );
        return Err(Error::shape("filters", filters.shape(), required));
    }
    Ok(hidden_shape(shape, [height, width], boundary))
}

fn check_units(
    name: &'static str,
    found: usize,
    [height, width]: [usize; 2],
    depth: usize,
    what: &str,
) -> Result<()> {
    if found == height * width * depth {
        return Ok(());
    }
    Err(Error::parameter(
        name,
        format!("a layer of {found} units"),
        format!(
            "of {} units, {height} × {width} places of {depth} {what}; Repeated makes such a layer of one with {depth} units",
            height * width * depth
        ),
    ))
}

/// Whether some unit is unbounded.
fn has_tails<U: Units>(layer: &U) -> bool {
    (0..layer.n_units()).any(|unit| layer.tails(unit).iter().any(|curvature| curvature.is_finite()))
}

impl<V: Units, H: Units> Bipartite for ConvolutionalRbm<V, H> {
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
        self.filters.gradient(v, h)
    }

    fn add_change(&self, unit: usize, steps: ArrayView1<f64>, field: &mut Array2<f64>) {
        for (field, step) in field.rows_mut().into_iter().zip(steps) {
            self.filters.add_change(unit, *step, field);
        }
    }
}

impl<V: Units, H: Units> Parametric for ConvolutionalRbm<V, H> {
    /// `filters`, then the tensors of the visible and of the hidden layer.
    fn layout(&self) -> Layout {
        Layout::new()
            .with("filters", self.filters.weights().shape())
            .with_part("visible", &self.visible.layout())
            .with_part("hidden", &self.hidden.layout())
    }

    fn params(&self) -> Array1<f64> {
        let filters = Array1::from_iter(self.filters.weights().iter().copied());
        concatenate![Axis(0), filters, self.visible.params(), self.hidden.params()]
    }
}

impl<V: Units, H: Units> ParametricMut for ConvolutionalRbm<V, H> {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        let weights = self.filters.weights();
        let (filters, rest) = params.split_at(Axis(0), weights.len());
        let (visible, hidden) = rest.split_at(Axis(0), self.visible.n_params());
        // Anything may be refused, so a copy is changed first.
        let mut new = self.clone();
        new.visible.set_params(visible).map_err(|e| e.within("visible"))?;
        new.hidden.set_params(hidden).map_err(|e| e.within("hidden"))?;
        let filters = Array4::from_shape_vec(weights.raw_dim(), filters.to_vec());
        let filters = filters.expect("as many numbers as weights");
        new.filters = Filters::new(filters, self.shape(), self.boundary());
        new.check_normalisable()?;
        *self = new;
        Ok(())
    }
}

impl<V: Units, H: Units> Snapshot for ConvolutionalRbm<V, H> {
    fn snapshot(&self) -> Record {
        Record::of_params(self)
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let params = record.params(&self.layout())?;
        self.set_params(params.view())
    }
}
