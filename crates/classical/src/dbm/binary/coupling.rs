//! The weights between two layers, in panels of either side.

use gibbsian_linalg::kernels::{Line, PANEL, panels, transpose};
use rayon::prelude::*;

/// Weights between a lower and an upper layer, and a copy of them for products in the other direction.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Coupling {
    pub(super) n_lower: usize,
    pub(super) n_upper: usize,
    /// `weights[p][i]`: from lower unit `i` to the 64 upper units of panel `p`; rows beyond the last unit are zero.
    pub(super) weights: Vec<Line>,
    /// `transposed[q][j]`: from upper unit `j` to the 64 lower units of panel `q`.
    pub(super) transposed: Vec<Line>,
}

impl Coupling {
    /// No coupling yet.
    pub(super) fn zeros(n_lower: usize, n_upper: usize) -> Self {
        let lines = panels(n_lower) * panels(n_upper) * PANEL;
        Coupling {
            n_lower,
            n_upper,
            weights: vec![Line::ZERO; lines],
            transposed: vec![Line::ZERO; lines],
        }
    }

    /// Sets the weights in row-major order, lower × upper.
    pub(super) fn assign(&mut self, weights: impl Iterator<Item = f32>) {
        let lines = self.lower_lines();
        for (k, w) in weights.enumerate() {
            let (i, j) = (k / self.n_upper, k % self.n_upper);
            self.weights[(j / PANEL) * lines + i].0[j % PANEL] = w;
        }
        self.transpose();
    }

    /// The weights in row-major order.
    pub(super) fn iter(&self) -> impl Iterator<Item = f32> + '_ {
        let lines = self.lower_lines();
        (0..self.n_lower).flat_map(move |i| {
            (0..self.n_upper).map(move |j| self.weights[(j / PANEL) * lines + i].0[j % PANEL])
        })
    }

    /// Lines in a panel of `weights`: one a lower unit, and those that fill the last panel.
    pub(super) fn lower_lines(&self) -> usize {
        panels(self.n_lower) * PANEL
    }

    fn upper_lines(&self) -> usize {
        panels(self.n_upper) * PANEL
    }

    /// From all lower units to the upper units of panel `p`.
    pub(super) fn up(&self, p: usize) -> &[Line] {
        &self.weights[p * self.lower_lines()..(p + 1) * self.lower_lines()]
    }

    /// From all upper units to the lower units of panel `q`.
    pub(super) fn down(&self, q: usize) -> &[Line] {
        &self.transposed[q * self.upper_lines()..(q + 1) * self.upper_lines()]
    }

    /// Brings the copy in step with the weights.
    pub(super) fn transpose(&mut self) {
        let (lower, upper) = (self.lower_lines(), self.upper_lines());
        let weights = &self.weights;
        (self.transposed.par_chunks_mut(upper))
            .enumerate()
            .for_each(|(q, transposed)| {
                let (blocks, _) = transposed.as_chunks_mut::<PANEL>();
                for (p, block) in blocks.iter_mut().enumerate() {
                    let first = p * lower + q * PANEL;
                    let (from, _) = weights[first..first + PANEL].as_chunks::<PANEL>();
                    transpose(&from[0], block);
                }
            });
    }
}
