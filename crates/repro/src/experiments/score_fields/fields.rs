//! The fields of the experiment, each with the part of the plane that is shown and a closed curve through it.

use gibbsian_core::Seed;
use gibbsian_densities::{Covariances, Gamma, GaussianMixture, MultivariateNormal, SmoothDensity, planar};
use ndarray::{Array2, array};

use crate::Result;

pub(super) const MEAN: [f64; 2] = [0.5, -0.3];
/// The entries xx, xy, yy.
pub(super) const COVARIANCE: [f64; 3] = [1.2, 0.7, 0.8];

pub(super) const WEIGHTS: [f64; 2] = [0.35, 0.65];
pub(super) const MEANS: [[f64; 2]; 2] = [[-1.4, -0.9], [1.3, 0.8]];
pub(super) const COVARIANCES: [[f64; 3]; 2] = [[0.6, -0.2, 0.5], [0.9, 0.4, 0.7]];

pub(super) const GAMMA_SHAPE: f64 = 3.0;
pub(super) const GAMMA_RATE: f64 = 1.5;

/// An ellipse with its axes along the coordinates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ellipse {
    pub(super) centre: [f64; 2],
    pub(super) axes: [f64; 2],
}

impl Ellipse {
    pub(super) fn area(&self) -> f64 {
        std::f64::consts::PI * self.axes[0] * self.axes[1]
    }
}

/// A density in the plane.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) density: Box<dyn SmoothDensity>,
    /// What is shown: the ranges of both coordinates.
    pub(super) window: [(f64, f64); 2],
    pub(super) curve: Ellipse,
}

pub(super) fn normal() -> Result<MultivariateNormal> {
    let covariance = symmetric(COVARIANCE);
    Ok(MultivariateNormal::from_covariance(
        MEAN.to_vec().into(),
        covariance,
    )?)
}

pub(super) fn mixture() -> Result<GaussianMixture> {
    let covariances = ndarray::stack![
        ndarray::Axis(0),
        symmetric(COVARIANCES[0]),
        symmetric(COVARIANCES[1])
    ];
    Ok(GaussianMixture::new(
        WEIGHTS.to_vec().into(),
        Array2::from(MEANS.to_vec()),
        Covariances::Full(covariances),
    )?)
}

pub(super) fn gamma() -> Result<Gamma> {
    Ok(Gamma::new(GAMMA_SHAPE, GAMMA_RATE)?)
}

fn symmetric([xx, xy, yy]: [f64; 3]) -> Array2<f64> {
    array![[xx, xy], [xy, yy]]
}

/// The normal, the mixture and the benchmark targets.
pub(super) fn all() -> Result<Vec<Field>> {
    let field = |name, density, window, centre, axes| Field {
        name,
        density,
        window,
        curve: Ellipse { centre, axes },
    };
    let square = |half: f64| [(-half, half); 2];
    let mut fields = vec![
        field(
            "normal",
            Box::new(normal()?) as Box<dyn SmoothDensity>,
            square(3.5),
            [1.0, 0.5],
            [2.0, 1.0],
        ),
        field(
            "mixture",
            Box::new(mixture()?),
            square(3.5),
            [0.0, 0.0],
            [2.5, 1.5],
        ),
    ];
    // The curves pass through modes and through the valleys between them.
    for (name, density) in planar::smooth() {
        let (window, centre, axes) = match name {
            "funnel" => ([(-7.0, 7.0), (-8.0, 8.0)], [0.0, 0.5], [2.0, 1.5]),
            "banana" => ([(-28.0, 28.0), (-18.0, 10.0)], [0.0, 0.0], [8.0, 5.0]),
            "eight-gaussians" => (square(4.2), [0.0, 0.0], [3.2, 2.2]),
            "rings" => (square(4.2), [1.2, 0.0], [0.6, 0.4]),
            "two-moons" => ([(-4.0, 4.0), (-3.5, 3.5)], [0.0, 0.0], [1.5, 1.0]),
            "two-spirals" => (square(4.2), [1.1, 0.2], [0.5, 0.3]),
            _ => (square(4.2), [0.5, 0.0], [1.5, 1.0]),
        };
        fields.push(field(name, density, window, centre, axes));
    }
    Ok(fields)
}

/// Two draws of a field, the ends of a path.
pub(super) fn ends(field: &Field, seed: Seed) -> Array2<f64> {
    field.density.sample(2, &mut seed.child(field.name).rng())
}
