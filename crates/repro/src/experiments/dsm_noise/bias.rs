//! What denoising score matching aims at.
//!
//! `E[−z/σ | x̃] = ∇ log q_σ(x̃)`, so the loss is that of regression on the score of the noisy density plus the variance of the target,
//!
//! `½ E ‖s(x̃) + z/σ‖² = ½ E_{q_σ} ‖s − ∇ log q_σ‖² + ½ σ⁻⁴ E_{q_σ} tr Cov(x | x̃)`.
//!
//! And because `q_σ = p + ½ σ² Δp + O(σ⁴)`, the two scores differ by `½ σ² ∇(Δp/p) + O(σ⁴)`:
//!
//! `½ E_p ‖∇ log q_σ − ∇ log p‖² = σ⁴/8 · E_p ‖∇(Δp/p)‖² + O(σ⁶)`.

use gibbsian_core::{Density, Objective, Parametric, Score, Seed};
use gibbsian_densities::quadrature::{Domain, Interval, QuadratureOptions, integrate};
use gibbsian_densities::{Covariances, GaussianMixture, MultivariateNormal};
use gibbsian_nn::{Activation, Net, NeuralScore, Precision};
use gibbsian_objectives::DenoisingScoreMatching;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, Axis as Along, array};

use crate::statistics::{larger, mean_and_error};
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result, Table, measured};

pub(super) const IDENTITY: Claim = Claim {
    claim: "the loss is the Fisher divergence of the noisy density plus half the mean posterior variance over σ⁴: the largest relative difference",
    source: "Vincent (2011), section 4.2; the constant by the law of total variance and Tweedie's formula",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-10)),
    full: Check::value(0.0).within(1e-10),
    reason: "a network as the score of a mixture on the line, at σ of 0.1, 0.5 and 2: a double integral over data and noise against two single ones, each asked for 1e-11; \
             intervals end where the densities are below 1e-16",
};

pub(super) const OBJECTIVE: Claim = Claim {
    claim: "the objective on minibatches has that mean",
    source: "Vincent (2011), section 4.2",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::reference().within_standard_errors(5.0)),
    full: Check::reference().within_standard_errors(5.0),
    reason: "five standard errors: a false alarm in 1.7 million",
};

pub(super) const OPTIMUM: Claim = Claim {
    claim: "of normal data the optimum is the precision (Σ + σ²I)⁻¹: the largest mean gradient there, in standard errors",
    source: "the noisy density is N(μ, Σ + σ²I)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(5.0)),
    full: Check::at_most(5.0),
    reason: "five entries at each of two noise levels: a false alarm in 170,000",
};

pub(super) const LEADING_TERM: Claim = Claim {
    claim: "the Fisher divergence from the clean to the noisy score of a mixture, over σ⁴, tends to an eighth of E‖∇(Δp/p)‖²",
    source: "the heat equation; see the top of the file `bias.rs`",
    provenance: Provenance::Exact,
    quick: Some(Check::reference().within_relative(1e-5)),
    full: Check::reference().within_relative(1e-5),
    reason: "extrapolated twice from σ of 0.04, 0.02 and 0.01, which leaves a multiple of (σ/τ)⁶/64, 4e-9 for the deviation τ = 0.5; the tolerance lets the multiple be 2,000. \
             The integrals are asked for 1e-8, rounding of differences of scores is 1e-9",
};

/// The mixture on the line.
const WEIGHTS: [f64; 2] = [0.4, 0.6];
const MEANS: [f64; 2] = [-1.5, 1.0];
const DEVIATIONS: [f64; 2] = [0.5, 0.7];
const LEVELS: [f64; 3] = [0.1, 0.5, 2.0];

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let p = mixture()?;
    let model = line_network(ctx.seed().child("model"))?;
    let mut worst = 0.0_f64;
    for sigma in LEVELS {
        let direct = denoising_loss(&p, &model, sigma)?;
        let [fisher, constant] = fisher_and_constant(&p, &model, sigma)?;
        worst = larger(worst, (direct - fisher - constant).abs() / direct);
    }
    ctx.measure(&IDENTITY, worst)?;

    let sigma = LEVELS[1];
    let seed = ctx.seed().child("objective");
    let mut objective = DenoisingScoreMatching::new(sigma)?;
    let losses: Result<Vec<f64>> = (0..ctx.pick(400, 10_000))
        .map(|k| {
            let mut rng = seed.nth(k).rng();
            let x = p.sample(256, &mut rng);
            let mut grad = Array1::zeros(model.n_params());
            Ok(objective.loss_and_grad_into(&model, x.view(), &mut rng, grad.view_mut())?)
        })
        .collect();
    let (mean, error) = mean_and_error(losses?.into_iter());
    let expected = denoising_loss(&p, &model, sigma)?;
    ctx.measure(&OBJECTIVE, measured(mean).against(expected).with_error(error))?;

    let gradient = optimum(ctx)?;
    ctx.measure(&OPTIMUM, gradient)?;
    leading_term(ctx, &p)
}

