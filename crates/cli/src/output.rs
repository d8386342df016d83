//! Files of numbers for other programs.

use std::path::Path;

use gibbsian_checkpoint::write_atomically;
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
            Format::Csv => csv(names, rows),
            Format::Npy => return Err(Failure::Failed("this version writes no arrays of NumPy; give --out FILE.csv".into())),
        };
        write_atomically(path, &bytes).map_err(|e| Failure::Failed(e.to_string()))
    }
}

/// Rows with the fewest digits that read back as the same bits.
fn csv(names: &[String], rows: ArrayView2<f64>) -> Vec<u8> {
    let header: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    let mut text = header.join(",");
    text.push('\n');
    for row in rows.rows() {
        let fields: Vec<String> = row.iter().map(f64::to_string).collect();
        text += &fields.join(",");
        text.push('\n');
    }
    text.into_bytes()
}

/// A name, in quotes where it needs them.
fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}
