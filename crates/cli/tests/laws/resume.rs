//! Interrupted runs end with the bits of uninterrupted ones, for any number of threads.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{NINE, Place, bars, points};

const RBM: &str = "kind = \"rbm\"
[data]
path = \"bars.csv\"
[model]
hidden = 16
[training]
epochs = 40
batch = 20
checkpoint_every = 7
";

const ENERGY: &str = "kind = \"energy\"
[data]
path = \"points.csv\"
scale = \"standardise\"
[model]
hidden = [8]
[training]
epochs = 4
batch = 50
buffer = 60
checkpoint_every = 3
";

const DBM: &str = "kind = \"dbm\"
[data]
path = \"bars.csv\"
[model]
hidden = [6, 3]
[training]
pretraining_epochs = 3
epochs = 3
batch = 50
checkpoint_every = 2
";

const SCORE: &str = "kind = \"score\"
[data]
path = \"points.csv\"
scale = \"standardise\"
[model]
hidden = [8]
[training]
epochs = 4
batch = 50
checkpoint_every = 3
";

fn place(name: &str) -> Place {
    let place = Place::new(name);
    place.table("bars.csv", NINE, bars(200).view());
    place.table("points.csv", "x,y", points(200).view());
    for (name, text) in [
        ("rbm.toml", RBM),
        ("energy.toml", ENERGY),
        ("dbm.toml", DBM),
        ("score.toml", SCORE),
    ] {
        place.write(name, text);
    }
    place
}

fn same(place: &Place, a: &str, b: &str, file: &str) {
    let read = |run: &str| std::fs::read(place.path(run).join(file)).unwrap();
    assert!(read(a) == read(b), "{file} of {a} and {b} differ");
}

#[test]
fn a_run_that_is_stopped_again_and_again_ends_with_the_same_bits() {
    let place = place("resume");
    for kind in ["rbm", "dbm", "score", "energy"] {
        place
            .run(&format!(
                "train @{kind}.toml --out @{kind}-whole --quiet --threads 1"
            ))
            .fine();
        // No time at all: a step is made, and then the run stops. Twice, and then to the end with two threads.
        let line = format!("train @{kind}.toml --out @{kind}-parts --quiet");
        let first = place.run(&format!("{line} --time-limit 0")).fine();
        assert!(first.out.contains("stopped after 1 steps"), "{}", first.out);
        assert_eq!(place.run(&format!("evaluate @{kind}-parts")).code, 2);
        let second = place.run(&format!("{line} --resume --time-limit 0")).fine();
        assert!(second.err.contains("taken up at step 1"), "{}", second.err);
        place.run(&format!("{line} --resume --threads 2")).fine();
        for file in ["weights.safetensors", "log.csv", "run.json"] {
            same(&place, &format!("{kind}-whole"), &format!("{kind}-parts"), file);
        }
        // A finished run is left as it is.
        place.run(&format!("{line} --resume")).fine();
        same(
            &place,
            &format!("{kind}-whole"),
            &format!("{kind}-parts"),
            "weights.safetensors",
        );
    }
}

/// Kills a long training of this kind after its second checkpoint of a stage, goes on, and requires the bits of a whole one.
fn killed(kind: &str, stage: &str, config: &str) {
    let place = place(&format!("killed-{kind}"));
    let config = place.write("long.toml", config);
    place.run("train @long.toml --out @whole --quiet").fine();
    let program = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gibbsian"));
        command
            .arg("train")
            .arg(&config)
            .arg("--out")
            .arg(place.path("parts"))
            .args(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let mut child = program(&[]).spawn().unwrap();
    let checkpoint = place
        .path("parts/checkpoints")
        .join(stage)
        .join("checkpoint.previous.safetensors");
    let start = Instant::now();
    while !checkpoint.exists() && start.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        !place.path("parts/run.json").exists(),
        "it was too quick to be killed"
    );
    let again = program(&["--resume"]).status().unwrap();
    assert!(again.success());
    for file in ["weights.safetensors", "log.csv"] {
        same(&place, "whole", "parts", file);
    }
}

#[test]
fn a_process_that_is_killed_goes_on_where_it_was() {
    killed("rbm", "rbm", &RBM.replace("epochs = 40", "epochs = 1500"));
    // Fewer checkpoints: each waits for the disk.
    let rarely = |config: &str| {
        config
            .replace("checkpoint_every = 2", "checkpoint_every = 20")
            .replace("checkpoint_every = 3", "checkpoint_every = 20")
    };
    let dbm = rarely(DBM);
    killed("dbm", "dbm", &dbm.replace("\nepochs = 3", "\nepochs = 600"));
    let long = dbm.replace("pretraining_epochs = 3", "pretraining_epochs = 600");
    killed("pretraining", "layer-1", &long);
    killed(
        "score",
        "score",
        &rarely(SCORE).replace("epochs = 4", "epochs = 400"),
    );
    killed(
        "energy",
        "energy",
        &rarely(ENERGY).replace("epochs = 4", "epochs = 300"),
    );
}

#[test]
fn another_recipe_is_not_resumed() {
    let place = place("other");
    place
        .run("train @rbm.toml --out @run --quiet --time-limit 0")
        .fine();
    for change in [
        "--seed 5",
        "--set model.weight_scale=0.02",
        "--set data.hold_out=0.2",
    ] {
        let answer = place.run(&format!("train @rbm.toml --out @run --quiet --resume {change}"));
        assert_eq!(answer.code, 2, "{change}: {}", answer.err);
        assert!(answer.err.contains("resum"), "{}", answer.err);
    }
}

#[test]
fn a_run_of_another_kind_is_not_resumed() {
    let place = place("kinds");
    place
        .run("train @rbm.toml --out @run --quiet --time-limit 0")
        .fine();
    let answer = place.run("train @dbm.toml --out @run --quiet --resume");
    assert_eq!(answer.code, 2, "{}", answer.err);
    assert!(
        answer
            .err
            .contains("`kind` is \"dbm\", but must be \"rbm\", as that of the run in "),
        "{}",
        answer.err
    );
    // Nothing of it was begun.
    assert!(!place.path("run/checkpoints/layer-1").exists());
    place
        .run("train @rbm.toml --out @run --quiet --resume --set training.epochs=40")
        .fine();
}
