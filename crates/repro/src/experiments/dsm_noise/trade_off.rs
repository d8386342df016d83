//! The error to the clean score of what `N` data teach a linear score.
//!
//! For data from `N(0, v)`, each with one draw of noise, the score `−λx` that fits best has
//! `λ̂ = Σ x̃ (z/σ)/Σ x̃²`, the regression of `z/σ` on `x̃`. Given the noisy points it has mean `1/(v + σ²)` and variance `R/Σ x̃²` with `R = v/(σ²(v + σ²))`, and
//! `E[1/Σ x̃²] = 1/((v + σ²)(N − 2))`. With `a = σ²/v` the mean squared error to the clean `1/v` is
//!
//! `v² E(λ̂ − 1/v)² = [a² + 1/(a (N − 2))]/(1 + a)²`,
//!
//! bias and variance; the derivative vanishes where `2 (N − 2) a³ = 1 + 3a`. So the best noise level falls as `σ* ≈ √v (2N)^(−1/6)`.
//!
//! The squared error scatters itself. It is `(b + √u g)²` with `b = a/(1 + a)`, a standard normal `g` and a random `u` of the moments
//! `ū = 1/(a (1 + a)² (N − 2))` and `E u² = ū² (N − 2)/(N − 4)`, so its variance is `4b²ū + 3 E u² − ū²`.

use gibbsian_core::{Density, Parametric, Seed};
use gibbsian_densities::MultivariateNormal;
use gibbsian_nn::{Init, Net, NeuralScore, Precision};
use gibbsian_objectives::DenoisingScoreMatching;
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use crate::networks::least_squares;
use crate::statistics::{larger, smaller};
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result, Table};

pub(super) const LAW: Claim = Claim {
    claim: "the mean squared error of a linear score to the clean one is [a² + 1/(a(N − 2))]/(1 + a)²: the largest difference, in standard errors",
    source: "regression of z/σ on the noisy points; see the top of the file `trade_off.rs`",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(5.0)),
    full: Check::at_most(5.0),
    reason: "three numbers of data at seven noise levels around the best, standard errors by the law: a false alarm in 80,000 were means normal, in 40,000 with the skewness of squares",
};

pub(super) const MINIMUM: Claim = Claim {
    claim: "and it has its minimum inside, at the σ with 2(N − 2)a³ = 1 + 3a: the error there over the smaller of those at half and at twice that σ, the largest",
    source: "the derivative of the closed form; σ* falls as N^(−1/6)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(0.5)),
    full: Check::at_most(0.5),
    reason: "by the closed form 0.35 to 0.38 for 32, 128 and 512 data; two thousand runs give the ratio to 5 %",
};

/// Numbers of data.
const N_DATA: [usize; 3] = [32, 128, 512];
/// Noise levels in units of the best.
const FACTORS: [f64; 7] = [0.25, 0.5, 0.707, 1.0, 1.414, 2.0, 4.0];

/// `v² E(λ̂ − 1/v)²` and the variance of what it is the mean of.
fn law(a: f64, n: usize) -> (f64, f64) {
    let n = n as f64;
    let (bias, variance) = (a / (1.0 + a), 1.0 / (a * (1.0 + a).powi(2) * (n - 2.0)));
    let second = variance * variance * (n - 2.0) / (n - 4.0);
    (
        bias * bias + variance,
        4.0 * bias * bias * variance + 3.0 * second - variance * variance,
    )
}

/// The root of `2 (N − 2) a³ = 1 + 3a`, by bisection.
fn best(n: usize) -> f64 {
    let (mut low, mut high) = (0.0, 10.0);
    while high - low > 1e-14 {
        let a: f64 = 0.5 * (low + high);
        if 2.0 * (n as f64 - 2.0) * a.powi(3) < 1.0 + 3.0 * a {
            low = a;
        } else {
            high = a;
        }
    }
    0.5 * (low + high)
}

/// The measured error against the closed form; `v = 1`.
pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let seed = ctx.seed().child("linear");
    let n_runs = ctx.pick(2_000, 40_000);
    let mut table = Table::new(["n_data", "sigma", "error", "standard_error", "closed_form"]);
    let mut plot = Plot::new(
        "A linear score of normal data",
        Axis::log("noise level σ/√v"),
        Axis::log("v² × mean squared error to the clean score"),
    );
    let (mut worst, mut depth) = (0.0_f64, 0.0_f64);
    for n in N_DATA {
        let least = best(n).sqrt();
        let errors: Result<Vec<f64>> = (0..FACTORS.len())
            .into_par_iter()
            .map(|level| {
                let seed = seed.nth(n as u64).nth(level as u64);
                mean_error(n, FACTORS[level] * least, n_runs, seed)
            })
            .collect();
        let errors = errors?;
        let levels = FACTORS.map(|factor| factor * least);
        for (sigma, found) in levels.into_iter().zip(&errors) {
            let (mean, variance) = law(sigma * sigma, n);
            let error = (variance / n_runs as f64).sqrt();
            worst = larger(worst, (found - mean).abs() / error);
            table.row([n.into(), sigma.into(), (*found).into(), error.into(), mean.into()])?;
        }
        depth = larger(depth, errors[3] / smaller(errors[1], errors[5]));
        let curve = (0..=100).map(|k| 0.05 * 10f64.powf(1.7 * f64::from(k) / 100.0));
        plot = plot
            .points(format!("{n} data"), levels.into_iter().zip(errors))
            .theory("", curve.map(|sigma| (sigma, law(sigma * sigma, n).0)));
    }
    ctx.measure(&LAW, worst)?;
    ctx.measure(&MINIMUM, depth)?;
    ctx.plot(
        "linear",
        "Points are averages of runs, dashed lines the closed form. Left of the minimum variance rules, right of it bias.",
        &plot,
    )?;
    ctx.table(
        "linear",
        "The mean squared error of a linear score to the clean one, measured and in closed form.",
        &table,
    )
}

/// The mean of `(λ̂ − 1)²` over draws of data and noise.
fn mean_error(n: usize, sigma: f64, n_runs: u64, seed: Seed) -> Result<f64> {
    let data = MultivariateNormal::standard(1)?;
    let mut objective = DenoisingScoreMatching::new(sigma)?;
    let forward = |net: &mut Net<'_>, x| {
        let slope = net.matrix("slope", (1, 1), Init::Zeros);
        net.matmul(x, slope)
    };
    let model = NeuralScore::new(1, forward, &mut seed.rng())?;
    let mut model = model.with_precision(Precision::Double);
    let mut sum = 0.0;
    for run in 0..n_runs {
        let seed = seed.nth(run);
        let x = data.sample(n, &mut seed.child("data").rng());
        least_squares(&mut model, &mut objective, x.view(), seed.child("noise"))?;
        // The slope is −λ̂.
        sum += (model.params()[0] + 1.0).powi(2);
    }
    Ok(sum / n_runs as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_level_is_the_minimum_of_the_law() {
        for n in [10, 32, 128, 512, 1_000_000] {
            let a = best(n);
            let error = |a: f64| law(a, n).0;
            assert!(
                error(a) < error(1.01 * a) && error(a) < error(0.99 * a),
                "{n}: {a}"
            );
        }
        // a* → (2N)^(−1/3) for many data.
        assert!((best(1_000_000_000) * 2e9_f64.cbrt() - 1.0).abs() < 2e-3);
    }
}
