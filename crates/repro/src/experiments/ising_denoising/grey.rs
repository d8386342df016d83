//! Eight grey levels and normal noise: the photograph of the text, by expansions of cuts and by conditional modes.

use gibbsian_classical::field::{
    ConditionalModes, Denoiser, GaussianNoise, GibbsMarginals, Noise, PairwiseField, lowest_by_expansion,
};
use gibbsian_classical::{Boundary, Graph};
use ndarray::{Array1, Array2, ArrayView1, Axis, stack};

use super::pictures::grey;
use crate::{Check, Claim, ColourMap, Context, ImageGrid, Provenance, Result, measured};

/// The standard deviation of the noise in grey levels of 0 to 255.
const NOISE: f64 = 25.0;
const LEVELS: usize = 8;
/// What neighbours that differ by a level pay, and by how many levels they can differ before it costs no more.
const SLOPE: f64 = 0.6;
const TRUNCATION: usize = 3;

pub(super) const ENERGY: Claim = Claim {
    claim: "eight grey levels: expansions reach less energy than conditional modes: the difference in nats",
    source: "Boykov, Veksler and Zabih (2001), figure 8: large moves against small ones",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.0)),
    full: Check::at_least(0.0),
    reason: "set before the run: moves of many pixels include most of those of one, and end lower",
};

pub(super) const ERROR: Claim = Claim {
    claim: "eight grey levels: the root mean square error of the posterior mean over that of the noise",
    source: "Geman and Geman (1984)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(0.6)),
    full: Check::at_most(0.6),
    reason: "set before the run: paper is smooth, a mean over some five pixels would have 0.45 of the noise, and ink is not smooth",
};

pub(super) fn run(ctx: &mut Context) -> Result<()> {
    let clean = grey("text")?;
    let (height, width) = clean.dim();
    let clean = clean.into_flat();
    let noise = GaussianNoise::new(NOISE)?;
    let seed = ctx.seed().child("grey");
    let noisy = noise.corrupt(clean.view(), &mut seed.child("noise").rng())?;

    // From the darkest to the lightest of the clean picture, at equal distances.
    let levels: Vec<f64> = (0..LEVELS).map(|a| 10.0 + 26.5 * a as f64).collect();
    let table = Array2::from_shape_fn((LEVELS, LEVELS), |(a, b)| {
        SLOPE * a.abs_diff(b).min(TRUNCATION) as f64
    });
    let graph = Graph::lattice(&[height, width], Boundary::Open)?;
    let prior = PairwiseField::shared(
        graph,
        levels.clone(),
        Array2::zeros((height * width, LEVELS)),
        table,
    )?;
    let posterior = Denoiser::new(prior, noise).posterior(noisy.view())?;

    // Each pixel at its likeliest level by itself.
    let start: Array1<f64> = posterior
        .unary()
        .rows()
        .into_iter()
        .map(|u: ArrayView1<f64>| {
            levels[(1..LEVELS).fold(0, |best, a| if u[a] < u[best] { a } else { best })]
        })
        .collect();
    let modes = ConditionalModes::default().run(&posterior, start.view())?;
    let expanded = lowest_by_expansion(&posterior, start.view(), ctx.pick(3, 20))?;
    let sampler = GibbsMarginals::new(2, ctx.pick(20, 200), ctx.pick(50, 1000))?;
    let mean = sampler
        .run(&posterior, &mut seed.child("chains").rng())
        .marginals
        .means();

    ctx.measure(&ENERGY, modes.energy - expanded.energy)?;
    let error = |y: &Array1<f64>| (y - &clean).mapv(|d| d * d).mean().map_or(f64::NAN, f64::sqrt);
    ctx.measure(&ERROR, measured(error(&mean) / error(&noisy)))?;
    let grid = stack![Axis(0), clean, noisy, modes.labels, expanded.labels, mean];
    ctx.images(
        "grey",
        &format!(
            "The photograph; with noise of {NOISE} grey levels; eight levels by conditional modes, with a root mean square error of {:.1}; by expansions, {:.1}; the posterior mean, {:.1}.",
            error(&modes.labels),
            error(&expanded.labels),
            error(&mean),
        ),
        &ImageGrid::new(grid.mapv(|g| 255.0 - g).view(), height, width)
            .columns(2)
            .colours(ColourMap::Ink, 0.0, 255.0),
    )
}
