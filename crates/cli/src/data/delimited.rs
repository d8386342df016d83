//! Text tables as they come from spreadsheets and data frames.
//!
//! The strict reader of `gibbsian-data` takes commas, numbers and nothing else, because silent differences between programs are wrong numbers. People's files have quotes, semicolons, spaces, empty
//! fields and words. This reader understands them, changes nothing silently, and gives account: which separator and header it assumed, and every field that is no number with its line. What
//! then happens to such fields is decided by whoever asked ([`super::prepare`]), never here.
//!
//! A separator is the one of comma, semicolon, tab and vertical bar that the first line has most of, outside of quotes. The first line is a header if a field of it is a word, or if it counts
//! 0, 1, 2, … as data frames without names do, whose index has an empty name before these. Numbers are decimal with a point; what overflows is no number.
//! A first line of words and numbers may be either, and is pointed out. So may be a line `0,1` and no more, which is a row of bits unless `data.header` says otherwise; of the lines `,0` and `,0,1`, which may be rows
//! with a missing entry, the rows below decide: they are a header where these are numbered from 0.

use gibbsian_core::error::{Error, Result};
use ndarray::Array2;

/// What stands for a missing entry.
const MISSING: [&str; 10] = ["", "na", "n/a", "nan", "null", "none", "?", ".", "-", "#n/a"];

/// A field that is no finite number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Defect {
    /// Its row, from 0.
    pub row: usize,
    /// Its column, from 0.
    pub column: usize,
    /// Its line in the file, from 1.
    pub line: usize,
    /// What stands there.
    pub text: String,
    /// Whether that is a mark of a missing entry, or something else.
    pub is_missing: bool,
}

/// A table with an account of how it was read.
#[derive(Clone, Debug)]
pub(crate) struct Delimited {
    /// The names of the columns, if there is a header.
    pub names: Option<Vec<String>>,
    /// The numbers, NaN where there is none.
    pub values: Array2<f64>,
    /// All fields that are no numbers.
    pub defects: Vec<Defect>,
    /// The separator.
    pub separator: char,
    /// Whether the first line was taken for names though some of its fields are numbers.
    pub odd_header: bool,
}

/// Reads a table; `header` says whether the first line names the columns, if it is known.
///
/// # Errors
/// Bytes that are not text, no rows, lines of different lengths, an empty line between rows, an open quote, names that are given twice.
pub(crate) fn parse(origin: &str, bytes: &[u8], header: Option<bool>) -> Result<Delimited> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|e| {
        Error::format(
            origin,
            format!("no text from byte {}", e.valid_up_to()),
            "text in UTF-8",
        )
    })?;
    let mut lines: Vec<&str> = text
        .split('\n')
        .map(|l| l.strip_suffix('\r').unwrap_or(l))
        .collect();
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    let Some(first) = lines.first() else {
        return Err(Error::format(
            origin,
            "an empty file",
            "a table with a row for each case",
        ));
    };
    let separator = separator_of(first);
    let place = |line: usize| format!("{origin}, line {}", line + 1);
    let head = fields(first, separator).ok_or_else(|| open_quote(&place(0)))?;
    let counts = counts(&head, lines[1..].iter().map(|line| first_field(line, separator)));
    let has_header = header.unwrap_or_else(|| counts || names_columns(&head));
    let is_number = |field: &String| number(field.trim()).is_some();
    // Where nobody has said that it is a header: one that counts is of a data frame, and numbers beside words may be a row with its class.
    let odd_header = header.is_none() && has_header && !counts && head.iter().any(is_number);
    // A data frame leaves the name of its index empty; such a column is called by its number, or, if another one has that for a name, as pandas calls it.
    let name = |(i, n): (usize, &String)| match n.trim() {
        "" if head.iter().any(|other| other.trim() == (i + 1).to_string()) => format!("Unnamed: {i}"),
        "" => (i + 1).to_string(),
        name => name.to_owned(),
    };
    let names = has_header.then(|| head.iter().enumerate().map(name).collect::<Vec<_>>());
    if let Some(names) = &names {
        check_names(&place(0), names)?;
    }

    let start = usize::from(has_header);
    let n_rows = lines.len() - start;
    if n_rows == 0 {
        return Err(Error::format(
            origin,
            "a header and no rows",
            "a row for each case",
        ));
    }
    let mut values = Vec::with_capacity(n_rows * head.len());
    let mut defects = Vec::new();
    for (row, line) in lines[start..].iter().enumerate() {
        if line.trim().is_empty() {
            return Err(Error::format(
                place(start + row),
                "an empty line",
                "a row of the table",
            ));
        }
        let fields = fields(line, separator).ok_or_else(|| open_quote(&place(start + row)))?;
        if fields.len() != head.len() {
            return Err(Error::format(
                place(start + row),
                format!("{} fields", fields.len()),
                format!(
                    "{} fields as in the first line, separated by {separator:?}",
                    head.len()
                ),
            ));
        }
        for (column, field) in fields.iter().enumerate() {
            let field = field.trim();
            values.push(number(field).unwrap_or_else(|| {
                defects.push(Defect {
                    row,
                    column,
                    line: start + row + 1,
                    text: field.chars().take(40).collect(),
                    is_missing: is_missing(field),
                });
                f64::NAN
            }));
        }
    }
    let shape = (n_rows, head.len());
    let values = Array2::from_shape_vec(shape, values)
        .map_err(|_| Error::format(origin, "lines of different lengths", "a table"))?;
    Ok(Delimited {
        names,
        values,
        defects,
        separator,
        odd_header,
    })
}

