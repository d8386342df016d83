//! Ordinary equations to a tolerance: embedded Runge–Kutta pairs with steps that fit the error.
//!
//! **Every row for itself.** The error of a step, its size, and the time that has been reached belong to a row, not to a batch. One controller for all rows, as most
//! programs for batches have it, lets the worst row decide for the others, and makes a row's result depend on its neighbours: a solution would change
//! with the size of a batch. Here rows share evaluations, which are made at points and times that differ from row to row, and nothing else; a row alone gives the same
//! bits as the row in a batch, if the equation does.
//!
//! **Error.** A step is accepted if the root mean square of `e_i / (atol + rtol max(|x_i|, |x'_i|))` over the coordinates is at most one, `e` being the difference between the two
//! members of the pair (Hairer, Nørsett and Wanner 1993, equation II.4.11). This bounds the error of each step, not that of the solution: expect an
//! error at the end of the size of the tolerance times what the equation makes of errors on the way.
//!
//! `atol` may also be a vector with an entry for each coordinate, [`PerCoordinate`](crate::PerCoordinate).
//!
//! Steps are chosen by [`PiController`], the first by Hairer's rule. Between steps there is a [dense solution](AdaptiveRungeKutta::solve_at), on which [events](Event) are located.
//!
//! **Rejected:** implicit methods: probability flows are stiff near data only, where the tolerance asks for short steps anyway; and sizes of steps on a lattice of powers of two, so that rows
//! meet at common times: steps would be up to twice shorter than they may be.

mod block;
mod combine;
mod controller;
mod dense;
mod event;
mod span;

use gibbsian_core::error::{Error, Result, check_count, check_non_negative, check_points, check_positive};
use gibbsian_core::parallel::map_each;
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayViewMut2, Axis};

use crate::equation::Ode;
use crate::grid::TimeGrid;
use crate::tableau::EmbeddedPair;
use crate::time_domain::TimeDomain;

pub(crate) use block::Counts;
pub use controller::PiController;
pub use event::{Consequence, Crossing, Event, Occurrence};
pub(crate) use span::Span;

/// A solver of ordinary equations whose steps fit a tolerance, row by row.
///
/// ```
/// use gibbsian_core::Space;
/// use gibbsian_sde::{AdaptiveRungeKutta, Event, Ode};
/// use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, array};
///
/// /// A pendulum without friction.
/// struct Pendulum;
/// impl Space for Pendulum {
///     fn dim(&self) -> usize {
///         2
///     }
/// }
/// impl Ode for Pendulum {
///     fn velocity_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
///         for (x, mut out) in x.rows().into_iter().zip(out.rows_mut()) {
///             (out[0], out[1]) = (x[1], -x[0].sin());
///         }
///     }
/// }
///
/// // Both start at rest; a period is four times as long as the way down, and longer for the wider swing.
/// let solver = AdaptiveRungeKutta::with_tolerance(1e-9);
/// let start = array![[0.1, 0.0], [2.0, 0.0]];
/// let down = solver.solve_with_events(&Pendulum, start, 0.0, 10.0, &[Event::stop(&|x, _| x[0])])?;
/// let period = 4.0 * down.times;
/// assert!((period[0] - 6.287_114_5).abs() < 1e-6);
/// assert!((period[1] - 8.349_752_9).abs() < 1e-6);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaptiveRungeKutta {
    /// The pair; by default that of Dormand and Prince.
    pub pair: EmbeddedPair,
    /// `rtol`, at least zero.
    pub relative_tolerance: f64,
    /// `atol`, greater than zero.
    pub absolute_tolerance: f64,
    /// What chooses the steps.
    pub controller: PiController,
    /// The size of the first step, where Hairer's rule is not to choose it; at most `max_step`.
    pub first_step: Option<f64>,
    /// The size below which a step may not be rejected into; by default only rounding sets one.
    pub min_step: f64,
    /// The largest step, by default without limit; the last may be longer by a hundredth, which would be left otherwise.
    pub max_step: f64,
    /// The most steps of a row, rejected ones included; by default 100,000.
    pub max_steps: usize,
    /// The number of rows that share evaluations; by default 256. No result depends on it.
    pub rows_per_block: usize,
}

impl Default for AdaptiveRungeKutta {
    /// Both tolerances `10⁻⁵`.
    fn default() -> Self {
        AdaptiveRungeKutta {
            pair: EmbeddedPair::DORMAND_PRINCE,
            relative_tolerance: 1e-5,
            absolute_tolerance: 1e-5,
            controller: PiController::default(),
            first_step: None,
            min_step: 0.0,
            max_step: f64::INFINITY,
            max_steps: 100_000,
            rows_per_block: 256,
        }
    }
}

