//! The phase transition of the square-lattice Ising model, sampled, against its exact solutions.
//!
//! On a torus Kaufman (1949) gives `log Z`, the energy and the heat capacity at every size and temperature, so each sampled point has a number that it must meet. On the infinite
//! lattice Onsager (1944) gives the energy and Yang (1952) the magnetisation; a torus has them up to `exp(−L/ξ)`, and since its mean magnetisation is zero by symmetry
//! the comparison is with `|m|`. Where the correlation length exceeds the lattice, nothing but the torus formula is exact, and finite-size scaling takes over: Binder's
//! cumulant is the same for all sizes at the critical point, where `⟨m²⟩ ~ L^{−1/4}`.
//!
//! Chains are moved by Swendsen–Wang clusters. Errors come from the jackknife over blocks of a hundred sweeps or more, some ten autocorrelation times even at the
//! critical point. Temperatures are in units of `J/k_B`; energies and heat capacities are per site.

mod claims;
mod sampled;
mod shown;

use gibbsian_classical::ising::{
    CRITICAL_COUPLING, N_OBSERVABLES, SpinMeans, kaufman, onsager, spontaneous_magnetisation,
};
use gibbsian_classical::{Boundary, Graph, Ising};
use rayon::prelude::*;

use crate::statistics::{larger, weighted_slope};
use crate::{Context, Experiment, Result, measured};

use claims::*;
use sampled::{Gauss, Point, Run};

/// The temperatures of the curves; those about the critical one are where Binder's cumulants cross.
const TEMPERATURES: [f64; 15] = [
    1.7, 1.9, 2.0, 2.1, 2.2, 2.25, 2.26, 2.27, 2.28, 2.29, 2.35, 2.45, 2.6, 2.8, 3.0,
];
/// Where the difference of two cumulants is a parabola to within the errors; a straight line through it would be zero at too low a temperature.
const CROSSING_WINDOW: (f64, f64) = (2.245, 2.295);
/// At these the correlation length is at most 3.6 sites, an eighteenth of the largest lattice.
const ORDERED: f64 = 2.15;
/// From here on it is at most 4.3 sites.
const DISORDERED: f64 = 2.55;
/// Nodes of the integral over the coupling from zero to the critical one.
const N_NODES: usize = 12;

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "ising-phase-transition",
    title: "A phase transition, point by point against its exact solution",
    question: "Do sampled Ising models have the energy, the magnetisation and the critical point of the exact solutions?",
    mathematics: r"Spins $x_i \in \{-1, +1\}$ on an $L \times L$ torus with $N = L^2$ sites have the energy $E(x) = -\sum_{\langle ij \rangle} x_i x_j$ in units of $J$, each pair of neighbours once, and the law $p(x) = e^{-E(x) / T} / Z$, with $T$ in units of $J / k_B$. On the infinite lattice, below the critical temperature (Onsager, Yang),
        $$T_c = \frac{2}{\ln \left( 1 + \sqrt{2} \right)} \approx 2.269 , \qquad |m| = \left[ 1 - \sinh^{-4} \frac{2}{T} \right]^{1/8} .$$
        Kaufman's formula gives $\log Z$ of every torus and with it, per site,
        $$u = -\frac{1}{N} \frac{\partial \log Z}{\partial (1/T)} , \qquad c = \frac{\operatorname{Var} E}{N T^2} .$$
        At $T_c$ the cumulant $U = 1 - \langle m^4 \rangle / \left( 3 \langle m^2 \rangle^2 \right)$ is the same for all large $L$, and $N \langle m^2 \rangle \sim L^{7/4}$.",
    shows: "Magnetisation, energy, heat capacity, susceptibility and Binder's cumulant of the square-lattice Ising model from 8² to 64² sites, by cluster \
            moves.\n\nEnergy, heat capacity and log Z of every torus are known exactly and met within the errors. Where the lattice is much longer than the correlation \
            length the infinite lattice is met too; where it is not, the cumulants of different sizes cross at the critical point.",
    source: "Onsager (1944); Kaufman (1949); Yang (1952); Binder (1981); Swendsen and Wang (1987)",
    budget_seconds: 30,
    claims: &[
        TORUS_VALUE,
        ROUTES,
        ENERGY,
        HEAT_CAPACITY,
        QUADRATURE,
        LOG_Z,
        MAGNETISATION,
        INFINITE_ENERGY,
        CROSSING_SMALL,
        CROSSING_LARGE,
        CROSSING_ERROR,
        CUMULANT,
        EXPONENT,
        IMPROVED,
        LESS_VARIANCE,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    exact_routes(ctx)?;
    let sizes: &[usize] = ctx.pick(&[8, 16, 32, 64], &[8, 16, 32, 64, 128]);
    let critical = CRITICAL_COUPLING.recip();
    let nodes = Gauss::new(N_NODES, CRITICAL_COUPLING);
    let mut tasks: Vec<(usize, f64)> = Vec::new();
    // The largest first, so that no thread begins one at the end.
    for &size in sizes.iter().rev() {
        tasks.extend(TEMPERATURES.iter().chain([&critical]).map(|&t| (size, t)));
        if size <= 32 {
            tasks.extend(nodes.places.iter().map(|k| (size, k.recip())));
        }
    }
    let (seed, n_sweeps) = (ctx.seed().child("chains"), ctx.pick(3_000, 30_000));
    let mut runs = Vec::with_capacity(tasks.len());
    for some in tasks.chunks(8) {
        ctx.progress(runs.len(), tasks.len(), "lattices and temperatures");
        let done: Result<Vec<Run>> = some
            .par_iter()
            .map(|&(size, temperature)| {
                let n = if size > 32 { n_sweeps / 2 } else { n_sweeps };
                let name = format!("L = {size}, T = {temperature}");
                Run::new(size, temperature, n, seed.child(&name))
            })
            .collect();
        runs.extend(done?);
    }
    let at = |size: usize, temperature: f64| -> Result<&Run> {
        let found = runs
            .iter()
            .find(|r| r.size == size && r.temperature == temperature);
        Ok(found.ok_or("every size and temperature was run")?)
    };

    torus(ctx, &runs)?;
    integrate(ctx, &nodes, &at)?;
    infinite(ctx, &runs, sizes[sizes.len() - 1])?;
    crossings(ctx, sizes, &at)?;
    scaling(ctx, sizes, critical, &at)?;
    improved(ctx, &runs)?;
    shown::curves(ctx, &runs, sizes)?;
    shown::configurations(ctx)
}

