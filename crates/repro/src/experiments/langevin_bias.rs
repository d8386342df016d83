//! What Langevin kernels really sample, on targets where it can be written down.
//!
//! The unadjusted step `x' = x + ε s(x) + √(2ε) z` has a law of its own. On the standard normal it is a first-order autoregression, `x' = (1 − ε) x + √(2ε) z`, with
//! variance `2ε/(1 − (1 − ε)²) = 1/(1 − ε/2)`. The Metropolis correction with the ratio of proposal densities makes it 1. With a ratio that forgets the proposal,
//! as some notes print it, the variance is `1/(2 − ε/2)` and tends to a half: the rule corrects into the wrong density. With scores from minibatches the noise of the estimates
//! is sampled along: variance `(2 + εV)/(Λ(2 − εΛ))`. All of these are exact, so each is a claim.
//!
//! What a correction costs, and what it saves, shows in many dimensions: see the file `dimension.rs`.

mod dimension;
mod targets;
mod wrong_rule;

use gibbsian_core::stochastic::Minibatch;
use gibbsian_core::{Kernel, Seed, Space};
use gibbsian_samplers::{Chains, Mala, Sgld, StepSchedule, UnadjustedLangevin};
use ndarray::{Array1, Array2};
use rand::RngExt;
use rand_distr::StandardNormal;

use crate::statistics::mean_and_error;
use crate::{Axis, Check, Claim, Context, Experiment, Measured, Plot, Provenance, Result, Table, measured};
use dimension::slope;
use targets::{MeanOfData, Standard};
use wrong_rule::WrongRule;

/// Step sizes at which variances are measured; the second is the one that claims are about.
const STEPS: [f64; 6] = [0.05, 0.2, 0.4, 0.6, 0.8, 1.0];
const CLAIMED: usize = 1;
/// Where the bias is small enough to be linear.
const SMALL_STEPS: [f64; 4] = [0.025, 0.05, 0.1, 0.2];

const FIVE_ERRORS: &str = "five standard errors of independent chains that start in the claimed law or at exact draws: a false alarm in 1.7 million";

const UNADJUSTED: Claim = Claim {
    claim: "unadjusted Langevin on the standard normal, ε = 0.2: its variance times (1 − ε/2)",
    source: "the recursion v = (1 − ε)² v + 2ε",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(1.0).within_standard_errors(5.0)),
    full: Check::value(1.0).within_standard_errors(5.0),
    reason: FIVE_ERRORS,
};

const ORDER: Claim = Claim {
    claim: "the bias of the variance of unadjusted Langevin is of first order in the step: the slope of log bias against log ε",
    source: "1/(1 − ε/2) − 1 = ε/2 + ε²/4 + …",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(1.0).within(0.1)),
    full: Check::value(1.0).within(0.1),
    reason: "over ε = 0.025 to 0.2 the exact slope is 1.045; the measured biases have errors of a few per cent",
};

const WRONG: Claim = Claim {
    claim: "Langevin proposals accepted with min(1, p(x')/p(x)), ε = 0.2: the variance times (2 − ε/2)",
    source: "detailed balance with the density ∝ π_ε p, see the file of the rule; printed as a correct sampler in lecture notes",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(1.0).within_standard_errors(5.0)),
    full: Check::value(1.0).within_standard_errors(5.0),
    reason: FIVE_ERRORS,
};

const WRONG_STAYS: Claim = Claim {
    claim: "the bias of that rule does not vanish with the step: its variance at ε = 0.05",
    source: "1/(2 − ε/2) → ½",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(0.55)),
    full: Check::at_most(0.55),
    reason: "the exact value is 0.506 and the error below a hundredth; a sampler of the target would give 1",
};

const ADJUSTED: Claim = Claim {
    claim: "Metropolis-adjusted Langevin, ε = 0.2: the variance",
    source: "Besag (1994); Roberts and Tweedie (1996)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(1.0).within_standard_errors(5.0)),
    full: Check::value(1.0).within_standard_errors(5.0),
    reason: FIVE_ERRORS,
};

