//! `gibbsian new`: a commented configuration, with `[data]` as a file suggests.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use crate::arguments::NewArguments;
use crate::console::Console;
use crate::data::survey::{self, Column};
use crate::data::{DataFile, Rows};
use crate::failure::{Result, toml_text};
use crate::kinds;

/// Prints it.
pub(crate) fn run(arguments: &NewArguments, console: &Arc<Console>) -> Result<()> {
    let kind = arguments.kind.name();
    let mut sections = kinds::template(kind).trim_end().to_owned();
    let data = match &arguments.data {
        Some(path) => {
            let file = DataFile::read(path, None, None)?;
            let suggestion = Suggestion::of(kind, &file);
            if let Some(warning) = file.odd_header() {
                console.notice(format!("warning: {warning}"));
            }
            for remark in &suggestion.remarks {
                console.notice(format!("note: {remark}"));
            }
            if let Some(epochs) = enough_epochs(&sections, file.n_rows()) {
                sections = epochs;
            }
            // Nobody knows into which folder this will be written, and a relative path would start there.
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            suggestion.section(&path, &file)
        }
        None => general(kind),
    };
    console.say(format!(
        "# {} Every key is shown; those of [model] and below with their defaults{}.\nkind = \"{kind}\"\nseed = 1                       # everything random follows from it\n\n{data}\n{}",
        about(kind),
        if arguments.data.is_some() { ", but for epochs where rows are few" } else { "" },
        sections
    ));
    Ok(())
}

/// Training takes thousands of steps, however few rows there are.
const FEWEST_STEPS: usize = 5_000;

/// The sections with more passes, where the rows are so few that the passes of the template would be too few steps.
fn enough_epochs(sections: &str, n_rows: usize) -> Option<String> {
    let value = |key: &str| -> Option<usize> {
        let line = sections
            .lines()
            .find(|line| line.starts_with(&format!("{key} = ")))?;
        line.split_whitespace().nth(2)?.parse().ok()
    };
    let (epochs, batch) = (value("epochs")?, value("batch")?);
    let enough = FEWEST_STEPS.div_ceil(n_rows.div_ceil(batch));
    (enough > epochs).then(|| {
        sections.replacen(
            &format!("\nepochs = {epochs} "),
            &format!("\nepochs = {enough} "),
            1,
        )
    })
}

fn about(kind: &str) -> &'static str {
    match kind {
        "rbm" => "A restricted Boltzmann machine of binary data.",
        "dbm" => "A deep Boltzmann machine of binary data.",
        "score" => "A score network of real data.",
        _ => "A neural energy of real data.",
    }
}

/// What the keys of `[data]` should be.
struct Suggestion {
    label: Option<String>,
    drop: Vec<String>,
    missing: bool,
    scale: &'static str,
    binarise: &'static str,
    threshold: f64,
    picture: Option<(usize, usize)>,
    remarks: Vec<String>,
}

impl Suggestion {
    fn of(kind: &str, file: &DataFile) -> Self {
        let columns = survey::columns(file);
        let is_binary_kind = kind == "rbm" || kind == "dbm";
        let mut it = Suggestion {
            label: None,
            drop: Vec::new(),
            missing: false,
            scale: "none",
            binarise: "none",
            threshold: 0.5,
            picture: file.picture,
            remarks: Vec::new(),
        };
        if matches!(file.rows, Rows::Table(_)) {
            it.leave_out(file, &columns, is_binary_kind);
        }
        let used: Vec<&Column> = columns
            .iter()
            .filter(|c| !it.drop.contains(&c.name) && it.label.as_ref() != Some(&c.name))
            .collect();
        it.missing = used.iter().any(|c| c.n_missing > 0);
        let is_binary = used.iter().all(|c| c.is_binary());
        let is_unit = used.iter().all(|c| c.range.0 >= 0.0 && c.range.1 <= 1.0);
        if is_binary_kind && !is_binary {
            let varying: Vec<&Column> = used.iter().copied().filter(|c| !c.is_constant()).collect();
            it.make_binary(&varying, is_unit);
        } else if !is_binary_kind {
            it.scale = if it.picture.is_some() {
                "unit-together"
            } else {
                "standardise"
            };
            if is_binary && it.picture.is_none() {
                it.remarks.push(format!("the data are zeros and ones, which have no density, and \"{kind}\" will refuse them: kind = \"rbm\" is for them"));
            }
        }
        it
    }

