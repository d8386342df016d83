//! What constructors refuse, by name.

use gibbsian_core::{Parametric, ParametricMut, Seed};
use gibbsian_nn::{
    Activation, Init, NeuralEnergy, NeuralGenerator, NeuralScore, NeuralTimeEnergy, NeuralTimeScore,
};

#[test]
fn misfits_are_refused_by_name() {
    let rng = &mut Seed::new(1).rng();
    let e = NeuralEnergy::new(2, |net, x| net.dense("out", x, 2), rng).unwrap_err();
    assert!(e.to_string().contains("output of the network"), "{e}");
    let e = NeuralScore::new(2, |net, x| net.dense("out", x, 1), rng).unwrap_err();
    assert!(e.to_string().contains("[2], a score"), "{e}");
    let e = NeuralTimeScore::new(0, |_, x, _| x, rng).unwrap_err();
    assert!(e.to_string().contains("dim"), "{e}");
    let e = NeuralTimeEnergy::new(2, |net, x, _| net.dense("out", x, 2), rng).unwrap_err();
    assert!(e.to_string().contains("[1], an energy"), "{e}");
    let e = NeuralGenerator::new(3, 2, |_, z| z, rng).unwrap_err();
    assert!(e.to_string().contains("[2], a point"), "{e}");
    let e = NeuralGenerator::new(0, 2, |_, z| z, rng).unwrap_err();
    assert!(e.to_string().contains("latent_dim"), "{e}");
    let twice = |net: &mut gibbsian_nn::Net<'_>, x| {
        let h = net.dense("same", x, 2);
        net.dense("same", h, 1)
    };
    let e = NeuralEnergy::new(2, twice, rng).unwrap_err();
    assert!(e.to_string().contains("same.weights"), "{e}");
}

/// What the graph below the network allows and a model has no numbers for.
#[test]
fn parameters_without_a_name_and_inputs_of_ones_own_are_refused() {
    let rng = &mut Seed::new(1).rng();
    let e = NeuralEnergy::new(
        2,
        |net, x| {
            let w = net.param(2, 1);
            net.matmul(x, w)
        },
        rng,
    )
    .unwrap_err();
    assert!(e.to_string().contains("parameters that have no name"), "{e}");
    let e = NeuralScore::new(
        2,
        |net, x| {
            net.input(2);
            x
        },
        rng,
    )
    .unwrap_err();
    assert!(e.to_string().contains("1 inputs of its own"), "{e}");
    let e = NeuralEnergy::new(
        2,
        |net, x| {
            let w = net.matrix("w", (2, 1), Init::Constant(1.0));
            let b = net.row("b", 1, Init::Constant(f64::NAN));
            net.affine(x, w, b)
        },
        rng,
    )
    .unwrap_err();
    assert_eq!(e.to_string(), "`b[0]` is NaN, but must be finite");
}

#[test]
fn parameters_that_are_not_finite_are_refused_by_name() {
    let forward = |net: &mut gibbsian_nn::Net<'_>, x| net.mlp("f", x, &[3], 1, Activation::Tanh);
    let mut energy = NeuralEnergy::new(2, forward, &mut Seed::new(1).rng()).unwrap();
    let before = energy.params();
    let mut params = before.clone();
    params[7] = f64::NAN;
    let e = energy.set_params(params.view()).unwrap_err();
    assert_eq!(e.to_string(), "`f.0.bias[1]` is NaN, but must be finite");
    assert_eq!(energy.params(), before);
}

/// Numbers of layers that no network can have, named when the model is made.
#[test]
fn numbers_of_layers_are_refused_by_name() {
    let rng = &mut Seed::new(1).rng();
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let e = NeuralEnergy::new(
            2,
            |net, x| {
                let f = net.dense("out", x, 1);
                net.confined(f, x, bad)
            },
            rng,
        )
        .unwrap_err();
        assert!(e.to_string().starts_with(&format!("`deviation` is {bad}")), "{e}");
        let e = NeuralTimeScore::new(4, |net, _, t| net.sinusoidal_embedding(t, 4, bad), rng).unwrap_err();
        assert!(e.to_string().starts_with(&format!("`longest` is {bad}")), "{e}");
        let seed = Seed::new(2);
        let e = NeuralTimeScore::new(4, |net, _, t| net.fourier_embedding(t, 4, bad, seed), rng).unwrap_err();
        assert!(e.to_string().starts_with(&format!("`scale` is {bad}")), "{e}");
    }
}
