//! A layer that counts the rows for which its log-partition function is asked: the terms of a sum over the other layer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gibbsian_classical::Bernoulli;
use gibbsian_core::{FiniteUnits, Layout, Parametric, ParametricMut, Result, Streams, Units};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

/// Binary units and their counter, which copies share.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    units: Bernoulli,
    rows: Arc<AtomicU64>,
}

impl Counted {
    pub(super) fn new(units: Bernoulli) -> Self {
        Counted {
            units,
            rows: Arc::default(),
        }
    }

    /// The rows so far.
    pub(super) fn count(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }
}

impl Parametric for Counted {
    fn layout(&self) -> Layout {
        self.units.layout()
    }

    fn params(&self) -> Array1<f64> {
        self.units.params()
    }
}

impl ParametricMut for Counted {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.units.set_params(params)
    }
}

impl Units for Counted {
    fn n_units(&self) -> usize {
        self.units.n_units()
    }

    fn admits(&self, unit: usize, value: f64) -> bool {
        self.units.admits(unit, value)
    }

    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.units.energy_into(x, out);
    }

    fn log_partition_into(&self, field: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.rows.fetch_add(field.nrows() as u64, Ordering::Relaxed);
        self.units.log_partition_into(field, out);
    }

    fn mean_into(&self, field: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.units.mean_into(field, out);
    }

    fn sample_into(&self, field: ArrayView2<f64>, streams: Streams, out: ArrayViewMut2<f64>) {
        self.units.sample_into(field, streams, out);
    }

    fn energy_pullback_into(&self, x: ArrayView2<f64>, w: ArrayView1<f64>, grad: ArrayViewMut1<f64>) {
        self.units.energy_pullback_into(x, w, grad);
    }

    fn log_partition_pullback_into(
        &self,
        field: ArrayView2<f64>,
        w: ArrayView1<f64>,
        grad: ArrayViewMut1<f64>,
    ) {
        self.units.log_partition_pullback_into(field, w, grad);
    }
}

impl FiniteUnits for Counted {
    fn alphabet(&self, unit: usize) -> &[f64] {
        self.units.alphabet(unit)
    }
}
