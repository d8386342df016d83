//! A pairwise model whose states are listed, and the derivatives of its energy at each of them.
#![allow(dead_code, reason = "each test file uses some of it")]

use gibbsian_core::{EnergyPullback, Objective, Parametric, Result, StreamRng};
use gibbsian_testkit::targets::{MixedSpin, Pairwise};
use ndarray::{Array1, Array2, ArrayView2, array};

/// Three spins with fields and couplings of order one.
pub fn model() -> Pairwise {
    Pairwise::new(
        array![0.3, -0.5, 0.2],
        array![[0.0, 0.0, 0.0], [0.9, 0.0, 0.0], [-0.6, 0.7, 0.0]],
    )
    .unwrap()
}

/// Sites with two, three, one and four symbols.
pub fn mixed() -> MixedSpin {
    let alphabets = vec![
        vec![0.0, 1.0],
        vec![-1.0, 0.0, 1.0],
        vec![2.0],
        vec![-1.5, -0.5, 0.5, 1.5],
    ];
    let fields = [0.4, -0.3, 0.2, 0.1];
    let crystal_fields = [0.1, -0.5, 0.3, 0.2];
    let couplings = [0.7, -0.2, 0.4, 0.6, -0.5, 0.3];
    let params = fields.into_iter().chain(crystal_fields).chain(couplings);
    MixedSpin::new(alphabets, params.collect()).unwrap()
}

/// A minibatch that the model does not expect.
pub fn data() -> Array2<f64> {
    array![
        [1.0, -1.0, 1.0],
        [1.0, 1.0, 1.0],
        [1.0, -1.0, 1.0],
        [-1.0, -1.0, 1.0]
    ]
}

/// `∂E(x_b)/∂θ_k`, one row a state.
pub fn energy_derivatives(model: &Pairwise, x: ArrayView2<f64>) -> Array2<f64> {
    let mut all = Array2::zeros((x.nrows(), model.n_params()));
    for (row, grad) in x.rows().into_iter().zip(all.rows_mut()) {
        model.energy_pullback_into(row.insert_axis(ndarray::Axis(0)), array![1.0].view(), grad);
    }
    all
}

/// Loss and gradient of one call.
pub fn call(
    objective: &mut impl Objective<Pairwise>,
    x: ArrayView2<f64>,
    rng: &mut StreamRng,
) -> Result<(f64, Array1<f64>)> {
    let model = model();
    let mut grad = Array1::zeros(model.n_params());
    let loss = objective.loss_and_grad_into(&model, x, rng, grad.view_mut())?;
    Ok((loss, grad))
}

/// The message with which a minibatch is refused.
pub fn refusal(objective: &mut impl Objective<Pairwise>, x: Array2<f64>) -> String {
    call(objective, x.view(), &mut gibbsian_core::Seed::new(1).rng())
        .unwrap_err()
        .to_string()
}
