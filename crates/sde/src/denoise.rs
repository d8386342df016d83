//! The expected data behind noisy points.

use gibbsian_core::error::{Error, Result, check_batch};
use gibbsian_core::{LinearGaussian, TimeScore};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, Slice, Zip};

use crate::reverse::ReverseSde;

impl<P: LinearGaussian, M: TimeScore> ReverseSde<P, M> {
    /// Writes the expected data `E[X_0 | X_t = x_b] = (x_b + σ_t² s_t(x_b)) / α_t` into `out`; `x` and `out` are `(B, D)`, `t` is `(B)`.
    ///
    /// At `t = 0` that is the point itself, and the score has no part in it. The factor `1/α` is infinite where a process has forgotten its data altogether.
    ///
    /// Source: Tweedie's formula (Efron 2011), first by Miyasawa (1961).
    pub fn denoise_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        self.model().score_at_into(x, t, out.view_mut());
        let mut start = 0;
        for end in 1..=t.len() {
            if end < t.len() && t[end] == t[start] {
                continue;
            }
            let rows = Slice::from(start..end);
            let (alpha, variance) = (self.process().alpha(t[start]), self.process().variance(t[start]));
            let part = Zip::from(out.slice_axis_mut(Axis(0), rows)).and(x.slice_axis(Axis(0), rows));
            if variance == 0.0 {
                // Many a score is infinite here.
                part.for_each(|out, x| *out = x / alpha);
            } else {
                part.for_each(|out, x| *out = (x + variance * *out) / alpha);
            }
            start = end;
        }
    }

    /// The expected data behind points `x` `(B, D)` that have all arrived at time `t`: the last step of samplers that stop before time 0.
    ///
    /// ```
    /// use gibbsian_core::process::{LinearGaussian, OrnsteinUhlenbeck};
    /// use gibbsian_sde::ReverseSde;
    /// # use gibbsian_testkit::targets::{Mixture, Noised};
    /// use ndarray::array;
    ///
    /// // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
    /// // Data N(3, ½²): the mean of the posterior weighs the datum 3 and the observation x/α by their precisions.
    /// let process = OrnsteinUhlenbeck::new(4.0)?;
    /// let data = Mixture::new(array![1.0], array![[3.0]], array![0.5])?;
    /// let reverse = ReverseSde::new(process, Noised::new(data, process));
    /// let x = reverse.denoise(array![[1.0]].view(), 0.2)?;
    /// let (alpha, variance) = (process.alpha(0.2), process.variance(0.2));
    /// let (prior, likelihood) = (1.0 / 0.25, alpha * alpha / variance);
    /// let expected = (prior * 3.0 + likelihood * (1.0 / alpha)) / (prior + likelihood);
    /// assert!((x[[0, 0]] - expected).abs() < 1e-14);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// A time outside the process, a shape that does not fit, or expected data that are not finite, with their place and the time.
    pub fn denoise(&self, x: ArrayView2<f64>, t: f64) -> Result<Array2<f64>> {
        check_batch("x", &x, self.model().dim())?;
        self.process().check_time(t)?;
        let mut out = Array2::zeros(x.raw_dim());
        self.denoise_into(x, Array1::from_elem(x.nrows(), t).view(), out.view_mut());
        match out.indexed_iter().find(|(_, value)| !value.is_finite()) {
            None => Ok(out),
            Some(((row, column), &value)) => {
                let name = format!("the expected datum of x[{row}, {column}]");
                Err(Error::non_finite(name, value, format!("at time {t}")))
            }
        }
    }
}
