//! The error to the clean score of what data teach networks.
//!
//! Networks have no closed form. They see fresh noise at every step, so the noise alone costs them little; but few data teach them a law that is too narrow when
//! the noise is small, and any number of data teaches them noisily then, because targets are large. Here networks are trained alike on a hundred and on ten
//! thousand data at four noise levels. Seeds come in pairs: the data of one seed, its first weights and its random streams are the same at all noise levels.

use gibbsian_core::{Density, Seed};
use gibbsian_densities::{Covariances, GaussianMixture};
use gibbsian_objectives::DenoisingScoreMatching;
use ndarray::{Array1, Array3, ArrayView2, array, s};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use crate::networks::{score_network, square_errors, train};
use crate::statistics::{cautious_mean, mean_and_error, smaller};
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result, Table};

pub(super) const MINIMUM: Claim = Claim {
    claim: "networks: the logarithm of the error to the clean score at the smallest and at the largest noise, over that at the best in between, for few and for many data: the \
            smallest of the four, less four standard errors",
    source: "the trade-off of bias and variance",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.0)),
    full: Check::at_least(0.0),
    reason: "the standard error is that over seeds of the differences of logarithms; four of them with 24 seeds hide a wrong sign once in three thousand",
};

pub(super) const MOVES: Claim = Claim {
    claim: "networks: noise of 0.06 instead of 0.4 multiplies the error for few data by more than for many: the difference of the logarithms, less four standard errors",
    source: "the minimum moves down with the number of data",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.0)),
    full: Check::at_least(0.0),
    reason: "the standard error is that over seeds; four of them with 24 seeds hide a wrong sign once in three thousand",
};

/// Numbers of data.
const N_DATA: [usize; 2] = [100, 10_000];
const LEVELS: [f64; 4] = [0.06, 0.15, 0.4, 1.0];
const N_SEEDS: usize = 24;
const SMALLEST: usize = 0;
const INSIDE: [usize; 2] = [1, 2];
const LARGEST: usize = 3;

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let logs = log_errors(ctx)?;
    let mut table = Table::new(["n_data", "sigma", "log_error", "standard_error"]);
    let mut plot = Plot::new(
        "Networks",
        Axis::log("noise level σ"),
        Axis::log("mean squared error to the clean score"),
    );
    let mut ends = f64::INFINITY;
    let mut best_levels = Vec::new();
    for (n, logs) in N_DATA.into_iter().zip(logs.outer_iter()) {
        let means: Vec<(f64, f64)> = (logs.outer_iter())
            .map(|row| mean_and_error(row.iter().copied()))
            .collect();
        for (sigma, (mean, error)) in LEVELS.into_iter().zip(&means) {
            table.row([n.into(), sigma.into(), (*mean).into(), (*error).into()])?;
        }
        let best = if means[INSIDE[0]].0 < means[INSIDE[1]].0 {
            INSIDE[0]
        } else {
            INSIDE[1]
        };
        let around = [best - 1, best, best + 1];
        best_levels.push(vertex(around.map(|level| (LEVELS[level].ln(), means[level].0))).exp());
        for end in [SMALLEST, LARGEST] {
            let difference = &logs.row(end) - &logs.row(best);
            ends = smaller(ends, cautious_mean(difference.iter().copied()));
        }
        let points = || LEVELS.into_iter().zip(&means);
        plot = plot
            .line(
                format!("{n} data"),
                points().map(|(sigma, (mean, _))| (sigma, mean.exp())),
            )
            .error_bars(points().map(|(sigma, (mean, e))| (sigma, (mean - e).exp(), (mean + e).exp())));
    }
    ctx.measure(&MINIMUM, ends)?;
    // What too little noise costs, in logarithms.
    let price = |n: usize| &logs.slice(s![n, SMALLEST, ..]) - &logs.slice(s![n, INSIDE[1], ..]);
    let moves = price(0) - price(1);
    ctx.measure(&MOVES, cautious_mean(moves.iter().copied()))?;
    ctx.note(format!(
        "A parabola through the logarithms at the best level and its neighbours has its minimum at σ = {:.3} for {} data and at {:.3} for {}.",
        best_levels[0], N_DATA[0], best_levels[1], N_DATA[1]
    ));
    ctx.plot(
        "networks",
        "Networks of two hidden layers trained alike at four noise levels: geometric means over seeds, and one standard error.",
        &plot,
    )?;
    ctx.table(
        "networks",
        "The logarithm of the mean squared error of trained networks to the clean score.",
        &table,
    )
}

/// Where the parabola through three points has its vertex.
fn vertex([left, middle, right]: [(f64, f64); 3]) -> f64 {
    let (a, b) = (middle.0 - left.0, middle.0 - right.0);
    let (to_left, to_right) = (middle.1 - left.1, middle.1 - right.1);
    middle.0 - 0.5 * (a * a * to_right - b * b * to_left) / (a * to_right - b * to_left)
}

/// `log E_p ‖s − ∇ log p‖²` by number of data, noise level and seed.
fn log_errors(ctx: &Context) -> Result<Array3<f64>> {
    let seed = ctx.seed().child("networks");
    let p = triangle()?;
    let test = p.sample(ctx.pick(2_000, 20_000), &mut seed.child("test").rng());
    let n_steps = ctx.pick(600, 10_000);
    let shape = (N_DATA.len(), LEVELS.len(), N_SEEDS);
    let logs: Result<Vec<f64>> = ndarray::indices(shape)
        .into_iter()
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|(n, level, run)| {
            let seed = seed.nth(run as u64);
            let data = p.sample(N_DATA[n], &mut seed.child("data").nth(n as u64).rng());
            let error = network_error(&p, data.view(), LEVELS[level], test.view(), n_steps, seed)?;
            Ok(error.ln())
        })
        .collect();
    Ok(Array3::from_shape_vec(shape, logs?)?)
}

/// Three normal densities of deviation 0.4 at the corners of a triangle; the second moment of a coordinate is 0.7.
fn triangle() -> Result<GaussianMixture> {
    Ok(GaussianMixture::new(
        Array1::from_elem(3, 1.0 / 3.0),
        array![[1.0, 0.0], [-0.6, 0.9], [-0.6, -0.9]],
        Covariances::Spherical(Array1::from_elem(3, 0.16)),
    )?)
}

/// `E_p ‖s − ∇ log p‖²` of a network that is trained at one noise level.
fn network_error(
    p: &GaussianMixture,
    data: ArrayView2<f64>,
    sigma: f64,
    test: ArrayView2<f64>,
    n_steps: u64,
    seed: Seed,
) -> Result<f64> {
    let mut model = score_network(0.7_f64.sqrt().hypot(sigma), sigma, seed.child("model"))?;
    let objective = DenoisingScoreMatching::new(sigma)?;
    train(&mut model, objective, data, n_steps, seed.child("train"))?;
    Ok(square_errors(&model, p, test).mean().unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::vertex;

    #[test]
    fn a_parabola_has_its_own_vertex() {
        let parabola = |x: f64| (x, 0.7 * (x - 0.3).powi(2) - 2.0);
        assert!((vertex([-1.0, 0.5, 0.9].map(parabola)) - 0.3).abs() < 1e-14);
    }
}
