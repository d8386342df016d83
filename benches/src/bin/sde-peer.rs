//! Reverse processes and probability flows of a known mixture, timed for `benches/peers/sde.py`.
//!
//! `sde-peer NAME SECONDS FOLDER` solves again and again for so long and prints the seconds of every call as a JSON list. The mixture is
//! `FOLDER/mixture.f64`, little-endian: `K, D, variance, weights[K], means[K][D]`; the points of the last call go to `FOLDER/ours.f64`, a row each,
//! and for likelihoods with the log-density behind them. Processes, grids and tolerances are those of the script.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::time::Instant;

use gibbsian_core::process::{VarianceExploding, VariancePreserving};
use gibbsian_core::{Density, LinearGaussian, Seed, Space};
use gibbsian_densities::{Covariances, GaussianMixture, NoisedMixture};
use gibbsian_sde::{
    AdaptiveRungeKutta, Ddim, DpmSolver2M, EulerMaruyama, FixedSteps, FlowLikelihood, FreshNoise,
    ProbabilityFlow, ReverseSde, Solver, TimeGrid,
};
use ndarray::{Array1, Array2, Axis, concatenate};

const END: f64 = 1e-3;
const STEPS: usize = 1000;
const TOLERANCE: f64 = 1e-5;

/// Where the problem is, and for how long it is solved.
struct Task {
    folder: PathBuf,
    seconds: f64,
}

impl Task {
    fn mixture(&self) -> GaussianMixture {
        let numbers = read(&self.folder.join("mixture.f64"));
        let (n, dim, variance) = (numbers[0] as usize, numbers[1] as usize, numbers[2]);
        let (weights, means) = numbers[3..].split_at(n);
        let weights = Array1::from(weights.to_vec());
        let means = Array2::from_shape_vec((n, dim), means.to_vec()).expect("a mean for every weight");
        let variances = Covariances::Spherical(Array1::from_elem(n, variance));
        GaussianMixture::new(weights, means, variances).expect("a mixture")
    }

    /// Times one call after another; the checks and the last points are outside of the times.
    fn time(&self, mut run: impl FnMut(u64) -> Array2<f64>) {
        run(0);
        let mut found = Vec::new();
        let mut points = Array2::zeros((0, 0));
        let start = Instant::now();
        while found.is_empty() || start.elapsed().as_secs_f64() < self.seconds {
            let began = Instant::now();
            points = run(found.len() as u64 + 1);
            found.push(format!("{}", began.elapsed().as_secs_f64()));
            assert!(points.iter().all(|x| x.is_finite()), "a point was lost");
        }
        let bytes: Vec<u8> = points.iter().flat_map(|x| x.to_le_bytes()).collect();
        std::fs::write(self.folder.join("ours.f64"), bytes).expect("a place for the points");
        println!("[{}]", found.join(", "));
    }

    /// Samples by a scheme along a grid, from the law at the horizon.
    fn sample<P, S>(&self, process: P, solver: &S, grid: TimeGrid, n: usize)
    where
        P: LinearGaussian + Copy,
        S: Solver<ReverseSde<P, NoisedMixture<P>>>,
    {
        let mixture = self.mixture();
        let dim = mixture.dim();
        let model = NoisedMixture::new(mixture, process).expect("eigenvalues");
        let reverse = ReverseSde::new(process, model);
        let steps = FixedSteps::new(grid);
        let deviation = process.prior_variance().sqrt();
        self.time(|call| {
            let noise = FreshNoise::new(Seed::new(call));
            let start = deviation * noise.normal((n, dim));
            steps.solve(solver, &reverse, start, &noise).expect("points")
        });
    }

    fn flow(&self, process: VariancePreserving, n: usize) {
        let mixture = self.mixture();
        let dim = mixture.dim();
        let model = NoisedMixture::new(mixture, process).expect("eigenvalues");
        let flow = ProbabilityFlow::new(process, model);
        let solver = AdaptiveRungeKutta::with_tolerance(TOLERANCE);
        self.time(|call| {
            let start = FreshNoise::new(Seed::new(call)).normal((n, dim));
            solver.solve(&flow, start, 1.0, END).expect("points").points
        });
    }

    fn likelihood(&self, process: VariancePreserving, n: usize) {
        let data = self.mixture();
        let x = data.sample(n, &mut Seed::new(7).rng());
        let model = NoisedMixture::new(data, process).expect("eigenvalues");
        let flow = ProbabilityFlow::new(process, model);
        let solver = AdaptiveRungeKutta::with_tolerance(TOLERANCE);
        let likelihood = FlowLikelihood::new(flow, END, solver).expect("settings");
        self.time(|_| {
            let found = likelihood.log_density(x.view()).expect("log-densities");
            let last = found.log_density.insert_axis(Axis(1));
            concatenate![Axis(1), x, last]
        });
    }
}

fn read(path: &Path) -> Vec<f64> {
    let bytes = std::fs::read(path).expect("a file of the script");
    let (numbers, _) = bytes.as_chunks::<8>();
    numbers.iter().map(|b| f64::from_le_bytes(*b)).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let task = Task {
        folder: arguments[3].clone().into(),
        seconds: arguments[2].parse().expect("a number of seconds"),
    };
    let preserving = VariancePreserving::new(0.1, 20.0).expect("rates");
    let exploding = VarianceExploding::new(0.01, 20.0).expect("levels");
    let fine = || TimeGrid::uniform(1.0, END, STEPS).expect("a grid");
    // Fifty scores in equal steps of time, and 25 in equal steps of the logarithm of signal to noise; the last step of both goes to the data.
    let fifty = || TimeGrid::uniform(1.0, 0.0, 50).expect("a grid");
    let logarithmic = || {
        TimeGrid::uniform_in_log_snr(&preserving, 1.0, END, 24)
            .and_then(|grid| grid.then(0.0))
            .expect("a grid")
    };
    match arguments[1].as_str() {
        "euler-vp-2" => task.sample(preserving, &EulerMaruyama, fine(), 10_000),
        "euler-ve-2" => task.sample(exploding, &EulerMaruyama, fine(), 10_000),
        "euler-vp-64" => task.sample(preserving, &EulerMaruyama, fine(), 2_000),
        "ddim-vp-2" => task.sample(preserving, &Ddim::default(), fifty(), 10_000),
        "ddim-vp-64" => task.sample(preserving, &Ddim::default(), fifty(), 2_000),
        "dpm-vp-2" => task.sample(preserving, &DpmSolver2M, logarithmic(), 10_000),
        "dpm-vp-64" => task.sample(preserving, &DpmSolver2M, logarithmic(), 2_000),
        "flow-vp-2" => task.flow(preserving, 10_000),
        "flow-vp-64" => task.flow(preserving, 2_000),
        "likelihood-vp-2" => task.likelihood(preserving, 1_000),
        "likelihood-vp-64" => task.likelihood(preserving, 1_000),
        other => panic!("no task {other}"),
    }
}
