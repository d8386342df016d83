//! Denoising diffusion implicit models: other chains with the marginal laws of a diffusion.
//!
//! With expected data `x̂_0 = (x_t + σ_t² s)/α_t` and expected noise `ε̂ = −σ_t s`,
//!
//! `x_s = α_s x̂_0 + √(σ_s² − η² c²) ε̂ + η c z`,  `c² = v σ_s²/σ_t²`
//!
//! (Song, Meng and Ermon 2021, equations 12 and 16), where `c²` is the variance of the posterior in [`Ancestral`](super::Ancestral) sampling. Whatever
//! `η`, the noise in `x_s` has the variance `σ_s²` if `ε̂` is standard normal. `η = 1` is ancestral sampling; `η = 0` is deterministic, and is Euler's
//! method for the probability flow with the noise-to-signal ratio `σ/α` as time, in which that flow is `d(x/α) = −σ s d(σ/α)`. Between them the limit of
//! small steps is the member `λ = η` of the family of reverse processes.
//!
//! Collected, with `d = √(σ_s² − η² c²)`,
//!
//! `x_s = x_t/a + (σ_t/a) (σ_t − a d) s + η c z`,  `σ_t − a d = (v + a² η² c²)/(σ_t + a d)`,  `d² = σ_s² ((1 − η²) v + a² σ_s²)/σ_t²`,
//!
//! in which nothing cancels. Order 1; in equal steps down to time 0, where `σ_s/σ_t` changes much, `h log h`.

use gibbsian_core::error::{Result, check_within};
use gibbsian_core::{LinearGaussian, TimeScore};
use ndarray::ArrayViewMut2;

use super::Working;
use super::backwards::{Affine, Backwards, check_backwards, check_member};
use crate::brownian::BrownianBlock;
use crate::grid::TimeGrid;
use crate::reverse::ReverseSde;
use crate::solver::{Solver, Step};

/// The scheme of denoising diffusion implicit models. A step to time 0 gives the expected data, whatever `η`.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_core::process::VariancePreserving;
/// use gibbsian_sde::{Ddim, FixedSteps, FreshNoise, ReverseSde, TimeGrid};
/// # use gibbsian_testkit::targets::{Mixture, Noised};
/// use ndarray::array;
///
/// // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
/// let process = VariancePreserving::new(0.1, 20.0)?;
/// let data = Mixture::new(array![1.0], array![[3.0]], array![0.5])?;
/// let reverse = ReverseSde::new(process, Noised::new(data, process));
/// let noise = FreshNoise::new(Seed::new(1));
/// let steps = FixedSteps::new(TimeGrid::uniform_in_log_snr(&process, 1.0, 1e-3, 50)?.then(0.0)?);
/// let x = steps.solve(&Ddim::new(0.0)?, &reverse, noise.normal((2000, 1)), &noise)?;
/// assert!((x.mean().unwrap() - 3.0).abs() < 0.1);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ddim {
    eta: f64,
}

impl Ddim {
    /// The scheme with this share of noise: 0, the default, for the deterministic one, 1 for ancestral sampling.
    ///
    /// # Errors
    /// An `eta` outside `[0, 1]`.
    pub fn new(eta: f64) -> Result<Self> {
        check_within("eta", eta, 0.0, 1.0).map(|eta| Ddim { eta })
    }

    /// `η`.
    pub fn eta(&self) -> f64 {
        self.eta
    }
}

impl<P: LinearGaussian, M: TimeScore> Solver<ReverseSde<P, M>> for Ddim {
    type Memory = Working;

    fn noise_dim(&self, equation: &ReverseSde<P, M>) -> usize {
        if self.eta > 0.0 { equation.model().dim() } else { 0 }
    }

    fn check(&self, equation: &ReverseSde<P, M>, grid: &TimeGrid) -> Result<()> {
        check_member(equation, self.eta)?;
        check_backwards(equation.process(), grid)
    }

    fn step(
        &self,
        equation: &ReverseSde<P, M>,
        step: &Step,
        x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        memory: &mut Working,
    ) {
        let back = Backwards::of(equation.process(), step.from, step.to);
        let (a, v) = (back.alpha, back.variance);
        let (sigma_t, sigma_s) = (back.sigma_from, back.sigma_to);
        let deviation = self.eta * back.posterior_deviation();
        let rest = (1.0 - self.eta * self.eta) * v + (a * sigma_s).powi(2);
        let d = sigma_s * rest.sqrt() / sigma_t;
        let descent = (v + (a * deviation).powi(2)) / (sigma_t + a * d);
        let coefficients = Affine {
            keep: 1.0 / a,
            score: sigma_t / a * descent,
            noise: deviation,
        };
        coefficients.step(equation, step, x, noise, memory);
    }
}
