//! Small networks of points in the plane, how several experiments train them, and the least squares of scores that are affine in their parameters.
//!
//! Points are divided by their spread and scores multiplied by `1/σ`, the size of the target `−z/σ` of denoising score matching, so that one architecture and one learning rate
//! serve every noise level.

use gibbsian_core::dataset::Matrix;
use gibbsian_core::{Objective, ParametricMut, Score, Seed, Space};
use gibbsian_data::{LastBatch, Minibatches};
use gibbsian_linalg::Lu;
use gibbsian_nn::{Activation, NeuralEnergy, NeuralScore};
use gibbsian_train::{Adam, AdamOptions, Cosine, Decay, Descent, Trainer};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use crate::Result;

/// The hidden layers.
const HIDDEN: [usize; 2] = [32, 32];
/// The minibatches.
const BATCH: usize = 100;
/// The first learning rate of Adam; it falls to zero along half a cosine.
const RATE: f64 = 3e-3;

/// A score in the plane, `f(x/spread)/σ`, that nothing makes a gradient.
pub(crate) fn score_network(spread: f64, sigma: f64, seed: Seed) -> Result<NeuralScore> {
    Ok(NeuralScore::new(
        2,
        |net, x| {
            let x = net.scale(spread.recip(), x);
            let s = net.mlp("score", x, &HIDDEN, 2, Activation::Silu);
            net.scale(sigma.recip(), s)
        },
        &mut seed.rng(),
    )?)
}

/// An energy in the plane, `(spread/σ) f(x/spread)`, whose score has the size of the other.
pub(crate) fn energy_network(spread: f64, sigma: f64, seed: Seed) -> Result<NeuralEnergy> {
    Ok(NeuralEnergy::new(
        2,
        |net, x| {
            let x = net.scale(spread.recip(), x);
            let e = net.mlp("energy", x, &HIDDEN, 1, Activation::Silu);
            net.scale(spread / sigma, e)
        },
        &mut seed.rng(),
    )?)
}

/// Descends an objective for `n_steps` minibatches of `data` `(N, D)`, at least a hundred points.
pub(crate) fn train<M, O>(
    model: &mut M,
    objective: O,
    data: ArrayView2<f64>,
    n_steps: u64,
    seed: Seed,
) -> Result<()>
where
    M: ParametricMut + Space,
    O: Objective<M>,
{
    let mut order = Minibatches::new(data.nrows(), BATCH, LastBatch::Drop, seed.child("order"))?;
    let n_epochs = n_steps.div_ceil((data.nrows() / BATCH) as u64);
    let rate = Cosine::new(RATE, 0.0, n_epochs * (data.nrows() / BATCH) as u64)?;
    let adam = Adam::new(&model.layout(), AdamOptions::default(), Decay::NONE)?;
    let mut step = Descent::new(objective, adam);
    let data = Matrix::new(data)?;
    Trainer::new(n_epochs, rate, seed.child("steps"))?.fit(model, &mut step, &data, &mut order, &mut ())?;
    Ok(())
}

/// Sets a model whose score is affine in its parameters to the minimum of a quadratic objective on `x`.
///
/// The gradient is affine too, and equal random streams give equal noise, so that gradients at the origin and at unit vectors are the whole linear system.
pub(crate) fn least_squares<M, O>(
    model: &mut M,
    objective: &mut O,
    x: ArrayView2<f64>,
    noise: Seed,
) -> Result<()>
where
    M: ParametricMut,
    O: Objective<M>,
{
    let n = model.n_params();
    let mut gradient = |params: ArrayView1<f64>| -> Result<Array1<f64>> {
        model.set_params(params)?;
        let mut grad = Array1::zeros(n);
        objective.loss_and_grad_into(model, x, &mut noise.rng(), grad.view_mut())?;
        Ok(grad)
    };
    let origin = gradient(Array1::zeros(n).view())?;
    let mut hessian = Array2::zeros((n, n));
    for (unit, mut column) in Array2::<f64>::eye(n)
        .rows()
        .into_iter()
        .zip(hessian.columns_mut())
    {
        column.assign(&(gradient(unit)? - &origin));
    }
    let solution = Lu::new("hessian", hessian.view())?.solve_vector((-origin).view());
    Ok(model.set_params(solution.view())?)
}

/// `‖s(x_b) − s*(x_b)‖²` of every row.
pub(crate) fn square_errors(model: &dyn Score, truth: &dyn Score, x: ArrayView2<f64>) -> Array1<f64> {
    let difference = model.score(x) - truth.score(x);
    (&difference * &difference).sum_axis(Axis(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_nn::{Init, Precision};
    use gibbsian_objectives::ImplicitScoreMatching;
    use ndarray::array;

    /// `E[tr B + ½‖Bx + b‖²]` is least at minus the inverse covariance of the sample (Hyvärinen 2005).
    #[test]
    fn least_squares_finds_the_minimum_of_a_quadratic_objective() {
        let x = array![[0.0, 1.0], [2.0, 1.5], [1.0, -1.0], [-2.0, 0.5]];
        let forward = |net: &mut gibbsian_nn::Net<'_>, x| {
            let w = net.matrix("weights", (2, 2), Init::Zeros);
            let b = net.row("bias", 2, Init::Zeros);
            net.affine(x, w, b)
        };
        let score = NeuralScore::new(2, forward, &mut Seed::new(1).rng()).unwrap();
        let mut score = score.with_precision(Precision::Double);
        least_squares(&mut score, &mut ImplicitScoreMatching, x.view(), Seed::new(2)).unwrap();
        let mean = x.mean_axis(Axis(0)).unwrap();
        assert!(
            score
                .score(mean.view().insert_axis(Axis(0)))
                .iter()
                .all(|s| s.abs() < 1e-13)
        );
        // Back from the scores: B Σ = −I.
        let centred = &x - &mean;
        let product = centred.t().dot(&score.score(x.view())) / 4.0;
        assert!((product + Array2::<f64>::eye(2)).iter().all(|e| e.abs() < 1e-13));
    }
}
