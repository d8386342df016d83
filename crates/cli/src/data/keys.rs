//! The section `[data]`.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::check;
use crate::failure::{Failure, Result};

/// Where the data are and how they are shown to the model.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataKeys {
    /// The file; a relative path starts at the folder of the configuration.
    pub path: PathBuf,
    /// Whether the first line names the columns; found out where it is not said.
    pub header: Option<bool>,
    /// The array of an npz file.
    pub array: Option<String>,
    /// The columns to model; all others are left out.
    pub columns: Option<Vec<String>>,
    /// Columns to leave out.
    #[serde(default)]
    pub drop: Vec<String>,
    /// The column that says what a row is, and is left out.
    pub label: Option<String>,
    /// What happens to rows with missing entries.
    #[serde(default)]
    pub missing: Missing,
    /// How numbers are scaled.
    #[serde(default)]
    pub scale: Scale,
    /// How numbers become zeros and ones.
    #[serde(default)]
    pub binarise: Binarise,
    /// Numbers above it are 1, after scaling.
    #[serde(default = "half")]
    pub threshold: f64,
    /// The share of the rows that is kept for judging.
    #[serde(default = "tenth")]
    pub hold_out: f64,
    /// Height and width, where a row is a picture.
    pub picture: Option<[usize; 2]>,
}

fn half() -> f64 {
    0.5
}

fn tenth() -> f64 {
    0.1
}

/// What happens to rows with missing entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Missing {
    /// The data are refused.
    #[default]
    Refuse,
    /// The rows are left out, and counted.
    DropRows,
}

/// How numbers are scaled; what is needed for it is taken from the training rows alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scale {
    /// As they are.
    #[default]
    None,
    /// Each column to mean 0 and standard deviation 1.
    Standardise,
    /// Each column from its least and greatest number to [0, 1].
    Unit,
    /// All columns together from the least and the greatest number to [0, 1]: for pictures.
    UnitTogether,
}

/// How numbers become zeros and ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Binarise {
    /// They stay numbers.
    #[default]
    None,
    /// Above the threshold is 1.
    Threshold,
    /// Numbers in [0, 1] are probabilities of being 1: tossed afresh at every visit, and once for judging.
    Stochastic,
}

impl fmt::Display for Binarise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Binarise::None => "none",
            Binarise::Threshold => "threshold",
            Binarise::Stochastic => "stochastic",
        })
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scale::None => "none",
            Scale::Standardise => "standardise",
            Scale::Unit => "unit",
            Scale::UnitTogether => "unit-together",
        })
    }
}

impl DataKeys {
    /// Requires values that make sense by themselves.
    pub(crate) fn check(&self) -> Result<()> {
        check::share(
            "data.hold_out",
            self.hold_out,
            "set data.hold_out to the share of rows to judge by, such as 0.1, or to 0 to train on all of them",
        )?;
        if !self.threshold.is_finite() {
            let cure = "set data.threshold = 0.5";
            return Err(Failure::key("data.threshold", self.threshold, "finite", cure));
        }
        if let Some([height, width]) = self.picture
            && (height == 0 || width == 0)
        {
            return Err(Failure::key(
                "data.picture",
                format!("[{height}, {width}]"),
                "a height and a width of at least 1",
                "set data.picture = [height, width] in pixels, or leave it out",
            ));
        }
        if self.columns.as_ref().is_some_and(Vec::is_empty) {
            return Err(Failure::key(
                "data.columns",
                "[]",
                "a list of at least one column",
                "name the columns to model, or leave the key out to take all",
            ));
        }
        Ok(())
    }
}
