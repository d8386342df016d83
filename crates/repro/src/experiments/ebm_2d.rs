//! One network in the plane, learned as an energy in seven ways, and measured against the exact density.
//!
//! Data are draws of eight normal densities on a circle, whose density is known. A network of one output is trained on them by persistent chains in a replay buffer, by short chains from the data, by telling data from
//! noise (binary and ranking), by matching scores (implicit and denoising), and against a sampler that is learned beside it. In the plane the normaliser of any energy is an integral that can be computed, so that what was learned is a density, and its
//! Kullback-Leibler divergence and its total variation from the truth are numbers, not impressions.
//!
//! Neighbouring modes are 4.4 standard deviations apart, and the density between them falls to a fifth of its maximum: modes can be told apart, and what a score says of their relative weights is still in the data
//! (where it is not is a matter of the experiment on Langevin sampling of far modes).
//!
//! Two forms of contrast with noise differ in what they know of the normaliser. The binary one learns it as a parameter, `c → log Z`; to the ranking one, which is also called InfoNCE, a constant is nothing, and it
//! leaves the parameter where it was.

mod adversarial;
mod claims;
mod constant;
mod grid;
mod shown;
mod training;

use gibbsian_core::{Density, Objective, Parametric, Potential, Seed};
use gibbsian_densities::{GaussianMixture, MultivariateNormal, planar};
use gibbsian_metrics::r_hat;
use gibbsian_nn::NeuralEnergy;
use gibbsian_objectives::{
    ContrastiveDivergence, DenoisingScoreMatching, ImplicitScoreMatching, NoiseContrastiveEstimation,
    PhaseReport, RankingNoiseContrastiveEstimation, Replay, ReplayBuffer, ReplayContrastiveDivergence,
    SelfNormalised,
};
use gibbsian_samplers::{Mala, Sampling};
use ndarray::{Array1, Array2, Axis as Along, s};

use self::claims::{
    ASYMPTOTIC, CENTRED, CHAINS, CONSTANT, DOMAIN, FREE, MESH, MODES, Method, NOTICED, SHIFT, TRUTH, UNHELD,
};
use self::grid::{Grid, Judged};
use self::training::{Course, MOMENTUM, RATE, network, train};
use crate::statistics::{larger, mean_and_error};
use crate::{Context, Experiment, Result, Table, measured};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "ebm-2d",
    title: "Seven ways to learn an energy in the plane",
    question: "Which ways of learning an energy find the density, and which find its normaliser too?",
    mathematics: r"One network $E_\theta$ stands for the density $p_\theta = e^{-E_\theta} / Z_\theta$, and the methods differ in how they get around $Z_\theta$. Likelihood by chains of the model, with draws that persist or start at the data:
        $$\nabla_\theta \, \mathbb{E}_{\text{data}} \left[ -\log p_\theta \right] = \left\langle \nabla_\theta E_\theta \right\rangle_{\text{data}} - \left\langle \nabla_\theta E_\theta \right\rangle_{\text{model}} .$$
        Contrast with $\nu$ draws of noise $p_n$ for each datum tells them apart by the probability of being a datum, with $c$ learned as a parameter that tends to $\log Z_\theta$,
        $$P(\text{datum} \mid x) = \frac{e^{-E_\theta(x) - c}}{e^{-E_\theta(x) - c} + \nu \, p_n(x)} ,$$
        while ranking compares $e^{-E_\theta(x)} / p_n(x)$ among candidates, where constants cancel. Score matching sees slopes only: $\mathbb{E} \left[ \tfrac{1}{2} \lVert \nabla E_\theta \rVert^2 - \Delta E_\theta \right]$.",
    shows: "The same network, trained on the same draws of eight normal densities: by persistent chains, by short chains, by contrast with noise (binary and ranking), by implicit and by denoising score matching, and against a learned sampler.\
            \n\nEach energy is normalised by quadrature and compared with the exact density. Binary contrast with noise finds the normaliser, ranking leaves it free.",
    source: "Hinton (2002), Tieleman (2008), Du and Mordatch (2019); Gutmann and Hyvärinen (2010); van den Oord, Li and Vinyals (2018); Hyvärinen (2005), Vincent (2011); Grathwohl et al. (2021)",
    budget_seconds: 60,
    claims: &[
        TRUTH,
        Method::REPLAY.divergence,
        Method::REPLAY.variation,
        Method::SHORT.divergence,
        Method::SHORT.variation,
        Method::BINARY.divergence,
        Method::BINARY.variation,
        Method::RANKING.divergence,
        Method::RANKING.variation,
        Method::IMPLICIT.divergence,
        Method::IMPLICIT.variation,
        Method::DENOISING.divergence,
        Method::DENOISING.variation,
        Method::ADVERSARIAL.divergence,
        Method::ADVERSARIAL.variation,
        MODES,
        UNHELD,
        MESH,
        DOMAIN,
        CONSTANT,
        FREE,
        SHIFT,
        NOTICED,
        ASYMPTOTIC,
        CENTRED,
        CHAINS,
    ],
    run,
};

