//! Precisions that are known to the last bit.
//!
//! With a Hadamard matrix `H` of 32 rows, of which 16 columns sum to zero, the orthogonal `Q = H₁₆ / 4` and powers of two on the diagonal of `D`, the
//! data `X = H D Q` have `X'X / N = Q D² Q` and the precision `Q D⁻² Q`. All entries are sums of a few powers of two and are exact in
//! double precision, so the error of an estimate is its own.

use gibbsian_densities::MultivariateNormal;
use gibbsian_objectives::ClosedFormScoreMatching;
use ndarray::{Array1, Array2, s};

use super::relative_error;
use crate::statistics::larger;
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result};

const DIM: usize = 16;
/// The largest condition number is `4^MOST`, 2.7e11.
const MOST: i32 = 19;

pub(super) const ERROR: Claim = Claim {
    claim: "over condition numbers from 1 to 2.7e11 the relative error of the precision is at most 1e-11 condition numbers: the largest ratio",
    source: "data built from Hadamard matrices and powers of two, whose precision is exact",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-11)),
    full: Check::at_most(1e-11),
    reason: "Cholesky's method may lose S (3S + 1) u condition numbers (Higham 2002, theorem 10.4), 0.8e-11 for the S = 152 unknowns of 16 columns",
};

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let family = MultivariateNormal::standard(DIM)?;
    let mut found = Vec::new();
    for k in 0..=MOST {
        let (x, precision) = graded(k);
        let estimate = ClosedFormScoreMatching::unweighted().estimate(&family, x.view())?;
        let error = relative_error(estimate.member.precision().view(), precision.view());
        found.push((4f64.powi(k), error));
    }
    let worst = found
        .iter()
        .fold(0.0_f64, |w, (kappa, error)| larger(w, error / kappa));
    ctx.measure(&ERROR, worst)?;

    let along = |unit: f64| {
        found
            .iter()
            .map(move |(kappa, _)| (*kappa, unit * kappa))
            .collect::<Vec<_>>()
    };
    let plot = Plot::new(
        "Error of the precision against condition number",
        Axis::log("condition number κ of X'X / N"),
        Axis::log("relative error of the precision"),
    )
    .points("score matching in closed form", found.iter().copied())
    .dashed("ε κ", along(f64::EPSILON))
    .dashed("1e-11 κ", along(1e-11));
    ctx.plot(
        "conditioning",
        "Sixteen columns whose precision is known to the last bit. The claim is that no point lies above the upper line; an error of zero has no place here.",
        &plot,
    )
}

/// Data `(32, 16)` of condition number `4^k`, and their precision.
fn graded(k: i32) -> (Array2<f64>, Array2<f64>) {
    let q = hadamard(DIM) / 4.0;
    let exponents = Array1::from_shape_fn(DIM, |j| (f64::from(k) * j as f64 / (DIM - 1) as f64).round());
    let deviations = exponents.mapv(|e| (-e).exp2());
    let orthogonal = hadamard(2 * DIM);
    // The first column is constant; the others sum to zero.
    let x = (&orthogonal.slice(s![.., 1..=DIM]) * &deviations).dot(&q);
    let precision = (&q * &deviations.mapv(|d| 1.0 / (d * d))).dot(&q);
    (x, precision)
}

/// Sylvester's matrix of `±1`, symmetric, with orthogonal columns (1867).
fn hadamard(n: usize) -> Array2<f64> {
    Array2::from_shape_fn(
        (n, n),
        |(i, j)| if (i & j).count_ones() % 2 == 0 { 1.0 } else { -1.0 },
    )
}
