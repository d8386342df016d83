//! The difference of two phases, which every contrastive objective ends in, and what a row counts in a mean.

use gibbsian_core::error::{check_each, check_loss, check_shape};
use gibbsian_core::{EnergyPullback, Result};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1};

/// What the rows of a minibatch count in its means.
#[derive(Clone, Copy)]
pub(crate) enum Shares<'a> {
    /// `1/B` each.
    Equal(usize),
    /// `w_b/B` each.
    Weighted(ArrayView1<'a, f64>),
}

impl<'a> Shares<'a> {
    /// The shares of the rows of `x` by weights, checked.
    pub(crate) fn weighted(w: ArrayView1<'a, f64>, x: ArrayView2<f64>) -> Result<Self> {
        check_shape("weights", &w, &[x.nrows()])?;
        check_each("weights", w, "finite and at least zero", |w| {
            w.is_finite() && w >= 0.0
        })?;
        Ok(Shares::Weighted(w))
    }

    /// `Σ_b w_b v_b / B`.
    pub(crate) fn mean(self, values: ArrayView1<f64>) -> f64 {
        match self {
            Shares::Equal(n) => values.sum() / n as f64,
            Shares::Weighted(w) => w.dot(&values) / w.len() as f64,
        }
    }

    /// `Σ_b w_b / B`.
    pub(crate) fn total(self) -> f64 {
        match self {
            Shares::Equal(_) => 1.0,
            Shares::Weighted(w) => w.sum() / w.len() as f64,
        }
    }

    /// `scale · w_b / B` of every row.
    pub(crate) fn scaled(self, scale: f64) -> Array1<f64> {
        let n_rows = match self {
            Shares::Equal(n) => n,
            Shares::Weighted(w) => w.len(),
        };
        let mut out = Array1::zeros(n_rows);
        self.fill(scale, out.view_mut());
        out
    }

    /// Writes `scale · w_b / B`.
    pub(crate) fn fill(self, scale: f64, mut out: ArrayViewMut1<f64>) {
        match self {
            Shares::Equal(n) => out.fill(scale / n as f64),
            Shares::Weighted(w) => {
                out.assign(&w);
                out *= scale / w.len() as f64;
            }
        }
    }
}

/// Overwrites `grad` with `⟨∂E/∂θ⟩_positive − ⟨∂E/∂θ⟩_negative` and returns `⟨E⟩_positive − ⟨E⟩_negative`.
///
/// The value is a surrogate: its gradient at fixed samples is `grad`, but it is not a likelihood and may have any sign.
pub(crate) fn contrast<M: EnergyPullback + ?Sized>(
    model: &M,
    positive: ArrayView2<f64>,
    negative: ArrayView2<f64>,
    grad: ArrayViewMut1<f64>,
) -> Result<f64> {
    let shares = [Shares::Equal(positive.nrows()), Shares::Equal(negative.nrows())];
    contrast_of(model, [positive, negative], shares, 1.0, grad)
}

/// The same with these shares of the rows of the two phases, the negative one counting `total` times.
pub(crate) fn contrast_of<M: EnergyPullback + ?Sized>(
    model: &M,
    [positive, negative]: [ArrayView2<f64>; 2],
    [positive_shares, negative_shares]: [Shares<'_>; 2],
    total: f64,
    mut grad: ArrayViewMut1<f64>,
) -> Result<f64> {
    grad.fill(0.0);
    let positive_mean = add_mean(model, positive, positive_shares, 1.0, grad.view_mut());
    let negative_mean = add_mean(model, negative, negative_shares, -total, grad);
    check_loss(
        positive_mean - total * negative_mean,
        "in the contrast of positive and negative phase",
    )
}

/// Adds `scale · ⟨∂E/∂θ⟩` to `grad` and returns `⟨E⟩`.
fn add_mean<M: EnergyPullback + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    shares: Shares<'_>,
    scale: f64,
    grad: ArrayViewMut1<f64>,
) -> f64 {
    let mut mean = 0.0;
    model.energy_pullback_with(
        x,
        &mut |energy, w| {
            mean = shares.mean(energy);
            shares.fill(scale, w);
        },
        grad,
    );
    mean
}