    /// Finds labels, counters of rows, words and, for real-valued models, constants.
    fn leave_out(&mut self, file: &DataFile, columns: &[Column], is_binary_kind: bool) {
        let n = columns.len();
        let probable = survey::probable_label(columns).map(|c| c.name.clone());
        let last_is_class = columns
            .last()
            .is_some_and(|c| c.is_whole && c.n_distinct <= 20 && !c.is_binary());
        if let Some(name) = probable {
            self.remarks
                .push(format!("column {name:?} looks like a label and is left out"));
            self.label = Some(name);
        } else if !file.is_named
            && file.picture.is_none()
            && last_is_class
            && survey::square(n - 1).is_some()
            && survey::square(n).is_none()
        {
            let name = columns[n - 1].name.clone();
            self.remarks.push(format!(
                "column {name} has {} whole numbers and looks like a class; it is left out",
                columns[n - 1].n_distinct
            ));
            self.label = Some(name);
        }
        let is_of_two = |column: &Column| column.n_distinct == 2 && column.n_words == 0;
        // Where no other columns are there, the kind does not fit, and nothing would be left.
        let others = columns.iter().any(|c| {
            c.n_distinct > 2
                && c.n_words == 0
                && !c.is_counter(file.is_named)
                && self.label.as_ref() != Some(&c.name)
        });
        // A pixel that is never on is a column of a picture, and a machine of bits has a place for it; not for a year that is the same in all rows.
        let varies = columns.iter().any(|c| !c.is_constant() && c.n_words == 0);
        let is_beyond_bits =
            |column: &Column| varies && file.picture.is_none() && !(0.0..=1.0).contains(&column.range.0);
        for column in columns {
            let is_label = self.label.as_ref() == Some(&column.name);
            if is_label {
                continue;
            }
            let why = if column.n_words > 0 {
                "has words"
            } else if column.is_counter(file.is_named) && n > 1 {
                "numbers the rows"
            } else if column.is_constant() && (!is_binary_kind || is_beyond_bits(column)) {
                "is constant"
            } else if is_of_two(column) && others && !is_binary_kind && file.picture.is_none() {
                "has two numbers only, which have no density,"
            } else {
                continue;
            };
            self.remarks
                .push(format!("column {:?} {why} and is left out", column.name));
            self.drop.push(column.name.clone());
        }
        let n_left = n - self.drop.len() - usize::from(self.label.is_some());
        self.picture = match file.picture {
            Some((height, width)) if height * width == n_left => file.picture,
            Some(_) => {
                self.remarks
                    .push("rows without some of their pixels are pictures no more".into());
                None
            }
            None if file.is_named => None,
            None => survey::square(n_left),
        };
    }

    /// What makes bits of columns, all of which must keep two values; constants have no say.
    fn make_binary(&mut self, varying: &[&Column], is_unit: bool) {
        let most = varying.iter().map(|c| c.n_distinct).max().unwrap_or(0);
        let high = varying.first().map_or(f64::NAN, |c| c.range.1);
        if most <= 3 && varying.iter().all(|c| c.is_whole) {
            self.binarise = "threshold";
            if varying.iter().all(|c| c.range.1 == high) {
                // Votes and answers: a cut between the two highest values.
                self.threshold = high - 0.5;
                self.remarks.push(format!(
                    "columns have at most {most} whole numbers: above {} is 1",
                    self.threshold
                ));
            } else {
                // No number parts the values of every column.
                self.scale = "unit";
                self.remarks.push(format!(
                    "columns have at most {most} whole numbers, but not the same highest one: above the middle of its own range is 1"
                ));
            }
            return;
        }
        self.binarise = "stochastic";
        if !is_unit {
            // One range for all says that columns are of one kind: answers on one scale. The darkest pixels of pictures differ.
            let shares_range = self.picture.is_some() || varying.iter().all(|c| c.range == varying[0].range);
            self.scale = if shares_range { "unit-together" } else { "unit" };
        }
        self.remarks.push("numbers are taken for probabilities of being 1, after scaling to [0, 1]; for real-valued data \"score\" and \"energy\" lose nothing".to_owned());
    }

