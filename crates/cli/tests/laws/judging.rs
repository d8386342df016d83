//! What is judged: the rows that were meant, as the model sees them, or nothing.

use ndarray::{Array2, s};

use crate::common::{Answer, NINE, Place, bars, log_probabilities, points};

const RBM: &str = "kind = \"rbm\"
[data]
path = \"x.csv\"
KEYS
[model]
hidden = 4
[training]
epochs = 5
[sampling]
warmup = 20
thin = 1
";

fn train(place: &Place, keys: &str) -> Answer {
    let _ = std::fs::remove_dir_all(place.path("run"));
    place.write("c.toml", RBM.replace("KEYS", keys));
    place.run("train @c.toml --out @run --quiet")
}

#[test]
fn rows_that_are_no_bits_are_not_judged() {
    let place = Place::new("bits");
    place.table("x.csv", NINE, bars(60).view());
    train(&place, "").fine();
    for by in [0.5, 8.3] {
        place.table("test.csv", NINE, (bars(5) * by).view());
        let answer = place.run("evaluate @run --data @test.csv --require-certificate");
        assert_eq!(answer.code, 2, "{}{}", answer.out, answer.err);
        assert!(
            answer
                .err
                .contains(&format!("has {by} in row 1 of the rows to judge")),
            "{}",
            answer.err
        );
        assert!(answer.out.is_empty() && !place.path("run/evaluation.json").exists());
    }
    // Wherever the only grey row falls, to the rows to learn from or to those held out, nothing is trained.
    let mut x = bars(40);
    x[[11, 3]] = 0.5;
    place.table("x.csv", NINE, x.view());
    for seed in 0..6 {
        let line = format!("train @c.toml --out @grey --quiet --set data.hold_out=0.5 --seed {seed}");
        let answer = place.run(&line);
        assert_eq!(answer.code, 2, "{seed}: {}", answer.err);
        assert!(answer.err.contains("\"d\" has 0.5"), "{}", answer.err);
    }
}

#[test]
fn draws_of_data_without_a_header_have_none() {
    let place = Place::new("headerless");
    let text: String = (bars(60).rows().into_iter())
        .map(|row| row.iter().map(f64::to_string).collect::<Vec<_>>().join(",") + "\n")
        .collect();
    place.write("x.csv", text);
    let fitted = place.run("new rbm --data @x.csv").fine().out;
    place.write("fitted.toml", fitted);
    place
        .run("train @fitted.toml --out @run --quiet --set training.epochs=2")
        .fine();
    place
        .run("sample @run --n 100 --out @d.csv --set sampling.warmup=20 --set sampling.thin=1")
        .fine();
    let shown = place.run("show @d.csv").fine().out;
    assert!(shown.contains("100 rows of 9 columns"), "{shown}");
    place.run("evaluate @run --data @d.csv").fine();
    assert_eq!(place.json("run/evaluation.json")["rows"], 100);
}

/// The draws of a machine with these keys of data, which are two numbers a column, as bits.
fn drawn_bits(place: &Place, low: f64, high: f64) -> Array2<f64> {
    place.run("sample @run --n 60 --out @d.csv").fine();
    let draws = place.values("d.csv");
    assert!(draws.iter().all(|v| *v == low || *v == high), "{draws}");
    draws.mapv(|v| f64::from(u8::from(v == high)))
}

#[test]
fn draws_are_judged_as_the_bits_that_were_drawn() {
    let place = Place::new("trips");
    // What the two numbers of the data are, how they become bits, and which two numbers draws then have.
    let cases = [
        (0.0, 1.0, "", [0.0, 1.0]),
        (0.0, 16.0, "scale = \"unit\"", [0.0, 16.0]),
        (
            0.0,
            16.0,
            "scale = \"unit-together\"\nbinarise = \"stochastic\"",
            [0.0, 16.0],
        ),
        (
            0.0,
            16.0,
            "scale = \"unit-together\"\nbinarise = \"threshold\"",
            [0.0, 16.0],
        ),
        (
            -7.0,
            -3.0,
            "scale = \"unit\"\nbinarise = \"stochastic\"",
            [-7.0, -3.0],
        ),
        (1.0, 2.0, "binarise = \"threshold\"\nthreshold = 1.5", [1.0, 2.0]),
        (3.0, 19.0, "binarise = \"threshold\"\nthreshold = 10", [9.5, 10.5]),
    ];
    for (low, high, keys, [below, above]) in cases {
        place.table("x.csv", NINE, (bars(60) * (high - low) + low).view());
        train(&place, keys).fine();
        let bits = drawn_bits(&place, below, above);
        let exact = log_probabilities(&place.rbm("run", 9, 4), bits.view());
        for seed in [1, 2] {
            place
                .run(&format!(
                    "evaluate @run --data @d.csv --out @rows.csv --seed {seed}"
                ))
                .fine();
            let said = place.column("rows.csv");
            assert!(
                (&said - &exact).iter().all(|d| d.abs() < 1e-6),
                "{keys}: {}",
                &said - &exact
            );
        }
    }
}

