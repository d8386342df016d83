//! Events: times at which a function of a solution changes its sign.

use ndarray::ArrayView1;

use super::dense::Interpolant;

/// What happens at an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Consequence {
    /// It is recorded, and the solution goes on.
    Record,
    /// It is recorded, and the row ends there.
    Stop,
}

/// The changes of sign that count, in the direction of the solution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Crossing {
    /// From below zero to zero or above.
    Rising,
    /// From zero or above to below zero.
    Falling,
    /// Both.
    #[default]
    Any,
}

/// A function `g(x, t)` whose changes of sign are to be found.
///
/// Zero counts as above zero, but for a solution that starts there, which has no sign until it leaves.
///
/// `g` is looked at after every step, so of an even number of changes within one step nothing is seen. A change that is seen is located on the dense solution by bisection down to
/// neighbouring numbers.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    /// `g`, of one row `(D)` and its time.
    pub function: &'a (dyn Fn(ArrayView1<f64>, f64) -> f64 + Sync),
    /// Which changes count.
    pub crossing: Crossing,
    /// What happens then.
    pub consequence: Consequence,
}

impl std::fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Event")
            .field("crossing", &self.crossing)
            .field("consequence", &self.consequence)
            .finish_non_exhaustive()
    }
}

impl<'a> Event<'a> {
    /// Every change of sign, recorded.
    pub fn record(function: &'a (dyn Fn(ArrayView1<f64>, f64) -> f64 + Sync)) -> Self {
        Event {
            function,
            crossing: Crossing::Any,
            consequence: Consequence::Record,
        }
    }

    /// A row ends at its first change of sign.
    pub fn stop(function: &'a (dyn Fn(ArrayView1<f64>, f64) -> f64 + Sync)) -> Self {
        Event {
            consequence: Consequence::Stop,
            ..Event::record(function)
        }
    }

    /// Counts these changes only.
    #[must_use]
    pub fn only(self, crossing: Crossing) -> Self {
        Event { crossing, ..self }
    }

    /// Whether there is one between these values.
    fn happens(&self, before: f64, after: f64) -> bool {
        let rises = before < 0.0 && after >= 0.0;
        let falls = before >= 0.0 && after < 0.0;
        match self.crossing {
            Crossing::Rising => rises,
            Crossing::Falling => falls,
            Crossing::Any => rises || falls,
        }
    }

    /// The value of `g` at the start, which NaN keeps from having a sign.
    pub(super) fn first_value(&self, x: &[f64], t: f64) -> f64 {
        let value = self.value(x, t);
        if value == 0.0 { f64::NAN } else { value }
    }

    /// The value of `g`.
    pub(super) fn value(&self, x: &[f64], t: f64) -> f64 {
        (self.function)(ArrayView1::from(x), t)
    }

    /// The first time within the step, as numbers go, at which the sign is that of the end; `None` where nothing happens.
    pub(super) fn locate(
        &self,
        step: &Interpolant,
        to: f64,
        before: f64,
        after: f64,
        point: &mut [f64],
    ) -> Option<f64> {
        if !self.happens(before, after) {
            return None;
        }
        let (mut early, mut late) = (step.from, to);
        loop {
            let middle = 0.5 * (early + late);
            if middle == early || middle == late {
                break;
            }
            step.write(middle, point);
            let value = self.value(point, middle);
            if self.happens(before, value) {
                late = middle;
            } else {
                early = middle;
            }
        }
        if late == to {
            point.copy_from_slice(step.end);
        } else {
            step.write(late, point);
        }
        Some(late)
    }
}

/// An event that happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Occurrence {
    /// The row.
    pub row: usize,
    /// The number of the event, in the order in which they were given.
    pub event: usize,
    /// The time.
    pub time: f64,
    /// The point `(D)`.
    pub point: ndarray::Array1<f64>,
}
