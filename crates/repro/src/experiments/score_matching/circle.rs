//! The von Mises density of angles, by score matching and by maximum likelihood.
//!
//! `p(x) = exp(κ cos(x − μ))/(2π I₀(κ))` has the statistics `T = (cos x, sin x)` and natural parameters `η = κ (cos μ, sin μ)`; densities of angles have the same values at both ends, so integration by parts
//! leaves nothing. At `μ = 0` the estimating equations of a datum are
//!
//! `ψ₁ = κ sin² x − cos x`,  `ψ₂ = −sin x (1 + κ cos x)`,  with `E ψ₁' = E sin² x` and `E ψ₂' = E cos² x`.
//!
//! Integrating `(f p)'` gives `κ E[f sin x] = E f'`, and so, with `A = I₁/I₀`, `E sin² = A/κ`, `κ E[sin² cos] = 1 − 2A/κ` and `κ² E sin⁴ = 3 (1 − 2A/κ)`. The sandwich is
//!
//! `N Var η̂₁ → (2 − 3A/κ) κ²/A²`,  `N Var η̂₂ → (κA − 1 + 3A/κ)/(1 − A/κ)²`,
//!
//! against `1/(1 − A/κ − A²)` and `κ/A` for maximum likelihood, which has to invert a ratio of Bessel functions where score matching solves two linear equations.

use gibbsian_core::special::bessel_ratio;
use gibbsian_core::{Density, ExponentialFamily, Seed};
use gibbsian_densities::VonMises;
use gibbsian_objectives::ClosedFormScoreMatching;
use rayon::prelude::*;

use crate::statistics::{larger, mean_and_error, weighted_slope};
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result, measured};

pub(super) const VARIANCE: Claim = Claim {
    claim: "score matching of a von Mises density has the sandwich variance: the largest difference of N times a mean squared error, of both parameters at three sizes, in standard errors",
    source: "Godambe (1960); the integrals at the top of the file",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(5.0)),
    full: Check::at_most(5.0),
    reason: "five standard errors, six times; the correction of order 1/N is at most a few per cent at N = 400, less than one error, and at full scale N is sixteen times as large",
};

pub(super) const RATE: Claim = Claim {
    claim: "the error falls as N^−½: the slope of the logarithm of the root mean squared error in that of N",
    source: "the central limit theorem",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(-0.5).within_standard_errors(5.0)),
    full: Check::value(-0.5).within_standard_errors(5.0),
    reason: "five standard errors of the slope",
};

pub(super) const LIBRARY: Claim = Claim {
    claim: "the library's estimate of the sandwich from the data is the closed form: the largest difference of its mean over the largest samples, in standard errors",
    source: "Godambe (1960)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(5.0)),
    full: Check::at_most(5.0),
    reason: "five standard errors, twice; its bias of order 1/N is within one of them",
};

pub(super) const LIKELIHOOD: Claim = Claim {
    claim: "maximum likelihood of the same samples has the variance of Cramér and Rao: the largest difference of N times a mean squared error in standard errors",
    source: "Mardia and Jupp (2000), section 5.3",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(5.0)),
    full: Check::at_most(5.0),
    reason: "five standard errors, twice",
};

