//! Pullbacks of the model traits against differences in the parameters.
//!
//! One function a trait. Each lays the row-wise arguments side by side for the laws of [`row_pullback`], watches what the
//! callback is handed, and compares the gradient with differences of the weighted values.

use gibbsian_core::{
    At, EnergyPullback, GeneratorPullback, ParametricMut, ScoreJvp, ScoreJvpPullback, ScorePullback,
    TimeEnergyPullback, TimeScoreJvpPullback, TimeScorePullback,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, concatenate, s};

use crate::agreement::{Worst, close};
use crate::callback::Callback;
use crate::derivatives::parameter_gradient;
use crate::differences::Precision;
use crate::pullback::{normals, row_pullback};
use crate::verdict::{Failure, Verdict};

/// Checks [`EnergyPullback`].
///
/// # Errors
/// The worst entry that disagrees, by the name of its parameter, or the first law that does not hold.
pub fn energy_pullback<M: EnergyPullback + ParametricMut + ?Sized>(
    model: &mut M,
    x: ArrayView2<f64>,
    precision: Precision,
) -> Result<Worst, Failure> {
    let d = x.ncols();
    let w = normals("weights", (x.nrows(), 1));
    let rows = concatenate![Axis(1), x, w];
    let w = w.remove_axis(Axis(1));
    let shared = &*model;
    let add = |rows: ArrayView2<f64>, grad: ArrayViewMut1<f64>| {
        shared.energy_pullback_into(rows.slice(s![.., ..d]), rows.column(d), grad);
    };
    let grad = row_pullback(rows.view(), shared.n_params(), &add, precision)?;

    energy_callback(shared, x, &w, &grad, precision)?;
    parameter_gradient(ENERGY_LAW, model, grad.view(), &|m| &w * &m.energy(x), precision)
}

/// Checks [`TimeEnergyPullback`] at the times `t` `(B)`.
///
/// # Errors
/// The worst entry that disagrees, by the name of its parameter, or the first law that does not hold.
pub fn time_energy_pullback<M: TimeEnergyPullback + ParametricMut>(
    model: &mut M,
    x: ArrayView2<f64>,
    t: ArrayView1<f64>,
    precision: Precision,
) -> Result<Worst, Failure> {
    use gibbsian_core::Energy;
    let d = x.ncols();
    let w = normals("weights", (x.nrows(), 1));
    let rows = concatenate![Axis(1), x, w, t.insert_axis(Axis(1))];
    let w = w.remove_axis(Axis(1));
    let shared = &*model;
    let add = |rows: ArrayView2<f64>, grad: ArrayViewMut1<f64>| {
        let at = At::new(shared, rows.column(d + 1));
        at.energy_pullback_into(rows.slice(s![.., ..d]), rows.column(d), grad);
    };
    let grad = row_pullback(rows.view(), shared.n_params(), &add, precision)?;
    energy_callback(&At::new(shared, t), x, &w, &grad, precision)?;
    let terms = |m: &M| &w * &At::new(m, t).energy(x);
    parameter_gradient(ENERGY_LAW, model, grad.view(), &terms, precision)
}

/// Checks [`ScorePullback`].
///
/// # Errors
/// The worst entry that disagrees, by the name of its parameter, or the first law that does not hold.
pub fn score_pullback<M: ScorePullback + ParametricMut + ?Sized>(
    model: &mut M,
    x: ArrayView2<f64>,
    precision: Precision,
) -> Result<Worst, Failure> {
    let d = x.ncols();
    let u = normals("cotangent of the score", x.dim());
    let rows = concatenate![Axis(1), x, u];
    let shared = &*model;
    let add = |rows: ArrayView2<f64>, grad: ArrayViewMut1<f64>| {
        shared.score_pullback_into(rows.slice(s![.., ..d]), rows.slice(s![.., d..]), grad);
    };
    let grad = row_pullback(rows.view(), shared.n_params(), &add, precision)?;
    score_callback(shared, x, &u, &grad, precision)?;
    parameter_gradient(
        SCORE_LAW,
        model,
        grad.view(),
        &|m| (&u * &m.score(x)).into_flat(),
        precision,
    )
}

