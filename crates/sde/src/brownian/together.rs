//! Blocks of noise side by side.

use ndarray::{ArrayViewMut2, Axis};

use super::{BrownianBlock, BrownianMotion};

/// The motions of neighbouring blocks, for rows that are solved together: the numbers are those of each block alone.
pub(crate) struct Together<'m> {
    blocks: Vec<Box<dyn BrownianBlock + 'm>>,
    rows_per_block: usize,
}

impl<'m> Together<'m> {
    /// The blocks of `rows_per_block` rows, from number `first` on, that `n_rows` rows need.
    pub(crate) fn new(
        motion: &'m dyn BrownianMotion,
        first: usize,
        n_rows: usize,
        rows_per_block: usize,
    ) -> Self {
        let blocks = first..first + n_rows.div_ceil(rows_per_block);
        Together {
            blocks: blocks
                .map(|block| motion.block(block, block * rows_per_block))
                .collect(),
            rows_per_block,
        }
    }

    /// Each block with its rows of two arrays.
    fn each<'a>(
        &'a mut self,
        one: &'a mut ArrayViewMut2<f64>,
        other: &'a mut ArrayViewMut2<f64>,
        mut f: impl FnMut(&mut (dyn BrownianBlock + 'm), ArrayViewMut2<f64>, ArrayViewMut2<f64>),
    ) {
        let ones = one.axis_chunks_iter_mut(Axis(0), self.rows_per_block);
        let others = other.axis_chunks_iter_mut(Axis(0), self.rows_per_block);
        for ((block, one), other) in self.blocks.iter_mut().zip(ones).zip(others) {
            f(block.as_mut(), one, other);
        }
    }
}

impl BrownianBlock for Together<'_> {
    fn increment_into(&mut self, from: f64, to: f64, mut increment: ArrayViewMut2<f64>) {
        let rows = increment.axis_chunks_iter_mut(Axis(0), self.rows_per_block);
        for (block, rows) in self.blocks.iter_mut().zip(rows) {
            block.increment_into(from, to, rows);
        }
    }

    fn increment_and_area_into(
        &mut self,
        from: f64,
        to: f64,
        mut increment: ArrayViewMut2<f64>,
        mut area: ArrayViewMut2<f64>,
    ) {
        self.each(&mut increment, &mut area, |block, increment, area| {
            block.increment_and_area_into(from, to, increment, area);
        });
    }

    fn increment_and_levy_area_into(
        &mut self,
        from: f64,
        to: f64,
        n_terms: usize,
        mut increment: ArrayViewMut2<f64>,
        mut levy: ArrayViewMut2<f64>,
    ) {
        self.each(&mut increment, &mut levy, |block, increment, levy| {
            block.increment_and_levy_area_into(from, to, n_terms, increment, levy);
        });
    }

    fn independent_into(&mut self, mut z: ArrayViewMut2<f64>) {
        let rows = z.axis_chunks_iter_mut(Axis(0), self.rows_per_block);
        for (block, rows) in self.blocks.iter_mut().zip(rows) {
            block.independent_into(rows);
        }
    }
}
