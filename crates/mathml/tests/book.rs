//! The book as a whole: every chapter is in the table of contents and among the tests, every link leads somewhere, every formula has MathML.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use gibbsian_mathml::to_markdown_html;

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src")
}

/// The chapters, as paths below `src`.
fn chapters() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(source().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") && path != Path::new("SUMMARY.md") {
                found.insert(path.to_str().unwrap().replace('\\', "/"));
            }
        }
    }
    found
}

fn text(chapter: &str) -> String {
    fs::read_to_string(source().join(chapter)).unwrap()
}

/// A text without what stands in code, where a bracket is no link and a sign of number no title.
fn prose(text: &str) -> String {
    let mut out = String::new();
    let mut is_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            // What stands between backticks has the odd places.
            out.extend(line.split('`').step_by(2));
            out.push('\n');
        }
    }
    out
}

/// The targets of links and pictures.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let ends = prose.match_indices("](").map(|(at, _)| &prose[at + 2..]);
    ends.filter_map(|rest| Some(rest[..rest.find(')')?].to_owned()))
        .collect()
}

/// The names by which titles of a chapter can be linked to. A hidden line of a program begins with the sign of a title and is none.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut is_code = false;
    for line in text.lines() {
        is_code ^= line.trim_start().starts_with("```");
        if !is_code && line.starts_with('#') {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = (title.chars()).filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            found.insert(kept.map(|c| if c == ' ' { '-' } else { c }).collect());
        }
    }
    found
}

#[test]
fn the_table_of_contents_and_the_tests_have_every_chapter() {
    let expected = chapters();
    let listed: BTreeSet<String> = links(&text("SUMMARY.md")).into_iter().collect();
    assert_eq!(listed, expected, "SUMMARY.md");

    let tests = fs::read_to_string(source().join("../../crates/gibbsian/src/book.rs")).unwrap();
    let included: BTreeSet<String> = (tests.lines())
        .filter_map(|line| line.split_once("/book/src/"))
        .map(|(_, rest)| rest.trim_end_matches("\")]").to_owned())
        .collect();
    assert_eq!(included, expected, "crates/gibbsian/src/book.rs");
}

#[test]
fn every_link_leads_somewhere() {
    for chapter in chapters() {
        for link in links(&text(&chapter)) {
            if link.starts_with("http") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let folder = Path::new(&chapter).parent().unwrap();
            let path = if file.is_empty() {
                PathBuf::from(&chapter)
            } else {
                folder.join(file)
            };
            assert!(source().join(&path).is_file(), "{chapter}: {link}");
            if !anchor.is_empty() {
                let there = fs::read_to_string(source().join(&path)).unwrap();
                assert!(
                    anchors(&there).contains(anchor),
                    "{chapter}: {link} of {:?}",
                    anchors(&there)
                );
            }
        }
    }
}

#[test]
fn every_picture_is_shown_and_described() {
    let mut shown = BTreeSet::new();
    for chapter in chapters() {
        let text = text(&chapter);
        for (at, _) in prose(&text).match_indices("![") {
            let prose = prose(&text);
            let (words, rest) = prose[at + 2..].split_once("](").unwrap();
            assert!(
                words.len() >= 20,
                "{chapter}: {words:?} does not say what is seen"
            );
            let folder = Path::new(&chapter).parent().unwrap();
            shown.insert(folder.join(&rest[..rest.find(')').unwrap()]));
        }
    }
    for entry in fs::read_dir(source().join("figures")).unwrap() {
        let path = Path::new("figures").join(entry.unwrap().file_name());
        let beside = Path::new("coming_from/..").join(&path);
        assert!(
            shown.contains(&path) || shown.contains(&beside),
            "{} is shown nowhere",
            path.display()
        );
    }
}

#[test]
fn every_formula_has_mathml() {
    for chapter in chapters() {
        if let Err(reason) = to_markdown_html(&text(&chapter)) {
            panic!("{chapter}: {reason}");
        }
    }
}

#[test]
fn programs_say_in_which_language_they_are() {
    for chapter in chapters() {
        let mut is_code = false;
        for (number, line) in text(&chapter).lines().enumerate() {
            if let Some(language) = line.trim_start().strip_prefix("```") {
                let known = ["rust", "text", "console", "python", "toml", "csv"];
                assert!(
                    is_code || known.contains(&language),
                    "{chapter}:{}: {line}",
                    number + 1
                );
                is_code = !is_code;
            }
        }
        assert!(!is_code, "{chapter}: a block of code does not end");
    }
}

#[test]
fn the_book_has_the_style_of_formulas() {
    let css = fs::read_to_string(source().join("../theme/mathml.css")).unwrap();
    assert_eq!(
        css,
        gibbsian_mathml::STYLE,
        "copy crates/mathml/src/mathml.css to book/theme"
    );
}

#[test]
fn no_chapter_is_a_placeholder() {
    for chapter in chapters() {
        let n_lines = text(&chapter).lines().count();
        assert!(n_lines >= 40, "{chapter} has {n_lines} lines");
    }
}
