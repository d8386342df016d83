//! Visible states.

use gibbsian_core::parallel::BLOCK_ROWS;
use gibbsian_core::simd::{Vectorized, vectorized};
use gibbsian_linalg::kernels::tiles::{RowsBlock, TileRows};
use gibbsian_linalg::kernels::{ActiveLists, PANEL, panels, transpose_bits};
use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;

use super::{Form, bits, for_each_bit};

/// Visible states of `n` cases.
#[derive(Clone, Debug, Default)]
pub(crate) struct VisibleBatch {
    pub(crate) n: usize,
    n_units: usize,
    /// Copies of the layer beyond the first.
    more_copies: usize,
    form: Form,
    /// Bit `i` of `masks[q][c][b]`: whether unit `64 q + i` of copy `c` of case `b` is not zero.
    masks: Vec<u64>,
    /// Active units of each case, of all copies; not in the form of tiles.
    rows: ActiveLists,
    /// Cases in which each unit is active, once a copy; not in the form of tiles.
    columns: ActiveLists,
    /// The same as `rows`; in the form of tiles only.
    tiles: TileRows,
    /// Whether active units may have other values than one; never in the form of tiles.
    has_values: bool,
    /// The sums of the units over cases and copies, when they were last counted.
    totals: Vec<f32>,
}

impl VisibleBatch {
    /// An empty batch of `n_copies` copies of a layer.
    pub(crate) fn of_copies(n_copies: usize) -> Self {
        VisibleBatch {
            more_copies: n_copies - 1,
            ..VisibleBatch::default()
        }
    }

    /// Takes cases from rows of zeros, ones and means, the same in all copies; returns whether there are only zeros and ones. Means have the form of lists whatever is asked for.
    pub(crate) fn read(&mut self, x: ArrayView2<f64>, form: Form) -> bool {
        self.resize(x.nrows(), x.ncols(), form);
        let n = self.n;
        let binary = self
            .masks
            .par_chunks_mut(((1 + self.more_copies) * n).max(1))
            .enumerate()
            .map(|(q, masks)| {
                let (masks, copies) = masks.split_at_mut(n);
                let binary = bits::pack(x, q * PANEL, masks);
                copies
                    .chunks_mut(n.max(1))
                    .for_each(|copy| copy.copy_from_slice(masks));
                binary
            })
            .reduce(|| true, |a, b| a && b);
        if !binary {
            self.form = Form::Lists;
        }
        self.index((!binary).then_some(x));
        binary
    }

    /// Makes room for `n` cases of `n_units` units, whose products will have this form.
    pub(crate) fn resize(&mut self, n: usize, n_units: usize, form: Form) {
        self.n = n;
        self.n_units = n_units;
        self.form = form;
        self.masks.resize(panels(n_units) * (1 + self.more_copies) * n, 0);
    }

