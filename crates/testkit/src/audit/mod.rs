//! Exact audits of Markov chains on finite spaces.
//!
//! Where a space is small enough to be listed, a kernel *is* a matrix, and whether it leaves its target invariant is
//! arithmetic: `max |πT − π| ≤ 1e-14` sees any error that a sampled test would need 10⁷ draws for. What remains is to
//! tie the drawn step to the matrix, which [`sampled`] does with a chi-square test.
//!
//! On continuous spaces invariance can only be sampled: [`exact_start`](mod@exact_start) starts chains from exact draws, [`joint`] lets a sampler walk through a
//! Bayesian model whose parameters and data are drawn together.
//!
//! The individual laws are functions of `(π, P)`; [`Audit`] lists the space, finds `π` and offers them for a target.

pub mod exact_start;
pub mod joint;
pub mod law;
pub mod sampled;
pub mod spectrum;

pub use exact_start::exact_start;
pub use joint::{JointModel, geweke, ranks};
pub use law::Audit;
pub use sampled::{block_as_drawn, kernel_as_drawn, step_as_drawn};
pub use spectrum::{eigenvalues, second_modulus};
