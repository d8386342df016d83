//! A distribution on a finite space as a table: every state with its probability.
//!
//! On small spaces everything that is estimated elsewhere can be computed: expectations, entropies, divergences between two
//! models, and independent draws without any chain. The table costs `D + 2` numbers a state and is refused above
//! [`MAX_TABLE_VALUES`]; [`exact_log_z`](crate::exact_log_z) goes further because it forgets the states.

use gibbsian_core::{Discrete, Energy, Error, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rand::{Rng, RngExt};

use crate::enumerate::{check_energy, count_states, supported};
use crate::log_sum::LogSum;

/// The largest table, as states times dimension: 2²⁶ numbers, 512 MiB.
pub const MAX_TABLE_VALUES: u64 = 1 << 26;

/// All states of a finite model and their probabilities `p(x) = exp(−E(x)) / Z`.
///
/// Any energy on a finite space will do; the table keeps nothing of the model. Probabilities are kept as logarithms, so that those below the smallest
/// number of the machine are still told apart, and sums over the table skip the states outside the support, where a statistic may be
/// undefined.
///
/// ```
/// use gibbsian_core::{Discrete, Energy, Seed, Space};
/// use gibbsian_partition::ExactDistribution;
/// use ndarray::{ArrayView2, ArrayViewMut1, array};
///
/// /// Two spins that like to agree, `E(x) = −J x₀ x₁`.
/// struct Pair(f64);
/// impl Space for Pair {
///     fn dim(&self) -> usize {
///         2
///     }
/// }
/// impl Discrete for Pair {
///     fn alphabet(&self, _site: usize) -> &[f64] {
///         &[-1.0, 1.0]
///     }
/// }
/// impl Energy for Pair {
///     fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
///         out.assign(&(-self.0 * &x.column(0) * x.column(1)));
///     }
/// }
///
/// let pair = ExactDistribution::new(&Pair(1.0))?;
/// assert_eq!(pair.states(), array![[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]);
/// assert!((pair.log_z() - (4.0 * 1f64.cosh()).ln()).abs() < 1e-15);
/// // ⟨x₀ x₁⟩ = tanh J and H = log Z − J tanh J.
/// let agreement = pair.expectation(|x| x[0] * x[1]);
/// assert!((agreement - 1f64.tanh()).abs() < 1e-15);
/// assert!((pair.entropy() - (pair.log_z() - agreement)).abs() < 1e-15);
///
/// // Against spins that ignore each other: the divergence is log 4 − H.
/// let free = ExactDistribution::new(&Pair(0.0))?;
/// assert!((pair.kl_to(&free)? - (4f64.ln() - pair.entropy())).abs() < 1e-15);
/// assert!((pair.total_variation_to(&free)? - 0.5 * agreement).abs() < 1e-15);
/// assert_eq!(pair.sample(5, &mut Seed::new(1).rng()).dim(), (5, 2));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ExactDistribution {
    states: Array2<f64>,
    log_probabilities: Array1<f64>,
    /// Running sums of the probabilities, for draws.
    cumulative: Vec<f64>,
    log_z: f64,
}

impl ExactDistribution {
    /// Lists the states of `model` and normalises their weights.
    ///
    /// # Errors
    /// A table above [`MAX_TABLE_VALUES`]; an energy that is NaN or `−∞`, named by its state; a space without support.
    pub fn new<M: Energy + Discrete + ?Sized>(model: &M) -> Result<Self> {
        let n = count_states(model, MAX_TABLE_VALUES / model.dim().max(1) as u64)?;
        let mut states = Array2::zeros((n as usize, model.dim()));
        model.states_into(0, states.view_mut());
        let mut log_probabilities = model.energy(states.view());
        let mut sum = LogSum::EMPTY;
        for (state, value) in log_probabilities.iter_mut().enumerate() {
            *value = -check_energy(*value, state as u64)?;
            sum.add(*value);
        }
        let log_z = supported(sum.value())?;
        log_probabilities -= log_z;
        let mut total = 0.0;
        let cumulative = log_probabilities
            .iter()
            .map(|l| {
                total += l.exp();
                total
            })
            .collect();
        Ok(ExactDistribution {
            states,
            log_probabilities,
            cumulative,
            log_z,
        })
    }

