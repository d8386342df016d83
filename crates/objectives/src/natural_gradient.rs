//! The natural gradient (Amari 1998) with the exact Fisher information, on spaces small enough to enumerate.
//!
//! Steepest descent asks what the longest step is, and its answer depends on the coordinates. Measured by the divergence `KL(p_θ ‖ p_{θ+d}) ≈ ½ d'G d` with the Fisher information
//!
//! `G = Cov_p(∂E/∂θ)`,
//!
//! the direction of steepest descent of a loss with gradient `g` is `G⁻¹ g`, and the path that small steps follow is the same in every parametrisation. For linear changes of parameters
//! (centring, flipping, a change of gauge) this holds step by step and to rounding. For an exponential family and the likelihood `G` is the Hessian, and a step of rate one is Newton's.
//!
//! `G` is singular where parameters are redundant or the model is nearly certain, so a damping `λ` is added to its diagonal. It is not invariant, so keep it small. Rejected:
//! Fisher information from samples, whose inverse is biased and whose rank is at most the number of samples.

use gibbsian_core::error::check_non_negative;
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, EnergyPullback, Objective, Record, Result, Snapshot};
use gibbsian_linalg::{Cholesky, matmul};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, Axis};
use rand::Rng;

/// The exact Fisher information `Cov_p(∂E/∂θ)` `(P, P)`, by enumeration.
///
/// It costs a pullback a state and `O(n_states P²)`.
///
/// # Errors
/// More than 2²⁴ states.
pub fn fisher_information<M: EnergyPullback + Discrete + ?Sized>(model: &M) -> Result<Array2<f64>> {
    let states = model.states()?;
    let minus_energy = model.energy(states.view()).mapv(|e| -e);
    let log_z = log_sum_exp(&minus_energy.to_vec());
    let n_params = model.n_params();
    let mut rows = Array2::zeros((states.nrows(), n_params));
    let mut mean = Array1::zeros(n_params);
    let one = Array1::ones(1);
    for ((state, mut row), minus_e) in states
        .axis_chunks_iter(Axis(0), 1)
        .zip(rows.rows_mut())
        .zip(&minus_energy)
    {
        let p = (minus_e - log_z).exp();
        // An impossible state may lie where the energy has no derivative.
        if p > 0.0 {
            model.energy_pullback_into(state, one.view(), row.view_mut());
            mean.scaled_add(p, &row);
        }
    }
    for (mut row, minus_e) in rows.rows_mut().into_iter().zip(&minus_energy) {
        let weight = (0.5 * (minus_e - log_z)).exp();
        row.zip_mut_with(&mean, |d, m| *d = weight * (*d - m));
    }
    Ok(matmul(rows.t(), rows.view()))
}

/// The natural direction `(G + λ)⁻¹ g` of any objective.
///
/// Loss and gradient `g` are the objective's; what is returned in place of the gradient is a direction of descent.
#[derive(Clone, Debug)]
pub struct NaturalGradient<O> {
    objective: O,
    damping: f64,
}

impl<O> NaturalGradient<O> {
    /// The natural direction with `λ = damping`; zero where the information is known to be positive definite.
    ///
    /// # Errors
    /// A damping that is negative or not finite.
    pub fn new(objective: O, damping: f64) -> Result<Self> {
        check_non_negative("damping", damping)?;
        Ok(NaturalGradient { objective, damping })
    }
}

impl<M: EnergyPullback + Discrete + ?Sized, O: Objective<M>> Objective<M> for NaturalGradient<O> {
    /// # Errors
    /// Also a Fisher information that is not positive definite with the damping added.
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let loss = self
            .objective
            .loss_and_grad_into(model, x, rng, grad.view_mut())?;
        let mut information = fisher_information(model)?;
        information.diag_mut().mapv_inplace(|g| g + self.damping);
        let factor = Cholesky::new("fisher_information", information.view())?;
        let direction = factor.solve_vector(grad.view());
        grad.assign(&direction);
        Ok(loss)
    }
}

impl<O: Snapshot> Snapshot for NaturalGradient<O> {
    /// The state of the objective.
    fn snapshot(&self) -> Record {
        self.objective.snapshot()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.objective.restore(record)
    }
}
