//! Samplers that are functions of noise.
//!
//! A generator turns latent noise `z ~ N(0, I)` into points, `x = g(z)`. It has no density that one could ask it for, but whatever is a mean over its points can be differentiated in its parameters, through the
//! points: adversarial training asks for no more.

use ndarray::{Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::energy::Space;
use crate::params::Parametric;

/// A function `g` from latent points `z ~ N(0, I)` to points of the space.
pub trait Generator: Space {
    /// The number of coordinates `L` of a latent point.
    fn latent_dim(&self) -> usize;

    /// Writes `g(z_b)` of every row of `z` `(B, L)` into `out` `(B, D)`.
    fn generate_into(&self, z: ArrayView2<f64>, out: ArrayViewMut2<f64>);

    /// The points of all rows, in a new array.
    fn generate(&self, z: ArrayView2<f64>) -> Array2<f64> {
        let mut out = Array2::zeros((z.nrows(), self.dim()));
        self.generate_into(z, out.view_mut());
        out
    }
}

/// A generator that can be differentiated in its parameters.
pub trait GeneratorPullback: Generator + Parametric {
    /// Hands the points `g(z)` `(B, D)` to `cotangent`, which fills `u` `(B, D)`, and **adds** `Σ_b u_b · ∂g(z_b)/∂φ` to `grad`.
    fn generator_pullback_with(
        &self,
        z: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        grad: ArrayViewMut1<f64>,
    );
}
