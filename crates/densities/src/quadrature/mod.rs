//! Adaptive integrals in one and two dimensions, and the normaliser of any energy there.
//!
//! **Rule.** A cell is integrated by the Kronrod rule of 21 nodes, in the plane by its product, and its error is judged by the Gauss rule
//! of 10 nodes embedded in it, along each axis. Cells are halved along the worse axis, the worst cells first, until the estimated error of the
//! whole meets the tolerance: the global strategy and the error estimate of QUADPACK (Piessens, de Doncker-Kapenga, Überhuber and Kahaner 1983, `QAG`).
//! The cubature of Genz and Malik (1980) needs 17 points a cell in the plane instead of 441, but has degree seven; at the
//! accuracy wanted here, twelve digits and more of smooth functions, the product of high degree needs fewer points in all.
//!
//! **Ends.** Every interval but a closed one is mapped by a double-exponential substitution (Takahasi and Mori 1974) onto a short range of a new
//! variable `t` first. Power laws at the ends and at infinity become smooth there, all scales from 10⁻²⁸⁰ to 10¹⁰⁰ are
//! equally near, and cells are halved in `t` where a peak is narrow. The trapezoidal rule that usually follows the substitution cannot adapt
//! to peaks; the extrapolation of QUADPACK handles singular ends too, but not several kinds at once.
//!
//! **Honesty.** Only integrable functions have an integral: what lies beyond the ends of the range of `t` is bounded by the mass of the last strip before
//! them, and an integral that does not converge is an error, never a number. So is a tolerance that cannot be met. The tolerance is relative
//! to `∫|f|`, the size that rounding errors have, so that an integral that is zero by symmetry can be computed.
//!
//! **Energies.** [`numeric_log_z`] sees more than an integrand: an energy is also informative where `exp(−E)` underflows. It searches `E` for
//! its minima first, integrates relative to the lowest, so that nothing overflows, and starts with small cells around each, so that a narrow peak far away is not missed.
//!
//! Everything is evaluated in batches, in a fixed order, and summed with compensation: results have the same bits everywhere.

mod adaptive;
mod domain;
mod interval;
mod log_z;
mod normalised;
mod peaks;
pub(crate) mod rule;

pub use domain::Domain;
pub use interval::Interval;
pub use log_z::{NumericLogZ, expectation, numeric_log_z};
pub use normalised::Normalised;

use gibbsian_core::error::{Error, Result, check_count, check_non_negative};
use ndarray::{ArrayView2, ArrayViewMut1};

/// What accuracy is wanted, and at what cost.
///
/// An integral is accepted when its estimated error is at most `max(absolute, relative · ∫|f|)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuadratureOptions {
    /// The error allowed, zero or more.
    pub absolute: f64,
    /// The error allowed in units of `∫|f|`, zero or more. Below 2·10⁻¹⁴ it cannot be met.
    pub relative: f64,
    /// The number of points at which the integrand may be evaluated, one at least.
    pub max_evaluations: usize,
}

impl Default for QuadratureOptions {
    /// Thirteen digits within ten million evaluations.
    fn default() -> Self {
        QuadratureOptions {
            absolute: 0.0,
            relative: 1e-13,
            max_evaluations: 10_000_000,
        }
    }
}

impl QuadratureOptions {
    fn check(&self) -> Result<()> {
        check_non_negative("absolute", self.absolute)?;
        check_non_negative("relative", self.relative)?;
        check_count("max_evaluations", self.max_evaluations).map(|_| ())
    }
}

/// An integral, its estimated error and its cost.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Integral {
    /// `∫ f(x) dx`.
    pub value: f64,
    /// An upper estimate of the error of `value`, rounding and truncation included.
    pub error: f64,
    /// At how many points the integrand was evaluated.
    pub n_evaluations: usize,
}

/// `∫ f(x) dx` over a domain of one or two dimensions.
///
/// `f` is handed points `(B, D)` and writes their values `(B)`; it is never handed an end of an open interval.
///
/// ```
/// use gibbsian_densities::quadrature::{Domain, Interval, QuadratureOptions, integrate};
///
/// // ∫∫ exp(−x) / (1 + y²) dx dy over x > 0 and all y is π.
/// let domain = Domain::rectangle(Interval::above(0.0)?, Interval::line());
/// let integral = integrate(
///     |x, mut out| {
///         for (out, x) in out.iter_mut().zip(x.rows()) {
///             *out = (-x[0]).exp() / (1.0 + x[1] * x[1]);
///         }
///     },
///     &domain,
///     QuadratureOptions::default(),
/// )?;
/// let error = (integral.value - std::f64::consts::PI).abs();
/// assert!(error <= integral.error && integral.error < 1e-12);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// QuadratureOptions out of their domain; a value of `f` that is not finite, with the point; a tolerance that cannot be met within `max_evaluations`, or not at all
/// because of a singularity inside the domain or because the integral does not converge.
pub fn integrate(
    mut f: impl FnMut(ArrayView2<f64>, ArrayViewMut1<f64>),
    domain: &Domain,
    settings: QuadratureOptions,
) -> Result<Integral> {
    settings.check()?;
    let axes = domain.axes();
    adaptive::integrate(
        &axes,
        &domain.peaks(&axes),
        adaptive::ROUNDING,
        settings,
        &mut |x, jacobian, mut out: ArrayViewMut1<f64>| {
            f(x, out.view_mut());
            for ((out, x), jacobian) in out.iter_mut().zip(x.rows()).zip(jacobian) {
                if !out.is_finite() {
                    let place = format!("at x = {x:e}");
                    return Err(Error::non_finite("the integrand", *out, place));
                }
                *out *= jacobian;
            }
            Ok(())
        },
    )
}

/// `∫ f(x) dx` of a function of one number.
///
/// ```
/// use gibbsian_densities::quadrature::{Interval, QuadratureOptions, integrate_line};
/// let integral = integrate_line(|x| x.sqrt().recip(), Interval::open(0.0, 4.0)?, QuadratureOptions::default())?;
/// assert!((integral.value - 4.0).abs() < 1e-12);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// As [`integrate`].
pub fn integrate_line(
    f: impl Fn(f64) -> f64,
    over: Interval,
    settings: QuadratureOptions,
) -> Result<Integral> {
    integrate(
        |x, mut out| out.zip_mut_with(&x.column(0), |out, &x| *out = f(x)),
        &Domain::interval(over),
        settings,
    )
}

/// A sum with compensation (Neumaier 1974): the rounding errors of the additions are summed apart.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    pub(crate) fn add(&mut self, term: f64) {
        let next = self.sum + term;
        self.lost += if self.sum.abs() >= term.abs() {
            (self.sum - next) + term
        } else {
            (term - next) + self.sum
        };
        self.sum = next;
    }

    pub(crate) fn value(self) -> f64 {
        self.sum + self.lost
    }
}

fn sum(terms: impl Iterator<Item = f64>) -> f64 {
    let mut sum = Sum::default();
    terms.for_each(|term| sum.add(term));
    sum.value()
}
