//! What is in a data file, by its extension.

use std::path::{Path, PathBuf};

use gibbsian_data::{Images, read_bytes, read_idx};
use ndarray::Array2;

use super::delimited::{self, Defect};
use crate::failure::{Failure, OrRefuse, Result};

/// The longest text that is read, in bytes.
const MAX_TEXT: usize = 1 << 30;

/// Rows as the file has them.
#[derive(Clone, Debug)]
pub(crate) enum Rows {
    /// Numbers, NaN where an entry is none.
    Table(Array2<f64>),
    /// Bytes of grey pictures, which stay bytes.
    Pictures(Images),
}

/// A file of data that was read.
#[derive(Clone, Debug)]
pub(crate) struct DataFile {
    /// Where it is.
    pub path: PathBuf,
    /// The names of its columns; where it has none, their numbers from 1.
    pub names: Vec<String>,
    /// Whether the names are the file's own.
    pub is_named: bool,
    /// Its rows.
    pub rows: Rows,
    /// Entries that are no finite numbers.
    pub defects: Vec<Defect>,
    /// Height and width of pictures, where the file says so.
    pub picture: Option<(usize, usize)>,
    /// How it was read, in words.
    pub account: String,
}

impl DataFile {
    /// Reads a file; `header` and `array` are the keys of `[data]`.
    pub(crate) fn read(path: &Path, header: Option<bool>, array: Option<&str>) -> Result<Self> {
        if path.is_dir() {
            return Err(Failure::refused(
                format!("{} is a folder, not a file of data", path.display()),
                "name the file: .csv, .csv.gz, .npy, .npz, or IDX",
            ));
        }
        let file = match Format::of(path)? {
            Format::Text => DataFile::text(path, header),
            Format::Idx => DataFile::idx(path),
            Format::Npy => DataFile::npy(path, array),
        }?;
        Ok(file)
    }

    /// The number of rows.
    pub(crate) fn n_rows(&self) -> usize {
        match &self.rows {
            Rows::Table(values) => values.nrows(),
            Rows::Pictures(images) => images.n(),
        }
    }

    fn text(path: &Path, header: Option<bool>) -> Result<Self> {
        let cure = "see what is in the file with `gibbsian show FILE`; a table has one row a line and the same number of fields in each";
        let bytes = read_bytes(path, MAX_TEXT).or_refuse("check data.path")?;
        let table = delimited::parse(&path.display().to_string(), &bytes, header).or_refuse(cure)?;
        let account = format!(
            "text, fields separated by {:?}, {}",
            table.separator,
            if table.names.is_some() { "first line names the columns" } else { "no header" },
        );
        let is_named = table.names.is_some();
        Ok(DataFile {
            path: path.to_owned(),
            names: table.names.unwrap_or_else(|| numbered(table.values.ncols())),
            is_named,
            rows: Rows::Table(table.values),
            defects: table.defects,
            picture: None,
            account,
        })
    }

    fn idx(path: &Path) -> Result<Self> {
        let idx = read_idx(path).or_refuse("check data.path; IDX files of pictures have unsigned bytes")?;
        if idx.shape().len() == 1 {
            return Err(Failure::refused(
                format!("{} has {} labels and no pictures", path.display(), idx.shape()[0]),
                "name the file of the pictures, such as train-images-idx3-ubyte.gz",
            ));
        }
        let (shape, account) = (idx.shape().to_vec(), "IDX, bytes divided by 255".to_owned());
        let names = numbered(shape[1..].iter().product());
        let (rows, picture) = match shape[..] {
            [_, height, width] => {
                let images = Images::from_idx(idx).or_refuse("check data.path")?;
                (Rows::Pictures(images), Some((height, width)))
            }
            _ => {
                let (n, d) = (shape[0], names.len());
                let values = Array2::from_shape_fn((n, d), |(b, i)| f64::from(idx.bytes()[b * d + i]) / 255.0);
                (Rows::Table(values), None)
            }
        };
        Ok(DataFile {
            path: path.to_owned(),
            names,
            is_named: false,
            rows,
            defects: Vec::new(),
            picture,
            account,
        })
    }

    fn npy(path: &Path, _array: Option<&str>) -> Result<Self> {
        Err(Failure::refused(
            format!("{} is an array of NumPy, which this version does not read", path.display()),
            "save it as text: numpy.savetxt(\"data.csv\", x, delimiter=\",\")",
        ))
    }
}

/// Columns by their numbers.
fn numbered(n: usize) -> Vec<String> {
    (1..=n).map(|i| i.to_string()).collect()
}

/// How a file is written.
enum Format {
    Text,
    Idx,
    Npy,
}

impl Format {
    fn of(path: &Path) -> Result<Self> {
        let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
        let plain = name.strip_suffix(".gz").unwrap_or(&name);
        let is_idx = |name: &str| {
            let parts = ["-idx", ".idx"];
            parts.iter().any(|part| name.contains(part)) || name.ends_with("-ubyte")
        };
        match plain.rsplit('.').next() {
            Some("csv" | "tsv" | "txt" | "data" | "dat") => Ok(Format::Text),
            Some("npy" | "npz") => Ok(Format::Npy),
            _ if is_idx(plain) => Ok(Format::Idx),
            _ => Err(Failure::key(
                "data.path",
                path.display(),
                "a file whose name ends in .csv, .tsv, .txt, .npy, .npz or -idx3-ubyte, the text and IDX ones also with .gz",
                "rename or convert the file; the extension says how it is read",
            )),
        }
    }
}
