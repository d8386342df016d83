//! States of the two layers for many cases, in the forms that the kernels want.
//!
//! A visible state is needed by rows (which lines of `W` a case adds up) and by columns (which cases a visible unit is on in, for the
//! gradient). A hidden state is needed by rows, and its probabilities by panels of 64 units. Everything is reused from one minibatch to the next. A
//! batch may be empty.

use gibbsian_core::parallel::BLOCK_ROWS;
use gibbsian_core::simd::{self, Vectorized, vectorized};
use gibbsian_linalg::kernels::{ActiveLists, Line, PANEL, panels};
use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;

/// Visible states of `n` cases.
#[derive(Clone, Debug, Default)]
pub(crate) struct VisibleBatch {
    pub(crate) n: usize,
    n_units: usize,
    /// Bit `i` of `masks[q][b]`: whether unit `64 q + i` of case `b` is not zero.
    masks: Vec<u64>,
    /// Active units of each case.
    pub(crate) rows: ActiveLists,
    /// Cases in which each unit is active.
    pub(crate) columns: ActiveLists,
}

/// Hidden states of `n` cases.
#[derive(Clone, Debug, Default)]
pub(crate) struct HiddenBatch {
    pub(crate) n: usize,
    /// `units[p][b]`: the field, then the probabilities, of the 64 units of panel `p`.
    pub(crate) units: Vec<Line>,
    /// Bit `j` of `masks[p][b]`: whether unit `64 p + j` of case `b` was drawn as one.
    masks: Vec<u64>,
    /// Lines of one visible panel of the transposed weights that each case adds up.
    pub(crate) rows: ActiveLists,
}

impl VisibleBatch {
    /// Takes cases from rows of zeros, ones and means; returns whether there are only zeros and ones.
    pub(crate) fn read(&mut self, x: ArrayView2<f64>) -> bool {
        let standard = x.as_standard_layout();
        let x = standard.as_slice().expect("a standard layout is contiguous");
        let n_units = standard.ncols();
        self.resize(standard.nrows(), n_units);
        let n = self.n;
        let binary = self
            .masks
            .par_chunks_mut(n.max(1))
            .enumerate()
            .map(|(q, masks)| {
                vectorized(NonZero {
                    x,
                    n_units,
                    first: q * PANEL,
                    masks,
                })
            })
            .reduce(|| true, |a, b| a && b);
        self.index(n_units, (!binary).then_some(x));
        binary
    }

    /// Makes room for `n` cases of `n_units` units.
    pub(crate) fn resize(&mut self, n: usize, n_units: usize) {
        self.n = n;
        self.n_units = n_units;
        self.masks.resize(panels(n_units) * n, 0);
    }

    /// The number of units.
    pub(crate) fn n_units(&self) -> usize {
        self.n_units
    }

    /// `Σ_b Σ_i |v_bi − v'_bi|` against as many binary states.
    pub(crate) fn distance(&self, other: &VisibleBatch) -> f64 {
        let differing = self
            .masks
            .iter()
            .zip(&other.masks)
            .map(|(a, b)| (a ^ b).count_ones())
            .sum::<u32>();
        // Where this side is a mean m, the distance to a state is m or 1 − m instead of 0 or 1.
        let mut correction = 0.0;
        for b in 0..self.n {
            let Some(values) = self.rows.values(b) else { break };
            for (&i, &value) in self.rows.indices(b).iter().zip(values) {
                let bit = other.masks[(i as usize / PANEL) * self.n + b] >> (i as usize % PANEL) & 1;
                let distance = if bit == 1 { 1.0 - value } else { value };
                correction += f64::from(distance) - if bit == 1 { 0.0 } else { 1.0 };
            }
        }
        f64::from(differing) + correction
    }

    /// Takes the states that `draw(q, masks)` writes for each panel `q`, one mask a case, drawn in parallel.
    pub(crate) fn fill(&mut self, n_units: usize, draw: impl Fn(usize, &mut [u64]) + Sync) {
        let n = self.n;
        self.masks
            .par_chunks_mut(n.max(1))
            .enumerate()
            .for_each(|(q, masks)| draw(q, masks));
        self.index(n_units, None);
    }

    /// Lists rows and columns of the states in `masks`, with values where they are not all one.
    fn index(&mut self, n_units: usize, values: Option<&[f64]>) {
        let (n, masks) = (self.n, &self.masks);
        let n_panels = panels(n_units);
        self.rows.reset(n, n_units, values.is_some());
        self.columns.reset(n_panels * PANEL, n, values.is_some());
        self.rows.fill_groups(BLOCK_ROWS, |block, mut group| {
            let first = block * BLOCK_ROWS;
            for b in first..n.min(first + BLOCK_ROWS) {
                for q in 0..n_panels {
                    let mask = masks[q * n + b];
                    match values {
                        None => group.push_bits(b - first, mask, (q * PANEL) as u32),
                        Some(x) => for_each_bit(mask, |i| {
                            let unit = q * PANEL + i;
                            group.push_value(b - first, unit as u32, x[b * n_units + unit] as f32);
                        }),
                    }
                }
            }
        });
        self.columns.fill_groups(PANEL, |q, mut group| {
            for b in 0..n {
                let mask = masks[q * n + b];
                match values {
                    None => group.scatter_bits(mask, b as u32),
                    Some(x) => for_each_bit(mask, |i| {
                        group.push_value(i, b as u32, x[b * n_units + q * PANEL + i] as f32);
                    }),
                }
            }
        });
    }

