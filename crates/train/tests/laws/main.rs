//! Laws of what is built around gradients: adaptive optimisers, averages, the guard, and the log.

#[path = "../common/mod.rs"]
mod common;

mod adaptive;
mod averages;
mod guard;
mod guarded_runs;
mod learning_rates;
mod log;
mod not_finite;
mod toys;
