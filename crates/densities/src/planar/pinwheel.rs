//! Normal blades around a centre, twisted.
//!
//! The customary pinwheel (Johnson, Duvenaud, Wiltschko, Datta and Adams 2016) draws a point `(u, v)` of a blade and turns it by an angle that grows as the
//! exponential of `u`. That map folds the plane, so the law of its points has no simple density. Here the angle is a multiple of the squared
//! distance from the centre. A rotation by an angle that depends on the distance alone keeps the distance and the volume and is undone by the opposite
//! rotation:
//!
//! `p(x) = q(R(−a) x)`, `a = twist · |x|² / radius²`,
//!
//! with `q` the mixture of the straight blades. The map is analytic everywhere, the centre included. Any other law of the distance would do; the square
//! has no singular point, unlike the distance itself, and does not overflow, unlike its exponential.
//!
//! With `f = R(−a) x`, `g = ∇ log q(f)` and the torque `τ = g · Jf`, `J` the rotation by a right angle,
//! `∇ log p = R(a) g − 2 (twist/radius²) τ x`.

use std::f64::consts::TAU;

use gibbsian_core::StreamRng;
use gibbsian_core::error::{Result, check_count, check_positive, check_within};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::law::{Jet, Law, Parts, smooth_density};

/// The shape of a [`Pinwheel`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PinwheelOptions {
    /// The number of blades.
    pub n_blades: usize,
    /// The distance of the middle of a blade from the centre.
    pub radius: f64,
    /// The standard deviation along a blade.
    pub radial_deviation: f64,
    /// The standard deviation across a blade.
    pub tangential_deviation: f64,
    /// The angle by which points at the distance `radius` are turned, in radians, counterclockwise.
    pub twist: f64,
}

impl Default for PinwheelOptions {
    /// Five blades; at their middle the direction turns as fast with the distance as in the customary recipe at its scale of two.
    fn default() -> Self {
        PinwheelOptions {
            n_blades: 5,
            radius: 2.0,
            radial_deviation: 0.6,
            tangential_deviation: 0.2,
            twist: 0.34,
        }
    }
}

/// A mixture of normal blades around the origin, each point turned by an angle proportional to its squared distance.
///
/// `p(x) = q(R(−twist |x|²/radius²) x)`, `q = 1/K Σ_k N(R(2πk/K) (radius, 0)ᵀ, R(2πk/K) diag(σ_r², σ_t²) R(2πk/K)ᵀ)`.
///
/// ```
/// use gibbsian_core::Density;
/// use gibbsian_densities::planar::{Pinwheel, PinwheelOptions};
/// use ndarray::array;
///
/// // A third of a turn takes a wheel of three blades to itself.
/// let wheel = Pinwheel::new(PinwheelOptions { n_blades: 3, ..PinwheelOptions::default() })?;
/// let (s, c) = (2.0 * std::f64::consts::PI / 3.0).sin_cos();
/// let log_p = wheel.log_density(array![[1.5, 0.0], [1.5 * c, 1.5 * s]].view());
/// assert!((log_p[0] - log_p[1]).abs() < 1e-13);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pinwheel {
    options: PinwheelOptions,
    /// `twist / radius²`.
    rate: f64,
    /// `(cos, sin)` of the blades' angles.
    blades: Vec<[f64; 2]>,
    /// `−log(2π K σ_r σ_t)`.
    log_scale: f64,
}

impl Pinwheel {
    /// The pinwheel of this shape.
    ///
    /// # Errors
    /// No blade, a radius or a standard deviation that is not positive, or a twist that is not finite.
    pub fn new(options: PinwheelOptions) -> Result<Self> {
        check_count("n_blades", options.n_blades)?;
        check_positive("radius", options.radius)?;
        check_positive("radial_deviation", options.radial_deviation)?;
        check_positive("tangential_deviation", options.tangential_deviation)?;
        check_within("twist", options.twist, f64::MIN, f64::MAX)?;
        Ok(Self::build(options))
    }

    fn build(options: PinwheelOptions) -> Self {
        let n = options.n_blades as f64;
        let blades = (0..options.n_blades).map(|k| {
            let (sin, cos) = (TAU * (k as f64 / n)).sin_cos();
            [cos, sin]
        });
        Pinwheel {
            rate: options.twist / (options.radius * options.radius),
            blades: blades.collect(),
            log_scale: -((TAU * n).ln()
                + (options.radial_deviation.ln() + options.tangential_deviation.ln())),
            options,
        }
    }

    /// The shape.
    pub fn options(&self) -> PinwheelOptions {
        self.options
    }

