//! The free energy `F(v) = e_V(v) − Γ_H(I(v))` with the field `I` of the filters, its parameter gradient, and the cost of changing a visible unit.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::{
    Discrete, DiscreteEnergy, Energy, EnergyPullback, FiniteUnits, RelaxedEnergy, SmoothUnits, Space, Units,
};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};

use super::ConvolutionalRbm;
use crate::bipartite::Bipartite;

impl<V: Units, H: Units> Space for ConvolutionalRbm<V, H> {
    fn dim(&self) -> usize {
        self.visible.n_units()
    }
}

impl<V: Units, H: Units> Energy for ConvolutionalRbm<V, H> {
    /// The free energy `F(v)`; the hidden units are summed out exactly.
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        self.free_energy_into(x, self.hidden_field(x).view(), out);
    }
}

impl<V: Units, H: Units> EnergyPullback for ConvolutionalRbm<V, H> {
    /// `∂F/∂W_{ijck} = −Σ_{y,x} v_{y+i, x+j, c} E[h_{yxk} | v]`.
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let field = self.hidden_field(x);
        let mut energy = Array1::zeros(x.nrows());
        let mut w = Array1::zeros(x.nrows());
        self.free_energy_into(x, field.view(), energy.view_mut());
        weigh(energy.view(), w.view_mut());

        let (mut grad_filters, rest) = grad.split_at(Axis(0), self.filters.weights().len());
        let (grad_visible, grad_hidden) = rest.split_at(Axis(0), self.visible.n_params());
        let weighted = &x * &w.view().insert_axis(Axis(1));
        let product = self
            .filters
            .gradient(weighted.view(), self.hidden.mean(field.view()).view());
        for (g, p) in grad_filters.iter_mut().zip(&product) {
            *g -= p;
        }
        // ∂F/∂θ_V = ∂e_V/∂θ_V and ∂F/∂θ_H = −∂Γ_H/∂θ_H.
        self.visible.energy_pullback_into(x, w.view(), grad_visible);
        self.hidden
            .log_partition_pullback_into(field.view(), (-w).view(), grad_hidden);
    }
}

impl<V: FiniteUnits, H: Units> Discrete for ConvolutionalRbm<V, H> {
    fn alphabet(&self, site: usize) -> &[f64] {
        self.visible.alphabet(site)
    }

    fn n_states(&self) -> Option<u64> {
        self.visible.n_states()
    }

    fn states_into(&self, first: u64, out: ArrayViewMut2<f64>) {
        self.visible.states_into(first, out);
    }
}

impl<V: FiniteUnits, H: Units> DiscreteEnergy for ConvolutionalRbm<V, H> {
    /// A change of a visible unit moves the field of those hidden units that see it, `k_h k_w K` of them, and no convolution is done again.
    fn site_deltas_into(&self, x: ArrayView2<f64>, site: usize, out: ArrayViewMut2<f64>) {
        self.site_costs_into(x, site, out);
    }

    fn flip_deltas_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.flip_costs_into(x, out);
    }
}

impl<V: FiniteUnits + SmoothUnits, H: Units> RelaxedEnergy for ConvolutionalRbm<V, H> {
    fn relaxed_score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.score_from_field(x, self.hidden_field(x).view(), out);
    }

    fn energy_and_relaxed_score_into(
        &self,
        x: ArrayView2<f64>,
        energy: ArrayViewMut1<f64>,
        score: ArrayViewMut2<f64>,
    ) {
        let field = self.hidden_field(x);
        self.free_energy_into(x, field.view(), energy);
        self.score_from_field(x, field.view(), score);
    }
}
