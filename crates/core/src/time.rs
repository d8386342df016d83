//! Energies and scores that depend on a time or a noise level, and the adapter that freezes it.
//!
//! Noise-conditional networks and diffusion models carry one number more a row: the noise level or the time `t` `(B)`. Fixing it
//! with [`At`] gives an ordinary energy or score, so every static objective and sampler serves these models without knowing of them.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::energy::{Energy, EnergyPullback, Space};
use crate::params::{Layout, Parametric};
use crate::score::{
    DivergenceCotangent, JvpCotangent, Potential, Score, ScoreJvp, ScoreJvpPullback, ScorePullback,
    trace_into, trace_pullback,
};

/// An energy `E(x, t)`, one density for every time. Additive constants may be omitted at each time on its own.
pub trait TimeEnergy: Space {
    /// Writes `E(x_b, t_b)` into `out` `(B)`; `x` is `(B, D)`, `t` is `(B)`. See [`Energy::energy_into`] for what its values mean.
    fn energy_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut1<f64>);
}

/// A time-dependent energy whose weighted gradient in the parameters can be taken; see [`EnergyPullback`].
pub trait TimeEnergyPullback: TimeEnergy + Parametric {
    /// Hands the energies to `weigh`, which fills the cotangents `w`, and **adds** `Σ_b w_b ∂E(x_b, t_b)/∂θ` to `grad`.
    fn energy_pullback_at_with(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    );
}

/// A score `s(x, t)`.
pub trait TimeScore: Space {
    /// Writes `s(x_b, t_b)` into `out`; `x` and `out` are `(B, D)`, `t` is `(B)`.
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>);
}

/// A time-dependent energy together with its score, `s(x, t) = −∇_x E(x, t)`; see [`Potential`].
pub trait TimePotential: TimeEnergy + TimeScore {
    /// Writes `E(x_b, t_b)` into `energy` `(B)` and `s(x_b, t_b)` into `score` `(B, D)`; override it where one pass gives both.
    fn energy_and_score_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        energy: ArrayViewMut1<f64>,
        score: ArrayViewMut2<f64>,
    ) {
        self.energy_at_into(x, t, energy);
        self.score_at_into(x, t, score);
    }
}

/// A time-dependent score with its Jacobian in `x`.
pub trait TimeScoreJvp: TimeScore {
    /// Writes `s(x_b, t_b)` into `score` and `J(x_b, t_b) v_b` into `jvp`.
    fn score_jvp_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    );

    /// Writes the divergence `tr J(x_b, t_b)` of every row into `out` `(B)`; see [`ScoreJvp::divergence_into`].
    fn divergence_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut1<f64>) {
        trace_into(x, out, |v, score, jvp| {
            self.score_jvp_at_into(x, t, v, score, jvp);
        });
    }

    /// Writes `s(x_b, t_b)` into `score` `(B, D)` and `tr J(x_b, t_b)` into `divergence` `(B)`, what likelihoods by a probability flow ask for at every step; override it where one
    /// pass gives both.
    fn score_and_divergence_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        score: ArrayViewMut2<f64>,
        divergence: ArrayViewMut1<f64>,
    ) {
        self.score_at_into(x, t, score);
        self.divergence_at_into(x, t, divergence);
    }
}

/// A time-dependent score that can be differentiated in its parameters; see [`ScorePullback`].
pub trait TimeScorePullback: TimeScore + Parametric {
    /// Hands the scores to `cotangent`, which fills `u`, and **adds** `Σ_b u_b · ∂s(x_b, t_b)/∂θ` to `grad`.
    fn score_pullback_at_with(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        grad: ArrayViewMut1<f64>,
    );
}

/// A time-dependent score whose Jacobian-vector product can be differentiated in its parameters; see [`ScoreJvpPullback`].
pub trait TimeScoreJvpPullback: TimeScoreJvp + TimeScorePullback {
    /// Hands `s` and `J v` to `cotangent` and **adds** the weighted parameter gradient to `grad`.
    fn score_jvp_pullback_at_with(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        v: ArrayView2<f64>,
        cotangent: &mut JvpCotangent<'_>,
        grad: ArrayViewMut1<f64>,
    );

    /// Hands `s` and the divergence to `cotangent` and **adds** the weighted parameter gradient to `grad`; see [`ScoreJvpPullback::divergence_pullback_with`].
    fn divergence_pullback_at_with(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        cotangent: &mut DivergenceCotangent<'_>,
        grad: ArrayViewMut1<f64>,
    ) {
        let (mut score, mut divergence) = (Array2::zeros(x.raw_dim()), Array1::zeros(x.nrows()));
        self.score_at_into(x, t, score.view_mut());
        self.divergence_at_into(x, t, divergence.view_mut());
        let mut pull = |v: ArrayView2<f64>, cotangent: &mut JvpCotangent<'_>, grad: ArrayViewMut1<f64>| {
            self.score_jvp_pullback_at_with(x, t, v, cotangent, grad);
        };
        trace_pullback(score, divergence, cotangent, &mut pull, grad);
    }
}

