//! The preprocessor of the book: formulas become MathML, and drawings become a part of the page.
//!
//! A drawing in a file of its own is black on any ground. Within the page its axes and letters have the colour of the text, in the light and the dark themes. So a line that is nothing but a picture, and whose file is an
//! SVG, is replaced by the drawing itself.
//!
//! mdBook starts it twice: with `supports RENDERER`, which is answered by the exit code, and without arguments, with
//! `[context, book]` as JSON on standard input; the book comes back on standard output. A formula that cannot be read ends the build, with
//! the chapter, the line and the formula.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
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
    let source = source(&input[0]);
    let Some(book) = input.get_mut(1) else {
        return Err("standard input is not [context, book]".into());
    };
    // mdBook 0.5 says `items`, 0.4 said `sections`.
    let items = if book.get("items").is_some() {
        "items"
    } else {
        "sections"
    };
    let Some(Value::Array(items)) = book.get_mut(items) else {
        return Err("the book has no list of chapters".into());
    };
    convert(items, &source)?;
    io::stdout()
        .write_all(book.to_string().as_bytes())
        .map_err(|reason| format!("standard output: {reason}"))
}

/// The folder of the chapters, from the context.
fn source(context: &Value) -> PathBuf {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let folder = context
        .pointer("/config/book/src")
        .map_or_else(|| "src".into(), text);
    Path::new(&text(&context["root"])).join(folder)
}

/// Converts the chapters of a list and of the lists below them.
fn convert(items: &mut [Value], source: &Path) -> Result<(), String> {
    for item in items {
        // Separators and titles of parts are items too.
        let Some(chapter) = item.get_mut("Chapter") else {
            continue;
        };
        if let Some(Value::String(content)) = chapter.get("content") {
            let folder = Path::new(name(chapter)).parent().unwrap_or(Path::new(""));
            let converted = to_markdown_html(content)
                .map_err(|reason| reason.to_string())
                .and_then(|text| with_drawings(&text, &source.join(folder)))
                .map_err(|reason| format!("{}: {reason}", name(chapter)))?;
            chapter["content"] = Value::String(converted);
        }
        if let Some(Value::Array(below)) = chapter.get_mut("sub_items") {
            convert(below, source)?;
        }
    }
    Ok(())
}

/// The text with every line `![words](file.svg)` replaced by the drawing in that file; a screen reader says the words.
fn with_drawings(text: &str, folder: &Path) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let Some((words, file)) = drawing(line.trim_end()) else {
            out.push_str(line);
            continue;
        };
        let path = folder.join(file);
        let svg = std::fs::read_to_string(&path).map_err(|reason| format!("{}: {reason}", path.display()))?;
        let words = words
            .replace('&', "&amp;")
            .replace('"', "&quot;")
            .replace('<', "&lt;");
        out.push_str(&format!(
            "<div class=\"figure\" role=\"img\" aria-label=\"{words}\">\n"
        ));
        // An empty line would end the block.
        for line in svg.lines().filter(|line| !line.trim().is_empty()) {
            out.push_str(line);
            out.push('\n');
        }
        out.push_str("</div>\n");
    }
    Ok(out)
}

/// The words and the file of a line that is nothing but a picture of this kind.
fn drawing(line: &str) -> Option<(&str, &str)> {
    let (words, file) = line.strip_prefix("![")?.strip_suffix(')')?.split_once("](")?;
    file.ends_with(".svg").then_some((words, file))
}

/// The file of a chapter, or its title.
fn name(chapter: &Value) -> &str {
    (chapter.get("path").and_then(Value::as_str))
        .or(chapter.get("name").and_then(Value::as_str))
        .unwrap_or("a chapter")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_become_a_part_of_the_page() {
        let folder = std::env::temp_dir().join(format!("gibbsian-drawings-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("a.svg"), "<svg>\n\n<path/></svg>\n").unwrap();
        let text = "before\n\n![a \"b\" & c](a.svg)\n\nafter ![d](a.svg)\n![e](f.png)\n";
        let drawn = with_drawings(text, &folder).unwrap();
        let expected = "before\n\n<div class=\"figure\" role=\"img\" aria-label=\"a &quot;b&quot; &amp; c\">\n<svg>\n<path/></svg>\n</div>\n\nafter ![d](a.svg)\n![e](f.png)\n";
        assert_eq!(drawn, expected);
        assert!(
            with_drawings("![x](none.svg)", &folder)
                .unwrap_err()
                .contains("none.svg")
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn chapters_are_converted_at_every_depth() {
        let chapter = |content: &str, below: Value| serde_json::json!({"Chapter": {"name": "A", "path": "b/a.md", "content": content, "sub_items": below}});
        let inner = chapter("$y$", serde_json::json!([]));
        let mut items = vec![
            Value::String("Separator".into()),
            chapter("`$` $x$", Value::Array(vec![inner])),
        ];
        convert(&mut items, Path::new("nowhere")).unwrap();
        let content = |value: &Value| value["Chapter"]["content"].as_str().unwrap().to_owned();
        assert!(content(&items[1]).starts_with("`$` <math"));
        assert!(content(&items[1]["Chapter"]["sub_items"][0]).starts_with("<math"));
        let mut wrong = vec![chapter("a $", serde_json::json!([]))];
        assert!(
            convert(&mut wrong, Path::new("nowhere"))
                .unwrap_err()
                .starts_with("b/a.md: line 1")
        );
    }
}
