//! What an interrupted run leaves is used under `resume`, and only if nothing about it is in doubt.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use gibbsian_repro::runner::Options;
use gibbsian_repro::{Axis, Context, Experiment, Plot, Result};

use crate::toys::{ONE, TOY, folder, options, run};

/// Runs the experiment once under these options and counts how often its function was entered.
fn entered(counter: &AtomicUsize, experiment: &'static Experiment, options: &Options) -> (usize, String) {
    counter.store(0, Ordering::SeqCst);
    let (summary, printed) = run(&[experiment], options);
    assert!(summary.holds(), "{printed}");
    (counter.load(Ordering::SeqCst), printed)
}

fn resumed(out: &Path) -> Options {
    Options {
        resume: true,
        ..options(out)
    }
}

/// Measures and draws, after counting.
fn measure_and_draw(counter: &AtomicUsize, ctx: &mut Context) -> Result<()> {
    counter.fetch_add(1, Ordering::SeqCst);
    let plot = Plot::new("p", Axis::linear("x"), Axis::linear("y")).line("l", [(0.0, 0.0), (1.0, 1.0)]);
    ctx.plot("line", "A line.", &plot)?;
    ctx.measure(&ONE, 1.0)
}

#[test]
fn a_finished_experiment_is_taken_only_by_the_same_run() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    const E: Experiment = Experiment {
        run: |ctx| measure_and_draw(&RUNS, ctx),
        ..TOY
    };
    let out = folder("resume-kept");
    assert_eq!(entered(&RUNS, &E, &options(&out)).0, 1);
    let page = fs::read(out.join("index.html")).unwrap();
    let ledger = fs::read(out.join("ledger.json")).unwrap();
    assert_eq!(entered(&RUNS, &E, &resumed(&out)).0, 0);
    // Even the seconds are those of the run that measured.
    assert_eq!(fs::read(out.join("index.html")).unwrap(), page);
    assert_eq!(fs::read(out.join("ledger.json")).unwrap(), ledger);

    let others = [
        Options {
            seed: 2,
            ..resumed(&out)
        },
        Options {
            fingerprint: "another program".into(),
            ..resumed(&out)
        },
        // Without `resume` nothing is taken.
        options(&out),
    ];
    for other in others {
        assert_eq!(entered(&RUNS, &E, &other).0, 1, "{other:?}");
    }
    // The number of threads is no part of what a run is.
    let threads = Options {
        threads: Some(3),
        ..resumed(&out)
    };
    assert_eq!(entered(&RUNS, &E, &threads).0, 0);
}

#[test]
fn a_damaged_outcome_is_measured_again_and_said() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    const E: Experiment = Experiment {
        run: |ctx| measure_and_draw(&RUNS, ctx),
        ..TOY
    };
    let out = folder("resume-damaged");
    for (file, damage) in [
        ("outcome.json", "cut"),
        ("line.svg", "changed"),
        ("line.svg", "removed"),
    ] {
        assert_eq!(entered(&RUNS, &E, &options(&out)).0, 1);
        let path = out.join("toy").join(file);
        let mut bytes = fs::read(&path).unwrap();
        match damage {
            "cut" => fs::write(&path, &bytes[..bytes.len() / 2]).unwrap(),
            "changed" => {
                bytes[100] ^= 1;
                fs::write(&path, &bytes).unwrap();
            }
            _ => fs::remove_file(&path).unwrap(),
        }
        let (runs, printed) = entered(&RUNS, &E, &resumed(&out));
        assert_eq!(runs, 1, "{file} {damage}");
        assert!(
            printed.contains("the stored outcome is not used"),
            "{file} {damage}: {printed}"
        );
    }
}

#[test]
fn a_forged_verdict_is_not_believed() {
    const E: Experiment = Experiment {
        run: |ctx| ctx.measure(&ONE, 2.0),
        ..TOY
    };
    let out = folder("resume-forged");
    assert!(!run(&[&E], &options(&out)).0.holds());
    let path = out.join("toy").join("outcome.json");
    let forged = fs::read_to_string(&path).unwrap().replace("\"fail\"", "\"pass\"");
    fs::write(&path, forged).unwrap();
    assert!(!run(&[&E], &resumed(&out)).0.holds());
}

