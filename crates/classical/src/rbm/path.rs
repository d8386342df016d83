//! The annealing path of an RBM, from independent units to the machine.
//!
//! With base layers `V₀`, `H₀` of the same kinds as the machine's and layer energies affine in their parameters, the machine at `β` has the layers
//! `V_β = (1−β) V₀ + β V`, `H_β = (1−β) H₀ + β H` and the weights `βW`, and
//!
//! `log f_β(v) = −e_{V_β}(v) + Γ_{H_β}(β v'W)`.
//!
//! At `β = 0` the layers are independent, so `log Z₀ = Γ_{V₀}(0) + Γ_{H₀}(0)` and exact draws are free. This is the path of Salakhutdinov and Murray
//! (2008, eq. 15–17) with the base-rate model in `V₀`; it is not an interpolation of two free energies, which would need hidden units of
//! both ends side by side. The transition at `β` is block Gibbs sampling of the machine at `β`, which is reversible as [`Path`] requires.

use gibbsian_core::error::check_shape;
use gibbsian_core::path::exchange_rows;
use gibbsian_core::{Error, Layout, Path, PathTo, Record, Result, Snapshot, Space, Streams, Units};
use ndarray::{Array1, Array2, ArrayView2, Axis, CowArray, Ix2, aview1, s};
use rand::Rng;

use super::Rbm;

/// The path from independent base layers to an RBM.
#[derive(Clone, Debug)]
pub struct RbmPath<'a, V, H> {
    rbm: &'a Rbm<V, H>,
    base_visible: V,
    base_hidden: H,
}

impl<'a, V: Units, H: Units> RbmPath<'a, V, H> {
    /// The path that starts at these independent layers.
    ///
    /// A visible base whose means match the data shortens the path by far (see `Bernoulli::matching_means`); an unbiased
    /// hidden base is customary.
    ///
    /// # Errors
    /// A layer of another size than the machine's, or with other parameters, as categorical units of another alphabet have.
    pub fn new(rbm: &'a Rbm<V, H>, base_visible: V, base_hidden: H) -> Result<Self> {
        check_shape("base_visible", &base_visible.params(), &[rbm.visible.n_params()])?;
        check_shape("base_hidden", &base_hidden.params(), &[rbm.hidden.n_params()])?;
        check_kind("base_visible", &base_visible, &rbm.visible)?;
        check_kind("base_hidden", &base_hidden, &rbm.hidden)?;
        // What no parameter says, as the number of trials of a binomial unit, is the machine's.
        Ok(RbmPath {
            rbm,
            base_visible: interpolate(&base_visible, &rbm.visible, 0.0),
            base_hidden: interpolate(&base_hidden, &rbm.hidden, 0.0),
        })
    }

    /// The layers at `β`.
    fn layers(&self, beta: f64) -> (V, H) {
        (
            interpolate(&self.base_visible, &self.rbm.visible, beta),
            interpolate(&self.base_hidden, &self.rbm.hidden, beta),
        )
    }

    /// **Adds** `sign · log f_β(v)` to `out`.
    fn add_log_density(&self, state: &State, beta: f64, sign: f64, out: &mut [f64]) {
        let (visible, hidden) = self.layers(beta);
        let mut energy = Array1::zeros(state.v.nrows());
        let mut gamma = Array1::zeros(state.v.nrows());
        visible.energy_into(state.v.view(), energy.view_mut());
        hidden.log_partition_into((&state.field * beta).view(), gamma.view_mut());
        for ((out, e), g) in out.iter_mut().zip(&energy).zip(&gamma) {
            *out += sign * (g - e);
        }
    }

    fn state(&self, v: Array2<f64>) -> State {
        let field = self.rbm.hidden_field(v.view());
        State { v, field }
    }
}

