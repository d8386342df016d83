//! Implicit score matching (Hyvärinen 2005).
//!
//! The Fisher divergence `½ E ‖∇log p_data − s‖²` knows the score of the data, which nobody does. Integrated by parts it is, up to the constant
//! `½ E ‖∇log p_data‖²`,
//!
//! `J(θ) = E[ tr ∂s/∂x + ½ ‖s‖² ]`,
//!
//! an expectation over the data of what the model knows (equation 4 there). The integration needs `p_data s` to vanish at infinity and at every edge of
//! the support; where it does not, the objective has another minimum (see [`crate::closed_form_score_matching`]).
//!
//! The trace takes `D` Jacobian-vector products and as many pullbacks, one a coordinate, exactly. In many dimensions random directions
//! are cheaper; in few, and as their reference, this is it.

use gibbsian_core::error::{check_batch, check_loss};
use gibbsian_core::{Objective, Result, ScoreJvpPullback, Stateless};
use ndarray::{Array2, ArrayView2, ArrayViewMut1, Zip};
use rand::Rng;

/// `mean_b [ tr J(x_b) + ½ ‖s(x_b)‖² ]` with its exact gradient.
///
/// The loss is the Fisher divergence without the constant that depends on the data alone, and may be negative.
///
/// ```
/// use gibbsian_core::{Objective, Seed};
/// use gibbsian_objectives::ImplicitScoreMatching;
/// use gibbsian_testkit::targets::Gaussian;
/// use ndarray::{Array1, array};
///
/// // s = −(x − μ), J = −I.
/// let model = Gaussian::new(array![1.0, 0.0], array![[1.0, 0.0], [0.0, 1.0]])?;
/// let mut grad = Array1::zeros(gibbsian_core::Parametric::n_params(&model));
/// let x = array![[4.0, 4.0]];
/// let loss = ImplicitScoreMatching.loss_and_grad_into(&model, x.view(), &mut Seed::new(1).rng(), grad.view_mut())?;
/// assert_eq!(loss, -2.0 + 12.5);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ImplicitScoreMatching;

impl<M: ScoreJvpPullback + ?Sized> Objective<M> for ImplicitScoreMatching {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        _rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_batch("x", &x, model.dim())?;
        grad.fill(0.0);
        let share = 1.0 / x.nrows() as f64;
        let mut loss = 0.0;
        let mut direction = Array2::zeros(x.raw_dim());
        for i in 0..x.ncols() {
            direction.fill(0.0);
            direction.column_mut(i).fill(1.0);
            let mut cotangent = |score: ArrayView2<f64>,
                                 jvp: ArrayView2<f64>,
                                 mut u: ndarray::ArrayViewMut2<f64>,
                                 mut w: ndarray::ArrayViewMut2<f64>| {
                loss += share * jvp.column(i).sum();
                w.fill(0.0);
                w.column_mut(i).fill(share);
                u.fill(0.0);
                // Every pass has the score; ½ ‖s‖² is counted in the first.
                if i == 0 {
                    loss += 0.5 * share * score.iter().map(|s| s * s).sum::<f64>();
                    Zip::from(&mut u).and(&score).for_each(|u, s| *u = share * s);
                }
            };
            model.score_jvp_pullback_with(x, direction.view(), &mut cotangent, grad.view_mut());
        }
        check_loss(loss, "in implicit score matching")
    }
}

/// It is exact.
impl Stateless for ImplicitScoreMatching {}
