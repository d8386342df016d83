//! Have short chains arrived? (Nijkamp, Hill, Han, Zhu and Wu 2020)
//!
//! An energy can be trained in two regimes that look alike from outside. In the *convergent* one the negative chains sample the model, and longer chains look as they do. In the *short-run* one a few
//! steps from the start give good samples, and the same chains, run on, leave for places of much lower energy that have nothing to do with the data: the sampler was trained, not the density.
//!
//! The two are told apart by running the ends of the chains on: if the ends are draws of the model and the kernel leaves it invariant, the law of their energies does not change, so that
//! `⟨E⟩_short − ⟨E⟩_long` is zero up to Monte Carlo error, whatever the number of steps. Energies before and after belong to the same chain, so the error is that of the mean of their differences. The
//! reverse does not hold: chains that do not move, or do not leave the mode in which they are, pass.

use gibbsian_core::error::{check_count, check_finite};
use gibbsian_core::{Acceptance, Energy, Kernel, Result};
use ndarray::{Array1, Array2};
use rand::Rng;

use crate::chains::run;

/// Energies of the ends of short chains, and after they have been run on.
#[derive(Clone, Debug, PartialEq)]
pub struct RunLength {
    /// At the ends of the short chains, `(n_chains)`.
    pub short: Array1<f64>,
    /// Of the same chains after the long run, `(n_chains)`.
    pub long: Array1<f64>,
    /// What happened to the proposals of the long run.
    pub acceptance: Acceptance,
}

impl RunLength {
    /// Runs chains on from the rows of `ends` `(n_chains, D)` by `n_steps` steps of `kernel`.
    ///
    /// # Errors
    /// Zero steps, points from which the kernel cannot start, or energies that are not finite, before or after.
    pub fn measure<K: Kernel<M>, M: Energy + ?Sized>(
        kernel: &K,
        model: &M,
        ends: Array2<f64>,
        n_steps: usize,
        rng: &mut dyn Rng,
    ) -> Result<Self> {
        check_count("n_steps", n_steps)?;
        let mut state = kernel.init(model, ends)?;
        let short = model.energy(kernel.positions(&state).view());
        check_finite("energies of the ends", &short)?;
        let acceptance = run(kernel, model, &mut state, n_steps, rng);
        let long = model.energy(kernel.positions(&state).view());
        check_finite("energies after the long run", &long)?;
        Ok(RunLength {
            short,
            long,
            acceptance,
        })
    }

    /// `⟨E⟩_short − ⟨E⟩_long`: positive where chains go on downhill, the mark of the short-run regime.
    pub fn gap(&self) -> f64 {
        let differences = &self.short - &self.long;
        differences.sum() / differences.len() as f64
    }

    /// The standard error of [`RunLength::gap`] over independent chains; NaN for a single one.
    pub fn standard_error(&self) -> f64 {
        let differences = &self.short - &self.long;
        let n = differences.len() as f64;
        let mean = differences.sum() / n;
        let squares: f64 = differences.iter().map(|d| (d - mean).powi(2)).sum();
        (squares / (n - 1.0) / n).sqrt()
    }

    /// Whether the gap lies within `n_errors` standard errors of zero, so that the ends may be draws of the model.
    pub fn is_convergent(&self, n_errors: f64) -> bool {
        self.gap().abs() <= n_errors * self.standard_error()
    }
}
