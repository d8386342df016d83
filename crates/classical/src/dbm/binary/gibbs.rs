//! Gibbs chains over all layers: all odd layers given the even ones, then the even ones given the odd.

use std::cell::RefCell;
use std::ops::Range;

use gibbsian_core::simd::{self, LaneRng, bernoulli_law};
use gibbsian_core::{BlockLaw, Blocks, Space, Streams};
use gibbsian_linalg::kernels::tiles::TilePanel;
use gibbsian_linalg::kernels::{Line, PANEL};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, s};
use rand::Rng;
use rayon::prelude::*;

use super::BinaryDbm;
use super::tiled::Products;
use crate::rbm::binary::batch::{Form, HiddenBatch, Operands, VisibleBatch};
use crate::rbm::binary::gibbs::with_lines;

/// States of all layers for `n` cases.
#[derive(Clone, Debug, Default)]
pub(super) struct Chains {
    pub(super) n: usize,
    pub(super) visible: VisibleBatch,
    /// Hidden layer `l` is number `l − 1`; its units are what its last user left there.
    pub(super) hidden: Vec<HiddenBatch>,
}

impl Chains {
    /// Layer `l` with its weights to a panel of a neighbour, in tiles where both have them.
    fn operands<'a>(&'a self, l: usize, lines: &'a [Line], tiles: Option<&'a TilePanel>) -> Operands<'a> {
        let (rows, lists) = match l.checked_sub(1) {
            None => (self.visible.tiles(), self.visible.rows()),
            Some(k) => (self.hidden[k].tiles(), self.hidden[k].rows()),
        };
        Operands::of(tiles.zip(rows), lines, lists)
    }

    /// Gives all layers this form.
    pub(super) fn set_form(&mut self, form: Form) {
        self.visible.set_form(form);
        self.hidden.iter_mut().for_each(|layer| layer.set_form(form));
    }

    /// Calls `f` with each active unit of layer `l` of a case, and its value.
    pub(super) fn for_each_active(&self, l: usize, case: usize, mut f: impl FnMut(usize, f64)) {
        match l.checked_sub(1) {
            None => self.visible.for_each_active(case, f),
            Some(k) => self.hidden[k].for_each_active(case, |j| f(j, 1.0)),
        }
    }

    /// Takes cases from joint rows of layers of these sizes.
    pub(super) fn read(&mut self, sizes: &[usize], x: ArrayView2<f64>, form: Form) {
        self.read_some(sizes, x, form, |_| true);
    }

    /// Takes these layers from joint rows; the others are to be drawn.
    fn read_some(
        &mut self,
        sizes: &[usize],
        x: ArrayView2<f64>,
        form: Form,
        is_read: impl Fn(usize) -> bool,
    ) {
        self.n = x.nrows();
        self.hidden.resize_with(sizes.len() - 1, HiddenBatch::default);
        for (l, columns) in columns(sizes).filter(|(l, _)| is_read(*l)) {
            let x = x.slice(s![.., columns]);
            match l.checked_sub(1) {
                None => {
                    self.visible.read(x, form);
                }
                Some(k) => self.hidden[k].read(x, form),
            }
        }
    }

    /// Writes the states into joint rows.
    pub(super) fn write(&self, sizes: &[usize], x: ArrayViewMut2<f64>) {
        self.write_some(sizes, x, |_| true);
    }

    /// Writes these layers into joint rows.
    fn write_some(&self, sizes: &[usize], mut x: ArrayViewMut2<f64>, is_written: impl Fn(usize) -> bool) {
        for (l, columns) in columns(sizes).filter(|(l, _)| is_written(*l)) {
            let x = x.slice_mut(s![.., columns]);
            match l.checked_sub(1) {
                None => self.visible.write(x),
                Some(k) => self.hidden[k].write(x),
            }
        }
    }
}

