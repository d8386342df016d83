//! Score networks: a perceptron that predicts the noise of noised data at every time.
//!
//! Trained by denoising score matching along a forward process; sampled by the reverse equation or the probability flow, which also gives log-densities. The density meant is that of the
//! flow at the smallest time: that of data with a little noise.
//!
//! reason for length: keys with their defaults, training, sampling and judging of a kind are one file, so that a further kind is one file.

use gibbsian_core::process::{SubVariancePreserving, VariancePreserving};
use gibbsian_core::{
    LinearGaussian, Parametric, ParametricMut, Prediction, Predicts, Record, ScoreFrom, Seed, Space,
};
use gibbsian_nn::{Activation, NeuralTimeScore};
use gibbsian_objectives::{DenoisingInTime, RowUniforms, TimeLaw, TimeWeight};
use gibbsian_sde::{
    AdaptiveRungeKutta, BrownianMotion, FixedSteps, FlowLikelihood, FreshNoise, ProbabilityFlow,
    ReverseDiffusion, ReverseSde, TimeGrid,
};
use gibbsian_train::{Adam, AdamOptions, AveragingWarmUp, Clipped, CsvLog, Decay, Descent, Ema};
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};
use serde::Deserialize;
use serde_json::json;

use super::fit::{self, Course, Job, Trained};
use super::{Draws, Evaluation, Kind, Model, Verdict, Wants};
use crate::check;
use crate::config::{self, Sections};
use crate::data::prepare::{fixed_rows, spread_rows};
use crate::failure::{Failure, OrRefuse, Result};
use crate::progress::Progress;

/// Rows that the monitor looks at.
const N_MONITORED: usize = 2_000;
/// Numbers of the embedding of the time, and the longest of its waves in hundredths of the horizon.
const WAVES: usize = 16;
const LONGEST: f64 = 100.0;
/// Rows that are drawn or judged together.
const ROWS_AT_ONCE: usize = 512;

/// The sections of a commented configuration.
pub(crate) const TEMPLATE: &str = "\
[model]
hidden = [64, 64, 64]          # units of the hidden layers
process = \"vp\"                 # \"vp\" preserves the variance, \"sub-vp\" has less noise on the way
beta = [0.1, 20.0]             # the rate of the process, at its start and at its end
smallest_time = 0.001          # training, samples and densities begin here, where data have a noise of about 0.01

[training]
epochs = 400                   # passes over the data
batch = 128                    # rows in a minibatch
learning_rate = 0.003          # of Adam; falls to zero along half a cosine
weight = \"likelihood\"          # of the errors at different times: \"likelihood\", or \"variance\" for looks
average = 0.999                # decay of the running average of the weights that is kept
checkpoint_every = 500         # steps; what an interrupted run loses at most

[sampling]
method = \"sde\"                 # \"sde\": the reverse equation with noise; \"flow\": the probability flow
steps = 500                    # of the reverse equation
tolerance = 1e-4               # of the probability flow

[evaluation]
tolerance = 1e-4               # of a step of the probability flow that gives log-densities; it is solved again at a tenth of it
agreement = 0.1                # nats by which both may differ in a row and be certified
rows = 1000                    # at most so many rows are judged, evenly spread
";

