//! The numbers of a run as comma-separated values, written while it goes on.
//!
//! A row is written in one piece as soon as its numbers are known, so whatever ends the process leaves whole rows. Rows are not forced to the disk: where the machine itself goes down the last ones may be missing or torn, and a run that goes on
//! from a checkpoint after them leaves them out. A run that is resumed makes the
//! steps after its last checkpoint again; before the first of them the log cuts off the rows that these steps will write anew. So the file of a run that was killed and resumed is, byte for byte, that of a
//! run that was not; for the same reason there is no column for the time. A run that starts from its beginning writes its log from the beginning. A file that is not a log of the same columns is refused and left alone.
//!
//! Real numbers have the fewest digits that read back as the same bits.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use gibbsian_core::{Error, Result};

use crate::divergence::check_every;
use crate::history::History;
use crate::monitor::{GO_ON, GoOn, Monitor, Progress};

/// A monitor that writes `step,epoch,loss,learning_rate` and columns of the user to a file.
///
/// ```no_run
/// # use gibbsian_core::{Energy, Result, Streams, dataset::Matrix};
/// use gibbsian_train::{CsvLog, energy_gap};
///
/// # fn log<M: Energy + 'static>(train: Matrix, held_out: Matrix) -> Result<CsvLog<M>> {
/// // After every tenth step, with the energy gap between training and held-out data.
/// let log = CsvLog::every("run/steps.csv", 10)?
///     .column("energy_gap", move |model: &M, _| {
///         Ok(energy_gap(model, &train, &held_out, Streams::from_key(0))?.gap)
///     })?;
/// # Ok(log)
/// # }
/// ```
pub struct CsvLog<M: ?Sized> {
    path: PathBuf,
    rows: Rows,
    names: Vec<String>,
    columns: Vec<Column<M>>,
    /// Open for appending from the first step that is seen.
    file: Option<File>,
    /// The last step that was seen.
    seen: u64,
}

impl<M: ?Sized> std::fmt::Debug for CsvLog<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CsvLog")
            .field("path", &self.path)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// A column of the user.
type Column<M> = Box<dyn FnMut(&M, &Progress) -> Result<f64>>;

/// After what a row is written.
enum Rows {
    EverySteps(u64),
    EachEpoch,
}

impl<M: ?Sized> CsvLog<M> {
    /// A row after every `n_steps` steps, with the loss of the last of them.
    ///
    /// # Errors
    /// `n_steps` is zero.
    pub fn every(path: impl AsRef<Path>, n_steps: u64) -> Result<Self> {
        check_every("n_steps", n_steps)?;
        Ok(CsvLog::new(path, Rows::EverySteps(n_steps)))
    }

    /// A row after every epoch, with its mean loss and its last learning rate.
    pub fn each_epoch(path: impl AsRef<Path>) -> Self {
        CsvLog::new(path, Rows::EachEpoch)
    }

    fn new(path: impl AsRef<Path>, rows: Rows) -> Self {
        CsvLog {
            path: path.as_ref().to_path_buf(),
            rows,
            names: ["step", "epoch", "loss", "learning_rate"]
                .map(String::from)
                .into(),
            columns: Vec::new(),
            file: None,
            seen: 0,
        }
    }

    /// The same log with one more column, computed for every row.
    ///
    /// Its values must follow from the model and from where the run stands, or a resumed run writes other rows.
    ///
    /// # Errors
    /// A name that is empty, taken, or contains a comma, a quotation mark or a line break.
    pub fn column(
        mut self,
        name: impl Into<String>,
        value: impl FnMut(&M, &Progress) -> Result<f64> + 'static,
    ) -> Result<Self> {
        let name = name.into();
        if name.is_empty() || name.contains([',', '"', '\n', '\r']) || self.names.contains(&name) {
            let requirement = "a new name without commas, quotation marks and line breaks";
            return Err(Error::parameter("name", format!("{name:?}"), requirement));
        }
        self.names.push(name);
        self.columns.push(Box::new(value));
        Ok(self)
    }

    /// Makes the file ready for the rows of step `step` and those after it.
    fn open(&mut self, step: u64) -> Result<()> {
        if self.file.is_some() {
            return Ok(());
        }
        let path = &self.path;
        let refused = |action| move |e| Error::file(path, action, e);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(refused("open"))?;
        let header = self.names.join(",") + "\n";
        let kept = kept_bytes(&mut BufReader::new(&file), &header, step, path)?;
        file.set_len(kept).map_err(refused("shorten"))?;
        file.seek(SeekFrom::End(0)).map_err(refused("write"))?;
        if kept == 0 {
            file.write_all(header.as_bytes()).map_err(refused("write"))?;
        }
        self.file = Some(file);
        Ok(())
    }

    fn row(&mut self, model: &M, progress: &Progress) -> Result<()> {
        let Progress {
            step,
            epoch,
            loss,
            learning_rate,
            ..
        } = progress;
        let mut row = format!("{step},{epoch},{loss:?},{learning_rate:?}");
        for column in &mut self.columns {
            row += &format!(",{:?}", column(model, progress)?);
        }
        row.push('\n');
        if let Some(file) = &mut self.file {
            file.write_all(row.as_bytes())
                .map_err(|e| Error::file(&self.path, "write", e))?;
        }
        Ok(())
    }
}

impl<M: ?Sized> Monitor<M> for CsvLog<M> {
    fn on_step(&mut self, model: &M, progress: &Progress) -> Result<GoOn> {
        if progress.step <= self.seen {
            // Another run begins.
            self.file = None;
        }
        self.open(progress.step)?;
        self.seen = progress.step;
        match self.rows {
            Rows::EverySteps(n) if progress.step.is_multiple_of(n) => self.row(model, progress)?,
            _ => {}
        }
        Ok(GO_ON)
    }

    fn on_epoch(&mut self, model: &M, progress: &Progress, _: &History) -> Result<GoOn> {
        if matches!(self.rows, Rows::EachEpoch) {
            self.row(model, progress)?;
        }
        Ok(GO_ON)
    }
}

/// How much of a log remains when the rows of `step` and after it are to be written: its header and the whole rows of earlier steps; nothing of a file that is empty or ends within the header.
fn kept_bytes(file: &mut impl BufRead, header: &str, step: u64, path: &Path) -> Result<u64> {
    let refused = |e| Error::file(path, "read", e);
    let mut line = Vec::new();
    // No more than that of a file that may be anything.
    file.take(header.len() as u64)
        .read_until(b'\n', &mut line)
        .map_err(refused)?;
    if line != header.as_bytes() {
        if header.as_bytes().starts_with(&line) {
            return Ok(0);
        }
        let origin = path.display().to_string();
        let found = String::from_utf8_lossy(&line);
        return Err(Error::format(
            origin,
            format!("{found:?}"),
            format!("a log that begins with {header:?}"),
        ));
    }
    let mut kept = line.len() as u64;
    loop {
        line.clear();
        file.read_until(b'\n', &mut line).map_err(refused)?;
        if !line.ends_with(b"\n") {
            return Ok(kept);
        }
        let first = line.split(|&b| b == b',').next().unwrap_or_default();
        let recorded = std::str::from_utf8(first)
            .ok()
            .and_then(|s| s.parse::<u64>().ok());
        match recorded {
            Some(recorded) if recorded < step => kept += line.len() as u64,
            Some(_) => return Ok(kept),
            None => {
                let found = format!("a row of step {:?}", String::from_utf8_lossy(first));
                return Err(Error::format(path.display().to_string(), found, "a number"));
            }
        }
    }
}