/// What comes of solving a batch.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Solution {
    /// The points at the end `(B, D)`, or where an event stopped a row.
    pub points: Array2<f64>,
    /// The times of these points `(B)`.
    pub times: Array1<f64>,
    /// The steps that each row made `(B)`.
    pub n_accepted: Array1<usize>,
    /// The steps that each row tried in vain `(B)`.
    pub n_rejected: Array1<usize>,
    /// The velocities that were evaluated for each row `(B)`.
    pub n_evaluations: Array1<usize>,
    /// What happened, row by row in order of time.
    pub occurrences: Vec<Occurrence>,
}

/// What is integrated: rows of numbers, some of which may have a velocity that depends on the number of the row in the batch.
pub(crate) trait Field: Sync {
    /// Arrays that a block keeps.
    type Scratch: Default + Send;

    /// How many numbers a row has.
    fn width(&self) -> usize;

    /// The times it is defined for.
    fn time_domain(&self) -> TimeDomain;

    /// How many of them, from the first, have their errors measured together; each of the others is measured alone.
    fn n_together(&self) -> usize {
        self.width()
    }

    /// Writes the velocities of the rows with these numbers.
    fn velocity_into(
        &self,
        rows: &[usize],
        t: ArrayView1<f64>,
        x: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
        scratch: &mut Self::Scratch,
    );
}

struct Plain<'e, E: ?Sized>(&'e E);

impl<E: Ode + ?Sized> Field for Plain<'_, E> {
    type Scratch = ();

    fn width(&self) -> usize {
        self.0.dim()
    }

    fn time_domain(&self) -> TimeDomain {
        self.0.time_domain()
    }

    fn velocity_into(
        &self,
        _: &[usize],
        t: ArrayView1<f64>,
        x: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
        (): &mut (),
    ) {
        self.0.velocity_into(x, t, out);
    }
}

impl AdaptiveRungeKutta {
    /// Both tolerances of this size, everything else by default.
    pub fn with_tolerance(tolerance: f64) -> Self {
        AdaptiveRungeKutta {
            relative_tolerance: tolerance,
            absolute_tolerance: tolerance,
            ..AdaptiveRungeKutta::default()
        }
    }

    /// Solves from the rows of `x` `(B, D)` at time `from` to time `to`, earlier or later.
    ///
    /// # Errors
    /// Settings or rows that do not fit; times that are not those of the equation, or in a direction that is not; a velocity that is not finite, and a tolerance that cannot be met, with the row, its time and its step.
    pub fn solve<E: Ode + ?Sized>(
        &self,
        equation: &E,
        x: Array2<f64>,
        from: f64,
        to: f64,
    ) -> Result<Solution> {
        self.solve_with_events(equation, x, from, to, &[])
    }

    /// The same, and finds events; one that stops its row makes its point and time those of the row.
    ///
    /// # Errors
    /// Those of [`AdaptiveRungeKutta::solve`].
    pub fn solve_with_events<E: Ode + ?Sized>(
        &self,
        equation: &E,
        x: Array2<f64>,
        from: f64,
        to: f64,
        events: &[Event],
    ) -> Result<Solution> {
        self.solve_within(None, equation, x, (from, to), events)
    }

    /// The same with absolute tolerances for the coordinates, if there are.
    pub(crate) fn solve_within<E: Ode + ?Sized>(
        &self,
        absolute: Option<ArrayView1<f64>>,
        equation: &E,
        x: Array2<f64>,
        (from, to): (f64, f64),
        events: &[Event],
    ) -> Result<Solution> {
        self.integrate_within(absolute, &Plain(equation), x, Span::new(from, to)?, events)
    }

