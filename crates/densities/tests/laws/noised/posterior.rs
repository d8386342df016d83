//! The clean point given a noisy one.

use crate::common::mixtures::shapes;
use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_core::{Density, LinearGaussian, Seed};
use gibbsian_densities::NoisedMixture;
use gibbsian_testkit::agreement::{Agreement, close, largest};
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Axis};

use crate::noised::{each, rounding};

#[test]
fn both_forms_of_the_denoiser_agree_as_far_as_tweedies_has_digits() -> Verdict {
    each(|noised, x, t| {
        let (direct, tweedie) = (noised.denoise(x, t), noised.tweedie(x, t));
        let direct_covariance = noised.posterior_covariance(x, t);
        let (score, hessian) = (noised.score_at(x, t), noised.hessian_at(x, t));
        let noise = noised.noise_hat(x, t);
        let mut agreement = Agreement::new("Tweedie");
        for (b, &t) in t.indexed_iter() {
            let (alpha, sigma) = (noised.process().alpha(t), noised.process().sigma(t));
            let variance = noised.process().variance(t);
            let scale = largest(&x.row(b)) + variance * largest(&score.row(b));
            for i in 0..x.ncols() {
                let name = |what: &str| format!("{what} {i} of row {b}");
                let entry = (tweedie[(b, i)], direct[(b, i)]);
                agreement.entry(|| name("mean"), entry.0, entry.1, rounding(scale / alpha));
                // x = α x_0 + σ z holds for posterior means, too.
                let back = alpha * direct[(b, i)] + sigma * noise[(b, i)];
                agreement.entry(|| name("noise"), back, x[(b, i)], rounding(scale));
                for j in 0..x.ncols() {
                    let identity = f64::from(u8::from(i == j));
                    let second = variance / (alpha * alpha) * (identity + variance * hessian[(b, i, j)]);
                    let size = variance / (alpha * alpha)
                        * (1.0 + variance * largest(&hessian.index_axis(Axis(0), b)));
                    let found = direct_covariance[(b, i, j)];
                    agreement.entry(|| name("covariance"), found, second, rounding(size));
                }
            }
        }
        agreement.verdict()
    })
}

#[test]
fn the_posterior_mixture_obeys_bayes() -> Verdict {
    each(|noised, x, t| {
        let log_density = noised.log_density_at(x, t);
        let (means, covariances) = (noised.denoise(x, t), noised.posterior_covariance(x, t));
        for (b, &t) in t.indexed_iter() {
            let posterior = noised.posterior(x.row(b), t).unwrap();
            let scale = largest(&x).max(largest(&posterior.means()));
            close(
                "mean",
                &posterior.mean(),
                &means.row(b),
                rounding(scale) / largest(&means.row(b)),
            )?;
            close(
                "covariance",
                &posterior.covariance(),
                &covariances.index_axis(Axis(0), b),
                rounding(1.0) * (1.0 + scale * scale / largest(&covariances.index_axis(Axis(0), b)) * 1e-3),
            )?;
            // log p(x_0 | x) = log p(x_0) + log p(x | x_0) − log p(x).
            let clean = posterior.sample(9, &mut Seed::new(8).nth(b as u64).rng());
            let (alpha, variance) = (noised.process().alpha(t), noised.process().variance(t));
            let prior = noised.mixture().log_density(clean.view());
            let found = posterior.log_density(clean.view());
            let mut agreement = Agreement::new("Bayes");
            for (n, clean) in clean.rows().into_iter().enumerate() {
                let square = (&x.row(b) - &(alpha * &clean)).mapv(|r| r * r).sum() / variance;
                let normal = -0.5 * x.ncols() as f64 * (std::f64::consts::TAU * variance).ln() - 0.5 * square;
                let expected = prior[n] + normal - log_density[b];
                // A clean point is rounded to ε of its size, which σ may be little more than.
                let blurred = f64::EPSILON * scale / variance.sqrt() * square.sqrt();
                let tolerance =
                    rounding(prior[n].abs() + normal.abs() + log_density[b].abs() + square) + 16.0 * blurred;
                agreement.entry(|| format!("draw {n} at t = {t}"), found[n], expected, tolerance);
            }
            agreement.verdict()?;
        }
        Ok(())
    })
}

#[test]
fn draws_have_the_posterior_moments() -> Verdict {
    let (_, mixture) = shapes().remove(0);
    let noised = NoisedMixture::new(mixture, OrnsteinUhlenbeck::new(3.0).unwrap()).unwrap();
    let n = 20_000;
    let t = Array1::from_shape_fn(n, |b| 0.05 + 2.9 * b as f64 / n as f64);
    let (clean, noisy) = noised.sample_joint(t.view(), &mut Seed::new(21).rng());
    let residual = &clean - &noised.denoise(noisy.view(), t.view());
    let covariance = noised.posterior_covariance(noisy.view(), t.view());
    let excess: Vec<f64> = (0..n)
        .map(|b| residual.row(b).dot(&residual.row(b)) - covariance.index_axis(Axis(0), b).diag().sum())
        .collect();
    let along: Vec<f64> = (0..n).map(|b| residual.row(b).dot(&noisy.row(b))).collect();
    let bent: Vec<f64> = (0..n).map(|b| residual[(b, 0)] * noisy[(b, 1)].sin()).collect();
    family(
        &[
            mean("squared error", &excess, 0.0),
            mean("error along x_t", &along, 0.0),
            mean("error along a function of x_t", &bent, 0.0),
            mean("error", &residual.column(2).to_vec(), 0.0),
        ],
        FALSE_ALARM,
    )
}

#[test]
fn noise_is_what_it_says() -> Verdict {
    each(|noised, x, t| {
        let (noisy, z) = noised.add_noise(x, t, &mut Seed::new(4).rng());
        let mut agreement = Agreement::new("x_t = α x + σ z");
        for ((b, i), &found) in noisy.indexed_iter() {
            let process = noised.process();
            let expected = process.alpha(t[b]) * x[(b, i)] + process.sigma(t[b]) * z[(b, i)];
            agreement.entry(|| format!("({b}, {i})"), found, expected, 0.0);
        }
        agreement.verdict()
    })
}
