//! The committed data files against their manifest.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use gibbsian_data::{Header, LabelledTable, Mnist, load_fashion, read_idx, read_png, read_table};
use serde::Deserialize;
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    files: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: String,
    kind: Kind,
    shape: Vec<usize>,
    /// The names of a table's columns; a table without them has no header.
    columns: Option<Vec<String>>,
    compressed: Stored,
    raw: Stored,
    mean: Option<f64>,
    std: Option<f64>,
    first_label: Option<u8>,
    class_counts: Option<Vec<usize>>,
    licence: String,
    attribution: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Images,
    /// One PNG file; its raw bytes are the grey pixels.
    Picture,
    Labels,
    Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    bytes: usize,
    sha256: String,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data")
}

fn manifest() -> Manifest {
    serde_json::from_slice(&fs::read(directory().join("manifest.json")).unwrap()).unwrap()
}

fn check_stored(what: &str, bytes: &[u8], stored: &Stored) {
    let sha256: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(
        (bytes.len(), sha256.as_str()),
        (stored.bytes, stored.sha256.as_str()),
        "{what}"
    );
}

fn check_moments(entry: &Entry, pixels: &[u8]) {
    // Integer sums, so that the two moments are exact up to the last rounding.
    let n = pixels.len() as f64;
    let sum: u64 = pixels.iter().map(|&g| u64::from(g)).sum();
    let squares: u64 = pixels.iter().map(|&g| u64::from(g).pow(2)).sum();
    let mean = sum as f64 / (255.0 * n);
    let std = (squares as f64 / (255.0 * 255.0 * n) - mean * mean).sqrt();
    assert!(
        (mean - entry.mean.unwrap()).abs() < 1e-9,
        "{}: {mean}",
        entry.path
    );
    assert!((std - entry.std.unwrap()).abs() < 1e-9, "{}: {std}", entry.path);
}

fn check_labels(entry: &Entry, labels: &[u8]) {
    let expected = entry.class_counts.as_ref().unwrap();
    let mut counts = vec![0; expected.len()];
    for &label in labels {
        counts[usize::from(label)] += 1;
    }
    assert_eq!(labels.first().copied(), entry.first_label, "{}", entry.path);
    assert_eq!(counts, *expected, "{}", entry.path);
}

#[test]
fn every_file_is_what_the_manifest_says() {
    for entry in manifest().files {
        let path = directory().join(&entry.path);
        let compressed = fs::read(&path).unwrap();
        check_stored(&entry.path, &compressed, &entry.compressed);
        let raw = match entry.kind {
            Kind::Picture => read_png(&path).unwrap().as_bytes().to_vec(),
            _ => {
                let mut raw = Vec::new();
                GzDecoder::new(compressed.as_slice())
                    .read_to_end(&mut raw)
                    .unwrap();
                raw
            }
        };
        check_stored(&entry.path, &raw, &entry.raw);
        assert!(!entry.licence.is_empty() && !entry.attribution.is_empty());
        match entry.kind {
            Kind::Images => {
                let idx = read_idx(&path).unwrap();
                assert_eq!(idx.shape(), entry.shape);
                check_moments(&entry, idx.bytes());
            }
            Kind::Picture => {
                let picture = read_png(&path).unwrap();
                assert_eq!([picture.height(), picture.width()], entry.shape[..]);
                check_moments(&entry, picture.as_bytes());
            }
            Kind::Labels => {
                let idx = read_idx(&path).unwrap();
                assert_eq!(idx.shape(), entry.shape);
                check_labels(&entry, idx.bytes());
            }
            Kind::Table => {
                let header = if entry.columns.is_some() {
                    Header::Present
                } else {
                    Header::Absent
                };
                let table = read_table(&path, header).unwrap();
                assert_eq!(table.names(), entry.columns.as_deref());
                assert_eq!(table.values().shape(), entry.shape);
                let label = entry.shape[1] - 1;
                let labels: Vec<u8> = table.values().column(label).iter().map(|&v| v as u8).collect();
                check_labels(&entry, &labels);
            }
        }
    }
}