/// The independent layers that paths to machines start at, for kernels that serve machines while they are trained.
///
/// ```
/// use gibbsian_classical::{Bernoulli, Rbm, RbmStart};
/// use gibbsian_core::{Path, PathTo, Seed};
///
/// let layers = || (Bernoulli::unbiased(3), Bernoulli::unbiased(2));
/// let rbm = Rbm::random(layers().0, layers().1, 0.5, Seed::new(1))?;
/// let start = RbmStart { visible: layers().0, hidden: layers().1 };
/// assert!((start.path_to(&rbm)?.log_z_start() - 5.0 * 2.0_f64.ln()).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RbmStart<V, H> {
    /// The visible units at the start of the path.
    pub visible: V,
    /// The hidden units at the start of the path.
    pub hidden: H,
}

impl<V: Units, H: Units> PathTo<Rbm<V, H>> for RbmStart<V, H> {
    type State = State;
    type Path<'a>
        = RbmPath<'a, V, H>
    where
        V: 'a,
        H: 'a;

    fn path_to<'a>(&'a self, target: &'a Rbm<V, H>) -> Result<RbmPath<'a, V, H>> {
        RbmPath::new(target, self.visible.clone(), self.hidden.clone())
    }
}

/// Visible rows and the hidden field `v'W` that they send, which work and transition share.
#[derive(Clone, Debug)]
pub struct State {
    v: Array2<f64>,
    field: Array2<f64>,
}

/// Rows and field: the latter could be recomputed, but one that was computed in another batch may round differently.
impl Snapshot for State {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        record.put_part("visible", self.v.snapshot());
        record.put_part("field", self.field.snapshot());
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let mut field = self.field.clone();
        field.restore(&record.part("field"))?;
        self.v.restore(&record.part("visible"))?;
        self.field = field;
        Ok(())
    }
}

impl<V: Units, H: Units> Space for RbmPath<'_, V, H> {
    fn dim(&self) -> usize {
        self.rbm.dim()
    }
}

impl<V: Units, H: Units> Path for RbmPath<'_, V, H> {
    type State = State;

    fn start(&self, n: usize, rng: &mut dyn Rng) -> State {
        let no_field = Array2::zeros((n, self.dim()));
        self.state(self.base_visible.sample(no_field.view(), Streams::draw(rng)))
    }

    fn log_z_start(&self) -> f64 {
        free_log_partition(&self.base_visible) + free_log_partition(&self.base_hidden)
    }

    fn place(&self, x: ArrayView2<f64>) -> Result<State> {
        self.rbm.check_visible(x)?;
        Ok(self.state(x.to_owned()))
    }

    fn positions<'s>(&self, state: &'s State) -> CowArray<'s, f64, Ix2> {
        state.v.view().into()
    }

    fn log_start(&self, state: &State, out: &mut [f64]) {
        self.add_log_density(state, 0.0, 1.0, out);
    }

    fn work(&self, state: &mut State, from: f64, to: f64, log_weights: &mut [f64]) {
        self.add_log_density(state, to, 1.0, log_weights);
        self.add_log_density(state, from, -1.0, log_weights);
    }

    // Both layers' parameters move by `θ₁ − θ₀` and the field by `I = v'W` a unit of `β`, hence
    // `d/dβ log f_β(v) = −e_V(v) + e_{V₀}(v) + ∂Γ/∂θ · (θ₁ − θ₀) + ∂Γ/∂I · I`, the first two because energies are affine in `θ`.
    fn slope(&self, state: &State, beta: f64, out: &mut [f64]) {
        let piece = Piece {
            visible: [&self.base_visible, &self.rbm.visible],
            hidden: [&self.base_hidden, &self.rbm.hidden],
            here: self.layers(beta).1,
            length: 1.0,
        };
        let field = &state.field * beta;
        piece.add_slope(state.v.view(), field.view(), state.field.view(), out);
    }

    fn transition(&self, state: &mut State, beta: f64, rng: &mut dyn Rng) {
        let streams = Streams::draw(rng);
        let (visible, hidden) = self.layers(beta);
        let h = hidden.sample((&state.field * beta).view(), streams.part(0));
        let field = self.rbm.visible_field(h.view()) * beta;
        *state = self.state(visible.sample(field.view(), streams.part(1)));
    }

    fn select(&self, state: &State, rows: &[usize]) -> State {
        State {
            v: state.v.select(Axis(0), rows),
            field: state.field.select(Axis(0), rows),
        }
    }

    fn exchange(&self, a: &mut State, b: &mut State, swap: &[bool]) {
        exchange_rows(&mut a.v, &mut b.v, swap);
        exchange_rows(&mut a.field, &mut b.field, swap);
    }
}

