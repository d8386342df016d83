//! What a single step does to the data's likelihood, with `log Z` in the gradient and without.

use gibbsian_core::{Energy, EnergyPullback, ExponentialFamily, Parametric, ParametricMut};
use gibbsian_densities::{Binomial, Exponential, Gamma, Natural, Normal, Poisson};
use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::counts;
use crate::statistics::smaller;
use crate::{Check, Claim, Context, Provenance, Result, Table};

pub(super) const STEP_RAISES_F: Claim = Claim {
    claim: "a step along the gradient of the mean of f, from the estimate, raises the mean of f: the least increase over families and step sizes",
    source: "a gradient step",
    provenance: Provenance::Exact,
    quick: Some(Check::at_least(1e-9)),
    full: Check::at_least(1e-9),
    reason: "f is linear in natural parameters: the increase is the step size times a squared norm",
};

pub(super) const STEP_LOWERS_LIKELIHOOD: Claim = Claim {
    claim: "the same step lowers the exact log p(x_train): the largest change over families and step sizes",
    source: "the estimate is the only maximum: −½ ε² gᵀ ∇²A g to leading order",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(-1e-9)),
    full: Check::at_most(-1e-9),
    reason: "log p is strictly concave in natural parameters, so that every step from its maximum lowers it; the smallest step does by 1e-7 or more, far above rounding",
};

pub(super) const FULL_STEP_RAISES: Claim = Claim {
    claim: "away from the estimate a step along the gradient of the mean of f − log Z raises log p(x_train): the least increase over families and step sizes",
    source: "a gradient step",
    provenance: Provenance::Exact,
    quick: Some(Check::at_least(1e-9)),
    full: Check::at_least(1e-9),
    reason: "steps of at most a tenth of the inverse of the largest curvature do not overshoot; the gain is about the step times a squared gradient, above 1e-5",
};

/// What one step does to a family on its data.
struct Step {
    family: &'static str,
    size: f64,
    raised_f: f64,
    /// The change of log p of a step on `f`, from the estimate.
    without: f64,
    /// The change of log p of a step on `f − log Z`, from elsewhere.
    with: f64,
}

pub(super) fn run(ctx: &mut Context, ink: &Array2<f64>, pixels: ArrayView2<f64>) -> Result<()> {
    // Ink per pixel, about 5, keeps the parameters of order one.
    let ink = ink / 64.0;
    let pixel = counts(pixels);
    let mut found = Vec::new();
    found.extend(step_family("normal", &Normal::standard(), ink.view())?);
    found.extend(step_family("exponential", &Exponential::new(1.0)?, ink.view())?);
    found.extend(step_family("gamma", &Gamma::new(1.0, 1.0)?, ink.view())?);
    found.extend(step_family("poisson", &Poisson::new(1.0)?, pixel.view())?);
    found.extend(step_family("binomial", &Binomial::new(16, 0.5)?, pixel.view())?);
    let least = |f: fn(&Step) -> f64| found.iter().map(f).fold(f64::INFINITY, smaller);
    ctx.measure(&STEP_RAISES_F, least(|s| s.raised_f))?;
    ctx.measure(&STEP_LOWERS_LIKELIHOOD, -least(|s| -s.without))?;
    ctx.measure(&FULL_STEP_RAISES, least(|s| s.with))?;

    let mut table = Table::new([
        "family",
        "step",
        "change_of_f",
        "log_p_without_log_z",
        "log_p_with_log_z",
    ]);
    for s in &found {
        table.row([
            s.family.into(),
            s.size.into(),
            s.raised_f.into(),
            s.without.into(),
            s.with.into(),
        ])?;
    }
    ctx.table(
        "steps",
        "Changes of the mean of f and of log p by a step on f from the estimate, and of log p by a step on f − log Z from elsewhere.",
        &table,
    )
}

/// Steps in natural parameters, in units of the inverse of the largest curvature of `A` there.
fn step_family<F: ExponentialFamily + Clone>(
    family: &'static str,
    member: &F,
    x: ArrayView2<f64>,
) -> Result<Vec<Step>> {
    let estimate = member.fit(x)?;
    let mean_log_p = |member: &F| member.log_density(x).mean().unwrap_or(f64::NAN);
    let weights = Array1::from_elem(x.nrows(), 1.0 / x.nrows() as f64);
    // The gradients of the mean of f, which is minus the energy, and of log Z.
    let of_f = |member: &F| {
        let model = Natural::new(member.clone());
        let mut gradient = Array1::zeros(model.n_params());
        model.energy_pullback_into(x, weights.view(), gradient.view_mut());
        -gradient
    };
    let moved = |member: &F, step: &Array1<f64>| -> Result<F> {
        let mut model = Natural::new(member.clone());
        model.set_params((model.params() + step).view())?;
        Ok(model.into_member())
    };
    let mean_f = |member: &F| -Natural::new(member.clone()).energy(x).mean().unwrap_or(f64::NAN);
    let best = mean_log_p(&estimate);
    // Somewhere else: the estimate of the part of the data that is above the mean.
    let middle = x.mean().unwrap_or(0.0);
    let above: Vec<usize> = (0..x.nrows()).filter(|&b| x[(b, 0)] > middle).collect();
    let elsewhere = member.fit(x.select(Axis(0), &above).view())?;
    let trace = |member: &F| member.fisher_information().diag().sum();
    let largest = trace(&estimate).max(trace(&elsewhere));

    let mut steps = Vec::new();
    for size in [1e-3, 1e-2, 1e-1] {
        let gradient = of_f(&estimate);
        let step = &gradient * (size / largest);
        let after = moved(&estimate, &step)?;
        let raised_f = mean_f(&after) - mean_f(&estimate);
        let without = mean_log_p(&after) - best;
        let step = (of_f(&elsewhere) - elsewhere.mean_parameters()) * (size / largest);
        let with = mean_log_p(&moved(&elsewhere, &step)?) - mean_log_p(&elsewhere);
        steps.push(Step {
            family,
            size,
            raised_f,
            without,
            with,
        });
    }
    Ok(steps)
}
