//! Two far modes with wrong weights.
//!
//! `p = w N(m, 1) + (1 − w) N(−m, 1)` and `q` the same with the weight `w'`. With the logistic function `r_a(t) = 1/(1 + exp(−t − a))` at `t = 2mx` and the
//! logits `a`, `b` of the weights the scores differ by `2m (r_a − r_b)`, so that
//!
//! `D = ½ E_p (s_p − s_q)² = m e^(−m²/2) ∫ φ(t/2m) [w e^(t/2) + (1 − w) e^(−t/2)] (r_a − r_b)² dt`.
//!
//! Because `(1 − y) ≤ e^(−y) ≤ 1`, with `K` the integral for `φ(0)` in place of `φ(t/2m)` and `K₂` that with a further `t²/8`,
//!
//! `1 − K₂/(K m²) ≤ D e^(m²/2)/(m K) ≤ 1`.
//!
//! The total variation is `|w − w'| (2Φ(m) − 1)`. Noise `σ` has the same effect as dividing `m` by `√(1 + σ²)`, and where `m < 1` the law `q` is
//! strongly log-concave: its curvature is at least `ρ = 1 − m²`. Then (Bakry and Émery 1985; Pinsker) `2ρ TV² ≤ ρ KL(p‖q) ≤ D`: scores bound weights.

use gibbsian_core::special::normal_cdf;
use gibbsian_core::{Density, Score};
use gibbsian_densities::quadrature::{Domain, Interval, QuadratureOptions, integrate, integrate_line};
use gibbsian_densities::{Covariances, GaussianMixture};
use ndarray::{Array1, ArrayView2, ArrayViewMut1, array};

use crate::statistics::larger;
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result, Table};

pub(super) const TOTAL_VARIATION: Claim = Claim {
    claim: "the total variation of two laws with the same two modes and other weights is the error of the weight times 2Φ(m) − 1: the largest difference",
    source: "the difference of the densities changes its sign halfway",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-12)),
    full: Check::value(0.0).within(1e-12),
    reason: "by quadrature of each half, asked for 1e-13",
};

pub(super) const BLIND: Claim = Claim {
    claim: "their Fisher divergence is m e^(−m²/2) K up to a relative K₂/(K m²): the largest part of this bound that is used, modes at ±4, ±6 and ±8",
    source: "see the top of the file `modes.rs`; the blindness of Wenliang and Kanagawa (2020), section 3",
    provenance: Provenance::Exact,
    quick: Some(Check::between(0.0, 1.0)),
    full: Check::between(0.0, 1.0),
    reason: "a bound from 1 − y ≤ e^(−y) ≤ 1; it is used in full as m grows",
};

pub(super) const VANISHES: Claim = Claim {
    claim: "for the modes of Song and Ermon at (5, 5) and (−5, −5), weights 0.8 for 0.5, the Fisher divergence is this share of the squared total variation, at most",
    source: "Song and Ermon (2019), section 3.2.2",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-8)),
    full: Check::at_most(1e-8),
    reason: "m = √50 along the line through the modes: 7 e^(−25) K/0.09 is 1e-9 K, and K is below one",
};

pub(super) const SEES: Claim = Claim {
    claim: "in noise of σ² = 99 the same divergence is no less than 2ρ times the squared total variation, the units of x scaled by √(1 + σ²): their ratio",
    source: "Bakry and Émery (1985) and Pinsker's inequality, for the curvature ρ = 1 − 50/100",
    provenance: Provenance::Exact,
    quick: Some(Check::at_least(1.0)),
    full: Check::at_least(1.0),
    reason: "two inequalities for strongly log-concave laws",
};

const WEIGHT: f64 = 0.8;
const WRONG: f64 = 0.5;

/// Both laws in noise of variance `variance − 1`.
struct Pair {
    m: f64,
    variance: f64,
    right: GaussianMixture,
    wrong: GaussianMixture,
}

impl Pair {
    fn new(m: f64, variance: f64) -> Result<Self> {
        let mixture = |weight: f64| {
            GaussianMixture::new(
                array![weight, 1.0 - weight],
                array![[m], [-m]],
                Covariances::Spherical(Array1::from_elem(2, variance)),
            )
        };
        Ok(Pair {
            m,
            variance,
            right: mixture(WEIGHT)?,
            wrong: mixture(WRONG)?,
        })
    }

    fn reach(&self) -> f64 {
        self.m + 10.0 * self.variance.sqrt()
    }

