//! Adaptive steps for stochastic equations, on a path that does not change when a step is rejected.
//!
//! A pair of schemes with the same noise says how large the error of a step is; steps whose error is too large are rejected and made again, shorter. If the shorter step drew new noise, paths would be preferred on which
//! steps succeed, and the law of the solution would no longer be that of the equation. Here the noise is a [`BrownianTree`]: the shorter step sees the first part of the very path on which the longer one
//! failed, and whatever decides the steps, they are steps along one Brownian motion (Gaines and Lyons 1997).
//!
//! Steps that are chosen by the path can at worst add up local errors that would else average out. All [`Embedded`] schemes have local errors of order `h^{3/2}` or less on every path, because they use everything that the
//! equation needs of it, increments for additive noise, increments and areas for diagonal noise; and `1/h` of them still add up to something that vanishes with `h`. The local error of the
//! Euler–Maruyama scheme with multiplicative noise is of order `h`. With such steps it can converge to the solution of another equation (Gaines and Lyons 1997; Foster and Jelinčič 2024), and has no place here.
//!
//! **Error.** The two results of a step differ by `d`, of order `h^{3/2}` for all schemes here. It is measured against the tolerances in the root mean square over the rows and coordinates of a block,
//!
//! `e² = mean (d / (atol + rtol · max(|x|, |x'|)))²`,
//!
//! (`atol` a number, or one for each coordinate with [`PerCoordinate`](crate::PerCoordinate)), and the step is accepted if `e ≤ 1`; the better of the two results goes on (Jolicoeur-Martineau, Li, Piché-Taillefer, Kachman and Mitliagkas 2021, algorithm 1, who use [`StochasticHeun`](crate::StochasticHeun)).
//! A block of rows has one step. With `d` in proportion to the tolerance, `h ∝ tol^{2/3}`: the error at the end is in proportion to `tol` for schemes of strong order 3/2, and to `tol^{2/3}` for those of order 1.
//!
//! **Control.** After an accepted step `h` is multiplied by `safety · e^{−0.7/q} · e_before^{0.4/q}`, `q = 3/2`, a proportional-integral controller (Hairer and Wanner 1996, section IV.2; for stochastic equations Ilie,
//! Jackson and Enright 2015), after a rejected one by `safety · e^{−1/q}`, always between 1/5 and 5, at most 9/10 for a rejected step and at most 1 for the step after it. A step may come out up to an eighth shorter than that:
//! it ends at the time within this range that costs the tree the fewest draws.

use gibbsian_core::Space;
use gibbsian_core::error::{
    Error, Result, check_count, check_non_negative, check_points, check_positive, check_within,
};
use gibbsian_core::parallel::{BLOCK_ROWS, map_each};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, Zip};

use crate::brownian::{BrownianBlock, BrownianMotion, BrownianTree};
use crate::grid::TimeGrid;
use crate::solver::{Solver, Step, check_one_step};

/// The power of the step with which the difference of the two schemes shrinks.
const DIFFERENCE_ORDER: f64 = 1.5;

/// The share of a step that may be given up for a time that costs less.
const SLACK: f64 = 0.125;

/// The bounds of the factor between one step and the next.
const FACTORS: (f64, f64) = (0.2, 5.0);

/// The factor by which a rejected step is shortened at least.
const AFTER_REJECTION: f64 = 0.9;

/// A scheme that also knows what a coarser scheme makes of the same step and the same noise; both differ by order `h^{3/2}`.
///
/// Its memory holds working arrays alone, so that a step can be made again; a multistep scheme is refused.
pub trait Embedded<E: ?Sized>: Solver<E> {
    /// Advances `x` as [`Solver::step`] does, and writes how far it ends from the coarser scheme into `difference` `(B, D)`.
    fn step_and_difference(
        &self,
        equation: &E,
        step: &Step,
        x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        memory: &mut Self::Memory,
        difference: ArrayViewMut2<f64>,
    );
}

/// The driver: steps whose size follows from their error.
///
/// ```
/// use gibbsian_core::process::OrnsteinUhlenbeck;
/// use gibbsian_core::Seed;
/// use gibbsian_sde::{AdaptiveSdeSteps, BrownianTree, FreshNoise, ReverseSde, Sra1};
/// # use gibbsian_testkit::targets::{Mixture, Noised};
/// use ndarray::array;
///
/// // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
/// // From noise to N(3, ½²) by its exact score.
/// let process = OrnsteinUhlenbeck::new(4.0)?;
/// let data = Mixture::new(array![1.0], array![[3.0]], array![0.5])?;
/// let reverse = ReverseSde::new(process, Noised::new(data, process));
/// let start = FreshNoise::new(Seed::new(1).child("start")).normal((1000, 1));
/// let tree = BrownianTree::new(4.0, 0.0, Seed::new(1).child("path"))?;
/// let run = AdaptiveSdeSteps::new(4.0, 0.0, 0.02).solve(&Sra1, &reverse, start, &tree)?;
/// assert!((run.points.mean().unwrap() - 3.0).abs() < 0.1);
/// assert!(run.total().accepted > run.total().rejected);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptiveSdeSteps {
    /// The first time.
    pub from: f64,
    /// The last time; before the first where time runs backwards.
    pub to: f64,
    /// `atol`, the error that is allowed where the solution is near zero.
    pub absolute_tolerance: f64,
    /// `rtol`, the error that is allowed in proportion to the solution.
    pub relative_tolerance: f64,
    /// The length of the first step to be tried; by default 1 % of the whole.
    pub first_step: f64,
    /// The least length that is tried: a step that fails with it is an error. By default a millionth of the whole.
    pub min_step: f64,
    /// The number of steps, accepted and rejected, that a block may make; by default 100,000.
    pub max_steps: usize,
    /// The factor between the step that would just meet the tolerance and the one that is tried, at most 1 and by default 0.9.
    pub safety: f64,
    /// The number of rows in a block, which share their steps, a part of the value of every result; by default 32.
    pub rows_per_block: usize,
}

