//! Classifier-free guidance: a score with and one without the condition.
//!
//! `(1 + w) s(x | y) − w s(x)` (Ho and Salimans 2022, equation 6). Since `s(x | y) − s(x) = ∇ log p_t(y | x)`, this is
//! [`ClassifierGuidance`](super::ClassifierGuidance) of weight `1 + w` by the classifier that the two scores imply, and what is said
//! there of weights other than one holds for `w ≠ 0`. Some programs write `s(x) + w (s(x | y) − s(x))`, whose weight is ours plus one.

use gibbsian_core::error::{Result, check_finite};
use gibbsian_core::{Space, TimeScore, TimeScoreJvp};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, Zip};

use super::classifier::check_same_dim;

/// The score `(1 + w) s_c − w s_u` of a conditional score `s_c` and an unconditional one `s_u`.
///
/// One network mostly gives both; pass two views of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassifierFreeGuidance<C, U> {
    conditional: C,
    unconditional: U,
    weight: f64,
}

impl<C: Space, U: Space> ClassifierFreeGuidance<C, U> {
    /// Guidance of weight `w`; zero leaves the conditional score as it is.
    ///
    /// # Errors
    /// Different dimensions, a weight that is not finite.
    pub fn new(conditional: C, unconditional: U, weight: f64) -> Result<Self> {
        check_finite("weight", &ndarray::arr0(weight))?;
        check_same_dim(
            "the dimension of the unconditional score",
            &unconditional,
            &conditional,
        )?;
        Ok(ClassifierFreeGuidance {
            conditional,
            unconditional,
            weight,
        })
    }

    /// Overwrites `conditional` by the combination.
    fn combine(&self, mut conditional: ArrayViewMut2<f64>, unconditional: &Array2<f64>) {
        Zip::from(&mut conditional)
            .and(unconditional)
            .for_each(|c, u| *c = (1.0 + self.weight) * *c - self.weight * u);
    }
}

impl<C: Space, U: Space> Space for ClassifierFreeGuidance<C, U> {
    fn dim(&self) -> usize {
        self.conditional.dim()
    }
}

impl<C: TimeScore, U: TimeScore> TimeScore for ClassifierFreeGuidance<C, U> {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        let mut unconditional = Array2::zeros(x.raw_dim());
        self.conditional.score_at_into(x, t, out.view_mut());
        self.unconditional.score_at_into(x, t, unconditional.view_mut());
        self.combine(out, &unconditional);
    }
}

impl<C: TimeScoreJvp, U: TimeScoreJvp> TimeScoreJvp for ClassifierFreeGuidance<C, U> {
    fn score_jvp_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        let (mut other, mut other_jvp) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
        self.conditional
            .score_jvp_at_into(x, t, v, score.view_mut(), jvp.view_mut());
        self.unconditional
            .score_jvp_at_into(x, t, v, other.view_mut(), other_jvp.view_mut());
        self.combine(score, &other);
        self.combine(jvp, &other_jvp);
    }
}
