//! Networks as energies.

use gibbsian_core::error::check_count;
use gibbsian_core::score::{trace_into, trace_pullback};
use gibbsian_core::{
    DivergenceCotangent, Energy, EnergyPullback, Error, JvpCotangent, Layout, Parametric, ParametricMut,
    Potential, Result, Score, ScoreJvp, ScoreJvpPullback, ScorePullback, Space, TimeEnergy,
    TimeEnergyPullback, TimePotential, TimeScore, TimeScoreJvp, TimeScoreJvpPullback, TimeScorePullback,
};
use gibbsian_grad::{Graph, Var};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::Rng;

use crate::energies::Energies;
use crate::machine::{Inputs, Machine, Precision, views};
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
    energies: Energies,
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
        let Built {
            machine,
            energies,
            scores,
            ..
        } = build(dim, |net, inputs| forward(net, inputs.x), rng)?;
        Ok(NeuralEnergy {
            dim,
            machine,
            energies,
            scores,
        })
    }
}

model!(NeuralEnergy);
static_score!(NeuralEnergy);
static_energy!(NeuralEnergy);

/// An energy `E(x, t)` that depends on a time or a noise level, with the score `−∂E/∂x` at every time: a network of `x` and one number more a row.
///
/// The network decides how the constant of each time is fixed; objectives that compare times, as telescoping ratios do, learn it.
///
/// ```
/// use gibbsian_core::{At, Energy, Score, Seed};
/// use gibbsian_nn::{Activation, NeuralTimeEnergy};
/// use ndarray::array;
///
/// // E(x, σ) = ½‖f(x, log σ)‖² / σ, a Gaussian's shape at every level.
/// let energy = NeuralTimeEnergy::new(
///     2,
///     |net, x, sigma| {
///         let level = net.log(sigma);
///         let both = net.concat(&[x, level]);
///         let f = net.mlp("features", both, &[32, 32], 8, Activation::Silu);
///         let e = net.half_square(f);
///         let inverse = net.recip(sigma);
///         net.times(e, inverse)
///     },
///     &mut Seed::new(1).rng(),
/// )?;
/// let (x, sigma) = (array![[0.5, -1.0]], array![0.1]);
/// let at = At::new(&energy, sigma.view());
/// assert!(at.energy(x.view())[0] >= 0.0);
/// assert!(at.score(x.view()).iter().all(|s| s.is_finite()));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct NeuralTimeEnergy {
    dim: usize,
    machine: Machine,
    energies: Energies,
    scores: Scores,
}

impl NeuralTimeEnergy {
    /// The energy of points of dimension `dim` that `forward` writes from points and times (one column).
    ///
    /// # Errors
    /// As [`NeuralEnergy::new`].
    pub fn new(
        dim: usize,
        forward: impl FnOnce(&mut Net<'_>, Var, Var) -> Var,
        rng: &mut dyn Rng,
    ) -> Result<Self> {
        let Built {
            machine,
            energies,
            scores,
            ..
        } = build(dim, |net, inputs| forward(net, inputs.x, inputs.t), rng)?;
        Ok(NeuralTimeEnergy {
            dim,
            machine,
            energies,
            scores,
        })
    }
}

model!(NeuralTimeEnergy);
timed_score!(NeuralTimeEnergy);
timed_energy!(NeuralTimeEnergy);

/// What an energy is made of, and the graph that it was made in.
pub(crate) struct Built {
    pub(crate) g: Graph,
    pub(crate) inputs: Inputs,
    pub(crate) machine: Machine,
    pub(crate) energies: Energies,
    pub(crate) scores: Scores,
    /// The energy and the score.
    pub(crate) e: Var,
    pub(crate) s: Var,
}

pub(crate) fn build(
    dim: usize,
    forward: impl FnOnce(&mut Net<'_>, &Inputs) -> Var,
    rng: &mut dyn Rng,
) -> Result<Built> {
    check_count("dim", dim)?;
    let mut net = Net::new(rng);
    let inputs = Inputs::new(&mut net, dim);
    let e = forward(&mut net, &inputs);
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
    let machine = Machine::new(layout, params, Precision::default());
    let energies = Energies::new(&mut g, &inputs, e, s);
    let scores = Scores::new(&mut g, &inputs, s);
    Ok(Built {
        g,
        inputs,
        machine,
        energies,
        scores,
        e,
        s,
    })
}
