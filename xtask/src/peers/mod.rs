//! `cargo xtask bench --peers`: the scripts of `benches/peers`, from an empty folder to a page of ratios.
//!
//! Other libraries live in a virtual environment of their own in `target/peers`, at pinned versions. What cannot be installed or ends
//! with an error is reported in the page and stops nothing else.

use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::process;

mod python;

pub const USAGE: &str = "\
cargo xtask bench --peers [NAME...] [OPTIONS]

Runs the scripts of benches/peers: the same tasks with other libraries and with gibbsian, in turn, with threads pinned
equal. Where Python 3 is (the newest pins want 3.12), it makes a virtual environment in target/peers and installs the
peers there from the index that pip is set up for. A peer that cannot be installed is reported as absent.

  NAME            densities, ising, rbm, dbm, training, sde, mcmc; all by default
  --quick         one short round without a release build: shows that everything runs, measures nothing
  --resume        keep what an interrupted run of the same programs and settings has measured
  --threads N     threads of both sides (2; one for `ising`)
  --rounds N      times that both sides run in turn (5; 3 for `mcmc`)
  --out FILE      the page: docs/peers.md for a whole run, else target/peers/peers.md; all numbers are in target/peers/peers.json

The variable PYTHON names another Python. Stop other work first: both sides share the machine with it.";

/// All scripts, in the order of the page.
const SCRIPTS: [&str; 7] = ["densities", "ising", "rbm", "dbm", "training", "sde", "mcmc"];

/// What the command line asks for.
#[derive(Debug, Default, PartialEq)]
struct Options {
    scripts: Vec<String>,
    quick: bool,
    resume: bool,
    threads: Option<u32>,
    rounds: Option<u32>,
    out: Option<PathBuf>,
}

impl Options {
    fn parse(arguments: &[OsString]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut value = |name: &str| words.next().ok_or(format!("{name} needs a value"));
            match word.to_str() {
                Some("--peers") => {}
                Some("--quick") => options.quick = true,
                Some("--resume") => options.resume = true,
                Some("--threads") => options.threads = Some(count("--threads", value("--threads")?)?),
                Some("--rounds") => options.rounds = Some(count("--rounds", value("--rounds")?)?),
                Some("--out") => options.out = Some(value("--out")?.into()),
                Some(name) if SCRIPTS.contains(&name) => options.scripts.push(name.into()),
                _ => {
                    return Err(format!(
                        "`{}` is neither an option nor one of {}",
                        word.to_string_lossy(),
                        SCRIPTS.join(", ")
                    ));
                }
            }
        }
        if options.scripts.is_empty() {
            options.scripts = SCRIPTS.map(String::from).to_vec();
        }
        Ok(options)
    }

    /// A part of the tasks, or a smoke run, does not replace the page of the last whole run.
    fn page(&self, root: &Path, folder: &Path) -> PathBuf {
        let whole = !self.quick && SCRIPTS.iter().all(|name| self.scripts.iter().any(|s| s == name));
        match &self.out {
            Some(out) => out.clone(),
            None if whole => root.join("docs/peers.md"),
            None => folder.join("peers.md"),
        }
    }

    /// The files of requirements that the scripts need.
    fn requirements(&self) -> Vec<&'static str> {
        let mut files = vec!["requirements.txt"];
        if self
            .scripts
            .iter()
            .any(|name| ["sde", "training"].contains(&name.as_str()))
        {
            files.push("requirements-torch.txt");
        }
        files
    }
}

fn count(name: &str, value: &OsString) -> Result<u32, String> {
    match value.to_str().and_then(|text| text.parse().ok()) {
        Some(n) if n > 0 => Ok(n),
        _ => Err(format!(
            "{name} is `{}`, and must be a positive whole number",
            value.to_string_lossy()
        )),
    }
}

