//! The von Mises distribution, the normal distribution of the circle.
//!
//! Concentrated members live on an angle of `1/√κ` around their mean direction, where `cos x` is 1 and its digits are gone; so energies are
//! written with `1 − cos = 2 sin²` of half the difference, normalisers with `e^−κ I₀(κ)`, and estimates with the circular variance `1 − A(κ)`. The
//! difference of two angles takes the short way round, and a turn is subtracted with twice the digits of `2π`.
//!
//! Its relative on the sphere, von Mises–Fisher, is left out: a unit vector has no density on `ℝ³`, which is what scores and energies of this workspace
//! refer to.

use std::f64::consts::{PI, TAU};

use gibbsian_core::error::{Error, check_positive, check_within};
use gibbsian_core::family::mean_statistics;
use gibbsian_core::special::{
    bessel_ratio, bessel_ratio_complement, bessel_ratio_derivative, inverse_bessel_ratio,
    inverse_bessel_ratio_complement, ln_bessel_i0, ln_bessel_i0_scaled,
};
use gibbsian_core::{ContinuousFamily, ExponentialFamily, Result};
use ndarray::{
    Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3, Axis, array,
};
use rand::{Rng, RngExt};

use super::numeric::two_sum;
use super::shape::integrate;
use super::{entries, write_rows};
use crate::univariate::{Univariate, UnivariateScore, map_rows, univariate_density};

/// The largest concentration, beyond which the width `1/√κ` of a density of angles is no longer a matter of doubles.
const LARGEST: f64 = 1e300;

/// The von Mises distribution of mean direction `μ` and concentration `κ ≥ 0`: `p(x) = exp(κ cos(x − μ)) / (2π I₀(κ))` for angles `−π ≤ x ≤ π`.
///
/// The energy is `κ (1 − cos(x − μ))`. As a member of an exponential family it has `T = (cos x, sin x)`, `η = κ (cos μ, sin μ)` and `∇A = A(κ) (cos μ, sin μ)`
/// with the mean resultant length `A = I₁/I₀`. `κ = 0` is the uniform distribution.
///
/// **Angles outside `[−π, π]`** are outside the support, as everywhere in this crate: a density that repeated itself for ever would have no
/// normaliser on the line. [`wrap`](Self::wrap) brings data there. Both ends are the same point of the circle and have the
/// same density, so that integration by parts leaves nothing and score matching is consistent.
///
/// ```
/// use gibbsian_core::{Density, ExponentialFamily};
/// use gibbsian_densities::VonMises;
/// use ndarray::array;
///
/// let winds = VonMises::new(3.0, 2.5)?;
/// let log_p = winds.log_density(array![[3.0], [-3.0], [4.0]].view());
/// assert!(log_p[0] > log_p[1] && log_p[1] > -1.0 && log_p[2] == f64::NEG_INFINITY);
///
/// // Angles on both sides of the seam, from a source that counts from zero.
/// let fitted = winds.fit(array![[3.0], [3.2], [3.1], [3.4]].mapv(VonMises::wrap).view())?;
/// assert!((VonMises::wrap(fitted.direction() - 3.175)).abs() < 1e-3);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VonMises {
    direction: f64,
    concentration: f64,
}

impl VonMises {
    /// The von Mises distribution of this mean direction and concentration.
    ///
    /// # Errors
    /// A direction outside `[−π, π]`, or a concentration outside `[0, 10³⁰⁰]`; NaN too.
    pub fn new(direction: f64, concentration: f64) -> Result<Self> {
        check_within("direction", direction, -PI, PI)?;
        check_concentration("concentration", concentration)?;
        Ok(VonMises {
            direction,
            concentration,
        })
    }

    /// The same angle in `[−π, π]`, whatever the number of turns; NaN for what is not finite.
    pub fn wrap(angle: f64) -> f64 {
        if angle.abs() <= PI {
            return angle;
        }
        // Sines and cosines reduce their argument with all the digits of 2π that it takes.
        let (sine, cosine) = angle.sin_cos();
        sine.atan2(cosine)
    }

    /// The mean direction `μ`, which is the mode.
    pub fn direction(&self) -> f64 {
        self.direction
    }

    /// The concentration `κ`.
    pub fn concentration(&self) -> f64 {
        self.concentration
    }

    /// The mean resultant length `A(κ) = |E e^{ix}|`.
    pub fn resultant_length(&self) -> f64 {
        bessel_ratio(self.concentration)
    }

    /// The circular variance `1 − A(κ)`, near `1/(2κ)` for concentrated members.
    pub fn circular_variance(&self) -> f64 {
        bessel_ratio_complement(self.concentration)
    }

    /// The member of this direction, of any number of turns, and of this circular variance in `(0, 1]`.
    fn from_circular_variance(direction: f64, variance: f64) -> Result<Self> {
        VonMises::new(
            VonMises::wrap(direction),
            inverse_bessel_ratio_complement(variance),
        )
    }
}

