//! The runner, driven with toy experiments: verdicts, errors, resuming, and what is written.

mod determinism;
mod numbers;
mod options;
mod report;
mod resume;
mod scales;
mod toys;
mod verdicts;
