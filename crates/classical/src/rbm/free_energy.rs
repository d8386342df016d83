//! The free energy `F(v) = e_V(v) − Γ_H(v'W)`, its parameter gradient, and the cost of flipping a visible unit.

use gibbsian_core::energy::{assert_energy_shapes, assert_two_symbols};
use gibbsian_core::{
    Discrete, DiscreteEnergy, Energy, EnergyPullback, FiniteUnits, RelaxedEnergy, SmoothUnits, Space, Units,
};
use gibbsian_linalg::matmul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, Zip};

use super::Rbm;
use crate::bipartite::Bipartite;

impl<V: Units, H: Units> Space for Rbm<V, H> {
    fn dim(&self) -> usize {
        self.visible.n_units()
    }
}

impl<V: Units, H: Units> Energy for Rbm<V, H> {
    /// The free energy `F(v)`; the hidden units are summed out exactly.
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        self.free_energy_into(x, self.hidden_field(x).view(), out);
    }
}

impl<V: Units, H: Units> EnergyPullback for Rbm<V, H> {
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

        let (grad_weights, rest) = grad.split_at(Axis(0), self.weights.len());
        let (grad_visible, grad_hidden) = rest.split_at(Axis(0), self.visible.n_params());
        // ∂F/∂W = −v E[h|v]', weighted: −(w ∘ v)' E[h|v].
        let weighted = &x * &w.view().insert_axis(Axis(1));
        let product = matmul(weighted.t(), self.hidden.mean(field.view()).view());
        Zip::from(grad_weights)
            .and(&Array1::from_iter(product))
            .for_each(|g, p| *g -= p);
        // ∂F/∂θ_V = ∂e_V/∂θ_V and ∂F/∂θ_H = −∂Γ_H/∂θ_H.
        self.visible.energy_pullback_into(x, w.view(), grad_visible);
        self.hidden
            .log_partition_pullback_into(field.view(), (-w).view(), grad_hidden);
    }

    /// A flip moves the hidden field by `d W_i`, and changes one row of `−v E[h|v]'`: with `m_bi` the hidden means after flip `i` of row `b` and `x_b` the row before,
    /// `Σ_bi w_bi ∂F/∂W = −Σ_b x_b (Σ_i w_bi m_bi)' − Σ_i e_i (Σ_b w_bi d_bi m_bi)'`: `O(BVH)` for all flips together, not for each.
    fn flips_pullback_into(&self, x: ArrayView2<f64>, w: ArrayView2<f64>, grad: ArrayViewMut1<f64>)
    where
        Self: Discrete,
    {
        assert_eq!(x.dim(), w.dim(), "one weight for every unit of every row");
        let field = self.hidden_field(x);
        let (mut grad_weights, rest) = grad.split_at(Axis(0), self.weights.len());
        let (mut grad_visible, mut grad_hidden) = rest.split_at(Axis(0), self.visible.n_params());
        let mut of_rows = Array2::zeros(field.raw_dim());
        let mut of_units = Array2::zeros(self.weights.raw_dim());
        let mut changed = x.to_owned();
        let mut moved = field.clone();
        let mut means = field.clone();
        for site in 0..self.dim() {
            let alphabet = self.alphabet(site);
            assert_two_symbols(site, alphabet);
            let (w, weights) = (w.column(site), self.weights.row(site));
            let mut of_unit = of_units.row_mut(site);
            moved.assign(&field);
            for (b, _) in w.iter().enumerate().filter(|(_, w)| **w != 0.0) {
                let old = x[[b, site]];
                let new = alphabet[usize::from(old == alphabet[0])];
                changed[[b, site]] = new;
                moved.row_mut(b).scaled_add(new - old, &weights);
            }
            self.hidden.mean_into(moved.view(), means.view_mut());
            for (b, w) in w.iter().enumerate() {
                of_rows.row_mut(b).scaled_add(*w, &means.row(b));
                of_unit.scaled_add(w * (changed[[b, site]] - x[[b, site]]), &means.row(b));
            }
            self.visible
                .energy_pullback_into(changed.view(), w, grad_visible.view_mut());
            self.hidden
                .log_partition_pullback_into(moved.view(), (-&w).view(), grad_hidden.view_mut());
            changed.column_mut(site).assign(&x.column(site));
        }
        of_units += &matmul(x.t(), of_rows.view());
        Zip::from(&mut grad_weights)
            .and(&Array1::from_iter(of_units))
            .for_each(|g, p| *g -= p);
    }
}

impl<V: FiniteUnits, H: Units> Discrete for Rbm<V, H> {
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

impl<V: FiniteUnits, H: Units> DiscreteEnergy for Rbm<V, H> {
    /// `F` after a change `d` of visible unit `i` needs only the hidden field moved by `d W_i`: `O(H)` a symbol instead of `O(VH)`.
    fn site_deltas_into(&self, x: ArrayView2<f64>, site: usize, out: ArrayViewMut2<f64>) {
        self.site_costs_into(x, site, out);
    }

    fn flip_deltas_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.flip_costs_into(x, out);
    }
}

impl<V: FiniteUnits + SmoothUnits, H: Units> RelaxedEnergy for Rbm<V, H> {
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
