//! Everything that is refused says what, why, and what to do: kept word by word.

use crate::common::{NINE, Place, bars, points};

/// A configuration with changes `key = value` in sections, and perhaps other data.
struct Case {
    name: &'static str,
    kind: &'static str,
    data: &'static str,
    lines: &'static [&'static str],
}

const fn case(
    name: &'static str,
    kind: &'static str,
    data: &'static str,
    lines: &'static [&'static str],
) -> Case {
    Case {
        name,
        kind,
        data,
        lines,
    }
}

const CASES: &[Case] = &[
    case("a kind that is none", "gan", "bars.csv", &[]),
    case(
        "a key that is none",
        "rbm",
        "bars.csv",
        &["[model]", "hiden = 10"],
    ),
    case(
        "a section that is none",
        "rbm",
        "bars.csv",
        &["[modell]", "hidden = 10"],
    ),
    case(
        "a key of another kind",
        "score",
        "points.csv",
        &["[training]", "sweeps = 3"],
    ),
    case(
        "a negative number of units",
        "rbm",
        "bars.csv",
        &["[model]", "hidden = -5"],
    ),
    case("no hidden units", "rbm", "bars.csv", &["[model]", "hidden = 0"]),
    case(
        "one layer of a deep machine",
        "dbm",
        "bars.csv",
        &["[model]", "hidden = [10]"],
    ),
    case(
        "a learning rate of zero",
        "rbm",
        "bars.csv",
        &["[training]", "learning_rate = 0.0"],
    ),
    case(
        "a negative learning rate",
        "energy",
        "points.csv",
        &["[training]", "learning_rate = -0.1"],
    ),
    case(
        "a momentum of one",
        "rbm",
        "bars.csv",
        &["[training]", "momentum = 1.0"],
    ),
    case("no passes", "score", "points.csv", &["[training]", "epochs = 0"]),
    case(
        "an unknown algorithm",
        "rbm",
        "bars.csv",
        &["[training]", "algorithm = \"adam\""],
    ),
    case("a share of two", "rbm", "bars.csv", &["hold_out = 2.0"]),
    case("an unknown scale", "rbm", "bars.csv", &["scale = \"normal\""]),
    case(
        "a buffer smaller than a minibatch",
        "energy",
        "points.csv",
        &["[training]", "buffer = 10"],
    ),
    case(
        "decreasing rates of a process",
        "score",
        "points.csv",
        &["[model]", "beta = [20.0, 0.1]"],
    ),
    case(
        "a level of 95",
        "rbm",
        "bars.csv",
        &["[evaluation]", "level = 95.0"],
    ),
    case(
        "enumeration without end",
        "rbm",
        "bars.csv",
        &["[evaluation]", "exact_up_to = 60"],
    ),
    case(
        "a machine that does not fit",
        "rbm",
        "bars.csv",
        &["[model]", "hidden = 1000000000"],
    ),
    case(
        "a picture of another size",
        "rbm",
        "bars.csv",
        &["picture = [28, 28]"],
    ),
    case(
        "a column that is not there",
        "rbm",
        "bars.csv",
        &["drop = [\"z\"]"],
    ),
    case("nothing left", "rbm", "points.csv", &["drop = [\"x\", \"y\"]"]),
    case("a file that is not there", "rbm", "nothing.csv", &[]),
    case("a file of another program", "rbm", "data.xlsx", &[]),
    case("real numbers for binary units", "rbm", "points.csv", &[]),
    case("grey numbers for binary units", "rbm", "grey.csv", &[]),
    case(
        "coins without probabilities",
        "rbm",
        "points.csv",
        &["binarise = \"stochastic\""],
    ),
    case("a label among the features", "rbm", "label.csv", &[]),
    case(
        "numbers of rows among the features",
        "score",
        "counter.csv",
        &["scale = \"standardise\""],
    ),
    case("words", "rbm", "words.csv", &[]),
    case("a missing entry", "rbm", "missing.csv", &[]),
    case("an infinite entry", "score", "infinite.csv", &[]),
    case("lines of different lengths", "rbm", "ragged.csv", &[]),
    case("a few rows", "rbm", "few.csv", &[]),
    case("a constant column for a density", "energy", "constant.csv", &[]),
    case(
        "a constant column for scaling",
        "energy",
        "constant.csv",
        &["scale = \"standardise\""],
    ),
    case("numbers far from one for a network", "score", "large.csv", &[]),
    case(
        "coins for a density",
        "score",
        "grey.csv",
        &["binarise = \"stochastic\""],
    ),
    case("two numbers for a density", "energy", "grey.csv", &[]),
    case(
        "passes without end",
        "rbm",
        "bars.csv",
        &["[training]", "epochs = 9000000000000000000"],
    ),
    case(
        "a buffer that does not fit",
        "energy",
        "points.csv",
        &[
            "scale = \"standardise\"",
            "[training]",
            "buffer = 4611686018427387904",
        ],
    ),
    case(
        "columns of pictures",
        "rbm",
        "bytes-idx3-ubyte",
        &["drop = [\"1\"]"],
    ),
    case("labels in place of pictures", "rbm", "labels-idx1-ubyte", &[]),
];

