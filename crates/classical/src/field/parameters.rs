//! The potentials as parameters, and the derivative of the energy in them: how often each is used.

use gibbsian_core::{Energy, EnergyPullback, Layout, Parametric, ParametricMut, Record, Result, Snapshot};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1};

use super::PairwiseField;

impl Parametric for PairwiseField {
    /// `unary` `(N, q)`, then `tables` `(T, q, q)`.
    fn layout(&self) -> Layout {
        Layout::new()
            .with("unary", self.unary.shape())
            .with("tables", self.tables.shape())
    }

    fn params(&self) -> Array1<f64> {
        self.unary.iter().chain(&self.tables).copied().collect()
    }
}

impl ParametricMut for PairwiseField {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        for (old, new) in self.unary.iter_mut().chain(&mut self.tables).zip(params) {
            *old = *new;
        }
        self.see();
        Ok(())
    }
}

impl EnergyPullback for PairwiseField {
    /// `∂E/∂U_i(a) = [y_i = a]`, and `∂E/∂V_t(a, b)` is the number of bonds with table `t` and labels `(a, b)`. A row that is no state has no derivative: it adds NaN
    /// wherever its weight is not zero.
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let mut w = Array1::zeros(x.nrows());
        weigh(self.energy(x).view(), w.view_mut());
        let (q, n_unary) = (self.n_labels(), self.unary.len());
        for (x, &w) in x.rows().into_iter().zip(&w) {
            let Ok(y) = self.label_numbers("x", x) else {
                if w != 0.0 {
                    grad.fill(f64::NAN);
                }
                continue;
            };
            for (site, a) in y.iter().enumerate() {
                grad[site * q + a] += w;
            }
            for (&[i, j], &t) in self.graph().bonds().iter().zip(self.table_of_bond()) {
                grad[n_unary + (t * q + y[i]) * q + y[j]] += w;
            }
        }
    }
}

impl Snapshot for PairwiseField {
    /// The potentials; graph and labels are part of what must fit.
    fn snapshot(&self) -> Record {
        Record::of_params(self)
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let params = record.params(&self.layout())?;
        self.set_params(params.view())
    }
}
