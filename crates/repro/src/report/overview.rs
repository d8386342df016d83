//! The top of the page: what was run, the contents, and every claim with its margin at a glance.

use std::time::Duration;

use super::{Page, bar, put, sign};
use crate::experiment::Scale;
use crate::ledger::{Counts, Verdict};
use crate::margin::Margin;
use crate::outcome::{ClaimOutcome, Outcome};
use crate::printed::closest;
use crate::progress::in_words;
use crate::text::{count, escape};

/// How many claims with little to spare are named.
const N_CLOSEST: usize = 5;

/// Draws the head of the page.
pub(super) fn draw(html: &mut String, page: &Page<'_>) {
    let ledger = &page.summary.ledger;
    let counts = Counts::of(ledger.claims.iter().map(|entry| entry.verdict));
    html.push_str("<header>\n<h1>What was reproduced</h1>\n");
    run(html, page);
    html.push_str("<ul class=\"counts\">\n");
    for (verdict, n, name) in [
        (Verdict::Pass, counts.passed, "passed"),
        (Verdict::Fail, counts.failed, "failed"),
        (Verdict::Skipped, counts.skipped, "skipped"),
    ] {
        put(
            html,
            format_args!(
                "<li class=\"{}\"><span aria-hidden=\"true\">{}</span> <strong>{n}</strong> {name}</li>\n",
                verdict.name(),
                sign(verdict)
            ),
        );
    }
    html.push_str("</ul>\n");
    contents(html, page);
    html.push_str("</header>\n");
    failed(html, page);
    table(html, page);
    reading(html, page);
}

