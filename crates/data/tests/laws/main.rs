//! Readers against hostile files, and the committed data, in one program.

mod common;

mod committed_files;
mod hostile_idx;
mod hostile_png;
mod hostile_table;
mod pinned_values;
