//! What the enumeration shares between its blocks.

use std::f64::consts::LN_2;
use std::ops::Range;

use gibbsian_core::math::softplus;
use ndarray::{Array2, ArrayView1, ArrayView2, s};

use super::scaled::{INNER, LANES, Lanes, PerUnit, Row, Scaled, UNITS};

/// Outer states that are worked on in turn while the inner table of a few units is at hand.
pub(super) const GROUP: usize = 16;
/// Hidden units that tell the outer states of one block apart, at most.
const MIDDLE: usize = 6;

/// The bound of a factor's logarithm up to which it is multiplied.
const STEEPEST: f64 = 300.0;
/// The bound of a product's logarithm up to which its exponent may stay in place; `f64` reaches to 708.
const SAFE: f64 = 600.0;

/// Everything that does not depend on the block.
///
/// The hidden units are the inner ones, then the middle ones, then the outermost ones, whose states number the blocks. The visible
/// units that are multiplied lie in packs of [`UNITS`]; where a pack has fewer, the factor of the others is `1 + 0`.
pub(super) struct Tables {
    /// Hidden units without weights and biases that fill up the inner and middle part of a small machine.
    pub(super) n_added: usize,
    /// `B_i` of every inner state; a pack is an entry.
    pub(super) inner: Vec<[Row; UNITS]>,
    /// `exp(c·h)` of every inner state.
    pub(super) inner_start: Lanes,
    /// The middle part's share of `A_i`: for each group of middle states, for each pack, for each state of the group.
    pub(super) middle: Vec<[PerUnit; GROUP]>,
    /// `exp` of the middle part's share of `c·h + Σ_i x_i`.
    pub(super) middle_start: Vec<Scaled>,
    /// `−b_i − m_i` of every pack.
    pub(super) offset: Vec<PerUnit>,
    /// The outermost units' weights to every pack, in turn.
    pub(super) outermost: Vec<PerUnit>,
    /// `c_j + Σ_i W_ij` of the outermost units, over the multiplied units.
    pub(super) outermost_slope: Vec<f64>,
    /// `Σ_i (b_i + m_i)`.
    pub(super) constant: f64,
    /// Ends of the ranges of packs after which exponents are taken out.
    pub(super) cuts: Vec<usize>,
    /// Bias and weights of each unit that is too steep to be multiplied.
    pub(super) steep: Vec<(f64, Vec<f64>)>,
}

/// A visible unit that is multiplied.
struct Unit {
    /// `b_i + m_i`.
    offset: f64,
    /// `m_i`.
    centre: f64,
    /// `W_i`.
    weights: Vec<f64>,
}

impl Tables {
    /// Sorts the visible units into packs and steep ones and fills the tables.
    pub(super) fn new(
        weights: ArrayView2<f64>,
        visible_bias: ArrayView1<f64>,
        hidden_bias: ArrayView1<f64>,
    ) -> Self {
        let (n_visible, n_given) = weights.dim();
        // The middle part has at least one whole group of states.
        let n_hidden = n_given.max(INNER + GROUP.ilog2() as usize);
        let (middle, outermost) = (INNER, INNER + MIDDLE.min(n_hidden - INNER));
        let mut w = Array2::zeros((n_visible, n_hidden));
        w.slice_mut(s![.., ..n_given]).assign(&weights);
        let mut slope = hidden_bias.to_vec();
        slope.resize(n_hidden, 0.0);
        let inner_start = Lanes::exp(&subset_sums(&slope[..middle]));

        let mut packs: Vec<Vec<Unit>> = Vec::new();
        let (mut cuts, mut steep, mut constant) = (Vec::new(), Vec::new(), 0.0);
        let mut sum_of_bounds = 0.0;
        for (row, bias) in w.rows().into_iter().zip(visible_bias) {
            let row = row.to_vec();
            let (centre, bound) = range_of_log_factor(*bias, &row);
            if !(bound <= STEEPEST && row[middle..].iter().map(|w| w.abs()).sum::<f64>() <= STEEPEST) {
                steep.push((*bias, row));
                continue;
            }
            let full = sum_of_bounds + bound > SAFE;
            if full {
                cuts.push(packs.len());
                sum_of_bounds = 0.0;
            }
            sum_of_bounds += bound;
            if full || packs.last().is_none_or(|pack| pack.len() == UNITS) {
                packs.push(Vec::with_capacity(UNITS));
            }
            constant += bias + centre;
            for (slope, w) in slope.iter_mut().zip(&row) {
                *slope += w;
            }
            if let Some(pack) = packs.last_mut() {
                pack.push(Unit {
                    offset: bias + centre,
                    centre,
                    weights: row,
                });
            }
        }
        cuts.push(packs.len());

        Tables {
            n_added: n_hidden - n_given,
            inner: packs
                .iter()
                .map(|pack| per_unit(pack, Unit::inner_factors, Row([0.0; LANES])))
                .collect(),
            inner_start,
            middle: middle_table(&packs, middle..outermost),
            middle_start: subset_sums(&slope[middle..outermost])
                .into_iter()
                .map(Scaled::exp)
                .collect(),
            offset: packs
                .iter()
                .map(|pack| per_unit(pack, |u| -u.offset, 0.0))
                .collect(),
            outermost: (outermost..n_hidden)
                .flat_map(|j| {
                    packs
                        .iter()
                        .map(move |pack| per_unit(pack, |u| u.weights[j], 0.0))
                })
                .collect(),
            outermost_slope: slope[outermost..].to_vec(),
            constant,
            cuts,
            steep,
        }
    }

