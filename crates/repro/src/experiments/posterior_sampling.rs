//! Posteriors by diffusion, judged by their samples.
//!
//! A mixture of normals that is observed through a linear map with normal noise has a mixture for its posterior, so whatever a method makes of the prior's score can be held to the truth, draw by draw. Every method
//! has the same number of evaluations of the score, or of its product with a vector, to spend on a sample.
//!
//! - `problems` has the priors, what is observed of them, and their posteriors.
//! - `methods` has the methods and counts their evaluations, `judgement` says how far their samples are from a law.
//! - `normal` has one normal prior with a strong correlation, where the law of what each method draws is known: that of the posterior for those with the full covariance, and another one, which follows from two
//!   ordinary equations, for posterior sampling without a covariance and for replacement.
//!
//! **What is claimed and what is not.** Theory says that the exact score of the posterior and twisted sequential Monte Carlo are right, that on normal data the full covariance is, and how wrong two of the
//! others are there. It says of no two approximate methods which is nearer to a posterior of several modes: that is measured, and shown in a table.

mod judgement;
mod methods;
mod normal;
mod problems;

use gibbsian_densities::GaussianMixture;
use ndarray::{Array2, ArrayView2};

use crate::statistics::{larger, smaller};
use crate::{Axis, Check, Claim, Context, Experiment, Plot, Provenance, Result, Table, measured};
use judgement::Judgement;
use methods::{METHODS, Method, Samples, draw};
use problems::{Problem, inpainting, measurement};

const CONTROL: Claim = Claim {
    claim: "the exact score of the posterior in place of the prior's gives the posterior: largest deviation of a mean responsibility, of a mean or of a second moment over the tolerance",
    source: "Anderson (1982); Heun's scheme has weak order 2",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(1.0)),
    full: Check::at_most(1.0),
    reason: "set before the run: five and a half standard errors, and 0.01 of the spread of each number for a scheme of second order with steps in which the ratio of noise to signal changes by a seventh where it matters, (1/7)²/12 and less",
};

const TWISTED: Claim = Claim {
    claim: "so do populations of 50 particles under a twist, weighed by their evidence: largest deviation over the tolerance, the evidence among the numbers",
    source: "Wu, Trippe, Naesseth, Blei and Cunningham (2023), algorithm 1; Del Moral (2004), section 7.4",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(1.0)),
    full: Check::at_most(1.0),
    reason: "set before the run: five and a half standard errors as found between the populations, and 0.03 of a spread for the ancestral step, whose variances are off by at most half of a step's relative change of the ratio of noise to signal, a fifteenth where it matters",
};

const BIASED: Claim = Claim {
    claim: "guidance without a covariance, and replacement, miss the posterior: the least of their largest deviations, in standard errors",
    source: "Chung, Kim, Mccann, Klasky and Ye (2023); Song et al. (2021), appendix I.2; Trippe et al. (2023)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(5.5)),
    full: Check::at_least(5.5),
    reason: "set before the run: within one component their laws are nearly those known for normal priors, whose variances and means are wrong by tens of per cent, and a standard error of a variance is 3 % of it",
};

