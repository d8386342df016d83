//! The Bernoulli–Bernoulli machine in single precision, for training and annealing on real data.
//!
//! `E(v, h) = −b'v − c'h − v'Wh` as in [`Rbm`], which stays the reference: this form holds parameters, gradients and chain states in `f32`, in the layout
//! that its kernels want, and speaks `f64` at its boundary. Two facts make it fast:
//!
//! - **States are sparse.** Products of binary rows with `W` are sums of the rows of `W` that are switched on (see
//!   [`gibbsian_linalg::kernels`]). Nothing is rounded to a shorter format, and the sums are the same bits on every machine.
//! - **Work is cut by columns.** Each task owns 64 units of a layer: it computes their field, turns it into probabilities, draws the
//!   units from its own stream, and, in training, updates its own columns of `W`. A panel of `W` stays in one core's cache, and no
//!   result depends on the number of threads.
//!
//! - **Digits are integers.** Where the processor has a matrix unit, training and annealing of machines that fill it write weights in digits of base 256 and multiply
//!   by states exactly ([`gibbsian_linalg::kernels::tiles`]). What the machine itself answers (energies, Gibbs draws) does not use it.
//!
//! `W'` is kept beside `W`, because the product in the other direction needs it; both change in the same pass.
//!
//! Precision is a property of this type: one product sums at most `V` (or `H`) single-precision numbers in a fixed order, so a
//! field carries an absolute error of at most `n ε Σ|w|` with `ε = 2⁻²⁴` and `n` active units, and a unit is drawn with the probability that
//! [`gibbsian_core::simd::bernoulli_law`] reports. Free energies are summed in `f64` over terms in `f32`.

pub(crate) mod batch;
mod energy;
mod exact;
mod flip_gradient;
mod flips;
pub(crate) mod gibbs;
mod law;
mod path;
pub(crate) mod tiled;
mod train;
pub(crate) mod update;
pub(crate) mod velocity;

pub use path::{BinaryRbmPath, BinaryState};
pub use train::{FusedContrastiveDivergence, FusedOptions, FusedPersistent};

use gibbsian_core::{Error, Layout, Parametric, ParametricMut, Record, Result, Snapshot, Space, Values};
use gibbsian_linalg::kernels::{Line, PANEL, panels, transpose};
use ndarray::{Array1, Array2, ArrayView1, s};

use super::Rbm;
use crate::units::Bernoulli;

/// A Bernoulli–Bernoulli restricted Boltzmann machine in single precision.
///
/// ```
/// use gibbsian_classical::{Bernoulli, BinaryRbm, Rbm};
/// use gibbsian_core::Energy;
/// use ndarray::array;
///
/// let rbm = Rbm::new(
///     Bernoulli::new(array![0.25, -0.5])?,
///     Bernoulli::new(array![0.0, 0.5])?,
///     array![[1.0, 0.5], [-1.0, 0.25]],
/// )?;
/// let fast = BinaryRbm::from(&rbm);
/// let v = array![[1.0, 0.0]];
/// assert!((fast.energy(v.view())[0] - rbm.energy(v.view())[0]).abs() < 1e-6);
/// assert_eq!(Rbm::from(&fast), rbm);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct BinaryRbm {
    n_visible: usize,
    n_hidden: usize,
    /// `weights[p][i]` are the weights of visible unit `i` to the 64 hidden units of panel `p`; rows beyond the last unit are zero.
    weights: Vec<Line>,
    /// `transposed[p][q][j]` are the weights of hidden unit `64 p + j` to the 64 visible units of panel `q`; so panel `p` of both
    /// is contiguous and belongs to one task.
    transposed: Vec<Line>,
    /// One line a panel; units beyond the last have bias −∞, which is probability zero.
    visible_bias: Vec<Line>,
    hidden_bias: Vec<Line>,
    /// No parameter is larger than this in magnitude, so that a training step knows when overflow is out of the question.
    magnitude: f64,
    /// Another number whenever the parameters are others, by which copies of them in another form know whether they are up to date.
    stamp: u64,
}

