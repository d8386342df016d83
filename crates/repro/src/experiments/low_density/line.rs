//! Data on a line in the plane.
//!
//! The first coordinate has some law, the second is zero. There is no density in the plane and no score across the line: a model with score `−k y` there has the
//! implicit score matching loss `const − k`, which falls without end. In noise `σ` the score across is `−y/σ²`, whatever the law along. And denoising
//! score matching finds it without any error of sampling: `ỹ = σz`, so the target `−z/σ` *is* `−ỹ/σ²`, in every draw.

use gibbsian_core::{Objective, Parametric, Score};
use gibbsian_densities::{Covariances, GaussianMixture, MultivariateNormal};
use gibbsian_objectives::{DenoisingScoreMatching, ImplicitScoreMatching};
use ndarray::{Array1, Array2, ArrayView2, array};
use rand::RngExt;
use rand_distr::StandardNormal;

use crate::statistics::larger;
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result};

pub(super) const NORMAL: Claim = Claim {
    claim: "the score across a line of data in noise σ is −y/σ², whatever the law along it: the largest relative difference",
    source: "Song and Ermon (2019), section 3.2.1, made exact: all components of the noisy law share the second factor",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-12)),
    full: Check::value(0.0).within(1e-12),
    reason: "rounding only, at noise from 0.001 to 10; the points of data are given the variance 1e-16, which the formula counts in",
};

pub(super) const UNBOUNDED: Claim = Claim {
    claim: "without noise every unit of precision across the line lowers the loss of implicit score matching by one, up to a precision of 10¹²: the largest difference",
    source: "J = E[tr ∂s/∂x + ½‖s‖²] with y = 0",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-12)),
    full: Check::value(0.0).within(1e-12),
    reason: "rounding only: the loss has no minimum",
};

pub(super) const EXACT: Claim = Claim {
    claim: "denoising score matching finds −y/σ² without error of sampling: at precision 1/σ² the gradient across is zero for every draw, the largest",
    source: "ỹ = σz, so that the target is a function of the noisy point",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "rounding of z/σ − (σz)/σ², times σz; at half that precision the gradient is ½",
};

/// The place of the normal's precision across the line among its parameters: after two means and two entries.
const ACROSS: usize = 4;

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let seed = ctx.seed().child("line");
    let mut rng = seed.child("data").rng();
    let x = Array2::from_shape_fn((200, 2), |(_, i)| {
        if i == 0 {
            rng.sample::<f64, _>(StandardNormal)
        } else {
            0.0
        }
    });
    ctx.measure(&NORMAL, normal_score(x.view())?)?;

    let loss = |across: f64, x: ArrayView2<f64>| -> Result<f64> {
        let model = MultivariateNormal::from_precision(array![0.0, 0.0], array![[1.0, 0.0], [0.0, across]])?;
        let mut grad = Array1::zeros(model.n_params());
        let rng = &mut seed.child("none").rng();
        Ok(ImplicitScoreMatching.loss_and_grad_into(&model, x, rng, grad.view_mut())?)
    };
    let first = loss(1.0, x.view())?;
    let mut worst = 0.0_f64;
    for k in 1..=12 {
        let across = 10f64.powi(k);
        let slope = (loss(across, x.view())? - first) / (across - 1.0);
        worst = larger(worst, (slope + 1.0).abs());
    }
    ctx.measure(&UNBOUNDED, worst)?;

    let mut worst = 0.0_f64;
    for (level, sigma) in [1e-3, 1e-2, 0.1, 1.0].into_iter().enumerate() {
        let across = 1.0 / (sigma * sigma);
        let model = MultivariateNormal::from_precision(array![0.0, 0.0], array![[1.0, 0.0], [0.0, across]])?;
        let mut objective = DenoisingScoreMatching::new(sigma)?;
        for draw in 0..20 {
            let mut grad = Array1::zeros(model.n_params());
            let mut rng = seed.child("noise").nth(level as u64).nth(draw).rng();
            objective.loss_and_grad_into(&model, x.view(), &mut rng, grad.view_mut())?;
            worst = larger(worst, grad[ACROSS].abs());
        }
    }
    ctx.measure(&EXACT, worst)?;

    let mut plot = Plot::new(
        "Score matching of a noisy line",
        Axis::log("precision of the model across the line"),
        Axis::linear("arsinh of the loss"),
    );
    for sigma in [0.0, 0.01, 0.1, 1.0] {
        let mut rng = seed.child("shown").rng();
        let noisy = x.mapv(|x| x + sigma * rng.sample::<f64, _>(StandardNormal));
        let curve: Result<Vec<(f64, f64)>> = (0..=60)
            .map(|k| 10f64.powf(0.1 * f64::from(k) - 1.0))
            .map(|across| Ok((across, loss(across, noisy.view())?.asinh())))
            .collect();
        plot = plot.line(format!("σ = {sigma}"), curve?);
    }
    ctx.plot(
        "line",
        "The loss of implicit score matching on 200 points of a line in noise. Each minimum is near 1/σ² and as deep as −1/(2σ²); without noise there is none.",
        &plot,
    )
}

/// The largest relative difference of the score across the line from `−y/(σ² + 1e-16)`.
fn normal_score(data: ArrayView2<f64>) -> Result<f64> {
    let point = 1e-16;
    let n = data.nrows();
    let points = GaussianMixture::new(
        Array1::from_elem(n, 1.0 / n as f64),
        data.to_owned(),
        Covariances::Spherical(Array1::from_elem(n, point)),
    )?;
    let mut worst = 0.0_f64;
    for k in 0..=12 {
        let sigma = 1e-3 * 10f64.powf(f64::from(k) / 3.0);
        let noisy = points.convolved((sigma * sigma * Array2::<f64>::eye(2)).view())?;
        let x = Array2::from_shape_fn((60, 2), |(b, i)| {
            let along = b as f64 / 10.0 - 3.0;
            let across = sigma * (0.05 + (b % 7) as f64 - 3.0);
            if i == 0 { along } else { across }
        });
        for (s, x) in noisy.score(x.view()).rows().into_iter().zip(x.rows()) {
            let expected = -x[1] / (sigma * sigma + point);
            worst = larger(worst, (s[1] / expected - 1.0).abs());
        }
    }
    Ok(worst)
}
