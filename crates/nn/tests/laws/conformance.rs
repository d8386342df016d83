//! Every trait of every model against differences and against each other, in double precision.

use gibbsian_core::{ParametricMut, Seed};
use gibbsian_nn::{
    Activation, Init, Net, NeuralEnergy, NeuralGenerator, NeuralScore, NeuralTimeEnergy, NeuralTimeScore,
    Picture, Precision, UNet,
};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision as Probes;
use ndarray::{Array2, array};
use rand::RngExt;

/// Networks are as smooth as their weights are small: steps of a quarter unit stay in the Taylor series.
const PROBES: Probes = Probes::DOUBLE;

pub fn points(n: usize, dim: usize) -> Array2<f64> {
    let mut rng = Seed::new(3).child("points").rng();
    Array2::from_shape_simple_fn((n, dim), || 2.0 * rng.random::<f64>() - 1.0)
}

/// A model whose blocks that begin at zero have moved.
pub fn moved<M: ParametricMut>(mut model: M) -> M {
    let mut rng = Seed::new(4).child("parameters").rng();
    let params = model
        .params()
        .mapv(|p| p + 0.2 * (2.0 * rng.random::<f64>() - 1.0));
    model.set_params(params.view()).unwrap();
    model
}

/// Normalisation over few numbers bends on the scale of their deviation, a few tenths here.
const STEEP: Probes = Probes::DOUBLE.with_step(0.125 / 8.0);

type Forward<'a> = &'a dyn Fn(&mut Net<'_>, gibbsian_grad::Var) -> gibbsian_grad::Var;

fn check_energy(dim: usize, probes: Probes, forward: Forward<'_>) {
    let energy = NeuralEnergy::new(dim, forward, &mut Seed::new(1).rng()).unwrap();
    let mut energy = moved(energy.with_precision(Precision::Double));
    let x = points(5, dim);
    conformance::energy(&energy, x.view(), probes).unwrap();
    conformance::score(&energy, x.view(), probes).unwrap();
    conformance::potential(&energy, x.view(), probes).unwrap();
    conformance::score_jvp(&energy, x.view(), probes).unwrap();
    conformance::parametric(&mut energy).unwrap();
    conformance::energy_pullback(&mut energy, x.view(), probes).unwrap();
    conformance::score_pullback(&mut energy, x.view(), probes).unwrap();
    conformance::score_jvp_pullback(&mut energy, x.view(), probes).unwrap();
}

#[test]
fn energies_of_every_shape_have_all_their_derivatives() {
    check_energy(2, PROBES, &|net, x| {
        let e = net.mlp("energy", x, &[6, 5], 1, Activation::Silu);
        net.confined(e, x, 2.0)
    });
    check_energy(3, PROBES, &|net, x| {
        let h = net.dense("in", x, 6);
        let h = net.layer_norm("norm", h);
        let h = net.residual("block", h, 5, Activation::Tanh);
        let f = net.dense_from("out", h, 4, Init::Glorot);
        net.half_square(f)
    });
    check_energy(2, PROBES, &|net, x| {
        let f = net.mlp("code", x, &[5], 2, Activation::Softplus);
        net.reconstruction_energy(x, f)
    });
    // More dimensions than one plan of all directions takes.
    check_energy(9, PROBES, &|net, x| {
        net.mlp("energy", x, &[4], 1, Activation::Sine)
    });
}

#[test]
fn scores_have_all_their_derivatives() {
    for dim in [1, 3, 9] {
        let score = NeuralScore::new(
            dim,
            |net, x| net.mlp("score", x, &[6, 5], dim, Activation::Silu),
            &mut Seed::new(1).rng(),
        );
        let mut score = moved(score.unwrap().with_precision(Precision::Double));
        let x = points(5, dim);
        conformance::score(&score, x.view(), PROBES).unwrap();
        conformance::score_jvp(&score, x.view(), PROBES).unwrap();
        conformance::parametric(&mut score).unwrap();
        conformance::score_pullback(&mut score, x.view(), PROBES).unwrap();
        conformance::score_jvp_pullback(&mut score, x.view(), PROBES).unwrap();
    }
}

#[test]
fn scores_in_time_have_all_their_derivatives() {
    for dim in [2, 9] {
        let forward = |net: &mut Net<'_>, x, t| {
            let waves = net.sinusoidal_embedding(t, 4, 10.0);
            let random = net.fourier_embedding(t, 2, 0.2, Seed::new(8));
            let all = net.concat(&[x, waves, random]);
            net.mlp("score", all, &[6, 5], dim, Activation::Silu)
        };
        let score = NeuralTimeScore::new(dim, forward, &mut Seed::new(1).rng()).unwrap();
        let mut score = moved(score.with_precision(Precision::Double));
        let (x, t) = (points(4, dim), array![0.1, 0.9, 0.4, 1.3]);
        conformance::time_score(&score, x.view(), t.view(), PROBES).unwrap();
        conformance::time_score_jvp(&score, x.view(), t.view(), PROBES).unwrap();
        conformance::parametric(&mut score).unwrap();
        conformance::time_score_pullback(&mut score, x.view(), t.view(), PROBES).unwrap();
        conformance::time_score_jvp_pullback(&mut score, x.view(), t.view(), PROBES).unwrap();
    }
}