/// The circle of the modes, and their deviation.
const RADIUS: f64 = 2.0;
const DEVIATION: f64 = 0.35;
/// The standard deviation of the normal law that confines the energies; it is also the noise of the contrasts and the start of chains.
const CONFINEMENT: f64 = 2.0;
/// The noise of denoising score matching.
const SIGMA: f64 = 0.15;
/// A step of the chains, near the square of the modes' deviation.
const STEP: f64 = 0.1;
/// Steps of the chains an update.
const N_STEPS: usize = 10;
/// The number of independent runs for the error of the learned constant.
const N_RUNS: u64 = 6;

fn run(ctx: &mut Context) -> Result<()> {
    let target = planar::eight_gaussians(RADIUS, DEVIATION)?;
    let noise = MultivariateNormal::isotropic(Array1::zeros(2), CONFINEMENT * CONFINEMENT)?;
    let mut bench = Bench::new(ctx, target)?;
    chains(ctx, &mut bench, &noise)?;
    contrasts(ctx, &mut bench, &noise)?;
    constant::measure(ctx, &noise)?;
    scores(ctx, &mut bench)?;
    adversarial::learn(ctx, &mut bench)?;
    bench.finish(ctx)
}

/// By Markov chains: those of a replay buffer, and those that start at the data.
fn chains(ctx: &mut Context, bench: &mut Bench, noise: &MultivariateNormal) -> Result<()> {
    let course = Course {
        batch: 128,
        rate: RATE,
        momentum: MOMENTUM,
        n_steps: ctx.pick(3_000, 30_000),
    };
    let buffer = ReplayBuffer::new(noise.sample(2_048, &mut ctx.seed().child("buffer").rng()))?;
    let settings = Replay {
        reinitialise: 0.02,
        ..Replay::new(N_STEPS, course.batch)
    };
    let replay = ReplayContrastiveDivergence::new(Mala::new(STEP)?, noise.clone(), buffer, settings)?;
    let (model, step) = train(
        ctx,
        &bench.data,
        course,
        Method::REPLAY.name,
        bench.start()?,
        replay,
    )?;
    bench.judge(ctx, &Method::REPLAY, model, step.objective().report())?;

    let short = ContrastiveDivergence::new(Mala::new(STEP)?, N_STEPS)?;
    let (model, step) = train(
        ctx,
        &bench.data,
        course,
        Method::SHORT.name,
        bench.start()?,
        short,
    )?;
    bench.judge(ctx, &Method::SHORT, model, step.objective().report())
}

