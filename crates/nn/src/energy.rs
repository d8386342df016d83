//! Networks as energies.

use gibbsian_core::error::check_count;
use gibbsian_core::score::{trace_into, trace_pullback};
use gibbsian_core::{
    DivergenceCotangent, Energy, EnergyPullback, Error, JvpCotangent, Layout, Parametric, ParametricMut,
    Potential, Result, Score, ScoreJvp, ScoreJvpPullback, ScorePullback, Space,
};
use gibbsian_grad::{Plan, Var};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};
use rand::Rng;

use crate::machine::{C, Inputs, Machine, Precision, Pull, views};
use crate::net::Net;
use crate::scores::Scores;

/// An energy `E(x)` that is a network of one output, with the score `−∂E/∂x`, its Jacobian, and the parameter gradients of them all.
///
/// Third derivatives are exact: implicit and sliced score matching differentiate a Jacobian-vector product of a gradient in the parameters.
///
/// ```
/// use gibbsian_core::{Energy, ScoreJvp, Seed};
/// use gibbsian_nn::{Activation, NeuralEnergy};
/// use ndarray::array;
///
/// let energy = NeuralEnergy::new(
///     2,
///     |net, x| {
///         let e = net.mlp("energy", x, &[32, 32], 1, Activation::Silu);
///         net.confined(e, x, 4.0)
///     },
///     &mut Seed::new(1).rng(),
/// )?;
/// let x = array![[0.5, -1.0]];
/// assert!(energy.energy(x.view())[0].is_finite());
/// assert!(energy.divergence(x.view())[0].is_finite());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct NeuralEnergy {
    dim: usize,
    machine: Machine,
    energy: Plan,
    potential: Plan,
    energy_pull: Pull,
    scores: Scores,
}

impl NeuralEnergy {
    /// The energy of points of dimension `dim` that `forward` writes, with initial parameters from `rng`; it computes in [`Precision::Single`].
    ///
    /// # Errors
    /// A dimension of zero, an output that is not one column, and names of parameters that are taken twice.
    pub fn new(
        dim: usize,
        forward: impl FnOnce(&mut Net<'_>, Var) -> Var,
        rng: &mut dyn Rng,
    ) -> Result<Self> {
        check_count("dim", dim)?;
        let mut net = Net::new(rng);
        let inputs = Inputs::new(&mut net, dim);
        let e = forward(&mut net, inputs.x);
        let (mut g, layout, params) = net.finish()?;
        if g.width(e) != 1 {
            return Err(Error::shape(
                "output of the network",
                &[g.width(e)],
                "[1], an energy",
            ));
        }
        let gradient = g.gradient(e, inputs.x);
        let s = g.scale(-1.0, gradient);
        Ok(NeuralEnergy {
            dim,
            machine: Machine::new(layout, params, Precision::default()),
            energy: Plan::new(&g, &[e]),
            potential: Plan::new(&g, &[e, s]),
            energy_pull: Pull::new(&mut g, &[(e, inputs.c, C)]),
            scores: Scores::new(&mut g, &inputs, s),
        })
    }
}

model!(NeuralEnergy);
static_score!(NeuralEnergy);

impl Energy for NeuralEnergy {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        let out = out.insert_axis(Axis(1));
        self.machine.run(&self.energy, &views(x, None, None), &mut [out]);
    }
}

impl Potential for NeuralEnergy {
    fn energy_and_score_into(
        &self,
        x: ArrayView2<f64>,
        energy: ArrayViewMut1<f64>,
        score: ArrayViewMut2<f64>,
    ) {
        let outs = &mut [energy.insert_axis(Axis(1)), score];
        self.machine.run(&self.potential, &views(x, None, None), outs);
    }
}

impl EnergyPullback for NeuralEnergy {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let decide = &mut |values: &[Array2<f64>], cotangents: &mut [Array2<f64>]| {
            weigh(values[0].column(0), cotangents[0].column_mut(0));
        };
        let views = views(x, None, None);
        self.machine.pull(&self.energy_pull, &views, decide, grad);
    }
}
