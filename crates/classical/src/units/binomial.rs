//! Binomial units: `x ∈ {0, …, n}`, `e(x) = −b·x − Σ_i log (n choose x_i)`, `Γ(I) = n Σ_i log(1 + exp(b_i + I_i))`.
//!
//! A unit is the number of Bernoulli units that are on among `n` copies with shared weights (Teh and Hinton 2001, "Rate-coded restricted Boltzmann machines"),
//! and the multiplicity of that number is the part of the energy that no parameter changes.

use gibbsian_core::error::{check_each, check_finite, check_positive};
use gibbsian_core::math::{logit, sigmoid, softplus};
use gibbsian_core::special::{digamma, ln_gamma};
use gibbsian_core::{Error, FiniteUnits, Result, SmoothUnits, StreamRng};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Zip};
use rand_distr::Distribution;

use super::bias_only::{BiasOnly, bias_only_units, diagonal_response, diagonal_response_gradient};

/// A layer of units that count how many of `n` trials succeed, with one bias each.
///
/// The law in a field `I` is binomial with success probability `σ(b_i + I_i)`. All numbers in `[0, n]` count as data; between whole numbers the multiplicity
/// `(n choose x)` is that of the gamma function.
///
/// ```
/// use gibbsian_classical::Binomial;
/// use gibbsian_core::Units;
/// use ndarray::array;
///
/// let units = Binomial::new(array![3.0_f64.ln()], 4)?;
/// assert!((units.mean(array![[0.0]].view())[[0, 0]] - 3.0).abs() < 1e-15);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Binomial {
    bias: Array1<f64>,
    /// `0, 1, …, n`.
    values: Vec<f64>,
}

impl Binomial {
    /// The layer with these biases and `n_trials` trials a unit.
    ///
    /// # Errors
    /// A bias that is not finite, no trials or more than 2²⁰.
    pub fn new(bias: Array1<f64>, n_trials: u32) -> Result<Self> {
        check_finite("bias", &bias)?;
        if !(1..=1 << 20).contains(&n_trials) {
            return Err(Error::parameter("n_trials", n_trials, "in [1, 2^20]"));
        }
        Ok(Binomial {
            bias,
            values: (0..=n_trials).map(f64::from).collect(),
        })
    }

    /// `n` units whose trials succeed with probability one half.
    ///
    /// # Errors
    /// No trials or more than 2²⁰.
    pub fn unbiased(n: usize, n_trials: u32) -> Result<Self> {
        Binomial::new(Array1::zeros(n), n_trials)
    }

    /// The independent units whose means match data of which `n` cases have these `means`, with `pseudo_count` cases of no success and as many of nothing else
    /// added, so that a unit that is never on has a large but finite bias.
    ///
    /// # Errors
    /// Those of [`Binomial::new`], a mean outside `[0, n_trials]`, or a pseudo-count that is not positive.
    pub fn matching_means(
        means: ArrayView1<f64>,
        n_trials: u32,
        n: usize,
        pseudo_count: f64,
    ) -> Result<Self> {
        let most = f64::from(n_trials);
        check_each("means", means, "in [0, n_trials]", |m| (0.0..=most).contains(&m))?;
        check_positive("pseudo_count", pseudo_count)?;
        let n = n as f64;
        let rate = |m: f64| (n * m / most + pseudo_count) / (n + 2.0 * pseudo_count);
        Binomial::new(means.mapv(|m| logit(rate(m))), n_trials)
    }

    /// The biases `b`.
    pub fn bias(&self) -> ArrayView1<'_, f64> {
        self.bias.view()
    }

    /// The number of trials `n` of a unit.
    pub fn n_trials(&self) -> u32 {
        (self.values.len() - 1) as u32
    }

    fn n(&self) -> f64 {
        f64::from(self.n_trials())
    }

    /// `−log (n choose x)`, for real `x` as well.
    fn multiplicity(&self, x: f64) -> f64 {
        let n = self.n();
        if x.is_nan() || (x > -1.0 && x < n + 1.0) {
            ln_gamma(x + 1.0) + ln_gamma(n - x + 1.0) - ln_gamma(n + 1.0)
        } else {
            f64::INFINITY
        }
    }
}

impl BiasOnly for Binomial {
    fn biases(&self) -> &Array1<f64> {
        &self.bias
    }

    fn biases_mut(&mut self) -> &mut Array1<f64> {
        &mut self.bias
    }

    fn base_energy(&self, x: ArrayView1<f64>) -> f64 {
        x.iter().map(|x| self.multiplicity(*x)).sum()
    }

    fn log_partition_at(&self, t: ArrayView1<f64>) -> f64 {
        self.n() * t.iter().map(|t| softplus(*t)).sum::<f64>()
    }

    fn mean_at(&self, mut t: ArrayViewMut1<f64>) {
        t.mapv_inplace(|t| self.n() * sigmoid(t));
    }

    fn draw_at(&self, mut t: ArrayViewMut1<f64>, rng: &mut StreamRng) {
        let n = u64::from(self.n_trials());
        // Of success and failure the rarer is counted: its probability has the digits.
        t.mapv_inplace(|t| match rand_distr::Binomial::new(n, sigmoid(-t.abs())) {
            Ok(law) => {
                let rarer = law.sample(rng) as f64;
                if t > 0.0 { self.n() - rarer } else { rarer }
            }
            Err(_) => f64::NAN,
        });
    }

    fn response_at(&self, t: ArrayView1<f64>, d: ArrayView1<f64>, out: ArrayViewMut1<f64>) {
        diagonal_response(|t| self.n() * sigmoid(t) * sigmoid(-t), t, d, out);
    }

    fn response_gradient_at(
        &self,
        t: ArrayView1<f64>,
        a: ArrayView1<f64>,
        d: ArrayView1<f64>,
        out: ArrayViewMut1<f64>,
    ) {
        let third = |t: f64| -self.n() * sigmoid(t) * sigmoid(-t) * (0.5 * t).tanh();
        diagonal_response_gradient(third, t, a, d, out);
    }
}

bias_only_units!(Binomial, shape: |layer| vec![layer.bias.len()], {
    fn admits(&self, _unit: usize, value: f64) -> bool {
        (0.0..=self.n()).contains(&value)
    }
});

impl FiniteUnits for Binomial {
    fn alphabet(&self, _unit: usize) -> &[f64] {
        &self.values
    }
}

impl SmoothUnits for Binomial {
    fn energy_gradient_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        let n = self.n();
        Zip::from(out)
            .and(x)
            .and_broadcast(&self.bias)
            .for_each(|out, x, b| *out = digamma(x + 1.0) - digamma(n - x + 1.0) - b);
    }
}
