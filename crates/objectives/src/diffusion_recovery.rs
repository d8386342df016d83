//! Diffusion recovery likelihood (Gao, Song, Poole, Wu and Kingma 2021).
//!
//! Data are noised step by step, `x_{i+1} = a_i x_i + σ_i z` with `x_0` the data, and at every level an energy `E(y, t_i)` models the law of `y = a_i x_i`. Given the next, noisier point `x̃ = x_{i+1}`, the law of `y` is
//!
//! `p(y | x̃) ∝ exp(−E(y, t_i) − ‖x̃ − y‖²/(2σ_i²))`,
//!
//! by Bayes' rule. The second term confines `y` to the neighbourhood of `x̃`: however many modes the data have, this law is nearly normal if `σ_i` is small, its normaliser is never needed, and a few Langevin
//! steps from `x̃` sample it. Maximising the conditional likelihoods instead of the marginal one has the gradient
//!
//! `⟨∂E(y, t)/∂θ⟩_data − ⟨∂E(y, t)/∂θ⟩_{p(y | x̃)}`,
//!
//! in which the quadratic term cancels, and the truth is still where it vanishes. The Langevin steps are `y ← y + (b²σ²/2) [s(y, t) + (x̃ − y)/σ²] + bσ z`, `ε = b²σ²/2` in the convention of this project
//! (algorithm 1 of the paper).
//!
//! The chains run inside the objective because every chain has a target of its own, `x̃` and `t` differing from row to row, while kernels are free to evaluate any part of their rows.
//! They are not adjusted, and have the bias of their step, which the conditional law makes harmless: relative to the largest curvature `1/σ²` it is of order `b²`.

use gibbsian_core::error::{check_count, check_points, check_positive};
use gibbsian_core::{
    Acceptance, At, Error, LinearGaussian, Objective, Result, Stateless, Streams, TimeEnergyPullback,
    TimeScore,
};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, Zip};
use rand::{Rng, RngExt};

use crate::gaussian_noise::GaussianNoise;
use crate::phase_report::PhaseReport;
use crate::phases::{Contrast, Shares};

/// How `p(y | x̃)` is sampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recovery {
    /// `K`, the number of Langevin steps; 30 in the paper.
    pub n_steps: usize,
    /// `b`, the standard deviation of a step's noise in units of that of the level.
    pub relative_step: f64,
}

impl Recovery {
    /// Thirty steps with `b = relative_step`.
    pub const fn new(relative_step: f64) -> Self {
        Recovery {
            n_steps: 30,
            relative_step,
        }
    }
}

/// The contrast of `E(·, t)` between data and draws of `p(y | x̃)`, at a random level for every row.
///
/// The loss is `⟨E⟩_data − ⟨E⟩_chains`, a surrogate and not a likelihood.
#[derive(Clone, Debug)]
pub struct DiffusionRecoveryLikelihood<P> {
    process: P,
    times: Array1<f64>,
    settings: Recovery,
    contrast: Contrast,
}

impl<P: LinearGaussian> DiffusionRecoveryLikelihood<P> {
    /// The objective for the levels `t_0 < t_1 < … < t_L` of `process`; energies are trained at all of them but the last.
    ///
    /// ```
    /// use gibbsian_core::process::VariancePreserving;
    /// use gibbsian_objectives::{DiffusionRecoveryLikelihood, Recovery};
    /// use ndarray::Array1;
    ///
    /// let process = VariancePreserving::new(0.1, 20.0)?;
    /// let times = Array1::linspace(0.0, 1.0, 7);
    /// let objective = DiffusionRecoveryLikelihood::new(process, times, Recovery::new(0.1))?;
    /// assert_eq!(objective.n_levels(), 6);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Fewer than two times, times that do not increase or lie outside the process, zero steps, or a step that is not positive.
    pub fn new(process: P, times: Array1<f64>, settings: Recovery) -> Result<Self> {
        if times.len() < 2 {
            return Err(Error::shape("times", times.shape(), "[at least 2]"));
        }
        process.check_times(times.view())?;
        for (i, &t) in times.iter().enumerate() {
            if i > 0 && t <= times[i - 1] {
                return Err(Error::parameter(
                    format!("times[{i}]"),
                    t,
                    format!("later than the one before, {}", times[i - 1]),
                ));
            }
        }
        check_count("n_steps", settings.n_steps)?;
        check_positive("relative_step", settings.relative_step)?;
        Ok(DiffusionRecoveryLikelihood {
            process,
            times,
            settings,
            contrast: Contrast::default(),
        })
    }

    /// The number of levels at which there is an energy.
    pub fn n_levels(&self) -> usize {
        self.times.len() - 1
    }

