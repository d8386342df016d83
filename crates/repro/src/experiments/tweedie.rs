//! Denoising by the score: for Gaussian noise of any covariance the posterior mean needs the noisy density only.
//!
//! If `x̃ = x + n` with `n ~ N(0, C)`, then `E[x | x̃] = x̃ + C ∇ log p(x̃)`, where `p` is the density of `x̃` (Miyasawa 1961; Robbins 1956 credits Tweedie for the
//! like). No prior appears on the right, which is why learning to denoise and learning a score are one task (Vincent 2011). On Gaussian mixtures both sides are known:
//! the left by Bayes' rule for each component, and in one or two dimensions by an integral that knows neither rule.
//!
//! On digits nobody knows the density. A mixture fitted to a training part takes its place, and the identity becomes a filter that is as good as the
//! mixture; a network that learns the score by denoising needs no density at all. Stein's (1981) identity still holds whatever the digits' law: for `x̂ = x̃ + h(x̃)`,
//! `E‖x̂ − x‖² = E[tr C + 2 tr(C ∂h/∂x̃) + ‖h‖²]`, so the error against digits that were never seen is told by the noisy ones alone.

mod digits;
mod network;

use gibbsian_core::process::{
    OrnsteinUhlenbeck, SubVariancePreserving, VarianceExploding, VariancePreserving,
};
use gibbsian_core::{Density, LinearGaussian};
use gibbsian_densities::{Covariances, GaussianMixture, MultivariateNormal, NoisedMixture};
use ndarray::{Array1, Array2, Array3};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use crate::statistics::{larger, mean_and_error};
use crate::{Check, Claim, Context, Experiment, Provenance, Result, measured};

const CLOSED_FORM: Claim = Claim {
    claim: "Tweedie's formula is the posterior mean by Bayes' rule: the largest difference on mixtures of every shape in noise of every kind",
    source: "Miyasawa (1961), for any covariance; Bishop (2006), equations 2.113 to 2.117",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-10)),
    full: Check::value(0.0).within(1e-10),
    reason: "points, scores and gains are of order 1 to 100, so rounding leaves 1e-14 to 1e-12; a wrong covariance in either formula costs a tenth or more",
};

const QUADRATURE: Claim = Claim {
    claim: "both are the ratio of integrals that defines the posterior mean: the largest difference in two dimensions",
    source: "the definition E[x | x̃] = ∫ x p(x) N(x̃; x, C) dx / ∫ p(x) N(x̃; x, C) dx, by the trapezoidal rule",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-10)),
    full: Check::value(0.0).within(1e-10),
    reason: "the rule's error for a normal density of deviation τ on steps h is exp(−2π²τ²/h²), below 1e-30 for the τ ≥ 0.3 and h = 0.1 used here; \
             cutting at 9 leaves tails below 1e-14",
};

const PROCESSES: Claim = Claim {
    claim: "at every time of VE, VP, sub-VP and OU, (x + σ² s)/α is the posterior mean: the largest difference over (|x| + σ²|s|)/α",
    source: "Song et al. (2021), equation 29, for α and σ; Efron (2011)",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-10)),
    full: Check::value(0.0).within(1e-10),
    reason: "relative to the terms of the formula only rounding is left",
};

