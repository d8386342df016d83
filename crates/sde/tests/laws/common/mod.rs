//! What several files of laws use.

pub mod equations;
pub mod normal;
