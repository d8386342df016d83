//! A machine seen from its visible units: the hidden ones summed out.
//!
//! With the visible units first, `W` falls into `W_vv`, `W_hv`, `W_hh`, and the free energy is
//!
//! `F(v) = −½ v'W_vv v − b_v'v − log Σ_h exp(½ h'W_hh h + h'(b_h + W_hv v))`.
//!
//! The hidden units are coupled, so that their states have to be listed: a table of the term that does not depend on `v`, and for each case one of
//! sums over a field. The gradient is `∂F/∂θ = ⟨∂E/∂θ⟩` with the visible units clamped.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::math::sigmoid;
use gibbsian_core::parallel::{block_rows, for_each_block};
use gibbsian_core::{
    BlockLaw, Blocks, Discrete, DiscreteEnergy, Energy, EnergyPullback, Error, Layout, Parametric,
    ParametricMut, Record, RelaxedEnergy, Result, Snapshot, Space, Streams,
};
use gibbsian_linalg::matmul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, concatenate, s};
use rand::{Rng, RngExt};

use super::energy::subtract_statistics;
use super::gibbs::single_unit_matrix;
use super::{BoltzmannMachine, tables};
use crate::rbm::Rbm;
use crate::units::Bernoulli;

/// The largest number of hidden units whose states are listed for every case.
const MAX_HIDDEN: usize = 20;

/// The law of the first `V` units of a [`BoltzmannMachine`], whose other units are hidden.
///
/// Without hidden units it is the machine itself. Single visible units are redrawn from their exact conditional law, hidden units summed out.
///
/// ```
/// use gibbsian_classical::{BoltzmannMachine, VisibleMarginal};
/// use gibbsian_core::{Discrete, Energy, Seed};
///
/// let machine = BoltzmannMachine::random(6, 1.0, Seed::new(1))?;
/// let log_z = machine.log_z()?;
/// let visible = VisibleMarginal::new(machine, 4)?;
/// let total = visible.energy(visible.states()?.view()).mapv(|f| (-f - log_z).exp()).sum();
/// assert!((total - 1.0).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct VisibleMarginal {
    machine: BoltzmannMachine,
    n_visible: usize,
}

impl VisibleMarginal {
    /// The machine seen from its first `n_visible` units.
    ///
    /// # Errors
    /// No visible units, more than there are units, or more than 20 hidden ones.
    pub fn new(machine: BoltzmannMachine, n_visible: usize) -> Result<Self> {
        let n = machine.n_units();
        if n_visible == 0 || n_visible > n || n - n_visible > MAX_HIDDEN {
            let requirement =
                format!("at least 1, at most the {n} units of the machine, and all but {MAX_HIDDEN} of them");
            return Err(Error::parameter("n_visible", n_visible, requirement));
        }
        Ok(VisibleMarginal { machine, n_visible })
    }

    /// The machine of all units, the visible ones first.
    pub fn machine(&self) -> &BoltzmannMachine {
        &self.machine
    }

    /// The number of hidden units.
    pub fn n_hidden(&self) -> usize {
        self.machine.n_units() - self.n_visible
    }

    /// `log Z` of the machine, which is that of the free energy.
    ///
    /// # Errors
    /// More than 32 units.
    pub fn log_z(&self) -> Result<f64> {
        self.machine.log_z()
    }

    /// `E[h | v]` `(B, H)` of every row of `v` `(B, V)`, exactly.
    ///
    /// # Panics
    /// When the shape does not fit.
    pub fn hidden_mean(&self, v: ArrayView2<f64>) -> Array2<f64> {
        let (law, field) = (HiddenLaw::new(self), self.hidden_field(v));
        let mut out = Array2::zeros(field.raw_dim());
        for_each_block(out.view_mut(), |block, mut means| {
            let mut table = law.table();
            for (b, mut means) in block_rows(block, v.nrows()).zip(means.rows_mut()) {
                law.given(field.row(b), &mut table);
                tables::means(
                    &mut table,
                    means.as_slice_mut().expect("a new array is contiguous"),
                );
            }
        });
        out
    }

    /// All units with the visible ones at the rows of `x` and the others at `start`, and a mark for those others.
    pub(super) fn clamped(&self, x: ArrayView2<f64>, start: f64) -> (Array2<f64>, Array1<bool>) {
        let n = self.machine.n_units();
        let mut all = Array2::from_elem((x.nrows(), n), start);
        all.slice_mut(s![.., ..self.n_visible]).assign(&x);
        (all, Array1::from_shape_fn(n, |i| i >= self.n_visible))
    }