const RISK: Claim = Claim {
    claim: "on draws of the mixture itself the mean squared error over the mean trace of the posterior covariance is one",
    source: "the law of total variance",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(1.0).within_standard_errors(5.0)),
    full: Check::value(1.0).within_standard_errors(5.0),
    reason: "five standard errors: a false alarm in 1.7 million",
};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "tweedie",
    title: "Denoising is knowing the score",
    question: "Why is removing noise the same task as knowing a score?",
    mathematics: r"If $\tilde{x} = x + n$ with $n \sim \mathcal{N}(0, C)$ independent of $x$, and $p$ is the density of $\tilde{x}$, then whatever the law of $x$ (Tweedie, Miyasawa)
        $$\mathbb{E} \left[ x \mid \tilde{x} \right] = \tilde{x} + C \, \nabla \log p(\tilde{x}) .$$
        The prior does not appear. For any filter $\hat{x} = \tilde{x} + h(\tilde{x})$ the error against what was never seen is told by the noisy points alone (Stein):
        $$\mathbb{E} \lVert \hat{x} - x \rVert^2 = \mathbb{E} \left[ \operatorname{tr} C + 2 \operatorname{tr} \left( C \, \frac{\partial h}{\partial \tilde{x}} \right) + \lVert h(\tilde{x}) \rVert^2 \right] .$$",
    shows: "The posterior mean of a noisy point is the point moved along the score of the noisy density, for noise of any covariance.\
            \n\nFirst where everything is known, on Gaussian mixtures against Bayes' rule and against integrals; then as a filter of handwritten digits that were never \
            seen, in white and in correlated noise, with a mixture fitted by expectation and maximisation for the density, and with a network that learnt the score by denoising. Digits: E. Alpaydin and C. Kaynak.",
    source: "Robbins (1956); Miyasawa (1961); Stein (1981); Efron (2011); Vincent (2011)",
    budget_seconds: 10,
    claims: &[
        CLOSED_FORM,
        QUADRATURE,
        PROCESSES,
        RISK,
        digits::STEIN,
        digits::PREDICTED,
        digits::GAIN,
        digits::WIENER,
        digits::COLOUR,
        network::STEIN,
        network::WIENER,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    ctx.progress(0, 4, "mixtures");
    known(ctx)?;
    ctx.progress(1, 4, "integrals");
    integrals(ctx)?;
    ctx.progress(2, 4, "processes");
    processes(ctx)?;
    ctx.progress(3, 4, "digits");
    digits::run(ctx)
}

/// Both forms of the posterior mean, and its error, on random mixtures.
fn known(ctx: &mut Context) -> Result<()> {
    let seed = ctx.seed().child("mixtures");
    let n_mixtures = ctx.pick(60, 2_000);
    let mut worst = 0.0_f64;
    let (mut errors, mut variances) = (Vec::new(), Vec::new());
    for m in 0..n_mixtures {
        let seed = seed.nth(m as u64);
        let dim = 1 + m % 6;
        let clean = random_mixture(m, dim, &mut seed.child("mixture").rng())?;
        let noise = random_noise(m / 4, dim, &mut seed.child("noise").rng());
        let seen = clean.in_noise(noise.view())?;
        let x = clean.sample(100, &mut seed.child("clean").rng());
        let noisy = &x + &normals(&noise, 100, &mut seed.child("draw").rng())?;
        let mean = seen.denoise(noisy.view());
        let difference = &seen.tweedie(noisy.view()) - &mean;
        worst = difference.iter().fold(worst, |worst, d| larger(worst, d.abs()));
        for (error, covariance) in (&mean - &x)
            .rows()
            .into_iter()
            .zip(seen.posterior_covariance(noisy.view()).outer_iter())
        {
            errors.push(error.dot(&error));
            variances.push(covariance.diag().sum());
        }
    }
    ctx.measure(&CLOSED_FORM, worst)?;
    let expected = variances.iter().sum::<f64>() / variances.len() as f64;
    let (excess, error) = mean_and_error(errors.iter().zip(&variances).map(|(e, v)| (e - v) / expected));
    ctx.measure(&RISK, measured(1.0 + excess).with_error(error))
}

/// A mixture of one to five components of one of the four shapes, everything of order one.
fn random_mixture(number: usize, dim: usize, rng: &mut dyn Rng) -> Result<GaussianMixture> {
    let n = 1 + number % 5;
    let weights = Array1::from_shape_simple_fn(n, || rng.random_range(0.2..1.0));
    let means = Array2::from_shape_simple_fn((n, dim), || 2.0 * rng.sample::<f64, _>(StandardNormal));
    let covariances = match number % 4 {
        0 => {
            let mut all = Array3::zeros((n, dim, dim));
            all.outer_iter_mut()
                .for_each(|mut out| out.assign(&random_covariance(dim, rng)));
            Covariances::Full(all)
        }
        1 => Covariances::Diagonal(Array2::from_shape_simple_fn((n, dim), || {
            rng.random_range(0.1..2.0)
        })),
        2 => Covariances::Tied(random_covariance(dim, rng)),
        _ => Covariances::Spherical(Array1::from_shape_simple_fn(n, || rng.random_range(0.1..2.0))),
    };
    let total = weights.sum();
    Ok(GaussianMixture::new(weights / total, means, covariances)?)
}

/// `A Aᵀ / D + I / 10` with standard normal entries.
fn random_covariance(dim: usize, rng: &mut dyn Rng) -> Array2<f64> {
    let root = Array2::from_shape_simple_fn((dim, dim), || rng.sample::<f64, _>(StandardNormal));
    root.dot(&root.t()) / dim as f64 + 0.1 * Array2::<f64>::eye(dim)
}

