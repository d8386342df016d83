//! Schemes, one a file.

mod euler_maruyama;
mod working;

pub use euler_maruyama::EulerMaruyama;
pub use working::Working;
