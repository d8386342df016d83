//! Neural energies: a perceptron with one output in the well of a normal law, `E(x) = f(x) + ‖x‖²/2c²`.
//!
//! Trained with chains that live in a replay buffer, with short chains from the data, or by matching scores without any chain; sampled by the No-U-Turn sampler, whose chains are judged; normalised by
//! annealing from the well, forward and, for the certificate, back.
//!
//! reason for length: keys with their defaults, training, sampling and judging of a kind are one file, so that a further kind is one file.

use gibbsian_core::{
    Density, Energy, GeometricPath, Objective, Parametric, ParametricMut, Record, Seed, Snapshot, Space,
};
use gibbsian_densities::MultivariateNormal;
use gibbsian_metrics::r_hat;
use gibbsian_nn::{Activation, NeuralEnergy};
use gibbsian_objectives::{
    ContrastiveDivergence, DenoisingScoreMatching, EnergyTraces, ImplicitScoreMatching, LastReport,
    PhaseReport, Replay, ReplayBuffer, ReplayContrastiveDivergence, Reported, Traced, TwoPhases,
};
use gibbsian_samplers::{Chains, GO_ON, Mala, MetricForm, Nuts, Sampling, Schedule, Warmup};
use gibbsian_train::{Adam, AdamOptions, Clipped, CsvLog, Decay, Descent, GuardOptions, Guarded, LossWithin};
use ndarray::{Array1, ArrayView2, s};
use serde::Deserialize;
use serde_json::json;

use super::anneal::{self, Annealing};
use super::chains::{FEWEST_JUDGED, judge, n_chains, spread};
use super::fit::{self, Course, Job, Trained};
use super::score::{check_hidden, perceptron_bytes};
use super::{Draws, Evaluation, Kind, Model, Wants};
use crate::check;
use crate::config::{self, Sections};
use crate::data::prepare::fixed_rows;
use crate::failure::{Failure, OrRefuse, Result};
use crate::progress::Progress;

/// Rows on either side of the energy gap.
const N_GAP: usize = 2_000;

/// The last visits of a chain of the buffer whose energies its R-hat is computed from.
const N_VISITS: usize = 20;

/// Nats a column by which energies of data and chains may differ. Fresh chains from the well may be thousands of nats above narrow data; where energies explode they are beyond any bound a few steps later.
const MOST_APART: f64 = 1e4;

/// What is watched of the negative chains while an objective with chains is trained.
struct Watching {
    last: LastReport,
    /// Of chains that outlive an update.
    traces: Option<EnergyTraces>,
}

/// R-hat of the energies of chains over their last visits; NaN before two of them have so many.
fn agreement(traces: &EnergyTraces) -> gibbsian_core::Result<f64> {
    let draws = traces.draws(N_VISITS);
    if draws.nrows() < 2 {
        return Ok(f64::NAN);
    }
    r_hat(draws.view())
}

/// The sections of a commented configuration.
pub(crate) const TEMPLATE: &str = "\
[model]
hidden = [64, 64]              # units of the hidden layers
confinement = 2.0              # standard deviation of the normal law that keeps mass together; scaled data should lie within twice of it

[training]
objective = \"replay\"           # \"replay\": chains in a buffer; \"contrastive\": short chains from the data; \"implicit\": score matching
                               # without chains, for few columns; \"denoising\": score matching of data with noise
epochs = 200                   # passes over the data
batch = 128                    # rows in a minibatch, and chains that move in each update
learning_rate = 0.002          # of Adam; falls to zero along half a cosine
chain_steps = 10               # Langevin steps of the chains for each update
step_size = 0.1                # of these steps, about the square of the narrowest width in scaled data
buffer = 2000                  # chains in the buffer
reinitialise = 0.02            # probability that a chain starts anew when it is taken
noise = 0.1                    # of \"denoising\", in scaled units
checkpoint_every = 500         # steps; what an interrupted run loses at most

[sampling]
chains = 0                     # side by side; 0: one to 25 draws, at most 100
warmup = 500                   # steps that tune step size and metric
thin = 1                       # steps from one draw to the next

[evaluation]
chains = 500                   # of annealing
temperatures = 500             # between the normal law and the model
step_size = 0.1                # of the adjusted Langevin steps on the way
cases = 100                    # test rows of the certificate, evenly spread
chains_per_case = 16           # reverse chains from each of them
level = 0.95                   # confidence of intervals and bounds
tolerance = 0.5                # widest enclosure that certifies, nats
";