/// White noise, noise of its own variance in each coordinate, correlated noise, and noise in one direction only.
fn random_noise(number: usize, dim: usize, rng: &mut dyn Rng) -> Array2<f64> {
    match number % 4 {
        0 => rng.random_range(0.1..2.0) * Array2::eye(dim),
        1 => Array2::from_diag(&Array1::from_shape_simple_fn(dim, || rng.random_range(0.1..2.0))),
        2 => random_covariance(dim, rng),
        _ => {
            let direction = Array2::from_shape_simple_fn((dim, 1), || rng.sample::<f64, _>(StandardNormal));
            direction.dot(&direction.t())
        }
    }
}

/// Draws of `N(0, C)`, where `C` may be singular.
fn normals(covariance: &Array2<f64>, n: usize, rng: &mut dyn Rng) -> Result<Array2<f64>> {
    let eigen = gibbsian_linalg::SymmetricEigen::new("covariance", covariance.view())?;
    let root = eigen.function(|value| value.max(0.0).sqrt());
    let z = Array2::from_shape_simple_fn((n, covariance.nrows()), || rng.sample::<f64, _>(StandardNormal));
    Ok(z.dot(&root))
}

/// The posterior mean as its definition has it, on a grid.
fn integrals(ctx: &mut Context) -> Result<()> {
    let seed = ctx.seed().child("integrals");
    let axis = Array1::from_iter((-180..=180).map(|i| 0.1 * f64::from(i)));
    let grid = Array2::from_shape_fn((axis.len() * axis.len(), 2), |(point, coordinate)| {
        axis[if coordinate == 0 {
            point / axis.len()
        } else {
            point % axis.len()
        }]
    });
    let mut worst = 0.0_f64;
    for m in 0..ctx.pick(4, 40) {
        let seed = seed.nth(m as u64);
        let clean = random_mixture(m, 2, &mut seed.child("mixture").rng())?;
        let noise = random_covariance(2, &mut seed.child("noise").rng());
        let seen = clean.in_noise(noise.view())?;
        let prior = clean.log_density(grid.view());
        let noisy = seen.noisy().sample(5, &mut seed.child("points").rng());
        let formula = seen.tweedie(noisy.view());
        for (x, formula) in noisy.rows().into_iter().zip(formula.rows()) {
            let likelihood =
                MultivariateNormal::from_covariance(x.to_owned(), noise.clone())?.log_density(grid.view());
            let posterior = (&prior + &likelihood).mapv(f64::exp);
            let mean = posterior.dot(&grid) / posterior.sum();
            worst = (&mean - &formula)
                .iter()
                .fold(worst, |worst, d| larger(worst, d.abs()));
        }
    }
    ctx.measure(&QUADRATURE, worst)
}

/// The same under the forward processes of diffusion models.
fn processes(ctx: &mut Context) -> Result<()> {
    let seed = ctx.seed().child("processes");
    let all: [Box<dyn LinearGaussian>; 4] = [
        Box::new(VarianceExploding::new(0.01, 50.0)?),
        Box::new(VariancePreserving::new(0.1, 20.0)?),
        Box::new(SubVariancePreserving::new(0.1, 20.0)?),
        Box::new(OrnsteinUhlenbeck::new(5.0)?),
    ];
    let mut worst = 0.0_f64;
    for (p, process) in all.iter().enumerate() {
        for m in 0..ctx.pick(8, 200) {
            let seed = seed.nth(p as u64).nth(m as u64);
            let noised = NoisedMixture::new(
                random_mixture(m, 3, &mut seed.child("mixture").rng())?,
                process.as_ref(),
            )?;
            // Times from a millionth of the horizon to all of it.
            let t = Array1::from_shape_fn(120, |b| {
                process.horizon() * 10f64.powf(-6.0 + 6.0 * b as f64 / 119.0).min(1.0)
            });
            let (_, x) = noised.sample_joint(t.view(), &mut seed.child("draw").rng());
            let difference = noised.tweedie(x.view(), t.view()) - noised.denoise(x.view(), t.view());
            let score = noised.score_at(x.view(), t.view());
            for ((b, i), difference) in difference.indexed_iter() {
                let (alpha, variance) = (process.alpha(t[b]), process.variance(t[b]));
                let terms = (x[(b, i)].abs() + variance * score[(b, i)].abs()) / alpha;
                worst = larger(worst, difference.abs() / terms);
            }
        }
    }
    ctx.measure(&PROCESSES, worst)
}
