//! core
pub mod error;
pub mod seed;
pub use error::{Error, Result};
pub use seed::{Seed, StreamRng, Streams};
