//! Ladders of noise levels `σ_1 > … > σ_L > 0`.
//!
//! Noise-conditional scores are trained at the levels of such a ladder and sampled down it (Song and Ermon 2019). Ratios of neighbours are constant in a
//! geometric ladder, so that the laws of neighbouring levels overlap alike everywhere. The largest level should be as large as the largest distance
//! between data (Song and Ermon 2020, technique 1), the smallest as small as what may be left of noise.

use ndarray::{Array1, ArrayView1};

use crate::error::{Error, Result, check_each, check_positive};

/// Noise levels `σ_1 > … > σ_L > 0`.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseLadder {
    levels: Array1<f64>,
}

impl NoiseLadder {
    /// These levels, from the largest to the smallest.
    ///
    /// # Errors
    /// No level, one that is not positive and finite, or levels that do not fall.
    pub fn new(levels: Array1<f64>) -> Result<Self> {
        if levels.is_empty() {
            return Err(Error::shape("levels", levels.shape(), "[at least 1]"));
        }
        check_each("levels", levels.view(), "finite and greater than zero", |s| {
            s.is_finite() && s > 0.0
        })?;
        for i in 1..levels.len() {
            if levels[i] >= levels[i - 1] {
                return Err(Error::parameter(
                    format!("levels[{i}]"),
                    levels[i],
                    format!(
                        "below {}, the level before it; give the levels from the largest to the smallest, as \
                         NoiseLadder::geometric does",
                        levels[i - 1]
                    ),
                ));
            }
        }
        Ok(NoiseLadder { levels })
    }

    /// `n_levels` levels from `largest` to `smallest`, each the same multiple of the one before.
    ///
    /// # Errors
    /// Fewer than two levels; ends that are not positive and finite, or not in falling order.
    ///
    /// ```
    /// use gibbsian_core::NoiseLadder;
    /// let ladder = NoiseLadder::geometric(4.0, 0.25, 3)?;
    /// assert!((ladder.levels()[1] - 1.0).abs() < 1e-15);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn geometric(largest: f64, smallest: f64, n_levels: usize) -> Result<Self> {
        check_positive("largest", largest)?;
        check_positive("smallest", smallest)?;
        if n_levels < 2 {
            return Err(Error::parameter("n_levels", n_levels, "at least 2"));
        }
        if smallest >= largest {
            return Err(Error::parameter(
                "smallest",
                smallest,
                format!("below `largest`, {largest}; exchange the two"),
            ));
        }
        let last = (n_levels - 1) as f64;
        NoiseLadder::new(Array1::from_shape_fn(n_levels, |i| match i {
            0 => largest,
            i if i + 1 == n_levels => smallest,
            i => largest * ((smallest / largest).ln() * i as f64 / last).exp(),
        }))
    }

    /// The levels, from the largest to the smallest.
    pub fn levels(&self) -> ArrayView1<'_, f64> {
        self.levels.view()
    }

    /// The number of levels `L`.
    pub fn n_levels(&self) -> usize {
        self.levels.len()
    }

    /// The smallest level `σ_L`.
    pub fn smallest(&self) -> f64 {
        self.levels[self.levels.len() - 1]
    }
}
