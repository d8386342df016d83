//! `cargo xtask test`: the steps of the continuous integration, in order, up to the first that fails.
//!
//! The benches and the examples are compiled by the lints (`--all-targets`); linking each of them as well would take minutes and
//! prove nothing more, since the facade's examples run inside one of its tests. The tests of the LAPACK backend need an installed OpenBLAS and are
//! left out, with a word, where there is none.

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use crate::{package, process, tidy};

/// Passed and failed tests, added up over the closing lines of all test runners.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Totals {
    passed: u64,
    failed: u64,
}

/// Runs all steps.
pub fn run(root: &Path) -> ExitCode {
    let mut totals = Totals::default();
    let failure = steps(root, &mut totals).err();
    if let Some(failure) = &failure {
        eprintln!("\nfailed: {failure}");
    }
    println!("{} passed, {} failed", totals.passed, totals.failed);
    if failure.is_none() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn steps(root: &Path, totals: &mut Totals) -> Result<(), String> {
    step(
        "formatting",
        process::cargo(root).args(["fmt", "--all", "--check"]),
    )?;
    step(
        "lints",
        process::cargo(root).args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    )?;
    // All failures are worth knowing, not only those of the first crate.
    let targets = ["--lib", "--bins", "--tests"];
    tests(
        "tests",
        process::cargo(root)
            .args(["test", "--workspace", "--no-fail-fast"])
            .args(targets),
        totals,
    )?;
    tests(
        "examples in the documentation",
        process::cargo(root).args(["test", "--workspace", "--no-fail-fast", "--doc"]),
        totals,
    )?;
    step(
        "documentation",
        process::cargo(root)
            .args(["doc", "--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    let is_tidy = timed("tidiness", "cargo xtask tidy", || tidy::is_tidy(root));
    if !is_tidy {
        return Err("tidiness (cargo xtask tidy)".into());
    }
    let faults = timed("packages", "cargo xtask package", || package::check(root, false))?;
    if !faults.is_empty() {
        faults.iter().for_each(|fault| println!("{fault}"));
        return Err("packages (cargo xtask package)".into());
    }
    if has_openblas() {
        let mut command = process::cargo(root);
        command.args([
            "test",
            "--package",
            "gibbsian-linalg",
            "--features",
            "lapack",
            "--no-fail-fast",
            // The feature changes what the dependencies are built with, so all of them are compiled once more; unoptimised that takes half the time, and these tests are short.
            "--config",
            r#"profile.dev.package."*".opt-level=0"#,
        ]);
        // Its own threads would fight with the test runner's.
        command.env("OPENBLAS_NUM_THREADS", "1");
        tests("tests with LAPACK", &mut command, totals)?;
    } else {
        println!(
            "\n== tests with LAPACK: left out, because no OpenBLAS is installed (Debian: libopenblas-dev, pkg-config)"
        );
    }
    Ok(())
}

/// Says what begins, does it, and says how long it took.
fn timed<T>(name: &str, command: &str, act: impl FnOnce() -> T) -> T {
    println!("\n== {name}: {command}");
    let begun = Instant::now();
    let outcome = act();
    println!("== {name}: {:.0} s", begun.elapsed().as_secs_f64());
    outcome
}

/// A step that only succeeds or fails.
fn step(name: &str, command: &mut Command) -> Result<(), String> {
    let shown = process::shown(command);
    match timed(name, &shown, || process::code(command)) {
        0 => Ok(()),
        code => Err(format!("{name} ({shown}) with exit code {code}")),
    }
}

/// A step that runs tests.
fn tests(name: &str, command: &mut Command, totals: &mut Totals) -> Result<(), String> {
    let shown = process::shown(command);
    let (mut n_run, mut n_ignored) = (0, 0);
    let mut hear = |line: &str| {
        if let Some([passed, failed, ignored]) = closing_line(line) {
            totals.passed += passed;
            totals.failed += failed;
            n_run += passed + failed;
            n_ignored += ignored;
        }
    };
    let succeeded = timed(name, &shown, || process::listen(command, &mut hear))
        .map_err(|reason| format!("{name} ({shown}): {reason}"))?;
    if !succeeded {
        return Err(format!("{name} ({shown})"));
    }
    proof(n_run, n_ignored).map_err(|reason| format!("{name} ({shown}): {reason}"))
}

/// Whether a green step proves something: one in which nothing ran does not, and one that left tests out less than it says.
fn proof(n_run: u64, n_ignored: u64) -> Result<(), String> {
    match (n_run, n_ignored) {
        (0, _) => Err("no test ran".into()),
        (_, 0) => Ok(()),
        (_, n) => Err(format!("{n} tests were ignored")),
    }
}

/// The numbers of tests that passed, failed and were ignored in `test result: ok. 5 passed; 0 failed; 0 ignored; …`, the closing line of a test runner.
fn closing_line(line: &str) -> Option<[u64; 3]> {
    let (_, counts) = line
        .trim_start()
        .strip_prefix("test result: ")?
        .split_once(". ")?;
    let number = |word: &str| {
        (counts.split(';').map(str::trim))
            .find_map(|part| part.strip_suffix(word))
            .and_then(|n| n.trim().parse().ok())
    };
    Some([number("passed")?, number("failed")?, number("ignored")?])
}

/// Whether the link crate will find an OpenBLAS: named by a variable, known to `pkg-config`, or in Debian's usual place.
fn has_openblas() -> bool {
    let is_named = ["OPENBLAS_LIB_DIR", "OPENBLAS_DIR"]
        .iter()
        .any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()));
    let usual = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/opt/OpenBLAS/lib"].map(Path::new);
    let in_usual_place = usual.iter().any(|folder| folder.join("libopenblas.so").exists())
        || usual[0].read_dir().is_ok_and(|folders| {
            folders
                .flatten()
                .any(|folder| folder.path().join("libopenblas.so").exists())
        });
    is_named || process::succeeds("pkg-config", &["--exists", "openblas"]) || in_usual_place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_without_tests_or_with_ignored_ones_proves_nothing() {
        assert_eq!(proof(2, 0), Ok(()));
        assert_eq!(proof(0, 0), Err("no test ran".into()));
        assert_eq!(proof(0, 9), Err("no test ran".into()));
        assert_eq!(proof(3, 1), Err("1 tests were ignored".into()));
    }

    #[test]
    fn closing_lines_are_counted_and_nothing_else_is() {
        let line = "test result: FAILED. 12 passed; 3 failed; 2 ignored; 0 measured; 4 filtered out; finished in 0.01s";
        assert_eq!(closing_line(line), Some([12, 3, 2]));
        assert_eq!(
            closing_line("test result: ok. 0 passed; 0 failed; 0 ignored"),
            Some([0, 0, 0])
        );
        for other in [
            "running 12 tests",
            "test a_test_result ... ok",
            "all doctests ran in 0.53s; merged doctests compilation took 0.50s",
            "test result: ok. many passed; 0 failed",
        ] {
            assert_eq!(closing_line(other), None, "{other}");
        }
    }
}
