//! The tables as parameters, and the derivative of the energy in them: which entries a state uses.

use gibbsian_core::{Energy, EnergyPullback, Layout, Parametric, ParametricMut, Record, Result, Snapshot};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1};

use super::FactorGraph;

impl Parametric for FactorGraph {
    /// `tables.0`, `tables.1`, … with an axis for each variable of their factors.
    fn layout(&self) -> Layout {
        let factors = self.structure.factors.iter().enumerate();
        factors.fold(Layout::new(), |layout, (a, scope)| {
            layout.with(format!("tables.{a}"), &scope.shape)
        })
    }

    fn params(&self) -> Array1<f64> {
        self.entries.clone()
    }

    fn n_params(&self) -> usize {
        self.structure.n_entries()
    }
}

impl ParametricMut for FactorGraph {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        self.entries.assign(&params);
        Ok(())
    }
}

impl EnergyPullback for FactorGraph {
    /// `∂E/∂E_a(s) = [x_∂a = s]`. A row that is no state has no derivative: it adds NaN wherever its weight is not zero.
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let mut w = Array1::zeros(x.nrows());
        weigh(self.energy(x).view(), w.view_mut());
        for (x, &w) in x.rows().into_iter().zip(&w) {
            let Ok(symbols) = self.symbol_numbers("x", x) else {
                if w != 0.0 {
                    grad.fill(f64::NAN);
                }
                continue;
            };
            for scope in &self.structure.factors {
                grad[scope.range.start + scope.entry(|i| symbols[i])] += w;
            }
        }
    }
}

impl Snapshot for FactorGraph {
    /// The tables; variables and factors are part of what must fit.
    fn snapshot(&self) -> Record {
        Record::of_params(self)
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let params = record.params(&self.layout())?;
        self.set_params(params.view())
    }
}
