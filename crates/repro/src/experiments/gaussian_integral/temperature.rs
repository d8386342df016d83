//! `log Z` as a function of the inverse temperature.
//!
//! With `Z_β = Σ exp(−βE)`, `d log Z/dβ = −⟨E⟩_β` and `d² log Z/dβ² = Var_β E`. Differences would have half the digits; the integrated forms have all:
//! `log Z_b − log Z_a = −∫ ⟨E⟩_β dβ`, and `⟨E⟩_a − ⟨E⟩_b = ∫ Var_β E dβ`.

use gibbsian_core::special::digamma;
use gibbsian_core::{Density, Discrete, Energy, Space};
use gibbsian_densities::quadrature::{Domain, Interval, QuadratureOptions, expectation, integrate_line};
use gibbsian_densities::{Gamma, PowerFamily, Tempered, Univariate};
use ndarray::{ArrayView2, ArrayViewMut1};

use crate::statistics::larger;
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result};

const N_SPINS: usize = 10;

pub(super) const TRANSFER_MATRIX: Claim = Claim {
    claim: "log Z_β of a ring of 10 spins by enumeration is log((2 cosh β)¹⁰ + (2 sinh β)¹⁰); the largest difference for β from 0.01 to 20",
    source: "Kramers and Wannier (1941): the eigenvalues of the transfer matrix",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "log Z is at most 200, rounded to some ε = 2.2e-16 of it",
};

pub(super) const FIRST: Claim = Claim {
    claim: "log Z_b − log Z_a = −∫ ⟨E⟩ dβ for that ring between β = 0.05 and 3, over the size of the integral",
    source: "d log Z/dβ = −⟨E⟩",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-12)),
    full: Check::value(0.0).within(1e-12),
    reason: "the quadrature in β stops at a relative error of 1e-13",
};

pub(super) const SECOND: Claim = Claim {
    claim: "⟨E⟩_a − ⟨E⟩_b = ∫ Var E dβ for that ring between β = 0.05 and 3, over the size of the integral",
    source: "d² log Z/dβ² = Var E",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-12)),
    full: Check::value(0.0).within(1e-12),
    reason: "the quadrature in β stops at a relative error of 1e-13",
};

pub(super) const GAMMA: Claim = Claim {
    claim: "powers of a gamma density: ⟨E⟩_β by quadrature is −d log Z/dβ of the closed form, with a digamma function; the largest difference for β from ¼ to 8",
    source: "log ∫ x^β(α−1) exp(−βλx) dx = log Γ(β(α − 1) + 1) − (β(α − 1) + 1) log βλ",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "two integrals of relative error 1e-13, of energies of the order of one",
};

pub(super) const POWERS: Claim = Claim {
    claim: "the closed form log ∫ p^β of that gamma density between β = 0.05 and 3 is the integral of those slopes less log Z",
    source: "d log Z/dβ = −⟨E⟩",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-12)),
    full: Check::value(0.0).within(1e-12),
    reason: "the quadrature in β stops at a relative error of 1e-13 of an integral of the order of one",
};

pub(super) const HOT: Claim = Claim {
    claim: "β → 0: log Z_β of the ring less 10 log 2 − β⟨E⟩₀ + ½β² Var₀ E, at β = 10⁻⁴",
    source: "at β = 0 all states are equally likely: ⟨E⟩₀ = 0, Var₀ E = 10, and the third cumulant of a ring of 10 vanishes",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-13)),
    full: Check::value(0.0).within(1e-13),
    reason: "the fourth cumulant is −20, so that the next term is −20 β⁴/24 = −8e-17; log Z itself is 6.9, rounded to some ε of it",
};

pub(super) const COLD: Claim = Claim {
    claim: "β → ∞: log Z_β + β min E of the ring is the logarithm of the number of its ground states, 2, at β = 10",
    source: "states above the ground states cost exp(−4β) at least",
    provenance: Provenance::Exact,
    quick: Some(Check::value(std::f64::consts::LN_2).within(1e-13)),
    full: Check::value(std::f64::consts::LN_2).within(1e-13),
    reason: "45 exp(−40) = 2e-16; log Z is 100.7, rounded to some ε of it",
};

/// `E = −Σ_i x_i x_(i+1)` around a ring of spins.
struct Ring;

impl Space for Ring {
    fn dim(&self) -> usize {
        N_SPINS
    }
}

impl Energy for Ring {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (out, x) in out.iter_mut().zip(x.rows()) {
            *out = -(0..N_SPINS).map(|i| x[i] * x[(i + 1) % N_SPINS]).sum::<f64>();
        }
    }
}

