//! The Bernoulli deep Boltzmann machine in single precision, for training and annealing on real data.
//!
//! The same machine as [`Dbm`] of Bernoulli layers, which stays the reference; parameters, means and chains are held in `f32`, in panels of 64 units, as
//! [`crate::BinaryRbm`] holds them, and `f64` is spoken at the boundary. Two kinds of work are told apart:
//!
//! - **States of Gibbs chains are sparse**, and so are digits: their products with weights are sums of the lines that are switched on
//!   ([`gibbsian_linalg::kernels`]).
//! - **Means of mean field are dense**: their products are matrix products, a panel of 64 units a task ([`gibbsian_linalg::matmul_here_into`]). They are
//!   most of the arithmetic of a step.
//!
//! Where the processor has a matrix unit, training and annealing of machines whose layers fill it write weights and means in digits of base 256 and multiply them as
//! integers ([`gibbsian_linalg::kernels::tiles`]).
//!
//! No result depends on the number of threads. Products of means may be rounded otherwise on a processor with other vectors; sparse sums are not.

mod base;
mod centring;
mod coupling;
mod gibbs;
mod mean_field;
mod path;
mod tiled;
mod train;
mod update;

pub use gibbs::BinaryJoint;
pub use path::BinaryDbmPath;
pub use train::{FusedVariational, FusedVariationalOptions};

use gibbsian_core::{Error, Layout, Parametric, ParametricMut, Record, Result, Snapshot, Space};
use gibbsian_linalg::kernels::Line;
use ndarray::{Array1, Array2, ArrayView1};

use self::coupling::Coupling;
use super::{Dbm, MeanField};
use crate::rbm::binary::tiled::new_stamp;
use crate::rbm::binary::{bias_lines, largest};
use crate::units::Bernoulli;

/// A deep Boltzmann machine of Bernoulli layers in single precision.
///
/// As a space it is that of the visible layer; [`BinaryDbm::joint`] shows all layers.
///
/// ```
/// use gibbsian_classical::dbm::BinaryDbm;
/// use gibbsian_classical::{Bernoulli, Dbm};
/// use ndarray::array;
///
/// let dbm = Dbm::new(
///     Bernoulli::new(array![0.25, -0.5])?,
///     vec![Bernoulli::unbiased(1), Bernoulli::unbiased(2)],
///     vec![array![[1.0], [0.5]], array![[-1.0, 0.25]]],
/// )?;
/// let fast = BinaryDbm::from(&dbm);
/// assert_eq!(Dbm::from(&fast), dbm);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct BinaryDbm {
    couplings: Vec<Coupling>,
    /// One line a panel of each layer; units beyond the last have bias −∞, which is probability zero.
    biases: Vec<Vec<Line>>,
    /// No parameter is larger than this in magnitude, so that a training step knows when overflow is out of the question.
    magnitude: f64,
    /// Another number whenever the parameters are others, by which copies of them in another form know whether they are up to date.
    stamp: u64,
}

impl BinaryDbm {
    /// The number of hidden layers.
    pub fn depth(&self) -> usize {
        self.couplings.len()
    }

    /// The numbers of units of all layers, the visible one first.
    pub fn sizes(&self) -> Vec<usize> {
        self.iter_sizes().collect()
    }

    /// The same, one after another.
    fn iter_sizes(&self) -> impl Iterator<Item = usize> + '_ {
        let hidden = self.couplings.iter().map(|c| c.n_upper);
        std::iter::once(self.couplings[0].n_lower).chain(hidden)
    }

    fn n_units(&self, l: usize) -> usize {
        match l.checked_sub(1) {
            None => self.couplings[0].n_lower,
            Some(k) => self.couplings[k].n_upper,
        }
    }

    /// The number of visible units.
    pub fn n_visible(&self) -> usize {
        self.n_units(0)
    }

    /// A copy of the weights `W_l` between layer `l − 1` and layer `l`, for `l` from 1.
    ///
    /// # Panics
    /// When there is no such layer.
    pub fn weights(&self, l: usize) -> Array2<f32> {
        let coupling = &self.couplings[l - 1];
        Array2::from_shape_vec((coupling.n_lower, coupling.n_upper), coupling.iter().collect())
            .expect("as many weights as pairs")
    }

    fn bias(&self, l: usize) -> &[f32] {
        &Line::flatten(&self.biases[l])[..self.n_units(l)]
    }

    /// Sets all parameters from numbers in the order of the layout.
    fn assign(&mut self, mut params: impl Iterator<Item = f32>) {
        for coupling in &mut self.couplings {
            let n = coupling.n_lower * coupling.n_upper;
            coupling.assign(params.by_ref().take(n));
        }
        for (l, n) in self.sizes().into_iter().enumerate() {
            let bias: Vec<f32> = params.by_ref().take(n).collect();
            self.biases[l] = bias_lines(n, |i| bias[i]);
        }
        self.magnitude = self.largest();
        self.stamp = new_stamp();
    }

    /// The largest magnitude of a parameter.
    fn largest(&self) -> f64 {
        let weights = self.couplings.iter().map(|c| largest(Line::flatten(&c.weights)));
        let biases = (0..=self.depth()).map(|l| largest(self.bias(l)));
        weights.chain(biases).fold(0.0, f64::max)
    }
}

