//! Scores and their derivatives.
//!
//! The (Stein) score of a density is `s(x) = ∇_x log p(x) = −∇_x E(x)`. The normaliser is gone from it, and a model may have a
//! score without having an energy. Score matching needs more: the Jacobian-vector product `J(x) v` and the divergence
//! `tr J(x)` (Hyvärinen 2005), and the derivative of all these in the parameters. Each is a rung of its own.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::energy::{Energy, Space};
use crate::params::Parametric;

/// The score `s(x) = ∇_x log p(x)`.
pub trait Score: Space {
    /// Writes the score of every row of `x` `(B, D)` into `out` `(B, D)`.
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>);

    /// The scores of all rows, in a new array.
    fn score(&self, x: ArrayView2<f64>) -> Array2<f64> {
        let mut out = Array2::zeros(x.raw_dim());
        self.score_into(x, out.view_mut());
        out
    }
}

/// An energy together with its score; what Metropolis-adjusted samplers ask for.
///
/// The two must belong together: `s = −∇E`. The conformance checks of the test kit hold every implementation to it. Energy and score
/// mostly share their dear part (the residuals of a regression, the factor times the point), and such a sampler wants both at every
/// point it visits; whoever can give them in one pass overrides the one method. For all others `impl Potential for Model {}` is enough.
pub trait Potential: Energy + Score {
    /// Writes `E(x_b)` into `energy` `(B)` and `s(x_b)` into `score` `(B, D)`.
    ///
    /// An overriding form may round differently from [`Energy::energy_into`] and [`Score::score_into`].
    fn energy_and_score_into(
        &self,
        x: ArrayView2<f64>,
        energy: ArrayViewMut1<f64>,
        score: ArrayViewMut2<f64>,
    ) {
        self.energy_into(x, energy);
        self.score_into(x, score);
    }
}

/// A score with its Jacobian `J = ∂s/∂x`.
pub trait ScoreJvp: Score {
    /// Writes `s(x_b)` into `score` and `J(x_b) v_b` into `jvp`, in one pass; all arrays are `(B, D)`.
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    );

    /// Writes the divergence `tr J(x_b)` of every row into `out` `(B)`.
    ///
    /// The provided form is exact and takes `D` Jacobian-vector products, one a coordinate; override it where a closed form
    /// exists. A random estimate of the trace is a wrapper's business, never a default.
    fn divergence_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        trace_into(x, out, |v, score, jvp| self.score_jvp_into(x, v, score, jvp));
    }

    /// The divergences of all rows, in a new array.
    fn divergence(&self, x: ArrayView2<f64>) -> Array1<f64> {
        let mut out = Array1::zeros(x.nrows());
        self.divergence_into(x, out.view_mut());
        out
    }
}

/// A score that can be differentiated in its parameters.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no score that can be differentiated in its parameters",
    note = "score matching needs one; a model of discrete sites is trained by pseudo-likelihood, ratio matching or with chains"
)]
pub trait ScorePullback: Score + Parametric {
    /// Hands the scores `s` `(B, D)` to `cotangent`, which fills `u` `(B, D)`, and **adds** `Σ_b u_b · ∂s(x_b)/∂θ` to `grad`.
    ///
    /// Denoising score matching is this with `u` the residual (Vincent 2011).
    fn score_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        grad: ArrayViewMut1<f64>,
    );

    /// **Adds** `Σ_b u_b · ∂s(x_b)/∂θ` for given cotangents `u` `(B, D)` to `grad`.
    fn score_pullback_into(&self, x: ArrayView2<f64>, u: ArrayView2<f64>, grad: ArrayViewMut1<f64>) {
        self.score_pullback_with(x, &mut |_, mut out| out.assign(&u), grad);
    }
}

/// Fills the cotangents `(u, w)` from the score `s` and the product `J v`: `(s, jvp, u, w)`, all `(B, D)`.
pub type JvpCotangent<'a> =
    dyn FnMut(ArrayView2<f64>, ArrayView2<f64>, ArrayViewMut2<f64>, ArrayViewMut2<f64>) + 'a;

/// A score whose Jacobian-vector product can be differentiated in its parameters; explicit and sliced score matching ask for
/// it (Song, Garg, Shi and Ermon 2020).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no score whose Jacobian can be differentiated in its parameters",
    note = "implicit and sliced score matching need one; denoising score matching does without"
)]
pub trait ScoreJvpPullback: ScoreJvp + ScorePullback {
    /// Hands `s` and `J v` to `cotangent`, which fills `u` and `w`, and **adds**
    /// `Σ_b u_b · ∂s(x_b)/∂θ + w_b · ∂(J(x_b) v_b)/∂θ` to `grad`.
    fn score_jvp_pullback_with(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        cotangent: &mut JvpCotangent<'_>,
        grad: ArrayViewMut1<f64>,
    );

