//! What an experiment declares before it runs.
//!
//! An [`Experiment`] is a constant: an id, a title, what it shows, its source, a time budget, its [`Claim`]s and a function.
//! A claim is a sentence that could have come out false. It is written down with what is expected at each scale, how far the
//! measurement may differ, and *why* so far: a theorem, a rounding bound, a multiple of the Monte Carlo error. Nothing here
//! can be changed by the run, so no tolerance can follow a result.
//!
//! One rule decides every claim. With the expected interval `[l, h]` (a value is the interval `[v, v]`, an open end has no
//! bound) and the tolerance `t ≥ 0`, a measurement `m` passes if and only if `l − t ≤ m ≤ h + t`, ends included; what is not
//! finite fails.
//!
//! ```
//! use gibbsian_repro::{Check, Claim, Context, Experiment, Provenance, Result, measured};
//!
//! const MEAN: Claim = Claim {
//!     claim: "the sample mean of a fair coin is one half",
//!     source: "Bernoulli (1713)",
//!     provenance: Provenance::MonteCarlo,
//!     quick: Some(Check::value(0.5).within_standard_errors(5.0)),
//!     full: Check::value(0.5).within_standard_errors(5.0),
//!     reason: "five standard errors of the mean: a false alarm in 1.7 million",
//! };
//!
//! pub const EXPERIMENT: Experiment = Experiment {
//!     id: "coin",
//!     title: "A fair coin",
//!     question: "How often does a fair coin show heads?",
//!     mathematics: r"With $k$ heads in $n$ tosses, $\mathbb{E} \, k / n = \tfrac{1}{2}$.",
//!     shows: "The mean of n tosses approaches one half.",
//!     source: "Bernoulli (1713), Ars Conjectandi",
//!     budget_seconds: 10,
//!     claims: &[MEAN],
//!     run,
//! };
//!
//! fn run(ctx: &mut Context) -> Result<()> {
//!     let n = ctx.pick(1_000, 1_000_000);
//!     let heads = n / 2; // An experiment would toss here, from `ctx.seed()`.
//!     let standard_error = 0.5 / (n as f64).sqrt();
//!     ctx.measure(&MEAN, measured(heads as f64 / n as f64).with_error(standard_error))
//! }
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Context, Result};

/// How much of a claim is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Everything in minutes: claims in a smaller form that is still true.
    Quick,
    /// The scale of the paper.
    Full,
}

/// Where the expected number of a claim comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provenance {
    /// A theorem, a closed form or an enumeration: only rounding separates it from the measurement.
    Exact,
    /// An exact statement measured with random draws: a standard error separates them.
    MonteCarlo,
    /// A number printed in the literature, under the protocol named in the claim's source.
    Published,
}

/// What is expected of a measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Expected {
    /// This number.
    Value(f64),
    /// A number in this interval, ends included; `None` is an open end.
    Range(Option<f64>, Option<f64>),
    /// A number the experiment computes by an independent route and hands over with [`Measured::against`].
    Reference,
}

/// How far a measurement may lie from what is expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerance {
    /// This far.
    Absolute(f64),
    /// This multiple of the expected number's absolute value.
    Relative(f64),
    /// This multiple of the standard error handed over with [`Measured::with_error`].
    StandardErrors(f64),
    /// This multiple of the scale handed over with [`Measured::with_scale`], for example a condition number.
    Scaled(f64),
}

/// What is expected at one scale, and how far the measurement may differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Check {
    /// What is expected.
    pub expected: Expected,
    /// How far the measurement may lie from it.
    pub tolerance: Tolerance,
}

impl Check {
    /// Exactly this number, until a tolerance is given.
    pub const fn value(value: f64) -> Self {
        Check::exactly(Expected::Value(value))
    }

    /// A number in `[low, high]`.
    pub const fn between(low: f64, high: f64) -> Self {
        Check::exactly(Expected::Range(Some(low), Some(high)))
    }

    /// A number that is `low` or more.
    pub const fn at_least(low: f64) -> Self {
        Check::exactly(Expected::Range(Some(low), None))
    }

    /// A number that is `high` or less.
    pub const fn at_most(high: f64) -> Self {
        Check::exactly(Expected::Range(None, Some(high)))
    }

