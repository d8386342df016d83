//! The report: one page that needs nothing but itself.
//!
//! It is built from outcomes alone. There is no script, no font and no request to any network; a content-security policy
//! forbids what is not used. All text is escaped; figures are our own SVG, whose text is escaped where it is written, and PNG
//! in base 64. The page is readable on a phone, on paper, and on light and dark screens.

use std::fmt::{Arguments, Write};
use std::path::Path;

use crate::experiment::Scale;
use crate::ledger::{Counts, Verdict};
use crate::outcome::{Artefact, ClaimOutcome, Outcome};
use crate::runner::Summary;
use crate::text::{count, escape, expectation, number};
use crate::{Result, command, files};

/// What a page is made from.
pub struct Page<'a> {
    /// The outcomes so far.
    pub summary: &'a Summary,
    /// How many experiments the run has in all.
    pub n_experiments: usize,
    /// The folder that holds the experiments' folders.
    pub out: &'a Path,
}

const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";
const STYLE: &str = include_str!("report.css");

/// The page as HTML. The error names a figure that cannot be read.
pub fn render(page: &Page<'_>) -> Result<String> {
    let mut html = String::new();
    put(
        &mut html,
        format_args!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>gibbsian: what was reproduced</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
        ),
    );
    head(&mut html, page);
    ledger(&mut html, page.summary);
    for outcome in &page.summary.outcomes {
        experiment(&mut html, page, outcome)?;
    }
    html.push_str("</body>\n</html>\n");
    Ok(html)
}

/// Appends formatted text; writing to a string cannot fail.
fn put(html: &mut String, text: Arguments<'_>) {
    let _ = html.write_fmt(text);
}

fn head(html: &mut String, page: &Page<'_>) {
    let ledger = &page.summary.ledger;
    let counts = Counts::of(ledger.claims.iter().map(|entry| entry.verdict));
    let n_done = page.summary.outcomes.len();
    let so_far = if n_done < page.n_experiments {
        format!(
            " The run is not over: {n_done} of {} so far.",
            count(page.n_experiments, "experiment")
        )
    } else {
        String::new()
    };
    put(
        html,
        format_args!(
            "<header>\n<h1>What was reproduced</h1>\n\
             <p class=\"quiet\">{} at {} scale with seed {}, products of binary states by {}.{so_far}</p>\n<ul class=\"counts\">\n",
            count(n_done, "experiment"),
            ledger.scale,
            ledger.seed,
            ledger.arithmetic
        ),
    );
    for (verdict, n, name) in [
        (Verdict::Pass, counts.passed, "passed"),
        (Verdict::Fail, counts.failed, "failed"),
        (Verdict::Skipped, counts.skipped, "skipped"),
    ] {
        put(
            html,
            format_args!(
                "<li class=\"{}\"><strong>{n}</strong> {name}</li>\n",
                verdict.name()
            ),
        );
    }
    html.push_str(
        "</ul>\n<p class=\"quiet\">A claim passes if its measurement lies within the tolerance of what was expected, \
         both written down before the run; an interval includes its ends. A skipped claim has no small form and is measured \
         with <code>--full</code>.</p>\n</header>\n",
    );
}

/// All claims of all experiments.
fn ledger(html: &mut String, summary: &Summary) {
    html.push_str(
        "<table>\n<caption>All claims</caption>\n<thead><tr><th scope=\"col\">Verdict</th><th scope=\"col\">Experiment</th>\
         <th scope=\"col\">Claim</th><th scope=\"col\">Expected</th><th scope=\"col\">Measured</th>\
         <th scope=\"col\">Provenance</th></tr></thead>\n<tbody>\n",
    );
    for claim in summary.outcomes.iter().flat_map(|outcome| &outcome.claims) {
        let entry = &claim.entry;
        let id = escape(&entry.experiment);
        put(
            html,
            format_args!(
                "<tr>{}<td><a href=\"#{id}\">{id}</a></td><td>{}</td>{}<td data-label=\"Provenance\">{}</td></tr>\n",
                verdict(entry.verdict),
                escape(&entry.claim),
                numbers(claim),
                entry.provenance
            ),
        );
    }
    html.push_str("</tbody>\n</table>\n");
}

