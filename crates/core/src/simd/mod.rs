//! Vector kernels.
mod bernoulli;
mod dispatch;
mod elementwise;
mod lanes;
mod level;
pub use bernoulli::*;
pub use dispatch::{Vectorized, vectorized};
pub use elementwise::*;
pub use lanes::LaneRng;
pub use level::Level;