fn place(name: &str) -> Place {
    let place = Place::new(name);
    place.table("bars.csv", NINE, bars(40).view());
    place.table("points.csv", "x,y", points(40).view());
    place.table("grey.csv", NINE, (bars(40) * 0.5).view());
    place.table("large.csv", "x,y", (points(40) * 100.0).view());
    place.write("data.xlsx", "PK");
    let rows = |f: &dyn Fn(usize) -> String| (0..20).map(f).collect::<String>();
    place.write(
        "label.csv",
        format!("a,b,class\n{}", rows(&|b| format!("{},1,{}\n", b % 2, b % 3))),
    );
    place.write(
        "counter.csv",
        format!(",x\n{}", rows(&|b| format!("{b},{}\n", (b * 7 % 5) as f64 / 3.0))),
    );
    place.write(
        "words.csv",
        format!("a,colour\n{}", rows(&|b| format!("{},red\n", b % 2))),
    );
    place.write(
        "missing.csv",
        format!(
            "a,b\n{}",
            rows(&|b| format!("{},{}\n", b % 2, if b == 4 { "" } else { "1" }))
        ),
    );
    place.write(
        "infinite.csv",
        format!(
            "x,z\n{}",
            rows(&|b| format!(
                "{},{}\n",
                b,
                if b == 2 { "inf".into() } else { (b % 5).to_string() }
            ))
        ),
    );
    place.write(
        "ragged.csv",
        format!(
            "a,b\n{}",
            rows(&|b| if b == 9 { "1\n".into() } else { "0,1\n".into() })
        ),
    );
    place.write("few.csv", "a,b\n0,1\n1,0\n");
    place.write(
        "constant.csv",
        format!("x,c\n{}", rows(&|b| format!("{},5\n", (b * 7 % 11) as f64 / 5.0))),
    );
    place.write("labels-idx1-ubyte", [0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3]);
    place.write(
        "bytes-idx3-ubyte",
        [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 255, 0],
    );
    place
}

#[test]
fn refusals_name_the_key_the_value_what_is_allowed_and_the_cure() {
    let place = place("refusals-refusals");
    let mut all = String::new();
    for case in CASES {
        let text = format!(
            "kind = \"{}\"\n[data]\npath = \"{}\"\n{}\n",
            case.kind,
            case.data,
            case.lines.join("\n")
        );
        place.write("c.toml", text);
        let answer = place.run("train @c.toml --out @run --quiet --memory 1");
        assert_eq!(answer.code, 2, "{}: {}{}", case.name, answer.out, answer.err);
        assert!(answer.out.is_empty(), "{}: {}", case.name, answer.out);
        let said = answer
            .err
            .split("error: ")
            .nth(1)
            .unwrap_or_else(|| panic!("{}: {}", case.name, answer.err))
            .to_owned();
        assert!(said.contains("cure: "), "{}: {said}", case.name);
        all += &format!("-- {}\n{}\n", case.name, place.anonymous(&said));
        // A folder left behind would turn the next attempt away.
        assert!(
            !std::path::Path::new(&place.path("run")).exists(),
            "{}",
            case.name
        );
    }
    as_kept("refusals.txt", &all);
}

#[test]
fn commands_refuse_what_they_cannot_use() {
    let place = place("refusals-commands");
    place.write(
        "c.toml",
        "kind = \"rbm\"\n[data]\npath = \"bars.csv\"\nmissing = \"drop-rows\"\n[model]\nhidden = 3\n[training]\nepochs = 1\n",
    );
    place.write("gaps.csv", format!("{NINE}\n,1,1,1,1,1,1,1,1\n"));
    place.run("train @c.toml --out @run --quiet").fine();
    place.write(
        "none.toml",
        "kind = \"rbm\"\n[data]\npath = \"bars.csv\"\nhold_out = 0\n[training]\nepochs = 1\n",
    );
    place.run("train @none.toml --out @none --quiet").fine();
    let mut all = String::new();
    for line in [
        "train @c.toml --out @run",
        "train @c.toml --out @bars.csv",
        "train @c.toml --out @new --set epochs",
        "train @c.toml --out @new --threads 0",
        "evaluate @nowhere",
        "evaluate @none",
        "evaluate @run --data @points.csv",
        "evaluate @run --data @grey.csv",
        "evaluate @run --data @gaps.csv --set evaluation.method=exact",
        "train @c.toml --out @new --time-limit nan",
        "train @c.toml --out @new --time-limit=-5",
        "evaluate @run --set training.epochs=3",
        "sample @run --n 0 --out @d.csv",
        "sample @run --n 5 --out @d.txt",
        "sample @run --n 5 --out @d.csv --figure @d.png",
        "sample @run --n 5 --out @d.csv --set sampling.thin=0",
    ] {
        let answer = place.run(&format!("{line} --quiet"));
        assert_eq!(answer.code, 2, "{line}: {}", answer.err);
        all += &format!("-- {line}\n{}", place.anonymous(&answer.err));
    }
    // A figure that cannot be drawn is refused before anything is.
    assert!(!place.path("d.csv").exists());
    as_kept("commands.txt", &all);
}

#[test]
fn training_that_diverges_is_a_failure_with_a_cure() {
    let place = place("refusals-diverging");
    place.write("c.toml", "kind = \"rbm\"\n[data]\npath = \"bars.csv\"\n[training]\nepochs = 50\nlearning_rate = 1e38\nfinal_learning_rate = 1e38\n");
    let answer = place.run("train @c.toml --out @run --quiet");
    assert_eq!(answer.code, 1, "{}", answer.err);
    assert!(
        answer.err.contains("lower training.learning_rate"),
        "{}",
        answer.err
    );
}

/// Requires a text to be the one that is kept, word by word. With the variable `GIBBSIAN_KEEP` set the text is kept anew instead, to be read before it is committed.
fn as_kept(name: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/laws/kept")
        .join(name);
    if std::env::var_os("GIBBSIAN_KEEP").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    for (found, kept) in text.lines().zip(kept.lines()) {
        assert_eq!(found, kept, "{}", path.display());
    }
    assert_eq!(text.lines().count(), kept.lines().count(), "{}", path.display());
}