/// By contrast with noise, and what becomes of the constant.
fn contrasts(ctx: &mut Context, bench: &mut Bench, noise: &MultivariateNormal) -> Result<()> {
    let course = Course {
        batch: 128,
        rate: RATE,
        momentum: MOMENTUM,
        n_steps: ctx.pick(6_000, 60_000),
    };
    let binary = || NoiseContrastiveEstimation::new(noise.clone(), 4);
    // The normaliser of the well that a network is put into.
    let start = (std::f64::consts::TAU * CONFINEMENT * CONFINEMENT).ln();

    let (mut errors, mut first) = (Vec::new(), None);
    for index in 0..N_RUNS {
        // The first run is on the data of all methods; the others have data, weights and noise of their own.
        let seed = ctx.seed().child("constants").nth(index);
        let (data, model) = match index {
            0 => (bench.data.clone(), bench.start()?),
            _ => (
                bench
                    .target
                    .sample(bench.data.nrows(), &mut seed.child("data").rng()),
                network(seed)?,
            ),
        };
        let name = format!("{} {index}", Method::BINARY.name);
        let (model, _) = train(
            ctx,
            &data,
            course,
            &name,
            SelfNormalised::new(model, start)?,
            binary()?,
        )?;
        errors.push(model.log_z() - bench.grid.log_z(model.model()));
        first.get_or_insert(model);
    }
    let (mean, error) = mean_and_error(errors.iter().copied());
    ctx.measure(&CONSTANT, measured(mean).with_error(error))?;
    let of_runs: Vec<String> = errors.iter().map(|e| format!("{e:+.4}")).collect();
    ctx.note(format!(
        "The learned constant minus log Z in {N_RUNS} runs: {}.",
        of_runs.join(", ")
    ));

    let ranking = || RankingNoiseContrastiveEstimation::new(noise.clone(), 4);
    let ranked = SelfNormalised::new(bench.start()?, start)?;
    let (ranked, _) = train(ctx, &bench.data, course, Method::RANKING.name, ranked, ranking()?)?;
    ctx.measure(&FREE, ranked.log_z() - start)?;
    ctx.note(format!(
        "Ranking leaves the constant at {start:.4}, where it began; log Z of its energy became {:.4}.",
        bench.grid.log_z(ranked.model())
    ));

    // The same data and noise for an energy and the energy plus five.
    let moved = |model: &SelfNormalised<NeuralEnergy>| {
        SelfNormalised::new(model.model().clone(), model.log_z() + 5.0)
    };
    let change = |objective: &mut dyn Objective<SelfNormalised<NeuralEnergy>>,
                  model: &SelfNormalised<NeuralEnergy>| {
        let mut loss = |model: &SelfNormalised<NeuralEnergy>| {
            let mut grad = Array1::zeros(model.n_params());
            let mut rng = Seed::new(1).rng();
            objective.loss_and_grad_into(
                model,
                bench.data.slice(s![..1_000, ..]),
                &mut rng,
                grad.view_mut(),
            )
        };
        Ok::<f64, gibbsian_core::Error>(loss(&moved(model)?)? - loss(model)?)
    };
    ctx.measure(&SHIFT, change(&mut ranking()?, &ranked)?)?;
    let first = first.expect("there are runs");
    ctx.measure(&NOTICED, change(&mut binary()?, &first)?)?;
    bench.judge(ctx, &Method::BINARY, first.into_model(), None)?;
    bench.judge(ctx, &Method::RANKING, ranked.into_model(), None)
}

/// By their scores alone.
fn scores(ctx: &mut Context, bench: &mut Bench) -> Result<()> {
    let course = Course {
        batch: 256,
        rate: RATE,
        momentum: MOMENTUM,
        n_steps: ctx.pick(2_000, 20_000),
    };
    let name = Method::IMPLICIT.name;
    let (model, _) = train(
        ctx,
        &bench.data,
        course,
        name,
        bench.start()?,
        ImplicitScoreMatching,
    )?;
    bench.judge(ctx, &Method::IMPLICIT, model, None)?;

    let course = Course {
        n_steps: ctx.pick(3_000, 30_000),
        ..course
    };
    let denoising = DenoisingScoreMatching::new(SIGMA)?;
    let (model, _) = train(
        ctx,
        &bench.data,
        course,
        Method::DENOISING.name,
        bench.start()?,
        denoising,
    )?;
    let noisy = bench
        .target
        .convolved((Array2::eye(2) * (SIGMA * SIGMA)).view())?;
    let judged = bench.grid.judge(&model, &noisy)?;
    ctx.note(format!(
        "Denoising learns the density of noisy data: from that one its divergence is {:.4} nat, and that one is {:.4} nat from the truth.",
        judged.divergence,
        bench.grid.divergence_of(&bench.target, &noisy),
    ));
    bench.judge(ctx, &Method::DENOISING, model, None)
}

/// What all methods share: data, initial weights, the judge, and what it found.
struct Bench {
    target: GaussianMixture,
    data: Array2<f64>,
    weights: Seed,
    grid: Grid,
    fine: Grid,
    table: Table,
    /// The largest change of log Z or divergence by halving the mesh, the largest share outside, and the largest R̂.
    worst: [f64; 3],
}