/// The number of steps a block of rows made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepCounts {
    /// Those that led on.
    pub accepted: usize,
    /// Those that were made again, shorter.
    pub rejected: usize,
}

/// What adaptive steps lead to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AdaptiveSdeRun {
    /// The points at the last time, `(B, D)`.
    pub points: Array2<f64>,
    /// The steps of each block of rows.
    pub blocks: Vec<StepCounts>,
}

impl AdaptiveSdeRun {
    /// The steps of all blocks together.
    pub fn total(&self) -> StepCounts {
        StepCounts {
            accepted: self.blocks.iter().map(|counts| counts.accepted).sum(),
            rejected: self.blocks.iter().map(|counts| counts.rejected).sum(),
        }
    }
}

impl AdaptiveSdeSteps {
    /// Steps from one time to another with the absolute and relative tolerance `tolerance`.
    pub fn new(from: f64, to: f64, tolerance: f64) -> Self {
        let length = (to - from).abs();
        AdaptiveSdeSteps {
            from,
            to,
            absolute_tolerance: tolerance,
            relative_tolerance: tolerance,
            first_step: 1e-2 * length,
            min_step: 1e-6 * length,
            max_steps: 100_000,
            safety: 0.9,
            rows_per_block: BLOCK_ROWS,
        }
    }

    /// Solves from the rows of `x` `(B, D)` at the first time and returns the points at the last, and how many steps that took.
    ///
    /// # Errors
    /// Options outside their domains; rows that do not fit the equation or are not finite; times that are not those of the equation or outside the tree, and a least step that it does not resolve; a step of the least length that misses the tolerance or leads to
    /// points that are not finite, with its time; more steps than allowed, with the time that was reached.
    pub fn solve<E, V>(
        &self,
        solver: &V,
        equation: &E,
        x: Array2<f64>,
        tree: &BrownianTree,
    ) -> Result<AdaptiveSdeRun>
    where
        E: Space + ?Sized,
        V: Embedded<E>,
    {
        self.solve_within(None, solver, equation, x, tree)
    }

    /// The same with absolute tolerances for the coordinates, if there are.
    pub(crate) fn solve_within<E, V>(
        &self,
        absolute: Option<ArrayView1<f64>>,
        solver: &V,
        equation: &E,
        x: Array2<f64>,
        tree: &BrownianTree,
    ) -> Result<AdaptiveSdeRun>
    where
        E: Space + ?Sized,
        V: Embedded<E>,
    {
        self.check(absolute, tree)?;
        check_points("x", &x, equation.dim())?;
        let ends = TimeGrid::new(ndarray::array![self.from, self.to])?;
        check_one_step("solver", solver)?;
        solver.check(equation, &ends)?;
        tree.check(&ends, x.nrows(), solver.noise_dim(equation))?;
        let one = Array1::from_elem(x.ncols(), self.absolute_tolerance);
        let absolute = absolute.unwrap_or(one.view());
        let mut points = x.as_standard_layout().into_owned();
        let rows = points
            .axis_chunks_iter_mut(Axis(0), self.rows_per_block)
            .collect();
        let blocks = map_each(rows, |block, rows| {
            self.run(absolute, solver, equation, tree, block, rows)
        });
        // Collected before looking, so that of several errors always the same is told.
        let blocks = blocks.into_iter().collect::<Result<_>>()?;
        Ok(AdaptiveSdeRun { points, blocks })
    }

    fn check(&self, absolute: Option<ArrayView1<f64>>, tree: &BrownianTree) -> Result<()> {
        check_non_negative("absolute_tolerance", self.absolute_tolerance)?;
        check_non_negative("relative_tolerance", self.relative_tolerance)?;
        if absolute.is_none() && self.absolute_tolerance + self.relative_tolerance == 0.0 {
            return Err(Error::parameter(
                "absolute_tolerance",
                0.0,
                "positive where `relative_tolerance` is zero",
            ));
        }
        check_positive("first_step", self.first_step)?;
        check_positive("min_step", self.min_step)?;
        check_within("safety", self.safety, f64::MIN_POSITIVE, 1.0)?;
        check_count("max_steps", self.max_steps)?;
        check_count("rows_per_block", self.rows_per_block)?;
        // So that the range in which a step may end has an end of a node.
        let least = tree.resolution() / SLACK;
        if self.min_step < least {
            let requirement = format!(
                "at least {least}, or the Brownian tree deeper than {}",
                tree.depth()
            );
            return Err(Error::parameter("min_step", self.min_step, requirement));
        }
        Ok(())
    }

