//! Adversarial training with networks as samplers: a linear one is the linear generator of the test kit, and one with hidden units ends where the balance of energy and entropy is known.

use gibbsian_core::{Generator, Objective, Parametric, ParametricMut, Seed};
use gibbsian_nn::{Activation, NeuralGenerator, Precision};
use gibbsian_objectives::{AdversarialLikelihood, Adversaries, GradientPenalised, LearntSampler};
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean_of_chain};
use gibbsian_testkit::targets::{Gaussian, LinearGenerator};
use ndarray::{Array1, Array2, array};

fn network(hidden: &[usize], dim: usize) -> NeuralGenerator {
    let forward = |net: &mut gibbsian_nn::Net<'_>, z| net.mlp("g", z, hidden, dim, Activation::Tanh);
    NeuralGenerator::new(1, dim, forward, &mut Seed::new(1).rng())
        .unwrap()
        .with_precision(Precision::Double)
}

fn game(n_importance: usize, noise: f64, proposal: f64) -> AdversarialLikelihood {
    AdversarialLikelihood::new(LearntSampler {
        n_importance,
        generator_rate: 2.0,
        ..LearntSampler::new(32, noise, proposal)
    })
    .unwrap()
}

/// The same numbers go through both, so the gradients differ by rounding only, with the penalty and without.
#[test]
fn a_network_without_hidden_units_is_the_linear_generator() {
    let energy = || Gaussian::new(array![0.5, -1.0], array![[2.0, 0.5], [0.5, 1.0]]).unwrap();
    let linear = LinearGenerator::new(array![[0.6], [-0.3]], array![0.2, -0.4]).unwrap();
    let mut net = network(&[], 2);
    // One latent variable: weights and biases in this order, whichever way the matrix lies.
    net.set_params(linear.params().view()).unwrap();
    let x = array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7]];
    fn call<G: Parametric>(
        mut objective: impl Objective<Adversaries<Gaussian, G>>,
        model: &Adversaries<Gaussian, G>,
        x: &Array2<f64>,
    ) -> Array1<f64> {
        let mut all = Array1::zeros(model.n_params() + 1);
        let (grad, mut loss) = all.view_mut().split_at(ndarray::Axis(0), model.n_params());
        let rng = &mut Seed::new(2).rng();
        loss[0] = objective.loss_and_grad_into(model, x.view(), rng, grad).unwrap();
        all
    }
    let (linear, net) = (
        Adversaries::new(energy(), linear).unwrap(),
        Adversaries::new(energy(), net).unwrap(),
    );
    let penalised = || GradientPenalised::new(game(16, 0.5, 0.85), 0.3).unwrap();
    let close = |a: Array1<f64>, b: Array1<f64>| {
        let scale = a.iter().fold(1.0_f64, |m, v| m.max(v.abs()));
        assert!((&a - &b).iter().all(|d| d.abs() <= 1e-12 * scale), "{a} {b}");
    };
    close(
        call(game(16, 0.5, 0.85), &linear, &x),
        call(game(16, 0.5, 0.85), &net, &x),
    );
    close(call(penalised(), &linear, &x), call(penalised(), &net, &x));
}

const SIGMA: f64 = 0.5;

/// The variance and the Fisher information `E (∂ log q)²` of `q(x) = ∫ N(z; 0, 1) N(x; g(z), σ²) dz`, by sums over grids on which everything is smooth and has decayed.
fn variance_and_information(generator: &NeuralGenerator) -> (f64, f64) {
    let grid = Array1::linspace(-7.0, 7.0, 141);
    let spacing = grid[1] - grid[0];
    let density = |x: f64, sigma: f64| {
        (-0.5 * x * x / (sigma * sigma)).exp() / (sigma * std::f64::consts::TAU.sqrt()) * spacing
    };
    let of_z = grid.mapv(|z| density(z, 1.0));
    let generated = generator.generate(grid.view().insert_axis(ndarray::Axis(1)));
    let g = generated.column(0);
    let (mut mass, mut first, mut second, mut information) = (0.0, 0.0, 0.0, 0.0);
    for &x in &grid {
        let (mut q, mut slope) = (0.0, 0.0);
        for (&weight, &g) in of_z.iter().zip(&g) {
            let part = weight * density(x - g, SIGMA);
            q += part;
            slope -= part * (x - g) / (SIGMA * SIGMA);
        }
        mass += q;
        first += q * x;
        second += q * x * x;
        if q > 0.0 {
            information += slope * slope / q;
        }
    }
    assert!((mass - 1.0).abs() < 1e-6, "{mass}");
    (second - first * first, information)
}

/// At the end the sampler cannot gain by scaling what it generates: `E g(z)·(∇E + ∇ log q) = 0`. For a normal energy of precision `k`, with `x = g + σξ`, `E x ∇ log q = −1` and `E ξ ∇ log q = −σ I(q)`, that is
///
/// `k (Var x − σ²) = 1 − σ² I(q)`,
///
/// whatever the shape of `q`; and the energy has seen to it that `x` has the mean and the variance of the data. So the precision is that of the data where `q` is normal and less where it is not. Importance sampling with `K` draws
/// makes the pull of the entropy weaker by the fraction `2/K` where `q` is normal; twice that is granted.
#[test]
fn a_network_with_hidden_units_ends_in_balance() {
    const K: usize = 128;
    let energy = Gaussian::new(array![-0.5], array![[0.5]]).unwrap();
    let mut model = Adversaries::new(energy, network(&[8], 1)).unwrap();
    let mut objective = game(K, SIGMA, 0.5_f64.sqrt());
    // The mean 0.3 and the variance 1.
    let x = array![[1.3], [-0.7]];
    let mut rng = Seed::new(3).rng();
    let [mut mean, mut variance, mut balance] = [(); 3].map(|()| Vec::new());
    for step in 0..6000 {
        let mut grad = Array1::zeros(model.n_params());
        objective
            .loss_and_grad_into(&model, x.view(), &mut rng, grad.view_mut())
            .unwrap();
        let params = model.params() - grad * 0.02;
        model.set_params(params.view()).unwrap();
        if step >= 2000 && step % 10 == 0 {
            let params = model.params();
            let (v, information) = variance_and_information(model.generator());
            mean.push(params[0]);
            variance.push(v);
            let normal = 1.0 - SIGMA * SIGMA * information;
            balance.push(params[1] * (v - SIGMA * SIGMA) / normal);
        }
    }
    let tests = [
        mean_of_chain("mean", &mean, 0.3, 20),
        mean_of_chain("variance of the samples", &variance, 1.0, 20),
    ];
    family(&tests, FALSE_ALARM).unwrap();
    let granted = 4.0 / K as f64;
    let [low, high] = [-granted, granted].map(|g| mean_of_chain("balance", &balance, 1.0 + g, 20));
    let within = low.statistic > 0.0 && high.statistic < 0.0;
    assert!(
        within || low.p_value.max(high.p_value) > FALSE_ALARM,
        "{}",
        low.detail
    );
}
