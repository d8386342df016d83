//! What a run prints: a line before every experiment, its claims after it, and a summary at the end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::console::Console;
use crate::experiment::{Experiment, Scale};
use crate::ledger::{Counts, Verdict};
use crate::margin::Margin;
use crate::outcome::{ClaimOutcome, Outcome};
use crate::progress::{in_words, run_left};
use crate::runner::{Options, Summary};
use crate::schedule::Schedule;
use crate::text;

/// How many claims with little to spare the summary names.
const N_CLOSEST: usize = 3;

/// Says what begins, and how far the run has come.
pub(crate) fn begin(experiment: &Experiment, options: &Options, schedule: &Schedule, console: &Arc<Console>) {
    let place = if schedule.n_experiments() > 1 {
        format!(
            "; {} of {}, {}",
            schedule.place(),
            schedule.n_experiments(),
            run_left(schedule)
        )
    } else {
        String::new()
    };
    console.say(format_args!(
        "{}: {} ({} scale{place})",
        experiment.id, experiment.title, options.scale
    ));
}

/// What became of a claim, in a line.
pub(crate) fn claim(outcome: &ClaimOutcome) -> String {
    let ClaimOutcome { entry, note, .. } = outcome;
    let note = note.as_ref().map_or(String::new(), |note| format!(" ({note})"));
    format!(
        "{:7} {}: measured {}, expected {}{note}",
        entry.verdict.name(),
        entry.claim,
        entry.measured.map_or("nothing".into(), text::number),
        text::expectation(&entry.expected, entry.tolerance),
    )
}

/// Says what became of an experiment's claims, and how long it took.
pub(crate) fn outcome(outcome: &Outcome, scale: Scale, console: &Console) {
    for outcome in &outcome.claims {
        console.say(format_args!("  {}", claim(outcome)));
    }
    let seconds = outcome.seconds;
    console.say(match scale {
        Scale::Full => format!("  {seconds:.1} s"),
        Scale::Quick if !outcome.is_late() => {
            format!("  {seconds:.1} s of a budget of {} s", outcome.budget_seconds)
        }
        Scale::Quick => format!(
            "  {seconds:.1} s: over the budget of {} s",
            outcome.budget_seconds
        ),
    });
}

/// Says what the run has found as a whole: the claims that failed, those with the least to spare, who took too long, and where the report is.
pub(crate) fn closing(summary: &Summary, out: &Path, console: &Console) {
    let counts = Counts::of(summary.ledger.claims.iter().map(|entry| entry.verdict));
    let seconds: f64 = summary.outcomes.iter().map(|outcome| outcome.seconds).sum();
    let budgets: u32 = summary
        .outcomes
        .iter()
        .map(|outcome| outcome.budget_seconds)
        .sum();
    let words = |seconds: f64| in_words(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    console.say(format_args!(
        "\n{} passed, {} failed, {} skipped in {}: {}{}",
        counts.passed,
        counts.failed,
        counts.skipped,
        text::count(summary.outcomes.len(), "experiment"),
        words(seconds),
        match summary.ledger.scale {
            Scale::Quick => format!(" of a budget of {}", words(budgets.into())),
            Scale::Full => String::new(),
        }
    ));
    let claims = || summary.outcomes.iter().flat_map(|outcome| &outcome.claims);
    for claim in claims().filter(|claim| claim.entry.verdict == Verdict::Fail) {
        let margin = Margin::of(claim).map_or(String::new(), |margin| format!(" ({})", margin.long()));
        console.say(format_args!(
            "  failed: {}: {}{margin}",
            claim.entry.experiment, claim.entry.claim
        ));
    }
    for (claim, margin) in closest(summary).into_iter().take(N_CLOSEST) {
        console.say(format_args!(
            "  closest: {}: {} ({})",
            claim.entry.experiment,
            claim.entry.claim,
            margin.long()
        ));
    }
    if summary.ledger.scale == Scale::Quick {
        for outcome in summary.outcomes.iter().filter(|outcome| outcome.is_late()) {
            console.say(format_args!(
                "  over its budget: {}: {:.1} s of {} s",
                outcome.id, outcome.seconds, outcome.budget_seconds
            ));
        }
    }
    console.say(format_args!("report: {}", out.join("index.html").display()));
}

/// The claims that passed and had something to spare, the closest first.
pub(crate) fn closest(summary: &Summary) -> Vec<(&ClaimOutcome, Margin)> {
    let mut claims: Vec<(&ClaimOutcome, Margin)> = (summary.outcomes.iter())
        .flat_map(|outcome| &outcome.claims)
        .filter(|claim| claim.entry.verdict == Verdict::Pass)
        .filter_map(|claim| Some((claim, Margin::of(claim)?)))
        .filter(|(_, margin)| margin.share.is_some())
        .collect();
    claims.sort_by(|(_, a), (_, b)| a.closeness().total_cmp(&b.closeness()));
    claims
}
