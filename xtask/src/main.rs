//! `cargo xtask`: everything that proves something about this workspace, under one name.
//!
//! The program has no dependencies and starts `cargo` for all that needs one. Its exit code is that of what it started, or 1
//! for a failed check of its own and 2 for wrong usage.

#![forbid(unsafe_code)]
// A program whose whole purpose is to say what it found.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

mod book;
mod package;
mod peers;
mod process;
mod test;
mod tidy;

const USAGE: &str = "\
cargo xtask COMMAND [ARGUMENTS]

  test         everything the continuous integration runs, in its order
  reproduce    the experiments: a report, a ledger, figures and tables
  bench        the benchmarks; `--peers` runs them beside other libraries, other arguments go to `cargo bench`
  book         the book, as pages that need no network
  package      the packages that would be published, and what they hold
  tidy         what a machine can see of the rules in docs/architecture.md

`cargo xtask COMMAND --help` says more.";

const TEST_USAGE: &str = "\
cargo xtask test

Runs formatting, all tests, `tidy` and `package`, and beside the tests the lints, the documentation and, where OpenBLAS
is installed, the tests of the LAPACK backend, which build into target/beside-tests. Whatever fails, the rest still runs,
unless it is the formatting. The last line is the number of tests that passed and failed.";

const BENCH_USAGE: &str = "\
cargo xtask bench [ARGUMENTS]

Runs the benchmarks of the package `gibbsian-benches`. The arguments are those of `cargo bench`, for example
`--bench NAME`, a part of a benchmark's name, or `-- --quick` for criterion.

cargo xtask bench --peers [NAME...] [OPTIONS]

Runs gibbsian beside other libraries and writes a page of ratios; `--peers --help` says more.";

const BOOK_USAGE: &str = "\
cargo xtask book [--open]

Builds the book into target/book, and opens it in a browser with `--open`. mdBook is used where a suitable version is
installed, and is otherwise compiled into target/tools, once, which takes some minutes.";

const TIDY_USAGE: &str = "\
cargo xtask tidy

Checks the length of files, stubs, printing, `unsafe`, the paths of one machine, which crate may depend on which, how
many crates the user of one builds, and that nothing that cargo has built is tracked.";

/// The same text that the program of the experiments prints; printing it here needs no release build.
const REPRODUCE_USAGE: &str = include_str!("../../crates/repro/src/usage.txt");

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let Some((command, rest)) = arguments.split_first() else {
        eprintln!("error: no command\n\n{USAGE}");
        return ExitCode::from(2);
    };
    // What follows `--` belongs to the program that is started.
    let own = || rest.iter().take_while(|a| *a != "--");
    let wants_help = own().any(|a| a == "--help" || a == "-h");
    let wants_peers = own().any(|a| a == "--peers");
    match command.to_str() {
        Some("--help" | "-h" | "help") => help(USAGE),
        Some("test") if wants_help => help(TEST_USAGE),
        Some("reproduce") if wants_help => help(REPRODUCE_USAGE),
        Some("bench") if wants_help && wants_peers => help(peers::USAGE),
        Some("bench") if wants_help => help(BENCH_USAGE),
        Some("book") if wants_help => help(BOOK_USAGE),
        Some("tidy") if wants_help => help(TIDY_USAGE),
        Some("test") => without_arguments(rest, TEST_USAGE, || test::run(&root())),
        Some("tidy") => without_arguments(rest, TIDY_USAGE, || tidy::run(&root())),
        Some("book") if rest.len() == 1 && rest[0] == "--open" => book::run(&root(), true),
        Some("book") => without_arguments(rest, BOOK_USAGE, || book::run(&root(), false)),
        Some("package") if wants_help => help(package::USAGE),
        Some("package") if rest == ["--verify"] => package::run(&root(), true),
        Some("package") => without_arguments(rest, package::USAGE, || package::run(&root(), false)),
        Some("reproduce") => reproduce(rest),
        Some("bench") if wants_peers => peers::run(&root(), rest),
        Some("bench") => forward(
            process::cargo(&root())
                .args(["bench", "--package", "gibbsian-benches"])
                .args(rest),
        ),
        _ => {
            eprintln!(
                "error: unknown command `{}`\n\n{USAGE}",
                command.to_string_lossy()
            );
            ExitCode::from(2)
        }
    }
}

/// Builds and runs the program of the experiments, in the caller's folder, so that a relative `--out` means what it says.
fn reproduce(arguments: &[OsString]) -> ExitCode {
    let manifest = root().join("Cargo.toml");
    let package = ["--release", "--package", "gibbsian-repro", "--manifest-path"];
    // Built apart from the run, so that the build shows how far it is; in a pipe it only speaks when it fails.
    let mut build = Command::new(process::cargo_program());
    build.arg("build").args(package).arg(&manifest);
    if !std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        build.arg("--quiet");
    }
    match process::code(&mut build) {
        0 => {
            let mut run = Command::new(process::cargo_program());
            forward(
                run.args(["run", "--quiet"])
                    .args(package)
                    .arg(&manifest)
                    .arg("--")
                    .args(arguments),
            )
        }
        code => {
            eprintln!("error: the program of the experiments does not build");
            ExitCode::from(code)
        }
    }
}

fn forward(command: &mut Command) -> ExitCode {
    ExitCode::from(process::code(command))
}

fn help(usage: &str) -> ExitCode {
    println!("{}", usage.trim_end());
    ExitCode::SUCCESS
}

fn without_arguments(rest: &[OsString], usage: &str, run: impl FnOnce() -> ExitCode) -> ExitCode {
    match rest.first() {
        None => run(),
        Some(argument) => {
            eprintln!(
                "error: unexpected argument `{}`\n\n{usage}",
                argument.to_string_lossy()
            );
            ExitCode::from(2)
        }
    }
}

/// The workspace's folder.
fn root() -> PathBuf {
    // `cargo run` names this package's folder at run time; a program started by hand remembers where it was built.
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let mut root = PathBuf::from(package);
    root.pop();
    root
}