    fn section(&self, path: &Path, file: &DataFile) -> String {
        let mut text = format!(
            "# {} rows of {} columns; {}.\n",
            file.n_rows(),
            file.names.len(),
            file.account
        );
        let list = |names: &[String]| names.iter().map(|n| toml_text(n)).collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "[data]\npath = {}", toml_text(&path.display().to_string()));
        if file.account.starts_with("text") {
            let _ = writeln!(text, "header = {}", file.is_named);
        }
        match &self.label {
            Some(label) => {
                let _ = writeln!(
                    text,
                    "label = {}                # says what a row is; left out of the model",
                    toml_text(label)
                );
            }
            None => {
                text += "# label = \"NAME\"               # a column that says what a row is; left out of the model\n"
            }
        }
        let _ = writeln!(
            text,
            "drop = [{}]                     # columns to leave out",
            list(&self.drop)
        );
        text += "# columns = [\"NAME\"]           # the columns to model, all others are left out\n";
        let missing = if self.missing { "drop-rows" } else { "refuse" };
        let _ = writeln!(
            text,
            "missing = \"{missing}\"             # rows with missing entries: \"refuse\" or \"drop-rows\""
        );
        let _ = writeln!(
            text,
            "scale = \"{}\"                 # \"none\", \"standardise\", \"unit\" (each column to [0, 1]), \"unit-together\" (pictures)",
            self.scale
        );
        let _ = writeln!(
            text,
            "binarise = \"{}\"              # \"none\", \"threshold\", \"stochastic\" (numbers in [0, 1] are probabilities)",
            self.binarise
        );
        let _ = writeln!(
            text,
            "threshold = {}                # of \"threshold\", after scaling",
            self.threshold
        );
        text += "hold_out = 0.1                 # share of the rows that is kept for judging\n";
        match self.picture {
            Some((height, width)) => {
                let _ = writeln!(
                    text,
                    "picture = [{height}, {width}]               # rows are pictures of this height and width"
                );
            }
            None => text += "# picture = [8, 8]             # if rows are pictures: height and width\n",
        }
        text
    }
}

/// The section for data that nobody has seen.
fn general(kind: &str) -> String {
    let (scale, binarise) = match kind {
        "rbm" | "dbm" => ("none", "none"),
        _ => ("standardise", "none"),
    };
    format!(
        "[data]\n\
         path = \"data.csv\"              # relative to this file; .csv, .tsv, .txt, IDX (each also .gz), .npy, .npz\n\
         # header = true                # whether the first line names the columns; found out if not said\n\
         # array = \"x\"                  # the array of an npz file\n\
         # label = \"NAME\"               # a column that says what a row is; left out of the model\n\
         drop = []                      # columns to leave out\n\
         # columns = [\"NAME\"]           # the columns to model, all others are left out\n\
         missing = \"refuse\"             # rows with missing entries: \"refuse\" or \"drop-rows\"\n\
         scale = \"{scale}\"                 # \"none\", \"standardise\", \"unit\" (each column to [0, 1]), \"unit-together\" (pictures)\n\
         binarise = \"{binarise}\"              # \"none\", \"threshold\", \"stochastic\" (numbers in [0, 1] are probabilities)\n\
         threshold = 0.5                # of \"threshold\", after scaling\n\
         hold_out = 0.1                 # share of the rows that is kept for judging\n\
         # picture = [8, 8]             # if rows are pictures: height and width\n"
    )
}
