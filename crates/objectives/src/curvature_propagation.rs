//! Score matching with the trace by curvature propagation (Martens, Sutskever and Swersky 2012).
//!
//! Implicit score matching needs `tr J`, sliced score matching estimates it along directions in `x`, and this objective by noise from within the model ([`CurvatureSketch`]),
//!
//! `J(θ) = E_x [ E_v l·r + ½ ‖s‖² ]`,  `E_v l rᵀ = J`,
//!
//! which is implicit score matching in expectation over the noise, gradients included, whatever the dimension, and costs a constant number of passes.
//!
//! **Against a slice.** For an energy of one layer of units, `Σ_j a_j φ(w_j·x)`, with `m_j = a_j φ''` and noise of signs, the variance of `l·r` is
//!
//! `½ Σ_{j≠k} (m_j + m_k)² (w_j·w_k)²`,
//!
//! and that of a slice `2 Σ_{i≠j} J_ij²`. The first vanishes where the `w_j` are orthogonal, the second where the coordinates are uncoupled; neither is the smaller one always.
//!
//! **A biased relative.** Backpropagating diagonals of second derivatives only, as Kingma and LeCun (2010) do after LeCun (1987), is exact for one layer and wrong for two, because the off-diagonal terms that it drops
//! between layers come back as diagonal ones.

use gibbsian_core::error::{check_count, check_loss, check_points, check_shape};
use gibbsian_core::{CurvatureSketch, Directions, Objective, Result, Stateless, Streams};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::Rng;

use crate::phases::Shares;
use crate::sliced_score_matching::Slices;

/// `mean_b [ l_b·r_b + ½ ‖s(x_b)‖² ]` over fresh noise, with the gradient for the same noise.
///
/// ```
/// use gibbsian_core::Directions;
/// use gibbsian_objectives::CurvaturePropagationScoreMatching;
///
/// // Signs have the least variance of all independent noise.
/// let objective = CurvaturePropagationScoreMatching::new(Directions::Rademacher, 1)?;
/// assert!(CurvaturePropagationScoreMatching::new(Directions::Rademacher, 0).is_err());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CurvaturePropagationScoreMatching {
    noise: Slices,
}

impl CurvaturePropagationScoreMatching {
    /// The objective with `n_sketches` sketches a row, of noise with this law.
    ///
    /// # Errors
    /// No sketches.
    pub fn new(noise: Directions, n_sketches: usize) -> Result<Self> {
        check_count("n_sketches", n_sketches)?;
        Slices::new(noise, n_sketches).map(|noise| CurvaturePropagationScoreMatching { noise })
    }

    /// Overwrites `grad` with the gradient of `mean_b [ l_b·r_b + ½ ‖s(x_b)‖² ]` for given `noise` `(B, n_noise)` and returns the value.
    ///
    /// Summed over units of noise in place of the mean over draws it is implicit score matching exactly.
    ///
    /// # Errors
    /// Shapes that do not fit, or a loss that is not finite.
    pub fn along<M: CurvatureSketch + ?Sized>(
        model: &M,
        x: ArrayView2<f64>,
        noise: ArrayView2<f64>,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_points("x", &x, model.dim())?;
        check_shape("noise", &noise, &[x.nrows(), model.n_noise()])?;
        grad.fill(0.0);
        let c = Shares::Equal(x.nrows()).scaled(1.0);
        check_loss(add_sketch(model, x, noise, c.view(), grad), WHERE)
    }

    fn loss_and_grad<M: CurvatureSketch + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        shares: Shares<'_>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_points("x", &x, model.dim())?;
        grad.fill(0.0);
        let Slices {
            directions,
            n_directions,
        } = self.noise;
        let streams = Streams::draw(rng);
        let c = shares.scaled(1.0 / n_directions as f64);
        let mut noise = Array2::zeros((x.nrows(), model.n_noise()));
        let mut loss = 0.0;
        for k in 0..n_directions {
            directions.fill(streams.part(k as u64), noise.view_mut());
            loss += add_sketch(model, x, noise.view(), c.view(), grad.view_mut());
        }
        check_loss(loss, WHERE)
    }
}

const WHERE: &str = "in score matching by curvature propagation";

/// **Adds** the gradient of `Σ_b c_b [ l·r + ½ ‖s‖² ]` to `grad` and returns the sum.
fn add_sketch<M: CurvatureSketch + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    noise: ArrayView2<f64>,
    weights: ArrayView1<f64>,
    grad: ArrayViewMut1<f64>,
) -> f64 {
    let mut loss = 0.0;
    let mut cotangent = |score: ArrayView2<f64>,
                         divergence: ArrayView1<f64>,
                         mut u: ArrayViewMut2<f64>,
                         mut c: ArrayViewMut1<f64>| {
        c.assign(&weights);
        u.assign(&score);
        for (b, mut u) in u.rows_mut().into_iter().enumerate() {
            loss += weights[b] * (divergence[b] + 0.5 * u.dot(&u));
            u *= weights[b];
        }
    };
    model.divergence_sketch_pullback_with(x, noise, &mut cotangent, grad);
    loss
}

impl<M: CurvatureSketch + ?Sized> Objective<M> for CurvaturePropagationScoreMatching {
    by_shares! { loss_and_grad }
}

/// Noise is drawn anew at every call.
impl Stateless for CurvaturePropagationScoreMatching {}
