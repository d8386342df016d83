//! UniPC: a predictor and a corrector that share one score a step.
//!
//! With half the log signal-to-noise ratio `ℓ` as time, the probability flow over a step from `t` to `s` is `x_s = (σ_s/σ_t) x_t + α_s ∫ e^{ℓ − ℓ_s} x̂ dℓ`, `x̂` the
//! expected data. Where other schemes put a constant or a line for `x̂(ℓ)`, this one puts the polynomial through the values it has and integrates that exactly:
//!
//! * the **predictor** of order `p` through the values at the starts of the last `p` steps;
//! * the **corrector** through those and the value at the predicted point, with which the step is made again. It costs no score, because the value at
//!   the predicted point is the one that the next step starts from. It raises the order to `p + 1`.
//!
//! The point at the end of the grid is a predicted one: correcting it would need a score that nobody uses afterwards. A step begins by making the one before again, from the point where that started:
//! what anybody did to the predicted point would be undone, so solvers that move points between steps refuse this one.
//!
//! The authors write the weights as `B(h) R_p(h)⁻¹ φ_p(h)` with a function `B` of one's choice. Solved for all `p` conditions `B` cancels, and what is left is the polynomial
//! (their variant with varying coefficients). Programs that set the only weight of order one to ½ instead differ from it within the order.
//!
//! **Where the order is less.** The first step has one value only, its correction two; so `p = 3` has global order 3 like `p = 2`, with a smaller error. A step to time 0 is infinitely long in `ℓ`
//! and returns the expected data, as in [`DpmSolver2M`](super::DpmSolver2M).

mod weights;

use gibbsian_core::error::{Result, check_within};
use gibbsian_core::{LinearGaussian, TimeScore};
use ndarray::{Array2, ArrayViewMut2};

use self::weights::{MAX_VALUES, Weights};
use super::Working;
use super::backwards::{check_backwards, check_member};
use super::dpm_solver::DataForm;
use crate::brownian::BrownianBlock;
use crate::grid::TimeGrid;
use crate::reverse::ReverseSde;
use crate::solver::{Solver, Step};

/// UniPC, deterministic: order `p + 1` (at most 3) with one score a step.
///
/// Source: Zhao, Bai, Rao, Zhou and Lu (2023, arXiv:2302.04867), in its form for expected data and with varying coefficients.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_core::process::VariancePreserving;
/// use gibbsian_sde::{FixedSteps, FreshNoise, ReverseSde, TimeGrid, UniPc};
/// # use gibbsian_testkit::targets::{Mixture, Noised};
/// use ndarray::array;
///
/// // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
/// let process = VariancePreserving::new(0.1, 20.0)?;
/// let data = Mixture::new(array![1.0], array![[3.0]], array![0.5])?;
/// let reverse = ReverseSde::new(process, Noised::new(data, process));
/// let noise = FreshNoise::new(Seed::new(1));
/// let grid = TimeGrid::uniform_in_log_snr(&process, 1.0, 1e-3, 10)?.then(0.0)?;
/// let x = FixedSteps::new(grid).solve(&UniPc::default(), &reverse, noise.normal((2000, 1)), &noise)?;
/// assert!((x.mean().unwrap() - 3.0).abs() < 0.1);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UniPc {
    order: usize,
}

impl Default for UniPc {
    fn default() -> Self {
        UniPc { order: 2 }
    }
}

impl UniPc {
    /// The scheme whose predictor has order `order`, 1, 2 or 3; 2 is the default.
    ///
    /// # Errors
    /// Another order.
    pub fn new(order: usize) -> Result<Self> {
        check_within("order", order as f64, 1.0, (MAX_VALUES - 1) as f64)?;
        Ok(UniPc { order })
    }

    /// The predictor's order `p`.
    pub fn order(&self) -> usize {
        self.order
    }
}

/// What the scheme remembers: expected data at the starts of steps, the newest first, and the corrected point that the last step started from.
#[derive(Clone, Debug, Default)]
pub struct Polynomial {
    working: Working,
    /// `ℓ` of each value.
    levels: Vec<f64>,
    values: Vec<Array2<f64>>,
    /// The start of the last step: its time and its corrected point.
    before: Option<f64>,
    start: Array2<f64>,
}

impl<P: LinearGaussian, M: TimeScore> Solver<ReverseSde<P, M>> for UniPc {
    type Memory = Polynomial;

    fn noise_dim(&self, _: &ReverseSde<P, M>) -> usize {
        0
    }

    fn is_multistep(&self) -> bool {
        true
    }

    fn check(&self, equation: &ReverseSde<P, M>, grid: &TimeGrid) -> Result<()> {
        check_member(equation, 0.0)?;
        check_backwards(equation.process(), grid)
    }

    fn step(
        &self,
        equation: &ReverseSde<P, M>,
        step: &Step,
        mut x: ArrayViewMut2<f64>,
        _: &mut dyn BrownianBlock,
        memory: &mut Polynomial,
    ) {
        let process = equation.process();
        let level = 0.5 * process.log_snr(step.from);
        memory.push(level, x.dim(), self.order + 1);
        let ([], t) = memory.working.take([], x.nrows(), step.from);
        equation.denoise_into(x.view(), t, memory.values[0].view_mut());

        if let Some(before) = memory.before {
            let form = DataForm::of_flow(process, before, step.from);
            let (start, length) = (memory.levels[1], level - memory.levels[1]);
            let weights = Weights::new(&memory.levels, start, length);
            x.assign(&memory.start);
            memory.advance(form, weights, x.view_mut());
        }
        memory.before = Some(step.from);
        memory.start.assign(&x);

        let form = DataForm::of_flow(process, step.from, step.to);
        let known = &memory.levels[..memory.levels.len().min(self.order)];
        let weights = match step.to {
            0.0 => Weights::constant(),
            _ => Weights::new(known, level, 0.5 * process.log_snr(step.to) - level),
        };
        memory.advance(form, weights, x);
    }
}

impl Polynomial {
    /// Makes room for a new value at `level`, and forgets all but `n` of them.
    fn push(&mut self, level: f64, shape: (usize, usize), n: usize) {
        if self.values.len() < n {
            self.values.push(Array2::zeros(shape));
            self.levels.push(level);
        }
        if self.start.dim() != shape {
            self.start = Array2::zeros(shape);
        }
        self.values.rotate_right(1);
        self.levels.rotate_right(1);
        self.levels[0] = level;
    }

    /// `x' = keep · x + data · Σ_j w_j x̂_j`.
    fn advance(&self, form: DataForm, weights: Weights, mut x: ArrayViewMut2<f64>) {
        x *= form.keep;
        for (weight, value) in weights.each().zip(&self.values) {
            x.scaled_add(form.data * weight, value);
        }
    }
}
