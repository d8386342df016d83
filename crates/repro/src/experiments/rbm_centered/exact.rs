//! Descent of the exact likelihood: the centred direction commutes with flipping to rounding, the ordinary one does not at all.

use gibbsian_classical::{Bernoulli, Centred, Offsets, Rbm};
use gibbsian_core::{Objective, Parametric, ParametricMut, Seed};
use gibbsian_data::bars_and_stripes;
use gibbsian_objectives::ExactLikelihood;
use ndarray::{Array1, ArrayView2, Axis};

use crate::statistics::larger;
use crate::{Check, Claim, Context, Provenance, Result};

pub(super) const COMMUTES: Claim = Claim {
    claim: "descent of the exact likelihood along the centred gradient commutes with flipping: largest difference of parameters after 200 steps",
    source: "Melchior, Fischer and Wiskott (2016), theorem of flip invariance",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-9)),
    full: Check::at_most(1e-9),
    reason: "rounding of 200 steps, some 1e-15 each, may grow while the machine breaks its symmetry: six digits are left for that",
};

pub(super) const DOES_NOT: Claim = Claim {
    claim: "along the ordinary gradient it does not: largest difference of parameters after 200 steps",
    source: "Cho, Raiko and Ilin (2011)",
    provenance: Provenance::Exact,
    quick: Some(Check::at_least(0.1)),
    full: Check::at_least(0.1),
    reason: "eight orders of magnitude above what is granted to rounding",
};

const SIDE: usize = 3;
const N_HIDDEN: usize = 5;

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    // Bars and stripes are their own negatives; those with less ink than paper are not.
    let patterns = bars_and_stripes(SIDE)?;
    let rows = patterns.points();
    let light: Vec<usize> = (0..patterns.n())
        .filter(|k| 2.0 * rows.row(*k).sum() < patterns.dim() as f64)
        .collect();
    let x = rows.select(Axis(0), &light);
    let visible = Bernoulli::unbiased(SIDE * SIDE);
    let start = Rbm::random(
        visible,
        Bernoulli::unbiased(N_HIDDEN),
        0.1,
        ctx.seed().child("exact"),
    )?;
    // All pixels are flipped, and every other hidden unit.
    let (pixels, features) = (
        Array1::from_elem(SIDE * SIDE, true),
        Array1::from_shape_fn(N_HIDDEN, |j| j % 2 == 0),
    );
    let flip = |rbm: &Rbm| -> Result<Rbm> { Ok(rbm.with_flipped(pixels.view(), features.view())?.0) };
    let negatives = 1.0 - &x;

    let here = descend(
        start.clone(),
        Centred::new(ExactLikelihood, Offsets::ENHANCED)?,
        x.view(),
    )?;
    let there = descend(
        flip(&start)?,
        Centred::new(ExactLikelihood, Offsets::ENHANCED)?,
        negatives.view(),
    )?;
    ctx.measure(&COMMUTES, distance(&flip(&here)?, &there))?;
    let here = descend(start.clone(), ExactLikelihood, x.view())?;
    let there = descend(flip(&start)?, ExactLikelihood, negatives.view())?;
    ctx.measure(&DOES_NOT, distance(&flip(&here)?, &there))
}

fn descend(mut rbm: Rbm, mut objective: impl Objective<Rbm>, x: ArrayView2<f64>) -> Result<Rbm> {
    let mut grad = Array1::zeros(rbm.n_params());
    for _ in 0..200 {
        objective.loss_and_grad_into(&rbm, x, &mut Seed::new(0).rng(), grad.view_mut())?;
        rbm.set_params((rbm.params() - &grad * 0.1).view())?;
    }
    Ok(rbm)
}

fn distance(a: &Rbm, b: &Rbm) -> f64 {
    let differences = a.params() - b.params();
    differences.iter().map(|d| d.abs()).fold(0.0, larger)
}