    /// Writes the states as zeros and ones into the rows of `x`.
    pub(crate) fn write(&self, mut x: ArrayViewMut2<f64>) {
        for (b, mut row) in x.rows_mut().into_iter().enumerate() {
            row.fill(0.0);
            for (k, &i) in self.rows.indices(b).iter().enumerate() {
                row[i as usize] = self.rows.values(b).map_or(1.0, |values| f64::from(values[k]));
            }
        }
    }
}

impl HiddenBatch {
    /// Makes room for `n` cases of `n_units` units.
    pub(crate) fn resize(&mut self, n: usize, n_units: usize) {
        self.n = n;
        self.units.resize(panels(n_units) * n, Line::ZERO);
        self.masks.resize(panels(n_units) * n, 0);
    }

    /// Computes every panel with `draw(p, units, masks)` in parallel and lists which units were drawn as one.
    ///
    /// `panel_lines` is the number of lines in one panel of the machine's transposed weights.
    pub(crate) fn fill(&mut self, panel_lines: usize, draw: impl Fn(usize, &mut [Line], &mut [u64]) + Sync) {
        let n = self.n;
        self.units
            .par_chunks_mut(n.max(1))
            .zip(self.masks.par_chunks_mut(n.max(1)))
            .enumerate()
            .for_each(|(p, (units, masks))| draw(p, units, masks));
        let n_panels = self.n_panels();
        let masks = &self.masks;
        self.rows.reset(n, n_panels * PANEL, false);
        self.rows.fill_groups(BLOCK_ROWS, |block, mut group| {
            let first = block * BLOCK_ROWS;
            for b in first..n.min(first + BLOCK_ROWS) {
                for p in 0..n_panels {
                    group.push_bits(b - first, masks[p * n + b], (p * panel_lines) as u32);
                }
            }
        });
    }

    /// Takes cases from rows of zeros and ones, as drawn states whose rows list plain units.
    pub(crate) fn read(&mut self, x: ArrayView2<f64>) {
        self.resize(x.nrows(), x.ncols());
        self.fill(PANEL, |p, _, masks| {
            for (row, mask) in x.rows().into_iter().zip(masks) {
                *mask = 0;
                for (j, x) in row.iter().skip(p * PANEL).take(PANEL).enumerate() {
                    *mask |= u64::from(*x != 0.0) << j;
                }
            }
        });
    }

    /// Writes the states that were drawn as zeros and ones into the rows of `x`.
    pub(crate) fn write(&self, mut x: ArrayViewMut2<f64>) {
        for ((b, j), x) in x.indexed_iter_mut() {
            *x = f64::from((self.masks[j / PANEL * self.n + b] >> (j % PANEL) & 1) as u8);
        }
    }

    /// Sets the units to the states that were drawn, as zeros and ones.
    pub(crate) fn show_states(&mut self) {
        simd::unpack_masks(&self.masks, Line::flatten_mut(&mut self.units));
    }

    /// The number of panels.
    pub(crate) fn n_panels(&self) -> usize {
        self.masks.len() / self.n.max(1)
    }

    /// The 64 units of panel `p` of every case.
    pub(crate) fn panel(&self, p: usize) -> &[Line] {
        &self.units[p * self.n..(p + 1) * self.n]
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

/// Finds which of 64 columns are not zero in each row; returns whether all those are exactly one.
struct NonZero<'a> {
    x: &'a [f64],
    n_units: usize,
    first: usize,
    masks: &'a mut [u64],
}

impl Vectorized for NonZero<'_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let mut binary = true;
        for (row, mask) in self.x.chunks_exact(self.n_units).zip(self.masks) {
            let end = self.n_units.min(self.first + PANEL);
            let row = &row[self.first..end];
            *mask = if let Some(row) = row.first_chunk::<PANEL>() {
                binary &= row.iter().fold(true, |all, x| all & ((*x == 0.0) | (*x == 1.0)));
                non_zero(row)
            } else {
                let mut padded = [0.0; PANEL];
                padded[..row.len()].copy_from_slice(row);
                binary &= row.iter().all(|x| *x == 0.0 || *x == 1.0);
                non_zero(&padded)
            };
        }
        binary
    }
}

#[inline(always)]
fn non_zero(row: &[f64; PANEL]) -> u64 {
    let mut mask = 0;
    for (i, x) in row.iter().enumerate() {
        mask |= u64::from(*x != 0.0) << i;
    }
    mask
}