fn mixture() -> Result<GaussianMixture> {
    Ok(GaussianMixture::new(
        WEIGHTS.to_vec().into(),
        array![[MEANS[0]], [MEANS[1]]],
        Covariances::Spherical(DEVIATIONS.iter().map(|d| d * d).collect()),
    )?)
}

/// A smooth function that is no score of anything near.
fn line_network(seed: Seed) -> Result<NeuralScore> {
    let forward = |net: &mut Net<'_>, x| net.mlp("score", x, &[16, 16], 1, Activation::Silu);
    Ok(NeuralScore::new(1, forward, &mut seed.rng())?.with_precision(Precision::Double))
}

/// An integral is asked for this relative accuracy.
fn asked_for(relative: f64) -> QuadratureOptions {
    QuadratureOptions {
        relative,
        ..QuadratureOptions::default()
    }
}

/// Where the mixture in noise `σ` is above 1e-16 of its top.
fn interval(sigma: f64) -> Result<Interval> {
    let reach = 1.5 + 9.0 * 0.7_f64.hypot(sigma);
    Ok(Interval::closed(-reach, reach)?)
}

/// `½ E ‖s(x + σz) + z/σ‖²` as an integral over `x` and `z`.
fn denoising_loss(p: &GaussianMixture, model: &NeuralScore, sigma: f64) -> Result<f64> {
    let domain = Domain::rectangle(interval(0.0)?, Interval::closed(-9.0, 9.0)?);
    let integrand = |points: ArrayView2<f64>, mut out: ArrayViewMut1<f64>| {
        let (x, z) = points.split_at(Along(1), 1);
        p.log_density_into(x, out.view_mut());
        let s = model.score((&x + &(&z * sigma)).view());
        for ((out, s), z) in out.iter_mut().zip(&s).zip(z) {
            let log_normal = -0.5 * (z * z + std::f64::consts::TAU.ln());
            *out = 0.5 * (*out + log_normal).exp() * (s + z / sigma).powi(2);
        }
    };
    Ok(integrate(integrand, &domain, asked_for(1e-11))?.value)
}

/// `½ E ‖s − ∇ log q_σ‖²` and `½ σ⁻⁴ E tr Cov(x | x̃)`.
fn fisher_and_constant(p: &GaussianMixture, model: &NeuralScore, sigma: f64) -> Result<[f64; 2]> {
    let seen = p.in_noise(array![[sigma * sigma]].view())?;
    let noisy = seen.noisy();
    let fisher = half_mean_square(noisy, interval(sigma)?, 1e-11, |x| {
        model.score(x) - noisy.score(x)
    })?;
    let constant = half_mean_square(noisy, interval(sigma)?, 1e-11, |x| {
        let variance = seen.posterior_covariance(x);
        Array2::from_shape_fn(x.dim(), |(b, _)| variance[(b, 0, 0)].sqrt() / (sigma * sigma))
    })?;
    Ok([fisher, constant])
}

/// `½ E_p f(x)²` on the line.
fn half_mean_square(
    p: &GaussianMixture,
    over: Interval,
    accuracy: f64,
    f: impl Fn(ArrayView2<f64>) -> Array2<f64>,
) -> Result<f64> {
    let integrand = |x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>| {
        p.log_density_into(x, out.view_mut());
        for (out, f) in out.iter_mut().zip(&f(x)) {
            *out = 0.5 * out.exp() * f * f;
        }
    };
    Ok(integrate(integrand, &Domain::interval(over), asked_for(accuracy))?.value)
}

/// The largest mean gradient at `(Σ + σ²I)⁻¹`, in standard errors.
fn optimum(ctx: &Context) -> Result<f64> {
    let mean = array![0.5, -1.0];
    let covariance = array![[1.2, 0.7], [0.7, 0.8]];
    let data = MultivariateNormal::from_covariance(mean.clone(), covariance.clone())?;
    let seed = ctx.seed().child("optimum");
    let mut worst = 0.0_f64;
    for (level, sigma) in [0.3, 1.0].into_iter().enumerate() {
        let noisy = &covariance + &(sigma * sigma * Array2::<f64>::eye(2));
        let model = MultivariateNormal::from_covariance(mean.clone(), noisy)?;
        let mut objective = DenoisingScoreMatching::new(sigma)?;
        let mut gradients = Vec::new();
        for k in 0..ctx.pick(1_000, 20_000) {
            let mut rng = seed.nth(level as u64).nth(k).rng();
            let x = data.sample(128, &mut rng);
            let mut grad = Array1::zeros(model.n_params());
            objective.loss_and_grad_into(&model, x.view(), &mut rng, grad.view_mut())?;
            gradients.push(grad);
        }
        for entry in 0..model.n_params() {
            let (mean, error) = mean_and_error(gradients.iter().map(|g| g[entry]));
            worst = larger(worst, mean.abs() / error);
        }
    }
    Ok(worst)
}

