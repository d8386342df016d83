//! Sliced score matching (Song, Garg, Shi and Ermon 2020).
//!
//! Implicit score matching needs `tr J`, which costs a Jacobian-vector product for every coordinate. Along random directions with `E vvᵀ = I` one product is an unbiased
//! estimate, and the square can be estimated along the same direction or taken whole:
//!
//! `J_plain = E_x E_v [ vᵀJv + ½ (vᵀs)² ]`,  `J_vr = E_x E_v [ vᵀJv ] + ½ E_x ‖s‖²`
//!
//! Both are implicit score matching in expectation, gradients included. The condition on the second moment matters more than it seems: with `E vvᵀ = c I` the first form is only
//! scaled, but the minimum of the second is at `c ∇log p`. That is why directions on the sphere have radius `√D` here.
//!
//! **"Variance reduced" is not always true.** At given `x` either form is a quadratic form in `v`, of `A = J + ½ssᵀ` or of `A = J`, so its variance over directions is
//! [`Directions::quadratic_form_variance`]. For Gaussian directions and symmetric `J` the first exceeds the second by
//!
//! `Var_v plain − Var_v vr = 2 sᵀJs + ½ ‖s‖⁴`,
//!
//! which is negative where the score is small and the log-density concave along it. For the true score of a normal law with precision `Λ` the expectations over `x` are, with `T = tr Λ` and `P = tr Λ²`,
//!
//! | directions | `E_x (Var_v plain − Var_v vr)` | for `Λ = I` |
//! |---|---|---|
//! | Gaussian | `½ T² − P` | `D(D − 2)/2` |
//! | Rademacher | `½ (T² − Σ_i Λ_ii²) − Σ_{i≠j} Λ_ij²` | `D(D − 1)/2` |
//! | sphere | `[½ (D + 3) T² − (D + 1) P]/(D + 2)` | `D(D − 1)/2` |
//!
//! With Gaussian directions the second form is thus the worse one whenever `T²/P`, the effective number of dimensions in which the score varies, is below 2: always for `D = 1`, and for `D = 2` whenever it is not equally
//! wide everywhere. What varies with `x` is the same in both, so this is also the difference of the whole variances.

use gibbsian_core::error::{check_count, check_loss, check_points, check_shape};
use gibbsian_core::{Directions, Objective, Result, ScoreJvpPullback, Stateless, Streams};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::Rng;

use crate::phases::Shares;

/// `mean_b [ vᵀJ(x_b)v + ½ (vᵀs(x_b))² ]` along fresh directions `v`, with the gradient along the same directions.
///
/// ```
/// use gibbsian_core::{Directions, Objective, Parametric, Seed};
/// use gibbsian_objectives::SlicedScoreMatching;
/// # use gibbsian_testkit::targets::Gaussian;
/// use ndarray::{Array1, array};
///
/// // `Gaussian` is a normal density by its mean and precision.
/// // s = −(x − μ), J = −I. In one dimension a sign is as good as the trace.
/// let model = Gaussian::new(array![1.0], array![[1.0]])?;
/// let mut grad = Array1::zeros(model.n_params());
/// let mut objective = SlicedScoreMatching::new(Directions::Rademacher, 1)?;
/// let loss = objective.loss_and_grad_into(&model, array![[4.0]].view(), &mut Seed::new(1).rng(), grad.view_mut())?;
/// assert_eq!(loss, -1.0 + 4.5);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SlicedScoreMatching {
    slices: Slices,
}

/// `mean_b [ vᵀJ(x_b)v + ½ ‖s(x_b)‖² ]` along fresh directions `v`, with the gradient along the same directions.
///
/// It has less variance than [`SlicedScoreMatching`] in most problems, but not in all; the [module](crate::sliced_score_matching) says when.
#[derive(Clone, Copy, Debug)]
pub struct VarianceReducedSlicedScoreMatching {
    slices: Slices,
}

/// How many directions of which law every row gets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slices {
    pub(crate) directions: Directions,
    pub(crate) n_directions: usize,
}

impl Slices {
    pub(crate) fn new(directions: Directions, n_directions: usize) -> Result<Self> {
        check_count("n_directions", n_directions)?;
        Ok(Slices {
            directions,
            n_directions,
        })
    }
}

/// Which square stands beside `vᵀJv`.
#[derive(Clone, Copy)]
enum Square {
    /// `½ (vᵀs)²`.
    Along,
    /// `½ ‖s‖²`.
    Whole,
}