    /// Gives the states another form, where that is possible.
    pub(crate) fn set_form(&mut self, form: Form) {
        if form != self.form && !self.has_values {
            self.form = form;
            self.index(None);
        }
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// The number of copies of the layer.
    pub(crate) fn n_copies(&self) -> usize {
        1 + self.more_copies
    }

    /// The number of units.
    pub(crate) fn n_units(&self) -> usize {
        self.n_units
    }

    /// The active units of each case, or `None` in the form of tiles.
    pub(crate) fn rows(&self) -> Option<&ActiveLists> {
        (self.form == Form::Lists).then_some(&self.rows)
    }

    /// The cases in which each unit is active, or `None` in the form of tiles.
    pub(crate) fn columns(&self) -> Option<&ActiveLists> {
        (self.form == Form::Lists).then_some(&self.columns)
    }

    /// The states as bytes, or `None` in the form of lists.
    pub(crate) fn tiles(&self) -> Option<&TileRows> {
        (self.form == Form::Tiles).then_some(&self.tiles)
    }

    /// The masks of panel `q`, a copy after the other.
    fn panel(&self, q: usize) -> &[u64] {
        let size = (1 + self.more_copies) * self.n;
        &self.masks[q * size..(q + 1) * size]
    }

    /// Calls `f` with each active unit of a case, and its value; of all copies.
    pub(crate) fn for_each_active(&self, case: usize, mut f: impl FnMut(usize, f64)) {
        if self.has_values {
            let values = self.rows.values(case).expect("values where there are any");
            for (&i, value) in self.rows.indices(case).iter().zip(values) {
                f(i as usize, f64::from(*value));
            }
            return;
        }
        for q in 0..panels(self.n_units) {
            for copy in self.panel(q).chunks(self.n) {
                for_each_bit(copy[case], |i| f(q * PANEL + i, 1.0));
            }
        }
    }

    /// Counts the [totals](VisibleBatch::totals).
    pub(crate) fn count(&mut self) {
        let mut totals = std::mem::take(&mut self.totals);
        totals.resize(panels(self.n_units) * PANEL, 0.0);
        for (q, totals) in totals.chunks_exact_mut(PANEL).enumerate() {
            if self.has_values {
                for (i, total) in totals.iter_mut().enumerate() {
                    *total = self.columns.total(q * PANEL + i);
                }
            } else {
                let (masks, totals) = (self.panel(q), totals.first_chunk_mut().expect("64 units"));
                vectorized(Count { masks, totals });
            }
        }
        self.totals = totals;
    }

    /// The sums of the units over cases and copies.
    pub(crate) fn totals(&self) -> &[f32] {
        &self.totals[..self.n_units]
    }

    /// The mean over cases of the number of units whose states differ from those of as many binary cases.
    pub(crate) fn mean_distance(&self, other: &VisibleBatch) -> f64 {
        let differing = self
            .masks
            .iter()
            .zip(&other.masks)
            .map(|(a, b)| u64::from((a ^ b).count_ones()))
            .sum::<u64>();
        // Where this side is a mean m, the distance to a state is m or 1 − m instead of 1 or 0. A unit is listed once a copy.
        let mut correction = 0.0;
        if self.has_values {
            let n_copies = (1 + self.more_copies) as f64;
            for b in 0..self.n {
                self.for_each_active(b, |i, value| {
                    let copies = other.panel(i / PANEL).iter().skip(b).step_by(self.n);
                    let on: u64 = copies.map(|mask| mask >> (i % PANEL) & 1).sum();
                    let share = on as f64 / n_copies;
                    correction += share * (1.0 - value) + (1.0 - share) * (value - 1.0);
                });
            }
        }
        (differing as f64 + correction) / (self.n * (1 + self.more_copies)) as f64
    }

    /// Takes the states that `draw(q, masks)` writes for each panel `q`, one mask a case and copy, drawn in parallel.
    pub(crate) fn fill(&mut self, draw: impl Fn(usize, &mut [u64]) + Sync) {
        let n = self.n;
        self.has_values = false;
        let masks = self.masks.par_chunks_mut(((1 + self.more_copies) * n).max(1));
        if self.form == Form::Tiles {
            self.tiles.reset_bits(n, panels(self.n_units));
            masks
                .zip(self.tiles.blocks_mut())
                .enumerate()
                .for_each(|(q, (masks, mut block))| {
                    draw(q, masks);
                    set_rows(&mut block, masks, n);
                });
        } else {
            masks.enumerate().for_each(|(q, masks)| draw(q, masks));
            self.index(None);
        }
    }

    /// Derives from `masks` what the form needs, with values where they are not all one.
    fn index(&mut self, values: Option<ArrayView2<f64>>) {
        self.has_values = values.is_some();
        match self.form {
            Form::Lists => self.list(values),
            Form::Tiles => {
                let n = self.n;
                self.tiles.reset_bits(n, panels(self.n_units));
                self.masks
                    .par_chunks(((1 + self.more_copies) * n).max(1))
                    .zip(self.tiles.blocks_mut())
                    .for_each(|(masks, mut block)| set_rows(&mut block, masks, n));
            }
        }
    }

    /// Lists rows and columns of the states in `masks`.
    fn list(&mut self, values: Option<ArrayView2<f64>>) {
        let (n, n_units, n_copies, masks) = (self.n, self.n_units, 1 + self.more_copies, &self.masks);
        let n_panels = panels(n_units);
        self.rows.reset(n, n_copies * n_units, values.is_some());
        self.columns
            .reset(n_panels * PANEL, n_copies * n, values.is_some());
        self.rows.fill_groups(BLOCK_ROWS, |block, mut group| {
            let first = block * BLOCK_ROWS;
            for b in first..n.min(first + BLOCK_ROWS) {
                for (q, panel) in masks.chunks(n_copies * n).enumerate() {
                    for mask in panel.iter().skip(b).step_by(n) {
                        match &values {
                            None => group.push_bits(b - first, *mask, (q * PANEL) as u32),
                            Some(x) => for_each_bit(*mask, |i| {
                                let unit = q * PANEL + i;
                                group.push_value(b - first, unit as u32, x[[b, unit]] as f32);
                            }),
                        }
                    }
                }
            }
        });
        self.columns.fill_groups(PANEL, |q, mut group| {
            let panel = &masks[q * n_copies * n..(q + 1) * n_copies * n];
            for (b, mask) in panel.iter().enumerate().map(|(k, mask)| (k % n, mask)) {
                match &values {
                    None => group.scatter_bits(*mask, b as u32),
                    Some(x) => for_each_bit(*mask, |i| {
                        group.push_value(i, b as u32, x[[b, q * PANEL + i]] as f32);
                    }),
                }
            }
        });
    }

    /// Writes the states of the first copy into the rows of `x`.
    pub(crate) fn write(&self, mut x: ArrayViewMut2<f64>) {
        if !self.has_values {
            return bits::unpack(x, |q, b| self.panel(q)[b]);
        }
        x.fill(0.0);
        for (b, mut row) in x.rows_mut().into_iter().enumerate() {
            self.for_each_active(b, |i, value| row[i] = value);
        }
    }
}

/// Sets the rows of a block to the number of copies in which each unit is on.
pub(super) fn set_rows(block: &mut RowsBlock<'_>, masks: &[u64], n: usize) {
    let (masks, copies) = masks.split_at(n);
    block.set_bits(0, masks);
    copies.chunks(n.max(1)).for_each(|copy| block.add_bits(0, copy));
}

/// The units of two batches as rows and their cases as columns, those of the second batch from a new block on.
pub(crate) fn columns_into(first: &VisibleBatch, second: &VisibleBatch, columns: &mut TileRows) {
    let n_blocks = panels(first.n);
    columns.reset_bits(first.n_units, n_blocks + panels(second.n));
    columns.blocks_mut().enumerate().for_each(|(k, mut block)| {
        let (batch, k) = if k < n_blocks {
            (first, k)
        } else {
            (second, k - n_blocks)
        };
        let cases = k * PANEL..batch.n.min((k + 1) * PANEL);
        for q in 0..panels(batch.n_units) {
            let n_units = PANEL.min(batch.n_units - q * PANEL);
            let mut units = [0; PANEL];
            for (c, copy) in batch.panel(q).chunks(batch.n).enumerate() {
                units.fill(0);
                units[..cases.len()].copy_from_slice(&copy[cases.clone()]);
                transpose_bits(&mut units);
                if c == 0 {
                    block.set_bits(q * PANEL, &units[..n_units]);
                } else {
                    block.add_bits(q * PANEL, &units[..n_units]);
                }
            }
        }
    });
}

/// Adds up each bit of some masks.
struct Count<'a> {
    masks: &'a [u64],
    totals: &'a mut [f32; PANEL],
}

impl Vectorized for Count<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let mut counts = [0_u32; PANEL];
        for mask in self.masks {
            let halves = [*mask as u32, (mask >> 32) as u32];
            for (i, count) in counts.iter_mut().enumerate() {
                *count += halves[i / 32] >> (i % 32) & 1;
            }
        }
        for (total, count) in self.totals.iter_mut().zip(&counts) {
            *total = *count as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, VisibleBatch};

    #[test]
    fn a_mean_is_as_far_from_each_copy_as_its_own_state_says() {
        let (mut means, mut states) = (VisibleBatch::of_copies(2), VisibleBatch::of_copies(2));
        means.read(ndarray::array![[0.3, 0.0], [0.6, 1.0]].view(), Form::Lists);
        states.resize(2, 2, Form::Lists);
        // Copy by copy, and case by case in each.
        states.fill(|_, masks| masks.copy_from_slice(&[0b01, 0b10, 0b10, 0b11]));
        // Of the first case |0.3 − 1| + 0 and 0.3 + 1, of the second 0.6 + 0 and 0.4 + 0, over four.
        assert!((means.mean_distance(&states) - 0.75).abs() < 1e-7);
    }
}
