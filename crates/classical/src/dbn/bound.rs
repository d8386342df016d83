//! The variational bound of a deep belief network, by draws of the recognition distribution (Salakhutdinov and Murray 2008, section 5).
//!
//! The mean over draws of the log-weight is an unbiased estimate of the bound, with a standard error; nothing is claimed about the gap to `log p(v)`.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Energy, Error, Result, Units};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::Rng;

use super::{Dbn, UntiedDbn};

/// Estimates for every row, each up to `−log Z` of the top pair.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DbnBound {
    /// The mean log-weight: unbiased for the bound.
    pub bound: Array1<f64>,
    /// Its standard error.
    pub standard_error: Array1<f64>,
    /// The logarithm of the mean weight: in expectation also below `log p(v)`, nearer with more draws (Burda, Grosse and Salakhutdinov 2016).
    pub importance_weighted: Array1<f64>,
}

impl<V: Units, H: Units> Dbn<V, H> {
    /// The bound on `log p(v) + log Z` of every row `(B, V)`, `Z` that of the top pair, from `n_draws` recognition passes.
    ///
    /// # Errors
    /// Rows that the visible layer cannot take, or fewer than two draws.
    pub fn bound(&self, v: ArrayView2<f64>, n_draws: usize, rng: &mut dyn Rng) -> Result<DbnBound> {
        match self.untied() {
            Ok(untied) => untied.bound(v, n_draws, rng),
            // Of a single machine everything is summed out, and every draw has the same weight.
            Err(_) => {
                self.bottom.check_visible(v)?;
                average(v, n_draws, || Ok(-self.bottom.energy(v)))
            }
        }
    }
}

impl<V: Units, H: Units> UntiedDbn<V, H> {
    /// The bound on `log p(v) + log Z` of every row `(B, V)`, `Z` that of the top pair, from `n_draws` recognition passes.
    ///
    /// # Errors
    /// Rows that the visible layer cannot take, or fewer than two draws.
    pub fn bound(&self, v: ArrayView2<f64>, n_draws: usize, rng: &mut dyn Rng) -> Result<DbnBound> {
        average(v, n_draws, || {
            let h = self.recognise(v, rng)?;
            Ok(self.log_weights(v, &h))
        })
    }
}

/// The averages of `n_draws` draws of log-weights.
fn average(
    v: ArrayView2<f64>,
    n_draws: usize,
    mut draw: impl FnMut() -> Result<Array1<f64>>,
) -> Result<DbnBound> {
    if n_draws < 2 {
        return Err(Error::parameter("n_draws", n_draws, "at least 2"));
    }
    let mut weights = Array2::zeros((n_draws, v.nrows()));
    for mut weights in weights.rows_mut() {
        weights.assign(&draw()?);
    }
    let n = n_draws as f64;
    let columns = weights.axis_iter(Axis(1));
    Ok(DbnBound {
        bound: weights.sum_axis(Axis(0)) / n,
        standard_error: weights.std_axis(Axis(0), 1.0) / n.sqrt(),
        importance_weighted: columns.map(|w| log_sum_exp(&w.to_vec()) - n.ln()).collect(),
    })
}