    /// Hands `s` and the divergence `tr J` to `cotangent`, which fills `u` and `c`, and **adds** `Σ_b u_b · ∂s(x_b)/∂θ + c_b ∂ tr J(x_b)/∂θ` to `grad`.
    ///
    /// Implicit score matching is this (Hyvärinen 2005). The provided form takes `D` pullbacks, one a coordinate, each of which computes the score again; override it where the directions share work.
    fn divergence_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut DivergenceCotangent<'_>,
        grad: ArrayViewMut1<f64>,
    ) {
        let mut divergence = Array1::zeros(x.nrows());
        self.divergence_into(x, divergence.view_mut());
        let mut pull = |v: ArrayView2<f64>, cotangent: &mut JvpCotangent<'_>, grad: ArrayViewMut1<f64>| {
            self.score_jvp_pullback_with(x, v, cotangent, grad);
        };
        trace_pullback(self.score(x), divergence, cotangent, &mut pull, grad);
    }
}

/// Fills the cotangents `(u, c)` from the score `s` and the divergence: `(s, divergence, u, c)`, `(B, D)` or `(B)` each.
pub type DivergenceCotangent<'a> =
    dyn FnMut(ArrayView2<f64>, ArrayView1<f64>, ArrayViewMut2<f64>, ArrayViewMut1<f64>) + 'a;

/// Adds the parameter gradient of a score and its product with the Jacobian along a direction: [`ScoreJvpPullback::score_jvp_pullback_with`] at given points.
pub type PullAlong<'a> = dyn FnMut(ArrayView2<f64>, &mut JvpCotangent<'_>, ArrayViewMut1<f64>) + 'a;

/// Pulls the cotangents of a score and of its trace back, by the function that does it for products `J v`.
pub fn trace_pullback(
    score: Array2<f64>,
    divergence: Array1<f64>,
    cotangent: &mut DivergenceCotangent<'_>,
    pull: &mut PullAlong<'_>,
    mut grad: ArrayViewMut1<f64>,
) {
    let mut u = Array2::zeros(score.raw_dim());
    let mut c = Array1::zeros(divergence.raw_dim());
    cotangent(score.view(), divergence.view(), u.view_mut(), c.view_mut());
    let mut direction = Array2::zeros(score.raw_dim());
    for i in 0..score.ncols() {
        direction.fill(0.0);
        direction.column_mut(i).fill(1.0);
        let mut cotangent = |_: ArrayView2<f64>,
                             _: ArrayView2<f64>,
                             mut u_out: ArrayViewMut2<f64>,
                             mut w_out: ArrayViewMut2<f64>| {
            // The score itself counts once.
            match i {
                0 => u_out.assign(&u),
                _ => u_out.fill(0.0),
            }
            w_out.fill(0.0);
            w_out.column_mut(i).assign(&c);
        };
        pull(direction.view(), &mut cotangent, grad.view_mut());
    }
}

/// Writes `Σ_i (J e_i)_i` of every row into `out`, by the function that fills scores and products `J v`.
pub fn trace_into(
    x: ArrayView2<f64>,
    mut out: ArrayViewMut1<f64>,
    score_jvp: impl Fn(ArrayView2<f64>, ArrayViewMut2<f64>, ArrayViewMut2<f64>),
) {
    out.fill(0.0);
    let mut direction = Array2::zeros(x.raw_dim());
    let mut score = Array2::zeros(x.raw_dim());
    let mut jvp = Array2::zeros(x.raw_dim());
    for i in 0..x.ncols() {
        direction.fill(0.0);
        direction.column_mut(i).fill(1.0);
        score_jvp(direction.view(), score.view_mut(), jvp.view_mut());
        out += &jvp.column(i);
    }
}

macro_rules! through_pointer {
    ($pointer:ty) => {
        impl<T: Score + ?Sized> Score for $pointer {
            fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
                (**self).score_into(x, out);
            }
        }

        impl<T: Potential + ?Sized> Potential for $pointer {
            fn energy_and_score_into(
                &self,
                x: ArrayView2<f64>,
                energy: ArrayViewMut1<f64>,
                score: ArrayViewMut2<f64>,
            ) {
                (**self).energy_and_score_into(x, energy, score);
            }
        }

        impl<T: ScoreJvp + ?Sized> ScoreJvp for $pointer {
            fn score_jvp_into(
                &self,
                x: ArrayView2<f64>,
                v: ArrayView2<f64>,
                score: ArrayViewMut2<f64>,
                jvp: ArrayViewMut2<f64>,
            ) {
                (**self).score_jvp_into(x, v, score, jvp);
            }

            fn divergence_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
                (**self).divergence_into(x, out);
            }
        }
    };
}
through_pointer!(&T);
through_pointer!(Box<T>);
