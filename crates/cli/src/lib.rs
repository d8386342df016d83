//! The command line of gibbsian: models of one's own data without writing a program.
//!
//! `gibbsian new`, `train`, `sample`, `evaluate` and `show`; the README of this crate is its manual. The library part is the program itself, so that tests can run it: [`command::main`] takes
//! arguments and a [`console::Console`] and returns the exit code.
//!
//! Reading order: [`mod@command`] with `arguments` and `commands`; `config`, `data` and `folder` for what is read and left; `kinds` for the models, one a file behind two small traits.

#![deny(unsafe_code)]

mod arguments;
mod check;
pub mod command;
mod commands;
mod config;
pub mod console;
mod data;
mod failure;
mod figures;
mod folder;
mod kinds;
mod memory;
mod output;
mod progress;

pub use command::main;
