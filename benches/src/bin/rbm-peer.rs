//! Runs the RBM tasks of the peers' scripts on the same bytes, one JSON line a task.
//!
//! `rbm-peer train DATA INIT OUT ALGORITHM K RATE EPOCHS` trains a 784 × H machine on minibatches of 100 in file order and writes the weights
//! after `EPOCHS` epochs; `rbm-peer ais DATA MODEL RUNS` runs 1000 temperatures × 100 chains from the base rate of DATA; `rbm-peer exact MODEL RUNS`
//! enumerates. DATA is `u8` 0/1 `[n][784]`; INIT, OUT and MODEL are `f32` `W[784][H], b[784], c[H]`, little-endian. Threads are those of rayon
//! (`RAYON_NUM_THREADS`).
#![allow(clippy::print_stdout)]

use std::time::Instant;

use gibbsian_classical::{
    Bernoulli, BinaryRbm, BinaryRbmPath, FusedContrastiveDivergence, FusedOptions, FusedPersistent, Rbm,
};
use gibbsian_core::{Result, Seed, TrainStep};
use gibbsian_partition::{Ladder, Pilot, ais};
use ndarray::{Array1, Array2, Axis, s};

const VISIBLE: usize = 784;
const BATCH: usize = 100;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Inside the pool, as a driver would run it: calls from outside would wait for a worker at every parallel region.
    let pool = rayon::ThreadPoolBuilder::new().build()?;
    Ok(pool.install(|| run(&arguments).map_err(|e| e.to_string()))?)
}

fn run(arguments: &[String]) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["train", data, init, out, algorithm, k, rate, epochs] => train(
            data,
            init,
            out,
            algorithm,
            k.parse()?,
            rate.parse()?,
            epochs.parse()?,
        ),
        ["ais", data, model, runs] => anneal(data, model, runs.parse()?, |_| Ladder::linear(1000)),
        ["ais", data, model, runs, "linear", n] => {
            let ladder = Ladder::linear(n.parse()?)?;
            anneal(data, model, runs.parse()?, |_| Ok(ladder.clone()))
        }
        ["ais", data, model, runs, "pilot", n] => {
            let n: usize = n.parse()?;
            anneal(data, model, runs.parse()?, |path| {
                let pilot = Pilot::run(path, &Ladder::linear(300)?, 100, &mut Seed::new(99).rng())?;
                pilot.ladder(n)
            })
        }
        ["exact", model, runs] => exact(model, runs.parse()?),
        _ => Err("usage: see the top of the source".into()),
    }
}

/// Machines in the peers' raw format.
fn read_machine(path: &str) -> std::result::Result<BinaryRbm, Box<dyn std::error::Error>> {
    let bytes = std::fs::read(path)?;
    let numbers: Vec<f64> = bytes
        .chunks_exact(4)
        .map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap_or_default())))
        .collect();
    let hidden = (numbers.len() - VISIBLE) / (VISIBLE + 1);
    let (weights, rest) = numbers.split_at(VISIBLE * hidden);
    let (b, c) = rest.split_at(VISIBLE);
    let rbm = Rbm::new(
        Bernoulli::new(Array1::from(b.to_vec()))?,
        Bernoulli::new(Array1::from(c.to_vec()))?,
        Array2::from_shape_vec((VISIBLE, hidden), weights.to_vec())?,
    )?;
    Ok(BinaryRbm::from(&rbm))
}

fn write_machine(path: &str, machine: &BinaryRbm) -> std::io::Result<()> {
    use gibbsian_core::Parametric;
    let bytes: Vec<u8> = machine
        .params()
        .iter()
        .flat_map(|p| (*p as f32).to_le_bytes())
        .collect();
    std::fs::write(path, bytes)
}

fn read_data(path: &str) -> std::result::Result<Array2<f64>, Box<dyn std::error::Error>> {
    let bytes = std::fs::read(path)?;
    let n = bytes.len() / VISIBLE;
    Ok(Array2::from_shape_vec(
        (n, VISIBLE),
        bytes.iter().map(|b| f64::from(*b)).collect(),
    )?)
}