/// The exact results against each other, before anything is held against them.
fn exact_routes(ctx: &mut Context) -> Result<()> {
    let value = kaufman(32, 32, CRITICAL_COUPLING, CRITICAL_COUPLING)?.log_z;
    ctx.measure(&TORUS_VALUE, value)?;
    let mut worst: f64 = 0.0;
    for k in [0.1, 0.3, CRITICAL_COUPLING, 0.6, 2.0] {
        for size in [3, 4, 8] {
            let torus = Ising::uniform(Graph::lattice(&[size, size], Boundary::Periodic)?, k, 0.0)?;
            let exact = kaufman(size, size, k, k)?.log_z;
            worst = larger(worst, (torus.log_z()? / exact - 1.0).abs());
            if size <= 4 {
                worst = larger(worst, (torus.log_z_by_enumeration()? / exact - 1.0).abs());
            }
        }
    }
    ctx.measure(&ROUTES, worst)
}

/// Every run against its torus.
fn torus(ctx: &mut Context, runs: &[Run]) -> Result<()> {
    let (mut energy, mut capacity): (f64, f64) = (0.0, 0.0);
    for run in runs {
        let exact = run.torus()?;
        energy = larger(energy, run.energy()?.deviation(exact.mean_energy));
        capacity = larger(capacity, run.heat_capacity()?.deviation(exact.energy_variance));
    }
    ctx.measure(&ENERGY, energy)?;
    ctx.measure(&HEAT_CAPACITY, capacity)
}

/// `log Z(K_c) = N log 2 + ∫₀^{K_c} Σ_⟨ij⟩ ⟨x_i x_j⟩ dK` for three sizes. The integrand of larger ones turns too sharply at the end for these nodes; what is integrated, the energy, is held to the torus at every size.
fn integrate<'r>(
    ctx: &mut Context,
    nodes: &Gauss,
    at: &impl Fn(usize, f64) -> Result<&'r Run>,
) -> Result<()> {
    let (mut deviation, mut quadrature): (f64, f64) = (0.0, 0.0);
    for size in [8, 16, 32] {
        let free = (size * size) as f64 * 2f64.ln();
        let exact = kaufman(size, size, CRITICAL_COUPLING, CRITICAL_COUPLING)?.log_z;
        let (mut sum, mut variance, mut of_exact) = (free, 0.0, free);
        for (&k, &weight) in nodes.places.iter().zip(&nodes.weights) {
            // E = −K Σ x x.
            let energy = at(size, k.recip())?.energy()?;
            sum -= weight * energy.value / k;
            variance += (weight * energy.error / k).powi(2);
            of_exact -= weight * kaufman(size, size, k, k)?.mean_energy / k;
        }
        let error = variance.sqrt();
        deviation = larger(deviation, Point { value: sum, error }.deviation(exact));
        quadrature = larger(quadrature, (of_exact - exact).abs() / error);
        ctx.note(format!(
            "log Z of {size} × {size} at the critical point: {sum:.4} ± {error:.4} by integration, {exact:.4} exactly."
        ));
    }
    ctx.measure(&QUADRATURE, quadrature)?;
    ctx.measure(&LOG_Z, deviation)
}

