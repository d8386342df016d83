//! Each form is a Fisher divergence and a constant.
//!
//! - **Implicit** (Hyvärinen 2005, theorem 1): `E [tr J + ½ ‖s‖²] = ½ E ‖s − ∇log p‖² − ½ E ‖∇log p‖²`.
//! - **Sliced** (Song et al. 2020, theorem 1): the same in expectation over directions, gradients included; over all vectors of signs the expectation is a sum.
//! - **Denoising** (Vincent 2011, section 4.2): with `q = p * N(0, C)` the density of noisy data, `½ E ‖s(x + Lz) + L⁻ᵀz‖² = ½ E_q ‖s − ∇log q‖² + ½ tr C⁻¹ − ½ E_q ‖∇log q‖²`.
//!
//! For a normal density with covariance `Σ` the last term is `½ tr (Σ + C)⁻¹`, and the objective is of the second order in `(x, z)`: the average over the points `μ + Rζ`, `ζ` and `z` all signs, is its expectation.
//! For mixtures, and for data that are a few points, everything is an integral on a line or a plane, by the trapezoidal rule: for a normal density of deviation `τ` it errs by `exp(−2π²τ²/h²)`. The networks are made of
//! sines, which have no singularity anywhere, so that this is their rate too; hyperbolic tangents have poles near the line.

use gibbsian_core::{Density, Objective, Parametric, Score, ScoreJvp, ScorePullback, Seed, Space};
use gibbsian_densities::{Covariances, GaussianMixture, MultivariateNormal};
use gibbsian_nn::{Activation, NeuralScore, Precision};
use gibbsian_objectives::{
    DenoisingScoreMatching, GaussianNoise, ImplicitScoreMatching, SlicedScoreMatching,
    VarianceReducedSlicedScoreMatching,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, array};
use rand::RngExt;
use rand_distr::StandardNormal;

use crate::statistics::larger;
use crate::{Check, Claim, Context, Provenance, Result};

pub(super) const IMPLICIT: Claim = Claim {
    claim: "implicit score matching is the Fisher divergence minus ½ E ‖∇log p‖²: the largest difference, for networks and mixtures on a line and in a plane",
    source: "Hyvärinen (2005), theorem 1",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-10)),
    full: Check::value(0.0).within(1e-10),
    reason: "numbers of order ten; the trapezoidal rule errs by exp(−2π²τ²/h²), below 1e-30, and ends where densities are below 1e-20",
};

pub(super) const SLICED: Claim = Claim {
    claim: "averaged over all vectors of signs both forms of sliced score matching are the implicit one, gradients included: the largest difference of a loss or an entry of the gradient",
    source: "Song, Garg, Shi and Ermon (2020), theorem 1",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-12)),
    full: Check::value(0.0).within(1e-12),
    reason: "rounding of sums of numbers of order ten",
};

pub(super) const NORMAL: Claim = Claim {
    claim: "denoising score matching of a normal density is the Fisher divergence from the noisy one and ½ tr C⁻¹ − ½ tr (Σ + C)⁻¹: the largest difference over six noises",
    source: "Vincent (2011), section 4.2, with the constant",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-10)),
    full: Check::value(0.0).within(1e-10),
    reason: "a quadratic function averaged over points with the right second moments, at constants up to 600, whose rounding is 1e-13",
};

pub(super) const MIXTURE: Claim = Claim {
    claim: "and of a mixture on a line, for a network: the largest difference over three noises",
    source: "Vincent (2011), section 4.2, with the constant",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-10)),
    full: Check::value(0.0).within(1e-10),
    reason: "integrals by the trapezoidal rule, at numbers up to 20",
};

pub(super) const PARZEN: Claim = Claim {
    claim: "and of nine data in the plane, whose noisy density is Parzen's: the largest difference over two noises",
    source: "Vincent (2011), section 4.2, with the constant",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-10)),
    full: Check::value(0.0).within(1e-10),
    reason: "as before; densities of deviation 0.4 on steps of 0.1 err by exp(−316)",
};

