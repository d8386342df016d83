//! Machines that are solved, and a lattice.

use gibbsian::classical::ising::{CRITICAL_COUPLING, SpinMeans, spontaneous_magnetisation};
use gibbsian::classical::{
    Bernoulli, BinaryRbm, Boundary, EnumeratedLikelihood, FusedContrastiveDivergence, FusedOptions,
    FusedPersistent, Graph, Ising, Rbm, RbmPath, SwendsenWang,
};
use gibbsian::core::{Energy, Parametric, Seed, TrainStep};
use gibbsian::data::bars_and_stripes;
use gibbsian::figure::{Axis, Plot};
use gibbsian::ndarray::{Array1, Array2, Axis as Along};
use gibbsian::partition::{ExactDistribution, Ladder, ais, reverse_ais};
use gibbsian::samplers::Chains;
use gibbsian::train::{Decay, Descent, Sgd};

use super::Result;

pub(crate) fn sandwich() -> Result<Plot> {
    let seed = Seed::new(2);
    let rbm = Rbm::random(Bernoulli::unbiased(10), Bernoulli::unbiased(8), 1.5, seed)?;
    let path = RbmPath::new(&rbm, Bernoulli::unbiased(10), Bernoulli::unbiased(8))?;
    let exact = ExactDistribution::new(&rbm)?;
    // Few chains a run, so that the bias of the logarithm is seen, and many runs.
    let (n_runs, n_chains) = (200, 10);
    let mut spreads = [Vec::new(), Vec::new()];
    for (k, n_steps) in [2, 4, 8, 16, 32, 64, 128, 256].into_iter().enumerate() {
        let ladder = Ladder::linear(n_steps)?;
        let mut found = [Vec::new(), Vec::new()];
        for run in 0..n_runs {
            let seed = seed.nth(k as u64).nth(run);
            let draws = exact.sample(n_chains, &mut seed.child("draws").rng());
            found[0].push(ais(&path, &ladder, n_chains, &mut seed.child("forward").rng())?.log_z());
            found[1]
                .push(reverse_ais(&path, &ladder, draws.view(), &mut seed.child("reverse").rng())?.log_z());
        }
        for (spread, found) in spreads.iter_mut().zip(found) {
            let found = Array1::from_vec(found);
            let (mean, deviation) = (found.mean().unwrap_or(f64::NAN), found.std(1.0));
            spread.push((n_steps as f64, mean - deviation, mean, mean + deviation));
        }
    }
    let mut plot = Plot::new(
        "Annealing from both sides, 10 chains a run",
        Axis::log("temperatures"),
        Axis::linear("log Z, nats"),
    );
    for (label, spread) in ["forward, from below", "reverse, from above"]
        .into_iter()
        .zip(&spreads)
    {
        plot = plot
            .line(label, spread.iter().map(|(n, _, mean, _)| (*n, *mean)))
            .band(spread.iter().map(|(n, low, _, high)| (*n, *low, *high)));
    }
    Ok(plot.horizontal("exact", exact.log_z()))
}

pub(crate) fn rbm_training() -> Result<Plot> {
    let (seed, data) = (Seed::new(1), bars_and_stripes(3)?);
    let start = Rbm::random(Bernoulli::unbiased(9), Bernoulli::unbiased(12), 0.01, seed)?;
    let n_steps = 4_000;
    let rate = |t: u64| 0.2 * (1.0 - t as f64 / n_steps as f64);
    let seen = |t: u64| t.is_multiple_of(80) || t == n_steps - 1;

    let chains = data.sample(100, &mut seed.child("chains").rng());
    let mut cd = FusedContrastiveDivergence::new(FusedOptions::default())?;
    let mut pcd = FusedPersistent::new(FusedOptions::default(), chains.view())?;
    let mut machines = [BinaryRbm::from(&start), BinaryRbm::from(&start)];
    let mut exact = start.clone();
    let mut descent = Descent::new(EnumeratedLikelihood, Sgd::new(&exact.layout(), Decay::NONE)?);
    let mut curves: [Vec<(f64, f64)>; 3] = Default::default();
    for t in 0..n_steps {
        cd.train_step(
            &mut machines[0],
            data.points(),
            rate(t),
            &mut seed.child("cd").nth(t).rng(),
        )?;
        pcd.train_step(
            &mut machines[1],
            data.points(),
            rate(t),
            &mut seed.child("pcd").nth(t).rng(),
        )?;
        descent.train_step(&mut exact, data.points(), rate(t), &mut seed.rng())?;
        if seen(t) {
            let mean = |e: Array1<f64>| -e.mean().unwrap_or(f64::NAN);
            for (curve, machine) in curves.iter_mut().zip(&machines) {
                curve.push((
                    t as f64 + 1.0,
                    mean(machine.energy(data.points())) - machine.log_z()?,
                ));
            }
            curves[2].push((t as f64 + 1.0, mean(exact.energy(data.points())) - exact.log_z()?));
        }
    }
    let [cd, pcd, exact] = curves;
    Ok(Plot::new(
        "Exact log-likelihood while training",
        Axis::linear("steps"),
        Axis::linear("log-likelihood a case, nats"),
    )
    .line("CD-1", cd)
    .line("PCD-1", pcd)
    .line("exact gradient", exact)
    .horizontal("best possible, −log 14", -(data.n() as f64).ln()))
}

pub(crate) fn ising_magnetisation() -> Result<Plot> {
    let temperatures = Array1::linspace(1.6, 3.4, 19);
    let mut plot = Plot::new(
        "Magnetisation of square lattices",
        Axis::linear("temperature T / J"),
        Axis::linear("⟨|m|⟩").range(0.0, 1.0),
    );
    for (index, side) in [8, 16, 32].into_iter().enumerate() {
        let seed = Seed::new(5).nth(index as u64);
        let mut points = Vec::new();
        for (k, &t) in temperatures.iter().enumerate() {
            let graph = Graph::lattice(&[side, side], Boundary::Periodic)?;
            let ising = Ising::uniform(graph, 1.0 / t, 0.0)?;
            let start = Array2::ones((16, side * side));
            let mut chains = Chains::new(SwendsenWang, &ising, start, seed.nth(k as u64))?;
            chains.advance(100);
            let mut sum = Array1::<f64>::zeros(5);
            let n_draws = 100;
            for _ in 0..n_draws {
                chains.advance(1);
                sum += &ising.observe(chains.positions().view()).sum_axis(Along(0));
            }
            let means = SpinMeans::of((sum / (16 * n_draws) as f64).view());
            points.push((t, means.magnetisation));
        }
        plot = plot.line(format!("{side} × {side}"), points);
    }
    let critical = 1.0 / CRITICAL_COUPLING;
    let yang = Array1::linspace(1.6, critical, 200)
        .into_iter()
        .map(|t| Ok((t, spontaneous_magnetisation(1.0 / t, 1.0 / t)?)))
        .collect::<Result<Vec<_>>>()?;
    Ok(plot
        .dashed("infinite lattice (Yang)", yang)
        .vertical("critical", critical))
}
