//! Figures and the table of all points.

use gibbsian_classical::ising::{CRITICAL_COUPLING, SpinMeans, kaufman, onsager, spontaneous_magnetisation};
use gibbsian_classical::{Boundary, Graph, Ising, SwendsenWang};
use gibbsian_core::Kernel;
use ndarray::{Array2, Axis as Dimension, concatenate};

use super::sampled::{Point, Run};
use crate::{Axis, Context, ImageGrid, Plot, Result, Table};
use gibbsian_figure::ColourMap;

/// The temperatures that are shown.
const SHOWN: (f64, f64) = (1.65, 3.05);

/// A curve on a fine grid of temperatures.
fn fine(f: impl Fn(f64) -> Result<f64>) -> Result<Vec<(f64, f64)>> {
    let n = 280;
    (0..=n)
        .map(|i| {
            let t = SHOWN.0 + (SHOWN.1 - SHOWN.0) * f64::from(i) / f64::from(n);
            Ok((t, f(t)?))
        })
        .collect()
}

/// What is measured of every run, as curves over the temperature.
pub(super) fn curves(ctx: &mut Context, runs: &[Run], sizes: &[usize]) -> Result<()> {
    let within = |run: &&Run| (SHOWN.0..SHOWN.1).contains(&run.temperature);
    let series = |size: usize, f: &dyn Fn(&Run) -> Result<Point>| -> Result<Vec<(f64, Point)>> {
        let of_size = runs.iter().filter(within).filter(|r| r.size == size);
        of_size.map(|run| Ok((run.temperature, f(run)?))).collect()
    };
    let add = |plot: Plot, size: usize, f: &dyn Fn(&Run) -> Result<Point>| -> Result<Plot> {
        let points = series(size, f)?;
        let bars = points
            .iter()
            .map(|(t, p)| (*t, p.value - p.error, p.value + p.error));
        Ok(plot
            .points(format!("L = {size}"), points.iter().map(|(t, p)| (*t, p.value)))
            .error_bars(bars.collect::<Vec<_>>()))
    };
    let sites = |run: &Run| (run.size * run.size) as f64;
    let temperature = || Axis::linear("temperature (J/k_B)").range(SHOWN.0, SHOWN.1);

    let energy = |run: &Run| {
        let found = run.energy()?;
        let scale = run.temperature / sites(run);
        Ok(Point {
            value: scale * found.value,
            error: scale * found.error,
        })
    };
    let mut plot = Plot::new("Energy", temperature(), Axis::linear("energy per site (J)"));
    for &size in sizes {
        plot = add(plot, size, &energy)?;
    }
    let exact = fine(|t| Ok(t * onsager(t.recip(), t.recip())?.mean_energy))?;
    let plot = plot.line("Onsager, infinite", exact);
    ctx.plot(
        "energy",
        "Dots are sampled, with error bars smaller than the dots.",
        &plot,
    )?;

    let capacity = |run: &Run| {
        let found = run.heat_capacity()?;
        Ok(Point {
            value: found.value / sites(run),
            error: found.error / sites(run),
        })
    };
    let mut plot = Plot::new(
        "Heat capacity",
        temperature(),
        Axis::linear("heat capacity per site (k_B)").range(0.0, 2.8),
    );
    for &size in sizes {
        plot = add(plot, size, &capacity)?;
        let n = (size * size) as f64;
        let exact = fine(|t| Ok(kaufman(size, size, t.recip(), t.recip())?.energy_variance / n))?;
        plot = plot.theory("", exact);
    }
    let exact = fine(|t| Ok(onsager(t.recip(), t.recip())?.energy_variance.min(4.0)))?;
    let plot = plot.line("Onsager, infinite", exact);
    ctx.plot(
        "heat-capacity",
        "Every size against its own exact curve by Kaufman, dashed; the peak grows as the logarithm of the length and moves to the critical temperature.",
        &plot,
    )?;

    let mut plot = Plot::new(
        "Magnetisation",
        temperature(),
        Axis::linear("⟨|m|⟩").range(0.0, 1.02),
    );
    for &size in sizes {
        plot = add(plot, size, &|run| run.statistic(|means| means.magnetisation))?;
    }
    let exact = fine(|t| Ok(spontaneous_magnetisation(t.recip(), t.recip())?))?;
    let plot = plot.line("Yang, infinite", exact);
    ctx.plot(
        "magnetisation",
        "The order parameter: finite lattices round the corner off, where Yang's curve falls as the eighth root.",
        &plot,
    )?;

    let chi = |run: &Run| run.statistic(|means| means.susceptibility(run.size * run.size));
    let mut plot = Plot::new("Susceptibility", temperature(), Axis::log("N (⟨m²⟩ − ⟨|m|⟩²)"));
    for &size in sizes {
        plot = add(plot, size, &chi)?;
    }
    let plot = plot.vertical("T_c", CRITICAL_COUPLING.recip());
    ctx.plot(
        "susceptibility",
        "The peak grows as L^(7/4), and its place approaches the critical temperature as 1/L.",
        &plot,
    )?;

    let mut plot = Plot::new(
        "Binder's cumulant",
        Axis::linear("temperature (J/k_B)").range(2.19, 2.36),
        Axis::linear("1 − ⟨m⁴⟩ / 3⟨m²⟩²").range(0.3, 0.68),
    );
    for &size in sizes {
        plot = add(plot, size, &|run| run.cumulant())?;
    }
    let plot = plot
        .vertical("T_c", CRITICAL_COUPLING.recip())
        .horizontal("0.61069", 0.610_69);
    ctx.plot(
        "cumulant",
        "The larger the lattice, the steeper; all meet at one point.",
        &plot,
    )?;
    table(ctx, runs)
}