pub(super) const GRADIENT: Claim = Claim {
    claim: "the constant has no gradient: the largest difference between entries of the gradients of denoising score matching and of the Fisher divergence from Parzen's density",
    source: "Vincent (2011), section 4.2",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-10)),
    full: Check::value(0.0).within(1e-10),
    reason: "as before",
};

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let seed = ctx.seed().child("identities");
    ctx.measure(&IMPLICIT, implicit(seed.child("implicit"))?)?;
    ctx.measure(&SLICED, sliced(seed.child("sliced"))?)?;
    ctx.measure(&NORMAL, normal(seed.child("normal"))?)?;
    ctx.measure(&MIXTURE, mixture(seed.child("mixture"))?)?;
    let (loss, gradient) = parzen(seed.child("parzen"))?;
    ctx.measure(&PARZEN, loss)?;
    ctx.measure(&GRADIENT, gradient)
}

/// A network that is a score of nothing, in double precision.
fn network(dim: usize, seed: Seed) -> Result<NeuralScore> {
    let forward = |net: &mut gibbsian_nn::Net<'_>, x| net.mlp("score", x, &[10], dim, Activation::Sine);
    Ok(NeuralScore::new(dim, forward, &mut seed.rng())?.with_precision(Precision::Double))
}

/// Two components on a line.
fn on_a_line() -> Result<GaussianMixture> {
    let covariances = Covariances::Spherical(array![0.25, 1.0]);
    Ok(GaussianMixture::new(
        array![0.3, 0.7],
        array![[-1.5], [1.0]],
        covariances,
    )?)
}

/// A grid of points `step` apart around the origin, and the volume of a cell.
fn grid(dim: usize, half_width: f64, step: f64) -> (Array2<f64>, f64) {
    let n = 2 * (half_width / step).round() as usize + 1;
    let x = Array2::from_shape_fn((n.pow(dim as u32), dim), |(b, i)| {
        step * (b / n.pow(i as u32) % n) as f64 - half_width
    });
    (x, step.powi(dim as i32))
}

/// `½ ‖a_b‖²` of every row.
fn half_squares(a: &Array2<f64>) -> Array1<f64> {
    0.5 * (a * a).sum_axis(Axis(1))
}

/// The objective and the two terms that it should be.
fn implicit(seed: Seed) -> Result<f64> {
    let plane = GaussianMixture::new(
        array![0.5, 0.5],
        array![[-1.0, 0.0], [1.0, 0.5]],
        Covariances::Tied(array![[0.6, 0.2], [0.2, 0.5]]),
    )?;
    let other = GaussianMixture::new(
        array![0.2, 0.8],
        array![[0.5, -1.0], [0.0, 1.0]],
        Covariances::Diagonal(array![[1.0, 0.7], [1.5, 0.8]]),
    )?;
    let mut worst = 0.0_f64;
    for (dim, truth) in [(1, on_a_line()?), (2, plane)] {
        let (x, cell) = grid(dim, 12.0, 0.1);
        let p = truth.log_density(x.view()).mapv(f64::exp) * cell;
        let network = network(dim, seed.nth(dim as u64))?;
        // The mean over rows of weight w is Σ w(…)/B, so weights B p h make the loss an integral.
        let weights = &p * p.len() as f64;
        let mut grad = Array1::zeros(network.n_params());
        let loss = ImplicitScoreMatching.weighted_loss_and_grad_into(
            &network,
            x.view(),
            weights.view(),
            &mut seed.rng(),
            grad.view_mut(),
        )?;
        worst = larger(worst, (loss - expected(&network, &truth, x.view(), &p)).abs());
        if dim == 2 {
            // A mixture has no parameters here; its divergence has a closed form of its own.
            let terms = other.divergence(x.view()) + half_squares(&other.score(x.view()));
            worst = larger(
                worst,
                (p.dot(&terms) - expected(&other, &truth, x.view(), &p)).abs(),
            );
        }
    }
    Ok(worst)
}

/// `½ E ‖s − ∇log p‖² − ½ E ‖∇log p‖²`, with weights that add up to one.
fn expected(model: &impl Score, truth: &impl Score, x: ArrayView2<f64>, p: &Array1<f64>) -> f64 {
    let score = truth.score(x);
    let error = model.score(x) - &score;
    p.dot(&half_squares(&error)) - p.dot(&half_squares(&score))
}