/// One line: the seconds in their order, and what else was found.
fn report(task: &str, work: f64, unit: &str, seconds: &[f64], more: String) {
    let mean = seconds.iter().sum::<f64>() / seconds.len() as f64;
    println!(
        "{{\"peer\":\"gibbsian\",\"task\":\"{task}\",\"threads\":{},\"seconds\":{seconds:?},\"rate\":{:.1},\"unit\":\"{unit}\"{more}}}",
        rayon::current_num_threads(),
        work / mean,
    );
}

enum Step {
    Cd(FusedContrastiveDivergence),
    Pcd(FusedPersistent),
}

fn train(
    data: &str,
    init: &str,
    out: &str,
    algorithm: &str,
    n_steps: usize,
    rate: f64,
    epochs: usize,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let x = read_data(data)?;
    let mut machine = read_machine(init)?;
    let settings = FusedOptions {
        n_steps,
        ..FusedOptions::default()
    };
    let mut step = if algorithm == "pcd" {
        Step::Pcd(FusedPersistent::new(settings, x.slice(s![..BATCH, ..]))?)
    } else {
        Step::Cd(FusedContrastiveDivergence::new(settings)?)
    };
    // The environment's SEED tells how far results scatter.
    let seed = Seed::new(std::env::var("SEED").ok().map_or(Ok(1), |s| s.parse())?);
    let mut seconds = Vec::new();
    for epoch in 0..epochs {
        let clock = Instant::now();
        for (k, batch) in x.axis_chunks_iter(Axis(0), BATCH).enumerate() {
            let mut rng = seed.nth(epoch as u64).nth(k as u64).rng();
            let result: Result<f64> = match &mut step {
                Step::Cd(step) => step.train_step(&mut machine, batch, rate, &mut rng),
                Step::Pcd(step) => step.train_step(&mut machine, batch, rate, &mut rng),
            };
            result?;
        }
        seconds.push(clock.elapsed().as_secs_f64());
    }
    write_machine(out, &machine)?;
    report(
        &format!("rbm_{algorithm}{n_steps}"),
        x.nrows() as f64,
        "images/s",
        &seconds,
        format!(",\"hidden\":{}", machine.n_hidden()),
    );
    Ok(())
}

fn anneal(
    data: &str,
    model: &str,
    runs: usize,
    ladder: impl Fn(&BinaryRbmPath) -> Result<Ladder>,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let x = read_data(data)?;
    let machine = read_machine(model)?;
    let means = x
        .mean_axis(Axis(0))
        .ok_or("no data")?
        .mapv(|m| m.clamp(1e-2, 1.0 - 1e-2));
    let base = Bernoulli::new(means.mapv(gibbsian_core::math::logit))?;
    let path = BinaryRbmPath::new(&machine, &base)?;
    let ladder = ladder(&path)?;
    let mut seconds = Vec::new();
    let mut log_z = Vec::new();
    let mut effective = 0.0;
    // Warms up, as the peer does.
    ais(&path, &ladder, 100, &mut Seed::new(99).rng())?;
    for run in 0..runs {
        let clock = Instant::now();
        let estimate = ais(&path, &ladder, 100, &mut Seed::new(run as u64).rng())?;
        seconds.push(clock.elapsed().as_secs_f64());
        log_z.push(estimate.log_z());
        effective += estimate.log_weights().effective_sample_size() / runs as f64;
    }
    let mean = log_z.iter().sum::<f64>() / runs as f64;
    report(
        "ais",
        (100 * ladder.n_steps()) as f64,
        "chain-sweeps/s",
        &seconds,
        format!(",\"log_z\":{mean:.4},\"ess_of_100\":{effective:.1}"),
    );
    Ok(())
}

fn exact(model: &str, runs: usize) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let machine = read_machine(model)?;
    let mut seconds = Vec::new();
    let mut log_z = machine.log_z()?;
    for _ in 0..runs {
        let clock = Instant::now();
        log_z = machine.log_z()?;
        seconds.push(clock.elapsed().as_secs_f64());
    }
    let states = (machine.n_hidden() as f64).exp2();
    report(
        "exact_logz",
        states,
        "states/s",
        &seconds,
        format!(",\"log_z\":{log_z:.10}"),
    );
    Ok(())
}
