//! Implicit score matching (Hyvärinen 2005).
//!
//! The Fisher divergence `½ E ‖∇log p_data − s‖²` knows the score of the data, which nobody does. Integrated by parts it is, up to the constant
//! `½ E ‖∇log p_data‖²`,
//!
//! `J(θ) = E[ tr ∂s/∂x + ½ ‖s‖² ]`,
//!
//! an expectation over the data of what the model knows (equation 4 there). The integration needs `p_data s` to vanish at infinity and at every edge of
//! the support; where it does not, the objective has another minimum (see [`crate::closed_form_score_matching`] and, for any score, [`crate::generalised_score_matching`]).
//!
//! The trace is exact and costs `D` Jacobian-vector products and their pullbacks. In many dimensions random directions
//! are cheaper ([`crate::sliced_score_matching`]); in few, and as their reference, this is it.

use gibbsian_core::error::{check_loss, check_points};
use gibbsian_core::{Objective, Result, ScoreJvpPullback, Stateless};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::Rng;

use crate::phases::Shares;

/// `mean_b [ tr J(x_b) + ½ ‖s(x_b)‖² ]` with its exact gradient.
///
/// The loss is the Fisher divergence without the constant that depends on the data alone, and may be negative.
///
/// ```
/// use gibbsian_core::{Objective, Seed};
/// use gibbsian_objectives::ImplicitScoreMatching;
/// # use gibbsian_testkit::targets::Gaussian;
/// use ndarray::{Array1, array};
///
/// // `Gaussian` is a normal density by its mean and precision.
/// // s = −(x − μ), J = −I.
/// let model = Gaussian::new(array![1.0, 0.0], array![[1.0, 0.0], [0.0, 1.0]])?;
/// let mut grad = Array1::zeros(gibbsian_core::Parametric::n_params(&model));
/// let x = array![[4.0, 4.0]];
/// let loss = ImplicitScoreMatching.loss_and_grad_into(&model, x.view(), &mut Seed::new(1).rng(), grad.view_mut())?;
/// assert_eq!(loss, -2.0 + 12.5);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// A model of spins has no score to match, and the compiler says so; [`RatioMatching`](crate::RatioMatching) is its like.
///
/// ```compile_fail,E0277
/// use gibbsian_core::Objective;
/// use gibbsian_objectives::ImplicitScoreMatching;
/// # use gibbsian_testkit::targets::Pairwise;
///
/// // `Pairwise` is a small model of spins.
/// fn trains<M>(_: &impl Objective<M>) {}
/// trains::<Pairwise>(&ImplicitScoreMatching);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ImplicitScoreMatching;

impl<M: ScoreJvpPullback + ?Sized> Objective<M> for ImplicitScoreMatching {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        _rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        loss_and_grad(model, x, Shares::Equal(x.nrows()), grad)
    }

    fn weighted_loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        w: ArrayView1<f64>,
        _rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        loss_and_grad(model, x, Shares::weighted(w, x)?, grad)
    }
}

/// Loss and gradient for rows of given shares.
fn loss_and_grad<M: ScoreJvpPullback + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    shares: Shares<'_>,
    mut grad: ArrayViewMut1<f64>,
) -> Result<f64> {
    check_points("x", &x, model.dim())?;
    grad.fill(0.0);
    let share = shares.scaled(1.0);
    let mut loss = 0.0;
    let mut cotangent = |score: ArrayView2<f64>,
                         divergence: ArrayView1<f64>,
                         mut u: ArrayViewMut2<f64>,
                         mut c: ArrayViewMut1<f64>| {
        for (b, &share) in share.iter().enumerate() {
            let score = score.row(b);
            loss += share * (divergence[b] + 0.5 * score.dot(&score));
            u.row_mut(b).assign(&(&score * share));
            c[b] = share;
        }
    };
    model.divergence_pullback_with(x, &mut cotangent, grad);
    check_loss(loss, "in implicit score matching")
}

/// It is exact.
impl Stateless for ImplicitScoreMatching {}
