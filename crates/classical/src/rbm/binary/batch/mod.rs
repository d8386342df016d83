//! States of the two layers for many cases, in the forms that the kernels want.
//!
//! A visible state is needed by rows (which lines of `W` a case adds up) and by columns (which cases a visible unit is on in, for the
//! gradient). A hidden state is needed by rows, and its probabilities by panels of 64 units. Everything is reused from one minibatch to the next. A
//! batch may be empty.
//!
//! States are bits, and what the products want is derived from them: lists of active lines, or the bytes of a matrix unit ([`Form`]). A layer may be there
//! in several copies that share their weights, as in the pretraining of a deep machine; a product then counts in how many copies a unit is on.

mod bits;
mod hidden;
mod visible;

use gibbsian_linalg::kernels::tiles::{self, TilePanel, TileRows};
use gibbsian_linalg::kernels::{ActiveLists, Line, gather_range};

use super::gibbs::with_lines;

pub(crate) use hidden::HiddenBatch;
pub(crate) use visible::{VisibleBatch, columns_into};

/// What products are made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// Lists of active units: sums of lines in single precision, the same bits on every processor.
    #[default]
    Lists,
    /// Bytes for a matrix unit.
    Tiles,
}

impl Form {
    /// Tiles or lists.
    pub(crate) fn of(tiles: bool) -> Self {
        if tiles { Form::Tiles } else { Form::Lists }
    }
}

/// One panel of weights with the states that it is multiplied by, in the form that both have.
#[derive(Clone, Copy)]
pub(crate) enum Operands<'a> {
    Lists(&'a [Line], &'a ActiveLists),
    Tiles(&'a TilePanel, &'a TileRows),
}

impl<'a> Operands<'a> {
    /// Tiles where both sides have them, or lines and lists.
    pub(crate) fn of(
        tiles: Option<(&'a TilePanel, &'a TileRows)>,
        lines: &'a [Line],
        lists: Option<&'a ActiveLists>,
    ) -> Self {
        match tiles {
            Some((panel, rows)) => Operands::Tiles(panel, rows),
            None => Operands::Lists(lines, lists.expect("states in lists where there are no tiles")),
        }
    }

    /// Adds `states · weights` to `out`, a line a case.
    pub(crate) fn add_product(self, out: &mut [Line]) {
        match self {
            Operands::Lists(lines, lists) => with_lines(out.len(), |more| {
                gather_range(lines, lists, 0..lists.n_lists(), &Line::ZERO, 1.0, more);
                for (x, y) in Line::flatten_mut(out).iter_mut().zip(Line::flatten(more)) {
                    *x += y;
                }
            }),
            Operands::Tiles(panel, rows) => tiles::add_product(rows, panel, 1.0, out),
        }
    }

    /// Writes `start + scale · states · weights` into `out`, a line a case.
    pub(crate) fn product_into(self, start: &Line, scale: f32, out: &mut [Line]) {
        match self {
            Operands::Lists(lines, lists) => {
                gather_range(lines, lists, 0..lists.n_lists(), start, scale, out)
            }
            Operands::Tiles(panel, rows) => tiles::product(rows, panel, start, scale, out),
        }
    }
}

/// Calls `f` with the position of each bit that is set.
#[inline(always)]
fn for_each_bit(mask: u64, mut f: impl FnMut(usize)) {
    let mut rest = mask;
    while rest != 0 {
        f(rest.trailing_zeros() as usize);
        rest &= rest - 1;
    }
}
