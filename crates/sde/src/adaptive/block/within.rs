//! What lies within an accepted step: points that are wanted, and events.

use ndarray::{ArrayView1, ArrayViewMut3};

use super::super::Field;
use super::super::dense::Interpolant;
use super::super::event::{Consequence, Occurrence};
use super::Block;

impl<F: Field> Block<'_, F> {
    /// Looks at what lies within an accepted step: wanted times, and events. Says whether the row ends at one, which is then its point.
    pub(super) fn look_within(&mut self, b: usize, kept: &mut Option<ArrayViewMut3<f64>>) -> bool {
        let task = self.task;
        if kept.is_none() && task.events.is_empty() {
            return false;
        }
        let (width, last, row) = (self.width, self.stages.len() - 1, self.rows[b]);
        let at = b * width..(b + 1) * width;
        // Points and the first and last stages have been exchanged.
        self.stages.swap(0, last);
        let step = Interpolant {
            pair: &task.settings.pair,
            from: row.time,
            size: row.step,
            start: &self.y[at.clone()],
            end: &self.x[at.clone()],
            stages: &self.stages,
            offset: at.start,
        };
        let is_before = |s: f64, t: f64| if task.to > task.from { s < t } else { s > t };

        let values = &mut self.event_values[row.number * task.events.len()..][..task.events.len()];
        let already = self.report.occurrences.len();
        let mut end = None;
        for (i, (event, value)) in task.events.iter().zip(values).enumerate() {
            let after = event.value(step.end, row.next);
            if let Some(time) = event.locate(&step, row.next, *value, after, &mut self.point) {
                self.report.occurrences.push(Occurrence {
                    row: self.first_row + row.number,
                    event: i,
                    time,
                    point: ndarray::Array1::from(self.point.clone()),
                });
                if event.consequence == Consequence::Stop && end.is_none_or(|end| is_before(time, end)) {
                    end = Some(time);
                }
            }
            if !(value.is_nan() && after == 0.0) {
                *value = after;
            }
        }
        let reached = end.unwrap_or(row.next);
        if end.is_some() {
            let mut index = 0;
            self.report.occurrences.retain(|occurrence| {
                index += 1;
                index <= already || !is_before(reached, occurrence.time)
            });
        }
        let mut n_written = row.n_written;
        if let Some(kept) = kept {
            while let Some(&t) = task.times.get(n_written).filter(|t| !is_before(reached, **t)) {
                if t == row.next {
                    self.point.copy_from_slice(step.end);
                } else {
                    step.write(t, &mut self.point);
                }
                let point = ArrayView1::from(&self.point);
                kept.slice_mut(ndarray::s![row.number, n_written, ..])
                    .assign(&point);
                n_written += 1;
            }
        }
        if end.is_some() && reached != row.next {
            step.write(reached, &mut self.point);
            self.x[at].copy_from_slice(&self.point);
        }
        self.stages.swap(0, last);
        self.rows[b].n_written = n_written;
        self.rows[b].next = reached;
        end.is_some()
    }
}
