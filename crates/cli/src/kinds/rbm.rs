//! Restricted Boltzmann machines of binary units.
//!
//! Trained by contrastive divergence or its persistent form, fused and in single precision. Their log-probabilities are exact where one layer is small enough to be enumerated, and otherwise
//! enclosed between RAISE and annealed importance sampling from independent units with the means of the training rows.
//!
//! reason for length: keys with their defaults, training, sampling and judging of a kind are one file, so that a further kind is one file.

use gibbsian_classical::{
    Bernoulli, BinaryRbm, BinaryRbmPath, FusedContrastiveDivergence, FusedOptions, FusedPersistent, Rbm,
};
use gibbsian_core::math::softplus;
use gibbsian_core::{Energy, Record, Seed, Snapshot, Streams, TrainStep};
use gibbsian_objectives::pseudo_log_likelihood;
use gibbsian_train::{CsvLog, Linear};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::Deserialize;
use serde_json::json;

use super::anneal::{self, Annealing};
use super::chains::{GibbsKeys, energies_of};
use super::fit::{Course, Job, Trained};
use super::{Draws, Evaluation, Kind, Model, Verdict, Wants};
use crate::check;
use crate::config::{self, Sections};
use crate::data::prepare::{fixed_rows, spread_rows};
use crate::failure::{Failure, OrRefuse, Result};
use crate::progress::Progress;

/// Rows on either side of the free-energy gap, and rows of the pseudo-likelihood, which looks at every unit of each.
const N_GAP: usize = 2_000;
const N_PSEUDO: usize = 200;
/// Layers beyond this take hours to be enumerated.
const MOST_ENUMERATED: usize = 30;

/// The sections of a commented configuration.
pub(crate) const TEMPLATE: &str = "\
[model]
hidden = 64                    # hidden units: more can tell more patterns apart
weight_scale = 0.01            # standard deviation of the first weights

[training]
algorithm = \"persistent\"       # \"persistent\" chains, or \"contrastive\": chains that start at the data
sweeps = 1                     # Gibbs sweeps for each update; more is slower and nearer to the likelihood
epochs = 200                   # passes over the data
batch = 100                    # rows in a minibatch, and persistent chains
learning_rate = 0.05           # falls linearly ...
final_learning_rate = 0.001    # ... to this
momentum = 0.0                 # in [0, 1)
weight_decay = 0.0001          # pulls weights to zero: against overfitting
checkpoint_every = 500         # steps; what an interrupted run loses at most

[sampling]
chains = 0                     # side by side; 0: one to 25 draws, at most 100
warmup = 1000                  # sweeps before the first draw
thin = 10                      # sweeps from one draw to the next

[evaluation]
method = \"auto\"                # \"exact\" by enumeration, \"annealing\" with a certificate, or whichever fits
exact_up_to = 20               # units of the smaller layer that \"auto\" enumerates, at most 30
chains = 200                   # of annealing
temperatures = 5000            # between independent units and the machine
cases = 100                    # test rows of the certificate, evenly spread
chains_per_case = 8            # reverse chains from each of them
level = 0.95                   # confidence of intervals and bounds
tolerance = 0.5                # widest enclosure that certifies, nats
";

