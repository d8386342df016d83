//! Positive functions made of any function: `f²`, `exp f`, `|f|` and `log(1 + exp f)` side by side.
//!
//! A density is a positive function divided by its integral. Any differentiable `f: ℝᴰ → ℝ` becomes positive by a map `g = φ(f)`, and a
//! [`PositiveMap`] is such a `φ`:
//!
//! | map | `g` | `(log g)'` in `f` | its shape `g g'' / g'²` | zeros of `g` |
//! |---|---|---|---|---|
//! | [`Exp`] | `exp f` | `1` | `1` | none |
//! | [`Square`] | `f²` | `2/f` | `½` | where `f = 0` |
//! | [`Absolute`] | `\|f\|` | `1/f` | `0` | where `f = 0` |
//! | [`Softplus`] | `log(1 + exp f)` | `σ(f)/g` | from `1` at `−∞` to `0` at `+∞` | none |
//!
//! The maps differ in what a bound on the slope of `f` allows. `exp` turns differences of `f` into ratios of `g`, so that a slope of `L` permits
//! `e^L` a unit of length everywhere. A square or an absolute value permits any ratio near a zero of `f`, but only
//! differences of `L` in `√g` or `g` elsewhere, and its zeros separate the space into nodal domains between which a chain that follows the score
//! does not pass. Softplus is `exp` below zero and the identity above.
//!
//! **Functions are energies.** An energy is a function, and it is the function that the first rungs of the ladder describe: here **`f = −E`**, its gradient is what
//! [`Score`](gibbsian_core::Score) gives and its Hessian-vector product what [`ScoreJvp`](gibbsian_core::ScoreJvp) gives. So every
//! model of the workspace can be the `f` of [`Positive`], and `exp f` is the model itself. A trait of its own for scalar functions was rejected: it
//! would have asked for the same three methods with the opposite sign.
//!
//! **Normalisation.** "Any function becomes a density" holds if `g` has an integral, and only `f` can see to that: `exp f` and softplus need `f → −∞`, squares and absolute values
//! need `f → 0`, both fast enough. On one or two coordinates [`Normalised`](crate::quadrature::Normalised) finds the integral or says that there is none.

mod maps;
mod model;

pub use maps::{Absolute, Exp, PositiveMap, Softplus, Square};
pub use model::Positive;