/// A line that says what was run.
fn run(html: &mut String, page: &Page<'_>) {
    let (summary, ledger) = (page.summary, &page.summary.ledger);
    let n_done = summary.outcomes.len();
    let seconds: f64 = summary.outcomes.iter().map(|outcome| outcome.seconds).sum();
    let budget: u32 = summary
        .outcomes
        .iter()
        .map(|outcome| outcome.budget_seconds)
        .sum();
    let words = |seconds: f64| in_words(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    let time = match ledger.scale {
        Scale::Quick => format!("{} of a budget of {}", words(seconds), words(budget.into())),
        Scale::Full => words(seconds),
    };
    let arithmetic = match ledger.arithmetic.as_str() {
        "tiles" => "a matrix unit (tiles)".to_owned(),
        "lists" => "lists in single precision".to_owned(),
        other => escape(other),
    };
    put(
        html,
        format_args!(
            "<p class=\"run\">{} at <strong>{} scale</strong> with seed <strong>{}</strong>; products of binary states by {arithmetic}<span class=\"took\">; {time}</span>.",
            count(n_done, "experiment"),
            ledger.scale,
            ledger.seed
        ),
    );
    if n_done < page.n_experiments {
        put(
            html,
            format_args!(
                " <strong>The run is not over: {n_done} of {} so far.</strong>",
                count(page.n_experiments, "experiment")
            ),
        );
    }
    html.push_str("</p>\n");
}

fn contents(html: &mut String, page: &Page<'_>) {
    html.push_str(
        "<nav aria-label=\"Contents\">\n<p><a href=\"#overview\">Overview of all claims</a> · \
         <a href=\"#reading\">How to read it</a> · Experiments:</p>\n<ol>\n",
    );
    for outcome in &page.summary.outcomes {
        let id = escape(&outcome.id);
        put(html, format_args!("<li><a href=\"#{id}\">{id}</a></li>\n"));
    }
    html.push_str("</ol>\n</nav>\n");
}

/// The claims that failed, in full, before anything else.
fn failed(html: &mut String, page: &Page<'_>) {
    let claims: Vec<&ClaimOutcome> = (page.summary.outcomes.iter())
        .flat_map(|outcome| &outcome.claims)
        .filter(|claim| claim.entry.verdict == Verdict::Fail)
        .collect();
    if claims.is_empty() {
        return;
    }
    html.push_str("<section class=\"failed\" id=\"failed\">\n<h2>Failed</h2>\n<ul>\n");
    for claim in claims {
        let id = escape(&claim.entry.experiment);
        let margin =
            Margin::of(claim).map_or(String::new(), |margin| format!(" ({})", escape(&margin.long())));
        put(
            html,
            format_args!(
                "<li><a href=\"#{id}\">{id}</a>: {}{margin}</li>\n",
                escape(&claim.entry.claim)
            ),
        );
    }
    html.push_str("</ul>\n</section>\n");
}

/// One row an experiment, one cell a claim.
fn table(html: &mut String, page: &Page<'_>) {
    html.push_str(
        "<section id=\"overview\">\n<h2>Every claim and its margin</h2>\n<table class=\"overview\">\n<thead><tr>\
         <th scope=\"col\" class=\"place\">No.</th><th scope=\"col\">Experiment</th>\
         <th scope=\"col\">Claims: what is accepted (shaded), what was measured (mark), the margin</th>\
         <th scope=\"col\">Verdicts</th><th scope=\"col\">Time</th></tr></thead>\n<tbody>\n",
    );
    for (i, outcome) in page.summary.outcomes.iter().enumerate() {
        let id = escape(&outcome.id);
        put(
            html,
            format_args!(
                "<tr><td class=\"place\">{}</td><th scope=\"row\"><a href=\"#{id}\">{}</a></th><td class=\"cells\">",
                i + 1,
                escape(&outcome.title)
            ),
        );
        for (j, claim) in outcome.claims.iter().enumerate() {
            cell(html, &id, j + 1, claim);
        }
        html.push_str("</td>");
        verdicts(html, outcome);
        time(html, outcome, page.summary.ledger.scale);
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table>\n</section>\n");
}

fn cell(html: &mut String, id: &str, place: usize, claim: &ClaimOutcome) {
    let verdict = claim.entry.verdict;
    let margin = match Margin::of(claim) {
        Some(margin) => margin.short(),
        None if verdict == Verdict::Skipped => "full scale".into(),
        None => "–".into(),
    };
    put(
        html,
        format_args!(
            "<a class=\"cell {}\" href=\"#{id}-{place}\" title=\"{}: {}\">{}<span>{}{}</span></a>",
            verdict.name(),
            verdict.name(),
            escape(&claim.entry.claim),
            bar::svg(claim),
            if verdict == Verdict::Fail { "✗ " } else { "" },
            escape(&margin)
        ),
    );
}

fn verdicts(html: &mut String, outcome: &Outcome) {
    let counts = Counts::of(outcome.claims.iter().map(|claim| claim.entry.verdict));
    html.push_str("<td class=\"verdicts\">");
    for (verdict, n) in [
        (Verdict::Pass, counts.passed),
        (Verdict::Fail, counts.failed),
        (Verdict::Skipped, counts.skipped),
    ] {
        if n > 0 {
            put(
                html,
                format_args!(
                    "<span class=\"{0}\" title=\"{n} {0}\">{n}&#8239;{1}</span> ",
                    verdict.name(),
                    sign(verdict)
                ),
            );
        }
    }
    html.push_str("</td>");
}

/// The time that an experiment took, in a quick run beside its budget.
fn time(html: &mut String, outcome: &Outcome, scale: Scale) {
    let seconds = outcome.seconds;
    match scale {
        Scale::Full => put(
            html,
            format_args!(
                "<td class=\"time\">{}</td>",
                in_words(Duration::try_from_secs_f64(seconds).unwrap_or_default())
            ),
        ),
        Scale::Quick => {
            let budget = outcome.budget_seconds;
            let share = (seconds / f64::from(budget)).clamp(0.0, 1.25);
            let late = if outcome.is_late() { " late" } else { "" };
            put(
                html,
                format_args!(
                    "<td class=\"time{late}\"><span>{seconds:.1}&#8239;s of {budget}&#8239;s</span>\
                     <svg class=\"budget\" viewBox=\"0 0 64 6\" aria-hidden=\"true\"><path class=\"axis\" d=\"M0 3H50\"/>\
                     <path class=\"used\" d=\"M0 3H{:.1}\"/><path class=\"edge\" d=\"M50 0V6\"/></svg></td>",
                    50.0 * share
                ),
            );
        }
    }
}

/// What the signs mean, and who had the least to spare.
fn reading(html: &mut String, page: &Page<'_>) {
    html.push_str(
        "<section id=\"reading\" class=\"reading\">\n<h2>How to read it</h2>\n\
         <p>A claim is a sentence that could have come out false. What is expected and how far a measurement may lie from it were written down before the run, with a reason; \
         a measurement passes if it lies in that interval, ends included. A skipped claim has no small form and is measured with <code>--full</code>.</p>\n\
         <p>The <strong>margin</strong> is the distance from the measurement to the nearest end of what is accepted, negative outside. In per cent it is a share of half the width \
         where there are two ends, so that 100 % is the middle and 0 % an end; where there is one end, it is a share of the end’s own size, so that for an error that must not exceed a bound 100 % is no error at all. \
         “se” counts standard errors of the measurement; “exact” is a number that had to be met exactly, and was; where the end is zero, the margin is in the claim’s own unit.</p>\n",
    );
    let closest = closest(page.summary);
    if !closest.is_empty() {
        html.push_str(
            "<p>The least to spare, where a theorem may be attained and leave nothing:</p>\n<ul>\n",
        );
        for (claim, margin) in closest.into_iter().take(N_CLOSEST) {
            let id = escape(&claim.entry.experiment);
            put(
                html,
                format_args!(
                    "<li>{}: <a href=\"#{id}\">{id}</a>, {}</li>\n",
                    escape(&margin.long()),
                    escape(&claim.entry.claim)
                ),
            );
        }
        html.push_str("</ul>\n");
    }
    html.push_str("</section>\n");
}