    /// The field `b_h + W_hv v` on the hidden units, one row a case.
    fn hidden_field(&self, v: ArrayView2<f64>) -> Array2<f64> {
        let sent = self.machine.weights.slice(s![..self.n_visible, self.n_visible..]);
        matmul(v, sent.view()) + self.machine.bias.slice(s![self.n_visible..])
    }

    /// `−½ v'W_vv v − b_v'v`.
    fn visible_energy_into(&self, v: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        let product = v.dot(&self.machine.weights.slice(s![..self.n_visible, ..self.n_visible]));
        ndarray::Zip::from(out)
            .and(v.rows())
            .and(product.rows())
            .for_each(|e, v, wv| {
                let bias = self.machine.bias.iter();
                *e = -v
                    .iter()
                    .zip(wv)
                    .zip(bias)
                    .map(|((v, wv), b)| v * (0.5 * wv + b))
                    .sum::<f64>();
            });
    }

    /// `log p(v_unit = 1 | other visible units)` against its complement, in odds: `F(v with 0) − F(v with 1)`.
    fn log_odds(&self, v: ArrayView2<f64>, unit: usize) -> Array1<f64> {
        let mut changed = v.to_owned();
        changed.column_mut(unit).fill(0.0);
        let off = self.energy(changed.view());
        changed.column_mut(unit).fill(1.0);
        off - self.energy(changed.view())
    }
}

/// The machine without couplings inside a layer, visible units first: its free energy is that of the restricted machine.
///
/// ```
/// use gibbsian_classical::{Bernoulli, Rbm, VisibleMarginal};
/// use gibbsian_core::{Energy, Seed};
/// use ndarray::array;
///
/// let rbm = Rbm::random(Bernoulli::unbiased(3), Bernoulli::unbiased(2), 1.0, Seed::new(1))?;
/// let visible = VisibleMarginal::try_from(&rbm)?;
/// let v = array![[1.0, 0.0, 1.0]];
/// assert!((visible.energy(v.view())[0] - rbm.energy(v.view())[0]).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
impl TryFrom<&Rbm<Bernoulli, Bernoulli>> for VisibleMarginal {
    type Error = Error;

    /// # Errors
    /// More than 20 hidden units, whose states would be listed; [`Rbm`] needs no list.
    fn try_from(rbm: &Rbm<Bernoulli, Bernoulli>) -> Result<Self> {
        let (n_visible, n_hidden) = rbm.weights().dim();
        let mut weights = Array2::zeros((n_visible + n_hidden, n_visible + n_hidden));
        weights
            .slice_mut(s![..n_visible, n_visible..])
            .assign(&rbm.weights());
        weights
            .slice_mut(s![n_visible.., ..n_visible])
            .assign(&rbm.weights().t());
        let bias = concatenate![Axis(0), rbm.visible().bias(), rbm.hidden().bias()];
        VisibleMarginal::new(BoltzmannMachine::new(weights, bias)?, n_visible)
            .map_err(|e| e.with_cure("the restricted machine sums its hidden units out without a list"))
    }
}

impl Space for VisibleMarginal {
    fn dim(&self) -> usize {
        self.n_visible
    }
}

impl Energy for VisibleMarginal {
    /// The free energy `F(v)`.
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        self.visible_energy_into(x, out.view_mut());
        let (law, field) = (HiddenLaw::new(self), self.hidden_field(x));
        for_each_block(out.insert_axis(Axis(1)), |block, mut energies| {
            let mut table = law.table();
            for (b, e) in block_rows(block, x.nrows()).zip(&mut energies) {
                *e -= law.given(field.row(b), &mut table);
            }
        });
    }
}