#[test]
fn energies_in_time_have_all_their_derivatives() {
    for dim in [2, 9] {
        let forward = |net: &mut Net<'_>, x, t| {
            let waves = net.sinusoidal_embedding(t, 4, 10.0);
            let all = net.concat(&[x, waves]);
            let e = net.mlp("energy", all, &[6, 5], 1, Activation::Silu);
            net.confined(e, x, 2.0)
        };
        let energy = NeuralTimeEnergy::new(dim, forward, &mut Seed::new(1).rng()).unwrap();
        let mut energy = moved(energy.with_precision(Precision::Double));
        let (x, t) = (points(4, dim), array![0.1, 0.9, 0.4, 1.3]);
        conformance::time_energy(&energy, x.view(), t.view(), PROBES).unwrap();
        conformance::time_potential(&energy, x.view(), t.view(), PROBES).unwrap();
        conformance::time_energy_pullback(&mut energy, x.view(), t.view(), PROBES).unwrap();
        conformance::time_score(&energy, x.view(), t.view(), PROBES).unwrap();
        conformance::time_score_jvp(&energy, x.view(), t.view(), PROBES).unwrap();
        conformance::parametric(&mut energy).unwrap();
        conformance::time_score_pullback(&mut energy, x.view(), t.view(), PROBES).unwrap();
        conformance::time_score_jvp_pullback(&mut energy, x.view(), t.view(), PROBES).unwrap();
    }
}

#[test]
fn generators_have_their_derivatives() {
    for (latent_dim, dim) in [(3, 2), (1, 9)] {
        let forward = |net: &mut Net<'_>, z| net.mlp("generator", z, &[6, 5], dim, Activation::Tanh);
        let generator = NeuralGenerator::new(latent_dim, dim, forward, &mut Seed::new(1).rng());
        let mut generator = moved(generator.unwrap().with_precision(Precision::Double));
        let z = points(5, latent_dim);
        conformance::generator(&generator, z.view(), PROBES).unwrap();
        conformance::parametric(&mut generator).unwrap();
        conformance::generator_pullback(&mut generator, z.view(), PROBES).unwrap();
    }
}

#[test]
fn a_u_net_has_all_its_derivatives() {
    let sizes = UNet {
        groups: 2,
        ..UNet::new(vec![2, 4])
    };
    let forward = |net: &mut Net<'_>, x, t| {
        let waves = net.sinusoidal_embedding(t, 4, 10.0);
        let embedding = net.dense("time", waves, 4);
        let picture = Picture::new(x, 4, 4, 1);
        net.unet("net", picture, Some(embedding), &sizes).node
    };
    let score = NeuralTimeScore::new(16, forward, &mut Seed::new(1).rng()).unwrap();
    let mut score = moved(score.with_precision(Precision::Double));
    let (x, t) = (points(3, 16), array![0.1, 0.9, 0.4]);
    conformance::time_score(&score, x.view(), t.view(), STEEP).unwrap();
    conformance::time_score_jvp(&score, x.view(), t.view(), STEEP).unwrap();
    conformance::parametric(&mut score).unwrap();
    conformance::time_score_pullback(&mut score, x.view(), t.view(), STEEP).unwrap();
    conformance::time_score_jvp_pullback(&mut score, x.view(), t.view(), STEEP).unwrap();

    check_energy(16, STEEP, &|net, x| {
        let picture = Picture::new(x, 4, 4, 1);
        let h = net.residual2d("block", picture, 2, None, &sizes);
        let h = net.pooled(h, 2);
        net.mlp("head", h.node, &[5], 1, Activation::Silu)
    });
    check_energy(16, STEEP, &|net, x| {
        let picture = Picture::new(x, 4, 4, 1);
        let mut h = net.strided_conv2d("halved", picture, 3, 4, 2, Init::LeCun);
        h.node = net.silu(h.node);
        net.mlp("head", h.node, &[5], 1, Activation::Silu)
    });
}