    /// The same with the penalty `α (⟨E²⟩_data + ⟨E²⟩_chains)` in the loss, `α = energy_penalty`, which keeps energies near zero (Du and Mordatch 2019).
    ///
    /// # Errors
    /// A penalty that is negative or not finite.
    pub fn with_energy_penalty(self, energy_penalty: f64) -> Result<Self> {
        let contrast = Contrast::with_penalty(energy_penalty)?;
        Ok(DiffusionRecoveryLikelihood { contrast, ..self })
    }

    /// The energies of the last minibatch and of the chains.
    pub fn report(&self) -> Option<&PhaseReport> {
        self.contrast.report()
    }

    /// Draws `x_i` given the points `x̃ = x_{i+1}` `(B, D)` of the next level: the steps of Langevin on `p(y | x̃)` from `x̃`, and `x_i = y/a_i`.
    ///
    /// From noise at the last level down to level 0 this samples the model.
    ///
    /// # Errors
    /// A level that has no energy, or points that do not fit.
    pub fn recover<M: TimeScore + ?Sized>(
        &self,
        model: &M,
        level: usize,
        noisy: ArrayView2<f64>,
        rng: &mut dyn Rng,
    ) -> Result<Array2<f64>> {
        check_points("noisy", &noisy, model.dim())?;
        if level >= self.n_levels() {
            let requirement = format!("below the number of levels, {}", self.n_levels());
            return Err(Error::parameter("level", level, requirement));
        }
        let levels = vec![level; noisy.nrows()];
        let y = self.sample_given(model, &levels, noisy, Streams::draw(rng));
        Ok(y / self.transition(level).0)
    }

    /// `a_i` and `σ_i`.
    fn transition(&self, level: usize) -> (f64, f64) {
        let step = self.process.transition(self.times[level], self.times[level + 1]);
        (step.alpha, step.with_root().variance.sqrt())
    }

    /// Langevin chains on `p(y | x̃)`, one a row, each at its own level.
    fn sample_given<M: TimeScore + ?Sized>(
        &self,
        model: &M,
        levels: &[usize],
        noisy: ArrayView2<f64>,
        streams: Streams,
    ) -> Array2<f64> {
        let t: Array1<f64> = levels.iter().map(|&i| self.times[i]).collect();
        let sigma: Array1<f64> = levels.iter().map(|&i| self.transition(i).1).collect();
        let b = self.settings.relative_step;
        let mut y = noisy.to_owned();
        let mut score = Array2::zeros(y.raw_dim());
        for step in 0..self.settings.n_steps {
            model.score_at_into(y.view(), t.view(), score.view_mut());
            let z = GaussianNoise::standard(y.dim(), streams.part(step as u64));
            for (row, &sigma) in sigma.iter().enumerate() {
                let half = 0.5 * b * b;
                Zip::from(y.row_mut(row))
                    .and(noisy.row(row))
                    .and(score.row(row))
                    .and(z.row(row))
                    .for_each(|y, &x, &s, &z| *y += half * (sigma * sigma * s + (x - *y)) + b * sigma * z);
            }
        }
        y
    }

    fn loss_of<M: TimeEnergyPullback + TimeScore + ?Sized>(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        shares: Shares<'_>,
        rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_points("x", &x, model.dim())?;
        let streams = Streams::draw(rng);
        let mut choose = streams.part(0).block(0);
        let levels: Vec<usize> = (0..x.nrows())
            .map(|_| choose.random_range(0..self.n_levels()))
            .collect();
        let (mut clean, mut noisy) = (x.to_owned(), GaussianNoise::standard(x.dim(), streams.part(2)));
        let noise = GaussianNoise::standard(x.dim(), streams.part(1));
        for (b, &level) in levels.iter().enumerate() {
            let t = self.times[level];
            let (alpha, sigma) = (self.process.alpha(t), self.process.sigma(t));
            let (a, next_sigma) = self.transition(level);
            let (mut y, mut x_tilde) = (clean.row_mut(b), noisy.row_mut(b));
            y *= a * alpha;
            y.scaled_add(a * sigma, &noise.row(b));
            x_tilde *= next_sigma;
            x_tilde += &y;
        }
        let negative = self.sample_given(model, &levels, noisy.view(), streams.part(3));
        let t: Array1<f64> = levels.iter().map(|&i| self.times[i]).collect();
        // A chain counts what the row counts that it belongs to.
        let (phases, shares) = ([clean.view(), negative.view()], [shares; 2]);
        let at = At::new(model, t.view());
        self.contrast
            .loss_and_grad_into(&at, phases, shares, 1.0, Acceptance::default(), grad)
    }
}

impl<M, P> Objective<M> for DiffusionRecoveryLikelihood<P>
where
    M: TimeEnergyPullback + TimeScore + ?Sized,
    P: LinearGaussian,
{
    by_shares! { loss_of }
}

/// Levels, noise and chains are drawn anew at every call.
impl<P> Stateless for DiffusionRecoveryLikelihood<P> {}