/// Checks [`TimeScorePullback`] at the times `t` `(B)`.
///
/// # Errors
/// The worst entry that disagrees, by the name of its parameter, or the first law that does not hold.
pub fn time_score_pullback<M: TimeScorePullback + ParametricMut>(
    model: &mut M,
    x: ArrayView2<f64>,
    t: ArrayView1<f64>,
    precision: Precision,
) -> Result<Worst, Failure> {
    use gibbsian_core::Score;
    let d = x.ncols();
    let u = normals("cotangent of the score", x.dim());
    let rows = concatenate![Axis(1), x, u, t.insert_axis(Axis(1))];
    let shared = &*model;
    let add = |rows: ArrayView2<f64>, grad: ArrayViewMut1<f64>| {
        let (x, u) = (rows.slice(s![.., ..d]), rows.slice(s![.., d..2 * d]));
        At::new(shared, rows.column(2 * d)).score_pullback_into(x, u, grad);
    };
    let grad = row_pullback(rows.view(), shared.n_params(), &add, precision)?;
    score_callback(&At::new(shared, t), x, &u, &grad, precision)?;
    let terms = |m: &M| (&u * &At::new(m, t).score(x)).into_flat();
    parameter_gradient(SCORE_LAW, model, grad.view(), &terms, precision)
}

/// Checks [`ScoreJvpPullback`].
///
/// # Errors
/// The worst entry that disagrees, by the name of its parameter, or the first law that does not hold.
pub fn score_jvp_pullback<M: ScoreJvpPullback + ParametricMut + ?Sized>(
    model: &mut M,
    x: ArrayView2<f64>,
    precision: Precision,
) -> Result<Worst, Failure> {
    let c = JvpCotangents::new(x);
    let rows = concatenate![Axis(1), x, c.v, c.u, c.w];
    let shared = &*model;
    let add = |rows: ArrayView2<f64>, grad: ArrayViewMut1<f64>| jvp_pullback_of_rows(shared, rows, grad);
    let grad = row_pullback(rows.view(), shared.n_params(), &add, precision)?;
    c.callback(shared, x, &grad, precision)?;
    parameter_gradient(JVP_LAW, model, grad.view(), &|m| c.terms(m, x), precision)
}

/// Checks [`TimeScoreJvpPullback`] at the times `t` `(B)`.
///
/// # Errors
/// The worst entry that disagrees, by the name of its parameter, or the first law that does not hold.
pub fn time_score_jvp_pullback<M: TimeScoreJvpPullback + ParametricMut>(
    model: &mut M,
    x: ArrayView2<f64>,
    t: ArrayView1<f64>,
    precision: Precision,
) -> Result<Worst, Failure> {
    let c = JvpCotangents::new(x);
    let rows = concatenate![Axis(1), x, c.v, c.u, c.w, t.insert_axis(Axis(1))];
    let shared = &*model;
    let add = |rows: ArrayView2<f64>, grad: ArrayViewMut1<f64>| {
        let (rows, t) = rows.split_at(Axis(1), rows.ncols() - 1);
        jvp_pullback_of_rows(&At::new(shared, t.column(0)), rows, grad);
    };
    let grad = row_pullback(rows.view(), shared.n_params(), &add, precision)?;
    c.callback(&At::new(shared, t), x, &grad, precision)?;
    parameter_gradient(
        JVP_LAW,
        model,
        grad.view(),
        &|m| c.terms(&At::new(m, t), x),
        precision,
    )
}

