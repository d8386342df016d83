//! Vector kernels: elementwise functions of `f32`, the exponential of `f64`, random words in lanes, normal variables, and Bernoulli variables
//! from their logits.
//!
//! Each kernel is compiled for every [`Level`] of vector instructions and picks the widest that the machine has. **The bits
//! of the results are the same at all of them, and on all machines**: integer operations have no choice, and the
//! polynomials use the IEEE 754 product, sum, quotient and comparison only, never a fused multiply-add or a reciprocal
//! estimate, whose rounding depends on the hardware. (The one exception is which of the many NaNs a NaN result is.)
//! That costs instructions that fused code would save, and makes a run reproducible bit for bit on another machine, which
//! a choice of rounding by level would give up.
//!
//! The kernels are plain loops that the compiler vectorises; entering a variant costs some nanoseconds, so calls take whole
//! slices. They are slices because kernels compiled for a level cannot be inlined into ordinary code.
//!
//! - [`exp_f32`], [`sigmoid_f32`], [`softplus_f32`], [`tanh_f32`], and the same in place;
//! - [`exp_f64`], the same in place, and [`exp_lanes`] for the loops of other crates;
//! - [`LaneRng`], a stream of random words, sixteen to a step, and of bits with exact probabilities ([`LaneRng::fill_below`]);
//! - [`fill_standard_normal`], normal variables from such words;
//! - [`sample_masks`], [`sample_units`], and with probabilities, under the exact [`bernoulli_law`];
//! - [`softplus_sum`] and [`softplus_scaled_difference_sum`], for free energies and annealing weights;
//! - [`vectorized`], to run loops of other crates in the same way.

mod bernoulli;
mod digits;
mod dispatch;
mod elementwise;
mod elementwise_f64;
mod lanes;
mod level;
mod normal;
mod sums;

pub use bernoulli::{
    bernoulli_law, sample_masks, sample_masks_with_probabilities, sample_units,
    sample_units_with_probabilities, unpack_masks,
};
pub use dispatch::{Vectorized, vectorized};
pub use elementwise::{
    exp_f32, exp_f32_in_place, sigmoid_f32, sigmoid_f32_in_place, softplus_f32, softplus_f32_in_place,
    tanh_f32, tanh_f32_in_place,
};
pub use elementwise_f64::{exp_f64, exp_f64_in_place, exp_lanes};
pub use lanes::LaneRng;
pub use level::Level;
pub use normal::fill_standard_normal;
pub use sums::{softplus_scaled_difference_sum, softplus_sum};
