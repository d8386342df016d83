//! Adaptive integrals against closed forms, and the honesty of their error estimates.

mod energies;
mod integrals;
mod refusals;

use gibbsian_core::{Energy, Space};
use gibbsian_densities::quadrature::{Domain, Integral, QuadratureOptions, integrate};
use ndarray::{ArrayView2, ArrayViewMut1};

fn plane(
    f: impl Fn(f64, f64) -> f64,
    domain: &Domain,
    settings: QuadratureOptions,
) -> gibbsian_core::Result<Integral> {
    integrate(
        |x, mut out| {
            for (out, x) in out.iter_mut().zip(x.rows()) {
                *out = f(x[0], x[1]);
            }
        },
        domain,
        settings,
    )
}

/// An energy given by a function of a point.
struct Field<F>(usize, F);

impl<F: Fn(&[f64]) -> f64 + Sync> Space for Field<F> {
    fn dim(&self) -> usize {
        self.0
    }
}
impl<F: Fn(&[f64]) -> f64 + Sync> Energy for Field<F> {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (out, x) in out.iter_mut().zip(x.rows()) {
            *out = (self.1)(&x.to_vec());
        }
    }
}

/// Panics unless the integral is within its own error, and the error within what was asked for.
fn hold(what: &str, found: gibbsian_core::Result<Integral>, exact: f64, size: f64, relative: f64) {
    let found = found.unwrap_or_else(|e| panic!("{what}: {e}"));
    let error = (found.value - exact).abs();
    assert!(
        error <= found.error && found.error <= relative * size,
        "{what}: {} instead of {exact}, off by {error:e}, estimated {:e}",
        found.value,
        found.error
    );
}
