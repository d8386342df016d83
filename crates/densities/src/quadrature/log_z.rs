//! The normaliser of an energy, and expectations under it.

use gibbsian_core::Energy;
use gibbsian_core::error::{Error, Result};
use ndarray::{Array1, ArrayView2, ArrayViewMut1};

use super::adaptive::{ROUNDING, integrate};
use super::domain::Domain;
use super::interval::Axis;
use super::peaks::{self, Peaks};
use super::{Integral, QuadratureOptions};

/// `log Z` with its error and cost.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct NumericLogZ {
    /// `log ∫ exp(−E(x)) dx`, a natural logarithm.
    pub log_z: f64,
    /// An upper estimate of its error.
    pub error: f64,
    /// At how many points the energy was evaluated.
    pub n_evaluations: usize,
}

/// `log Z = log ∫ exp(−E(x)) dx` of an energy in one or two dimensions.
///
/// The energy may be large or small everywhere, and its minima may be narrow and far apart; see the [module](super). The larger tolerance
/// of `settings` is that of `log Z`, or a few ε times the energy at its minimum if that is more: `log Z = −5000` has no more digits.
///
/// ```
/// use gibbsian_core::{Energy, Space};
/// use gibbsian_densities::quadrature::{Domain, QuadratureOptions, numeric_log_z};
/// use ndarray::{ArrayView2, ArrayViewMut1};
///
/// /// A normal of standard deviation 10⁻³ around 1000, with an energy that is far from zero.
/// struct Narrow;
/// impl Space for Narrow {
///     fn dim(&self) -> usize {
///         1
///     }
/// }
/// impl Energy for Narrow {
///     fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
///         out.assign(&x.column(0).mapv(|x| 5000.0 + 0.5 * ((x - 1000.0) / 1e-3_f64).powi(2)));
///     }
/// }
///
/// let found = numeric_log_z(&Narrow, &Domain::whole(1)?, QuadratureOptions { relative: 1e-9, ..QuadratureOptions::default() })?;
/// let exact = -5000.0 + (1e-3 * (2.0 * std::f64::consts::PI).sqrt()).ln();
/// assert!((found.log_z - exact).abs() <= found.error);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// A domain of other dimensions than the energy, an energy that is NaN or −∞ at a point, `+∞` everywhere, or whose `exp(−E)` is not integrable; a tolerance that
/// cannot be met, as for [`integrate`](super::integrate).
pub fn numeric_log_z<E: Energy + ?Sized>(
    energy: &E,
    domain: &Domain,
    settings: QuadratureOptions,
) -> Result<NumericLogZ> {
    let problem = Problem::new(energy, domain, settings)?;
    let mass = problem.mass(settings)?;
    let log_z = mass.value.ln() - problem.peaks.lowest;
    Ok(NumericLogZ {
        log_z,
        error: mass.error / mass.value + f64::EPSILON * (log_z.abs() + problem.peaks.lowest.abs()),
        n_evaluations: mass.n_evaluations + problem.peaks.n_evaluations,
    })
}

