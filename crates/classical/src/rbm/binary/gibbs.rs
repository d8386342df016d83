//! Conditional draws, panel by panel.

use std::cell::RefCell;

use gibbsian_core::simd::{self, LaneRng};
use gibbsian_core::{Blocks, Streams};
use gibbsian_linalg::kernels::{Line, PANEL};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis};
use rand::Rng;
use rayon::prelude::*;

use super::BinaryRbm;
use super::batch::{Form, HiddenBatch, VisibleBatch};
use super::tiled::Products;

impl BinaryRbm {
    /// The weights of all visible units to the hidden units of panel `p`.
    pub(super) fn panel(&self, p: usize) -> &[Line] {
        &self.weights[p * self.panel_lines()..(p + 1) * self.panel_lines()]
    }

    /// The transposed weights, such that the lines listed by a [`HiddenBatch`] are those to visible panel `q`.
    pub(super) fn transposed_panel(&self, q: usize) -> &[Line] {
        &self.transposed[q * PANEL..]
    }
}

impl Products<'_> {
    /// Writes `c + v'W` of every case into the units of `h`.
    pub(super) fn hidden_field(self, v: &VisibleBatch, h: &mut HiddenBatch) {
        h.resize(v.n, self.machine.n_hidden, self.form());
        h.units
            .par_chunks_mut(v.n.max(1))
            .enumerate()
            .for_each(|(p, units)| {
                self.up(v, p)
                    .product_into(&self.machine.hidden_bias[p], 1.0, units)
            });
    }

    /// Draws hidden units given visible ones; the units of `h` become `p(h = 1 | v)`.
    pub(super) fn sample_hidden(self, v: &VisibleBatch, streams: Streams, h: &mut HiddenBatch) {
        h.resize(v.n, self.machine.n_hidden, self.form());
        h.fill(self.machine.panel_lines(), |p, units, masks| {
            self.up(v, p)
                .product_into(&self.machine.hidden_bias[p], 1.0, units);
            let mut rng = LaneRng::new(streams, p);
            let (masks, copies) = masks.split_at_mut(v.n);
            for copy in copies.chunks_mut(v.n) {
                simd::sample_masks(&mut rng, Line::flatten(units), copy);
            }
            simd::sample_masks_with_probabilities(&mut rng, Line::flatten_mut(units), masks);
        });
    }

    /// Draws visible units given hidden ones.
    ///
    /// The buffer of one panel's field is allocated by the thread once and kept.
    pub(super) fn sample_visible(self, h: &HiddenBatch, streams: Streams, v: &mut VisibleBatch) {
        v.resize(h.n, self.machine.n_visible, self.form());
        v.fill(|q, masks| {
            with_lines(h.n, |field| {
                self.down(h, q)
                    .product_into(&self.machine.visible_bias[q], 1.0, field);
                let mut rng = LaneRng::new(streams, q);
                for copy in masks.chunks_mut(h.n) {
                    simd::sample_masks(&mut rng, Line::flatten(field), copy);
                }
            });
        });
    }

    /// One Gibbs sweep `v → h → v`; the probabilities of the hidden units are left in `h`.
    pub(super) fn sweep(self, v: &mut VisibleBatch, h: &mut HiddenBatch, streams: Streams) {
        self.sample_hidden(v, streams.part(0), h);
        self.sample_visible(h, streams.part(1), v);
    }
}

impl BinaryRbm {
    /// `p(v = 1 | h)` for hidden units drawn given the rows of `x`: the grey picture behind a Gibbs chain's next state, `(B, V)`.
    ///
    /// # Panics
    /// When `x` has another number of columns than the machine has visible units.
    pub fn visible_means(&self, x: ArrayView2<f64>, rng: &mut dyn Rng) -> Array2<f64> {
        assert_eq!(x.ncols(), self.n_visible, "columns of x against visible units");
        let (mut v, mut h) = (VisibleBatch::default(), HiddenBatch::default());
        v.read(x, Form::Lists);
        self.by_lists().sample_hidden(&v, Streams::draw(rng), &mut h);
        let mut means = Array2::zeros(x.raw_dim());
        let mut field = vec![Line::ZERO; h.n];
        for (q, mut panel) in means.axis_chunks_iter_mut(Axis(1), PANEL).enumerate() {
            self.by_lists()
                .down(&h, q)
                .product_into(&self.visible_bias[q], 1.0, &mut field);
            simd::sigmoid_f32_in_place(Line::flatten_mut(&mut field));
            for (mut row, line) in panel.rows_mut().into_iter().zip(&field) {
                row.iter_mut()
                    .zip(&line.0)
                    .for_each(|(mean, p)| *mean = f64::from(*p));
            }
        }
        means
    }
}

/// Lends `n` lines of scratch space that the thread keeps.
pub(crate) fn with_lines<R>(n: usize, f: impl FnOnce(&mut [Line]) -> R) -> R {
    thread_local! {
        static LINES: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
    }
    LINES.with_borrow_mut(|lines| {
        if lines.len() < n {
            lines.resize(n, Line::ZERO);
        }
        f(&mut lines[..n])
    })
}

impl Blocks for BinaryRbm {
    /// One: the visible units are redrawn together, through hidden units that are drawn and forgotten.
    fn n_blocks(&self) -> usize {
        1
    }

    fn resample(
        &self,
        mut x: ArrayViewMut2<f64>,
        _block: usize,
        free: Option<ArrayView1<bool>>,
        rng: &mut dyn Rng,
    ) {
        thread_local! {
            static ROOM: RefCell<(VisibleBatch, HiddenBatch)> = RefCell::default();
        }
        // Taken and not borrowed: a thread that waits for others may begin another call.
        let (mut v, mut h) = ROOM.take();
        v.read(x.view(), Form::Lists);
        let clamped = free.map(|free| (free, x.to_owned()));
        self.by_lists().sweep(&mut v, &mut h, Streams::draw(rng));
        v.write(x.view_mut());
        ROOM.set((v, h));
        if let Some((free, old)) = clamped {
            for (i, _) in free.iter().enumerate().filter(|(_, free)| !**free) {
                x.column_mut(i).assign(&old.column(i));
            }
        }
    }
}
