//! Sampling that is killed again and again ends with the bits of sampling that was not.
//!
//! The test starts its own executable as a child that samples and reports every segment on its standard output; after a pseudo-random number of
//! reports and a pseudo-random delay the child is killed, which on Unix no process can catch. `GIBBSIAN_SOAK_KILLS=1000` kills as often in one
//! run instead; it keeps its directory and goes on where it was stopped.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gibbsian_core::Seed;
use gibbsian_samplers::{End, GO_ON, Monitor, Progress, Resumed, Sampling, Streamed, Streaming};
use rand::RngExt;

use crate::walk::{Bowl, Walk, start};
use crate::{files, fresh};

const DIRECTORY: &str = "GIBBSIAN_SAMPLERS_KILL_DIRECTORY";
const N_DRAWS: &str = "GIBBSIAN_SAMPLERS_KILL_DRAWS";
const CHILD: &str = "kill::a_run_that_may_be_killed_completes";
/// Segments that a killed child is given, between this minimum and three times it.
const SEGMENTS: usize = 2;

/// Samples from the last checkpoint in `directory` to the end.
fn sample(directory: &Path, n_draws: usize, monitor: &mut dyn Monitor) -> (Streamed, Option<Resumed>) {
    let sampling = Sampling {
        n_warmup: 20,
        draws_per_segment: Some(5),
        ..Sampling::new(n_draws, Seed::new(31))
    };
    let streaming = Streaming::new(directory, "a bowl");
    let walk = Walk { width: 1.5 };
    sampling
        .stream(walk, &Bowl::new(3), start(40, 3), &streaming, monitor)
        .unwrap()
}

/// The child. Without a parent it is a test of an uninterrupted run.
#[test]
fn a_run_that_may_be_killed_completes() {
    let directory = env::var_os(DIRECTORY).map_or_else(|| fresh("alone"), PathBuf::from);
    let n_draws = env::var(N_DRAWS).map_or(12, |n| n.parse().unwrap());
    let mut report = |progress: &Progress<'_>| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "segment {}", progress.n_steps).unwrap();
        out.flush().unwrap();
        Ok(GO_ON)
    };
    let (streamed, _) = sample(&directory, n_draws, &mut report);
    assert_eq!(streamed.report.end, Some(End::Completed));
    assert_eq!(streamed.store.n_draws(), n_draws);
}

#[test]
fn a_run_killed_at_random_moments_ends_with_the_same_bits() {
    let soak: Option<usize> = env::var("GIBBSIAN_SOAK_KILLS").ok().map(|n| n.parse().unwrap());
    let n_kills = soak.unwrap_or(12);
    // More draws than all children together can make while the parent lets them.
    let n_draws = 5 * 3 * SEGMENTS * (n_kills + 1);
    let directory = match soak {
        Some(_) => PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("soak"),
        None => fresh("killed"),
    };

    let mut rng = Seed::new(15).rng();
    let mut n_killed = 0;
    for _ in 0..n_kills {
        let n_segments = rng.random_range(SEGMENTS..3 * SEGMENTS);
        let delay = Duration::from_micros(rng.random_range(0..40_000));
        n_killed += usize::from(kill_after(&directory, n_draws, n_segments, delay));
    }
    // A soak that was stopped before may find its run already complete.
    assert!(
        n_killed >= 10 || soak.is_some(),
        "{n_killed} children were killed while they sampled"
    );

    let (streamed, resumed) = sample(&directory, n_draws, &mut ());
    assert!(resumed.is_some());
    let whole = fresh("uninterrupted");
    let (expected, none) = sample(&whole, n_draws, &mut ());
    assert!(none.is_none());
    assert_eq!(streamed.report, expected.report);
    // What a killed child had half written lies beside the files and is no part of the store.
    let draws = |directory: &Path| {
        let mut draws = files(&directory.join("draws.zarr"));
        draws.retain(|name, _| !name.ends_with(".partial"));
        draws
    };
    assert_eq!(draws(&directory), draws(&whole));
    // The next soak is a new one.
    fs::remove_dir_all(&directory).unwrap();
}

/// Starts a child and kills it after it has reported `n_segments` segments and the delay has passed; tells whether it was
/// still sampling.
fn kill_after(directory: &Path, n_draws: usize, n_segments: usize, delay: Duration) -> bool {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([CHILD, "--exact", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY, directory)
        .env(N_DRAWS, n_draws.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let n_seen = lines
        .by_ref()
        .map_while(|line| line.ok())
        .filter(|line| line.contains("segment "))
        .take(n_segments)
        .count();
    // Sleeping is too coarse for moments within a write.
    let start = Instant::now();
    while start.elapsed() < delay {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    n_seen == n_segments && !status.success()
}