fn check_concentration(name: &'static str, value: f64) -> Result<()> {
    if (0.0..=LARGEST).contains(&value) {
        Ok(())
    } else {
        Err(Error::parameter(name, value, "at least zero and at most 1e300"))
    }
}

/// The angle from `from` to `to`, both in `[−π, π]`, the short way round, and what rounding took from it.
fn turn_parts(from: f64, to: f64) -> (f64, f64) {
    /// What `2π` has beyond the double nearest to it.
    const TAU_BEYOND: f64 = 2.449_293_598_294_706_4e-16;
    let (difference, rest) = two_sum(to, -from);
    if difference.abs() <= PI {
        return (difference, rest);
    }
    // The first subtraction is exact (Sterbenz 1974).
    let sign = difference.signum();
    (difference - sign * TAU, rest - sign * TAU_BEYOND)
}

/// The angle from `from` to `to`, both in `[−π, π]`, the short way round.
fn turn(from: f64, to: f64) -> f64 {
    let (angle, rest) = turn_parts(from, to);
    angle + rest
}

/// The sine of [`turn`], with all its digits opposite to `from` too.
fn sine_of_turn(from: f64, to: f64) -> f64 {
    let (angle, rest) = turn_parts(from, to);
    let (sine, cosine) = angle.sin_cos();
    sine + rest * cosine
}

/// `1 − cos θ`.
fn versine(theta: f64) -> f64 {
    let sine = (0.5 * theta).sin();
    2.0 * sine * sine
}

/// Whether an angle is in `[−π, π]`, or NaN.
fn admits(x: f64) -> bool {
    x.is_nan() || x.abs() <= PI
}

impl Univariate for VonMises {
    fn energy_at(&self, x: f64) -> f64 {
        if admits(x) {
            self.concentration * versine(turn(self.direction, x))
        } else {
            f64::INFINITY
        }
    }

    fn log_normaliser(&self) -> f64 {
        TAU.ln() + ln_bessel_i0_scaled(self.concentration)
    }

    fn log_density_at(&self, x: f64) -> f64 {
        -self.energy_at(x) - self.log_normaliser()
    }

    /// By rejection from a wrapped Cauchy distribution, whose envelope is the closest (Best and Fisher 1979).
    ///
    /// Theirs is written here in the tangent of half the angle, of which the proposal is a Cauchy variable of scale `1/√(1 + b)`: with
    /// `s = sin²(θ/2)` it has the density `∝ 1/(1 + bs)` in `θ`, the target is `exp(−2κs)`, and the quotient, relative to its largest value, is
    /// `y e^{1−y}` for `y = 2κ/b + 2κs`. The rate of acceptance is best at `b² + (2 − 4κ) b = 4κ`; it is 0.66 at least. No digits are lost
    /// at any concentration, where the original takes the arc cosine of numbers near 1.
    fn draw(&self, rng: &mut dyn Rng) -> f64 {
        let twice = 2.0 * self.concentration;
        // 2κ/b, in the form that does not cancel.
        let quotient = if twice < 1.0 {
            0.5 * ((1.0 - twice) + twice.hypot(1.0))
        } else {
            twice / ((twice - 1.0) + twice.hypot(1.0))
        };
        let scale = (1.0 + twice / quotient).sqrt().recip();
        loop {
            let tangent = scale * (PI * (rng.random::<f64>() - 0.5)).tan();
            let square = tangent * tangent;
            let y = quotient + twice * (square / (1.0 + square));
            if rng.random::<f64>() <= y * (1.0 - y).exp() {
                // From −μ to θ it is θ + μ.
                return turn(-self.direction, 2.0 * tangent.atan()).clamp(-PI, PI);
            }
        }
    }
}

impl UnivariateScore for VonMises {
    fn score_at(&self, x: f64) -> f64 {
        if admits(x) {
            -self.concentration * sine_of_turn(self.direction, x)
        } else {
            f64::NAN
        }
    }

    fn score_derivative_at(&self, x: f64) -> f64 {
        if admits(x) {
            -self.concentration * turn(self.direction, x).cos()
        } else {
            f64::NAN
        }
    }
}

univariate_density!(VonMises, score);

impl ExponentialFamily for VonMises {
    fn n_statistics(&self) -> usize {
        2
    }

