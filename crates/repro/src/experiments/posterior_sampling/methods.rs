//! The methods, and what they may spend.

use std::sync::atomic::{AtomicUsize, Ordering};

use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_core::{Seed, Space, TimeScore, TimeScoreJvp};
use gibbsian_densities::NoisedMixture;
use gibbsian_sde::{
    DiagonalTweedieProjection, DiffPir, DiffusionPosteriorSampling, FixedSteps, FreshNoise, MomentMatching,
    PseudoinverseGuidance, RePaint, Replacement, ReverseSde, Solver, StochasticHeun, TimeGrid,
    TweedieProjection, TwistedSmc,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, concatenate};

use super::problems::Problem;
use crate::Result;
use crate::statistics::mean_and_error;

/// A way to the posterior.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    ExactScore,
    Twisted,
    DiffusionPosterior,
    Pseudoinverse,
    Diagonal,
    Projection,
    Matching,
    DiffPir,
    Replacement,
    RePaint,
}

/// All of them, in the order of the table.
pub(super) const METHODS: [Method; 10] = [
    Method::ExactScore,
    Method::Twisted,
    Method::DiffusionPosterior,
    Method::Pseudoinverse,
    Method::Diagonal,
    Method::Projection,
    Method::Matching,
    Method::DiffPir,
    Method::Replacement,
    Method::RePaint,
];

/// How often RePaint takes a step.
const N_PASSAGES: usize = 5;

/// The particles of a population.
const N_PARTICLES: usize = 50;

impl Method {
    pub(super) fn name(self) -> &'static str {
        match self {
            Method::ExactScore => "exact score",
            Method::Twisted => "twisted SMC",
            Method::DiffusionPosterior => "DPS",
            Method::Pseudoinverse => "ΠGDM",
            Method::Diagonal => "TMPD, diagonal",
            Method::Projection => "TMPD",
            Method::Matching => "MMPS",
            Method::DiffPir => "DiffPIR",
            Method::Replacement => "replacement",
            Method::RePaint => "RePaint",
        }
    }

    /// Known coordinates are for problems that have them.
    pub(super) fn fits(self, problem: &Problem) -> bool {
        problem.known.is_some() || !matches!(self, Method::Replacement | Method::RePaint)
    }

    /// The evaluations that a step costs: scores and products of a guidance, twice where Heun's scheme takes it.
    fn cost(self, problem: &Problem) -> usize {
        let n_values = problem.observation.n_values();
        match self {
            Method::ExactScore | Method::Replacement => 2,
            Method::Twisted => 1 + n_values,
            Method::DiffusionPosterior | Method::Pseudoinverse => 2 * (1 + 1),
            Method::Diagonal => 2 * (1 + 2),
            Method::Projection => 2 * (1 + n_values),
            Method::Matching => 2 * (1 + n_values + 1),
            Method::DiffPir => 1,
            Method::RePaint => 2 * N_PASSAGES,
        }
    }
}

/// The prior, counting what is asked of it.
#[derive(Clone, Copy)]
struct Counted<'a> {
    model: &'a NoisedMixture<OrnsteinUhlenbeck>,
    n_rows: &'a AtomicUsize,
}

impl Space for Counted<'_> {
    fn dim(&self) -> usize {
        self.model.dim()
    }
}

impl TimeScore for Counted<'_> {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        self.n_rows.fetch_add(x.nrows(), Ordering::Relaxed);
        self.model.score_at_into(x, t, out);
    }
}

impl TimeScoreJvp for Counted<'_> {
    fn score_jvp_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    ) {
        self.n_rows.fetch_add(x.nrows(), Ordering::Relaxed);
        self.model.score_jvp_at_into(x, t, v, score, jvp);
    }
}

/// A population: the logarithm of its evidence, the weights of its particles, and these.
pub(super) type Weighed = (f64, Array1<f64>, Array2<f64>);

/// What a method drew.
pub(super) struct Samples {
    pub(super) points: Array2<f64>,
    pub(super) n_steps: usize,
    cost: usize,
    n_rows: usize,
    /// The populations of which the points are drawn, if there are any.
    pub(super) populations: Vec<Weighed>,
}

impl Samples {
    /// The evaluations a sample.
    pub(super) fn evaluations(&self) -> f64 {
        self.n_rows as f64 / self.points.nrows() as f64
    }

    /// What is left of a budget, in steps; negative where more was spent.
    pub(super) fn unused(&self, budget: usize) -> f64 {
        let left = (budget as f64 - self.evaluations()) / self.cost as f64;
        // More than the budget is worse than any rest.
        if left < 0.0 { f64::INFINITY } else { left }
    }

    /// The mean evidence over the exact one, and its standard error.
    pub(super) fn evidence_ratio(&self, log_evidence: f64) -> (f64, f64) {
        mean_and_error((self.populations.iter()).map(|(log, _, _)| (log - log_evidence).exp()))
    }
}

