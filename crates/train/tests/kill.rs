//! Training that is killed again and again ends with the bits of training that was not.
//!
//! The test starts its own executable as a child that trains and reports every step on its standard output; after a
//! pseudo-random number of reports and a pseudo-random delay the child is killed, which on Unix no process can catch.
//! A hundred children are killed; `GIBBSIAN_SOAK_KILLS=1000` kills as often in one run instead; it keeps its directory and goes on where it was
//! stopped.

mod common;

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Drawn, Normal, Sampled, points};
use gibbsian_core::{Parametric, Seed};
use gibbsian_train::{
    AveragingWarmUp, Checkpoint, CheckpointFiles, Checkpointing, CsvLog, Decay, Descent, EachStep, Ema,
    GO_ON, GuardOptions, Guarded, Linear, LossWithin, Momentum, Monitor, Outcome, Resumed, Switch, Trainer,
};
use rand::RngExt;

const DIRECTORY: &str = "GIBBSIAN_TRAIN_KILL_DIRECTORY";
const N_EPOCHS: &str = "GIBBSIAN_TRAIN_KILL_EPOCHS";
const CHILD: &str = "a_run_that_may_be_killed_completes";
/// Steps that a killed child is given, between this minimum and three times it; above the distance of two
/// checkpoints, so each child gets on.
const STEPS: u64 = 4;
/// What a step of the child takes at least, so that the run does not end before it is killed.
const PACE: Duration = Duration::from_micros(200);
const DIM: usize = 16;

/// Everything that has a state: velocities, an objective's chain, averages, states to go back to.
fn step(model: &Normal) -> Guarded<Ema<Descent<Sampled, Momentum>>, LossWithin> {
    let momentum = Switch::new(0.5, 0.9, 20).unwrap();
    let optimiser = Momentum::new(&model.layout(), momentum, Decay { l2: 1e-3, l1: 0.0 }).unwrap();
    let descent = Descent::new(Sampled { kept: 0.0 }, optimiser);
    let averaged = Ema::new(descent, model, AveragingWarmUp::new(0.99).unwrap()).unwrap();
    let options = GuardOptions {
        every_steps: 5,
        ..GuardOptions::default()
    };
    Guarded::new(averaged, model, LossWithin::new(0.0, 1e4).unwrap(), options).unwrap()
}

/// Trains from the last checkpoint in `directory` to the end, with a checkpoint every three steps.
fn train(
    directory: &Path,
    n_epochs: u64,
    monitor: &mut dyn Monitor<Normal>,
) -> (Normal, Outcome, Option<Resumed>) {
    train_saving(3, directory, n_epochs, monitor)
}

fn train_saving(
    every_steps: u64,
    directory: &Path,
    n_epochs: u64,
    monitor: &mut dyn Monitor<Normal>,
) -> (Normal, Outcome, Option<Resumed>) {
    let seed = Seed::new(100);
    let data = points(64, DIM, seed.child("points"));
    let mut order = Drawn::new(64, 8, seed.child("order"));
    let mut model = Normal::new(DIM);
    let mut step = step(&model);
    let trainer = Trainer::new(n_epochs, Linear::new(0.05, 0.01, 100).unwrap(), seed).unwrap();
    let mut checkpointing = Checkpointing::new(
        CheckpointFiles::new(directory).unwrap(),
        every_steps,
        "momentum on a normal",
    )
    .unwrap();
    let log = CsvLog::every(directory.join("log.csv"), 1).unwrap();
    let (outcome, resumed) = checkpointing
        .fit(
            &trainer,
            &mut model,
            &mut step,
            &data,
            &mut order,
            &mut (log, monitor),
        )
        .unwrap();
    (model, outcome, resumed)
}

/// The child. Without a parent it is a test of an uninterrupted run.
#[test]
fn a_run_that_may_be_killed_completes() {
    let directory = env::var_os(DIRECTORY).map_or_else(|| fresh("alone"), PathBuf::from);
    let n_epochs = env::var(N_EPOCHS).map_or(5, |n| n.parse().unwrap());
    let mut report = EachStep::new(|_: &Normal, progress| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "step {}", progress.step).unwrap();
        out.flush().unwrap();
        std::thread::sleep(PACE);
        Ok(GO_ON)
    });
    let (_, outcome, _) = train(&directory, n_epochs, &mut report);
    assert!(outcome.completed);
    assert_eq!(outcome.n_steps, 8 * n_epochs);
}

