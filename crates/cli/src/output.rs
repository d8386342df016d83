//! Files of numbers for other programs.

use std::path::Path;

use gibbsian_checkpoint::write_atomically;
use gibbsian_data::{Table, encode_npy, encode_table};
use ndarray::ArrayView2;

use crate::failure::{Failure, Result};

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Text with a header.
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

    /// Writes rows under the names of their columns.
    pub(crate) fn write(self, path: &Path, names: &[String], rows: ArrayView2<f64>) -> Result<()> {
        let bytes = match self {
            Format::Csv => {
                let header: Vec<String> = names.iter().map(|name| quoted(name)).collect();
                let table = Table::new(None, rows.to_owned())?;
                format!("{}\n{}", header.join(","), encode_table(&table)).into_bytes()
            }
            Format::Npy => encode_npy(&rows),
        };
        write_atomically(path, &bytes).map_err(|e| Failure::Failed(e.to_string()))
    }
}

/// A name, in quotes where it needs them.
fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}
