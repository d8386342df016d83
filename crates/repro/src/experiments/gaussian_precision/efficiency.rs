//! What score matching loses against maximum likelihood.
//!
//! The covariance of the estimate is the sandwich `G⁻¹ V G⁻¹ / N` (Godambe 1960), that of maximum likelihood the inverse Fisher information over `N`. For the
//! normal they are equal, because the estimates are. For an exponential density of rate `λ` with the weight `x^k` the estimate is
//! `λ̂ = k E x^{k−1} / E x^k`, and from the moments `E x^k = Γ(k + 1) / λ^k`
//!
//! `N Var λ̂ / λ² → k² Γ(2k − 1) / Γ(k + 1)² = Γ(2k − 1) / Γ(k)²`
//!
//! against 1 for maximum likelihood: 1 at `k = 1`, where the estimate is `1 / E x`, and 2 at Hyvärinen's `k = 2`.

use gibbsian_core::{Density, ExponentialFamily, Seed, Space, special};
use gibbsian_densities::{Exponential, MultivariateNormal};
use gibbsian_objectives::{BoundaryWeight, ClosedFormScoreMatching};
use ndarray::{Array2, ArrayView1, ArrayViewMut1, array};
use rayon::prelude::*;

use crate::statistics::{larger, mean_and_error};
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result, measured};

const RATE: f64 = 2.5;
const EXPONENTS: [f64; 5] = [0.75, 1.0, 1.5, 2.0, 3.0];

pub(super) const NORMAL: Claim = Claim {
    claim: "for a normal density the sandwich covariance is the inverse Fisher information: the largest entry of N Cov · Fisher − I",
    source: "Hyvärinen (2005), section 3.1; Godambe (1960)",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within_scaled(1e-10)),
    full: Check::value(0.0).within_scaled(1e-10),
    reason: "both depend on moments up to the fourth, and the data are the nodes of a product rule that has those of a normal density exactly; \
             the product of three matrices whose condition number is at most that of the curvature G loses two such numbers to rounding",
};

pub(super) const LIKELIHOOD: Claim = Claim {
    claim: "with the weight x score matching of an exponential density is maximum likelihood: the largest relative distance of the rates",
    source: "the estimate at the top of the file for k = 1",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "sums of 2,000 positive terms have a relative error of at most 2,000 u, 2.2e-13, in each of two sums and the reference",
};

pub(super) const HALF: Claim = Claim {
    claim: "with the weight x² score matching of an exponential density needs twice the data of maximum likelihood: N E (λ̂ − λ)² / λ²",
    source: "Γ(3) / Γ(2)² from the sandwich at the top of the file; the weight of Hyvärinen (2007), equation 11",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(2.0).within_standard_errors(5.0)),
    full: Check::value(2.0).within_standard_errors(5.0),
    reason: "five standard errors over samples of 2,000 draws; the correction of order 1 / N to the limit is a small part of one",
};

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    normal(ctx)?;

    let n_samples = ctx.pick(1_000, 20_000);
    let seed = ctx.seed().child("efficiency");
    let mut found = Vec::new();
    for (i, &k) in EXPONENTS.iter().enumerate() {
        ctx.progress(i, EXPONENTS.len(), "efficiency");
        let rates = rates(k, n_samples, seed.child("samples"))?;
        let errors = rates
            .iter()
            .map(|(rate, _)| DRAWS as f64 * ((rate - RATE) / RATE).powi(2));
        let (mean, error) = mean_and_error(errors);
        if k == 1.0 {
            let distance = rates
                .iter()
                .map(|(rate, likeliest)| (rate / likeliest - 1.0).abs());
            ctx.measure(&LIKELIHOOD, distance.fold(0.0, larger))?;
        }
        if k == 2.0 {
            ctx.measure(&HALF, measured(mean).with_error(error))?;
        }
        found.push((k, mean, error));
    }

    let theory = (51..=350).map(|i| {
        let k = f64::from(i) / 100.0;
        (
            k,
            (special::ln_gamma(2.0 * k - 1.0) - 2.0 * special::ln_gamma(k)).exp(),
        )
    });
    let plot = Plot::new(
        "The cost of score matching: the exponential density",
        Axis::linear("exponent k of the weight x^k"),
        Axis::log("N Var / λ²"),
    )
    .dashed("Γ(2k−1) / Γ(k)²", theory)
    .points(
        "samples of 2,000 draws",
        found.iter().map(|&(k, mean, _)| (k, mean)),
    )
    .error_bars(
        found
            .iter()
            .map(|&(k, mean, e)| (k, mean - 2.0 * e, mean + 2.0 * e)),
    )
    .horizontal("maximum likelihood", 1.0);
    ctx.plot(
        "efficiency",
        "How many times the data of maximum likelihood score matching needs. The variance is infinite at k = 1/2, where the boundary comes back. Bars are two standard errors.",
        &plot,
    )
}

/// The sandwich on data that have the first five moments of a normal density.
fn normal(ctx: &mut Context) -> Result<()> {
    let covariance = array![
        [1.0, 0.3, -0.2, 0.1],
        [0.3, 2.0, 0.5, 0.0],
        [-0.2, 0.5, 0.5, 0.2],
        [0.1, 0.0, 0.2, 1.5]
    ];
    let truth = MultivariateNormal::from_covariance(array![0.5, -1.0, 0.0, 2.0], covariance)?;
    // The Gauss–Hermite rule of three nodes has the weights 1/6, 4/6 and 1/6, so that six points of equal weight are a rule of degree five.
    let node = 3f64.sqrt();
    let nodes = [-node, 0.0, 0.0, 0.0, 0.0, node];
    let d = truth.dim();
    let z = Array2::from_shape_fn((6_usize.pow(d as u32), d), |(b, i)| {
        nodes[b / 6_usize.pow(i as u32) % 6]
    });
    let x = z.dot(&truth.cholesky().t()) + truth.mean();

    let estimate = ClosedFormScoreMatching::unweighted().estimate(&truth, x.view())?;
    let mut product = (estimate.covariance * x.nrows() as f64).dot(&truth.fisher_information());
    product -= &Array2::eye(truth.n_statistics());
    let largest = product.iter().fold(0.0, |m, v| larger(m, v.abs()));
    ctx.measure(&NORMAL, measured(largest).with_scale(estimate.condition.powi(2)))
}

/// Draws of a sample.
const DRAWS: usize = 2_000;

/// The rates of many samples, by score matching with the weight `x^k` and by maximum likelihood.
fn rates(k: f64, n_samples: usize, seed: Seed) -> Result<Vec<(f64, f64)>> {
    let member = Exponential::new(RATE)?;
    let objective = ClosedFormScoreMatching::weighted(PowerWeight(k));
    (0..n_samples)
        .into_par_iter()
        .map(|sample| {
            let x = member.sample(DRAWS, &mut seed.nth(sample as u64).rng());
            let minimiser = objective.quadratic(&member, x.view())?.minimiser()?;
            Ok((-minimiser[0], member.fit(x.view())?.rate()))
        })
        .collect()
}

/// `w(x) = x^k` on the half-line.
struct PowerWeight(f64);

impl BoundaryWeight for PowerWeight {
    fn weight_into(&self, x: ArrayView1<f64>, mut weight: ArrayViewMut1<f64>, mut slope: ArrayViewMut1<f64>) {
        weight[0] = x[0].powf(self.0);
        slope[0] = self.0 * x[0].powf(self.0 - 1.0);
    }
}
