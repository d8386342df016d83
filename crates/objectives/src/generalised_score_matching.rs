//! Score matching for data with a boundary (Hyvärinen 2007; Yu, Drton and Shojaie 2019).
//!
//! The integration by parts behind implicit score matching leaves a term at the edge of the support, which is wrong as soon as the density does not vanish there. Comparing scores with weights that do,
//! `½ E Σ_d w_d(x) (∂_d log p_data − s_d)²`, it is, up to a constant of the data,
//!
//! `J(θ) = E Σ_d [ w_d ∂_d s_d + (∂_d w_d) s_d + ½ w_d s_d² ]`.
//!
//! [`ClosedFormScoreMatching`](crate::ClosedFormScoreMatching) is this for exponential families, where the minimum needs no iteration; here it is for any score. With [`Unweighted`](crate::Unweighted) it is
//! [`ImplicitScoreMatching`](crate::ImplicitScoreMatching). The trace takes a Jacobian-vector product and a pullback a coordinate, exactly.

use gibbsian_core::error::{check_each, check_loss, check_points};
use gibbsian_core::{Objective, Result, ScoreJvpPullback, Stateless};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::Rng;

use crate::boundary_weight::BoundaryWeight;
use crate::phases::Shares;

/// `mean_b Σ_d [ w_d ∂_d s_d + (∂_d w_d) s_d + ½ w_d s_d² ]` with its exact gradient.
///
/// The loss is the weighted Fisher divergence without the constant that depends on the data alone, and may be negative.
///
/// ```
/// use gibbsian_core::{Objective, Parametric, Seed};
/// use gibbsian_objectives::{GeneralisedScoreMatching, HalfLine};
/// # use gibbsian_testkit::targets::Gaussian;
/// use ndarray::{Array1, array};
///
/// // `Gaussian` is a normal density by its mean and precision.
/// // s = −x, J = −1, w = x²: −x² − 2x² + ½x⁴ at x = 2.
/// let model = Gaussian::new(array![0.0], array![[1.0]])?;
/// let mut grad = Array1::zeros(model.n_params());
/// let mut objective = GeneralisedScoreMatching::new(HalfLine);
/// let loss = objective.loss_and_grad_into(&model, array![[2.0]].view(), &mut Seed::new(1).rng(), grad.view_mut())?;
/// assert_eq!(loss, -4.0 - 8.0 + 8.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct GeneralisedScoreMatching<W> {
    weight: W,
}

impl<W: BoundaryWeight> GeneralisedScoreMatching<W> {
    /// The objective with a weight that vanishes where the support ends.
    pub fn new(weight: W) -> Self {
        GeneralisedScoreMatching { weight }
    }
}

impl<W: BoundaryWeight, M: ScoreJvpPullback + ?Sized> Objective<M> for GeneralisedScoreMatching<W> {
    /// # Errors
    /// Also a weight that is negative or not finite.
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        _rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        loss_and_grad(&self.weight, model, x, Shares::Equal(x.nrows()), grad, WHAT)
    }

    fn weighted_loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        w: ArrayView1<f64>,
        _rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        loss_and_grad(&self.weight, model, x, Shares::weighted(w, x)?, grad, WHAT)
    }
}

const WHAT: &str = "in generalised score matching";

/// Loss and gradient for rows of given shares.
pub(crate) fn loss_and_grad<M: ScoreJvpPullback + ?Sized>(
    weight: &impl BoundaryWeight,
    model: &M,
    x: ArrayView2<f64>,
    shares: Shares<'_>,
    mut grad: ArrayViewMut1<f64>,
    what: &'static str,
) -> Result<f64> {
    check_points("x", &x, model.dim())?;
    grad.fill(0.0);
    let [mut weights, mut slopes] = [(); 2].map(|()| Array2::zeros(x.raw_dim()));
    for (b, row) in x.rows().into_iter().enumerate() {
        weight.weight_into(row, weights.row_mut(b), slopes.row_mut(b));
    }
    check_each(
        "boundary_weight",
        weights.view(),
        "finite and at least zero",
        |w| w.is_finite() && w >= 0.0,
    )?;
    let c = shares.scaled(1.0);
    let mut direction = Array2::zeros(x.raw_dim());
    let mut loss = 0.0;
    for i in 0..x.ncols() {
        direction.fill(0.0);
        direction.column_mut(i).fill(1.0);
        let mut cotangent = |score: ArrayView2<f64>,
                             jvp: ArrayView2<f64>,
                             mut u: ArrayViewMut2<f64>,
                             mut w: ArrayViewMut2<f64>| {
            u.fill(0.0);
            w.fill(0.0);
            for (b, &c) in c.iter().enumerate() {
                let (weight, slope, s) = (weights[[b, i]], slopes[[b, i]], score[[b, i]]);
                loss += c * (weight * jvp[[b, i]] + slope * s + 0.5 * weight * s * s);
                u[[b, i]] = c * (slope + weight * s);
                w[[b, i]] = c * weight;
            }
        };
        model.score_jvp_pullback_with(x, direction.view(), &mut cotangent, grad.view_mut());
    }
    check_loss(loss, what)
}

/// It is exact.
impl<W> Stateless for GeneralisedScoreMatching<W> {}
