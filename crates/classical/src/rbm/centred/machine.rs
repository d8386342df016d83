//! A machine in centred coordinates, as a model of its own.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::{
    Discrete, DiscreteEnergy, Energy, EnergyPullback, FiniteUnits, Layout, Parametric, ParametricMut, Result,
    Space,
};
use gibbsian_linalg::matmul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, Zip};

use super::{Centring, Parts};
use crate::rbm::Rbm;
use crate::units::Biased;

/// A restricted Boltzmann machine with units measured from fixed offsets.
///
/// `E_c(v, h) = e_V(v; b_c) + b_c·μ + e_H(h; c_c) + c_c·λ − (v − μ)'W(h − λ)`, and with the hidden units summed out
///
/// `F_c(v) = e_V(v; b_c) + b_c·μ + c_c·λ + (v − μ)'Wλ − Γ_H((v − μ)'W; c_c)`.
///
/// Its parameters are `W`, `b_c`, `c_c`, laid out as those of [`Rbm`]. The law is that of [`CentredRbm::normal`], the gradient is the centred one: plain descent here is descent
/// along [`Centring::direction`] there.
#[derive(Clone, Debug, PartialEq)]
pub struct CentredRbm<V, H> {
    /// Holds `W`, `b_c` and `c_c`; the fields of its layers are not those of the model.
    machine: Rbm<V, H>,
    centring: Centring,
}

impl<V: Biased, H: Biased> CentredRbm<V, H> {
    /// The machine of this law, seen from these offsets.
    ///
    /// # Errors
    /// Another number of units than there are offsets, or a bias that would not be finite.
    pub fn new(normal: &Rbm<V, H>, centring: Centring) -> Result<Self> {
        Ok(CentredRbm {
            machine: centring.centred(normal)?,
            centring,
        })
    }

    /// The offsets.
    pub fn centring(&self) -> &Centring {
        &self.centring
    }

    /// The machine of the same law with ordinary parameters.
    ///
    /// # Errors
    /// A bias that would not be finite.
    pub fn normal(&self) -> Result<Rbm<V, H>> {
        self.centring.normal(&self.machine)
    }

    /// `E_c(v, h)` of pairs of rows.
    pub fn joint_energy(&self, v: ArrayView2<f64>, h: ArrayView2<f64>) -> Array1<f64> {
        let mut visible = Array1::zeros(v.nrows());
        let mut hidden = Array1::zeros(v.nrows());
        self.machine.visible().energy_into(v, visible.view_mut());
        self.machine.hidden().energy_into(h, hidden.view_mut());
        let coupling = (self.field(v) * (&h - &self.centring.hidden)).sum_axis(Axis(1));
        visible + hidden - coupling + self.bias_constant()
    }

    /// `(v − μ)'W`.
    fn field(&self, v: ArrayView2<f64>) -> Array2<f64> {
        matmul((&v - &self.centring.visible).view(), self.machine.weights())
    }

    /// `b_c·μ + c_c·λ`.
    fn bias_constant(&self) -> f64 {
        let mut params = self.machine.params();
        let parts = Parts::of(&self.machine, params.view_mut());
        parts.visible_bias.dot(&self.centring.visible) + parts.hidden_bias.dot(&self.centring.hidden)
    }

    fn free_energy_into(&self, v: ArrayView2<f64>, field: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        let mut gamma = Array1::zeros(v.nrows());
        self.machine.visible().energy_into(v, out.view_mut());
        self.machine.hidden().log_partition_into(field, gamma.view_mut());
        let constant = self.bias_constant();
        let sent = field.dot(&self.centring.hidden);
        Zip::from(&mut out)
            .and(&gamma)
            .and(&sent)
            .for_each(|out, gamma, sent| *out += constant + sent - gamma);
    }
}

impl<V: Biased, H: Biased> Space for CentredRbm<V, H> {
    fn dim(&self) -> usize {
        self.machine.dim()
    }
}

impl<V: Biased, H: Biased> Energy for CentredRbm<V, H> {
    /// The free energy `F_c(v)`.
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        self.free_energy_into(x, self.field(x).view(), out);
    }
}

impl<V: Biased, H: Biased> Parametric for CentredRbm<V, H> {
    /// The names and order of [`Rbm`]'s; the biases are the centred ones.
    fn layout(&self) -> Layout {
        self.machine.layout()
    }

    fn params(&self) -> Array1<f64> {
        self.machine.params()
    }
}

impl<V: Biased, H: Biased> ParametricMut for CentredRbm<V, H> {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.machine.set_params(params)
    }
}

impl<V: Biased, H: Biased> EnergyPullback for CentredRbm<V, H> {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let field = self.field(x);
        let mut energy = Array1::zeros(x.nrows());
        let mut w = Array1::zeros(x.nrows());
        self.free_energy_into(x, field.view(), energy.view_mut());
        weigh(energy.view(), w.view_mut());

        let mut own = Array1::zeros(self.n_params());
        let n_weights = self.machine.weights().len();
        let (_, layers) = own.view_mut().split_at(Axis(0), n_weights);
        let (visible, hidden) = layers.split_at(Axis(0), self.machine.visible().n_params());
        self.machine.visible().energy_pullback_into(x, w.view(), visible);
        self.machine
            .hidden()
            .log_partition_pullback_into(field.view(), (-&w).view(), hidden);
        // ∂F_c/∂W = −(v − μ)(E[h|v] − λ)', and the biases meet v − μ and h − λ.
        let mut parts = Parts::of(&self.machine, own.view_mut());
        let weighted = (&x - &self.centring.visible) * w.view().insert_axis(Axis(1));
        let means = self.machine.hidden().mean(field.view()) - &self.centring.hidden;
        parts.weights -= &matmul(weighted.t(), means.view());
        parts.visible_bias.scaled_add(w.sum(), &self.centring.visible);
        parts.hidden_bias.scaled_add(w.sum(), &self.centring.hidden);
        grad += &own;
    }
}

impl<V: Biased + FiniteUnits, H: Biased> Discrete for CentredRbm<V, H> {
    fn alphabet(&self, site: usize) -> &[f64] {
        self.machine.alphabet(site)
    }

    fn n_states(&self) -> Option<u64> {
        self.machine.n_states()
    }

    fn states_into(&self, first: u64, out: ArrayViewMut2<f64>) {
        self.machine.states_into(first, out);
    }
}

impl<V: Biased + FiniteUnits, H: Biased> DiscreteEnergy for CentredRbm<V, H> {}