/// The mean over all vectors of signs, the same for all rows, against the implicit objective.
fn sliced(seed: Seed) -> Result<f64> {
    const DIM: usize = 4;
    let network = network(DIM, seed)?;
    let mut rng = seed.child("points").rng();
    let x = Array2::from_shape_simple_fn((50, DIM), || rng.sample::<f64, _>(StandardNormal));
    let zeros = || Array1::<f64>::zeros(network.n_params());
    let mut expected = zeros();
    let loss = ImplicitScoreMatching.loss_and_grad_into(&network, x.view(), &mut rng, expected.view_mut())?;
    let mut found = [(0.0, zeros()), (0.0, zeros())];
    for s in signs(DIM).rows() {
        let v = s.broadcast(x.raw_dim()).ok_or("signs for every row")?;
        let share = 0.5_f64.powi(DIM as i32);
        let mut grad = zeros();
        found[0].0 += share * SlicedScoreMatching::along(&network, x.view(), v, grad.view_mut())?;
        found[0].1.scaled_add(share, &grad);
        found[1].0 +=
            share * VarianceReducedSlicedScoreMatching::along(&network, x.view(), v, grad.view_mut())?;
        found[1].1.scaled_add(share, &grad);
    }
    Ok(found.into_iter().fold(0.0, |worst, (found, grad)| {
        larger(larger(worst, (found - loss).abs()), largest(&(&grad - &expected)))
    }))
}

/// All vectors of signs.
fn signs(dim: usize) -> Array2<f64> {
    Array2::from_shape_fn((1 << dim, dim), |(b, i)| if b >> i & 1 == 1 { 1.0 } else { -1.0 })
}

fn largest(a: &Array1<f64>) -> f64 {
    a.iter().fold(0.0, |worst, a| larger(worst, a.abs()))
}

/// A normal model of normal data, in isotropic and correlated noise.
fn normal(seed: Seed) -> Result<f64> {
    const DIM: usize = 3;
    let mut rng = seed.rng();
    let mut covariance = || {
        let root = Array2::from_shape_simple_fn((DIM, DIM), || rng.sample::<f64, _>(StandardNormal));
        root.dot(&root.t()) / DIM as f64 + 0.2 * Array2::<f64>::eye(DIM)
    };
    let truth = MultivariateNormal::from_covariance(array![0.5, -1.0, 0.2], covariance())?;
    let model = MultivariateNormal::from_covariance(array![0.0, 0.3, -0.4], covariance())?;
    let mut noises: Vec<(GaussianNoise, Array2<f64>)> = Vec::new();
    for sigma in [0.05, 0.3, 1.0, 3.0] {
        noises.push((
            GaussianNoise::isotropic(sigma)?,
            sigma * sigma * Array2::<f64>::eye(DIM),
        ));
    }
    let deviations = array![0.2, 0.5, 1.0];
    let independent = Array2::from_diag(&(&deviations * &deviations));
    noises.push((GaussianNoise::independent(deviations)?, independent));
    let correlated = covariance();
    noises.push((GaussianNoise::correlated(correlated.clone())?, correlated));

    let all = signs(2 * DIM);
    let (zeta, z) = all.view().split_at(Axis(1), DIM);
    let x = zeta.dot(&truth.cholesky().t()) + truth.mean();
    let mut grad = Array1::zeros(model.n_params());
    let mut worst = 0.0_f64;
    for (noise, covariance) in noises {
        let loss = DenoisingScoreMatching::in_noise(noise).at_noise(&model, x.view(), z, grad.view_mut())?;
        let noisy =
            MultivariateNormal::from_covariance(truth.mean().to_owned(), truth.covariance() + &covariance)?;
        let of_noise = MultivariateNormal::from_covariance(Array1::zeros(DIM), covariance)?;
        let constant = 0.5 * of_noise.precision().diag().sum() - 0.5 * noisy.precision().diag().sum();
        worst = larger(worst, (loss - fisher(&noisy, &model) - constant).abs());
    }
    Ok(worst)
}

/// `½ E_q ‖s − ∇log q‖²` of normal densities: with `M = P_q − P` the difference of scores at `μ_q + y` is `M y − P (μ_q − μ)`.
fn fisher(q: &MultivariateNormal, model: &MultivariateNormal) -> f64 {
    let difference = q.precision() - model.precision();
    let shift = model.precision().dot(&(&q.mean() - &model.mean()));
    let spread = difference.dot(&q.covariance()).dot(&difference);
    0.5 * (spread.diag().sum() + shift.dot(&shift))
}

