//! Exact sums over a small network: all states of the layers below the top one.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Error, FiniteUnits, Result, Units};
use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::Dbn;

/// The largest number of joint states of the hidden layers below the top one.
const MAX_STATES: u64 = 1 << 24;

impl<V: Units, H: FiniteUnits> Dbn<V, H> {
    /// `log p(v)` of every row, exact up to rounding.
    ///
    /// # Errors
    /// Rows that the visible layer cannot take, or layers that are too large to be enumerated.
    pub fn log_prob(&self, v: ArrayView2<f64>) -> Result<Array1<f64>> {
        let log_z = match self.upper.last() {
            None => self.bottom.log_z_over_hidden()?,
            Some(top) => top.log_z()?,
        };
        let mut sums =
            self.over_states(v, |log_weight, log_q| log_sum_exp(&(log_weight + log_q).to_vec()))?;
        sums -= log_z;
        Ok(sums)
    }

    /// The bound on `log p(v)` of every row, exact up to rounding: the expectation that [`Dbn::bound`] estimates, less `log Z`.
    ///
    /// # Errors
    /// Those of [`Dbn::log_prob`].
    pub fn exact_bound(&self, v: ArrayView2<f64>) -> Result<Array1<f64>> {
        let log_z = match self.upper.last() {
            None => self.bottom.log_z_over_hidden()?,
            Some(top) => top.log_z()?,
        };
        let mut sums = self.over_states(v, |log_weight, log_q| {
            log_weight.iter().zip(log_q).map(|(w, q)| q.exp() * w).sum()
        })?;
        sums -= log_z;
        Ok(sums)
    }

    /// `reduce(log-weights, log q)` over all states of `h¹, …, hᴸ⁻¹`, for every row.
    fn over_states(
        &self,
        v: ArrayView2<f64>,
        reduce: impl Fn(&Array1<f64>, &Array1<f64>) -> f64,
    ) -> Result<Array1<f64>> {
        self.bottom.check_visible(v)?;
        let layers: Vec<&H> = std::iter::once(self.bottom.hidden())
            .chain(self.upper.iter().map(|rbm| rbm.hidden()))
            .take(self.depth() - 1)
            .collect();
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
            reduce(&self.log_weights(v, &h), &self.log_recognition(v, &h))
        });
        Ok(rows.collect())
    }

    /// `log q(h¹, …, hᴸ⁻¹ | v)` of every row.
    fn log_recognition(&self, v: ArrayView2<f64>, h: &[Array2<f64>]) -> Array1<f64> {
        let mut log_q = Array1::zeros(v.nrows());
        for (l, states) in h.iter().enumerate() {
            log_q += &match l {
                0 => (self.bottom.hidden()).log_law(self.bottom.hidden_field(v).view(), states.view()),
                _ => {
                    let rbm = &self.upper[l - 1];
                    (rbm.hidden()).log_law(rbm.hidden_field(h[l - 1].view()).view(), states.view())
                }
            };
        }
        log_q
    }
}
