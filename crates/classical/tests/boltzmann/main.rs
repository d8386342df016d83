//! The fully connected machine against plain sums over its states.

#[path = "../common/mod.rs"]
mod common;

mod exact;
mod fit;
mod laws;
mod mean_field;
mod product;
mod refusals;
mod spins;
mod two_phase;

use gibbsian_classical::BoltzmannMachine;
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, Seed};
use ndarray::{Array1, Array2};
use rand::RngExt;
use rand_distr::StandardNormal;

/// A machine whose couplings and biases are normals of these standard deviations.
fn boltzmann(n: usize, weight: f64, bias: f64, seed: u64) -> BoltzmannMachine {
    let random = BoltzmannMachine::random(n, weight, Seed::new(seed)).unwrap();
    let mut rng = Seed::new(seed).child("bias").rng();
    let bias = Array1::from_shape_simple_fn(n, || bias * rng.sample::<f64, _>(StandardNormal));
    BoltzmannMachine::new(random.weights().to_owned(), bias).unwrap()
}

/// The energy by its definition.
fn energy(machine: &BoltzmannMachine, s: ndarray::ArrayView1<f64>) -> f64 {
    let mut e = 0.0;
    for i in 0..s.len() {
        e -= machine.bias()[i] * s[i];
        for j in 0..i {
            e -= machine.weights()[[i, j]] * s[i] * s[j];
        }
    }
    e
}

/// All states, their probabilities, and `log Z`, by plain sums.
fn enumerate(machine: &BoltzmannMachine) -> (Array2<f64>, Array1<f64>, f64) {
    let states = machine.states().unwrap();
    let minus: Vec<f64> = states.rows().into_iter().map(|s| -energy(machine, s)).collect();
    let log_z = log_sum_exp(&minus);
    let p = minus.iter().map(|l| (l - log_z).exp()).collect();
    (states, p, log_z)
}

/// `Σ_s p(s) s s'`.
fn moments(states: &Array2<f64>, p: &Array1<f64>) -> Array2<f64> {
    let weighted = states * &p.view().insert_axis(ndarray::Axis(1));
    states.t().dot(&weighted)
}

#[track_caller]
fn assert_close(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance * expected.abs().max(1.0),
        "{found:e} instead of {expected:e}"
    );
}

#[track_caller]
fn assert_all_close(found: &Array2<f64>, expected: &Array2<f64>, tolerance: f64) {
    assert_eq!(found.dim(), expected.dim());
    for ((at, f), e) in found.indexed_iter().zip(expected) {
        assert!((f - e).abs() <= tolerance, "{at:?}: {f:e} instead of {e:e}");
    }
}
