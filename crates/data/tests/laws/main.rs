//! Readers against hostile files, and the committed data, in one program.

mod common;

mod committed_files;
mod hostile_idx;
mod hostile_npy;
mod hostile_png;
mod hostile_table;
mod npy;
#[cfg(feature = "npz")]
mod npz;
mod pinned_values;
mod written_table;
