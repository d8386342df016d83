//! Runs the Ising tasks of the peers' script on periodic square lattices at the critical coupling, one JSON line a task.
//!
//! `ising-peer metropolis L CHAINS SECONDS`, `ising-peer swendsen-wang L CHAINS SECONDS` and `ising-peer wolff L CHAINS SECONDS`; spins are updated, or turned by Wolff. `ising-peer strip L 1 SECONDS`
//! and `ising-peer planar L 1 SECONDS` find `log Z` of an open lattice, by a transfer matrix and by free fermions. Threads are those of rayon (`RAYON_NUM_THREADS`). Before time is taken the chains run for a tenth of it from all spins up.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use gibbsian_classical::ising::CRITICAL_COUPLING;
use gibbsian_classical::{Boundary, Graph, Ising, MultiSpinMetropolis, SwendsenWang, Wolff};
use gibbsian_core::{Energy, Kernel, Seed, StreamRng};
use ndarray::Array2;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let pool = rayon::ThreadPoolBuilder::new().build()?;
    Ok(pool.install(|| run(&arguments).map_err(|e| e.to_string()))?)
}

fn run(arguments: &[String]) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let [task, length, chains, seconds] = arguments else {
        return Err("usage: see the top of the source".into());
    };
    let (length, chains, seconds): (usize, usize, f64) = (length.parse()?, chains.parse()?, seconds.parse()?);
    let graph = Graph::lattice(&[length, length], Boundary::Periodic)?;
    let model = Ising::uniform(graph, CRITICAL_COUPLING, 0.0)?;
    let n_spins = (chains * length * length) as f64;
    match task.as_str() {
        "metropolis" => {
            // About a million spins a step, so that a step's own cost is small.
            let n_sweeps = (1_000_000 / (chains * length * length)).max(1);
            let kernel = MultiSpinMetropolis::new(n_sweeps)?;
            time(task, &model, &kernel, chains, seconds, |()| {
                n_spins * n_sweeps as f64
            })
        }
        "swendsen-wang" => time(task, &model, &SwendsenWang, chains, seconds, |_| n_spins),
        "wolff" => time(task, &model, &Wolff, chains, seconds, |turns| {
            turns.0.iter().map(|turn| turn.size as f64).sum()
        }),
        "strip" => time_exact(task, length, seconds, Ising::log_z),
        "planar" => time_exact(task, length, seconds, Ising::log_z_planar),
        _ => Err("usage: see the top of the source".into()),
    }
}

/// Prints how long an exact `log Z` of the open lattice takes, a spin.
fn time_exact(
    task: &str,
    length: usize,
    seconds: f64,
    log_z: impl Fn(&Ising) -> gibbsian_core::Result<f64>,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let graph = Graph::lattice(&[length, length], Boundary::Open)?;
    let model = Ising::uniform(graph, CRITICAL_COUPLING, 0.0)?;
    let value = log_z(&model)?;
    let (clock, mut spins) = (Instant::now(), 0.0);
    while clock.elapsed().as_secs_f64() < seconds {
        log_z(&model)?;
        spins += (length * length) as f64;
    }
    let elapsed = clock.elapsed().as_secs_f64();
    println!(
        "{{\"peer\":\"gibbsian\",\"task\":\"{task}\",\"threads\":{},\"ns_per_spin\":{:.6},\"log_z\":{value:.12}}}",
        rayon::current_num_threads(),
        1e9 * elapsed / spins,
    );
    Ok(())
}

/// Runs a kernel and prints how long a spin takes, `work` telling how many were updated in a step.
fn time<K: Kernel<Ising>>(
    task: &str,
    model: &Ising,
    kernel: &K,
    chains: usize,
    seconds: f64,
    work: impl Fn(K::Info) -> f64,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let n_sites = model.graph().n_sites();
    let mut state = kernel.init(model, Array2::ones((chains, n_sites)))?;
    let mut rng = Seed::new(1).rng();
    let run = |state: &mut K::State, rng: &mut StreamRng, seconds: f64| {
        let (clock, mut spins) = (Instant::now(), 0.0);
        while clock.elapsed().as_secs_f64() < seconds {
            spins += work(kernel.step(model, state, rng));
        }
        (spins, clock.elapsed().as_secs_f64())
    };
    run(&mut state, &mut rng, seconds / 10.0);
    let (spins, elapsed) = run(&mut state, &mut rng, seconds);
    let energy =
        model.energy(kernel.positions(&state).view()).sum() / (chains * n_sites) as f64 / CRITICAL_COUPLING;
    println!(
        "{{\"peer\":\"gibbsian\",\"task\":\"{task}\",\"threads\":{},\"ns_per_spin\":{:.6},\"spins_per_ns\":{:.5},\"energy_per_spin\":{energy:.5}}}",
        rayon::current_num_threads(),
        1e9 * elapsed / spins,
        spins / elapsed / 1e9,
    );
    Ok(())
}