    /// The number of states of the outermost units.
    pub(super) fn n_blocks(&self) -> usize {
        1 << self.outermost_slope.len()
    }

    /// Multiplies by the factors of the steep units, for all inner states of one outer state.
    pub(super) fn multiply_by_steep_factors(&self, outer_state: usize, product: &mut Lanes) {
        for (bias, weights) in &self.steep {
            for lane in 0..LANES {
                let field = bias + subset_sum(weights, (outer_state << INNER) + lane);
                product.scale_lane(lane, &Scaled::exp(softplus(field)));
            }
            product.take_out_exponents();
        }
    }
}

impl Unit {
    fn inner_factors(&self) -> Row {
        let sums = subset_sums(&self.weights[..INNER]);
        Row(std::array::from_fn(|state| (sums[state] - self.centre).exp()))
    }
}

/// A property of the units of a pack, with `absent` where the pack has fewer.
fn per_unit<T: Copy>(pack: &[Unit], property: impl Fn(&Unit) -> T, absent: T) -> [T; UNITS] {
    let mut all = [absent; UNITS];
    for (entry, unit) in all.iter_mut().zip(pack) {
        *entry = property(unit);
    }
    all
}

/// [`Tables::middle`].
fn middle_table(packs: &[Vec<Unit>], middle: Range<usize>) -> Vec<[PerUnit; GROUP]> {
    let sums: Vec<Vec<Vec<f64>>> = packs
        .iter()
        .map(|pack| {
            pack.iter()
                .map(|unit| subset_sums(&unit.weights[middle.clone()]))
                .collect()
        })
        .collect();
    let mut table = Vec::new();
    for first in (0..1 << middle.len()).step_by(GROUP) {
        for pack in &sums {
            let mut entry = [[1.0; UNITS]; GROUP];
            for (state, factors) in entry.iter_mut().enumerate() {
                for (factor, sums) in factors.iter_mut().zip(pack) {
                    *factor = (-sums[first + state]).exp();
                }
            }
            table.push(entry);
        }
    }
    table
}

/// Centre and half-width of the range of `log(e^{−x} + e^y)` over all states of the outer (`x`) and inner (`y`) part.
fn range_of_log_factor(bias: f64, weights: &[f64]) -> (f64, f64) {
    let least = |w: &[f64]| w.iter().map(|w| w.min(0.0)).sum::<f64>();
    let most = |w: &[f64]| w.iter().map(|w| w.max(0.0)).sum::<f64>();
    let (inner, outer) = weights.split_at(INNER);
    let low = least(inner).max(-(bias + most(outer)));
    let high = most(inner).max(-(bias + least(outer))) + LN_2;
    (0.5 * (low + high), 0.5 * (high - low))
}

/// `Σ_j values_j h_j`, where the bits of `state` are `h`.
fn subset_sum(values: &[f64], state: usize) -> f64 {
    values
        .iter()
        .enumerate()
        .filter(|(j, _)| state >> j & 1 == 1)
        .map(|(_, v)| v)
        .sum()
}

/// [`subset_sum`] of every state.
fn subset_sums(values: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0];
    for value in values {
        sums.extend_from_within(..);
        let half = sums.len() / 2;
        for sum in &mut sums[half..] {
            *sum += value;
        }
    }
    sums
}
