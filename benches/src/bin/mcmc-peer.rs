//! Runs the sampling tasks of the peers' scripts, one JSON line a task.
//!
//! `mcmc-peer KERNEL TARGET DATA CHAINS DRAWS REPEATS OUT` warms up, samples REPEATS times, and writes the draws of the last time to OUT, `[CHAINS][DRAWS][D]`.
//! KERNEL is `nuts`, `nuts-dense` (with a full metric), `hmc` (ten leapfrog steps, in the step size and metric that NUTS found), `mala` or `random-walk`; TARGET
//! and DATA are those of `gibbsian_benches::mcmc`. Files are `f64`, little-endian. Threads are those of rayon (`RAYON_NUM_THREADS`).
#![allow(clippy::print_stdout)]

use std::time::Instant;

use gibbsian_benches::mcmc::target;
use gibbsian_core::{Acceptance, Kernel, Potential, Seed};
use gibbsian_samplers::hmc::HmcInfo;
use gibbsian_samplers::nuts::NutsInfo;
use gibbsian_samplers::{
    Chains, Hmc, Mala, MetricForm, Nuts, RandomWalkMetropolis, Schedule, Transition, Tunable, Warmup,
};
use ndarray::Array2;

type Failure = Box<dyn std::error::Error>;

/// What is sampled: known at run time only, at the cost of one jump a batch.
type Target = dyn Potential;

/// Warm-up steps of each chain, as the peers have them.
const WARMUP: usize = 400;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let pool = rayon::ThreadPoolBuilder::new().build()?;
    Ok(pool.install(|| run(&arguments).map_err(|e| e.to_string()))?)
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let [kernel, name, data, chains, draws, repeats, out] = arguments else {
        return Err("usage: see the top of the source".into());
    };
    let data: Vec<f64> = std::fs::read(data)?
        .as_chunks::<8>()
        .0
        .iter()
        .map(|&b| f64::from_le_bytes(b))
        .collect();
    let target = &*target(name, &data)?;
    let work = Work {
        chains: chains.parse()?,
        draws: draws.parse()?,
        repeats: repeats.parse()?,
        out,
    };
    let start = Instant::now();
    let (n, dim) = (work.chains, target.dim());
    let x = Array2::from_shape_fn((n, dim), |(c, i)| ((i * 7 + c * 13) % 11) as f64 / 11.0 - 0.5);
    let form = if kernel == "nuts-dense" {
        MetricForm::Dense
    } else {
        MetricForm::Diagonal
    };
    match kernel.as_str() {
        "nuts" | "nuts-dense" => work.sample(warm(Nuts::new(0.1)?, target, x, form)?, start, trajectories),
        "hmc" => {
            let chains = warm(Nuts::new(0.1)?, target, x, form)?;
            let tuned = chains.kernel();
            let kernel = Hmc::new(tuned.step_size(), 10)?.with_metric(tuned.metric().clone());
            work.sample(
                in_blocks(kernel, target, chains.positions())?,
                start,
                trajectories,
            )
        }
        "mala" => work.sample(warm(Mala::new(0.1)?, target, x, form)?, start, proposals),
        "random-walk" => work.sample(
            warm(RandomWalkMetropolis::new(0.1)?, target, x, form)?,
            start,
            proposals,
        ),
        _ => Err(format!("no kernel is called `{kernel}`").into()),
    }
}

/// One block a thread, or more where there are many chains.
fn in_blocks<K: Kernel<Target>>(
    kernel: K,
    target: &Target,
    x: Array2<f64>,
) -> Result<Chains<'_, K, Target>, Failure> {
    let rows = x.nrows().div_ceil(rayon::current_num_threads()).min(32);
    Ok(Chains::in_blocks_of(rows, kernel, target, x, Seed::new(1))?)
}

