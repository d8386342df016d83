//! The precision of three tables of data.

use gibbsian_core::ExponentialFamily;
use gibbsian_data::LabelledTable;
use gibbsian_densities::MultivariateNormal;
use gibbsian_linalg::{Cholesky, SymmetricEigen, matmul};
use gibbsian_objectives::{ClosedFormScoreMatching, closed_form_score_matching::QuadraticObjective};
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate, s};

use super::descent::{gradient, minimise};
use super::{extremes, relative_error};
use crate::statistics::larger;
use crate::{Axis as PlotAxis, Check, Claim, Context, HeatMap, Plot, Provenance, Result, Table, measured};
use gibbsian_figure::ColourMap;

const TABLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/tables");
/// Principal components kept of the digits.
const N_COMPONENTS: usize = 20;

/// What rounding may do, in units of the condition number of the second moment.
const ROUNDING: &str = "only rounding separates them. In orthonormal coordinates of the symmetric matrices the curvature has the eigenvalues \
                        (λ_i + λ_j) / 2 and so the condition number of the second moment, in units of which errors are counted; \
                        for S unknowns Cholesky's method may lose S (3S + 1) u of these units (Higham 2002, theorem 10.4), \
                        0.8e-10 for the S = 495 of thirty columns";

pub(super) const WINE: Claim = exact(
    "the precision of 178 wines by score matching in closed form is the inverse of X'X / N: relative distance of the two",
    "Hyvärinen (2005), section 3.1; data of Aeberhard and Forina (1992), centred, 13 columns of mean square one",
);

pub(super) const BREAST_CANCER: Claim = exact(
    "the precision of 569 tumours by score matching in closed form is the inverse of X'X / N: relative distance of the two",
    "Hyvärinen (2005), section 3.1; data of Wolberg et al. (1993), centred, 30 columns of mean square one",
);

pub(super) const DIGITS: Claim = exact(
    "the precision of 20 principal components of 1,797 digits has the inverse variances on its diagonal and nothing beside it: relative distance",
    "Hyvärinen (2005), section 3.1; data of Alpaydin and Kaynak (1998), 61 pixels that vary, centred, of mean square one",
);

pub(super) const LIKELIHOOD: Claim = Claim {
    claim: "on all three tables score matching is maximum likelihood: the largest relative distance of the precisions, over the condition number",
    source: "Hyvärinen (2005), section 3.1",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-10)),
    full: Check::at_most(1e-10),
    reason: ROUNDING,
};

pub(super) const DESCENT: Claim = exact(
    "descending E [tr J + |s|²/2] along the derivatives of the model ends at the same precision of the wines: relative distance",
    "Hyvärinen (2005), theorem 1",
);

pub(super) const STATIONARY: Claim = exact(
    "at the precision of the tumours in closed form the gradient of E [tr J + |s|²/2] vanishes: its largest entry",
    "Hyvärinen (2005), theorem 1",
);

pub(super) const SECOND_MOMENT: Claim = exact(
    "without centring the model of mean zero has the precision P − P m m'P / (1 + m'P m) of the second moment, and not P of the covariance: relative distance",
    "the inverse of Σ + m m' (Sherman and Morrison 1950)",
);

pub(super) const COST: Claim = Claim {
    claim: "the divergence from the normal of the data's mean and covariance to that model is log(1 + m'P m) / 2 nats",
    source: "tr M⁻¹(Σ + m m') = D for M = Σ + m m', and |M| = |Σ| (1 + m'P m)",
    provenance: Provenance::Exact,
    quick: Some(Check::reference().within_relative(1e-10)),
    full: Check::reference().within_relative(1e-10),
    reason: "the model is the closest of mean zero, so its own rounding enters squared; that of m'P m is a few u times the condition number, 46",
};

pub(super) const WITH_MEAN: Claim = exact(
    "a model that has a mean needs no centring: relative distance of its precision from the inverse of the covariance",
    "Hyvärinen (2005), section 3.1",
);

