//! A penalty on the slope of the energy at the data (Mescheder, Geiger and Nowozin 2018).
//!
//! `½ λ ⟨‖∇E(x)‖²⟩_data`, added to the loss of any objective. A game of two players, as adversarial training is, need not settle although its best point is known: where generated points and data agree, nothing
//! holds an energy that still has a slope there, and the players circle each other. The penalty takes that slope away and makes such games converge near the truth. In other contrastive training
//! it limits how fast chains can be pulled.
//!
//! The price is a bias towards flat energies, because the truth has a slope at the data, too. For normal data of variance `v` and a normal energy of precision `k` the maximum of the penalised likelihood solves,
//! coordinate by coordinate, `k v + 2 λ k² v = 1`.
//!
//! Only the energy is penalised: of two [`Adversaries`](crate::Adversaries) the sampler's part of the gradient stays what it is.

use gibbsian_core::error::{check_loss, check_non_negative};
use gibbsian_core::{Objective, Record, Result, ScorePullback, Snapshot};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, Zip};
use rand::Rng;

use crate::phases::Shares;

/// An objective with the penalty `½ λ ⟨‖∇E‖²⟩_data` in its loss.
///
/// ```
/// use gibbsian_core::{Objective, Parametric, Seed};
/// use gibbsian_objectives::{GradientPenalised, ImplicitScoreMatching};
/// # use gibbsian_testkit::targets::Gaussian;
/// use ndarray::{Array1, array};
///
/// // `Gaussian` is a normal density by its mean and precision; at (2, 0) its energy has the slope (2, 0).
/// let model = Gaussian::new(array![0.0, 0.0], array![[1.0, 0.0], [0.0, 1.0]])?;
/// let x = array![[2.0, 0.0]];
/// let mut grad = Array1::zeros(model.n_params());
/// let rng = &mut Seed::new(1).rng();
/// let plain = ImplicitScoreMatching.loss_and_grad_into(&model, x.view(), rng, grad.view_mut())?;
/// let mut penalised = GradientPenalised::new(ImplicitScoreMatching, 0.1)?;
/// let loss = penalised.loss_and_grad_into(&model, x.view(), rng, grad.view_mut())?;
/// assert!((loss - plain - 0.5 * 0.1 * 4.0).abs() < 1e-12);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GradientPenalised<O> {
    objective: O,
    weight: f64,
}

impl<O> GradientPenalised<O> {
    /// The objective with `λ = weight`; 0 leaves it as it is.
    ///
    /// # Errors
    /// A weight that is negative or not finite.
    pub fn new(objective: O, weight: f64) -> Result<Self> {
        check_non_negative("weight", weight)?;
        Ok(GradientPenalised { objective, weight })
    }

    /// The objective without the penalty.
    pub fn objective(&self) -> &O {
        &self.objective
    }

    /// Adds the gradient of the penalty to `grad` and returns its value.
    fn penalty<M: ScorePullback + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        shares: Shares<'_>,
        grad: ArrayViewMut1<f64>,
    ) -> f64 {
        if self.weight == 0.0 {
            return 0.0;
        }
        let weights = shares.scaled(self.weight);
        let mut value = 0.0;
        // s = −∇E, and ½ λ ‖s‖² has the derivative λ s in s.
        model.score_pullback_with(
            x,
            &mut |score, mut u| {
                Zip::from(u.rows_mut())
                    .and(score.rows())
                    .and(&weights)
                    .for_each(|mut u, s, &w| {
                        value += 0.5 * w * s.dot(&s);
                        Zip::from(&mut u).and(&s).for_each(|u, &s| *u = w * s);
                    });
            },
            grad,
        );
        value
    }
}

impl<M: ScorePullback + ?Sized, O: Objective<M>> Objective<M> for GradientPenalised<O> {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let loss = (self.objective).loss_and_grad_into(model, x, rng, grad.view_mut())?;
        let penalty = self.penalty(model, x, Shares::Equal(x.nrows()), grad);
        check_loss(loss + penalty, "with the penalty on its slope")
    }

    fn weighted_loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        w: ArrayView1<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let loss = (self.objective).weighted_loss_and_grad_into(model, x, w, rng, grad.view_mut())?;
        let penalty = self.penalty(model, x, Shares::weighted(w, x)?, grad);
        check_loss(loss + penalty, "with the penalty on its slope")
    }
}

/// The state of the objective.
impl<O: Snapshot> Snapshot for GradientPenalised<O> {
    fn snapshot(&self) -> Record {
        self.objective.snapshot()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.objective.restore(record)
    }
}