/// A time-dependent model seen at one time a row.
///
/// The number of rows of every batch must equal the number of times.
pub struct At<'a, M: ?Sized> {
    model: &'a M,
    t: ArrayView1<'a, f64>,
}

impl<M: ?Sized> std::fmt::Debug for At<'_, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("At").field("t", &self.t).finish_non_exhaustive()
    }
}

impl<'a, M: ?Sized> At<'a, M> {
    /// Freezes `model` at the times `t` `(B)`.
    pub fn new(model: &'a M, t: ArrayView1<'a, f64>) -> Self {
        At { model, t }
    }
}

impl<M: Space + ?Sized> Space for At<'_, M> {
    fn dim(&self) -> usize {
        self.model.dim()
    }
}

impl<M: TimeEnergy + ?Sized> Energy for At<'_, M> {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.model.energy_at_into(x, self.t, out);
    }
}

impl<M: TimeEnergyPullback + ?Sized> EnergyPullback for At<'_, M> {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        self.model.energy_pullback_at_with(x, self.t, weigh, grad);
    }
}

impl<M: TimePotential + ?Sized> Potential for At<'_, M> {
    fn energy_and_score_into(
        &self,
        x: ArrayView2<f64>,
        energy: ArrayViewMut1<f64>,
        score: ArrayViewMut2<f64>,
    ) {
        self.model.energy_and_score_at_into(x, self.t, energy, score);
    }
}

impl<M: TimeScore + ?Sized> Score for At<'_, M> {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.model.score_at_into(x, self.t, out);
    }
}

impl<M: TimeScoreJvp + ?Sized> ScoreJvp for At<'_, M> {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    ) {
        self.model.score_jvp_at_into(x, self.t, v, score, jvp);
    }

    fn divergence_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.model.divergence_at_into(x, self.t, out);
    }
}

impl<M: Parametric + ?Sized> Parametric for At<'_, M> {
    fn layout(&self) -> Layout {
        self.model.layout()
    }

    fn params(&self) -> Array1<f64> {
        self.model.params()
    }
}

impl<M: TimeScorePullback + ?Sized> ScorePullback for At<'_, M> {
    fn score_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        self.model.score_pullback_at_with(x, self.t, cotangent, grad);
    }
}

impl<M: TimeScoreJvpPullback + ?Sized> ScoreJvpPullback for At<'_, M> {
    fn score_jvp_pullback_with(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        cotangent: &mut JvpCotangent<'_>,
        grad: ArrayViewMut1<f64>,
    ) {
        self.model
            .score_jvp_pullback_at_with(x, self.t, v, cotangent, grad);
    }

    fn divergence_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut DivergenceCotangent<'_>,
        grad: ArrayViewMut1<f64>,
    ) {
        self.model.divergence_pullback_at_with(x, self.t, cotangent, grad);
    }
}

/// What holds of a model in time holds of a reference to it and of a box around it, trait objects included.
macro_rules! through_pointer {
    ($pointer:ty) => {
        impl<T: TimeEnergy + ?Sized> TimeEnergy for $pointer {
            fn energy_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut1<f64>) {
                (**self).energy_at_into(x, t, out);
            }
        }

        impl<T: TimeScore + ?Sized> TimeScore for $pointer {
            fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
                (**self).score_at_into(x, t, out);
            }
        }

        impl<T: TimePotential + ?Sized> TimePotential for $pointer {
            fn energy_and_score_at_into(
                &self,
                x: ArrayView2<f64>,
                t: ArrayView1<f64>,
                energy: ArrayViewMut1<f64>,
                score: ArrayViewMut2<f64>,
            ) {
                (**self).energy_and_score_at_into(x, t, energy, score);
            }
        }

        impl<T: TimeScoreJvp + ?Sized> TimeScoreJvp for $pointer {
            fn score_jvp_at_into(
                &self,
                x: ArrayView2<f64>,
                t: ArrayView1<f64>,
                v: ArrayView2<f64>,
                score: ArrayViewMut2<f64>,
                jvp: ArrayViewMut2<f64>,
            ) {
                (**self).score_jvp_at_into(x, t, v, score, jvp);
            }

            fn divergence_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut1<f64>) {
                (**self).divergence_at_into(x, t, out);
            }

            fn score_and_divergence_at_into(
                &self,
                x: ArrayView2<f64>,
                t: ArrayView1<f64>,
                score: ArrayViewMut2<f64>,
                divergence: ArrayViewMut1<f64>,
            ) {
                (**self).score_and_divergence_at_into(x, t, score, divergence);
            }
        }
    };
}
through_pointer!(&T);
through_pointer!(Box<T>);