/// The configuration of a restricted Boltzmann machine.
pub(crate) struct RbmKind {
    model: ModelKeys,
    training: TrainingKeys,
    sampling: GibbsKeys,
    evaluation: EvaluationKeys,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ModelKeys {
    hidden: usize,
    weight_scale: f64,
}

impl Default for ModelKeys {
    fn default() -> Self {
        ModelKeys {
            hidden: 64,
            weight_scale: 0.01,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Algorithm {
    #[default]
    Persistent,
    Contrastive,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TrainingKeys {
    algorithm: Algorithm,
    sweeps: usize,
    epochs: u64,
    batch: usize,
    learning_rate: f64,
    final_learning_rate: f64,
    momentum: f64,
    weight_decay: f64,
    checkpoint_every: u64,
}

impl Default for TrainingKeys {
    fn default() -> Self {
        TrainingKeys {
            algorithm: Algorithm::Persistent,
            sweeps: 1,
            epochs: 200,
            batch: 100,
            learning_rate: 0.05,
            final_learning_rate: 0.001,
            momentum: 0.0,
            weight_decay: 1e-4,
            checkpoint_every: 500,
        }
    }
}

impl TrainingKeys {
    fn descent(&self) -> check::Descent {
        check::Descent {
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            checkpoint_every: self.checkpoint_every,
        }
    }
}

/// How a log-probability is computed.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Method {
    /// Exact where that is quick.
    #[default]
    Auto,
    /// By enumeration.
    Exact,
    /// By annealing.
    Annealing,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct EvaluationKeys {
    method: Method,
    exact_up_to: usize,
    chains: usize,
    temperatures: usize,
    cases: usize,
    chains_per_case: usize,
    level: f64,
    tolerance: f64,
}

impl Default for EvaluationKeys {
    fn default() -> Self {
        EvaluationKeys {
            method: Method::Auto,
            exact_up_to: 20,
            chains: 200,
            temperatures: 5000,
            cases: 100,
            chains_per_case: 8,
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

impl RbmKind {
    /// Reads the sections.
    pub(crate) fn parse(text: &str, origin: &str) -> Result<Self> {
        let Sections {
            model,
            training,
            sampling,
            evaluation,
            ..
        } = config::sections(text, origin)?;
        Ok(RbmKind {
            model,
            training,
            sampling,
            evaluation,
        })
    }

    fn fused(&self) -> FusedOptions {
        FusedOptions {
            n_steps: self.training.sweeps,
            momentum: self.training.momentum,
            weight_decay: self.training.weight_decay,
            ..FusedOptions::default()
        }
    }

    fn fit<S: TrainStep<BinaryRbm> + Snapshot>(
        &self,
        job: &Job<'_>,
        mut machine: BinaryRbm,
        mut step: S,
    ) -> Result<Trained> {
        let t = &self.training;
        let course = Course {
            stage: "rbm".into(),
            epochs: t.epochs,
            batch: t.batch,
            checkpoint_every: t.checkpoint_every,
        };
        let rate = Linear::new(
            t.learning_rate,
            t.final_learning_rate,
            course.n_steps(job.data.train.n_points()),
        )?;
        let log = log(job)?;
        let stage = job.fit(course, rate, &*job.data.train, &mut machine, &mut step, Some(log))?;
        Ok(Trained {
            weights: machine.snapshot(),
            steps: stage.steps,
            completed: stage.completed,
            notices: stage.resumed.into_iter().collect(),
        })
    }
}

/// The log of a run: the pseudo-likelihood, and the free-energy gap where rows are held out (Hinton 2012, section 6).
fn log(job: &Job<'_>) -> Result<CsvLog<BinaryRbm>> {
    let seed = job.seed.child("monitors");
    let log = CsvLog::each_epoch(job.folder.file("log.csv"));
    let train = fixed_rows(&job.data.train, N_GAP, seed)?;
    let held_out = match &job.data.held_out {
        Some(view) => Some(fixed_rows(view, N_GAP, seed.child("held out"))?),
        None => None,
    };
    let judged = held_out.as_ref().unwrap_or(&train);
    let some = judged.select(
        Axis(0),
        &spread_rows(judged.nrows(), judged.nrows().min(N_PSEUDO)),
    );
    let log = log.column("pseudo_log_likelihood", move |machine: &BinaryRbm, _| {
        pseudo_log_likelihood(machine, some.view())
    })?;
    let Some(held_out) = held_out else {
        return Ok(log);
    };
    let mean = |machine: &BinaryRbm, x: &Array2<f64>| machine.energy(x.view()).sum() / x.nrows() as f64;
    Ok(log.column("free_energy_gap", move |machine: &BinaryRbm, _| {
        Ok(mean(machine, &held_out) - mean(machine, &train))
    })?)
}

/// Independent units with the means of the training rows (Salakhutdinov and Murray 2008).
pub(crate) fn base_rate(means: &Array1<f64>, n: usize) -> Result<Bernoulli> {
    Ok(Bernoulli::matching_means(means.view(), n, 1.0)?)
}

/// The mean log-probability of rows under independent units.
pub(crate) fn base_log_probability(base: &Bernoulli, v: ArrayView2<f64>) -> f64 {
    let log_z: f64 = base.bias().iter().map(|b| softplus(*b)).sum();
    v.dot(&base.bias()).mean().unwrap_or(f64::NAN) - log_z
}

impl Kind for RbmKind {
    fn name(&self) -> &'static str {
        "rbm"
    }

    fn wants(&self) -> Wants {
        Wants::Binary
    }

    fn check(&self) -> Result<()> {
        let t = &self.training;
        check::at_least(
            "model.hidden",
            self.model.hidden as u64,
            1,
            "set model.hidden = 64",
        )?;
        check::positive(
            "model.weight_scale",
            self.model.weight_scale,
            "set model.weight_scale = 0.01",
        )?;
        check::at_least("training.sweeps", t.sweeps as u64, 1, "set training.sweeps = 1")?;
        check::passes("training.epochs", t.epochs, 1, 200)?;
        check::at_least("training.batch", t.batch as u64, 1, "set training.batch = 100")?;
        check::positive(
            "training.learning_rate",
            t.learning_rate,
            "set training.learning_rate = 0.05",
        )?;
        check::positive(
            "training.final_learning_rate",
            t.final_learning_rate,
            "set training.final_learning_rate = 0.001",
        )?;
        t.descent().check(&TrainingKeys::default().descent())?;
        self.sampling.check()?;
        check::enumerated(self.evaluation.exact_up_to, MOST_ENUMERATED, 20)?;
        self.evaluation
            .annealing()
            .check(&EvaluationKeys::default().annealing())
    }

    fn bytes(&self, dim: usize) -> f64 {
        // Weights twice, their copy in tiles, the velocity, and the double precision of two checkpoints under way; chains and minibatches.
        let (v, h) = (dim as f64, self.model.hidden as f64);
        60.0 * v * h + 64.0 * self.training.batch as f64 * (v + h)
    }

    fn recipe(&self) -> String {
        format!("{:?} {:?}", self.model, self.training)
    }

    fn train(&self, job: &Job<'_>) -> Result<Trained> {
        let n = job.data.train.n_points();
        // Visible biases start at the base rates, so that the weights need not learn them (Hinton 2012, section 8.1).
        let base = base_rate(&job.data.means, n)?;
        let hidden = Bernoulli::unbiased(self.model.hidden);
        let start = Rbm::random(base, hidden, self.model.weight_scale, job.seed.child("weights"))?;
        let machine = BinaryRbm::from(&start);
        match self.training.algorithm {
            Algorithm::Contrastive => self.fit(job, machine, FusedContrastiveDivergence::new(self.fused())?),
            Algorithm::Persistent => {
                let chains = fixed_rows(&job.data.train, self.training.batch, job.seed.child("chains"))?;
                self.fit(job, machine, FusedPersistent::new(self.fused(), chains.view())?)
            }
        }
    }

    fn restore(&self, means: &Array1<f64>, n_rows: usize, weights: &Record) -> Result<Box<dyn Model>> {
        let start = Rbm::new(
            Bernoulli::unbiased(means.len()),
            Bernoulli::unbiased(self.model.hidden),
            Array2::zeros((means.len(), self.model.hidden)),
        )?;
        let mut machine = BinaryRbm::from(&start);
        machine.restore(weights).or_refuse("train again")?;
        Ok(Box::new(Machine {
            machine,
            base: base_rate(means, 1000)?,
            independent: base_rate(means, n_rows)?,
            sampling: self.sampling,
            evaluation: self.evaluation.clone(),
        }))
    }
}

/// A trained machine.
struct Machine {
    machine: BinaryRbm,
    /// Where annealing and chains start.
    base: Bernoulli,
    /// Independent units with the training means, the yardstick.
    independent: Bernoulli,
    sampling: GibbsKeys,
    evaluation: EvaluationKeys,
}

impl Machine {
    fn exact(&self, x: ArrayView2<f64>) -> Result<Evaluation> {
        // In double precision throughout; the weights are those of single precision.
        let rbm = Rbm::from(&self.machine);
        let log_z = self.machine.log_z()?;
        let smaller = self.machine.n_visible().min(self.machine.n_hidden());
        let mut details = serde_json::Map::new();
        details.insert("method".into(), json!("exact"));
        details.insert("log_z".into(), json!(log_z));
        Ok(Evaluation {
            quantity: "log-probability",
            rows: -rbm.energy(x) - log_z,
            interval: None,
            notes: vec![format!(
                "log Z = {log_z:.6}, exact: a layer of {smaller} units was enumerated"
            )],
            verdict: Verdict::Certified("the log-probabilities are exact".into()),
            details,
        })
    }

    fn annealed(&self, x: ArrayView2<f64>, seed: Seed, progress: &Progress) -> Result<Evaluation> {
        let settings = self.evaluation.annealing();
        settings.check_rows(x.nrows())?;
        let path = BinaryRbmPath::new(&self.machine, &self.base)?;
        let (ladder, forward, estimate) = settings.forward(&path, seed, progress)?;
        let (certificate, of_which) = settings.certify(&path, &ladder, &forward, x, seed, progress)?;
        let rows = -Rbm::from(&self.machine).energy(x) - estimate.log_z;
        let mean = rows.sum() / rows.len() as f64;
        let mut details = serde_json::Map::new();
        details.insert("method".into(), json!("annealing"));
        details.insert("log_z".into(), json!(estimate.log_z));
        details.insert("estimate".into(), anneal::estimate_json(&estimate));
        details.insert("certificate".into(), anneal::certificate_json(&certificate));
        let mut notes = vec![estimate.to_string(), certificate.to_string()];
        notes.extend(of_which);
        Ok(Evaluation {
            quantity: "log-probability",
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

impl Model for Machine {
    fn describe(&self) -> String {
        format!(
            "restricted Boltzmann machine of {} visible and {} hidden binary units",
            self.machine.n_visible(),
            self.machine.n_hidden()
        )
    }

    fn sample(&self, n: usize, seed: Seed, progress: &Progress) -> Result<Draws> {
        let n_visible = self.machine.n_visible();
        let energy = energies_of(&self.machine);
        let start = |chains| base_draws(&self.base, chains, n_visible, seed.child("start"));
        let (rows, notes, warnings) =
            self.sampling
                .run(&self.machine, (&energy, "free energy"), start, n, seed, progress)?;
        let means = self
            .machine
            .visible_means(rows.view(), &mut seed.child("means").rng());
        Ok(Draws {
            rows,
            means: Some(means),
            notes,
            warnings,
        })
    }

    fn evaluate(&self, x: ArrayView2<f64>, seed: Seed, progress: &Progress) -> Result<Evaluation> {
        let smaller = self.machine.n_visible().min(self.machine.n_hidden());
        let is_exact = match self.evaluation.method {
            Method::Auto => smaller <= self.evaluation.exact_up_to,
            Method::Exact if smaller > MOST_ENUMERATED => {
                return Err(Failure::key(
                    "evaluation.method",
                    format!(
                        "\"exact\" for layers of {} and {} units",
                        self.machine.n_visible(),
                        self.machine.n_hidden()
                    ),
                    format!("\"annealing\" where both layers have more than {MOST_ENUMERATED} units"),
                    "give --set evaluation.method=annealing",
                ));
            }
            Method::Exact => true,
            Method::Annealing => false,
        };
        progress.begin(if is_exact {
            "enumerating the smaller layer"
        } else {
            "annealing"
        });
        let mut evaluation = if is_exact {
            self.exact(x)
        } else {
            self.annealed(x, seed, progress)
        }?;
        let base = base_log_probability(&self.independent, x);
        evaluation.notes.push(format!(
            "independent units with the training means: {base:.4} nats a row"
        ));
        evaluation.details.insert("independent_units".into(), json!(base));
        Ok(evaluation)
    }

    fn filters(&self) -> Option<Array2<f64>> {
        Some(self.machine.weights().mapv(f64::from).t().to_owned())
    }
}

/// Draws of independent units, to start chains at.
pub(crate) fn base_draws(base: &Bernoulli, n: usize, n_visible: usize, seed: Seed) -> Array2<f64> {
    use gibbsian_core::Units;
    let field = Array2::zeros((n, n_visible));
    base.sample(field.view(), Streams::from_key(seed.value()))
}