/// `κ`.
const CONCENTRATION: f64 = 2.0;
/// The numbers of data at quick scale; sixteen times as many at full scale, so that the corrections of order 1/N stay within the smaller errors.
const SIZES: [usize; 3] = [400, 1_600, 6_400];

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let seed = ctx.seed().child("circle");
    let n_samples = ctx.pick(600, 4_000);
    let sizes = SIZES.map(|n| n * ctx.pick(1, 16));
    let truth = VonMises::new(0.0, CONCENTRATION)?;
    let (kappa, a) = (CONCENTRATION, bessel_ratio(CONCENTRATION));
    let sandwich = [
        (2.0 - 3.0 * a / kappa) * (kappa / a).powi(2),
        (kappa * a - 1.0 + 3.0 * a / kappa) / (1.0 - a / kappa).powi(2),
    ];
    let bound = [1.0 / (1.0 - a / kappa - a * a), kappa / a];

    let mut worst = 0.0_f64;
    let [mut score, mut likelihood] = [Vec::new(), Vec::new()];
    for n in sizes {
        let estimates = estimates(truth, n, n_samples, seed.nth(n as u64))?;
        for (points, of, limit) in [(&mut score, 0, sandwich), (&mut likelihood, 1, bound)] {
            let squares = |i: usize| {
                let true_value = if i == 0 { kappa } else { 0.0 };
                mean_and_error(estimates.iter().map(move |e| (e[of][i] - true_value).powi(2)))
            };
            let errors = [0, 1].map(|i| {
                let (mean, error) = squares(i);
                (n as f64 * mean - limit[i]).abs() / (n as f64 * error)
            });
            let largest = larger(errors[0], errors[1]);
            match of {
                0 => worst = larger(worst, largest),
                _ if n == sizes[1] => ctx.measure(&LIKELIHOOD, largest)?,
                _ => {}
            }
            // Of the logarithm of the root, half the relative error of the mean square.
            let (mean, error) = squares(0);
            points.push(((n as f64).ln(), 0.5 * mean.ln(), 0.5 * error / mean));
        }
    }
    ctx.measure(&VARIANCE, worst)?;
    let (slope, error) = weighted_slope(&score);
    ctx.measure(&RATE, measured(slope).with_error(error))?;

    let mut worst = 0.0_f64;
    let n = sizes[2];
    let covariances = library(truth, n, ctx.pick(200, 400), seed.nth(n as u64))?;
    for (i, expected) in sandwich.into_iter().enumerate() {
        let (mean, error) = mean_and_error(covariances.iter().map(|c| n as f64 * c[i]));
        worst = larger(worst, (mean - expected).abs() / error);
    }
    ctx.measure(&LIBRARY, worst)?;
    ctx.note(format!(
        "The von Mises density at κ = {CONCENTRATION}: score matching needs {:.3} times the data of maximum likelihood for the component along the mean direction and {:.3} times across it.",
        sandwich[0] / bound[0],
        sandwich[1] / bound[1],
    ));

    let linear = |points: &[(f64, f64, f64)]| {
        points
            .iter()
            .map(|(n, e, _)| (n.exp(), e.exp()))
            .collect::<Vec<_>>()
    };
    let theory = |limit: f64| sizes.map(|n| (n as f64, (limit / n as f64).sqrt()));
    let plot = Plot::new(
        "Errors of the concentration of a von Mises density",
        Axis::log("number of data N"),
        Axis::log("root mean squared error"),
    )
    .points("score matching", linear(&score))
    .theory("sandwich", theory(sandwich[0]))
    .points("maximum likelihood", linear(&likelihood))
    .theory("Cramér and Rao", theory(bound[0]));
    ctx.plot(
        "circle",
        "The error along the mean direction against the number of data; dashed lines are the asymptotic formulas.",
        &plot,
    )
}

/// Natural parameters by score matching and by maximum likelihood, of many samples.
fn estimates(truth: VonMises, n: usize, n_samples: usize, seed: Seed) -> Result<Vec<[[f64; 2]; 2]>> {
    let one = |sample: usize| -> Result<[[f64; 2]; 2]> {
        let x = truth.sample(n, &mut seed.nth(sample as u64).rng());
        let score = ClosedFormScoreMatching::unweighted()
            .quadratic(&truth, x.view())?
            .minimiser()?;
        let likelihood = truth.fit(x.view())?.natural_parameters();
        Ok([[score[0], score[1]], [likelihood[0], likelihood[1]]])
    };
    (0..n_samples).into_par_iter().map(one).collect()
}

/// The diagonals of the library's covariances.
fn library(truth: VonMises, n: usize, n_samples: usize, seed: Seed) -> Result<Vec<[f64; 2]>> {
    let one = |sample: usize| -> Result<[f64; 2]> {
        let x = truth.sample(n, &mut seed.nth(sample as u64).rng());
        let estimate = ClosedFormScoreMatching::unweighted().estimate(&truth, x.view())?;
        Ok([estimate.covariance[[0, 0]], estimate.covariance[[1, 1]]])
    };
    (0..n_samples).into_par_iter().map(one).collect()
}
