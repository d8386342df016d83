//! What the book prints is what the program says: the commands of a chapter are run in order and their answers compared with the printed ones.
//!
//! Words have to agree. Numbers may differ by two fifths or 0.5, because single precision rounds differently on processors with other instructions and training amplifies it; a number of steps, rows or
//! units that has changed is off by more.

use std::path::{Path, PathBuf};

use crate::common::Place;

/// Options whose value is a file of the reader's.
const FILES: [&str; 3] = ["--out", "--figure", "--data"];
/// Options whose value is not a file.
const VALUES: [&str; 5] = ["--set", "--n", "--seed", "--draws", "--time-limit"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A block of commands, or of an answer to one of the commands of the block before it.
enum Block {
    Commands(Vec<String>),
    Answer(String),
}

/// The blocks of consoles and plain text of a chapter.
fn blocks(chapter: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = chapter.lines();
    while let Some(line) = lines.next() {
        let fence = line.trim();
        if !fence.starts_with("```") {
            continue;
        }
        let inside: Vec<&str> = lines.by_ref().take_while(|l| l.trim() != "```").collect();
        match fence {
            "```console" => found.push(Block::Commands(
                (inside.iter())
                    .map(|l| l.trim_start_matches("$ ").to_owned())
                    .collect(),
            )),
            "```text" => found.push(Block::Answer(inside.join("\n"))),
            _ => {}
        }
    }
    found
}

/// Runs a printed command in a folder of its own; data come from the clone.
fn run(place: &Place, command: &str) -> String {
    let (command, to) = match command.split_once('>') {
        Some((command, file)) => (command, Some(file.trim())),
        None => (command, None),
    };
    let mut words = command.split_whitespace().skip(1);
    let subcommand = words.next().expect("a subcommand");
    let mut line = vec![subcommand.to_owned()];
    if subcommand == "new" {
        line.push(words.next().expect("a kind").to_owned());
    }
    let mut before = "";
    for word in words {
        let is_file = !word.starts_with("--") && (FILES.contains(&before) || !VALUES.contains(&before));
        line.push(match word.strip_prefix("data/") {
            Some(_) if is_file => root().join(word).display().to_string(),
            None if is_file => format!("@{word}"),
            _ => word.to_owned(),
        });
        before = word;
    }
    // A run lies in a folder with the name of its configuration, beside where the reader stands; a test stands elsewhere.
    if subcommand == "train" && !line.iter().any(|word| word == "--out") {
        let name = line[1].strip_suffix(".toml").expect("a configuration").to_owned();
        line.extend(["--out".to_owned(), name]);
    }
    let answer = place.run(&line.join(" ")).fine();
    if let Some(file) = to {
        place.write(file, &answer.out);
    }
    // A book has no use for progress, which is a bar on a terminal.
    let is_progress = |line: &&str| {
        ["training ", "Gibbs sweeps"].iter().any(|s| line.starts_with(s)) || line.ends_with("...")
    };
    let said: Vec<&str> = (answer.err.lines().filter(|line| !is_progress(line)))
        .chain(answer.out.lines())
        .collect();
    let said = said.join("\n");
    place
        .anonymous(&said)
        .replace(&format!("{}/", root().display()), "")
}

fn is_same(printed: &str, said: &str) -> bool {
    let number = |word: &str| word.trim_matches(|c| "[](),;:%".contains(c)).parse::<f64>().ok();
    match (number(printed), number(said)) {
        (Some(a), Some(b)) => (a - b).abs() <= f64::max(0.5, 0.4 * a.abs()),
        _ => printed == said,
    }
}

/// Requires the pieces of a printed answer, between ellipses, in what was said.
fn compare(command: &str, printed: &str, said: &str) {
    let words: Vec<&str> = said.split_whitespace().collect();
    let mut from = 0;
    for piece in printed.split('…') {
        let piece: Vec<&str> = piece.split_whitespace().collect();
        let at = (from..=words.len().saturating_sub(piece.len())).find(|at| {
            let there = words.iter().skip(*at);
            piece.iter().zip(there).filter(|(p, s)| is_same(p, s)).count() == piece.len()
        });
        match at {
            Some(at) => from = at + piece.len(),
            None => panic!(
                "`{command}` is printed to say\n{}\nand says\n{said}",
                piece.join(" ")
            ),
        }
    }
}

/// Runs the commands of this program in a chapter; returns how many answers were compared.
fn follow(name: &str, chapter: &str) -> usize {
    let place = Place::new(name);
    let (mut said, mut n_compared) = (Vec::new(), 0);
    for block in blocks(chapter) {
        match block {
            Block::Commands(commands) => {
                let ours = commands.into_iter().filter(|c| c.starts_with("gibbsian "));
                said = ours.map(|command| (run(&place, &command), command)).collect();
            }
            Block::Answer(printed) if !said.is_empty() => {
                let (answers, commands): (Vec<_>, Vec<_>) = said.iter().cloned().unzip();
                compare(&commands.join("; "), &printed, &answers.join("\n"));
                n_compared += 1;
            }
            Block::Answer(_) => {}
        }
    }
    n_compared
}

fn chapter(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn the_quick_start_says_what_it_prints() {
    assert_eq!(follow("quick-start", &chapter("book/src/quick_start.md")), 6);
}

#[test]
fn the_front_page_prints_commands_that_run() {
    follow("front-page", &chapter("README.md"));
}

#[test]
fn a_printed_answer_that_is_not_said_is_found() {
    let said = "391 rows to learn from, 44 held out\ntrained in 4000 steps";
    compare("train", "391 rows to learn\n    from, … 4001 steps", said);
    for wrong in ["800 steps", "391 rows … 391 rows", "390 lines"] {
        assert!(std::panic::catch_unwind(|| compare("train", wrong, said)).is_err());
    }
}