impl EnergyPullback for VisibleMarginal {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let mut w = Array1::zeros(x.nrows());
        weigh(self.energy(x).view(), w.view_mut());
        let (n_visible, n_hidden) = (self.n_visible, self.n_hidden());
        let (law, field) = (HiddenLaw::new(self), self.hidden_field(x));
        // The posteriors of all rows, weighted, are one table, and its moments are those of the hidden units.
        let mut weighted_law = law.table();
        let mut table = law.table();
        let mut h = Array2::zeros((x.nrows(), n_hidden));
        for ((field, w), mut h) in field.rows().into_iter().zip(&w).zip(h.rows_mut()) {
            law.given(field, &mut table);
            for (sum, p) in weighted_law.iter_mut().zip(&table) {
                *sum += w * p;
            }
            tables::means(&mut table, h.as_slice_mut().expect("a new array is contiguous"));
        }
        let weighted = &x * &w.view().insert_axis(Axis(1));
        let n = n_visible + n_hidden;
        let mut second = Array2::zeros((n, n));
        second
            .slice_mut(s![..n_visible, ..n_visible])
            .assign(&weighted.t().dot(&x));
        second
            .slice_mut(s![..n_visible, n_visible..])
            .assign(&weighted.t().dot(&h));
        second
            .slice_mut(s![n_visible.., n_visible..])
            .assign(&tables::second_moments(&weighted_law, n_hidden));
        let means = concatenate![Axis(0), weighted.sum_axis(Axis(0)), h.t().dot(&w)];
        subtract_statistics(second.view(), means.view(), grad);
    }
}

/// The law of the hidden units in a field.
struct HiddenLaw {
    /// Minus their energy by themselves, without the biases, which are part of the field.
    own: Vec<f64>,
}

impl HiddenLaw {
    fn new(marginal: &VisibleMarginal) -> Self {
        let hidden = marginal.n_visible..;
        let own = marginal.machine.weights.slice(s![hidden.clone(), hidden]);
        HiddenLaw {
            own: tables::log_weights(own, Array1::zeros(marginal.n_hidden()).view()),
        }
    }

    fn table(&self) -> Vec<f64> {
        vec![0.0; self.own.len()]
    }

    /// Fills `table` with the probabilities of all hidden states in this field and returns their log-partition function.
    fn given(&self, field: ArrayView1<f64>, table: &mut [f64]) -> f64 {
        tables::linear_into(&field.to_vec(), table);
        for (l, own) in table.iter_mut().zip(&self.own) {
            *l += own;
        }
        let (top, total) = tables::exponentials(table);
        for p in table.iter_mut() {
            *p /= total;
        }
        top + total.ln()
    }
}

impl Discrete for VisibleMarginal {
    fn alphabet(&self, _site: usize) -> &[f64] {
        &[0.0, 1.0]
    }
}

impl DiscreteEnergy for VisibleMarginal {}

impl RelaxedEnergy for VisibleMarginal {
    /// `−∂F/∂v = b_v + W_vv v + W_vh E[h | v]`.
    fn relaxed_score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        let from_all = self.machine.weights.slice(s![.., ..self.n_visible]);
        out.assign(&concatenate![Axis(1), x, self.hidden_mean(x)].dot(&from_all));
        out += &self.machine.bias.slice(s![..self.n_visible]);
    }
}

impl Blocks for VisibleMarginal {
    /// The visible units, one a block.
    fn n_blocks(&self) -> usize {
        self.n_visible
    }

    fn resample(
        &self,
        mut x: ArrayViewMut2<f64>,
        block: usize,
        free: Option<ArrayView1<bool>>,
        rng: &mut dyn Rng,
    ) {
        let streams = Streams::draw(rng);
        if free.is_some_and(|free| !free[block]) {
            return;
        }
        let on = self.log_odds(x.view(), block).mapv(sigmoid);
        for_each_block(x.column_mut(block).insert_axis(Axis(1)), |rows, mut column| {
            let mut rng = streams.block(rows);
            for (b, s) in block_rows(rows, on.len()).zip(&mut column) {
                *s = f64::from(rng.random::<f64>() < on[b]);
            }
        });
    }
}

impl BlockLaw for VisibleMarginal {
    fn block_matrix(&self, block: usize, states: ArrayView2<f64>) -> Array2<f64> {
        single_unit_matrix(block, states, |states| {
            self.log_odds(states, block).mapv(sigmoid).to_vec()
        })
    }
}

impl Parametric for VisibleMarginal {
    /// That of the machine of all units.
    fn layout(&self) -> Layout {
        self.machine.layout()
    }

    fn params(&self) -> Array1<f64> {
        self.machine.params()
    }
}

impl ParametricMut for VisibleMarginal {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.machine.set_params(params)
    }
}

impl Snapshot for VisibleMarginal {
    fn snapshot(&self) -> Record {
        self.machine.snapshot()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.machine.restore(record)
    }
}
