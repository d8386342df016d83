//! Configurations that are written for people, and commands that they are told to give.

use std::process::Command;

use gibbsian_checkpoint::Checkpoint;
use gibbsian_core::Seed;
use ndarray::Array2;
use rand::RngExt;

use crate::common::{NINE, Place, bars, points};

#[test]
fn configurations_with_odd_names_can_be_read() {
    let place = Place::new("odd");
    let rows: String = (0..20)
        .map(|b| format!("{},{},red\n", b % 2, b / 2 % 2))
        .collect();
    place.write(
        "o\u{200b}dd.csv",
        format!("a,\"say \"\"b\"\" \\ \u{7f}\",col\u{a0}our\n{rows}"),
    );
    let said = place.run("new rbm --data @o\u{200b}dd.csv").fine().out;
    place.write("c.toml", &said);
    let table: toml::Table = toml::from_str(&said).unwrap();
    assert_eq!(table["data"]["label"].as_str(), Some("col\u{a0}our"));
    place
        .run("train @c.toml --out @run --quiet --set training.epochs=1")
        .fine();
    // What is told to be written can be read, too.
    place.write("c.toml", said.replace("label = ", "# label = "));
    let refused = place.run("train @c.toml --out @other --quiet").err;
    let cure = refused.split("data.label = ").nth(1).unwrap();
    let value = &cure[..=1 + cure[1..].find('"').unwrap()];
    let table: toml::Table = toml::from_str(&format!("label = {value}")).unwrap();
    assert_eq!(table["label"].as_str(), Some("col\u{a0}our"));
}

#[test]
fn paths_start_where_they_say() {
    let place = Place::new("origins");
    for folder in ["data", "cfg"] {
        std::fs::create_dir(place.path(folder)).unwrap();
    }
    place.table("data/x.csv", NINE, bars(40).view());
    let said = Command::new(env!("CARGO_BIN_EXE_gibbsian"))
        .current_dir(place.path(""))
        .args(["new", "rbm", "--data", "data/x.csv"])
        .output()
        .unwrap();
    place.write("cfg/run.toml", said.stdout);
    place
        .run("train @cfg/run.toml --out @run --quiet --set training.epochs=1")
        .fine();
    // The copy of a configuration in its run means the same file, and keeps what people wrote beside it.
    place.write(
        "cfg/mine.toml",
        "kind = \"rbm\"\n[data]\n# The bars of last year.\npath = \"../data/x.csv\" # mine\n[training]\nepochs = 1\n",
    );
    place.run("train @cfg/mine.toml --out @deep/er --quiet").fine();
    let shown = place.run("show @deep/er/config.toml").fine().out;
    assert!(!shown.contains("not there"), "{shown}");
    let copy = std::fs::read_to_string(place.path("deep/er/config.toml")).unwrap();
    assert!(
        copy.contains("# The bars of last year.") && copy.contains(" # mine"),
        "{copy}"
    );
    place
        .run("train @deep/er/config.toml --out @again --quiet")
        .fine();
}

#[test]
fn the_command_that_resumes_is_the_command_that_was_given() {
    let place = Place::new("command");
    place.table("x.csv", NINE, bars(40).view());
    place.write(
        "c.toml",
        "kind = \"rbm\"\n[data]\npath = \"x.csv\"\n[training]\nepochs = 2\n",
    );
    let line =
        "train @c.toml --out @run --quiet --set model.hidden=5 --seed 9 --set evaluation.method=\"exact\"";
    let answer = place.run(&format!("{line} --time-limit 0")).fine();
    let command = answer.out.split('`').nth(1).unwrap();
    assert!(command.contains("'evaluation.method=\"exact\"'"), "{command}");
    let arguments = command.strip_prefix("gibbsian ").unwrap().replace('\'', "");
    let resumed = place.run(&arguments).fine();
    assert!(resumed.err.contains("taken up at step 1"), "{}", resumed.err);
    assert_eq!(place.json("run/run.json")["seed"], 9);
    for limit in ["nan", "-5", "inf"] {
        let answer = place.run(&format!("train @c.toml --out @other --time-limit={limit}"));
        assert_eq!(answer.code, 2, "{limit}: {}{}", answer.out, answer.err);
        assert!(answer.err.contains("`--time-limit` is"), "{}", answer.err);
    }
}

