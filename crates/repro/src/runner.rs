//! Runs experiments one after the other and writes what they leave.
//!
//! Under the output folder there are `index.html` and `ledger.json`, rewritten after every experiment, and one folder per
//! experiment with its figures, its tables and its stored outcome. Without `resume` nothing of an earlier run is used.
//! With it, an experiment whose stored outcome is whole and of the same scale, seed and program is taken from the disk, and
//! one that was interrupted finds its checkpoints.
//!
//! An experiment that returns an error or panics fails the claim "runs to the end"; the others still run.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gibbsian_core::Error;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::console::Console;
use crate::context::{CHECKPOINTS, Context};
use crate::experiment::{Experiment, Scale};
use crate::ledger::{Counts, Ledger};
use crate::outcome::{self, ClaimOutcome, Identity, Outcome};
use crate::progress::Progress;
use crate::report::{self, Page};
use crate::{Result, files, text};

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

impl Summary {
    /// Whether no claim failed.
    pub fn holds(&self) -> bool {
        self.outcomes.iter().all(Outcome::holds)
    }
}

/// The folder, beside those of the experiments, of what experiments share.
pub(crate) const CACHE: &str = "cache";

/// Proves before any work that the output folder can be written into, making it if need be.
pub fn prepare(out: &Path) -> Result<(), Error> {
    files::create_folder(out)?;
    let probe = out.join(".probe");
    files::write_atomic(&probe, b"")?;
    files::remove(&probe)
}

/// Runs experiments in order.
///
/// # Errors
/// Only what is no experiment's fault: the threads cannot be started, or the output folder cannot be written.
pub fn run(
    experiments: &[&'static Experiment],
    options: &Options,
    console: &Arc<Console>,
) -> Result<Summary> {
    prepare(&options.out)?;
    let pool = ThreadPoolBuilder::new()
        .num_threads(options.threads.unwrap_or(0))
        .thread_name(|i| format!("gibbsian-{i}"))
        // Experiments run on a thread of the pool; this is what they would have on a main thread.
        .stack_size(8 << 20)
        .build()
        .map_err(|reason| format!("cannot start the threads: {reason}"))?;
    for stale in ["index.html", "ledger.json"] {
        files::remove(&options.out.join(stale))?;
    }
    if !options.resume {
        files::remove(&options.out.join(CACHE))?;
    }
    files::create_folder(&options.out.join(CACHE))?;

    let mut summary = Summary {
        ledger: Ledger {
            scale: options.scale,
            seed: options.seed,
            arithmetic: options.arithmetic.clone(),
            claims: Vec::new(),
        },
        outcomes: Vec::new(),
    };
    for experiment in experiments {
        console.say(format_args!(
            "{}: {} ({} scale)",
            experiment.id, experiment.title, options.scale
        ));
        let outcome = run_one(experiment, options, &pool, console)?;
        print(&outcome, options, console);
        summary
            .ledger
            .claims
            .extend(outcome.claims.iter().map(|c| c.entry.clone()));
        summary.outcomes.push(outcome);
        write(&summary, experiments.len(), options)?;
    }
    let counts = Counts::of(summary.ledger.claims.iter().map(|entry| entry.verdict));
    console.say(format_args!(
        "{} passed, {} failed, {} skipped in {}",
        counts.passed,
        counts.failed,
        counts.skipped,
        text::count(summary.outcomes.len(), "experiment")
    ));
    console.say(format_args!(
        "report: {}",
        options.out.join("index.html").display()
    ));
    Ok(summary)
}

/// Takes an outcome from the disk, or makes it and stores it.
fn run_one(
    experiment: &'static Experiment,
    options: &Options,
    pool: &ThreadPool,
    console: &Arc<Console>,
) -> Result<Outcome> {
    let identity = Identity {
        experiment: experiment.id.into(),
        scale: options.scale,
        seed: options.seed,
        fingerprint: options.fingerprint.clone(),
    };
    let folder = options.out.join(experiment.id);
    if options.resume {
        match outcome::load(&folder, &identity) {
            Ok(Some(outcome)) => {
                console.notice(format_args!("{}: taken from the stored outcome", experiment.id));
                return Ok(outcome);
            }
            Ok(None) => {}
            Err(damage) => console.notice(format_args!(
                "{}: the stored outcome is not used and the experiment runs again: {damage}",
                experiment.id
            )),
        }
    }
    claim_folder(&folder, &identity, options.resume)?;

    let progress = Progress::new(experiment.id, console);
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
    Ok(outcome)
}

/// Empties an experiment's folder and marks whose it is. Checkpoints stay if they are of the same identity and wanted.
fn claim_folder(folder: &Path, identity: &Identity, resume: bool) -> Result<(), Error> {
    let mark = folder.join("identity.json");
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

/// The text of a panic, where it has one.
fn message(panic: &(dyn Any + Send)) -> &str {
    (panic.downcast_ref::<&str>().copied())
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

fn print(outcome: &Outcome, options: &Options, console: &Console) {
    for ClaimOutcome { entry, note, .. } in &outcome.claims {
        let note = note.as_ref().map_or(String::new(), |note| format!(" ({note})"));
        console.say(format_args!(
            "  {:7} {}: measured {}, expected {}{note}",
            entry.verdict.name(),
            entry.claim,
            entry.measured.map_or("nothing".into(), text::number),
            text::expectation(&entry.expected, entry.tolerance),
        ));
    }
    let seconds = outcome.seconds;
    console.say(match options.scale {
        Scale::Full => format!("  {seconds:.1} s"),
        Scale::Quick if seconds <= f64::from(outcome.budget_seconds) => {
            format!("  {seconds:.1} s of a budget of {} s", outcome.budget_seconds)
        }
        Scale::Quick => format!(
            "  {seconds:.1} s: over the budget of {} s",
            outcome.budget_seconds
        ),
    });
}

/// Writes the ledger and the report of everything so far.
fn write(summary: &Summary, n_experiments: usize, options: &Options) -> Result<()> {
    let ledger = serde_json::to_string_pretty(&summary.ledger)?;
    files::write_atomic(&options.out.join("ledger.json"), format!("{ledger}\n").as_bytes())?;
    let page = report::render(&Page {
        summary,
        n_experiments,
        out: &options.out,
    })?;
    files::write_atomic(&options.out.join("index.html"), page.as_bytes())?;
    Ok(())
}