/// The columns of every layer in joint rows.
fn columns(sizes: &[usize]) -> impl Iterator<Item = (usize, Range<usize>)> {
    let mut end = 0;
    sizes.iter().enumerate().map(move |(l, n_units)| {
        end += n_units;
        (l, end - n_units..end)
    })
}

impl Products<'_> {
    /// Writes `start + (field from the neighbours)` for the units of panel `p` of layer `l` of every case.
    pub(super) fn panel_field(self, chains: &Chains, l: usize, p: usize, start: &Line, out: &mut [Line]) {
        let couplings = &self.machine.couplings;
        let tiled = |k: usize| self.tiled.map(|tiled| &tiled.couplings[k]);
        let below = l
            .checked_sub(1)
            .map(|k| chains.operands(k, couplings[k].up(p), tiled(k).map(|t| &t.up[p])));
        let above = couplings
            .get(l)
            .map(|c| chains.operands(l + 1, c.down(p), tiled(l).map(|t| &t.down[p])));
        match (below, above) {
            (Some(below), Some(above)) => {
                below.product_into(start, 1.0, out);
                above.add_product(out);
            }
            (Some(only), None) | (None, Some(only)) => only.product_into(start, 1.0, out),
            (None, None) => unreachable!("a layer has a neighbour"),
        }
    }

    /// Leaves `b + field` of hidden layer `l` in its units.
    pub(super) fn hidden_field(self, chains: &mut Chains, l: usize) {
        let mut layer = std::mem::take(&mut chains.hidden[l - 1]);
        (layer.units.par_chunks_mut(chains.n.max(1)))
            .enumerate()
            .for_each(|(p, units)| self.panel_field(chains, l, p, &self.machine.biases[l][p], units));
        chains.hidden[l - 1] = layer;
    }

    /// Leaves `p(h = 1)` of hidden layer `l` given its neighbours in its units.
    pub(super) fn hidden_probabilities(self, chains: &mut Chains, l: usize) {
        self.hidden_field(chains, l);
        chains.hidden[l - 1]
            .units
            .par_chunks_mut(chains.n.max(1))
            .for_each(|units| simd::sigmoid_f32_in_place(Line::flatten_mut(units)));
    }

    /// Draws layer `l` given its neighbours, each panel from its own stream.
    pub(super) fn draw(self, chains: &mut Chains, l: usize, streams: Streams) {
        let (n, machine) = (chains.n, self.machine);
        if l == 0 {
            let mut layer = std::mem::take(&mut chains.visible);
            layer.resize(n, machine.n_visible(), self.form());
            layer.fill(|q, masks| {
                with_lines(n, |field| {
                    self.panel_field(chains, 0, q, &machine.biases[0][q], field);
                    simd::sample_masks(&mut LaneRng::new(streams, q), Line::flatten(field), masks);
                });
            });
            chains.visible = layer;
            return;
        }
        let mut layer = std::mem::take(&mut chains.hidden[l - 1]);
        layer.resize(n, machine.n_units(l), self.form());
        layer.fill(PANEL, |p, units, masks| {
            self.panel_field(chains, l, p, &machine.biases[l][p], units);
            simd::sample_masks(&mut LaneRng::new(streams, p), Line::flatten(units), masks);
        });
        chains.hidden[l - 1] = layer;
    }

    /// Redraws the odd (block 0) or the even (block 1) layers.
    pub(super) fn redraw(self, chains: &mut Chains, block: usize, streams: Streams) {
        assert!(block < 2, "block {block} of a model with two blocks");
        for l in (0..=self.machine.depth()).filter(|l| l % 2 != block) {
            self.draw(chains, l, streams.part(l as u64));
        }
    }

    /// One sweep over both blocks; the streams are those of Gibbs sampling of a model with two blocks, a key a step and a generator a block.
    pub(super) fn sweep(self, chains: &mut Chains, rng: &mut dyn Rng) {
        let streams = Streams::draw(rng);
        for block in 0..2 {
            self.redraw(chains, block, Streams::draw(&mut streams.block(block)));
        }
    }
}

