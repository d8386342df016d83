//! Spin units: `x ∈ {−1, +1}`, `e(x) = −b·x`, `Γ(I) = Σ_i log 2cosh(b_i + I_i)`.
//!
//! A layer of spins is a layer of [`Bernoulli`](super::Bernoulli) units seen through `x = 2y − 1`: an RBM of two spin layers with
//! parameters `W`, `b`, `c` is the Bernoulli machine with weights `4W` and biases `2b − 2W1` and `2c − 2W'1`, up to a constant of the
//! energy. The machines can express the same laws, but gradients differ: spins are symmetric about zero, so that centred data need
//! no large biases to cancel the mean field of the other layer.

use gibbsian_core::error::{check_each, check_finite, check_positive};
use gibbsian_core::math::{log_2cosh, logit, sigmoid};
use gibbsian_core::{FiniteUnits, Result, SmoothUnits, StreamRng};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::RngExt;

use super::bias_only::{BiasOnly, bias_only_units, diagonal_response, diagonal_response_gradient};

/// A layer of units that are −1 or +1, with one bias each: Ising spins in a field (Hopfield 1982; Ackley, Hinton and Sejnowski 1985).
///
/// The law in a field `I` is `p(x_i = +1) = σ(2(b_i + I_i))`, with mean `tanh(b_i + I_i)`. Values in `[−1, 1]` count as data: the energy is
/// linear in `x`, and a mean stands for the distribution that it is the mean of.
#[derive(Clone, Debug, PartialEq)]
pub struct Spin {
    bias: Array1<f64>,
}

impl Spin {
    /// The layer with these biases.
    ///
    /// # Errors
    /// A bias that is not finite.
    pub fn new(bias: Array1<f64>) -> Result<Self> {
        check_finite("bias", &bias)?;
        Ok(Spin { bias })
    }

    /// `n` units with bias zero.
    pub fn unbiased(n: usize) -> Self {
        Spin {
            bias: Array1::zeros(n),
        }
    }

    /// The independent units whose means match data of which `n` cases have these `means`, with `pseudo_count` cases of each
    /// value added, so that a spin that is never up has a large but finite bias.
    ///
    /// This is the base-rate model of Salakhutdinov and Murray (2008, section 4), `tanh b = n m / (n + 2 pseudo_count)`.
    ///
    /// # Errors
    /// A mean outside `[−1, 1]`, or a pseudo-count that is not positive.
    pub fn matching_means(means: ArrayView1<f64>, n: usize, pseudo_count: f64) -> Result<Self> {
        check_each("means", means, "in [-1, 1]", |m| (-1.0..=1.0).contains(&m))?;
        check_positive("pseudo_count", pseudo_count)?;
        let n = n as f64;
        Ok(Spin {
            bias: means.mapv(|m| {
                let n_up = n * (0.5 + 0.5 * m);
                0.5 * logit((n_up + pseudo_count) / (n + 2.0 * pseudo_count))
            }),
        })
    }

    /// The biases `b`.
    pub fn bias(&self) -> ArrayView1<'_, f64> {
        self.bias.view()
    }
}

impl BiasOnly for Spin {
    fn biases(&self) -> &Array1<f64> {
        &self.bias
    }

    fn biases_mut(&mut self) -> &mut Array1<f64> {
        &mut self.bias
    }

    fn log_partition_at(&self, t: ArrayView1<f64>) -> f64 {
        t.iter().map(|t| log_2cosh(*t)).sum()
    }

    fn mean_at(&self, mut t: ArrayViewMut1<f64>) {
        t.mapv_inplace(f64::tanh);
    }

    fn draw_at(&self, mut t: ArrayViewMut1<f64>, rng: &mut StreamRng) {
        // Not (1 + mean) / 2: a rare spin up has a probability that is lost beside one.
        t.mapv_inplace(|t| {
            if rng.random::<f64>() < sigmoid(2.0 * t) {
                1.0
            } else {
                -1.0
            }
        });
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
        diagonal_response_gradient(|t| -2.0 * t.tanh() * variance(t), t, a, d, out);
    }
}

/// `1/cosh² t = 4 σ(2t) σ(−2t)`, without the cancellation of `1 − tanh²`.
fn variance(t: f64) -> f64 {
    4.0 * sigmoid(2.0 * t) * sigmoid(-2.0 * t)
}

bias_only_units!(Spin, shape: |layer| vec![layer.bias.len()], {
    fn admits(&self, _unit: usize, value: f64) -> bool {
        (-1.0..=1.0).contains(&value)
    }

    fn range(&self) -> &'static str {
        "in [-1, 1]; write bits of 0 and 1 as 2x - 1, and divide other values by the largest"
    }
});

impl FiniteUnits for Spin {
    fn alphabet(&self, _unit: usize) -> &[f64] {
        &[-1.0, 1.0]
    }
}

impl SmoothUnits for Spin {
    fn energy_gradient_into(&self, _x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&-&self.bias);
    }
}