/// Checks [`GeneratorPullback`] at the latent points `z` `(B, L)`.
///
/// # Errors
/// The worst entry that disagrees, by the name of its parameter, or the first law that does not hold.
pub fn generator_pullback<G: GeneratorPullback + ParametricMut + ?Sized>(
    model: &mut G,
    z: ArrayView2<f64>,
    precision: Precision,
) -> Result<Worst, Failure> {
    let l = z.ncols();
    let u = normals("cotangent of the points", (z.nrows(), model.dim()));
    let rows = concatenate![Axis(1), z, u];
    let shared = &*model;
    let add = |rows: ArrayView2<f64>, grad: ArrayViewMut1<f64>| {
        let u = rows.slice(s![.., l..]);
        shared.generator_pullback_with(rows.slice(s![.., ..l]), &mut |_, mut out| out.assign(&u), grad);
    };
    let grad = row_pullback(rows.view(), shared.n_params(), &add, precision)?;

    let points = shared.generate(z);
    let mut callback = Callback::new("the callback is handed the points", precision);
    let mut with = Array1::zeros(grad.len());
    let mut cotangent = |x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>| {
        callback.called();
        callback.handed(&x, &points);
        out.assign(&u);
    };
    shared.generator_pullback_with(z, &mut cotangent, with.view_mut());
    callback.finish()?;
    let law = "the pullback is the gradient of the weighted points";
    let terms = |m: &G| (&u * &m.generate(z)).into_flat();
    parameter_gradient(law, model, grad.view(), &terms, precision)
}

const ENERGY_LAW: &str = "the pullback is the gradient of the weighted energies";
/// Checks [`ScoreJvpPullback::divergence_pullback_with`], also of a time-dependent model through [`At`]: against the form that takes the coordinates one by one, which the products' laws hold for.
///
/// # Errors
/// The worst entry that disagrees, or a callback that is not handed the divergence.
pub fn divergence_pullback<M: ScoreJvpPullback + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    precision: Precision,
) -> Verdict {
    let u = normals("cotangent of the score", x.dim());
    let c = normals("cotangent of the divergence", (x.nrows(), 1)).remove_axis(Axis(1));
    let (score, divergence) = (model.score(x), model.divergence(x));
    let mut expected = Array1::zeros(model.n_params());
    let mut direction = Array2::zeros(x.dim());
    for i in 0..x.ncols() {
        direction.fill(0.0);
        direction.column_mut(i).fill(1.0);
        let mut cotangent = |_: ArrayView2<f64>,
                             _: ArrayView2<f64>,
                             mut u_out: ArrayViewMut2<f64>,
                             mut w_out: ArrayViewMut2<f64>| {
            u_out.fill(0.0);
            if i == 0 {
                u_out.assign(&u);
            }
            w_out.fill(0.0);
            w_out.column_mut(i).assign(&c);
        };
        model.score_jvp_pullback_with(x, direction.view(), &mut cotangent, expected.view_mut());
    }
    let mut callback = Callback::new("the callback is handed the scores and divergences", precision);
    let mut found = Array1::zeros(expected.len());
    let mut cotangent = |s: ArrayView2<f64>,
                         d: ArrayView1<f64>,
                         mut u_out: ArrayViewMut2<f64>,
                         mut c_out: ArrayViewMut1<f64>| {
        callback.called();
        callback.handed(&s, &score);
        callback.handed(&d, &divergence);
        u_out.assign(&u);
        c_out.assign(&c);
    };
    model.divergence_pullback_with(x, &mut cotangent, found.view_mut());
    callback.finish()?;
    let law = "the pullback of the divergence is that of its terms";
    close(law, &found, &expected, precision.agreement())
}

const SCORE_LAW: &str = "the pullback is the gradient of the weighted scores";
const JVP_LAW: &str = "the pullback is the gradient of the weighted scores and products";

/// The callback is handed the energies once, and the gradient is that of given weights.
fn energy_callback<M: EnergyPullback + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    w: &Array1<f64>,
    grad: &Array1<f64>,
    precision: Precision,
) -> Verdict {
    let energies = model.energy(x);
    let mut callback = Callback::new("the callback is handed the energies", precision);
    let mut with = Array1::zeros(grad.len());
    let mut weigh = |e: ArrayView1<f64>, mut out: ArrayViewMut1<f64>| {
        callback.called();
        callback.handed(&e, &energies);
        out.assign(w);
    };
    model.energy_pullback_with(x, &mut weigh, with.view_mut());
    callback.finish()?;
    close(
        "both forms of the pullback agree",
        &with,
        grad,
        precision.agreement(),
    )
}

