//! The diagonal of a Jacobian, estimated with noise inside the model.

use ndarray::{ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::score::{DivergenceCotangent, ScorePullback};

/// A score that sends noise through its own operations to estimate the diagonal of its Jacobian `J`, curvature propagation (Martens, Sutskever and Swersky 2012).
///
/// Where a product `vᵀJv` along a direction in `x` (see [`Directions`](crate::Directions)) knows nothing of how the score is made, here every operation that bends adds noise of its own, of the size of its own curvature.
/// The result is a pair of vectors `l`, `r` with `E l rᵀ = J` for all noise `v` with `E vvᵀ = I`; hence `E l ⊙ r` is the diagonal and `E l·r` the divergence.
pub trait CurvatureSketch: ScorePullback {
    /// The number of random numbers of one estimate, a row.
    fn n_noise(&self) -> usize;

    /// Writes `l_b ⊙ r_b` into `out` `(B, D)`, for `x` `(B, D)` and `noise` `(B, n_noise)`.
    fn jacobian_diagonal_sketch_into(
        &self,
        x: ArrayView2<f64>,
        noise: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    );

    /// Hands the scores `s` and the estimates `l·r` of their divergence to `cotangent`, which fills `u` and `c`, and **adds** `Σ_b u_b · ∂s(x_b)/∂θ + c_b ∂(l_b·r_b)/∂θ` to `grad`, the noise being fixed.
    fn divergence_sketch_pullback_with(
        &self,
        x: ArrayView2<f64>,
        noise: ArrayView2<f64>,
        cotangent: &mut DivergenceCotangent<'_>,
        grad: ArrayViewMut1<f64>,
    );
}
