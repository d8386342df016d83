//! Tables as comma-separated values (RFC 4180), with every number written so that it reads back with the same bits.

use crate::Result;

/// A table under construction.
///
/// ```
/// use gibbsian_repro::Table;
/// let mut table = Table::new(["k", "method", "bias"]);
/// table.row([1.into(), "CD".into(), 0.1.into()])?;
/// assert_eq!(table.to_csv(), "k,method,bias\n1,CD,0.1\n");
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Table {
    n_columns: usize,
    text: String,
}

/// One cell of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A real number, written in the fewest digits that read back exactly.
    Real(f64),
    /// A whole number.
    Whole(i64),
    /// A word.
    Text(String),
}

impl Table {
    /// A table with these column names and no row.
    pub fn new<'a>(columns: impl IntoIterator<Item = &'a str>) -> Self {
        let cells: Vec<Cell> = columns.into_iter().map(Cell::from).collect();
        let mut table = Table {
            n_columns: cells.len(),
            text: String::new(),
        };
        table.push(&cells);
        table
    }

    /// Adds a row. The error names a row of another length.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) -> Result<()> {
        let cells: Vec<Cell> = cells.into_iter().collect();
        if cells.len() != self.n_columns {
            return Err(format!(
                "a row of {} cells in a table of {} columns",
                cells.len(),
                self.n_columns
            )
            .into());
        }
        self.push(&cells);
        Ok(())
    }

    /// The table as text, one line a row.
    pub fn to_csv(&self) -> &str {
        &self.text
    }

    fn push(&mut self, cells: &[Cell]) {
        for (i, cell) in cells.iter().enumerate() {
            if i > 0 {
                self.text.push(',');
            }
            match cell {
                // `{:?}` is the shortest text that reads back exactly, with an exponent where digits would be zeros.
                Cell::Real(value) => self.text.push_str(&format!("{value:?}")),
                Cell::Whole(value) => self.text.push_str(&value.to_string()),
                Cell::Text(text) if text.contains([',', '"', '\n', '\r']) => {
                    self.text.push('"');
                    self.text.push_str(&text.replace('"', "\"\""));
                    self.text.push('"');
                }
                Cell::Text(text) => self.text.push_str(text),
            }
        }
        self.text.push('\n');
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Cell::Real(value)
    }
}

impl From<i32> for Cell {
    fn from(value: i32) -> Self {
        Cell::Whole(value.into())
    }
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Cell::Whole(value)
    }
}

impl From<usize> for Cell {
    fn from(value: usize) -> Self {
        // A count that does not fit is still a number, only rounded.
        i64::try_from(value).map_or(Cell::Real(value as f64), Cell::Whole)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(text.to_string())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Cell::Text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_with_the_same_bits() {
        let values = [0.1 + 0.2, 1e-300, -1.0 / 3.0, f64::MAX, 5e-324, 0.0, -0.0];
        let mut table = Table::new(["x"]);
        for value in values {
            table.row([value.into()]).unwrap();
        }
        let read: Vec<f64> = table
            .to_csv()
            .lines()
            .skip(1)
            .map(|l| l.parse().unwrap())
            .collect();
        for (a, b) in values.iter().zip(&read) {
            assert_eq!(a.to_bits(), b.to_bits());
        }
    }

    #[test]
    fn commas_quotes_and_line_ends_are_quoted() {
        let mut table = Table::new(["a,b"]);
        table.row(["say \"hi\"\nnow".into()]).unwrap();
        assert_eq!(table.to_csv(), "\"a,b\"\n\"say \"\"hi\"\"\nnow\"\n");
    }

    #[test]
    fn a_row_of_another_length_is_refused() {
        let error = Table::new(["a", "b"]).row([1.0.into()]).unwrap_err();
        assert_eq!(error.to_string(), "a row of 1 cells in a table of 2 columns");
    }
}
