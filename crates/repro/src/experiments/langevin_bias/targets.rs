//! The targets of this experiment, all normal, so that every law has a closed form.

use gibbsian_core::stochastic::DatumScores;
use gibbsian_core::{Energy, Potential, Score, Space};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

/// The standard normal density on `D` coordinates; each of them is a chain of its own for a kernel that treats them alike.
pub struct Standard(pub usize);

impl Space for Standard {
    fn dim(&self) -> usize {
        self.0
    }
}

impl Energy for Standard {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (e, row) in out.iter_mut().zip(x.rows()) {
            *e = 0.5 * row.dot(&row);
        }
    }
}

impl Score for Standard {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.zip_mut_with(&x, |s, x| *s = -x);
    }
}

impl Potential for Standard {}

/// The posterior of a mean: `x ~ N(0, 1/λ_0)` and `y_i | x ~ N(x, 1/λ)`.
///
/// A minibatch estimate of its score errs by the same amount at every `x`, so the law of stochastic gradient Langevin sampling is a normal one.
pub struct MeanOfData {
    pub data: Array1<f64>,
    pub prior_precision: f64,
    pub precision: f64,
}

impl MeanOfData {
    /// `Λ = λ_0 + N λ`.
    pub fn posterior_precision(&self) -> f64 {
        self.prior_precision + self.data.len() as f64 * self.precision
    }

    /// `λ Σ_i y_i / Λ`.
    pub fn posterior_mean(&self) -> f64 {
        self.precision * self.data.sum() / self.posterior_precision()
    }

    /// The variance of the score estimate from `n` of the `N` data, drawn without replacement: `λ² N (N − n)/n · S²`, `S²` with divisor `N − 1`.
    pub fn estimate_variance(&self, n: usize) -> f64 {
        let n_data = self.data.len() as f64;
        let mean = self.data.sum() / n_data;
        let spread = self.data.mapv(|y| (y - mean).powi(2)).sum() / (n_data - 1.0);
        self.precision.powi(2) * n_data * (n_data - n as f64) / n as f64 * spread
    }
}

impl Space for MeanOfData {
    fn dim(&self) -> usize {
        1
    }
}

impl DatumScores for MeanOfData {
    fn n_data(&self) -> usize {
        self.data.len()
    }

    fn prior_score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.zip_mut_with(&x, |s, x| *s = -self.prior_precision * x);
    }

    fn add_datum_scores(
        &self,
        x: ArrayView1<f64>,
        chosen: &[usize],
        weight: f64,
        mut out: ArrayViewMut1<f64>,
    ) {
        let pull: f64 = chosen
            .iter()
            .map(|&i| self.precision * (self.data[i] - x[0]))
            .sum();
        out[0] += weight * pull;
    }
}
