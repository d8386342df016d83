//! Both layers of an RBM as one model on `(v, h)`, with the two layers as blocks.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::{BlockLaw, Blocks, Discrete, DiscreteEnergy, Energy, FiniteUnits, Space, Streams, Units};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};
use rand::Rng;

use super::Rbm;
use super::gibbs::law_matrix;
use crate::units::assign_free;

/// The joint density `p(v, h) ∝ exp(−E(v, h))` of an RBM; rows are `(v, h)`, the visible units first.
#[derive(Clone, Copy, Debug)]
pub struct Joint<'a, V, H> {
    rbm: &'a Rbm<V, H>,
}

impl<'a, V: Units, H: Units> Joint<'a, V, H> {
    pub(super) fn new(rbm: &'a Rbm<V, H>) -> Self {
        Joint { rbm }
    }
}

impl<V: Units, H: Units> Space for Joint<'_, V, H> {
    fn dim(&self) -> usize {
        self.rbm.visible.n_units() + self.rbm.hidden.n_units()
    }
}

impl<V: Units, H: Units> Energy for Joint<'_, V, H> {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        let (v, h) = x.split_at(Axis(1), self.rbm.visible.n_units());
        out.assign(&self.rbm.joint_energy(v, h));
    }
}

impl<V: FiniteUnits, H: FiniteUnits> Discrete for Joint<'_, V, H> {
    fn alphabet(&self, site: usize) -> &[f64] {
        let n_visible = self.rbm.visible.n_units();
        match site.checked_sub(n_visible) {
            None => self.rbm.visible.alphabet(site),
            Some(unit) => self.rbm.hidden.alphabet(unit),
        }
    }

    fn n_states(&self) -> Option<u64> {
        self.rbm
            .visible
            .n_states()?
            .checked_mul(self.rbm.hidden.n_states()?)
    }

    /// The state of the visible layer changes fastest.
    fn states_into(&self, first: u64, mut out: ArrayViewMut2<f64>) {
        let n_visible_states = self
            .rbm
            .visible
            .n_states()
            .expect("few enough states to be numbered");
        for (k, row) in out.axis_chunks_iter_mut(Axis(0), 1).enumerate() {
            let number = first + k as u64;
            let (v, h) = row.split_at(Axis(1), self.rbm.visible.n_units());
            self.rbm.visible.states_into(number % n_visible_states, v);
            self.rbm.hidden.states_into(number / n_visible_states, h);
        }
    }
}

impl<V: FiniteUnits, H: FiniteUnits> DiscreteEnergy for Joint<'_, V, H> {}

impl<V: Units, H: Units> Blocks for Joint<'_, V, H> {
    /// Two: the hidden layer (0), then the visible layer (1).
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
        let n_visible = self.rbm.visible.n_units();
        let streams = Streams::draw(rng);
        let (v, h) = x.split_at(Axis(1), n_visible);
        let (free_v, free_h) = free.map(|free| free.split_at(Axis(0), n_visible)).unzip();
        match block {
            0 => {
                let new = self.rbm.sample_hidden(v.view(), streams);
                assign_free(&self.rbm.hidden, h, &new, free_h);
            }
            1 => {
                let new = self.rbm.sample_visible(h.view(), streams);
                assign_free(&self.rbm.visible, v, &new, free_v);
            }
            _ => panic!("block {block} of a model with two blocks"),
        }
    }
}

impl<V: FiniteUnits, H: FiniteUnits> BlockLaw for Joint<'_, V, H> {
    fn block_matrix(&self, block: usize, states: ArrayView2<f64>) -> Array2<f64> {
        let (v, h) = states.split_at(Axis(1), self.rbm.visible.n_units());
        let (p, kept) = match block {
            0 => (law_matrix(&self.rbm.hidden, self.rbm.hidden_field(v), &h), v),
            1 => (law_matrix(&self.rbm.visible, self.rbm.visible_field(h), &v), h),
            _ => panic!("block {block} of a model with two blocks"),
        };
        // The other layer stays: only states that agree in it can be reached.
        Array2::from_shape_fn(p.raw_dim(), |(i, j)| {
            if kept.row(i) == kept.row(j) {
                p[[i, j]]
            } else {
                0.0
            }
        })
    }
}
