//! Tables of numbers as comma-separated values, read strictly.
//!
//! A line is a row, a comma separates fields, and every field is a finite decimal number: optional sign, digits, optional
//! fraction, optional exponent. Lines end with LF or CRLF; the last line may go without. There is no quoting, no comment, no
//! missing value, no space, and no empty line, because each of these is read differently by different programs and a silent
//! disagreement is a wrong number. Rust's own parser takes "nan", "inf" and "1e400" as numbers; they are refused here, with line
//! and column, both counted from 1.
//!
//! Tables are written with a comma and LF, every number by the fewest digits that give its bits back, so that reading what was written
//! gives the same table.
//!
//! Memory: the text is kept while it is parsed and the result takes 8 bytes a field, hence at most four times the text, which has at
//! least two bytes a field; the peak is five times the decoded text plus 1 MiB. Texts beyond 64 MiB are refused, and so are headers of
//! more than 4096 names.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use gibbsian_core::error::check_finite;
use gibbsian_core::{Error, Result};
use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::source::Source;

/// The largest decoded text accepted, in bytes.
pub const MAX_TEXT: usize = 64 * 1024 * 1024;

/// The largest number of named columns accepted, which bounds the memory that the names take.
pub const MAX_NAMES: usize = 4096;

/// Whether the first line names the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// The first line is a row of numbers.
    Absent,
    /// The first line has the columns' names, distinct and not empty.
    Present,
}

/// A rectangular table of finite numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    names: Option<Vec<String>>,
    values: Array2<f64>,
}

impl Table {
    /// A table of these numbers `(rows, columns)`, with as many names as columns or without names.
    ///
    /// # Errors
    /// There are no rows or no columns, a number is not finite, or the names are not those of a header: another number of them, more than
    /// [`MAX_NAMES`], one that is empty, taken, or has a comma, a quote or a control character, or nothing but numbers other than 0, 1, 2, ….
    pub fn new(names: Option<Vec<String>>, values: Array2<f64>) -> Result<Self> {
        if values.is_empty() {
            return Err(Error::shape("values", values.shape(), "(at least 1, at least 1)"));
        }
        check_finite("values", &values)?;
        if let Some(names) = &names {
            let n_columns = values.ncols();
            if names.len() != n_columns || n_columns > MAX_NAMES {
                return Err(Error::parameter(
                    "number of names",
                    names.len(),
                    format!("{n_columns}, one a column, and at most {MAX_NAMES}"),
                ));
            }
            for (j, name) in names.iter().enumerate() {
                if name.contains(',') || !is_plain(name) || names[..j].contains(name) {
                    return Err(Error::parameter(
                        format!("names[{j}]"),
                        format!("{name:?}"),
                        "a name that no other column has, not empty, without commas, quotes, control characters, spaces around it and byte-order marks",
                    ));
                }
            }
            if are_a_row(names) {
                let required =
                    "names that are not all numbers, or 0, 1, 2, … in order: others are read as a row";
                let error = Error::parameter("names", format!("{names:?}"), required);
                return Err(error.with_cure("put a word before the numbers, such as \"year 2001\""));
            }
        }
        Ok(Table { names, values })
    }

    /// Writes the table, with a header if the columns have names; what was there under this name is replaced.
    ///
    /// # Errors
    /// What the operating system refuses.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let file = File::create(path).map_err(|e| Error::file(path, "create", e))?;
        let mut writer = BufWriter::new(file);
        self.lines()
            .try_for_each(|line| writer.write_all(line.as_bytes()))
            .and_then(|()| writer.flush())
            .map_err(|e| Error::file(path, "write", e))
    }

    /// The lines of the file, each with its end.
    fn lines(&self) -> impl Iterator<Item = String> + '_ {
        let header = self.names.as_ref().map(|names| names.join(",") + "\n");
        let rows = self.values.rows().into_iter();
        header.into_iter().chain(rows.map(|row| {
            let fields: Vec<String> = row.iter().map(|&value| shortest(value)).collect();
            fields.join(",") + "\n"
        }))
    }

    /// The columns' names, where the file had a header.
    pub fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    /// The numbers `(rows, columns)`.
    pub fn values(&self) -> ArrayView2<'_, f64> {
        self.values.view()
    }

    /// Gives the numbers away.
    pub fn into_values(self) -> Array2<f64> {
        self.values
    }

    /// The column of this name `(rows)`.
    ///
    /// # Errors
    /// There is no header or no such name in it.
    pub fn column(&self, name: &str) -> Result<ArrayView1<'_, f64>> {
        let names = self.names.as_deref().unwrap_or_default();
        match names.iter().position(|n| n == name) {
            Some(j) => Ok(self.values.column(j)),
            None => Err(Error::parameter(
                "name",
                format!("{name:?}"),
                format!("one of the columns {names:?}"),
            )),
        }
    }
}

