//! Stores of draws: the layout that ArviZ reads, and damage that is found.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use gibbsian_core::{Layout, Seed};
use gibbsian_samplers::{Contents, DrawStore};
use ndarray::{Array3, s};
use rand::RngExt;

use crate::{files, fresh, put};

fn contents(n_chains: usize, draws_per_chunk: usize) -> Contents {
    Contents {
        n_chains,
        variables: Layout::new()
            .with("mean", &[2])
            .with("scale", &[])
            .with("weights", &[1, 2]),
        statistics: vec!["lp".into(), "diverging".into(), "tree_depth".into()],
        draws_per_chunk,
        description: "numbers that a formula \"gives\"".into(),
    }
}

/// Draws and statistics that a reader in another language can compute again.
fn numbers(n_chains: usize, n_draws: usize) -> (Array3<f64>, Array3<f64>) {
    let draws = Array3::from_shape_fn((n_chains, n_draws, 5), |(c, d, i)| {
        (((c * 7 + d * 13 + i * 29) * 31) % 101) as f64 / 7.0
    });
    let statistics = Array3::from_shape_fn((3, n_chains, n_draws), |(k, c, d)| match k {
        0 => -(((c * 5 + d * 11) % 17) as f64) / 3.0,
        1 => f64::from((c + d) % 5 == 0),
        _ => ((c + d) % 4) as f64,
    });
    (draws, statistics)
}

fn written(path: &Path, n_chains: usize, n_draws: usize, draws_per_chunk: usize) -> DrawStore {
    let (draws, statistics) = numbers(n_chains, n_draws);
    let mut store = DrawStore::create(path, contents(n_chains, draws_per_chunk)).unwrap();
    store.append(draws.view(), statistics.view()).unwrap();
    store
}

/// A line a file: its path, and its text or its bytes.
fn listing(directory: &Path) -> String {
    let mut lines = String::new();
    for (name, bytes) in files(directory) {
        let is_text = name.rsplit('/').next().unwrap().starts_with(".z");
        let body = if is_text {
            String::from_utf8(bytes)
                .unwrap()
                .replace(env!("CARGO_PKG_VERSION"), "VERSION")
        } else {
            bytes.iter().map(|b| format!("{b:02x}")).collect()
        };
        lines += &format!("{name} {}\n", body.trim_end());
    }
    lines
}

#[test]
fn the_layout_is_the_one_that_arviz_was_seen_to_read() {
    let path = fresh("golden.zarr");
    written(&path, 2, 3, 2);
    let found = listing(&path);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/draw_store.txt");
    let expected = fs::read_to_string(golden).unwrap();
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.lines().count(), expected.lines().count());
}

/// Leaves the store that `tests/reference/read_draws.py` reads with ArviZ.
#[test]
fn draws_come_back_and_do_not_depend_on_how_they_were_written() {
    let path = fresh("formula.zarr");
    let store = written(&path, 4, 250, 100);
    let (draws, statistics) = numbers(4, 250);
    assert_eq!(DrawStore::open(&path).unwrap(), store);
    assert_eq!(store.draws().unwrap(), draws);
    for (i, name) in ["lp", "diverging", "tree_depth"].into_iter().enumerate() {
        assert_eq!(
            store.statistic(name).unwrap(),
            statistics.slice(s![i, .., ..]),
            "{name}"
        );
    }
    assert!(
        store
            .statistic("energy")
            .unwrap_err()
            .to_string()
            .contains("`statistic` is energy")
    );

    let pieces = fresh("pieces.zarr");
    let mut store = DrawStore::create(&pieces, contents(4, 100)).unwrap();
    assert_eq!(
        DrawStore::open(&pieces).unwrap().draws().unwrap().dim(),
        (4, 0, 5)
    );
    for bounds in [0, 1, 40, 100, 230, 230, 249, 250].windows(2) {
        let new = bounds[0]..bounds[1];
        store
            .append(
                draws.slice(s![.., new.clone(), ..]),
                statistics.slice(s![.., .., new]),
            )
            .unwrap();
        // Another process may go on.
        store = DrawStore::open(&pieces).unwrap();
    }
    assert_eq!(files(&pieces), files(&path));
}

