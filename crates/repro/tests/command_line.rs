//! The program itself: usage, refusals and exit codes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use gibbsian_repro::registry::EXPERIMENTS;

fn program(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gibbsian-repro"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn refused(arguments: &[&str]) -> String {
    let output = program(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn wrong_usage_is_exit_code_two_with_a_reason() {
    for (arguments, said) in [
        (
            &["--seed", "many"][..],
            "`--seed` is \"many\", but must be a whole number",
        ),
        (&["--seed"], "`--seed` needs a whole number"),
        (&["--threads", "0"], "must be a whole number from 1 to 1024"),
        (&["--fulll"], "unknown flag `--fulll`. Did you mean `--full`?"),
        (
            &["no-such-experiment-at-all"],
            "unknown experiment `no-such-experiment-at-all`",
        ),
    ] {
        let stderr = refused(arguments);
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
}

#[test]
fn help_is_printed_and_names_every_flag() {
    let output = program(&["--help"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    for flag in [
        "--list",
        "--full",
        "--seed",
        "--threads",
        "--out",
        "--resume",
        "--report",
        "--portable",
    ] {
        assert!(text.contains(flag), "{flag}");
    }
}

#[test]
fn the_list_is_the_registry() {
    let output = program(&["--list"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let ids: Vec<&str> = text
        .lines()
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    let expected: Vec<&str> = EXPERIMENTS.iter().map(|e| e.id).collect();
    assert_eq!(ids, expected);
}

#[test]
fn an_output_folder_below_a_file_is_refused() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("command-line-file");
    fs::write(&file, "a file").unwrap();
    let out = file.join("below");
    let stderr = refused(&["--out", out.to_str().unwrap()]);
    // While no experiment is registered, that is the first thing to say.
    if !EXPERIMENTS.is_empty() {
        assert!(stderr.contains(out.to_str().unwrap()), "{stderr}");
    }
}