/// A network and a mixture on a line.
fn mixture(seed: Seed) -> Result<f64> {
    let (truth, network) = (on_a_line()?, network(1, seed)?);
    let mut worst = 0.0_f64;
    for sigma in [0.2, 0.5, 1.0] {
        // Standard normal nodes for the noise, and for the deviation from each component's mean.
        let (nodes, step) = grid(1, 9.0, 0.2);
        let weights = standard_normal(&nodes, step);
        let mut loss = 0.0;
        for k in 0..truth.n_components() {
            let deviation = truth.component_covariance(k)[[0, 0]].sqrt();
            let x = &nodes * deviation + truth.component_mean(k)[0];
            for (z, weight) in nodes.column(0).iter().zip(&weights) {
                let losses = denoising(&network, x.view(), array![*z].view(), sigma)?;
                loss += truth.weights()[k] * weight * weights.dot(&losses);
            }
        }
        let noisy = truth.convolved(array![[sigma * sigma]].view())?;
        let (x, cell) = grid(1, 14.0, 0.05);
        let q = noisy.log_density(x.view()).mapv(f64::exp) * cell;
        let constant = 0.5 / (sigma * sigma);
        worst = larger(
            worst,
            (loss - expected(&network, &noisy, x.view(), &q) - constant).abs(),
        );
    }
    Ok(worst)
}

/// The standard normal density at the nodes times their distance.
fn standard_normal(nodes: &Array2<f64>, cell: f64) -> Array1<f64> {
    let scale = cell / std::f64::consts::TAU.powf(0.5 * nodes.ncols() as f64);
    half_squares(nodes).mapv(|h| scale * (-h).exp())
}

/// The library's loss of every row in the noise `z`, which is the same for all.
fn denoising<M: ScorePullback>(
    model: &M,
    x: ArrayView2<f64>,
    z: ArrayView1<f64>,
    sigma: f64,
) -> Result<Array1<f64>> {
    let objective = DenoisingScoreMatching::new(sigma)?;
    let mut grad = Array1::zeros(model.n_params());
    let z = z.insert_axis(Axis(0));
    let losses = x
        .rows()
        .into_iter()
        .map(|x| objective.at_noise(model, x.insert_axis(Axis(0)), z, grad.view_mut()));
    Ok(losses.collect::<gibbsian_core::Result<_>>()?)
}

/// Data that are nine points of the plane: differences of losses and of gradients.
fn parzen(seed: Seed) -> Result<(f64, f64)> {
    let network = network(2, seed)?;
    let mut rng = seed.child("data").rng();
    let data = Array2::from_shape_simple_fn((9, 2), || rng.sample::<f64, _>(StandardNormal));
    let [mut in_loss, mut in_gradient] = [0.0_f64; 2];
    for sigma in [0.4, 0.8] {
        let objective = DenoisingScoreMatching::new(sigma)?;
        let (nodes, cell) = grid(2, 8.5, 0.25);
        let weights = standard_normal(&nodes, cell);
        let (mut loss, mut gradient) = (0.0, Array1::<f64>::zeros(network.n_params()));
        let mut grad = gradient.clone();
        for (z, &weight) in nodes.rows().into_iter().zip(&weights) {
            // Nodes whose weights together are nothing.
            if weight < 1e-20 {
                continue;
            }
            let z = z.broadcast(data.raw_dim()).ok_or("noise for every row")?;
            loss += weight * objective.at_noise(&network, data.view(), z, grad.view_mut())?;
            gradient.scaled_add(weight, &grad);
        }
        let covariances = Covariances::Spherical(Array1::from_elem(9, sigma * sigma));
        let noisy = GaussianMixture::new(Array1::from_elem(9, 1.0 / 9.0), data.clone(), covariances)?;
        let (x, cell) = grid(2, 10.0, 0.1);
        let q = noisy.log_density(x.view()).mapv(f64::exp) * cell;
        let constant = network.dim() as f64 * 0.5 / (sigma * sigma);
        in_loss = larger(
            in_loss,
            (loss - expected(&network, &noisy, x.view(), &q) - constant).abs(),
        );
        in_gradient = larger(
            in_gradient,
            largest(&(gradient - fisher_gradient(&network, &noisy, x.view(), &q))),
        );
    }
    Ok((in_loss, in_gradient))
}

/// The gradient of `½ Σ_b q_b ‖s(x_b) − ∇log q(x_b)‖²`.
fn fisher_gradient<M: ScorePullback>(
    model: &M,
    truth: &impl Score,
    x: ArrayView2<f64>,
    q: &Array1<f64>,
) -> Array1<f64> {
    let score = truth.score(x);
    let mut grad = Array1::zeros(model.n_params());
    model.score_pullback_with(
        x,
        &mut |s, mut u| u.assign(&((&s - &score) * q.view().insert_axis(Axis(1)))),
        grad.view_mut(),
    );
    grad
}