/// Reads a table, plain or gzip; which it is shows in its first two bytes, not in its name.
///
/// # Errors
/// [`Error::File`] when it cannot be opened or read, [`Error::Format`] when it is not exactly as the [module](self) says.
pub fn read_table(path: impl AsRef<Path>, header: Header) -> Result<Table> {
    decode(Source::open(path.as_ref())?, header)
}

/// Decodes a table, plain or gzip, from any reader; `origin` names it in messages.
///
/// ```
/// use gibbsian_data::{Header, decode_table};
/// let table = decode_table("example", &b"x,y\n1,2.5\n-3e2,0\n"[..], Header::Present)?;
/// assert_eq!(table.values(), ndarray::array![[1.0, 2.5], [-300.0, 0.0]]);
/// assert_eq!(table.column("y")?, ndarray::array![2.5, 0.0]);
///
/// let refused = decode_table("example", &b"1,2\n3,nan\n"[..], Header::Absent).unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "example, line 2, column 2: found \"nan\", expected a finite decimal number; \
///      replace the value or drop the row before training: no model here takes missing or infinite values"
/// );
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// As [`read_table`].
pub fn decode_table(origin: impl Into<String>, reader: impl Read, header: Header) -> Result<Table> {
    decode(Source::new(origin, reader, 0)?, header)
}

/// The text of a table, as [`Table::write`] writes it.
///
/// ```
/// use gibbsian_data::{Header, Table, decode_table, encode_table};
/// let names = vec!["x".to_owned(), "y".to_owned()];
/// let table = Table::new(Some(names), ndarray::array![[1.0, -0.1], [1e300, 5e-324]])?;
/// let text = encode_table(&table);
/// assert_eq!(text, "x,y\n1,-0.1\n1e300,5e-324\n");
/// assert_eq!(decode_table("example", text.as_bytes(), Header::Present)?, table);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn encode_table(table: &Table) -> String {
    table.lines().collect()
}

/// The fewest digits that give the bits of `value` back, with an exponent where that is shorter to read.
fn shortest(value: f64) -> String {
    if value == 0.0 || (1e-5..1e16).contains(&value.abs()) {
        format!("{value}")
    } else {
        format!("{value:e}")
    }
}

fn decode<R: Read>(mut source: Source<R>, header: Header) -> Result<Table> {
    let text = source.take_at_most(MAX_TEXT)?;
    source.expect_end(&format!("{MAX_TEXT} bytes of a table"))?;
    parse(source.origin(), &text, header)
}

fn parse(origin: &str, text: &[u8], header: Header) -> Result<Table> {
    let mut lines = text
        .strip_suffix(b"\n")
        .unwrap_or(text)
        .split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let names = match header {
        Header::Absent => None,
        Header::Present => lines.next().map(|line| parse_names(origin, line)).transpose()?,
    };
    let first_line = 1 + usize::from(names.is_some());
    let n_columns = match &names {
        Some(names) => names.len(),
        None => lines.clone().next().map_or(0, count_fields),
    };
    // Every line is counted before anything is allocated, so that the result has its size from the start.
    let mut n_rows = 0;
    for line in lines.clone() {
        n_rows += 1;
        check_line(origin, first_line + n_rows - 1, line, n_columns)?;
    }
    if n_rows == 0 {
        let error = Error::format(origin, "no rows", "at least one row of numbers");
        return Err(error.with_cure("the file has a header and nothing else: check how it was written"));
    }
    let mut values = Vec::with_capacity(n_rows * n_columns);
    for (i, line) in lines.enumerate() {
        for (j, field) in line.split(|&byte| byte == b',').enumerate() {
            let value = parse_number(field).ok_or_else(|| {
                let error = Error::format(
                    position(origin, first_line + i, j),
                    quote(field),
                    "a finite decimal number",
                );
                error.with_cure(cure_of_field(field, first_line + i, j))
            })?;
            values.push(value);
        }
    }
    let values = Array2::from_shape_vec((n_rows, n_columns), values)
        .expect("every line was checked to have the same number of fields");
    Ok(Table { names, values })
}