    /// The states `(S, D)`, in the order of [`Discrete::states_into`].
    pub fn states(&self) -> ArrayView2<'_, f64> {
        self.states.view()
    }

    /// `log p(x_s)` of every state `(S)`; `−∞` outside the support.
    pub fn log_probabilities(&self) -> ArrayView1<'_, f64> {
        self.log_probabilities.view()
    }

    /// `p(x_s)` of every state `(S)`.
    pub fn probabilities(&self) -> Array1<f64> {
        self.log_probabilities.mapv(f64::exp)
    }

    /// `log Z` of the energy the table was made from.
    pub fn log_z(&self) -> f64 {
        self.log_z
    }

    /// `⟨f⟩ = Σ_x p(x) f(x)` of a function of one state `(D)`. States outside the support are not asked for.
    pub fn expectation(&self, statistic: impl Fn(ArrayView1<f64>) -> f64) -> f64 {
        self.log_probabilities
            .iter()
            .zip(self.states.rows())
            .filter(|(l, _)| **l > f64::NEG_INFINITY)
            .map(|(l, x)| l.exp() * statistic(x))
            .sum()
    }

    /// The mean `⟨x⟩`, `(D)`.
    pub fn mean(&self) -> Array1<f64> {
        self.probabilities().dot(&self.states)
    }

    /// The second moment `⟨x xᵀ⟩`, `(D, D)`; the mean is not subtracted.
    pub fn second_moment(&self) -> Array2<f64> {
        let weighted = &self.states * &self.probabilities().insert_axis(Axis(1));
        self.states.t().dot(&weighted)
    }

    /// The entropy `H(p) = −Σ_x p(x) log p(x)`, in nats.
    pub fn entropy(&self) -> f64 {
        // x log x tends to 0, so states outside the support add nothing.
        self.log_probabilities
            .iter()
            .filter(|l| **l > f64::NEG_INFINITY)
            .map(|l| -l.exp() * l)
            .sum()
    }

    /// The divergence `KL(p ‖ q) = Σ_x p(x) (log p(x) − log q(x))`, in nats; `+∞` when `q` misses a state of `p`.
    ///
    /// # Errors
    /// Tables over different states.
    pub fn kl_to(&self, q: &ExactDistribution) -> Result<f64> {
        self.same_states(q)?;
        Ok(self
            .log_probabilities
            .iter()
            .zip(&q.log_probabilities)
            .filter(|(p, _)| **p > f64::NEG_INFINITY)
            .map(|(p, q)| p.exp() * (p - q))
            .sum())
    }

    /// The total variation distance `TV(p, q) = ½ Σ_x |p(x) − q(x)|`.
    ///
    /// # Errors
    /// Tables over different states.
    pub fn total_variation_to(&self, q: &ExactDistribution) -> Result<f64> {
        self.same_states(q)?;
        let differences = self.probabilities() - q.probabilities();
        Ok(0.5 * differences.iter().map(|d| d.abs()).sum::<f64>())
    }

    /// `n` independent draws `(n, D)` by inverting the cumulative sum; one uniform number a draw.
    pub fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let total = self.cumulative[self.cumulative.len() - 1];
        let mut out = Array2::zeros((n, self.states.ncols()));
        for mut row in out.rows_mut() {
            // The product is below `total` except by rounding, and a state without probability has no width to fall into.
            let u = rng.random::<f64>() * total;
            let state = self.cumulative.partition_point(|c| *c <= u);
            row.assign(&self.states.row(state.min(self.cumulative.len() - 1)));
        }
        out
    }

    fn same_states(&self, other: &ExactDistribution) -> Result<()> {
        if self.states != other.states {
            return Err(Error::parameter(
                "q",
                format!("a table of shape {:?}", other.states.dim()),
                format!("over the same states as p, of shape {:?}", self.states.dim()),
            ));
        }
        Ok(())
    }
}
