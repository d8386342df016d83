//! Reverse processes and probability flows of a known mixture, timed for `benches/peers/sde.py`.
//!
//! `sde-peer NAME SECONDS` solves again and again for so long and prints the seconds of every call as a JSON list. Processes, mixtures, grids and tolerances are those of
//! the script.
#![allow(clippy::print_stdout)]

use std::f64::consts::TAU;
use std::time::Instant;

use gibbsian_core::process::{VarianceExploding, VariancePreserving};
use gibbsian_core::{Density, LinearGaussian, Seed};
use gibbsian_densities::{Covariances, GaussianMixture, NoisedMixture};
use gibbsian_sde::{
    AdaptiveRungeKutta, EulerMaruyama, FixedSteps, FlowLikelihood, FreshNoise, ProbabilityFlow, ReverseSde,
    TimeGrid,
};
use ndarray::{Array1, Array2};
use rand::RngExt;

const END: f64 = 1e-3;
const STEPS: usize = 1000;
const TOLERANCE: f64 = 1e-5;

/// Eight components on a circle, or 64 in a cube of 64 dimensions.
fn mixture(dim: usize) -> GaussianMixture {
    let (weights, means, variance): (Array1<f64>, _, _) = if dim == 2 {
        let means = Array2::from_shape_fn((8, 2), |(k, i)| {
            let angle = TAU * k as f64 / 8.0;
            4.0 * if i == 0 { angle.cos() } else { angle.sin() }
        });
        (Array1::from_elem(8, 0.125), means, 0.09)
    } else {
        let mut rng = Seed::new(11).rng();
        let weights = Array1::from_shape_simple_fn(64, || 0.5 + rng.random::<f64>());
        let total = weights.sum();
        let means = Array2::from_shape_simple_fn((64, dim), || 3.0 * (2.0 * rng.random::<f64>() - 1.0));
        (weights / total, means, 0.25)
    };
    let n = weights.len();
    let variances = Covariances::Spherical(Array1::from_elem(n, variance));
    GaussianMixture::new(weights, means, variances).expect("a mixture")
}

fn time(seconds: f64, mut run: impl FnMut(u64)) {
    run(0);
    let mut found = Vec::new();
    let start = Instant::now();
    while found.is_empty() || start.elapsed().as_secs_f64() < seconds {
        let began = Instant::now();
        run(found.len() as u64 + 1);
        found.push(format!("{}", began.elapsed().as_secs_f64()));
    }
    println!("[{}]", found.join(", "));
}

fn euler<P: LinearGaussian + Copy>(process: P, dim: usize, n: usize, seconds: f64) {
    let model = NoisedMixture::new(mixture(dim), process).expect("eigenvalues");
    let reverse = ReverseSde::new(process, model);
    let steps = FixedSteps::new(TimeGrid::uniform(1.0, END, STEPS).expect("a grid"));
    let deviation = process.prior_variance().sqrt();
    time(seconds, |call| {
        let noise = FreshNoise::new(Seed::new(call));
        let start = deviation * noise.normal((n, dim));
        let x = steps.solve(&EulerMaruyama, &reverse, start, &noise);
        assert!(x.is_ok_and(|x| x.iter().all(|x| x.abs() < 100.0)));
    });
}

fn flow(dim: usize, n: usize, seconds: f64) {
    let process = VariancePreserving::new(0.1, 20.0).expect("rates");
    let model = NoisedMixture::new(mixture(dim), process).expect("eigenvalues");
    let flow = ProbabilityFlow::new(process, model);
    let solver = AdaptiveRungeKutta::with_tolerance(TOLERANCE);
    time(seconds, |call| {
        let start = FreshNoise::new(Seed::new(call)).normal((n, dim));
        let end = solver.solve(&flow, start, 1.0, END);
        assert!(end.is_ok_and(|end| end.points.iter().all(|x| x.abs() < 100.0)));
    });
}

fn likelihood(dim: usize, n: usize, seconds: f64) {
    let process = VariancePreserving::new(0.1, 20.0).expect("rates");
    let data = mixture(dim);
    let x = data.sample(n, &mut Seed::new(7).rng());
    let model = NoisedMixture::new(data, process).expect("eigenvalues");
    let flow = ProbabilityFlow::new(process, model);
    let likelihood =
        FlowLikelihood::new(flow, END, AdaptiveRungeKutta::with_tolerance(TOLERANCE)).expect("settings");
    time(seconds, |_| {
        let found = likelihood.log_density(x.view());
        assert!(found.is_ok_and(|found| found.log_density.iter().all(|l| l.is_finite())));
    });
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let seconds: f64 = arguments[2].parse().expect("a number of seconds");
    let preserving = VariancePreserving::new(0.1, 20.0).expect("rates");
    let exploding = VarianceExploding::new(0.01, 20.0).expect("levels");
    match arguments[1].as_str() {
        "euler-vp-2" => euler(preserving, 2, 10_000, seconds),
        "euler-ve-2" => euler(exploding, 2, 10_000, seconds),
        "euler-vp-64" => euler(preserving, 64, 2_000, seconds),
        "flow-vp-2" => flow(2, 10_000, seconds),
        "flow-vp-64" => flow(64, 2_000, seconds),
        "likelihood-vp-2" => likelihood(2, 1_000, seconds),
        "likelihood-vp-64" => likelihood(64, 1_000, seconds),
        other => panic!("no task {other}"),
    }
}
