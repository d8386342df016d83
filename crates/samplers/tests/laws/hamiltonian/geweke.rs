//! Geweke's joint test (2004): data redrawn given the parameter, the parameter moved given the data; the pair keeps its joint law.

use gibbsian_core::{Kernel, Seed};
use gibbsian_samplers::{Hmc, Nuts};
use gibbsian_testkit::stats::{FALSE_ALARM, Test, family, mean_of_chain};
use gibbsian_testkit::targets::Gaussian;
use ndarray::array;
use rand::RngExt;
use rand_distr::StandardNormal;

/// `θ ~ N(0, 1)` and `y ~ N(θ, 1)`, so that `θ` given `y` is `N(y/2, 1/2)`.
fn posterior(y: f64) -> Gaussian {
    Gaussian::new(array![0.5 * y], array![[2.0]]).unwrap()
}

type Function = fn(f64, f64) -> f64;

/// Functions of `(θ, y)` and their expectations.
const FUNCTIONS: [(&str, Function, f64); 13] = [
    ("θ", |t, _| t, 0.0),
    ("θ²", |t, _| t * t, 1.0),
    ("θ³", |t, _| t * t * t, 0.0),
    ("θ⁴", |t, _| t.powi(4), 3.0),
    ("y", |_, y| y, 0.0),
    ("y²", |_, y| y * y, 2.0),
    ("y³", |_, y| y * y * y, 0.0),
    ("y⁴", |_, y| y.powi(4), 12.0),
    ("θ y", |t, y| t * y, 1.0),
    ("θ² y²", |t, y| t * t * y * y, 4.0),
    ("θ³ y", |t, y| t * t * t * y, 3.0),
    ("θ y³", |t, y| t * y * y * y, 6.0),
    ("cos θ", |t, _| t.cos(), 0.606_530_659_712_633_4),
];

fn joint<K: Kernel<Gaussian>>(kernel: &K, seed: Seed) -> Vec<Test> {
    let (mut data, mut steps) = (seed.child("data").rng(), seed.child("steps").rng());
    let theta: f64 = data.sample(StandardNormal);
    let mut state = kernel.init(&posterior(theta), array![[theta]]).unwrap();
    let mut pairs = Vec::new();
    for _ in 0..40_000 {
        let y = kernel.positions(&state)[[0, 0]] + data.sample::<f64, _>(StandardNormal);
        let target = posterior(y);
        kernel.refresh(&target, &mut state);
        kernel.step(&target, &mut state, &mut steps);
        pairs.push((kernel.positions(&state)[[0, 0]], y));
    }
    FUNCTIONS
        .iter()
        .map(|(name, f, expected)| {
            let chain: Vec<f64> = pairs.iter().map(|(t, y)| f(*t, *y)).collect();
            mean_of_chain(name, &chain, *expected, 40)
        })
        .collect()
}

#[test]
fn parameter_and_data_keep_their_joint_law() {
    let mut tests = joint(&Nuts::new(0.6).unwrap(), Seed::new(2004).nth(0));
    tests.extend(joint(&Hmc::new(0.4, 3).unwrap(), Seed::new(2004).nth(1)));
    family(&tests, FALSE_ALARM).unwrap();
}
