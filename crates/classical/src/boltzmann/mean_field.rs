//! Mean fields: independent units in place of coupled ones, and the learning rule that follows.
//!
//! Among laws of independent units with means `m` the one closest to the machine minimises `F(m) = E(m) − H(m)`, at a solution of
//! `m_i = σ(b_i + Σ_j w_ij m_j)`; and `−F(m) ≤ log Z` for every `m`. Updating one unit after the other never raises `F`, so it converges, to a minimum that
//! depends on the start.
//!
//! **Learning** (Peterson and Anderson 1987) replaces `⟨s_i s_j⟩` by `m_i m_j` in both phases. Clamped, that is an approximation that often serves: one case has one
//! explanation. Running free it fails in principle (Galland 1993). A free machine has many modes, and a mean field is one of them; and its units are
//! uncorrelated, so that of visible units with correlation in the data, `⟨s_i s_j⟩ ≠ ⟨s_i⟩⟨s_j⟩`, the rule can never be at rest: wherever `m_i = ⟨s_i⟩`, it
//! still moves `w_ij` by the covariance of the data, also when the machine is already the law of the data. What is bounded below is `E(x) − F`, which
//! is `−log p` less the gap of the bound, and learning widens the gap. Use sampling, or tables, for the free phase.

use gibbsian_core::error::{check_count, check_loss, check_positive};
use gibbsian_core::math::{bernoulli_entropy, sigmoid};
use gibbsian_core::{Discrete, Energy, EnergyPullback, Error, Objective, Result, Stateless};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1};
use rand::{Rng, RngExt};

use super::{BoltzmannMachine, VisibleMarginal};
use crate::larger::larger;

/// Sweeps of mean-field updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanField {
    /// The largest change of a mean in a sweep that counts as none.
    pub tolerance: f64,
    /// The most sweeps that are made.
    pub max_sweeps: usize,
}

impl Default for MeanField {
    /// Changes below `10⁻¹²`, and at most 10,000 sweeps.
    fn default() -> Self {
        MeanField {
            tolerance: 1e-12,
            max_sweeps: 10_000,
        }
    }
}

/// Means of independent units, and what they bound.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Settled {
    /// The means `m` `(B, N)`.
    pub means: Array2<f64>,
    /// `F(m) = E(m) − H(m)` `(B)`, where the clamped units have no entropy: at least `−log Σ exp(−E)` over the states of the free units.
    pub free_energy: Array1<f64>,
    /// How many sweeps were made.
    pub n_sweeps: usize,
}

impl MeanField {
    /// Settles the means of the units with `free` `(N)` from the rows of `start` `(B, N)`; the others are clamped.
    ///
    /// ```
    /// use gibbsian_classical::{BoltzmannMachine, boltzmann::MeanField};
    /// use gibbsian_core::Seed;
    /// use ndarray::Array2;
    ///
    /// let machine = BoltzmannMachine::random(8, 0.5, Seed::new(1))?;
    /// let start = Array2::from_elem((1, 8), 0.5);
    /// let settled = MeanField::default().settle(&machine, start.view(), ndarray::Array1::from_elem(8, true).view())?;
    /// let log_z = machine.log_z()?;
    /// assert!(-settled.free_energy[0] < log_z && -settled.free_energy[0] > log_z - 0.5);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Options outside their domain, shapes that do not fit, a start outside `[0, 1]`, or means that have not settled.
    pub fn settle(
        &self,
        machine: &BoltzmannMachine,
        start: ArrayView2<f64>,
        free: ArrayView1<bool>,
    ) -> Result<Settled> {
        check_positive("tolerance", self.tolerance)?;
        check_count("max_sweeps", self.max_sweeps)?;
        let n = machine.n_units();
        gibbsian_core::error::check_batch("start", &start, n)?;
        gibbsian_core::error::check_shape("free", &free, &[n])?;
        gibbsian_core::error::check_probabilities("start", &start)?;
        let mut means = start.to_owned();
        let mut change = 0.0;
        for n_sweeps in 1..=self.max_sweeps {
            change = 0.0;
            for unit in (0..n).filter(|unit| free[*unit]) {
                let settled = machine.field(means.view(), unit).mapv(sigmoid);
                for (m, new) in means.column_mut(unit).iter_mut().zip(&settled) {
                    change = larger(change, (new - *m).abs());
                    *m = *new;
                }
            }
            if change <= self.tolerance {
                let mut free_energy = machine.energy(means.view());
                // A clamped unit has the value that it was given, between 0 and 1 too, and no law of its own.
                for unit in (0..n).filter(|unit| free[*unit]) {
                    free_energy.zip_mut_with(&means.column(unit), |f, m| *f -= bernoulli_entropy(*m));
                }
                return Ok(Settled {
                    free_energy,
                    means,
                    n_sweeps,
                });
            }
        }
        let requirement = format!("at most {:e} after {} sweeps", self.tolerance, self.max_sweeps);
        Err(Error::parameter("the change of the means", change, requirement))
    }
}

/// Learning with means in place of samples; the file's head says why the free phase makes it fail.
///
/// The loss is `⟨F_clamped⟩ − ⟨F_free⟩`, which is `−⟨log p⟩` of the data up to the gaps of the two bounds. Its gradient at fixed means, which is its gradient in full
/// because both are stationary in the means, is the one returned. The free means start at random.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanFieldLearning {
    mean_field: MeanField,
    n_free: usize,
}

impl MeanFieldLearning {
    /// Learning with means that settle like this, and `n_free` free solutions, each from a random start.
    ///
    /// # Errors
    /// No free solutions.
    pub fn new(mean_field: MeanField, n_free: usize) -> Result<Self> {
        check_count("n_free", n_free)?;
        Ok(MeanFieldLearning { mean_field, n_free })
    }
}

impl Objective<VisibleMarginal> for MeanFieldLearning {
    fn loss_and_grad_into(
        &mut self,
        model: &VisibleMarginal,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        model.check_states("x", x)?;
        let machine = model.machine();
        let n = machine.n_units();
        let (clamped, hidden) = model.clamped(x, 0.5);
        let positive = self.mean_field.settle(machine, clamped.view(), hidden.view())?;
        let start = Array2::from_shape_simple_fn((self.n_free, n), || rng.random::<f64>());
        let all = Array1::from_elem(n, true);
        let negative = self.mean_field.settle(machine, start.view(), all.view())?;
        grad.fill(0.0);
        for (phase, sign) in [(&positive, 1.0), (&negative, -1.0)] {
            let rows = phase.means.nrows();
            let w = Array1::from_elem(rows, sign / rows as f64);
            machine.energy_pullback_into(phase.means.view(), w.view(), grad.view_mut());
        }
        let mean = |f: &Array1<f64>| f.sum() / f.len() as f64;
        let loss = mean(&positive.free_energy) - mean(&negative.free_energy);
        check_loss(loss, "in the difference of the two phases")
    }
}

/// The means settle anew.
impl Stateless for MeanFieldLearning {}