/// The largest lattice against the infinite one, away from the critical point.
fn infinite(ctx: &mut Context, runs: &[Run], largest: usize) -> Result<()> {
    let (mut magnetisation, mut energy): (f64, f64) = (0.0, 0.0);
    for run in runs.iter().filter(|r| r.size == largest) {
        let k = run.temperature.recip();
        if run.temperature < ORDERED {
            let found = run.statistic(|means| means.magnetisation)?;
            magnetisation = larger(magnetisation, found.deviation(spontaneous_magnetisation(k, k)?));
        }
        if run.temperature < ORDERED || run.temperature > DISORDERED {
            let exact = onsager(k, k)?.mean_energy * (largest * largest) as f64;
            energy = larger(energy, run.energy()?.deviation(exact));
        }
    }
    ctx.measure(&MAGNETISATION, magnetisation)?;
    ctx.measure(&INFINITE_ENERGY, energy)
}

/// Where the cumulants of a size and of twice the size cross, by a weighted parabola through their difference.
fn crossings<'r>(
    ctx: &mut Context,
    sizes: &[usize],
    at: &impl Fn(usize, f64) -> Result<&'r Run>,
) -> Result<()> {
    let window: Vec<f64> = TEMPERATURES
        .into_iter()
        .chain([CRITICAL_COUPLING.recip()])
        .filter(|t| (CROSSING_WINDOW.0..CROSSING_WINDOW.1).contains(t))
        .collect();
    let mut text = Vec::new();
    let mut found = Vec::new();
    for pair in sizes.windows(2) {
        let mut differences = Vec::new();
        for &t in &window {
            let [a, b] = [at(pair[0], t)?.cumulant()?, at(pair[1], t)?.cumulant()?];
            differences.push((
                t,
                Point {
                    value: b.value - a.value,
                    error: a.error.hypot(b.error),
                },
            ));
        }
        let crossing = sampled::zero_of_parabola(&differences)?;
        text.push(format!(
            "L = {} and {}: {:.4} ± {:.4}",
            pair[0], pair[1], crossing.value, crossing.error
        ));
        found.push(crossing);
    }
    ctx.note(format!(
        "Binder's cumulants cross at T = {}. Corrections to scaling shift a crossing by an amount of order L^(−1/ν − 7/4) = L^(−11/4), which is below these \
         errors from the second pair on; T_c = {:.6}.",
        text.join("; "),
        CRITICAL_COUPLING.recip()
    ));
    let with_error = |found: &Point| measured(found.value).with_error(found.error);
    ctx.measure(&CROSSING_SMALL, with_error(&found[0]))?;
    ctx.measure(&CROSSING_LARGE, with_error(&found[2]))?;
    ctx.measure(&CROSSING_ERROR, found[2].error)
}

/// The critical point itself.
fn scaling<'r>(
    ctx: &mut Context,
    sizes: &[usize],
    critical: f64,
    at: &impl Fn(usize, f64) -> Result<&'r Run>,
) -> Result<()> {
    let cumulant = at(32, critical)?.cumulant()?;
    ctx.measure(&CUMULANT, measured(cumulant.value).with_error(cumulant.error))?;
    let mut points = Vec::new();
    for &size in sizes {
        let run = at(size, critical)?;
        let chi = run.cluster_size()?;
        points.push(((size as f64).ln(), chi.value.ln(), chi.error / chi.value));
    }
    let (slope, error) = weighted_slope(&points);
    ctx.note(format!(
        "N⟨m²⟩ at the critical point grows as L^({slope:.4} ± {error:.4}); the cumulant of 32 × 32 is {:.4} ± {:.4} there.",
        cumulant.value, cumulant.error
    ));
    ctx.measure(&EXPONENT, measured(slope).with_error(error))
}

/// The mean cluster size against `N m²`, whose mean is the same.
fn improved(ctx: &mut Context, runs: &[Run]) -> Result<()> {
    let (mut worst, mut ratio): (f64, f64) = (0.0, 0.0);
    for run in runs {
        let n = (run.size * run.size) as f64;
        let difference = run.of_all(|means, cluster| cluster - n * means.magnetisation_squared)?;
        worst = larger(worst, difference.deviation(0.0));
        if run.size == 32 && run.temperature > DISORDERED && run.temperature < 3.5 {
            let plain = run.statistic(|means| n * means.magnetisation_squared)?;
            ratio = larger(ratio, run.cluster_size()?.error / plain.error);
        }
    }
    ctx.measure(&IMPROVED, worst)?;
    ctx.measure(&LESS_VARIANCE, measured(ratio))
}