/// Two machines are equal when their parameters are.
impl PartialEq for BinaryDbm {
    fn eq(&self, other: &Self) -> bool {
        self.couplings == other.couplings && self.biases == other.biases
    }
}

/// Rounds every parameter to single precision; one beyond its range becomes the largest finite number of its sign.
impl From<&Dbm> for BinaryDbm {
    fn from(dbm: &Dbm) -> Self {
        let sizes = dbm.sizes();
        let mut machine = BinaryDbm {
            couplings: sizes.windows(2).map(|n| Coupling::zeros(n[0], n[1])).collect(),
            biases: vec![Vec::new(); sizes.len()],
            magnitude: 0.0,
            stamp: new_stamp(),
        };
        // An f64 of a larger magnitude would be rounded to an infinity.
        let params = dbm.params();
        machine.assign(params.iter().map(|p| (*p as f32).clamp(f32::MIN, f32::MAX)));
        machine
    }
}

/// Widens every parameter; nothing is lost.
impl From<&BinaryDbm> for Dbm {
    fn from(machine: &BinaryDbm) -> Self {
        let layer = |l| {
            let bias: Array1<f64> = machine.bias(l).iter().map(|b| f64::from(*b)).collect();
            Bernoulli::new(bias).expect("the machine's parameters are finite")
        };
        let hidden = (1..=machine.depth()).map(layer).collect();
        let weights = (1..=machine.depth())
            .map(|l| machine.weights(l).mapv(f64::from))
            .collect();
        Dbm::new(layer(0), hidden, weights).expect("the machine's layers fit each other")
    }
}

impl Space for BinaryDbm {
    fn dim(&self) -> usize {
        self.n_visible()
    }
}

impl Parametric for BinaryDbm {
    /// The same names and order as those of [`Dbm`].
    fn layout(&self) -> Layout {
        let mut layout = Layout::new();
        for (l, c) in self.couplings.iter().enumerate() {
            layout = layout.with(format!("weights.{}", l + 1), &[c.n_lower, c.n_upper]);
        }
        for (l, n) in self.sizes().into_iter().enumerate() {
            let name = match l {
                0 => "visible.bias".to_owned(),
                l => format!("hidden.{l}.bias"),
            };
            layout = layout.with(name, &[n]);
        }
        layout
    }

    fn params(&self) -> Array1<f64> {
        let weights = self.couplings.iter().flat_map(Coupling::iter);
        let biases = (0..=self.depth()).flat_map(|l| self.bias(l).iter().copied());
        weights.chain(biases).map(f64::from).collect()
    }
}

impl ParametricMut for BinaryDbm {
    /// Rounds every parameter to single precision; one beyond its range is refused.
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        let layout = self.layout();
        layout.check(params)?;
        if let Some(k) = params.iter().position(|p| !(*p as f32).is_finite()) {
            let requirement = "a number that single precision can hold";
            return Err(Error::parameter(layout.locate(k), params[k], requirement));
        }
        self.assign(params.iter().map(|p| *p as f32));
        Ok(())
    }
}

impl Snapshot for BinaryDbm {
    /// The tensors in single precision.
    fn snapshot(&self) -> Record {
        Record::of_params(self).in_single_precision()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let params = record.params(&self.layout())?;
        self.set_params(params.view())
    }
}