    /// One block of rows from end to end.
    fn run<E, V>(
        &self,
        absolute: ArrayView1<f64>,
        solver: &V,
        equation: &E,
        tree: &BrownianTree,
        block: usize,
        mut x: ArrayViewMut2<f64>,
    ) -> Result<StepCounts>
    where
        E: Space + ?Sized,
        V: Embedded<E>,
    {
        let first_row = block * self.rows_per_block;
        let mut noise = tree.block(block, first_row);
        let mut memory = V::Memory::default();
        let (mut moved, mut difference) = (Array2::zeros(x.dim()), Array2::zeros(x.dim()));
        let mut counts = StepCounts::default();
        let (mut t, mut h) = (self.from, self.first_step.max(self.min_step));
        // The error of the last accepted step; that of the first is unknown.
        let mut before: f64 = 1.0;
        let mut just_rejected = false;
        while t != self.to {
            let index = counts.accepted + counts.rejected;
            if index == self.max_steps {
                let requirement =
                    format!("more: rows from {first_row} reached time {t}, and the next step has length {h}");
                return Err(Error::parameter("max_steps", self.max_steps, requirement));
            }
            let step = Step {
                index,
                n_steps: self.max_steps,
                from: t,
                to: self.end_of_step(tree, t, h),
            };
            moved.assign(&x);
            solver.step_and_difference(
                equation,
                &step,
                moved.view_mut(),
                noise.as_mut(),
                &mut memory,
                difference.view_mut(),
            );
            let error = self.error(absolute, x.view(), moved.view(), difference.view());
            if error <= 1.0 {
                x.assign(&moved);
                t = step.to;
                counts.accepted += 1;
                let factor = error.powf(-0.7 / DIFFERENCE_ORDER) * before.powf(0.4 / DIFFERENCE_ORDER);
                let most = if just_rejected { 1.0 } else { FACTORS.1 };
                h = step.size().abs() * (self.safety * factor).clamp(FACTORS.0, most);
                // An error that happened to be tiny says little of the next.
                before = error.max(1e-4);
            } else {
                if h <= self.min_step {
                    return Err(missed(first_row, &step, error, moved.view()));
                }
                counts.rejected += 1;
                let factor = if error.is_finite() {
                    self.safety * error.powf(-1.0 / DIFFERENCE_ORDER)
                } else {
                    FACTORS.0
                };
                h = step.size().abs() * factor.clamp(FACTORS.0, AFTER_REJECTION);
            }
            just_rejected = error > 1.0 || error.is_nan();
            h = h.max(self.min_step);
        }
        Ok(counts)
    }

    /// Where a step of about length `h` from `t` ends.
    fn end_of_step(&self, tree: &BrownianTree, t: f64, h: f64) -> f64 {
        if (self.to - t).abs() <= h {
            return self.to;
        }
        let h = h.copysign(self.to - self.from);
        tree.cheapest_between(t + (1.0 - SLACK) * h, t + h)
    }

    /// The root mean square of the differences in units of what is allowed; NaN if a point is not finite.
    fn error(
        &self,
        absolute: ArrayView1<f64>,
        x: ArrayView2<f64>,
        moved: ArrayView2<f64>,
        difference: ArrayView2<f64>,
    ) -> f64 {
        let mut sum = 0.0;
        Zip::from(x)
            .and(moved)
            .and(difference)
            .and_broadcast(absolute)
            .for_each(|x, moved, d, absolute| {
                let allowed = absolute + self.relative_tolerance * x.abs().max(moved.abs());
                // Zero over zero: a point that rests at zero.
                let share = if *d == 0.0 { 0.0 } else { d / allowed };
                sum += if moved.is_finite() {
                    share * share
                } else {
                    f64::NAN
                };
            });
        (sum / x.len() as f64).sqrt()
    }
}

/// The error of a step that cannot be made shorter.
fn missed(first_row: usize, step: &Step, error: f64, moved: ArrayView2<f64>) -> Error {
    let at = format!(
        "in step {} from time {} to {}",
        step.index + 1,
        step.from,
        step.to
    );
    match moved.indexed_iter().find(|(_, x)| !x.is_finite()) {
        Some(((row, column), &value)) => Error::non_finite(
            format!("x[{}, {column}]", first_row + row),
            value,
            format!("{at}, the shortest"),
        ),
        None => Error::parameter(
            "min_step",
            step.size().abs(),
            format!(
                "less to meet the tolerance: {at} the error of rows from {first_row} is {error:.3e} times what is allowed"
            ),
        ),
    }
}
