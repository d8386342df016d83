//! One network in the plane, learned as an energy in eleven ways, and measured against the exact density.
//!
//! Data are draws of eight normal densities on a circle, whose density is known. A network of one output is trained on them by persistent chains in a replay buffer, by the same with the gradient through the last step of the chains, by
//! short chains from the data, by telling data from noise (binary and ranking), by matching scores (implicit, sliced and denoising), against a sampler that is learned beside it, and, with a level of noise as a third input, by
//! recovery likelihood and by telescoping ratios. In the plane the normaliser of any energy is an integral that can be computed, so that what was learned is a density, and its
//! Kullback-Leibler divergence and its total variation from the truth are numbers, not impressions.
//!
//! Neighbouring modes are 4.4 standard deviations apart, and the density between them falls to a fifth of its maximum: modes can be told apart, and what a score says of their relative weights is still in the data
//! (where it is not is a matter of the experiment on Langevin sampling of far modes).
//!
//! Two forms of contrast with noise differ in what they know of the normaliser. The binary one learns it as a parameter, `c → log Z`; to the ranking one, which is also called InfoNCE, a constant is nothing, and it
//! leaves the parameter where it was.

mod adversarial;
mod bench;
mod claims;
mod constant;
mod grid;
mod levels;
mod shown;
mod training;

use gibbsian_core::{Density, Directions, Objective, Parametric, Seed};
use gibbsian_densities::{MultivariateNormal, planar};
use gibbsian_metrics::r_hat;
use gibbsian_nn::NeuralEnergy;
use gibbsian_objectives::{
    ContrastiveDivergence, DenoisingScoreMatching, EnergyTraces, ImplicitScoreMatching,
    ImprovedContrastiveDivergence, LastStep, NoiseContrastiveEstimation, RankingNoiseContrastiveEstimation,
    Replay, ReplayBuffer, ReplayContrastiveDivergence, SelfNormalised, SlicedScoreMatching, Traced,
};
use gibbsian_samplers::Mala;
use ndarray::{Array1, Array2, s};

use self::bench::{Bench, Chains};
use self::claims::{
    ASYMPTOTIC, CENTRED, CHAINS, CONSTANT, DOMAIN, FREE, MESH, MODES, Method, NEGATIVES, NORMALISED, NOTICED,
    SHIFT, TRUTH, UNHELD,
};
use self::training::{Course, MOMENTUM, RATE, network, train};
use crate::statistics::mean_and_error;
use crate::{Context, Experiment, Result, measured};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "ebm-2d",
    title: "Eleven ways to learn an energy in the plane",
    question: "Which ways of learning an energy find the density, and which find its normaliser too?",
    mathematics: r"One network $E_\theta$ stands for the density $p_\theta = e^{-E_\theta} / Z_\theta$, and the methods differ in how they get around $Z_\theta$. Likelihood by chains of the model, with draws that persist or start at the data:
        $$\nabla_\theta \, \mathbb{E}_{\text{data}} \left[ -\log p_\theta \right] = \left\langle \nabla_\theta E_\theta \right\rangle_{\text{data}} - \left\langle \nabla_\theta E_\theta \right\rangle_{\text{model}} .$$
        Contrast with $\nu$ draws of noise $p_n$ for each datum tells them apart by the probability of being a datum, with $c$ learned as a parameter that tends to $\log Z_\theta$,
        $$P(\text{datum} \mid x) = \frac{e^{-E_\theta(x) - c}}{e^{-E_\theta(x) - c} + \nu \, p_n(x)} ,$$
        while ranking compares $e^{-E_\theta(x)} / p_n(x)$ among candidates, where constants cancel. Score matching sees slopes only: $\mathbb{E} \left[ \tfrac{1}{2} \lVert \nabla E_\theta \rVert^2 - \Delta E_\theta \right]$.
        With levels of noise the likelihood is that of a point given a noisier one, $p(x \mid \tilde x) \propto e^{-E_\theta(x, t) - \lVert \tilde x - x \rVert^2 / 2 \sigma^2}$, or the density is a product of ratios of neighbouring levels.",
    shows: "The same network, trained on the same draws of eight normal densities: by persistent chains, also with the gradient through their last step, by short chains, by contrast with noise (binary and ranking), by implicit, by sliced and by denoising score matching, against a learned sampler, by recovery likelihood and by telescoping ratios.\
            \n\nEach energy is normalised by quadrature and compared with the exact density. Binary contrast with noise finds the normaliser, ranking leaves it free, and telescoping ratios come out normalised. Where negative chains outlive an update, their energies over the last updates say whether they are one sample.",
    source: "Hinton (2002), Tieleman (2008), Du and Mordatch (2019); Gutmann and Hyvärinen (2010); van den Oord, Li and Vinyals (2018); Hyvärinen (2005), Vincent (2011); Grathwohl et al. (2021); Song, Garg, Shi and Ermon (2020); Du, Li, Tenenbaum and Mordatch (2021); Gao, Song, Poole, Wu and Kingma (2021); Rhodes, Xu and Gutmann (2020)",
    budget_seconds: 60,
    claims: &[
        TRUTH,
        Method::REPLAY.divergence,
        Method::REPLAY.variation,
        Method::IMPROVED.divergence,
        Method::IMPROVED.variation,
        NEGATIVES,
        Method::SHORT.divergence,
        Method::SHORT.variation,
        Method::BINARY.divergence,
        Method::BINARY.variation,
        Method::RANKING.divergence,
        Method::RANKING.variation,
        Method::IMPLICIT.divergence,
        Method::IMPLICIT.variation,
        Method::SLICED.divergence,
        Method::SLICED.variation,
        Method::DENOISING.divergence,
        Method::DENOISING.variation,
        Method::RECOVERY.divergence,
        Method::RECOVERY.variation,
        Method::TELESCOPING.divergence,
        Method::TELESCOPING.variation,
        NORMALISED,
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
/// The last step of chains that are differentiated through, which nothing adjusts: what it leaves of a mode's variance is wrong by the square of a sixth.
const LAST_STEP: f64 = 0.02;
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
    levels::learn(ctx, &mut bench, &noise)?;
    adversarial::learn(ctx, &mut bench)?;
    bench.finish(ctx)
}

