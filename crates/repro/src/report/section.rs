//! One experiment: the question, the mathematics, the figures, the numbers, the source, and how to redo it.

use super::{Page, bar, paragraphs, put, sign};
use crate::experiment::Scale;
use crate::ledger::Verdict;
use crate::margin::Margin;
use crate::outcome::{Artefact, ClaimOutcome, Outcome};
use crate::text::{base64, escape, expectation, number, significant};
use crate::{Result, command, files};

/// Draws the section of the experiment of this place, counted from 1.
pub(super) fn draw(html: &mut String, page: &Page<'_>, place: usize, outcome: &Outcome) -> Result<()> {
    let id = escape(&outcome.id);
    put(
        html,
        format_args!(
            "<section class=\"experiment\" id=\"{id}\">\n<h2><span class=\"place\">{place}</span> {}</h2>\n<p class=\"question\">{}</p>\n",
            escape(&outcome.title),
            escape(&outcome.question)
        ),
    );
    if let Some(error) = &outcome.error {
        put(
            html,
            format_args!("<p class=\"fail\">Stopped by an error: {}</p>\n", escape(error)),
        );
    }
    let (first, others) = match outcome.figures.split_first() {
        Some((first, others)) => (Some(first), others),
        None => (None, &[][..]),
    };
    html.push_str("<div class=\"lead\">\n<div class=\"mathematics\">\n");
    mathematics(html, &outcome.mathematics);
    html.push_str("</div>\n");
    if let Some(artefact) = first {
        figure(html, page, outcome, artefact)?;
    }
    html.push_str("</div>\n<div class=\"prose\">\n");
    paragraphs(html, &outcome.shows);
    html.push_str("</div>\n");
    claims(html, &id, outcome);
    if !others.is_empty() {
        html.push_str("<div class=\"figures\">\n");
        for artefact in others {
            figure(html, page, outcome, artefact)?;
        }
        html.push_str("</div>\n");
    }
    if !outcome.notes.is_empty() {
        html.push_str("<h3>Found</h3>\n<div class=\"prose\">\n");
        for note in &outcome.notes {
            paragraphs(html, note);
        }
        html.push_str("</div>\n");
    }
    colophon(html, page, &id, outcome);
    html.push_str("</section>\n");
    Ok(())
}

/// The law, with its formulas as MathML. A formula that cannot be read is said and shown as it was written: a page of many results is not given up for it.
fn mathematics(html: &mut String, text: &str) {
    for paragraph in text.split("\n\n").map(str::trim).filter(|p| !p.is_empty()) {
        match gibbsian_mathml::to_html(paragraph) {
            Ok(markup) => put(html, format_args!("<p>{markup}</p>\n")),
            Err(why) => put(
                html,
                format_args!(
                    "<p class=\"fail\">{}</p>\n<p>{}</p>\n",
                    escape(&why.to_string()),
                    escape(paragraph)
                ),
            ),
        }
    }
}

/// The claims of one experiment, with reasons, sources and times.
fn claims(html: &mut String, id: &str, outcome: &Outcome) {
    html.push_str(
        "<table class=\"claims\">\n<thead><tr><th scope=\"col\">Verdict</th><th scope=\"col\">Claim</th>\
         <th scope=\"col\">Expected</th><th scope=\"col\">Measured</th><th scope=\"col\">Margin</th></tr></thead>\n<tbody>\n",
    );
    for (i, claim) in outcome.claims.iter().enumerate() {
        let entry = &claim.entry;
        let note = (claim.note.as_ref()).map_or(String::new(), |note| {
            format!("<span class=\"note\">{}</span>", escape(note))
        });
        let verdict = entry.verdict;
        put(
            html,
            format_args!(
                "<tr id=\"{id}-{}\"><td class=\"verdict {name}\"><span aria-hidden=\"true\">{}</span> {name}</td><td>{}{note}\
                 <span class=\"why\">Tolerance: {}. Source: {} ({}).{}</span></td>\
                 <td class=\"number\" data-label=\"Expected\">{}</td><td class=\"number\" data-label=\"Measured\">{}</td>\
                 <td class=\"margin {name}\" data-label=\"Margin\">{}<span>{}</span></td></tr>\n",
                i + 1,
                sign(verdict),
                escape(&entry.claim),
                escape(claim.reason.trim_end_matches('.')),
                escape(entry.source.trim_end_matches('.')),
                entry.provenance,
                seconds(entry.seconds),
                escape(&expectation(&entry.expected, entry.tolerance)),
                escape(&measurement(claim)),
                bar::svg(claim),
                escape(&margin(claim)),
                name = verdict.name()
            ),
        );
    }
    html.push_str("</tbody>\n</table>\n");
}

/// A time that is worth a word.
fn seconds(seconds: f64) -> String {
    if seconds < 0.05 {
        String::new()
    } else {
        format!(" {seconds:.1}&#8239;s.")
    }
}

/// What was measured, with its standard error where it has one.
fn measurement(claim: &ClaimOutcome) -> String {
    match (claim.entry.measured, claim.standard_error) {
        (None, _) => "–".into(),
        (Some(measured), None) => number(measured),
        (Some(measured), Some(error)) => format!("{} (se {})", number(measured), significant(error, 2)),
    }
}

fn margin(claim: &ClaimOutcome) -> String {
    match Margin::of(claim) {
        Some(margin) => margin.long(),
        None if claim.entry.verdict == Verdict::Skipped => "full scale only".into(),
        None => "none".into(),
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
                base64(&bytes)
            ),
        );
    }
    put(
        html,
        format_args!("<figcaption>{caption}</figcaption>\n</figure>\n"),
    );
    Ok(())
}

/// The source, the files, the time, and the command that runs this experiment alone, with the same results.
fn colophon(html: &mut String, page: &Page<'_>, id: &str, outcome: &Outcome) {
    let ledger = &page.summary.ledger;
    let mut redo = format!("cargo xtask reproduce {id}");
    if ledger.scale == Scale::Full {
        redo.push_str(" --full");
    }
    if ledger.seed != command::DEFAULT_SEED {
        put(&mut redo, format_args!(" --seed {}", ledger.seed));
    }
    put(
        html,
        format_args!("<dl>\n<dt>Source</dt><dd>{}</dd>\n", escape(&outcome.source)),
    );
    if !outcome.tables.is_empty() {
        html.push_str("<dt>Files beside this page</dt><dd><ul>\n");
        for table in &outcome.tables {
            let file = escape(&table.file);
            put(
                html,
                format_args!(
                    "<li><a href=\"{id}/{file}\"><code>{id}/{file}</code></a>: {}</li>\n",
                    escape(&table.caption)
                ),
            );
        }
        html.push_str("</ul></dd>\n");
    }
    let seconds = outcome.seconds;
    let time = match ledger.scale {
        Scale::Quick => format!(
            "{seconds:.1} s{} the budget of {} s",
            if outcome.is_late() { ", over" } else { " of" },
            outcome.budget_seconds
        ),
        Scale::Full => format!("{seconds:.1} s"),
    };
    put(
        html,
        format_args!(
            "<dt>To redo it alone</dt><dd><code>{redo}</code> ({time})</dd>\n</dl>\n<p class=\"back\"><a href=\"#overview\">Overview</a></p>\n"
        ),
    );
}
