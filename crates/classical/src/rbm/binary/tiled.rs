//! Weights as a matrix unit takes them, for those who multiply by them many times.
//!
//! A machine itself multiplies by lists of active lines, which is the same bits everywhere. Training and annealing spend nearly all their time in products, and
//! keep a second copy of the weights in tiles where the processor has a matrix unit (see [`gibbsian_linalg::kernels::tiles`]) and the layers fill one.

use std::sync::atomic::{AtomicU64, Ordering};

use gibbsian_linalg::kernels::tiles::{Arithmetic, Digits, TilePanel, TileRows};
use gibbsian_linalg::kernels::{Line, PANEL, panels};
use rayon::prelude::*;

use super::BinaryRbm;
use super::batch::{Form, HiddenBatch, Operands, VisibleBatch};

/// The weights between two layers, in tiles.
#[derive(Clone, Debug, Default)]
pub(crate) struct TiledWeights {
    /// One an upper panel: all lower units to its 64.
    pub(crate) up: Vec<TilePanel>,
    /// One a lower panel: all upper units to its 64.
    pub(crate) down: Vec<TilePanel>,
}

impl TiledWeights {
    /// Takes the weights of both directions: `up(p, q)` and `down(q, p)` are the 64 lines from panel to panel.
    pub(crate) fn pack<'a>(
        &mut self,
        (n_lower, n_upper): (usize, usize),
        digits: Digits,
        up: impl Fn(usize, usize) -> &'a [Line] + Sync,
        down: impl Fn(usize, usize) -> &'a [Line] + Sync,
    ) {
        let (lower, upper) = (panels(n_lower), panels(n_upper));
        self.up.resize_with(upper, TilePanel::default);
        (self.up.par_iter_mut())
            .enumerate()
            .for_each(|(p, panel)| panel.pack(digits, lower, |q| (up(p, q), 1.0)));
        self.pack_down((n_lower, n_upper), digits, down);
    }

    /// Takes the weights downwards only.
    pub(crate) fn pack_down<'a>(
        &mut self,
        (n_lower, n_upper): (usize, usize),
        digits: Digits,
        down: impl Fn(usize, usize) -> &'a [Line] + Sync,
    ) {
        let (lower, upper) = (panels(n_lower), panels(n_upper));
        self.down.resize_with(lower, TilePanel::default);
        (self.down.par_iter_mut())
            .enumerate()
            .for_each(|(q, panel)| panel.pack(digits, upper, |p| (down(q, p), 1.0)));
    }
}

/// Packs one panel of weights, a line a lower unit.
pub(crate) fn pack_up(panel: &mut TilePanel, lines: &[Line], digits: Digits) {
    let blocks = |k| (&lines[k * PANEL..(k + 1) * PANEL], 1.0);
    panel.pack(digits, lines.len() / PANEL, blocks);
}

/// A number that no parameters had before.
pub(crate) fn new_stamp() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// A machine's weights in tiles, with what a training step needs beside them.
#[derive(Clone, Debug, Default)]
pub(super) struct Tiled {
    pub(super) weights: TiledWeights,
    /// Room for the cases in which each visible unit is on.
    pub(super) columns: TileRows,
    /// The stamp of the parameters that these are; zero for none.
    pub(super) stamp: u64,
}

impl Tiled {
    /// The weights of this machine.
    pub(super) fn of(machine: &BinaryRbm, digits: Digits) -> Self {
        let mut tiled = Tiled::default();
        tiled.follow(machine, digits);
        tiled
    }

    /// Takes the weights of this machine, unless they are those it has.
    pub(super) fn follow(&mut self, machine: &BinaryRbm, digits: Digits) {
        if self.stamp != machine.stamp {
            self.weights.pack(
                (machine.n_visible, machine.n_hidden),
                digits,
                |p, q| &machine.panel(p)[q * PANEL..(q + 1) * PANEL],
                |q, p| machine.transposed_block(q, p),
            );
            self.stamp = machine.stamp;
        }
    }
}

/// A machine and the way its products are computed.
#[derive(Clone, Copy)]
pub(super) struct Products<'a> {
    pub(super) machine: &'a BinaryRbm,
    pub(super) tiled: Option<&'a Tiled>,
}

impl BinaryRbm {
    /// Products by lists.
    pub(super) fn by_lists(&self) -> Products<'_> {
        Products {
            machine: self,
            tiled: None,
        }
    }

    /// The form of states that this arithmetic wants.
    pub(super) fn form(&self, arithmetic: Arithmetic) -> Form {
        let fills_tiles = self.n_visible >= PANEL && self.n_hidden >= PANEL;
        Form::of(arithmetic.uses_tiles(fills_tiles))
    }

    /// The transposed weights of hidden panel `p` to visible panel `q`.
    pub(super) fn transposed_block(&self, q: usize, p: usize) -> &[Line] {
        let first = p * self.panel_lines() + q * PANEL;
        &self.transposed[first..first + PANEL]
    }
}

impl<'a> Products<'a> {
    /// The form of states that these products want.
    pub(super) fn form(self) -> Form {
        Form::of(self.tiled.is_some())
    }

    /// The visible states with their weights to hidden panel `p`.
    pub(super) fn up(self, v: &'a VisibleBatch, p: usize) -> Operands<'a> {
        let tiles = self.tiled.map(|tiled| &tiled.weights.up[p]);
        Operands::of(tiles.zip(v.tiles()), self.machine.panel(p), v.rows())
    }

    /// The hidden states with their weights to visible panel `q`.
    pub(super) fn down(self, h: &'a HiddenBatch, q: usize) -> Operands<'a> {
        let tiles = self.tiled.map(|tiled| &tiled.weights.down[q]);
        Operands::of(tiles.zip(h.tiles()), self.machine.transposed_panel(q), h.rows())
    }
}
