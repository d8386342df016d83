//! Tables of measurements with a class, and four that everybody knows.
//!
//! The last column of such a table is the class, a whole number from 0. A directory that holds another table under one of these names is
//! refused, so that a number reported for a data set was measured on it.

use std::path::Path;

use gibbsian_core::{Error, Result};
use ndarray::{Array2, ArrayView2, s};

use crate::images::Labels;
use crate::table::{Header, Table, read_table};

/// Measurements `(N, D)` and the class of each row.
///
/// ```
/// use gibbsian_data::{Header, LabelledTable, decode_table};
/// let table = decode_table("example", &b"height,width,class\n1.5,2,0\n0.5,3,1\n"[..], Header::Present)?;
/// let labelled = LabelledTable::new(table, 2)?;
/// assert_eq!(labelled.features(), ndarray::array![[1.5, 2.0], [0.5, 3.0]]);
/// assert_eq!(labelled.names().unwrap(), ["height", "width"]);
/// assert_eq!(labelled.labels().as_slice(), [0, 1]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledTable {
    names: Option<Vec<String>>,
    features: Array2<f64>,
    labels: Labels,
}

impl LabelledTable {
    /// Takes the last column of a table as its class.
    ///
    /// # Errors
    /// A single column, or a class that is not a whole number below `n_classes`; it is named with its row.
    pub fn new(table: Table, n_classes: usize) -> Result<Self> {
        let names = table
            .names()
            .map(|names| names[..names.len().saturating_sub(1)].to_vec());
        let values = table.into_values();
        let d = values.ncols().saturating_sub(1);
        if d == 0 {
            return Err(Error::shape(
                "table",
                values.shape(),
                "(rows, at least 2), the last column being the class",
            ));
        }
        let mut labels = Vec::with_capacity(values.nrows());
        for (i, &class) in values.column(d).iter().enumerate() {
            // The cast saturates and drops fractions, so only what is a class comes back as it was.
            let label = class as u8;
            if f64::from(label) != class {
                return Err(Error::parameter(
                    format!("the class of row {i}"),
                    class,
                    "a whole number from 0 to 255",
                )
                .with_cure("the class is the last column: put it there and number the classes from 0"));
            }
            labels.push(label);
        }
        Ok(LabelledTable {
            names,
            features: values.slice(s![.., ..d]).to_owned(),
            labels: Labels::new(labels, n_classes)?,
        })
    }

    /// 178 wines of three cultivars by 13 constituents, `wine_data.csv.gz` (Aeberhard and Forina 1992, UCI Machine Learning Repository).
    ///
    /// # Errors
    /// The file is missing or unreadable, or its shape or its classes' counts are not those of the data set.
    pub fn wine(directory: impl AsRef<Path>) -> Result<Self> {
        load(
            directory.as_ref(),
            "wine_data.csv.gz",
            Header::Present,
            13,
            &[59, 71, 48],
        )
    }

    /// 569 tumours, malignant (0) and benign (1), by 30 features of their cells' nuclei, `breast_cancer.csv.gz` (Wolberg, Mangasarian, Street and
    /// Street 1993, UCI Machine Learning Repository).
    ///
    /// # Errors
    /// As [`wine`](Self::wine).
    pub fn breast_cancer(directory: impl AsRef<Path>) -> Result<Self> {
        load(
            directory.as_ref(),
            "breast_cancer.csv.gz",
            Header::Present,
            30,
            &[212, 357],
        )
    }

    /// 1,797 handwritten digits of 8 × 8 pixels with values from 0 to 16, `digits8x8.csv.gz` (Alpaydin and Kaynak 1998, UCI Machine Learning
    /// Repository); the pixels have no names.
    ///
    /// # Errors
    /// As [`wine`](Self::wine).
    pub fn digits(directory: impl AsRef<Path>) -> Result<Self> {
        load(
            directory.as_ref(),
            "digits8x8.csv.gz",
            Header::Absent,
            64,
            &[178, 182, 177, 183, 181, 182, 181, 179, 174, 180],
        )
    }

    /// 435 members of the House of Representatives, Republicans (0) and Democrats (1), by 16 votes of 1984: 1 for, 0 against, −1 unknown,
    /// `house_votes_84.csv.gz` (Schlimmer 1987, UCI Machine Learning Repository).
    ///
    /// # Errors
    /// As [`wine`](Self::wine).
    pub fn house_votes(directory: impl AsRef<Path>) -> Result<Self> {
        load(
            directory.as_ref(),
            "house_votes_84.csv.gz",
            Header::Present,
            16,
            &[168, 267],
        )
    }

    /// The names of the `D` measurements, where the table has them.
    pub fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    /// The measurements `(N, D)`.
    pub fn features(&self) -> ArrayView2<'_, f64> {
        self.features.view()
    }

    /// The classes, in the order of the rows.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }
}

/// Reads a table and requires `dim` measurements and as many rows of each class as are known.
fn load(
    directory: &Path,
    name: &str,
    header: Header,
    dim: usize,
    class_counts: &[usize],
) -> Result<LabelledTable> {
    let path = directory.join(name);
    let table = LabelledTable::new(read_table(&path, header)?, class_counts.len())?;
    let found = (table.features.ncols(), table.labels.counts());
    if found == (dim, class_counts.to_vec()) {
        Ok(table)
    } else {
        Err(Error::format(
            path.display().to_string(),
            format!("{} measurements and classes of {:?} rows", found.0, found.1),
            format!("{dim} measurements and classes of {class_counts:?} rows"),
        ))
    }
}
