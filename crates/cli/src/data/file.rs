//! What is in a data file, by its extension.
//!
//! Bytes of pictures are grey from 0 to 255 and are divided by 255. Where none of them exceeds 1 they are zeros and ones, which whoever made them binary has saved in the least of memory: these are numbers as they are.

use std::path::{Path, PathBuf};

use gibbsian_data::{Images, read_bytes, read_idx, read_npy, read_npy_bytes};
use ndarray::{Array2, ArrayD};

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
    /// Whether the first line was taken for names though some of its fields are numbers.
    pub is_header_odd: bool,
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

    /// What speaks against the header that was found, if anything does: a table without one loses its first row to it.
    pub(crate) fn odd_header(&self) -> Option<String> {
        self.is_header_odd.then(|| {
            format!(
                "the first line of {} names the columns, though some of these are numbers: if it is a row, set data.header = false",
                self.path.display()
            )
        })
    }

    fn text(path: &Path, header: Option<bool>) -> Result<Self> {
        let cure = "see what is in the file with `gibbsian show FILE`; a table has one row a line and the same number of fields in each";
        let bytes = read_bytes(path, MAX_TEXT).or_refuse("check data.path")?;
        let table = delimited::parse(&path.display().to_string(), &bytes, header).or_refuse(cure)?;
        let account = format!(
            "text, fields separated by {:?}, {}",
            table.separator,
            match (&table.names, table.odd_header) {
                (Some(_), true) => "first line names the columns, though some of these are numbers",
                (Some(_), false) => "first line names the columns",
                (None, _) => "no header",
            },
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
            is_header_odd: table.odd_header,
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
        let (shape, is_grey) = (idx.shape().to_vec(), idx.bytes().iter().any(|byte| *byte > 1));
        let account = if is_grey {
            "IDX, bytes divided by 255"
        } else {
            "IDX, zeros and ones"
        };
        let names = numbered(shape[1..].iter().product());
        let picture = match shape[..] {
            [_, height, width] => Some((height, width)),
            _ => None,
        };
        let rows = if picture.is_some() && is_grey {
            Rows::Pictures(Images::from_idx(idx).or_refuse("check data.path")?)
        } else {
            let (d, white) = (names.len(), if is_grey { 255.0 } else { 1.0 });
            Rows::Table(Array2::from_shape_fn((shape[0], d), |(b, i)| {
                f64::from(idx.bytes()[b * d + i]) / white
            }))
        };
        Ok(DataFile {
            path: path.to_owned(),
            names,
            is_named: false,
            rows,
            defects: Vec::new(),
            picture,
            account: account.to_owned(),
            is_header_odd: false,
        })
    }

    fn npy(path: &Path, array: Option<&str>) -> Result<Self> {
        let is_archive = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npz"));
        let (bytes, numbers, account) = if is_archive {
            member(path, array)?
        } else {
            let account = "array of NumPy".to_owned();
            // Bytes of grey pictures stay bytes; everything else is read as numbers.
            match read_npy_bytes(path) {
                Ok(bytes) if is_grey(&bytes) => (Some(bytes), None, account),
                _ => (None, Some(read_npy(path).or_refuse("check data.path")?), account),
            }
        };
        if let Some(bytes) = bytes {
            let (n, height, width) = (bytes.shape()[0], bytes.shape()[1], bytes.shape()[2]);
            let images =
                Images::new(n, height, width, bytes.into_iter().collect()).or_refuse("check data.path")?;
            return Ok(DataFile {
                path: path.to_owned(),
                names: numbered(height * width),
                is_named: false,
                rows: Rows::Pictures(images),
                defects: Vec::new(),
                picture: Some((height, width)),
                account: format!("{account}, bytes divided by 255"),
                is_header_odd: false,
            });
        }
        let x = numbers.unwrap_or_default();
        let shape = x.shape().to_vec();
        let (n, d, picture) = match shape[..] {
            [n] => (n, 1, None),
            [n, d] => (n, d, None),
            [n, height, width] => (n, height * width, Some((height, width))),
            _ => {
                return Err(Failure::refused(
                    format!(
                        "{} has an array of shape {shape:?}, but rows are needed: (N), (N, D) or (N, height, width)",
                        path.display()
                    ),
                    "reshape it before it is saved: x.reshape(len(x), -1)",
                ));
            }
        };
        let values = Array2::from_shape_vec((n, d), x.into_iter().collect())
            .map_err(|e| Failure::Failed(e.to_string()))?;
        let defects = (values.indexed_iter().filter(|(_, v)| !v.is_finite()))
            .map(|((row, column), v)| Defect {
                row,
                column,
                line: 0,
                text: v.to_string(),
                is_missing: v.is_nan(),
            })
            .collect();
        Ok(DataFile {
            path: path.to_owned(),
            names: numbered(d),
            is_named: false,
            rows: Rows::Table(values.mapv_into(|v| if v.is_finite() { v } else { f64::NAN })),
            defects,
            picture,
            account: format!("{account} of shape {shape:?}"),
            is_header_odd: false,
        })
    }
}

/// Bytes of pictures or else numbers, and how they were read.
type Array = (Option<ArrayD<u8>>, Option<ArrayD<f64>>, String);

/// Whether bytes are those of grey pictures: a stack of them in which one exceeds 1.
fn is_grey(bytes: &ArrayD<u8>) -> bool {
    bytes.ndim() == 3 && bytes.iter().any(|byte| *byte > 1)
}

/// An array of an archive.
#[cfg(feature = "npz")]
fn member(path: &Path, array: Option<&str>) -> Result<Array> {
    let mut archive = gibbsian_data::Npz::open(path).or_refuse("check data.path")?;
    let name = array_of(path, archive.names(), array)?;
    let account = format!("array {name:?} of an archive of NumPy");
    Ok(match archive.bytes(&name) {
        Ok(bytes) if is_grey(&bytes) => (Some(bytes), None, account),
        _ => (
            None,
            Some(archive.array(&name).or_refuse("check data.array")?),
            account,
        ),
    })
}

/// Without the feature there are no archives.
#[cfg(not(feature = "npz"))]
fn member(path: &Path, _: Option<&str>) -> Result<Array> {
    Err(Failure::refused(
        format!(
            "{} is an archive, and this program was built without the feature npz",
            path.display()
        ),
        "save the array alone: numpy.save(\"x.npy\", x)",
    ))
}

#[cfg(feature = "npz")]
/// The array of an archive that is meant.
fn array_of(path: &Path, names: &[String], asked: Option<&str>) -> Result<String> {
    let refuse = |value: String| {
        let all: Vec<String> = names.iter().map(|n| format!("{n:?}")).collect();
        Failure::key(
            "data.array",
            value,
            format!("one of the arrays of {}: {}", path.display(), all.join(", ")),
            "set data.array to the name of the array whose rows are the data",
        )
    };
    match (asked, names) {
        (Some(name), _) if names.iter().any(|n| n == name) => Ok(name.to_owned()),
        (Some(name), _) => Err(refuse(format!("{name:?}"))),
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(refuse("missing".into())),
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
        let name = path
            .file_name()
            .map(|n| n.to_string_lossy().to_lowercase())
            .unwrap_or_default();
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
