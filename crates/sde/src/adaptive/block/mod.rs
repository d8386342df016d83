//! The rows of one block, from end to end.
//!
//! All rows make their steps together, each of its own size: the stages of a step are evaluated at points and times that differ from row to row. Nothing of a row
//! depends on another. Rows that have come to their end leave, and the last of those that remain takes their place.

mod start;
mod within;

use gibbsian_core::error::{Error, Result};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, ArrayViewMut3};

use super::combine::{LANES, Tolerance, advance, squared_errors};
use super::controller::{Factors, LEAST_LOG_ERROR};
use super::event::{Event, Occurrence};
use super::{AdaptiveRungeKutta, Field};

/// What is asked of every row.
#[derive(Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) settings: &'a AdaptiveRungeKutta,
    /// The absolute tolerances of the coordinates, where they differ from that of the settings.
    pub(super) absolute: Option<ArrayView1<'a, f64>>,
    pub(super) from: f64,
    pub(super) to: f64,
    /// Times within, in order, at which points are wanted.
    pub(super) times: ArrayView1<'a, f64>,
    pub(super) events: &'a [Event<'a>],
}

impl Task<'_> {
    /// The absolute tolerance of coordinate `i`.
    fn absolute(&self, i: usize) -> f64 {
        self.absolute
            .map_or(self.settings.absolute_tolerance, |absolute| absolute[i])
    }
}

/// What a row has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) accepted: usize,
    pub(crate) rejected: usize,
    pub(crate) evaluations: usize,
}

/// What comes of a block beside its points.
pub(super) struct Report {
    pub(super) times: Vec<f64>,
    pub(super) counts: Vec<Counts>,
    pub(super) occurrences: Vec<Occurrence>,
}

/// A row that has not come to its end.
#[derive(Clone, Copy)]
struct Row {
    /// Its number in the block.
    number: usize,
    time: f64,
    /// The size of its next step, signed.
    step: f64,
    /// Where that leads.
    next: f64,
    log_error: f64,
    was_rejected: bool,
    /// How many of the wanted times have been passed.
    n_written: usize,
}

pub(super) struct Block<'a, F: Field> {
    task: Task<'a>,
    field: &'a F,
    factors: Factors,
    first_row: usize,
    width: usize,
    rows: Vec<Row>,
    /// The numbers of the rows in the whole batch, for the field.
    numbers: Vec<usize>,
    x: Vec<f64>,
    y: Vec<f64>,
    /// The size of a row's step, once for each of its coordinates.
    h: Vec<f64>,
    /// The absolute tolerances, where coordinates have their own: the same for every row, wherever it moves to.
    absolute: Option<Vec<f64>>,
    times: Vec<f64>,
    stages: Vec<Vec<f64>>,
    errors: Vec<f64>,
    point: Vec<f64>,
    /// The values of the events at the points of the rows, by number.
    event_values: Vec<f64>,
    scratch: F::Scratch,
    report: Report,
}

/// Solves the rows of `x` in place, and writes points at the wanted times into `kept` `(rows, times, width)`.
pub(super) fn solve<'a, F: Field>(
    task: Task<'a>,
    field: &'a F,
    first_row: usize,
    mut x: ArrayViewMut2<f64>,
    mut kept: Option<ArrayViewMut3<f64>>,
) -> Result<Report> {
    let mut block = Block::new(task, field, first_row, x.view());
    block.start()?;
    while !block.rows.is_empty() {
        block.aim();
        block.make_stages();
        block.judge(&mut x, &mut kept)?;
    }
    Ok(block.report)
}