/// `n` samples of a method that may spend `budget` evaluations on each.
pub(super) fn draw(
    problem: &Problem,
    method: Method,
    n: usize,
    budget: usize,
    seed: Seed,
) -> Result<Samples> {
    let n_rows = AtomicUsize::new(0);
    let prior = Counted {
        model: &problem.prior,
        n_rows: &n_rows,
    };
    let (p, observation) = (problem.process, problem.observation.clone());
    let cost = method.cost(problem);
    // A twist is asked at the start, too.
    let n_steps = match method {
        Method::Twisted => budget / cost - 1,
        _ => budget / cost,
    };
    // Short steps where little noise is left.
    let grid = TimeGrid::power(problem.process_horizon(), 0.0, 2.0, n_steps)?;
    let mut populations = Vec::new();
    let guided = |score: Box<dyn TimeScore + '_>| solve(&StochasticHeun, problem, score, &grid, n, seed);
    let points = match method {
        Method::ExactScore => {
            let posterior = NoisedMixture::new(problem.posterior.clone(), p)?;
            let exact = Counted {
                model: &posterior,
                n_rows: &n_rows,
            };
            guided(Box::new(exact))?
        }
        Method::DiffusionPosterior => {
            guided(Box::new(DiffusionPosteriorSampling::new(p, prior, observation)?))?
        }
        Method::Pseudoinverse => {
            let variance = problem.prior.mixture().covariance().diag().mean().unwrap_or(1.0);
            guided(Box::new(PseudoinverseGuidance::new(
                p,
                prior,
                observation,
                variance,
            )?))?
        }
        Method::Diagonal => guided(Box::new(DiagonalTweedieProjection::new(p, prior, observation)?))?,
        Method::Projection => guided(Box::new(TweedieProjection::new(p, prior, observation)?))?,
        Method::Matching => {
            // As many iterations as there are values, each counted whether or not it was needed.
            let n_values = observation.n_values();
            let matching = MomentMatching::new(p, prior, observation)?.with_iterations(n_values, 0.0)?;
            guided(Box::new(matching))?
        }
        Method::DiffPir => solve(
            &DiffPir::new(observation, 1.0, 0.3)?,
            problem,
            Box::new(prior),
            &grid,
            n,
            seed,
        )?,
        Method::Replacement => {
            let scheme = Replacement::new(StochasticHeun, problem.known()?);
            solve(&scheme, problem, Box::new(prior), &grid, n, seed)?
        }
        Method::RePaint => {
            let scheme = RePaint::new(StochasticHeun, problem.known()?, N_PASSAGES)?;
            solve(&scheme, problem, Box::new(prior), &grid, n, seed)?
        }
        Method::Twisted => {
            let twist = TweedieProjection::new(p, prior, observation)?;
            let smc = TwistedSmc {
                data_variance: problem.data_variance,
                ..TwistedSmc::new(grid.clone(), N_PARTICLES)
            };
            for i in 0..n / N_PARTICLES {
                let population = smc.run(&p, &twist, seed.child("population").nth(i as u64))?;
                populations.push((
                    population.log_evidence(),
                    population.weights().to_owned(),
                    population.points().to_owned(),
                ));
            }
            resampled(&populations, n)?
        }
    };
    Ok(Samples {
        points,
        n_steps,
        cost,
        n_rows: n_rows.into_inner(),
        populations,
    })
}

/// Points at time 0 from standard normal ones at the horizon.
fn solve<'a, V>(
    scheme: &V,
    problem: &Problem,
    score: Box<dyn TimeScore + 'a>,
    grid: &TimeGrid,
    n: usize,
    seed: Seed,
) -> Result<Array2<f64>>
where
    V: Solver<ReverseSde<OrnsteinUhlenbeck, Box<dyn TimeScore + 'a>>>,
{
    let noise = FreshNoise::new(seed);
    let start = noise.normal((n, score.dim()));
    let reverse = ReverseSde::new(problem.process, score);
    Ok(FixedSteps::new(grid.clone()).solve(scheme, &reverse, start, &noise)?)
}

/// `n` points of all populations, each particle as often as its weight times its population's evidence says: the systematic choice with its offset in the middle.
fn resampled(populations: &[Weighed], n: usize) -> Result<Array2<f64>> {
    let all: Vec<_> = populations.iter().map(|(_, _, points)| points.view()).collect();
    let points = concatenate(Axis(0), &all)?;
    let most = populations
        .iter()
        .fold(f64::NEG_INFINITY, |most, (log, _, _)| most.max(*log));
    let weights: Vec<f64> = (populations.iter())
        .flat_map(|(log, weights, _)| weights.iter().map(move |w| w * (log - most).exp()))
        .collect();
    let total: f64 = weights.iter().sum();
    let (mut kept, mut reached) = (Vec::with_capacity(n), 0.0);
    for (i, weight) in weights.iter().enumerate() {
        reached += weight / total * n as f64;
        while kept.len() < n && (kept.len() as f64 + 0.5) < reached {
            kept.push(i);
        }
    }
    kept.resize(n, weights.len() - 1);
    Ok(points.select(Axis(0), &kept))
}
