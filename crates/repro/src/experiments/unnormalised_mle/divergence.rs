//! Maximum likelihood as the minimum of the divergence from data to model.

use gibbsian_core::{Density, ExponentialFamily};
use gibbsian_densities::Binomial;
use ndarray::{Array1, Array2, ArrayView2};

use super::counts;
use crate::statistics::larger;
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result};

pub(super) const PYTHAGORAS: Claim = Claim {
    claim: "maximum likelihood is minimal KL: KL(data ‖ p) = KL(data ‖ estimate) + KL(estimate ‖ p) for 200 binomial laws p of a pixel, the largest difference over the left side",
    source: "Csiszár (1975); Amari and Nagaoka (2000): the Pythagorean relation in an exponential family",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "sums of 17 terms of a size up to a few hundred nats, each rounded to some ε",
};

pub(super) const SAME_MINIMUM: Claim = Claim {
    claim: "the KL from the data, minimised over the law's logit by golden section, has its minimum at the maximum likelihood estimate: difference of the logits",
    source: "KL(data ‖ p_θ) = −H(data) − mean log p_θ(x)",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-6)),
    full: Check::value(0.0).within(1e-6),
    reason: "a minimum can be located to the root of the rounding error of its value, 2e-8 here, times a factor for the curvature",
};

/// Maximum likelihood as minimal divergence, for binomial laws of a pixel.
pub(super) fn run(ctx: &mut Context, pixels: ArrayView2<f64>) -> Result<()> {
    let x = counts(pixels);
    let values = Array2::from_shape_fn((17, 1), |(k, _)| k as f64);
    let mut frequencies = Array1::<f64>::zeros(17);
    for &count in &x {
        frequencies[count as usize] += 1.0 / x.nrows() as f64;
    }
    let to_model = |law: &Binomial| -> f64 {
        (frequencies.iter().zip(law.log_density(values.view())))
            .filter(|(q, _)| **q > 0.0)
            .map(|(q, log_p)| q * (q.ln() - log_p))
            .sum()
    };
    let estimate = Binomial::new(16, 0.5)?.fit(x.view())?;
    let least = to_model(&estimate);
    let mut worst = 0.0_f64;
    let mut curve = Vec::new();
    for k in 1..=200 {
        let p = f64::from(k) / 201.0;
        let law = Binomial::new(16, p)?;
        let divergence = to_model(&law);
        worst = larger(
            worst,
            (divergence - least - estimate.kl_divergence(&law)).abs() / divergence,
        );
        curve.push((
            p,
            divergence,
            estimate.kl_divergence(&law),
            -law.log_density(x.view()).mean().unwrap_or(f64::NAN),
        ));
    }
    ctx.measure(&PYTHAGORAS, worst)?;

    let logit = |p: f64| gibbsian_core::math::logit(p);
    let at = |logit: f64| {
        Binomial::new(16, gibbsian_core::math::sigmoid(logit)).map_or(f64::NAN, |law| to_model(&law))
    };
    let found = golden_section(at, -4.0, 4.0);
    ctx.measure(&SAME_MINIMUM, found - logit(estimate.mean_parameters()[0] / 16.0))?;

    let plot = Plot::new(
        "Binomial laws for the value of a pixel",
        Axis::linear("probability p of the binomial law"),
        Axis::linear("divergence, or mean −log p (nats)"),
    )
    .line("KL(data ‖ p)", curve.iter().map(|c| (c.0, c.1)))
    .line("KL(estimate ‖ p)", curve.iter().map(|c| (c.0, c.2)))
    .dashed("−mean log p", curve.iter().map(|c| (c.0, c.3)))
    .vertical("maximum likelihood", estimate.mean_parameters()[0] / 16.0);
    ctx.plot("divergence", "The three curves differ by constants.", &plot)
}

/// The minimum of a function with one, to the accuracy that its values permit (Kiefer 1953).
fn golden_section(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let ratio = 0.5 * (5f64.sqrt() - 1.0);
    for _ in 0..60 {
        let (left, right) = (high - ratio * (high - low), low + ratio * (high - low));
        if f(left) < f(right) {
            high = right;
        } else {
            low = left;
        }
    }
    0.5 * (low + high)
}
