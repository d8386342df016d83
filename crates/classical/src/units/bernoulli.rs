//! Bernoulli units: `x ∈ {0, 1}`, `e(x) = −b·x`, `Γ(I) = Σ_i log(1 + exp(b_i + I_i))`.

use gibbsian_core::error::{check_finite, check_positive, check_probabilities};
use gibbsian_core::math::{logit, sigmoid, softplus};
use gibbsian_core::{FiniteUnits, Result, SmoothUnits, StreamRng};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::RngExt;

use super::bias_only::{BiasOnly, bias_only_units, diagonal_response, diagonal_response_gradient};

/// A layer of units that are 0 or 1, with one bias each (Smolensky 1986).
///
/// The law in a field `I` is `p(x_i = 1) = σ(b_i + I_i)`. Values in `[0, 1]` count as data: the energy is linear in `x`, and
/// a mean stands for the distribution that it is the mean of.
#[derive(Clone, Debug, PartialEq)]
pub struct Bernoulli {
    bias: Array1<f64>,
}

impl Bernoulli {
    /// The layer with these biases.
    ///
    /// # Errors
    /// A bias that is not finite.
    pub fn new(bias: Array1<f64>) -> Result<Self> {
        check_finite("bias", &bias)?;
        Ok(Bernoulli { bias })
    }

    /// `n` units with bias zero.
    pub fn unbiased(n: usize) -> Self {
        Bernoulli {
            bias: Array1::zeros(n),
        }
    }

    /// The independent units whose means match data of which `n` cases have these `means`, with `pseudo_count` cases of each
    /// value added, so that a pixel that is never on has a large but finite bias.
    ///
    /// This is the base-rate model of Salakhutdinov and Murray (2008, section 4).
    ///
    /// # Errors
    /// A mean outside `[0, 1]`, or a pseudo-count that is not positive.
    pub fn matching_means(means: ArrayView1<f64>, n: usize, pseudo_count: f64) -> Result<Self> {
        check_probabilities("means", &means)?;
        check_positive("pseudo_count", pseudo_count)?;
        let n = n as f64;
        Ok(Bernoulli {
            bias: means.mapv(|m| logit((n * m + pseudo_count) / (n + 2.0 * pseudo_count))),
        })
    }

    /// The biases `b`.
    pub fn bias(&self) -> ArrayView1<'_, f64> {
        self.bias.view()
    }
}

impl BiasOnly for Bernoulli {
    fn biases(&self) -> &Array1<f64> {
        &self.bias
    }

    fn biases_mut(&mut self) -> &mut Array1<f64> {
        &mut self.bias
    }

    fn log_partition_at(&self, t: ArrayView1<f64>) -> f64 {
        t.iter().map(|t| softplus(*t)).sum()
    }

    fn mean_at(&self, mut t: ArrayViewMut1<f64>) {
        t.mapv_inplace(sigmoid);
    }

    fn draw_at(&self, mut t: ArrayViewMut1<f64>, rng: &mut StreamRng) {
        t.mapv_inplace(|t| f64::from(rng.random::<f64>() < sigmoid(t)));
    }

    fn response_at(&self, t: ArrayView1<f64>, d: ArrayView1<f64>, out: ArrayViewMut1<f64>) {
        diagonal_response(variance, t, d, out);
    }

    fn response_gradient_at(
        &self,
        t: ArrayView1<f64>,
        a: ArrayView1<f64>,
        d: ArrayView1<f64>,
        out: ArrayViewMut1<f64>,
    ) {
        // σ(t)σ(−t)(σ(−t) − σ(t)) = −σσ' tanh(t/2)
        diagonal_response_gradient(|t| -variance(t) * (0.5 * t).tanh(), t, a, d, out);
    }
}

/// `σ(t) σ(−t)`.
fn variance(t: f64) -> f64 {
    sigmoid(t) * sigmoid(-t)
}

bias_only_units!(Bernoulli, shape: |layer| vec![layer.bias.len()], {
    fn admits(&self, _unit: usize, value: f64) -> bool {
        (0.0..=1.0).contains(&value)
    }

    fn range(&self) -> &'static str {
        "in [0, 1]; divide pixels by 255 or threshold them, and write spins of -1 and 1 as 0 and 1"
    }
});

impl FiniteUnits for Bernoulli {
    fn alphabet(&self, _unit: usize) -> &[f64] {
        &[0.0, 1.0]
    }
}

impl SmoothUnits for Bernoulli {
    fn energy_gradient_into(&self, _x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&-&self.bias);
    }
}
