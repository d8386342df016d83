//! Runs experiments one after the other and writes what they leave.
//!
//! Under the output folder there are `index.html` and `ledger.json`, rewritten after every experiment, and one folder per
//! experiment with its figures, its tables and its stored outcome. Without `resume` nothing of an earlier run is used.
//! With it, an experiment whose stored outcome is whole and of the same scale, seed and program is taken from the disk, and
//! one that was interrupted finds its checkpoints. What another scale has left is never removed: minutes would replace hours.
//!
//! An experiment that returns an error or panics fails the claim "runs to the end"; the others still run.
//!
//! [`render_again`] writes the page and the ledger from what is stored, and runs nothing.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gibbsian_core::Error;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::console::Console;
use crate::context::{CHECKPOINTS, Context};
use crate::experiment::{Experiment, Scale};
use crate::ledger::Ledger;
use crate::outcome::{self, Identity, Outcome};
use crate::printed;
use crate::progress::Progress;
use crate::report::{self, Page};
use crate::schedule::Schedule;
use crate::{Result, files};

/// What a run is asked to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The scale of every experiment.
    pub scale: Scale,
    /// The seed of the run.
    pub seed: u64,
    /// The number of threads; `None` is one per processor. No result depends on it.
    pub threads: Option<usize>,
    /// The folder to write into.
    pub out: PathBuf,
    /// Whether to use what an interrupted run left.
    pub resume: bool,
    /// How products of binary states are computed: `tiles` or `lists`.
    pub arithmetic: String,
    /// A hash of the program; what another program stored is not used.
    pub fingerprint: String,
}

/// What a run found.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The verdicts.
    pub ledger: Ledger,
    /// Everything the experiments left, in their order.
    pub outcomes: Vec<Outcome>,
}

impl Options {
    /// What must agree before a stored outcome stands for one of this run.
    fn identity(&self, experiment: &Experiment) -> Identity {
        Identity {
            experiment: experiment.id.into(),
            scale: self.scale,
            seed: self.seed,
            fingerprint: self.fingerprint.clone(),
        }
    }
}

impl Summary {
    fn empty(scale: Scale, seed: u64, arithmetic: &str) -> Self {
        Summary {
            ledger: Ledger {
                scale,
                seed,
                arithmetic: arithmetic.into(),
                claims: Vec::new(),
            },
            outcomes: Vec::new(),
        }
    }

    fn add(&mut self, outcome: Outcome) {
        let entries = outcome.claims.iter().map(|c| c.entry.clone());
        self.ledger.claims.extend(entries);
        self.outcomes.push(outcome);
    }

    /// Whether no claim failed.
    pub fn holds(&self) -> bool {
        self.outcomes.iter().all(Outcome::holds)
    }
}

/// The folder, beside those of the experiments, of what experiments share.
pub(crate) const CACHE: &str = "cache";

/// The stack of a thread. Experiments run on threads of a pool; this is what they would have on a main thread.
pub(crate) const STACK: usize = 8 << 20;

/// Proves before any work that the output folder can be written into, making it if need be.
pub fn prepare(out: &Path) -> Result<(), Error> {
    files::create_folder(out)?;
    let probe = out.join(".probe");
    files::write_atomic(&probe, b"")?;
    files::remove(&probe)
}