impl BinaryDbm {
    /// `p(x_l = 1)` of every unit of layer `l` given the neighbours in joint rows, `(B, n_l)`: grey pictures for layer 0.
    ///
    /// # Panics
    /// When there is no such layer, or rows have another number of columns than the machine has units.
    pub fn layer_means(&self, x: ArrayView2<f64>, l: usize) -> Array2<f64> {
        assert_eq!(
            x.ncols(),
            self.joint().dim(),
            "columns of x against units of all layers"
        );
        let mut chains = Chains::default();
        chains.read(&self.sizes(), x, Form::Lists);
        let mut field = vec![Line::ZERO; chains.n];
        let mut means = Array2::zeros((chains.n, self.n_units(l)));
        for (p, mut panel) in means.axis_chunks_iter_mut(ndarray::Axis(1), PANEL).enumerate() {
            self.by_lists()
                .panel_field(&chains, l, p, &self.biases[l][p], &mut field);
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

/// All layers of a [`BinaryDbm`] as one model; rows are `(v, h¹, …, hᴸ)`, as those of [`crate::dbm::Joint`].
#[derive(Clone, Copy, Debug)]
pub struct BinaryJoint<'a> {
    machine: &'a BinaryDbm,
}

impl BinaryDbm {
    /// All layers as one model.
    pub fn joint(&self) -> BinaryJoint<'_> {
        BinaryJoint { machine: self }
    }
}

impl Space for BinaryJoint<'_> {
    fn dim(&self) -> usize {
        self.machine.iter_sizes().sum()
    }
}

/// Hidden units of the rows are on where they are not zero; visible ones may be means.
impl Blocks for BinaryJoint<'_> {
    /// Two: the odd layers (0), then the even ones with the visible layer (1).
    fn n_blocks(&self) -> usize {
        2
    }

    fn resample(
        &self,
        mut x: ArrayViewMut2<f64>,
        block: usize,
        free: Option<ArrayView1<bool>>,
        rng: &mut dyn Rng,
    ) {
        thread_local! {
            static ROOM: RefCell<Chains> = RefCell::default();
        }
        // Taken and not borrowed: a thread that waits for others may begin another call.
        let (mut chains, sizes) = (ROOM.take(), self.machine.sizes());
        chains.read_some(&sizes, x.view(), Form::Lists, |l| l % 2 == block);
        let clamped = free.map(|free| (free, x.to_owned()));
        self.machine
            .by_lists()
            .redraw(&mut chains, block, Streams::draw(rng));
        chains.write_some(&sizes, x.view_mut(), |l| l % 2 != block);
        ROOM.set(chains);
        if let Some((free, old)) = clamped {
            for (i, _) in free.iter().enumerate().filter(|(_, free)| !**free) {
                x.column_mut(i).assign(&old.column(i));
            }
        }
    }
}

impl BlockLaw for BinaryJoint<'_> {
    /// From the probabilities of single precision that the draws use.
    fn block_matrix(&self, block: usize, states: ArrayView2<f64>) -> Array2<f64> {
        assert!(block < 2, "block {block} of a model with two blocks");
        let mut p = Array2::ones((states.nrows(), states.nrows()));
        let mut first = 0;
        for l in 0..=self.machine.depth() {
            let x = states.slice(s![.., first..first + self.machine.n_units(l)]);
            first += self.machine.n_units(l);
            // Probabilities are single-precision numbers, which the round trip through f64 keeps.
            let on = self
                .machine
                .layer_means(states, l)
                .mapv(|mean| bernoulli_law(mean as f32));
            ndarray::Zip::indexed(&mut p).for_each(|(i, j), p| {
                if l % 2 != block {
                    let units = on.row(i).into_iter().zip(x.row(j));
                    *p *= units
                        .map(|(on, x)| if *x == 1.0 { *on } else { 1.0 - on })
                        .product::<f64>();
                } else if x.row(i) != x.row(j) {
                    *p = 0.0;
                }
            });
        }
        p
    }
}
