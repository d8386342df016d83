//! A normal density bent along a parabola.
//!
//! Haario, Saksman and Tamminen (1999) twist a normal in the plane, `(x, y) ↦ (x, y + b x² − 100 b)`; the exponential of minus a twentieth of the function of
//! Rosenbrock (1960) is of the same kind. A shear has determinant one, so the normaliser is that of the normal and every derivative is a polynomial.

use std::f64::consts::TAU;

use gibbsian_core::StreamRng;
use gibbsian_core::error::{Result, check_positive, check_within};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::law::{Jet, Law, smooth_density};

/// The shape of a [`Banana`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BananaOptions {
    /// The mean `μ` of the first coordinate.
    pub mean: f64,
    /// The standard deviation `σ` of the first coordinate.
    pub deviation: f64,
    /// The factor `b` of the square.
    pub curvature: f64,
    /// The height `c` of the parabola over zero.
    pub offset: f64,
    /// The standard deviation `τ` of the second coordinate around the parabola.
    pub width: f64,
}

impl Default for BananaOptions {
    /// The mildly twisted normal of Haario, Saksman and Tamminen: `b = 0.03`, opening downwards.
    fn default() -> Self {
        BananaOptions {
            mean: 0.0,
            deviation: 10.0,
            curvature: -0.03,
            offset: 3.0,
            width: 1.0,
        }
    }
}

impl BananaOptions {
    /// The exponential of `−[(1 − x)² + 100 (y − x²)²] / 20`: Rosenbrock's valley, as the sampling literature tempers it.
    pub fn rosenbrock() -> Self {
        BananaOptions {
            mean: 1.0,
            deviation: 10f64.sqrt(),
            curvature: 1.0,
            offset: 0.0,
            width: 0.1f64.sqrt(),
        }
    }
}

/// A normal first coordinate, and a second one that is normal around a parabola of the first.
///
/// `x ~ N(μ, σ²)`, `y | x ~ N(c + b x², τ²)`.
///
/// ```
/// use gibbsian_core::Density;
/// use gibbsian_densities::planar::{Banana, BananaOptions};
/// use ndarray::array;
///
/// let valley = Banana::new(BananaOptions::rosenbrock())?;
/// let log_p = valley.log_density(array![[1.0, 1.0], [0.0, 1.0]].view());
/// assert!((log_p[0] - log_p[1] - 101.0 / 20.0).abs() < 1e-12);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Banana {
    options: BananaOptions,
}

impl Banana {
    /// The density of this shape.
    ///
    /// # Errors
    /// A standard deviation that is not positive, or another number that is not finite.
    pub fn new(options: BananaOptions) -> Result<Self> {
        for (name, value) in [
            ("mean", options.mean),
            ("curvature", options.curvature),
            ("offset", options.offset),
        ] {
            check_within(name, value, f64::MIN, f64::MAX)?;
        }
        check_positive("deviation", options.deviation)?;
        check_positive("width", options.width)?;
        Ok(Banana { options })
    }

    /// The shape.
    pub fn options(&self) -> BananaOptions {
        self.options
    }

    /// The height of a point over the parabola.
    fn height(&self, x: [f64; 2]) -> f64 {
        (x[1] - self.options.offset) - self.options.curvature * x[0] * x[0]
    }
}

impl Law for Banana {
    type Scratch = ();

    fn jet(&self, x: [f64; 2], scratch: &mut ()) -> Jet {
        let BananaOptions {
            mean,
            deviation,
            curvature,
            width,
            ..
        } = self.options;
        let value = self.value(x, scratch);
        if value == f64::NEG_INFINITY {
            return Jet::without_derivatives(value);
        }
        let (along, across) = (1.0 / (deviation * deviation), 1.0 / (width * width));
        let height = self.height(x);
        let slope = 2.0 * curvature * x[0];
        Jet {
            value,
            gradient: [slope * across * height - along * (x[0] - mean), -across * height],
            hessian: [
                across * (2.0 * curvature * height - slope * slope) - along,
                across * slope,
                -across,
            ],
        }
    }

    fn value(&self, x: [f64; 2], _: &mut ()) -> f64 {
        let BananaOptions {
            mean,
            deviation,
            width,
            ..
        } = self.options;
        let (along, across) = ((x[0] - mean) / deviation, self.height(x) / width);
        -0.5 * (along * along + across * across) - TAU.ln() - (deviation.ln() + width.ln())
    }

    fn draw(&self, rng: &mut StreamRng) -> [f64; 2] {
        let BananaOptions {
            mean,
            deviation,
            curvature,
            offset,
            width,
        } = self.options;
        let x = mean + deviation * rng.sample::<f64, _>(StandardNormal);
        [
            x,
            offset + curvature * x * x + width * rng.sample::<f64, _>(StandardNormal),
        ]
    }
}

smooth_density!(Banana);
