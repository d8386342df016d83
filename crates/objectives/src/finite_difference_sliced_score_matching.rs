//! Sliced score matching by finite differences (Pang, Xu, Li, Song, Ermon and Zhu 2020).
//!
//! Along a direction the two derivatives that a slice needs are differences of values at `x` and `x ± εv`. For an energy, with `E± = E(x ± εv)`,
//!
//! `vᵀs ≈ −(E₊ − E₋)/2ε`,  `vᵀJv ≈ −(E₊ − 2E + E₋)/ε²`,
//!
//! so that a model which can do no more than be evaluated and differentiated in its parameters can be trained by score matching
//! ([`FiniteDifferenceSlicedScoreMatching`]): `2n + 1` evaluations for `n` directions, without any derivative in `x`. For a score, with `s± = s(x ± εv)`,
//!
//! `vᵀJv ≈ vᵀ(s₊ − s₋)/2ε`,  `s ≈ (s₊ + s₋)/2`,
//!
//! which takes two evaluations a direction and gives the form with `½‖s‖²` ([`FiniteDifferenceVarianceReducedSlicedScoreMatching`]).
//!
//! Both are **approximations with a bias of order `ε²`**, which is why they bear it in their names. Expanding the differences, with `f` the log-density along the line, the first form is off by
//!
//! `ε² E[ f''''/12 + f' f'''/6 ] + O(ε⁴)`
//!
//! at each slice, and the second by `ε² E[ f''''/6 + ½ sᵀ∂_v²s ]`; both are zero for normal laws. Rounding adds about `u|E|/ε²` and `u|s|/ε` with `u = 1.1·10⁻¹⁶`, which for energies and scores of order one
//! equals the bias near `ε = 10⁻⁴` and `5·10⁻⁶`; steps ten times as large are safer than smaller ones. **A model that computes in single precision**, as networks do unless they are told otherwise, has `u = 6·10⁻⁸` and rounds the points as well: its steps are `0.02` for energies and `0.004` for scores,
//! and with `10⁻³` an energy's `vᵀJv` would be off by 6 % of `|E|`. Directions have length `ε√D` here, not `ε`.

use gibbsian_core::error::{check_loss, check_points, check_positive};
use gibbsian_core::{Directions, EnergyPullback, Objective, Result, ScorePullback, Stateless, Streams};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, concatenate, s};
use rand::Rng;

use crate::phases::Shares;
use crate::sliced_score_matching::Slices;

/// Sliced score matching of an energy by differences of energies: `mean_b [ −(E₊ − 2E + E₋)/ε² + ½ ((E₊ − E₋)/2ε)² ]`, with the gradient of just this.
///
/// ```
/// use gibbsian_core::{Directions, Objective, Parametric, Seed};
/// use gibbsian_objectives::FiniteDifferenceSlicedScoreMatching;
/// # use gibbsian_testkit::targets::Gaussian;
/// use ndarray::{Array1, array};
///
/// // `Gaussian` is a normal density by its mean and precision.
/// // For E = ½ (x − 1)² differences are exact at any step: vᵀJv + ½ (vᵀs)² = −1 + 4.5.
/// let model = Gaussian::new(array![1.0], array![[1.0]])?;
/// let mut grad = Array1::zeros(model.n_params());
/// let mut objective = FiniteDifferenceSlicedScoreMatching::new(Directions::Rademacher, 1, 0.5)?;
/// let loss = objective.loss_and_grad_into(&model, array![[4.0]].view(), &mut Seed::new(1).rng(), grad.view_mut())?;
/// assert_eq!(loss, 3.5);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FiniteDifferenceSlicedScoreMatching {
    slices: Slices,
    epsilon: f64,
}

/// Sliced score matching of a score by differences of scores: `mean_b [ vᵀ(s₊ − s₋)/2ε + ⅛ ‖s₊ + s₋‖² ]`, with the gradient of just this.
#[derive(Clone, Copy, Debug)]
pub struct FiniteDifferenceVarianceReducedSlicedScoreMatching {
    slices: Slices,
    epsilon: f64,
}

macro_rules! constructor {
    ($name:ident) => {
        impl $name {
            /// The objective along `n_directions` directions a row, with differences over `x ± epsilon · v`.
            ///
            /// # Errors
            /// No directions, or a step that is not finite and greater than zero.
            pub fn new(directions: Directions, n_directions: usize, epsilon: f64) -> Result<Self> {
                check_positive("epsilon", epsilon)?;
                Slices::new(directions, n_directions).map(|slices| $name { slices, epsilon })
            }

            /// The step `ε`.
            pub fn epsilon(&self) -> f64 {
                self.epsilon
            }
        }

        /// Directions are drawn anew at every call.
        impl Stateless for $name {}
    };
}
constructor!(FiniteDifferenceSlicedScoreMatching);
constructor!(FiniteDifferenceVarianceReducedSlicedScoreMatching);

