//! Laws of scores, their Jacobian and their pullbacks.

use gibbsian_core::{
    At, ParametricMut, Potential, Score, ScoreJvp, ScoreJvpPullback, ScorePullback, TimeScore, TimeScoreJvp,
    TimeScoreJvpPullback, TimeScorePullback,
};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, concatenate, s};

use crate::agreement::{close, identical};
use crate::batch::row_map;
use crate::differences::Precision;
use crate::pullback::normals;
use crate::verdict::{Verdict, require};
use crate::{derivatives, parameter_pullbacks};

/// Checks [`Score`] at the probes `x` `(B, D)`, as [`super::energy`] does.
///
/// # Errors
/// The first law that does not hold.
pub fn score<M: Score + ?Sized>(model: &M, x: ArrayView2<f64>, precision: Precision) -> Verdict {
    require(
        x.ncols() == model.dim(),
        "probes fit",
        format_args!("x has shape {:?}, dim is {}", x.shape(), model.dim()),
    )?;
    row_map(x, x.ncols(), &|x, out| model.score_into(x, out), precision)?;
    let mut into = ndarray::Array2::zeros(x.dim());
    model.score_into(x, into.view_mut());
    identical("score and score_into agree", &model.score(x), &into)
}

/// Checks [`Potential`]: energy and score belong together, `s = −∂E/∂x`, and what comes in one pass is what comes in two, and a row map
/// like the others.
///
/// # Errors
/// The worst entry that disagrees.
pub fn potential<M: Potential + ?Sized>(model: &M, x: ArrayView2<f64>, precision: Precision) -> Verdict {
    derivatives::score(model, x, precision)?;
    let one_pass = |x: ArrayView2<f64>, out: ndarray::ArrayViewMut2<f64>| {
        let (mut energy, score) = out.split_at(Axis(1), 1);
        model.energy_and_score_into(x, energy.column_mut(0), score);
    };
    let mut both = Array2::zeros((x.nrows(), x.ncols() + 1));
    one_pass(x, both.view_mut());
    let (energy, score) = both.view().split_at(Axis(1), 1);
    let tolerance = precision.agreement();
    close(
        "the energy of one pass",
        &energy.column(0),
        &model.energy(x),
        tolerance,
    )?;
    close("the score of one pass", &score, &model.score(x), tolerance)?;
    row_map(x, x.ncols() + 1, &one_pass, precision).map_err(|f| f.within("energy and score in one pass"))
}

/// Checks [`ScoreJvp`]: `J v` and the divergence against differences of the score, and the laws of row maps for both.
///
/// # Errors
/// The first law that does not hold.
pub fn score_jvp<M: ScoreJvp + ?Sized>(model: &M, x: ArrayView2<f64>, precision: Precision) -> Verdict {
    let d = x.ncols();
    derivatives::score_jvp(model, x, precision)?;
    derivatives::divergence(model, x, precision)?;
    let rows = concatenate![Axis(1), x, normals("direction", x.dim())];
    let both = |rows: ArrayView2<f64>, out: ndarray::ArrayViewMut2<f64>| {
        let (score, jvp) = out.split_at(Axis(1), d);
        model.score_jvp_into(rows.slice(s![.., ..d]), rows.slice(s![.., d..]), score, jvp);
    };
    row_map(rows.view(), 2 * d, &both, precision)?;
    row_map(
        x,
        1,
        &|x, mut out| model.divergence_into(x, out.column_mut(0)),
        precision,
    )
    .map_err(|f| f.within("divergence"))
}

/// Checks [`ScorePullback`] as [`super::energy_pullback`] does.
///
/// # Errors
/// The first law that does not hold, with the name of the worst parameter.
pub fn score_pullback<M: ScorePullback + ParametricMut + ?Sized>(
    model: &mut M,
    x: ArrayView2<f64>,
    precision: Precision,
) -> Verdict {
    parameter_pullbacks::score_pullback(model, x, precision).map(|_| ())
}

/// Checks [`ScoreJvpPullback`] as [`super::energy_pullback`] does.
///
/// # Errors
/// The first law that does not hold, with the name of the worst parameter.
pub fn score_jvp_pullback<M: ScoreJvpPullback + ParametricMut + ?Sized>(
    model: &mut M,
    x: ArrayView2<f64>,
    precision: Precision,
) -> Verdict {
    parameter_pullbacks::score_jvp_pullback(model, x, precision)?;
    parameter_pullbacks::divergence_pullback(model, x, precision)
}