#[test]
fn numbers_beyond_all_bounds_are_refused() {
    let place = Place::new("beyond");
    let mut rng = Seed::new(2).rng();
    let x = Array2::from_shape_fn((40, 4), |_| rng.random::<f64>());
    place.table("x.csv", "a,b,c,d", x.view());
    place.table("bars.csv", NINE, bars(40).view());
    for (kind, data, line) in [
        ("energy", "x.csv", "[training]\nbuffer = 4611686018427387904"),
        ("energy", "x.csv", "[training]\nepochs = 9223372036854775807"),
        ("score", "x.csv", "[training]\nepochs = 9223372036854775807"),
        ("rbm", "bars.csv", "[training]\nepochs = 9223372036854775807"),
        ("dbm", "bars.csv", "[training]\nepochs = 9223372036854775807"),
        (
            "dbm",
            "bars.csv",
            "[training]\npretraining_epochs = 9223372036854775807",
        ),
        (
            "rbm",
            "bars.csv",
            "picture = [4611686018427387904, 4611686018427387904]",
        ),
    ] {
        place.write(
            "c.toml",
            format!("kind = \"{kind}\"\n[data]\npath = \"{data}\"\n{line}\n"),
        );
        let answer = place.run("train @c.toml --out @run --quiet --time-limit 0");
        assert_eq!(answer.code, 2, "{kind} {line}: {}{}", answer.out, answer.err);
    }
}

#[test]
fn show_names_a_kind_that_fits() {
    let place = Place::new("fits");
    place.table("points.csv", "x,y", points(40).view());
    place.table("bars.csv", NINE, bars(40).view());
    place.write("votes.csv", votes("1\n", &["-1", "0", "1"]));
    for (file, kind) in [("points.csv", "score"), ("bars.csv", "rbm"), ("votes.csv", "rbm")] {
        let said = place.run(&format!("show @{file}")).fine().out;
        assert!(
            said.contains(&format!("next: gibbsian new {kind} --data")),
            "{said}"
        );
    }
}

#[test]
fn names_are_quoted_where_a_reader_would_part_them() {
    let place = Place::new("parted");
    for separator in [';', '|', '\t'] {
        let rows: String = (0..40).map(|b| format!("{}\n", b % 2)).collect();
        place.write("x.csv", format!("\"a{separator}b\"\n{rows}"));
        place.write(
            "c.toml",
            "kind = \"rbm\"\n[data]\npath = \"x.csv\"\n[model]\nhidden = 2\n[training]\nepochs = 1\n",
        );
        let _ = std::fs::remove_dir_all(place.path("run"));
        place.run("train @c.toml --out @run --quiet").fine();
        place.run("sample @run --n 20 --out @d.csv").fine();
        place.run("evaluate @run --data @d.csv").fine();
        assert_eq!(place.json("run/evaluation.json")["rows"], 20);
    }
}

#[test]
fn columns_of_two_numbers_are_left_to_other_kinds_unless_asked_for() {
    let place = Place::new("two");
    let x = points(60);
    let rows: String = (x.rows().into_iter().enumerate())
        .map(|(b, row)| format!("{},{},{}\n", row[0], row[1], b % 2))
        .collect();
    place.write("x.csv", format!("x,y,smokes\n{rows}"));
    let config = |keys: &str| {
        format!(
            "kind = \"score\"\n[data]\npath = \"x.csv\"\nscale = \"standardise\"\n{keys}\n[model]\nhidden = [4]\n[training]\nepochs = 1\n"
        )
    };
    place.write("c.toml", config(""));
    let refused = place.run("train @c.toml --out @run --quiet");
    assert!(
        refused.code == 2 && refused.err.contains("\"smokes\" has two numbers only"),
        "{}",
        refused.err
    );
    for keys in ["drop = [\"smokes\"]", "columns = [\"x\", \"smokes\"]"] {
        place.write("c.toml", config(keys));
        let _ = std::fs::remove_dir_all(place.path("run"));
        place.run("train @c.toml --out @run --quiet").fine();
    }
    let fitted = place.run("new score --data @x.csv").fine();
    assert!(
        fitted.out.contains("drop = [\"smokes\"]") && fitted.err.contains("two numbers only"),
        "{}{}",
        fitted.out,
        fitted.err
    );
}