/// How many updates negative chains are watched for, and how many visits a chain of the buffer must have had in them: each is visited in every sixteenth.
const WINDOW: usize = 640;
const N_VISITS: usize = 30;

/// By Markov chains: those of a replay buffer, the same differentiated through their last step, and those that start at the data.
///
/// In the plane the gradient of an entropy from nearest neighbours has a mean and no variance; that gradients are clipped keeps it in bounds.
fn chains(ctx: &mut Context, bench: &mut Bench, noise: &MultivariateNormal) -> Result<()> {
    let course = Course {
        batch: 128,
        rate: RATE,
        momentum: MOMENTUM,
        n_steps: ctx.pick(3_000, 30_000),
    };
    let start = noise.sample(2_048, &mut ctx.seed().child("buffer").rng());
    let buffer = || ReplayBuffer::new(start.clone());
    let settings = Replay {
        reinitialise: 0.02,
        ..Replay::new(N_STEPS, course.batch)
    };
    let agreement = |traces: &EnergyTraces| -> Result<f64> { Ok(r_hat(traces.draws(N_VISITS).view())?) };
    let replay = ReplayContrastiveDivergence::new(Mala::new(STEP)?, noise.clone(), buffer()?, settings)?;
    let (model, step) = train(
        ctx,
        &bench.data,
        course,
        Method::REPLAY.name,
        bench.start()?,
        Traced::new(replay, WINDOW)?,
    )?;
    let watched = step.objective();
    let seen = Chains::of(watched.objective().report()).agreeing(agreement(&watched.traces())?);
    bench.judge(ctx, &Method::REPLAY, &model, seen)?;

    let last = LastStep::new(LAST_STEP);
    let improved =
        ImprovedContrastiveDivergence::new(Mala::new(STEP)?, noise.clone(), buffer()?, settings, last)?;
    let (model, step) = train(
        ctx,
        &bench.data,
        course,
        Method::IMPROVED.name,
        bench.start()?,
        Traced::new(improved, WINDOW)?,
    )?;
    let watched = step.objective();
    let seen = Chains::of(watched.objective().report()).agreeing(agreement(&watched.traces())?);
    bench.judge(ctx, &Method::IMPROVED, &model, seen)?;

    let short = ContrastiveDivergence::new(Mala::new(STEP)?, N_STEPS)?;
    let (model, step) = train(
        ctx,
        &bench.data,
        course,
        Method::SHORT.name,
        bench.start()?,
        short,
    )?;
    bench.judge(ctx, &Method::SHORT, &model, Chains::of(step.objective().report()))
}

/// By contrast with noise, and what becomes of the constant.
fn contrasts(ctx: &mut Context, bench: &mut Bench, noise: &MultivariateNormal) -> Result<()> {
    let course = Course {
        batch: 128,
        rate: RATE,
        momentum: MOMENTUM,
        n_steps: ctx.pick(4_000, 60_000),
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
    bench.judge(ctx, &Method::BINARY, first.model(), Chains::NONE)?;
    bench.judge(ctx, &Method::RANKING, ranked.model(), Chains::NONE)
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
    bench.judge(ctx, &Method::IMPLICIT, &model, Chains::NONE)?;

    let sliced = SlicedScoreMatching::new(Directions::Sphere, 1)?;
    let name = Method::SLICED.name;
    let (model, _) = train(ctx, &bench.data, course, name, bench.start()?, sliced)?;
    bench.judge(ctx, &Method::SLICED, &model, Chains::NONE)?;

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
    bench.judge(ctx, &Method::DENOISING, &model, Chains::NONE)
}