/// `⟨f⟩ = ∫ f(x) exp(−E(x)) dx / Z` of an energy in one or two dimensions.
///
/// `f` is handed points `(B, D)` and writes their values `(B)`. The relative tolerance is in units of `⟨|f|⟩`, so that a mean that is zero by symmetry can be computed.
///
/// ```
/// use gibbsian_core::{Energy, Space};
/// use gibbsian_densities::quadrature::{Domain, QuadratureOptions, expectation};
/// use ndarray::{ArrayView2, ArrayViewMut1};
/// # struct Normal;
/// # impl Space for Normal {
/// #     fn dim(&self) -> usize {
/// #         1
/// #     }
/// # }
/// # impl Energy for Normal {
/// #     fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
/// #         out.assign(&x.column(0).mapv(|x| 0.5 * x * x));
/// #     }
/// # }
/// // The fourth moment of a standard normal.
/// let fourth = expectation(
///     &Normal,
///     |x, mut out| out.assign(&x.column(0).mapv(|x| x.powi(4))),
///     &Domain::whole(1)?,
///     QuadratureOptions::default(),
/// )?;
/// assert!((fourth.value - 3.0).abs() < 1e-12);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// As [`numeric_log_z`], and a value of `f` that is not finite where the density is not zero.
pub fn expectation<E: Energy + ?Sized>(
    energy: &E,
    mut f: impl FnMut(ArrayView2<f64>, ArrayViewMut1<f64>),
    domain: &Domain,
    settings: QuadratureOptions,
) -> Result<Integral> {
    let problem = Problem::new(energy, domain, settings)?;
    let mass = problem.mass(settings)?;
    let settings = QuadratureOptions {
        absolute: settings.absolute * mass.value,
        ..settings
    };
    let mut f_values = Array1::zeros(0);
    let weighted = integrate(
        &problem.axes,
        &problem.peaks.places,
        problem.rounding(),
        problem.attainable(settings),
        &mut |x, elements, mut out| {
            problem.weights_into(x, elements, out.view_mut())?;
            if f_values.len() != x.nrows() {
                f_values = Array1::zeros(x.nrows());
            }
            f(x, f_values.view_mut());
            for ((out, &f), x) in out.iter_mut().zip(&f_values).zip(x.rows()) {
                // Far out a moment overflows where the density has long vanished.
                if *out != 0.0 {
                    *out *= f;
                }
                if !out.is_finite() {
                    return Err(Error::non_finite("the function", f, format!("at x = {x:e}")));
                }
            }
            Ok(())
        },
    )?;
    let value = weighted.value / mass.value;
    Ok(Integral {
        value,
        error: (weighted.error + value.abs() * mass.error) / mass.value,
        n_evaluations: mass.n_evaluations + weighted.n_evaluations + problem.peaks.n_evaluations,
    })
}

/// An energy over a domain, with its peaks.
struct Problem<'a, E: ?Sized> {
    energy: &'a E,
    axes: Vec<Axis>,
    peaks: Peaks,
}

impl<'a, E: Energy + ?Sized> Problem<'a, E> {
    fn new(energy: &'a E, domain: &Domain, settings: QuadratureOptions) -> Result<Self> {
        settings.check()?;
        let d = domain.dim();
        if energy.dim() != d {
            let requirement = format!("{}, the dimension of the energy", energy.dim());
            return Err(Error::parameter("the dimension of the domain", d, requirement));
        }
        let axes = domain.axes();
        let mut peaks = peaks::find(energy, &axes)?;
        peaks.places.extend(domain.peaks(&axes));
        Ok(Problem { energy, axes, peaks })
    }

    /// `exp(lowest) Z`, which is of the order of the volume of the peaks in `t`.
    fn mass(&self, settings: QuadratureOptions) -> Result<Integral> {
        let settings = QuadratureOptions {
            relative: settings.relative.max(settings.absolute),
            absolute: 0.0,
            ..settings
        };
        let mass = integrate(
            &self.axes,
            &self.peaks.places,
            self.rounding(),
            self.attainable(settings),
            &mut |x, elements, out| self.weights_into(x, elements, out),
        )?;
        if mass.value > 0.0 {
            Ok(mass)
        } else {
            Err(Error::parameter(
                "the mass that was found",
                mass.value,
                "greater than zero; it lies at an end, where the integral does not converge, or in a peak too narrow to see",
            ))
        }
    }

    /// The relative error of `exp(−E)` that the rounding of `E` makes.
    fn rounding(&self) -> f64 {
        ROUNDING + f64::EPSILON * self.peaks.lowest.abs()
    }

    /// The settings, with the tolerance that the rounding of `E` permits.
    fn attainable(&self, settings: QuadratureOptions) -> QuadratureOptions {
        QuadratureOptions {
            relative: settings
                .relative
                .max(4.0 * f64::EPSILON * self.peaks.lowest.abs()),
            ..settings
        }
    }

    /// `exp(lowest − E(x)) dx/dt`, which is about one at most.
    fn weights_into(&self, x: ArrayView2<f64>, elements: &[f64], mut out: ArrayViewMut1<f64>) -> Result<()> {
        self.energy.energy_into(x, out.view_mut());
        for ((out, x), element) in out.iter_mut().zip(x.rows()).zip(elements) {
            if out.is_nan() || *out == f64::NEG_INFINITY {
                return Err(Error::non_finite("the energy", *out, format!("at x = {x:e}")));
            }
            let exponent = self.peaks.lowest - *out;
            // The product is the more accurate form; the sum of logarithms does not overflow.
            *out = if exponent.abs() < 700.0 {
                exponent.exp() * element
            } else {
                (exponent + element.ln()).exp()
            };
        }
        Ok(())
    }
}
