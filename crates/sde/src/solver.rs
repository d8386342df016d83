//! What a solver is, and the driver that runs one along a grid.
//!
//! A solver is a configuration value: options, never positions. What it remembers from one step to the next, and the arrays it works in, are its
//! [`Memory`](Solver::Memory), one for each block of rows. The type of equation a scheme is made for is the parameter of the trait: `impl<E: DiagonalSde> Solver<E> for Milstein`.
//!
//! Rows are cut into fixed blocks, each with its own stream of noise, and solved from end to end independently of each other: neither the number of threads nor
//! the order in which blocks finish changes a bit of the result. Where there are many rows, some blocks go through the steps together, which spreads the cost of a step over more rows
//! and leaves the noise of each as it is.

use gibbsian_core::Space;
use gibbsian_core::error::{Error, Result, check_count, check_points};
use gibbsian_core::parallel::{BLOCK_ROWS, map_each};
use ndarray::{Array2, Array3, ArrayView2, ArrayViewMut2, ArrayViewMut3, Axis};

use crate::brownian::{BrownianBlock, BrownianMotion, Together};
use crate::grid::TimeGrid;

/// A scheme that advances solutions of equations of type `E` by one step.
pub trait Solver<E: ?Sized>: Sync {
    /// What rows that are solved together remember between steps, and their working arrays; a row may not depend on the others.
    type Memory: Default + Send;

    /// The number of Brownian motions a row needs on this equation; zero for schemes without noise.
    fn noise_dim(&self, equation: &E) -> usize;

    /// Whether a step goes on from what the memory holds of the steps before: a multistep method, and not one of one step whose memory is room to work in.
    ///
    /// What such a scheme remembers is of points that nobody has moved since. So solvers that move points between the steps of another, correctors and inpainting, refuse it, and so does whoever makes a step again.
    fn is_multistep(&self) -> bool {
        false
    }

    /// Whether steps draw numbers beside the motions of the equation, by [`BrownianBlock::independent_into`]: correctors do, known coordinates, and noise that no equation has.
    ///
    /// [`NoNoise`](crate::NoNoise) has none and is refused then.
    fn draws_beside(&self) -> bool {
        false
    }

    /// Requires what the scheme needs of the equation along this grid; above all that the grid lies within the times of the equation,
    /// `equation.time_domain().check_grid(grid)`, which a driver cannot ask of an equation of any kind.
    ///
    /// # Errors
    /// Names what is missing; the provided form requires nothing.
    fn check(&self, equation: &E, grid: &TimeGrid) -> Result<()> {
        let _ = (equation, grid);
        Ok(())
    }

    /// Advances the rows of `x` from `step.from` to `step.to`.
    fn step(
        &self,
        equation: &E,
        step: &Step,
        x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        memory: &mut Self::Memory,
    );
}

/// Requires a solver of one step of whoever moves points between its steps.
pub(crate) fn check_one_step<E: ?Sized, V: Solver<E>>(name: &'static str, solver: &V) -> Result<()> {
    if solver.is_multistep() {
        let requirement = "one of one step, because points are moved between its steps or steps are made again, and what it remembers would be no longer true; \
                           take DpmSolver2S, EdmHeun or Ddim";
        return Err(Error::parameter(name, "a multistep scheme", requirement));
    }
    Ok(())
}

/// One step of a grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Its number, from 0.
    pub index: usize,
    /// The number of steps of the whole grid.
    pub n_steps: usize,
    /// The time it starts at.
    pub from: f64,
    /// The time it ends at.
    pub to: f64,
}

impl Step {
    /// `to − from`: negative where time runs backwards.
    pub fn size(&self) -> f64 {
        self.to - self.from
    }
}

/// The driver: fixed steps along a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct FixedSteps {
    /// The times.
    pub grid: TimeGrid,
    /// The number of rows in a block, which share a stream of noise: a part of the value of every result with noise; by default 32.
    pub rows_per_block: usize,
}

/// The blocks that are solved together where there are enough of them, and how many such tasks that are.
const BLOCKS_TOGETHER: usize = 8;
const ENOUGH_TASKS: usize = 16;

impl FixedSteps {
    /// Steps along `grid`.
    pub fn new(grid: TimeGrid) -> Self {
        FixedSteps {
            grid,
            rows_per_block: BLOCK_ROWS,
        }
    }

    /// Solves from the rows of `x` `(B, D)` at the grid's first time and returns the points at its last.
    ///
    /// # Errors
    /// Rows that do not fit the equation or are not finite; a motion that does not fit the grid; what the solver refuses; and a point that stops being finite, with its row,
    /// coordinate, step and times.
    pub fn solve<E, V>(
        &self,
        solver: &V,
        equation: &E,
        x: Array2<f64>,
        motion: &dyn BrownianMotion,
    ) -> Result<Array2<f64>>
    where
        E: Space + ?Sized,
        V: Solver<E>,
    {
        let mut x = self.checked(solver, equation, x, motion)?;
        let n_together = self.blocks_together(x.nrows());
        let tasks = x
            .axis_chunks_iter_mut(Axis(0), n_together * self.rows_per_block)
            .collect();
        first_error(map_each(tasks, |task, rows| {
            self.run(solver, equation, motion, task * n_together, rows, None)
        }))?;
        Ok(x)
    }