/// Checks [`TimeScore`] at the probes `x` `(B, D)` and times `t` `(B)`, which should differ: the laws of row maps,
/// time being a coordinate of a row like the others.
///
/// # Errors
/// The first law that does not hold.
pub fn time_score<M: TimeScore + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    t: ArrayView1<f64>,
    precision: Precision,
) -> Verdict {
    let d = x.ncols();
    let rows = concatenate![Axis(1), x, t.insert_axis(Axis(1))];
    let at = |rows: ArrayView2<f64>, out: ndarray::ArrayViewMut2<f64>| {
        model.score_at_into(rows.slice(s![.., ..d]), rows.column(d), out);
    };
    row_map(rows.view(), d, &at, precision)
}

/// Checks [`TimeScoreJvp`] as [`score_jvp`] does, at the times `t` `(B)`, and that score and divergence of one pass are those of two.
///
/// # Errors
/// The first law that does not hold.
pub fn time_score_jvp<M: TimeScoreJvp + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    t: ArrayView1<f64>,
    precision: Precision,
) -> Verdict {
    let d = x.ncols();
    derivatives::score_jvp(&At::new(model, t), x, precision)?;
    derivatives::divergence(&At::new(model, t), x, precision)?;
    let rows = concatenate![Axis(1), x, normals("direction", x.dim()), t.insert_axis(Axis(1))];
    let both = |rows: ArrayView2<f64>, out: ndarray::ArrayViewMut2<f64>| {
        let (score, jvp) = out.split_at(Axis(1), d);
        let (x, v) = (rows.slice(s![.., ..d]), rows.slice(s![.., d..2 * d]));
        model.score_jvp_at_into(x, rows.column(2 * d), v, score, jvp);
    };
    row_map(rows.view(), 2 * d, &both, precision)?;
    let one_pass = |rows: ArrayView2<f64>, out: ndarray::ArrayViewMut2<f64>| {
        let (score, mut divergence) = out.split_at(Axis(1), d);
        let (x, t) = (rows.slice(s![.., ..d]), rows.column(d));
        model.score_and_divergence_at_into(x, t, score, divergence.column_mut(0));
    };
    let rows = concatenate![Axis(1), x, t.insert_axis(Axis(1))];
    let mut found = Array2::zeros((x.nrows(), d + 1));
    one_pass(rows.view(), found.view_mut());
    let (found_score, found_divergence) = found.view().split_at(Axis(1), d);
    let at = At::new(model, t);
    let tolerance = precision.agreement();
    close("the score of one pass", &found_score, &at.score(x), tolerance)?;
    close(
        "the divergence of one pass",
        &found_divergence.column(0),
        &at.divergence(x),
        tolerance,
    )?;
    row_map(rows.view(), d + 1, &one_pass, precision)
        .map_err(|f| f.within("score and divergence in one pass"))
}

/// Checks [`TimeScorePullback`] as [`super::energy_pullback`] does, at the times `t` `(B)`.
///
/// # Errors
/// The first law that does not hold, with the name of the worst parameter.
pub fn time_score_pullback<M: TimeScorePullback + ParametricMut>(
    model: &mut M,
    x: ArrayView2<f64>,
    t: ArrayView1<f64>,
    precision: Precision,
) -> Verdict {
    parameter_pullbacks::time_score_pullback(model, x, t, precision).map(|_| ())
}

/// Checks [`TimeScoreJvpPullback`] as [`super::energy_pullback`] does, at the times `t` `(B)`.
///
/// # Errors
/// The first law that does not hold, with the name of the worst parameter.
pub fn time_score_jvp_pullback<M: TimeScoreJvpPullback + ParametricMut>(
    model: &mut M,
    x: ArrayView2<f64>,
    t: ArrayView1<f64>,
    precision: Precision,
) -> Verdict {
    parameter_pullbacks::time_score_jvp_pullback(model, x, t, precision)?;
    parameter_pullbacks::divergence_pullback(&At::new(model, t), x, precision)
}
