//! Gibbs sampling, one unit after the other: `p(s_i = 1 | rest) = σ(b_i + Σ_j w_ij s_j)`.
//!
//! Units are coupled all to all, so no two of them can be redrawn at once. Clamped units are those that `free` does not name; with the visible
//! units clamped the sweep samples the hidden ones given a case, and without it the machine runs free.

use gibbsian_core::math::sigmoid;
use gibbsian_core::parallel::for_each_block;
use gibbsian_core::{BlockLaw, Blocks, Streams};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};
use rand::{Rng, RngExt};

use super::BoltzmannMachine;

impl Blocks for BoltzmannMachine {
    /// The units, one a block.
    fn n_blocks(&self) -> usize {
        self.n_units()
    }

    fn resample(
        &self,
        x: ArrayViewMut2<f64>,
        block: usize,
        free: Option<ArrayView1<bool>>,
        rng: &mut dyn Rng,
    ) {
        let streams = Streams::draw(rng);
        if free.is_some_and(|free| !free[block]) {
            return;
        }
        for_each_block(x, |rows, mut x| {
            let mut rng = streams.block(rows);
            let on = self.field(x.view(), block).mapv(sigmoid);
            for (s, on) in x.column_mut(block).iter_mut().zip(&on) {
                *s = f64::from(rng.random::<f64>() < *on);
            }
        });
    }
}

impl BlockLaw for BoltzmannMachine {
    fn block_matrix(&self, block: usize, states: ArrayView2<f64>) -> Array2<f64> {
        single_unit_matrix(block, states, |states| {
            self.field(states, block).mapv(sigmoid).to_vec()
        })
    }
}

/// The matrix of redrawing one unit that is on with the probabilities `on(states)`.
pub(super) fn single_unit_matrix(
    unit: usize,
    states: ArrayView2<f64>,
    on: impl Fn(ArrayView2<f64>) -> Vec<f64>,
) -> Array2<f64> {
    let on = on(states);
    Array2::from_shape_fn((states.nrows(), states.nrows()), |(i, j)| {
        let (from, to) = (states.row(i), states.row(j));
        let elsewhere = from.iter().zip(to).enumerate();
        if elsewhere.into_iter().any(|(k, (a, b))| k != unit && a != b) {
            0.0
        } else if to[unit] == 1.0 {
            on[i]
        } else {
            1.0 - on[i]
        }
    })
}
