//! The pseudo-likelihood of a machine with fast flips in single precision, against its reference in double precision.

use gibbsian_classical::{Bernoulli, BinaryRbm, Rbm};
use gibbsian_core::Seed;
use gibbsian_objectives::pseudo_log_likelihood;
use ndarray::{Array1, Array2};
use rand::RngExt;

#[test]
fn the_fast_flips_give_the_pseudo_likelihood_of_the_reference() {
    const N_VISIBLE: usize = 70;
    let biases = |n: u32| Array1::from_iter((0..n).map(|i| f64::from(i % 7) / 8.0 - 0.4));
    let layer = |n| Bernoulli::new(biases(n)).unwrap();
    let random = Rbm::random(layer(N_VISIBLE as u32), layer(130), 0.3, Seed::new(1)).unwrap();
    let machine = BinaryRbm::from(&random);
    // The same numbers, in double precision.
    let reference = Rbm::from(&machine);
    let mut rng = Seed::new(2).rng();
    let x = Array2::from_shape_simple_fn((300, N_VISIBLE), || f64::from(rng.random::<f64>() < 0.3));

    let found = pseudo_log_likelihood(&machine, x.view()).unwrap();
    let expected = pseudo_log_likelihood(&reference, x.view()).unwrap();
    // A field is off by at most δ_j = V ε Σ_i |W_ij|, a flip by Σ_j min(1, |W_ij| / 4) δ_j, and softplus has a slope of at most one.
    let size = reference.weights().mapv(f64::abs);
    let delta = size.sum_axis(ndarray::Axis(0)) * (N_VISIBLE as f64 * f64::from(f32::EPSILON) / 2.0);
    let tolerance = size.mapv(|w| (w / 4.0).min(1.0)).dot(&delta).sum();
    assert!(
        (found - expected).abs() <= tolerance,
        "{found}, not {expected}, with a tolerance of {tolerance}"
    );
    assert!(tolerance < 1e-2 * expected.abs(), "{tolerance} says nothing");
}