/// A number that is zero but for rounding in units of a condition number.
const fn exact(claim: &'static str, source: &'static str) -> Claim {
    Claim {
        claim,
        source,
        provenance: Provenance::Exact,
        quick: Some(Check::value(0.0).within_scaled(1e-10)),
        full: Check::value(0.0).within_scaled(1e-10),
        reason: ROUNDING,
    }
}

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let wine = LabelledTable::wine(TABLES)?;
    let cancer = LabelledTable::breast_cancer(TABLES)?;
    let digits = LabelledTable::digits(TABLES)?;

    ctx.progress(0, 4, "wines");
    let wines = Fit::new(centred(scaled(wine.features()).view()))?;
    ctx.measure(&WINE, measured(wines.error).with_scale(wines.condition()))?;
    ctx.progress(1, 4, "tumours");
    let tumours = Fit::new(centred(scaled(cancer.features()).view()))?;
    ctx.measure(
        &BREAST_CANCER,
        measured(tumours.error).with_scale(tumours.condition()),
    )?;
    ctx.progress(2, 4, "digits");
    let (components, variances) = principal_components(centred(scaled(digits.features()).view()).view())?;
    let digits = Fit::new(components)?;
    let inverse = Array2::from_diag(&variances.mapv(f64::recip));
    let error = relative_error(digits.precision().view(), inverse.view());
    ctx.measure(&DIGITS, measured(error).with_scale(digits.condition()))?;

    let mut most = 0.0_f64;
    for fit in [&wines, &tumours, &digits] {
        let likeliest = fit.model.fit(fit.x.view())?;
        let error = relative_error(fit.precision().view(), likeliest.precision().view());
        most = larger(most, error / fit.condition());
    }
    ctx.measure(&LIKELIHOOD, most)?;

    ctx.progress(3, 4, "descent");
    let (descended, objectives) = minimise(wines.x.view(), wines.low, wines.high)?;
    let error = relative_error(descended.precision().view(), wines.inverse.view());
    ctx.measure(&DESCENT, measured(error).with_scale(wines.condition()))?;
    let slope = gradient(&tumours.model, tumours.x.view());
    let steepest = slope.iter().fold(0.0, |m, g| larger(m, g.abs()));
    ctx.measure(&STATIONARY, measured(steepest).with_scale(tumours.condition()))?;

    uncentred(ctx, &wine, &wines)?;
    show_descent(ctx, &objectives, &wines)?;
    show_partial_correlations(ctx, "wines", &wine, &wines)?;
    show_partial_correlations(ctx, "tumours", &cancer, &tumours)
}

/// A table with its precision by score matching and by inversion.
struct Fit {
    x: Array2<f64>,
    model: MultivariateNormal,
    /// `(X'X / N)⁻¹`.
    inverse: Array2<f64>,
    error: f64,
    high: f64,
    low: f64,
}

impl Fit {
    fn new(x: Array2<f64>) -> Result<Self> {
        let family = MultivariateNormal::standard(x.ncols())?;
        let model = ClosedFormScoreMatching::unweighted()
            .estimate(&family, x.view())?
            .member;
        let moment = second_moment(x.view());
        let inverse = Cholesky::new("X'X / N", moment.view())?.inverse();
        let (high, low) = extremes("X'X / N", moment.view())?;
        Ok(Fit {
            error: relative_error(model.precision().view(), inverse.view()),
            x,
            model,
            inverse,
            high,
            low,
        })
    }

    fn precision(&self) -> Array2<f64> {
        self.model.precision()
    }

    /// The condition number of `X'X / N`.
    fn condition(&self) -> f64 {
        self.high / self.low
    }
}

/// Wines divided by their deviations but not centred.
fn uncentred(ctx: &mut Context, wine: &LabelledTable, wines: &Fit) -> Result<()> {
    let x = scaled(wine.features());
    let d = x.ncols();
    let family = MultivariateNormal::standard(d)?;
    let objective = ClosedFormScoreMatching::unweighted().quadratic(&family, x.view())?;
    // The model of mean zero has the statistics x_i x_j only.
    let without_mean = QuadraticObjective {
        curvature: objective.curvature.slice(s![d.., d..]).to_owned(),
        slope: objective.slope.slice(s![d..]).to_owned(),
    };
    let natural = concatenate![Axis(0), Array1::zeros(d), without_mean.minimiser()?];
    let zero_mean = family.with_natural(natural.view())?;

    let mean = x.sum_axis(Axis(0)) / x.nrows() as f64;
    let pull = wines.inverse.dot(&mean);
    let growth = 1.0 + mean.dot(&pull);
    let outer = &pull * &pull.view().insert_axis(Axis(1));
    let expected = &wines.inverse - outer / growth;
    let (high, low) = extremes("X'X / N", second_moment(x.view()).view())?;
    let error = relative_error(zero_mean.precision().view(), expected.view());
    ctx.measure(&SECOND_MOMENT, measured(error).with_scale(high / low))?;

    let truth = MultivariateNormal::from_covariance(mean, second_moment(wines.x.view()))?;
    let cost = truth.kl_divergence(&zero_mean);
    ctx.measure(&COST, measured(cost).against(0.5 * growth.ln()))?;

    // The unknowns of the model with a mean have the second moment of (1, x).
    let with_mean = family.with_natural(objective.minimiser()?.view())?;
    let augmented = concatenate![Axis(1), Array2::ones((x.nrows(), 1)), x];
    let (high, low) = extremes("the moment of (1, x)", second_moment(augmented.view()).view())?;
    let error = relative_error(with_mean.precision().view(), wines.inverse.view());
    ctx.measure(&WITH_MEAN, measured(error).with_scale(high / low))?;
    ctx.note(format!(
        "Uncentred wines: the model of mean zero is {cost:.3} nats a wine from the normal of their mean and covariance, and its precision differs from \
         that of the covariance by a relative {:.2}.",
        relative_error(zero_mean.precision().view(), wines.inverse.view()),
    ));
    Ok(())
}

