//! A step between its ends.

use crate::tableau::EmbeddedPair;

/// One step of one row.
pub(super) struct Interpolant<'a> {
    pub(super) pair: &'a EmbeddedPair,
    pub(super) from: f64,
    /// The signed size of the step.
    pub(super) size: f64,
    pub(super) start: &'a [f64],
    pub(super) end: &'a [f64],
    /// All stages of the block, each as long as a block of rows.
    pub(super) stages: &'a [Vec<f64>],
    /// Where the row begins in them.
    pub(super) offset: usize,
}

impl Interpolant<'_> {
    /// Writes the point at time `t` into `out`.
    pub(super) fn write(&self, t: f64, out: &mut [f64]) {
        let (h, theta) = (self.size, (t - self.from) / self.size);
        let rest = 1.0 - theta;
        let last = self.pair.n_stages() - 1;
        for (i, out) in out.iter_mut().enumerate() {
            let stage = |s: usize| h * self.stages[s][self.offset + i];
            let delta = self.end[i] - self.start[i];
            let quartic: f64 = self
                .pair
                .dense()
                .iter()
                .enumerate()
                .map(|(s, d)| d * stage(s))
                .sum();
            let at_start = stage(0) - delta;
            let at_end = delta - stage(last) - at_start;
            *out = self.start[i] + theta * (delta + rest * (at_start + theta * (at_end + rest * quartic)));
        }
    }
}