fn experiment(html: &mut String, page: &Page<'_>, outcome: &Outcome) -> Result<()> {
    let id = escape(&outcome.id);
    put(
        html,
        format_args!("<section id=\"{id}\">\n<h2>{}</h2>\n", escape(&outcome.title)),
    );
    put(
        html,
        format_args!(
            "<p class=\"quiet\"><code>{id}</code> · {}</p>\n",
            escape(&outcome.source)
        ),
    );
    paragraphs(html, &outcome.shows);
    if let Some(error) = &outcome.error {
        put(
            html,
            format_args!("<p class=\"fail\">Stopped by an error: {}</p>\n", escape(error)),
        );
    }
    claims(html, outcome);
    if !outcome.notes.is_empty() {
        html.push_str("<h3>Found</h3>\n");
        for note in &outcome.notes {
            paragraphs(html, note);
        }
    }
    if !outcome.figures.is_empty() {
        html.push_str("<div class=\"figures\">\n");
        for artefact in &outcome.figures {
            figure(html, page, outcome, artefact)?;
        }
        html.push_str("</div>\n");
    }
    if !outcome.tables.is_empty() {
        html.push_str("<h3>Files beside this page</h3>\n<ul>\n");
        for table in &outcome.tables {
            put(
                html,
                format_args!(
                    "<li><code>{id}/{}</code>: {}</li>\n",
                    escape(&table.file),
                    escape(&table.caption)
                ),
            );
        }
        html.push_str("</ul>\n");
    }
    put(
        html,
        format_args!(
            "<h3>To redo it alone</h3>\n<pre><code>{}</code></pre>\n</section>\n",
            redo(page, &id)
        ),
    );
    Ok(())
}

/// The claims of one experiment, with sources, reasons and times.
fn claims(html: &mut String, outcome: &Outcome) {
    put(
        html,
        format_args!(
            "<table>\n<caption>{:.1} seconds; the budget of a quick run is {} seconds</caption>\n<thead><tr>\
             <th scope=\"col\">Verdict</th><th scope=\"col\">Claim</th><th scope=\"col\">Expected</th>\
             <th scope=\"col\">Measured</th><th scope=\"col\">Reason for the tolerance</th><th scope=\"col\">Source</th>\
             <th scope=\"col\">Seconds</th></tr></thead>\n<tbody>\n",
            outcome.seconds, outcome.budget_seconds
        ),
    );
    for claim in &outcome.claims {
        let entry = &claim.entry;
        let note = (claim.note.as_ref()).map_or(String::new(), |note| {
            format!("<span class=\"note\">{}</span>", escape(note))
        });
        put(
            html,
            format_args!(
                "<tr>{}<td>{}{note}</td>{}<td data-label=\"Because\">{}</td><td data-label=\"Source\">{} ({})</td>\
                 <td class=\"number\" data-label=\"Seconds\">{:.1}</td></tr>\n",
                verdict(entry.verdict),
                escape(&entry.claim),
                numbers(claim),
                escape(&claim.reason),
                escape(&entry.source),
                entry.provenance,
                entry.seconds
            ),
        );
    }
    html.push_str("</tbody>\n</table>\n");
}

fn verdict(verdict: Verdict) -> String {
    let name = verdict.name();
    format!("<td class=\"verdict {name}\">{name}</td>")
}

/// The cells of what was expected and what was measured.
fn numbers(claim: &ClaimOutcome) -> String {
    format!(
        "<td class=\"number\" data-label=\"Expected\">{}</td><td class=\"number\" data-label=\"Measured\">{}</td>",
        escape(&expectation(&claim.entry.expected, claim.entry.tolerance)),
        claim.entry.measured.map_or("–".into(), number)
    )
}

fn paragraphs(html: &mut String, text: &str) {
    for paragraph in text.split("\n\n").map(str::trim).filter(|p| !p.is_empty()) {
        put(html, format_args!("<p>{}</p>\n", escape(paragraph)));
    }
}

fn figure(html: &mut String, page: &Page<'_>, outcome: &Outcome, artefact: &Artefact) -> Result<()> {
    let path = page.out.join(&outcome.id).join(&artefact.file);
    let bytes =
        files::read_if_present(&path)?.ok_or_else(|| format!("the figure {} is gone", path.display()))?;
    let caption = escape(&artefact.caption);
    html.push_str("<figure>\n");
    if artefact.file.ends_with(".svg") {
        html.push_str(std::str::from_utf8(&bytes)?);
    } else {
        let (width, height) = artefact.size.unwrap_or_default();
        put(
            html,
            format_args!(
                "<img src=\"data:image/png;base64,{}\" width=\"{width}\" height=\"{height}\" alt=\"{caption}\">\n",
                crate::text::base64(&bytes)
            ),
        );
    }
    put(
        html,
        format_args!("<figcaption>{caption}</figcaption>\n</figure>\n"),
    );
    Ok(())
}

/// The command that runs this experiment alone, with the same results.
fn redo(page: &Page<'_>, id: &str) -> String {
    let ledger = &page.summary.ledger;
    let mut command = format!("cargo xtask reproduce {id}");
    if ledger.scale == Scale::Full {
        command.push_str(" --full");
    }
    if ledger.seed != command::DEFAULT_SEED {
        put(&mut command, format_args!(" --seed {}", ledger.seed));
    }
    command
}
