//! Networks as scores.

use gibbsian_core::error::check_count;
use gibbsian_core::score::{trace_into, trace_pullback};
use gibbsian_core::{
    DivergenceCotangent, Error, JvpCotangent, Layout, Parametric, ParametricMut, Result, Score, ScoreJvp,
    ScoreJvpPullback, ScorePullback, Space, TimeScore, TimeScoreJvp, TimeScoreJvpPullback, TimeScorePullback,
};
use gibbsian_grad::Var;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::Rng;

use crate::machine::{Inputs, Machine, Precision, views};
use crate::net::Net;
use crate::scores::Scores;

/// A score `s(x)` that is a network of as many outputs as inputs; nothing makes it the gradient of anything.
///
/// ```
/// use gibbsian_core::{ScoreJvp, Seed};
/// use gibbsian_nn::{Activation, NeuralScore};
/// use ndarray::array;
///
/// let forward = |net: &mut gibbsian_nn::Net<'_>, x| net.mlp("score", x, &[32, 32], 2, Activation::Silu);
/// let score = NeuralScore::new(2, forward, &mut Seed::new(1).rng())?;
/// assert!(score.divergence(array![[0.5, -1.0]].view())[0].is_finite());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct NeuralScore {
    dim: usize,
    machine: Machine,
    scores: Scores,
}

impl NeuralScore {
    /// The score at points of dimension `dim` that `forward` writes, with initial parameters from `rng`; it computes in [`Precision::Single`].
    ///
    /// # Errors
    /// A dimension of zero, an output that has not `dim` columns, and names of parameters that are taken twice.
    pub fn new(
        dim: usize,
        forward: impl FnOnce(&mut Net<'_>, Var) -> Var,
        rng: &mut dyn Rng,
    ) -> Result<Self> {
        let (machine, scores) = build(dim, |net, inputs| forward(net, inputs.x), rng)?;
        Ok(NeuralScore { dim, machine, scores })
    }
}

model!(NeuralScore);
static_score!(NeuralScore);

/// A score `s(x, t)` that depends on a time or a noise level: a network of `x` and one number more a row.
///
/// ```
/// use gibbsian_core::{At, Score, Seed};
/// use gibbsian_nn::{Activation, NeuralTimeScore};
/// use ndarray::array;
///
/// // s(x, σ) = f(x, log σ) / σ, as noise-conditional networks have it.
/// let score = NeuralTimeScore::new(
///     2,
///     |net, x, sigma| {
///         let level = net.log(sigma);
///         let both = net.concat(&[x, level]);
///         let f = net.mlp("noise", both, &[32, 32], 2, Activation::Silu);
///         let inverse = net.recip(sigma);
///         let inverse = net.spread(inverse, 2);
///         net.mul(f, inverse)
///     },
///     &mut Seed::new(1).rng(),
/// )?;
/// let sigma = array![0.1];
/// assert!(At::new(&score, sigma.view()).score(array![[0.5, -1.0]].view()).iter().all(|s| s.is_finite()));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct NeuralTimeScore {
    dim: usize,
    machine: Machine,
    scores: Scores,
}

impl NeuralTimeScore {
    /// The score at points of dimension `dim` that `forward` writes from points and times (one column).
    ///
    /// # Errors
    /// As [`NeuralScore::new`].
    pub fn new(
        dim: usize,
        forward: impl FnOnce(&mut Net<'_>, Var, Var) -> Var,
        rng: &mut dyn Rng,
    ) -> Result<Self> {
        let (machine, scores) = build(dim, |net, inputs| forward(net, inputs.x, inputs.t), rng)?;
        Ok(NeuralTimeScore { dim, machine, scores })
    }
}

model!(NeuralTimeScore);
timed_score!(NeuralTimeScore);

fn build(
    dim: usize,
    forward: impl FnOnce(&mut Net<'_>, &Inputs) -> Var,
    rng: &mut dyn Rng,
) -> Result<(Machine, Scores)> {
    check_count("dim", dim)?;
    let mut net = Net::new(rng);
    let inputs = Inputs::new(&mut net, dim);
    let s = forward(&mut net, &inputs);
    let (mut g, layout, params) = net.finish()?;
    if g.width(s) != dim {
        let required = format!("[{dim}], a score");
        return Err(Error::shape("output of the network", &[g.width(s)], required));
    }
    let machine = Machine::new(layout, params, Precision::default());
    Ok((machine, Scores::new(&mut g, &inputs, s)))
}
