//! Greedy pretraining of a deep machine by a stack of restricted ones (Salakhutdinov and Hinton 2009, section 3.1).
//!
//! A hidden layer between two others hears both of them; in a stack of RBMs trained one after another each hears one. The lack is made up by copies. The
//! bottom RBM has two copies of its visible layer, with the same weights, so that `p(h | v, v) = σ(c + 2v'W)`; the top one two copies of its hidden layer, so that
//! `p(v | h, h) = σ(b + 2Wh)`; those between have both. When the stack is composed, each copy makes room for the neighbour that it stood for: the
//! machine has the weights `W` undoubled, and a layer that was the hidden one of one RBM and the visible one of the next gets the mean of both parameters,
//! because the field it then has, `v'W₁ + W₂h + (c + b)/2`, is the mean of the two that it was trained with.
//!
//! A machine with copies is an energy-based model by itself: `F(v₁, …, v_m) = Σ_k e_V(v_k) − n Γ_H(Σ_k v_k'W)`, with exact block Gibbs sampling through its
//! `n` hidden copies. So any objective that trains an RBM trains [`Replicated`].

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::check_count;
use gibbsian_core::{
    Blocks, Discrete, Energy, EnergyPullback, Error, FiniteUnits, Layout, Parametric, ParametricMut, Record,
    Result, Snapshot, Space, Streams, Units,
};
use gibbsian_linalg::matmul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, concatenate, s};
use rand::Rng;

use super::Dbm;
use crate::Rbm;
use crate::rbm::check_normalisable;
use crate::units::{Bernoulli, assign_free};

/// An RBM with copies of its layers that share all parameters; rows are the copies of the visible layer, one after another.
#[derive(Clone, Debug, PartialEq)]
pub struct Replicated<V = Bernoulli, H = Bernoulli> {
    rbm: Rbm<V, H>,
    n_visible: usize,
    n_hidden: usize,
}

impl<V: Units, H: Units> Replicated<V, H> {
    /// `n_visible` copies of the visible and `n_hidden` of the hidden layer: `(2, 1)` for the bottom of a stack, `(1, 2)` for the top, `(2, 2)` between.
    ///
    /// # Errors
    /// No copies of a layer, or couplings of unbounded units that are so strong that with the copies `exp(−E)` has no integral (see [`Rbm::new`]).
    pub fn new(rbm: Rbm<V, H>, n_visible: usize, n_hidden: usize) -> Result<Self> {
        check_count("n_visible", n_visible)?;
        check_count("n_hidden", n_hidden)?;
        let copies = Replicated {
            rbm,
            n_visible,
            n_hidden,
        };
        copies.check_normalisable()?;
        Ok(copies)
    }

    /// Requires `exp(−E)` of all copies to be integrable.
    ///
    /// Far out, `E ≈ ½ Σ_k γ(v_k) + ½ Σ_l γ(h_l) − (Σ_k v_k)'W(Σ_l h_l)` with convex `γ`, so that copies with a given sum have the least energy where all are equal: `½ m γ(v) + ½ n γ(h) − mn v'Wh`,
    /// which in `√m v` and `√n h` is the form of one pair with the weights `√(mn) W`.
    fn check_normalisable(&self) -> Result<()> {
        let pairs = (self.n_visible as f64 * self.n_hidden as f64).sqrt();
        let weights = &self.rbm.weights() * pairs;
        check_normalisable(self.rbm.visible(), self.rbm.hidden(), weights.view())
    }

    /// The machine that is copied.
    pub fn rbm(&self) -> &Rbm<V, H> {
        &self.rbm
    }

    /// Rows in which every copy of the visible layer has the states `v` `(B, V)`: data for training.
    pub fn copies(&self, v: ArrayView2<f64>) -> Array2<f64> {
        concatenate(Axis(1), &vec![v; self.n_visible]).expect("as many rows in every copy")
    }

    /// `E[h | v, …, v]`, the data of the next machine of a stack.
    pub fn features(&self, v: ArrayView2<f64>) -> Array2<f64> {
        let field = self.rbm.hidden_field(v) * self.n_visible as f64;
        self.rbm.hidden().mean(field.view())
    }

    /// `Σ_k v_k`.
    fn total(&self, x: ArrayView2<f64>) -> Array2<f64> {
        let n_units = self.rbm.dim();
        let mut total = Array2::zeros((x.nrows(), n_units));
        for copy in x.axis_chunks_iter(Axis(1), n_units) {
            total += &copy;
        }
        total
    }

    /// `F` from the field `Σ_k v_k'W`.
    fn free_energy(&self, x: ArrayView2<f64>, field: ArrayView2<f64>) -> Array1<f64> {
        let (mut energy, mut part) = (Array1::zeros(x.nrows()), Array1::zeros(x.nrows()));
        for copy in x.axis_chunks_iter(Axis(1), self.rbm.dim()) {
            self.rbm.visible().energy_into(copy, part.view_mut());
            energy += &part;
        }
        self.rbm.hidden().log_partition_into(field, part.view_mut());
        energy - part * self.n_hidden as f64
    }
}

impl<V: Units, H: Units> Space for Replicated<V, H> {
    fn dim(&self) -> usize {
        self.n_visible * self.rbm.dim()
    }
}

impl<V: Units, H: Units> Energy for Replicated<V, H> {
    /// The free energy; the hidden copies are summed out exactly.
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        let field = self.rbm.hidden_field(self.total(x).view());
        out.assign(&self.free_energy(x, field.view()));
    }
}

