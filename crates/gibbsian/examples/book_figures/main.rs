//! The figures of the book.
//!
//! `cargo run --release -p gibbsian --example book_figures` draws them all into `book/src/figures`; names after `--` choose some. The same seed gives
//! the same bytes on one machine.

// A program says what it has written.
#![allow(clippy::print_stdout)]

mod classical;
mod fields;
mod networks;
mod sampling;

use std::path::Path;

use gibbsian::figure::Plot;

/// What a figure gives, or why it could not be drawn.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A name, and what draws it.
pub type Figure = (&'static str, fn() -> Result<Plot>);

/// All figures; `tests/examples/figures.rs` holds the files in the book to them.
pub const FIGURES: &[Figure] = &[
    ("mixture_score", fields::mixture_score),
    ("sandwich", classical::sandwich),
    ("rbm_training", classical::rbm_training),
    ("ising_magnetisation", classical::ising_magnetisation),
    ("neural_energy", networks::neural_energy),
    ("learnt_score", networks::learnt_score),
    ("schedules", networks::schedules),
    ("langevin_bias", sampling::langevin_bias),
    ("reverse_paths", sampling::reverse_paths),
];

/// Draws the figures that are named, or all.
pub fn main() -> Result<()> {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = chosen
        .iter()
        .find(|name| FIGURES.iter().all(|(known, _)| known != name))
    {
        return Err(format!("there is no figure {unknown:?}").into());
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src/figures");
    for (name, draw) in FIGURES {
        if chosen.is_empty() || chosen.iter().any(|chosen| chosen == name) {
            let (svg, _) = draw()?.render()?;
            std::fs::write(folder.join(format!("{name}.svg")), svg)?;
            println!("{name}.svg");
        }
    }
    Ok(())
}
