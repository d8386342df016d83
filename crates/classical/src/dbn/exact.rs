//! Exact sums over a small network: all states of the layers below the top one.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Energy, Error, FiniteUnits, Result, Units};
use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::{Dbn, UntiedDbn};

/// The largest number of joint states of the hidden layers below the top one.
const MAX_STATES: u64 = 1 << 24;

impl<V: Units, H: FiniteUnits> Dbn<V, H> {
    /// `log p(v)` of every row, exact up to rounding.
    ///
    /// # Errors
    /// Rows that the visible layer cannot take, or layers that are too large to be enumerated.
    pub fn log_probability(&self, v: ArrayView2<f64>) -> Result<Array1<f64>> {
        if self.upper.is_empty() {
            self.bottom.check_visible(v)?;
            return Ok(-self.bottom.energy(v) - self.bottom.log_z_over_hidden()?);
        }
        self.untied()?.log_probability(v)
    }

    /// The bound on `log p(v)` of every row, exact up to rounding: the expectation that [`Dbn::bound`] estimates, less `log Z`.
    ///
    /// # Errors
    /// Those of [`Dbn::log_probability`].
    pub fn exact_bound(&self, v: ArrayView2<f64>) -> Result<Array1<f64>> {
        if self.upper.is_empty() {
            // Nothing is hidden from an RBM that is not summed out.
            return self.log_probability(v);
        }
        self.untied()?.exact_bound(v)
    }
}

impl<V: Units, H: FiniteUnits> UntiedDbn<V, H> {
    /// `log p(v)` of every row, exact up to rounding.
    ///
    /// # Errors
    /// Rows that the visible layer cannot take, or layers that are too large to be enumerated.
    pub fn log_probability(&self, v: ArrayView2<f64>) -> Result<Array1<f64>> {
        self.over_states(v, |log_weight, log_q| log_sum_exp(&(log_weight + log_q).to_vec()))
    }

    /// `E_q[log p(v, h¹, …, hᴸ⁻¹) − log q(h¹, …, hᴸ⁻¹ | v)] ≤ log p(v)` of every row, exact up to rounding.
    ///
    /// # Errors
    /// Those of [`UntiedDbn::log_probability`].
    pub fn exact_bound(&self, v: ArrayView2<f64>) -> Result<Array1<f64>> {
        self.over_states(v, |log_weight, log_q| {
            log_weight.iter().zip(log_q).map(|(w, q)| q.exp() * w).sum()
        })
    }

    /// `reduce(log-weights, log q) − log Z` over all states of `h¹, …, hᴸ⁻¹`, for every row.
    fn over_states(
        &self,
        v: ArrayView2<f64>,
        reduce: impl Fn(&Array1<f64>, &Array1<f64>) -> f64,
    ) -> Result<Array1<f64>> {
        self.visible.units().check_rows("x", v)?;
        let log_z = self.top.log_z()?;
        let layers: Vec<&H> = self.recognition.iter().map(|up| up.units()).collect();
        let n_states = layers
            .iter()
            .try_fold(1u64, |n, layer| n.checked_mul(layer.n_states()?))
            .filter(|n| *n <= MAX_STATES)
            .ok_or_else(|| {
                Error::parameter(
                    "layers",
                    "hidden layers too large to be enumerated",
                    "of at most 2^24 joint states below the top one",
                )
            })? as usize;
        let mut repeat = 1;
        let mut h = Vec::with_capacity(layers.len());
        for layer in layers {
            let n = layer.n_states().expect("counted above");
            let mut states = Array2::zeros((n_states, layer.n_units()));
            for (k, row) in states.axis_chunks_iter_mut(Axis(0), 1).enumerate() {
                layer.states_into(k as u64 / repeat % n, row);
            }
            repeat *= n;
            h.push(states);
        }
        let rows = v.rows().into_iter().map(|v| {
            let v = v.broadcast((n_states, v.len())).expect("one row");
            reduce(&self.log_weights(v, &h), &self.log_recognition(v, &h)) - log_z
        });
        Ok(rows.collect())
    }
}