    /// Solves along a grid, and returns the points at its times `(B, n + 1, D)` beside the solution. Steps do not know of the grid: points are those of the dense solution.
    ///
    /// After an event that stops a row there are no points, but NaN.
    ///
    /// # Errors
    /// Those of [`AdaptiveRungeKutta::solve`].
    ///
    /// ```
    /// use gibbsian_core::process::OrnsteinUhlenbeck;
    /// use gibbsian_sde::{AdaptiveRungeKutta, ProbabilityFlow, TimeGrid};
    /// # use gibbsian_testkit::targets::{Mixture, Noised};
    /// use ndarray::array;
    ///
    /// // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
    /// // The flow of normal data: a point keeps its distance from the mean, in standard deviations.
    /// let process = OrnsteinUhlenbeck::new(4.0)?;
    /// let data = Noised::new(Mixture::new(array![1.0], array![[3.0]], array![0.5])?, process);
    /// let flow = ProbabilityFlow::new(process, data);
    /// let grid = TimeGrid::new(array![0.0, 0.5, 2.0])?;
    /// let (points, _) = AdaptiveRungeKutta::with_tolerance(1e-10).solve_at(&flow, array![[3.5]], &grid, &[])?;
    /// let (alpha, variance) = ((-0.5_f64).exp(), 1.0 - 0.75 * (-1.0_f64).exp());
    /// assert!((points[(0, 1, 0)] - (alpha * 3.0 + variance.sqrt())).abs() < 1e-8);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn solve_at<E: Ode + ?Sized>(
        &self,
        equation: &E,
        x: Array2<f64>,
        grid: &TimeGrid,
        events: &[Event],
    ) -> Result<(Array3<f64>, Solution)> {
        self.solve_at_within(None, equation, x, grid, events)
    }

    /// The same with absolute tolerances for the coordinates, if there are.
    pub(crate) fn solve_at_within<E: Ode + ?Sized>(
        &self,
        absolute: Option<ArrayView1<f64>>,
        equation: &E,
        x: Array2<f64>,
        grid: &TimeGrid,
        events: &[Event],
    ) -> Result<(Array3<f64>, Solution)> {
        let mut kept = Array3::from_elem((x.nrows(), grid.n_steps() + 1, x.ncols()), f64::NAN);
        let span = Span {
            from: grid.first(),
            to: grid.last(),
            kept: Some((grid, &mut kept)),
        };
        let solution = self.integrate_within(absolute, &Plain(equation), x, span, events)?;
        Ok((kept, solution))
    }

    /// Requires settings that make sense.
    ///
    /// # Errors
    /// Names the one that does not.
    pub fn check(&self) -> Result<()> {
        check_non_negative("relative_tolerance", self.relative_tolerance)?;
        check_positive("absolute_tolerance", self.absolute_tolerance)
            .map_err(|e| e.with_cure("no step has an error of zero: begin with 1e-5"))?;
        self.controller.check()?;
        if let Some(step) = self.first_step {
            check_positive("first_step", step)?;
        }
        check_non_negative("min_step", self.min_step)?;
        if self.max_step.is_nan() || self.max_step <= self.min_step {
            return Err(Error::parameter(
                "max_step",
                self.max_step,
                format!("greater than min_step, {}", self.min_step),
            ));
        }
        check_count("max_steps", self.max_steps)?;
        check_count("rows_per_block", self.rows_per_block)?;
        Ok(())
    }

    pub(crate) fn integrate<F: Field>(
        &self,
        field: &F,
        x: Array2<f64>,
        span: Span,
        events: &[Event],
    ) -> Result<Solution> {
        self.integrate_within(None, field, x, span, events)
    }

    fn integrate_within<F: Field>(
        &self,
        absolute: Option<ArrayView1<f64>>,
        field: &F,
        x: Array2<f64>,
        span: Span,
        events: &[Event],
    ) -> Result<Solution> {
        self.check()?;
        check_points("x", &x, field.width())?;
        span.check_within(field.time_domain())?;
        let mut points = x.as_standard_layout().into_owned();
        let n_rows = points.nrows();
        let (times, mut kept) = span.kept.map(|(grid, kept)| (grid.times(), kept)).unzip();
        let task = block::Task {
            settings: self,
            absolute,
            from: span.from,
            to: span.to,
            times: times.unwrap_or_else(|| ArrayView1::from(&[])),
            events,
        };
        let kept: Vec<_> = match &mut kept {
            Some(kept) => kept
                .axis_chunks_iter_mut(Axis(0), self.rows_per_block)
                .map(Some)
                .collect(),
            None => std::iter::repeat_with(|| None)
                .take(n_rows.div_ceil(self.rows_per_block))
                .collect(),
        };
        let blocks = points
            .axis_chunks_iter_mut(Axis(0), self.rows_per_block)
            .zip(kept)
            .collect();
        let reports = map_each(blocks, |b, (rows, kept)| {
            block::solve(task, field, b * self.rows_per_block, rows, kept)
        });
        // Which of several errors is told must not depend on which block was the first to meet one.
        let reports = reports.into_iter().collect::<Result<Vec<_>>>()?;
        let count = |part: fn(&Counts) -> usize| -> Array1<usize> {
            reports.iter().flat_map(|r| r.counts.iter().map(part)).collect()
        };
        let mut occurrences: Vec<Occurrence> = reports.iter().flat_map(|r| r.occurrences.clone()).collect();
        let direction = (span.to - span.from).signum();
        occurrences
            .sort_by(|a, b| (a.row.cmp(&b.row)).then((direction * a.time).total_cmp(&(direction * b.time))));
        Ok(Solution {
            times: reports.iter().flat_map(|r| r.times.iter().copied()).collect(),
            n_accepted: count(|c| c.accepted),
            n_rejected: count(|c| c.rejected),
            n_evaluations: count(|c| c.evaluations),
            occurrences,
            points,
        })
    }
}
