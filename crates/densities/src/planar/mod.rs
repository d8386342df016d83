//! The two-dimensional benchmark targets, each with its exact density.
//!
//! The field's pictures of density estimators show the same few targets, most of which are known as recipes for drawing points. An estimate can then be
//! looked at, but not measured. Here each is a law with a density: its logarithm, score and Jacobian are exact to rounding, and draws are exact.
//!
//! | target | law | density | differs from the customary recipe |
//! |---|---|---|---|
//! | [`eight_gaussians`] | normals on a circle | Gaussian mixture | no |
//! | [`Rings`] | circles + normal noise | Bessel function `I₀` | angles are random, not a grid |
//! | [`TwoMoons`] | half-circles + normal noise | integral along the arcs | angles are random; moved by a constant |
//! | [`TwoSpirals`] | spirals + normal noise | integral along the arms | no uniform noise beside the normal one |
//! | [`Pinwheel`] | twisted normals | change of variables, determinant one | the twist follows the squared distance |
//! | [`Checkerboard`] | alternate squares | piecewise constant | no |
//! | [`Funnel`] | Neal's, any dimension | closed form | no |
//! | [`Banana`] | normal around a parabola | closed form | no |
//!
//! Recipes are those of Grathwohl, Chen, Bettencourt, Sutskever and Duvenaud (2019) for the first six, and of Neal (2003) and of Haario, Saksman and Tamminen
//! (1999) for the others. Constructors take the parameters; defaults give the customary picture.
//!
//! All have scores but the checkerboard, whose score would be zero almost everywhere and tell nothing. [`all`] and [`smooth`] list them by name.

mod banana;
mod checkerboard;
mod funnel;
mod law;
mod pinwheel;
mod rings;
mod strands;
mod two_moons;
mod two_spirals;

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use gibbsian_core::Density;
use gibbsian_core::error::{Result, check_non_negative, check_positive};
use ndarray::{Array1, Array2};

pub use banana::{Banana, BananaOptions};
pub use checkerboard::Checkerboard;
pub use funnel::Funnel;
pub use pinwheel::{Pinwheel, PinwheelOptions};
pub use rings::Rings;
pub use two_moons::TwoMoons;
pub use two_spirals::TwoSpirals;

use crate::combine::SmoothDensity;
use crate::mixture::{Covariances, GaussianMixture};

/// Eight normal densities of one standard deviation, evenly on a circle around the origin, the first on the positive half of the first axis.
///
/// The customary picture has radius `2√2` and deviation `√2/4`.
///
/// ```
/// use gibbsian_densities::planar::eight_gaussians;
/// let mixture = eight_gaussians(2.0, 0.1)?;
/// assert_eq!(mixture.component_mean(4), ndarray::array![-2.0, 0.0]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// A radius that is negative or not finite, or a deviation that is not positive.
pub fn eight_gaussians(radius: f64, deviation: f64) -> Result<GaussianMixture> {
    check_non_negative("radius", radius)?;
    check_positive("deviation", deviation)?;
    const D: f64 = FRAC_1_SQRT_2;
    // Exact where sines and cosines of multiples of π/4 would not be.
    let units = [
        [1.0, 0.0],
        [D, D],
        [0.0, 1.0],
        [-D, D],
        [-1.0, 0.0],
        [-D, -D],
        [0.0, -1.0],
        [D, -D],
    ];
    GaussianMixture::new(
        Array1::from_elem(8, 0.125),
        Array2::from_shape_fn((8, 2), |(k, i)| radius * units[k][i]),
        Covariances::Spherical(Array1::from_elem(8, deviation * deviation)),
    )
}

/// Every target with a score, by name, with the customary parameters.
///
/// ```
/// use gibbsian_core::Seed;
/// for (name, target) in gibbsian_densities::planar::smooth() {
///     let x = target.sample(3, &mut Seed::new(1).child(name).rng());
///     assert!(target.score(x.view()).iter().all(|s| s.is_finite()), "{name}");
/// }
/// ```
pub fn smooth() -> Vec<(&'static str, Box<dyn SmoothDensity>)> {
    let gaussians =
        eight_gaussians(2.0 * SQRT_2, SQRT_2 / 4.0).expect("the customary parameters are admissible");
    vec![
        ("eight-gaussians", Box::new(gaussians)),
        ("rings", Box::new(Rings::default())),
        ("two-moons", Box::new(TwoMoons::default())),
        ("two-spirals", Box::new(TwoSpirals::default())),
        ("pinwheel", Box::new(Pinwheel::default())),
        ("funnel", Box::new(Funnel::default())),
        ("banana", Box::new(Banana::default())),
    ]
}

/// Every target, by name, with the customary parameters: those of [`smooth`] and the checkerboard.
pub fn all() -> Vec<(&'static str, Box<dyn Density>)> {
    let mut targets: Vec<(&'static str, Box<dyn Density>)> = smooth()
        .into_iter()
        .map(|(name, target)| (name, target as Box<dyn Density>))
        .collect();
    targets.push(("checkerboard", Box::new(Checkerboard::default())));
    targets
}