#[test]
fn numbers_keep_their_bits() {
    let contents = Contents {
        n_chains: 1,
        variables: Layout::new().with("x", &[7]),
        statistics: vec![],
        draws_per_chunk: 1,
        description: String::new(),
    };
    let odd = [
        f64::NAN,
        -0.0,
        f64::INFINITY,
        f64::MIN_POSITIVE / 8.0,
        f64::MAX,
        0.1,
        f64::NEG_INFINITY,
    ];
    let draws = Array3::from_shape_fn((1, 1, 7), |(_, _, i)| odd[i]);
    let mut store = DrawStore::create(fresh("bits.zarr"), contents).unwrap();
    store
        .append(draws.view(), Array3::zeros((0, 1, 1)).view())
        .unwrap();
    let back = store.draws().unwrap();
    assert!(back.iter().zip(odd).all(|(a, b)| a.to_bits() == b.to_bits()));
    // A group without arrays would be no group to readers.
    assert!(!store.path().join("sample_stats").exists());
}

/// Whether all of a store can be read, or the error.
fn read_all(path: &Path) -> Result<Array3<f64>, String> {
    let store = DrawStore::open(path).map_err(|e| e.to_string())?;
    for name in ["lp", "diverging", "tree_depth"] {
        store.statistic(name).map_err(|e| e.to_string())?;
    }
    store.draws().map_err(|e| e.to_string())
}

#[test]
fn damage_is_found_wherever_it_is() {
    let path = fresh("damaged.zarr");
    written(&path, 2, 3, 2);
    let good = files(&path);
    let mut rng = Seed::new(5).rng();
    let mut n_cases = 0;
    for (name, bytes) in &good {
        // The small metadata files are for readers that do not know the consolidated ones, and the places along axes for those who name them.
        let small = name != ".zmetadata" && name.contains(".z");
        let places = ["chain", "draw", "_dim_"].iter().any(|dim| name.contains(dim));
        if small || places {
            continue;
        }
        let file = path.join(name);
        let mut expect_error = |what: &str| {
            let refusal = read_all(&path).expect_err(&format!("{name}: {what}"));
            assert!(refusal.contains(name), "{name}, {what}: {refusal}");
            n_cases += 1;
        };
        // In place, because emptying a file takes file systems a hundred times as long.
        let mut open = fs::OpenOptions::new().write(true).open(&file).unwrap();
        for (i, byte) in bytes.iter().enumerate() {
            let mut set = |byte: u8| {
                open.seek(SeekFrom::Start(i as u64)).unwrap();
                open.write_all(&[byte]).unwrap();
            };
            set(byte ^ (1 << rng.random_range(0..8)));
            expect_error(&format!("byte {i} changed"));
            set(*byte);
        }
        for n in (0..bytes.len()).rev().step_by(83).chain([0]) {
            open.set_len(n as u64).unwrap();
            // Before anything is allocated for it.
            assert!(DrawStore::open(&path).is_err());
            expect_error(&format!("cut to {n} bytes"));
        }
        fs::write(&file, [bytes.as_slice(), b" "].concat()).unwrap();
        expect_error("one byte more");
        fs::remove_file(&file).unwrap();
        expect_error("missing");
        fs::write(&file, bytes).unwrap();
    }
    assert!(n_cases > 3000, "{n_cases}");
    assert_eq!(read_all(&path).unwrap(), numbers(2, 3).0);
}

#[test]
fn hostile_metadata_are_errors() {
    let path = fresh("hostile.zarr");
    written(&path, 2, 3, 2);
    let text = String::from_utf8(files(&path)[".zmetadata"].clone()).unwrap();
    let replaced = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    };
    for (bad, part) in [
        (
            replaced("\"n_draws\":3", "\"n_draws\":4"),
            "something else from byte",
        ),
        (
            replaced("\"n_chains\":2", "\"n_chains\":18446744073709551615"),
            "too large",
        ),
        (
            replaced("\"draws_per_chunk\":2", "\"draws_per_chunk\":4611686018427387904"),
            "too large",
        ),
        (
            replaced("\"draws_per_chunk\":2", "\"draws_per_chunk\":0"),
            "at least 1",
        ),
        (
            replaced("[\"mean\",[2]]", "[\"mean\",[4294967296,4294967296,2]]"),
            "too large",
        ),
        (
            replaced("[\"mean\",[2]]", "[\"mean\",[1,1,1,1,1,1,1,1,1,2]]"),
            "too large",
        ),
        (
            replaced("[\"mean\",[2]]", "[\"../../mean\",[2]]"),
            "letters, digits",
        ),
        (replaced("\"format\":1", "\"format\":2"), "format 2"),
        (
            replaced("\"format\":1", "\"format\":1,\"more\":1"),
            "unknown field",
        ),
        (replaced("[\"mean\",[2]]", &"[\"a\",[]],".repeat(1000)), "error"),
        (
            replaced(
                "[\"mean\",[2]]",
                &format!("{}[\"b\",[]]", "[\"a\",[]],".repeat(1000)),
            ),
            "arrays in",
        ),
        ("[".repeat(100_000), "error"),
        (String::new(), "error"),
        ("{\"metadata\":{}}".into(), "error"),
        (" ".repeat((1 << 20) + 1), "no more than a mebibyte"),
    ] {
        fs::write(path.join(".zmetadata"), &bad).unwrap();
        let refusal = DrawStore::open(&path).unwrap_err().to_string();
        assert!(
            refusal.contains(part) && refusal.contains(".zmetadata"),
            "{part}: {refusal}"
        );
    }
}

