//! A normal prior, where the law of what each method draws is known.
//!
//! Under guidance that is affine in the point, `s̃ = c_t − H_t x`, the reverse equation of the Ornstein–Uhlenbeck process is linear, and in its own clock
//!
//! `m' = (I − 2H) m + 2c`,  `P' = (I − 2H) P + P (I − 2H)ᵀ + 2I`
//!
//! from `N(0, I)` at the horizon. With `C_t = α² Σ + σ² I` and `K = α Σ C_t⁻¹`, of which `x̂ = μ + K (x − α μ)`, guidance without a covariance has
//!
//! `H = C_t⁻¹ + Kᵀ Aᵀ A K/s²`,  `c = C_t⁻¹ α μ + Kᵀ Aᵀ (y − A μ + α A K μ)/s²`.
//!
//! Replacement overwrites the known coordinate by `α y + σ z` with new noise in every step. In the limit of short steps the unknown one sees the mean over that noise, which for an affine score is the score at `α y`: a
//! linear equation again, in which nothing is left of how the noises of both hang together.

use gibbsian_core::LinearGaussian;
use gibbsian_densities::{Covariances, GaussianMixture};
use gibbsian_linalg::Cholesky;
use ndarray::{Array1, Array2, Axis, array, s};

use super::judgement::Judgement;
use super::methods::{Method, draw};
use super::problems::{Problem, correlated};
use crate::statistics::larger;
use crate::{Check, Claim, Context, Provenance, Result, Table};

pub(super) const EXACT: Claim = Claim {
    claim: "on a normal prior the full covariance of the clean point, factored or by conjugate gradients, gives the posterior: largest deviation of a moment over the tolerance",
    source: "Boys et al. (2023); Rozet et al. (2024): both moments of a normal law are the law",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(1.0)),
    full: Check::at_most(1.0),
    reason: "set before the run: five and a half standard errors, and 0.02 of a spread for a scheme of second order with steps three times as long as those of the exact score",
};

pub(super) const TOO_STRONG: Claim = Claim {
    claim: "on a normal prior guidance without a covariance draws the normal law that its linear equation has, which is not the posterior: largest deviation from that law over the tolerance",
    source: "Chung et al. (2023), with the likelihood normalised; the moments of a linear equation",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(1.0)),
    full: Check::at_most(1.0),
    reason: "set before the run: five and a half standard errors, and 0.02 of a spread as above",
};

pub(super) const REPLACED: Claim = Claim {
    claim: "on a normal prior replacement draws the normal law of the score averaged over the known coordinate's noise, which is not the conditional one: largest deviation from that law over the tolerance",
    source: "Song et al. (2021), appendix I.2; averaging over noise that is drawn anew in every step",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(1.0)),
    full: Check::at_most(1.0),
    reason: "set before the run: five and a half standard errors, and 0.04 of a spread: the noise of a step that has not been averaged away adds to the variance in proportion to the step",
};

/// Measures the claims; returns the largest number of unused steps.
pub(super) fn measure(ctx: &mut Context, n: usize, budget: usize) -> Result<f64> {
    let problem = correlated()?;
    let mut table = Table::new([
        "method",
        "coordinate",
        "mean",
        "variance",
        "known_mean",
        "known_variance",
        "posterior_mean",
        "posterior_variance",
    ]);
    let mut unused = 0.0;
    let mut judge =
        |method: Method, known: &GaussianMixture, exact: &GaussianMixture, share: f64| -> Result<f64> {
            let seed = ctx.seed().child(problem.name).child(method.name());
            let samples = draw(&problem, method, n, budget, seed)?;
            unused = larger(unused, samples.unused(budget));
            let first = 2 - known.means().ncols();
            let x = samples.points.slice(s![.., first..]);
            for (i, column) in x.columns().into_iter().enumerate() {
                table.row([
                    method.name().into(),
                    (first + i + 1).into(),
                    column.mean().unwrap_or(f64::NAN).into(),
                    column.var(1.0).into(),
                    known.mean()[i].into(),
                    known.covariance()[(i, i)].into(),
                    exact.mean()[i].into(),
                    exact.covariance()[(i, i)].into(),
                ])?;
            }
            Ok(Judgement::of(known, &samples, x)?.over(share))
        };
    let posterior = &problem.posterior;
    let full = larger(
        judge(Method::Projection, posterior, posterior, 0.02)?,
        judge(Method::Matching, posterior, posterior, 0.02)?,
    );
    let strong = judge(
        Method::DiffusionPosterior,
        &without_covariance(&problem)?,
        posterior,
        0.02,
    )?;
    let conditional = problem.without_noise.as_ref().ok_or("a known coordinate")?;
    let replaced = judge(Method::Replacement, &by_replacement(&problem)?, conditional, 0.04)?;
    ctx.measure(&EXACT, full)?;
    ctx.measure(&TOO_STRONG, strong)?;
    ctx.measure(&REPLACED, replaced)?;
    ctx.table(
        "normal",
        "A normal prior with correlation 0.8, its first coordinate observed: moments of samples, those known of the method, and those of the posterior.",
        &table,
    )?;
    Ok(unused)
}

