//! The Boltzmann machine of Hinton and Sejnowski: binary units, every pair of them coupled.
//!
//! `E(s) = −½ s'Ws − b's = −Σ_{i<j} w_ij s_i s_j − Σ_i b_i s_i` on `s ∈ {0, 1}^N`, with `W` symmetric and zero on its diagonal (Hinton and Sejnowski 1983;
//! Ackley, Hinton and Sejnowski 1985). Among all laws with given means and second moments it is the one of largest entropy, and
//! given the rest a unit is on with probability `σ(b_i + Σ_j w_ij s_j)`.
//!
//! [`BoltzmannMachine`] is the joint model of all units. [`VisibleMarginal`] sees the first `V` of them; the others are hidden and summed out. Both are linear
//! in their parameters as energies of all units, so learning is a difference of co-occurrences, `⟨s_i s_j⟩_clamped − ⟨s_i s_j⟩_free`, and what
//! differs is how the two are computed:
//!
//! - exactly, by tables of all `2^N` states in `O(2^N)` operations: [`BoltzmannMachine::moments`], and [`ExactFit`], which takes Newton steps;
//! - by annealed Gibbs sampling, as in 1985: [`TwoPhase`];
//! - by mean fields (Peterson and Anderson 1987): [`MeanFieldLearning`], which fails in the free phase, and says why.
//!
//! Any objective for enumerable or Gibbs-sampled models works too. A restricted Boltzmann machine is the case without couplings inside a layer:
//! [`VisibleMarginal::try_from`](VisibleMarginal).

mod energy;
mod exact;
mod fit;
mod gibbs;
mod marginal;
mod mean_field;
mod observations;
mod spins;
mod tables;
mod two_phase;

pub use exact::Moments;
pub use fit::{ExactFit, Fitted};
pub use marginal::VisibleMarginal;
pub use mean_field::{MeanField, MeanFieldLearning, Settled};
pub use observations::Observations;
pub use spins::SpinForm;
pub use two_phase::{Temperature, TwoPhase, TwoPhaseOptions};

use gibbsian_core::error::{check_finite, check_positive, check_shape};
use gibbsian_core::{Error, Layout, Parametric, ParametricMut, Record, Result, Seed, Snapshot, Values};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rand::RngExt;

/// A fully connected machine of `N` units that are 0 or 1, as a model of all of them.
///
/// ```
/// use gibbsian_classical::BoltzmannMachine;
/// use gibbsian_core::Energy;
/// use ndarray::array;
///
/// let machine = BoltzmannMachine::new(array![[0.0, 2.0], [2.0, 0.0]], array![-1.0, 0.5])?;
/// assert_eq!(machine.energy(array![[1.0, 1.0]].view()), array![-1.5]);
/// // Z = 1 + e^(−1) + e^(1/2) + e^(3/2).
/// let z = 1.0 + (-1f64).exp() + 0.5f64.exp() + 1.5f64.exp();
/// assert!((machine.log_z()? - z.ln()).abs() < 1e-15);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BoltzmannMachine {
    /// Symmetric, zero on the diagonal.
    weights: Array2<f64>,
    bias: Array1<f64>,
}

impl BoltzmannMachine {
    /// The machine with the couplings `W` `(N, N)` and the biases `b` `(N)`.
    ///
    /// # Errors
    /// No units, another shape, an entry that is not finite, a unit coupled to itself, or `w_ij ≠ w_ji`.
    pub fn new(weights: Array2<f64>, bias: Array1<f64>) -> Result<Self> {
        if bias.is_empty() {
            return Err(Error::shape("bias", bias.shape(), "(at least 1)"));
        }
        check_shape("weights", &weights, &[bias.len(), bias.len()])?;
        check_finite("weights", &weights)?;
        check_finite("bias", &bias)?;
        for ((i, j), &w) in weights.indexed_iter() {
            if i == j && w != 0.0 {
                let requirement = "zero: no unit is coupled to itself, and s² = s makes that a bias";
                return Err(Error::parameter(format!("weights[{i}, {i}]"), w, requirement));
            }
            if w != weights[[j, i]] {
                let requirement = format!("equal to weights[{j}, {i}], which is {}", weights[[j, i]]);
                return Err(Error::parameter(format!("weights[{i}, {j}]"), w, requirement));
            }
        }
        Ok(BoltzmannMachine {
            weights: weights.as_standard_layout().into_owned(),
            bias,
        })
    }

