//! What several test programs use; each uses a part.
#![allow(dead_code)]

pub mod mixtures;
pub mod reference;