/// Counts to three in steps that are checkpointed, and is interrupted once on the way.
fn interrupted_training(ctx: &mut Context) -> Result<()> {
    let checkpoint = ctx.checkpoint_dir()?.join("step");
    let done: f64 = fs::read_to_string(&checkpoint).map_or(Ok(0.0), |text| text.parse())?;
    ctx.note(format!("resumed after step {done}"));
    if done == 0.0 {
        fs::write(&checkpoint, "2")?;
        return Err("interrupted".into());
    }
    ctx.measure(&ONE, 3.0 - done)
}

#[test]
fn an_interrupted_training_finds_its_checkpoints() {
    const E: Experiment = Experiment {
        run: interrupted_training,
        ..TOY
    };
    let out = folder("resume-checkpoints");
    assert!(!run(&[&E], &options(&out)).0.holds());
    let (summary, _) = run(&[&E], &resumed(&out));
    assert!(summary.holds());
    assert_eq!(summary.outcomes[0].notes, ["resumed after step 2"]);
    // What is finished needs no checkpoint.
    assert!(!out.join("toy").join("checkpoints").exists());

    for other in [
        options(&out),
        Options {
            seed: 2,
            ..resumed(&out)
        },
        Options {
            fingerprint: "another program".into(),
            ..resumed(&out)
        },
    ] {
        // Interrupted once more; then a run that is not the same must start from nothing.
        assert!(!run(&[&E], &options(&out)).0.holds());
        let (summary, _) = run(&[&E], &other);
        assert_eq!(summary.outcomes[0].notes, ["resumed after step 0"], "{other:?}");
    }
}

#[test]
fn shared_bytes_are_made_once_and_checked() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    fn training(ctx: &mut Context) -> Result<()> {
        let bytes = ctx.shared("a model of eight bytes", |seed, _checkpoints| {
            MADE.fetch_add(1, Ordering::SeqCst);
            Ok(seed.value().to_le_bytes().to_vec())
        })?;
        ctx.note(format!("{bytes:?}"));
        ctx.measure(&ONE, 1.0)
    }
    const A: Experiment = Experiment { run: training, ..TOY };
    const B: Experiment = Experiment { id: "second", ..A };
    let made = |options: &Options| {
        MADE.store(0, Ordering::SeqCst);
        let (summary, _) = run(&[&A, &B], options);
        assert_eq!(summary.outcomes[0].notes, summary.outcomes[1].notes);
        MADE.load(Ordering::SeqCst)
    };
    let out = folder("shared");
    assert_eq!(made(&options(&out)), 1);
    // A new run makes it anew; a resumed one takes it, unless it is damaged.
    assert_eq!(made(&options(&out)), 1);
    let forget_outcomes = || {
        for id in ["toy", "second"] {
            fs::remove_file(out.join(id).join("outcome.json")).unwrap();
        }
    };
    forget_outcomes();
    assert_eq!(made(&resumed(&out)), 0);
    forget_outcomes();
    for entry in fs::read_dir(out.join("cache")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(made(&resumed(&out)), 1);
}

#[test]
fn an_earlier_runs_figures_do_not_stay() {
    static FIRST: AtomicBool = AtomicBool::new(true);
    const E: Experiment = Experiment {
        run: |ctx| {
            let name = if FIRST.swap(false, Ordering::SeqCst) {
                "first"
            } else {
                "second"
            };
            let plot = Plot::new("p", Axis::linear("x"), Axis::linear("y")).points("l", [(0.0, 0.0)]);
            ctx.plot(name, "A point.", &plot)?;
            ctx.measure(&ONE, 1.0)
        },
        ..TOY
    };
    let out = folder("stale");
    run(&[&E], &options(&out));
    // Somebody's own file in the folder is none of the runner's business.
    fs::write(out.join("toy").join("mine.txt"), "kept").unwrap();
    // Weights that no run has named this time are an earlier run's, too.
    fs::write(out.join("toy").join("weights.safetensors"), "old").unwrap();
    run(&[&E], &options(&out));
    assert!(!out.join("toy").join("first.svg").exists());
    assert!(!out.join("toy").join("weights.safetensors").exists());
    assert!(out.join("toy").join("second.svg").exists());
    assert!(out.join("toy").join("mine.txt").exists());
}
