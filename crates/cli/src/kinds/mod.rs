//! The kinds of models, one a file, behind two traits.
//!
//! A [`Kind`] is the configuration of a model of that kind: it checks its keys, says what it needs, and trains. A [`Model`] is what came of it: it draws samples and judges data. A new kind is a file with
//! both and a line in [`NAMES`], [`parse`] and [`template`].

pub(crate) mod anneal;
pub(crate) mod chains;
pub(crate) mod dbm;
pub(crate) mod energy;
pub(crate) mod fit;
pub(crate) mod rbm;
pub(crate) mod score;

use gibbsian_core::{Record, Seed};
use ndarray::{Array1, Array2, ArrayView2};

use crate::failure::Result;
use crate::progress::Progress;
use fit::{Job, Trained};

/// The names of all kinds, in the order in which they are explained.
pub(crate) const NAMES: [&str; 4] = ["rbm", "dbm", "score", "energy"];

/// What numbers a kind takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// Zeros and ones.
    Binary,
    /// Real numbers that are not constant.
    Real,
}

/// The configuration of a model.
pub(crate) trait Kind {
    /// Its name.
    fn name(&self) -> &'static str;

    /// What numbers it takes.
    fn wants(&self) -> Wants;

    /// Checks every key by itself.
    fn check(&self) -> Result<()>;

    /// About how many bytes training takes for rows of `dim` numbers, besides the data.
    fn bytes(&self, dim: usize) -> f64;

    /// Everything that the weights depend on besides data and seed.
    fn recipe(&self) -> String;

    /// Trains, or goes on where an interrupted run stopped.
    fn train(&self, job: &Job<'_>) -> Result<Trained>;

    /// The trained model; `means` are the means of `n_rows` training rows.
    fn restore(&self, means: &Array1<f64>, n_rows: usize, weights: &Record) -> Result<Box<dyn Model>>;
}

/// A trained model.
pub(crate) trait Model {
    /// What it is, in words.
    fn describe(&self) -> String;

    /// At least `n` draws; numbers are as the model sees them.
    fn sample(&self, n: usize, seed: Seed, progress: &Progress) -> Result<Draws>;

    /// What it says of the rows of `x`.
    fn evaluate(&self, x: ArrayView2<f64>, seed: Seed, progress: &Progress) -> Result<Evaluation>;

    /// What its first layer looks for, one unit a row, where that is a picture of the data.
    fn filters(&self) -> Option<Array2<f64>> {
        None
    }
}

/// Draws of a model.
pub(crate) struct Draws {
    /// One draw a row.
    pub rows: Array2<f64>,
    /// Their means given the hidden units, where there are such: better pictures.
    pub means: Option<Array2<f64>>,
    /// How they were made and how good they seem, a line each.
    pub notes: Vec<String>,
    /// What speaks against them.
    pub warnings: Vec<String>,
}

/// What a model says of rows.
pub(crate) struct Evaluation {
    /// The quantity: log-probability, log-density, a bound.
    pub quantity: &'static str,
    /// It, for every row, in nats.
    pub rows: Array1<f64>,
    /// An interval of its mean that speaks of the normaliser's error alone.
    pub interval: Option<(f64, f64)>,
    /// How it was computed, a line each.
    pub notes: Vec<String>,
    /// Whether it can be relied on.
    pub verdict: Verdict,
    /// The same numbers for programs.
    pub details: serde_json::Map<String, serde_json::Value>,
}

/// Whether a number can be relied on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// It is exact, for the reason given.
    Certified(String),
    /// The mean over rows that are evenly spread is enclosed within the tolerance.
    Enclosed {
        /// The number of rows.
        n_cases: usize,
        /// The lower and the upper bound, as the model sees the data.
        bounds: (f64, f64),
    },
    /// It may be right; what is missing.
    NotCertified(String),
}

/// The kind of this name with its sections.
pub(crate) fn parse(name: &str, text: &str, origin: &str) -> Result<Box<dyn Kind>> {
    Ok(match name {
        "rbm" => Box::new(rbm::RbmKind::parse(text, origin)?),
        "dbm" => Box::new(dbm::DbmKind::parse(text, origin)?),
        "score" => Box::new(score::ScoreKind::parse(text, origin)?),
        _ => Box::new(energy::EnergyKind::parse(text, origin)?),
    })
}

/// The sections of a commented configuration, without `[data]`.
pub(crate) fn template(name: &str) -> &'static str {
    match name {
        "rbm" => rbm::TEMPLATE,
        "dbm" => dbm::TEMPLATE,
        "score" => score::TEMPLATE,
        _ => energy::TEMPLATE,
    }
}
