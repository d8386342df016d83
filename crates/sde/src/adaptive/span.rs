//! The times between which rows are solved.

use gibbsian_core::error::{Error, Result};
use ndarray::Array3;

use crate::grid::TimeGrid;
use crate::time_domain::TimeDomain;

/// From where to where, and what is wanted between.
pub(crate) struct Span<'a> {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) kept: Option<(&'a TimeGrid, &'a mut Array3<f64>)>,
}

impl Span<'_> {
    /// # Errors
    /// Times that are not finite or not different.
    pub(crate) fn new(from: f64, to: f64) -> Result<Self> {
        for (name, time) in [("from", from), ("to", to)] {
            if !time.is_finite() {
                return Err(Error::parameter(name, time, "finite"));
            }
        }
        if from == to {
            return Err(Error::parameter(
                "to",
                to,
                "different from the time from which to solve",
            ));
        }
        Ok(Span { from, to, kept: None })
    }

    /// Requires times of an equation; they are named as whoever gave them knows them, as a grid or as its ends.
    pub(super) fn check_within(&self, domain: TimeDomain) -> Result<()> {
        match &self.kept {
            Some((grid, _)) => domain.check_grid(grid),
            None => domain.check_span(self.from, self.to),
        }
    }
}
