//! Files of data: what is understood, and what is made of it.

use gibbsian_core::Seed;
use rand::RngExt;

use crate::common::{NINE, Place, bars};

const RBM: &str = "kind = \"rbm\"
[data]
path = \"FILE\"
KEYS
[model]
hidden = 4
[training]
epochs = 2
";

fn train(place: &Place, file: &str, keys: &str) -> crate::common::Answer {
    let _ = std::fs::remove_dir_all(place.path("run"));
    place.write("c.toml", RBM.replace("FILE", file).replace("KEYS", keys));
    place.run("train @c.toml --out @run --quiet")
}

#[test]
fn separators_quotes_and_missing_entries() {
    let place = Place::new("text");
    let mut text = "\u{feff}\"one\";\"two; or three\";why\r\n".to_owned();
    let mut rng = Seed::new(1).rng();
    for b in 0..40 {
        let bit = || u8::from(b % 3 == 0);
        let missing = if b == 7 { "NA".into() } else { bit().to_string() };
        text += &format!(
            "{};{missing};{}\r\n",
            u8::from(rng.random::<bool>()),
            ["yes", "no"][b % 2]
        );
    }
    place.write("t.csv", text);
    let refused = train(&place, "t.csv", "label = \"why\"");
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("1 of 40 rows"), "{}", refused.err);
    let answer = train(&place, "t.csv", "label = \"why\"\nmissing = \"drop-rows\"").fine();
    assert!(
        answer.err.contains("fields separated by ';'")
            && answer.err.contains("1 of 40 rows with missing entries"),
        "{}",
        answer.err
    );
    let summary = place.json("run/run.json");
    assert_eq!(summary["columns"], serde_json::json!(["one", "two; or three"]));
    assert_eq!(summary["rows"], serde_json::json!([35, 4]));
    let shown = place.run("show @t.csv").fine().out;
    assert!(shown.contains("40 words, the first \"yes\" in line 2"), "{shown}");
    assert!(shown.contains("1 entries are missing"), "{shown}");
    // The names come back in the header, quoted where they must be.
    place.run("sample @run --n 10 --out @d.csv").fine();
    let draws = std::fs::read_to_string(place.path("d.csv")).unwrap();
    assert!(draws.starts_with("one,\"two; or three\"\n"), "{draws}");
}

#[test]
fn numbers_are_scaled_binarised_and_come_back() {
    let place = Place::new("scale");
    let x = bars(100) * 16.0 + 3.0;
    place.table("x.csv", NINE, x.view());
    let refused = train(&place, "x.csv", "");
    assert!(
        refused.code == 2 && refused.err.contains("data.scale = \"unit\""),
        "{}",
        refused.err
    );
    let refused = train(&place, "x.csv", "binarise = \"stochastic\"");
    assert!(
        refused.code == 2 && refused.err.contains("needs probabilities in [0, 1]"),
        "{}",
        refused.err
    );
    train(
        &place,
        "x.csv",
        "scale = \"unit-together\"\nbinarise = \"stochastic\"",
    )
    .fine();
    train(&place, "x.csv", "binarise = \"threshold\"\nthreshold = 10").fine();
    // Both show the machine the same bits, so that both runs have the same weights but for the scaling.
    train(&place, "x.csv", "scale = \"unit\"").fine();
    place.run("sample @run --n 20 --out @d.csv").fine();
    assert!(place.values("d.csv").iter().all(|v| *v == 3.0 || *v == 19.0));
}

#[test]
fn pictures_in_idx_files_are_tossed() {
    let place = Place::new("idx");
    let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, 30, 0, 0, 0, 4, 0, 0, 0, 4];
    bytes.extend((0..30 * 16).map(|i| (i * 37 % 256) as u8));
    place.write("x-idx3-ubyte", bytes);
    let refused = train(&place, "x-idx3-ubyte", "");
    assert!(
        refused.code == 2 && refused.err.contains("set data.binarise"),
        "{}",
        refused.err
    );
    for binarise in ["stochastic", "threshold"] {
        train(&place, "x-idx3-ubyte", &format!("binarise = \"{binarise}\"")).fine();
        let summary = place.json("run/run.json");
        assert_eq!(summary["picture"], serde_json::json!([4, 4]));
    }
    assert!(place.path("run/filters.png").exists());
    let shown = place.run("show @x-idx3-ubyte").fine().out;
    assert!(shown.contains("pictures of 4 x 4 pixels"), "{shown}");
}

