//! Critical slowing down: how long chains remember at the critical point, and how clusters forget.
//!
//! At the critical temperature of the square lattice the autocorrelation time of a chain grows with the length of the torus as `τ ~ L^z`. Kernels that change one spin at a
//! time move domain walls by diffusion and have `z ≈ 2.17` whatever their details; cluster moves change domains of the size of the lattice at once. The local kernel
//! is the heat bath on a checkerboard, with a bit a spin.
//!
//! **Units.** A sweep changes, or offers to change, every site once: one step of the heat bath or of Swendsen–Wang. A step of Wolff turns one cluster, so its times
//! are multiplied by `⟨n⟩/N`, the mean size of a cluster over the number of sites; since `⟨n⟩ = N⟨m²⟩ ~ L^(7/4)` this takes 1/4 off the exponent. Times are
//! `τ = 1 + 2 Σ ρ_t` by Sokal's window, in draws that are so dense that the sum is an integral.
//!
//! **Observables.** The slowest quantity of a local kernel is the magnetisation `m` itself, odd under a turn of all spins; of the cluster kernels, which turn
//! everything for nothing, it is the energy.
//!
//! **Fits** are weighted straight lines in `log τ` against `log L` over all sizes of a kernel. They have corrections to scaling at the sizes of a quick run, which the
//! tolerances allow for.

mod chains;

use gibbsian_classical::clusters::Turns;
use gibbsian_classical::ising::{CRITICAL_COUPLING, kaufman};
use gibbsian_classical::{MultiSpinHeatBath, SwendsenWang, Wolff};
use rayon::prelude::*;

use crate::statistics::{larger, weighted_slope};
use crate::{Axis, Check, Claim, Context, Experiment, Plot, Provenance, Result, Table, measured};

use chains::{Plan, Series, Time};

const LOCAL: Claim = Claim {
    claim: "the magnetisation of the heat bath has z = 2.17: the exponent of a fit over all sizes",
    source: "Grassberger (1995): 2.172 ± 0.006 by damage spreading",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(2.17).within(0.12)),
    full: Check::value(2.17).within(0.06),
    reason: "four errors of a fit with some three per cent an autocorrelation time are 0.08, and corrections of order 1/L² at the smallest size add some hundredths",
};

const LOCAL_ERROR: Claim = Claim {
    claim: "which is told to within a standard error of 0.04",
    source: "Sokal (1997), equation 3.19, for the error of a time",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(0.04)),
    full: Check::at_most(0.015),
    reason: "a wider one could not tell a diffusive kernel from a ballistic one in its third figure",
};

const CLUSTERS: Claim = Claim {
    claim: "the energy of Swendsen–Wang has a small z: the exponent of a fit over all sizes",
    source: "Swendsen and Wang (1987) found 0.35; the Li–Sokal bound (1989) is α/ν = 0, a logarithm",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::between(0.1, 0.45)),
    full: Check::between(0.15, 0.4),
    reason: "a slow power or a logarithm, between which sizes up to 64 cannot decide; four errors of the fit are 0.12",
};

const SINGLE: Claim = Claim {
    claim: "so has that of Wolff, in sweeps of N turned spins: the exponent of a fit over all sizes",
    source: "Wolff (1989), \"Comparison between cluster Monte Carlo algorithms in the Ising model\"",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::between(0.0, 0.45)),
    full: Check::between(0.05, 0.4),
    reason: "as for Swendsen–Wang; the two share the bonds and differ in which clusters they turn",
};

const SIZE: Claim = Claim {
    claim: "the share of the lattice that a Wolff cluster turns falls as L^(−1/4): the exponent",
    source: "⟨n⟩ = N⟨m²⟩ (Wolff 1989) and η = 1/4",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(-0.25).within(0.03)),
    full: Check::value(-0.25).within(0.01),
    reason: "the error of the fit is below 0.01, and the analytic background of the susceptibility changes the slope by 0.003",
};

const FASTER: Claim = Claim {
    claim: "on 16² sites the heat bath needs at least 50 times the sweeps of Swendsen–Wang for an independent magnetisation, squared for the clusters",
    source: "the ratio of two measured times",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(50.0)),
    full: Check::at_least(50.0),
    reason: "16^2.17 is 410, and cluster moves forget in a few sweeps",
};