/// **Adds** the gradient of `Σ_b c_b [ vᵀJv + square ]` to `grad` and returns the sum.
fn add_slice<M: ScoreJvpPullback + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    v: ArrayView2<f64>,
    square: Square,
    c: ArrayView1<f64>,
    grad: ArrayViewMut1<f64>,
) -> f64 {
    let mut loss = 0.0;
    let mut cotangent = |score: ArrayView2<f64>,
                         jvp: ArrayView2<f64>,
                         mut u: ArrayViewMut2<f64>,
                         mut w: ArrayViewMut2<f64>| {
        for (b, &c) in c.iter().enumerate() {
            let (s, v, mut u, mut w) = (score.row(b), v.row(b), u.row_mut(b), w.row_mut(b));
            let half_square = match square {
                Square::Along => {
                    let along = v.dot(&s);
                    u.assign(&v);
                    u *= c * along;
                    0.5 * along * along
                }
                Square::Whole => {
                    u.assign(&s);
                    u *= c;
                    0.5 * s.dot(&s)
                }
            };
            w.assign(&v);
            w *= c;
            loss += c * (v.dot(&jvp.row(b)) + half_square);
        }
    };
    model.score_jvp_pullback_with(x, v, &mut cotangent, grad);
    loss
}

/// The mean over all directions of all rows.
fn sliced<M: ScoreJvpPullback + ?Sized>(
    slices: Slices,
    square: Square,
    model: &M,
    x: ArrayView2<f64>,
    shares: Shares<'_>,
    rng: &mut dyn Rng,
    mut grad: ArrayViewMut1<f64>,
) -> Result<f64> {
    check_points("x", &x, model.dim())?;
    grad.fill(0.0);
    let streams = Streams::draw(rng);
    let c = shares.scaled(1.0 / slices.n_directions as f64);
    let mut v = Array2::zeros(x.raw_dim());
    let mut loss = 0.0;
    for k in 0..slices.n_directions {
        slices.directions.fill(streams.part(k as u64), v.view_mut());
        loss += add_slice(model, x, v.view(), square, c.view(), grad.view_mut());
    }
    check_loss(loss, "in sliced score matching")
}

/// The same along the given directions `v` `(B, D)`.
fn along<M: ScoreJvpPullback + ?Sized>(
    square: Square,
    model: &M,
    x: ArrayView2<f64>,
    v: ArrayView2<f64>,
    mut grad: ArrayViewMut1<f64>,
) -> Result<f64> {
    check_points("x", &x, model.dim())?;
    check_shape("v", &v, x.shape())?;
    grad.fill(0.0);
    let c = Shares::Equal(x.nrows()).scaled(1.0);
    let loss = add_slice(model, x, v, square, c.view(), grad);
    check_loss(loss, "in sliced score matching")
}

macro_rules! sliced_objective {
    ($name:ident, $square:expr, $formula:literal) => {
        impl $name {
            /// The objective along `n_directions` directions a row.
            ///
            /// # Errors
            /// No directions.
            pub fn new(directions: Directions, n_directions: usize) -> Result<Self> {
                Slices::new(directions, n_directions).map(|slices| $name { slices })
            }

            #[doc = concat!("Overwrites `grad` with the gradient of ", $formula, " along the given directions `v` `(B, D)` and returns the value.")]
            ///
            /// Averaged over all vectors of signs it is implicit score matching exactly.
            ///
            /// # Errors
            /// Shapes that do not fit, or a loss that is not finite.
            pub fn along<M: ScoreJvpPullback + ?Sized>(
                model: &M,
                x: ArrayView2<f64>,
                v: ArrayView2<f64>,
                grad: ArrayViewMut1<f64>,
            ) -> Result<f64> {
                along($square, model, x, v, grad)
            }
        }

        impl<M: ScoreJvpPullback + ?Sized> Objective<M> for $name {
            fn loss_and_grad_into(
                &mut self,
                model: &M,
                x: ArrayView2<f64>,
                rng: &mut dyn Rng,
                grad: ArrayViewMut1<f64>,
            ) -> Result<f64> {
                sliced(self.slices, $square, model, x, Shares::Equal(x.nrows()), rng, grad)
            }

            fn weighted_loss_and_grad_into(
                &mut self,
                model: &M,
                x: ArrayView2<f64>,
                w: ArrayView1<f64>,
                rng: &mut dyn Rng,
                grad: ArrayViewMut1<f64>,
            ) -> Result<f64> {
                sliced(self.slices, $square, model, x, Shares::weighted(w, x)?, rng, grad)
            }
        }

        /// Directions are drawn anew at every call.
        impl Stateless for $name {}
    };
}
sliced_objective!(SlicedScoreMatching, Square::Along, "`mean_b [ vᵀJv + ½ (vᵀs)² ]`");
sliced_objective!(
    VarianceReducedSlicedScoreMatching,
    Square::Whole,
    "`mean_b [ vᵀJv + ½ ‖s‖² ]`"
);
