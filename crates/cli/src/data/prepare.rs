//! Selecting and splitting; and the refusal of data that would be learnt wrongly.

use std::path::Path;
use std::sync::Arc;

use gibbsian_checkpoint::fingerprint_of;
use gibbsian_core::{Dataset, Record, Seed, Streams, Values};
use gibbsian_data::hold_out;
use ndarray::{Array1, Array2, Axis};

use super::bits::levelled;
use super::file::{DataFile, Rows};
use super::survey;
use super::{Binarise, DataKeys, Missing, Transform};
use crate::failure::{Failure, OrRefuse, Result, toml_text};

/// Fewer rows than these are refused.
const FEWEST_ROWS: usize = 10;

/// Rows that can be looked at from several threads.
pub(crate) type View = Arc<dyn Dataset + Send>;

/// What a model is trained on and judged by.
pub(crate) struct Prepared {
    /// The names of the columns that are modelled.
    pub names: Vec<String>,
    /// Whether these are the file's own, and not numbers in their place.
    pub is_named: bool,
    /// Height and width of pictures.
    pub picture: Option<(usize, usize)>,
    /// From the numbers of the file to those that the model sees.
    pub transform: Transform,
    /// The rows to learn from.
    pub train: View,
    /// The rows to judge by, unless none are kept.
    pub held_out: Option<View>,
    /// The mean of every column of the training rows, as the model sees them.
    pub means: Array1<f64>,
    /// The SHA-256 of all numbers.
    pub fingerprint: String,
    /// What was done, for people.
    pub notes: Vec<String>,
}

impl Prepared {
    /// Reads the file of `[data]` and makes of it what the keys say; `seed` decides which rows are held out.
    pub(crate) fn read(path: &Path, keys: &DataKeys, seed: Seed) -> Result<Self> {
        let file = DataFile::read(path, keys.header, keys.array.as_deref())?;
        let mut notes = vec![format!(
            "{}: {} rows of {} columns; {}",
            path.display(),
            file.n_rows(),
            file.names.len(),
            file.account
        )];
        notes.extend(file.odd_header().map(|warning| format!("warning: {warning}")));
        let selected = select(file, keys, &mut notes)?;
        let n = selected.n_rows();
        if n < FEWEST_ROWS {
            return Err(Failure::key(
                "data.path",
                format!("{} with {n} rows", path.display()),
                format!("a file with at least {FEWEST_ROWS} rows that can be used"),
                "more data; where rows are columns, transpose the file",
            ));
        }
        let picture = picture_of(&selected, keys, &mut notes)?;
        let fingerprint = fingerprint(&selected.rows);
        let (names, is_named) = (selected.names, selected.is_named);
        let n_held_out = (keys.hold_out * n as f64).round() as usize;
        let (kept, held) = match n_held_out {
            0 => ((0..n).collect(), Vec::new()),
            n_held_out => {
                let split =
                    hold_out(n, n_held_out, seed.child("hold out")).or_refuse("lower data.hold_out")?;
                (split.kept, split.held_out)
            }
        };
        notes.push(format!(
            "{} rows to learn from, {} held out",
            kept.len(),
            held.len()
        ));
        let transform = Transform::fitted(&selected.rows, &kept, &names, keys)?;
        let (train, means) = transform.view(&selected.rows, &kept, &names, true)?;
        if picture.is_none() && keys.binarise == Binarise::Threshold {
            notes.extend(levelled(&selected.rows, &names, &means));
        }
        let held_out = match held.len() {
            0 => None,
            _ => Some(transform.view(&selected.rows, &held, &names, false)?.0),
        };
        Ok(Prepared {
            names,
            is_named,
            picture,
            transform,
            train,
            held_out,
            means,
            fingerprint,
            notes,
        })
    }

    /// The number of columns.
    pub(crate) fn dim(&self) -> usize {
        self.train.dim()
    }
}

/// The rows of a view, or `n` of them chosen at random where there are more, in their order; the same at every call: rows are chosen and coins are tossed from `seed`.
///
/// The first rows would be one class of a table that is sorted by classes.
pub(crate) fn fixed_rows(view: &View, n: usize, seed: Seed) -> Result<Array2<f64>> {
    let n_points = view.n_points();
    let rows = if n < n_points {
        hold_out(n_points, n, seed.child("which"))?.held_out
    } else {
        (0..n_points).collect()
    };
    Ok(view.rows(&rows, Streams::from_key(seed.child("toss").value())))
}

/// The places of `k` of `n` rows, evenly spread: `⌊c n / k⌋` for `c = 0, …, k − 1`. Where there are fewer than `k`, all of them again and again.
pub(crate) fn spread_rows(n: usize, k: usize) -> Vec<usize> {
    (0..k).map(|c| if k > n { c % n } else { c * n / k }).collect()
}