/// The separator that a line has most of, outside of quotes; the comma where it has none.
fn separator_of(line: &str) -> char {
    let mut best = (',', 0);
    for candidate in [',', ';', '\t', '|'] {
        let n = fields(line, candidate).map_or(0, |f| f.len() - 1);
        if n > best.1 {
            best = (candidate, n);
        }
    }
    best.0
}

/// The fields of a line, without the quotes around them; `None` where a quote stays open.
fn fields(line: &str, separator: char) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let (mut in_quotes, mut was_quote) = (false, false);
    for c in line.chars() {
        let Some(field) = fields.last_mut() else { break };
        match c {
            // Two quotes within quotes are one.
            '"' if in_quotes => (in_quotes, was_quote) = (false, true),
            '"' if was_quote => {
                field.push('"');
                (in_quotes, was_quote) = (true, false);
            }
            '"' if field.trim().is_empty() => {
                field.clear();
                in_quotes = true;
            }
            _ if c == separator && !in_quotes => {
                fields.push(String::new());
                was_quote = false;
            }
            _ => {
                field.push(c);
                was_quote = false;
            }
        }
    }
    (!in_quotes).then_some(fields)
}

fn open_quote(place: &str) -> Error {
    Error::format(
        place,
        "a quotation mark that is never closed",
        "quotation marks in pairs",
    )
}

/// A finite decimal number. Rust's parser takes words and overflow for numbers as well; these are not finite.
fn number(field: &str) -> Option<f64> {
    field.parse::<f64>().ok().filter(|v| v.is_finite())
}

fn is_missing(field: &str) -> bool {
    MISSING.contains(&field.to_lowercase().as_str())
}

/// Whether a first line names columns by words.
fn names_columns(fields: &[String]) -> bool {
    fields
        .iter()
        .any(|field| number(field.trim()).is_none() && !is_missing(field.trim()))
}

/// Whether a first line is that of a data frame without names: 0, 1, 2, …, perhaps after the empty name of its index, which is the first field of the rows below.
fn counts(head: &[String], mut index: impl Iterator<Item = String>) -> bool {
    let counts = |fields: &[String]| fields.iter().enumerate().all(|(i, f)| f.trim() == i.to_string());
    match head {
        [first, names @ ..] if first.trim().is_empty() && !names.is_empty() => {
            // Three rows that are numbered so are no rows of bits.
            counts(names) && (names.len() > 2 || (0..3).all(|i| index.next() == Some(i.to_string())))
        }
        _ => head.len() > 2 && counts(head),
    }
}

/// The first field of a line.
fn first_field(line: &str, separator: char) -> String {
    fields(line, separator)
        .and_then(|fields| fields.first().map(|field| field.trim().to_owned()))
        .unwrap_or_default()
}

