//! Plug-and-play restoration: denoise, move towards the observation, add noise again.
//!
//! A step of DiffPIR (Zhu, Zhang, Liang, Cao, Wen, Timofte and Van Gool 2023, algorithm 1) from `t` to `t'` asks no derivative of the
//! score. With `ς² = σ²/α²` at `t` it is
//!
//! 1. `x̂ = (x + σ² s)/α`,
//! 2. `x̂_y = argmin_z ‖y − A z‖²/(2 s²) + λ ‖z − x̂‖²/(2 ς²) = x̂ + Aᵀ(A Aᵀ + ρ I)⁻¹(y − A x̂)`, `ρ = λ s²/ς²`,
//! 3. `ê = (x − α x̂_y)/σ`,
//! 4. `x' = α' x̂_y + σ' (√(1 − ζ) ê + √ζ z)`.
//!
//! Its second line is the posterior mean of a clean point with law `N(x̂, (ς²/λ) I)`: as if the data had no law of their own but through
//! `x̂`. It is exact for data without any (`s = 0`, `λ = 1`), and for no others.

use gibbsian_core::error::{Result, check_positive, check_within};
use gibbsian_core::{LinearGaussian, TimeScore};
use ndarray::{ArrayViewMut2, Zip};

use super::observation::{LinearObservation, Spectrum};
use crate::brownian::BrownianBlock;
use crate::grid::TimeGrid;
use crate::reverse::ReverseSde;
use crate::schemes::{Working, check_backwards};
use crate::solver::{Solver, Step};

/// The scheme of DiffPIR, for the reverse of a process under the prior's score; of the equation it uses process and score alone.
///
/// Source: Zhu et al. (2023), "Denoising diffusion models for plug-and-play image restoration", algorithm 1.
#[derive(Clone, Debug)]
pub struct DiffPir {
    observation: LinearObservation,
    spectrum: Spectrum,
    lambda: f64,
    zeta: f64,
}

impl DiffPir {
    /// The scheme for `observation`, with the weight `λ` of the denoised point against it and the share `ζ` of new noise.
    ///
    /// # Errors
    /// A `λ` that is not positive and finite, a `ζ` outside `[0, 1]`; a matrix whose entries are so large that the products of its rows
    /// overflow.
    pub fn new(observation: LinearObservation, lambda: f64, zeta: f64) -> Result<Self> {
        check_positive("lambda", lambda)?;
        check_within("zeta", zeta, 0.0, 1.0)?;
        Ok(DiffPir {
            spectrum: observation.spectrum()?,
            observation,
            lambda,
            zeta,
        })
    }
}

impl<P: LinearGaussian, M: TimeScore> Solver<ReverseSde<P, M>> for DiffPir {
    type Memory = Working;

    fn noise_dim(&self, equation: &ReverseSde<P, M>) -> usize {
        equation.model().dim()
    }

    /// # Errors
    /// A grid that does not go backwards within the process; an observation of another dimension.
    fn check(&self, equation: &ReverseSde<P, M>, grid: &TimeGrid) -> Result<()> {
        check_backwards(equation.process(), grid)?;
        self.observation.check_dim(equation.model())
    }

    fn step(
        &self,
        equation: &ReverseSde<P, M>,
        step: &Step,
        mut x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        memory: &mut Working,
    ) {
        let process = equation.process();
        let (alpha, variance) = (process.alpha(step.from), process.variance(step.from));
        let (alpha_next, sigma_next) = (process.alpha(step.to), process.sigma(step.to));
        let ([mut x_hat, mut z], t) = memory.take([x.dim(); 2], x.nrows(), step.from);

        equation.model().score_at_into(x.view(), t, x_hat.view_mut());
        Zip::from(&mut x_hat)
            .and(&x)
            .for_each(|s, x| *s = (x + variance * *s) / alpha);

        let rho = self.lambda * self.observation.noise_variance() * alpha * alpha / variance;
        let mut pulled = self.spectrum.rotate(self.observation.residual(x_hat.view()));
        pulled /= &self.spectrum.values.mapv(|value| value + rho);
        let pulled = self.spectrum.rotate_back(pulled);
        x_hat += &self.observation.adjoint(pulled.view());

        // A normal increment is one of the motion over the step, at its scale.
        noise.increment_into(step.from, step.to, z.view_mut());
        let kept = sigma_next * (1.0 - self.zeta).sqrt() / variance.sqrt();
        let fresh = sigma_next * self.zeta.sqrt() / step.size().abs().sqrt();
        Zip::from(&mut x)
            .and(&x_hat)
            .and(&z)
            .for_each(|x, x_hat, z| *x = alpha_next * x_hat + kept * (*x - alpha * x_hat) + fresh * z);
    }
}
