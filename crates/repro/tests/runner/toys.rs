//! Toy experiments and a way to run them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use gibbsian_repro::console::Console;
use gibbsian_repro::ledger::{Entry, Verdict};
use gibbsian_repro::runner::{self, Options, Summary};
use gibbsian_repro::{Check, Claim, Experiment, Provenance, Scale};

/// A claim that one is one.
pub const ONE: Claim = Claim {
    claim: "one is one",
    source: "arithmetic",
    provenance: Provenance::Exact,
    quick: Some(Check::value(1.0)),
    full: Check::value(1.0),
    reason: "whole numbers are exact",
};

/// A claim that has no quick form.
pub const LARGE: Claim = Claim {
    claim: "a claim of full scale",
    quick: None,
    full: Check::at_least(10.0),
    ..ONE
};

/// An experiment that measures [`ONE`].
pub const TOY: Experiment = Experiment {
    id: "toy",
    title: "A toy",
    question: "Is one one?",
    mathematics: "By definition $1 = 1$.",
    shows: "That one is one.",
    source: "arithmetic",
    budget_seconds: 10,
    claims: &[ONE],
    run: |ctx| ctx.measure(&ONE, 1.0),
};

/// An empty folder of this test's own.
pub fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("runner-{test}"));
    // An earlier run of the test may have left a folder here, or, if it failed, a file.
    if folder.is_dir() {
        fs::remove_dir_all(&folder).unwrap();
    } else if folder.exists() {
        fs::remove_file(&folder).unwrap();
    }
    folder
}

/// A quick run with seed 1 of a program called "program".
pub fn options(out: &Path) -> Options {
    Options {
        scale: Scale::Quick,
        seed: 1,
        threads: Some(2),
        out: out.to_path_buf(),
        resume: false,
        arithmetic: "lists".into(),
        fingerprint: "program".into(),
    }
}

/// Runs, and answers with what was found and everything that was printed.
pub fn run(experiments: &[&'static Experiment], options: &Options) -> (Summary, String) {
    let printed = Printed::default();
    let console = Console::piped(printed.clone(), printed.clone());
    let summary = runner::run(experiments, options, &console).unwrap();
    (summary, printed.text())
}

/// The verdicts and measurements of one experiment at one scale.
pub fn verdicts(
    test: &str,
    experiment: &'static Experiment,
    scale: Scale,
) -> Vec<(String, Verdict, Option<f64>)> {
    let out = folder(test);
    let (summary, _) = run(
        &[experiment],
        &Options {
            scale,
            ..options(&out)
        },
    );
    let row = |entry: &Entry| (entry.claim.clone(), entry.verdict, entry.measured);
    summary.ledger.claims.iter().map(row).collect()
}

/// A stream that can be read while it is written.
#[derive(Clone, Default)]
pub struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