impl<'a, F: Field> Block<'a, F> {
    fn new(task: Task<'a>, field: &'a F, first_row: usize, x: ArrayView2<f64>) -> Self {
        let (n, width) = x.dim();
        let size = (n * width).next_multiple_of(LANES);
        let array = || vec![0.0; size];
        let mut points = array();
        for (point, x) in points.iter_mut().zip(x) {
            *point = *x;
        }
        let absolute = task.absolute.map(|absolute| {
            // Numbers that belong to no row have any tolerance but zero.
            let mut all = vec![1.0; size];
            for row in all.chunks_exact_mut(width).take(n) {
                row.iter_mut().zip(absolute).for_each(|(a, own)| *a = *own);
            }
            all
        });
        let row = |number| Row {
            number,
            time: task.from,
            step: 0.0,
            next: task.from,
            log_error: LEAST_LOG_ERROR,
            was_rejected: false,
            n_written: 0,
        };
        Block {
            task,
            field,
            factors: task
                .settings
                .controller
                .for_order(task.settings.pair.error_order()),
            first_row,
            width,
            rows: (0..n).map(row).collect(),
            numbers: (first_row..first_row + n).collect(),
            x: points,
            y: array(),
            h: array(),
            absolute,
            times: vec![task.from; n],
            stages: (0..task.settings.pair.n_stages()).map(|_| array()).collect(),
            errors: array(),
            point: vec![0.0; width],
            event_values: vec![0.0; n * task.events.len()],
            scratch: F::Scratch::default(),
            report: Report {
                times: vec![task.from; n],
                counts: vec![Counts::default(); n],
                occurrences: Vec::new(),
            },
        }
    }

    /// Evaluates the velocity at `y`, or at `x` for the first stage, and at `times`.
    fn evaluate(&mut self, stage: usize) {
        let (n, width) = (self.rows.len(), self.width);
        let points = if stage == 0 { &self.x } else { &self.y };
        let shape = "as many numbers as points have coordinates";
        self.field.velocity_into(
            &self.numbers,
            ArrayView1::from(&self.times[..n]),
            ArrayView2::from_shape((n, width), &points[..n * width]).expect(shape),
            ArrayViewMut2::from_shape((n, width), &mut self.stages[stage][..n * width]).expect(shape),
            &mut self.scratch,
        );
    }

    fn count_evaluations(&mut self, n: usize) {
        for row in &self.rows {
            self.report.counts[row.number].evaluations += n;
        }
    }

    /// Where the next steps lead: the last one exactly to the end.
    fn aim(&mut self) {
        let (to, width) = (self.task.to, self.width);
        for (row, h) in self.rows.iter_mut().zip(self.h.chunks_exact_mut(width)) {
            let left = to - row.time;
            // A step that would leave less than a hundredth of itself takes that too.
            if left.abs() <= 1.01 * row.step.abs() {
                (row.step, row.next) = (left, to);
            } else {
                row.next = row.time + row.step;
            }
            h.fill(row.step);
        }
    }

    fn make_stages(&mut self) {
        let (pair, n) = (self.task.settings.pair, self.padded());
        for stage in 1..pair.n_stages() {
            advance(&self.x, &self.h, pair.row(stage), &self.stages, n, &mut self.y);
            let node = pair.node(stage);
            for (t, row) in self.times.iter_mut().zip(&self.rows) {
                *t = if node == 1.0 {
                    row.next
                } else {
                    row.time + node * row.step
                };
            }
            self.evaluate(stage);
        }
        self.count_evaluations(pair.n_stages() - 1);
        let settings = self.task.settings;
        let relative = settings.relative_tolerance;
        let ends = [self.x.as_slice(), self.y.as_slice()];
        let (h, e, stages, out) = (&self.h, pair.error(), &self.stages, &mut self.errors);
        match &self.absolute {
            None => {
                let absolute = settings.absolute_tolerance;
                squared_errors(Tolerance { absolute, relative }, ends, h, e, stages, n, out);
            }
            Some(absolute) => {
                let absolute = absolute.as_slice();
                squared_errors(Tolerance { absolute, relative }, ends, h, e, stages, n, out);
            }
        }
    }