#[test]
fn test_data_are_found_by_their_columns() {
    let place = Place::new("test");
    place.table("x.csv", NINE, bars(60).view());
    train(&place, "x.csv", "drop = [\"a\"]").fine();
    place.table(
        "short.csv",
        "b,c,d,e,f,g,h,i",
        bars(12).slice(ndarray::s![.., 1..]),
    );
    place.run("evaluate @run --data @short.csv").fine();
    let same = place.json("run/evaluation.json")["mean"].clone();
    place.table("long.csv", NINE, bars(12).view());
    place.run("evaluate @run --data @long.csv").fine();
    assert_eq!(place.json("run/evaluation.json")["mean"], same);
    place.table(
        "wrong.csv",
        "b,c,d,e,f,g,h,x",
        bars(12).slice(ndarray::s![.., 1..]),
    );
    let answer = place.run("evaluate @run --data @wrong.csv");
    assert!(
        answer.code == 2 && answer.err.contains("but the model has"),
        "{}",
        answer.err
    );
    place.table("x.csv", NINE, bars(61).view());
    let answer = place.run("evaluate @run");
    assert!(
        answer.code == 2 && answer.err.contains("has changed since training"),
        "{}",
        answer.err
    );
}

#[test]
fn arrays_of_numpy_are_read_and_written() {
    use gibbsian_data::{Header, read_npy_matrix, read_table, write_npy};
    let place = Place::new("npy");
    write_npy(place.path("x.npy"), &bars(60)).unwrap();
    train(&place, "x.npy", "").fine();
    place.run("sample @run --n 30 --out @d.npy").fine();
    let draws = read_npy_matrix(place.path("d.npy")).unwrap();
    assert_eq!(draws.dim(), (30, 9));
    // As text they are the same draws.
    place.run("sample @run --n 30 --out @d.csv").fine();
    let text = read_table(place.path("d.csv"), Header::Absent).unwrap();
    assert_eq!(text.into_values(), draws);

    let mut x = bars(60);
    x[[3, 1]] = f64::NAN;
    write_npy(place.path("nan.npy"), &x).unwrap();
    let refused = train(&place, "nan.npy", "");
    assert!(
        refused.code == 2 && refused.err.contains("missing entries, the first in row 4"),
        "{}",
        refused.err
    );
}

#[cfg(feature = "npz")]
#[test]
fn archives_of_numpy_are_read_by_the_names_of_their_arrays() {
    use gibbsian_data::NpzWriter;
    let place = Place::new("npz");
    let mut archive = NpzWriter::create(place.path("x.npz")).unwrap();
    archive.put("x", &bars(60)).unwrap();
    let pictures = bars(60)
        .mapv(|x| (255.0 * x) as u8)
        .into_shape_with_order((60, 3, 3))
        .unwrap();
    archive.put("pictures", &pictures).unwrap();
    archive.finish().unwrap();
    let refused = train(&place, "x.npz", "");
    assert!(
        refused.code == 2 && refused.err.contains("`data.array` is missing"),
        "{}",
        refused.err
    );
    train(&place, "x.npz", "array = \"x\"").fine();
    train(&place, "x.npz", "array = \"pictures\"\nbinarise = \"threshold\"").fine();
    assert_eq!(place.json("run/run.json")["picture"], serde_json::json!([3, 3]));
}

