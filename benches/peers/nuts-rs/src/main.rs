//! `nuts-rs-peer TARGET D DATA CHAINS DRAWS REPEATS OUT` samples a target of `mcmc.py` with nuts-rs and prints one JSON line.
//!
//! The chains are divided between as many threads as `RAYON_NUM_THREADS` says, as on the other side; 400 tuning draws each are not timed. The draws of the last repeat go to OUT, `[CHAINS][DRAWS][D]`, `f64`.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Barrier, Mutex};
use std::time::Instant;

use nuts_rs::rand::SeedableRng;
use nuts_rs::rand::rngs::StdRng;
use nuts_rs::{Chain, CpuLogpFunc, CpuMath, CpuMathError, DiagNutsSettings, Settings};

const TUNE: u64 = 400;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, dim, data, chains, draws, repeats, out] = arguments.as_slice() else {
        return Err("usage: see the top of the source".into());
    };
    let data = std::fs::read(data)?
        .chunks_exact(8)
        .map(|b| f64::from_le_bytes(b.try_into().expect("eight bytes")))
        .collect();
    let target = Target { name: name.clone(), dim: dim.parse()?, data };
    sample(&target, chains.parse()?, draws.parse()?, repeats.parse()?, out)
}

fn sample(target: &Target, chains: usize, draws: usize, repeats: usize, out: &str) -> Result<(), Box<dyn Error>> {
    let threads = std::env::var("RAYON_NUM_THREADS").map_or(Ok(2), |n| n.parse())?;
    let positions = Mutex::new(vec![Vec::new(); chains]);
    let gradients = Mutex::new(vec![0; repeats]);
    let diverging = Mutex::new(vec![0; repeats]);
    let seconds = Mutex::new(vec![0.0; repeats]);
    let barrier = Barrier::new(threads);
    let start = Instant::now();
    let warmup = Mutex::new(0.0);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (positions, gradients, diverging) = (&positions, &gradients, &diverging);
            let (seconds, barrier, warmup) = (&seconds, &barrier, &warmup);
            scope.spawn(move || {
                let mut own: Vec<_> = (thread..chains)
                    .step_by(threads)
                    .map(|c| {
                        let mut rng = StdRng::seed_from_u64(c as u64);
                        let settings = DiagNutsSettings { num_tune: TUNE, ..Default::default() };
                        let mut chain = settings.new_chain(c as u64, CpuMath::new(target.clone()), &mut rng).unwrap();
                        let x: Vec<f64> = (0..target.dim).map(|i| ((i * 7 + c * 13) % 11) as f64 / 11.0 - 0.5).collect();
                        chain.set_position(&x).unwrap();
                        for _ in 0..TUNE {
                            chain.draw().unwrap();
                        }
                        (c, chain)
                    })
                    .collect();
                barrier.wait();
                *warmup.lock().unwrap() = start.elapsed().as_secs_f64();
                for repeat in 0..repeats {
                    barrier.wait();
                    let start = Instant::now();
                    let (mut n, mut failed) = (0, 0);
                    for (c, chain) in &mut own {
                        let mut all = Vec::with_capacity(draws * target.dim);
                        for _ in 0..draws {
                            let (x, progress) = chain.draw().unwrap();
                            all.extend_from_slice(&x);
                            n += progress.num_gradients;
                            failed += u64::from(progress.diverging);
                        }
                        positions.lock().unwrap()[*c] = all;
                    }
                    barrier.wait();
                    seconds.lock().unwrap()[repeat] = start.elapsed().as_secs_f64();
                    gradients.lock().unwrap()[repeat] += n;
                    diverging.lock().unwrap()[repeat] += failed;
                }
            });
        }
    });
    println!(
        "{{\"peer\":\"nuts-rs\",\"seconds\":{:?},\"gradients\":{},\"diverging\":{},\"warmup\":{}}}",
        seconds.into_inner()?,
        gradients.into_inner()?.last().unwrap_or(&0),
        diverging.into_inner()?.last().unwrap_or(&0),
        warmup.into_inner()?,
    );
    let bytes: Vec<u8> = positions.into_inner()?.concat().iter().flat_map(|x| x.to_le_bytes()).collect();
    Ok(std::fs::write(out, bytes)?)
}

#[derive(Clone)]
struct Target {
    name: String,
    dim: usize,
    /// The precision of `corr50`; predictors, one after the other, and answers of `logreg25`.
    data: Vec<f64>,
}

#[derive(Debug, thiserror::Error)]
enum Never {}

impl nuts_rs::LogpError for Never {
    fn is_recoverable(&self) -> bool {
        true
    }
}

