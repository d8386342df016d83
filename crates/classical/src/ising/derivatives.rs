//! Derivatives of the energy: in the spins, read as real numbers, and in the parameters.
//!
//! The model is linear in its parameters, so the parameter gradient is minus the sufficient statistics: `∂E/∂J_ij = −x_i x_j`, `∂E/∂h_i = −x_i`.

use gibbsian_core::{Energy, EnergyPullback, RelaxedEnergy};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};

use super::Ising;

impl RelaxedEnergy for Ising {
    /// `s = h + Jx`: the local field of each spin.
    fn relaxed_score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for (x, mut out) in x.rows().into_iter().zip(out.rows_mut()) {
            for (site, out) in out.iter_mut().enumerate() {
                *out = self.local_field(x, site);
            }
        }
    }
}

impl EnergyPullback for Ising {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let mut w = Array1::zeros(x.nrows());
        weigh(self.energy(x).view(), w.view_mut());
        let (mut couplings, mut fields) = grad.split_at(Axis(0), self.couplings.len());
        for (x, &w) in x.rows().into_iter().zip(&w) {
            for (grad, &[i, j]) in couplings.iter_mut().zip(self.graph.bonds()) {
                *grad -= w * x[i] * x[j];
            }
            fields.scaled_add(-w, &x);
        }
    }
}
