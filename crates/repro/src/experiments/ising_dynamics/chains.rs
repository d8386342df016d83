//! Series of energies and magnetisations of any kernel, and their autocorrelation times.

use gibbsian_classical::ising::CRITICAL_COUPLING;
use gibbsian_classical::{Boundary, Graph, Ising};
use gibbsian_core::{Energy, Kernel, Seed};
use gibbsian_metrics::{SOKAL_WINDOW, autocorrelation_time_windowed};
use ndarray::{Array2, ArrayView2};

use crate::Result;

/// How a torus is run.
pub(super) struct Plan {
    pub size: usize,
    /// Of each chain.
    pub n_draws: usize,
    /// Sweeps that make a step, and a draw follows each step.
    pub every: usize,
}

/// A time in sweeps or steps and its standard error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    pub value: f64,
    pub error: f64,
}

impl Time {
    pub(super) fn times(self, factor: f64) -> Self {
        Time {
            value: factor * self.value,
            error: factor * self.error,
        }
    }
}

/// What was found for a torus.
pub(super) struct Series {
    pub size: usize,
    pub n_draws: usize,
    pub every: usize,
    /// How much of the lattice a step changes: one, and `⟨n⟩/N` for single clusters.
    pub sweeps_a_step: f64,
    pub magnetisation_time: Time,
    pub square_time: Time,
    pub energy_time: Time,
    /// The mean and its standard error.
    pub energy: (f64, f64),
}

/// Runs a kernel at the critical temperature; `share` is how much of a lattice of so many sites a step changed, in the mean over chains.
pub(super) fn run<K: Kernel<Ising>>(
    kernel: &K,
    n_chains: usize,
    share: fn(&K::Info, usize) -> f64,
    plan: &Plan,
    seed: Seed,
) -> Result<Series> {
    let n_sites = plan.size * plan.size;
    let graph = Graph::lattice(&[plan.size, plan.size], Boundary::Periodic)?;
    let model = Ising::uniform(graph, CRITICAL_COUPLING, 0.0)?;
    let mut state = kernel.init(&model, Array2::ones((n_chains, n_sites)))?;
    let seed = seed.nth(plan.size as u64);
    let mut energies = Array2::zeros((n_chains, plan.n_draws));
    let mut magnetisations = Array2::zeros((n_chains, plan.n_draws));
    let mut changed = 0.0;
    // A twentieth of the run is left out: tens of autocorrelation times.
    let n_warmup = plan.n_draws / 20;
    for draw in 0..n_warmup + plan.n_draws {
        let mut rng = seed.nth(draw as u64).rng();
        let info = kernel.step(&model, &mut state, &mut rng);
        if draw >= n_warmup {
            changed += share(&info, n_sites);
        }
        if let Some(draw) = draw.checked_sub(n_warmup) {
            let x = kernel.positions(&state);
            energies.column_mut(draw).assign(&model.energy(x.view()));
            magnetisations
                .column_mut(draw)
                .assign(&(x.sum_axis(ndarray::Axis(1)) / n_sites as f64));
        }
    }
    let energy_time = time(energies.view(), plan.every)?;
    let energy = energies.sum() / energies.len() as f64;
    let draws_a_time = energy_time.value / plan.every as f64;
    Ok(Series {
        size: plan.size,
        n_draws: plan.n_draws,
        every: plan.every,
        sweeps_a_step: changed / plan.n_draws as f64,
        magnetisation_time: time(magnetisations.view(), plan.every)?,
        square_time: time(magnetisations.mapv(|m| m * m).view(), plan.every)?,
        energy_time,
        energy: (
            energy,
            energies.std(1.0) * (draws_a_time.max(1.0) / energies.len() as f64).sqrt(),
        ),
    })
}

/// The time of draws `(chains, draws)` in steps.
fn time(draws: ArrayView2<f64>, every: usize) -> Result<Time> {
    let found = autocorrelation_time_windowed(draws, SOKAL_WINDOW)?;
    Ok(Time {
        value: found.value,
        error: found.standard_error,
    }
    .times(every as f64))
}