/// `α`, `σ²` and `C_t⁻¹`.
fn at(problem: &Problem, t: f64) -> Result<(f64, f64, Array2<f64>)> {
    let (alpha, variance) = (problem.process.alpha(t), problem.process.variance(t));
    let covariance = problem.prior.mixture().component_covariance(0);
    let noised = &covariance * (alpha * alpha) + Array2::<f64>::eye(covariance.nrows()) * variance;
    Ok((alpha, variance, Cholesky::new("C", noised.view())?.inverse()))
}

/// The law that guidance without a covariance draws.
fn without_covariance(problem: &Problem) -> Result<GaussianMixture> {
    let mean = problem.prior.mixture().component_mean(0).to_owned();
    let covariance = problem.prior.mixture().component_covariance(0);
    let a = problem.observation.matrix();
    linear_law(problem, mean.len(), |t| {
        let (alpha, _, precision) = at(problem, t)?;
        let seen = a.dot(&covariance).dot(&precision) * alpha;
        let pull = seen.t().to_owned() / problem.observation.noise_variance();
        let rest = &problem.observation.values() - &a.dot(&mean) + alpha * seen.dot(&mean);
        Ok((
            &precision + &pull.dot(&seen),
            precision.dot(&mean) * alpha + pull.dot(&rest),
        ))
    })
}

/// The law of the second coordinate that replacement of the first draws.
fn by_replacement(problem: &Problem) -> Result<GaussianMixture> {
    let mean = problem.prior.mixture().component_mean(0).to_owned();
    let y = problem.known()?.values()[0];
    linear_law(problem, 1, |t| {
        let (alpha, _, precision) = at(problem, t)?;
        let c = alpha * (precision[(1, 1)] * mean[1] - precision[(1, 0)] * (y - mean[0]));
        Ok((array![[precision[(1, 1)]]], array![c]))
    })
}

/// The law at time 0 of the linear equation with the score `c − H x`: moments by Runge and Kutta's scheme, on times that are dense where little noise is left.
fn linear_law(
    problem: &Problem,
    dim: usize,
    score: impl Fn(f64) -> Result<(Array2<f64>, Array1<f64>)>,
) -> Result<GaussianMixture> {
    let n_steps = 2_000;
    let horizon = problem.process_horizon();
    let slope = |t: f64, m: &Array1<f64>, p: &Array2<f64>| -> Result<(Array1<f64>, Array2<f64>)> {
        let (h, c) = score(t)?;
        let b = Array2::<f64>::eye(dim) - 2.0 * &h;
        let spread = b.dot(p);
        Ok((
            b.dot(m) + 2.0 * &c,
            &spread + &spread.t() + 2.0 * Array2::<f64>::eye(dim),
        ))
    };
    let (mut m, mut p) = (Array1::zeros(dim), Array2::eye(dim));
    for k in 0..n_steps {
        let time = |k: f64| horizon * (1.0 - k / f64::from(n_steps)).powi(2);
        let (t, next) = (time(f64::from(k)), time(f64::from(k + 1)));
        let (h, middle) = (t - next, 0.5 * (t + next));
        let (m1, p1) = slope(t, &m, &p)?;
        let (m2, p2) = slope(middle, &(&m + &(&m1 * (0.5 * h))), &(&p + &(&p1 * (0.5 * h))))?;
        let (m3, p3) = slope(middle, &(&m + &(&m2 * (0.5 * h))), &(&p + &(&p2 * (0.5 * h))))?;
        let (m4, p4) = slope(next, &(&m + &(&m3 * h)), &(&p + &(&p3 * h)))?;
        m = m + (m1 + (m2 + m3) * 2.0 + m4) * (h / 6.0);
        p = p + (p1 + (p2 + p3) * 2.0 + p4) * (h / 6.0);
    }
    Ok(GaussianMixture::new(
        array![1.0],
        m.insert_axis(Axis(0)),
        Covariances::Full((0.5 * &p + 0.5 * &p.t()).insert_axis(Axis(0))),
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the exact score of the posterior the linear equation has the posterior's law, but for e⁻¹⁰ of the start.
    #[test]
    fn the_law_of_the_exact_score_is_the_posterior() {
        let problem = correlated().unwrap();
        let (mean, covariance) = (problem.posterior.mean(), problem.posterior.covariance());
        let law = linear_law(&problem, 2, |t| {
            let (alpha, variance) = (problem.process.alpha(t), problem.process.variance(t));
            let noised = &covariance * (alpha * alpha) + Array2::<f64>::eye(2) * variance;
            let precision = Cholesky::new("C", noised.view())?.inverse();
            let c = precision.dot(&mean) * alpha;
            Ok((precision, c))
        })
        .unwrap();
        assert!((law.mean() - mean).iter().all(|d| d.abs() < 1e-4));
        assert!((law.covariance() - covariance).iter().all(|d| d.abs() < 1e-4));
    }

    /// The two that are wrong are so by more than samples of thousands could hide.
    #[test]
    fn what_is_known_of_the_others_is_not_the_posterior() {
        let problem = correlated().unwrap();
        let strong = without_covariance(&problem).unwrap();
        assert!(strong.covariance()[(0, 0)] < 0.8 * problem.posterior.covariance()[(0, 0)]);
        let replaced = by_replacement(&problem).unwrap();
        let conditional = problem.without_noise.as_ref().unwrap();
        assert!((replaced.mean()[0] - conditional.mean()[0]).abs() > 0.1);
    }
}
