//! The diagnostics of this crate against laws and the numbers of other programs, in one program.

mod common;

mod binning;
mod chains_laws;
mod chains_reference;
mod modes_and_energies;
mod null_laws;
mod refusals;
mod roc;
mod samples_laws;
mod samples_reference;
mod sizes;