fn parse_names(origin: &str, line: &[u8]) -> Result<Vec<String>> {
    let n = count_fields(line);
    if n > MAX_NAMES {
        return Err(Error::format(
            format!("{origin}, line 1"),
            format!("{n} names"),
            format!("at most {MAX_NAMES} named columns"),
        ));
    }
    let mut names: Vec<String> = Vec::new();
    for (j, field) in line.split(|&byte| byte == b',').enumerate() {
        let refuse = |expected| Err(Error::format(position(origin, 1, j), quote(field), expected));
        match std::str::from_utf8(field) {
            Err(_) => return refuse("a name in UTF-8"),
            Ok(name) if !is_plain(name) => {
                return refuse(
                    "a name that is not empty and has no quotes, no control characters, no spaces around it and no byte-order mark",
                );
            }
            Ok(name) if names.iter().any(|other| other == name) => {
                return refuse("a name that no other column has");
            }
            Ok(name) => names.push(name.to_owned()),
        }
    }
    if are_a_row(&names) {
        let error = Error::format(
            format!("{origin}, line 1"),
            "a row of numbers",
            "the names of the columns",
        );
        return Err(error.with_cure("read a table without names with Header::Absent"));
    }
    Ok(names)
}

/// Whether names are a row of numbers, which would be lost as a header. Data frames without names are written with the numbers of their columns.
fn are_a_row(names: &[String]) -> bool {
    let are_numbers = names.iter().all(|name| name.parse::<f64>().is_ok());
    are_numbers && names.iter().enumerate().any(|(j, name)| *name != j.to_string())
}

fn is_plain(name: &str) -> bool {
    let is_odd = |c: char| matches!(c, '"' | '\u{feff}') || c.is_control();
    !name.is_empty() && name.trim() == name && !name.contains(is_odd)
}

fn count_fields(line: &[u8]) -> usize {
    1 + line.iter().filter(|&&byte| byte == b',').count()
}

fn check_line(origin: &str, number: usize, line: &[u8], n_columns: usize) -> Result<()> {
    let origin = || format!("{origin}, line {number}");
    if line.is_empty() {
        let error = Error::format(origin(), "an empty line", "a row of numbers");
        return Err(error.with_cure("delete the line, or write the file anew if it is empty"));
    }
    let n = count_fields(line);
    if n == n_columns {
        Ok(())
    } else {
        Err(Error::format(
            origin(),
            format!("{n} fields"),
            format!("{n_columns} fields as in the first line"),
        )
        .with_cure("fill the row up or drop it, and separate fields by commas alone"))
    }
}

/// A finite decimal number. Of what Rust's parser accepts, only the words "nan", "inf" and "infinity" and numbers that overflow are not
/// finite.
fn parse_number(field: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(field).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// What helps against a field that is no finite number.
fn cure_of_field(field: &[u8], line: usize, column: usize) -> &'static str {
    let is_text = field.iter().any(u8::is_ascii_alphabetic);
    match std::str::from_utf8(field).map(|text| text.parse::<f64>()) {
        Ok(Ok(_)) => {
            "replace the value or drop the row before training: no model here takes missing or infinite values"
        }
        _ if field.is_empty() => "fill the missing value in or drop the row",
        _ if is_text && line == 1 && column == 0 => {
            "if the first line names the columns, read the table with a header (Header::Present)"
        }
        _ if is_text => "leave the column out, or write its categories as numbers",
        _ => "write the number with a point, without spaces and quotes",
    }
}

fn position(origin: &str, line: usize, column: usize) -> String {
    format!("{origin}, line {line}, column {}", column + 1)
}

/// A field for a message, cut where it is long, with everything unprintable escaped.
fn quote(field: &[u8]) -> String {
    const SHOWN: usize = 40;
    let shown = String::from_utf8_lossy(&field[..field.len().min(SHOWN)]);
    let more = if field.len() > SHOWN { "..." } else { "" };
    format!("{shown:?}{more}")
}
