//! Deep Boltzmann machines of binary units.
//!
//! Pretrained layer by layer with copies for the missing neighbours, then trained as a whole by mean field and persistent chains (Salakhutdinov and Hinton 2009). Small machines are
//! enumerated; of larger ones `log p(v)` is bounded from below by mean field and a `log Z` by annealing there and back ([`RoundTrip`]).
//!
//! reason for length: keys with their defaults, training, sampling and judging of a kind are one file, so that a further kind is one file.

use gibbsian_classical::dbm::{
    BinaryDbm, BinaryDbmPath, FusedVariational, FusedVariationalOptions, GreedyStack, VariationalOptions,
};
use gibbsian_classical::{Bernoulli, Dbm, FusedOptions};
use gibbsian_core::{Blocks, Energy, Record, Seed, Snapshot};
use gibbsian_partition::{RoundTrip, reverse_ais};
use gibbsian_train::{CsvLog, Linear};
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate, s};
use serde::Deserialize;
use serde_json::json;

use super::anneal::{self, Annealing};
use super::chains::GibbsKeys;
use super::fit::{Course, Job, Stage, Trained};
use super::rbm::{Method, base_draws, base_log_probability, base_rate};
use super::{Draws, Evaluation, Kind, Model, Verdict, Wants};
use crate::check;
use crate::config::{self, Sections};
use crate::data::prepare::{fixed_rows, spread_rows};
use crate::failure::{Failure, OrRefuse, Result};
use crate::progress::Progress;

/// Rows of the reconstruction error.
const N_MONITORED: usize = 1_000;
/// Halves of layers beyond this take hours to be enumerated.
const MOST_ENUMERATED: usize = 25;

/// The sections of a commented configuration.
pub(crate) const TEMPLATE: &str = "\
[model]
hidden = [64, 32]              # hidden units of each layer, from the data upwards
weight_scale = 0.01            # standard deviation of the first weights

[training]
pretraining_epochs = 50        # passes for each layer alone; 0: none
pretraining_learning_rate = 0.05
pretraining_weight_decay = 0.001
epochs = 200                   # passes of the whole machine
batch = 100                    # rows in a minibatch, and persistent chains
learning_rate = 0.002          # falls linearly ...
final_learning_rate = 0.0001   # ... to this
sweeps = 5                     # Gibbs sweeps of the chains for each update
mean_field_sweeps = 10         # sweeps of mean field for each update
momentum = 0.9                 # in [0, 1), of the layers alone too
weight_decay = 0.0002          # pulls weights to zero: against overfitting, and states that annealing never leaves
checkpoint_every = 500         # steps; what an interrupted run loses at most

[sampling]
chains = 0                     # side by side; 0: one to 25 draws, at most 100
warmup = 1000                  # sweeps before the first draw
thin = 10                      # sweeps from one draw to the next

[evaluation]
method = \"auto\"                # \"exact\" by enumeration, \"annealing\" with a bound, or whichever fits
exact_up_to = 16               # units of every other layer that \"auto\" enumerates, at most 25
chains = 200                   # of annealing
temperatures = 5000            # between independent units and the machine
sweeps = 1000                  # of chains from the rows, before they are annealed back
level = 0.95                   # confidence of intervals
tolerance = 1.0                # by how much annealing there and back may differ, nats
";