impl Discrete for Ring {
    fn alphabet(&self, _: usize) -> &[f64] {
        &[-1.0, 1.0]
    }
}

/// The energy of a density at another temperature.
struct Scaled(Gamma, f64);

impl Space for Scaled {
    fn dim(&self) -> usize {
        1
    }
}

impl Energy for Scaled {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.0.energy_into(x, out.view_mut());
        out *= self.1;
    }
}

fn log_z_of_ring(beta: f64) -> Result<f64> {
    Ok(Tempered::new(&Ring, beta)?.log_z())
}

pub(super) fn run(ctx: &mut Context) -> Result<()> {
    let betas: Vec<f64> = (0..=40)
        .map(|k| 0.01 * 2000f64.powf(f64::from(k) / 40.0))
        .collect();
    let mut worst = 0.0_f64;
    for &beta in &betas {
        let n = N_SPINS as f64;
        let closed = n * gibbsian_core::math::log_2cosh(beta) + beta.tanh().powi(N_SPINS as i32).ln_1p();
        worst = larger(worst, (log_z_of_ring(beta)? - closed).abs());
    }
    ctx.measure(&TRANSFER_MATRIX, worst)?;

    let (a, b) = (0.05, 3.0);
    let over = Interval::closed(a, b)?;
    let (hot, cold) = (Tempered::new(&Ring, a)?, Tempered::new(&Ring, b)?);
    // After the two constructors above none between them can fail.
    let at = |beta: f64| Tempered::new(&Ring, beta).ok();
    let energy = |beta: f64| at(beta).map_or(f64::NAN, |t| t.mean_energy());
    let area = integrate_line(energy, over, QuadratureOptions::default())?.value;
    ctx.measure(&FIRST, (cold.log_z() - hot.log_z() + area) / area.abs())?;
    let variance = |beta: f64| at(beta).map_or(f64::NAN, |t| t.energy_variance());
    let area = integrate_line(variance, over, QuadratureOptions::default())?.value;
    ctx.measure(
        &SECOND,
        (hot.mean_energy() - cold.mean_energy() - area) / area.abs(),
    )?;

    let (alpha, lambda) = (2.5, 1.5);
    let gamma = Gamma::new(alpha, lambda)?;
    // The energy is λx − (α − 1) log x and a constant.
    let constant = gamma.energy_at(1.0) - lambda;
    let slope = |beta: f64| {
        let k = beta * (alpha - 1.0) + 1.0;
        (alpha - 1.0) * (digamma(k) - (beta * lambda).ln()) - k / beta - constant
    };
    let mut worst = 0.0_f64;
    for beta in [0.25, 0.5, 1.0, 2.0, 8.0] {
        let mean = expectation(
            &Scaled(gamma, beta),
            |x, out| gamma.energy_into(x, out),
            &Domain::interval(Interval::above(0.0)?),
            QuadratureOptions::default(),
        )?;
        worst = larger(worst, (mean.value + slope(beta)).abs());
    }
    ctx.measure(&GAMMA, worst)?;
    // p^β is exp(−βE) over Z^β.
    let area = integrate_line(
        |beta| slope(beta) - gamma.log_z(),
        over,
        QuadratureOptions::default(),
    )?
    .value;
    ctx.measure(&POWERS, gamma.log_z_at(b)? - gamma.log_z_at(a)? - area)?;

    let n = N_SPINS as f64;
    let beta = 1e-4;
    ctx.measure(
        &HOT,
        log_z_of_ring(beta)? - (n * std::f64::consts::LN_2 + 0.5 * beta * beta * n),
    )?;
    let beta = 10.0;
    ctx.measure(&COLD, log_z_of_ring(beta)? - beta * n)?;

    let curve = |f: fn(&Tempered<&Ring>) -> f64| -> Result<Vec<(f64, f64)>> {
        betas
            .iter()
            .map(|&beta| Ok((beta, f(&Tempered::new(&Ring, beta)?))))
            .collect()
    };
    let plot = Plot::new(
        "A ring of ten spins",
        Axis::log("inverse temperature β"),
        Axis::linear("log Z, energy and variance (nats)"),
    )
    .line("log Z − 10 β", curve(|t| t.log_z() - 10.0 * t.beta())?)
    .line("⟨E⟩ = −d log Z/dβ", curve(|t| t.mean_energy())?)
    .line("Var E = d² log Z/dβ²", curve(|t| t.energy_variance())?)
    .horizontal("log 2: two ground states", std::f64::consts::LN_2);
    ctx.plot(
        "temperature",
        "log Z with the energy of the ground states taken off: from 10 log 2, all states, to log 2.",
        &plot,
    )
}