    fn statistics_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        write_rows(x, out, |x| [x.cos(), x.sin()]);
    }

    fn log_base_measure_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        map_rows(x, out, |x| match x {
            _ if x.is_nan() => x,
            _ if admits(x) => 0.0,
            _ => f64::NEG_INFINITY,
        });
    }

    fn natural_parameters(&self) -> Array1<f64> {
        let (sine, cosine) = self.direction.sin_cos();
        array![self.concentration * cosine, self.concentration * sine]
    }

    fn mean_parameters(&self) -> Array1<f64> {
        let (sine, cosine) = self.direction.sin_cos();
        array![self.resultant_length() * cosine, self.resultant_length() * sine]
    }

    /// `log 2π I₀(κ)`.
    fn log_partition(&self) -> f64 {
        TAU.ln() + ln_bessel_i0(self.concentration)
    }

    /// Along `μ` the variance `A′(κ)` of `cos(x − μ)`, across it that of `sin(x − μ)`, which is `A(κ)/κ`.
    ///
    /// Errors are some ε of the diagonal.
    fn fisher_information(&self) -> Array2<f64> {
        let kappa = self.concentration;
        let along = bessel_ratio_derivative(kappa);
        let across = if kappa > 0.0 {
            self.resultant_length() / kappa
        } else {
            0.5
        };
        let (s, c) = self.direction.sin_cos();
        let mixed = s * c * (along - across);
        array![
            [c * c * along + s * s * across, mixed],
            [mixed, s * s * along + c * c * across]
        ]
    }

    fn with_natural(&self, natural: ArrayView1<f64>) -> Result<Self> {
        let [cosine, sine] = entries("natural", natural)?;
        let length = cosine.hypot(sine);
        check_concentration("the length of natural", length)?;
        VonMises::new(sine.atan2(cosine), length)
    }

    fn with_mean(&self, mean: ArrayView1<f64>) -> Result<Self> {
        let [cosine, sine] = entries("mean", mean)?;
        let length = cosine.hypot(sine);
        if length >= 1.0 {
            return Err(Error::parameter("the length of mean", length, "less than one"));
        }
        VonMises::new(sine.atan2(cosine), inverse_bessel_ratio(length))
    }

    /// `log 2π I₀(κ) − κ A(κ)`, as `log 2π + log(e^−κ I₀(κ)) + κ (1 − A(κ))`.
    fn entropy(&self) -> f64 {
        self.log_normaliser() + self.concentration * self.circular_variance()
    }

    /// The divergence of the concentrations in the same direction, `log I₀(κ′) − log I₀(κ) − (κ′ − κ) A(κ)`, plus that of the directions,
    /// `κ′ A(κ) (1 − cos(μ′ − μ))`: neither is negative.
    fn kl_divergence(&self, other: &Self) -> f64 {
        let (kappa, difference) = (self.concentration, other.concentration - self.concentration);
        let concentrations = if difference.abs() <= 0.5 * kappa.max(1.0) {
            // The integral form has nothing that cancels; the singularities of A′, the zeros of I₀, are beyond ±2.4i.
            let slope = |t: f64| (1.0 - t) * bessel_ratio_derivative(kappa + t * difference);
            difference * (difference * integrate(slope))
        } else {
            (ln_bessel_i0_scaled(other.concentration) - ln_bessel_i0_scaled(kappa))
                + difference * self.circular_variance()
        };
        let directions = versine(turn(self.direction, other.direction));
        concentrations + other.concentration * self.resultant_length() * directions
    }

    /// The direction of the mean resultant, and the concentration of its circular variance, which is the mean of `1 − cos(x − μ)`: angles within 10⁻⁸ of
    /// each other keep the digits that resultants of length 1 do not have.
    fn fit_weighted(&self, x: ArrayView2<f64>, weights: ArrayView1<f64>) -> Result<Self> {
        let mean = mean_statistics(self, x, weights)?;
        let total = weights.sum();
        let average = |f: &dyn Fn(f64) -> f64| -> f64 {
            x.column(0)
                .iter()
                .zip(weights)
                .map(|(x, w)| w / total * f(*x))
                .sum()
        };
        // The direction is that of the resultant seen from its own first approximation, where it is nearly along the axis.
        let start = mean[1].atan2(mean[0]);
        let across = average(&|x| sine_of_turn(start, x));
        let along = 1.0 - average(&|x| versine(turn(start, x)));
        let direction = VonMises::wrap(start + across.atan2(along));
        let variance = average(&|x| versine(turn(direction, x)));
        check_positive("the circular variance of x", variance)?;
        // Of data without any direction, rounding may make slightly more than 1.
        VonMises::from_circular_variance(direction, variance.min(1.0))
    }
}

impl ContinuousFamily for VonMises {
    fn statistics_jacobian_into(&self, x: ArrayView2<f64>, out: ArrayViewMut3<f64>) {
        write_rows(x, out.index_axis_move(Axis(2), 0), |x| [-x.sin(), x.cos()]);
    }

    fn statistics_second_into(&self, x: ArrayView2<f64>, out: ArrayViewMut3<f64>) {
        write_rows(x, out.index_axis_move(Axis(2), 0), |x| [-x.cos(), -x.sin()]);
    }

    fn log_base_gradient_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        write_rows(x, out, |_| [0.0]);
    }
}
