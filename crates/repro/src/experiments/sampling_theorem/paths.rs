//! Estimates, where closed forms say what they should be.

use gibbsian_core::Density;
use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_densities::{Covariances, GaussianMixture, NoisedMixture};
use gibbsian_sde::TimeGrid;
use gibbsian_sde::theory::{
    DiagonalNormal, Estimate, Girsanov, Line, NormalSampler, PerturbedScore, ScoreError,
    total_variation_by_draws,
};
use ndarray::{Array1, Array2, array};

use super::budgets::{Wavy, two_modes};
use crate::{Check, Claim, Context, Measured, Provenance, Result, measured};

const FIVE_ERRORS: &str = "five standard errors: a false alarm in 1.7 million; the rule of three points in every step is exact to a relative 1e-6";

pub(super) const NORMAL: Claim = Claim {
    claim: "normal data in 1,000 dimensions and a score with a wrong scale and a shift: G from paths",
    source: "the closed form E‖s(X_{t_k}, t_k) − s(X_t, t)‖² = J_t + (1 − 2α) J_{t_k}, and that of the error",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::reference().within_standard_errors(5.0)),
    full: Check::reference().within_standard_errors(5.0),
    reason: FIVE_ERRORS,
};

pub(super) const LINE: Claim = Claim {
    claim: "two modes on a line and a score that is off by ¼ sin 2x: G from paths",
    source: "the same closed form, its moments by quadrature",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::reference().within_standard_errors(5.0)),
    full: Check::reference().within_standard_errors(5.0),
    reason: FIVE_ERRORS,
};

pub(super) const DISTANCE: Claim = Claim {
    claim: "two normal laws in 100 dimensions, their total variation from draws",
    source: "TV = E_q[(1 − p/q)₊] against the integral along a curve",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::reference().within_standard_errors(5.0)),
    full: Check::reference().within_standard_errors(5.0),
    reason: "five standard errors: a false alarm in 1.7 million",
};

fn found(estimate: Estimate, exact: f64) -> Measured {
    measured(estimate.value)
        .with_error(estimate.standard_error)
        .against(exact)
}

fn isotropic(dim: usize, mean: f64, variance: f64) -> Result<GaussianMixture> {
    Ok(GaussianMixture::new(
        array![1.0],
        Array2::from_elem((1, dim), mean),
        Covariances::Spherical(array![variance]),
    )?)
}

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let (dim, m, v) = (1000, 0.3, 0.6);
    let process = OrnsteinUhlenbeck::new(2.0)?;
    let grid = TimeGrid::uniform(2.0, 0.0, 40)?;
    let data = isotropic(dim, m, v)?;
    let noised = NoisedMixture::new(data.clone(), process)?;
    let error = ScoreError::new(0.1, Array1::from_elem(dim, 0.1))?;
    let exact = NormalSampler::new(DiagonalNormal::isotropic(dim, m, v)?, grid.clone())?
        .with_error(error.clone())?
        .girsanov();
    let mut rng = ctx.seed().child("normal").rng();
    let x = data.sample(ctx.pick(200, 10_000), &mut rng);
    let model = PerturbedScore::new(noised.clone(), error)?;
    let girsanov = Girsanov {
        process: &process,
        exact: &noised,
        model: &model,
    };
    let sum = girsanov.estimate(&grid, x.view(), &mut rng)?;
    ctx.measure(&NORMAL, found(sum.total, exact.total()))?;

    let noised = two_modes()?;
    let wavy = Wavy(&noised);
    let exact = Line::new(-9.0, 9.0, 601)?
        .budget(|t| noised.marginal(t), &wavy, &grid)?
        .girsanov;
    let mut rng = ctx.seed().child("line").rng();
    let x = noised.mixture().sample(ctx.pick(20_000, 1_000_000), &mut rng);
    let girsanov = Girsanov {
        process: noised.process(),
        exact: &noised,
        model: &wavy,
    };
    let sum = girsanov.estimate(&grid, x.view(), &mut rng)?;
    ctx.measure(&LINE, found(sum.total, exact.total()))?;

    let mut rng = ctx.seed().child("distance").rng();
    let draws = total_variation_by_draws(
        &isotropic(100, 0.0, 1.0)?,
        &isotropic(100, 0.05, 1.1)?,
        ctx.pick(20_000, 1_000_000),
        &mut rng,
    )?;
    let exact = DiagonalNormal::isotropic(100, 0.0, 1.0)?
        .total_variation(&DiagonalNormal::isotropic(100, 0.05, 1.1)?);
    ctx.measure(&DISTANCE, found(draws, exact))
}
