//! A field that is no gradient, and chains with the right law.
//!
//! `s(x) = −x + ω R x` with the quarter turn `R`. Because `∇·(p R x) = 0` for every round density, the diffusion `dX = s dt + √2 dB` has the law `N(0, I)` for every `ω`. An
//! unadjusted chain of step `ε` is linear: `x' = (I − ε(I − ωR)) x + √(2ε) z`, so in the plane its variance is `V = 2ε/(1 − |1 − ε + iεω|²) = 1/(1 − ε(1 + ω²)/2)`, and the
//! area swept in a step, `x × x'`, has mean `2εωV`: reversible chains sweep none.

use gibbsian_core::{Score, ScoreJvp, Space};
use gibbsian_samplers::{Chains, UnadjustedLangevin};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

use crate::statistics::mean_and_error;
use crate::{Check, Claim, Context, Provenance, Result, measured};

pub(super) const VARIANCE: Claim = Claim {
    claim: "a rotation added to the score of N(0, I) leaves the law of Langevin chains as the step vanishes: their variance is 1/(1 − ε(1 + ω²)/2)",
    source: "the density is constant along the rotation; the variance by the linear recursion, see the top of the file `rotation.rs`",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::reference().within_standard_errors(5.0)),
    full: Check::reference().within_standard_errors(5.0),
    reason: "five standard errors of independent chains: a false alarm in 1.7 million; chains start 1e-14 from their law",
};

pub(super) const CURRENT: Claim = Claim {
    claim: "but the chains go around: the area that they sweep in a step is 2εω/(1 − ε(1 + ω²)/2) on average, for a gradient it would be zero",
    source: "the same",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::reference().within_standard_errors(5.0)),
    full: Check::reference().within_standard_errors(5.0),
    reason: "five standard errors of independent chains: a false alarm in 1.7 million",
};

pub(super) const OMEGA: f64 = 2.0;
const STEP: f64 = 0.1;
/// `|1 − ε + iεω|² = 0.85` is forgotten a step: 1e-14 after 200.
const STEPS: u64 = 200;

/// `−x + ω R x`.
pub(super) struct Rotating;

impl Space for Rotating {
    fn dim(&self) -> usize {
        2
    }
}

impl Score for Rotating {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for (x, mut s) in x.rows().into_iter().zip(out.rows_mut()) {
            s[0] = -x[0] - OMEGA * x[1];
            s[1] = -x[1] + OMEGA * x[0];
        }
    }
}

impl ScoreJvp for Rotating {
    /// The field is linear: its product with a direction is its value there.
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    ) {
        self.score_into(x, score);
        self.score_into(v, jvp);
    }
}

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let n = ctx.pick(20_000, 1_000_000);
    let start = Array2::zeros((n, 2));
    let mut chains = Chains::new(
        UnadjustedLangevin::new(STEP)?,
        &Rotating,
        start,
        ctx.seed().child("rotation"),
    )?;
    chains.advance(STEPS);
    let before = chains.positions();
    chains.advance(1);
    let after = chains.positions();
    let expected = 1.0 / (1.0 - 0.5 * STEP * (1.0 + OMEGA * OMEGA));
    let squares = before.rows().into_iter().map(|x| 0.5 * x.dot(&x));
    let (variance, error) = mean_and_error(squares);
    ctx.measure(&VARIANCE, measured(variance).against(expected).with_error(error))?;
    let areas = before
        .rows()
        .into_iter()
        .zip(after.rows())
        .map(|(x, next)| x[0] * next[1] - x[1] * next[0]);
    let (area, error) = mean_and_error(areas);
    let swept = 2.0 * STEP * OMEGA * expected;
    ctx.measure(&CURRENT, measured(area).against(swept).with_error(error))
}