#[test]
fn numbers_that_scaling_rounds_come_back_as_bits() {
    let place = Place::new("rounded");
    for keys in [
        "scale = \"unit\"",
        "scale = \"unit\"\nbinarise = \"stochastic\"",
        "scale = \"standardise\"\nbinarise = \"threshold\"\nthreshold = 0",
    ] {
        for (offset, width) in [
            (1234.5678, 0.1),
            (-1e-3, 1e-3 / 3.0),
            (1e6 + 0.1, 1e-5),
            (-5.0, 1e3 / 7.0),
        ] {
            place.table("x.csv", NINE, (bars(60) * width + offset).view());
            train(&place, keys).fine();
            place.run("sample @run --n 60 --out @d.csv").fine();
            let draws = place.values("d.csv");
            let middle = |i: usize| {
                let column = draws.slice(s![.., i]);
                0.5 * (column.fold(f64::MAX, |a, b| a.min(*b)) + column.fold(f64::MIN, |a, b| a.max(*b)))
            };
            let bits =
                Array2::from_shape_fn((60, 9), |(b, i)| f64::from(u8::from(draws[[b, i]] > middle(i))));
            let exact = log_probabilities(&place.rbm("run", 9, 4), bits.view());
            place
                .run("evaluate @run --data @d.csv --out @rows.csv --quiet")
                .fine();
            let said = place.column("rows.csv");
            assert!(
                (&said - &exact).iter().all(|d| d.abs() < 1e-6),
                "{keys} {offset} {width}: {}",
                &said - &exact
            );
        }
    }
}

#[test]
fn zeros_and_ones_for_data_of_another_range_are_pointed_out() {
    let place = Place::new("other-range");
    place.table("x.csv", NINE, (bars(60) * 16.0).view());
    train(&place, "scale = \"unit-together\"\nbinarise = \"threshold\"").fine();
    place.table("bits.csv", NINE, bars(20).view());
    let answer = place.run("evaluate @run --data @bits.csv").fine();
    assert!(
        answer.err.contains("has nothing but zeros and ones"),
        "{}",
        answer.err
    );
    place.table("ink.csv", NINE, (bars(20) * 16.0).view());
    let answer = place.run("evaluate @run --data @ink.csv").fine();
    assert!(!answer.err.contains("warning"), "{}", answer.err);
}

#[test]
fn no_rows_are_not_judged_and_one_has_no_error() {
    let place = Place::new("few");
    place.table("x.csv", NINE, bars(60).view());
    train(&place, "binarise = \"stochastic\"\nmissing = \"drop-rows\"").fine();
    place.write("gaps.csv", format!("{NINE}\n{}", ",1,1,1,1,1,1,1,1\n".repeat(3)));
    let answer = place.run("evaluate @run --data @gaps.csv --require-certificate");
    assert_eq!(answer.code, 2, "{}{}", answer.out, answer.err);
    assert!(answer.err.contains("no row that can be judged"), "{}", answer.err);
    place.table("one.csv", NINE, bars(1).view());
    let answer = place.run("evaluate @run --data @one.csv").fine();
    assert!(
        !answer.out.contains("NaN") && answer.out.contains("one row has no standard error"),
        "{}",
        answer.out
    );
    assert!(place.json("run/evaluation.json")["standard_error"].is_null());
    let shown = place.run("show @run").fine().out;
    assert!(!shown.contains("NaN"), "{shown}");
}

/// A small run of real numbers `x.csv` with these keys of data.
fn network(place: &Place, kind: &str, keys: &str) {
    let _ = std::fs::remove_dir_all(place.path("run"));
    place.write(
        "c.toml",
        format!(
            "kind = \"{kind}\"\n[data]\npath = \"x.csv\"\nscale = \"standardise\"\n{keys}\n[model]\nhidden = [4]\n[training]\nepochs = 1\n"
        ),
    );
    place.run("train @c.toml --out @run --quiet").fine();
}

#[test]
fn columns_of_the_model_are_not_asked_about_again() {
    let place = Place::new("asked");
    let rows = |n: usize, f: &dyn Fn(usize) -> String| (0..n).map(f).collect::<String>();
    let judged = |test: &str| {
        place.write("test.csv", test);
        place.run("evaluate @run --data @test.csv --quiet").fine();
        assert_eq!(place.json("run/evaluation.json")["rows"], 3);
    };
    // A column that has the name of a label and was asked for.
    let row = |b: usize| format!("{},{}\n", (b * 7 % 11) as f64 / 5.0, b * 3 % 4);
    place.write("x.csv", format!("x,y\n{}", rows(40, &row)));
    network(&place, "score", "columns = [\"x\", \"y\"]");
    judged(&format!("x,y\n{}", rows(3, &row)));
    // Three rows that count up by chance, without a header.
    place.write(
        "x.csv",
        rows(40, &|b| {
            format!("{},{}\n", (b * 7 % 11) as f64 / 5.0, 30 + b * 3 % 17)
        }),
    );
    network(&place, "score", "");
    judged("0.5,41\n0.25,42\n1.5,43\n");
    // The same beside a label, so that the file has more columns than the model.
    place.write(
        "x.csv",
        rows(40, &|b| {
            format!("{},{},{}\n", (b * 7 % 11) as f64 / 5.0, 30 + b * 3 % 17, b % 2)
        }),
    );
    network(&place, "score", "label = \"3\"");
    judged("0.5,41,1\n0.25,42,0\n1.5,43,1\n");
}

