//! Data and truth, and learned densities with the arrows of their scores.

use gibbsian_core::{Density, Potential};
use gibbsian_densities::GaussianMixture;
use ndarray::{Array1, Array2, ArrayView2};

use super::claims::Method;
use crate::{Axis, Context, HeatMap, Plot, Result};

/// Half of the side of the pictures; cells and arrows along a side.
const HALF_SIDE: f64 = 3.6;
const N_CELLS: usize = 120;
const N_ARROWS: usize = 20;

const WINDOW: (f64, f64) = (-HALF_SIDE, HALF_SIDE);

/// The middles of `n × n` cells, in rows from below.
fn middles(n: usize) -> Array2<f64> {
    let at = |k: usize| HALF_SIDE * ((2 * k + 1) as f64 / n as f64 - 1.0);
    Array2::from_shape_fn((n * n, 2), |(b, i)| at(if i == 0 { b % n } else { b / n }))
}

/// The density in the colours that all pictures share.
fn picture(title: &str, log_density: Array1<f64>) -> Result<Plot> {
    let density = log_density
        .mapv(f64::exp)
        .into_shape_with_order((N_CELLS, N_CELLS))?;
    let axis = |label: &str| Axis::linear(label).range(-HALF_SIDE, HALF_SIDE);
    // A little above the height of a mode of the truth, 1/(8 · 2π · 0.35²) = 0.162.
    let colours = HeatMap::new("density", density.view(), WINDOW, WINDOW).range(0.0, 0.18);
    Ok(Plot::new(title, axis("x₁"), axis("x₂"))
        .equal_aspect()
        .heat_map(colours))
}

pub(super) fn data(ctx: &mut Context, target: &GaussianMixture, sample: ArrayView2<f64>) -> Result<()> {
    let plot = picture(
        "Data and their density",
        target.log_density(middles(N_CELLS).view()),
    )?;
    let points = sample.rows().into_iter().map(|x| (x[0], x[1]));
    ctx.plot(
        "data",
        "The exact density, and two thousand of the data.",
        &plot.points("data", points),
    )
}

pub(super) fn learned<M: Potential>(ctx: &mut Context, method: &Method, model: &M, log_z: f64) -> Result<()> {
    let log_q = model.energy(middles(N_CELLS).view()).mapv(|e| -e - log_z);
    let x = middles(N_ARROWS);
    let s = model.score(x.view());
    // The length of an arrow is the logarithm of one plus the size of the score.
    let arrows = (0..x.nrows()).map(|b| {
        let size = s[[b, 0]].hypot(s[[b, 1]]);
        let factor = size.ln_1p() / size;
        [x[[b, 0]], x[[b, 1]], factor * s[[b, 0]], factor * s[[b, 1]]]
    });
    let plot = picture(&format!("Learned by {}", method.title), log_q)?.arrows("", arrows);
    let caption = format!(
        "The density learned by {}, normalised by quadrature, in the colours of the data's, and the direction of its score.",
        method.title
    );
    ctx.plot(method.name, &caption, &plot)
}
