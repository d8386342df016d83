//! The report: one page that needs nothing but itself.
//!
//! It is built from outcomes alone. On top stands what was run and an overview of every claim with its margin; then a section per experiment: the question, the mathematics, the figures, the
//! numbers, the source, and the command that redoes it alone.
//!
//! There is no script, no font and no request to any network; a content-security policy
//! forbids what is not used. All text is escaped; formulas are MathML, figures our own SVG, whose text is escaped where it is written, and PNG
//! in base 64. The page is readable on a phone, on paper, on a wall, and on light and dark screens.

mod bar;
mod overview;
mod section;

use std::fmt::{Arguments, Write};
use std::path::Path;

use crate::Result;
use crate::ledger::Verdict;
use crate::runner::Summary;
use crate::text::escape;

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
const STYLE: &str = include_str!("report/report.css");

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
             <title>gibbsian: what was reproduced</title>\n<style>\n{}{STYLE}</style>\n</head>\n<body id=\"top\">\n",
            gibbsian_mathml::STYLE
        ),
    );
    overview::draw(&mut html, page);
    html.push_str("<main>\n");
    for (i, outcome) in page.summary.outcomes.iter().enumerate() {
        section::draw(&mut html, page, i + 1, outcome)?;
    }
    html.push_str("</main>\n</body>\n</html>\n");
    Ok(html)
}

/// Appends formatted text; writing to a string cannot fail.
fn put(html: &mut String, text: Arguments<'_>) {
    let _ = html.write_fmt(text);
}

/// Text as paragraphs, which blank lines separate.
fn paragraphs(html: &mut String, text: &str) {
    for paragraph in text.split("\n\n").map(str::trim).filter(|p| !p.is_empty()) {
        put(html, format_args!("<p>{}</p>\n", escape(paragraph)));
    }
}

/// A sign for a verdict that needs no colour.
fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✓",
        Verdict::Fail => "✗",
        Verdict::Skipped => "–",
    }
}
