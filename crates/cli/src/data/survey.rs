//! What columns look like, and what they probably are.

use std::collections::BTreeSet;

use ndarray::ArrayView1;

use super::file::{DataFile, Rows};

/// Distinct numbers are counted up to here.
pub(crate) const MOST_DISTINCT: usize = 50;

/// Labels have at most so many classes.
const MOST_CLASSES: usize = 30;

/// Names that columns have which say what a row is.
const LABEL_NAMES: [&str; 12] = [
    "label",
    "labels",
    "class",
    "classes",
    "target",
    "y",
    "outcome",
    "species",
    "diagnosis",
    "party",
    "category",
    "digit",
];

/// Names that columns have which count rows.
const COUNTER_NAMES: [&str; 6] = ["id", "index", "row", "unnamed: 0", "rownames", "row_number"];

/// One column.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// Its name.
    pub name: String,
    /// Missing entries.
    pub n_missing: usize,
    /// Entries that are something else than numbers.
    pub n_words: usize,
    /// The first entry that is no number, with its line.
    pub first_defect: Option<(usize, String)>,
    /// The least and the greatest number; NaN where there is none.
    pub range: (f64, f64),
    /// The mean.
    pub mean: f64,
    /// The number of distinct numbers, at most [`MOST_DISTINCT`].
    pub n_distinct: usize,
    /// Whether all numbers are whole.
    pub is_whole: bool,
    /// Whether each number is one more than the one before.
    pub counts_up: bool,
}

impl Column {
    fn of(name: &str, values: ArrayView1<f64>) -> Self {
        let numbers = || values.iter().copied().filter(|v| v.is_finite());
        let (mut distinct, mut n, mut sum) = (BTreeSet::new(), 0_usize, 0.0);
        let mut range = (f64::NAN, f64::NAN);
        for v in numbers() {
            range = (range.0.min(v), range.1.max(v));
            n += 1;
            sum += v;
            if distinct.len() < MOST_DISTINCT {
                // Zeros of either sign are one number.
                distinct.insert((v + 0.0).to_bits());
            }
        }
        let is_whole = n > 0 && numbers().all(|v| v == v.trunc());
        let steps = || values.iter().zip(values.iter().skip(1));
        Column {
            name: name.to_owned(),
            n_missing: 0,
            n_words: 0,
            first_defect: None,
            range,
            mean: sum / n as f64,
            n_distinct: distinct.len(),
            is_whole,
            counts_up: n > 2 && steps().all(|(a, b)| *b == a + 1.0),
        }
    }

    /// Whether it has one number only.
    pub(crate) fn is_constant(&self) -> bool {
        self.range.0 == self.range.1
    }

    /// Whether all its numbers are 0 or 1.
    pub(crate) fn is_binary(&self) -> bool {
        self.is_whole && self.range.0 >= 0.0 && self.range.1 <= 1.0
    }

    /// Whether it says what a row is: a name that labels have, and words or a few whole numbers.
    pub(crate) fn is_label(&self) -> bool {
        let is_named = LABEL_NAMES.contains(&self.name.to_lowercase().as_str());
        is_named && (self.n_words > 0 || self.is_whole && self.n_distinct <= MOST_CLASSES)
    }

    /// Whether it numbers the rows: by its name, or by being unnamed and counting up.
    pub(crate) fn is_counter(&self, is_named: bool) -> bool {
        self.counts_up
            && self.is_whole
            && (!is_named
                || COUNTER_NAMES.contains(&self.name.to_lowercase().as_str())
                || self.name.parse::<usize>().is_ok())
    }
}

/// Every column of a file; of pictures, all pixels as one column.
pub(crate) fn columns(file: &DataFile) -> Vec<Column> {
    match &file.rows {
        Rows::Pictures(images) => {
            let bytes = images.as_bytes();
            let values: ndarray::Array1<f64> = bytes
                .iter()
                .take(1 << 22)
                .map(|b| f64::from(*b) / 255.0)
                .collect();
            vec![Column {
                name: "pixels".into(),
                counts_up: false,
                ..Column::of("pixels", values.view())
            }]
        }
        Rows::Table(values) => {
            let mut columns: Vec<Column> = file
                .names
                .iter()
                .zip(values.columns())
                .map(|(name, v)| Column::of(name, v))
                .collect();
            for defect in &file.defects {
                let Some(column) = columns.get_mut(defect.column) else {
                    continue;
                };
                if defect.is_missing {
                    column.n_missing += 1;
                } else {
                    column.n_words += 1;
                }
                column
                    .first_defect
                    .get_or_insert((defect.line, defect.text.clone()));
            }
            columns
        }
    }
}

/// The column that probably says what a row is: one that is named so, or words in the last or first column.
pub(crate) fn probable_label(columns: &[Column]) -> Option<&Column> {
    let by_name = columns.iter().rev().find(|c| c.is_label());
    by_name.or_else(|| {
        let ends = [columns.last(), columns.first()];
        ends.into_iter()
            .flatten()
            .find(|c| c.n_words > 0 && columns.len() > 1)
    })
}

/// Height and width of square pictures of this many pixels, if there are such.
pub(crate) fn square(n: usize) -> Option<(usize, usize)> {
    let side = n.isqrt();
    (side >= 4 && side * side == n).then_some((side, side))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_column_is_described() {
        let c = Column::of("a", array![0.0, 1.0, f64::NAN, 1.0].view());
        assert_eq!((c.range, c.n_distinct, c.is_whole), ((0.0, 1.0), 2, true));
        assert!(c.is_binary() && !c.is_constant() && !c.counts_up);
        assert!((c.mean - 2.0 / 3.0).abs() < 1e-15);
        let c = Column::of("id", array![4.0, 5.0, 6.0].view());
        assert!(c.is_counter(true));
        assert!(!Column::of("year", array![4.0, 5.0, 6.0].view()).is_counter(true));
        assert!(Column::of("b", array![0.5, 0.5].view()).is_constant());
    }

    #[test]
    fn squares_are_found() {
        assert_eq!(square(64), Some((8, 8)));
        assert_eq!((square(65), square(9)), (None, None));
    }
}
