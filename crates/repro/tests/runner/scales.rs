//! A run of one scale never removes what a run of another has left: minutes would replace hours.

use std::fs;
use std::path::Path;

use gibbsian_repro::console::Console;
use gibbsian_repro::runner::{self, Options};
use gibbsian_repro::{Experiment, Scale};

use crate::toys::{ONE, Printed, TOY, folder, options, run};

fn full(out: &Path) -> Options {
    Options {
        scale: Scale::Full,
        ..options(out)
    }
}

/// What refuses a run.
fn refusal(experiment: &'static Experiment, options: &Options) -> String {
    let console = Console::piped(Printed::default(), Printed::default());
    runner::run(&[experiment], options, &console)
        .unwrap_err()
        .to_string()
}

#[test]
fn outcomes_of_another_scale_are_not_removed() {
    type Make = fn(&Path) -> Options;
    let pairs: [(Make, Make); 2] = [(full, options), (options, full)];
    for (first, second) in pairs {
        let out = folder("scales-outcome");
        run(&[&TOY], &first(&out));
        let files = ["toy/outcome.json", "ledger.json", "index.html"];
        let before = files.map(|file| fs::read(out.join(file)).unwrap());
        for resume in [false, true] {
            let other = Options {
                resume,
                ..second(&out)
            };
            let why = refusal(&TOY, &other);
            assert!(
                why.contains(&out.join("toy").display().to_string()) && why.contains("--out"),
                "{why}"
            );
            assert!(files.map(|file| fs::read(out.join(file)).unwrap()) == before);
        }
        // The same scale is free to run again, and so is the other one elsewhere or once the folder is gone.
        run(&[&TOY], &first(&out));
        fs::remove_dir_all(out.join("toy")).unwrap();
        run(&[&TOY], &second(&out));
    }
}

#[test]
fn checkpoints_of_another_scale_are_not_removed() {
    const E: Experiment = Experiment {
        run: |ctx| {
            fs::write(ctx.checkpoint_dir()?.join("step"), "2")?;
            Err("interrupted".into())
        },
        ..TOY
    };
    let out = folder("scales-checkpoints");
    run(&[&E], &full(&out));
    let step = out.join("toy/checkpoints/step");
    assert!(step.exists() && !out.join("toy/outcome.json").exists());
    refusal(&E, &options(&out));
    assert!(step.exists());
}

#[test]
fn what_experiments_of_another_scale_share_is_not_removed() {
    const A: Experiment = Experiment {
        run: |ctx| {
            ctx.shared("eight bytes", |seed, _| Ok(seed.value().to_le_bytes().to_vec()))?;
            ctx.measure(&ONE, 1.0)
        },
        ..TOY
    };
    const B: Experiment = Experiment { id: "second", ..TOY };
    let out = folder("scales-shared");
    run(&[&A], &full(&out));
    // The other experiment's folder is free, and what it would remove is not its own.
    assert!(refusal(&B, &options(&out)).contains("full scale"));
    let resumed = Options {
        resume: true,
        ..options(&out)
    };
    run(&[&B], &resumed);
    assert_eq!(fs::read_dir(out.join("cache")).unwrap().count(), 1);
}