/// The configuration of a neural energy.
pub(crate) struct EnergyKind {
    model: ModelKeys,
    training: TrainingKeys,
    sampling: SamplingKeys,
    evaluation: EvaluationKeys,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ModelKeys {
    hidden: Vec<usize>,
    confinement: f64,
}

impl Default for ModelKeys {
    fn default() -> Self {
        ModelKeys {
            hidden: vec![64; 2],
            confinement: 2.0,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum ObjectiveName {
    #[default]
    Replay,
    Contrastive,
    Implicit,
    Denoising,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TrainingKeys {
    objective: ObjectiveName,
    epochs: u64,
    batch: usize,
    learning_rate: f64,
    chain_steps: usize,
    step_size: f64,
    buffer: usize,
    reinitialise: f64,
    noise: f64,
    checkpoint_every: u64,
}

impl Default for TrainingKeys {
    fn default() -> Self {
        TrainingKeys {
            objective: ObjectiveName::Replay,
            epochs: 200,
            batch: 128,
            learning_rate: 2e-3,
            chain_steps: 10,
            step_size: 0.1,
            buffer: 2000,
            reinitialise: 0.02,
            noise: 0.1,
            checkpoint_every: 500,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SamplingKeys {
    chains: usize,
    warmup: usize,
    thin: usize,
}

impl Default for SamplingKeys {
    fn default() -> Self {
        SamplingKeys {
            chains: 0,
            warmup: 500,
            thin: 1,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct EvaluationKeys {
    chains: usize,
    temperatures: usize,
    step_size: f64,
    cases: usize,
    chains_per_case: usize,
    level: f64,
    tolerance: f64,
}

impl Default for EvaluationKeys {
    fn default() -> Self {
        EvaluationKeys {
            chains: 500,
            temperatures: 500,
            step_size: 0.1,
            cases: 100,
            chains_per_case: 16,
            level: 0.95,
            tolerance: 0.5,
        }
    }
}

impl EvaluationKeys {
    fn annealing(&self) -> Annealing {
        Annealing {
            chains: self.chains,
            temperatures: self.temperatures,
            cases: self.cases,
            chains_per_case: self.chains_per_case,
            level: self.level,
            tolerance: self.tolerance,
        }
    }
}

impl EnergyKind {
    /// Reads the sections.
    pub(crate) fn parse(text: &str, origin: &str) -> Result<Self> {
        let Sections {
            model,
            training,
            sampling,
            evaluation,
            ..
        } = config::sections(text, origin)?;
        Ok(EnergyKind {
            model,
            training,
            sampling,
            evaluation,
        })
    }

    fn network(&self, dim: usize, seed: Seed) -> Result<NeuralEnergy> {
        Ok(NeuralEnergy::new(
            dim,
            |net, x| {
                let e = net.mlp("energy", x, &self.model.hidden, 1, Activation::Silu);
                net.confined(e, x, self.model.confinement)
            },
            &mut seed.rng(),
        )?)
    }

    /// Trains with chains, and logs how the last update of each epoch looked, and whether chains agree that outlive an update.
    fn fit_by_chains<O: Objective<NeuralEnergy> + TwoPhases + Snapshot>(
        &self,
        job: &Job<'_>,
        objective: O,
        traces: Option<EnergyTraces>,
    ) -> Result<Trained> {
        let objective = Reported::new(objective);
        let last = objective.last();
        self.fit(job, objective, Some(Watching { last, traces }))
    }

    fn fit<O: Objective<NeuralEnergy> + Snapshot>(
        &self,
        job: &Job<'_>,
        objective: O,
        chains: Option<Watching>,
    ) -> Result<Trained> {
        let t = &self.training;
        let mut network = self.network(job.data.dim(), job.seed.child("weights"))?;
        let adam = Adam::new(&network.layout(), AdamOptions::default(), Decay::NONE)?;
        let descent = Descent::new(objective, Clipped::new(adam, 10.0)?);
        // Losses without chains are in units of squared scores and know no bound.
        let bound = match chains {
            Some(_) => MOST_APART * job.data.dim() as f64,
            None => f64::INFINITY,
        };
        let within = LossWithin::new(-bound, bound)?;
        let options = GuardOptions::default();
        let most = options.max_rollbacks;
        let mut step = Guarded::new(descent, &network, within, options)?;
        let rollbacks = step.rollbacks();
        let course = Course {
            stage: "energy".into(),
            epochs: t.epochs,
            batch: t.batch,
            checkpoint_every: t.checkpoint_every,
        };
        let n_steps = course.n_steps(job.data.train.n_points());
        let rate = fit::rise_and_fall(t.learning_rate, n_steps)?;
        let mut log = CsvLog::each_epoch(job.folder.file("log.csv"));
        if let Some(held_out) = &job.data.held_out {
            let held_out = fixed_rows(held_out, N_GAP, job.seed)?;
            let train = fixed_rows(&job.data.train, N_GAP, job.seed)?;
            let mean = |e: Array1<f64>| e.sum() / e.len() as f64;
            log = log.column("energy_gap", move |network: &NeuralEnergy, _| {
                Ok(mean(network.energy(held_out.view())) - mean(network.energy(train.view())))
            })?;
        }
        if let Some(Watching { last, traces }) = chains {
            let acceptance = last.clone();
            log = log
                .column("acceptance", move |_: &NeuralEnergy, _| {
                    Ok(acceptance.number(|report| report.acceptance.rate()))
                })?
                .column("phase_gap", move |_, _| Ok(last.number(PhaseReport::energy_gap)))?;
            if let Some(traces) = traces {
                log = log.column("chains_r_hat", move |_, _| agreement(&traces))?;
            }
        }
        let stage = job.fit(course, rate, &*job.data.train, &mut network, &mut step, Some(log));
        // A run that is given up has diverged, whether its loss is a number or not.
        let stage = stage.map_err(|failure| match failure {
            Failure::Failed(message) if rollbacks.len() >= most => Failure::NonFinite(message),
            other => other,
        })?;
        Ok(Trained {
            weights: Record::of_params(&network),
            steps: stage.steps,
            completed: stage.completed,
            notices: stage
                .resumed
                .into_iter()
                .chain(fit::told(&rollbacks.all()))
                .collect(),
        })
    }
}

/// The well that energies lie in, normalised: where chains start, and what annealing starts from.
fn well(dim: usize, confinement: f64) -> Result<MultivariateNormal> {
    Ok(MultivariateNormal::isotropic(
        Array1::zeros(dim),
        confinement * confinement,
    )?)
}

impl Kind for EnergyKind {
    fn name(&self) -> &'static str {
        "energy"
    }

    fn wants(&self) -> Wants {
        Wants::Real
    }

    fn check(&self) -> Result<()> {
        let t = &self.training;
        check_hidden(&self.model.hidden, "[64, 64]")?;
        check::positive(
            "model.confinement",
            self.model.confinement,
            "set model.confinement = 2.0 with data.scale = \"standardise\"",
        )?;
        check::passes("training.epochs", t.epochs, 1, 200)?;
        check::at_least("training.batch", t.batch as u64, 1, "set training.batch = 128")?;
        check::positive(
            "training.learning_rate",
            t.learning_rate,
            "set training.learning_rate = 0.002",
        )?;
        check::at_least(
            "training.chain_steps",
            t.chain_steps as u64,
            1,
            "set training.chain_steps = 10",
        )?;
        check::positive("training.step_size", t.step_size, "set training.step_size = 0.1")?;
        check::at_least(
            "training.buffer",
            t.buffer as u64,
            t.batch as u64,
            "set training.buffer = 2000: at least training.batch chains",
        )?;
        check::share(
            "training.reinitialise",
            t.reinitialise,
            "set training.reinitialise = 0.02",
        )?;
        check::positive("training.noise", t.noise, "set training.noise = 0.1")?;
        check::at_least(
            "training.checkpoint_every",
            t.checkpoint_every,
            1,
            "set training.checkpoint_every = 500",
        )?;
        check::at_least(
            "sampling.warmup",
            self.sampling.warmup as u64,
            20,
            "set sampling.warmup = 500",
        )?;
        check::at_least(
            "sampling.thin",
            self.sampling.thin as u64,
            1,
            "set sampling.thin = 1",
        )?;
        check::positive(
            "evaluation.step_size",
            self.evaluation.step_size,
            "set evaluation.step_size = 0.1",
        )?;
        self.evaluation
            .annealing()
            .check(&EvaluationKeys::default().annealing())
    }

    fn bytes(&self, dim: usize) -> f64 {
        perceptron_bytes(dim, &self.model.hidden, 1, self.training.batch)
            + 32.0 * self.training.buffer as f64 * dim as f64
    }

    fn recipe(&self) -> String {
        format!("{:?} {:?}", self.model, self.training)
    }

    fn train(&self, job: &Job<'_>) -> Result<Trained> {
        let t = &self.training;
        match t.objective {
            ObjectiveName::Replay => {
                let source = well(job.data.dim(), self.model.confinement)?;
                let start = source.sample(t.buffer, &mut job.seed.child("buffer").rng());
                let replay = Replay {
                    reinitialise: t.reinitialise,
                    ..Replay::new(t.chain_steps, t.batch)
                };
                let kernel = Mala::new(t.step_size)?;
                let chains =
                    ReplayContrastiveDivergence::new(kernel, source, ReplayBuffer::new(start)?, replay)?;
                // Twice the updates in which a chain is visited so often on average, so that nearly all chains that do not start anew have been.
                let window = 2 * N_VISITS * t.buffer.div_ceil(t.batch);
                let chains = Traced::new(chains, window)?;
                let traces = chains.traces();
                self.fit_by_chains(job, chains, Some(traces))
            }
            ObjectiveName::Contrastive => self.fit_by_chains(
                job,
                ContrastiveDivergence::new(Mala::new(t.step_size)?, t.chain_steps)?,
                None,
            ),
            ObjectiveName::Implicit => self.fit(job, ImplicitScoreMatching, None),
            ObjectiveName::Denoising => self.fit(job, DenoisingScoreMatching::new(t.noise)?, None),
        }
    }

    fn restore(&self, means: &Array1<f64>, _: usize, weights: &Record) -> Result<Box<dyn Model>> {
        let mut network = self.network(means.len(), Seed::new(0))?;
        let fitting = weights.params(&network.layout()).or_refuse("train again")?;
        network.set_params(fitting.view()).or_refuse("train again")?;
        Ok(Box::new(Landscape {
            base: well(means.len(), self.model.confinement)?,
            network,
            sampling: self.sampling,
            evaluation: self.evaluation,
        }))
    }
}

/// A trained energy.
struct Landscape {
    network: NeuralEnergy,
    base: MultivariateNormal,
    sampling: SamplingKeys,
    evaluation: EvaluationKeys,
}

impl Model for Landscape {
    fn describe(&self) -> String {
        format!("neural energy with {} parameters", self.network.n_params())
    }

    fn sample(&self, n: usize, seed: Seed, progress: &Progress) -> Result<Draws> {
        let n_chains = n_chains(self.sampling.chains, n);
        // Enough draws to judge the mixing by; of more than are asked for, some are left out.
        let n_draws = n.div_ceil(n_chains).max(10 * FEWEST_JUDGED);
        let start = self.base.sample(n_chains, &mut seed.child("start").rng());
        progress.begin("tuning the No-U-Turn sampler");
        let mut chains = Chains::new(Nuts::new(0.1)?, &self.network, start, seed.child("warm up"))?;
        Warmup::new(
            Schedule::new(self.sampling.warmup)?,
            MetricForm::Diagonal,
            &chains,
        )?
        .run(&mut chains)?;
        let (kernel, start) = (chains.kernel().clone(), chains.positions());
        let sampling = Sampling {
            thin: self.sampling.thin,
            ..Sampling::new(n_draws, seed.child("draws"))
        };
        let mut watch = |p: &gibbsian_samplers::Progress<'_>| {
            progress.report(p.n_steps, p.n_steps_in_all, "No-U-Turn chains", "");
            Ok(GO_ON)
        };
        let mut run = sampling.run_watched(kernel.clone(), &self.network, start, &mut watch)?;
        run.report.set_tuning(&kernel);
        let mut notes: Vec<String> = run
            .report
            .to_string()
            .lines()
            .filter(|l| !l.starts_with("warning"))
            .map(str::to_owned)
            .collect();
        let mut warnings = run.report.warnings();
        let names: Vec<String> = (1..=self.network.dim()).map(|i| format!("column {i}")).collect();
        judge(
            run.draws.view(),
            &names,
            "more sampling.warmup and sampling.thin, or a model with fewer far modes",
            &mut notes,
            &mut warnings,
        )?;
        let stride = (n_draws * n_chains / n).max(1);
        let stride = (1..=stride)
            .rev()
            .find(|k| n_draws.div_ceil(*k) * n_chains >= n)
            .unwrap_or(1);
        Ok(Draws {
            rows: spread(run.draws.slice(s![.., ..;stride, ..]), n),
            means: None,
            notes,
            warnings,
        })
    }

    fn evaluate(&self, x: ArrayView2<f64>, seed: Seed, progress: &Progress) -> Result<Evaluation> {
        let settings = self.evaluation.annealing();
        settings.check_rows(x.nrows())?;
        let path = GeometricPath::new(
            &self.base,
            &self.network,
            Mala::new(self.evaluation.step_size)?,
            1,
        )?;
        let (ladder, forward, estimate) = settings.forward(&path, seed, progress)?;
        let (certificate, of_which) = settings.certify(&path, &ladder, &forward, x, seed, progress)?;
        let rows = -self.network.energy(x) - estimate.log_z;
        let mean = rows.sum() / rows.len() as f64;
        let mut details = serde_json::Map::new();
        details.insert("method".into(), json!("annealing"));
        details.insert("log_z".into(), json!(estimate.log_z));
        details.insert("estimate".into(), anneal::estimate_json(&estimate));
        details.insert("certificate".into(), anneal::certificate_json(&certificate));
        let mut notes = vec![estimate.to_string(), format!("of scaled data: {certificate}")];
        notes.extend(of_which);
        Ok(Evaluation {
            quantity: "log-density",
            interval: Some((
                mean + estimate.log_z - estimate.interval.upper,
                mean + estimate.log_z - estimate.interval.lower,
            )),
            rows,
            notes,
            verdict: anneal::verdict(&certificate),
            details,
        })
    }
}
