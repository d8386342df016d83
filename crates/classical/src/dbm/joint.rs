//! All layers of a DBM as one model, with the odd and the even layers as its two blocks.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::{
    BlockLaw, Blocks, Discrete, DiscreteEnergy, Energy, EnergyPullback, FiniteUnits, Layout, Parametric,
    ParametricMut, Record, Result, Snapshot, Space, Streams, Units,
};
use gibbsian_linalg::matmul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, Zip, s};
use rand::Rng;

use super::Dbm;
use crate::units::assign_free;

/// The joint density `p(v, h¹, …, hᴸ) ∝ exp(−E)` of a DBM; rows are `(v, h¹, …, hᴸ)`, the visible units first.
///
/// It owns its machine, so that what trains any model by its joint states can train this one.
#[derive(Clone, Debug, PartialEq)]
pub struct Joint<V, H> {
    dbm: Dbm<V, H>,
}

impl<V: Units, H: Units> Joint<V, H> {
    /// All layers of this machine.
    pub fn new(dbm: Dbm<V, H>) -> Self {
        Joint { dbm }
    }

    /// The machine.
    pub fn dbm(&self) -> &Dbm<V, H> {
        &self.dbm
    }

    /// The machine, taken back.
    pub fn into_dbm(self) -> Dbm<V, H> {
        self.dbm
    }
}

impl<V: Units, H: Units> Space for Joint<V, H> {
    fn dim(&self) -> usize {
        self.dbm.layers.iter().map(Units::n_units).sum()
    }
}

impl<V: Units, H: Units> Energy for Joint<V, H> {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        let known: Vec<_> = self.dbm.split(x).into_iter().map(Some).collect();
        out.assign(&self.dbm.partial_energy(&known));
    }
}

impl<V: Units, H: Units> Parametric for Joint<V, H> {
    fn layout(&self) -> Layout {
        self.dbm.layout()
    }

    fn params(&self) -> Array1<f64> {
        self.dbm.params()
    }
}

impl<V: Units, H: Units> ParametricMut for Joint<V, H> {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.dbm.set_params(params)
    }
}

impl<V: Units, H: Units> Snapshot for Joint<V, H> {
    fn snapshot(&self) -> Record {
        self.dbm.snapshot()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.dbm.restore(record)
    }
}

impl<V: Units, H: Units> EnergyPullback for Joint<V, H> {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let mut w = Array1::zeros(x.nrows());
        weigh(self.energy(x).view(), w.view_mut());
        let x = self.dbm.split(x);
        let mut rest = self.dbm.add_couplings(&x, w.view(), grad.view_mut());
        for (layer, x) in self.dbm.layers.iter().zip(&x) {
            let (part, after) = rest.split_at(Axis(0), layer.n_params());
            layer.energy_pullback_into(*x, w.view(), part);
            rest = after;
        }
    }
}

impl<V: Units, H: Units> Dbm<V, H> {
    /// **Adds** `−Σ_b w_b x_l x_{l+1}'` to the gradient of every matrix of weights, and returns the gradient of the layers.
    pub(super) fn add_couplings<'g>(
        &self,
        x: &[ArrayView2<f64>],
        w: ArrayView1<f64>,
        grad: ArrayViewMut1<'g, f64>,
    ) -> ArrayViewMut1<'g, f64> {
        let mut rest = grad;
        for (l, weights) in self.weights.iter().enumerate() {
            let (part, after) = rest.split_at(Axis(0), weights.len());
            let weighted = &x[l] * &w.insert_axis(Axis(1));
            let product = matmul(weighted.t(), x[l + 1].view());
            for (g, p) in part.into_iter().zip(&product) {
                *g -= p;
            }
            rest = after;
        }
        rest
    }

    /// Redraws the odd (block 0) or the even (block 1) layers of joint rows.
    pub(super) fn redraw(
        &self,
        mut x: ArrayViewMut2<f64>,
        block: usize,
        free: Option<ArrayView1<bool>>,
        streams: Streams,
    ) {
        assert!(block < 2, "block {block} of a model with two blocks");
        let mut first = 0;
        for (l, layer) in self.layers.iter().enumerate() {
            let units = first..first + layer.n_units();
            first = units.end;
            if l % 2 == block {
                continue;
            }
            // Layers of one block are no neighbours, so that it does not matter which of them are new already.
            let new = self.sample_layer(l, &self.split(x.view()), streams.part(l as u64));
            let free = free.map(|free| free.slice_move(s![units.clone()]));
            assign_free(layer, x.slice_mut(s![.., units]), &new, free);
        }
    }
}

impl<V: FiniteUnits, H: FiniteUnits> Discrete for Joint<V, H> {
    fn alphabet(&self, mut site: usize) -> &[f64] {
        for layer in &self.dbm.layers {
            if site < layer.n_units() {
                return layer.alphabet(site);
            }
            site -= layer.n_units();
        }
        panic!("no such site");
    }

    fn n_states(&self) -> Option<u64> {
        (self.dbm.layers.iter()).try_fold(1u64, |n, layer| n.checked_mul(layer.n_states()?))
    }

    /// The state of the visible layer changes fastest.
    fn states_into(&self, first: u64, mut out: ArrayViewMut2<f64>) {
        for (k, row) in out.axis_chunks_iter_mut(Axis(0), 1).enumerate() {
            let (mut number, mut rest) = (first + k as u64, row);
            for layer in &self.dbm.layers {
                let n = layer.n_states().expect("few enough states to be numbered");
                let (part, after) = rest.split_at(Axis(1), layer.n_units());
                layer.states_into(number % n, part);
                number /= n;
                rest = after;
            }
        }
    }
}

impl<V: FiniteUnits, H: FiniteUnits> DiscreteEnergy for Joint<V, H> {}

impl<V: Units, H: Units> Blocks for Joint<V, H> {
    /// Two: the odd layers (0), then the even ones with the visible layer (1).
    fn n_blocks(&self) -> usize {
        2
    }

    fn resample(
        &self,
        x: ArrayViewMut2<f64>,
        block: usize,
        free: Option<ArrayView1<bool>>,
        rng: &mut dyn Rng,
    ) {
        self.dbm.redraw(x, block, free, Streams::draw(rng));
    }
}

impl<V: FiniteUnits, H: FiniteUnits> BlockLaw for Joint<V, H> {
    fn block_matrix(&self, block: usize, states: ArrayView2<f64>) -> Array2<f64> {
        assert!(block < 2, "block {block} of a model with two blocks");
        let x = self.dbm.split(states);
        let mut p = Array2::ones((states.nrows(), states.nrows()));
        for (l, layer) in self.dbm.layers.iter().enumerate() {
            if l % 2 != block {
                p *= &crate::rbm::law_matrix(layer, self.dbm.field(l, &x), &x[l]);
            } else {
                // This layer stays: only states that agree in it can be reached.
                Zip::indexed(&mut p).for_each(|(i, j), p| {
                    if x[l].row(i) != x[l].row(j) {
                        *p = 0.0;
                    }
                });
            }
        }
        p
    }
}
