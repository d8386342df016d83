//! Files of numbers for other programs.

use std::path::Path;

use gibbsian_checkpoint::write_atomically;
use gibbsian_data::{Table, encode_npy, encode_table};
use ndarray::ArrayView2;

use crate::failure::{Failure, Result};

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Text, with a header where columns have names.
    Csv,
    /// An array of NumPy.
    Npy,
}

impl Format {
    /// By the extension of a file.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|e| e.to_str()) {
            Some("csv") => Ok(Format::Csv),
            Some("npy") => Ok(Format::Npy),
            _ => Err(Failure::key(
                "--out",
                path.display(),
                "a file whose name ends in .csv or .npy",
                "give --out draws.csv",
            )),
        }
    }

    /// Writes rows under the names of their columns, if these have names: numbers in their place would be read as a row.
    pub(crate) fn write(self, path: &Path, names: Option<&[String]>, rows: ArrayView2<f64>) -> Result<()> {
        let bytes = match self {
            Format::Csv => {
                let header = names.map_or(String::new(), |names| {
                    let quoted: Vec<String> = names.iter().map(|name| quoted(name)).collect();
                    quoted.join(",") + "\n"
                });
                let table = Table::new(None, rows.to_owned())?;
                (header + &encode_table(&table)).into_bytes()
            }
            Format::Npy => encode_npy(&rows),
        };
        write_atomically(path, &bytes).map_err(|e| Failure::Failed(e.to_string()))
    }
}

/// A name, in quotes where it has what some reader takes for a separator.
fn quoted(name: &str) -> String {
    if name.contains([',', ';', '\t', '|', '"', '\n', '\r']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}