/// The directions `(nB, D)`, of all rows for the first direction, then for the second and so on, and the points `x + εv` and `x − εv` on either side.
struct Sides {
    v: Array2<f64>,
    ahead: Array2<f64>,
    behind: Array2<f64>,
}

impl Sides {
    fn new(slices: Slices, epsilon: f64, x: ArrayView2<f64>, rng: &mut dyn Rng) -> Self {
        let streams = Streams::draw(rng);
        let n_rows = x.nrows();
        let mut v = Array2::zeros((slices.n_directions * n_rows, x.ncols()));
        let mut ahead = v.clone();
        let mut behind = v.clone();
        for k in 0..slices.n_directions {
            let rows = s![k * n_rows..(k + 1) * n_rows, ..];
            // The directions are those of `SlicedScoreMatching` with the same generator.
            slices.directions.fill(streams.part(k as u64), v.slice_mut(rows));
            let step = &v.slice(rows) * epsilon;
            ahead.slice_mut(rows).assign(&(&x + &step));
            behind.slice_mut(rows).assign(&(&x - &step));
        }
        Sides { v, ahead, behind }
    }
}

impl FiniteDifferenceSlicedScoreMatching {
    fn loss_and_grad<M: EnergyPullback + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        shares: Shares<'_>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_points("x", &x, model.dim())?;
        grad.fill(0.0);
        let sides = Sides::new(self.slices, self.epsilon, x, rng);
        let points = concatenate![Axis(0), x, sides.ahead, sides.behind];
        let c = shares.scaled(1.0 / self.slices.n_directions as f64);
        let (n_rows, n_slices) = (x.nrows(), sides.v.nrows());
        let per_second = 1.0 / (self.epsilon * self.epsilon);
        let per_first = 0.5 / self.epsilon;
        let mut loss = 0.0;
        let mut weigh = |energy: ArrayView1<f64>, mut w: ArrayViewMut1<f64>| {
            w.slice_mut(s![..n_rows]).fill(0.0);
            for k in 0..n_slices {
                let (here, ahead, behind) = (k % n_rows, n_rows + k, n_rows + n_slices + k);
                let c = c[here];
                // Differences from the middle first: what all three share is then gone before it can round.
                let (up, down) = (energy[ahead] - energy[here], energy[behind] - energy[here]);
                let slope = -(up - down) * per_first;
                loss += c * (-(up + down) * per_second + 0.5 * slope * slope);
                w[here] += 2.0 * c * per_second;
                w[ahead] = -c * (per_second + slope * per_first);
                w[behind] = -c * (per_second - slope * per_first);
            }
        };
        model.energy_pullback_with(points.view(), &mut weigh, grad);
        check_loss(loss, "in finite-difference sliced score matching")
    }
}

impl<M: EnergyPullback + ?Sized> Objective<M> for FiniteDifferenceSlicedScoreMatching {
    by_shares! { loss_and_grad }
}

impl FiniteDifferenceVarianceReducedSlicedScoreMatching {
    fn loss_and_grad<M: ScorePullback + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        shares: Shares<'_>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_points("x", &x, model.dim())?;
        grad.fill(0.0);
        let sides = Sides::new(self.slices, self.epsilon, x, rng);
        let points = concatenate![Axis(0), sides.ahead, sides.behind];
        let c = shares.scaled(1.0 / self.slices.n_directions as f64);
        let (n_rows, n_slices) = (x.nrows(), sides.v.nrows());
        let per_first = 0.5 / self.epsilon;
        let mut loss = 0.0;
        model.score_pullback_with(
            points.view(),
            &mut |score, mut u| {
                for k in 0..n_slices {
                    let c = c[k % n_rows];
                    let (ahead, behind) = (score.row(k), score.row(n_slices + k));
                    let slope = &sides.v.row(k) * per_first;
                    let middle = (&ahead + &behind) * 0.5;
                    loss += c * (slope.dot(&(&ahead - &behind)) + 0.5 * middle.dot(&middle));
                    u.row_mut(k).assign(&((&middle * 0.5 + &slope) * c));
                    u.row_mut(n_slices + k).assign(&((&middle * 0.5 - &slope) * c));
                }
            },
            grad,
        );
        check_loss(loss, "in finite-difference sliced score matching")
    }
}

impl<M: ScorePullback + ?Sized> Objective<M> for FiniteDifferenceVarianceReducedSlicedScoreMatching {
    by_shares! { loss_and_grad }
}