    /// `½ ∫ |p − q| dx`.
    fn total_variation(&self) -> Result<f64> {
        let half = |low: f64, high: f64| -> Result<f64> {
            let integrand = |x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>| {
                let (p, q) = (self.right.log_density(x), self.wrong.log_density(x));
                for ((out, p), q) in out.iter_mut().zip(p).zip(q) {
                    *out = 0.5 * (p.exp() - q.exp()).abs();
                }
            };
            let domain = Domain::interval(Interval::closed(low, high)?);
            Ok(integrate(integrand, &domain, QuadratureOptions::default())?.value)
        };
        Ok(half(-self.reach(), 0.0)? + half(0.0, self.reach())?)
    }

    /// `½ E_p (s_p − s_q)²`.
    fn fisher(&self) -> Result<f64> {
        let integrand = |x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>| {
            self.right.log_density_into(x, out.view_mut());
            let difference = self.right.score(x) - self.wrong.score(x);
            for (out, d) in out.iter_mut().zip(&difference) {
                *out = 0.5 * out.exp() * d * d;
            }
        };
        let domain = Domain::interval(Interval::closed(-self.reach(), self.reach())?);
        // The logits change by one over `v/2m`.
        let domain = domain.with_peak(&[0.0], self.variance / self.m)?;
        let settings = QuadratureOptions {
            relative: 1e-8,
            ..QuadratureOptions::default()
        };
        Ok(integrate(integrand, &domain, settings)?.value)
    }
}

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let distances: Vec<f64> = (2..=32).map(|k| 0.25 * f64::from(k)).collect();
    let [k, k2] = constants()?;
    let mut table = Table::new(["m", "fisher_divergence", "asymptotic", "total_variation"]);
    let (mut worst, mut used) = (0.0_f64, 0.0_f64);
    let (mut fisher, mut variation) = (Vec::new(), Vec::new());
    for m in distances {
        let pair = Pair::new(m, 1.0)?;
        let (d, tv) = (pair.fisher()?, pair.total_variation()?);
        let expected = (WEIGHT - WRONG) * (2.0 * normal_cdf(m) - 1.0);
        worst = larger(worst, (tv - expected).abs());
        let asymptotic = k * m * (-0.5 * m * m).exp();
        if [4.0, 6.0, 8.0].contains(&m) {
            let part = (1.0 - d / asymptotic) * k * m * m / k2;
            // A part below zero would be outside the bound as well.
            used = larger(used, if part < 0.0 { f64::INFINITY } else { part });
        }
        fisher.push((m, d));
        variation.push((m, tv));
        table.row([m.into(), d.into(), asymptotic.into(), tv.into()])?;
    }
    ctx.measure(&TOTAL_VARIATION, worst)?;
    ctx.measure(&BLIND, used)?;

    let far = Pair::new(50.0_f64.sqrt(), 1.0)?;
    ctx.measure(&VANISHES, far.fisher()? / far.total_variation()?.powi(2))?;
    let noisy = Pair::new(50.0_f64.sqrt(), 100.0)?;
    let curvature = 1.0 - 50.0 / noisy.variance;
    let bound = 2.0 * curvature * noisy.total_variation()?.powi(2);
    ctx.measure(&SEES, noisy.variance * noisy.fisher()? / bound)?;

    let plot = Plot::new(
        "Two modes at ±m, weight 0.5 in place of 0.8",
        Axis::linear("half the distance of the modes m (standard deviations of a mode)"),
        Axis::log("Fisher divergence, or total variation"),
    )
    .line("Fisher divergence", fisher.clone())
    .line("total variation", variation)
    .dashed(
        "K m e^(−m²/2)",
        fisher.iter().map(|(m, _)| (*m, k * m * (-0.5 * m * m).exp())),
    );
    ctx.plot(
        "modes",
        "What score matching sees of wrong weights, and what is wrong.",
        &plot,
    )?;
    ctx.table(
        "modes",
        "Both divergences against the distance of the modes.",
        &table,
    )
}

/// `K` and `K₂`.
fn constants() -> Result<[f64; 2]> {
    let logit = |w: f64| (w / (1.0 - w)).ln();
    let (a, b) = (logit(WEIGHT), logit(WRONG));
    let logistic = |t: f64| 1.0 / (1.0 + (-t).exp());
    let integrand = |t: f64| {
        let tilt = WEIGHT * (0.5 * t).exp() + (1.0 - WEIGHT) * (-0.5 * t).exp();
        tilt * (logistic(t + a) - logistic(t + b)).powi(2) / std::f64::consts::TAU.sqrt()
    };
    // Integrands fall as exp(−3|t|/2).
    let settings = QuadratureOptions {
        relative: 1e-12,
        ..QuadratureOptions::default()
    };
    let range = Interval::closed(-40.0, 40.0)?;
    let k = integrate_line(integrand, range, settings)?.value;
    let k2 = integrate_line(|t| integrand(t) * t * t / 8.0, range, settings)?.value;
    Ok([k, k2])
}
