//! Arrows over contours, and the gamma density's score as a curve.

use gibbsian_core::{Density, Score};
use ndarray::{Array1, Array2};

use super::fields::{self, Field};
use crate::{Axis, Context, HeatMap, Plot, Result};

/// Cells of a picture and arrows of a quiver, along the first axis.
const N_CELLS: usize = 160;
const N_ARROWS: usize = 22;

pub(super) fn show(ctx: &mut Context) -> Result<()> {
    for field in fields::all()? {
        let is_target = !["normal", "mixture"].contains(&field.name);
        if is_target {
            ctx.plot(
                field.name,
                "The density of the target and the direction of its score; lengths of arrows follow the logarithm of one plus the size of the score.",
                &target(&field)?,
            )?;
        } else {
            ctx.plot(
                field.name,
                "The score over the contours of the density, at 90, 60, 30 and 10 % of its largest value, then at 1 %, 0.1 % and so on.",
                &quiver(&field)?,
            )?;
        }
    }
    gamma(ctx)
}

/// The middles of `n` cells over a range.
fn middles((low, high): (f64, f64), n: usize) -> Vec<f64> {
    (0..n)
        .map(|k| low + (high - low) * (k as f64 + 0.5) / n as f64)
        .collect()
}

/// Points in rows from below, each from left to right, and their number along both axes.
fn grid(window: [(f64, f64); 2], n: usize) -> (Array2<f64>, usize, usize) {
    let [(left, right), (low, high)] = window;
    let n_rows = (n as f64 * (high - low) / (right - left)).round() as usize;
    let (x, y) = (middles(window[0], n), middles(window[1], n_rows));
    let points = Array2::from_shape_fn((n * n_rows, 2), |(b, i)| if i == 0 { x[b % n] } else { y[b / n] });
    (points, n_rows, n)
}

/// `log p` on a grid over the window, relative to its largest value there.
fn heights(field: &Field) -> Result<Array2<f64>> {
    let (x, n_rows, n_columns) = grid(field.window, N_CELLS);
    let log_p = field.density.log_density(x.view());
    let largest = log_p.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
    Ok((log_p - largest).into_shape_with_order((n_rows, n_columns))?)
}

/// The score at the places of the arrows, its length changed by `rescale`.
fn arrows(field: &Field, rescale: impl Fn(f64) -> f64) -> Vec<[f64; 4]> {
    let (x, ..) = grid(field.window, N_ARROWS);
    let s = field.density.score(x.view());
    let arrow = |b: usize| {
        let size = s[[b, 0]].hypot(s[[b, 1]]);
        let factor = rescale(size) / size;
        [x[[b, 0]], x[[b, 1]], factor * s[[b, 0]], factor * s[[b, 1]]]
    };
    (0..x.nrows()).map(arrow).collect()
}

fn axes(field: &Field) -> [Axis; 2] {
    let names = if field.name == "funnel" {
        ["v", "x"]
    } else {
        ["x₁", "x₂"]
    };
    [0, 1].map(|i| Axis::linear(names[i]).range(field.window[i].0, field.window[i].1))
}

fn quiver(field: &Field) -> Result<Plot> {
    let [x, y] = axes(field);
    let mut levels: Vec<f64> = [0.9, 0.6, 0.3, 0.1].map(f64::ln).to_vec();
    levels.extend((2..=30).map(|k| -f64::from(k) * 10f64.ln()));
    let title = format!("The score of a {} density", field.name);
    let plot = Plot::new(title.replace("mixture", "normal mixture"), x, y).equal_aspect();
    let heights = heights(field)?;
    let plot = plot.contours(
        "density",
        heights.view(),
        field.window[0],
        field.window[1],
        &levels,
    );
    Ok(plot.arrows("score", arrows(field, |size| size)))
}

fn target(field: &Field) -> Result<Plot> {
    let [x, y] = axes(field);
    let plot = Plot::new(
        format!("Benchmark target: {}", field.name.replace('-', " ")),
        x,
        y,
    )
    .equal_aspect();
    let density = heights(field)?.mapv(f64::exp);
    let picture = HeatMap::new(
        "density / its maximum",
        density.view(),
        field.window[0],
        field.window[1],
    );
    let plot = plot.heat_map(picture.range(0.0, 1.0));
    Ok(plot.arrows("", arrows(field, f64::ln_1p)))
}

fn gamma(ctx: &mut Context) -> Result<()> {
    let gamma = fields::gamma()?;
    let x = Array1::linspace(0.02, 8.0, 400);
    let rows = x.clone().insert_axis(ndarray::Axis(1));
    let (log_p, score) = (gamma.log_density(rows.view()), gamma.score(rows.view()));
    let plot = Plot::new(
        "The score of a gamma density",
        Axis::linear("x").range(0.0, 8.0),
        Axis::linear("score, log p (nats), and 10 p").range(-3.2, 4.0),
    )
    .line("score", x.iter().copied().zip(score.iter().copied()))
    .line("log p", x.iter().copied().zip(log_p.iter().copied()))
    .line(
        "10 p",
        x.iter().copied().zip(log_p.iter().map(|l| 10.0 * l.exp())),
    )
    .horizontal("", 0.0)
    .vertical("mode", (fields::GAMMA_SHAPE - 1.0) / fields::GAMMA_RATE);
    ctx.plot(
        "gamma",
        "Shape 3, rate 1.5: the score is infinite at zero, zero at the mode, and tends to minus the rate.",
        &plot,
    )
}