#[test]
fn what_cannot_be_stored_is_refused_by_name() {
    let refusal = |contents: Contents| {
        let path = fresh("refused.zarr");
        let refusal = DrawStore::create(&path, contents).unwrap_err().to_string();
        assert!(!path.exists());
        refusal
    };
    let with = |variables: Layout, statistics: &[&str]| Contents {
        variables,
        statistics: statistics.iter().map(|n| (*n).to_owned()).collect(),
        ..contents(2, 5)
    };
    let x = || Layout::new().with("x", &[2]);
    for (contents, part) in [
        (contents(0, 5), "`n_chains`"),
        (contents(2, 0), "`draws_per_chunk`"),
        (contents(2, usize::MAX / 64), "can be counted"),
        (with(Layout::new(), &[]), "`variables.n_params`"),
        (with(x().with("nothing", &[0]), &[]), "`nothing`"),
        (with(x().with("x", &[1]), &[]), "not taken"),
        (with(x().with("draw", &[1]), &[]), "no axis has"),
        (with(x().with("x_dim_0", &[1]), &[]), "no axis has"),
        (with(x().with("", &[1]), &[]), "1 to 100 bytes"),
        (with(x().with("a/b", &[1]), &[]), "`a/b`"),
        (with(x().with("..", &[1]), &[]), "`..`"),
        (with(x().with("a".repeat(101), &[1]), &[]), "1 to 100 bytes"),
        (with(x().with("deep", &[1; 9]), &[]), "at most 8 axes"),
        (with(x(), &["lp", "lp"]), "not taken"),
        (with(x(), &["chain"]), "no axis has"),
        (with(x().with("y", &[1]), &[&"s".repeat(101)]), "1 to 100 bytes"),
        (
            with(
                (0..5000).fold(x(), |layout, i| layout.with(format!("v{i}"), &[])),
                &[],
            ),
            "bytes of names and shapes",
        ),
    ] {
        let refusal = refusal(contents);
        assert!(refusal.contains(part), "{part}: {refusal}");
    }

    let path = fresh("taken.zarr");
    let mut store = written(&path, 2, 3, 2);
    let again = DrawStore::create(&path, contents(2, 2)).unwrap_err().to_string();
    assert!(again.contains("not written over another"), "{again}");
    let before = files(&path);
    let (draws, statistics) = numbers(2, 3);
    assert!(
        store
            .append(draws.slice(s![..1, .., ..]), statistics.view())
            .is_err()
    );
    assert!(
        store
            .append(draws.slice(s![.., .., ..4]), statistics.view())
            .is_err()
    );
    assert!(
        store
            .append(draws.view(), statistics.slice(s![..2, .., ..]))
            .is_err()
    );
    assert!(
        store
            .append(draws.view(), statistics.slice(s![.., .., ..2]))
            .is_err()
    );
    for (index, name, value) in [
        (1, "diverging", 0.5),
        (2, "tree_depth", 1.5),
        (2, "tree_depth", f64::NAN),
    ] {
        let mut bad = statistics.clone();
        bad[[index, 1, 2]] = value;
        let refusal = store.append(draws.view(), bad.view()).unwrap_err().to_string();
        assert!(refusal.contains(name), "{refusal}");
    }
    // What was refused left no trace, and a store is found again where it was.
    assert_eq!(files(&path), before);
    put(&fresh("copied.zarr"), &before);
    assert_eq!(read_all(&fresh_path("copied.zarr")).unwrap(), draws);
}

/// The path of a store that a test has made.
fn fresh_path(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("driver").join(name)
}