const EXACT: Claim = Claim {
    claim: "every series has Kaufman's energy: the largest deviation in standard errors, which are those of the measured times",
    source: "Kaufman (1949)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(4.0)),
    full: Check::at_most(4.0),
    reason: "a dozen series; were times measured too short, errors would be too small and this would fail",
};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "ising-dynamics",
    title: "Critical slowing down and what clusters do about it",
    question: "How long does a chain remember at the critical point, and how do clusters help it to forget?",
    mathematics: r"A series of draws with the autocorrelations $\rho_t$ is worth $1 / \tau$ independent draws each, and at the critical temperature $\tau$ grows as a power of the length of the torus:
        $$\tau = 1 + 2 \sum_{t \ge 1} \rho_t , \qquad \tau \sim L^{z} .$$
        Changing one spin at a time has $z \approx 2.17$. Clusters join equal neighbours with the probability $1 - e^{-2 \beta J}$ at inverse temperature $\beta$ and turn as a whole: all of them, each with probability one half (Swendsen and Wang), or the one around a site (Wolff), whose mean size is $\langle n \rangle = N \langle m^2 \rangle \sim L^{7/4}$.",
    shows: "Autocorrelation times at the critical point of the square-lattice Ising model against the length of the torus, for the heat bath, Swendsen–Wang and \
            Wolff.\n\nOne spin at a time, a chain forgets like L^2.17; by clusters it forgets almost as fast on a large lattice as on a small one.",
    source: "Swendsen and Wang (1987); Wolff (1989); Grassberger (1995); Sokal (1997)",
    budget_seconds: 30,
    claims: &[LOCAL, LOCAL_ERROR, CLUSTERS, SINGLE, SIZE, FASTER, EXACT],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    let scale = ctx.pick(1, 20);
    // The size, the number of draws of each chain, and the steps between two draws.
    let plans = |table: &[(usize, usize, usize)]| -> Vec<Plan> {
        let plan = |&(size, n_draws, every): &(usize, usize, usize)| Plan {
            size,
            n_draws: scale * n_draws,
            every,
        };
        table.iter().map(plan).collect()
    };
    let local = plans(&[
        (4, 10_000, 2),
        (6, 10_000, 5),
        (8, 10_000, 8),
        (12, 10_000, 18),
        (16, 10_000, 32),
        (24, 5_000, 72),
    ]);
    let clusters = plans(&[(8, 30_000, 1), (16, 30_000, 1), (32, 20_000, 1), (64, 12_000, 1)]);
    let seed = ctx.seed();
    ctx.progress(0, 3, "the heat bath");
    let heat_bath = measure(&local, |plan| {
        let sweeps = MultiSpinHeatBath::new(plan.every)?;
        chains::run(&sweeps, 64, |_, _| 1.0, plan, seed.child("heat-bath"))
    })?;
    ctx.progress(1, 3, "Swendsen–Wang");
    let all = measure(&clusters, |plan| {
        chains::run(&SwendsenWang, 8, |_, _| 1.0, plan, seed.child("swendsen-wang"))
    })?;
    ctx.progress(2, 3, "Wolff");
    let single = measure(&clusters, |plan| {
        chains::run(&Wolff, 8, share_of_turns, plan, seed.child("wolff"))
    })?;

    let local_fit = exponent(&heat_bath, |s| s.magnetisation_time)?;
    let all_fit = exponent(&all, |s| s.energy_time)?;
    let single_fit = exponent(&single, |s| s.energy_time.times(s.sweeps_a_step))?;
    ctx.measure(&LOCAL, measured(local_fit.0).with_error(local_fit.1))?;
    ctx.measure(&LOCAL_ERROR, local_fit.1)?;
    ctx.measure(&CLUSTERS, measured(all_fit.0).with_error(all_fit.1))?;
    ctx.measure(&SINGLE, measured(single_fit.0).with_error(single_fit.1))?;
    let shares: Vec<_> = single
        .iter()
        .map(|s| ((s.size as f64).ln(), s.sweeps_a_step.ln(), 1.0))
        .collect();
    ctx.measure(&SIZE, weighted_slope(&shares).0)?;
    let of_16 = |series: &[Series], time: fn(&Series) -> Time| -> Result<f64> {
        let found = series
            .iter()
            .find(|s| s.size == 16)
            .ok_or("16 is one of the sizes")?;
        Ok(time(found).value)
    };
    let ratio = of_16(&heat_bath, |s| s.magnetisation_time)? / of_16(&all, |s| s.square_time)?;
    ctx.measure(&FASTER, measured(ratio))?;
    let mut worst: f64 = 0.0;
    for series in heat_bath.iter().chain(&all).chain(&single) {
        let exact = kaufman(series.size, series.size, CRITICAL_COUPLING, CRITICAL_COUPLING)?;
        worst = larger(
            worst,
            (series.energy.0 - exact.mean_energy).abs() / series.energy.1,
        );
    }
    ctx.measure(&EXACT, worst)?;
    ctx.note(format!(
        "Exponents, with the errors of the fits: {:.3} ± {:.3} for the magnetisation of the heat bath (L = 4 to 24), {:.3} ± {:.3} for the energy of Swendsen–Wang and {:.3} ± \
         {:.3} for that of Wolff (L = 8 to 64).",
        local_fit.0, local_fit.1, all_fit.0, all_fit.1, single_fit.0, single_fit.1
    ));
    show(
        ctx,
        [
            ("heat bath", &heat_bath),
            ("Swendsen–Wang", &all),
            ("Wolff", &single),
        ],
    )
}