/// Chains that have warmed up.
fn warm<K: Kernel<Target> + Tunable>(
    kernel: K,
    target: &Target,
    x: Array2<f64>,
    form: MetricForm,
) -> Result<Chains<'_, K, Target>, Failure> {
    let mut chains = in_blocks(kernel, target, x)?;
    Warmup::new(Schedule::new(WARMUP)?, form, &chains)?.run(&mut chains)?;
    Ok(chains)
}

/// Adds what is said of a step whose proposals end trajectories.
fn trajectories<I: AsTransitions>(seen: &mut Seen, info: &I) {
    for chain in info.transitions() {
        seen.evaluations += u64::from(chain.n_steps);
        seen.diverging += u64::from(chain.diverging);
        seen.cut_off += u64::from(chain.reached_max_treedepth);
        seen.acceptance += chain.acceptance_rate;
    }
}

/// Adds what is said of a step that evaluates the target once.
fn proposals(seen: &mut Seen, info: &Acceptance) {
    seen.evaluations += info.proposed;
    seen.acceptance += info.probability;
}

trait AsTransitions {
    fn transitions(&self) -> &[Transition];
}

impl AsTransitions for NutsInfo {
    fn transitions(&self) -> &[Transition] {
        &self.0
    }
}

impl AsTransitions for HmcInfo {
    fn transitions(&self) -> &[Transition] {
        &self.0
    }
}

/// How much is to be sampled, and where it goes.
struct Work<'a> {
    chains: usize,
    draws: usize,
    repeats: usize,
    out: &'a str,
}

/// What a block of chains draws.
#[derive(Clone, Default)]
struct Seen {
    x: Vec<f64>,
    evaluations: u64,
    diverging: u64,
    acceptance: f64,
    cut_off: u64,
}

impl Work<'_> {
    fn sample<K: Kernel<Target> + Tunable>(
        &self,
        mut chains: Chains<'_, K, Target>,
        start: Instant,
        tally: impl Fn(&mut Seen, &K::Info) + Sync,
    ) -> Result<(), Failure> {
        let warmup = start.elapsed().as_secs_f64();
        let dim = chains.positions().ncols();
        let rows: Vec<_> = chains.blocks().collect();
        let mut seconds = Vec::new();
        let mut seen: Vec<Seen> = rows
            .iter()
            .map(|rows| Seen {
                x: vec![0.0; rows.len() * self.draws * dim],
                ..Seen::default()
            })
            .collect();
        chains.advance(100);
        for _ in 0..self.repeats {
            for seen in &mut seen {
                seen.x.clear();
                *seen = Seen {
                    x: std::mem::take(&mut seen.x),
                    ..Seen::default()
                };
            }
            let start = Instant::now();
            chains.observe(self.draws as u64, &mut seen, |seen, step| {
                seen.x.extend_from_slice(step.x.as_slice().expect("whole rows"));
                tally(seen, step.info);
            });
            seconds.push(start.elapsed().as_secs_f64());
        }
        let total = |f: fn(&Seen) -> f64| seen.iter().map(f).sum::<f64>();
        let n = (self.chains * self.draws) as f64;
        println!(
            "{{\"peer\":\"gibbsian\",\"threads\":{},\"seconds\":{seconds:?},\"gradients\":{},\"warmup\":{warmup},\"step_size\":{},\"acceptance\":{},\"diverging\":{},\"cut_off\":{}}}",
            rayon::current_num_threads(),
            total(|s| s.evaluations as f64),
            chains.kernel().step_size(),
            total(|s| s.acceptance) / n,
            total(|s| s.diverging as f64),
            total(|s| s.cut_off as f64),
        );
        let mut draws = Vec::with_capacity(self.chains * self.draws * dim * 8);
        for (rows, seen) in rows.iter().zip(&seen) {
            for chain in 0..rows.len() {
                for draw in 0..self.draws {
                    for x in &seen.x[(draw * rows.len() + chain) * dim..][..dim] {
                        draws.extend(x.to_le_bytes());
                    }
                }
            }
        }
        Ok(std::fs::write(self.out, draws)?)
    }
}