const STOCHASTIC: Claim = Claim {
    claim: "stochastic gradient Langevin for the mean of 200 data from minibatches of 10: its variance over (2 + εV)/(Λ(2 − εΛ))",
    source: "the recursion v = (1 − εΛ)² v + ε² V + 2ε, V the variance of the score estimate; Welling and Teh (2011) for the sampler",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(1.0).within_standard_errors(5.0)),
    full: Check::value(1.0).within_standard_errors(5.0),
    reason: FIVE_ERRORS,
};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "langevin-bias",
    title: "What Langevin sampling samples",
    question: "Which law does a Langevin chain have when its step is not small?",
    mathematics: r"The unadjusted step is $x' = x + \varepsilon \, s(x) + \sqrt{2 \varepsilon} \, z$ with $z \sim \mathcal{N}(0, I)$. On $\mathcal{N}(0, 1)$, where $s(x) = -x$, it is an autoregression whose variance is not one, and the Metropolis rule with the proposal density $q$ repairs it:
        $$\operatorname{Var} = \frac{2 \varepsilon}{1 - (1 - \varepsilon)^2} = \frac{1}{1 - \varepsilon / 2} , \qquad \text{accept with } \min \left( 1, \frac{p(x') \, q(x \mid x')}{p(x) \, q(x' \mid x)} \right) .$$
        Without the ratio of $q$ the chain has the law of another density, $\propto p^2$ as $\varepsilon \to 0$, with the variance $1 / (2 - \varepsilon / 2)$. Scores from minibatches with variance $V$ at precision $\Lambda$ give $(2 + \varepsilon V) / \left( \Lambda (2 - \varepsilon \Lambda) \right)$.",
    shows: "Unadjusted, adjusted, wrongly adjusted and stochastic-gradient Langevin chains on normal targets, held to their exact laws, and what an independent draw \
            costs as the dimension grows.\n\nThe acceptance rule without the proposal ratio, which lecture notes print, samples a density that is too narrow by half, however short \
            the steps.",
    source: "Roberts and Tweedie (1996); Roberts, Gelman and Gilks (1997); Roberts and Rosenthal (1998); Welling and Teh (2011)",
    budget_seconds: 10,
    claims: &[
        UNADJUSTED,
        ORDER,
        WRONG,
        WRONG_STAYS,
        ADJUSTED,
        STOCHASTIC,
        dimension::RANDOM_WALK,
        dimension::MALA,
        dimension::UNADJUSTED,
        dimension::DIFFUSION,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    ctx.progress(0, 2, "one dimension");
    one_dimension(ctx)?;
    ctx.progress(1, 2, "many dimensions");
    dimension::run(ctx)
}

fn one_dimension(ctx: &mut Context) -> Result<()> {
    let seed = ctx.seed().child("variance");
    // For unadjusted steps coordinates are independent chains; a hundred of them go at once.
    let many = Standard(100);
    let one = Standard(1);
    let mut table = Table::new(["step_size", "unadjusted", "adjusted", "wrong_rule"]);
    let mut curves = [Vec::new(), Vec::new(), Vec::new()];
    for (i, &epsilon) in STEPS.iter().enumerate() {
        let seed = seed.nth(i as u64);
        let free = variance_of(
            UnadjustedLangevin::new(epsilon)?,
            &many,
            1.0 / (1.0 - 0.5 * epsilon),
            64,
            ctx.pick(500, 20_000),
            seed.child("unadjusted"),
        )?;
        let adjusted = variance_of(
            Mala::new(epsilon)?,
            &one,
            1.0,
            2_000,
            ctx.pick(500, 20_000),
            seed.child("adjusted"),
        )?;
        let kernel = WrongRule { step_size: epsilon };
        let wrong = variance_of(
            kernel,
            &one,
            1.0 / (2.0 - 0.5 * epsilon),
            1_000,
            ctx.pick(500, 20_000),
            seed.child("wrong"),
        )?;
        if i == CLAIMED {
            let scaled = |(value, error): (f64, f64), factor: f64| -> Measured {
                measured(value * factor).with_error(error * factor)
            };
            ctx.measure(&UNADJUSTED, scaled(free, 1.0 - 0.5 * epsilon))?;
            ctx.measure(&ADJUSTED, scaled(adjusted, 1.0))?;
            ctx.measure(&WRONG, scaled(wrong, 2.0 - 0.5 * epsilon))?;
        }
        if i == 0 {
            ctx.measure(&WRONG_STAYS, wrong.0)?;
        }
        table.row([epsilon.into(), free.0.into(), adjusted.0.into(), wrong.0.into()])?;
        for (curve, value) in curves.iter_mut().zip([free, adjusted, wrong]) {
            curve.push((epsilon, value.0));
        }
    }
    ctx.table("variance", "Measured variances on the standard normal.", &table)?;

    let mut biases = Vec::new();
    for (i, &epsilon) in SMALL_STEPS.iter().enumerate() {
        let kernel = UnadjustedLangevin::new(epsilon)?;
        let seed = ctx.seed().child("order").nth(i as u64);
        let exact = 1.0 / (1.0 - 0.5 * epsilon);
        biases.push((
            epsilon,
            variance_of(kernel, &many, exact, 256, ctx.pick(2_000, 40_000), seed)?.0 - 1.0,
        ));
    }
    ctx.measure(&ORDER, slope(&biases))?;
    stochastic(ctx)?;

    let exact = |f: fn(f64) -> f64| {
        (1..=100)
            .map(move |k| f64::from(k) / 100.0)
            .map(move |e| (e, f(e)))
    };
    let [free, adjusted, wrong] = curves;
    let plot = Plot::new(
        "Variance of Langevin chains on the standard normal",
        Axis::linear("step size ε"),
        Axis::linear("variance"),
    )
    .points("unadjusted", free)
    .theory("1/(1 − ε/2)", exact(|e| 1.0 / (1.0 - 0.5 * e)))
    .points("adjusted", adjusted)
    .theory("1", exact(|_| 1.0))
    .points("accepted without the proposal ratio", wrong)
    .theory("1/(2 − ε/2)", exact(|e| 1.0 / (2.0 - 0.5 * e)));
    ctx.plot("variance", "Points are measured, lines are exact.", &plot)
}

/// `E x²` over all coordinates along chains that start in the normal law of variance `exact`, and its standard error between chains.
fn variance_of<T: Space, K: Kernel<T>>(
    kernel: K,
    target: &T,
    exact: f64,
    n_chains: usize,
    n_steps: u64,
    seed: Seed,
) -> Result<(f64, f64)> {
    let mut rng = seed.child("start").rng();
    let dim = target.dim();
    let start = Array2::from_shape_simple_fn((n_chains, dim), || {
        exact.sqrt() * rng.sample::<f64, _>(StandardNormal)
    });
    let mut chains = Chains::new(kernel, target, start, seed.child("chains"))?;
    let mut sums: Vec<Array1<f64>> = chains.blocks().map(|rows| Array1::zeros(rows.len())).collect();
    chains.observe(n_steps, &mut sums, |sums, step| {
        for (sum, row) in sums.iter_mut().zip(step.x.rows()) {
            *sum += row.dot(&row);
        }
    });
    let n = n_steps as f64 * dim as f64;
    Ok(mean_and_error(sums.iter().flatten().map(|sum| sum / n)))
}

/// Minibatches on a conjugate model.
fn stochastic(ctx: &mut Context) -> Result<()> {
    const N_DATA: usize = 200;
    const SIZE: usize = 10;
    let seed = ctx.seed().child("stochastic");
    let mut rng = seed.child("data").rng();
    let model = MeanOfData {
        data: Array1::from_shape_simple_fn(N_DATA, || 1.0 + rng.sample::<f64, _>(StandardNormal)),
        prior_precision: 1.0,
        precision: 1.0,
    };
    let precision = model.posterior_precision();
    let mean = model.posterior_mean();
    let epsilon = 0.2 / precision;
    let exact = (2.0 + epsilon * model.estimate_variance(SIZE)) / (precision * (2.0 - epsilon * precision));
    let target = Minibatch::new(&model, SIZE)?;
    let n_chains = 2_000;
    let mut rng = seed.child("start").rng();
    let start = Array2::from_shape_simple_fn((n_chains, 1), || {
        mean + exact.sqrt() * rng.sample::<f64, _>(StandardNormal)
    });
    let kernel = Sgld::new(StepSchedule::constant(epsilon)?);
    let mut chains = Chains::new(kernel, &target, start, seed.child("chains"))?;
    // Minibatches are not normal, so the law of the start is right in its first two moments only; fifty relaxation times let the rest settle.
    chains.advance(250);
    let n_steps = ctx.pick(250, 10_000);
    let mut sums: Vec<Array1<f64>> = chains.blocks().map(|rows| Array1::zeros(rows.len())).collect();
    chains.observe(n_steps, &mut sums, |sums, step| {
        for (sum, row) in sums.iter_mut().zip(step.x.rows()) {
            *sum += (row[0] - mean).powi(2);
        }
    });
    let (variance, error) = mean_and_error(sums.iter().flatten().map(|sum| sum / n_steps as f64));
    ctx.measure(&STOCHASTIC, measured(variance / exact).with_error(error / exact))
}
