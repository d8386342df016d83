//! Schemes, one a file.

mod euler;
mod euler_maruyama;
mod heun;
mod runge_kutta_4;
mod working;

pub use euler::Euler;
pub use euler_maruyama::EulerMaruyama;
pub use heun::Heun;
pub use runge_kutta_4::RungeKutta4;
pub use working::Working;
