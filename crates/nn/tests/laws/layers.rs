//! Layers, the U-Net and energies made of them against PyTorch: values, derivatives in points and in parameters, and the names and shapes of all parameters.

use gibbsian_core::{
    Energy, EnergyPullback, Layout, Parametric, ParametricMut, Score, ScorePullback, Seed, TimeScore,
    TimeScorePullback,
};
use gibbsian_nn::{
    Activation, Init, Net, NeuralEnergy, NeuralScore, NeuralTimeScore, Picture, Precision, UNet, Var,
};
use gibbsian_testkit::agreement::close;
use ndarray::{Array1, Array2, Axis, array};
use serde_json::Value;

/// What `reference/layers.py` wrote.
fn reference(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../reference/layers.json")).unwrap();
    all[name].clone()
}

fn numbers(value: &Value) -> Array1<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

/// Requires the layout of the reference.
fn same_layout(layout: &Layout, expected: &Value) {
    let found: Vec<Value> = layout
        .tensors()
        .iter()
        .map(|tensor| serde_json::json!([*tensor.name, tensor.shape]))
        .collect();
    assert_eq!(&Value::from(found), &expected["layout"]);
}

/// The parameters that the script has.
fn with_its_parameters<M: ParametricMut>(mut model: M) -> M {
    let params = Array1::from_shape_fn(model.n_params(), |i| 0.3 * (1.7 * i as f64 + 0.4).sin());
    model.set_params(params.view()).unwrap();
    model
}

fn points(n: usize, dim: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, dim), |(b, i)| 0.8 * (0.9 * (b * dim + i) as f64 + 0.2).sin())
}

fn cotangent(n: usize, dim: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, dim), |(b, i)| (0.5 * (b * dim + i) as f64).cos())
}

/// Sums of some hundred products of numbers of order one, in another order.
const ROUNDING: f64 = 1e-12;

#[test]
fn dense_layers_blocks_and_normalisation() {
    let expected = reference("dense");
    let forward = |net: &mut Net<'_>, x: Var| {
        let h = net.dense("in", x, 8);
        let h = net.residual("tanh", h, 5, Activation::Tanh);
        let h = net.layer_norm("norm", h);
        let h = net.residual("softplus", h, 4, Activation::Softplus);
        net.mlp("out", h, &[7], 6, Activation::Sine)
    };
    let score = NeuralScore::new(6, forward, &mut Seed::new(1).rng()).unwrap();
    same_layout(&score.layout(), &expected);
    let score = with_its_parameters(score.with_precision(Precision::Double));
    let (x, u) = (points(3, 6), cotangent(3, 6));
    let y = score.score(x.view()).into_flat();
    close("the output", &y, &numbers(&expected["y"]), ROUNDING).unwrap();
    let mut grad = Array1::zeros(score.n_params());
    score.score_pullback_into(x.view(), u.view(), grad.view_mut());
    close("its pullback", &grad, &numbers(&expected["to_w"]), ROUNDING).unwrap();
}

#[test]
fn the_energy_of_an_autoencoder_in_a_well() {
    let expected = reference("energy");
    let forward = |net: &mut Net<'_>, x: Var| {
        let f = net.mlp("f", x, &[7], 5, Activation::Silu);
        let e = net.reconstruction_energy(x, f);
        net.confined(e, x, 1.5)
    };
    let energy = NeuralEnergy::new(5, forward, &mut Seed::new(1).rng()).unwrap();
    same_layout(&energy.layout(), &expected);
    let energy = with_its_parameters(energy.with_precision(Precision::Double));
    let x = points(3, 5);
    let u = cotangent(1, 3).remove_axis(Axis(0));
    close(
        "the energy",
        &energy.energy(x.view()),
        &numbers(&expected["y"]),
        ROUNDING,
    )
    .unwrap();
    // Of u·E; the score is −∇E.
    let slope = (energy.score(x.view()) * -&u.view().insert_axis(Axis(1))).into_flat();
    close("its slope", &slope, &numbers(&expected["to_x"]), ROUNDING).unwrap();
    let mut grad = Array1::zeros(energy.n_params());
    energy.energy_pullback_into(x.view(), u.view(), grad.view_mut());
    close("its pullback", &grad, &numbers(&expected["to_w"]), ROUNDING).unwrap();
}

#[test]
fn a_unet_in_time() {
    let expected = reference("unet");
    let sizes = UNet {
        groups: 4,
        ..UNet::new(vec![4, 6])
    };
    let forward = |net: &mut Net<'_>, x: Var, t: Var| {
        let waves = net.sinusoidal_embedding(t, 8, 1000.0);
        let e = net.dense("time", waves, 10);
        let e = net.silu(e);
        let h = net.conv2d("in", Picture::new(x, 8, 8, 1), 4, 3, Init::LeCun);
        let h = net.unet("unet", h, Some(e), &sizes);
        let f = net.conv2d("out", h, 1, 3, Init::LeCun);
        net.noise_to_score(f.node, t)
    };
    let score = NeuralTimeScore::new(64, forward, &mut Seed::new(1).rng()).unwrap();
    same_layout(&score.layout(), &expected);
    let score = with_its_parameters(score.with_precision(Precision::Double));
    let (x, t, u) = (points(2, 64), array![0.7, 2.5], cotangent(2, 64));
    let mut y = Array2::zeros((2, 64));
    score.score_at_into(x.view(), t.view(), y.view_mut());
    let y = y.into_flat();
    close("the output", &y, &numbers(&expected["y"]), ROUNDING).unwrap();
    let mut grad = Array1::zeros(score.n_params());
    score.score_pullback_at_with(
        x.view(),
        t.view(),
        &mut |_, mut out| out.assign(&u),
        grad.view_mut(),
    );
    close("its pullback", &grad, &numbers(&expected["to_w"]), ROUNDING).unwrap();
}

#[test]
fn a_new_unet_of_pictures_has_the_parameters_of_the_reference_and_is_zero() {
    let forward = |net: &mut Net<'_>, x: Var| {
        net.unet(
            "unet",
            Picture::new(x, 28, 28, 1),
            None,
            &UNet::new(vec![32, 64, 128]),
        )
        .node
    };
    let score = NeuralScore::new(784, forward, &mut Seed::new(1).rng()).unwrap();
    same_layout(&score.layout(), &reference("large"));
    assert!(score.score(points(2, 784).view()).iter().all(|s| *s == 0.0));
}

#[test]
fn a_new_residual_block_is_the_identity() {
    let forward = |net: &mut Net<'_>, x: Var| net.residual("block", x, 9, Activation::Silu);
    let score = NeuralScore::new(4, forward, &mut Seed::new(1).rng()).unwrap();
    let x = points(3, 4).mapv(|x| f64::from(x as f32));
    assert_eq!(score.score(x.view()), x);
}
