//! `cargo xtask test`: the steps of the continuous integration.
//!
//! Lints, documentation and the tests of the LAPACK backend run beside the other tests: where crates wait for one another, neither the lints nor the compilation of the tests keeps two processors
//! busy. They build into a folder of their own, because cargo locks the one it builds into. What they say is shown when each has ended; that one fails stops no other.
//!
//! The benches and the examples are compiled by the lints (`--all-targets`); linking each of them as well would take minutes and
//! prove nothing more, since the facade's examples run inside one of its tests. The tests of the LAPACK backend need an installed OpenBLAS and are
//! left out, with a word, where there is none.

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Instant;

use crate::{package, process, tidy};

/// Tests by their end, added up over the closing lines of test runners.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Totals {
    passed: u64,
    failed: u64,
    ignored: u64,
}

/// How one line of steps ended: its tests, and what failed.
#[derive(Debug, Default)]
struct Ends {
    totals: Totals,
    failures: Vec<String>,
}

/// Runs all steps.
pub fn run(root: &Path) -> ExitCode {
    let Ends { totals, failures } = steps(root);
    if !failures.is_empty() {
        eprintln!("\nfailed: {}", failures.join("; "));
    }
    println!("{} passed, {} failed", totals.passed, totals.failed);
    if failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn steps(root: &Path) -> Ends {
    let mut ends = Ends::default();
    ends.step(
        "formatting",
        process::cargo(root).args(["fmt", "--all", "--check"]),
    );
    if !ends.failures.is_empty() {
        return ends;
    }
    let beside = thread::scope(|scope| {
        let beside = scope.spawn(|| beside_the_tests(root));
        // All failures are worth knowing, not only those of the first crate.
        let test = ["test", "--workspace", "--no-fail-fast"];
        let targets = ["--lib", "--bins", "--tests"];
        ends.tests("tests", process::cargo(root).args(test).args(targets));
        ends.tests(
            "examples in the documentation",
            process::cargo(root).args(test).arg("--doc"),
        );
        beside.join()
    });
    match beside {
        Ok(beside) => ends.add(beside),
        Err(_) => ends
            .failures
            .push("what runs beside the tests, by a panic".into()),
    }
    if !timed("tidiness", "cargo xtask tidy", || tidy::is_tidy(root)) {
        ends.failures.push("tidiness (cargo xtask tidy)".into());
    }
    match timed("packages", "cargo xtask package", || package::check(root, false)) {
        Ok(faults) if faults.is_empty() => {}
        Ok(faults) => {
            faults.iter().for_each(|fault| println!("{fault}"));
            ends.failures.push("packages (cargo xtask package)".into());
        }
        Err(reason) => ends.failures.push(format!("packages: {reason}")),
    }
    ends
}

fn beside_the_tests(root: &Path) -> Ends {
    let folder = process::target(root).join("beside-tests");
    let cargo = || {
        let mut cargo = process::cargo(root);
        cargo.env("CARGO_TARGET_DIR", &folder);
        cargo
    };
    let mut ends = Ends::default();
    ends.step(
        "lints",
        cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    );
    ends.step(
        "documentation",
        cargo()
            .args(["doc", "--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    );
    if has_openblas() {
        let mut command = cargo();
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
        let said = ends.step("tests with LAPACK", &mut command);
        ends.count("tests with LAPACK", said.lines());
    } else {
        println!(
            "\n== tests with LAPACK: left out, because no OpenBLAS is installed (Debian: libopenblas-dev, pkg-config)"
        );
    }
    ends
}

impl Ends {
    fn add(&mut self, other: Ends) {
        self.totals.passed += other.totals.passed;
        self.totals.failed += other.totals.failed;
        self.totals.ignored += other.totals.ignored;
        self.failures.extend(other.failures);
    }

    /// Runs a program, shows at its end what it said, and hands back its standard output.
    fn step(&mut self, name: &str, command: &mut Command) -> String {
        let shown = process::shown(command);
        match timed(name, &shown, || process::hear_out(command)) {
            Ok((said, true)) => return said,
            Ok((said, false)) => {
                self.failures.push(format!("{name} ({shown})"));
                return said;
            }
            Err(reason) => self.failures.push(format!("{name} ({shown}): {reason}")),
        }
        String::new()
    }

    /// Runs tests and shows what they say as it comes.
    fn tests(&mut self, name: &str, command: &mut Command) {
        let shown = process::shown(command);
        let mut lines = Vec::new();
        let ended = timed(name, &shown, || {
            process::listen(command, |line| lines.push(line.to_owned()))
        });
        match ended {
            Ok(true) => {}
            Ok(false) => self.failures.push(format!("{name} ({shown})")),
            Err(reason) => self.failures.push(format!("{name} ({shown}): {reason}")),
        }
        self.count(name, lines.iter().map(String::as_str));
    }

    /// Adds up the closing lines of test runners among these. That nothing ran or tests were left out is a failure.
    fn count<'a>(&mut self, name: &str, lines: impl Iterator<Item = &'a str>) {
        let mut of_step = Totals::default();
        for [passed, failed, ignored] in lines.filter_map(closing_line) {
            of_step.passed += passed;
            of_step.failed += failed;
            of_step.ignored += ignored;
        }
        let failures = proof(of_step).err().map(|reason| format!("{name}: {reason}"));
        self.add(Ends {
            totals: of_step,
            failures: failures.into_iter().collect(),
        });
    }
}

/// Says what begins, does it, and says how long it took.
fn timed<T>(name: &str, command: &str, act: impl FnOnce() -> T) -> T {
    println!("\n== {name}: {command}");
    let begun = Instant::now();
    let outcome = act();
    println!("== {name}: {:.0} s", begun.elapsed().as_secs_f64());
    outcome
}

/// Whether a green step proves something: one in which nothing ran does not, and one that left tests out less than it says.
fn proof(totals: Totals) -> Result<(), String> {
    match (totals.passed + totals.failed, totals.ignored) {
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
        let proof = |lines: &[&str]| {
            let mut ends = Ends::default();
            ends.count("step", lines.iter().copied());
            ends.failures
        };
        let (passed, ignored) = (
            "test result: ok. 3 passed; 0 failed; 0 ignored",
            "test result: ok. 0 passed; 0 failed; 1 ignored",
        );
        assert!(proof(&["running 3 tests", passed]).is_empty());
        assert_eq!(proof(&[]), ["step: no test ran"]);
        assert_eq!(proof(&[ignored]), ["step: no test ran"]);
        assert_eq!(proof(&[passed, ignored]), ["step: 1 tests were ignored"]);
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
