//! Experiments that reproduce what the literature claims about energy-based and score-based models.
//!
//! One experiment is one file: prose, a constant that declares a few sharp [`Claim`]s before anything is measured, and a
//! function that reads like the paper. The [`runner`] runs them, compares what was measured with what was declared, and
//! writes a ledger (`ledger.json`), a report (`index.html`) and one folder of figures and tables per experiment.
//!
//! Reading order: [`experiment`] says what an experiment declares, [`context`] what it may do while it runs, [`gibbsian_figure`] and
//! [`csv`] what it can show; [`ledger`] holds the verdicts, [`margin`] by how much, [`outcome`] what is stored between runs, [`report`] the page; [`schedule`] and
//! [`progress`] say how long it will take; [`side_by_side`](mod@side_by_side) deals out threads;
//! [`runner`] and [`command`] put them together, and [`registry`] lists the experiments in the order of the report.
//!
//! Three rules hold throughout. Every declared claim is measured, or it fails. Clock time never enters a verdict, a figure
//! or a table. The same seed gives the same bytes of every figure and table on any number of threads.

#![deny(unsafe_code)]

pub mod command;
pub mod console;
pub mod context;
pub mod csv;
mod dual;
pub mod experiment;
pub mod experiments;
pub mod fantasies;
mod files;
pub mod judge;
pub mod ledger;
pub mod margin;
pub mod models;
mod networks;
pub mod outcome;
pub mod pictures;
mod printed;
pub mod progress;
pub mod registry;
pub mod report;
pub mod runner;
pub mod schedule;
pub mod side_by_side;
pub mod soundness;
pub mod statistics;
mod text;

pub use context::Context;
pub use csv::Table;
pub use experiment::{Check, Claim, Expected, Experiment, Measured, Provenance, Scale, Tolerance, measured};
pub use gibbsian_figure::{Axis, ColourMap, HeatMap, ImageGrid, Plot};
pub use side_by_side::{Task, both, side_by_side};

/// The result of an experiment: any error becomes a failed claim in the ledger, with its text in the report.
pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;
