//! Scores with an error that is known.

use gibbsian_core::error::{Error, Result, check_finite, check_within};
use gibbsian_core::{Space, TimeScore};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut2};

/// An error of a score, `ŝ − s = c s + δ`: wrong in scale, and off by a constant.
///
/// An affine error keeps normal laws normal, so that its effect is known exactly; see [`NormalSampler`](super::NormalSampler).
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreError {
    scale: f64,
    shift: Array1<f64>,
}

impl ScoreError {
    /// The error `c s + δ` with `c` the `scale` and `δ` the `shift` `(D)`.
    ///
    /// # Errors
    /// Numbers that are not finite.
    pub fn new(scale: f64, shift: Array1<f64>) -> Result<Self> {
        check_within("scale", scale, f64::MIN, f64::MAX)?;
        check_finite("shift", &shift)?;
        Ok(ScoreError { scale, shift })
    }

    /// No error.
    pub fn none(dim: usize) -> Self {
        ScoreError {
            scale: 0.0,
            shift: Array1::zeros(dim),
        }
    }

    /// `c`.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// `δ` `(D)`.
    pub fn shift(&self) -> ArrayView1<'_, f64> {
        self.shift.view()
    }
}

/// A score with a known error: `ŝ(x, t) = (1 + c) s(x, t) + δ`.
#[derive(Clone, Debug)]
pub struct PerturbedScore<M> {
    model: M,
    error: ScoreError,
}

impl<M: TimeScore> PerturbedScore<M> {
    /// `model` with this error.
    ///
    /// # Errors
    /// A shift of another dimension than the model's.
    pub fn new(model: M, error: ScoreError) -> Result<Self> {
        if error.shift.len() != model.dim() {
            return Err(Error::shape(
                "shift",
                error.shift.shape(),
                format!("({})", model.dim()),
            ));
        }
        Ok(PerturbedScore { model, error })
    }
}

impl<M: Space> Space for PerturbedScore<M> {
    fn dim(&self) -> usize {
        self.model.dim()
    }
}

impl<M: TimeScore> TimeScore for PerturbedScore<M> {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        self.model.score_at_into(x, t, out.view_mut());
        out *= 1.0 + self.error.scale;
        out += &self.error.shift;
    }
}
