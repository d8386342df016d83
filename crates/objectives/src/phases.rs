//! The difference of two phases, which every contrastive objective ends in.

use gibbsian_core::error::check_loss;
use gibbsian_core::{EnergyPullback, Result};
use ndarray::{ArrayView2, ArrayViewMut1};

/// Overwrites `grad` with `⟨∂E/∂θ⟩_positive − ⟨∂E/∂θ⟩_negative` and returns `⟨E⟩_positive − ⟨E⟩_negative`.
///
/// The value is a surrogate: its gradient at fixed samples is `grad`, but it is not a likelihood and may have any sign.
pub(crate) fn contrast<M: EnergyPullback + ?Sized>(
    model: &M,
    positive: ArrayView2<f64>,
    negative: ArrayView2<f64>,
    mut grad: ArrayViewMut1<f64>,
) -> Result<f64> {
    grad.fill(0.0);
    let positive_mean = add_mean(model, positive, 1.0, grad.view_mut());
    let negative_mean = add_mean(model, negative, -1.0, grad);
    let contrast = positive_mean - negative_mean;
    check_loss(contrast, "in the contrast of positive and negative phase")
}

/// Adds `sign · ⟨∂E/∂θ⟩` to `grad` and returns `⟨E⟩`.
fn add_mean<M: EnergyPullback + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    sign: f64,
    grad: ArrayViewMut1<f64>,
) -> f64 {
    let n = x.nrows() as f64;
    let mut mean = 0.0;
    model.energy_pullback_with(
        x,
        &mut |energy, mut w| {
            mean = energy.sum() / n;
            w.fill(sign / n);
        },
        grad,
    );
    mean
}