/// Leaves out what is not modelled, and refuses what should not be.
pub(super) fn select(file: DataFile, keys: &DataKeys, notes: &mut Vec<String>) -> Result<DataFile> {
    let Rows::Table(values) = &file.rows else {
        refuse_columns_of_pictures(&file, keys)?;
        return Ok(file);
    };
    for (key, names) in [
        ("data.columns", keys.columns.as_deref().unwrap_or_default()),
        ("data.drop", keys.drop.as_slice()),
        ("data.label", keys.label.as_slice()),
    ] {
        if let Some(name) = names.iter().find(|name| !file.names.contains(name)) {
            let how = if file.is_named {
                "by their names"
            } else {
                "by their numbers from 1, as the file has no header"
            };
            return Err(Failure::key(
                key,
                format!("{name:?}"),
                format!("among the columns {}", listed(&file.names)),
                format!(
                    "name columns {how}; `gibbsian show {}` lists them",
                    file.path.display()
                ),
            ));
        }
    }
    let is_left_out = |name: &String| keys.drop.contains(name) || keys.label.as_ref() == Some(name);
    let is_wanted = |name: &&String| keys.columns.as_ref().is_none_or(|columns| columns.contains(name));
    let used: Vec<usize> = (file.names.iter().enumerate())
        .filter(|(_, name)| is_wanted(name) && !is_left_out(name))
        .map(|(i, _)| i)
        .collect();
    if used.is_empty() {
        return Err(Failure::refused(
            format!("no column of {} is left to be modelled", file.path.display()),
            "take columns out of data.drop, or put some into data.columns",
        ));
    }
    if keys.columns.is_none() {
        refuse_suspects(&file, &used)?;
    }

    let mut bad_rows: Vec<usize> = Vec::new();
    let defects: Vec<_> = file.defects.iter().filter(|d| used.contains(&d.column)).collect();
    if let Some(first) = defects.iter().find(|d| !d.is_missing).or(defects.first()) {
        let name = &file.names[first.column];
        let n = defects.iter().filter(|d| d.column == first.column).count();
        let place = if first.line > 0 {
            format!("line {}", first.line)
        } else {
            format!("row {}", first.row + 1)
        };
        if !first.is_missing {
            return Err(Failure::refused(
                format!(
                    "column {name:?} of {} has {:?} in {place}, {n} such entries in all, but every entry must be a finite decimal number",
                    file.path.display(),
                    first.text
                ),
                format!(
                    "leave the column out with data.drop = [{0}], or with data.label = {0} if it says what a row is; or encode it as numbers",
                    toml_text(name)
                ),
            ));
        }
        bad_rows = defects.iter().map(|d| d.row).collect();
        bad_rows.sort_unstable();
        bad_rows.dedup();
        if keys.missing == Missing::Refuse {
            return Err(Failure::refused(
                format!(
                    "{} of {} rows of {} have missing entries, the first in {place}, column {name:?}",
                    bad_rows.len(),
                    file.n_rows(),
                    file.path.display()
                ),
                format!(
                    "set data.missing = \"drop-rows\" to leave these rows out, or data.drop = [{}]",
                    toml_text(name)
                ),
            ));
        }
        notes.push(format!(
            "{} of {} rows with missing entries are left out",
            bad_rows.len(),
            file.n_rows()
        ));
    }
    let rows: Vec<usize> = (0..values.nrows())
        .filter(|row| bad_rows.binary_search(row).is_err())
        .collect();
    let values = values.select(Axis(1), &used).select(Axis(0), &rows);
    Ok(DataFile {
        names: used.iter().map(|i| file.names[*i].clone()).collect(),
        rows: Rows::Table(values),
        defects: Vec::new(),
        ..file
    })
}

/// Refuses columns that are probably no measurements, unless they are asked for by name.
fn refuse_suspects(file: &DataFile, used: &[usize]) -> Result<()> {
    let columns = survey::columns(file);
    for &i in used {
        let column = &columns[i];
        let name = &column.name;
        if file.is_named && column.is_label() {
            return Err(Failure::refused(
                format!(
                    "column {name:?} of {} looks like a label: a model of it and the others would learn the answer with the question",
                    file.path.display()
                ),
                format!(
                    "set data.label = {} to leave it out; to model it all the same, name it in data.columns",
                    toml_text(name)
                ),
            ));
        }
        if column.is_counter(file.is_named) && columns.len() > 1 {
            return Err(Failure::refused(
                format!("column {name:?} of {} numbers the rows", file.path.display()),
                format!(
                    "set data.drop = [{}]; to model it all the same, name it in data.columns",
                    toml_text(name)
                ),
            ));
        }
    }
    Ok(())
}

