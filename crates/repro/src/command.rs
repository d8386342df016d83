//! The command line of the experiments.
//!
//! The arguments are few and are read by hand, so that every refusal names what was wrong and what is known.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use gibbsian_linalg::kernels::tiles::{self, Arithmetic};

use crate::console::Console;
use crate::experiment::{Experiment, Scale};
use crate::runner::{self, Options, Summary};
use crate::{Result, files};

/// What `--help` prints.
pub const USAGE: &str = include_str!("usage.txt");

/// The seed of a run that names none.
pub const DEFAULT_SEED: u64 = 1;

/// No claim failed.
pub const SUCCESS: u8 = 0;
/// A claim failed, an experiment was stopped by an error, or the results could not be written.
pub const FAILURE: u8 = 1;
/// Nothing was run: wrong usage, or an output folder that cannot be written into or holds a run of another scale.
pub const REFUSED: u8 = 2;

/// Reads the arguments (without the program's name), does what they ask, and returns the exit code.
pub fn main(
    arguments: impl IntoIterator<Item = OsString>,
    experiments: &[&'static Experiment],
    console: &Arc<Console>,
) -> u8 {
    let refuse = |why: &dyn std::fmt::Display| {
        console.notice(format_args!("error: {why}"));
        REFUSED
    };
    let request = match parse(arguments) {
        Ok(request) => request,
        Err(why) => return refuse(&format_args!("{why}\n\n{USAGE}")),
    };
    if request.help {
        console.say(USAGE.trim_end());
        return SUCCESS;
    }
    let chosen = match choose(&request.ids, experiments) {
        Ok(chosen) => chosen,
        Err(why) => return refuse(&why),
    };
    if chosen.is_empty() {
        return refuse(&"no experiment is registered, so there is nothing to list or to run");
    }
    if request.list {
        let width = chosen.iter().map(|e| e.id.len()).max().unwrap_or(0);
        for experiment in chosen {
            console.say(format_args!("{:width$}  {}", experiment.id, experiment.title));
        }
        return SUCCESS;
    }

    let out = request.out.unwrap_or_else(default_folder);
    if let Err(why) = runner::prepare(&out) {
        return refuse(&format_args!(
            "the output folder {} cannot be used: {why}",
            out.display()
        ));
    }
    let scale = if request.full { Scale::Full } else { Scale::Quick };
    let seed = request.seed.unwrap_or(DEFAULT_SEED);
    let verdict = |result: Result<Summary>| match result {
        Ok(summary) if summary.holds() => SUCCESS,
        Ok(_) => FAILURE,
        Err(why) => {
            console.notice(format_args!("error: {why}"));
            FAILURE
        }
    };
    if request.report {
        return verdict(runner::render_again(&chosen, scale, seed, &out, console));
    }
    tiles::allow(!request.portable);
    let fingerprint = match fingerprint() {
        Ok(fingerprint) => fingerprint,
        Err(why) => return refuse(&why),
    };
    let options = Options {
        scale,
        seed,
        threads: request.threads,
        out,
        resume: request.resume,
        arithmetic: arithmetic().to_owned(),
        fingerprint,
    };
    if let Err(why) = runner::check_scales(&chosen, &options) {
        return refuse(&why);
    }
    verdict(runner::run(&chosen, &options, console))
}

/// The workspace's `target/reproduce`, wherever the command was given.
fn default_folder() -> PathBuf {
    // `cargo run` names the package's folder at run time; a program started by hand remembers where it was built.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let mut folder = PathBuf::from(package);
    // The package is `crates/repro` in the workspace.
    folder.pop();
    folder.pop();
    folder.join("target").join("reproduce")
}

/// How products of binary states are computed in this run, which may be otherwise on another processor.
fn arithmetic() -> &'static str {
    if Arithmetic::Fastest.uses_tiles(true) {
        "tiles"
    } else {
        "lists"
    }
}

/// The hash of the running program, which a change of any experiment, of the library or of the compiler changes, and its arithmetic.
fn fingerprint() -> Result<String> {
    let program = std::env::current_exe().map_err(|why| format!("cannot find the running program: {why}"))?;
    let bytes = std::fs::read(&program).map_err(|why| format!("cannot read {}: {why}", program.display()))?;
    Ok(format!("{} {}", files::sha256(&bytes), arithmetic()))
}

#[derive(Debug, Default, PartialEq)]
struct Request {
    ids: Vec<String>,
    list: bool,
    full: bool,
    resume: bool,
    report: bool,
    portable: bool,
    help: bool,
    seed: Option<u64>,
    threads: Option<usize>,
    out: Option<PathBuf>,
}

const FLAGS: [&str; 9] = [
    "--list",
    "--full",
    "--seed",
    "--threads",
    "--out",
    "--resume",
    "--report",
    "--portable",
    "--help",
];

fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
    let mut request = Request::default();
    let mut arguments = arguments.into_iter();
    let mut flags_end = false;
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy().into_owned();
        if flags_end || !text.starts_with('-') {
            request.ids.push(text);
            continue;
        }
        if argument.to_str().is_none() {
            return Err(format!(
                "`{text}` is not UTF-8; give such a folder after a space: `--out DIR`"
            ));
        }
        let (flag, attached) = match text.split_once('=') {
            Some((flag, value)) => (flag, Some(OsString::from(value))),
            None => (text.as_str(), None),
        };
        let mut value = |what: &str| {
            (attached.clone().or_else(|| arguments.next()))
                .filter(|value| !value.is_empty())
                .ok_or_else(|| format!("`{flag}` needs {what}"))
        };
        match flag {
            "--" => flags_end = true,
            "--seed" => once(
                flag,
                &mut request.seed,
                whole(flag, &value("a whole number")?, 0, u64::MAX)?,
            )?,
            "--threads" => {
                let threads = whole(flag, &value("a number of threads")?, 1, 1024)? as usize;
                once(flag, &mut request.threads, threads)?;
            }
            "--out" => once(flag, &mut request.out, PathBuf::from(value("a folder")?))?,
            "--list" | "--full" | "--resume" | "--report" | "--portable" | "--help" | "-h" => {
                if attached.is_some() {
                    return Err(format!("`{flag}` takes no value"));
                }
                match flag {
                    "--list" => request.list = true,
                    "--full" => request.full = true,
                    "--resume" => request.resume = true,
                    "--report" => request.report = true,
                    "--portable" => request.portable = true,
                    _ => request.help = true,
                }
            }
            _ => {
                let hint =
                    nearest(flag, FLAGS).map_or(String::new(), |near| format!(" Did you mean `{near}`?"));
                return Err(format!(
                    "unknown flag `{flag}`.{hint} Known are {}.",
                    FLAGS.join(", ")
                ));
            }
        }
    }
    Ok(request)
}

fn once<T>(flag: &str, place: &mut Option<T>, value: T) -> Result<(), String> {
    if place.replace(value).is_some() {
        return Err(format!("`{flag}` is given twice"));
    }
    Ok(())
}

fn whole(flag: &str, value: &OsString, low: u64, high: u64) -> Result<u64, String> {
    let text = value.to_string_lossy();
    // `parse` alone would take a leading plus sign.
    (text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
        .filter(|n| (low..=high).contains(n))
        .ok_or_else(|| format!("`{flag}` is {text:?}, but must be a whole number from {low} to {high}"))
}

/// The experiments of these ids in the order of the registry, or all of them if no id is given.
fn choose(ids: &[String], experiments: &[&'static Experiment]) -> Result<Vec<&'static Experiment>, String> {
    for id in ids {
        if experiments.iter().any(|e| e.id == id) {
            continue;
        }
        let known: Vec<&str> = experiments.iter().map(|e| e.id).collect();
        if known.is_empty() {
            return Err(format!("unknown experiment `{id}`: no experiment is registered"));
        }
        let hint = nearest(id, known.iter().copied())
            .map_or(String::new(), |near| format!(" Did you mean `{near}`?"));
        return Err(format!(
            "unknown experiment `{id}`.{hint} Known are {}.",
            known.join(", ")
        ));
    }
    Ok((experiments.iter().copied())
        .filter(|e| ids.is_empty() || ids.iter().any(|id| id == e.id))
        .collect())
}

/// The known word most like a misspelt one, if any is like it at all.
fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    (known.into_iter())
        .map(|candidate| (edit_distance(word, candidate), candidate))
        .min()
        .filter(|&(distance, candidate)| {
            distance <= 2.max(candidate.len() / 3) || (word.len() >= 3 && candidate.contains(word))
        })
        .map(|(_, candidate)| candidate)
}

/// The number of letters to insert, delete or replace (Levenshtein, 1966).
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn every_argument_is_read() {
        let request = parsed("a --full --seed 7 b --threads=3 --out x=y --resume --report").unwrap();
        let expected = Request {
            ids: vec!["a".into(), "b".into()],
            full: true,
            resume: true,
            report: true,
            seed: Some(7),
            threads: Some(3),
            out: Some("x=y".into()),
            ..Request::default()
        };
        assert_eq!(request, expected);
        assert_eq!(parsed("--out=a=b").unwrap().out, Some("a=b".into()));
        assert_eq!(parsed("-- --odd").unwrap().ids, ["--odd"]);
    }

    #[test]
    fn a_refusal_names_what_was_wrong() {
        for (line, said) in [
            ("--seed", "`--seed` needs a whole number"),
            ("--seed -1", "`--seed` is \"-1\""),
            ("--seed 1.5", "`--seed` is \"1.5\""),
            ("--seed +1", "`--seed` is \"+1\""),
            ("--seed 18446744073709551616", "from 0 to 18446744073709551615"),
            (
                "--threads 0",
                "`--threads` is \"0\", but must be a whole number from 1 to 1024",
            ),
            ("--threads= ", "`--threads` needs a number of threads"),
            ("--seed 1 --seed 2", "`--seed` is given twice"),
            ("--full=yes", "`--full` takes no value"),
            (
                "--seeed 1",
                "unknown flag `--seeed`. Did you mean `--seed`? Known are --list",
            ),
            ("--quick", "unknown flag `--quick`. Known are"),
        ] {
            let why = parsed(line).unwrap_err();
            assert!(why.contains(said), "{line}: {why}");
        }
        assert_eq!(
            parsed("--seed 18446744073709551615").unwrap().seed,
            Some(u64::MAX)
        );
    }

    #[test]
    fn the_nearest_word_is_near() {
        let known = ["cd-bias", "rbm-mnist", "log-z"];
        assert_eq!(nearest("rbm-minst", known), Some("rbm-mnist"));
        assert_eq!(nearest("mnist", known), Some("rbm-mnist"));
        assert_eq!(nearest("logz", known), Some("log-z"));
        assert_eq!(nearest("completely-different", known), None);
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
    }
}
