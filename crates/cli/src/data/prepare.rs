//! From a file to rows to learn from and rows to judge by; and the refusal of data that would be learnt wrongly.

use std::path::Path;
use std::sync::Arc;

use gibbsian_checkpoint::fingerprint_of;
use gibbsian_core::{Dataset, Record, Seed, Streams, Values};
use gibbsian_data::hold_out;
use ndarray::{Array1, Array2};

use super::bits::levelled;
use super::file::{DataFile, Rows};
use super::select::select;
use super::{Binarise, DataKeys, Transform};
use crate::failure::{Failure, OrRefuse, Result};

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
    /// Whether its rows are pictures of bytes, which are divided by 255.
    pub is_of_bytes: bool,
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
        let (selected, numbers) = select(file, keys, &mut notes)?;
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
        let is_of_bytes = matches!(selected.rows, Rows::Pictures(_));
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
        if held.is_empty() && keys.hold_out > 0.0 {
            notes.push(format!(
                "warning: data.hold_out = {} of {n} rows is less than half a row: none is kept for judging; set data.hold_out = 0.1",
                keys.hold_out
            ));
        }
        let transform = Transform::fitted(&selected.rows, &kept, &names, keys)?;
        let (train, means) = transform.view(&selected.rows, &kept, &numbers, &names, true)?;
        if picture.is_none() && keys.binarise == Binarise::Threshold {
            notes.extend(levelled(&selected.rows, &names, &means));
        }
        let held_out = match held.len() {
            0 => None,
            _ => Some(transform.view(&selected.rows, &held, &numbers, &names, false)?.0),
        };
        Ok(Prepared {
            names,
            is_named,
            is_of_bytes,
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