    /// The machine of uncoupled units with these biases.
    ///
    /// # Errors
    /// No units, or a bias that is not finite.
    pub fn independent(bias: Array1<f64>) -> Result<Self> {
        Self::new(Array2::zeros((bias.len(), bias.len())), bias)
    }

    /// The machine without biases whose couplings are independent normals of the given standard deviation.
    ///
    /// # Errors
    /// No units, or a scale that is not positive.
    pub fn random(n_units: usize, scale: f64, seed: Seed) -> Result<Self> {
        check_positive("scale", scale)?;
        let mut rng = seed.child("weights").rng();
        let mut weights = Array2::zeros((n_units, n_units));
        for i in 0..n_units {
            for j in i + 1..n_units {
                weights[[i, j]] = scale * rng.sample::<f64, _>(rand_distr::StandardNormal);
                weights[[j, i]] = weights[[i, j]];
            }
        }
        Self::new(weights, Array1::zeros(n_units))
    }

    /// The number of units `N`.
    pub fn n_units(&self) -> usize {
        self.bias.len()
    }

    /// The couplings `W` `(N, N)`.
    pub fn weights(&self) -> ArrayView2<'_, f64> {
        self.weights.view()
    }

    /// The biases `b` `(N)`.
    pub fn bias(&self) -> ArrayView1<'_, f64> {
        self.bias.view()
    }

    /// The machine with the energy `β E`.
    ///
    /// # Errors
    /// A `beta` that is not positive and finite, or parameters that overflow.
    pub fn scaled(&self, beta: f64) -> Result<Self> {
        check_positive("beta", beta)?;
        Self::new(&self.weights * beta, &self.bias * beta)
    }

    /// The field `b_i + Σ_j w_ij s_j` on unit `unit` in each row of `s` `(B, N)`: the log-odds that it is on.
    pub fn field(&self, s: ArrayView2<f64>, unit: usize) -> Array1<f64> {
        s.dot(&self.weights.row(unit)) + self.bias[unit]
    }

    /// The statistics `T` with `E = −θ·T` in the order of the parameters, from a matrix of second moments `⟨s_i s_j⟩` with means on its diagonal.
    ///
    /// # Panics
    /// When `second` is not `(N, N)`.
    pub fn statistics(&self, second: ArrayView2<f64>) -> Array1<f64> {
        let n = self.n_units();
        assert_eq!(second.dim(), (n, n), "second moments of a machine of {n} units");
        pairs(n)
            .map(|(i, j)| second[[i, j]])
            .chain(second.diag().iter().copied())
            .collect()
    }
}

/// The pairs `i < j` of `n` units in the order of the parameters.
pub(super) fn pairs(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).flat_map(move |i| (i + 1..n).map(move |j| (i, j)))
}

impl Parametric for BoltzmannMachine {
    /// `weights`, the upper triangle row by row (`w_01, w_02, …, w_12, …`), then `bias`.
    fn layout(&self) -> Layout {
        let n = self.n_units();
        Layout::new()
            .with("weights", &[n * (n - 1) / 2])
            .with("bias", &[n])
    }

    fn params(&self) -> Array1<f64> {
        pairs(self.n_units())
            .map(|(i, j)| self.weights[[i, j]])
            .chain(self.bias.iter().copied())
            .collect()
    }
}

impl ParametricMut for BoltzmannMachine {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        let mut params = params.iter();
        for (i, j) in pairs(self.n_units()) {
            let w = *params.next().expect("the layout has every pair");
            self.weights[[i, j]] = w;
            self.weights[[j, i]] = w;
        }
        for (b, new) in self.bias.iter_mut().zip(params) {
            *b = *new;
        }
        Ok(())
    }
}

impl Snapshot for BoltzmannMachine {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        record.put("params", &[self.n_params()], Values::F64(self.params().to_vec()));
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let params = record.f64s("params", &[self.n_params()])?;
        self.set_params(ArrayView1::from(params))
    }
}
