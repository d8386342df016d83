//! What several test programs use; each uses a part.

pub mod mixtures;
pub mod reference;
