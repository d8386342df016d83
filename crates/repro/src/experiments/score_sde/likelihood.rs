//! Log-densities by the probability flow.

use gibbsian_core::{Density, Directions, Energy, LinearGaussian};
use gibbsian_sde::{AdaptiveRungeKutta, FlowLikelihood, ProbabilityFlow, VariationalBound};
use ndarray::Array1;

use super::{START, cases};
use crate::statistics::{larger, mean_and_error, smaller};
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result, Table, measured};

/// The tolerances of the solver, and the one that claims are about.
const TOLERANCES: [f64; 6] = [1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8];
const TIGHTEST: f64 = 1e-8;

pub(super) const TRUTH: Claim = Claim {
    claim: "log-densities by the flow from the exact p_T, tolerance 1e-8, four processes: largest error in nats",
    source: "Song et al. (2021), equation 39; the noised mixture's own log-density",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-5)),
    full: Check::at_most(1e-5),
    reason: "local errors of at most 1e-8 (1 + |y|) a step; some hundred steps, and a flow that magnifies them tenfold at most",
};

pub(super) const ORDER: Claim = Claim {
    claim: "the error is in proportion to the tolerance: slope of log error against log tolerance, the least over the processes",
    source: "a pair of order 5 that goes on with the better solution: step h ~ tol^(1/5), error ~ h⁵ (Hairer, Nørsett and Wanner 1993, section II.4)",
    provenance: Provenance::Exact,
    quick: Some(Check::at_least(0.8)),
    full: Check::at_least(0.8),
    reason: "1 in the limit; a mean over five decades in which steps at loose tolerances are not yet small may be lower by a fifth",
};

pub(super) const PRIOR: Claim = Claim {
    claim: "with the normal prior instead of p_T the error is log N(x_T) − log p_T(x_T): largest difference of the two",
    source: "the flow is the same, and its integral too",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(2e-5)),
    full: Check::at_most(2e-5),
    reason: "twice the bound of the first claim",
};

pub(super) const ESTIMATE: Claim = Claim {
    claim: "log-densities with divergences along random signs, mean over points and probes: its distance from the exact mean, in standard errors",
    source: "Hutchinson (1990); directions are kept along the solution",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(5.0)),
    full: Check::at_most(5.0),
    reason: "five standard errors: a false alarm in 1.7 million for each of four processes; the solver's error is far below them",
};

pub(super) const BOUND: Claim = Claim {
    claim: "the variational bound with the exact score is no more than the mean log-density: bound minus mean, the largest over the processes, in standard errors",
    source: "Song, Durkan, Murray and Ermon (2021); Kingma, Salimans, Poole and Ho (2021)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(5.0)),
    full: Check::at_most(5.0),
    reason: "a bound; its estimate may exceed it by its Monte Carlo error",
};

/// Measures all of it for every process.
pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let n = ctx.pick(128, 2_000);
    let mut table = Table::new([
        "process",
        "tolerance",
        "largest_error",
        "mean_error",
        "evaluations_a_point",
    ]);
    let mut plot = Plot::new(
        "Log-densities by the probability flow",
        Axis::log("tolerance of the solver"),
        Axis::log("largest error of log p (nats)"),
    );
    let (mut truth, mut slope, mut prior, mut estimate, mut bound) =
        (0.0, f64::INFINITY, 0.0, 0.0, f64::NEG_INFINITY);
    for case in cases()? {
        let seed = ctx.seed().child("likelihood").child(case.name);
        let noised = case.noised()?;
        let process = noised.process();
        let horizon = process.horizon();
        let x = noised.marginal(START)?.sample(n, &mut seed.child("points").rng());
        let exact = noised.log_density_at(x.view(), Array1::from_elem(n, START).view());
        let last = noised.marginal(horizon)?;
        let flow = || ProbabilityFlow::new(process, &noised);

        let mut curve = Vec::new();
        for tolerance in TOLERANCES {
            let solver = AdaptiveRungeKutta::with_tolerance(tolerance);
            let likelihood = FlowLikelihood::with_prior(flow(), &last, START, solver)?;
            let found = likelihood.log_density(x.view())?;
            let errors = (&found.log_density - &exact).mapv(f64::abs);
            let largest = errors.iter().copied().fold(0.0, larger);
            curve.push((tolerance, largest));
            table.row([
                case.name.into(),
                tolerance.into(),
                largest.into(),
                errors.mean().unwrap_or(f64::NAN).into(),
                (found.n_evaluations.sum() as f64 / n as f64).into(),
            ])?;
            if tolerance == TIGHTEST {
                truth = larger(truth, largest);
                // The same latent points under the prior of the process.
                let normal = FlowLikelihood::new(flow(), START, solver)?;
                let by_prior = normal.log_density(x.view())?;
                let expected =
                    normal.prior().log_density(by_prior.points.view()) + last.energy(by_prior.points.view());
                let differs = &by_prior.log_density - &exact - expected;
                prior = differs.iter().fold(prior, |most, d| larger(most, d.abs()));
            }
        }
        let (first, end) = (curve[0], curve[curve.len() - 1]);
        slope = smaller(slope, (first.1 / end.1).ln() / (first.0 / end.0).ln());
        plot = plot.line(case.name, curve);

        let likelihood =
            FlowLikelihood::with_prior(flow(), &last, START, AdaptiveRungeKutta::with_tolerance(1e-6))?;
        let n_probes = ctx.pick(16, 256);
        let found = likelihood.log_density_estimate(
            x.view(),
            Directions::Rademacher,
            n_probes,
            &mut seed.child("probes").rng(),
        )?;
        let gaps = &found.log_density - &exact;
        let (mean, error) = mean_and_error(gaps.iter().copied());
        estimate = larger(estimate, mean.abs() / error);

        let variational = VariationalBound::new(process, &noised, START)?;
        let (mean, error) = variational
            .estimate(x.view(), ctx.pick(256, 4_096), &mut seed.child("times").rng())?
            .mean();
        let gap = mean - exact.mean().unwrap_or(f64::NAN);
        bound = larger(bound, gap / error);
        ctx.note(format!(
            "{}: the variational bound is {:.4} ± {error:.4} nat below the mean log-density.",
            case.name, -gap
        ));
    }
    ctx.measure(&TRUTH, truth)?;
    ctx.measure(&ORDER, slope)?;
    ctx.measure(&PRIOR, prior)?;
    ctx.measure(&ESTIMATE, estimate)?;
    ctx.measure(&BOUND, measured(bound))?;
    ctx.plot(
        "tolerance",
        "The error of log-densities falls with the solver's tolerance, for every process.",
        &plot,
    )?;
    ctx.table(
        "tolerance",
        "Errors and evaluations by process and tolerance.",
        &table,
    )
}