/// The bias of the score against its leading term.
fn leading_term(ctx: &mut Context, p: &GaussianMixture) -> Result<()> {
    let limit = 0.25 * half_mean_square(p, interval(0.0)?, 1e-11, |x| x.mapv(slope_of_curvature))?;
    let divergence = |sigma: f64| -> Result<f64> {
        let noisy = p.convolved(array![[sigma * sigma]].view())?;
        half_mean_square(p, interval(0.0)?, 1e-8, |x| noisy.score(x) - p.score(x))
    };
    let [coarse, middle, fine] = [0.04, 0.02, 0.01].map(|sigma| divergence(sigma).map(|d| d / sigma.powi(4)));
    let (coarse, middle, fine) = (coarse?, middle?, fine?);
    // The series is in σ², so halving σ divides the terms by 4 and 16.
    let once = [(4.0 * middle - coarse) / 3.0, (4.0 * fine - middle) / 3.0];
    let twice = (16.0 * once[1] - once[0]) / 15.0;
    ctx.measure(&LEADING_TERM, measured(twice).against(limit))?;

    let mut table = Table::new(["sigma", "fisher_divergence", "leading_term"]);
    let mut curve = Vec::new();
    for k in 0..=20 {
        let sigma = 0.02 * 10f64.powf(0.1 * f64::from(k));
        let d = divergence(sigma)?;
        curve.push((sigma, d));
        table.row([sigma.into(), d.into(), (limit * sigma.powi(4)).into()])?;
    }
    let leading = |(sigma, _): &(f64, f64)| (*sigma, limit * sigma.powi(4));
    let plot = Plot::new(
        "From the clean score of a mixture to the noisy one",
        Axis::log("noise level σ"),
        Axis::log("Fisher divergence"),
    )
    .dashed(
        "leading term, ∝ σ⁴",
        curve.iter().map(leading).collect::<Vec<_>>(),
    )
    .points("by quadrature", curve);
    ctx.plot(
        "bias",
        "Half the mean squared difference of the scores of noisy and clean data.",
        &plot,
    )?;
    ctx.table(
        "bias",
        "The Fisher divergence from the clean to the noisy score.",
        &table,
    )
}

/// `d/dx (p″/p) = p‴/p − p″p′/p²`, by the Hermite polynomials of the components.
fn slope_of_curvature(x: f64) -> f64 {
    let mut derivatives = [0.0; 4];
    for ((w, m), tau) in WEIGHTS.iter().zip(MEANS).zip(DEVIATIONS) {
        let y = (x - m) / tau;
        let density = w * (-0.5 * y * y).exp() / tau;
        let hermite = [1.0, y, y * y - 1.0, y * (y * y - 3.0)];
        for ((k, sum), he) in derivatives.iter_mut().enumerate().zip(hermite) {
            *sum += density * he / (-tau).powi(k as i32);
        }
    }
    let [p, first, second, third] = derivatives;
    third / p - second / p * (first / p)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::ScoreJvp;
    use gibbsian_testkit::differences::{Precision as Differences, derivative};

    /// `p″/p = s′ + s²`, whose slope is taken by the differences of the test kit.
    #[test]
    fn the_slope_of_the_curvature_is_a_derivative() {
        let p = mixture().unwrap();
        for x in [-3.0, -1.6, -0.4, 0.3, 2.0] {
            let mut curvature = |h: f64| {
                let x = array![[x + h]];
                Ok(array![
                    p.divergence(x.view())[0] + p.score(x.view())[[0, 0]].powi(2)
                ])
            };
            let slope = slope_of_curvature(x);
            let estimate = derivative(&mut curvature, x.abs(), Differences::DOUBLE).unwrap()[0];
            let allowed = 2.0 * estimate.error() + 1e-12 * slope.abs();
            assert!(
                allowed < 1e-8 * (1.0 + slope.abs()),
                "{x}: an error of {}",
                estimate.error()
            );
            assert!(
                (estimate.value - slope).abs() <= allowed,
                "{x}: {} {slope}",
                estimate.value
            );
        }
    }
}
