//! The error of networks against the density of the data.
//!
//! Networks are trained by denoising score matching on `0.8 N((5,5), I) + 0.2 N((−5,−5), I)`, the mixture of Song and Ermon (2019, figure 2), with little noise and with noise as large as the
//! distance of a mode from the middle. The true score of the noisy law is known, so the error is known at every point of a square. Points are grouped by the log-density of the *clean* data,
//! in quarters, the same for both noise levels.

use gibbsian_core::{Density, Seed};
use gibbsian_densities::{Covariances, GaussianMixture};
use gibbsian_objectives::DenoisingScoreMatching;
use ndarray::{Array1, Array2, ArrayView2, array};
use rand::RngExt;
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use crate::networks::{score_network, square_errors, train};
use crate::statistics::{cautious_mean, mean_and_error};
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result, Table};

pub(super) const RARE: Claim = Claim {
    claim: "with little noise the error is larger in the sparsest quarter of the square than in the densest: the logarithm of the ratio, less four standard errors",
    source: "Song and Ermon (2019), figure 2",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.0)),
    full: Check::at_least(0.0),
    reason: "the loss weighs errors by the noisy density; the standard error is that over seeds, each with its own data and networks; four of them with twelve seeds hide a wrong sign once in a thousand",
};

pub(super) const REPAIRED: Claim = Claim {
    claim: "noise as large as the distance of a mode from the middle repairs it: by how much the logarithm of the ratio falls, less four standard errors",
    source: "Song and Ermon (2019), section 3.2",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.0)),
    full: Check::at_least(0.0),
    reason: "the noisy density covers the square; pairs of networks with the same data, standard error over seeds as before",
};

const HALF_SIDE: f64 = 8.0;
const LEVELS: [f64; 2] = [0.5, 8.0];
const N_BINS: usize = 4;

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let seed = ctx.seed().child("trained");
    let p = GaussianMixture::new(
        array![0.8, 0.2],
        array![[5.0, 5.0], [-5.0, -5.0]],
        Covariances::Spherical(array![1.0, 1.0]),
    )?;
    let mut rng = seed.child("square").rng();
    let square = Array2::from_shape_simple_fn((ctx.pick(4_000, 40_000), 2), || {
        rng.random_range(-HALF_SIDE..HALF_SIDE)
    });
    let log_density = p.log_density(square.view());
    let mut order: Vec<usize> = (0..square.nrows()).collect();
    order.sort_by(|&a, &b| log_density[a].total_cmp(&log_density[b]));

    let n_steps = ctx.pick(1_000, 20_000);
    let n_seeds: u64 = ctx.pick(12, 24);
    let runs: Vec<(usize, u64)> = (0..LEVELS.len())
        .flat_map(|level| (0..n_seeds).map(move |run| (level, run)))
        .collect();
    let errors: Result<Vec<Array1<f64>>> = runs
        .into_par_iter()
        .map(|(level, run)| errors(&p, LEVELS[level], square.view(), n_steps, seed.nth(run)))
        .collect();
    let errors = errors?;
    // The logarithm of the mean error of each quarter, the sparsest first.
    let quarter = order.len() / N_BINS;
    let logs: Vec<Vec<f64>> = errors
        .iter()
        .map(|errors| {
            let mean = |bin: &[usize]| bin.iter().map(|&b| errors[b]).sum::<f64>() / bin.len() as f64;
            order.chunks_exact(quarter).map(|bin| mean(bin).ln()).collect()
        })
        .collect();
    let ratio = |run: usize| logs[run][0] - logs[run][N_BINS - 1];
    let n = n_seeds as usize;
    ctx.measure(&RARE, cautious_mean((0..n).map(ratio)))?;
    ctx.measure(
        &REPAIRED,
        cautious_mean((0..n).map(|run| ratio(run) - ratio(n + run))),
    )?;

    let mut table = Table::new([
        "sigma",
        "quarter",
        "highest_log_density",
        "log_error",
        "standard_error",
    ]);
    let mut plot = Plot::new(
        "Errors of learned scores",
        Axis::linear("log-density of the data (nats)"),
        Axis::log("σ² × squared error"),
    );
    for (level, sigma) in LEVELS.into_iter().enumerate() {
        let runs = level * n..(level + 1) * n;
        for (bin, points) in order.chunks_exact(quarter).enumerate() {
            let (mean, error) = mean_and_error(logs[runs.clone()].iter().map(|logs| logs[bin]));
            let highest = log_density[points[quarter - 1]];
            table.row([
                sigma.into(),
                (bin + 1).into(),
                highest.into(),
                mean.into(),
                error.into(),
            ])?;
        }
        let first = &errors[level * n];
        let shown = order.iter().step_by(order.len() / 500);
        plot = plot.points(
            format!("σ = {sigma}"),
            shown.map(|&b| (log_density[b], sigma * sigma * first[b])),
        );
    }
    ctx.plot(
        "errors",
        "Each point is a place in the square; the error is that to the score of the noisy law, in units of the target's variance 1/σ².",
        &plot,
    )?;
    ctx.table(
        "errors",
        "The logarithm of the mean squared error to the noisy score, by quarters of the square in the order of the clean density.",
        &table,
    )
}

/// The squared errors of one network at points of the square.
fn errors(
    p: &GaussianMixture,
    sigma: f64,
    square: ArrayView2<f64>,
    n_steps: u64,
    seed: Seed,
) -> Result<Array1<f64>> {
    let data = p.sample(10_000, &mut seed.child("data").rng());
    // The second moment of a coordinate is 26.
    let mut model = score_network(26.0_f64.sqrt().hypot(sigma), sigma, seed.child("model"))?;
    let objective = DenoisingScoreMatching::new(sigma)?;
    train(&mut model, objective, data.view(), n_steps, seed.child("train"))?;
    let truth = p.convolved((sigma * sigma * Array2::<f64>::eye(2)).view())?;
    Ok(square_errors(&model, &truth, square))
}