/// The mean size of the clusters over the number of sites.
fn share_of_turns(turns: &Turns, n_sites: usize) -> f64 {
    let sites: u64 = turns.0.iter().map(|turn| turn.size).sum();
    sites as f64 / (turns.0.len() * n_sites) as f64
}

/// All sizes, the largest first, which take longest.
fn measure(plans: &[Plan], run: impl Fn(&Plan) -> Result<Series> + Send + Sync) -> Result<Vec<Series>> {
    let mut series = plans.par_iter().rev().map(run).collect::<Result<Vec<_>>>()?;
    series.reverse();
    Ok(series)
}

/// The slope of `log τ` in `log L` and its error.
fn exponent(series: &[Series], time: impl Fn(&Series) -> Time) -> Result<(f64, f64)> {
    let points: Vec<(f64, f64, f64)> = series
        .iter()
        .map(|s| {
            let time = time(s);
            ((s.size as f64).ln(), time.value.ln(), time.error / time.value)
        })
        .collect();
    Ok(weighted_slope(&points))
}

fn show(ctx: &mut Context, kernels: [(&str, &Vec<Series>); 3]) -> Result<()> {
    let mut table = Table::new([
        "kernel",
        "size",
        "draws",
        "steps_a_draw",
        "sweeps_a_step",
        "magnetisation_time",
        "magnetisation_time_error",
        "squared_magnetisation_time",
        "squared_magnetisation_time_error",
        "energy_time",
        "energy_time_error",
    ]);
    let mut plot = Plot::new(
        "Autocorrelation times at the critical temperature",
        Axis::log("length of the torus L"),
        Axis::log("τ in sweeps"),
    );
    for (name, series) in kernels {
        let slow = |s: &Series| {
            let time = if name == "heat bath" {
                s.magnetisation_time
            } else {
                s.energy_time
            };
            time.times(s.sweeps_a_step)
        };
        let points = series.iter().map(|s| (s.size as f64, slow(s).value));
        let bars = series.iter().map(|s| {
            let time = slow(s);
            (s.size as f64, time.value - time.error, time.value + time.error)
        });
        let what = if name == "heat bath" { "m" } else { "E" };
        plot = plot
            .line(format!("{name}, {what}"), points.collect::<Vec<_>>())
            .error_bars(bars.collect::<Vec<_>>());
        for s in series {
            let mut row = vec![
                name.into(),
                (s.size as i64).into(),
                (s.n_draws as i64).into(),
                (s.every as i64).into(),
                s.sweeps_a_step.into(),
            ];
            for time in [s.magnetisation_time, s.square_time, s.energy_time] {
                let time = time.times(s.sweeps_a_step);
                row.extend([time.value.into(), time.error.into()]);
            }
            table.row(row)?;
        }
    }
    ctx.plot(
        "times",
        "One spin at a time against clusters; error bars are those of Sokal's window.",
        &plot,
    )?;
    ctx.table(
        "times",
        "All times in sweeps, with their standard errors. Draws of the heat bath are as dense as the memory of its magnetisation asks for; energies forget faster than \
         that, and their times are upper bounds there.",
        &table,
    )
}