/// Refuses keys of columns and gaps where rows are pictures of bytes, which have neither.
fn refuse_columns_of_pictures(file: &DataFile, keys: &DataKeys) -> Result<()> {
    let listed = |names: &[String]| {
        let names: Vec<String> = names.iter().map(|name| toml_text(name)).collect();
        format!("[{}]", names.join(", "))
    };
    let given = [
        ("data.columns", keys.columns.as_deref().map(listed)),
        ("data.drop", (!keys.drop.is_empty()).then(|| listed(&keys.drop))),
        ("data.label", keys.label.as_deref().map(toml_text)),
        (
            "data.missing",
            (keys.missing == Missing::DropRows).then(|| "\"drop-rows\"".to_owned()),
        ),
    ];
    for (key, value) in given {
        if let Some(value) = value {
            return Err(Failure::key(
                key,
                value,
                format!(
                    "left out for {}: its rows are pictures of bytes, without columns or missing entries",
                    file.path.display()
                ),
                "take the key out; to model some of the pixels, save them as numbers: numpy.save(\"x.npy\", x.reshape(len(x), -1) / 255)",
            ));
        }
    }
    Ok(())
}

fn picture_of(file: &DataFile, keys: &DataKeys, notes: &mut Vec<String>) -> Result<Option<(usize, usize)>> {
    let Some([height, width]) = keys.picture else {
        let whole = file
            .picture
            .filter(|(height, width)| height * width == file.names.len());
        if let (Some((height, width)), None) = (file.picture, whole) {
            notes.push(format!(
                "rows without some of the {height} x {width} pixels are pictures no more"
            ));
        }
        return Ok(whole);
    };
    if height.checked_mul(width) == Some(file.names.len()) {
        return Ok(Some((height, width)));
    }
    Err(Failure::key(
        "data.picture",
        format!("[{height}, {width}]"),
        format!(
            "a height and a width whose product is the number of columns, {}",
            file.names.len()
        ),
        "leave out the label with data.label or data.drop, or leave out data.picture if rows are no pictures",
    ))
}

/// Some names, for a message.
pub(super) fn listed(names: &[String]) -> String {
    const MOST: usize = 8;
    let shown: Vec<String> = names.iter().take(MOST).map(|n| format!("{n:?}")).collect();
    let more = if names.len() > MOST {
        format!(" and {} more", names.len() - MOST)
    } else {
        String::new()
    };
    format!("{}{more}", shown.join(", "))
}

fn fingerprint(rows: &Rows) -> String {
    let mut record = Record::new();
    match rows {
        Rows::Table(x) => record.put("x", x.shape(), Values::F64(x.iter().copied().collect())),
        Rows::Pictures(images) => {
            record.put(
                "x",
                &[images.as_bytes().len()],
                Values::U8(images.as_bytes().to_vec()),
            );
        }
    }
    fingerprint_of(&record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::dataset::Matrix;

    #[test]
    fn fixed_rows_are_of_all_parts_of_a_table() {
        // Ten classes, one after the other.
        let (n, k) = (30_000, 2_000);
        let x = Array2::from_shape_fn((n, 1), |(b, _)| b as f64);
        let view: View = Arc::new(Matrix::new(x.clone()).unwrap());
        let seed = Seed::new(5);
        let rows = fixed_rows(&view, k, seed).unwrap();
        assert_eq!(rows.dim(), (k, 1));
        for class in 0..10 {
            let found = rows.iter().filter(|b| **b as usize * 10 / n == class).count() as f64;
            // Without replacement: five deviations of a hypergeometric count.
            let (mean, share) = (0.1 * k as f64, (n - k) as f64 / (n - 1) as f64);
            assert!(
                (found - mean).abs() < 5.0 * (0.9 * mean * share).sqrt(),
                "{class}: {found}"
            );
        }
        assert!(
            rows.column(0)
                .windows(2)
                .into_iter()
                .all(|pair| pair[0] < pair[1])
        );
        assert_eq!(rows, fixed_rows(&view, k, seed).unwrap());
        assert_ne!(rows, fixed_rows(&view, k, Seed::new(6)).unwrap());
        // All of them are as the table has them.
        for k in [n, usize::MAX] {
            assert_eq!(x, fixed_rows(&view, k, seed).unwrap());
        }
    }

    #[test]
    fn spread_rows_are_as_far_apart_as_they_can_be() {
        assert_eq!(spread_rows(10, 4), [0, 2, 5, 7]);
        assert_eq!(spread_rows(3, 3), [0, 1, 2]);
        assert_eq!(spread_rows(3, 7), [0, 1, 2, 0, 1, 2, 0]);
        // As many of every class of a sorted table.
        let rows = spread_rows(1_000, 200);
        assert!((0..10).all(|class| rows.iter().filter(|b| **b / 100 == class).count() == 20));
    }
}
