//! The gradient of the log-likelihood as a difference of two expectations, both sides exact.

use gibbsian_core::{ContinuousFamily, Discrete, EnergyPullback, ExponentialFamily, Parametric};
use gibbsian_densities::quadrature::{Domain, Interval, QuadratureOptions, expectation};
use gibbsian_densities::{Binomial, Categorical, Gamma, MultivariateNormal, Poisson};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, Axis, array, s};

use super::counts;
use crate::statistics::larger;
use crate::{Check, Claim, Context, Provenance, Result};

pub(super) const NORMAL_GRADIENT: Claim = Claim {
    claim: "gradient of log p = −∂E/∂θ at the data + ⟨∂E/∂θ⟩ under the model, for a normal density in the plane: closed form against pullback and quadrature, the largest difference over the size of the terms",
    source: "∂ log N/∂μ = P (x − μ), ∂ log N/∂P = ½ (Σ − (x − μ)(x − μ)ᵀ)",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "the quadrature stops at a relative error of 1e-13 of ⟨|∂E/∂θ|⟩",
};

pub(super) const FAMILY_GRADIENT: Claim = Claim {
    claim: "the same in the natural parameters of a gamma, a Poisson, a binomial and a categorical law: T(x) − ∇A(η) against integrals and sums over the model",
    source: "∂E/∂η = −T(x)",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "as above, and sums of up to 400 terms",
};

/// Both sides of the gradient identity.
pub(super) fn run(ctx: &mut Context, ink: &Array2<f64>, pixels: ArrayView2<f64>) -> Result<()> {
    // Upper against lower half of the ink, scaled to order one.
    let halves = ndarray::stack![
        Axis(1),
        pixels.slice(s![.., ..32]).sum_axis(Axis(1)),
        pixels.slice(s![.., 32..]).sum_axis(Axis(1))
    ] / 100.0;
    let model = MultivariateNormal::from_covariance(array![1.2, 1.8], array![[0.3, 0.1], [0.1, 0.2]])?;
    let x = halves.slice(s![..1, ..]);
    let mut data = Array1::zeros(model.n_params());
    model.energy_pullback_into(x, array![1.0].view(), data.view_mut());
    // ∂ log N/∂μ = P r and ∂ log N/∂P = ½ (Σ − r rᵀ), an entry beside the diagonal standing twice.
    let r = &x.row(0) - &model.mean();
    let covariance = model.covariance();
    let of_precision = |i: usize, j: usize| 0.5 * (covariance[(i, j)] - r[i] * r[j]);
    let of_mean = model.precision().dot(&r);
    let closed = [
        of_mean[0],
        of_mean[1],
        of_precision(0, 0),
        2.0 * of_precision(1, 0),
        of_precision(1, 1),
    ];
    let mut worst = 0.0_f64;
    for (k, in_data) in data.iter().enumerate() {
        let entry = |x: ArrayView2<f64>| {
            let mut gradient = Array1::zeros(model.n_params());
            model.energy_pullback_into(x, array![1.0].view(), gradient.view_mut());
            gradient[k]
        };
        let under_model = |f: fn(f64) -> f64| {
            let each = |x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>| {
                for (out, row) in out.iter_mut().zip(x.rows()) {
                    *out = f(entry(row.insert_axis(Axis(0))));
                }
            };
            expectation(
                &model,
                each,
                &Domain::whole(2)?,
                QuadratureOptions {
                    relative: 1e-12,
                    ..QuadratureOptions::default()
                },
            )
        };
        let size = closed[k].abs() + in_data.abs();
        worst = larger(
            worst,
            (closed[k] - (under_model(|g| g)?.value - in_data)).abs() / size,
        );
    }
    ctx.measure(&NORMAL_GRADIENT, worst)?;

    let ink = ink / 64.0;
    let pixel = counts(pixels);
    let range = |n: usize| Array2::from_shape_fn((n, 1), |(k, _)| k as f64);
    let labels = Categorical::new(Array1::from_vec((1..=10).map(|k| f64::from(k) / 55.0).collect()))?;
    let states = labels.states()?;
    let worst = [
        integral_identity(&Gamma::new(1.0, 1.0)?.fit(ink.view())?, ink.slice(s![..1, ..]))?,
        sum_identity(
            &Poisson::new(1.0)?.fit(pixel.view())?,
            pixel.slice(s![..1, ..]),
            range(400),
        ),
        sum_identity(
            &Binomial::new(16, 0.5)?.fit(pixel.view())?,
            pixel.slice(s![..1, ..]),
            range(17),
        ),
        sum_identity(&labels, states.slice(s![3..4, ..]), states.clone()),
    ];
    ctx.measure(&FAMILY_GRADIENT, worst.into_iter().fold(0.0, larger))
}

/// The largest `|T(x) − ∇A(η) − (T(x) − ⟨T⟩)|` over `⟨|T|⟩`, with `⟨T⟩` by quadrature on the half-line.
fn integral_identity<F: ContinuousFamily>(member: &F, x: ArrayView2<f64>) -> Result<f64> {
    let domain = Domain::interval(Interval::above(0.0)?);
    let in_data = member.statistics(x).row(0).to_owned();
    let closed = &in_data - &member.mean_parameters();
    let mut worst = 0.0_f64;
    for k in 0..member.n_statistics() {
        let statistic =
            |x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>| out.assign(&member.statistics(x).column(k));
        let of_model = expectation(member, statistic, &domain, QuadratureOptions::default())?.value;
        let size = in_data[k].abs() + of_model.abs();
        worst = larger(worst, (closed[k] - (in_data[k] - of_model)).abs() / size);
    }
    Ok(worst)
}

/// The same with a sum over states.
fn sum_identity<F: ExponentialFamily>(member: &F, x: ArrayView2<f64>, states: Array2<f64>) -> f64 {
    let in_data = member.statistics(x).row(0).to_owned();
    let p = member.log_density(states.view()).exp();
    let of_model = member.statistics(states.view()).t().dot(&p);
    let closed = &in_data - &member.mean_parameters();
    let size = in_data.mapv(f64::abs) + of_model.mapv(f64::abs);
    let error = (closed - (in_data - of_model)).mapv(f64::abs) / size;
    error.fold(0.0, |a, &b| larger(a, b))
}