fn table(ctx: &mut Context, runs: &[Run]) -> Result<()> {
    let mut columns = vec!["size".to_owned(), "temperature".to_owned()];
    for name in [
        "energy",
        "heat_capacity",
        "magnetisation",
        "susceptibility",
        "cumulant",
        "mean_cluster_size",
    ] {
        columns.extend([name.to_owned(), format!("{name}_error")]);
    }
    columns.extend(["energy_exact".to_owned(), "heat_capacity_exact".to_owned()]);
    let mut table = Table::new(columns.iter().map(String::as_str));
    for run in runs {
        let n = (run.size * run.size) as f64;
        let per_site = |p: Point, scale: f64| [scale * p.value / n, scale * p.error / n];
        let exact = run.torus()?;
        let t = run.temperature;
        let mut row = vec![(run.size as i64).into(), t.into()];
        let plain = |f: fn(SpinMeans) -> f64| -> Result<[f64; 2]> {
            let p = run.statistic(f)?;
            Ok([p.value, p.error])
        };
        let chi = run.statistic(|means| means.susceptibility(run.size * run.size))?;
        let clusters = run.cluster_size()?;
        for pair in [
            per_site(run.energy()?, t),
            per_site(run.heat_capacity()?, 1.0),
            plain(|means| means.magnetisation)?,
            [chi.value, chi.error],
            plain(|means| means.binder_cumulant())?,
            [clusters.value, clusters.error],
        ] {
            row.extend(pair.map(Into::into));
        }
        row.push((t * exact.mean_energy / n).into());
        row.push((exact.energy_variance / n).into());
        table.row(row)?;
    }
    ctx.table(
        "points",
        "Every size and temperature: energy and heat capacity per site, with standard errors, and Kaufman's values.",
        &table,
    )
}

/// Spins below, at and above the critical temperature.
pub(super) fn configurations(ctx: &mut Context) -> Result<()> {
    let size = 96;
    let graph = Graph::lattice(&[size, size], Boundary::Periodic)?;
    let mut pictures = Vec::new();
    for (k, temperature) in [2.0, CRITICAL_COUPLING.recip(), 2.6].into_iter().enumerate() {
        let model = Ising::uniform(graph.clone(), f64::recip(temperature), 0.0)?;
        let mut state = SwendsenWang.init(&model, Array2::ones((1, size * size)))?;
        let seed = ctx.seed().child("pictures").nth(k as u64);
        for sweep in 0..300 {
            SwendsenWang.step(&model, &mut state, &mut seed.nth(sweep).rng());
        }
        let mut x = state.states();
        // The model does not know up from down; the pictures show the majority in the same colour.
        if x.sum() < 0.0 {
            x.mapv_inplace(|x| -x);
        }
        pictures.push(x);
    }
    let views: Vec<_> = pictures.iter().map(|x| x.view()).collect();
    let pictures = concatenate(Dimension(0), &views)?;
    let grid = ImageGrid::new(pictures.view(), size, size)
        .columns(3)
        .colours(ColourMap::Grey, -1.0, 1.0);
    ctx.images(
        "spins",
        "96 × 96 spins at T = 2.0, at the critical temperature, and at T = 2.6: islands in a sea, islands of all sizes, no sea.",
        &grid,
    )
}