/// A place on a piece of a path along which the parameters of both layers go straight from one layer to another.
pub(crate) struct Piece<'a, V, H> {
    pub(crate) visible: [&'a V; 2],
    pub(crate) hidden: [&'a H; 2],
    /// The hidden layer at this place.
    pub(crate) here: H,
    /// The part of the path that the piece is.
    pub(crate) length: f64,
}

impl<V: Units, H: Units> Piece<'_, V, H> {
    /// **Adds** `d/dβ log f_β(v)` of every row of `v` to `out`, where `field` is `I` and `moved` what it moves by along the whole piece, `ΔI`:
    /// `[−e_{V₁}(v) + e_{V₀}(v) + ∂Γ/∂θ · (θ₁ − θ₀) + E[h | I] · ΔI] / length`, with the parameters `θ` of the hidden layers.
    pub(crate) fn add_slope(
        &self,
        v: ArrayView2<f64>,
        field: ArrayView2<f64>,
        moved: ArrayView2<f64>,
        out: &mut [f64],
    ) {
        let (mut start, mut end) = (Array1::zeros(out.len()), Array1::zeros(out.len()));
        self.visible[0].energy_into(v, start.view_mut());
        self.visible[1].energy_into(v, end.view_mut());
        let along_field = (self.here.mean(field) * moved).sum_axis(Axis(1));
        let direction = self.hidden[1].params() - self.hidden[0].params();
        let mut gradient = Array1::zeros(direction.len());
        for (b, out) in out.iter_mut().enumerate() {
            gradient.fill(0.0);
            let row = field.slice(s![b..b + 1, ..]);
            self.here
                .log_partition_pullback_into(row, aview1(&[1.0]), gradient.view_mut());
            *out += (start[b] - end[b] + gradient.dot(&direction) + along_field[b]) / self.length;
        }
    }
}

/// Requires tensors of the same names and shapes.
pub(crate) fn check_kind<U: Units>(name: &'static str, base: &U, layer: &U) -> Result<()> {
    let describe = |layout: &Layout| {
        let tensors = layout.tensors().iter();
        let tensors: Vec<String> = tensors.map(|t| format!("{} {:?}", t.name, t.shape)).collect();
        tensors.join(", ")
    };
    let (found, required) = (base.layout(), layer.layout());
    if found == required {
        return Ok(());
    }
    Err(Error::parameter(
        name,
        format!("a layer with {}", describe(&found)),
        format!("of the machine's kind, with {}", describe(&required)),
    ))
}

/// The layer with parameters `(1−β) θ₀ + β θ₁`.
pub(crate) fn interpolate<U: Units>(start: &U, end: &U, beta: f64) -> U {
    let mut layer = end.clone();
    let params = start.params() * (1.0 - beta) + end.params() * beta;
    layer
        .set_params(params.view())
        .expect("a convex combination of two layers' parameters is admissible");
    layer
}

/// `Γ(0)`: the log-partition function of a layer by itself.
pub(crate) fn free_log_partition<U: Units>(units: &U) -> f64 {
    let mut out = Array1::zeros(1);
    units.log_partition_into(Array2::zeros((1, units.n_units())).view(), out.view_mut());
    out[0]
}
