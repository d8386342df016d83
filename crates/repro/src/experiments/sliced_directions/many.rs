//! Many directions a point: the variance over directions is divided by their number, that over points is not.
//!
//! With `n` directions a point the value at a point varies by `Var_v / n` over directions, so that the loss of one draw of a normal law has the variance
//!
//! `½ P + E_x Var_v / n`,
//!
//! where `½ P` is the variance of `−T + ½ ‖s‖²` over points, which no number of directions removes and both forms share.

use gibbsian_core::{Density, Directions, Objective, Parametric, Seed};
use gibbsian_densities::MultivariateNormal;
use gibbsian_objectives::{SlicedScoreMatching, VarianceReducedSlicedScoreMatching};
use ndarray::{Array1, Array2, ArrayView2, Axis as Along, array, s};

use super::normals::Normal;
use super::{FORMS, LAWS, conditional};
use crate::statistics::{larger, mean_and_error};
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result, Table};

pub(super) const CONDITIONAL: Claim = Claim {
    claim: "at a given point n directions divide the variance of the library's loss by n: the largest of 18 differences between n Var and the closed form, in standard errors, n = 1, 4, 16",
    source: "directions are independent",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(5.0)),
    full: Check::at_most(5.0),
    reason: "five standard errors, 18 times",
};

pub(super) const WHOLE: Claim = Claim {
    claim: "over points as well the variance is ½ P + E Var_v / n: the largest of 18 differences in standard errors",
    source: "the law of total variance; Var ‖s‖² = 2P for s ~ N(0, Λ)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(5.0)),
    full: Check::at_most(5.0),
    reason: "five standard errors, 18 times",
};

const COUNTS: [usize; 3] = [1, 4, 16];

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let seed = ctx.seed().child("many");
    let normal = Normal::new("", array![[1.0, 0.4, 0.0], [0.4, 2.0, -0.3], [0.0, -0.3, 0.5]])?;
    let n = ctx.pick(3_000, 30_000);
    let points = normal.model.sample(n, &mut seed.child("points").rng());
    let x = array![[0.7, -0.4, 1.1]];
    let same = Array2::from_shape_fn((n, 3), |(_, i)| x[[0, i]]);
    // The means of tr J + ½ ‖s‖²: at the point, and −T + ½ T over all.
    let score = normal.precision.dot(&x.row(0));
    let mean_here = -normal.trace + 0.5 * score.dot(&score);

    let [mut at_a_point, mut over_points] = [0.0_f64; 2];
    let mut table = Table::new([
        "directions",
        "form",
        "n",
        "points",
        "closed_form",
        "measured",
        "standard_error",
    ]);
    let mut plot = Plot::new(
        "Many directions a point",
        Axis::log("directions a point"),
        Axis::log("variance of the loss of one point"),
    );
    for (law, name) in LAWS {
        let here = conditional(&normal.model, x.view(), law)?[0];
        let expected = normal.expected(law);
        let mut curves = [Vec::new(), Vec::new()];
        for count in COUNTS {
            let seed = seed.child(name).nth(count as u64);
            let here_found = squares(
                &normal.model,
                same.view(),
                law,
                count,
                mean_here,
                seed.child("here"),
            )?;
            let found = squares(
                &normal.model,
                points.view(),
                law,
                count,
                -0.5 * normal.trace,
                seed,
            )?;
            for (form, label) in FORMS.into_iter().enumerate() {
                let share = 1.0 / count as f64;
                let floor = 0.5 * normal.precision.iter().map(|l| l * l).sum::<f64>();
                let tests = [
                    ("one", here[form] * share, here_found[form], &mut at_a_point),
                    (
                        "all",
                        floor + expected[form] * share,
                        found[form],
                        &mut over_points,
                    ),
                ];
                for (points, expected, (mean, error), worst) in tests {
                    *worst = larger(*worst, (mean - expected).abs() / error);
                    table.row([
                        name.into(),
                        label.into(),
                        count.into(),
                        points.into(),
                        expected.into(),
                        mean.into(),
                        error.into(),
                    ])?;
                }
                curves[form].push((count as f64, found[form].0));
            }
        }
        for (label, curve) in FORMS.into_iter().zip(curves) {
            plot = plot.line(format!("{name}, {label}"), curve);
        }
    }
    ctx.measure(&CONDITIONAL, at_a_point)?;
    ctx.measure(&WHOLE, over_points)?;
    let floor = 0.5 * normal.precision.iter().map(|l| l * l).sum::<f64>();
    ctx.table(
        "many",
        "Variance of the loss of one point, a given one or any draw of the law, along n directions.",
        &table,
    )?;
    ctx.plot(
        "many",
        "What the loss of a point varies by, over points and directions; the line is what no number of directions removes.",
        &plot.horizontal("over points alone", floor),
    )
}

/// The mean squared distance of the losses of single rows from their mean, for both forms, each with its error.
fn squares(
    model: &MultivariateNormal,
    x: ArrayView2<f64>,
    law: Directions,
    n_directions: usize,
    mean: f64,
    seed: Seed,
) -> Result<[(f64, f64); 2]> {
    let mut plain = SlicedScoreMatching::new(law, n_directions)?;
    let mut reduced = VarianceReducedSlicedScoreMatching::new(law, n_directions)?;
    let objectives: [&mut dyn Objective<MultivariateNormal>; 2] = [&mut plain, &mut reduced];
    let mut grad = Array1::zeros(model.n_params());
    let mut out = [(0.0, 0.0); 2];
    for ((objective, form), out) in objectives.into_iter().zip(FORMS).zip(&mut out) {
        let mut rng = seed.child(form).rng();
        let mut all = Vec::with_capacity(x.nrows());
        for b in 0..x.len_of(Along(0)) {
            let row = x.slice(s![b..b + 1, ..]);
            let loss = objective.loss_and_grad_into(model, row, &mut rng, grad.view_mut())?;
            all.push((loss - mean).powi(2));
        }
        *out = mean_and_error(all.iter().copied());
    }
    Ok(out)
}