#[test]
fn no_file_is_missing_from_the_manifest() {
    let mut listed: Vec<String> = manifest().files.into_iter().map(|entry| entry.path).collect();
    listed.extend(["README.md".into(), "manifest.json".into()]);
    listed.sort();
    let mut found = Vec::new();
    for entry in fs::read_dir(directory()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "models" {
            // Weights that were made here have a list of their own.
            continue;
        }
        if path.is_dir() {
            for inner in fs::read_dir(&path).unwrap() {
                found.push(format!("{name}/{}", inner.unwrap().file_name().to_str().unwrap()));
            }
        } else {
            found.push(name);
        }
    }
    found.sort();
    assert_eq!(found, listed);
}

#[test]
fn mnist_is_the_published_one() {
    // These numbers are known from the literature and stand here apart from the manifest.
    let mnist = Mnist::load(directory().join("mnist")).unwrap();
    assert_eq!(
        (mnist.train.images().n(), mnist.test.images().n()),
        (60_000, 10_000)
    );
    assert_eq!(mnist.train.labels().as_slice()[..5], [5, 0, 4, 1, 9]);
    assert_eq!(mnist.test.labels().as_slice()[..5], [7, 2, 1, 0, 4]);
    let train = manifest()
        .files
        .into_iter()
        .find(|e| e.path.contains("train-images"))
        .unwrap();
    assert!((train.mean.unwrap() - 0.130_660).abs() < 5e-7);
    assert!((train.std.unwrap() - 0.308_108).abs() < 5e-7);
}

#[test]
fn the_clothes_are_the_first_of_the_published_test_set() {
    let clothes = load_fashion(directory().join("fashion")).unwrap();
    assert_eq!((clothes.images().n(), clothes.images().dim()), (2_000, 784));
    // An ankle boot, a pullover, two trousers and a shirt.
    assert_eq!(clothes.labels().as_slice()[..5], [9, 2, 1, 1, 6]);
    let error = load_fashion(directory().join("mnist")).unwrap_err().to_string();
    assert!(error.contains("t2k-images-idx3-ubyte.gz"), "{error}");
}

#[test]
fn a_directory_that_is_not_mnist_is_refused() {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("not-mnist");
    let _ = fs::remove_dir_all(&scratch);
    fs::create_dir_all(&scratch).unwrap();
    let refused = |words: &[&str]| {
        let text = Mnist::load(&scratch).unwrap_err().to_string();
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    };
    refused(&["open", "train-images-idx3-ubyte.gz"]);
    // The test pictures under the name of the training pictures.
    let mnist = directory().join("mnist");
    let train = scratch.join("train-images-idx3-ubyte.gz");
    fs::copy(mnist.join("t10k-images-idx3-ubyte.gz"), &train).unwrap();
    refused(&["train-images-idx3-ubyte.gz", "[10000, 28, 28]", "[60000, 28, 28]"]);
    // Labels where pictures belong, and without compression.
    fs::remove_file(&train).unwrap();
    let mut raw = Vec::new();
    let labels = fs::File::open(mnist.join("train-labels-idx1-ubyte.gz")).unwrap();
    GzDecoder::new(labels).read_to_end(&mut raw).unwrap();
    fs::write(scratch.join("train-images-idx3-ubyte"), raw).unwrap();
    refused(&["train-images-idx3-ubyte:", "[60000]", "[60000, 28, 28]"]);
}