    /// A number the experiment computes by an independent route, such as an enumeration.
    pub const fn reference() -> Self {
        Check::exactly(Expected::Reference)
    }

    /// Allows an absolute distance.
    pub const fn within(self, distance: f64) -> Self {
        self.with(Tolerance::Absolute(distance))
    }

    /// Allows a distance relative to the expected number.
    pub const fn within_relative(self, fraction: f64) -> Self {
        self.with(Tolerance::Relative(fraction))
    }

    /// Allows a multiple of the measurement's standard error.
    pub const fn within_standard_errors(self, multiple: f64) -> Self {
        self.with(Tolerance::StandardErrors(multiple))
    }

    /// Allows a multiple of a scale that is only known when measuring.
    pub const fn within_scaled(self, multiple: f64) -> Self {
        self.with(Tolerance::Scaled(multiple))
    }

    const fn exactly(expected: Expected) -> Self {
        Check {
            expected,
            tolerance: Tolerance::Absolute(0.0),
        }
    }

    const fn with(self, tolerance: Tolerance) -> Self {
        Check {
            expected: self.expected,
            tolerance,
        }
    }
}

/// A sentence that could have come out false, with what would make it true.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// The statement, one sentence; it names the claim in the ledger and is unique within its experiment.
    pub claim: &'static str,
    /// Author, year, equation or table; for a published number also its protocol.
    pub source: &'static str,
    /// Where the expected number comes from.
    pub provenance: Provenance,
    /// What is expected at quick scale; `None` if the claim has no true small form and is skipped there.
    pub quick: Option<Check>,
    /// What is expected at full scale.
    pub full: Check,
    /// Why the tolerance is what it is.
    pub reason: &'static str,
}

impl Claim {
    /// What is expected at this scale, or `None` if the claim is skipped.
    pub const fn check(&self, scale: Scale) -> Option<Check> {
        match scale {
            Scale::Quick => self.quick,
            Scale::Full => Some(self.full),
        }
    }
}

/// One experiment: what it declares, and the function that measures it.
#[derive(Clone, Copy, Debug)]
pub struct Experiment {
    /// Lower-case words joined by hyphens; the name on the command line and of the output folder.
    pub id: &'static str,
    /// A short title.
    pub title: &'static str,
    /// What it asks, in one sentence that ends with a question mark.
    pub question: &'static str,
    /// The law that it rests on: a few lines of prose with formulas in TeX, `$…$` within a line and `$$…$$` on a line of their own.
    pub mathematics: &'static str,
    /// What it shows, in prose; a blank line separates paragraphs.
    pub shows: &'static str,
    /// The work it reproduces.
    pub source: &'static str,
    /// How long a quick run should take, in seconds. Exceeding it is said, and is never a verdict.
    pub budget_seconds: u32,
    /// Everything that is claimed. Each one is measured exactly once, or fails.
    pub claims: &'static [Claim],
    /// Measures the claims.
    pub run: fn(&mut Context) -> Result<()>,
}

/// A measured number, with what its claim's check needs beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    pub(crate) value: f64,
    pub(crate) standard_error: Option<f64>,
    pub(crate) scale: Option<f64>,
    pub(crate) reference: Option<f64>,
}

/// A measured number.
pub fn measured(value: f64) -> Measured {
    Measured {
        value,
        standard_error: None,
        scale: None,
        reference: None,
    }
}

impl Measured {
    /// The standard error of the number, for [`Tolerance::StandardErrors`].
    pub fn with_error(self, standard_error: f64) -> Self {
        Measured {
            standard_error: Some(standard_error),
            ..self
        }
    }

    /// The scale of the permitted difference, for [`Tolerance::Scaled`].
    pub fn with_scale(self, scale: f64) -> Self {
        Measured {
            scale: Some(scale),
            ..self
        }
    }

    /// The number it should be, for [`Expected::Reference`].
    pub fn against(self, reference: f64) -> Self {
        Measured {
            reference: Some(reference),
            ..self
        }
    }
}

impl From<f64> for Measured {
    fn from(value: f64) -> Self {
        measured(value)
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scale::Quick => "quick",
            Scale::Full => "full",
        })
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Provenance::Exact => "exact",
            Provenance::MonteCarlo => "monte-carlo",
            Provenance::Published => "published",
        })
    }
}