/// Sets up, runs and reports.
pub fn run(root: &Path, arguments: &[OsString]) -> ExitCode {
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(reason) => {
            eprintln!("error: {reason}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match measure(root, &options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every script came to its end and no side failed.
fn measure(root: &Path, options: &Options) -> Result<bool, String> {
    let target = process::target(root);
    let folder = target.join("peers");
    let (results, temporary) = (folder.join("results"), folder.join("temporary"));
    for made in [&results, &temporary] {
        fs::create_dir_all(made).map_err(|reason| format!("cannot make {}: {reason}", made.display()))?;
    }
    let scripts = root.join("benches/peers");
    let python = python::environment(&folder)?;
    let mut absent = Vec::new();
    for file in options.requirements() {
        absent.extend(python::install(&python, &scripts.join(file), &folder)?);
    }
    // Of what is built now: a run is long, and the repository may go on meanwhile.
    let version = Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .current_dir(root)
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string());
    println!("building the sides of gibbsian");
    let mut build = process::cargo(root);
    // A smoke run takes what the tests have compiled already.
    let release = (!options.quick).then_some("--release");
    let programs = if options.quick { "debug" } else { "release" };
    build
        .args(["build", "--package", "gibbsian-benches", "--bins"])
        .args(release);
    if process::code(&mut build) != 0 {
        return Err("the programs of gibbsian-benches do not build".into());
    }
    let nuts_rs = folder.join("nuts-rs");
    if options.scripts.iter().any(|name| name == "mcmc") {
        println!("building the side of nuts-rs");
        let mut build = process::cargo(&scripts.join("nuts-rs"));
        // gibbsian chooses kernels for the processor as it runs; nuts-rs can have them at compile time only.
        build
            .arg("build")
            .args(release)
            .env("CARGO_TARGET_DIR", &nuts_rs)
            .env("RUSTFLAGS", "-C target-cpu=native");
        if process::code(&mut build) != 0 {
            // An older program must not be measured in its place.
            let _ = fs::remove_file(nuts_rs.join(programs).join("nuts-rs-peer"));
            absent.push("nuts-rs\tits program does not build; cargo says why above".into());
        }
    }
    write(&folder.join("absent.txt"), &absent.join("\n"))?;
    let mut all_ended_well = true;
    for name in &options.scripts {
        let (json, errors) = (
            results.join(format!("{name}.json")),
            results.join(format!("{name}.stderr")),
        );
        if !options.resume {
            let _ = fs::remove_file(&json);
        }
        println!("\n{name}");
        let stderr =
            File::create(&errors).map_err(|reason| format!("cannot write {}: {reason}", errors.display()))?;
        let mut script = Command::new(&python);
        script
            .arg(scripts.join(format!("{name}.py")))
            .arg("--json")
            .arg(json);
        script.args(options.quick.then_some("--quick"));
        script.args(options.resume.then_some("--resume"));
        script.args((name == "rbm" && !options.quick).then_some("--quality"));
        for (option, value) in [("--threads", options.threads), ("--rounds", options.rounds)] {
            if let Some(value) = value {
                script.args([option, &value.to_string()]);
            }
        }
        script
            .current_dir(root)
            .env("GIBBSIAN_PROGRAMS", target.join(programs))
            .env("NUTS_RS_PEER", nuts_rs.join(programs).join("nuts-rs-peer"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("TMPDIR", &temporary)
            .stderr(stderr);
        if process::code(&mut script) != 0 {
            all_ended_well = false;
            println!(
                "{name} ended with an error: {}",
                last_line(&fs::read_to_string(&errors).unwrap_or_default())
            );
        }
        // The scripts leave their points and draws behind.
        let _ = fs::remove_dir_all(&temporary);
        let _ = fs::create_dir_all(&temporary);
    }
    let page = options.page(root, &folder);
    let mut report = Command::new(&python);
    report
        .arg(scripts.join("report.py"))
        .args([&folder, &page])
        .args(&options.scripts)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("GIBBSIAN_VERSION", version.unwrap_or_default());
    let is_whole = process::code(&mut report) == 0;
    println!(
        "\nthe page is {}, the numbers are in {}",
        page.display(),
        folder.join("peers.json").display()
    );
    Ok(is_whole && all_ended_well)
}

fn last_line(text: &str) -> &str {
    text.lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or("it said nothing")
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|reason| format!("cannot write {}: {reason}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Options, String> {
        let words: Vec<OsString> = line.split_whitespace().map(Into::into).collect();
        Options::parse(&words)
    }

    #[test]
    fn only_a_whole_run_replaces_the_page() {
        let page = |line: &str| {
            parsed(line)
                .unwrap()
                .page(Path::new("root"), Path::new("target/peers"))
        };
        assert_eq!(page("--peers --rounds 3"), Path::new("root/docs/peers.md"));
        assert_eq!(
            page(&format!("--peers {}", SCRIPTS.join(" "))),
            Path::new("root/docs/peers.md")
        );
        for part in ["--peers --quick", "--peers sde rbm"] {
            assert_eq!(page(part), Path::new("target/peers/peers.md"), "{part}");
        }
        assert_eq!(page("--peers --quick --out a.md"), Path::new("a.md"));
    }

    #[test]
    fn every_script_has_its_name_and_every_name_its_script() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/peers");
        let helpers = ["sides.py", "report.py", "test_report.py"];
        let mut found: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".py") && !helpers.contains(&name.as_str()))
            .map(|name| name.trim_end_matches(".py").to_string())
            .collect();
        let mut named = SCRIPTS.map(String::from).to_vec();
        found.sort();
        named.sort();
        assert_eq!(found, named);
    }

    #[test]
    fn what_it_does_not_know_is_named() {
        assert!(parsed("--peers sdes").unwrap_err().contains("`sdes`"));
        assert!(parsed("--peers --rounds").unwrap_err().contains("--rounds"));
        assert!(parsed("--peers --threads 0").unwrap_err().contains("`0`"));
    }

    #[test]
    fn pytorch_is_installed_for_the_scripts_that_need_it_only() {
        let requirements = |line: &str| parsed(line).unwrap().requirements();
        assert_eq!(requirements("--peers rbm mcmc"), ["requirements.txt"]);
        for name in ["training", "sde"] {
            let found = requirements(&format!("--peers rbm {name}"));
            assert_eq!(found, ["requirements.txt", "requirements-torch.txt"], "{name}");
        }
    }
}
