//! The preprocessor that turns the formulas of the book into MathML.
//!
//! mdBook starts it twice: with `supports RENDERER`, which is answered by the exit code, and without arguments, with
//! `[context, book]` as JSON on standard input; the book comes back on standard output. A formula that cannot be read ends the build, with
//! the chapter, the line and the formula.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use gibbsian_mathml::to_markdown_html;
use serde_json::Value;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => match preprocess() {
            Ok(()) => ExitCode::SUCCESS,
            Err(reason) => failed(&reason),
        },
        // MathML is read by browsers; any other renderer gets the TeX as it stands.
        ["supports", "html"] => ExitCode::SUCCESS,
        ["supports", _] => ExitCode::FAILURE,
        _ => failed("mdBook starts this program; it takes `supports RENDERER`, or a book on standard input"),
    }
}

#[allow(clippy::print_stderr)] // Standard error is where mdBook shows what a preprocessor has to say.
fn failed(reason: &str) -> ExitCode {
    eprintln!("mdbook-mathml: {reason}");
    ExitCode::FAILURE
}

fn preprocess() -> Result<(), String> {
    let mut input = String::new();
    io::stdin()
        .read_to_string(&mut input)
        .map_err(|reason| format!("standard input: {reason}"))?;
    let mut input: Value =
        serde_json::from_str(&input).map_err(|reason| format!("standard input is no JSON: {reason}"))?;
    let Some(book) = input.get_mut(1) else {
        return Err("standard input is not [context, book]".into());
    };
    // mdBook 0.5 says `items`, 0.4 said `sections`.
    let items = if book.get("items").is_some() { "items" } else { "sections" };
    let Some(Value::Array(items)) = book.get_mut(items) else {
        return Err("the book has no list of chapters".into());
    };
    convert(items)?;
    io::stdout()
        .write_all(book.to_string().as_bytes())
        .map_err(|reason| format!("standard output: {reason}"))
}

/// Converts the chapters of a list and of the lists below them.
fn convert(items: &mut [Value]) -> Result<(), String> {
    for item in items {
        // Separators and titles of parts are items too.
        let Some(chapter) = item.get_mut("Chapter") else { continue };
        if let Some(Value::String(content)) = chapter.get("content") {
            let converted =
                to_markdown_html(content).map_err(|reason| format!("{}: {reason}", name(chapter)))?;
            chapter["content"] = Value::String(converted);
        }
        if let Some(Value::Array(below)) = chapter.get_mut("sub_items") {
            convert(below)?;
        }
    }
    Ok(())
}

/// The file of a chapter, or its title.
fn name(chapter: &Value) -> &str {
    (chapter.get("path").and_then(Value::as_str))
        .or(chapter.get("name").and_then(Value::as_str))
        .unwrap_or("a chapter")
}
