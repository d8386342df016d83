//! Predictor and corrector: after every step of a sampler some steps of Langevin dynamics for the law it should have reached.
//!
//! A predictor that arrives at time `s` has made an error in the law; `x' = x + ε s_s(x) + √(2ε) z` moves points towards `p_s` without knowing where they
//! came from (Song et al. 2021, section 4.2 and algorithms 2 and 3). It leaves `p_s` as it is up to an error of order `ε` of its own, so that more is not
//! always better.
//!
//! **Order.** Of a law with variance `V + w` where `V` is right, a step of Langevin dynamics makes `V + (1 − ε/V)² w + ε²/V`. So `n` of them add `O(n ε²)` to the error `O(hᵖ)` of the predictor, which keeps
//! its order if `ε` shrinks with the step of the grid as `h^{(p+1)/2}` or faster. Where it does not, as by all of the rules below but with a fixed size of one's choice for each grid, shorter steps lead to the corrector's own
//! fixed point, `V/(1 − ε/(2V))`, whatever the predictor.
//!
//! At time 0 there is no corrector: the score of data without noise is what models know least.

use gibbsian_core::error::{Error, Result, check_positive};
use gibbsian_core::{LinearGaussian, TimeScore};
use ndarray::{ArrayView1, ArrayViewMut2, Zip};

use super::Working;
use super::backwards::check_backwards;
use crate::brownian::BrownianBlock;
use crate::grid::TimeGrid;
use crate::reverse::ReverseSde;
use crate::solver::{Solver, Step, check_one_step};

/// The size `ε` of Langevin steps `x' = x + ε s + √(2ε) z` at time `s`, after a predictor's step from `t`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LangevinStep {
    /// `ε = 2 α²_{t|s} (r ‖z‖/‖s‖)²` with this ratio `r`: the drift `ε s` is as long as `r` times the noise (Song et al. 2021, algorithms 4 and 5, and 0.16
    /// their value for the variance-exploding process).
    ///
    /// **The norms are those of one row.** Theirs are means over the batch, which would make every sample depend on what else is in it, and on the number of
    /// rows. In many dimensions the two agree. In few they do not: where the score of a row vanishes, its step grows without bound, and its square has a
    /// finite mean in three dimensions and more only; fewer are refused. Their `α`, the square of ours, belongs to the forward step that ends where the corrector
    /// stands; here it is that of the step just made, one later.
    SignalToNoise(f64),
    /// `ε = 2 (r σ_s)²` with this ratio `r`: what the rule above gives for data that are a point, without asking the score, and the rule of annealed Langevin
    /// dynamics (Song and Ermon 2019). For any number of dimensions.
    NoiseLevel(f64),
    /// `ε` itself, the same at all times.
    Fixed(f64),
}

/// A sampler with a Langevin corrector.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_core::process::VarianceExploding;
/// use gibbsian_sde::{FixedSteps, FreshNoise, LangevinStep, PredictorCorrector, ReverseDiffusion, ReverseSde, TimeGrid};
/// # use gibbsian_testkit::targets::{Mixture, Noised};
/// use ndarray::array;
///
/// // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
/// let process = VarianceExploding::new(0.01, 20.0)?;
/// let data = Mixture::new(array![1.0], array![[3.0; 8]], array![0.5])?;
/// let reverse = ReverseSde::new(process, Noised::new(data, process));
/// let noise = FreshNoise::new(Seed::new(1));
/// let steps = FixedSteps::new(TimeGrid::uniform(1.0, 0.0, 100)?);
/// let solver = PredictorCorrector::new(ReverseDiffusion, LangevinStep::SignalToNoise(0.16));
/// let x = steps.solve(&solver, &reverse, noise.normal((500, 8)) * 20.0, &noise)?;
/// assert!((x.mean().unwrap() - 3.0).abs() < 0.1);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PredictorCorrector<S> {
    /// What steps from one time to the next: a scheme of one step, since the corrector moves the points it would remember.
    pub predictor: S,
    /// The size of the corrector's steps.
    pub step: LangevinStep,
    /// Their number after each step of the predictor; with 0 it is alone.
    pub n_corrections: usize,
}

impl<S> PredictorCorrector<S> {
    /// This predictor with one step of the corrector after each of its own.
    pub const fn new(predictor: S, step: LangevinStep) -> Self {
        PredictorCorrector {
            predictor,
            step,
            n_corrections: 1,
        }
    }
}

impl<P, M, S> Solver<ReverseSde<P, M>> for PredictorCorrector<S>
where
    P: LinearGaussian,
    M: TimeScore,
    S: Solver<ReverseSde<P, M>>,
{
    type Memory = (S::Memory, Working);

    fn noise_dim(&self, equation: &ReverseSde<P, M>) -> usize {
        self.predictor.noise_dim(equation)
    }

    fn draws_beside(&self) -> bool {
        self.n_corrections > 0 || self.predictor.draws_beside()
    }

    fn is_multistep(&self) -> bool {
        self.predictor.is_multistep()
    }

    /// # Errors
    /// A predictor of several steps; sizes that make no sense; a grid that does not go backwards within the process; what the predictor refuses.
    fn check(&self, equation: &ReverseSde<P, M>, grid: &TimeGrid) -> Result<()> {
        check_one_step("predictor", &self.predictor)?;
        match self.step {
            LangevinStep::SignalToNoise(ratio) => {
                check_positive("ratio", ratio)?;
                let dim = equation.model().dim();
                if dim < 3 {
                    let requirement = "at least 3 for the ratio of a row's norms";
                    return Err(Error::parameter("dim", dim, requirement));
                }
            }
            LangevinStep::NoiseLevel(ratio) => {
                check_positive("ratio", ratio)?;
            }
            LangevinStep::Fixed(size) => {
                check_positive("step_size", size)?;
            }
        }
        check_backwards(equation.process(), grid)?;
        self.predictor.check(equation, grid)
    }

    fn step(
        &self,
        equation: &ReverseSde<P, M>,
        step: &Step,
        mut x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        (of_predictor, working): &mut (S::Memory, Working),
    ) {
        self.predictor
            .step(equation, step, x.view_mut(), noise, of_predictor);
        if step.to == 0.0 {
            return;
        }
        let process = equation.process();
        let scale = match self.step {
            LangevinStep::SignalToNoise(ratio) => {
                2.0 * (process.transition(step.to, step.from).alpha * ratio).powi(2)
            }
            LangevinStep::NoiseLevel(ratio) => 2.0 * ratio * ratio * process.variance(step.to),
            LangevinStep::Fixed(size) => size,
        };
        let ([mut score, mut z], t) = working.take([x.dim(); 2], x.nrows(), step.to);
        for _ in 0..self.n_corrections {
            equation.model().score_at_into(x.view(), t, score.view_mut());
            noise.independent_into(z.view_mut());
            let rows = x.rows_mut().into_iter().zip(score.rows()).zip(z.rows());
            for ((row, s), z) in rows {
                let size = match self.step {
                    LangevinStep::SignalToNoise(_) => scale * squared(z) / squared(s),
                    _ => scale,
                };
                let deviation = (2.0 * size).sqrt();
                Zip::from(row)
                    .and(s)
                    .and(z)
                    .for_each(|x, s, z| *x += size * s + deviation * z);
            }
        }
    }
}

/// `‖v‖²`.
fn squared(v: ArrayView1<f64>) -> f64 {
    v.iter().map(|v| v * v).sum()
}
