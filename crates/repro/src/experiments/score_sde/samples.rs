//! Samples by the reverse equation, by the flow, and by predictor and corrector.
//!
//! Whether samples have the law of a mixture is asked of its responsibilities: under the law `p = Σ_k w_k p_k` the mean of `r_k(x) = w_k p_k(x)/p(x)` is `w_k` exactly, for all `k`. Means and
//! variances of coordinates are known too.

use gibbsian_core::{Density, LinearGaussian, Seed, TimeScore};
use gibbsian_densities::GaussianMixture;
use gibbsian_sde::{
    AdaptiveRungeKutta, EulerMaruyama, FixedSteps, FreshNoise, LangevinStep, PredictorCorrector,
    ProbabilityFlow, ReverseDiffusion, ReverseSde, StoredPath, TimeGrid,
};
use ndarray::{Array2, ArrayView2};

use super::{START, cases};
use crate::statistics::{larger, mean_and_error};
use crate::{Check, Claim, Context, Provenance, Result, Table};

pub(super) const CONVENTIONS: Claim = Claim {
    claim: "the reverse equation with time running backwards, and in a clock of its own, with the same noise: largest difference of their points",
    source: "Y_τ = X_{T−τ}; Euler and Maruyama's scheme on a grid whose times have few binary digits",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(0.0)),
    full: Check::at_most(0.0),
    reason: "the same operations on the same numbers, since T − t is exact on such a grid",
};

pub(super) const FLOW: Claim = Claim {
    claim: "points that the flow takes from exact draws of p_T have the law of the data at the end: largest deviation of a mean responsibility or moment, in standard errors",
    source: "Song et al. (2021), equation 13",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(5.5)),
    full: Check::at_most(5.5),
    reason: "28 numbers within five and a half standard errors: a false alarm in a million; the solver's error of 1e-6 is below them by far",
};

pub(super) const REVERSE: Claim = Claim {
    claim: "the same of the reverse equation by Euler and Maruyama's scheme: largest deviation over the tolerance",
    source: "Anderson (1982); Song et al. (2021), equation 6",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(1.0)),
    full: Check::at_most(1.0),
    reason: "five and a half standard errors, and for the scheme 0.02 of the spread of each number: its errors are of first order in steps over which the ratio of signal to noise changes by two per cent",
};

pub(super) const CORRECTED: Claim = Claim {
    claim: "the same of a predictor with a corrector: largest deviation over the tolerance",
    source: "Song et al. (2021), section 4.2",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(1.0)),
    full: Check::at_most(1.0),
    reason: "as above, with 0.05 instead of 0.02: the corrector's steps ε = 2 (0.16 σ)² leave laws whose variance is too large by ε/2 over what it is, at most a fortieth, and there are predictor's errors beside them",
};

/// The shares of a spread that the reasons above allow for the schemes.
const BIAS: [f64; 2] = [0.02, 0.05];

/// Measures all of it for every process.
pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let n = ctx.pick(4_000, 50_000);
    let n_steps = 1_000;
    let mut table = Table::new(["process", "method", "largest_deviation", "in_standard_errors"]);
    let mut worst = [0.0; 3];
    let mut differs = 0.0;
    for case in cases()? {
        let seed = ctx.seed().child("samples").child(case.name);
        let noised = case.noised()?;
        let process = noised.process();
        let horizon = process.horizon();
        let (last, law) = (noised.marginal(horizon)?, noised.marginal(START)?);
        let start = |name: &str| last.sample(n, &mut seed.child(name).rng());
        differs = larger(
            differs,
            conventions(process, &noised, &start("conventions"), seed)?,
        );

        let flow = ProbabilityFlow::new(process, &noised);
        let by_flow = AdaptiveRungeKutta::with_tolerance(1e-6)
            .solve(&flow, start("flow"), horizon, START)?
            .points;
        let steps = FixedSteps::new(TimeGrid::uniform_in_log_snr(process, horizon, START, n_steps)?);
        let reverse = ReverseSde::new(process, &noised);
        let noise = FreshNoise::new(seed.child("reverse"));
        let by_reverse = steps.solve(&EulerMaruyama, &reverse, start("reverse"), &noise)?;
        let corrector = PredictorCorrector::new(ReverseDiffusion, LangevinStep::NoiseLevel(0.16));
        let noise = FreshNoise::new(seed.child("corrected"));
        let by_both = steps.solve(&corrector, &reverse, start("corrected"), &noise)?;
        for (k, (method, x)) in [
            ("flow", by_flow),
            ("reverse equation", by_reverse),
            ("predictor and corrector", by_both),
        ]
        .into_iter()
        .enumerate()
        {
            let deviations = deviations(&law, x.view());
            let largest = deviations.iter().map(|(d, _)| d.abs()).fold(0.0, larger);
            let in_errors = deviations.iter().map(|(d, e)| d.abs() / e).fold(0.0, larger);
            let score = match k {
                0 => in_errors,
                // A spread is √n standard errors.
                _ => in_errors / (5.5 + BIAS[k - 1] * (n as f64).sqrt()),
            };
            worst[k] = larger(worst[k], score);
            table.row([case.name.into(), method.into(), largest.into(), in_errors.into()])?;
        }
    }
    ctx.measure(&CONVENTIONS, differs)?;
    ctx.measure(&FLOW, worst[0])?;
    ctx.measure(&REVERSE, worst[1])?;
    ctx.measure(&CORRECTED, worst[2])?;
    ctx.table(
        "samples",
        "How far mean responsibilities, means and second moments of samples are from those of the law.",
        &table,
    )
}

/// Deviations of sample means from what they are under `law`, with standard errors: of responsibilities, of coordinates, and of their squares.
fn deviations(law: &GaussianMixture, x: ArrayView2<f64>) -> Vec<(f64, f64)> {
    let posterior = law.posterior(x);
    let mut found = Vec::new();
    let mut compare = |values: Vec<f64>, expected: f64| {
        let (mean, error) = mean_and_error(values.into_iter());
        found.push((mean - expected, error));
    };
    for (column, &weight) in posterior.columns().into_iter().zip(law.weights()) {
        compare(column.to_vec(), weight);
    }
    let (mean, covariance) = (law.mean(), law.covariance());
    for (i, column) in x.columns().into_iter().enumerate() {
        compare(column.to_vec(), mean[i]);
        compare(
            column.mapv(|x| x * x).to_vec(),
            covariance[(i, i)] + mean[i] * mean[i],
        );
    }
    found
}

/// The largest difference of the two conventions on a grid that both can represent.
fn conventions<P: LinearGaussian + Copy, M: TimeScore>(
    process: P,
    model: M,
    start: &Array2<f64>,
    seed: Seed,
) -> Result<f64> {
    let start = start.slice(ndarray::s![..64, ..]).to_owned();
    let horizon = process.horizon();
    let grid = TimeGrid::new((0..64).map(|k| horizon * f64::from(64 - k) / 64.0).collect())?;
    let own = grid.in_own_clock(horizon)?;
    let path = |grid: &TimeGrid| StoredPath::draw(grid.clone(), start.dim(), seed.child("path"));
    let reverse = ReverseSde::new(process, model);
    let backwards =
        FixedSteps::new(grid.clone()).solve(&EulerMaruyama, &reverse, start.clone(), &path(&grid)?)?;
    let forwards = FixedSteps::new(own.clone()).solve(
        &EulerMaruyama,
        &reverse.in_own_clock(),
        start.clone(),
        &path(&own)?,
    )?;
    Ok((backwards - forwards)
        .iter()
        .fold(0.0, |most, d| larger(most, d.abs())))
}
