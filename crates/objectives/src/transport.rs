//! The regression of a field that knows no time on the transport between data and noise.

use gibbsian_core::error::{check_loss, check_points, check_shape};
use gibbsian_core::{Error, Result, ScorePullback, Space, Streams};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::coupling::Coupling;
use crate::row_uniforms::RowUniforms;
use crate::source::{Source, draw_for};

/// The noise that the rows of `x` are joined with, and a time for each, uniform in `[0, 1]`.
pub(crate) fn draw_pairs<M: Space + ?Sized, S: Source + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    source: &S,
    coupling: Coupling,
    rows: RowUniforms,
    streams: Streams,
) -> Result<(Array2<f64>, Array1<f64>)> {
    check_points("x", &x, model.dim())?;
    let noise = draw_for(model, source, x.nrows(), &mut streams.part(0).block(0))?;
    let noise = coupling.join(x, noise)?;
    Ok((noise, rows.draw(x.nrows(), streams.part(1))))
}

/// Requires pairs for a model, at times on the straight path.
pub(crate) fn check_pairs<M: Space + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    noise: ArrayView2<f64>,
    t: ArrayView1<f64>,
) -> Result<()> {
    check_points("x", &x, model.dim())?;
    check_shape("noise", &noise, x.shape())?;
    check_shape("t", &t, &[x.nrows()])?;
    match t.iter().position(|t| !(0.0..=1.0).contains(t)) {
        None => Ok(()),
        Some(b) => Err(Error::parameter(format!("t[{b}]"), t[b], "in [0, 1]")),
    }
}

/// **Adds** the gradient of `Σ_b w_b ½ ‖s((1 − t_b) x_b + t_b z_b) − c_b (x_b − z_b)‖²` to `grad` and returns the sum.
pub(crate) fn add_transport_regression<M: ScorePullback + ?Sized>(
    model: &M,
    [x, noise]: [ArrayView2<f64>; 2],
    t: ArrayView1<f64>,
    w: ArrayView1<f64>,
    c: ArrayView1<f64>,
    grad: ArrayViewMut1<f64>,
    what: &'static str,
) -> Result<f64> {
    let mut points = Array2::zeros(x.raw_dim());
    for (b, mut point) in points.rows_mut().into_iter().enumerate() {
        point.scaled_add(1.0 - t[b], &x.row(b));
        point.scaled_add(t[b], &noise.row(b));
    }
    let mut loss = 0.0;
    let mut cotangent = |s: ArrayView2<f64>, mut u: ArrayViewMut2<f64>| {
        u.assign(&s);
        for (b, mut residual) in u.rows_mut().into_iter().enumerate() {
            residual.scaled_add(-c[b], &x.row(b));
            residual.scaled_add(c[b], &noise.row(b));
            loss += 0.5 * w[b] * residual.dot(&residual);
            residual *= w[b];
        }
    };
    model.score_pullback_with(points.view(), &mut cotangent, grad);
    check_loss(loss, what)
}