/// A table of four columns `a, b, c, d` with these values in turn, and `last` in the fourth.
fn votes(last: &str, values: &[&str]) -> String {
    let value = |b: usize, k: usize| values[(b / values.len().pow(k as u32)) % values.len()];
    let row = |b: usize| format!("{},{},{},{last}", value(b, 0), value(b, 1), value(b, 2));
    std::iter::once("a,b,c,d\n".to_owned())
        .chain((0..54).map(row))
        .collect()
}

/// What a suggested configuration makes of a table keeps two values in every column that has more than one.
#[test]
fn suggested_bits_keep_what_varies() {
    let place = Place::new("bits");
    let mixed: String = (0..60)
        .map(|b| format!("{},{},{},{}\n", b % 2, b / 2 % 3, 1 + b / 6 % 2, b % 3 - 1))
        .collect();
    for (name, text, n_columns, n_varying) in [
        ("year", votes("1984\n", &["0", "1"]), 3, 3),
        ("zero", votes("0\n", &["-1", "0", "1"]), 4, 3),
        ("ranges", format!("a,b,c,d\n{mixed}"), 4, 4),
    ] {
        place.write("x.csv", text);
        for kind in ["rbm", "dbm"] {
            place.write(
                "c.toml",
                place.run(&format!("new {kind} --data @x.csv")).fine().out,
            );
            let quick = match kind {
                "rbm" => "--set training.epochs=1",
                _ => "--set training.epochs=1 --set training.pretraining_epochs=1",
            };
            let folder = format!("{name}-{kind}");
            let run = place
                .run(&format!("train @c.toml --out @{folder} {quick}"))
                .fine();
            assert!(!run.err.contains("are constant"), "{name}: {}", run.err);
            let weights = Checkpoint::read(place.path(&folder).join("weights.safetensors")).unwrap();
            let means = weights.record.f64s("data.means", &[n_columns]).unwrap();
            let found = means.iter().filter(|m| **m > 0.0 && **m < 1.0).count();
            assert_eq!(found, n_varying, "{name}: {means:?}");
        }
    }
    // A threshold that parts nothing of a column is said.
    place.write(
        "c.toml",
        "kind = \"rbm\"\n[data]\npath = \"x.csv\"\nbinarise = \"threshold\"\nthreshold = 1.5\n[training]\nepochs = 1\n",
    );
    let said = place.run("train @c.toml --out @lost").fine().err;
    assert!(
        said.contains("warning: 2 of 4 columns vary and are constant after data.threshold: \"a\", \"d\""),
        "{said}"
    );
}

/// One scale for all columns is for those that have one range.
#[test]
fn columns_of_several_ranges_are_scaled_each_by_its_own() {
    let place = Place::new("ranges");
    let people: String = (0..=90).map(|b| format!("7,{},{b}\n", b as f64 / 90.0)).collect();
    place.write("x.csv", format!("constant,fraction,age\n{people}"));
    let said = place.run("new rbm --data @x.csv").fine().out;
    assert!(said.contains("scale = \"unit\" "), "{said}");
    let answers: String = (0..50)
        .map(|b| format!("{},{}\n", 1 + b % 5, 1 + b / 5 % 5))
        .collect();
    place.write("x.csv", format!("p,q\n{answers}"));
    let said = place.run("new rbm --data @x.csv").fine().out;
    assert!(said.contains("scale = \"unit-together\""), "{said}");
}
