//! The bound, the truth, and what each step of the proof gives away.

use std::f64::consts::PI;

use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_core::{Space, TimeScore};
use gibbsian_densities::{Covariances, GaussianMixture, NoisedMixture};
use gibbsian_sde::TimeGrid;
use gibbsian_sde::theory::{DiagonalNormal, ErrorBudget, Line, NormalSampler, ScoreError};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut2, array};

use crate::statistics::larger;
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result, Table};

pub(super) const NORMAL: Claim = Claim {
    claim: "normal data in 1 to 1,000 dimensions, with and without score errors: the largest total variation over its bound",
    source: "Chen et al. (2023), theorem 2, with constants",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1.0)),
    full: Check::at_most(1.0),
    reason: "a theorem; both sides are closed forms, the distance an integral that is exact to 1e-11",
};

pub(super) const STEPS: Claim = Claim {
    claim: "every step of the proof on such data: the largest smaller side over the larger one",
    source: "log-Sobolev, Pinsker, data processing, Girsanov, Minkowski; see the module `theory` of gibbsian-sde",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1.0 + 1e-10)),
    full: Check::at_most(1.0 + 1e-10),
    reason: "a shift of the mean attains the contraction, so that rounding decides which side is larger",
};

pub(super) const LINE: Claim = Claim {
    claim: "every step of the proof on two modes on a line, with the exact score and with one that is off by ¼ sin 2x: the largest smaller side over the larger one",
    source: "as on normal data; the law of the output by quadrature of its transition kernels",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1.0 + 1e-9)),
    full: Check::at_most(1.0 + 1e-9),
    reason: "with the exact score Minkowski's inequality is an equality, up to the rounding of two ways to one score; elsewhere the quadrature costs distances 1e-4, and slacks are far from one",
};

pub(super) const LOOSE: Claim = Claim {
    claim: "standard normal data in 1,000 dimensions with the exact score, T = 5, h = 0.01: the bound over the total variation, over √(2πT/h)",
    source: "G = d T h (1 + O(h)) against a stationary variance 1 + h (1 + O(h)), for which the distance is h √(d/4π)",
    provenance: Provenance::Exact,
    quick: Some(Check::value(1.0).within(0.03)),
    full: Check::value(1.0).within(0.03),
    reason: "corrections are (1 − h/6)(1 − h), the normal approximation of the log ratio and the linear one of the error function: about 1.5 % together",
};

/// The score of a mixture with an error that is neither constant nor linear.
pub(super) struct Wavy<'a>(pub &'a NoisedMixture<OrnsteinUhlenbeck>);

impl Space for Wavy<'_> {
    fn dim(&self) -> usize {
        1
    }
}

impl TimeScore for Wavy<'_> {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        self.0.score_at_into(x, t, out.view_mut());
        out.zip_mut_with(&x, |s, x| *s += 0.25 * (2.0 * x).sin());
    }
}

/// Two modes on a line under the process, up to the time 6.
pub(super) fn two_modes() -> Result<NoisedMixture<OrnsteinUhlenbeck>> {
    let mixture = GaussianMixture::new(
        array![0.3, 0.7],
        array![[-1.5], [1.0]],
        Covariances::Spherical(array![0.16, 0.36]),
    )?;
    Ok(NoisedMixture::new(mixture, OrnsteinUhlenbeck::new(6.0)?)?)
}

/// The largest smaller side over the larger one.
fn tightest(budget: &ErrorBudget) -> f64 {
    let ratios = budget.steps().map(|step| step.slack().recip());
    ratios.into_iter().fold(0.0, larger)
}

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    normal(ctx)?;
    line(ctx)?;

    let standard = DiagonalNormal::isotropic(1000, 0.0, 1.0)?;
    let budget = NormalSampler::new(standard, TimeGrid::uniform(5.0, 0.0, 500)?)?.budget()?;
    ctx.measure(&LOOSE, budget.theorem().slack() / (2.0 * PI * 500.0).sqrt())
}

fn normal(ctx: &mut Context) -> Result<()> {
    let (mut theorem, mut steps) = (0.0, 0.0);
    let mut table = Table::new(["dimension", "step", "smaller", "larger", "slack"]);
    let (mut truth, mut bound) = (Vec::new(), Vec::new());
    for dim in [1, 10, 100, 1000] {
        let scale = (dim as f64).sqrt();
        for (m, v) in [
            (1.0 / scale, 1.0),
            (0.0, 1.0 + 0.5 / scale),
            (0.5, 0.3),
            (-1.0 / scale, 2.0),
        ] {
            let data = DiagonalNormal::isotropic(dim, m, v)?;
            for error in [
                ScoreError::none(dim),
                ScoreError::new(0.0, Array1::from_elem(dim, 0.1 / scale))?,
                ScoreError::new(0.05 / scale, Array1::zeros(dim))?,
            ] {
                for grid in [
                    TimeGrid::uniform(3.0, 0.0, 100)?,
                    TimeGrid::exponentially_decaying(4.0, 0.01, 150)?,
                ] {
                    let sampler = NormalSampler::new(data.clone(), grid)?.with_error(error.clone())?;
                    let budget = sampler.budget()?;
                    theorem = larger(theorem, budget.theorem().slack().recip());
                    steps = larger(steps, tightest(&budget));
                }
            }
        }
        // One case is shown: a hundred steps, all three errors.
        let error = ScoreError::new(0.0, Array1::from_elem(dim, 0.1 / scale))?;
        let shown = NormalSampler::new(
            DiagonalNormal::isotropic(dim, 1.0 / scale, 1.0)?,
            TimeGrid::uniform(3.0, 0.0, 100)?,
        )?
        .with_error(error)?
        .budget()?;
        for step in shown.steps() {
            table.row([
                (dim as i64).into(),
                step.name.into(),
                step.smaller.into(),
                step.larger.into(),
                step.slack().into(),
            ])?;
        }
        truth.push((dim as f64, shown.total_variation));
        bound.push((dim as f64, shown.bound()));
    }
    ctx.measure(&NORMAL, theorem)?;
    ctx.measure(&STEPS, steps)?;
    ctx.table(
        "steps",
        "Every step of the proof for N(m, I) with |m| = 1 and a score that is off by 0.1, T = 3, 100 steps.",
        &table,
    )?;
    let plot = Plot::new(
        "The bound and the truth by dimension",
        Axis::log("dimension d"),
        Axis::log("total variation"),
    )
    .line("bound", bound)
    .line("truth", truth);
    ctx.plot("dimension", "The case of the table.", &plot)
}

fn line(ctx: &mut Context) -> Result<()> {
    let noised = two_modes()?;
    let line = Line::new(-9.0, 9.0, 451)?;
    let mut worst = 0.0;
    for grid in [
        TimeGrid::uniform(1.0, 0.0, 20)?,
        TimeGrid::uniform(3.0, 0.2, 56)?,
        TimeGrid::exponentially_decaying(3.0, 0.1, 60)?,
    ] {
        for model in [&noised as &dyn TimeScore, &Wavy(&noised)] {
            let budget = line.budget(|t| noised.marginal(t), model, &grid)?;
            worst = larger(worst, tightest(&budget));
        }
    }
    ctx.measure(&LINE, worst)
}