impl nuts_storable::HasDims for Target {
    fn dim_sizes(&self) -> HashMap<String, u64> {
        HashMap::from([("unconstrained_parameter".to_string(), self.dim as u64)])
    }
}

impl CpuLogpFunc for Target {
    type LogpError = Never;
    type ExpandedVector = Vec<f64>;
    type FlowParameters = ();

    fn dim(&self) -> usize {
        self.dim
    }

    fn logp(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64, Never> {
        Ok(match self.name.as_str() {
            "corr50" => correlated(&self.data, x, gradient),
            "funnel10" => funnel(x, gradient),
            "twomode2" => two_modes(x, gradient),
            "banana2" => banana(x, gradient),
            "logreg25" => regression(&self.data, x, gradient),
            _ => normal(x, gradient),
        })
    }

    fn expand_vector<R: nuts_rs::rand::Rng + ?Sized>(&mut self, _: &mut R, x: &[f64]) -> Result<Vec<f64>, CpuMathError> {
        Ok(x.to_vec())
    }
}

fn normal(x: &[f64], g: &mut [f64]) -> f64 {
    // Ten sums side by side, which become vectors.
    let mut sums = [0.0; 10];
    for (x, g) in x.chunks_exact(10).zip(g.chunks_exact_mut(10)) {
        (0..10).for_each(|q| g[q] = -x[q]);
        (0..10).for_each(|q| sums[q] += x[q] * x[q]);
    }
    -0.5 * sums.iter().sum::<f64>()
}

fn correlated(precision: &[f64], x: &[f64], g: &mut [f64]) -> f64 {
    let mut sum = 0.0;
    for ((row, g), x_i) in precision.chunks_exact(50).zip(g).zip(x) {
        let mut sums = [0.0; 10];
        for (a, b) in row.chunks_exact(10).zip(x.chunks_exact(10)) {
            (0..10).for_each(|q| sums[q] += a[q] * b[q]);
        }
        let product: f64 = sums.iter().sum();
        *g = -product;
        sum -= 0.5 * product * x_i;
    }
    sum
}

fn funnel(x: &[f64], g: &mut [f64]) -> f64 {
    let e = (-x[0]).exp();
    let squares: f64 = x[1..].iter().map(|v| v * v).sum();
    for (g, x) in g.iter_mut().zip(x).skip(1) {
        *g = -e * x;
    }
    g[0] = -x[0] / 9.0 + 0.5 * e * squares - 4.5;
    -x[0] * x[0] / 18.0 - 0.5 * e * squares - 4.5 * x[0]
}

fn two_modes(x: &[f64], g: &mut [f64]) -> f64 {
    let (u, w) = (-(x[0] - 1.5).powi(2) / 0.72, -(x[0] + 1.5).powi(2) / 0.72);
    let most = u.max(w);
    let log_sum = most + ((u - most).exp() + (w - most).exp()).ln();
    let right = (u - log_sum).exp();
    g[0] = (right * (1.5 - x[0]) + (1.0 - right) * (-1.5 - x[0])) / 0.36;
    g[1] = -x[1] / 0.36;
    log_sum - x[1] * x[1] / 0.72
}

fn banana(x: &[f64], g: &mut [f64]) -> f64 {
    let height = x[1] - x[0] * x[0];
    g[0] = (1.0 - x[0]) / 10.0 + 20.0 * height * x[0];
    g[1] = -10.0 * height;
    -(1.0 - x[0]).powi(2) / 20.0 - 5.0 * height * height
}

/// Passes over columns, which become vectors.
fn regression(data: &[f64], b: &[f64], g: &mut [f64]) -> f64 {
    let (predictors, y) = data.split_at(25_000);
    let mut z = [0.0; 1000];
    for (column, b) in predictors.chunks_exact(1000).zip(b) {
        z.iter_mut().zip(column).for_each(|(z, x)| *z += b * x);
    }
    let mut sum = 0.0;
    for (z, y) in z.iter_mut().zip(y) {
        let e = (-z.abs()).exp();
        sum += y * *z - z.max(0.0) - e.ln_1p();
        *z = y - if *z >= 0.0 { 1.0 } else { e } / (1.0 + e);
    }
    for ((column, g), b) in predictors.chunks_exact(1000).zip(g).zip(b) {
        let mut sums = [0.0; 8];
        for (x, r) in column.chunks_exact(8).zip(z.chunks_exact(8)) {
            (0..8).for_each(|q| sums[q] += x[q] * r[q]);
        }
        *g = sums.iter().sum::<f64>() - b;
    }
    sum - 0.5 * b.iter().map(|v| v * v).sum::<f64>()
}