/// `X'X / N`.
fn second_moment(x: ArrayView2<f64>) -> Array2<f64> {
    matmul(x.t(), x) / x.nrows() as f64
}

/// The columns that vary, divided by their standard deviations (1/N).
fn scaled(x: ArrayView2<f64>) -> Array2<f64> {
    let deviations = x.std_axis(Axis(0), 0.0);
    let varying: Vec<usize> = (0..x.ncols()).filter(|&j| deviations[j] > 0.0).collect();
    x.select(Axis(1), &varying) / deviations.select(Axis(0), &varying)
}

/// The columns with their means subtracted.
fn centred(x: ArrayView2<f64>) -> Array2<f64> {
    &x - &(x.sum_axis(Axis(0)) / x.nrows() as f64)
}

/// The components of largest variance, and their variances.
fn principal_components(x: ArrayView2<f64>) -> Result<(Array2<f64>, Array1<f64>)> {
    let eigen = SymmetricEigen::new("X'X / N", second_moment(x).view())?;
    let first = x.ncols() - N_COMPONENTS;
    let components = matmul(x, eigen.vectors().slice(s![.., first..]));
    Ok((components, eigen.values().slice(s![first..]).to_owned()))
}

fn show_descent(ctx: &mut Context, objectives: &[f64], wines: &Fit) -> Result<()> {
    // At the minimum ½ tr(K C K) − tr K = −½ tr K.
    let least = -0.5 * wines.inverse.diag().sum();
    let root = wines.condition().sqrt();
    let rate = (root - 1.0) / (root + 1.0);
    let start = objectives[0] - least;
    let gap = objectives.iter().enumerate().map(|(t, j)| (t as f64, j - least));
    let bound = (0..objectives.len()).map(|t| {
        let reduction = 2.0 * rate.powi(t as i32) / (1.0 + rate.powi(2 * t as i32));
        (t as f64, start * reduction * reduction)
    });
    let plot = Plot::new(
        "Descending the score matching objective of the wines",
        PlotAxis::linear("steps of the descent"),
        PlotAxis::log("objective above its minimum"),
    )
    .line("Chebyshev's iteration", gap)
    .dashed("its bound", bound.filter(|(_, b)| *b > 1e-16 * start));
    ctx.plot(
        "descent",
        "The objective above its minimum, −½ tr K, and the bound from the condition number; it ends in the rounding of the objective.",
        &plot,
    )
}

/// Partial correlations `−K_ij / √(K_ii K_jj)`: what two columns have to do with one another, given all others.
fn show_partial_correlations(ctx: &mut Context, name: &str, table: &LabelledTable, fit: &Fit) -> Result<()> {
    let precision = fit.precision();
    let d = precision.nrows();
    let partial = Array2::from_shape_fn((d, d), |(i, j)| {
        if i == j {
            0.0
        } else {
            -precision[[i, j]] / (precision[[i, i]] * precision[[j, j]]).sqrt()
        }
    });
    let sides = (0.5, d as f64 + 0.5);
    let heat_map = HeatMap::new("partial correlation", partial.view(), sides, sides)
        .colours(ColourMap::Diverging)
        .range(-1.0, 1.0);
    let plot = Plot::new(
        format!("Partial correlations of the {name}"),
        PlotAxis::linear("column").range(sides.0, sides.1),
        PlotAxis::linear("column").range(sides.0, sides.1),
    )
    .heat_map(heat_map)
    .equal_aspect();
    ctx.plot(
        &format!("partial-{name}"),
        "The precision, scaled to unit diagonal, with its sign changed; the columns are numbered as in the data, and the diagonal is left white. The table has their names.",
        &plot,
    )?;

    let moment = second_moment(fit.x.view());
    let names: Vec<&str> = table
        .names()
        .unwrap_or_default()
        .iter()
        .map(String::as_str)
        .collect();
    let mut rows = Table::new(["first", "second", "correlation", "partial_correlation"]);
    for i in 0..d {
        for j in 0..i {
            rows.row([
                names[j].into(),
                names[i].into(),
                moment[[i, j]].into(),
                partial[[i, j]].into(),
            ])?;
        }
    }
    ctx.table(
        &format!("partial-{name}"),
        "Correlations and partial correlations of every pair of columns.",
        &rows,
    )
}