    /// Accepts or rejects the step of every row, and lets those leave that have come to their end.
    fn judge(&mut self, x: &mut ArrayViewMut2<f64>, kept: &mut Option<ArrayViewMut3<f64>>) -> Result<()> {
        let (width, last) = (self.width, self.stages.len() - 1);
        let together = self.field.n_together();
        // Most steps are accepted, so all are taken, and the rejected ones taken back.
        std::mem::swap(&mut self.x, &mut self.y);
        self.stages.swap(0, last);
        for b in (0..self.rows.len()).rev() {
            let errors = &self.errors[b * width..][..width];
            let log_error = 0.5 * norm(together, width, |i| errors[i]).ln();
            let row = self.rows[b];
            let counts = &mut self.report.counts[row.number];
            // That NaN is not at most zero rejects a step whose error is no number.
            if log_error <= 0.0 {
                counts.accepted += 1;
                let log_error = log_error.max(LEAST_LOG_ERROR);
                let factor = self
                    .factors
                    .after_acceptance(log_error, row.log_error, !row.was_rejected);
                let has_ended = self.look_within(b, kept);
                let row = &mut self.rows[b];
                (row.time, row.log_error, row.was_rejected) = (row.next, log_error, false);
                if row.time == self.task.to || has_ended {
                    self.leave(b, x);
                } else {
                    self.check_count(b)?;
                    let row = &mut self.rows[b];
                    row.step *= factor;
                    row.step = row
                        .step
                        .clamp(-self.task.settings.max_step, self.task.settings.max_step);
                }
            } else {
                counts.rejected += 1;
                let at = b * width..(b + 1) * width;
                self.x[at.clone()].copy_from_slice(&self.y[at.clone()]);
                let (first, others) = self.stages.split_at_mut(1);
                first[0][at.clone()].copy_from_slice(&others[last - 1][at]);
                let row = &mut self.rows[b];
                row.step *= self.factors.after_rejection(log_error);
                row.was_rejected = true;
                self.check_step(b, log_error)?;
                self.check_count(b)?;
            }
        }
        Ok(())
    }

    /// A row goes, and the last one takes its place.
    fn leave(&mut self, b: usize, x: &mut ArrayViewMut2<f64>) {
        let (width, last) = (self.width, self.rows.len() - 1);
        let row = self.rows.swap_remove(b);
        self.numbers.swap_remove(b);
        self.report.times[row.number] = row.time;
        let point = ArrayView1::from(self.coordinates(&self.x, b));
        x.row_mut(row.number).assign(&point);
        let moved = last * width..(last + 1) * width;
        self.x.copy_within(moved.clone(), b * width);
        self.stages[0].copy_within(moved, b * width);
    }

    fn check_step(&self, b: usize, log_error: f64) -> Result<()> {
        let row = &self.rows[b];
        // Sixteen roundings of the time: what is shorter does not tell its ends apart well enough for a velocity. Near time zero numbers are dense and a solution may begin fast, at zero itself nothing
        // is rounded; but a step that becomes nothing would be accepted without end, so times count as at least a rounding of the whole.
        let span = (self.task.to - self.task.from).abs();
        let scale = row.time.abs().max(f64::EPSILON * span);
        let least = self.task.settings.min_step.max(16.0 * f64::EPSILON * scale);
        if row.step.abs() >= least {
            return Ok(());
        }
        if !log_error.is_finite() {
            return Err(self.not_finite(b, f64::NAN));
        }
        Err(Error::parameter(
            format!(
                "the step of row {} at time {}",
                self.first_row + row.number,
                row.time
            ),
            format!("{:e}", row.step.abs()),
            format!("at least {least:e}; the tolerance cannot be met there"),
        ))
    }

    fn check_count(&self, b: usize) -> Result<()> {
        let row = &self.rows[b];
        let counts = self.report.counts[row.number];
        if counts.accepted + counts.rejected < self.task.settings.max_steps {
            return Ok(());
        }
        Err(Error::parameter(
            "max_steps",
            self.task.settings.max_steps,
            format!(
                "enough for row {}, which has come to time {} with steps of {:e}",
                self.first_row + row.number,
                row.time,
                row.step
            ),
        ))
    }

    fn not_finite(&self, b: usize, value: f64) -> Error {
        let row = &self.rows[b];
        let step = self.report.counts[row.number].accepted + 1;
        Error::non_finite(
            format!("the velocity of row {}", self.first_row + row.number),
            value,
            format!("in step {step}, from time {}", row.time),
        )
    }

    fn coordinates<'v>(&self, values: &'v [f64], b: usize) -> &'v [f64] {
        &values[b * self.width..][..self.width]
    }

    fn padded(&self) -> usize {
        (self.rows.len() * self.width).next_multiple_of(LANES)
    }
}

/// The mean of the first `together` squares, or the largest of the others if one of them is larger; NaN if one is NaN.
fn norm(together: usize, width: usize, square: impl Fn(usize) -> f64) -> f64 {
    let mean = (0..together).map(&square).sum::<f64>() / together as f64;
    (together..width).fold(mean, |most, i| {
        let square = square(i);
        if square > most || square.is_nan() {
            square
        } else {
            most
        }
    })
}