#[test]
fn a_row_that_was_taken_for_names_is_pointed_out() {
    let place = Place::new("iris");
    let rows: String = (0..60)
        .map(|b| {
            let [u, v] = [(b * 7 % 11) as f64 / 5.0, (b * 5 % 13) as f64 / 5.0];
            format!(
                "{},{},{}\n",
                5.1 + u,
                3.5 + v,
                ["Iris-setosa", "Iris-virginica"][b % 2]
            )
        })
        .collect();
    place.write("iris.data", rows);
    let config = |keys: &str| {
        format!(
            "kind = \"score\"\n[data]\npath = \"iris.data\"\nscale = \"standardise\"\n{keys}\n[model]\nhidden = [4]\n[training]\nepochs = 1\n"
        )
    };
    let said = |answer: &crate::common::Answer| {
        let says = |text: &str| answer.err.contains(text);
        says("warning: ") && says("though some of these are numbers") && says("set data.header = false")
    };
    assert!(said(&place.run("show @iris.data").fine()));
    assert!(
        place
            .run("new score --data @iris.data")
            .fine()
            .err
            .contains("set data.header = false")
    );
    for (keys, is_odd, n) in [
        ("label = \"Iris-setosa\"", true, 59),
        ("label = \"Iris-setosa\"\nheader = true", false, 59),
        ("label = \"3\"\nheader = false", false, 60),
    ] {
        let _ = std::fs::remove_dir_all(place.path("run"));
        place.write("c.toml", config(keys));
        let answer = place.run("train @c.toml --out @run --quiet").fine();
        assert_eq!(said(&answer), is_odd, "{keys}: {}", answer.err);
        let rows = &place.json("run/run.json")["rows"];
        assert_eq!(rows[0].as_u64().unwrap() + rows[1].as_u64().unwrap(), n);
    }
    // A line of names is one, and so is a line of numbers that data frames write.
    for header in ["a,b,c", "0,1,2"] {
        place.write("named.csv", format!("{header}\n{}", "5.1,3.5,red\n".repeat(12)));
        assert!(!said(&place.run("show @named.csv").fine()), "{header}");
    }
}

#[test]
fn monitors_look_at_all_of_a_sorted_table() {
    let place = Place::new("sorted");
    // Two thirds of the rows are zeros, and the last third ones.
    let n = 6000;
    let x = ndarray::Array2::from_shape_fn((n, 9), |(b, _)| f64::from(u8::from(b >= n / 3 * 2)));
    place.table("x.csv", NINE, x.view());
    place.write(
        "c.toml",
        "kind = \"rbm\"\n[data]\npath = \"x.csv\"\n[model]\nhidden = 2\nweight_scale = 1e-6\n[training]\nepochs = 1\nlearning_rate = 1e-6\nfinal_learning_rate = 1e-6\n",
    );
    place.run("train @c.toml --out @run --quiet").fine();
    let last = &place.json("run/run.json")["last"];
    // A machine of independent units that are on in a third of the rows: free energies of ones and zeros are 9 ln 2 apart, whose deviation over rows is √2/3 of that.
    let (p, apart) = (1.0 / 3.0_f64, 9.0 * 2.0_f64.ln());
    let spread = (p * (1.0 - p)).sqrt() * apart;
    // All 600 held-out rows and 2,000 of the others: five standard errors.
    let gap = last["free_energy_gap"].as_f64().unwrap();
    let error = spread * (1.0 / 600.0 + 1.0 / 2000.0_f64).sqrt();
    assert!(gap.abs() < 5.0 * error, "{gap} ± {error}");
    // 200 of the held-out rows, as many of a kind as there are but for one; of these 600, five standard errors.
    let exact = 9.0 * (p * p.ln() + (1.0 - p) * (1.0 - p).ln());
    let found = last["pseudo_log_likelihood"].as_f64().unwrap();
    let error = spread / 600.0_f64.sqrt();
    assert!(
        (found - exact).abs() < 5.0 * error + apart / 200.0,
        "{found} {exact} ± {error}"
    );
}

