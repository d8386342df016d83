//! Runs the tasks of the peers' script on a deep Boltzmann machine 784-500-1000, one JSON line a task.
//!
//! `dbm-peer REPEATS` times a training step (batch 100, 100 chains, 10 sweeps of mean field, 5 Gibbs sweeps) and annealed importance sampling of 1,000 temperatures
//! by 100 chains, on the digits of MNIST. Threads are those of rayon (`RAYON_NUM_THREADS`).
#![allow(clippy::print_stdout)]

use std::time::Instant;

use gibbsian_classical::dbm::{
    BinaryDbm, BinaryDbmPath, FusedVariational, FusedVariationalSettings, VariationalSettings,
};
use gibbsian_classical::{Bernoulli, Dbm};
use gibbsian_core::{Dataset, Seed, Streams, TrainStep};
use gibbsian_data::{Mnist, StochasticBinarised};
use gibbsian_partition::{Ladder, ais};
use ndarray::{Axis, s};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let repeats = std::env::args().nth(1).map_or(Ok(5), |n| n.parse())?;
    // Inside the pool, as a driver would run it: calls from outside would wait for a worker at every parallel region.
    let pool = rayon::ThreadPoolBuilder::new().build()?;
    Ok(pool.install(|| run(repeats).map_err(|e| e.to_string()))?)
}

fn run(repeats: usize) -> Result<(), Failure> {
    const STEPS: usize = 20;
    let digits = Mnist::load(concat!(env!("CARGO_MANIFEST_DIR"), "/../data/mnist"))?;
    let train = StochasticBinarised::new(digits.train.images().clone());
    let rows: Vec<usize> = (0..100 * STEPS).collect();
    let x = train.rows(&rows, Streams::from_key(1));
    let base = Bernoulli::matching_means(x.mean_axis(Axis(0)).ok_or("no rows")?.view(), x.nrows(), 1.0)?;
    let hidden = vec![Bernoulli::unbiased(500), Bernoulli::unbiased(1000)];
    let dbm = Dbm::random(base.clone(), hidden, 0.01, Seed::new(0))?;
    let mut rng = Seed::new(1).rng();
    let start = dbm.draw_upward(x.slice(s![..100, ..]), &mut rng)?;
    let mut machine = BinaryDbm::from(&dbm);
    let settings = FusedVariationalSettings {
        phases: VariationalSettings {
            n_steps: 5,
            tolerance: 0.0,
            max_sweeps: 10,
        },
        ..FusedVariationalSettings::default()
    };
    let mut step = FusedVariational::new(settings, &machine, start.view())?;
    let mut seconds = Vec::new();
    for _ in 0..=repeats {
        let clock = Instant::now();
        for batch in x.axis_chunks_iter(Axis(0), 100) {
            step.train_step(&mut machine, batch, 0.005, &mut rng)?;
        }
        seconds.push(clock.elapsed().as_secs_f64() / STEPS as f64);
    }
    report("train_step", &seconds);
    let path = BinaryDbmPath::new(&machine, &base)?;
    let ladder = Ladder::linear(1_000)?;
    let mut seconds = Vec::new();
    for _ in 0..=repeats.min(3) {
        let clock = Instant::now();
        let forward = ais(&path, &ladder, 100, &mut rng)?;
        seconds.push(clock.elapsed().as_secs_f64());
        println!("{{\"log_z\": {}}}", forward.log_z());
    }
    report("ais", &seconds);
    Ok(())
}

/// The median without the first.
fn report(task: &str, seconds: &[f64]) {
    let mut sorted = seconds[1..].to_vec();
    sorted.sort_by(f64::total_cmp);
    println!(
        "{{\"task\": \"{task}\", \"seconds\": {}, \"least\": {}}}",
        sorted[sorted.len() / 2],
        sorted[0]
    );
}