impl BinaryRbm {
    /// The number of visible units.
    pub fn n_visible(&self) -> usize {
        self.n_visible
    }

    /// The number of hidden units.
    pub fn n_hidden(&self) -> usize {
        self.n_hidden
    }

    /// A copy of the weights, visible × hidden.
    pub fn weights(&self) -> Array2<f32> {
        Array2::from_shape_fn((self.n_visible, self.n_hidden), |(i, j)| self.weight(i, j))
    }

    /// `log Z`, exact up to rounding in `f64`, by enumerating the smaller layer.
    ///
    /// # Errors
    /// The smaller layer has more than 32 units.
    pub fn log_z(&self) -> Result<f64> {
        exact::log_z_of(&Rbm::from(self))
    }

    fn zeros(n_visible: usize, n_hidden: usize) -> Self {
        let (q, p) = (panels(n_visible), panels(n_hidden));
        BinaryRbm {
            n_visible,
            n_hidden,
            weights: vec![Line::ZERO; p * q * PANEL],
            transposed: vec![Line::ZERO; p * q * PANEL],
            visible_bias: bias_lines(n_visible, |_| 0.0),
            hidden_bias: bias_lines(n_hidden, |_| 0.0),
            magnitude: 0.0,
            stamp: tiled::new_stamp(),
        }
    }

    /// Lines in one panel of `weights`, and of `transposed`.
    fn panel_lines(&self) -> usize {
        panels(self.n_visible) * PANEL
    }

    fn weight(&self, i: usize, j: usize) -> f32 {
        self.weights[(j / PANEL) * self.panel_lines() + i].0[j % PANEL]
    }

    /// Sets all parameters from `W` in row-major order, `b` and `c`.
    fn assign(&mut self, weights: impl Iterator<Item = f32>, b: &[f32], c: &[f32]) {
        let lines = self.panel_lines();
        for (k, w) in weights.enumerate() {
            let (i, j) = (k / self.n_hidden, k % self.n_hidden);
            self.weights[(j / PANEL) * lines + i].0[j % PANEL] = w;
        }
        for (from, to) in self.weights.chunks(lines).zip(self.transposed.chunks_mut(lines)) {
            transpose_panel(from, to);
        }
        self.visible_bias = bias_lines(self.n_visible, |i| b[i]);
        self.hidden_bias = bias_lines(self.n_hidden, |j| c[j]);
        self.magnitude = self.largest();
        self.stamp = tiled::new_stamp();
    }

    /// The largest magnitude of a parameter.
    fn largest(&self) -> f64 {
        let biases = largest(self.visible_biases()).max(largest(self.hidden_biases()));
        largest(Line::flatten(&self.weights)).max(biases)
    }

    fn visible_biases(&self) -> &[f32] {
        &Line::flatten(&self.visible_bias)[..self.n_visible]
    }

    fn hidden_biases(&self) -> &[f32] {
        &Line::flatten(&self.hidden_bias)[..self.n_hidden]
    }
}

/// Brings one panel of the transposed weights in step with the same panel of the weights.
fn transpose_panel(from: &[Line], to: &mut [Line]) {
    let (from, _) = from.as_chunks::<PANEL>();
    let (to, _) = to.as_chunks_mut::<PANEL>();
    for (from, to) in from.iter().zip(to) {
        transpose(from, to);
    }
}

/// Biases as lines, with −∞ beyond the last unit.
pub(crate) fn bias_lines(n: usize, bias: impl Fn(usize) -> f32) -> Vec<Line> {
    let mut lines = vec![Line([f32::NEG_INFINITY; PANEL]); panels(n)];
    for (i, b) in Line::flatten_mut(&mut lines)[..n].iter_mut().enumerate() {
        *b = bias(i);
    }
    lines
}

/// The largest magnitude of some numbers.
pub(crate) fn largest(values: &[f32]) -> f64 {
    f64::from(values.iter().fold(0.0, |most: f32, x| most.max(x.abs())))
}

/// Two machines are equal when their parameters are.
impl PartialEq for BinaryRbm {
    fn eq(&self, other: &Self) -> bool {
        (self.n_visible, self.n_hidden) == (other.n_visible, other.n_hidden)
            && self.weights == other.weights
            && self.visible_bias == other.visible_bias
            && self.hidden_bias == other.hidden_bias
    }
}

