//! A figure: a histogram of draws and the density they come from, as one self-contained SVG file.
//!
//! The columns estimate `p(x)`, the line is `p(x)`. How far they may be apart is known: the empirical distribution function stays within `√(ln(2/α)/2n)` of the true one with probability `1 − α` (Dvoretzky, Kiefer and
//! Wolfowitz; Massart 1990).
//!
//! `cargo run -p gibbsian --example plot`
//!
//! writes `gibbsian-mixture.svg` into the system's folder for temporary files, prints its path, and holds the draws to the bound.

#![allow(clippy::print_stdout)]

use std::error::Error;

use gibbsian::densities::{Normal, Univariate};
use gibbsian::figure::{Axis, Plot};
use gibbsian::ndarray::{self, Array1, array};
use gibbsian::prelude::{Covariances, Density, GaussianMixture, Seed};

/// Draws, compares distribution functions, plots.
pub fn main() -> Result<(), Box<dyn Error>> {
    let mixture = GaussianMixture::new(
        array![0.3, 0.7],
        array![[-2.0], [1.0]],
        Covariances::Spherical(array![0.25, 1.0]),
    )?;
    let n = 2_000;
    let mut x = mixture
        .sample(n, &mut Seed::new(1).rng())
        .into_raw_vec_and_offset()
        .0;
    x.sort_by(f64::total_cmp);

    let parts = [(0.3, Normal::new(-2.0, 0.5)?), (0.7, Normal::new(1.0, 1.0)?)];
    let cdf = |x: f64| parts.iter().map(|(w, normal)| w * normal.cdf(x)).sum::<f64>();
    let largest = x.iter().enumerate().fold(0.0_f64, |m, (i, &x)| {
        m.max((cdf(x) - i as f64 / n as f64).abs())
            .max((cdf(x) - (i + 1) as f64 / n as f64).abs())
    });
    let bound = ((2.0_f64 / 1e-4).ln() / (2.0 * n as f64)).sqrt();
    println!("distribution functions at most {largest:.4} apart, bound {bound:.4}");
    assert!(largest < bound);

    let grid = Array1::linspace(-5.0, 5.0, 201);
    let density = mixture
        .log_density(grid.view().insert_axis(ndarray::Axis(1)))
        .mapv(f64::exp);
    let draw = || {
        Plot::new(
            "A mixture and 2,000 draws of it",
            Axis::linear("x"),
            Axis::linear("density"),
        )
        .histogram("draws", &x, -5.0, 5.0, 40)
        .line("p(x)", grid.iter().copied().zip(density.iter().copied()))
        .render()
    };
    let (svg, (width, height)) = draw()?;
    let path = std::env::temp_dir().join("gibbsian-mixture.svg");
    std::fs::write(&path, &svg)?;
    println!("{} ({width} × {height})", path.display());
    assert!(svg.starts_with("<svg") && svg.contains("p(x)") && svg.contains("draws"));
    // Equal data, equal bytes.
    assert_eq!(svg, draw()?.0);
    // The formula of one number and the mixture of points agree.
    let by_parts: f64 = parts
        .iter()
        .map(|(w, normal)| w * normal.log_density_at(0.0).exp())
        .sum();
    assert!((density[100] - by_parts).abs() < 1e-14);
    Ok(())
}
