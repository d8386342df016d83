//! Laws of what is built around gradients: adaptive optimisers, averages and the guard.

#[path = "../common/mod.rs"]
mod common;

mod adaptive;
mod averages;
mod guard;
mod guarded_runs;
mod toys;
