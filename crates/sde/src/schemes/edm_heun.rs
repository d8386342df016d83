//! Heun's method in the noise-to-signal ratio, with churn.
//!
//! With `ς = σ/α` as time the probability flow is `d(x/α) = −σ s dς`, whose right side is the expected noise: nearly constant where noise dominates and
//! where it is small, so that straight lines go far (Karras, Aittala, Aila and Laine 2022, section 3). Their algorithm 2, for any process: a step from
//! `t` to `s`
//!
//! 1. goes back to a time `t̂ > t` where `ς` is larger by the factor `1 + γ`, and adds the noise of the forward process between them, `γ = min(churn/n,
//!    √2 − 1)` for `n` steps and ratios `ς` between two bounds, and 0 elsewhere;
//! 2. steps from `t̂` to `s` by Heun's method: `x̃ = x/a + (σ_t̂ − a σ_s) σ_t̂ s_t̂(x)/a`, and then the same with the mean of `σ_t̂ s_t̂(x)` and `σ_s s_s(x̃)`.
//!
//! To time 0 step 2 is Euler's. At the horizon there is no time to go back to: churn ends at what the process reaches.
//!
//! Step 1 takes `p_t` to `p_t̂` exactly (if noise is not scaled), and step 2 takes that to `p_s` with a local error of third order: the law has order 2
//! with churn and without it. Paths with churn have no equation to converge to strongly, since its noise is not that of a path; it is taken from
//! [`BrownianBlock::independent_into`].

use gibbsian_core::error::{Error, Result, check_non_negative};
use gibbsian_core::{LinearGaussian, TimeScore};
use ndarray::{ArrayViewMut2, Zip};

use super::Working;
use super::backwards::{Backwards, check_backwards, check_member};
use crate::brownian::BrownianBlock;
use crate::grid::TimeGrid;
use crate::reverse::ReverseSde;
use crate::solver::{Solver, Step};

/// The sampler of Karras et al. (2022): Heun's method with churn, by default without.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_core::process::VariancePreserving;
/// use gibbsian_sde::{EdmHeun, FixedSteps, FreshNoise, ReverseSde, TimeGrid};
/// # use gibbsian_testkit::targets::{Mixture, Noised};
/// use ndarray::array;
///
/// // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
/// let process = VariancePreserving::new(0.1, 20.0)?;
/// let data = Mixture::new(array![1.0], array![[3.0]], array![0.5])?;
/// let reverse = ReverseSde::new(process, Noised::new(data, process));
/// let noise = FreshNoise::new(Seed::new(1));
/// let grid = TimeGrid::karras(&process, 80.0, 0.002, 7.0, 18)?.then(0.0)?;
/// let solver = EdmHeun { churn: 5.0, ..EdmHeun::default() };
/// let x = FixedSteps::new(grid).solve(&solver, &reverse, noise.normal((2000, 1)), &noise)?;
/// assert!((x.mean().unwrap() - 3.0).abs() < 0.1);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EdmHeun {
    /// How much noise is added over all steps, `S_churn`; 0 for none.
    pub churn: f64,
    /// The smallest ratio `σ/α` at which noise is added, `S_tmin`.
    pub churn_above: f64,
    /// The largest, `S_tmax`.
    pub churn_below: f64,
    /// What the added noise is multiplied by, `S_noise`. Other values than 1 are for networks that remove too much noise; the exact score does not.
    pub noise_scale: f64,
}

impl Default for EdmHeun {
    fn default() -> Self {
        EdmHeun {
            churn: 0.0,
            churn_above: 0.0,
            churn_below: f64::INFINITY,
            noise_scale: 1.0,
        }
    }
}

impl EdmHeun {
    /// The time that a step goes back to before it goes on: `from` itself where nothing is added.
    fn churned<P: LinearGaussian>(&self, process: &P, from: f64, n_steps: usize) -> Result<f64> {
        let log_snr = process.log_snr(from);
        let ratio = (-0.5 * log_snr).exp();
        if self.churn == 0.0 || !(self.churn_above..=self.churn_below).contains(&ratio) {
            return Ok(from);
        }
        let gamma = (self.churn / n_steps as f64).min(std::f64::consts::SQRT_2 - 1.0);
        let reached = process.log_snr(process.horizon());
        let time = process.time_at_log_snr((log_snr - 2.0 * gamma.ln_1p()).max(reached))?;
        Ok(time.max(from))
    }
}

impl<P: LinearGaussian, M: TimeScore> Solver<ReverseSde<P, M>> for EdmHeun {
    type Memory = Working;

    fn noise_dim(&self, _: &ReverseSde<P, M>) -> usize {
        0
    }

    fn draws_beside(&self) -> bool {
        self.churn > 0.0
    }

    fn check(&self, equation: &ReverseSde<P, M>, grid: &TimeGrid) -> Result<()> {
        check_non_negative("churn", self.churn)?;
        check_non_negative("churn_above", self.churn_above)?;
        check_non_negative("noise_scale", self.noise_scale)?;
        if self.churn_below < self.churn_above || self.churn_below.is_nan() {
            let requirement = format!("at least churn_above, {}", self.churn_above);
            return Err(Error::parameter("churn_below", self.churn_below, requirement));
        }
        check_member(equation, 0.0)?;
        check_backwards(equation.process(), grid)?;
        for (i, &from) in grid.times().iter().take(grid.n_steps()).enumerate() {
            self.churned(equation.process(), from, grid.n_steps())
                .map_err(|e| e.within(&format!("times[{i}]")))?;
        }
        Ok(())
    }

    fn step(
        &self,
        equation: &ReverseSde<P, M>,
        step: &Step,
        mut x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        memory: &mut Working,
    ) {
        let (process, model) = (equation.process(), equation.model());
        let from = self
            .churned(process, step.from, step.n_steps)
            .expect("a ratio that the process takes on, as was checked");
        let shapes = [x.dim(), x.dim(), x.dim(), (1, x.nrows())];
        let ([mut score, mut next_score, mut next, mut next_time], t) = memory.take(shapes, x.nrows(), from);
        if from > step.from {
            let forwards = Backwards::of(process, from, step.from);
            let deviation = self.noise_scale * forwards.variance.sqrt();
            noise.independent_into(next.view_mut());
            Zip::from(&mut x)
                .and(&next)
                .for_each(|x, z| *x = forwards.alpha * *x + deviation * z);
        }
        let back = Backwards::of(process, from, step.to);
        let keep = 1.0 / back.alpha;
        let descent = back.descent() / back.alpha;
        model.score_at_into(x.view(), t, score.view_mut());
        if step.to == 0.0 {
            Zip::from(&mut x)
                .and(&score)
                .for_each(|x, s| *x = keep * *x + descent * back.sigma_from * s);
            return;
        }
        Zip::from(&mut next)
            .and(&x)
            .and(&score)
            .for_each(|next, x, s| *next = keep * x + descent * back.sigma_from * s);
        next_time.fill(step.to);
        model.score_at_into(next.view(), next_time.row(0), next_score.view_mut());
        Zip::from(&mut x)
            .and(&score)
            .and(&next_score)
            .for_each(|x, s, next| {
                *x = keep * *x + 0.5 * descent * (back.sigma_from * s + back.sigma_to * next);
            });
    }
}