    /// `(cos a, sin a)` at this point.
    fn twist(&self, x: [f64; 2]) -> [f64; 2] {
        let (sin, cos) = (self.rate * (x[0] * x[0] + x[1] * x[1])).sin_cos();
        [cos, sin]
    }

    /// Deviations along and across a blade in units of its standard deviations.
    fn deviations(&self, blade: [f64; 2], f: [f64; 2]) -> [f64; 2] {
        let [u, v] = turn_back(blade, f);
        [
            (u - self.options.radius) / self.options.radial_deviation,
            v / self.options.tangential_deviation,
        ]
    }

    fn blade_value(&self, blade: [f64; 2], f: [f64; 2]) -> f64 {
        let [u, v] = self.deviations(blade, f);
        self.log_scale - 0.5 * (u * u + v * v)
    }

    fn blade(&self, blade: [f64; 2], f: [f64; 2]) -> Jet {
        let PinwheelOptions {
            radial_deviation,
            tangential_deviation,
            ..
        } = self.options;
        let [u, v] = self.deviations(blade, f);
        let [along, across] = [radial_deviation, tangential_deviation].map(|d| 1.0 / (d * d));
        let [c, s] = blade;
        Jet {
            value: self.log_scale - 0.5 * (u * u + v * v),
            gradient: turn(blade, [-u / radial_deviation, -v / tangential_deviation]),
            hessian: [
                -(c * c * along + s * s * across),
                c * s * (across - along),
                -(s * s * along + c * c * across),
            ],
        }
    }
}

impl Default for Pinwheel {
    fn default() -> Self {
        Pinwheel::build(PinwheelOptions::default())
    }
}

/// The vector turned by the angle with this cosine and sine.
fn turn([c, s]: [f64; 2], [x, y]: [f64; 2]) -> [f64; 2] {
    [c * x - s * y, s * x + c * y]
}

fn turn_back([c, s]: [f64; 2], v: [f64; 2]) -> [f64; 2] {
    turn([c, -s], v)
}

/// `J v`: turned by a right angle.
fn quarter([x, y]: [f64; 2]) -> [f64; 2] {
    [-y, x]
}

fn dot(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

impl Law for Pinwheel {
    type Scratch = Parts;

    fn jet(&self, x: [f64; 2], blades: &mut Parts) -> Jet {
        let angle = self.twist(x);
        let f = turn_back(angle, x);
        let straight = blades.sum(self.blades.iter().map(|&blade| self.blade(blade, f)));
        if straight.value.is_nan() {
            // As in `value`.
            return Jet::without_derivatives(f64::NEG_INFINITY);
        }
        let g = straight.gradient;
        let torque = dot(g, quarter(f));
        let turned = turn(angle, g);
        let gradient = [0, 1].map(|i| turned[i] - 2.0 * self.rate * torque * x[i]);
        // The derivative of the gradient along each axis: of the rotation, of g and of the torque.
        let along = |v: [f64; 2]| {
            let da = 2.0 * self.rate * dot(x, v);
            let (back, swept) = (turn_back(angle, v), quarter(f));
            let df = [back[0] - da * swept[0], back[1] - da * swept[1]];
            let dg = straight.product(df);
            let d_torque = dot(dg, quarter(f)) + dot(g, quarter(df));
            let (moved, spun) = (turn(angle, dg), quarter(turned));
            [0, 1].map(|i| moved[i] + da * spun[i] - 2.0 * self.rate * (d_torque * x[i] + torque * v[i]))
        };
        let (first, second) = (along([1.0, 0.0]), along([0.0, 1.0]));
        Jet {
            value: straight.value,
            gradient,
            hessian: [first[0], first[1], second[1]],
        }
    }

    fn value(&self, x: [f64; 2], blades: &mut Parts) -> f64 {
        let f = turn_back(self.twist(x), x);
        let value = blades.log_sum(self.blades.iter().map(|&blade| self.blade_value(blade, f)));
        // An angle that has overflowed is that of a point whose density has.
        if value.is_nan() { f64::NEG_INFINITY } else { value }
    }

    fn draw(&self, rng: &mut StreamRng) -> [f64; 2] {
        let blade = self.blades[rng.random_range(0..self.blades.len())];
        let u = self.options.radius + self.options.radial_deviation * rng.sample::<f64, _>(StandardNormal);
        let v = self.options.tangential_deviation * rng.sample::<f64, _>(StandardNormal);
        let f = turn(blade, [u, v]);
        turn(self.twist(f), f)
    }
}

smooth_density!(Pinwheel);
