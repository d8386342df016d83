//! What is made of an energy's node besides its score: values, both in one pass, and parameter gradients.

use gibbsian_grad::{Graph, Plan, Var};
use ndarray::{Array2, ArrayView1, ArrayViewMut1, ArrayViewMut2, Axis};

use crate::machine::{C, Inputs, Machine, Pull, Views};

/// The plans of an energy `e`, which may depend on a time.
#[derive(Clone, Debug)]
pub(crate) struct Energies {
    energy: Plan,
    potential: Plan,
    energy_pull: Pull,
}

impl Energies {
    /// Of an energy and its score.
    pub(crate) fn new(g: &mut Graph, inputs: &Inputs, e: Var, s: Var) -> Self {
        Energies {
            energy: Plan::new(g, &[e]),
            potential: Plan::new(g, &[e, s]),
            energy_pull: Pull::new(g, &[(e, inputs.c, C)]),
        }
    }

    pub(crate) fn energy(&self, machine: &Machine, views: &Views<'_>, out: ArrayViewMut1<f64>) {
        machine.run(&self.energy, views, &mut [out.insert_axis(Axis(1))]);
    }

    pub(crate) fn energy_and_score(
        &self,
        machine: &Machine,
        views: &Views<'_>,
        energy: ArrayViewMut1<f64>,
        score: ArrayViewMut2<f64>,
    ) {
        let outs = &mut [energy.insert_axis(Axis(1)), score];
        machine.run(&self.potential, views, outs);
    }

    pub(crate) fn pullback(
        &self,
        machine: &Machine,
        views: &Views<'_>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let decide = &mut |values: &[Array2<f64>], cotangents: &mut [Array2<f64>]| {
            weigh(values[0].column(0), cotangents[0].column_mut(0));
        };
        machine.pull(&self.energy_pull, views, decide, grad);
    }
}