    /// The same, with the points at all times of the grid, the first included: `(B, n + 1, D)`.
    ///
    /// # Errors
    /// Those of [`FixedSteps::solve`].
    pub fn trajectory<E, V>(
        &self,
        solver: &V,
        equation: &E,
        x: Array2<f64>,
        motion: &dyn BrownianMotion,
    ) -> Result<Array3<f64>>
    where
        E: Space + ?Sized,
        V: Solver<E>,
    {
        let mut x = self.checked(solver, equation, x, motion)?;
        let mut kept = Array3::zeros((x.nrows(), self.grid.n_steps() + 1, x.ncols()));
        let n_together = self.blocks_together(x.nrows());
        let n_rows = n_together * self.rows_per_block;
        let tasks = x
            .axis_chunks_iter_mut(Axis(0), n_rows)
            .zip(kept.axis_chunks_iter_mut(Axis(0), n_rows))
            .collect();
        first_error(map_each(tasks, |task, (rows, kept)| {
            self.run(solver, equation, motion, task * n_together, rows, Some(kept))
        }))?;
        Ok(kept)
    }

    fn checked<E, V>(
        &self,
        solver: &V,
        equation: &E,
        x: Array2<f64>,
        motion: &dyn BrownianMotion,
    ) -> Result<Array2<f64>>
    where
        E: Space + ?Sized,
        V: Solver<E>,
    {
        check_count("rows_per_block", self.rows_per_block)?;
        check_points("x", &x, equation.dim())?;
        solver.check(equation, &self.grid)?;
        motion.check(&self.grid, x.nrows(), solver.noise_dim(equation))?;
        if solver.draws_beside() && !motion.draws_beside() {
            let requirement = "one with numbers beside it, which the solver draws; give FreshNoise";
            return Err(Error::parameter("motion", "without noise", requirement));
        }
        Ok(x.as_standard_layout().into_owned())
    }

    /// How many blocks a task solves: a function of the number of rows alone.
    fn blocks_together(&self, n_rows: usize) -> usize {
        (n_rows / self.rows_per_block / ENOUGH_TASKS).clamp(1, BLOCKS_TOGETHER)
    }

    /// Some blocks of rows from end to end.
    fn run<E, V>(
        &self,
        solver: &V,
        equation: &E,
        motion: &dyn BrownianMotion,
        first_block: usize,
        mut x: ArrayViewMut2<f64>,
        mut kept: Option<ArrayViewMut3<f64>>,
    ) -> Result<()>
    where
        E: Space + ?Sized,
        V: Solver<E>,
    {
        let first_row = first_block * self.rows_per_block;
        let mut noise = Together::new(motion, first_block, x.nrows(), self.rows_per_block);
        let mut memory = V::Memory::default();
        let n_steps = self.grid.n_steps();
        let times = self.grid.times();
        for index in 0..=n_steps {
            if let Some(kept) = &mut kept {
                kept.index_axis_mut(Axis(1), index).assign(&x);
            }
            if index == n_steps {
                break;
            }
            let step = Step {
                index,
                n_steps,
                from: times[index],
                to: times[index + 1],
            };
            solver.step(equation, &step, x.view_mut(), &mut noise, &mut memory);
            check_arrived(x.view(), first_row, &step)?;
        }
        Ok(())
    }
}

/// The error of the first block that has one: which block fails first in time depends on the threads.
fn first_error(ends: Vec<Result<()>>) -> Result<()> {
    ends.into_iter().collect()
}

/// Requires all points to be finite after a step.
pub(crate) fn check_arrived(x: ArrayView2<f64>, first_row: usize, step: &Step) -> Result<()> {
    if x.as_slice().is_some_and(all_finite) {
        return Ok(());
    }
    let Some(((row, column), &value)) = x.indexed_iter().find(|(_, x)| !x.is_finite()) else {
        return Ok(());
    };
    Err(Error::non_finite(
        format!("x[{}, {column}]", first_row + row),
        value,
        format!(
            "in step {} of {}, from time {} to {}",
            step.index + 1,
            step.n_steps,
            step.from,
            step.to
        ),
    ))
}

/// Whether all numbers are finite: 0 · x is 0 for finite x and NaN for all others, and a NaN stays in a sum.
fn all_finite(x: &[f64]) -> bool {
    let (blocks, rest) = x.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for block in blocks {
        for (sum, x) in sums.iter_mut().zip(block) {
            *sum += 0.0 * x;
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|x| 0.0 * x).sum::<f64>() == 0.0
}
