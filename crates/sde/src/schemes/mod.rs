//! Schemes, one a file.

mod euler_maruyama;
mod milstein;
mod sra;
mod srk;
mod stochastic_heun;
mod working;

pub use euler_maruyama::EulerMaruyama;
pub use milstein::Milstein;
pub use sra::Sra1;
pub use srk::Sri1W1;
pub use stochastic_heun::{StochasticHeun, StratonovichHeun};
pub use working::Working;