impl<V: Units, H: Units> Parametric for Replicated<V, H> {
    fn layout(&self) -> Layout {
        self.rbm.layout()
    }

    fn params(&self) -> Array1<f64> {
        self.rbm.params()
    }
}

impl<V: Units, H: Units> ParametricMut for Replicated<V, H> {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        let mut new = self.clone();
        new.rbm.set_params(params)?;
        new.check_normalisable()?;
        *self = new;
        Ok(())
    }
}

impl<V: Units, H: Units> Snapshot for Replicated<V, H> {
    fn snapshot(&self) -> Record {
        self.rbm.snapshot()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let params = record.params(&self.layout())?;
        self.set_params(params.view())
    }
}

impl<V: Units, H: Units> EnergyPullback for Replicated<V, H> {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let total = self.total(x);
        let field = self.rbm.hidden_field(total.view());
        let mut w = Array1::zeros(x.nrows());
        weigh(self.free_energy(x, field.view()).view(), w.view_mut());

        // ∂F/∂W = −n (Σ_k v_k) E[h]', ∂F/∂θ_V = Σ_k ∂e_V(v_k)/∂θ, ∂F/∂θ_H = −n ∂Γ/∂θ.
        let minus = &w * -(self.n_hidden as f64);
        let (grad_weights, rest) = grad.split_at(Axis(0), self.rbm.weights().len());
        let (mut grad_visible, grad_hidden) = rest.split_at(Axis(0), self.rbm.visible().n_params());
        let weighted = &total * &minus.view().insert_axis(Axis(1));
        let product = matmul(weighted.t(), self.rbm.hidden().mean(field.view()).view());
        for (g, p) in grad_weights.into_iter().zip(&product) {
            *g += p;
        }
        for copy in x.axis_chunks_iter(Axis(1), self.rbm.dim()) {
            (self.rbm.visible()).energy_pullback_into(copy, w.view(), grad_visible.view_mut());
        }
        (self.rbm.hidden()).log_partition_pullback_into(field.view(), minus.view(), grad_hidden);
    }
}

impl<V: FiniteUnits, H: Units> Discrete for Replicated<V, H> {
    fn alphabet(&self, site: usize) -> &[f64] {
        self.rbm.visible().alphabet(site % self.rbm.dim())
    }

    fn n_states(&self) -> Option<u64> {
        self.rbm.visible().n_states()?.checked_pow(self.n_visible as u32)
    }

    fn states_into(&self, first: u64, mut out: ArrayViewMut2<f64>) {
        let visible = self.rbm.visible();
        let n = visible.n_states().expect("few enough states to be numbered");
        for (k, mut row) in out.axis_chunks_iter_mut(Axis(0), 1).enumerate() {
            let mut number = first + k as u64;
            for copy in row.axis_chunks_iter_mut(Axis(1), self.rbm.dim()) {
                visible.states_into(number % n, copy);
                number /= n;
            }
        }
    }
}

impl<V: Units, H: Units> Blocks for Replicated<V, H> {
    /// One: all visible copies are redrawn together, through hidden copies that are drawn and forgotten.
    fn n_blocks(&self) -> usize {
        1
    }

    fn resample(
        &self,
        mut x: ArrayViewMut2<f64>,
        _block: usize,
        free: Option<ArrayView1<bool>>,
        rng: &mut dyn Rng,
    ) {
        let streams = Streams::draw(rng);
        let field = self.rbm.hidden_field(self.total(x.view()).view());
        let mut h = Array2::zeros(field.raw_dim());
        for k in 0..self.n_hidden {
            h += &self.rbm.hidden().sample(field.view(), streams.part(2 * k as u64));
        }
        let field = self.rbm.visible_field(h.view());
        let n_units = self.rbm.dim();
        for (k, copy) in x.axis_chunks_iter_mut(Axis(1), n_units).enumerate() {
            let v = self
                .rbm
                .visible()
                .sample(field.view(), streams.part(2 * k as u64 + 1));
            let free = free.map(|free| free.slice_move(s![k * n_units..(k + 1) * n_units]));
            assign_free(self.rbm.visible(), copy, &v, free);
        }
    }
}

impl<V: Units, H: Units> Dbm<V, H> {
    /// The machine that a stack of RBMs makes, each trained with the copies that stand for the missing neighbours (see [`Replicated`]).
    ///
    /// The weights are those of the stack; a layer between two RBMs gets the mean of its parameters in both.
    ///
    /// # Errors
    /// A machine whose visible layer is not of the size of the hidden layer below it, or parameters whose mean the units do not take.
    pub fn from_stack(bottom: &Rbm<V, H>, upper: &[Rbm<H, H>]) -> Result<Self> {
        let mut hidden = vec![bottom.hidden().clone()];
        let mut weights = vec![bottom.weights().to_owned()];
        for (k, rbm) in upper.iter().enumerate() {
            let below: &mut H = &mut hidden[k];
            if below.n_units() != rbm.visible().n_units() {
                return Err(Error::shape(
                    "upper",
                    &[rbm.visible().n_units()],
                    format!("[{}], as many units as the layer below has", below.n_units()),
                ));
            }
            let mean = (below.params() + rbm.visible().params()) / 2.0;
            below.set_params(mean.view())?;
            hidden.push(rbm.hidden().clone());
            weights.push(rbm.weights().to_owned());
        }
        Dbm::new(bottom.visible().clone(), hidden, weights)
    }
}