/// Rounds every parameter to single precision; one beyond its range becomes the largest finite number of its sign.
impl From<&Rbm> for BinaryRbm {
    fn from(rbm: &Rbm) -> Self {
        // An f64 of a larger magnitude would be rounded to an infinity.
        let narrow = |v: &f64| (*v as f32).clamp(f32::MIN, f32::MAX);
        let bias = |x: ArrayView1<f64>| x.iter().map(narrow).collect::<Vec<_>>();
        let (n_visible, n_hidden) = rbm.weights().dim();
        let mut machine = BinaryRbm::zeros(n_visible, n_hidden);
        machine.assign(
            rbm.weights().iter().map(narrow),
            &bias(rbm.visible().bias()),
            &bias(rbm.hidden().bias()),
        );
        machine
    }
}

/// Widens every parameter; nothing is lost.
impl From<&BinaryRbm> for Rbm {
    fn from(machine: &BinaryRbm) -> Self {
        let bias = |b: &[f32]| b.iter().map(|v| f64::from(*v)).collect::<Array1<f64>>();
        let layer = |b: &[f32]| Bernoulli::new(bias(b)).expect("the machine's parameters are finite");
        Rbm::new(
            layer(machine.visible_biases()),
            layer(machine.hidden_biases()),
            machine.weights().mapv(f64::from),
        )
        .expect("the machine's parameters are finite and its layers not empty")
    }
}

impl Space for BinaryRbm {
    fn dim(&self) -> usize {
        self.n_visible
    }
}

impl Parametric for BinaryRbm {
    /// The same names and order as [`Rbm`]'s.
    fn layout(&self) -> Layout {
        Layout::new()
            .with("weights", &[self.n_visible, self.n_hidden])
            .with("visible.bias", &[self.n_visible])
            .with("hidden.bias", &[self.n_hidden])
    }

    fn params(&self) -> Array1<f64> {
        let weights = (0..self.n_visible).flat_map(|i| (0..self.n_hidden).map(move |j| (i, j)));
        weights
            .map(|(i, j)| self.weight(i, j))
            .chain(self.visible_biases().iter().copied())
            .chain(self.hidden_biases().iter().copied())
            .map(f64::from)
            .collect()
    }
}

impl ParametricMut for BinaryRbm {
    /// Rounds every parameter to single precision; one beyond its range is refused.
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        let layout = self.layout();
        layout.check(params)?;
        if let Some(k) = params.iter().position(|p| !(*p as f32).is_finite()) {
            let requirement = "a number that single precision can hold";
            return Err(Error::parameter(layout.locate(k), params[k], requirement));
        }
        let part = |name: &str| {
            let range = layout.find(name).map_or(0..0, |t| t.range.clone());
            params
                .slice(s![range])
                .iter()
                .map(|p| *p as f32)
                .collect::<Vec<_>>()
        };
        let (b, c) = (part("visible.bias"), part("hidden.bias"));
        self.assign(part("weights").into_iter(), &b, &c);
        Ok(())
    }
}

impl Snapshot for BinaryRbm {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        let weights = self.weights().iter().copied().collect();
        record.put("weights", &[self.n_visible, self.n_hidden], Values::F32(weights));
        record.put(
            "visible.bias",
            &[self.n_visible],
            Values::F32(self.visible_biases().to_vec()),
        );
        record.put(
            "hidden.bias",
            &[self.n_hidden],
            Values::F32(self.hidden_biases().to_vec()),
        );
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let weights = record.f32s("weights", &[self.n_visible, self.n_hidden])?;
        let b = record.f32s("visible.bias", &[self.n_visible])?;
        let c = record.f32s("hidden.bias", &[self.n_hidden])?;
        let all = weights.iter().chain(b).chain(c);
        self.layout()
            .check(all.map(|v| f64::from(*v)).collect::<Array1<f64>>().view())?;
        self.assign(weights.iter().copied(), b, c);
        Ok(())
    }
}
