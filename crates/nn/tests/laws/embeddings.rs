//! Embeddings of time against their formulas, and the kernel that random frequencies stand for.

use gibbsian_core::{Seed, TimeScore};
use gibbsian_nn::{Net, NeuralTimeScore, Precision, Var};
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use ndarray::{Array1, Array2, Axis};
use rand::RngExt;
use rand_distr::StandardNormal;
use std::f64::consts::PI;

/// The embedding of these times, `(T, width)`, as the score of a network that is nothing else.
fn embedded(width: usize, t: &Array1<f64>, embed: impl FnOnce(&mut Net<'_>, Var) -> Var) -> Array2<f64> {
    let forward = |net: &mut Net<'_>, x: Var, t: Var| {
        let waves = embed(net, t);
        let nothing = net.scale(0.0, x);
        net.add(waves, nothing)
    };
    let network = NeuralTimeScore::new(width, forward, &mut Seed::new(1).rng())
        .unwrap()
        .with_precision(Precision::Double);
    let mut out = Array2::zeros((t.len(), width));
    let x = Array2::ones(out.raw_dim());
    network.score_at_into(x.view(), t.view(), out.view_mut());
    out
}

fn times() -> Array1<f64> {
    Array1::from(vec![0.0, 0.3, 1.0, -2.7, 40.0])
}

/// `[sin ω_k t, cos ω_k t]` by the library of the language, whose sines may differ in the last digits at angles of some hundred.
fn check(found: &Array2<f64>, frequencies: &[f64]) {
    let n = frequencies.len();
    for (t, row) in times().iter().zip(found.rows()) {
        for (k, omega) in frequencies.iter().enumerate() {
            let angle = omega * t;
            let allowed = 8.0 * f64::EPSILON * (1.0 + angle.abs());
            assert!(
                (row[k] - angle.sin()).abs() <= allowed,
                "sin {omega} · {t}: {}",
                row[k]
            );
            assert!(
                (row[n + k] - angle.cos()).abs() <= allowed,
                "cos {omega} · {t}: {}",
                row[n + k]
            );
        }
    }
}

#[test]
fn fourier_features_have_the_frequencies_of_their_seed() {
    let (scale, seed) = (1.7, Seed::new(2));
    let found = embedded(6, &times(), |net, t| net.fourier_embedding(t, 6, scale, seed));
    let mut rng = seed.rng();
    let frequencies = [(); 3].map(|()| 2.0 * PI * scale * rng.sample::<f64, _>(StandardNormal));
    check(&found, &frequencies);
}

/// From 1 to `1/longest` in equal ratios, both ends included; a single one is 1.
#[test]
fn sinusoidal_features_have_geometric_frequencies() {
    let found = embedded(8, &times(), |net, t| net.sinusoidal_embedding(t, 8, 1000.0));
    check(&found, &[1.0, 0.1, 0.01, 0.001]);
    let found = embedded(2, &times(), |net, t| net.sinusoidal_embedding(t, 2, 1000.0));
    check(&found, &[1.0]);
}

/// Frequencies from `N(0, scale²)` make the mean of `cos 2πω(t − t')`, half the inner product of two embeddings, the kernel `exp(−2π² scale² (t − t')²)` in expectation (Rahimi and Recht 2007).
#[test]
fn random_frequencies_stand_for_a_normal_kernel() {
    const N: usize = 4_000;
    let scale = 0.2;
    let t = Array1::from(vec![0.0, 0.3, 1.0, 1.8]);
    let found = embedded(2 * N, &t, |net, t| {
        net.fourier_embedding(t, 2 * N, scale, Seed::new(3))
    });
    let (sines, cosines) = found.view().split_at(Axis(1), N);
    let mut tests = Vec::new();
    for i in 0..t.len() {
        for j in 0..i {
            let products = &sines.row(i) * &sines.row(j) + &cosines.row(i) * &cosines.row(j);
            let kernel = (-2.0 * (PI * scale * (t[i] - t[j])).powi(2)).exp();
            tests.push(mean(
                &format!("{} and {}", t[i], t[j]),
                &products.to_vec(),
                kernel,
            ));
        }
    }
    family(&tests, FALSE_ALARM).unwrap();
}