/// The configuration of a deep Boltzmann machine.
pub(crate) struct DbmKind {
    model: ModelKeys,
    training: TrainingKeys,
    sampling: GibbsKeys,
    evaluation: EvaluationKeys,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ModelKeys {
    hidden: Vec<usize>,
    weight_scale: f64,
}

impl Default for ModelKeys {
    fn default() -> Self {
        ModelKeys {
            hidden: vec![64, 32],
            weight_scale: 0.01,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TrainingKeys {
    pretraining_epochs: u64,
    pretraining_learning_rate: f64,
    pretraining_weight_decay: f64,
    epochs: u64,
    batch: usize,
    learning_rate: f64,
    final_learning_rate: f64,
    sweeps: usize,
    mean_field_sweeps: usize,
    momentum: f64,
    weight_decay: f64,
    checkpoint_every: u64,
}

impl Default for TrainingKeys {
    fn default() -> Self {
        TrainingKeys {
            pretraining_epochs: 50,
            pretraining_learning_rate: 0.05,
            pretraining_weight_decay: 0.001,
            epochs: 200,
            batch: 100,
            learning_rate: 0.002,
            final_learning_rate: 1e-4,
            sweeps: 5,
            mean_field_sweeps: 10,
            momentum: 0.9,
            weight_decay: 2e-4,
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

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct EvaluationKeys {
    method: Method,
    exact_up_to: usize,
    chains: usize,
    temperatures: usize,
    sweeps: usize,
    level: f64,
    tolerance: f64,
}

impl Default for EvaluationKeys {
    fn default() -> Self {
        EvaluationKeys {
            method: Method::Auto,
            exact_up_to: 16,
            chains: 200,
            temperatures: 5000,
            sweeps: 1000,
            level: 0.95,
            tolerance: 1.0,
        }
    }
}

impl EvaluationKeys {
    fn annealing(&self) -> Annealing {
        Annealing {
            chains: self.chains,
            temperatures: self.temperatures,
            cases: 2,
            chains_per_case: 1,
            level: self.level,
            tolerance: self.tolerance,
        }
    }
}

impl DbmKind {
    /// Reads the sections.
    pub(crate) fn parse(text: &str, origin: &str) -> Result<Self> {
        let Sections {
            model,
            training,
            sampling,
            evaluation,
            ..
        } = config::sections(text, origin)?;
        Ok(DbmKind {
            model,
            training,
            sampling,
            evaluation,
        })
    }

    fn course(&self, stage: &str, epochs: u64) -> Course {
        Course {
            stage: stage.into(),
            epochs,
            batch: self.training.batch,
            checkpoint_every: self.training.checkpoint_every,
        }
    }

    /// The machine that greedy pretraining makes, by CD-1 of machines with copies in place of the missing neighbours; and the stages, of which the last may be unfinished.
    fn pretrained(&self, job: &Job<'_>, base: &Bernoulli, stages: &mut Vec<Stage>) -> Result<Dbm> {
        let mut stack = GreedyStack::new(base.clone(), &self.model.hidden)?;
        while let Some(layer) = stack.next_layer() {
            let name = format!("layer-{layer}");
            let mut machine = stack.start(self.model.weight_scale, job.seed.child("weights").child(&name))?;
            let course = self.course(&name, self.training.pretraining_epochs);
            let rate = self.training.pretraining_learning_rate;
            let rate = Linear::new(rate, 0.1 * rate, course.n_steps(job.data.train.n_points()))?;
            let mut step = stack.contrastive_divergence(FusedOptions {
                momentum: self.training.momentum,
                weight_decay: self.training.pretraining_weight_decay,
                ..FusedOptions::default()
            })?;
            let data = stack.features(&*job.data.train)?;
            let stage = job.fit(course, rate, &data, &mut machine, &mut step, None)?;
            let is_over = stage.completed;
            stages.push(stage);
            if !is_over {
                return self.random(job, base);
            }
            stack.push(&machine)?;
        }
        Ok(stack.compose()?)
    }

    /// Small random weights.
    fn random(&self, job: &Job<'_>, base: &Bernoulli) -> Result<Dbm> {
        let hidden = self
            .model
            .hidden
            .iter()
            .map(|n| Bernoulli::unbiased(*n))
            .collect();
        Ok(Dbm::random(
            base.clone(),
            hidden,
            self.model.weight_scale,
            job.seed.child("weights"),
        )?)
    }

    fn blank(&self, dim: usize) -> Result<Dbm> {
        let hidden: Vec<Bernoulli> = self
            .model
            .hidden
            .iter()
            .map(|n| Bernoulli::unbiased(*n))
            .collect();
        let sizes: Vec<usize> = std::iter::once(dim)
            .chain(self.model.hidden.iter().copied())
            .collect();
        let weights = sizes
            .windows(2)
            .map(|pair| Array2::zeros((pair[0], pair[1])))
            .collect();
        Ok(Dbm::new(Bernoulli::unbiased(dim), hidden, weights)?)
    }
}

impl Kind for DbmKind {
    fn name(&self) -> &'static str {
        "dbm"
    }

    fn wants(&self) -> Wants {
        Wants::Binary
    }

    fn check(&self) -> Result<()> {
        let t = &self.training;
        if self.model.hidden.len() < 2 || self.model.hidden.contains(&0) {
            return Err(Failure::key(
                "model.hidden",
                format!("{:?}", self.model.hidden),
                "a list of at least two layers with at least one unit each",
                "set model.hidden = [64, 32]; a machine with one hidden layer is kind = \"rbm\"",
            ));
        }
        check::positive(
            "model.weight_scale",
            self.model.weight_scale,
            "set model.weight_scale = 0.01",
        )?;
        check::positive(
            "training.pretraining_learning_rate",
            t.pretraining_learning_rate,
            "set training.pretraining_learning_rate = 0.05",
        )?;
        check::passes("training.epochs", t.epochs, 1, 200)?;
        check::passes("training.pretraining_epochs", t.pretraining_epochs, 0, 50)?;
        check::at_least("training.batch", t.batch as u64, 1, "set training.batch = 100")?;
        check::positive(
            "training.learning_rate",
            t.learning_rate,
            "set training.learning_rate = 0.002",
        )?;
        check::positive(
            "training.final_learning_rate",
            t.final_learning_rate,
            "set training.final_learning_rate = 0.0001",
        )?;
        check::at_least("training.sweeps", t.sweeps as u64, 1, "set training.sweeps = 5")?;
        check::at_least(
            "training.mean_field_sweeps",
            t.mean_field_sweeps as u64,
            1,
            "set training.mean_field_sweeps = 10",
        )?;
        t.descent().check(&TrainingKeys::default().descent())?;
        check::non_negative(
            "training.pretraining_weight_decay",
            t.pretraining_weight_decay,
            "set training.pretraining_weight_decay = 0.001, or 0",
        )?;
        self.sampling.check()?;
        check::enumerated(self.evaluation.exact_up_to, MOST_ENUMERATED, 16)?;
        self.evaluation
            .annealing()
            .check(&EvaluationKeys::default().annealing())
    }

    fn bytes(&self, dim: usize) -> f64 {
        let sizes: Vec<f64> = std::iter::once(dim as f64)
            .chain(self.model.hidden.iter().map(|n| *n as f64))
            .collect();
        let n_weights: f64 = sizes.windows(2).map(|pair| pair[0] * pair[1]).sum();
        60.0 * n_weights + 64.0 * self.training.batch as f64 * sizes.iter().sum::<f64>()
    }

    fn recipe(&self) -> String {
        format!("{:?} {:?}", self.model, self.training)
    }

    fn train(&self, job: &Job<'_>) -> Result<Trained> {
        let t = &self.training;
        let base = base_rate(&job.data.means, job.data.train.n_points())?;
        let mut stages = Vec::new();
        let start = match t.pretraining_epochs {
            0 => self.random(job, &base)?,
            _ => self.pretrained(job, &base, &mut stages)?,
        };
        let mut machine = BinaryDbm::from(&start);
        if stages.iter().all(|stage| stage.completed) {
            let v = fixed_rows(&job.data.train, t.batch, job.seed.child("chains"))?;
            let chains = start.draw_upward(v.view(), &mut job.seed.child("chains").rng())?;
            let settings = FusedVariationalOptions {
                phases: VariationalOptions {
                    n_steps: t.sweeps,
                    tolerance: 0.0,
                    max_sweeps: t.mean_field_sweeps,
                },
                momentum: t.momentum,
                weight_decay: t.weight_decay,
                ..FusedVariationalOptions::default()
            };
            let mut step = FusedVariational::new(settings, &machine, chains.view())?;
            let course = self.course("dbm", t.epochs);
            let rate = Linear::new(
                t.learning_rate,
                t.final_learning_rate,
                course.n_steps(job.data.train.n_points()),
            )?;
            let log = log(job)?;
            stages.push(job.fit(course, rate, &*job.data.train, &mut machine, &mut step, Some(log))?);
        }
        Ok(Trained {
            weights: machine.snapshot(),
            steps: stages.iter().map(|s| s.steps).sum(),
            completed: stages.iter().all(|s| s.completed),
            notices: stages.into_iter().filter_map(|s| s.resumed).collect(),
        })
    }

    fn restore(&self, means: &Array1<f64>, n_rows: usize, weights: &Record) -> Result<Box<dyn Model>> {
        let mut machine = BinaryDbm::from(&self.blank(means.len())?);
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

/// The log of a run: how well mean field and one step back reconstruct rows that are held out, or rows of training.
fn log(job: &Job<'_>) -> Result<CsvLog<BinaryDbm>> {
    let view = job.data.held_out.as_ref().unwrap_or(&job.data.train);
    let v = fixed_rows(view, N_MONITORED, job.seed.child("monitors"))?;
    let log = CsvLog::each_epoch(job.folder.file("log.csv"));
    Ok(log.column("reconstruction_error", move |machine: &BinaryDbm, _| {
        let q = machine.mean_field(v.view(), 1e-3, 30)?;
        let rest: Vec<Array2<f64>> = (1..=machine.depth()).map(|l| q.means(l).to_owned()).collect();
        let mut all = vec![v.view()];
        all.extend(rest.iter().map(|m| m.view()));
        let x = concatenate(Axis(1), &all)
            .map_err(|_| gibbsian_core::Error::shape("layers", v.shape(), "of as many rows as the data"))?;
        let back = machine.layer_means(x.view(), 0);
        Ok((&back - &v).mapv(f64::abs).sum() / v.nrows() as f64)
    })?)
}

/// A trained machine.
struct Machine {
    machine: BinaryDbm,
    /// Where annealing and chains start.
    base: Bernoulli,
    /// Independent units with the training means, the yardstick.
    independent: Bernoulli,
    sampling: GibbsKeys,
    evaluation: EvaluationKeys,
}

impl Machine {
    /// Units in the smaller of both halves, of which one is enumerated, and in the smaller half of the hidden layers.
    fn enumerated(&self) -> usize {
        let mut halves = [0, 0];
        for (l, n) in self.machine.sizes().into_iter().enumerate() {
            halves[l % 2] += n;
        }
        let mut hidden = [0, 0];
        for (l, n) in self.machine.sizes().into_iter().enumerate().skip(1) {
            hidden[l % 2] += n;
        }
        halves[0].min(halves[1]).max(hidden[0].min(hidden[1]))
    }

    fn exact(&self, x: ArrayView2<f64>) -> Result<Evaluation> {
        let dbm = Dbm::from(&self.machine);
        let log_z = dbm.log_z()?;
        let q = self.machine.mean_field(x, 1e-5, 200)?;
        let rows = -dbm.free_energy(x)? - log_z;
        let bound = -dbm.variational_free_energy(x, &q) - log_z;
        let gap = (&rows - &bound).mean().unwrap_or(f64::NAN);
        let mut details = serde_json::Map::new();
        details.insert("method".into(), json!("exact"));
        details.insert("log_z".into(), json!(log_z));
        details.insert("mean_field_gap".into(), json!(gap));
        Ok(Evaluation {
            quantity: "log-probability",
            rows,
            interval: None,
            notes: vec![
                format!(
                    "log Z = {log_z:.6}, exact: {} units of every other layer were enumerated",
                    self.enumerated()
                ),
                format!("the bound by mean field lies {gap:.4} nats below"),
            ],
            verdict: Verdict::Certified("the log-probabilities are exact".into()),
            details,
        })
    }

    fn bounded(&self, x: ArrayView2<f64>, seed: Seed, progress: &Progress) -> Result<Evaluation> {
        let settings = self.evaluation.annealing();
        // A base with the means of the machine in every layer: hidden units that were half on would lead annealing through states that the machine does not have.
        let chains = self.chains_from(x, seed.child("chains of the way back"), progress)?;
        let path = BinaryDbmPath::matching(&self.machine, chains.view())?;
        let (ladder, forward, estimate) = settings.forward(&path, seed, progress)?;
        let kept = path.half().of(chains.view(), &self.machine.sizes())?;
        progress.begin("annealing back");
        let back = reverse_ais(&path, &ladder, kept.view(), &mut seed.child("back").rng())?;
        let trip = RoundTrip::new(&forward, &back, settings.tolerance)?;
        // Too small a log Z would flatter the machine.
        let log_z = trip.there.max(trip.back);
        progress.begin("mean field");
        let q = self.machine.mean_field(x, 1e-4, 100)?;
        let rows = -Dbm::from(&self.machine).variational_free_energy(x, &q) - log_z;
        let mean = rows.sum() / rows.len() as f64;
        let mut details = serde_json::Map::new();
        details.insert("method".into(), json!("annealing"));
        details.insert("log_z".into(), json!(log_z));
        details.insert("estimate".into(), anneal::estimate_json(&estimate));
        details.insert("log_z_back".into(), json!(trip.back));
        let meets = trip.log_z().is_some();
        let why = if !meets {
            format!(
                "log Z is not known: annealing there and back are {:.3} nats apart; more evaluation.temperatures, or training with more weight_decay",
                trip.gap()
            )
        } else if !estimate.reliability.is_trusted() {
            format!(
                "log Z is not to be trusted: {}; more evaluation.temperatures and evaluation.chains",
                estimate.reliability
            )
        } else {
            "a lower bound up to the error of log Z; only an exact log Z makes it certain".to_owned()
        };
        let (low, high) = (estimate.interval.lower, estimate.interval.upper.max(trip.back));
        Ok(Evaluation {
            quantity: "lower bound on the log-probability",
            interval: meets.then_some((mean + log_z - high, mean + log_z - low)),
            rows,
            notes: vec![
                estimate.to_string(),
                format!("{trip}; the larger is used, since too small a log Z would flatter the machine"),
            ],
            verdict: Verdict::NotCertified(why),
            details,
        })
    }

    /// Where chains of all layers are that started at these rows, as many as annealing has and evenly spread.
    fn chains_from(&self, v: ArrayView2<f64>, seed: Seed, progress: &Progress) -> Result<Array2<f64>> {
        let rows = spread_rows(v.nrows(), self.evaluation.chains);
        let mut rng = seed.rng();
        let mut x = Dbm::from(&self.machine).draw_upward(v.select(Axis(0), &rows).view(), &mut rng)?;
        let joint = self.machine.joint();
        for sweep in 0..self.evaluation.sweeps {
            progress.report(
                sweep as u64,
                self.evaluation.sweeps as u64,
                "chains from the rows",
                "",
            );
            for block in 0..joint.n_blocks() {
                joint.resample(x.view_mut(), block, None, &mut rng);
            }
        }
        Ok(x)
    }
}

impl Model for Machine {
    fn describe(&self) -> String {
        let sizes: Vec<String> = self.machine.sizes().iter().map(usize::to_string).collect();
        format!("deep Boltzmann machine of {} binary units", sizes.join("-"))
    }

    fn sample(&self, n: usize, seed: Seed, progress: &Progress) -> Result<Draws> {
        let n_visible = self.machine.n_visible();
        let n_units: usize = self.machine.sizes().iter().sum();
        let (joint, dbm) = (self.machine.joint(), Dbm::from(&self.machine).joint());
        let energy = |x: &Array2<f64>| dbm.energy(x.view());
        let start = |chains| {
            let mut x = Array2::zeros((chains, n_units));
            let v = base_draws(&self.base, chains, n_visible, seed.child("start"));
            x.slice_mut(s![.., ..n_visible]).assign(&v);
            x
        };
        let (rows, notes, warnings) = self.sampling.run(
            &joint,
            (&energy, "energy of all layers"),
            start,
            n,
            seed,
            progress,
        )?;
        Ok(Draws {
            means: Some(self.machine.layer_means(rows.view(), 0)),
            rows: rows.slice(s![.., ..n_visible]).to_owned(),
            notes,
            warnings,
        })
    }

    fn evaluate(&self, x: ArrayView2<f64>, seed: Seed, progress: &Progress) -> Result<Evaluation> {
        let n = self.enumerated();
        let is_exact = match self.evaluation.method {
            Method::Auto => n <= self.evaluation.exact_up_to,
            Method::Exact if n > MOST_ENUMERATED => {
                return Err(Failure::key(
                    "evaluation.method",
                    format!("\"exact\" for layers of {:?} units", self.machine.sizes()),
                    format!(
                        "\"annealing\" where every other layer has more than {MOST_ENUMERATED} units in all"
                    ),
                    "give --set evaluation.method=annealing",
                ));
            }
            Method::Exact => true,
            Method::Annealing => false,
        };
        progress.begin(if is_exact {
            "enumerating every other layer"
        } else {
            "annealing"
        });
        let mut evaluation = if is_exact {
            self.exact(x)
        } else {
            self.bounded(x, seed, progress)
        }?;
        let base = base_log_probability(&self.independent, x);
        evaluation.notes.push(format!(
            "independent units with the training means: {base:.4} nats a row"
        ));
        evaluation.details.insert("independent_units".into(), json!(base));
        Ok(evaluation)
    }

    fn filters(&self) -> Option<Array2<f64>> {
        Some(self.machine.weights(1).mapv(f64::from).t().to_owned())
    }
}