#[test]
fn tables_of_data_frames_without_names_are_read_with_their_index() {
    let place = Place::new("frame");
    let rows: String = (bars(40).rows().into_iter().enumerate())
        .map(|(b, row)| format!("{b},{},{},{}\n", row[0], row[1], row[5]))
        .collect();
    place.write("x.csv", format!(",0,1,2\n{rows}"));
    for keys in ["", "header = true"] {
        let refused = train(&place, "x.csv", keys);
        assert!(
            refused.code == 2 && refused.err.contains("set data.drop = [\"Unnamed: 0\"]"),
            "{}",
            refused.err
        );
    }
    let fitted = place.run("new rbm --data @x.csv").fine().out;
    assert!(fitted.contains("drop = [\"Unnamed: 0\"]"), "{fitted}");
    train(&place, "x.csv", "drop = [\"Unnamed: 0\"]").fine();
    let summary = place.json("run/run.json");
    assert_eq!(summary["columns"], serde_json::json!(["0", "1", "2"]));
    assert_eq!(summary["rows"], serde_json::json!([36, 4]));
    for file in ["x.csv", "d.csv"] {
        place.run("sample @run --n 40 --out @d.csv").fine();
        place.run(&format!("evaluate @run --data @{file} --quiet")).fine();
        assert_eq!(place.json("run/evaluation.json")["rows"], 40, "{file}");
    }
}

#[test]
fn rows_that_are_not_held_out_are_not_called_so() {
    let place = Place::new("none-held-out");
    place.table("x.csv", NINE, bars(30).view());
    let label = |keys: &str| {
        let answer = train(&place, "x.csv", keys).fine();
        let figure = place.path("run/pseudo-log-likelihood.svg");
        (answer.err, std::fs::read_to_string(figure).unwrap())
    };
    let (_, figure) = label("");
    assert!(figure.contains("held-out"), "{figure}");
    for (keys, is_warned) in [("hold_out = 0.01", true), ("hold_out = 0", false)] {
        let (said, figure) = label(keys);
        assert!(
            !figure.contains("held-out") && figure.contains("training"),
            "{figure}"
        );
        let warning = "warning: data.hold_out = 0.01 of 30 rows";
        assert_eq!(said.contains(warning), is_warned, "{said}");
        let refused = place.run("evaluate @run");
        let value = keys.trim_start_matches("hold_out = ");
        assert!(
            refused.err.contains(&format!("(data.hold_out = {value})")),
            "{}",
            refused.err
        );
    }
}

#[test]
fn a_spread_beyond_all_numbers_is_not_called_constant() {
    let place = Place::new("huge");
    let rows: String = (0..40)
        .map(|b| format!("{},{}\n", b * 7 % 11, ["1e308", "-1e308"][b % 2]))
        .collect();
    place.write("x.csv", format!("a,b\n{rows}"));
    for scale in ["unit", "unit-together", "standardise"] {
        let keys = format!("scale = \"{scale}\"\nbinarise = \"threshold\"");
        let refused = train(&place, "x.csv", &keys);
        assert!(
            refused.code == 2
                && refused.err.contains("beyond all numbers")
                && !refused.err.contains("is constant"),
            "{scale}: {}",
            refused.err
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_that_cannot_be_kept_is_refused_before_training() {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new("bytes-of-a-path");
    let folder = place.path("").join(OsStr::from_bytes(b"f\xFF"));
    std::fs::create_dir(&folder).unwrap();
    let table = place.table("x.csv", NINE, bars(40).view());
    std::fs::rename(table, folder.join("x.csv")).unwrap();
    let config = folder.join("c.toml");
    std::fs::write(&config, RBM.replace("FILE", "x.csv").replace("KEYS", "")).unwrap();
    let words: Vec<OsString> = vec![
        "train".into(),
        config.into(),
        "--out".into(),
        place.path("run").into(),
    ];
    let refused = Place::run_words(words);
    assert!(
        refused.code == 2 && refused.err.contains("`data.path` is ") && refused.err.contains("UTF-8"),
        "{}",
        refused.err
    );
    assert!(!place.path("run").exists());
}
