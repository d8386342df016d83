//! Functions of rows and of shared parameters, closed under differentiation.
//!
#![doc = include_str!("formulas.md")]
//!
//! A network sends every row of a batch through the same function `f(θ, x)`. Score matching asks for the parameter gradient of a Jacobian-vector product of the gradient of such a function: third derivatives,
//! exactly. Here a function is a [`Graph`] of simple operations on rows, and differentiation adds nodes to the graph:
//!
//! - [`Graph::pullback`] (reverse mode) gives the nodes `uᵀ ∂f/∂x`, and for every parameter what its gradient is summed from;
//! - [`Graph::pushforward`] (forward mode) gives the nodes `∂f/∂x · v`;
//! - [`Graph::curvature_sketch`] gives two nodes that are linear in noise and whose product has the Hessian for its mean (curvature propagation).
//!
//! What they add is made of the same operations, so it can be differentiated again, in either mode, as often as one likes. Equal nodes are one node, so nothing is computed twice that occurs twice.
//!
//! Rows may be pictures, with the channels of a pixel side by side ([`Image`]): there are convolutions ([`Graph::conv`], sizes in [`Geometry`]) and their transposes, sums over an axis of a row and repetition
//! along it ([`Axis`]), and what is made of them: pools, enlargement, group normalisation, channels that are moved and scaled.
//!
//! A graph says what; a [`Plan`] says how. It holds the steps that some outputs need, in stages where a caller decides between them (a loss gives cotangents after it has seen the values), with buffers assigned
//! in advance. [`Plan::run`] cuts the batch into blocks of rows that any number of threads may take, sums parameter gradients in the order of the blocks, and allocates no memory for numbers once its [`Workspace`] has
//! the room: the same bits on any number of threads. The arithmetic is `f64`, or `f32` where it pays; inputs and outputs are `f64` always.
//!
//! ```
//! use gibbsian_grad::{Graph, Plan, Workspace};
//! use ndarray::array;
//!
//! // f(x) = Σ_i sin(w_i x_i), its gradient, and the derivative of that along v.
//! let mut g = Graph::new();
//! let (x, v) = (g.input(2), g.input(2));
//! let w = g.param(1, 2);
//! let w_row = g.lift(w);
//! let angle = g.mul(w_row, x);
//! let sine = g.sin(angle);
//! let f = g.total(sine);
//! let gradient = g.gradient(f, x);
//! let along = g.pushforward(&[(x, v)], &[gradient])[0];
//! let plan = Plan::new(&g, &[f, gradient, along]);
//!
//! let mut workspace = Workspace::<f64>::new();
//! let out = plan.evaluate(&mut workspace, &[3.0, 0.5], &[array![[1.0, 2.0]].view(), array![[1.0, 0.0]].view()]);
//! assert!((out[0][[0, 0]] - (3.0_f64.sin() + 1.0_f64.sin())).abs() < 1e-15);
//! assert!((out[1][[0, 0]] - 3.0 * 3.0_f64.cos()).abs() < 1e-15);
//! assert!((out[2][[0, 0]] + 9.0 * 3.0_f64.sin()).abs() < 1e-14);
//! ```

#![deny(unsafe_code)]

mod axis;
mod columns;
mod conv;
mod curvature;
mod elementary;
mod function;
mod fused;
mod graph;
mod image;
mod layout;
mod memory;
mod plan;
mod pullback;
mod pushforward;
mod real;
mod run;

pub use axis::Axis;
pub use columns::Columns;
pub use curvature::CurvatureSketch;
pub use function::Function;
pub use gibbsian_linalg::kernels::conv::Geometry;
pub use graph::{Graph, Param, Var};
pub use image::Image;
pub use plan::{Output, Plan, Stage};
pub use pullback::{Cotangents, Reduction};
pub use real::Real;
pub use run::Workspace;

#[cfg(test)]
mod tests;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