fn score_callback<M: ScorePullback + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    u: &Array2<f64>,
    grad: &Array1<f64>,
    precision: Precision,
) -> Verdict {
    let score = model.score(x);
    let mut callback = Callback::new("the callback is handed the scores", precision);
    let mut with = Array1::zeros(grad.len());
    let mut cotangent = |s: ArrayView2<f64>, mut out: ArrayViewMut2<f64>| {
        callback.called();
        callback.handed(&s, &score);
        out.assign(u);
    };
    model.score_pullback_with(x, &mut cotangent, with.view_mut());
    callback.finish()?;
    close(
        "both forms of the pullback agree",
        &with,
        grad,
        precision.agreement(),
    )
}

/// The pullback of rows that hold point, direction, and both cotangents side by side.
fn jvp_pullback_of_rows<M: ScoreJvpPullback + ?Sized>(
    model: &M,
    rows: ArrayView2<f64>,
    grad: ArrayViewMut1<f64>,
) {
    let d = rows.ncols() / 4;
    let part = |k: usize| rows.slice(s![.., k * d..(k + 1) * d]);
    let (x, v, u, w) = (part(0), part(1), part(2), part(3));
    let mut cotangent = |_: ArrayView2<f64>,
                         _: ArrayView2<f64>,
                         mut u_out: ArrayViewMut2<f64>,
                         mut w_out: ArrayViewMut2<f64>| {
        u_out.assign(&u);
        w_out.assign(&w);
    };
    model.score_jvp_pullback_with(x, v, &mut cotangent, grad);
}

/// A direction and the cotangents of the score and of its product with the Jacobian.
struct JvpCotangents {
    v: Array2<f64>,
    u: Array2<f64>,
    w: Array2<f64>,
}

impl JvpCotangents {
    fn new(x: ArrayView2<f64>) -> Self {
        JvpCotangents {
            v: normals("direction", x.dim()),
            u: normals("cotangent of the score", x.dim()),
            w: normals("cotangent of the product", x.dim()),
        }
    }

    fn score_and_jvp<M: ScoreJvp + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
    ) -> (Array2<f64>, Array2<f64>) {
        let (mut score, mut jvp) = (Array2::zeros(x.dim()), Array2::zeros(x.dim()));
        model.score_jvp_into(x, self.v.view(), score.view_mut(), jvp.view_mut());
        (score, jvp)
    }

    /// The terms of `Σ u · s + w · J v`.
    fn terms<M: ScoreJvp + ?Sized>(&self, model: &M, x: ArrayView2<f64>) -> Array1<f64> {
        let (score, jvp) = self.score_and_jvp(model, x);
        (&self.u * &score + &self.w * &jvp).into_flat()
    }

    fn callback<M: ScoreJvpPullback + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        grad: &Array1<f64>,
        precision: Precision,
    ) -> Verdict {
        let (score, jvp) = self.score_and_jvp(model, x);
        let mut callback = Callback::new("the callback is handed the scores and products", precision);
        let mut with = Array1::zeros(grad.len());
        let mut cotangent = |s: ArrayView2<f64>,
                             j: ArrayView2<f64>,
                             mut u_out: ArrayViewMut2<f64>,
                             mut w_out: ArrayViewMut2<f64>| {
            callback.called();
            callback.handed(&s, &score);
            callback.handed(&j, &jvp);
            u_out.assign(&self.u);
            w_out.assign(&self.w);
        };
        model.score_jvp_pullback_with(x, self.v.view(), &mut cotangent, with.view_mut());
        callback.finish()?;
        close(
            "the pullback of a batch is reproducible",
            &with,
            grad,
            precision.agreement(),
        )
    }
}
