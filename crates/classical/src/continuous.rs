//! Machines with continuous visible units as densities on real vectors and pictures: scores, their Jacobian, and what score matching asks for.
//!
//! With the field `I(v)` of the hidden units, its transpose `I'` and `m = E[h | I]`; in a machine without structure `I(v) = v'W`,
//!
//! `s(v) = −∂F/∂v = I'(m) − ∂e_V/∂v`, `J d = I'(Cov(h | I) I(d)) − ∂²e_V/∂v² ∘ d`,
//!
//! and every derivative in the weights is a sum over rows (and places of patches) times something on the hidden side.
//!
//! Score matching trains on these without any sampling (Hyvärinen 2005); for Gaussian visible and Bernoulli hidden units it is a regularised
//! autoencoder with tied weights (Vincent 2011; Swersky, Ranzato, Buchman, Marlin and de Freitas 2011, "On autoencoders and score matching for energy based models").

use gibbsian_core::score::JvpCotangent;
use gibbsian_core::{
    ContinuousUnits, Potential, ResponsiveUnits, Score, ScoreJvp, ScoreJvpPullback, ScorePullback, Units,
};
use ndarray::{Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::bipartite::Bipartite;
use crate::{ConvolutionalRbm, Rbm};

/// The scores of a kind of machine. The traits are those of another crate, which nobody may implement for all that is `Bipartite`.
macro_rules! scores {
    ($machine:ident) => {
        impl<V: ContinuousUnits, H: Units> Score for $machine<V, H> {
            fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
                self.score_from_field(x, self.up(x).view(), out);
            }
        }

        impl<V: ContinuousUnits, H: Units> Potential for $machine<V, H> {
            fn energy_and_score_into(
                &self,
                x: ArrayView2<f64>,
                energy: ArrayViewMut1<f64>,
                score: ArrayViewMut2<f64>,
            ) {
                let field = self.up(x);
                self.free_energy_into(x, field.view(), energy);
                self.score_from_field(x, field.view(), score);
            }
        }

        impl<V: ContinuousUnits, H: ResponsiveUnits> ScoreJvp for $machine<V, H> {
            fn score_jvp_into(
                &self,
                x: ArrayView2<f64>,
                v: ArrayView2<f64>,
                score: ArrayViewMut2<f64>,
                jvp: ArrayViewMut2<f64>,
            ) {
                let field = self.up(x);
                self.score_from_field(x, field.view(), score);
                self.jvp_from_field(x, field.view(), v, jvp);
            }
        }

        impl<V: ContinuousUnits, H: ResponsiveUnits> ScorePullback for $machine<V, H> {
            fn score_pullback_with(
                &self,
                x: ArrayView2<f64>,
                cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
                grad: ArrayViewMut1<f64>,
            ) {
                let field = self.up(x);
                let mut score = Array2::zeros(x.raw_dim());
                let mut u = Array2::zeros(x.raw_dim());
                self.score_from_field(x, field.view(), score.view_mut());
                cotangent(score.view(), u.view_mut());
                self.score_pullback_from_field(x, field.view(), u.view(), None, grad);
            }
        }

        impl<V: ContinuousUnits, H: ResponsiveUnits> ScoreJvpPullback for $machine<V, H> {
            fn score_jvp_pullback_with(
                &self,
                x: ArrayView2<f64>,
                v: ArrayView2<f64>,
                cotangent: &mut JvpCotangent<'_>,
                grad: ArrayViewMut1<f64>,
            ) {
                let field = self.up(x);
                let mut score = Array2::zeros(x.raw_dim());
                let mut jvp = Array2::zeros(x.raw_dim());
                let (mut u, mut w) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
                self.score_from_field(x, field.view(), score.view_mut());
                self.jvp_from_field(x, field.view(), v, jvp.view_mut());
                cotangent(score.view(), jvp.view(), u.view_mut(), w.view_mut());
                self.score_pullback_from_field(x, field.view(), u.view(), Some((w.view(), v)), grad);
            }
        }
    };
}

scores!(Rbm);
scores!(ConvolutionalRbm);