#[test]
fn a_run_killed_at_random_moments_ends_with_the_same_bits() {
    let soak: Option<u64> = env::var("GIBBSIAN_SOAK_KILLS").ok().map(|n| n.parse().unwrap());
    let n_kills = soak.unwrap_or(100);
    // More steps than all children together can make, 32 each: fewer than 12 that a child is given, and one every `PACE` while the parent waits.
    let n_epochs = 4 * n_kills;
    let directory = match soak {
        Some(_) => PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("soak"),
        None => fresh("killed"),
    };

    let mut rng = Seed::new(15).rng();
    let mut n_killed = 0;
    for _ in 0..n_kills {
        let n_steps = rng.random_range(STEPS..3 * STEPS);
        let delay = Duration::from_micros(rng.random_range(0..4_000));
        n_killed += u64::from(kill_after(&directory, n_epochs, n_steps, delay));
    }
    // A soak that was stopped before may find its run already complete.
    assert!(
        2 * n_killed >= n_kills || soak.is_some(),
        "{n_killed} children were killed while they trained"
    );

    // What is left is not interrupted, and saved at its end only: waiting for the disk is most of the time.
    let whole = 8 * n_epochs;
    let (model, outcome, resumed) = train_saving(whole, &directory, n_epochs, &mut ());
    assert!(resumed.is_some());
    let uninterrupted = fresh("uninterrupted");
    let (expected, expected_outcome, none) = train_saving(whole, &uninterrupted, n_epochs, &mut ());
    assert!(none.is_none());
    assert_eq!(
        model.params.mapv(f64::to_bits),
        expected.params.mapv(f64::to_bits)
    );
    assert_eq!(outcome, expected_outcome);
    // Also what is no part of the model: averages, states to go back to, the log.
    let newest = |directory: &Path| Checkpoint::read(directory.join("checkpoint.safetensors")).unwrap();
    assert_eq!(newest(&directory), newest(&uninterrupted));
    let log = |directory: &Path| fs::read_to_string(directory.join("log.csv")).unwrap();
    assert_eq!(log(&directory), log(&uninterrupted));
    // The next soak is a new one.
    fs::remove_dir_all(&directory).unwrap();
}

/// Starts a child and kills it after it has reported `n_steps` steps and the delay has passed; tells whether it was
/// still training.
fn kill_after(directory: &Path, n_epochs: u64, n_steps: u64, delay: Duration) -> bool {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([CHILD, "--exact", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY, directory)
        .env(N_EPOCHS, n_epochs.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let n_seen = lines
        .by_ref()
        .map_while(|line| line.ok())
        .filter(|line| line.starts_with("step "))
        .take(n_steps as usize)
        .count();
    // Sleeping is too coarse for moments within a write.
    let start = Instant::now();
    while start.elapsed() < delay {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    n_seen == n_steps as usize && !status.success()
}

#[test]
fn a_longer_run_continues_a_shorter_one_and_a_complete_one_is_left_alone() {
    let directory = fresh("longer");
    train(&directory, 2, &mut ());
    let mut n_steps = 0;
    let mut count = EachStep::new(|_: &Normal, _| {
        n_steps += 1;
        Ok(GO_ON)
    });
    let (longer, _, resumed) = train(&directory, 5, &mut count);
    assert_eq!((n_steps, resumed.unwrap().step), (24, 16));
    let (expected, outcome, _) = train(&fresh("longer-reference"), 5, &mut ());
    assert_eq!(longer, expected);
    let mut never = EachStep::new(|_: &Normal, _| panic!("the run is complete"));
    let (again, same, resumed) = train(&directory, 5, &mut never);
    assert_eq!((again, same), (expected, outcome));
    assert_eq!(resumed.unwrap().step, 40);
}

#[test]
fn weights_are_found_by_name_and_another_run_is_refused() {
    let directory = fresh("others");
    let (model, ..) = train(&directory, 2, &mut ());
    let checkpoint = Checkpoint::read(directory.join("checkpoint.safetensors")).unwrap();
    let weights = checkpoint.record.f64s("model.weights", &[1, DIM]).unwrap();
    assert_eq!(weights, &model.params.as_slice().unwrap()[..DIM]);

    let seed = Seed::new(100);
    let run = |seed: Seed,
               rate: f64,
               n_points: usize,
               recipe: &str,
               order: Seed,
               every_steps: u64,
               n_epochs: u64| {
        let data = points(n_points, DIM, Seed::new(100).child("points"));
        let mut order = Drawn::new(64, 8, order);
        let mut model = Normal::new(DIM);
        let mut step = step(&model);
        let trainer = Trainer::new(n_epochs, Linear::new(rate, 0.01, 100).unwrap(), seed).unwrap();
        let mut checkpointing =
            Checkpointing::new(CheckpointFiles::new(&directory).unwrap(), every_steps, recipe)
                .map_err(|e| e.to_string())?;
        let outcome = checkpointing.fit(&trainer, &mut model, &mut step, &data, &mut order, &mut ());
        outcome.map_err(|e| {
            assert_eq!(model, Normal::new(DIM), "the model is as it was");
            e.to_string()
        })
    };
    let (order, recipe) = (seed.child("order"), "momentum on a normal");
    assert!(run(seed, 0.05, 64, recipe, order, 3, 2).is_ok());
    let e = run(Seed::new(101), 0.05, 64, recipe, order, 3, 2).unwrap_err();
    assert!(e.contains("checkpoint.seed"), "{e}");
    for wrong in [
        run(seed, 0.06, 64, recipe, order, 3, 2),
        run(seed, 0.05, 65, recipe, order, 3, 2),
        run(seed, 0.05, 64, "another", order, 3, 2),
        run(seed, 0.05, 64, recipe, seed.child("another order"), 3, 2),
    ] {
        let e = wrong.unwrap_err();
        assert!(e.contains("checkpoint.recipe"), "{e}");
    }
    let e = run(seed, 0.05, 64, recipe, order, 0, 2).unwrap_err();
    assert_eq!(e, "`every_steps` is 0, but must be at least 1");
    let e = run(seed, 0.05, 64, recipe, order, 3, 1).unwrap_err();
    assert!(e.contains("checkpoint.step"), "{e}");
}

/// An empty directory of this test alone.
fn fresh(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    path
}