fn check_names(place: &str, names: &[String]) -> Result<()> {
    for (i, name) in names.iter().enumerate() {
        if let Some(j) = names[..i].iter().position(|other| other == name) {
            return Err(Error::format(
                place,
                format!("the name {name:?} for column {} and for column {}", j + 1, i + 1),
                "a name of its own for every column; if the first line is data, set data.header = false",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn read(text: &str) -> Result<Delimited> {
        parse("t", text.as_bytes(), None)
    }

    #[test]
    fn tables_of_spreadsheets_are_read() {
        let t = read("\u{feff}\"height, cm\";b\r\n 1.5 ;\"2\"\r\n-3e2;0\r\n\r\n").unwrap();
        assert_eq!(t.separator, ';');
        assert_eq!(t.names.unwrap(), ["height, cm", "b"]);
        assert_eq!(t.values, array![[1.5, 2.0], [-300.0, 0.0]]);
        assert!(t.defects.is_empty());
        let t = read("1\t2\n3\t4").unwrap();
        assert_eq!((t.names, t.values), (None, array![[1.0, 2.0], [3.0, 4.0]]));
        assert_eq!(
            fields("a,\"say \"\"no\"\"\",c", ',').unwrap(),
            ["a", "say \"no\"", "c"]
        );
    }

    #[test]
    fn headers_are_told_from_data() {
        assert!(read("a,b\n1,2").unwrap().names.is_some());
        assert!(read("1,NA\n1,2").unwrap().names.is_none());
        assert_eq!(read("0,1,2\n5,6,7").unwrap().names.unwrap(), ["0", "1", "2"]);
        // An index before them has no name.
        let t = read(",0,1,2\n7,5,6,7").unwrap();
        assert_eq!(t.names.unwrap(), ["Unnamed: 0", "0", "1", "2"]);
        assert_eq!(t.values, array![[7.0, 5.0, 6.0, 7.0]]);
        let t = read(",x\n7,5").unwrap();
        assert_eq!(t.names.unwrap(), ["1", "x"]);
        // Where these are bits, the numbers of the rows are asked.
        for (head, n) in [(",0", 2), (",0,1", 3)] {
            let rows = |first: [usize; 3]| first.map(|i| format!("\n{i}{}", ",1".repeat(n - 1))).concat();
            assert!(
                read(&(head.to_owned() + &rows([0, 1, 2])))
                    .unwrap()
                    .names
                    .is_some()
            );
            assert!(
                read(&(head.to_owned() + &rows([0, 1, 1])))
                    .unwrap()
                    .names
                    .is_none()
            );
            assert!(
                read(&format!("{head}\n0{}", ",1".repeat(n - 1)))
                    .unwrap()
                    .names
                    .is_none()
            );
        }
        assert!(read("0,1\n5,6\n7,8").unwrap().names.is_none());
        let forced = parse("t", b"0,1,2\n5,6,7", Some(false)).unwrap();
        assert_eq!(forced.values.nrows(), 2);
        for (text, header, is_odd) in [
            ("5.1,red\n4.9,blue", None, true),
            ("5.1,red\n4.9,blue", Some(true), false),
            ("5.1,red\n4.9,blue", Some(false), false),
            ("a,b\n1,2", None, false),
            ("0,1,2\n5,6,7", None, false),
            (",0,1,2\n7,5,6,7", None, false),
            ("1,NA\n1,2", None, false),
        ] {
            let t = parse("t", text.as_bytes(), header).unwrap();
            assert_eq!(t.odd_header, is_odd, "{text} {header:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_accounted_for() {
        let t = read("x,y,z\n1,,red\n2,inf,1e400\n").unwrap();
        let found: Vec<_> = t
            .defects
            .iter()
            .map(|d| (d.line, d.column, d.text.as_str(), d.is_missing))
            .collect();
        assert_eq!(
            found,
            [
                (2, 1, "", true),
                (2, 2, "red", false),
                (3, 1, "inf", false),
                (3, 2, "1e400", false)
            ]
        );
        assert!(t.values[[0, 1]].is_nan() && t.values[[1, 2]].is_nan());
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_line() {
        for (text, said) in [
            ("", "an empty file"),
            ("a,b\n", "a header and no rows"),
            ("1,2\n3\n", "line 2: found 1 fields"),
            ("1,2\n\n3,4\n", "line 2: found an empty line"),
            ("a,a\n1,2\n", "the name \"a\" for column 1 and for column 2"),
            ("1,\"2\n", "never closed"),
        ] {
            let e = read(text).unwrap_err().to_string();
            assert!(e.contains(said), "{e}");
        }
        assert!(
            parse("t", b"1,\xFF", None)
                .unwrap_err()
                .to_string()
                .contains("UTF-8")
        );
    }
}
