//! Ascent on the likelihood of a normal density, with its normaliser and without.

use gibbsian_core::{EnergyPullback, Parametric};
use gibbsian_densities::{MultivariateNormal, Normal};
use gibbsian_objectives::ClosedFormScoreMatching;
use ndarray::{Array1, Array2, array};

use crate::statistics::{larger, smaller};
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result};

pub(super) const RUNS_AWAY: Claim = Claim {
    claim: "ascent on the mean of f = −x²/(2σ²) ends at the bound on σ², whatever it is: the smallest end over bound, for bounds from 10 to 10⁴ times the mean square",
    source: "∂f/∂σ² = x²/(2σ⁴) > 0",
    provenance: Provenance::Exact,
    quick: Some(Check::value(1.0)),
    full: Check::value(1.0),
    reason: "the ascent is clipped at the bound, and stays there exactly",
};

pub(super) const STAYS: Claim = Claim {
    claim: "ascent on the mean of f − log Z ends at σ² = Σ x²/N, whatever the bound: the largest relative difference",
    source: "the maximum likelihood estimate of a centred normal density",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "each step halves the distance, until rounding: sums over 1,797 numbers, and a precision that is inverted twice",
};

pub(super) const SCORE_MATCHING: Claim = Claim {
    claim: "score matching, which has no Z, ends at σ² = Σ x²/N as well: relative difference",
    source: "Hyvärinen (2005): for a normal density the estimates coincide",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-12)),
    full: Check::value(0.0).within(1e-12),
    reason: "a system of two equations with a scaled condition number of 1, from sums over 1,797 numbers",
};

/// The ascent of a centred normal density with and without `log Z`.
pub(super) fn run(ctx: &mut Context, ink: &Array2<f64>) -> Result<()> {
    let centred = ink - ink.mean().unwrap_or(0.0);
    let mean_square = centred.mapv(|x| x * x).mean().unwrap_or(f64::NAN);
    let (mut least, mut worst) = (f64::INFINITY, 0.0_f64);
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for exponent in 1..=4 {
        let bound = mean_square * 10f64.powi(exponent);
        without = ascend(&centred, mean_square / 9.0, bound, Normaliser::Forgotten)?;
        with = ascend(&centred, mean_square / 9.0, bound, Normaliser::Kept)?;
        least = smaller(least, without[without.len() - 1] / bound);
        worst = larger(worst, (with[with.len() - 1] / mean_square - 1.0).abs());
    }
    ctx.measure(&RUNS_AWAY, least)?;
    ctx.measure(&STAYS, worst)?;
    let estimate = ClosedFormScoreMatching::unweighted().estimate(&Normal::standard(), centred.view())?;
    ctx.measure(&SCORE_MATCHING, estimate.member.variance() / mean_square - 1.0)?;

    let path = |path: &[f64]| {
        let points = path.iter().enumerate().skip(1);
        let points = points.filter(|(k, _)| k.is_power_of_two() || k + 1 == path.len());
        points
            .map(|(k, v)| (k as f64, v / mean_square))
            .collect::<Vec<_>>()
    };
    let plot = Plot::new(
        "A centred normal density for the ink of digits",
        Axis::log("steps of the ascent"),
        Axis::log("σ² over the mean square of the data"),
    )
    .line("ascent on f", path(&without))
    .line("ascent on f − log Z", path(&with))
    .horizontal("the bound", 1e4)
    .horizontal("score matching", estimate.member.variance() / mean_square);
    ctx.plot(
        "runaway",
        "Without log Z the ascent takes whatever variance it is allowed.",
        &plot,
    )
}

#[derive(Clone, Copy, PartialEq)]
enum Normaliser {
    Kept,
    Forgotten,
}

/// The values of `v = σ²` in an ascent by natural gradients, clipped at a bound.
///
/// The Fisher information in `v` is `1/(2v²)` and the gradient of the mean of `f` is `P² ∂E/∂P` for the precision `P = 1/v`: half the step is the mean of `2 ∂E/∂P`, which is the mean square
/// of the data, less that of the model, which is `v`.
fn ascend(x: &Array2<f64>, start: f64, bound: f64, normaliser: Normaliser) -> Result<Vec<f64>> {
    let n_steps = (2.0 * bound / start) as usize;
    let weights = Array1::from_elem(x.nrows(), 1.0 / x.nrows() as f64);
    let mut v: f64 = start;
    let mut path = vec![v];
    for _ in 0..n_steps {
        let model = MultivariateNormal::isotropic(array![0.0], v)?;
        let mut gradient = Array1::zeros(model.n_params());
        model.energy_pullback_into(x.view(), weights.view(), gradient.view_mut());
        let data = 2.0 * gradient[1];
        v = match normaliser {
            Normaliser::Kept => (v + 0.5 * (data - v)).min(bound),
            Normaliser::Forgotten => (v + 0.5 * data).min(bound),
        };
        // Nothing moves any more.
        if Some(&v) == path.last() {
            break;
        }
        path.push(v);
    }
    Ok(path)
}