/// Refuses a run that would remove what a run of another scale has left: the outcomes and checkpoints of these experiments, and, without `resume`, what experiments share.
///
/// # Errors
/// The folders that hold such, with what to do; or a folder cannot be read.
pub fn check_scales(experiments: &[&'static Experiment], options: &Options) -> Result<()> {
    let mut folders: Vec<PathBuf> = experiments.iter().map(|e| options.out.join(e.id)).collect();
    if !options.resume && has_entries(&options.out.join(CACHE))? {
        folders = folders_in(&options.out)?;
    }
    let mut held = Vec::new();
    for folder in folders {
        if outcome::held_scale(&folder)?.is_some_and(|scale| scale != options.scale) {
            held.push(folder.display().to_string());
        }
    }
    let Some(first) = held.first() else {
        return Ok(());
    };
    let more = match held.len() - 1 {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let other = match options.scale {
        Scale::Quick => Scale::Full,
        Scale::Full => Scale::Quick,
    };
    Err(format!(
        "{first}{more}: holds what a run of {other} scale left, and this run of {} scale would remove it; \
         give another folder with --out, or remove it yourself",
        options.scale
    )
    .into())
}

/// Runs experiments in order.
///
/// # Errors
/// Only what is no experiment's fault: the threads cannot be started, the output folder cannot be written, or it holds a run of another scale ([`check_scales`]).
pub fn run(
    experiments: &[&'static Experiment],
    options: &Options,
    console: &Arc<Console>,
) -> Result<Summary> {
    prepare(&options.out)?;
    check_scales(experiments, options)?;
    let pool = ThreadPoolBuilder::new()
        .num_threads(options.threads.unwrap_or(0))
        .thread_name(|i| format!("gibbsian-{i}"))
        .stack_size(STACK)
        .build()
        .map_err(|reason| format!("cannot start the threads: {reason}"))?;
    for stale in ["index.html", "ledger.json"] {
        files::remove(&options.out.join(stale))?;
    }
    if !options.resume {
        files::remove(&options.out.join(CACHE))?;
    }
    files::create_folder(&options.out.join(CACHE))?;

    let schedule = Arc::new(Schedule::new(
        experiments.iter().map(|e| expected_seconds(e, options)).collect(),
    ));
    let mut summary = Summary::empty(options.scale, options.seed, &options.arithmetic);
    for (i, experiment) in experiments.iter().enumerate() {
        schedule.begin(i);
        printed::begin(experiment, options, &schedule, console);
        let (outcome, was_run) = run_one(experiment, options, &schedule, &pool, console)?;
        schedule.end(was_run);
        printed::outcome(&outcome, options.scale, console);
        summary.add(outcome);
        write(&summary, experiments.len(), &options.out)?;
    }
    printed::closing(&summary, &options.out, console);
    Ok(summary)
}

/// Writes the page and the ledger again from the outcomes that earlier runs of a scale and a seed have stored, whatever program they were of.
///
/// Prose and formulas are those of the present declarations; numbers, verdicts and figures are the stored ones. An experiment that has stored nothing of
/// this scale and seed is left out and named.
///
/// # Errors
/// Nothing fits at all, a stored outcome is damaged, outcomes were computed in different arithmetics, or the folder cannot be written.
pub fn render_again(
    experiments: &[&'static Experiment],
    scale: Scale,
    seed: u64,
    out: &Path,
    console: &Arc<Console>,
) -> Result<Summary> {
    let mut summary: Option<Summary> = None;
    for experiment in experiments {
        let stored = outcome::load_any(&out.join(experiment.id))?
            .filter(|(identity, _)| (identity.scale, identity.seed) == (scale, seed));
        let Some((identity, mut outcome)) = stored else {
            console.notice(format_args!(
                "{}: nothing of {scale} scale and seed {seed} is stored",
                experiment.id
            ));
            continue;
        };
        outcome.title = experiment.title.into();
        outcome.question = experiment.question.into();
        outcome.mathematics = experiment.mathematics.into();
        outcome.shows = experiment.shows.into();
        outcome.source = experiment.source.into();
        let arithmetic = identity.arithmetic();
        let summary = summary.get_or_insert_with(|| Summary::empty(scale, seed, arithmetic));
        if summary.ledger.arithmetic != arithmetic {
            return Err(format!(
                "{} was computed with {arithmetic} and what stands before it with {}, which is not one run",
                experiment.id, summary.ledger.arithmetic
            )
            .into());
        }
        summary.add(outcome);
    }
    let summary = summary.ok_or_else(|| {
        format!(
            "nothing of {scale} scale and seed {seed} is stored in {}",
            out.display()
        )
    })?;
    write(&summary, experiments.len(), out)?;
    printed::closing(&summary, out, console);
    Ok(summary)
}

/// What an experiment is expected to take: nothing if its outcome is stored, what it took before, or its budget; at full scale nobody knows without a run before.
fn expected_seconds(experiment: &Experiment, options: &Options) -> Option<f64> {
    let before = outcome::seconds(&options.out.join(experiment.id))
        .filter(|(identity, _)| identity.scale == options.scale);
    match (before, options.scale) {
        (Some((identity, _)), _) if options.resume && identity == options.identity(experiment) => Some(0.0),
        (Some((_, seconds)), _) => Some(seconds),
        (None, Scale::Quick) => Some(experiment.budget_seconds.into()),
        (None, Scale::Full) => None,
    }
}

/// Takes an outcome from the disk, or makes it and stores it; answers whether it was made.
fn run_one(
    experiment: &'static Experiment,
    options: &Options,
    schedule: &Arc<Schedule>,
    pool: &ThreadPool,
    console: &Arc<Console>,
) -> Result<(Outcome, bool)> {
    let identity = options.identity(experiment);
    let folder = options.out.join(experiment.id);
    if options.resume {
        match outcome::load(&folder, &identity) {
            Ok(Some(outcome)) => {
                console.notice(format_args!("{}: taken from the stored outcome", experiment.id));
                return Ok((outcome, false));
            }
            Ok(None) => {}
            Err(damage) => console.notice(format_args!(
                "{}: the stored outcome is not used and the experiment runs again: {damage}",
                experiment.id
            )),
        }
    }
    claim_folder(&folder, &identity, options.resume)?;

    let progress = Progress::new(experiment.id, schedule, console);
    let cache = options.out.join(CACHE);
    let mut context = Context::new(experiment, identity.clone(), folder.clone(), cache, progress);
    let ran = catch_unwind(AssertUnwindSafe(|| {
        pool.install(|| (experiment.run)(&mut context))
    }));
    let error = match ran {
        Ok(Ok(())) => None,
        Ok(Err(reason)) => Some(reason.to_string()),
        Err(panic) => Some(format!("panicked: {}", message(panic.as_ref()))),
    };
    let outcome = context.finish(error);
    // An experiment that was stopped by an error is tried again by the next run, from its last checkpoint.
    if outcome.error.is_none() {
        outcome::store(&folder, &identity, &outcome)?;
        files::remove(&folder.join(CHECKPOINTS))?;
    }
    Ok((outcome, true))
}

/// Empties an experiment's folder and marks whose it is. Checkpoints stay if they are of the same identity and wanted.
fn claim_folder(folder: &Path, identity: &Identity, resume: bool) -> Result<(), Error> {
    let mark = folder.join(outcome::MARK);
    let text = serde_json::to_string(identity).map_err(|reason| {
        Error::format(
            mark.display().to_string(),
            reason,
            "an identity that JSON can hold",
        )
    })?;
    let is_ours = files::read_if_present(&mark)?.is_some_and(|stored| stored == text.as_bytes());
    files::create_folder(folder)?;
    outcome::clear(folder)?;
    if !(resume && is_ours) {
        files::remove(&folder.join(CHECKPOINTS))?;
        files::write_atomic(&mark, text.as_bytes())?;
    }
    Ok(())
}

/// The folders within a folder, in the order of their names.
fn folders_in(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let unread = |reason| Error::file(folder, "read", reason);
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

/// Whether there is such a folder with something in it.
fn has_entries(folder: &Path) -> Result<bool, Error> {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(reason) if reason.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(reason) => Err(Error::file(folder, "read", reason)),
    }
}

/// The text of a panic, where it has one.
fn message(panic: &(dyn Any + Send)) -> &str {
    (panic.downcast_ref::<&str>().copied())
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

/// Writes the ledger and the report of everything so far.
fn write(summary: &Summary, n_experiments: usize, out: &Path) -> Result<()> {
    let ledger = serde_json::to_string_pretty(&summary.ledger)?;
    files::write_atomic(&out.join("ledger.json"), format!("{ledger}\n").as_bytes())?;
    let page = report::render(&Page {
        summary,
        n_experiments,
        out,
    })?;
    files::write_atomic(&out.join("index.html"), page.as_bytes())?;
    Ok(())
}