/// The configuration of a score network.
pub(crate) struct ScoreKind {
    model: ModelKeys,
    training: TrainingKeys,
    sampling: SamplingKeys,
    evaluation: EvaluationKeys,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Process {
    #[default]
    Vp,
    SubVp,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ModelKeys {
    hidden: Vec<usize>,
    process: Process,
    beta: [f64; 2],
    smallest_time: f64,
}

impl Default for ModelKeys {
    fn default() -> Self {
        ModelKeys {
            hidden: vec![64; 3],
            process: Process::Vp,
            beta: [0.1, 20.0],
            smallest_time: 1e-3,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Weight {
    #[default]
    Likelihood,
    Variance,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TrainingKeys {
    epochs: u64,
    batch: usize,
    learning_rate: f64,
    weight: Weight,
    average: f64,
    checkpoint_every: u64,
}

impl Default for TrainingKeys {
    fn default() -> Self {
        TrainingKeys {
            epochs: 400,
            batch: 128,
            learning_rate: 3e-3,
            weight: Weight::Likelihood,
            average: 0.999,
            checkpoint_every: 500,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Method {
    #[default]
    Sde,
    Flow,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SamplingKeys {
    method: Method,
    steps: usize,
    tolerance: f64,
}

impl Default for SamplingKeys {
    fn default() -> Self {
        SamplingKeys {
            method: Method::Sde,
            steps: 500,
            tolerance: 1e-4,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct EvaluationKeys {
    tolerance: f64,
    agreement: f64,
    rows: usize,
}

impl Default for EvaluationKeys {
    fn default() -> Self {
        EvaluationKeys {
            tolerance: 1e-4,
            agreement: 0.1,
            rows: 1000,
        }
    }
}

type Network<P> = ScoreFrom<NeuralTimeScore, Predicts<P>>;

impl ScoreKind {
    /// Reads the sections.
    pub(crate) fn parse(text: &str, origin: &str) -> Result<Self> {
        let Sections {
            model,
            training,
            sampling,
            evaluation,
            ..
        } = config::sections(text, origin)?;
        Ok(ScoreKind {
            model,
            training,
            sampling,
            evaluation,
        })
    }

    /// `s = −f(x, t)/σ_t`.
    fn network<P: LinearGaussian>(&self, process: P, dim: usize, seed: Seed) -> Result<Network<P>> {
        let network = NeuralTimeScore::new(
            dim,
            |net, x, t| {
                let t = net.scale(LONGEST, t);
                let waves = net.sinusoidal_embedding(t, WAVES, LONGEST);
                let all = net.concat(&[x, waves]);
                net.mlp("noise", all, &self.model.hidden, dim, Activation::Silu)
            },
            &mut seed.rng(),
        )?;
        let parametrisation = Predicts {
            prediction: Prediction::Noise,
            process,
        };
        Ok(ScoreFrom::new(network, parametrisation))
    }

    fn objective<P: LinearGaussian>(&self, process: P) -> Result<DenoisingInTime<P>> {
        let objective =
            DenoisingInTime::new(process, self.model.smallest_time)?.with_rows(RowUniforms::Stratified);
        Ok(match self.training.weight {
            Weight::Likelihood => objective
                .weighted(TimeWeight::Likelihood)
                .with_times(TimeLaw::UniformLogSnr),
            Weight::Variance => objective,
        })
    }

    fn fit<P: LinearGaussian + Copy + Send + 'static>(&self, job: &Job<'_>, process: P) -> Result<Trained> {
        let t = &self.training;
        let mut network = self.network(process, job.data.dim(), job.seed.child("weights"))?;
        let adam = Adam::new(&network.layout(), AdamOptions::default(), Decay::NONE)?;
        let descent = Descent::new(self.objective(process)?, Clipped::new(adam, 10.0)?);
        let mut step = Ema::new(descent, &network, AveragingWarmUp::new(t.average)?)?;
        let course = Course {
            stage: "score".into(),
            epochs: t.epochs,
            batch: t.batch,
            checkpoint_every: t.checkpoint_every,
        };
        let n_steps = course.n_steps(job.data.train.n_points());
        let rate = fit::rise_and_fall(t.learning_rate, n_steps)?;

        let view = job.data.held_out.as_ref().unwrap_or(&job.data.train);
        let x = fixed_rows(view, N_MONITORED, job.seed.child("monitors"))?;
        let judge = self.objective(process)?;
        let seed = job.seed.child("monitored noise");
        let log = CsvLog::each_epoch(job.folder.file("log.csv")).column(
            "noise_error",
            move |network: &Network<P>, _| {
                let losses = judge.timed_losses(network, x.view(), &mut seed.rng())?;
                Ok(losses.iter().map(|l| l.noise_error).sum::<f64>() / losses.len() as f64)
            },
        )?;
        let stage = job.fit(course, rate, &*job.data.train, &mut network, &mut step, Some(log))?;
        step.apply_to(&mut network)?;
        Ok(Trained {
            weights: Record::of_params(&network),
            steps: stage.steps,
            completed: stage.completed,
            notices: stage.resumed.into_iter().collect(),
        })
    }

    fn restored<P: LinearGaussian + Copy + 'static>(
        &self,
        process: P,
        dim: usize,
        weights: &Record,
    ) -> Result<Box<dyn Model>> {
        let mut network = self.network(process, dim, Seed::new(0))?;
        let fitting = weights.params(&network.layout()).or_refuse("train again")?;
        network.set_params(fitting.view()).or_refuse("train again")?;
        Ok(Box::new(Sampler {
            process,
            network,
            model: self.model.clone(),
            sampling: self.sampling,
            evaluation: self.evaluation,
        }))
    }

    fn vp(&self) -> Result<VariancePreserving> {
        Ok(VariancePreserving::new(self.model.beta[0], self.model.beta[1])?)
    }

    fn sub_vp(&self) -> Result<SubVariancePreserving> {
        Ok(SubVariancePreserving::new(
            self.model.beta[0],
            self.model.beta[1],
        )?)
    }
}

/// Requires hidden layers with units.
pub(crate) fn check_hidden(hidden: &[usize], example: &str) -> Result<()> {
    if !hidden.is_empty() && !hidden.contains(&0) {
        return Ok(());
    }
    Err(Failure::key(
        "model.hidden",
        format!("{hidden:?}"),
        "a list of at least one layer with at least one unit each",
        format!("set model.hidden = {example}"),
    ))
}

/// About how many bytes training a perceptron takes.
pub(crate) fn perceptron_bytes(inputs: usize, hidden: &[usize], outputs: usize, batch: usize) -> f64 {
    let sizes: Vec<f64> = [inputs]
        .iter()
        .chain(hidden)
        .chain([&outputs])
        .map(|n| *n as f64)
        .collect();
    let n_params: f64 = sizes.windows(2).map(|pair| (pair[0] + 1.0) * pair[1]).sum();
    // Parameters, gradient, two moments, an average, and all of it again in two checkpoints under way; activations with their derivatives.
    n_params * 8.0 * 16.0 + 64.0 * batch as f64 * sizes.iter().sum::<f64>()
}

impl Kind for ScoreKind {
    fn name(&self) -> &'static str {
        "score"
    }

    fn wants(&self) -> Wants {
        Wants::Real
    }

    fn check(&self) -> Result<()> {
        let (m, t) = (&self.model, &self.training);
        check_hidden(&m.hidden, "[64, 64, 64]")?;
        if !(m.beta[0] > 0.0 && m.beta[0] < m.beta[1] && m.beta[1].is_finite()) {
            let value = format!("[{}, {}]", m.beta[0], m.beta[1]);
            let cure = "set model.beta = [0.1, 20.0]";
            return Err(Failure::key(
                "model.beta",
                value,
                "two increasing numbers greater than 0",
                cure,
            ));
        }
        check::level(
            "model.smallest_time",
            m.smallest_time,
            "set model.smallest_time = 0.001; the process ends at time 1",
        )?;
        check::passes("training.epochs", t.epochs, 1, 400)?;
        check::at_least("training.batch", t.batch as u64, 1, "set training.batch = 128")?;
        check::positive(
            "training.learning_rate",
            t.learning_rate,
            "set training.learning_rate = 0.003",
        )?;
        check::share(
            "training.average",
            t.average,
            "set training.average = 0.999, or 0 to keep the last weights",
        )?;
        check::at_least(
            "training.checkpoint_every",
            t.checkpoint_every,
            1,
            "set training.checkpoint_every = 500",
        )?;
        check::at_least(
            "sampling.steps",
            self.sampling.steps as u64,
            1,
            "set sampling.steps = 500",
        )?;
        check::positive(
            "sampling.tolerance",
            self.sampling.tolerance,
            "set sampling.tolerance = 1e-4",
        )?;
        check::positive(
            "evaluation.tolerance",
            self.evaluation.tolerance,
            "set evaluation.tolerance = 1e-4",
        )?;
        check::positive(
            "evaluation.agreement",
            self.evaluation.agreement,
            "set evaluation.agreement = 0.1, in nats",
        )?;
        check::at_least(
            "evaluation.rows",
            self.evaluation.rows as u64,
            2,
            "set evaluation.rows = 1000",
        )
    }

    fn bytes(&self, dim: usize) -> f64 {
        perceptron_bytes(dim + WAVES, &self.model.hidden, dim, self.training.batch)
    }

    fn recipe(&self) -> String {
        format!("{:?} {:?}", self.model, self.training)
    }

    fn train(&self, job: &Job<'_>) -> Result<Trained> {
        match self.model.process {
            Process::Vp => self.fit(job, self.vp()?),
            Process::SubVp => self.fit(job, self.sub_vp()?),
        }
    }

    fn restore(&self, means: &Array1<f64>, _: usize, weights: &Record) -> Result<Box<dyn Model>> {
        match self.model.process {
            Process::Vp => self.restored(self.vp()?, means.len(), weights),
            Process::SubVp => self.restored(self.sub_vp()?, means.len(), weights),
        }
    }
}

/// A trained network.
struct Sampler<P> {
    process: P,
    network: Network<P>,
    model: ModelKeys,
    sampling: SamplingKeys,
    evaluation: EvaluationKeys,
}

impl<P: LinearGaussian + Copy> Sampler<P> {
    fn likelihood(&self, tolerance: f64) -> Result<FlowLikelihood<P, &Network<P>>> {
        let flow = ProbabilityFlow::new(self.process, &self.network);
        Ok(FlowLikelihood::new(
            flow,
            self.model.smallest_time,
            AdaptiveRungeKutta::with_tolerance(tolerance),
        )?)
    }

    /// Log-densities of rows by the flow at a tolerance, and how often the network was evaluated.
    fn log_densities(
        &self,
        x: ArrayView2<f64>,
        tolerance: f64,
        what: &str,
        progress: &Progress,
    ) -> Result<(Array1<f64>, usize)> {
        let likelihood = self.likelihood(tolerance)?;
        let mut rows = Vec::with_capacity(x.nrows());
        let mut n_evaluations = 0;
        for part in x.axis_chunks_iter(Axis(0), ROWS_AT_ONCE) {
            progress.report(rows.len() as u64, x.nrows() as u64, what, "");
            let found = likelihood.log_density(part)?;
            n_evaluations += found.n_evaluations.sum();
            rows.extend(found.log_density);
        }
        Ok((Array1::from(rows), n_evaluations))
    }
}

impl<P: LinearGaussian + Copy> Model for Sampler<P> {
    fn describe(&self) -> String {
        format!("score network with {} parameters", self.network.n_params())
    }

    fn sample(&self, n: usize, seed: Seed, progress: &Progress) -> Result<Draws> {
        let (dim, process) = (self.network.dim(), self.process);
        let mut parts: Vec<Array2<f64>> = Vec::new();
        for (part, first) in (0..n).step_by(ROWS_AT_ONCE).enumerate() {
            progress.report(first as u64, n as u64, "drawing", "");
            let noise = FreshNoise::new(seed.nth(part as u64));
            let start = process.prior_variance().sqrt() * noise.normal((ROWS_AT_ONCE.min(n - first), dim));
            parts.push(match self.sampling.method {
                Method::Sde => {
                    let grid = TimeGrid::uniform_in_log_snr(
                        &process,
                        process.horizon(),
                        self.model.smallest_time,
                        self.sampling.steps,
                    )?;
                    let reverse = ReverseSde::new(process, &self.network);
                    FixedSteps::new(grid).solve(
                        &ReverseDiffusion,
                        &reverse,
                        start,
                        &noise as &dyn BrownianMotion,
                    )?
                }
                Method::Flow => {
                    self.likelihood(self.sampling.tolerance)?
                        .generate(start.view())?
                        .points
                }
            });
        }
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        let rows = concatenate(Axis(0), &views).map_err(|e| Failure::Failed(e.to_string()))?;
        let how = match self.sampling.method {
            Method::Sde => format!("reverse equation in {} steps", self.sampling.steps),
            Method::Flow => format!("probability flow, tolerance {:e}", self.sampling.tolerance),
        };
        Ok(Draws {
            rows,
            means: None,
            notes: vec![format!("independent draws by the {how}")],
            warnings: Vec::new(),
        })
    }

    fn evaluate(&self, x: ArrayView2<f64>, _seed: Seed, progress: &Progress) -> Result<Evaluation> {
        let EvaluationKeys {
            tolerance,
            agreement,
            rows,
        } = self.evaluation;
        let (n, k) = (x.nrows(), x.nrows().min(rows));
        let x = x.select(Axis(0), &spread_rows(n, k));
        let finer = tolerance / 10.0;
        // A tolerance bounds the error of a step; that of all steps together shows in a second solution, which is the better one.
        let (coarse, _) =
            self.log_densities(x.view(), tolerance, "following the probability flow", progress)?;
        let (rows, n_evaluations) =
            self.log_densities(x.view(), finer, "at a tenth of the tolerance", progress)?;
        let differences = (&rows - &coarse).mapv(f64::abs);
        let largest = differences.fold(0.0, |a: f64, b| a.max(*b));
        let said = format!(
            "log-densities at tolerance {tolerance:e} and at a tenth of it differ by up to {largest:.1e} nats a row"
        );
        let verdict = if differences.iter().all(|d| *d <= agreement) {
            Verdict::Certified(format!(
                "the flow is normalised, and its {said}, within evaluation.agreement = {agreement}"
            ))
        } else {
            Verdict::NotCertified(format!(
                "{said}, more than evaluation.agreement = {agreement}; lower evaluation.tolerance"
            ))
        };
        let mut details = serde_json::Map::new();
        details.insert("method".into(), json!("probability flow"));
        details.insert("tolerance".into(), json!(tolerance));
        details.insert("largest_difference".into(), json!(largest));
        details.insert("smallest_time".into(), json!(self.model.smallest_time));
        let sigma = self.process.sigma(self.model.smallest_time);
        let mut notes = vec![
            format!(
                "probability flow with its exact divergence, tolerance {finer:e}, {:.0} evaluations a row",
                n_evaluations as f64 / rows.len() as f64
            ),
            format!(
                "the density is that of the flow at time {}, where scaled data have a noise of {sigma:.4}",
                self.model.smallest_time
            ),
        ];
        notes.extend((k < n).then(|| format!("over {k} of {n} rows, evenly spread")));
        Ok(Evaluation {
            quantity: "log-density",
            notes,
            rows,
            interval: None,
            verdict,
            details,
        })
    }
}