impl Bench {
    fn new(ctx: &mut Context, target: GaussianMixture) -> Result<Self> {
        let data = target.sample(ctx.pick(20_000, 100_000), &mut ctx.seed().child("data").rng());
        let (grid, fine) = (Grid::new(0.1), Grid::new(0.05));
        ctx.measure(&TRUTH, grid.log_z(&target) - target.log_z())?;
        let normal =
            MultivariateNormal::isotropic(Array1::zeros(2), 0.5 * RADIUS * RADIUS + DEVIATION * DEVIATION)?;
        ctx.note(format!(
            "For comparison: the normal law of the same moments has the divergence {:.4} nat.",
            grid.divergence_of(&target, &normal)
        ));
        let (acceptance, r_hat) = mixing(ctx, &target)?;
        ctx.note(format!(
            "Adjusted Langevin chains on the exact density: acceptance {acceptance:.3}, R̂ {r_hat:.4}."
        ));
        shown::data(ctx, &target, data.slice(s![..2_000, ..]))?;
        let columns = [
            "method",
            "kl",
            "total_variation",
            "log_z",
            "share_outside",
            "change_by_mesh",
            "acceptance",
            "r_hat",
            "energy_gap",
            "gap_in_errors",
        ];
        Ok(Bench {
            data,
            weights: ctx.seed().child("weights"),
            table: Table::new(columns),
            target,
            grid,
            fine,
            worst: [0.0; 3],
        })
    }

    /// The network before training, the same for all.
    fn start(&self) -> Result<NeuralEnergy> {
        network(self.weights)
    }

    fn judge(
        &mut self,
        ctx: &mut Context,
        method: &Method,
        model: NeuralEnergy,
        phases: Option<&PhaseReport>,
    ) -> Result<()> {
        let coarse = self.grid.judge(&model, &self.target)?;
        let Judged {
            log_z,
            divergence,
            variation,
            outside,
        } = self.fine.judge(&model, &self.target)?;
        ctx.measure(&method.divergence, divergence)?;
        ctx.measure(&method.variation, variation)?;
        let change = larger(
            (log_z - coarse.log_z).abs(),
            (divergence - coarse.divergence).abs(),
        );
        let (acceptance, r_hat) = mixing(ctx, &model)?;
        for (worst, found) in self.worst.iter_mut().zip([change, outside, r_hat]) {
            *worst = larger(*worst, found);
        }
        let (gap, in_errors) =
            phases.map_or((f64::NAN, f64::NAN), |p| (p.energy_gap(), p.standardised_gap()));
        let numbers = [
            divergence, variation, log_z, outside, change, acceptance, r_hat, gap, in_errors,
        ];
        self.table
            .row(std::iter::once(method.name.into()).chain(numbers.map(Into::into)))?;
        shown::learned(ctx, method, &model, log_z)
    }

    fn finish(self, ctx: &mut Context) -> Result<()> {
        let [change, outside, r_hat] = self.worst;
        ctx.measure(&MESH, change)?;
        ctx.measure(&DOMAIN, outside)?;
        ctx.measure(&CHAINS, r_hat)?;
        ctx.table(
            "methods",
            "Divergence from the truth in nats, total variation, the normaliser; the share of mass near the edge and the change by halving the mesh; acceptance and R̂ of adjusted Langevin chains on what \
             was learned; the energy gap of the last minibatch, and in its standard errors, where training has chains.",
            &self.table,
        )
    }
}

/// The acceptance and the largest R̂ of the coordinates of adjusted Langevin chains from the confining law.
fn mixing<M: Potential + ?Sized>(ctx: &Context, model: &M) -> Result<(f64, f64)> {
    let seed = ctx.seed().child("chains");
    let noise = MultivariateNormal::isotropic(Array1::zeros(2), CONFINEMENT * CONFINEMENT)?;
    let start = noise.sample(32, &mut seed.child("start").rng());
    let sampling = Sampling {
        n_warmup: 300,
        thin: 20,
        ..Sampling::new(300, seed)
    };
    let run = sampling.run(Mala::new(STEP)?, model, start)?;
    let of = |i: usize| r_hat(run.draws.index_axis(Along(2), i));
    Ok((run.report.acceptance.rate(), larger(of(0)?, of(1)?)))
}
