//! A density and its score.

use gibbsian::core::{Density, Score};
use gibbsian::densities::{Covariances, GaussianMixture};
use gibbsian::figure::{Axis, HeatMap, Plot};
use gibbsian::ndarray::{Array2, array};

use super::Result;

/// The middles of `n × n` cells over a square window, row by row upwards.
pub(crate) fn middles(window: (f64, f64), n: usize) -> Array2<f64> {
    let at = |i: usize| window.0 + (window.1 - window.0) * (i as f64 + 0.5) / n as f64;
    Array2::from_shape_fn(
        (n * n, 2),
        |(cell, axis)| if axis == 0 { at(cell % n) } else { at(cell / n) },
    )
}

/// Arrows of a score on a grid of `n × n` points.
pub(crate) fn arrows(score: &dyn Score, window: (f64, f64), n: usize) -> Vec<[f64; 4]> {
    let x = middles(window, n);
    let s = score.score(x.view());
    (x.rows().into_iter().zip(s.rows()))
        .map(|(x, s)| {
            // Long arrows would hide the others: lengths grow like a logarithm.
            let norm = s.dot(&s).sqrt();
            let length = norm.ln_1p() / norm.max(1e-12);
            [x[0], x[1], length * s[0], length * s[1]]
        })
        .collect()
}

pub(crate) fn mixture_score() -> Result<Plot> {
    let mixture = GaussianMixture::new(
        array![0.4, 0.6],
        array![[-2.0, 0.0], [2.0, 0.0]],
        Covariances::Spherical(array![1.0, 0.5]),
    )?;
    let (window, n) = ((-4.5, 4.5), 90);
    let heights = mixture
        .log_density(middles(window, n).view())
        .into_shape_with_order((n, n))?;
    let heat_map = HeatMap::new("log p(x), nats", heights.view(), window, window).range(-10.0, -1.5);
    Ok(
        Plot::new("A mixture and its score", Axis::linear("x₁"), Axis::linear("x₂"))
            .heat_map(heat_map)
            .arrows("", arrows(&mixture, window, 17))
            .equal_aspect(),
    )
}
