//! The weights of a deep machine as a matrix unit takes them (see [`crate::rbm::binary::tiled`]).

use gibbsian_linalg::kernels::tiles::{Arithmetic, Digits, TileRows};
use gibbsian_linalg::kernels::{Line, PANEL, transpose};
use rayon::prelude::*;

use super::BinaryDbm;
use super::coupling::Coupling;
use super::mean_field::Dense;
use crate::rbm::binary::batch::Form;
use crate::rbm::binary::tiled::TiledWeights;

/// A machine's weights in tiles, with what a training step needs beside them.
#[derive(Clone, Debug, Default)]
pub(super) struct Tiled {
    /// One a coupling.
    pub(super) couplings: Vec<TiledWeights>,
    /// Room for the cases of the units of a lower layer.
    pub(super) columns: TileRows,
    /// The stamp of the parameters that these are; zero for none.
    stamp: u64,
}

impl Tiled {
    /// The weights of this machine.
    pub(super) fn of(machine: &BinaryDbm, digits: Digits) -> Self {
        let mut tiled = Tiled::default();
        tiled.follow(machine, digits);
        tiled
    }

    /// Takes the weights of this machine, unless they are those it has.
    pub(super) fn follow(&mut self, machine: &BinaryDbm, digits: Digits) {
        if self.stamp == machine.stamp {
            return;
        }
        self.couplings.resize_with(machine.depth(), TiledWeights::default);
        for (tiled, coupling) in self.couplings.iter_mut().zip(&machine.couplings) {
            pack(tiled, coupling, digits);
        }
        self.stamp = machine.stamp;
    }
}

fn pack(tiled: &mut TiledWeights, coupling: &Coupling, digits: Digits) {
    let block = |lines, k| -> &[Line] {
        let lines: &[Line] = lines;
        &lines[k * PANEL..(k + 1) * PANEL]
    };
    tiled.pack(
        (coupling.n_lower, coupling.n_upper),
        digits,
        |p, q| block(coupling.up(p), q),
        |q, p| block(coupling.down(q), p),
    );
}

/// A machine and the way its products are computed.
#[derive(Clone, Copy)]
pub(super) struct Products<'a> {
    pub(super) machine: &'a BinaryDbm,
    pub(super) tiled: Option<&'a Tiled>,
}

impl BinaryDbm {
    /// Products by lists.
    pub(super) fn by_lists(&self) -> Products<'_> {
        Products {
            machine: self,
            tiled: None,
        }
    }

    /// The form of states that this arithmetic wants.
    pub(super) fn form(&self, arithmetic: Arithmetic) -> Form {
        Form::of(arithmetic.uses_tiles(self.iter_sizes().all(|n| n >= PANEL)))
    }
}

impl Products<'_> {
    /// The form of states that these products want.
    pub(super) fn form(self) -> Form {
        Form::of(self.tiled.is_some())
    }
}

/// The means of a layer of `n_units` as rows, a unit a row, and their cases as columns, those of `second` from a new block on.
pub(super) fn columns_into(
    (first, n_first): (&Dense, usize),
    (second, n_second): (&Dense, usize),
    n_units: usize,
    columns: &mut TileRows,
) {
    let n_blocks = n_first.div_ceil(PANEL);
    columns.reset_means(n_units, n_blocks + n_second.div_ceil(PANEL));
    columns.blocks_mut().enumerate().for_each(|(k, mut block)| {
        let (layer, n, k) = if k < n_blocks {
            (first, n_first, k)
        } else {
            (second, n_second, k - n_blocks)
        };
        let cases = k * PANEL..n.min((k + 1) * PANEL);
        let (mut square, mut units) = ([Line::ZERO; PANEL], [Line::ZERO; PANEL]);
        for q in 0..n_units.div_ceil(PANEL) {
            square[..cases.len()].copy_from_slice(&layer.panel(q, n)[cases.clone()]);
            transpose(&square, &mut units);
            block.set_means(q * PANEL, &units[..PANEL.min(n_units - q * PANEL)]);
        }
    });
}