#[test]
fn tables_are_the_published_ones() {
    let tables = directory().join("tables");
    // The first rows and the means as published with the data sets.
    let wine = LabelledTable::wine(&tables).unwrap();
    assert_eq!(wine.names().unwrap()[12], "proline");
    assert_eq!(
        wine.features().row(0).to_vec(),
        [
            14.23, 1.71, 2.43, 15.6, 127.0, 2.8, 3.06, 0.28, 2.29, 5.64, 1.04, 3.92, 1065.0
        ]
    );
    let cancer = LabelledTable::breast_cancer(&tables).unwrap();
    assert_eq!(cancer.names().unwrap()[29], "worst fractal dimension");
    assert_eq!(cancer.features()[[568, 0]], 7.76);
    assert_eq!(cancer.labels().as_slice()[568], 1);
    let digits = LabelledTable::digits(&tables).unwrap();
    assert!(digits.names().is_none());
    let pixels = digits.features();
    assert!(
        pixels
            .iter()
            .all(|v| v.fract() == 0.0 && (0.0..=16.0).contains(v))
    );
}

#[test]
fn votes_are_the_published_ones() {
    let votes = LabelledTable::house_votes(directory().join("tables")).unwrap();
    let unknown = |row: usize| votes.features().row(row).iter().filter(|v| **v == -1.0).count();
    assert!(votes.features().iter().all(|v| [-1.0, 0.0, 1.0].contains(v)));
    // 232 members are known in every vote, as published; one is known in none.
    assert_eq!((0..435).filter(|&row| unknown(row) == 0).count(), 232);
    assert_eq!((0..435).filter(|&row| unknown(row) == 16).count(), 1);
    // The first line of the published file: republican,n,y,n,y,y,y,n,n,n,y,?,y,y,y,n,y.
    assert_eq!(
        votes.features().row(0).to_vec(),
        [
            0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, -1.0, 1.0, 1.0, 1.0, 0.0, 1.0
        ]
    );
    // The names are in order: on the freeze of physicians' fees the parties were on two sides.
    assert_eq!(votes.names().unwrap()[3], "physician-fee-freeze");
    let shares = [0u8, 1].map(|party| {
        let labels = votes.labels().as_slice();
        let of_party = (0..435).filter(|&row| labels[row] == party && votes.features()[[row, 3]] >= 0.0);
        let ballots: Vec<f64> = of_party.map(|row| votes.features()[[row, 3]]).collect();
        ballots.iter().sum::<f64>() / ballots.len() as f64
    });
    assert!(shares[0] > 0.98 && shares[1] < 0.06, "{shares:?}");
}

#[test]
fn the_names_describe_the_columns() {
    // The area of a nucleus is that of a circle of its radius, up to its shape; the perimeter likewise.
    let cancer = LabelledTable::breast_cancer(directory().join("tables")).unwrap();
    let column = |name: &str| {
        let j = cancer.names().unwrap().iter().position(|n| n == name).unwrap();
        cancer.features().column(j).to_owned()
    };
    for part in ["mean", "worst"] {
        let radius = column(&format!("{part} radius"));
        let circles = [
            column(&format!("{part} area")) / (radius.mapv(|r| r * r) * std::f64::consts::PI),
            column(&format!("{part} perimeter")) / (radius * std::f64::consts::TAU),
        ];
        assert!(circles.iter().flatten().all(|ratio| (0.7..1.5).contains(ratio)));
    }
}

#[test]
fn a_table_that_is_another_one_is_refused() {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("not-wine");
    let _ = fs::remove_dir_all(&scratch);
    fs::create_dir_all(&scratch).unwrap();
    let refused = |words: &[&str]| {
        let text = LabelledTable::wine(&scratch).unwrap_err().to_string();
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    };
    let place = scratch.join("wine_data.csv.gz");
    refused(&["open", "wine_data.csv.gz"]);
    fs::copy(directory().join("tables/breast_cancer.csv.gz"), &place).unwrap();
    refused(&[
        "30 measurements",
        "[212, 357, 0]",
        "13 measurements",
        "[59, 71, 48]",
    ]);
    fs::write(&place, "a,class\n1,0\n2,0.5\n").unwrap();
    refused(&["the class of row 1", "0.5", "a whole number"]);
    fs::write(&place, "a,class\n1,0\n2,3\n").unwrap();
    refused(&["labels[1]", "3", "below the number of classes"]);
    fs::write(&place, "class\n1\n").unwrap();
    refused(&["[1, 1]", "at least 2"]);
}
