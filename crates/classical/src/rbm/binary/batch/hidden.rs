//! Hidden states.

use gibbsian_core::parallel::BLOCK_ROWS;
use gibbsian_core::simd;
use gibbsian_linalg::kernels::tiles::TileRows;
use gibbsian_linalg::kernels::{ActiveLists, Line, PANEL, panels};
use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;

use super::visible::set_rows;
use super::{Form, bits};

/// Hidden states of `n` cases.
#[derive(Clone, Debug, Default)]
pub(crate) struct HiddenBatch {
    pub(crate) n: usize,
    /// Copies of the layer beyond the first.
    more_copies: usize,
    form: Form,
    /// `units[p][b]`: the field, then the probabilities, of the 64 units of panel `p`.
    pub(crate) units: Vec<Line>,
    /// Bit `j` of `masks[p][c][b]`: whether unit `64 p + j` of copy `c` of case `b` was drawn as one.
    masks: Vec<u64>,
    /// Lines of one visible panel of the transposed weights that each case adds up, of all copies; not in the form of tiles.
    rows: ActiveLists,
    /// The same for a matrix unit; in the form of tiles only.
    tiles: TileRows,
}

impl HiddenBatch {
    /// An empty batch of `n_copies` copies of a layer.
    pub(crate) fn of_copies(n_copies: usize) -> Self {
        HiddenBatch {
            more_copies: n_copies - 1,
            ..HiddenBatch::default()
        }
    }

    /// Makes room for `n` cases of `n_units` units, whose products will have this form.
    pub(crate) fn resize(&mut self, n: usize, n_units: usize, form: Form) {
        self.n = n;
        self.form = form;
        self.units.resize(panels(n_units) * n, Line::ZERO);
        self.masks.resize(panels(n_units) * (1 + self.more_copies) * n, 0);
    }

    /// Computes every panel with `draw(p, units, masks)`, one mask a case and copy, in parallel, and notes which units were drawn as one.
    ///
    /// `panel_lines` is the number of lines in one panel of the machine's transposed weights.
    pub(crate) fn fill(&mut self, panel_lines: usize, draw: impl Fn(usize, &mut [Line], &mut [u64]) + Sync) {
        let (n, n_panels) = (self.n, self.n_panels());
        let panels = (self.units.par_chunks_mut(n.max(1)))
            .zip(self.masks.par_chunks_mut(((1 + self.more_copies) * n).max(1)));
        if self.form == Form::Tiles {
            self.tiles.reset_bits(n, n_panels);
            panels
                .zip(self.tiles.blocks_mut())
                .enumerate()
                .for_each(|(p, ((units, masks), mut block))| {
                    draw(p, units, masks);
                    set_rows(&mut block, masks, n);
                });
        } else {
            panels
                .enumerate()
                .for_each(|(p, (units, masks))| draw(p, units, masks));
            self.list(panel_lines);
        }
    }

    fn list(&mut self, panel_lines: usize) {
        let (n, n_copies, n_panels, masks) = (self.n, 1 + self.more_copies, self.n_panels(), &self.masks);
        self.rows.reset(n, n_copies * n_panels * PANEL, false);
        self.rows.fill_groups(BLOCK_ROWS, |block, mut group| {
            let first = block * BLOCK_ROWS;
            for b in first..n.min(first + BLOCK_ROWS) {
                for (p, panel) in masks.chunks(n_copies * n).enumerate() {
                    for mask in panel.iter().skip(b).step_by(n) {
                        group.push_bits(b - first, *mask, (p * panel_lines) as u32);
                    }
                }
            }
        });
    }

    /// Gives the states another form; the lists are of plain units.
    pub(crate) fn set_form(&mut self, form: Form) {
        if form == self.form {
            return;
        }
        self.form = form;
        match form {
            Form::Lists => self.list(PANEL),
            Form::Tiles => {
                let (n, n_panels) = (self.n, self.n_panels());
                self.tiles.reset_bits(n, n_panels);
                self.masks
                    .par_chunks(((1 + self.more_copies) * n).max(1))
                    .zip(self.tiles.blocks_mut())
                    .for_each(|(masks, mut block)| set_rows(&mut block, masks, n));
            }
        }
    }

    /// The lines that each case adds up, or `None` in the form of tiles.
    pub(crate) fn rows(&self) -> Option<&ActiveLists> {
        (self.form == Form::Lists).then_some(&self.rows)
    }

    /// The states as bytes, or `None` in the form of lists.
    pub(crate) fn tiles(&self) -> Option<&TileRows> {
        (self.form == Form::Tiles).then_some(&self.tiles)
    }

    /// Takes cases from rows of zeros and ones, as drawn states whose rows list plain units.
    pub(crate) fn read(&mut self, x: ArrayView2<f64>, form: Form) {
        self.resize(x.nrows(), x.ncols(), form);
        let n = self.n;
        self.fill(PANEL, |p, _, masks| {
            let (masks, copies) = masks.split_at_mut(n);
            bits::pack(x, p * PANEL, masks);
            copies.chunks_mut(n).for_each(|copy| copy.copy_from_slice(masks));
        });
    }

    /// Writes the states that were drawn, those of the first copy, as zeros and ones into the rows of `x`.
    pub(crate) fn write(&self, x: ArrayViewMut2<f64>) {
        bits::unpack(x, |p, b| self.mask(p, b));
    }

    /// The states of the 64 units of panel `p` of a case, in the first copy.
    fn mask(&self, p: usize, case: usize) -> u64 {
        self.masks[p * (1 + self.more_copies) * self.n + case]
    }

    /// Calls `f` with each unit of a case that was drawn as one, in the first copy.
    pub(crate) fn for_each_active(&self, case: usize, mut f: impl FnMut(usize)) {
        for p in 0..self.n_panels() {
            super::for_each_bit(self.mask(p, case), |j| f(p * PANEL + j));
        }
    }

    /// Sets the units to the states that were drawn, as zeros and ones; of a layer without copies.
    pub(crate) fn show_states(&mut self) {
        simd::unpack_masks(&self.masks, Line::flatten_mut(&mut self.units));
    }

    /// The number of panels.
    pub(crate) fn n_panels(&self) -> usize {
        self.units.len() / self.n.max(1)
    }

    /// The 64 units of panel `p` of every case.
    pub(crate) fn panel(&self, p: usize) -> &[Line] {
        &self.units[p * self.n..(p + 1) * self.n]
    }
}
