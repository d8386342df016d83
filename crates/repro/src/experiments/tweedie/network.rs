//! A network that has learnt to point back to digits, as a filter.
//!
//! Denoising score matching at the level of the noise (Vincent 2011) knows no density: it is a regression on the noise. If it comes to the score, Tweedie's formula makes it a filter of digits that were never seen, and Stein's identity
//! tells that filter's error from the noisy digits alone, with the divergence of the network.

use gibbsian_core::dataset::Matrix;
use gibbsian_core::{Parametric, Score, ScoreJvp, Seed};
use gibbsian_data::{LastBatch, Minibatches};
use gibbsian_nn::{Init, Net, NeuralScore};
use gibbsian_objectives::DenoisingScoreMatching;
use gibbsian_train::{Adam, AdamOptions, AveragingWarmUp, Clipped, Cosine, Decay, Descent, Ema, Trainer};
use ndarray::{Array2, ArrayView2, Axis};

use crate::{Check, Claim, Provenance, Result};

pub(super) const STEIN: Claim = Claim {
    claim: "Stein's estimate with the divergence of a network is the mean squared error of the network's filter (difference per pixel over the noise variance)",
    source: "Stein (1981)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(0.0).within_standard_errors(5.0)),
    full: Check::value(0.0).within_standard_errors(5.0),
    reason: "five standard errors of the paired difference; the identity holds for any filter, however well it has learnt, and fails with a wrong divergence",
};

pub(super) const WIENER: Claim = Claim {
    claim: "the network gains more than the linear filter: the mean paired difference less four standard errors, in dB",
    source: "Vincent (2011): the minimum of denoising score matching is the score of the noisy density, hence the posterior mean, which is not linear",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.0)),
    full: Check::at_least(0.0),
    reason: "set before the run: a ranking beyond four standard errors; a network that learns its 1,400 digits by heart would lose to their covariance",
};

const HIDDEN: [usize; 2] = [192, 192];
const BATCH: usize = 100;
const RATE: f64 = 2e-3;

/// The score of noisy digits by denoising score matching at the level `sigma`, from clean ones.
///
/// It begins as the score of a normal density with the digits' mean and mean variance, `−(x − m)/(σ² + v)`, and learns what is missing.
pub(super) fn train(clean: ArrayView2<f64>, sigma: f64, n_epochs: u64, seed: Seed) -> Result<NeuralScore> {
    let mean = clean.mean_axis(Axis(0)).ok_or("no digits to learn from")?;
    let variance = clean.var_axis(Axis(0), 0.0).mean().unwrap_or(f64::NAN);
    let total = sigma * sigma + variance;
    let forward = |net: &mut Net<'_>, x| {
        let mean = net.constant_row(mean.as_slice().expect("one piece"));
        let centred = net.sub(x, mean);
        let scaled = net.scale(total.powf(-0.5), centred);
        let h = net.dense("in", scaled, HIDDEN[0]);
        let h = net.silu(h);
        let h = net.dense("middle", h, HIDDEN[1]);
        let h = net.silu(h);
        let f = net.dense_from("out", h, clean.ncols(), Init::Zeros);
        let f = net.scale(1.0 / sigma, f);
        let normal = net.scale(-1.0 / total, centred);
        net.add(normal, f)
    };
    let mut model = NeuralScore::new(clean.ncols(), forward, &mut seed.child("weights").rng())?;
    let data = Matrix::new(clean)?;
    let mut order = Minibatches::new(clean.nrows(), BATCH, LastBatch::Drop, seed.child("order"))?;
    let n_steps = n_epochs * (clean.nrows() / BATCH) as u64;
    let trainer = Trainer::new(n_epochs, Cosine::new(RATE, 0.0, n_steps)?, seed.child("steps"))?;
    let adam = Adam::new(&model.layout(), AdamOptions::default(), Decay::NONE)?;
    let descent = Descent::new(DenoisingScoreMatching::new(sigma)?, Clipped::new(adam, 10.0)?);
    let mut step = Ema::new(descent, &model, AveragingWarmUp::new(0.99)?)?;
    trainer.fit(&mut model, &mut step, &data, &mut order, &mut ())?;
    step.apply_to(&mut model)?;
    Ok(model)
}

/// `x̃ + σ² s(x̃)`.
pub(super) fn filter(score: &NeuralScore, noisy: ArrayView2<f64>, sigma: f64) -> Array2<f64> {
    &noisy + &(score.score(noisy) * (sigma * sigma))
}

/// Stein's estimate of the squared error of every row: `D σ² + 2 σ⁴ tr ∂s + σ⁴ ‖s‖²`.
pub(super) fn stein(score: &NeuralScore, noisy: ArrayView2<f64>, sigma: f64) -> Vec<f64> {
    let variance = sigma * sigma;
    let (s, divergence) = (score.score(noisy), score.divergence(noisy));
    let n = noisy.ncols() as f64;
    (s.rows().into_iter().zip(&divergence))
        .map(|(s, divergence)| n * variance + variance * variance * (2.0 * divergence + s.dot(&s)))
        .collect()
}
