//! A layer of a deep machine: the visible one or a hidden one, told apart only where their kinds matter.
//!
//! Every method of the traits is forwarded, those with a provided body too: a kind may have overridden it. The test `kinds::forwarding` reads the traits and fails where one is missing.

use gibbsian_core::{FiniteUnits, Layout, Parametric, ParametricMut, Result, Streams, Units};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

/// Visible or hidden units.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Layer<V, H> {
    Visible(V),
    Hidden(H),
}

/// The same call on either kind.
macro_rules! either {
    ($layer:expr, $units:ident => $call:expr) => {
        match $layer {
            Layer::Visible($units) => $call,
            Layer::Hidden($units) => $call,
        }
    };
}

impl<V: Units, H: Units> Parametric for Layer<V, H> {
    fn layout(&self) -> Layout {
        either!(self, units => units.layout())
    }

    fn params(&self) -> Array1<f64> {
        either!(self, units => units.params())
    }
}

impl<V: Units, H: Units> ParametricMut for Layer<V, H> {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        either!(self, units => units.set_params(params))
    }
}

impl<V: Units, H: Units> Units for Layer<V, H> {
    fn n_units(&self) -> usize {
        either!(self, units => units.n_units())
    }

    fn admits(&self, unit: usize, value: f64) -> bool {
        either!(self, units => units.admits(unit, value))
    }

    fn check_rows(&self, name: &'static str, x: ArrayView2<f64>) -> Result<()> {
        either!(self, units => units.check_rows(name, x))
    }

    fn range(&self) -> &'static str {
        either!(self, units => units.range())
    }

    fn free_units(&self, free: ArrayView1<bool>) -> Array1<bool> {
        either!(self, units => units.free_units(free))
    }

    fn tails(&self, unit: usize) -> [f64; 2] {
        either!(self, units => units.tails(unit))
    }

    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        either!(self, units => units.energy_into(x, out));
    }

    fn log_partition_into(&self, field: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        either!(self, units => units.log_partition_into(field, out));
    }

    fn mean_into(&self, field: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        either!(self, units => units.mean_into(field, out));
    }

    fn sample_into(&self, field: ArrayView2<f64>, streams: Streams, out: ArrayViewMut2<f64>) {
        either!(self, units => units.sample_into(field, streams, out));
    }

    fn energy_pullback_into(&self, x: ArrayView2<f64>, w: ArrayView1<f64>, grad: ArrayViewMut1<f64>) {
        either!(self, units => units.energy_pullback_into(x, w, grad));
    }

    fn log_partition_pullback_into(
        &self,
        field: ArrayView2<f64>,
        w: ArrayView1<f64>,
        grad: ArrayViewMut1<f64>,
    ) {
        either!(self, units => units.log_partition_pullback_into(field, w, grad));
    }

    fn mean(&self, field: ArrayView2<f64>) -> Array2<f64> {
        either!(self, units => units.mean(field))
    }

    fn sample(&self, field: ArrayView2<f64>, streams: Streams) -> Array2<f64> {
        either!(self, units => units.sample(field, streams))
    }

    fn log_law(&self, field: ArrayView2<f64>, x: ArrayView2<f64>) -> Array1<f64> {
        either!(self, units => units.log_law(field, x))
    }
}

impl<V: FiniteUnits, H: FiniteUnits> FiniteUnits for Layer<V, H> {
    fn alphabet(&self, unit: usize) -> &[f64] {
        either!(self, units => units.alphabet(unit))
    }

    fn n_states(&self) -> Option<u64> {
        either!(self, units => units.n_states())
    }

    fn states_into(&self, first: u64, out: ArrayViewMut2<f64>) {
        either!(self, units => units.states_into(first, out));
    }
}
