//! The commands, one a file.

pub(crate) mod evaluate;
pub(crate) mod new;
pub(crate) mod sample;
pub(crate) mod show;
pub(crate) mod train;
