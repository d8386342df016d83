//! A deep Boltzmann machine 784-500-1000 on the digits of MNIST, timed for `benches/peers/dbm.py`.
//!
//! `dbm-peer train REPEATS` times training steps (batch 100, 100 chains, 10 sweeps of mean field, 5 Gibbs sweeps), `dbm-peer ais REPEATS` annealed importance sampling of
//! 1,000 temperatures by 100 chains after one epoch of them. Either prints its seconds as a JSON list. Threads are those of rayon (`RAYON_NUM_THREADS`).
#![allow(clippy::print_stdout)]

use std::time::Instant;

use gibbsian_classical::dbm::{
    BinaryDbm, BinaryDbmPath, FusedVariational, FusedVariationalOptions, VariationalOptions,
};
use gibbsian_classical::{Bernoulli, Dbm};
use gibbsian_core::{Dataset, Seed, Streams, TrainStep};
use gibbsian_data::{Mnist, StochasticBinarised};
use gibbsian_partition::{Ladder, ais};
use ndarray::{Axis, s};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [task, repeats] = &arguments[..] else {
        return Err("usage: dbm-peer train|ais REPEATS".into());
    };
    let repeats = repeats.parse()?;
    // Inside the pool, as a driver would run it: calls from outside would wait for a worker at every parallel region.
    let pool = rayon::ThreadPoolBuilder::new().build()?;
    let seconds = pool.install(|| run(task, repeats).map_err(|e| e.to_string()))?;
    println!("{seconds:?}");
    Ok(())
}

/// The seconds of every repetition, without a first one that warms up.
fn run(task: &str, repeats: usize) -> Result<Vec<f64>, Failure> {
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
    let settings = FusedVariationalOptions {
        phases: VariationalOptions {
            n_steps: 5,
            tolerance: 0.0,
            max_sweeps: 10,
        },
        ..FusedVariationalOptions::default()
    };
    let mut step = FusedVariational::new(settings, &machine, start.view())?;
    let mut epoch = |machine: &mut BinaryDbm| -> Result<f64, Failure> {
        let clock = Instant::now();
        for batch in x.axis_chunks_iter(Axis(0), 100) {
            step.train_step(machine, batch, 0.005, &mut rng)?;
        }
        Ok(clock.elapsed().as_secs_f64() / STEPS as f64)
    };
    epoch(&mut machine)?;
    match task {
        "train" => (0..repeats).map(|_| epoch(&mut machine)).collect(),
        "ais" => {
            let path = BinaryDbmPath::new(&machine, &base)?;
            let ladder = Ladder::linear(1_000)?;
            let mut anneal = || -> Result<f64, Failure> {
                let clock = Instant::now();
                let run = ais(&path, &ladder, 100, &mut rng)?;
                let seconds = clock.elapsed().as_secs_f64();
                if run.log_z().is_finite() {
                    Ok(seconds)
                } else {
                    Err("the estimate of log Z is not finite".into())
                }
            };
            anneal()?;
            (0..repeats).map(|_| anneal()).collect()
        }
        _ => Err(format!("no task is called `{task}`").into()),
    }
}
