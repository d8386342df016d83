//! `cargo xtask book`: the book as pages that need no network.
//!
//! mdBook makes the pages. It is used where it is installed, in the version that the book was written for, and otherwise compiled
//! into `target/tools`, once. The formulas are made by a preprocessor of our own, which is built first and found on the path.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::process;

/// The version that is installed where there is none; another of the same minor version will do.
const MDBOOK: &str = "0.5.4";

/// Builds the book, and opens it in a browser if asked to.
pub fn run(root: &Path, is_opened: bool) -> ExitCode {
    match build(root, is_opened) {
        Ok(page) => {
            println!("the book is in {}", page.display());
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn build(root: &Path, is_opened: bool) -> Result<PathBuf, String> {
    let mdbook = mdbook(root)?;
    let mut preprocessor = process::cargo(root);
    preprocessor.args([
        "build",
        "--quiet",
        "--package",
        "gibbsian-mathml",
        "--bin",
        "mdbook-mathml",
    ]);
    succeed(&mut preprocessor)?;
    let folder = process::target(root).join("debug");
    let path = with_first(&folder, env::var_os("PATH").as_deref())?;
    let book = root.join("target").join("book");
    let mut build = Command::new(mdbook);
    build
        .arg("build")
        .arg(root.join("book"))
        .arg("--dest-dir")
        .arg(&book);
    if is_opened {
        build.arg("--open");
    }
    succeed(build.env("PATH", path))?;
    Ok(book.join("index.html"))
}

/// A program that can build the book: on the path, in `target/tools`, or installed there now.
fn mdbook(root: &Path) -> Result<OsString, String> {
    let tools = process::target(root).join("tools");
    let ours = tools
        .join("bin")
        .join(format!("mdbook{}", env::consts::EXE_SUFFIX));
    for program in [OsString::from("mdbook"), ours.clone().into_os_string()] {
        if version(&program).is_some_and(|said| is_suitable(&said)) {
            return Ok(program);
        }
    }
    println!(
        "mdBook {MDBOOK} is not installed; compiling it into {}, once, which takes some minutes",
        tools.display()
    );
    let mut install = process::cargo(root);
    install
        .args([
            "install",
            "mdbook",
            "--version",
            &format!("={MDBOOK}"),
            "--locked",
        ])
        .args(["--no-default-features", "--features", "search", "--root"])
        .arg(&tools);
    succeed(&mut install)?;
    Ok(ours.into_os_string())
}

fn succeed(command: &mut Command) -> Result<(), String> {
    match process::code(command) {
        0 => Ok(()),
        code => Err(format!("{} ended with exit code {code}", process::shown(command))),
    }
}

/// What a program says to `--version`, if it runs.
fn version(program: &OsStr) -> Option<String> {
    let mut command = Command::new(program);
    command
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let said = command.output().ok()?;
    Some(String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

/// Whether `mdbook v0.5.3` has the minor version that the book was written for.
fn is_suitable(said: &str) -> bool {
    let minor = |version: &str| Some(version.rsplit_once('.')?.0.to_owned());
    let version = said
        .rsplit(' ')
        .next()
        .unwrap_or_default()
        .trim_start_matches('v');
    minor(version).is_some() && minor(version) == minor(MDBOOK)
}

/// A search path that begins with a folder.
fn with_first(folder: &Path, path: Option<&OsStr>) -> Result<OsString, String> {
    let rest = path.map(env::split_paths).into_iter().flatten();
    env::join_paths([folder.to_owned()].into_iter().chain(rest))
        .map_err(|reason| format!("{} cannot be searched for programs: {reason}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_the_same_minor_number_will_do() {
        for (said, expected) in [
            ("mdbook v0.5.4", true),
            ("mdbook v0.5.0", true),
            ("mdbook v0.4.52", false),
            ("mdbook v0.50.1", false),
            ("mdbook", false),
            ("", false),
        ] {
            assert_eq!(is_suitable(said), expected, "{said}");
        }
    }

    #[test]
    fn the_folder_of_the_preprocessor_is_searched_first() {
        let joined = with_first(Path::new("ours"), Some(OsStr::new("theirs"))).unwrap();
        let folders: Vec<PathBuf> = env::split_paths(&joined).collect();
        assert_eq!(folders, [PathBuf::from("ours"), PathBuf::from("theirs")]);
    }
}
