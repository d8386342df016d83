//! Weights that make score matching indifferent to the boundary of a support.
//!
//! Integration by parts leaves a term at the boundary, `w_d p_data s_d`. A weight that vanishes there removes it; inside it must be positive, or the score
//! is not compared. [`closed_form_score_matching`](crate::closed_form_score_matching) says when one is needed.

use ndarray::{ArrayView1, ArrayViewMut1};

/// Weights `w_d(x) ≥ 0` of the squared error in each coordinate of the score, which vanish where the support ends.
///
/// ```
/// use gibbsian_objectives::BoundaryWeight;
/// use ndarray::{ArrayView1, ArrayViewMut1};
///
/// /// `min(x, 1)` on the half-line, which does not grow with the data (Yu, Drton and Shojaie 2019).
/// struct Capped;
///
/// impl BoundaryWeight for Capped {
///     fn weight_into(&self, x: ArrayView1<f64>, mut weight: ArrayViewMut1<f64>, mut slope: ArrayViewMut1<f64>) {
///         weight.assign(&x.mapv(|x| x.min(1.0)));
///         slope.assign(&x.mapv(|x| if x < 1.0 { 1.0 } else { 0.0 }));
///     }
/// }
/// ```
pub trait BoundaryWeight: Sync {
    /// Writes `w_d(x)` and its derivative `∂w_d/∂x_d` at one point `x` `(D)` into `weight` and `slope` `(D)`.
    fn weight_into(&self, x: ArrayView1<f64>, weight: ArrayViewMut1<f64>, slope: ArrayViewMut1<f64>);
}

/// `w = 1`, for densities on the whole space: score matching as in Hyvärinen (2005).
#[derive(Clone, Copy, Debug, Default)]
pub struct Unweighted;

impl BoundaryWeight for Unweighted {
    fn weight_into(&self, _: ArrayView1<f64>, mut weight: ArrayViewMut1<f64>, mut slope: ArrayViewMut1<f64>) {
        weight.fill(1.0);
        slope.fill(0.0);
    }
}

/// `w_d(x) = x_d²`, for coordinates that are positive (Hyvärinen 2007, equation 11).
#[derive(Clone, Copy, Debug, Default)]
pub struct HalfLine;

impl BoundaryWeight for HalfLine {
    fn weight_into(&self, x: ArrayView1<f64>, mut weight: ArrayViewMut1<f64>, mut slope: ArrayViewMut1<f64>) {
        weight.assign(&x.mapv(|x| x * x));
        slope.assign(&x.mapv(|x| 2.0 * x));
    }
}

/// `w_d(x) = x_d² (1 − x_d)²`, for coordinates between 0 and 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnitInterval;

impl BoundaryWeight for UnitInterval {
    fn weight_into(&self, x: ArrayView1<f64>, mut weight: ArrayViewMut1<f64>, mut slope: ArrayViewMut1<f64>) {
        weight.assign(&x.mapv(|x| (x * (1.0 - x)).powi(2)));
        slope.assign(&x.mapv(|x| 2.0 * x * (1.0 - x) * (1.0 - 2.0 * x)));
    }
}
