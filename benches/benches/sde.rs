//! Sampling by reverse processes and flows, and log-densities, with the exact score of one mixture: eight components on a circle in the plane.

use std::f64::consts::TAU;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gibbsian_core::process::VariancePreserving;
use gibbsian_core::{Density, Result, Seed};
use gibbsian_densities::{Covariances, GaussianMixture, NoisedMixture};
use gibbsian_sde::{
    AdaptiveRungeKutta, Ddim, DpmSolver2M, EulerMaruyama, FixedSteps, FlowLikelihood, FreshNoise,
    ProbabilityFlow, ReverseSde, Solver, TimeGrid,
};
use ndarray::{Array1, Array2};

const SEED: Seed = Seed::new(7);
const POINTS: usize = 1000;
/// Where solvers that cannot reach the data end.
const END: f64 = 1e-3;
const TOLERANCE: f64 = 1e-5;

type Model = NoisedMixture<VariancePreserving>;
type Reverse = ReverseSde<VariancePreserving, Model>;

fn process() -> VariancePreserving {
    VariancePreserving::new(0.1, 20.0).expect("the rates are positive")
}

fn mixture() -> GaussianMixture {
    let means = Array2::from_shape_fn((8, 2), |(k, i)| {
        let angle = TAU * k as f64 / 8.0;
        4.0 * if i == 0 { angle.cos() } else { angle.sin() }
    });
    let variances = Covariances::Spherical(Array1::from_elem(8, 0.09));
    GaussianMixture::new(Array1::from_elem(8, 0.125), means, variances).expect("the weights sum to one")
}

fn model() -> Model {
    NoisedMixture::new(mixture(), process()).expect("the covariances are positive")
}

/// The names say how often the score is evaluated at every point.
fn sampling(c: &mut Criterion) {
    let reverse = ReverseSde::new(process(), model());
    let mut group = c.benchmark_group("sde/sampling_1000_points");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(POINTS as u64));
    let mut measure = |name: &str, grid: Result<TimeGrid>, solver: &dyn Sampler| {
        let steps = FixedSteps::new(grid.expect("the times fall"));
        group.bench_function(name, |b| b.iter(|| solver.sample(&steps, &reverse)));
    };
    let uniform = |to, n_steps| TimeGrid::uniform(1.0, to, n_steps);
    measure("euler_maruyama_1000", uniform(END, 1000), &EulerMaruyama);
    measure("ddim_50", uniform(0.0, 50), &Ddim::default());
    let logarithmic = TimeGrid::uniform_in_log_snr(&process(), 1.0, END, 24).and_then(|grid| grid.then(0.0));
    measure("dpm_solver_2m_25", logarithmic, &DpmSolver2M);
    group.finish();
}

/// A scheme without its type.
trait Sampler {
    fn sample(&self, steps: &FixedSteps, reverse: &Reverse) -> Array2<f64>;
}

impl<S: Solver<Reverse>> Sampler for S {
    fn sample(&self, steps: &FixedSteps, reverse: &Reverse) -> Array2<f64> {
        let noise = FreshNoise::new(SEED);
        let start = noise.normal((POINTS, 2));
        steps
            .solve(self, reverse, start, &noise)
            .expect("the score is finite")
    }
}

fn flows(c: &mut Criterion) {
    let flow = || ProbabilityFlow::new(process(), model());
    let solver = || AdaptiveRungeKutta::with_tolerance(TOLERANCE);
    let mut group = c.benchmark_group("sde/probability_flow_1000_points");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(POINTS as u64));
    let (samples, adaptive) = (flow(), solver());
    group.bench_function("samples", |b| {
        b.iter(|| {
            let start = FreshNoise::new(SEED).normal((POINTS, 2));
            adaptive
                .solve(&samples, start, 1.0, END)
                .expect("the score is finite")
        });
    });
    let likelihood = FlowLikelihood::new(flow(), END, solver()).expect("the end lies before the horizon");
    let x = mixture().sample(POINTS, &mut SEED.rng());
    group.bench_function("log_density", |b| {
        b.iter(|| likelihood.log_density(x.view()).expect("the score is finite"));
    });
    group.finish();
}

criterion_group!(benches, sampling, flows);
criterion_main!(benches);
