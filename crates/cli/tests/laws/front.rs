//! What a stranger meets first: help, configurations that fit, examples.

use crate::common::{NINE, Place, bars, examples, points};

#[test]
fn configurations_that_are_printed_are_taken() {
    let place = Place::new("new");
    let x = bars(40);
    let class = x.sum_axis(ndarray::Axis(1)).insert_axis(ndarray::Axis(1));
    let labelled = ndarray::concatenate![ndarray::Axis(1), x, class];
    place.table("bars.csv", &format!("{NINE},class"), labelled.view());
    place.table("points.csv", "x,y", points(40).view());
    for (kind, file) in [
        ("rbm", "bars.csv"),
        ("dbm", "bars.csv"),
        ("score", "points.csv"),
        ("energy", "points.csv"),
    ] {
        let general = place.run(&format!("new {kind}")).fine().out;
        place.write("general.toml", &general);
        let shown = place.run("show @general.toml").fine().out;
        assert!(shown.contains("data.csv, which is not there"), "{shown}");

        // The printed defaults are the defaults, so that a key that is left out means what its comment says.
        let parts = |text: &str| {
            let mut lines = text.lines();
            let seed = lines.next().unwrap().rsplit_once(", ").unwrap().1.to_owned();
            (seed, lines.next().unwrap().to_owned())
        };
        let mut short: String = general
            .lines()
            .take_while(|l| *l != "[model]")
            .filter(|l| !l.starts_with("seed = "))
            .map(|l| format!("{l}\n"))
            .collect();
        short += "[model]\n";
        place.write("short.toml", short);
        let (seed, recipe) = parts(&shown);
        assert!(
            general.contains(&format!("\n{} ", seed.replace(' ', " = "))),
            "{seed}\n{general}"
        );
        assert_eq!((seed, recipe), parts(&place.run("show @short.toml").fine().out));

        let fitted = place.run(&format!("new {kind} --data @{file}")).fine();
        place.write("fitted.toml", &fitted.out);
        let line = "train @fitted.toml --out @run --quiet --set training.epochs=1 --set training.batch=20";
        let more = if kind == "dbm" {
            " --set training.pretraining_epochs=1"
        } else {
            ""
        };
        place.run(&format!("{line}{more}")).fine();
        std::fs::remove_dir_all(place.path("run")).unwrap();
        if file == "bars.csv" {
            assert!(fitted.out.contains("label = \"class\""), "{}", fitted.out);
        } else {
            assert!(fitted.out.contains("scale = \"standardise\""), "{}", fitted.out);
        }
    }
}

#[test]
fn new_finds_scaling_and_pictures() {
    let place = Place::new("fit");
    let digits = examples().join("../../../data/tables/digits8x8.csv.gz");
    let votes = examples().join("../../../data/tables/house_votes_84.csv.gz");
    let answer = place.run(&format!("new rbm --data {}", digits.display())).fine();
    for said in [
        "label = \"65\"",
        "picture = [8, 8]",
        "scale = \"unit-together\"",
        "binarise = \"stochastic\"",
        "header = false",
    ] {
        assert!(answer.out.contains(said), "{said}\n{}", answer.out);
    }
    let answer = place.run(&format!("new rbm --data {}", votes.display())).fine();
    for said in [
        "label = \"class\"",
        "binarise = \"threshold\"",
        "threshold = 0.5",
        "header = true",
    ] {
        assert!(answer.out.contains(said), "{said}\n{}", answer.out);
    }
}

#[test]
fn examples_are_complete_and_their_data_are_there() {
    let place = Place::new("examples");
    let mut kinds = Vec::new();
    for entry in std::fs::read_dir(examples()).unwrap() {
        let path = entry.unwrap().path();
        let shown = place.run(&format!("show {}", path.display())).fine().out;
        assert!(!shown.contains("not there"), "{shown}");
        kinds.push(shown.split('"').nth(1).unwrap().to_owned());
        // Data, keys and model fit each other: one step of training.
        let out = place.path(&path.file_stem().unwrap().to_string_lossy());
        place
            .run(&format!(
                "train {} --out {} --quiet --time-limit 0",
                path.display(),
                out.display()
            ))
            .fine();
    }
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds, ["dbm", "energy", "rbm", "score"]);
}

#[test]
fn help_teaches_and_ends_well() {
    let place = Place::new("help");
    let help = place.run("--help").fine().out;
    for word in [
        "new",
        "train",
        "sample",
        "evaluate",
        "show",
        "gibbsian new rbm --data votes.csv",
        "Exit codes",
    ] {
        assert!(help.contains(word), "{word}\n{help}");
    }
    for command in ["new", "train", "sample", "evaluate", "show"] {
        let help = place.run(&format!("{command} --help")).fine().out;
        assert!(help.lines().count() > 5, "{help}");
    }
    assert!(place.run("--version").fine().out.starts_with("gibbsian 0."));
    assert_eq!(place.run("paint").code, 2);
    assert_eq!(place.run("").code, 2);
}

#[test]
fn the_process_has_the_exit_codes_and_streams_that_are_promised() {
    let program = || std::process::Command::new(env!("CARGO_BIN_EXE_gibbsian"));
    let answer = program().args(["new", "score"]).output().unwrap();
    assert_eq!(answer.status.code(), Some(0));
    assert!(
        String::from_utf8(answer.stdout)
            .unwrap()
            .contains("kind = \"score\"")
    );
    assert!(answer.stderr.is_empty());
    let answer = program().args(["train", "nothing.toml"]).output().unwrap();
    assert_eq!(answer.status.code(), Some(2));
    assert!(answer.stdout.is_empty());
    assert!(
        String::from_utf8(answer.stderr)
            .unwrap()
            .contains("cannot read the configuration nothing.toml")
    );
}

#[test]
fn a_pipe_gets_lines_of_progress() {
    let place = Place::new("progress");
    place.table("bars.csv", NINE, bars(100).view());
    place.write(
        "c.toml",
        "kind = \"rbm\"\n[data]\npath = \"bars.csv\"\n[training]\nepochs = 3\n",
    );
    let answer = place.run("train @c.toml --out @run").fine();
    assert!(
        answer.err.contains("training rbm: 1 of 3, epoch 1 of 3, loss"),
        "{}",
        answer.err
    );
    assert!(answer.out.contains("next: gibbsian evaluate"), "{}", answer.out);
}