const EQUAL: Claim = Claim {
    claim: "every method spends the same: the largest number of evaluations a sample that a method leaves unused, in steps of its own",
    source: "counted, score by score and product by product",
    provenance: Provenance::Exact,
    quick: Some(Check::between(0.0, 1.0)),
    full: Check::between(0.0, 1.0),
    reason: "the number of steps is the budget over what a step costs, rounded down; a method that spent more would be infinite, and one that spent less than it says more than one",
};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "posterior-sampling",
    title: "Posteriors by diffusion, judged by their samples",
    question: "Which methods of conditioning a diffusion model sample the posterior?",
    mathematics: r"With an observation $y = A x_0 + s e$ the score of the posterior at every time is
        $$\nabla \log p_t(x \mid y) = \nabla \log p_t(x) + \nabla \log p_t(y \mid x), \qquad p_t(y \mid x) = \int \mathcal{N}(y; A x_0, s^2 I) \, p(x_0 \mid x) \, \mathrm{d}x_0 .$$
        Methods put $\mathcal{N}(\hat{x}, C)$ in the place of $p(x_0 \mid x)$, or change the steps of the sampler. For a mixture $\sum_k w_k \mathcal{N}(\mu_k, \Sigma_k)$ the posterior is known:
        $$w_k' \propto w_k \, \mathcal{N}(y; A \mu_k, V_k), \quad \mu_k' = \mu_k + \Sigma_k A^{\top} V_k^{-1} (y - A \mu_k), \quad \Sigma_k' = \Sigma_k - \Sigma_k A^{\top} V_k^{-1} A \Sigma_k ,$$
        with $V_k = A \Sigma_k A^{\top} + s^2 I$. On normal data a guided sampler is a linear equation, and the mean and covariance of what it draws solve two ordinary ones.",
    shows: "Of the ways to condition a diffusion model on an observation two are right: the exact score of the posterior, which only a mixture has, and weighing. The others are approximations, exact on normal \
            data at best.\n\nWhat each of them draws is held to the exact posterior of a mixture, inpainting and measuring, with the same number of evaluations of the score; by how much each is off is in a table, and no \
            order among them is claimed.",
    source: "Chung et al. (2023); Song et al. (2023); Boys et al. (2023); Rozet et al. (2024); Zhu et al. (2023); Song et al. (2021); Lugmayr et al. (2022); Wu et al. (2023)",
    budget_seconds: 20,
    claims: &[
        normal::EXACT,
        normal::TOO_STRONG,
        normal::REPLACED,
        CONTROL,
        TWISTED,
        BIASED,
        EQUAL,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    let n = ctx.pick(2_000, 20_000);
    let budget = ctx.pick(600, 2_400);
    ctx.progress(0, 3, "a normal prior");
    let mut unused = normal::measure(ctx, n, budget)?;

    let mut table = Table::new([
        "problem",
        "method",
        "evaluations",
        "steps",
        "energy_distance",
        "mass_error",
        "mean_error",
        "spread_error",
        "in_standard_errors",
    ]);
    let (mut control, mut twisted, mut biased) = (0.0, 0.0, f64::INFINITY);
    for (stage, problem) in [inpainting()?, measurement()?].iter().enumerate() {
        ctx.progress(1 + stage, 3, problem.name);
        let mut shown = Vec::new();
        for method in METHODS {
            if !method.fits(problem) {
                continue;
            }
            let seed = ctx.seed().child(problem.name).child(method.name());
            let samples = draw(problem, method, n, budget, seed)?;
            let (law, x) = judged(problem, method, &samples)?;
            let judgement = Judgement::of(&law, &samples, x.view())?;
            match method {
                Method::ExactScore => control = larger(control, judgement.over(0.01)),
                Method::Twisted => {
                    twisted = larger(twisted, judgement.over(0.03));
                    let (ratio, error) = samples.evidence_ratio(problem.log_evidence);
                    // The evidence is a mean of values of the likelihood, whose logarithm moves by half a relative error of a variance and a few times that far from the middle.
                    twisted = larger(twisted, (ratio - 1.0).abs() / (5.5 * error + 0.05));
                }
                Method::DiffusionPosterior | Method::Replacement => {
                    biased = smaller(biased, judgement.in_errors());
                }
                _ => {}
            }
            unused = larger(unused, samples.unused(budget));
            let energy = judgement.energy_distance(&law, x.view(), seed.child("truth"))?;
            let [masses, means, spreads] = judgement.errors();
            table.row([
                problem.name.into(),
                method.name().into(),
                samples.evaluations().into(),
                samples.n_steps.into(),
                energy.into(),
                masses.into(),
                means.into(),
                spreads.into(),
                judgement.in_errors().into(),
            ])?;
            shown.push((method, x));
        }
        show(ctx, problem, &shown)?;
    }
    ctx.measure(&CONTROL, control)?;
    ctx.measure(&TWISTED, twisted)?;
    ctx.measure(&BIASED, biased)?;
    ctx.measure(&EQUAL, measured(unused))?;
    ctx.note(
        "The energy distances are unbiased and of draws as many as there are samples; between two sets of exact draws they scatter about zero. Masses are mean responsibilities under the exact posterior, their error half \
         the sum of all; errors of means are in deviations of the posterior, those of spreads relative, the largest of all coordinates. Replacement knows its coordinate without noise and is held to the other's law given that.",
    );
    ctx.table(
        "methods",
        "How far the samples of every method are from the exact posterior.",
        &table,
    )
}

/// The law that a method's samples are held to, and the coordinates that have it.
fn judged(problem: &Problem, method: Method, samples: &Samples) -> Result<(GaussianMixture, Array2<f64>)> {
    let x = samples.points.view();
    Ok(match (&problem.without_noise, method) {
        (Some(law), Method::Replacement | Method::RePaint) => {
            (law.clone(), x.slice(ndarray::s![.., 1..]).to_owned())
        }
        _ => (problem.posterior.clone(), x.to_owned()),
    })
}

/// The law of the last coordinate beside histograms of four methods.
fn show(ctx: &mut Context, problem: &Problem, shown: &[(Method, Array2<f64>)]) -> Result<()> {
    let (low, high, n_bins) = (-2.5, 2.5, 40);
    let width = (high - low) / f64::from(n_bins);
    let heights = |x: ArrayView2<f64>| -> Vec<(f64, f64)> {
        let last = x.column(x.ncols() - 1).to_vec();
        (0..n_bins)
            .map(|bin| {
                let left = low + width * f64::from(bin);
                let inside = last.iter().filter(|x| (left..left + width).contains(*x)).count();
                (left + 0.5 * width, inside as f64 / (last.len() as f64 * width))
            })
            .collect()
    };
    let mut plot = Plot::new(
        format!("The last coordinate given the observation: {}", problem.name),
        Axis::linear("x").range(low, high),
        Axis::linear("density"),
    )
    .dashed(
        "exact",
        (0..=200).map(|i| {
            let x = low + (high - low) * f64::from(i) / 200.0;
            (x, problem.density_of_the_last(x))
        }),
    );
    for (method, x) in shown {
        if let Method::DiffusionPosterior | Method::Projection | Method::Twisted = method {
            plot = plot.line(method.name(), heights(x.view()));
        }
    }
    ctx.plot(
        problem.name,
        "Weighed populations have the law of the posterior; guidances are approximations of it.",
        &plot,
    )
}
