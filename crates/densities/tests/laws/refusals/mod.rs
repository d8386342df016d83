//! Hostile numbers, fed to every constructor, every density and every estimate: a named error or a sound result, never a panic.

mod constructors;
mod estimates;
mod parameters;
mod points;
mod support;