#[test]
fn one_row_has_no_certificate_and_nothing_is_annealed_for_it() {
    let place = Place::new("one");
    place.table("x.csv", NINE, bars(60).view());
    train(&place, "").fine();
    place.table("test.csv", NINE, bars(1).view());
    let line = "evaluate @run --data @test.csv";
    let refused = |line: &str| {
        let answer = place.run(line);
        assert_eq!(answer.code, 2, "{}{}", answer.out, answer.err);
        assert!(
            answer.err.contains("one row has no certificate") && !answer.err.contains("temperatures"),
            "{}",
            answer.err
        );
    };
    refused(&format!("{line} --set evaluation.method=annealing"));
    place.run(line).fine();
    place.table("x.csv", "x,y", points(60).view());
    network(&place, "energy", "");
    place.table("test.csv", "x,y", points(1).view());
    refused(line);
}

#[test]
fn a_row_beyond_all_numbers_does_not_speak_against_training() {
    let place = Place::new("beyond-numbers");
    place.table("x.csv", "x,y", points(60).view());
    for kind in ["score", "energy"] {
        network(&place, kind, "");
        place.write("test.csv", "x,y\n8,20.5\n1e300,21\n9,20.5\n");
        let answer = place.run("evaluate @run --data @test.csv --quiet");
        assert_eq!(answer.code, 1, "{kind}: {}{}", answer.out, answer.err);
        assert!(!answer.err.contains("training"), "{kind}: {}", answer.err);
    }
}

#[test]
fn rows_that_are_judged_have_their_numbers_in_the_file() {
    let place = Place::new("gaps");
    place.table("x.csv", NINE, bars(60).view());
    train(&place, "missing = \"drop-rows\"").fine();
    let gap = ",1,1,1,1,1,1,1,1\n";
    let row = "0,1,0,0,1,0,0,1,0\n";
    place.write("test.csv", format!("{NINE}\n{row}{gap}{row}{row}{gap}{row}"));
    let answer = place.run("evaluate @run --data @test.csv --out @rows.csv").fine();
    assert!(
        answer.err.contains("warning: ")
            && answer
                .err
                .contains("2 of 6 rows with missing entries are left out"),
        "{}",
        answer.err
    );
    assert_eq!(place.values("rows.csv").column(0).to_vec(), [1.0, 3.0, 4.0, 6.0]);
    // So has a row that cannot be judged.
    place.write("grey.csv", format!("{NINE}\n{gap}{row}0.5{gap}"));
    let answer = place.run("evaluate @run --data @grey.csv");
    assert!(
        answer.code == 2 && answer.err.contains("has 0.5 in row 3 of"),
        "{}",
        answer.err
    );
}

#[test]
fn names_that_are_numbers_are_no_row_to_judge() {
    let place = Place::new("years");
    let rows = |n: usize| {
        let row = |b: usize| format!("{},{},{},{}\n", b % 3, b % 2, b / 2 % 2, b / 3 % 2);
        (0..n).map(row).collect::<String>()
    };
    place.write("x.csv", format!("class,2001,2002,2003\n{}", rows(60)));
    train(&place, "label = \"class\"").fine();
    place.run("sample @run --n 40 --out @d.csv").fine();
    let draws = std::fs::read_to_string(place.path("d.csv")).unwrap();
    assert!(draws.starts_with("2001,2002,2003\n"), "{draws}");
    let judged = |file: &str| {
        let answer = place.run(&format!("evaluate @run --data @{file} --quiet")).fine();
        (answer.err, place.json("run/evaluation.json")["rows"].clone())
    };
    let (said, n) = judged("d.csv");
    assert!(n == 40 && !said.contains("warning"), "{n}: {said}");
    // Arrays have no names.
    place.run("sample @run --n 40 --out @d.npy").fine();
    assert_eq!(judged("d.npy").1, 40);
    // With names for years, nobody knows which years rows without are of.
    let (_, without) = draws.split_once('\n').unwrap();
    place.write("without.csv", without);
    let answer = place.run("evaluate @run --data @without.csv");
    assert!(
        answer.code == 2
            && answer.err.contains("the first line of ")
            && answer
                .err
                .contains("is a row of numbers, but the columns of the model have names")
            && answer.err.contains("\"2001\", \"2002\", \"2003\""),
        "{}",
        answer.err
    );
}
